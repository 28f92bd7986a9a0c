//! The diagnosis: one sentence that says whether anything is waiting, and why.

use commonplace_api::locks::{LockParty, LockState};
use commonplace_api::status::{FloodStatus, IntegrityStatus, OverallState};
use commonplace_api::{Pause, ProcessState};

/// A wait longer than this is reported, in milliseconds.
const WAITING_MS: u64 = 1_000;
/// A hold longer than this is reported, in milliseconds; a commit takes some milliseconds.
const HOLD_LONG_MS: i64 = 2_000;

/// What the diagnosis looks at.
pub(crate) struct Facts<'a> {
    pub(crate) now_ms: i64,
    pub(crate) stopped: Option<&'a str>,
    /// How the open files are not those of the store any more.
    pub(crate) displaced: Option<&'a str>,
    pub(crate) failing: Option<&'a str>,
    pub(crate) integrity: &'a IntegrityStatus,
    /// Acknowledged writes that are missing, in words.
    pub(crate) lost: Option<&'a str>,
    pub(crate) pause: Option<&'a Pause>,
    pub(crate) settings_problem: Option<&'a str>,
    /// Kind of the file system of the store, if it is not known whether file locks work there.
    pub(crate) doubtful_file_system: Option<&'a str>,
    pub(crate) own_instance: &'a str,
    pub(crate) lock: LockState,
    pub(crate) holder: Option<&'a LockParty>,
    /// What the system says of the holder's process.
    pub(crate) holder_process: ProcessState,
    /// Instances that wait for the lock, this one included.
    pub(crate) waiters: usize,
    pub(crate) queue_length: usize,
    pub(crate) queue_limit: usize,
    pub(crate) oldest_ms: u64,
    pub(crate) flood: Option<&'a FloodStatus>,
}

/// Judges the facts.
pub(crate) fn diagnose(facts: &Facts<'_>) -> (OverallState, String) {
    let error = |sentence| (OverallState::Error, sentence);
    if let Some(reason) = facts.stopped {
        return error(format!("Writing has stopped: {reason}."));
    }
    if let Some(reason) = facts.displaced {
        return error(format!("Nothing is written or read: {reason}."));
    }
    if let IntegrityStatus::Damaged(what) = facts.integrity {
        return error(format!("The check of the store found damage: {what}."));
    }
    if let Some(lost) = facts.lost {
        return error(format!("The store went back in time: {lost}."));
    }
    if let Some(pause) = facts.pause {
        return (OverallState::Paused, pause_words(pause, facts.queue_length));
    }
    if let Some(reason) = facts.failing {
        return error(format!("The last write failed: {reason}."));
    }
    if let Some(sentence) = waiting_words(facts) {
        return (OverallState::Waiting, sentence);
    }
    if let Some(flood) = facts.flood {
        return (OverallState::Busy, flood_words(flood));
    }
    if facts.queue_length > 0 {
        let sentence = format!("{}; none for long.", writes(facts.queue_length));
        return (OverallState::Busy, sentence);
    }
    (OverallState::Ok, calm_words(facts))
}

fn waiting_words(facts: &Facts<'_>) -> Option<String> {
    if let Some(sentence) = stopped_holder(facts) {
        return Some(sentence);
    }
    let what = if facts.queue_length >= facts.queue_limit {
        format!(
            "The write queue is full: {} writes are waiting and new ones are refused.",
            facts.queue_length
        )
    } else if facts.oldest_ms >= WAITING_MS {
        let wait = seconds(facts.oldest_ms as i64);
        format!("{} for up to {wait}.", writes(facts.queue_length))
    } else {
        return None;
    };
    Some(format!("{what} {}", reasons(facts)))
}

fn calm_words(facts: &Facts<'_>) -> String {
    let mut text = "Nothing is waiting.".to_owned();
    if let Some(problem) = facts.settings_problem {
        text += &format!(
            " The settings file was changed but is not in use, and the old values stay: {problem}."
        );
    }
    if let Some(kind) = facts.doubtful_file_system {
        text += &format!(
            " It is not known whether file locks work on the file system of the store (`{kind}`): let all programs open it by the same path."
        );
    }
    text
}

