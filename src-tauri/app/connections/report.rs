//! The clients in a list: what is installed, its state in a sentence, and who has called.

use commonplace_api::connections::{Connection, ConnectionState, Connections, Verified};
use commonplace_api::status::ClientStatus;

use super::claude::{self, Way};
use super::configured;
use super::error::ConnectError;
use super::machine::Machine;
use super::program::Program;
use crate::claude_code::SERVER;
use crate::clients::Entry;
use crate::words::clock_time;

/// All clients, those that are installed first. `seen` is who has asked a host.
pub(crate) fn connections(machine: &Machine, seen: &[ClientStatus]) -> Connections {
    let all = Program::ALL.into_iter();
    let mut clients: Vec<Connection> = all
        .map(|program| connection(machine, program, seen))
        .collect();
    clients.sort_by_key(|client| !client.is_installed);
    Connections { clients }
}

/// How a check went.
pub(crate) fn stored_and_found(program: Program, verified: &Verified) -> String {
    format!(
        "stored and found again through the entry of {} at {}",
        program.title(),
        clock_time(verified.at_ms)
    )
}

/// One client.
pub(super) fn connection(machine: &Machine, program: Program, seen: &[ClientStatus]) -> Connection {
    let is_installed = is_installed(machine, program);
    let found = entry(machine, program);
    let message = match &found {
        Ok((Entry::None, _)) if !is_installed => "was not found on this machine".to_owned(),
        Ok((entry, way)) => words(*entry, *way, &replacing(machine, program)),
        Err(error) => said_in_short(error),
    };
    let calls = seen.iter().filter(|seen| program.is_called(&seen.client));
    Connection {
        client: program.word().to_owned(),
        title: program.title().to_owned(),
        is_installed,
        by_hand: match (&found, program) {
            (Ok((Entry::Foreign, _)), _) => replacing(machine, program),
            (_, Program::Claude) => claude::line(machine, None),
            (_, Program::Configured(client)) => client.lines(&machine.own),
        },
        state: found.map_or(ConnectionState::Unreadable, |(entry, _)| state(entry)),
        place: place(machine, program),
        message,
        last_call_ms: calls.map(|seen| seen.last_seen_ms).max(),
    }
}

fn entry(machine: &Machine, program: Program) -> Result<(Entry, Way), ConnectError> {
    match program {
        Program::Claude => claude::entry(machine).map(|found| (found.entry, found.way)),
        Program::Configured(client) => {
            configured::entry(machine, client).map(|entry| (entry, Way::Bridge))
        }
    }
}

/// A client is there if its program is, or the directory in which it keeps its configuration.
fn is_installed(machine: &Machine, program: Program) -> bool {
    machine.program(program).is_some()
        || match program {
            Program::Claude => {
                machine.places.claude_dir().is_dir() || claude::file(machine).is_file()
            }
            Program::Configured(client) => client
                .file(&machine.places)
                .parent()
                .is_some_and(std::path::Path::is_dir),
        }
}

fn place(machine: &Machine, program: Program) -> String {
    let file = match program {
        Program::Claude => claude::file(machine),
        Program::Configured(client) => client.file(&machine.places),
    };
    file.display().to_string()
}

fn state(entry: Entry) -> ConnectionState {
    match entry {
        Entry::None => ConnectionState::None,
        Entry::Same => ConnectionState::Connected,
        Entry::SwitchedOff => ConnectionState::SwitchedOff,
        Entry::OtherStore => ConnectionState::OtherStore,
        Entry::OtherProgram => ConnectionState::OtherProgram,
        Entry::Foreign => ConnectionState::Foreign,
    }
}

/// The command that puts our entry in the place of another one.
fn replacing(machine: &Machine, program: Program) -> String {
    format!("{} connect {} --replace", machine.command(), program.word())
}

/// The end of a sentence that begins with the name of the client.
fn words(entry: Entry, way: Way, replacing: &str) -> String {
    let through = match way {
        Way::Bridge => format!("the entry `{SERVER}`"),
        Way::Http => format!("the entry `{SERVER}`, over HTTP"),
        Way::Plugin => "the plugin".to_owned(),
    };
    match entry {
        Entry::None => "does not use this store".to_owned(),
        Entry::Same => format!("uses this store through {through}"),
        Entry::SwitchedOff => format!("has {through}, but it is switched off there"),
        Entry::OtherStore => format!("uses another store through {through}"),
        Entry::OtherProgram => {
            format!("uses this store through {through}, which starts this program at another place")
        }
        Entry::Foreign => {
            format!("has a server of somebody else called `{SERVER}`; `{replacing}` replaces it")
        }
    }
}

/// Why the configuration cannot be read, without the lines, which stand beside it.
fn said_in_short(error: &ConnectError) -> String {
    match error {
        ConnectError::ByHand { reason, .. } => reason.clone(),
        other => other.to_string(),
    }
}
