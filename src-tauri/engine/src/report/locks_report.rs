//! The table of locks: holders, waiters, leftovers, the evidence for each, and what can be done about it.

use std::path::Path;

use commonplace_api::ProcessState;
use commonplace_api::locks::{
    AuditAct, AuditEntry, AuditParty, AuditStage, InstanceRow, Leftover, LockName, LockParty,
    LockRow, LockState, LocksReport, SettleAct, WaiterRow,
};
use commonplace_lock::{
    self as lock, DeadInstance, HolderRecord, HolderState, Identity, InstanceRecord, LockLook,
    Look, Purpose, WaiterRecord, look, read_audit,
};

use crate::processes::Processes;
use crate::report::holder::{instance_status, lock_state, party};

/// Longest time for which a hold needs no explanation, in milliseconds. A batch takes some milliseconds; a slow disk may
/// need a second for a sync.
pub const HOLD_BUDGET_MS: i64 = 5_000;
/// Audit entries that the table shows.
const AUDIT_LEN: usize = 20;

/// Reads the table of the locks in `dir`. Takes no part, changes nothing, waits for nobody.
///
/// `is_in_transaction` is what the store says, if it was asked.
///
/// # Errors
/// As [`commonplace_lock::look`].
pub fn locks_report(
    dir: &Path,
    processes: &dyn Processes,
    is_in_transaction: Option<bool>,
    now_ms: i64,
) -> Result<LocksReport, commonplace_lock::OpenError> {
    let found = look(dir)?;
    let audit = read_audit(dir, AUDIT_LEN)?;
    let row = |name, look: &LockLook| lock_row(name, look, processes, is_in_transaction, now_ms);
    let older = found.older.iter().map(|look| LockRow {
        act: None,
        words: "taken over: late writes of its holder are refused, and it rejoins by itself"
            .to_owned(),
        ..row(LockName::Write, look)
    });
    let locks = found
        .write
        .iter()
        .map(|look| with_take_over(row(LockName::Write, look), found.take_over.as_ref()))
        .chain(older)
        .chain(found.store.iter().map(|look| row(LockName::Store, look)))
        .chain(held(&found.gate).map(|look| row(LockName::Gate, look)))
        .chain(held(&found.take_over).map(|look| row(LockName::TakeOver, look)))
        .collect();
    Ok(LocksReport {
        now_ms,
        locks,
        waiters: waiter_rows(&found.waiters, processes, now_ms),
        leftovers: leftovers(&found),
        instances: found
            .instances
            .into_iter()
            .map(|record| instance_row(record, processes))
            .collect(),
        audit: audit.into_iter().map(audit_entry).collect(),
    })
}

fn instance_row(record: InstanceRecord, processes: &dyn Processes) -> InstanceRow {
    let process = processes.look(&record.identity);
    InstanceRow {
        process,
        remedy: process.remedy(record.identity.pid),
        instance: instance_status(record),
    }
}

/// Who takes the lock over is in the way of anybody else who would, also if it is stopped.
fn with_take_over(write: LockRow, take_over: Option<&LockLook>) -> LockRow {
    let is_under_way = take_over.is_some_and(LockLook::is_held);
    if write.act != Some(SettleAct::TakeOver) || !is_under_way {
        return write;
    }
    LockRow {
        act: None,
        words: "its holder is stuck, and another program is taking it over: see its row".to_owned(),
        ..write
    }
}

fn held(lock: &Option<LockLook>) -> impl Iterator<Item = &LockLook> {
    lock.iter().filter(|lock| lock.is_held())
}

fn lock_row(
    name: LockName,
    look: &LockLook,
    processes: &dyn Processes,
    is_in_transaction: Option<bool>,
    now_ms: i64,
) -> LockRow {
    let record = record_of(&look.state);
    let state = lock_state(look.state.clone()).0;
    let process = look
        .holder
        .as_ref()
        .map_or(ProcessState::Unknown, |holder| processes.look(holder));
    let is_held = look.is_held();
    let age_ms = record.map_or(0, |record| (now_ms - record.since_ms).max(0));
    let is_in_transaction = is_in_transaction.filter(|_| name == LockName::Write && is_held);
    let facts = Facts {
        name,
        state,
        process,
        age_ms,
        is_in_transaction,
    };
    let (act, advice) = advise(&facts);
    LockRow {
        name,
        path: look.path.display().to_string(),
        generation: look.generation.0,
        state,
        holder: holder_party(look),
        age_ms: if is_held { age_ms } else { 0 },
        process,
        pids: look.pids.clone(),
        is_in_transaction,
        act,
        words: advice,
    }
}

