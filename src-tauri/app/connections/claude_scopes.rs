//! Scopes of Claude Code that go before that of the user: a server `memory` there is the one that is used in its project.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use super::machine::Machine;
use crate::claude_code::SERVER;
use crate::clients::{self, Entry};
use crate::system::files;

/// Places that are named in a sentence.
const NAMED_MAX: usize = 3;

/// Says where else a server `memory` is, which goes before that of the user there; empty if it is nowhere. `text` is the
/// configuration of Claude Code.
pub(super) fn note(machine: &Machine, text: &str) -> String {
    let others = others(machine, text);
    let named: Vec<&str> = others.iter().take(NAMED_MAX).map(String::as_str).collect();
    let more = match others.len().saturating_sub(NAMED_MAX) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    match named.as_slice() {
        [] => String::new(),
        named => format!(
            "; another server `{SERVER}` goes before it where it stands: {}{more}",
            named.join(", ")
        ),
    }
}

/// A project in the configuration of Claude Code.
#[derive(Deserialize)]
struct Project {
    #[serde(default, rename = "mcpServers")]
    servers: BTreeMap<String, Value>,
}

#[derive(Deserialize)]
struct Configuration {
    #[serde(default)]
    projects: BTreeMap<PathBuf, Value>,
}

fn others(machine: &Machine, text: &str) -> Vec<String> {
    let read: Option<Configuration> = serde_json::from_str(text).ok();
    let projects = read.map(|read| read.projects).unwrap_or_default();
    let is_other = |server: &Value| clients::judged(server, &machine.own) != Entry::Same;
    let has_local = |project: &Value| {
        let project = Project::deserialize(project).ok();
        project.is_some_and(|project| project.servers.get(SERVER).is_some_and(is_other))
    };
    let local = projects.iter().filter(|(_, project)| has_local(project));
    let local = local.map(|(dir, _)| format!("the local scope of `{}`", dir.display()));
    let around = machine.folder.iter().flat_map(|folder| folder.ancestors());
    let is_shared = |file: &Path| {
        let text = files::read(file).ok().flatten().unwrap_or_default();
        let server = clients::server(&text).ok().flatten();
        server.is_some_and(|server| is_other(&server))
    };
    let mut shared: Vec<PathBuf> = around
        .chain(projects.keys().map(PathBuf::as_path))
        .map(|dir| dir.join(".mcp.json"))
        .collect();
    shared.sort();
    shared.dedup();
    let shared = shared.iter().filter(|file| is_shared(file));
    local
        .chain(shared.map(|file| format!("`{}`", file.display())))
        .collect()
}