/// A stopped holder is reported before anybody has waited for long: it will not go on by itself.
fn stopped_holder(facts: &Facts<'_>) -> Option<String> {
    let holder = facts.holder.filter(|_| facts.lock == LockState::Held)?;
    let is_stopped = facts.holder_process == ProcessState::Stopped;
    if !is_stopped || facts.now_ms - holder.since_ms < HOLD_LONG_MS {
        return None;
    }
    let waiting = match facts.waiters.max(usize::from(facts.queue_length > 0)) {
        0 => "nothing is waiting yet".to_owned(),
        1 => "one instance is waiting".to_owned(),
        count => format!("{count} instances are waiting"),
    };
    Some(format!(
        "{} has been stopped for {} while holding the write lock; {waiting}. Continue that process; `commonplace locks` shows what else can be done.",
        who(holder),
        seconds(facts.now_ms - holder.since_ms)
    ))
}

fn who(holder: &LockParty) -> String {
    format!(
        "{} (pid {} on {})",
        holder.role, holder.pid, holder.host_name
    )
}

/// A flood is the reason where nothing else is in the way, and is added where something is.
fn reasons(facts: &Facts<'_>) -> String {
    match (facts.flood, facts.lock) {
        (Some(flood), LockState::Free | LockState::Leftover) => flood_words(flood),
        (Some(flood), _) => format!("{} {}", why(facts), flood_words(flood)),
        (None, _) => why(facts),
    }
}

fn flood_words(flood: &FloodStatus) -> String {
    format!(
        "Client `{}` floods: {} of {} waiting writes are its own; others are served first.",
        flood.client, flood.own, flood.waiting
    )
}

fn pause_words(pause: &Pause, queue_length: usize) -> String {
    let waiting = match queue_length {
        0 => String::new(),
        count => format!(" {}.", writes(count)),
    };
    format!("Writes are paused {pause}.{waiting} `commonplace resume` resumes them.")
}

fn why(facts: &Facts<'_>) -> String {
    let Some(holder) = facts.holder else {
        return match facts.lock {
            LockState::HeldByUnknown => {
                "A program that left no record holds the write lock; `commonplace locks` shows what is known.".to_owned()
            }
            _ => "The write lock is free: writes arrive faster than the disk can commit them. Send fewer at once, or move the store to a faster disk.".to_owned(),
        };
    };
    let age = facts.now_ms - holder.since_ms;
    if holder.instance == facts.own_instance {
        return format!(
            "This host has been committing for {}: the disk is slow. Move the store to a faster one, or end what keeps it busy.",
            seconds(age)
        );
    }
    let who = who(holder);
    if age >= HOLD_LONG_MS {
        format!(
            "The write lock has been held by {who} for {}; `commonplace locks` shows whether it is stuck and what can be done.",
            seconds(age)
        )
    } else {
        format!("{who} holds the write lock right now.")
    }
}

fn writes(count: usize) -> String {
    if count == 1 {
        "One write is waiting".to_owned()
    } else {
        format!("{count} writes are waiting")
    }
}