/// What the advice rests on.
struct Facts {
    name: LockName,
    state: LockState,
    process: ProcessState,
    age_ms: i64,
    is_in_transaction: Option<bool>,
}

/// Says what can be done about a lock: the decision table for people.
fn advise(facts: &Facts) -> (Option<SettleAct>, String) {
    let process = facts.process.words();
    match facts.state {
        LockState::Free | LockState::Unknown => (None, "free".to_owned()),
        LockState::Leftover => (
            Some(SettleAct::ClearLeftovers),
            "free; its last holder died while holding it. The next write clears the record; `commonplace unlock --leftover` clears it now"
                .to_owned(),
        ),
        LockState::HeldByUnknown if facts.name == LockName::TakeOver && facts.process != ProcessState::Stopped => {
            (None, format!("the write lock is being taken over: that takes some seconds; its process {process}"))
        }
        LockState::HeldByUnknown => advise_stuck(facts, "held by a program that left no readable record"),
        LockState::Held => {
            if !is_stuck(facts.name, facts.process, facts.age_ms) {
                return (None, format!("held and at work: its process {process}"));
            }
            advise_stuck(facts, &format!("its holder's process {process}, and it has held the lock for too long"))
        }
    }
}

/// Says whether a holder may be settled. A commit takes some milliseconds, also one part of a large write; to restore, to
/// compact or to rebuild an index takes minutes in a large store, and who does that is at work as long as it runs.
pub(crate) fn is_stuck(name: LockName, process: ProcessState, age_ms: i64) -> bool {
    match process {
        ProcessState::Stopped => true,
        _ => name == LockName::Write && age_ms > HOLD_BUDGET_MS,
    }
}

fn advise_stuck(facts: &Facts, found: &str) -> (Option<SettleAct>, String) {
    match facts.process {
        ProcessState::OtherMachine => {
            return (None, format!("{found}; settle it on that machine"));
        }
        ProcessState::Unknown if facts.name != LockName::Write => {
            return (
                None,
                format!("{found}, and the system does not say by whom; check again later"),
            );
        }
        ProcessState::OtherContainer if facts.name != LockName::Write => {
            return (None, format!("{found}; settle it in that container"));
        }
        _ => {}
    }
    match (facts.name, facts.is_in_transaction) {
        (LockName::Write, Some(false)) => (
            Some(SettleAct::TakeOver),
            format!(
                "{found}, outside a transaction; `commonplace unlock --take-over` moves the lock, and its late writes are refused"
            ),
        ),
        (LockName::Write, Some(true)) => (
            Some(SettleAct::Terminate),
            format!(
                "{found}, inside a transaction; `commonplace unlock --terminate` ends that program after checking its identity"
            ),
        ),
        (LockName::Write, None) => (
            Some(SettleAct::TakeOver),
            format!("{found}; `commonplace unlock --take-over` says whether the lock can be moved"),
        ),
        _ => (
            Some(SettleAct::Terminate),
            format!(
                "{found}; `commonplace unlock --terminate` ends that program after checking its identity"
            ),
        ),
    }
}

fn record_of(state: &HolderState) -> Option<&HolderRecord> {
    match state {
        HolderState::Held(record) | HolderState::Leftover(record) => Some(record),
        HolderState::Free | HolderState::HeldByUnknown => None,
    }
}

/// Who holds a lock; without a record what for and since when are not known.
pub(crate) fn holder_party(look: &LockLook) -> Option<LockParty> {
    let unknown = Purpose {
        client: String::new(),
        kind: "unknown work".to_owned(),
        requests: 0,
        progress: None,
    };
    let holder = look.holder.as_ref()?;
    let (purpose, since_ms) =
        record_of(&look.state).map_or((&unknown, 0), |record| (&record.purpose, record.since_ms));
    Some(party(holder, purpose, since_ms))
}

fn audit_entry(entry: lock::AuditEntry) -> AuditEntry {
    AuditEntry {
        at_ms: entry.at_ms,
        act: match entry.act {
            lock::AuditAct::ClearLeftovers => AuditAct::ClearLeftovers,
            lock::AuditAct::TakeOver => AuditAct::TakeOver,
            lock::AuditAct::Terminate => AuditAct::Terminate,
            lock::AuditAct::Restore => AuditAct::Restore,
            lock::AuditAct::Compact => AuditAct::Compact,
            lock::AuditAct::Rebuild => AuditAct::Rebuild,
            lock::AuditAct::Repair => AuditAct::Repair,
            lock::AuditAct::AcceptLoss => AuditAct::AcceptLoss,
        },
        stage: match entry.stage {
            lock::AuditStage::Begun => AuditStage::Begun,
            lock::AuditStage::Done => AuditStage::Done,
            lock::AuditStage::Refused => AuditStage::Refused,
        },
        by: AuditParty {
            user: entry.by.user,
            pid: entry.by.pid,
            role: entry.by.role,
            host_name: entry.by.host_name,
        },
        found: entry.found,
        done: entry.done,
    }
}

