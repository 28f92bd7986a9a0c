//! Clients that are made up.

use std::sync::Mutex;

use commonplace_api::Refusal;
use commonplace_api::connections::{
    Connection, ConnectionAct, ConnectionDone, ConnectionRequest, ConnectionState, Connections,
    Verified,
};
use commonplace_api::status::ClientStatus;
use commonplace_http::ConnectClients;

use super::NOW_MS;

/// A machine with one client, whose configuration can be changed; a check finds the text after 7 ms if it is connected.
pub(crate) struct MadeUpClients(Mutex<ConnectionState>);

impl Default for MadeUpClients {
    fn default() -> Self {
        Self(Mutex::new(ConnectionState::None))
    }
}

impl MadeUpClients {
    pub(crate) fn in_state(state: ConnectionState) -> Self {
        Self(Mutex::new(state))
    }

    fn connection(&self, seen: &[ClientStatus]) -> Connection {
        Connection {
            client: "codex".to_owned(),
            title: "Codex".to_owned(),
            is_installed: true,
            state: *self.0.lock().unwrap(),
            place: "/home/ada/.codex/config.toml".to_owned(),
            message: String::new(),
            by_hand: "[mcp_servers.memory]".to_owned(),
            last_call_ms: seen.first().map(|client| client.last_seen_ms),
        }
    }
}

impl ConnectClients for MadeUpClients {
    fn list(&self, seen: &[ClientStatus]) -> Result<Connections, Refusal> {
        let clients = vec![self.connection(seen)];
        Ok(Connections { clients })
    }

    fn act(
        &self,
        asked: &ConnectionRequest,
        seen: &[ClientStatus],
    ) -> Result<ConnectionDone, Refusal> {
        if asked.client != "codex" {
            return Err(Refusal::bad_request("no such client"));
        }
        let before = *self.0.lock().unwrap();
        if before == ConnectionState::Foreign {
            return Err(Refusal::ByHand {
                reason: "a server of somebody else is there".to_owned(),
                lines: "[mcp_servers.memory]".to_owned(),
            });
        }
        let (after, verified) = match asked.act {
            ConnectionAct::Connect => (ConnectionState::Connected, None),
            ConnectionAct::Disconnect => (ConnectionState::None, None),
            ConnectionAct::Verify => {
                let verified = Verified {
                    stored_and_found_ms: 7,
                    at_ms: NOW_MS,
                };
                (before, Some(verified))
            }
        };
        *self.0.lock().unwrap() = after;
        Ok(ConnectionDone {
            connection: self.connection(seen),
            message: String::new(),
            backup: None,
            verified,
        })
    }
}
