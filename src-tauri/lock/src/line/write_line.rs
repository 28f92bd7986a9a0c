//! What one instance knows of the line: which generation of the write lock is in force, and who is passed over.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use super::pool::WaitPool;
use super::ticket::{self, Names};
use super::write_files::WriteFiles;
use crate::error::PathError;
use crate::identity::Generation;
use crate::liveness::life;
use crate::liveness::this_instance::ThisInstance;

/// The line for the write lock, as one instance sees it.
#[derive(Debug)]
pub(crate) struct WriteLine {
    pub(super) instance: Arc<ThisInstance>,
    /// Threads that wait for the write lock.
    pub(super) pool: WaitPool,
    /// The write lock that is in force, as far as this instance knows.
    in_force: RwLock<Arc<WriteFiles>>,
    /// Tickets of those who did not take the lock when it was free.
    passed_over: Mutex<Names>,
    waits: AtomicU64,
}

impl WriteLine {
    /// Opens the line of the latest generation, and removes the tickets of dead instances from it.
    pub(crate) fn open(instance: &Arc<ThisInstance>) -> Result<Self, PathError> {
        let line = Self {
            in_force: RwLock::new(Arc::new(WriteFiles::open_newest(&instance.paths)?)),
            instance: Arc::clone(instance),
            pool: WaitPool::default(),
            passed_over: Mutex::default(),
            waits: AtomicU64::new(0),
        };
        line.sweep();
        Ok(line)
    }

    /// Removes the tickets of dead instances.
    pub(crate) fn sweep(&self) {
        let paths = &self.instance.paths;
        ticket::sweep(&self.in_force().line, |id| life::is_alive(paths, id));
    }

    /// Returns the write lock that is in force, as far as this instance knows.
    pub(crate) fn in_force(&self) -> Arc<WriteFiles> {
        Arc::clone(&self.in_force.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Returns the write lock that is in force, checking first whether it has been taken over.
    pub(crate) fn newest(&self) -> Result<Arc<WriteFiles>, PathError> {
        let files = self.in_force();
        if !files.has_successor() {
            return Ok(files);
        }
        let newest = self.instance.paths.generations()?.pop();
        self.adopt(newest.unwrap_or_default())?;
        Ok(self.in_force())
    }

    /// Tells whether `files` are no longer the write lock that is in force.
    pub(super) fn is_outdated(&self, files: &WriteFiles) -> bool {
        files.has_successor() || files.generation != self.in_force().generation
    }

    /// Uses the write lock of `generation` from now on.
    pub(crate) fn adopt(&self, generation: Generation) -> Result<(), PathError> {
        if self.in_force().generation == generation {
            return Ok(());
        }
        let new = Arc::new(WriteFiles::open(&self.instance.paths, generation)?);
        *self
            .in_force
            .write()
            .unwrap_or_else(PoisonError::into_inner) = new;
        self.known_passed_over().clear();
        tracing::info!(target: crate::LOG, instance = %self.instance.id(), %generation, "using another write lock");
        Ok(())
    }

    /// Returns the tickets that are left out of the line.
    pub(super) fn passed_over(&self) -> Names {
        self.known_passed_over().clone()
    }

    /// Leaves `tickets` out of the line from now on.
    pub(super) fn pass_over(&self, tickets: Names) {
        let line = self.in_force().line.clone();
        let mut known = self.known_passed_over();
        known.retain(|name| line.join(name).exists());
        known.extend(tickets);
    }

    fn known_passed_over(&self) -> MutexGuard<'_, Names> {
        self.passed_over
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Numbers the waits of this instance, from 1.
    pub(super) fn next_wait(&self) -> u64 {
        self.waits.fetch_add(1, Ordering::Relaxed) + 1
    }
}