fn seconds(ms: i64) -> String {
    format!("{:.1} s", ms.max(0) as f64 / 1e3)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calm() -> Facts<'static> {
        Facts {
            now_ms: 100_000,
            stopped: None,
            displaced: None,
            failing: None,
            integrity: &IntegrityStatus::Ok,
            lost: None,
            pause: None,
            settings_problem: None,
            doubtful_file_system: None,
            own_instance: "me",
            lock: LockState::Free,
            holder: None,
            holder_process: ProcessState::Running,
            waiters: 0,
            queue_length: 0,
            queue_limit: 1000,
            oldest_ms: 0,
            flood: None,
        }
    }

    fn with<'a>(change: impl FnOnce(&mut Facts<'a>)) -> Facts<'a> {
        let mut facts = calm();
        change(&mut facts);
        facts
    }

    fn party(instance: &str, since_ms: i64) -> LockParty {
        LockParty {
            instance: instance.to_owned(),
            pid: 812,
            role: "serve".to_owned(),
            version: "0.1.0".to_owned(),
            host_name: "desk".to_owned(),
            client: "claude-code".to_owned(),
            kind: "store".to_owned(),
            requests: 1,
            progress: None,
            since_ms,
        }
    }

    #[test]
    fn every_state_has_its_sentence() {
        use OverallState::{Busy, Error, Ok, Paused, Waiting};
        let other = party("other", 88_000);
        let own = party("me", 97_000);
        let pause = Pause {
            since_ms: 1_769_423_400_000,
            by: "ada".to_owned(),
        };
        let flood = FloodStatus {
            client: "importer".to_owned(),
            own: 850,
            waiting: 900,
        };
        let table = [
            (calm(), Ok, "Nothing is waiting."),
            (
                with(|facts| facts.queue_length = 2),
                Busy,
                "2 writes are waiting; none for long.",
            ),
            (
                with(|facts| {
                    facts.queue_length = 1;
                    facts.oldest_ms = 11_900;
                    facts.lock = LockState::Held;
                    facts.holder = Some(&other);
                }),
                Waiting,
                "One write is waiting for up to 11.9 s. The write lock has been held by serve (pid 812 on desk) for \
                 12.0 s; `commonplace locks` shows whether it is stuck and what can be done.",
            ),
            (
                with(|facts| {
                    facts.queue_length = 3;
                    facts.oldest_ms = 3_000;
                    facts.lock = LockState::Held;
                    facts.holder = Some(&own);
                }),
                Waiting,
                "3 writes are waiting for up to 3.0 s. This host has been committing for 3.0 s: the disk is slow. Move the \
                 store to a faster one, or end what keeps it busy.",
            ),
            (
                with(|facts| {
                    facts.lock = LockState::Held;
                    facts.holder = Some(&other);
                    facts.holder_process = ProcessState::Stopped;
                    facts.waiters = 2;
                }),
                Waiting,
                "serve (pid 812 on desk) has been stopped for 12.0 s while holding the write lock; 2 instances are waiting. \
                 Continue that process; `commonplace locks` shows what else can be done.",
            ),
            (
                with(|facts| {
                    facts.queue_length = 40;
                    facts.oldest_ms = 2_000;
                }),
                Waiting,
                "40 writes are waiting for up to 2.0 s. The write lock is free: writes arrive faster than the disk can \
                 commit them. Send fewer at once, or move the store to a faster disk.",
            ),
            (
                with(|facts| {
                    facts.queue_length = 1000;
                    facts.lock = LockState::HeldByUnknown;
                }),
                Waiting,
                "The write queue is full: 1000 writes are waiting and new ones are refused. A program that left no record \
                 holds the write lock; `commonplace locks` shows what is known.",
            ),
            (
                with(|facts| {
                    facts.queue_length = 900;
                    facts.flood = Some(&flood);
                }),
                Busy,
                "Client `importer` floods: 850 of 900 waiting writes are its own; others are served first.",
            ),
            (
                with(|facts| {
                    facts.queue_length = 900;
                    facts.oldest_ms = 3_000;
                    facts.flood = Some(&flood);
                    facts.lock = LockState::Held;
                    facts.holder = Some(&own);
                }),
                Waiting,
                "900 writes are waiting for up to 3.0 s. This host has been committing for 3.0 s: the disk is slow. Move \
                 the store to a faster one, or end what keeps it busy. Client `importer` floods: 850 of 900 waiting writes are its own; others are served first.",
            ),
            (
                with(|facts| {
                    facts.queue_length = 2;
                    facts.pause = Some(&pause);
                    facts.failing = Some("what failed before the pause");
                }),
                Paused,
                "Writes are paused since 2026-01-26 10:30:00 UTC by ada. 2 writes are waiting. `commonplace resume` \
                 resumes them.",
            ),
            (
                with(|facts| facts.settings_problem = Some("workers = 33")),
                Ok,
                "Nothing is waiting. The settings file was changed but is not in use, and the old values stay: workers = 33.",
            ),
            (
                with(|facts| facts.doubtful_file_system = Some("fuse.strange")),
                Ok,
                "Nothing is waiting. It is not known whether file locks work on the file system of the store (`fuse.strange`): let all programs open it by the same path.",
            ),
            (
                with(|facts| {
                    facts.displaced = Some("`commonplace.db` has been removed");
                    facts.failing = Some("of before");
                }),
                Error,
                "Nothing is written or read: `commonplace.db` has been removed.",
            ),
            (
                with(|facts| facts.stopped = Some("why")),
                Error,
                "Writing has stopped: why.",
            ),
            (
                with(|facts| facts.lost = Some("15 acknowledged writes are missing")),
                Error,
                "The store went back in time: 15 acknowledged writes are missing.",
            ),
            (
                with(|facts| facts.failing = Some("the disk is full")),
                Error,
                "The last write failed: the disk is full.",
            ),
        ];
        for (facts, state, sentence) in table {
            assert_eq!(diagnose(&facts), (state, sentence.to_owned()));
        }
    }
}
