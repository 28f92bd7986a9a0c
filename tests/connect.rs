//! `connect` and `plugin`: what they write into the configurations of clients, and that they take it out again.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::{Value, json};

use crate::support::{command, program, run_well, stderr, stdout};

/// A user with a home directory of their own and no programs.
struct User {
    home: tempfile::TempDir,
}

impl User {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        Self { home }
    }

    fn path(&self, path: &str) -> PathBuf {
        self.home.path().join(path)
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap()
    }

    /// Runs `connect` on the store `store`.
    fn connect(&self, store: &str, arguments: &[&str]) -> Output {
        let store = self.path(store);
        let mut command = command(&store, &[&["connect"], arguments].concat());
        for name in ["XDG_CONFIG_HOME", "CODEX_HOME", "CLAUDE_CONFIG_DIR"] {
            command.env_remove(name);
        }
        // Programs of the machine that runs the tests must not be asked.
        let command = command
            .env("HOME", self.home.path())
            .env("PATH", self.path("no programs"));
        command.output().unwrap()
    }

    #[track_caller]
    fn connect_well(&self, arguments: &[&str]) -> String {
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
    fn files(&self) -> Vec<String> {
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

const FILES: [(&str, &str, &str); 5] = [
    (
        "gemini",
        ".gemini/settings.json",
        "/mcpServers/memory/command",
    ),
    ("qwen", ".qwen/settings.json", "/mcpServers/memory/command"),
    ("cursor", ".cursor/mcp.json", "/mcpServers/memory/command"),
    (
        "opencode",
        ".config/opencode/opencode.json",
        "/mcp/memory/command/0",
    ),
    ("codex", ".codex/config.toml", "/mcp_servers/memory/command"),
];

#[test]
fn each_client_is_connected_once_and_leaves_nothing_when_it_is_removed() {
    for (client, file, command) in FILES {
        let user = User::new();
        let dry = user.connect_well(&[client, "--print"]);
        assert!(dry.contains("would change"), "{dry}");
        assert_eq!(
            user.files(),
            Vec::<String>::new(),
            "{client}: a dry run changes nothing"
        );
        user.connect_well(&[client]);
        let text = user.read(file);
        let read: Value = match file.ends_with(".toml") {
            true => toml::from_str(&text).unwrap(),
            false => serde_json::from_str(&text).unwrap(),
        };
        assert_eq!(read.pointer(command), Some(&json!(program())), "{text}");
        assert!(text.contains("--data-dir"), "{text}");
        assert!(!text.contains("token"), "{text}");
        let again = user.connect_well(&[client]);
        assert!(again.contains("already"), "{again}");
        assert_eq!(user.files(), [file], "{client}");
        user.connect_well(&[client, "--remove"]);
        assert_eq!(user.files(), Vec::<String>::new(), "{client}");
        assert!(
            user.connect_well(&[client, "--remove"])
                .contains("has no server")
        );
    }
}

#[test]
fn what_a_person_wrote_stays_and_is_kept_beside_it() {
    let user = User::new();
    let text = "# mine\nmodel = \"x\" # good\n\n[mcp_servers.other]\ncommand = \"true\"\n";
    user.write(".codex/config.toml", text);
    let said = user.connect_well(&["codex"]);
    let changed = user.read(".codex/config.toml");
    assert!(changed.starts_with(text), "{changed}");
    let files = user.files();
    let backup = files
        .iter()
        .find(|file| file.contains("before-commonplace"))
        .unwrap();
    assert_eq!(user.read(backup), text);
    assert!(said.contains(backup.as_str()), "{said}");
    user.connect_well(&["codex", "--remove"]);
    assert_eq!(user.read(".codex/config.toml"), text);
}

#[test]
fn a_configuration_with_comments_is_left_alone_and_the_lines_are_shown() {
    let user = User::new();
    let text = "{\n  // mine\n  \"mcpServers\": {}\n}\n";
    user.write(".cursor/mcp.json", text);
    for arguments in [&["cursor"][..], &["cursor", "--remove"]] {
        let output = user.connect("store", arguments);
        assert_eq!(output.status.code(), Some(1));
        let said = stderr(&output);
        assert!(said.contains("was not changed"), "{said}");
        assert!(said.contains("by hand"), "{said}");
    }
    assert!(stderr(&user.connect("store", &["cursor"])).contains("\"mcpServers\""));
    assert_eq!(user.read(".cursor/mcp.json"), text);
    assert_eq!(user.files(), [".cursor/mcp.json"]);
}

#[test]
fn a_server_of_somebody_else_is_replaced_only_when_asked() {
    let user = User::new();
    let text = r#"{"mcpServers": {"memory": {"command": "npx", "args": ["server-memory"]}}}"#;
    user.write(".qwen/settings.json", text);
    for arguments in [&["qwen"][..], &["qwen", "--remove"]] {
        assert_eq!(user.connect("store", arguments).status.code(), Some(1));
        assert_eq!(user.read(".qwen/settings.json"), text);
    }
    user.connect_well(&["qwen", "--replace"]);
    assert!(user.read(".qwen/settings.json").contains("--data-dir"));
    // A bridge of ours for another store needs no question.
    assert!(user.connect("other", &["qwen"]).status.success());
    assert!(user.read(".qwen/settings.json").contains("other"));
}

#[test]
fn the_plugin_is_installed_after_a_yes_and_leaves_nothing_when_it_is_removed() {
    let user = User::new();
    let asked = user.connect("store", &["claude", "--plugin"]);
    assert_eq!(asked.status.code(), Some(1), "nobody said yes");
    assert!(
        stderr(&asked).contains("hook SessionStart"),
        "{}",
        stderr(&asked)
    );
    assert_eq!(user.files(), Vec::<String>::new());
    user.connect_well(&["claude", "--plugin", "--yes"]);
    let hooks = user.read(".claude/skills/commonplace/hooks/hooks.json");
    assert!(hooks.contains("UserPromptSubmit"), "{hooks}");
    // What Claude Code notes when a person switches it off.
    let settings = "{\n  \"model\": \"x\",\n  \"enabledPlugins\": {\n    \"commonplace@skills-dir\": false\n  }\n}\n";
    user.write(".claude/settings.json", settings);
    user.connect_well(&["claude", "--remove"]);
    assert_eq!(
        user.read(".claude/settings.json"),
        "{\n  \"model\": \"x\"\n}\n"
    );
    let files = user.files();
    let others: Vec<&String> = files
        .iter()
        .filter(|file| !file.starts_with(".claude/settings.json"))
        .collect();
    assert_eq!(others, Vec::<&String>::new());
    assert!(!user.path(".claude/skills").exists());
}

#[test]
fn a_plugin_is_written_to_a_new_folder_and_not_over_something_else() {
    let user = User::new();
    let (store, dir) = (user.path("store"), user.path("plugin"));
    let dir_text = dir.display().to_string();
    for _ in 0..2 {
        let said = run_well(&store, &["plugin", &dir_text]);
        assert!(
            said.contains("claude plugin install commonplace --marketplace"),
            "{said}"
        );
    }
    fs::write(dir.join(".claude-plugin/plugin.json"), r#"{"name":"mine"}"#).unwrap();
    let refused = crate::support::run(&store, &["plugin", &dir_text]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        stderr(&refused).contains("no plugin of ours"),
        "{}",
        stderr(&refused)
    );
}
