//! Rebuild of the derived tables from the truth, with the store for itself.

use std::path::Path;
use std::time::Duration;

use commonplace_lock::Locks;
use rusqlite::TransactionBehavior;

use super::compact::Alone;
use super::{before_migration, derived};
use crate::maintenance::{MaintenanceError, Rebuilt};

/// Rebuilds the derived tables of the store in `dir` and says what was wrong with them. Blocks; waits at most `wait`
/// for others to close the store.
///
/// `locks` are those of `dir`, and the caller does not have the store open. One transaction: a crash on the way leaves
/// the store as it was.
///
/// # Errors
/// See [`MaintenanceError`].
pub fn rebuild(
    dir: &Path,
    locks: &Locks,
    wait: Duration,
    now_ms: i64,
) -> Result<Rebuilt, MaintenanceError> {
    let keep = before_migration::keep_unless_damaged;
    let mut alone = Alone::take(dir, locks, "rebuild", wait, now_ms, keep)?;
    let mut work = || {
        let transaction = alone
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut found = derived::look(&transaction)?;
        found.words_wrong = derived::check_words(&transaction)
            .err()
            .map(|e| e.to_string());
        derived::rebuild(&transaction)?;
        transaction.commit()?;
        Ok(found)
    };
    work().map_err(|e| MaintenanceError::from_sqlite(&alone.database, e))
}
