//! The locks of a store as their files show them, without asking a host: it may be the one that is stuck.

use std::error::Error;

use commonplace_api::locks::{LockName, LockState, LocksReport, MeantHolder, SettleAct, Settled};
use commonplace_engine::{ModelUse, SettleError, look_at_locks};

use crate::context::Context;
use crate::host::compose::{StartError, close_engine, open_engine};
use crate::system::processes::{SystemProcesses, audit_party};
use crate::words;

/// A lock that has been held for longer than this is looked at more closely, in milliseconds.
const CLOSER_LOOK_MS: i64 = 1_000;

/// What it means that [`LocksRead::not_opened`] is there.
pub(crate) const NOT_OPENED: &str = "the store could not be opened to look closer";

/// The table of locks, and how closely it was looked at.
pub(crate) struct LocksRead {
    pub(crate) report: LocksReport,
    /// Why the store was not asked about an open transaction; None if it was, or if nothing was suspicious.
    pub(crate) not_opened: Option<StartError>,
}

/// Reads the table; asks the store about an open transaction only if a lock is held for long.
pub(crate) fn read(context: &Context) -> Result<LocksRead, impl Error + use<>> {
    let report = look(context, None)?;
    let write = report
        .locks
        .iter()
        .find(|lock| lock.name == LockName::Write);
    let is_suspicious = write.is_some_and(|lock| {
        let is_held = matches!(lock.state, LockState::Held | LockState::HeldByUnknown);
        is_held && (lock.age_ms > CLOSER_LOOK_MS || lock.act.is_some())
    });
    let read = |report, not_opened| LocksRead { report, not_opened };
    if !is_suspicious {
        return Ok(read(report, None));
    }
    match open_engine(&context.options, &context.settings, ModelUse::None) {
        Ok(engine) => {
            let in_transaction = engine.is_in_transaction();
            close_engine(engine);
            look(context, in_transaction).map(|report| read(report, None))
        }
        Err(error) => Ok(read(report, Some(error))),
    }
}

fn look(
    context: &Context,
    in_transaction: Option<bool>,
) -> Result<LocksReport, impl Error + use<>> {
    let dir = context.options.data_dir.locks();
    commonplace_engine::locks_report(&dir, &SystemProcesses, in_transaction, now_ms())
}

/// Settles a lock without asking a host, which may be the one that is stuck. `role` goes into the audit log; `meant` is the holder
/// that was chosen, None for whoever holds it.
pub(crate) fn settle(
    context: &Context,
    act: SettleAct,
    role: &str,
    meant: Option<&MeantHolder>,
) -> Result<Settled, SettleError> {
    let by = audit_party(role);
    let dir = context.options.data_dir.locks();
    // Before this instance opens the locks, which clears as well.
    let before = look_at_locks(&dir).map_err(|error| SettleError::Failed(error.to_string()))?;
    let engine = open_engine(&context.options, &context.settings, ModelUse::None);
    let result = match (act, &engine) {
        (SettleAct::ClearLeftovers, Ok(engine)) => engine.clear_leftovers(&by, Some(before)),
        (SettleAct::TakeOver | SettleAct::Terminate, Ok(engine)) => engine.settle(act, &by, meant),
        // The store cannot be opened: perhaps because of the one that is to be ended.
        (SettleAct::Terminate, Err(_)) => {
            commonplace_engine::terminate(&dir, &SystemProcesses, &by, meant, &now_ms)
        }
        (_, Err(error)) => Err(SettleError::Failed(words::with_causes(error))),
    };
    if let Ok(engine) = engine {
        close_engine(engine);
    }
    result
}

fn now_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}
