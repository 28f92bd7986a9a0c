//! Writes out of which secrets were taken: what was taken out is kept for a while, so that a person can put it back.

use std::sync::Arc;

use commonplace_store::WriteOp;

use crate::engine::Engine;
use crate::origin::Origin;
use crate::redactions::{Redaction, TakenOut};
use crate::request::{Acknowledged, RequestError, WriteOptions};

impl Engine {
    /// Carries out one write as [`Engine::write`] does; when it is acknowledged, what was taken out of it is kept.
    ///
    /// # Errors
    /// As [`Engine::write`]; then nothing is kept.
    pub async fn write_redacted(
        &self,
        origin: &Origin,
        op: WriteOp,
        options: WriteOptions,
        taken: Option<TakenOut>,
    ) -> Result<Acknowledged, RequestError> {
        let done = self.write(origin, op, options).await?;
        if let Some(taken) = taken {
            let redactions = &self.shared.redactions;
            redactions.keep(self.now_ms(), &origin.client, &done, taken);
            self.shared.context.note_change();
        }
        Ok(done)
    }

    /// Returns what was taken out of memories by this host and can still be put back, the latest first.
    #[must_use]
    pub fn redactions(&self) -> Vec<Arc<Redaction>> {
        self.shared.redactions.list(self.now_ms())
    }

    /// Returns one of them; None if it has gone.
    #[must_use]
    pub fn redaction(&self, number: i64) -> Option<Arc<Redaction>> {
        self.shared.redactions.get(number, self.now_ms())
    }

    /// Forgets a redaction; false if it had gone before.
    pub fn forget_redaction(&self, number: i64) -> bool {
        let was_there = self.shared.redactions.forget(number);
        self.shared.context.note_change();
        was_there
    }
}
