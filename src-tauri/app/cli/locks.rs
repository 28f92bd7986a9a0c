//! `locks` and `unlock`: what the locks of a store are doing, and settling one by hand.
//!
//! Both look at the files themselves and ask no host: the host may be the one that is stuck.

use std::io::IsTerminal as _;
use std::process::ExitCode;

use clap::Args;
use commonplace_api::locks::{
    AuditEntry, InstanceRow, LockParty, LockRow, LockState, LocksReport, SettleAct,
};

use super::{CommandError, Context, output, words};
use crate::lock_files;

/// Settle a lock. Without an option, --leftover.
#[derive(Debug, Args)]
pub(crate) struct Unlock {
    /// Remove the records of dead instances; always safe, never touches a lock that is held
    #[arg(long, group = "act")]
    leftover: bool,
    /// Take over the write lock from a holder that is alive and stuck outside a transaction
    #[arg(long, group = "act")]
    take_over: bool,
    /// End a holder that is stuck inside a transaction, after checking its identity
    #[arg(long, group = "act")]
    terminate: bool,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
}

pub(crate) fn locks(context: &Context) -> Result<ExitCode, CommandError> {
    context.log_quietly();
    let report = read(context)?;
    output::result(context.json, &report, &report_text(&report));
    Ok(ExitCode::SUCCESS)
}

fn read(context: &Context) -> Result<LocksReport, CommandError> {
    let read = lock_files::read(context)
        .map_err(|error| CommandError::Failed(words::with_causes(&error)))?;
    if let Some(error) = read.not_opened {
        output::note(&format!("{}: {error}", lock_files::NOT_OPENED));
    }
    Ok(read.report)
}

/// Lays the table out for a terminal.
fn report_text(report: &LocksReport) -> String {
    let mut lines = Vec::new();
    if report.locks.is_empty() {
        lines.push("no instance has opened this store yet; there are no locks".to_owned());
    }
    for lock in &report.locks {
        lines.extend(lock_text(lock));
    }
    for waiter in &report.waiters {
        lines.push(format!(
            "waiter {:>2} {} waits {} to {} for {}; its process {}",
            waiter.place,
            party_text(&waiter.party),
            seconds(waiter.age_ms),
            words::one_line(&waiter.party.kind, 40),
            client_text(&waiter.party),
            waiter.process.words()
        ));
    }
    lines.extend(report.instances.iter().map(instance_text));
    for leftover in &report.leftovers {
        let pid = leftover.pid.map_or("?".to_owned(), |pid| pid.to_string());
        lines.push(format!(
            "leftover  {} of pid {pid} ({}), dead: its life lock is free",
            leftover.what,
            leftover.role.as_deref().unwrap_or("record unreadable")
        ));
    }
    lines.extend(report.audit.iter().take(5).map(audit_text));
    lines.join("\n")
}

fn instance_text(row: &InstanceRow) -> String {
    let instance = &row.instance;
    let process = match &row.remedy {
        Some(remedy) => format!("; its process {}: {remedy}", row.process.words()),
        None => String::new(),
    };
    format!(
        "instance  pid {} ({} {} on {}) since {}, alive: its life lock is held{process}",
        instance.pid,
        instance.role,
        instance.version,
        instance.host_name,
        words::local_time(instance.since_ms)
    )
}

fn lock_text(lock: &LockRow) -> Vec<String> {
    let name = match (lock.name, lock.generation) {
        (name, 0) => name.to_string(),
        (name, generation) => format!("{name}.{generation}"),
    };
    let Some(holder) = lock
        .holder
        .as_ref()
        .filter(|_| lock.state != LockState::Free)
    else {
        return vec![format!("{name:<9} {}", lock.words)];
    };
    if lock.state == LockState::HeldByUnknown {
        let who = party_text(holder);
        let held = format!("{name:<9} held by {who}, which stopped before it recorded why");
        return vec![held, format!("          {}", lock.words)];
    }
    let held = format!(
        "{name:<9} {} by {} for {}: {} for {}, requests: {}{}",
        if lock.state == LockState::Leftover {
            "left"
        } else {
            "held"
        },
        party_text(holder),
        seconds(lock.age_ms),
        words::one_line(&holder.kind, 40),
        client_text(holder),
        holder.requests,
        words::progress(holder.progress)
    );
    vec![held, format!("          {}", lock.words)]
}