fn waiter_rows(waiters: &[WaiterRecord], processes: &dyn Processes, now_ms: i64) -> Vec<WaiterRow> {
    let alive = waiters.iter().filter(|waiter| waiter.alive).enumerate();
    alive
        .map(|(before, waiter)| WaiterRow {
            party: party(&waiter.identity, &waiter.purpose, waiter.since_ms),
            place: before + 1,
            age_ms: (now_ms - waiter.since_ms).max(0),
            process: processes.look(&waiter.identity),
        })
        .collect()
}

/// Lists what the dead have left.
pub(crate) fn leftovers(found: &Look) -> Vec<Leftover> {
    let locks = [
        ("holder of the write lock", &found.write),
        ("holder of the store lock", &found.store),
        ("waiter for the store lock", &found.gate),
    ];
    let holders = locks.into_iter().filter_map(|(what, lock)| {
        let HolderState::Leftover(record) = &lock.as_ref()?.state else {
            return None;
        };
        Some(left_by(what, &record.identity, record.since_ms))
    });
    let waiters = found.waiters.iter().filter(|waiter| !waiter.alive);
    let waiters = waiters.map(|waiter| left_by("waiter", &waiter.identity, waiter.since_ms));
    let instances = found.dead.iter().map(left_by_instance);
    holders.chain(waiters).chain(instances).collect()
}

fn left_by(what: &'static str, identity: &Identity, since_ms: i64) -> Leftover {
    Leftover {
        what: what.to_owned(),
        instance: identity.instance.to_string(),
        pid: Some(identity.pid),
        role: Some(identity.role.clone()),
        since_ms: Some(since_ms),
    }
}

fn left_by_instance(dead: &DeadInstance) -> Leftover {
    Leftover {
        what: "instance".to_owned(),
        instance: dead.id.to_string(),
        pid: dead.record.as_ref().map(|record| record.identity.pid),
        role: dead
            .record
            .as_ref()
            .map(|record| record.identity.role.clone()),
        since_ms: dead.record.as_ref().map(|record| record.since_ms),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_decision_table_offers_what_is_safe_and_nothing_else() {
        use LockName::{Gate, Store, Write};
        use LockState::{Free, Held, HeldByUnknown, Leftover};
        use ProcessState::{Gone, OtherContainer, OtherMachine, Running, Stopped, Unknown};
        use SettleAct::{ClearLeftovers, TakeOver, Terminate};
        let (young, old) = (10, HOLD_BUDGET_MS + 1);
        let cases = [
            (Write, Free, Unknown, 0, None, None),
            (Write, Leftover, Gone, old, None, Some(ClearLeftovers)),
            (Store, Leftover, Gone, old, None, Some(ClearLeftovers)),
            (Write, Held, Running, young, Some(true), None),
            (Write, Held, Running, young, Some(false), None),
            (Write, Held, Running, old, Some(false), Some(TakeOver)),
            (Write, Held, Running, old, Some(true), Some(Terminate)),
            (Write, Held, Stopped, young, Some(false), Some(TakeOver)),
            (Write, Held, Stopped, young, Some(true), Some(Terminate)),
            (Write, Held, Stopped, young, None, Some(TakeOver)),
            (
                Write,
                HeldByUnknown,
                Unknown,
                0,
                Some(false),
                Some(TakeOver),
            ),
            (Write, Held, OtherMachine, old, Some(true), None),
            (Store, Held, Running, young, None, None),
            (Store, Held, Running, 600_000, None, None),
            (Gate, Held, Running, old, None, None),
            (Gate, Held, Stopped, young, None, Some(Terminate)),
            (LockName::TakeOver, HeldByUnknown, Running, 0, None, None),
            (
                LockName::TakeOver,
                HeldByUnknown,
                Stopped,
                0,
                None,
                Some(Terminate),
            ),
            (Store, HeldByUnknown, Unknown, 0, None, None),
            (Store, Held, Stopped, young, None, Some(Terminate)),
            (Store, Held, OtherContainer, old, None, None),
        ];
        for (name, state, process, age_ms, is_in_transaction, expected) in cases {
            let facts = Facts {
                name,
                state,
                process,
                age_ms,
                is_in_transaction,
            };
            assert_eq!(
                advise(&facts).0,
                expected,
                "{name} {state:?} {process:?} {age_ms} {is_in_transaction:?}"
            );
        }
    }
}
