//! What the configurations of MCP clients say of this program: where they are, which entries are ours, and how a text in one
//! is replaced. Nothing here knows what is wrong with an entry.

pub(crate) mod change;
pub(crate) mod entry;
pub(crate) mod lenient;

use std::path::{Path, PathBuf};

use lenient::Format;

/// Projects of Claude Code whose own files are looked at.
const PROJECTS_MAX: usize = 200;

/// The directories of this user in which clients keep their configuration.
#[derive(Debug, Clone, Default)]
pub(crate) struct Places {
    pub(crate) home: PathBuf,
    /// The platform's directory of configurations.
    pub(crate) config: PathBuf,
    /// What `XDG_CONFIG_HOME` says, which OpenCode follows on every platform.
    pub(crate) xdg_config: Option<PathBuf>,
    /// What `CLAUDE_CONFIG_DIR` says.
    pub(crate) claude: Option<PathBuf>,
    /// What `CODEX_HOME` says.
    pub(crate) codex: Option<PathBuf>,
    /// The folder that the command runs in.
    pub(crate) folder: Option<PathBuf>,
}

impl Places {
    /// Reads them from the environment; None if this user has no home directory.
    pub(crate) fn find() -> Option<Self> {
        let dirs = directories::BaseDirs::new()?;
        let variable = |name| {
            let dir = std::env::var_os(name).map(PathBuf::from);
            dir.filter(|dir| dir.is_absolute())
        };
        Some(Self {
            home: dirs.home_dir().to_owned(),
            config: dirs.config_dir().to_owned(),
            xdg_config: variable("XDG_CONFIG_HOME"),
            claude: variable("CLAUDE_CONFIG_DIR"),
            codex: variable("CODEX_HOME"),
            folder: std::env::current_dir().ok(),
        })
    }

    /// Where Claude Code keeps its servers.
    pub(crate) fn claude_servers(&self) -> PathBuf {
        self.claude
            .as_ref()
            .unwrap_or(&self.home)
            .join(".claude.json")
    }

    /// Where Claude Code keeps its settings.
    pub(crate) fn claude_settings(&self) -> PathBuf {
        let usual = || self.home.join(".claude");
        self.claude
            .clone()
            .unwrap_or_else(usual)
            .join("settings.json")
    }
}

/// A configuration of a client, which need not be there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ClientFile {
    /// The client's name as people know it.
    pub(crate) client: &'static str,
    pub(crate) path: PathBuf,
    /// Whether it lies in a project, so that others may share it.
    pub(crate) is_shared: bool,
}

impl ClientFile {
    fn own(client: &'static str, path: PathBuf) -> Self {
        Self {
            client,
            path,
            is_shared: false,
        }
    }

    pub(crate) fn format(&self) -> Format {
        match self.path.extension() {
            Some(end) if end == "toml" => Format::Toml,
            _ => Format::Json,
        }
    }
}

/// The name of the client that `connect` knows a command for.
pub(crate) const CLAUDE: &str = "Claude Code";

/// The configurations of a user. `projects` are folders that Claude Code has worked in.
pub(crate) fn files(places: &Places, projects: &[PathBuf]) -> Vec<ClientFile> {
    let home = &places.home;
    let codex = places.codex.clone().unwrap_or_else(|| home.join(".codex"));
    let config = places.xdg_config.clone();
    let opencode = config
        .unwrap_or_else(|| home.join(".config"))
        .join("opencode");
    let mut files = vec![
        ClientFile::own(CLAUDE, places.claude_servers()),
        ClientFile::own("Codex", codex.join("config.toml")),
        ClientFile::own("Gemini CLI", home.join(".gemini/settings.json")),
        ClientFile::own("Qwen Code", home.join(".qwen/settings.json")),
        ClientFile::own("OpenCode", opencode.join("opencode.json")),
        ClientFile::own("OpenCode", opencode.join("opencode.jsonc")),
        ClientFile::own("Cursor", home.join(".cursor/mcp.json")),
        ClientFile::own(
            "Visual Studio Code",
            places.config.join("Code/User/mcp.json"),
        ),
    ];
    let around = places.folder.iter().flat_map(|folder| folder.ancestors());
    let projects = projects.iter().take(PROJECTS_MAX).map(PathBuf::as_path);
    for folder in around.chain(projects) {
        let path = folder.join(".mcp.json");
        if files.iter().all(|file| file.path != path) {
            files.push(ClientFile {
                client: CLAUDE,
                path,
                is_shared: true,
            });
        }
    }
    files
}

/// The folders that Claude Code has worked in, as its configuration lists them.
pub(crate) fn projects(claude_servers: &str) -> Vec<PathBuf> {
    #[derive(serde::Deserialize)]
    struct Listed {
        #[serde(default)]
        projects: std::collections::BTreeMap<String, serde::de::IgnoredAny>,
    }
    let listed: Option<Listed> = serde_json::from_str(claude_servers).ok();
    let names = listed.map(|listed| listed.projects).unwrap_or_default();
    let folders = names.into_keys().map(PathBuf::from);
    folders.filter(|folder| folder.is_absolute()).collect()
}

/// Says whether two paths lead to the same directory; one that is not there is compared as it is written.
pub(crate) fn is_same_dir(one: &Path, other: &Path) -> bool {
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    real(one) == real(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_client_is_looked_for_where_it_keeps_its_configuration() {
        let places = Places {
            home: "/h".into(),
            config: "/c".into(),
            folder: Some("/code/api".into()),
            ..Places::default()
        };
        let of = |places: &Places| -> Vec<String> {
            let files = files(places, &["/code/web".into(), "/code/api".into()]);
            files
                .iter()
                .map(|file| file.path.display().to_string().replace('\\', "/"))
                .collect()
        };
        let found = of(&places);
        for wanted in [
            "/h/.claude.json",
            "/h/.codex/config.toml",
            "/h/.gemini/settings.json",
            "/h/.qwen/settings.json",
            "/h/.config/opencode/opencode.json",
            "/h/.cursor/mcp.json",
            "/c/Code/User/mcp.json",
            "/code/api/.mcp.json",
            "/code/.mcp.json",
            "/code/web/.mcp.json",
        ] {
            let times = found.iter().filter(|found| *found == wanted).count();
            assert_eq!(times, 1, "{wanted}: {found:?}");
        }
        let moved = Places {
            claude: Some("/claude".into()),
            codex: Some("/codex".into()),
            xdg_config: Some("/xdg".into()),
            ..places
        };
        let found = of(&moved);
        for wanted in [
            "/claude/.claude.json",
            "/codex/config.toml",
            "/xdg/opencode/opencode.json",
        ] {
            assert!(found.iter().any(|found| found == wanted), "{found:?}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn the_projects_of_claude_code_are_read_from_its_configuration() {
        let text = r#"{"numStartups": 3, "projects": {"/code/web": {"history": []}, "none": {}}}"#;
        assert_eq!(projects(text), [PathBuf::from("/code/web")]);
        assert!(projects("no JSON").is_empty());
    }
}
