//! What can go wrong when the locks are opened and when one is taken.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::holder::HolderRecord;
use crate::identity::{Identity, InstanceId};
use crate::instances::InstanceRecord;

/// Says why the locks of a store could not be opened, announced, listed or watched.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Locks between programs cannot be relied on there; nothing was created.
    #[error(
        "cannot keep a store at `{path}`: it is on a network file system ({kind}), where locks \
         between programs cannot be relied on; choose a folder on a local disk, or use the team \
         backend (PostgreSQL) to share one memory between machines"
    )]
    NetworkFileSystem {
        /// The lock directory that was asked for.
        path: PathBuf,
        /// Type of the file system as the operating system names it.
        kind: String,
    },
    /// An instance is alive here whose locks do not stop this program. Nothing was opened.
    #[error(
        "the locks of other programs do not hold here: {} has the store open through `{}`, which is the same directory as \
         `{}` but on another file system, and locks do not pass between the two. Both would write at once and damage the \
         store. Use the other path, or end that program first",
        program(other),
        other_path.display(),
        path.display()
    )]
    LocksApart {
        /// The lock directory that was asked for.
        path: PathBuf,
        /// The same directory, as the other instance sees it.
        other_path: PathBuf,
        /// Whose locks they are.
        other: Box<Identity>,
    },
    /// The caller used one identity for two openings.
    #[error(
        "instance {instance} has its locks in `{path}` open already; each opening needs an \
         identity with a new instance id"
    )]
    InstanceInUse {
        /// The id that is in use.
        instance: InstanceId,
        /// The lock directory.
        path: PathBuf,
    },
    /// The operating system refused a step.
    #[error("could not {operation} `{path}`")]
    Io {
        /// The step, as the middle of a sentence.
        operation: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The operating system does not report changes of the lock directory.
    #[error("could not watch `{path}` for changes")]
    Watch {
        /// The lock directory.
        path: PathBuf,
        /// What the watcher said.
        source: notify::Error,
    },
}

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
        /// For how long that holder has had it, by the wall clock.
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
        "could not take the store for this program alone (`{}`) within {}: {}",
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

/// A refused step on a path, before it is known which public error it becomes.
#[derive(Debug)]
pub(crate) struct PathError {
    operation: &'static str,
    path: PathBuf,
    source: io::Error,
}

impl PathError {
    /// Makes a converter for `map_err`.
    pub(crate) fn of(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self {
            operation,
            path: path.to_owned(),
            source,
        }
    }
}

impl fmt::Display for PathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "could not {} `{}`: {}",
            self.operation,
            self.path.display(),
            self.source
        )
    }
}

impl From<PathError> for OpenError {
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
    let mut text = format!("held by {}", program(&holder.identity));
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

/// Describes the instances that keep a store open, and what to do about them.
fn in_the_way(instances: &[InstanceRecord]) -> String {
    if instances.is_empty() {
        return "in use by this program itself or by one that cannot be named".to_owned();
    }
    let names: Vec<_> = instances
        .iter()
        .map(|instance| program(&instance.identity))
        .collect();
    format!("in use by {}; stop them and try again", names.join(" and "))
}

/// Describes a program: `pid 812 (commonplace 0.3 serve, on host a)`.
fn program(identity: &Identity) -> String {
    let Identity {
        pid,
        program,
        version,
        role,
        host_name,
        ..
    } = identity;
    format!("pid {pid} ({program} {version} {role}, on host {host_name})")
        .escape_debug()
        .to_string()
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
    use crate::identity::{Generation, Purpose};
    use crate::testing;

    fn holder(client: &str) -> HolderRecord {
        HolderRecord {
            identity: Identity {
                pid: 812,
                host_name: "a".into(),
                version: "0.3".into(),
                ..testing::identity()
            },
            purpose: Purpose {
                client: client.into(),
                kind: "store".into(),
                requests: 12,
                progress: None,
            },
            generation: Generation(0),
            epoch: Some(17),
            since_ms: 0,
        }
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
    fn a_timeout_names_the_holder_and_says_what_to_do() {
        assert_eq!(
            timed_out(Some(holder("claude-1")), Some(Duration::from_millis(3_210))),
            "could not take the write lock on `/x/locks/write.lock` within 5s: held by pid 812 \
             (commonplace 0.3 serve, on host a) for 3.2s, working for `claude-1` (store); `commonplace locks` shows whether it is stuck and what may be done"
        );
    }

    #[test]
    fn a_timeout_without_a_record_says_so() {
        assert_eq!(
            timed_out(None, None),
            "could not take the write lock on `/x/locks/write.lock` within 5s: held by a program \
             that left no readable record; `commonplace locks` shows whether it is stuck and what may be done"
        );
    }

    #[test]
    fn control_characters_of_a_client_stay_out_of_the_message() {
        let text = timed_out(Some(holder("evil\u{1b}[2J\n")), None);
        assert!(text.contains(r"`evil\u{1b}[2J\n`"), "{text}");
        assert!(!text.chars().any(char::is_control), "{text}");
    }

    #[test]
    fn a_store_in_use_names_all_who_are_in_the_way() {
        let instance = |pid| InstanceRecord {
            identity: Identity {
                pid,
                ..holder("").identity
            },
            since_ms: 0,
            url: None,
            mcp_url: None,
            file: None,
            socket: None,
            network: None,
        };
        let error = AcquireError::StoreInUse {
            path: "/x/locks/store.lock".into(),
            waited: Duration::from_millis(250),
            instances: vec![instance(7), instance(8)],
        };
        assert_eq!(
            error.to_string(),
            "could not take the store for this program alone (`/x/locks/store.lock`) within 250ms: \
             in use by pid 7 (commonplace 0.3 serve, on host a) and pid 8 (commonplace 0.3 serve, on \
             host a); stop them and try again"
        );
    }

    #[test]
    fn durations_read_well() {
        let texts = [0, 999, 1000, 1499, 90_000].map(|ms| seconds(Duration::from_millis(ms)));
        assert_eq!(texts, ["0ms", "999ms", "1s", "1.5s", "90s"]);
    }
}
