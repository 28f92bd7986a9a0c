//! The clients that are connected by an entry in their configuration: where it is, and what it says.

mod edit;
mod error;
mod json;
mod toml;

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Value, json};

use self::edit::Format;
pub(crate) use self::error::EditError;
use crate::claude_code::SERVER;
use crate::own_command::OwnCommand;

/// A client with a configuration that other programs may change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Client {
    Codex,
    Gemini,
    OpenCode,
    Qwen,
    Cursor,
    VsCode,
}

/// The directories of this user in which clients keep their configuration.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    pub(crate) home: PathBuf,
    /// The platform's directory of configurations.
    pub(crate) config: PathBuf,
    /// What `XDG_CONFIG_HOME` says, which OpenCode follows on every platform.
    pub(crate) xdg_config: Option<PathBuf>,
    /// What `CODEX_HOME` says.
    pub(crate) codex: Option<PathBuf>,
    /// What `CLAUDE_CONFIG_DIR` says.
    pub(crate) claude: Option<PathBuf>,
}

impl Places {
    /// Reads them from the environment; None if this user has no home directory.
    pub(crate) fn find() -> Option<Self> {
        let dirs = directories::BaseDirs::new()?;
        Some(Self {
            home: dirs.home_dir().to_owned(),
            config: dirs.config_dir().to_owned(),
            xdg_config: dir_variable("XDG_CONFIG_HOME"),
            codex: dir_variable("CODEX_HOME"),
            claude: dir_variable("CLAUDE_CONFIG_DIR"),
        })
    }

    /// The directory of Claude Code's configuration.
    pub(crate) fn claude_dir(&self) -> PathBuf {
        let usual = || self.home.join(".claude");
        self.claude.clone().unwrap_or_else(usual)
    }
}

/// Returns the directory that a variable names, if it names one wholly.
fn dir_variable(name: &str) -> Option<PathBuf> {
    let dir = std::env::var_os(name).map(PathBuf::from);
    dir.filter(|dir| dir.is_absolute())
}

impl Client {
    /// All of them.
    pub(crate) const ALL: [Self; 6] = [
        Self::Codex,
        Self::Gemini,
        Self::OpenCode,
        Self::Qwen,
        Self::Cursor,
        Self::VsCode,
    ];

