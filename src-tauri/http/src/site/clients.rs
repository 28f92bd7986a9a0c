//! The clients of this machine, and whether each uses the store.

use commonplace_api::Refusal;
use commonplace_api::connections::{ConnectionDone, ConnectionRequest, Connections};
use commonplace_api::status::ClientStatus;

/// What this layer can ask about the clients of this machine. Both calls may block; `seen` is who has asked this host.
pub trait ConnectClients: Send + Sync + 'static {
    /// Tells which clients are installed and whether each uses the store. Starts no client.
    ///
    /// # Errors
    /// [`Refusal::Failed`] if it is not known where they keep their configuration.
    fn list(&self, seen: &[ClientStatus]) -> Result<Connections, Refusal>;

    /// Connects, disconnects or checks a client. A check takes up to 20 s.
    ///
    /// # Errors
    /// [`Refusal::ByHand`] with what a person can do; nothing was changed then. [`Refusal::Busy`] while another one is
    /// under way, [`Refusal::BadRequest`] if there is no such client, [`Refusal::Failed`] if the system refuses.
    fn act(
        &self,
        asked: &ConnectionRequest,
        seen: &[ClientStatus],
    ) -> Result<ConnectionDone, Refusal>;
}
