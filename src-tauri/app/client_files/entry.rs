//! The servers that a configuration lists, as far as they say how this program is reached.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

/// Names of the tables in which clients list their servers.
const TABLES: [&str; 4] = ["mcpServers", "mcp_servers", "servers", "mcp"];

/// A server in a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) name: String,
    /// The project of Claude Code that it is for; None if it is for all.
    pub(crate) project: Option<String>,
    pub(crate) way: Way,
}

/// How a client reaches a server.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Way {
    Http {
        url: String,
        /// The header as it stands there. It may be a secret.
        authorization: Option<String>,
        /// Whether the client gets the token in another way, such as from a command or a variable.
        has_other_token: bool,
    },
    Command {
        words: Vec<String>,
        environment: BTreeMap<String, String>,
    },
}

impl std::fmt::Debug for Way {
    /// Leaves out what may be a secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Http { url, .. } => f
                .debug_struct("Http")
                .field("url", url)
                .finish_non_exhaustive(),
            Self::Command { words, .. } => f
                .debug_struct("Command")
                .field("words", words)
                .finish_non_exhaustive(),
        }
    }
}

impl Way {
    /// The port of this machine that it leads to, if it leads to an MCP server here.
    pub(crate) fn local_port(&self) -> Option<u16> {
        let Self::Http { url, .. } = self else {
            return None;
        };
        let url = reqwest::Url::parse(url).ok()?;
        let is_local = matches!(url.host_str()?, "127.0.0.1" | "localhost" | "[::1]");
        let is_mcp = url.path().trim_end_matches('/') == "/mcp";
        if !is_local || !is_mcp || url.scheme() != "http" {
            return None;
        }
        url.port_or_known_default()
    }

    /// The host in its address.
    pub(crate) fn host(&self) -> Option<String> {
        let Self::Http { url, .. } = self else {
            return None;
        };
        let url = reqwest::Url::parse(url).ok()?;
        Some(url.host_str()?.to_owned())
    }

    /// The command of a bridge of ours.
    pub(crate) fn bridge(&self) -> Option<Bridge<'_>> {
        let Self::Command { words, environment } = self else {
            return None;
        };
        let (program, arguments) = words.split_first()?;
        let name = Path::new(program)
            .file_stem()?
            .to_string_lossy()
            .to_lowercase();
        let names_store = arguments.iter().any(|word| word.starts_with("--data-dir"));
        let is_ours = name.starts_with("commonplace") || names_store;
        if !is_ours || arguments.last().is_none_or(|last| last != "mcp") {
            return None;
        }
        Some(Bridge {
            program,
            arguments,
            environment,
        })
    }
}

/// A command that starts a bridge.
#[derive(Clone, Copy)]
pub(crate) struct Bridge<'a> {
    pub(crate) program: &'a String,
    arguments: &'a [String],
    environment: &'a BTreeMap<String, String>,
}

impl Bridge<'_> {
    /// The store it names, and the whole value that does, where that is one; None if it leaves that to the program.
    pub(crate) fn store(&self) -> Option<(PathBuf, Option<String>)> {
        let mut arguments = self.arguments.iter();
        while let Some(argument) = arguments.next() {
            if argument == "--data-dir" {
                let dir = arguments.next()?;
                return Some((PathBuf::from(dir), Some(dir.clone())));
            }
            if let Some(dir) = argument.strip_prefix("--data-dir=") {
                return Some((PathBuf::from(dir), Some(argument.clone())));
            }
        }
        let variable = |name| self.environment.get(name).filter(|dir| !dir.is_empty());
        if let Some(dir) = variable("COMMONPLACE_DATA_DIR") {
            return Some((PathBuf::from(dir), Some(dir.clone())));
        }
        let data = variable("XDG_DATA_HOME").filter(|_| cfg!(target_os = "linux"))?;
        Some((Path::new(data).join("commonplace"), None))
    }
}

