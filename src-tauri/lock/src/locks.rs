//! The opened lock directory.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use crate::clock::{Clock, SystemClock};
use crate::errand::Errands;
use crate::error::{OpenError, PathError};
use crate::identity::{Generation, Identity};
use crate::instances::{InstanceRecord, Served};
use crate::life::{self, LifeLock, LifeLost};
use crate::lock_file::LockFile;
use crate::meeting;
use crate::network;
use crate::paths::{self, Paths};
use crate::platform;
use crate::record;
use crate::slot::Slot;
use crate::ticket::{self, Names};

/// The locks of one store, as one instance sees them.
///
/// Opening it makes the process visible to others as a living instance; dropping it ends that.
/// Guards keep the instance alive until they are dropped too. Share it by `Arc`; all methods
/// take `&self` and may be called from any thread.
#[derive(Debug)]
pub struct Locks {
    pub(crate) shared: Arc<Shared>,
}

/// What the locks and their guards have in common.
pub(crate) struct Shared {
    pub(crate) paths: Paths,
    pub(crate) identity: Identity,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) store_slot: Slot,
    pub(crate) gate_slot: Slot,
    /// Threads that wait for the write lock.
    pub(crate) errands: Errands,
    /// The write lock that is in force, as far as this instance knows.
    side: RwLock<Arc<WriteSide>>,
    /// Tickets in its line whose owners do not take their turn.
    passed_over: Mutex<Names>,
    /// What we say of ourselves; the mutex also keeps two announcements from mixing on disk.
    announced: Mutex<InstanceRecord>,
    turns: AtomicU64,
    waits: AtomicU64,
    leftovers: AtomicU64,
    /// Kind of the file system, if it is not known whether locks hold there.
    doubtful_file_system: Option<String>,
    pub(crate) life: LifeLock,
}

/// One generation of the write lock: its files.
#[derive(Debug)]
pub(crate) struct WriteSide {
    pub(crate) generation: Generation,
    pub(crate) write_lock: PathBuf,
    /// The lock file of the next generation. It is made when a holder is taken over.
    next_lock: PathBuf,
    pub(crate) slot: Slot,
    pub(crate) line: PathBuf,
}

impl WriteSide {
    /// Opens the files of a generation, making what is missing.
    fn open(paths: &Paths, generation: Generation) -> Result<Self, PathError> {
        let line = paths.line(generation);
        platform::create_dir(&line).map_err(PathError::of("create the directory", &line))?;
        let write_lock = paths.write_lock(generation);
        LockFile::open(&write_lock)?;
        Ok(Self {
            generation,
            write_lock,
            next_lock: paths.write_lock(Generation(generation.0.saturating_add(1))),
            slot: Slot::open(&paths.write_holder(generation))?,
            line,
        })
    }
}

impl Locks {
    /// Opens the lock directory `dir`, creating what is missing, and removes the records of
    /// dead instances.
    ///
    /// New directories and files are for this user only (0700 and 0600 on Unix); a directory
    /// that exists keeps its mode. Does not wait, and takes neither the write nor the store
    /// lock.
    ///
    /// # Errors
    /// [`OpenError::NetworkFileSystem`] before anything is created; [`OpenError::LocksApart`] if an instance is alive
    /// whose locks do not stop ours; [`OpenError::InstanceInUse`] if `identity.instance` is open already;
    /// [`OpenError::Io`] otherwise.
    pub fn open(dir: &Path, identity: Identity) -> Result<Self, OpenError> {
        Self::open_with_clock(dir, identity, Arc::new(SystemClock))
    }