fn party_text(party: &LockParty) -> String {
    format!(
        "pid {} ({} {} on {})",
        party.pid,
        words::one_line(&party.role, 20),
        words::one_line(&party.version, 20),
        words::one_line(&party.host_name, 40)
    )
}

fn client_text(party: &LockParty) -> String {
    if party.client.is_empty() {
        return "itself".to_owned();
    }
    format!("`{}`", words::one_line(&party.client, 40))
}

fn audit_text(entry: &AuditEntry) -> String {
    format!(
        "audit     {} {} {} by {} (pid {}, {}): {} {}",
        words::local_time(entry.at_ms),
        entry.act.to_string().replace('_', " "),
        entry.stage,
        words::one_line(&entry.by.user, 30),
        entry.by.pid,
        words::one_line(&entry.by.role, 20),
        words::one_line(&entry.found, 200),
        words::one_line(&entry.done, 200)
    )
}

fn seconds(ms: i64) -> String {
    format!("{:.1} s", ms as f64 / 1e3)
}

pub(crate) fn unlock(context: &Context, unlock: &Unlock) -> Result<ExitCode, CommandError> {
    context.log_quietly();
    let act = if unlock.take_over {
        SettleAct::TakeOver
    } else if unlock.terminate {
        SettleAct::Terminate
    } else {
        SettleAct::ClearLeftovers
    };
    if !is_wanted(context, unlock, act)? {
        output::note("nothing was done");
        return Ok(ExitCode::from(1));
    }
    let settled = lock_files::settle(context, act, "cli unlock", None)
        .map_err(|error| CommandError::Failed(error.to_string()))?;
    let text = format!("found: {}\ndone:  {}", settled.found, settled.done);
    output::result(context.json, &settled, &text);
    Ok(ExitCode::SUCCESS)
}

/// Asks the person, except for what is always safe.
fn is_wanted(context: &Context, unlock: &Unlock, act: SettleAct) -> Result<bool, CommandError> {
    let question = match act {
        SettleAct::ClearLeftovers => return Ok(true),
        SettleAct::TakeOver => {
            "Take over the write lock? The holder's pending writes are refused; it continues with new ones when it wakes."
        }
        SettleAct::Terminate => {
            "End that program? What it has not committed is rolled back; its other clients lose their host."
        }
    };
    if unlock.yes {
        return Ok(true);
    }
    if context.json || !std::io::stdin().is_terminal() {
        let text =
            "this command asks for confirmation; add --yes where nobody can answer".to_owned();
        return Err(CommandError::Usage(text));
    }
    output::note(&report_text(&read(context)?));
    super::is_confirmed(question)
}

#[cfg(test)]
mod tests {
    use commonplace_api::ProcessState;
    use commonplace_api::locks::{LockName, Progress};

    use super::*;

    fn row() -> LockRow {
        LockRow {
            name: LockName::Write,
            path: "/x/locks/write.lock".into(),
            generation: 0,
            state: LockState::Held,
            holder: Some(LockParty {
                instance: "0".repeat(32),
                pid: 812,
                role: "serve".into(),
                version: "0.1.0".into(),
                host_name: "desk".into(),
                client: "claude\u{1b}[31m".into(),
                kind: "store".into(),
                requests: 3,
                progress: None,
                since_ms: 1,
            }),
            age_ms: 12_340,
            process: ProcessState::Stopped,
            pids: vec![812],
            is_in_transaction: Some(false),
            act: Some(SettleAct::TakeOver),
            words: "its holder's process is stopped".into(),
        }
    }

    #[test]
    fn a_lock_reads_as_who_holds_it_what_for_and_what_to_do() {
        let text = lock_text(&row()).join("\n");
        assert_eq!(
            text,
            "write     held by pid 812 (serve 0.1.0 on desk) for 12.3 s: store for `claude[31m`, requests: 3\n          \
             its holder's process is stopped"
        );
        let mut large = row();
        large.holder.as_mut().unwrap().progress = Some(Progress {
            done: 12_000,
            of: Some(100_000),
        });
        let text = lock_text(&large).join("\n");
        assert!(
            text.contains("requests: 3, 12,000 of 100,000 done"),
            "{text}"
        );
        let free = LockRow {
            state: LockState::Free,
            generation: 2,
            words: "free".into(),
            ..row()
        };
        assert_eq!(lock_text(&free), ["write.2   free"]);
    }
}