    /// Its name as people know it.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Codex => "Codex",
            Self::Gemini => "Gemini CLI",
            Self::OpenCode => "OpenCode",
            Self::Qwen => "Qwen Code",
            Self::Cursor => "Cursor",
            Self::VsCode => "Visual Studio Code",
        }
    }

    /// Its name on the command line.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Codex => "codex",
            Self::Gemini => "gemini",
            Self::OpenCode => "opencode",
            Self::Qwen => "qwen",
            Self::Cursor => "cursor",
            Self::VsCode => "vscode",
        }
    }

    /// How a person sees that it is connected.
    pub(crate) fn check(self) -> &'static str {
        match self {
            Self::Codex => "`codex mcp list` shows it",
            Self::Gemini => "`gemini mcp list` shows it, in a folder that Gemini CLI trusts",
            Self::OpenCode => "`opencode mcp list` shows it",
            Self::Qwen => "`qwen mcp list` shows it",
            Self::Cursor => "Cursor's settings list it under MCP",
            Self::VsCode => "the command `MCP: List Servers` shows it",
        }
    }

    /// Its configuration for all projects of a user.
    pub(crate) fn file(self, places: &Places) -> PathBuf {
        let home = &places.home;
        match self {
            Self::Codex => {
                let usual = || home.join(".codex");
                places
                    .codex
                    .clone()
                    .unwrap_or_else(usual)
                    .join("config.toml")
            }
            Self::Gemini => home.join(".gemini").join("settings.json"),
            Self::OpenCode => {
                let usual = || home.join(".config");
                let config = places.xdg_config.clone().unwrap_or_else(usual);
                opencode_file(&config.join("opencode"))
            }
            Self::Qwen => home.join(".qwen").join("settings.json"),
            Self::Cursor => home.join(".cursor").join("mcp.json"),
            Self::VsCode => places.config.join("Code").join("User").join("mcp.json"),
        }
    }

    fn format(self) -> Format {
        match self {
            Self::Codex => Format::Toml,
            _ => Format::Json,
        }
    }

    /// The table that lists the servers.
    fn table(self) -> &'static str {
        match self {
            Self::Codex => "mcp_servers",
            Self::OpenCode => "mcp",
            Self::VsCode => "servers",
            Self::Gemini | Self::Qwen | Self::Cursor => "mcpServers",
        }
    }

    /// The entry that starts a bridge. It has no token: the bridge reads it where it is.
    fn entry(self, own: &OwnCommand) -> Value {
        let (program, arguments) = (&own.program, own.arguments(&["mcp"]));
        match self {
            Self::OpenCode => {
                json!({ "type": "local", "command": own.words(&["mcp"]), "enabled": true })
            }
            Self::VsCode => json!({ "type": "stdio", "command": program, "args": arguments }),
            _ => json!({ "command": program, "args": arguments }),
        }
    }

    /// The lines by which a person connects it.
    pub(crate) fn lines(self, own: &OwnCommand) -> String {
        let lines = self
            .format()
            .set("", self.table(), SERVER, &self.entry(own));
        lines.expect("an empty configuration takes every entry")
    }

    /// What its configuration says of our server.
    ///
    /// # Errors
    /// [`EditError`] if it cannot be read.
    pub(crate) fn state(self, text: &str, own: &OwnCommand) -> Result<Entry, EditError> {
        let found = self.format().get(text, self.table(), SERVER)?;
        Ok(found.map_or(Entry::None, |found| judged(&found, own)))
    }

    /// The store that the entry in its configuration names; None if there is none.
    pub(crate) fn store(self, text: &str) -> Option<String> {
        let found = self.format().get(text, self.table(), SERVER).ok()?;
        store_of(&found?)
    }

    /// Says whether it puts variables of the environment in the place of `$NAME`, with no way to write a plain `$`.
    pub(crate) fn replaces_variables(self) -> bool {
        matches!(self, Self::Gemini | Self::Qwen)
    }

    /// Adds the entry, or puts it in the place of the one that is there. In one of ours, what a person has added stays, and
    /// so does the switch.
    pub(crate) fn with_entry(self, text: &str, own: &OwnCommand) -> Result<String, EditError> {
        let (format, table, entry) = (self.format(), self.table(), self.entry(own));
        let state = self.state(text, own)?;
        match entry {
            Value::Object(mut members) if !matches!(state, Entry::None | Entry::Foreign) => {
                members.remove("enabled");
                format.update(text, table, SERVER, &members)
            }
            entry => format.set(text, table, SERVER, &entry),
        }
    }

    /// Takes the entry out.
    pub(crate) fn without_entry(self, text: &str) -> Result<String, EditError> {
        self.format().remove(text, self.table(), SERVER)
    }

    /// Says whether a configuration says nothing, as if there were none.
    pub(crate) fn is_empty(self, text: &str) -> bool {
        let bare: String = text.split_whitespace().collect();
        bare.is_empty() || (self.format() == Format::Json && bare == "{}")
    }
}

/// Takes the name of a plugin out of the settings of Claude Code, whether it is switched on or off there.
///
/// # Errors
/// [`EditError`] if they cannot be read.
pub(crate) fn without_plugin(settings: &str, id: &str) -> Result<String, EditError> {
    Format::Json.remove(settings, "enabledPlugins", id)
}

/// Reads the server `memory` of a configuration of Claude Code; None if there is none.
///
/// # Errors
/// [`EditError`] if it cannot be read.
pub(crate) fn server(text: &str) -> Result<Option<Value>, EditError> {
    Format::Json.get(text, "mcpServers", SERVER)
}

/// Says whether the settings of Claude Code switch a plugin off. What cannot be read switches nothing off.
pub(crate) fn is_switched_off(settings: &str, id: &str) -> bool {
    let switch = Format::Json.get(settings, "enabledPlugins", id);
    switch.is_ok_and(|switch| switch == Some(Value::Bool(false)))
}

/// What a configuration says of the server `memory`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entry {
    /// Nothing.
    None,
    /// It starts what we would write; a person may have added to it.
    Same,
    /// The same, but it is switched off.
    SwitchedOff,
    /// A bridge of ours for another store.
    OtherStore,
    /// A bridge for this store, of a program of ours at another place.
    OtherProgram,
    /// A server of somebody else.
    Foreign,
}

