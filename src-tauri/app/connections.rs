//! The clients of this machine: what is installed, whether each uses this store, and how that is changed.
//!
//! Returns values; a command prints them, and a host answers with them. A configuration is read here and never guessed at:
//! no client is started to learn its state.

pub(crate) mod claude;
pub(crate) mod claude_plugin;
mod claude_scopes;
pub(crate) mod configured;
mod error;
mod lent;
mod machine;
mod program;
mod report;
mod round_trip;

use std::path::PathBuf;

use commonplace_api::connections::Verified;

pub(crate) use self::error::ConnectError;
pub(crate) use self::lent::ConnectedClients;
pub(crate) use self::machine::Machine;
pub(crate) use self::program::Program;
pub(crate) use self::report::{connections, stored_and_found};
use crate::clients::Entry;

/// What became of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Change {
    /// False if it was so already.
    pub(crate) is_done: bool,
    /// In one sentence.
    pub(crate) text: String,
    /// The file that was looked at; None if a program of the client did it.
    pub(crate) file: Option<PathBuf>,
    /// The file as it was before.
    pub(crate) backup: Option<PathBuf>,
}

/// Connects a client by its bridge. What is not ours stays.
pub(crate) fn connect(machine: &Machine, program: Program) -> Result<Change, ConnectError> {
    match program {
        Program::Claude => claude::connect(machine, None, false),
        Program::Configured(client) => configured::connect(machine, client, false)?.carry_out(),
    }
}

/// Takes the entry of a client out, also if it is for another store: the page says so and asks before.
pub(crate) fn disconnect(machine: &Machine, program: Program) -> Result<Change, ConnectError> {
    match program {
        Program::Claude => claude::remove(machine, true),
        Program::Configured(client) => configured::remove(machine, client, true)?.carry_out(),
    }
}

/// Stores a text through the entry of a client, finds it again, and removes it. Takes up to 20 s.
///
/// Only an entry that says what this program would write is started: whoever may ask for this can start nothing else.
pub(crate) fn verify(machine: &Machine, program: Program) -> Result<Verified, ConnectError> {
    let is_started = match program {
        Program::Claude => {
            let found = claude::entry(machine)?;
            found.entry == Entry::Same && found.way != claude::Way::Http
        }
        Program::Configured(client) => configured::entry(machine, client)? == Entry::Same,
    };
    if !is_started {
        return Err(ConnectError::NothingToStart {
            title: program.title(),
            word: program.word(),
        });
    }
    round_trip::run(machine, program.title())
}