    /// Does the same as [`Locks::open`], with the given clock for the times in records.
    ///
    /// # Errors
    /// As [`Locks::open`].
    pub fn open_with_clock(
        dir: &Path,
        identity: Identity,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, OpenError> {
        let paths = Paths::new(dir).map_err(PathError::of("find", dir))?;
        network::refuse_network(paths.dir())?;
        for dir in [paths.dir(), &paths.instances(), &paths.waiters()] {
            platform::create_dir(dir).map_err(PathError::of("create the directory", dir))?;
        }
        meeting::refuse_apart(&paths)?;
        life::sweep(&paths);
        for path in [paths.store_lock(), paths.store_gate()] {
            LockFile::open(&path)?;
        }
        let shared = Shared::new(paths, identity, clock)?;
        tracing::debug!(
            target: crate::LOG,
            instance = %shared.identity.instance,
            dir = %shared.paths.dir().display(),
            "opened the locks"
        );
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// Returns the identity that the locks were opened with.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.shared.identity
    }

    /// Returns where the local socket of this instance belongs: a name of its own, removed with its record.
    #[must_use]
    pub fn socket_path(&self) -> PathBuf {
        self.shared.paths.socket(&self.shared.identity.instance)
    }

    /// Tells other instances where this one serves. May be called again to change it.
    ///
    /// # Errors
    /// [`OpenError::Io`] if the record cannot be written; the old one then stays.
    pub fn announce(&self, served: Served) -> Result<(), OpenError> {
        Ok(self.shared.change_record(|record| {
            record.url = Some(served.url);
            record.mcp_url = Some(served.mcp_url);
            record.socket = served.socket;
            record.network = served.network;
        })?)
    }

    /// Returns the generation of the write lock that this instance uses.
    #[must_use]
    pub fn generation(&self) -> Generation {
        self.shared.side().generation
    }

    /// Uses the write lock of `generation` from now on: the one that the store names. Calls that wait move to it within
    /// some milliseconds; a lock that is held stays held.
    ///
    /// # Errors
    /// [`OpenError::Io`] if its files cannot be made; the old one then stays in use.
    pub fn adopt(&self, generation: Generation) -> Result<(), OpenError> {
        Ok(self.shared.adopt(generation)?)
    }

    /// Returns the kind of the file system that the locks lie on, if it is one of which it is not known whether locks hold
    /// between all who reach it. None if they do.
    #[must_use]
    pub fn doubtful_file_system(&self) -> Option<&str> {
        self.shared.doubtful_file_system.as_deref()
    }

    /// Looks whether others can still see that this instance lives. Costs about a microsecond.
    ///
    /// # Errors
    /// [`LifeLost`]; it does not pass by itself.
    pub fn check_life(&self) -> Result<(), LifeLost> {
        self.shared.life.check()
    }

    /// Returns how many records of holders that died with a lock this instance has cleared.
    #[must_use]
    pub fn leftovers_cleared(&self) -> u64 {
        self.shared.leftovers.load(Ordering::Relaxed)
    }
}

impl Shared {
    fn new(paths: Paths, identity: Identity, clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        let side = WriteSide::open(&paths, newest(&paths)?)?;
        ticket::sweep(&side.line, |id| life::is_alive(&paths, id));
        let store_slot = Slot::open(&paths.store_holder())?;
        let gate_slot = Slot::open(&paths.gate_holder())?;
        let doubtful_file_system = network::doubtful(paths.dir());
        if let Some(kind) = &doubtful_file_system {
            tracing::warn!(
                target: crate::LOG, dir = %paths.dir().display(), %kind,
                "it is not known whether locks hold on this file system; let all programs use one path to the store"
            );
        }
        // Life lock before record: a record without a living owner may be swept.
        let life = LifeLock::take(&paths, &identity.instance, doubtful_file_system.is_some())?;
        let record = InstanceRecord {
            identity: identity.clone(),
            since_ms: clock.now_ms(),
            url: None,
            mcp_url: None,
            file: None,
            socket: None,
            network: None,
        };
        write_instance_record(&paths, &record)?;
        Ok(Self {
            paths,
            identity,
            clock,
            store_slot,
            gate_slot,
            errands: Errands::default(),
            side: RwLock::new(Arc::new(side)),
            passed_over: Mutex::default(),
            announced: Mutex::new(record),
            turns: AtomicU64::new(0),
            waits: AtomicU64::new(0),
            leftovers: AtomicU64::new(0),
            doubtful_file_system,
            life,
        })
    }

    /// Changes what we say of ourselves.
    pub(crate) fn change_record(
        &self,
        change: impl FnOnce(&mut InstanceRecord),
    ) -> Result<(), PathError> {
        let mut announced = self
            .announced
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let mut record = announced.clone();
        change(&mut record);
        write_instance_record(&self.paths, &record)?;
        *announced = record;
        Ok(())
    }