/// OpenCode reads both files; a person who keeps comments has the second one.
fn opencode_file(dir: &Path) -> PathBuf {
    let (plain, commented) = (dir.join("opencode.json"), dir.join("opencode.jsonc"));
    if commented.exists() && !plain.exists() {
        commented
    } else {
        plain
    }
}

/// What an entry starts, and whether it is switched on.
#[derive(Deserialize)]
struct Started {
    command: Words,
    #[serde(default)]
    args: Vec<String>,
    #[serde(default = "yes")]
    enabled: bool,
    #[serde(default)]
    disabled: bool,
}

fn yes() -> bool {
    true
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Words {
    One(String),
    Many(Vec<String>),
}

impl Started {
    /// The program and its arguments.
    fn words(self) -> Vec<String> {
        let mut words = match self.command {
            Words::One(program) => vec![program],
            Words::Many(words) => words,
        };
        words.extend(self.args);
        words
    }
}

/// Judges an entry by what it starts. A bridge of ours names its store, wherever the program and the store are.
pub(crate) fn judged(entry: &Value, own: &OwnCommand) -> Entry {
    let Ok(started) = Started::deserialize(entry) else {
        return Entry::Foreign;
    };
    let is_on = started.enabled && !started.disabled;
    let words = started.words();
    let names_store = words.iter().any(|word| word == "--data-dir");
    if !names_store || words.last().is_none_or(|last| last != "mcp") {
        return Entry::Foreign;
    }
    let wanted = own.words(&["mcp"]);
    match words == wanted {
        true if is_on => Entry::Same,
        true => Entry::SwitchedOff,
        false if words[1..] == wanted[1..] => Entry::OtherProgram,
        false => Entry::OtherStore,
    }
}

/// The store that a bridge names, or the command that gets a token; None if there is none.
pub(crate) fn store_of(entry: &Value) -> Option<String> {
    const OPTION: &str = "--data-dir";
    if let Some(helper) = token_command(entry) {
        let (_, store) = helper.split_once(OPTION)?;
        let store = store.trim_end_matches(" token --header").trim();
        return Some(store.trim_matches(['\'', '"']).to_owned());
    }
    let words = Started::deserialize(entry).ok()?.words();
    let place = words.iter().position(|word| word == OPTION)?;
    words.into_iter().nth(place + 1)
}

/// The command by which an entry over HTTP gets its token; None if it has none.
pub(crate) fn token_command(entry: &Value) -> Option<String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct OverHttp {
        headers_helper: String,
    }
    let entry = OverHttp::deserialize(entry).ok();
    entry.map(|entry| entry.headers_helper)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(store: &str) -> OwnCommand {
        OwnCommand {
            program: "/opt/my programs/commonplace".to_owned(),
            options: vec!["--data-dir".to_owned(), store.to_owned()],
        }
    }

    #[test]
    fn what_is_added_is_there_once_and_can_be_taken_out_again() {
        for client in Client::ALL {
            let own = own("/x");
            let state = |text: &str| client.state(text, &own).unwrap();
            assert_eq!(state(""), Entry::None, "{client:?}");
            let text = client.with_entry("", &own).unwrap();
            assert_eq!(state(&text), Entry::Same, "{client:?}: {text}");
            assert_eq!(client.with_entry(&text, &own).unwrap(), text, "{client:?}");
            let gone = client.without_entry(&text).unwrap();
            assert!(client.is_empty(&gone), "{client:?}: {gone}");
        }
    }

    #[test]
    fn a_bridge_for_another_store_is_told_from_a_server_of_somebody_else() {
        for client in Client::ALL {
            let text = client.with_entry("", &own("/other")).unwrap();
            assert_eq!(client.state(&text, &own("/x")).unwrap(), Entry::OtherStore);
            let text = text.replace("/opt", "/usr");
            let state = client.state(&text, &own("/other")).unwrap();
            assert_eq!(state, Entry::OtherProgram);
        }
        let foreign = r#"{"mcpServers":{"memory":{"command":"npx","args":["-y","@modelcontextprotocol/server-memory"]}}}"#;
        assert_eq!(
            Client::Gemini.state(foreign, &own("/x")).unwrap(),
            Entry::Foreign
        );
        let remote = r#"{"mcpServers":{"memory":{"url":"https://example.org/mcp"}}}"#;
        assert_eq!(
            Client::Cursor.state(remote, &own("/x")).unwrap(),
            Entry::Foreign
        );
    }

    #[test]
    fn what_a_person_added_to_the_entry_does_not_make_it_another_one_but_a_switch_does() {
        let own = own("/x");
        let words =
            r#""command": "/opt/my programs/commonplace", "args": ["--data-dir", "/x", "mcp"]"#;
        let state = |more: &str| {
            let text = format!(r#"{{"mcpServers": {{"memory": {{{words}{more}}}}}}}"#);
            Client::Gemini.state(&text, &own).unwrap()
        };
        assert_eq!(state(r#", "trust": true, "timeout": 5"#), Entry::Same);
        assert_eq!(state(r#", "disabled": true"#), Entry::SwitchedOff);
        assert_eq!(state(r#", "enabled": false"#), Entry::SwitchedOff);
    }

    #[test]
    fn what_a_person_added_to_our_entry_stays_when_the_store_or_the_program_changes() {
        let added = [
            (
                Client::Qwen,
                r#""args""#,
                r#""trust": true, "timeout": 9000, "args""#,
            ),
            (
                Client::OpenCode,
                r#""enabled": true"#,
                r#""enabled": false, "timeout": 5"#,
            ),
            (
                Client::Codex,
                "args =",
                "startup_timeout_sec = 30 # slow\nargs =",
            ),
        ];
        for (client, place, more) in added {
            for (store, program) in [("/other", "/opt"), ("/x", "/usr")] {
                let wanted = client.with_entry("", &own("/x")).unwrap();
                let wanted = wanted.replace(place, more);
                let old = wanted.replace("\"/x\"", &format!("\"{store}\""));
                let old = old.replace("/opt", program);
                assert_ne!(old, wanted);
                assert_eq!(client.with_entry(&old, &own("/x")).unwrap(), wanted);
            }
        }
        let foreign = r#"{"mcpServers":{"memory":{"command":"npx","trust":true}}}"#;
        let replaced = Client::Qwen.with_entry(foreign, &own("/x")).unwrap();
        assert!(!replaced.contains("trust"), "{replaced}");
    }

    #[test]
    fn the_lines_to_add_by_hand_are_what_each_client_reads() {
        assert_eq!(
            Client::Codex.lines(&own("/x")),
            "[mcp_servers.memory]\ncommand = \"/opt/my programs/commonplace\"\nargs = [\"--data-dir\", \"/x\", \"mcp\"]\n"
        );
        let lines = Client::OpenCode.lines(&own("/x"));
        let read: Value = serde_json::from_str(&lines).unwrap();
        let command = json!(["/opt/my programs/commonplace", "--data-dir", "/x", "mcp"]);
        let entry = json!({ "type": "local", "command": command, "enabled": true });
        assert_eq!(read, json!({ "mcp": { "memory": entry } }));
    }

    #[test]
    fn each_client_is_looked_for_where_it_keeps_its_configuration() {
        let dir = tempfile::tempdir().unwrap();
        let mut places = Places {
            home: PathBuf::from("/h"),
            config: PathBuf::from("/c"),
            xdg_config: None,
            codex: None,
            claude: None,
        };
        assert_eq!(
            Client::Codex.file(&places),
            Path::new("/h/.codex/config.toml")
        );
        assert_eq!(
            Client::VsCode.file(&places),
            Path::new("/c/Code/User/mcp.json")
        );
        assert_eq!(
            Client::OpenCode.file(&places),
            Path::new("/h/.config/opencode/opencode.json")
        );
        (places.codex, places.xdg_config) = (Some("/k".into()), Some(dir.path().to_owned()));
        assert_eq!(Client::Codex.file(&places), Path::new("/k/config.toml"));
        let opencode = dir.path().join("opencode");
        std::fs::create_dir(&opencode).unwrap();
        std::fs::write(opencode.join("opencode.jsonc"), "{}").unwrap();
        assert_eq!(
            Client::OpenCode.file(&places),
            opencode.join("opencode.jsonc")
        );
    }
}
