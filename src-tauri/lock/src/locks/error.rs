//! Why a lock could not be taken.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::error::PathError;
use crate::records::holder::HolderRecord;
use crate::records::instance::InstanceRecord;

/// Says why a lock could not be taken.
#[derive(Debug, thiserror::Error)]
pub enum AcquireError {
    /// Another holder kept the lock for the whole wait.
    #[error(
        "could not take the {lock} on `{}` within {}: {}; `commonplace locks` shows whether it is stuck and what may be done",
        path.display(),
        seconds(*waited),
        held_by(holder.as_deref(), *held_for)
    )]
    TimedOut {
        /// Which lock it was.
        lock: LockName,
        /// The lock file.
        path: PathBuf,
        /// How long the call waited.
        waited: Duration,
        /// Who had the lock at the end of the wait; None if its record cannot tell.
        holder: Option<Box<HolderRecord>>,
        /// For how long that holder had held it, by the wall clock.
        held_for: Option<Duration>,
    },
    /// `keep_waiting` said no.
    #[error("gave up waiting for the {lock} on `{}` after {}", path.display(), seconds(*waited))]
    GaveUp {
        /// Which lock it was.
        lock: LockName,
        /// The lock file.
        path: PathBuf,
        /// How long the call waited.
        waited: Duration,
    },
    /// Other instances kept the store open for the whole wait.
    #[error(
        "could not get exclusive use of the store (`{}`) within {}: {}",
        path.display(),
        seconds(*waited),
        in_the_way(instances)
    )]
    StoreInUse {
        /// The lock file.
        path: PathBuf,
        /// How long the call waited.
        waited: Duration,
        /// Other instances that were alive at the end of the wait.
        instances: Vec<InstanceRecord>,
    },
    /// The operating system refused a step.
    #[error("could not {operation} `{path}`")]
    Io {
        /// The step, as the middle of a sentence.
        operation: &'static str,
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}

/// Names a lock in messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockName {
    /// `write.lock`: one batch of writes.
    Write,
    /// `store.lock`: the store as a whole.
    Store,
}

impl fmt::Display for LockName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Write => "write lock",
            Self::Store => "store lock",
        })
    }
}

impl From<PathError> for AcquireError {
    fn from(error: PathError) -> Self {
        let PathError {
            operation,
            path,
            source,
        } = error;
        Self::Io {
            operation,
            path,
            source,
        }
    }
}

/// Describes the holder as the middle of a sentence.
fn held_by(holder: Option<&HolderRecord>, held_for: Option<Duration>) -> String {
    let Some(holder) = holder else {
        return "held by a program that left no readable record".to_owned();
    };
    let mut text = format!("held by {}", holder.identity);
    if let Some(held_for) = held_for {
        text += &format!(" for {}", seconds(held_for));
    }
    let (client, kind) = (&holder.purpose.client, &holder.purpose.kind);
    if !client.is_empty() {
        text += &format!(", working for `{}`", client.escape_debug());
    }
    if !kind.is_empty() {
        text += &format!(" ({})", kind.escape_debug());
    }
    text
}

/// Describes the instances that have the store open, and what to do about them.
fn in_the_way(instances: &[InstanceRecord]) -> String {
    if instances.is_empty() {
        return "in use by this program itself or by one that cannot be named".to_owned();
    }
    let names: Vec<_> = instances
        .iter()
        .map(|instance| instance.identity.to_string())
        .collect();
    format!("in use by {}; stop them and try again", names.join(" and "))
}

/// Writes a duration for people: `850ms`, `3.2s`, `5s`.
fn seconds(duration: Duration) -> String {
    if duration < Duration::from_secs(1) {
        return format!("{}ms", duration.as_millis());
    }
    let text = format!("{:.1}", duration.as_secs_f64());
    format!("{}s", text.strip_suffix(".0").unwrap_or(&text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::Identity;
    use crate::testing;

    fn holder(client: &str) -> HolderRecord {
        let mut holder = testing::slot_record().holder;
        holder.identity.pid = 812;
        holder.identity.host_name = "a".into();
        holder.identity.version = "0.3".into();
        holder.purpose.client = client.into();
        holder
    }

    fn timed_out(holder: Option<HolderRecord>, held_for: Option<Duration>) -> String {
        AcquireError::TimedOut {
            lock: LockName::Write,
            path: "/x/locks/write.lock".into(),
            waited: Duration::from_millis(5004),
            holder: holder.map(Box::new),
            held_for,
        }
        .to_string()
    }

    #[test]
    fn a_timeout_names_the_holder_if_it_can_and_says_what_to_do() {
        let known = timed_out(Some(holder("claude-1")), Some(Duration::from_millis(3_210)));
        let cases = [
            (
                known,
                "pid 812 (commonplace 0.3 serve, on host a) for 3.2s, working for `claude-1` (store)",
            ),
            (
                timed_out(None, None),
                "a program that left no readable record",
            ),
        ];
        for (text, held_by) in cases {
            assert_eq!(
                text,
                format!(
                    "could not take the write lock on `/x/locks/write.lock` within 5s: held by {held_by}; \
                     `commonplace locks` shows whether it is stuck and what may be done"
                )
            );
        }
    }

    #[test]
    fn control_characters_of_a_client_stay_out_of_the_message() {
        let text = timed_out(Some(holder("evil\u{1b}[2J\n")), None);
        assert!(text.contains(r"`evil\u{1b}[2J\n`"), "{text}");
        assert!(!text.chars().any(char::is_control), "{text}");
    }

    #[test]
    fn a_store_in_use_names_all_who_are_in_the_way() {
        let instance = |pid| {
            let identity = Identity {
                pid,
                ..holder("").identity
            };
            InstanceRecord::new(identity, 0)
        };
        let error = AcquireError::StoreInUse {
            path: "/x/locks/store.lock".into(),
            waited: Duration::from_millis(250),
            instances: vec![instance(7), instance(8)],
        };
        assert_eq!(
            error.to_string(),
            "could not get exclusive use of the store (`/x/locks/store.lock`) within 250ms: in use by pid 7 \
             (commonplace 0.3 serve, on host a) and pid 8 (commonplace 0.3 serve, on host a); stop them and try again"
        );
    }

    #[test]
    fn durations_read_well() {
        let texts = [0, 999, 1000, 1499, 90_000].map(|ms| seconds(Duration::from_millis(ms)));
        assert_eq!(texts, ["0ms", "999ms", "1s", "1.5s", "90s"]);
    }
}
