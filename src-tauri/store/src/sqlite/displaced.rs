//! What it means that the files that are open are not the ones of the store any more.

use std::path::{Path, PathBuf};

use commonplace_lock::{Found, LifeLost};

/// Says that the files that are open are not the ones that the names of the store lead to. Nothing is written and nothing
/// is read in that state; what was acknowledged is in the files that are open.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Displaced {
    /// The database.
    #[error(
        "`{}` {found} while this program has it open{}. The open file still has everything that was acknowledged: \
         `commonplace backup --to FILE` writes it out, as long as this program runs, and what has no name any more is written \
         into the directory of backups when it ends. Then put the right file back, and this program goes on by itself; or \
         end it and start it again to use what is there now",
        path.display(),
        now_at(moved_to.as_deref())
    )]
    Database {
        /// Its name.
        path: PathBuf,
        /// What is there now.
        found: Found,
        /// Where the file is now that is open; None if it has no name any more, or if that is not known.
        moved_to: Option<PathBuf>,
    },
    /// The write-ahead log, in which the last commits are, or the memory that its users share.
    #[error(
        "`{}`, which belongs to an open database, {found}. This program still has everything that was acknowledged: \
         `commonplace backup --to FILE` writes it out, as long as it runs. Then end all programs that have the store open and \
         start again",
        path.display()
    )]
    Log {
        /// Its name.
        path: PathBuf,
        /// What is there now.
        found: Found,
    },
    /// Others may take this instance for dead.
    #[error(
        "{0}. Nothing was written since; end this program, make sure that all use the same path, and start it again"
    )]
    Life(#[from] LifeLost),
}

fn now_at(moved_to: Option<&Path>) -> String {
    moved_to.map_or_else(String::new, |path| {
        format!(" and is now at `{}`", path.display())
    })
}