/// An entry as clients write it; each knows some of these names.
#[derive(Deserialize)]
struct Written {
    url: Option<String>,
    #[serde(rename = "httpUrl")]
    http_url: Option<String>,
    #[serde(default, alias = "http_headers")]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    env_http_headers: BTreeMap<String, String>,
    bearer_token_env_var: Option<String>,
    #[serde(rename = "headersHelper")]
    headers_helper: Option<Value>,
    oauth: Option<Value>,
    command: Option<Words>,
    #[serde(default)]
    args: Vec<String>,
    #[serde(default, alias = "environment")]
    env: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Words {
    One(String),
    Many(Vec<String>),
}

impl Written {
    fn way(self) -> Option<Way> {
        if let Some(command) = self.command {
            let mut words = match command {
                Words::One(program) => vec![program],
                Words::Many(words) => words,
            };
            words.extend(self.args);
            let environment = self.env;
            return Some(Way::Command { words, environment });
        }
        let is_authorization = |name: &str| name.eq_ignore_ascii_case("authorization");
        let header = self.headers.into_iter();
        let header = header
            .filter(|(name, _)| is_authorization(name))
            .map(|(_, value)| value)
            .next();
        // What a client fills in from somewhere else is no token.
        let (authorization, is_filled_in) = match header {
            Some(value) if value.contains('{') || value.contains('$') => (None, true),
            header => (header, false),
        };
        Some(Way::Http {
            url: self.http_url.or(self.url)?,
            authorization,
            has_other_token: is_filled_in
                || self
                    .env_http_headers
                    .keys()
                    .any(|name| is_authorization(name))
                || self.bearer_token_env_var.is_some()
                || self.headers_helper.is_some()
                || self.oauth.is_some(),
        })
    }
}

/// The servers of a configuration. What is no server is passed over.
pub(crate) fn entries(whole: &Value) -> Vec<Entry> {
    #[derive(Deserialize)]
    struct Projects {
        #[serde(default)]
        projects: BTreeMap<String, Value>,
    }
    let mut found = servers(whole, None);
    if let Ok(Projects { projects }) = Projects::deserialize(whole) {
        for (project, settings) in &projects {
            found.extend(servers(settings, Some(project)));
        }
    }
    found
}

fn servers(whole: &Value, project: Option<&String>) -> Vec<Entry> {
    let tables = TABLES
        .iter()
        .filter_map(|table| whole.get(table)?.as_object());
    let written = tables.flatten().filter_map(|(name, entry)| {
        let way = Written::deserialize(entry).ok()?.way()?;
        Some(Entry {
            name: name.clone(),
            project: project.cloned(),
            way,
        })
    });
    written.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client_files::lenient::Format;

    fn of(format: Format, text: &str) -> Vec<Entry> {
        entries(&format.read(text).unwrap())
    }

    #[test]
    fn entries_are_read_as_each_client_writes_them() {
        let http = [
            r#"{"mcpServers": {"memory": {"type": "http", "url": "http://127.0.0.1:7311/mcp", "headers": {"Authorization": "Bearer x"}}}}"#,
            r#"{"mcpServers": {"memory": {"httpUrl": "http://localhost:7311/mcp/", "headers": {"authorization": "Bearer x"}}}}"#,
            r#"{"mcp": {"memory": {"type": "remote", "url": "http://[::1]:7311/mcp", "headers": {"Authorization": "Bearer x"}, "enabled": true}}}"#,
            "{\"servers\": {// mine\n\"memory\": {\"url\": \"http://127.0.0.1:7311/mcp\", \"headers\": {\"Authorization\": \"Bearer x\"},}}}",
        ];
        let mut all: Vec<_> = http
            .iter()
            .flat_map(|text| of(Format::Json, text))
            .collect();
        all.extend(of(Format::Toml, "[mcp_servers.memory]\nurl = \"http://127.0.0.1:7311/mcp\"\nhttp_headers = { Authorization = \"Bearer x\" }\n"));
        assert_eq!(all.len(), 5);
        for entry in all {
            assert_eq!(entry.way.local_port(), Some(7311), "{entry:?}");
            let Way::Http {
                authorization,
                has_other_token,
                ..
            } = &entry.way
            else {
                panic!("{entry:?}");
            };
            assert_eq!(
                (authorization.as_deref(), *has_other_token),
                (Some("Bearer x"), false)
            );
            assert!(
                !format!("{entry:?}").contains("Bearer"),
                "no secret is shown"
            );
        }
    }

    #[test]
    fn a_token_that_comes_from_elsewhere_is_none_to_be_compared() {
        for entry in [
            r#"{"url": "http://127.0.0.1:1/mcp", "headersHelper": "commonplace token --header"}"#,
            r#"{"url": "http://127.0.0.1:1/mcp", "headers": {"Authorization": "Bearer ${TOKEN}"}}"#,
            r#"{"url": "http://127.0.0.1:1/mcp", "bearer_token_env_var": "TOKEN"}"#,
        ] {
            let text = format!("{{\"mcpServers\": {{\"memory\": {entry}}}}}");
            let entries = of(Format::Json, &text);
            assert!(
                matches!(
                    &entries[0].way,
                    Way::Http {
                        authorization: None,
                        has_other_token: true,
                        ..
                    }
                ),
                "{entry}"
            );
        }
    }

    #[test]
    fn a_bridge_and_its_store_are_found_in_every_form() {
        let forms = [
            (
                r#"{"command": "/opt/commonplace", "args": ["--data-dir", "/x", "mcp"]}"#,
                Some("/x"),
            ),
            (
                r#"{"command": ["/opt/Commonplace.AppImage", "--data-dir=/x", "mcp"], "type": "local"}"#,
                Some("/x"),
            ),
            (
                r#"{"command": "commonplace", "args": ["mcp"], "env": {"COMMONPLACE_DATA_DIR": "/x"}}"#,
                Some("/x"),
            ),
            (r#"{"command": "commonplace.exe", "args": ["mcp"]}"#, None),
        ];
        for (entry, store) in forms {
            let text =
                format!("{{\"projects\": {{\"/code\": {{\"mcpServers\": {{\"m\": {entry}}}}}}}}}");
            let entries = of(Format::Json, &text);
            assert_eq!(entries[0].project.as_deref(), Some("/code"));
            let found = entries[0].way.bridge().unwrap().store();
            assert_eq!(
                found.map(|(dir, _)| dir),
                store.map(PathBuf::from),
                "{entry}"
            );
        }
        for foreign in [
            r#"{"command": "npx", "args": ["-y", "@modelcontextprotocol/server-memory"]}"#,
            r#"{"command": "python", "args": ["-m", "mcp"]}"#,
            r#"{"url": "http://127.0.0.1:8000/sse"}"#,
            r#"{"url": "https://example.org/mcp"}"#,
        ] {
            let text = format!("{{\"mcpServers\": {{\"memory\": {foreign}}}}}");
            let way = &of(Format::Json, &text)[0].way;
            assert!(
                way.bridge().is_none() && way.local_port().is_none(),
                "{foreign}"
            );
        }
    }
}
