//! What can go wrong with the lock directory and its files. For a lock that could not be taken see [`crate::AcquireError`].

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::identity::{Identity, InstanceId};

/// Says why the locks of a store could not be opened, announced, listed or watched.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Locks between programs cannot be relied on there; nothing was created.
    #[error(
        "cannot keep a store at `{path}`: it is on a network file system ({kind}), where locks between programs cannot be \
         relied on; a store must be on a local disk: choose a directory there with --data-dir"
    )]
    NetworkFileSystem {
        /// The lock directory that was asked for.
        path: PathBuf,
        /// Type of the file system as the operating system names it.
        kind: String,
    },
    /// An instance is alive here whose locks do not exclude this program. Nothing was opened.
    #[error(
        "the locks of other programs do not hold here: {} has the store open through `{}`, which is the same directory as \
         `{}` but on another file system, and locks do not pass between the two. Both would write at once and damage the \
         store. Use the other path, or end that program first",
        other,
        other_path.display(),
        path.display()
    )]
    LocksApart {
        /// The lock directory that was asked for.
        path: PathBuf,
        /// The same directory, as the other instance sees it.
        other_path: PathBuf,
        /// The instance that is alive.
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

/// A step that the operating system refused, before it is known which public error it becomes.
#[derive(Debug)]
pub(crate) struct PathError {
    /// The step, as the middle of a sentence.
    pub(crate) operation: &'static str,
    pub(crate) path: PathBuf,
    pub(crate) source: io::Error,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_refusal_of_a_network_file_system_says_what_to_do() {
        let error = OpenError::NetworkFileSystem {
            path: "/home/bob/locks".into(),
            kind: "nfs4".into(),
        };
        assert_eq!(
            error.to_string(),
            "cannot keep a store at `/home/bob/locks`: it is on a network file system (nfs4), where locks between programs \
             cannot be relied on; a store must be on a local disk: choose a directory there with --data-dir"
        );
    }
}
