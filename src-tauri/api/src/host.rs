//! What can be asked of a host, whether it runs in this process or in another one.

use crate::Pause;
use crate::about::PageAddress;
use crate::backups::{BackupRequest, BackupRunning, Backups};
use crate::locks::{LocksReport, Settle, Settled};
use crate::logs::LogPage;
use crate::query::LogQuery;
use crate::settings::{SettingsChange, SettingsReport};
use crate::statistics::Incidents;
use crate::status::Status;

/// A host of a store. All calls may block on the disk for a short time, or on the other process.
///
/// # Errors
/// A [`Refusal`](crate::Refusal), or why the other process did not answer.
#[expect(
    clippy::missing_errors_doc,
    reason = "what each may refuse is said at the trait and at each call"
)]
pub trait Host: Send + Sync + 'static {
    /// Why something was not told or done.
    type Error;

    /// Reads the status.
    fn status(&self) -> Result<Status, Self::Error>;

    /// Returns the last slow holds, slow waits and failures, the newest first.
    fn incidents(&self, limit: u32) -> Result<Incidents, Self::Error>;

    /// Reads the locks: holders, waiters, leftovers, evidence, advice, and the latest of the audit log.
    fn locks(&self) -> Result<LocksReport, Self::Error>;

    /// Settles a lock, and records it in the audit log. May block for some seconds: a holder is watched before it is taken
    /// over. [`Refusal::NotSafe`](crate::Refusal::NotSafe) with what was found; then nothing was changed.
    fn settle(&self, asked: &Settle) -> Result<Settled, Self::Error>;

    /// Returns every setting with its value in force.
    fn settings(&self) -> Result<SettingsReport, Self::Error>;

    /// Changes settings, all or none, and keeps them. [`Refusal::BadSetting`](crate::Refusal::BadSetting) or [`Refusal::Overridden`].
    fn change_settings(&self, change: &SettingsChange) -> Result<SettingsReport, Self::Error>;

    /// Tells what is known of the backups of the store.
    fn backups(&self) -> Result<Backups, Self::Error>;

    /// Begins a backup and returns at once. [`Refusal::Busy`](crate::Refusal::Busy) if one is under way.
    fn start_backup(&self, asked: &BackupRequest) -> Result<BackupRunning, Self::Error>;

    /// Begins to check the store for damage and returns at once; the status tells what was found. [`Refusal::Busy`](crate::Refusal::Busy) if that
    /// is under way.
    fn start_check(&self) -> Result<(), Self::Error>;

    /// Pauses the writes of the store for `by`, and returns the pause in force: an earlier one stays.
    fn pause(&self, by: &str) -> Result<Pause, Self::Error>;

    /// Resumes writes, and returns the pause that ended; None if writes were not paused.
    fn resume(&self) -> Result<Option<Pause>, Self::Error>;

    /// Reads the log from its end: some megabytes at most, however large the files are.
    fn logs(&self, query: &LogQuery) -> Result<LogPage, Self::Error>;

    /// Makes an address that opens the page once.
    fn page_address(&self) -> Result<PageAddress, Self::Error>;
}
