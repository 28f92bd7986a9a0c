//! Reads the configurations of clients and looks at each of their entries that leads here.

use std::path::Path;

use super::Asked;
use super::clients::{Expected, look};
use super::finding::{Findings, Verdict};
use super::proxy;
use crate::client_files::entry::{Entry, entries};
use crate::client_files::{ClientFile, Surroundings, files, projects};
use crate::other_stores;
use crate::paths::{DataDir, own_program};
use crate::system::files as texts;
use crate::system::port_owner::listener;
use crate::system::store_dir;
use crate::tokens::TokenTexts;

/// What is known of the clients after that.
pub(super) struct Clients {
    /// How many entries lead to this store over HTTP.
    pub(super) over_http: usize,
}

/// Looks at all of them.
pub(super) fn check_clients(findings: &mut Findings, asked: &Asked<'_>) -> Clients {
    let mut clients = Clients { over_http: 0 };
    let Some(surroundings) = Surroundings::find() else {
        return clients;
    };
    let dir = asked.data_dir.path();
    // In a directory that others may enter, the tokens may be theirs.
    let tokens = store_dir::check(dir).ok();
    let tokens = tokens.and_then(|()| TokenTexts::read(dir).ok());
    let usual = DataDir::find(None);
    let program = own_program()
        .ok()
        .map(|program| program.display().to_string());
    let expected = Expected {
        store: dir,
        default_store: usual.as_ref().map(DataDir::path),
        is_usual: asked.is_usual,
        agent: tokens.as_ref().map(|tokens| tokens.agent.as_str()),
        admin: tokens.as_ref().map(|tokens| tokens.admin.as_str()),
        running: &asked.ports,
        port: asked.port,
        command: &asked.command,
        program: program.as_deref(),
        owner: &listener,
        holds: &other_stores::holds,
        is_there: &Path::exists,
    };
    let of_claude = texts::read(&surroundings.claude_servers()).ok().flatten();
    let folders = projects(of_claude.as_deref().unwrap_or_default());
    let settings = texts::read(&surroundings.claude_settings()).ok().flatten();
    let variables = proxy::variables_of_claude(settings.as_deref().unwrap_or_default());
    for file in files(&surroundings, &folders) {
        let listed = match read(&file) {
            Ok(listed) => listed,
            Err(text) => {
                findings.add("client", Verdict::Note, text);
                continue;
            }
        };
        for entry in &listed {
            findings.0.extend(look(&expected, &file, entry));
            if !expected.is_ours(entry) {
                continue;
            }
            clients.over_http += 1;
            let more = file.client.is_none().then_some(&variables);
            let found = proxy::about(&file, entry, asked, more, |name| std::env::var(name).ok());
            // One is enough: the variable is the same for all.
            if let Some(found) = found
                && findings.0.iter().all(|known| known.text != found.text)
            {
                findings.0.push(found);
            }
        }
    }
    clients
}

/// Reads the entries of a file; none if it is not there. The error is a sentence.
fn read(file: &ClientFile) -> Result<Vec<Entry>, String> {
    let unread = |reason: String| {
        let path = file.path.display();
        format!("{}: `{path}` could not be read: {reason}", file.title())
    };
    let text = texts::read(&file.path).map_err(|error| unread(error.to_string()))?;
    let Some(text) = text else {
        return Ok(Vec::new());
    };
    let whole = file.format().read(&text).map_err(unread)?;
    Ok(entries(&whole))
}
