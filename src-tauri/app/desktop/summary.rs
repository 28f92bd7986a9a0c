//! What the tray shows of a status and of the table of locks.

use std::time::Duration;

use commonplace_api::locks::{LockRow, LocksReport, MeantHolder, SettleAct};
use commonplace_api::status::{ClientStatus, OverallState, Status};

use crate::words;

/// MCP has no connections: a client counts as connected if it asked within this time.
const RECENT_MS: i64 = 5 * 60 * 1000;

/// What the tray shows of a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct HostSummary {
    /// The state in one word; chooses the icon.
    pub(super) state: OverallState,
    /// The state in one sentence; becomes the status line.
    pub(super) sentence: String,
    /// Requests in the write queue.
    pub(super) queue_length: usize,
    /// Instances that wait for the write lock.
    pub(super) waiters: usize,
    /// How long the write has waited that waits longest, here or for the lock; zero if none does.
    pub(super) longest_wait: Duration,
    /// Names of the connected clients, as they told them.
    pub(super) clients: Vec<String>,
    /// Memories in the store.
    pub(super) memories: u64,
    /// Memories whose vector is still to be made.
    pub(super) backlog: u64,
}

/// Why the host cannot be asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unavailable {
    /// No host has the store.
    #[error("the host is gone")]
    Gone,
    /// There is one, and it does not answer.
    #[error("the host (pid {pid}) does not answer")]
    Silent {
        /// Its process.
        pid: u32,
    },
}

/// What the locks of a store need of a person.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct LocksSummary {
    /// Records of dead instances; they hold nobody up.
    pub(super) leftovers: usize,
    /// The holder that is stuck, if one is.
    pub(super) stuck: Option<StuckHolder>,
}

/// A holder that will not give its lock back by itself, as far as can be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct StuckHolder {
    /// Tells one such event from the next.
    pub(super) event: String,
    /// Who it is, such as `serve (pid 812)`.
    pub(super) who: String,
    /// The same for the one who settles it; None if its record cannot be read.
    pub(super) holder: Option<MeantHolder>,
    /// The evidence, in a sentence or two.
    pub(super) evidence: String,
    /// What may be done about it.
    pub(super) act: SettleAct,
}

impl HostSummary {
    /// Takes from a status what the tray shows.
    pub(super) fn of(status: &Status) -> Self {
        let is_connected = |client: &&ClientStatus| {
            client.in_flight > 0 || status.now_ms - client.last_seen_ms < RECENT_MS
        };
        Self {
            state: match status.state {
                // A newer host says no more than that something is wrong.
                OverallState::Unknown => OverallState::Error,
                known => known,
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
}

impl LocksSummary {
    /// Takes from the table of locks what needs a person. This program itself is never stuck: it would not be reading.
    pub(super) fn of(report: &LocksReport) -> Self {
        let own = std::process::id();
        let is_own = |lock: &&LockRow| lock.holder.as_ref().is_some_and(|holder| holder.pid == own);
        Self {
            leftovers: report.leftovers.len(),
            stuck: report
                .locks
                .iter()
                .filter(|lock| !is_own(lock))
                .find_map(stuck),
        }
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

fn stuck(lock: &LockRow) -> Option<StuckHolder> {
    let act = lock.act.filter(|act| *act != SettleAct::ClearLeftovers)?;
    let holder = lock.holder.as_ref();
    let meant = holder.map(|holder| MeantHolder {
        instance: holder.instance.clone(),
        since_ms: holder.since_ms,
    });
    Some(StuckHolder {
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
            "{found}. It has held the lock since {}, to {} for `{}`",
            words::local_time(holder.since_ms),
            holder.kind,
            holder.client
        ),
        None => found.to_owned(),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use commonplace_api::ProcessState;
    use commonplace_api::locks::{Leftover, LockName, LockParty, LockState};

    use super::*;

    /// A host with nothing to do.
    pub(in super::super) fn calm() -> HostSummary {
        HostSummary {
            state: OverallState::Ok,
            sentence: "nothing waits".into(),
            queue_length: 0,
            waiters: 0,
            longest_wait: Duration::ZERO,
            clients: Vec::new(),
            memories: 0,
            backlog: 0,
        }
    }

    /// A holder that may be taken over.
    pub(in super::super) fn stuck_holder() -> StuckHolder {
        StuckHolder {
            event: "7 since 1".into(),
            who: "serve (pid 812)".into(),
            holder: None,
            evidence: "its holder's process is stopped".into(),
            act: SettleAct::TakeOver,
        }
    }

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
        let expected = HostSummary {
            state: OverallState::Busy,
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
        assert_eq!(HostSummary::of(&status), expected);
        status.state = OverallState::Paused;
        assert_eq!(HostSummary::of(&status).state, OverallState::Paused);
        status.state = OverallState::Unknown;
        assert_eq!(HostSummary::of(&status).state, OverallState::Error);
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
                host_name: "controller".to_owned(),
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
            let locks = LocksSummary::of(&table(act, 1));
            assert_eq!(locks.leftovers, 2);
            assert_eq!(locks.stuck.map(|stuck| stuck.act), expected, "{act:?}");
        }
        let stuck = LocksSummary::of(&table(Some(TakeOver), 1)).stuck.unwrap();
        assert_eq!(stuck.who, "serve (pid 1)");
        assert_eq!(stuck.evidence, "its holder is stopped");
        let holder = stuck.holder.unwrap();
        assert_eq!((holder.instance.as_str(), holder.since_ms), ("7", 0));
        let own = table(Some(Terminate), std::process::id());
        assert_eq!(LocksSummary::of(&own).stuck, None, "nobody ends itself");
    }
}
