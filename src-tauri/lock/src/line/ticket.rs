//! Tickets: places in the line for the write lock, as files whose locks prove that they are valid.
//!
//! A ticket is a file that its owner keeps locked for as long as it waits. Its name carries its number, one more than the
//! highest number in the line when it was drawn, so names sort in the order of the line. A ticket whose lock is free belongs
//! to nobody: its owner has left or is dead, and whoever finds it removes it.
//!
//! Two that are drawn at the same moment may get the same number; the instance id then decides. Mutual exclusion does not
//! depend on the order of the line, so drawing needs no lock, and nobody can be stopped inside a critical section here.
//!
//! As with life locks (see [`crate::liveness::life`]), a ticket is made as `.new`, locked, then renamed, so that nobody sees
//! one that is "not locked yet", and its name is never reused.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::error::PathError;
use crate::file::json::remove;
use crate::file::lock_file::{self, Mode};
use crate::file::{paths, platform};
use crate::identity::InstanceId;

/// Names of tickets.
pub(crate) type Names = BTreeSet<String>;

/// A place in the line, until [`Ticket::leave`] or until the process dies.
#[derive(Debug)]
pub(crate) struct Ticket {
    dir: PathBuf,
    name: String,
    /// None once it has left the line.
    file: Mutex<Option<File>>,
}

impl Ticket {
    /// Joins the line in `dir` at its end. `n` tells the tickets of one instance apart and must not be used twice.
    pub(crate) fn draw(dir: &Path, id: &InstanceId, n: u64) -> Result<Self, PathError> {
        let new = dir.join(paths::new_ticket_name(id, n));
        let file = platform::open_record_file(&new).map_err(PathError::of("create", &new))?;
        // Nobody else opens a file of this name while its instance is alive, so its lock is free.
        lock_file::try_lock(&file, Mode::Exclusive).map_err(PathError::of("lock", &new))?;
        let number = last_number(dir)?.saturating_add(1);
        let name = paths::ticket_name(number, id, n);
        fs::rename(&new, dir.join(&name)).map_err(PathError::of("rename", &new))?;
        Ok(Self {
            dir: dir.to_owned(),
            name,
            file: Mutex::new(Some(file)),
        })
    }

    /// Returns the name of its file; names sort in the order of the line.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Leaves the line. May be called again.
    ///
    /// Closes the file, although a waiting thread may keep the ticket for long: where a removed file keeps its name until it
    /// is closed (Windows, on some file systems), nobody could look at it, and all would wait for it.
    pub(crate) fn leave(&self) {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(file) = file.take() else {
            return;
        };
        // In this order: a program that is stopped in between leaves a ticket that nobody holds, and not others who wait for
        // one that is no longer in the line.
        if let Err(error) = lock_file::unlock(&file) {
            tracing::warn!(target: crate::LOG, ticket = self.name, %error, "could not release a ticket");
        }
        remove(&self.dir.join(&self.name));
    }

    /// Returns the ticket right before this one, leaving out `passed_over`; None if this one is first. Removes those that
    /// nobody holds.
    pub(crate) fn predecessor(&self, passed_over: &Names) -> Result<Option<PathBuf>, PathError> {
        let names = names(&self.dir, passed_over)?;
        let earlier = names.iter().rev().filter(|name| **name < self.name);
        Ok(earlier
            .map(|name| self.dir.join(name))
            .find(|path| is_held(path)))
    }

    /// Returns the names of all tickets before this one that are held, leaving out `passed_over`.
    pub(crate) fn predecessors(&self, passed_over: &Names) -> Result<Names, PathError> {
        let names = names(&self.dir, passed_over)?;
        Ok(names
            .into_iter()
            .filter(|name| *name < self.name && is_held(&self.dir.join(name)))
            .collect())
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.leave();
    }
}

/// Tells whether anybody waits in the line in `dir`, leaving out `passed_over`. Removes tickets that nobody holds.
pub(crate) fn has_line(dir: &Path, passed_over: &Names) -> Result<bool, PathError> {
    let names = names(dir, passed_over)?;
    Ok(names.iter().any(|name| is_held(&dir.join(name))))
}

/// Waits until `path` is nobody's ticket any more: its owner has left the line or is dead. Blocks, without a limit.
pub(crate) fn wait_gone(path: &Path) -> Result<(), PathError> {
    match File::open(path) {
        // Closing the file releases the share.
        Ok(file) => {
            lock_file::lock_blocking(&file, Mode::Shared).map_err(PathError::of("wait for", path))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        // Windows refuses to open a file that is being removed.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            std::thread::yield_now();
            Ok(())
        }
        Err(error) => Err(PathError::of("open", path)(error)),
    }
}

