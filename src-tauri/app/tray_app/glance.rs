//! Takes from a status and from the table of locks what the tray shows.

use std::time::Duration;

use commonplace_api::locks::{LockRow, LocksReport, MeantHolder, SettleAct};
use commonplace_api::status::{ClientStatus, OverallState, Status};

use crate::cli::output;
use crate::desktop::{Glance, Locks, State, Stuck};

/// MCP has no connections: a client counts as connected if it asked within this time.
const RECENT_MS: i64 = 5 * 60 * 1000;

/// Reads a status.
pub(super) fn glance_of(status: &Status) -> Glance {
    let is_connected = |client: &&ClientStatus| {
        client.in_flight > 0 || status.now_ms - client.last_seen_ms < RECENT_MS
    };
    Glance {
        state: match status.state {
            OverallState::Ok => State::Ok,
            OverallState::Busy => State::Busy,
            OverallState::Waiting => State::Waiting,
            OverallState::Paused => State::Paused,
            OverallState::Error | OverallState::Unknown => State::Error,
        },
        sentence: status.diagnosis.trim_end_matches('.').to_owned(),
        queue_length: status.queue.length,
        waiters: status.lock.waiters.len(),
        longest_wait: longest_wait(status),
        clients: status
            .clients
            .iter()
            .filter(is_connected)
            .map(client_name)
            .collect(),
        memories: status.memories.total,
        backlog: status.index.backlog,
    }
}

/// The longest wait in this host's queue, or for the lock in any instance.
fn longest_wait(status: &Status) -> Duration {
    let since = status.lock.waiters.iter().map(|waiter| waiter.since_ms);
    let for_lock = since.min().map_or(0, |since| status.now_ms - since);
    let for_lock = u64::try_from(for_lock).unwrap_or(0);
    Duration::from_millis(for_lock.max(status.queue.oldest_ms))
}

fn client_name(client: &ClientStatus) -> String {
    let mut name = client.client.clone();
    if let Some(version) = &client.version {
        name = format!("{name} {version}");
    }
    match &client.project {
        Some(project) => format!("{name}, project {project}"),
        None => name,
    }
}

/// Reads the table of locks. This program itself is never stuck: it would not be reading.
pub(super) fn locks_of(report: &LocksReport) -> Locks {
    let own = std::process::id();
    let is_own = |lock: &&LockRow| lock.holder.as_ref().is_some_and(|holder| holder.pid == own);
    Locks {
        leftovers: report.leftovers.len(),
        stuck: report
            .locks
            .iter()
            .filter(|lock| !is_own(lock))
            .find_map(stuck),
    }
}

fn stuck(lock: &LockRow) -> Option<Stuck> {
    let act = lock.act.filter(|act| *act != SettleAct::ClearLeftovers)?;
    let holder = lock.holder.as_ref();
    let meant = holder.map(|holder| MeantHolder {
        instance: holder.instance.clone(),
        since_ms: holder.since_ms,
    });
    Some(Stuck {
        event: format!("{} {meant:?}", lock.path),
        who: match holder {
            Some(holder) => format!("{} (pid {})", holder.role, holder.pid),
            None => "an unknown program".to_owned(),
        },
        holder: meant,
        evidence: evidence(lock),
        act,
    })
}

/// The evidence without the commands for a terminal, and since when.
fn evidence(lock: &LockRow) -> String {
    let found = lock.words.split(';').next().unwrap_or_default();
    match lock.holder.as_ref().filter(|holder| holder.since_ms > 0) {
        Some(holder) => format!(
            "{found}. It has had it since {}, to {} for `{}`",
            output::local_time(holder.since_ms),
            holder.kind,
            holder.client
        ),
        None => found.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use commonplace_api::ProcessState;
    use commonplace_api::locks::{Leftover, LockName, LockParty, LockState};

    use super::*;

    fn stored() -> Status {
        let text = include_str!("../../api/tests/stored/status-0.1.json");
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn the_tray_shows_what_the_status_says() {
        let mut status = stored();
        let told = status.clients[0].clone();
        status.clients = vec![
            ClientStatus {
                last_seen_ms: status.now_ms - 100_000,
                in_flight: 0,
                project: None,
                ..told.clone()
            },
            ClientStatus {
                client: "codex".to_owned(),
                version: None,
                project: Some("x".to_owned()),
                in_flight: 1,
                last_seen_ms: 0,
                ..told.clone()
            },
            ClientStatus {
                in_flight: 0,
                last_seen_ms: 0,
                ..told
            },
        ];
        status.lock.waiters[0].since_ms = status.now_ms - 7_000;
        status.diagnosis = "One write is waiting.".to_owned();
        let expected = Glance {
            state: State::Busy,
            sentence: "One write is waiting".to_owned(),
            queue_length: 3,
            waiters: 1,
            longest_wait: Duration::from_secs(7),
            clients: vec![
                "claude-code 2.1.0".to_owned(),
                "codex, project x".to_owned(),
            ],
            memories: 5000,
            backlog: 17,
        };
        assert_eq!(glance_of(&status), expected);
        status.state = OverallState::Paused;
        assert_eq!(glance_of(&status).state, State::Paused);
        status.state = OverallState::Unknown;
        assert_eq!(glance_of(&status).state, State::Error);
    }

    fn table(act: Option<SettleAct>, pid: u32) -> LocksReport {
        let leftover = Leftover {
            what: "instance".to_owned(),
            instance: "8".to_owned(),
            pid: None,
            role: None,
            since_ms: None,
        };
        let lock = LockRow {
            name: LockName::Write,
            path: "/x/write.lock".to_owned(),
            generation: 0,
            state: LockState::Held,
            holder: Some(LockParty {
                instance: "7".to_owned(),
                pid,
                role: "serve".to_owned(),
                version: "0.1.0".to_owned(),
                host_name: "desk".to_owned(),
                client: "c".to_owned(),
                kind: "store".to_owned(),
                requests: 1,
                progress: None,
                since_ms: 0,
            }),
            age_ms: 0,
            process: ProcessState::Stopped,
            pids: vec![pid],
            is_in_transaction: None,
            act,
            words: "its holder is stopped; `commonplace unlock` helps".to_owned(),
        };
        LocksReport {
            now_ms: 0,
            locks: vec![lock],
            waiters: Vec::new(),
            instances: Vec::new(),
            leftovers: vec![leftover.clone(), leftover],
            audit: Vec::new(),
        }
    }

    #[test]
    fn what_may_be_taken_over_or_ended_is_stuck_and_nothing_else() {
        use SettleAct::{ClearLeftovers, TakeOver, Terminate};
        for (act, expected) in [
            (Some(TakeOver), Some(TakeOver)),
            (Some(Terminate), Some(Terminate)),
            (Some(ClearLeftovers), None),
            (None, None),
        ] {
            let locks = locks_of(&table(act, 1));
            assert_eq!(locks.leftovers, 2);
            assert_eq!(locks.stuck.map(|stuck| stuck.act), expected, "{act:?}");
        }
        let stuck = locks_of(&table(Some(TakeOver), 1)).stuck.unwrap();
        assert_eq!(stuck.who, "serve (pid 1)");
        assert_eq!(stuck.evidence, "its holder is stopped");
        let holder = stuck.holder.unwrap();
        assert_eq!((holder.instance.as_str(), holder.since_ms), ("7", 0));
        let own = table(Some(Terminate), std::process::id());
        assert_eq!(locks_of(&own).stuck, None, "nobody ends itself");
    }
}