    /// Returns the write lock that is in force, as far as this instance knows.
    pub(crate) fn side(&self) -> Arc<WriteSide> {
        Arc::clone(&self.side.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Says whether a lock file of a later generation has been made: the sign that a holder was taken over.
    pub(crate) fn is_outdated(&self, side: &WriteSide) -> bool {
        side.next_lock.exists() || side.generation != self.side().generation
    }

    /// Uses the lock of `generation` from now on.
    pub(crate) fn adopt(&self, generation: Generation) -> Result<(), PathError> {
        if self.side().generation == generation {
            return Ok(());
        }
        let new = Arc::new(WriteSide::open(&self.paths, generation)?);
        *self.side.write().unwrap_or_else(PoisonError::into_inner) = new;
        self.passed_over_tickets().clear();
        tracing::info!(target: crate::LOG, instance = %self.identity.instance, %generation, "using another write lock");
        Ok(())
    }

    /// Returns the write lock that is in force, looking first whether it has been taken over.
    pub(crate) fn newest_side(&self) -> Result<Arc<WriteSide>, PathError> {
        let side = self.side();
        if !self.is_outdated(&side) {
            return Ok(side);
        }
        self.adopt(newest(&self.paths)?)?;
        Ok(self.side())
    }

    fn passed_over_tickets(&self) -> MutexGuard<'_, Names> {
        self.passed_over
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the tickets that are left out of the line.
    pub(crate) fn passed_over(&self) -> Names {
        self.passed_over_tickets().clone()
    }

    /// Leaves `tickets` out of the line from now on.
    pub(crate) fn pass_over(&self, tickets: Names) {
        let line = self.side().line.clone();
        let mut known = self.passed_over_tickets();
        known.retain(|name| line.join(name).exists());
        known.extend(tickets);
    }

    /// Numbers the turns of this instance, from 1.
    pub(crate) fn next_turn(&self) -> u64 {
        self.turns.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Numbers the waits of this instance, from 1.
    pub(crate) fn next_wait(&self) -> u64 {
        self.waits.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(crate) fn count_leftover(&self) {
        self.leftovers.fetch_add(1, Ordering::Relaxed);
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("dir", &self.paths.dir())
            .field("identity", &self.identity)
            .finish_non_exhaustive()
    }
}

/// Finds the latest generation that has a lock file; 0 in a new directory.
fn newest(paths: &Paths) -> Result<Generation, PathError> {
    let names = paths::file_names(paths.dir()).map_err(PathError::of("list", paths.dir()))?;
    let generations = names.iter().filter_map(|name| paths::generation_of(name));
    Ok(generations.max().unwrap_or_default())
}

fn write_instance_record(paths: &Paths, record: &InstanceRecord) -> Result<(), PathError> {
    let id = &record.identity.instance;
    record::write(
        &paths.instance_record_new(id),
        &paths.instance_record(id),
        record,
    )
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::testing;

    #[test]
    fn locks_and_guards_may_cross_threads() {
        fn is_send_and_sync<T: Send + Sync>() {}
        is_send_and_sync::<Locks>();
        is_send_and_sync::<crate::WriteLock>();
        is_send_and_sync::<crate::SharedStoreLock>();
        is_send_and_sync::<crate::ExclusiveStoreLock>();
    }

    #[cfg(unix)]
    #[test]
    fn directories_and_files_are_for_this_user_only() {
        use std::os::unix::fs::PermissionsExt as _;

        use crate::wait::Wait;

        fn check(path: &Path) {
            let metadata = fs::metadata(path).unwrap();
            let mode = metadata.permissions().mode() & 0o777;
            let expected = if metadata.is_dir() { 0o700 } else { 0o600 };
            assert_eq!(mode, expected, "{} has mode {mode:o}", path.display());
            if metadata.is_dir() {
                fs::read_dir(path)
                    .unwrap()
                    .for_each(|entry| check(&entry.unwrap().path()));
            }
        }
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("store/locks");
        let locks = testing::open(&dir);
        locks.announce(testing::served()).unwrap();
        let _store = locks
            .share_store(Wait::up_to(std::time::Duration::ZERO))
            .unwrap();
        let _waiting =
            crate::waiters::Waiting::announce(&locks.shared, &testing::purpose(), 1, None);
        check(&folder.path().join("store"));
        assert_eq!(fs::read_dir(dir.join("waiters")).unwrap().count(), 1);
        assert_eq!(fs::read_dir(dir.join("instances")).unwrap().count(), 2);
    }

    #[test]
    fn one_identity_opens_once() {
        let folder = tempfile::tempdir().unwrap();
        let locks = testing::open(folder.path());
        let again = Locks::open(folder.path(), locks.identity().clone());
        assert!(
            matches!(again, Err(OpenError::InstanceInUse { .. })),
            "{again:?}"
        );
        assert_eq!(
            locks.instances().len(),
            1,
            "the refused opening must not harm the first"
        );
    }

    #[test]
    fn a_file_in_the_place_of_the_directory_is_a_clear_error() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("locks");
        fs::write(&file, "").unwrap();
        let error = Locks::open(&file, testing::identity()).unwrap_err();
        let expected = format!("could not create the directory `{}`", file.display());
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn lock_files_outlive_their_users() {
        let folder = tempfile::tempdir().unwrap();
        drop(testing::open(folder.path()));
        for name in ["write.lock", "store.lock"] {
            assert!(
                folder.path().join(name).exists(),
                "{name} must never be removed"
            );
        }
    }
}
