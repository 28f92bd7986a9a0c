//! Takes from a status and from the table of locks what the tray shows.

use std::time::Duration;

use commonplace_api::locks::{MeantHolder, SettleAct};
use serde_json::Value;

use crate::cli::output;
use crate::desktop::{Glance, Locks, State, Stuck};

/// MCP has no connections: a client counts as connected if it asked within this time.
const RECENT_MS: i64 = 5 * 60 * 1000;

/// Reads a status.
pub(super) fn glance_of(status: &Value) -> Glance {
    let number = |value: &Value| value.as_u64().unwrap_or(0);
    let now_ms = status["now_ms"].as_i64().unwrap_or(0);
    let clients = status["clients"].as_array().into_iter().flatten();
    let connected = clients.filter(|client| is_connected(client, now_ms));
    Glance {
        state: match status["state"].as_str() {
            Some("ok") => State::Ok,
            Some("busy") => State::Busy,
            Some("waiting") => State::Waiting,
            Some("paused") => State::Paused,
            _ => State::Error,
        },
        sentence: status["diagnosis"]
            .as_str()
            .unwrap_or("?")
            .trim_end_matches('.')
            .to_owned(),
        queue_length: number(&status["queue"]["length"]) as usize,
        waiters: status["lock"]["waiters"].as_array().map_or(0, Vec::len),
        longest_wait: longest_wait(status, now_ms),
        clients: connected.map(client_name).collect(),
        memories: number(&status["memories"]["total"]),
        backlog: number(&status["index"]["backlog"]),
    }
}

/// The longest wait in this host's queue, or for the lock in any instance.
fn longest_wait(status: &Value, now_ms: i64) -> Duration {
    let waiters = status["lock"]["waiters"].as_array().into_iter().flatten();
    let since = waiters
        .filter_map(|waiter| waiter["since_ms"].as_i64())
        .min();
    let for_lock = since.map_or(0, |since| now_ms - since);
    let in_queue = status["queue"]["oldest_ms"].as_i64().unwrap_or(0);
    let longest = u64::try_from(for_lock.max(in_queue));
    Duration::from_millis(longest.unwrap_or(0))
}

fn is_connected(client: &Value, now_ms: i64) -> bool {
    client["in_flight"].as_u64().unwrap_or(0) > 0
        || now_ms - client["last_seen_ms"].as_i64().unwrap_or(0) < RECENT_MS
}

fn client_name(client: &Value) -> String {
    let mut name = client["client"].as_str().unwrap_or("unknown").to_owned();
    if let Some(version) = client["version"].as_str() {
        name = format!("{name} {version}");
    }
    match client["project"].as_str() {
        Some(project) => format!("{name}, project {project}"),
        None => name,
    }
}

/// Reads the table of locks. This program itself is never stuck: it would not be reading.
pub(super) fn locks_of(report: &Value) -> Locks {
    let locks = report["locks"].as_array().into_iter().flatten();
    Locks {
        leftovers: report["leftovers"].as_array().map_or(0, Vec::len),
        stuck: locks
            .filter(|lock| lock["holder"]["pid"] != std::process::id())
            .find_map(stuck),
    }
}

fn stuck(lock: &Value) -> Option<Stuck> {
    let act = match lock["act"].as_str()? {
        "take_over" => SettleAct::TakeOver,
        "terminate" => SettleAct::Terminate,
        _ => return None,
    };
    let holder = &lock["holder"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Some(Stuck {
        event: format!(
            "{} {} {}",
            lock["path"], holder["instance"], holder["since_ms"]
        ),
        who: match holder["pid"].as_u64() {
            Some(pid) => format!("{} (pid {pid})", text(&holder["role"])),
            None => "an unknown program".to_owned(),
        },
        holder: meant(holder),
        evidence: evidence(lock),
        act,
    })
}

/// Names the holder and its turn, for the one who settles it.
fn meant(holder: &Value) -> Option<MeantHolder> {
    Some(MeantHolder {
        instance: holder["instance"].as_str()?.to_owned(),
        since_ms: holder["since_ms"].as_i64()?,
    })
}

/// The evidence without the commands for a terminal, and since when.
fn evidence(lock: &Value) -> String {
    let words = lock["words"].as_str().unwrap_or_default();
    let found = words.split(';').next().unwrap_or_default();
    let holder = &lock["holder"];
    match holder["since_ms"].as_i64().filter(|since| *since > 0) {
        Some(since_ms) => format!(
            "{found}. It has had it since {}, to {} for `{}`",
            output::local_time(since_ms),
            holder["kind"].as_str().unwrap_or("?"),
            holder["client"].as_str().unwrap_or("?")
        ),
        None => found.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_tray_shows_what_the_status_says() {
        let status = json!({
            "now_ms": 1_000_000, "state": "waiting", "diagnosis": "One write is waiting.",
            "queue": { "length": 3, "oldest_ms": 2_000 }, "memories": { "total": 7 }, "index": { "backlog": 2 },
            "lock": { "waiters": [{ "since_ms": 993_000 }, { "since_ms": 998_000 }] },
            "clients": [
                { "client": "claude-code", "version": "2.1", "in_flight": 0, "last_seen_ms": 900_000 },
                { "client": "codex", "project": "x", "in_flight": 1, "last_seen_ms": 0 },
                { "client": "gone", "in_flight": 0, "last_seen_ms": 0 },
            ],
        });
        let expected = Glance {
            state: State::Waiting,
            sentence: "One write is waiting".to_owned(),
            queue_length: 3,
            waiters: 2,
            longest_wait: Duration::from_secs(7),
            clients: vec!["claude-code 2.1".to_owned(), "codex, project x".to_owned()],
            memories: 7,
            backlog: 2,
        };
        assert_eq!(glance_of(&status), expected);
        assert_eq!(
            glance_of(&json!({ "state": "paused" })).state,
            State::Paused
        );
        assert_eq!(glance_of(&json!({})).state, State::Error);
    }

    fn table(act: &Value, pid: u32) -> Value {
        json!({
            "leftovers": [{}, {}],
            "locks": [{
                "path": "/x/write.lock", "act": act, "words": "its holder is stopped; `commonplace unlock` helps",
                "holder": { "instance": "7", "pid": pid, "role": "serve", "since_ms": 0, "kind": "store", "client": "c" },
            }],
        })
    }

    #[test]
    fn what_may_be_taken_over_or_ended_is_stuck_and_nothing_else() {
        for (act, expected) in [
            (json!("take_over"), Some(SettleAct::TakeOver)),
            (json!("terminate"), Some(SettleAct::Terminate)),
            (json!("clear_leftovers"), None),
            (json!(null), None),
        ] {
            let locks = locks_of(&table(&act, 1));
            assert_eq!(locks.leftovers, 2);
            assert_eq!(locks.stuck.map(|stuck| stuck.act), expected, "{act}");
        }
        let stuck = locks_of(&table(&json!("take_over"), 1)).stuck.unwrap();
        assert_eq!(stuck.who, "serve (pid 1)");
        assert_eq!(stuck.evidence, "its holder is stopped");
        let holder = stuck.holder.unwrap();
        assert_eq!((holder.instance.as_str(), holder.since_ms), ("7", 0));
        let own = table(&json!("terminate"), std::process::id());
        assert_eq!(locks_of(&own).stuck, None, "nobody ends itself");
    }
}
