//! The clients of this machine as the page asks for them.

use std::sync::{Mutex, TryLockError};

use commonplace_api::Refusal;
use commonplace_api::connections::{
    ConnectionAct, ConnectionDone, ConnectionRequest, Connections, Verified,
};
use commonplace_api::status::ClientStatus;
use commonplace_http::ConnectClients;

use super::error::ConnectError;
use super::machine::Machine;
use super::program::Program;
use super::report::{connection, connections, stored_and_found};
use super::{Change, connect, disconnect, verify};
use crate::paths::DataDir;

/// The clients of this machine, and the store that they are connected to.
#[derive(Debug)]
pub(crate) struct ConnectedClients {
    machine: Result<Machine, ConnectError>,
    /// Held while a client is changed or checked: two changes of one file would lose one.
    acting: Mutex<()>,
}

impl ConnectedClients {
    /// Looks where this program and its user are. Ask early: the place of a program that is replaced is known before that
    /// only.
    pub(crate) fn of(data_dir: &DataDir) -> Self {
        Self {
            machine: Machine::of(data_dir),
            acting: Mutex::new(()),
        }
    }

    fn machine(&self) -> Result<&Machine, Refusal> {
        self.machine.as_ref().map_err(Refusal::failed)
    }
}

impl ConnectClients for ConnectedClients {
    fn list(&self, seen: &[ClientStatus]) -> Result<Connections, Refusal> {
        Ok(connections(self.machine()?, seen))
    }

    fn act(
        &self,
        asked: &ConnectionRequest,
        seen: &[ClientStatus],
    ) -> Result<ConnectionDone, Refusal> {
        let machine = self.machine()?;
        let program = Program::of_word(&asked.client).ok_or_else(|| no_such(&asked.client))?;
        let _acting = match self.acting.try_lock() {
            Ok(acting) => acting,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => {
                let reason = "another client is being connected or checked, which takes some seconds; then try again";
                return Err(Refusal::Busy {
                    reason: reason.to_owned(),
                });
            }
        };
        let done = match asked.act {
            ConnectionAct::Connect => connect(machine, program).map(told),
            ConnectionAct::Disconnect => disconnect(machine, program).map(told),
            ConnectionAct::Verify => {
                verify(machine, program).map(|verified| checked(program, verified))
            }
        };
        let (message, backup, verified) = done?;
        tracing::info!(client = asked.client, act = ?asked.act, message, "a client was looked after");
        Ok(ConnectionDone {
            connection: connection(machine, program, seen),
            message,
            backup,
            verified,
        })
    }
}

type Told = (String, Option<String>, Option<Verified>);

fn told(change: Change) -> Told {
    let backup = change.backup.map(|path| path.display().to_string());
    (change.text, backup, None)
}

fn checked(program: Program, verified: Verified) -> Told {
    (stored_and_found(program, &verified), None, Some(verified))
}

fn no_such(client: &str) -> Refusal {
    let words: Vec<_> = Program::ALL.iter().map(|program| program.word()).collect();
    Refusal::bad_request(format!(
        "`client` is `{client}`, but must be one of {}",
        words.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_are_changed_one_after_the_other_and_an_unknown_one_is_told_which_there_are() {
        let store = DataDir::find(Some("/my stores/x".into())).unwrap();
        let clients = ConnectedClients::of(&store);
        let refused = |client: &str| {
            let asked = ConnectionRequest {
                client: client.to_owned(),
                act: ConnectionAct::Verify,
            };
            clients.act(&asked, &[]).unwrap_err()
        };
        let _acting = clients.acting.lock().unwrap();
        assert_eq!(refused("codex").code(), "busy");
        let said = refused("mosaic").to_string();
        assert!(said.contains("one of claude, codex, gemini"), "{said}");
    }
}