/// Removes what dead instances have left in the line in `dir`: tickets, and tickets that were never finished.
pub(crate) fn sweep(dir: &Path, is_alive: impl Fn(&InstanceId) -> bool) {
    for name in paths::file_names(dir).unwrap_or_default() {
        if paths::ticket_of(&name).is_some() {
            is_held(&dir.join(name));
        } else if paths::instance_of_new_ticket(&name).is_some_and(|id| !is_alive(&id)) {
            remove(&dir.join(name));
        }
    }
}

/// Lists the tickets in `dir` in the order of the line.
fn names(dir: &Path, passed_over: &Names) -> Result<Vec<String>, PathError> {
    let mut names = paths::file_names(dir)?;
    names.retain(|name| paths::ticket_of(name).is_some() && !passed_over.contains(name));
    Ok(names)
}

fn last_number(dir: &Path) -> Result<u64, PathError> {
    let names = names(dir, &Names::new())?;
    let last = names.last().and_then(|name| paths::ticket_of(name));
    Ok(last.map_or(0, |(number, _)| number))
}

/// Tells whether somebody holds the ticket at `path`; removes it if not. "Yes" also if that cannot be found out.
fn is_held(path: &Path) -> bool {
    let result = File::open(path).and_then(|file| {
        let is_free = lock_file::try_lock(&file, Mode::Exclusive)?;
        if is_free {
            remove(path);
        }
        Ok(!is_free)
    });
    match result {
        Ok(is_held) => is_held,
        Err(error) if error.kind() == io::ErrorKind::NotFound => false,
        Err(error) => {
            tracing::debug!(target: crate::LOG, path = %path.display(), %error, "cannot look at a ticket");
            true
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draw(dir: &Path) -> Ticket {
        Ticket::draw(dir, &InstanceId::random(), 1).unwrap()
    }

    fn file_count(dir: &Path) -> usize {
        paths::file_names(dir).unwrap().len()
    }

    #[test]
    fn each_ticket_stands_behind_those_that_are_there() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path();
        assert!(!has_line(dir, &Names::new()).unwrap());
        let [first, second, third] = [(); 3].map(|()| draw(dir));
        assert!(first.name() < second.name() && second.name() < third.name());
        assert_eq!(first.predecessor(&Names::new()).unwrap(), None);
        let before_third = |passed_over| third.predecessor(passed_over).unwrap();
        let nobody = Names::new();
        assert_eq!(before_third(&nobody), Some(dir.join(second.name())));
        second.leave();
        assert_eq!(before_third(&nobody), Some(dir.join(first.name())));
        let passed_over = Names::from([first.name().to_owned()]);
        assert_eq!(third.predecessors(&nobody).unwrap(), passed_over);
        assert_eq!(before_third(&passed_over), None);
        drop(first);
        assert_eq!(before_third(&nobody), None);
        drop(third);
        assert!(!has_line(dir, &Names::new()).unwrap());
        assert_eq!(file_count(dir), 0, "who has left leaves nothing behind");
    }

    #[test]
    fn tickets_of_the_dead_are_removed_by_whoever_finds_them() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path();
        let dead = paths::ticket_name(7, &InstanceId::random(), 1);
        fs::write(dir.join(&dead), "").unwrap();
        let ticket = draw(dir);
        assert!(ticket.name() > dead.as_str(), "numbers go on after a death");
        assert_eq!(ticket.predecessor(&Names::new()).unwrap(), None);
        assert_eq!(file_count(dir), 1);
        let born = |id: &InstanceId| dir.join(format!("{id}-1.new"));
        let (alive, gone) = (InstanceId::random(), InstanceId::random());
        for path in [born(&alive), born(&gone), dir.join(&dead)] {
            fs::write(path, "").unwrap();
        }
        sweep(dir, |id| *id == alive);
        assert!(born(&alive).exists(), "it is just being drawn");
        assert_eq!(file_count(dir), 2, "and the ticket is still there");
    }

    #[test]
    fn foreign_files_are_no_tickets() {
        let folder = tempfile::tempdir().unwrap();
        for name in [
            "notes.ticket",
            "00000000000000000001.ticket",
            "a-b-c.ticket",
        ] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        assert!(!has_line(folder.path(), &Names::new()).unwrap());
        let first = draw(folder.path());
        assert_eq!(first.predecessor(&Names::new()).unwrap(), None);
    }

    #[test]
    fn waiting_ends_when_the_owner_leaves() {
        let folder = tempfile::tempdir().unwrap();
        let ticket = draw(folder.path());
        let path = folder.path().join(ticket.name());
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| wait_gone(&path));
            ticket.leave();
            waiting.join().unwrap().unwrap();
        });
        wait_gone(&path).expect("who is gone already is not waited for");
    }
}
