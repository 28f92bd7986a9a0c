//! What the configurations of MCP clients say of this program: where they are, which entries are ours, and how a text in one
//! is replaced. Nothing here knows what is wrong with an entry.

pub(crate) mod change;
pub(crate) mod entry;
pub(crate) mod lenient;

use std::path::{Path, PathBuf};

use crate::clients::{Client, Places};
use lenient::Format;

/// Projects of Claude Code whose own files are looked at.
const PROJECTS_MAX: usize = 200;

/// Where clients keep what they are told.
#[derive(Debug, Clone)]
pub(crate) struct Surroundings {
    pub(crate) places: Places,
    /// The folder that the command runs in.
    pub(crate) folder: Option<PathBuf>,
}

impl Surroundings {
    /// Reads them from the environment; None if this user has no home directory.
    pub(crate) fn find() -> Option<Self> {
        Some(Self {
            places: Places::find()?,
            folder: std::env::current_dir().ok(),
        })
    }

    /// Where Claude Code keeps its servers.
    pub(crate) fn claude_servers(&self) -> PathBuf {
        let dir = self.places.claude.as_ref().unwrap_or(&self.places.home);
        dir.join(".claude.json")
    }

    /// Where Claude Code keeps its settings.
    pub(crate) fn claude_settings(&self) -> PathBuf {
        self.places.claude_dir().join("settings.json")
    }

    /// What our plugin for Claude Code says of the server.
    fn claude_plugin(&self) -> PathBuf {
        let settings = self.claude_settings();
        settings
            .with_file_name("skills")
            .join("commonplace/.mcp.json")
    }
}

/// Who keeps a configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keeper {
    /// The person, for all projects.
    Person,
    /// A project, so that others may share it.
    Project,
    /// Our plugin, which is written as a whole.
    Plugin,
}

/// A configuration of a client, which need not be there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ClientFile {
    /// The client; None for Claude Code.
    pub(crate) client: Option<Client>,
    pub(crate) path: PathBuf,
    pub(crate) keeper: Keeper,
}

impl ClientFile {
    fn own(client: Option<Client>, path: PathBuf) -> Self {
        Self {
            client,
            path,
            keeper: Keeper::Person,
        }
    }

    /// The client's name as people know it.
    pub(crate) fn title(&self) -> &'static str {
        self.client.map_or("Claude Code", Client::title)
    }

    pub(crate) fn format(&self) -> Format {
        match self.path.extension() {
            Some(end) if end == "toml" => Format::Toml,
            _ => Format::Json,
        }
    }
}

/// The configurations of a user. `projects` are folders that Claude Code has worked in.
pub(crate) fn files(surroundings: &Surroundings, projects: &[PathBuf]) -> Vec<ClientFile> {
    let mut files = vec![ClientFile::own(None, surroundings.claude_servers())];
    for client in Client::ALL {
        let path = client.file(&surroundings.places);
        if client == Client::OpenCode {
            // It reads both.
            let other = path.with_file_name("opencode.jsonc");
            files.extend((other != path).then(|| ClientFile::own(Some(client), other)));
        }
        files.push(ClientFile::own(Some(client), path));
    }
    files.push(ClientFile {
        client: None,
        path: surroundings.claude_plugin(),
        keeper: Keeper::Plugin,
    });
    let around = surroundings
        .folder
        .iter()
        .flat_map(|folder| folder.ancestors());
    let projects = projects.iter().take(PROJECTS_MAX).map(PathBuf::as_path);
    for folder in around.chain(projects) {
        let path = folder.join(".mcp.json");
        if files.iter().all(|file| file.path != path) {
            files.push(ClientFile {
                client: None,
                path,
                keeper: Keeper::Project,
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
    fn the_files_of_all_clients_and_of_the_projects_are_looked_at_once() {
        let mut surroundings = Surroundings {
            places: Places {
                home: "/h".into(),
                config: "/c".into(),
                xdg_config: None,
                codex: None,
                claude: None,
            },
            folder: Some("/code/api".into()),
        };
        let of = |surroundings: &Surroundings| -> Vec<PathBuf> {
            let files = files(surroundings, &["/code/web".into(), "/code/api".into()]);
            files.into_iter().map(|file| file.path).collect()
        };
        let found = of(&surroundings);
        for wanted in [
            "/h/.claude.json",
            "/h/.claude/skills/commonplace/.mcp.json",
            "/h/.codex/config.toml",
            "/h/.config/opencode/opencode.json",
            "/h/.config/opencode/opencode.jsonc",
            "/c/Code/User/mcp.json",
            "/code/api/.mcp.json",
            "/code/.mcp.json",
            "/code/web/.mcp.json",
        ] {
            let times = found.iter().filter(|found| *found == Path::new(wanted));
            assert_eq!(times.count(), 1, "{wanted}: {found:?}");
        }
        surroundings.places.claude = Some("/claude".into());
        assert!(of(&surroundings).contains(&PathBuf::from("/claude/.claude.json")));
    }

    #[cfg(unix)]
    #[test]
    fn the_projects_of_claude_code_are_read_from_its_configuration() {
        let text = r#"{"numStartups": 3, "projects": {"/code/web": {"history": []}, "none": {}}}"#;
        assert_eq!(projects(text), [PathBuf::from("/code/web")]);
        assert!(projects("no JSON").is_empty());
    }
}
