//! A user with a home directory of their own, in which clients are connected.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use commonplace_api::connections::{Connection, Connections};
use serde_json::{Value, json};

use crate::support::{Host, command, program, stderr, stdout};

/// A user with a home directory of their own and no programs.
pub(super) struct User {
    home: tempfile::TempDir,
}

impl User {
    pub(super) fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        Self { home }
    }

    pub(super) fn path(&self, path: &str) -> PathBuf {
        self.home.path().join(path)
    }

    pub(super) fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(super) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap()
    }

    /// A command on the store `store`, as this user runs it.
    pub(super) fn command(&self, store: &str, arguments: &[&str]) -> Command {
        let mut command = command(&self.path(store), arguments);
        for name in ["XDG_CONFIG_HOME", "CODEX_HOME", "CLAUDE_CONFIG_DIR"] {
            command.env_remove(name);
        }
        // Programs of the machine that runs the tests must not be asked.
        command
            .env("HOME", self.home.path())
            .env("PATH", self.path("no programs"));
        command
    }

    /// Runs `connect` on the store `store`.
    pub(super) fn connect(&self, store: &str, arguments: &[&str]) -> Output {
        let arguments = [&["connect"], arguments].concat();
        self.command(store, &arguments).output().unwrap()
    }

    /// A host of the store `store` that this user has started.
    pub(super) fn host(&self, store: &str) -> Host {
        let store_dir = self.path(store);
        fs::create_dir_all(&store_dir).unwrap();
        let serve = self.command(store, &["serve", "--port", "0"]);
        Host::start_command(&store_dir, serve)
    }

    /// What `connect` without a client says of one.
    pub(super) fn listed(&self, client: &str) -> Connection {
        let said = self.connect_well(&["--list", "--json"]);
        let all: Connections = serde_json::from_str(&said).unwrap();
        let mut all = all.clients.into_iter();
        all.find(|one| one.client == client).unwrap()
    }

    /// What an entry starts, as this user's program writes it for a store.
    pub(super) fn words(&self, store: &str) -> (PathBuf, Value) {
        let store = self.path(store).display().to_string();
        (program(), json!(["--data-dir", store, "mcp"]))
    }

    /// Writes the configuration of Claude Code with one server.
    pub(super) fn claude_has(&self, entry: &Value) {
        let servers = json!({ "mcpServers": { "memory": entry } });
        self.write(".claude.json", &servers.to_string());
    }

    /// Installs what stands in for Claude Code: it keeps one server of the user, in the file in which Claude Code does.
    pub(super) fn installs_claude(&self) {
        let path = ".local/bin/claude";
        self.write(path, CLAUDE);
        fs::set_permissions(self.path(path), PermissionsExt::from_mode(0o755)).unwrap();
    }

    /// The server `memory` of the user in the configuration of Claude Code.
    pub(super) fn claude_server(&self) -> Value {
        let read: Value = serde_json::from_str(&self.read(".claude.json")).unwrap();
        read["mcpServers"]["memory"].clone()
    }

    /// Runs `connect`, which is refused, and returns why.
    #[track_caller]
    pub(super) fn refused(&self, store: &str, arguments: &[&str]) -> String {
        let output = self.connect(store, arguments);
        assert_eq!(output.status.code(), Some(1), "{}", stdout(&output));
        stderr(&output)
    }

    #[track_caller]
    pub(super) fn connect_well(&self, arguments: &[&str]) -> String {
        let output = self.connect("store", arguments);
        assert!(
            output.status.success(),
            "{}{}",
            stdout(&output),
            stderr(&output)
        );
        stdout(&output)
    }

    /// The files below the home directory, by their paths.
    pub(super) fn files(&self) -> Vec<String> {
        fn below(dir: &Path, found: &mut Vec<PathBuf>) {
            for entry in fs::read_dir(dir).unwrap() {
                let path = entry.unwrap().path();
                match path.is_dir() {
                    true => below(&path, found),
                    false => found.push(path),
                }
            }
        }
        let mut found = Vec::new();
        below(self.home.path(), &mut found);
        let name = |path: &PathBuf| {
            let path = path.strip_prefix(self.home.path()).unwrap();
            path.display().to_string()
        };
        let mut names: Vec<String> = found.iter().map(name).collect();
        names.sort();
        names
    }
}

const CLAUDE: &str = r#"#!/bin/sh
E="$HOME/.claude.json"
PATH=/usr/bin:/bin
has() { grep -q '^{"mcpServers"' "$E" 2>/dev/null; }
case "$2" in
 add) has && exit 1
  shift 6; program=$1; shift; words=
  for word; do words="$words,\"$word\""; done
  printf '{"mcpServers":{"memory":{"type":"stdio","command":"%s","args":[%s],"env":{}}}}' "$program" "${words#,}" > "$E";;
 add-json) has && exit 1
  printf '{"mcpServers":{"memory":%s}}' "$6" > "$E";;
 remove) has || { echo 'No MCP server named "memory" in user scope' >&2; exit 1; }
  rm "$E";;
esac
"#;
