//! The locks themselves, as a program uses them: the opened lock directory, the write lock and the store lock.
//!
//! Promises that a lock that is held is a value, that dropping it releases the lock, and that a refusal names who is in the
//! way. Does not know what is done under a lock, nor how a stuck holder is dealt with; see [`crate::recovery`].

mod acquisition;
pub(crate) mod error;
pub(crate) mod store;
#[cfg(test)]
pub(crate) mod testing;
mod view;
pub(crate) mod write;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::clock::{Clock, SystemClock};
use crate::error::{OpenError, PathError};
use crate::file::lock_file::LockFile;
use crate::file::network;
use crate::file::paths::Paths;
use crate::file::platform;
use crate::identity::{Generation, Identity};
use crate::line::write_line::WriteLine;
use crate::liveness::life::LifeLost;
use crate::liveness::this_instance::ThisInstance;
use crate::liveness::{locks_apart, sweep};
use crate::records::instance::Served;
use crate::records::slot::Slot;

/// The locks of one store, as one instance sees them.
///
/// Opening it makes the process visible to others as a living instance; dropping it ends that. Guards keep the instance
/// alive until they are dropped too. Share it by `Arc`; all methods take `&self` and may be called from any thread.
#[derive(Debug)]
pub struct Locks {
    pub(crate) shared: Arc<Shared>,
}

/// What the locks and their guards have in common.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) line: WriteLine,
    pub(crate) store_slot: Arc<Slot>,
    pub(crate) gate_slot: Arc<Slot>,
    acquisitions: AtomicU64,
    leftovers: AtomicU64,
    pub(crate) instance: Arc<ThisInstance>,
}

impl Locks {
    /// Opens the lock directory `dir`, creating what is missing, and removes the records of dead instances.
    ///
    /// New directories and files are for this user only (0700 and 0600 on Unix); a directory that exists keeps its mode.
    /// Does not wait, and takes neither the write lock nor the store lock.
    ///
    /// # Errors
    /// [`OpenError::NetworkFileSystem`] before anything is created; [`OpenError::LocksApart`] if an instance is alive whose
    /// locks do not exclude ours; [`OpenError::InstanceInUse`] if `identity.instance` is open already; [`OpenError::Io`]
    /// otherwise.
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
        let paths = Paths::new(dir)?;
        network::refuse_network(paths.dir())?;
        for dir in [paths.dir(), &paths.instances(), &paths.waiters()] {
            platform::create_dir(dir).map_err(PathError::of("create the directory", dir))?;
        }
        locks_apart::refuse_apart(&paths)?;
        sweep::sweep(&paths);
        for path in [paths.store_lock(), paths.store_gate()] {
            LockFile::open(&path)?;
        }
        let instance = Arc::new(ThisInstance::open(paths, identity, clock)?);
        let paths = &instance.paths;
        tracing::debug!(
            target: crate::LOG, instance = %instance.id(), dir = %paths.dir().display(), "opened the locks"
        );
        let shared = Shared {
            line: WriteLine::open(&instance)?,
            store_slot: Arc::new(Slot::open(&paths.store_holder())?),
            gate_slot: Arc::new(Slot::open(&paths.gate_holder())?),
            acquisitions: AtomicU64::new(0),
            leftovers: AtomicU64::new(0),
            instance,
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// Returns the identity that the locks were opened with.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.shared.instance.identity
    }

    /// Returns where the local socket of this instance belongs: a name of its own, removed with its record.
    #[must_use]
    pub fn socket_path(&self) -> PathBuf {
        let instance = &self.shared.instance;
        instance.paths.socket(instance.id())
    }

    /// Tells other instances where this one serves. May be called again to change it.
    ///
    /// # Errors
    /// [`OpenError::Io`] if the record cannot be written; the old one then stays.
    pub fn announce(&self, served: Served) -> Result<(), OpenError> {
        Ok(self.shared.instance.change_record(|record| {
            record.url = Some(served.url);
            record.mcp_url = Some(served.mcp_url);
            record.socket = served.socket;
            record.network = served.network;
        })?)
    }

    /// Returns the generation of the write lock that this instance uses.
    #[must_use]
    pub fn generation(&self) -> Generation {
        self.shared.line.in_force().generation
    }

    /// Uses the write lock of `generation` from now on: the one that the store names. Calls that wait move to it within some
    /// milliseconds; a lock that is held stays held.
    ///
    /// # Errors
    /// [`OpenError::Io`] if its files cannot be made; the old one then stays in use.
    pub fn adopt(&self, generation: Generation) -> Result<(), OpenError> {
        Ok(self.shared.line.adopt(generation)?)
    }

    /// Returns the kind of the file system that the locks are on, if it is not known whether locks work there between all
    /// programs that reach it. None if they do.
    #[must_use]
    pub fn doubtful_file_system(&self) -> Option<&str> {
        self.shared.instance.doubtful_file_system()
    }

    /// Checks that others can still see that this instance lives. Costs about a microsecond.
    ///
    /// # Errors
    /// [`LifeLost`]; it does not pass by itself.
    pub fn check_life(&self) -> Result<(), LifeLost> {
        self.shared.instance.check_life()
    }

    /// Returns how many records of holders that died with a lock this instance has cleared.
    #[must_use]
    pub fn leftovers_cleared(&self) -> u64 {
        self.shared.leftovers.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::testing::{open, opened};
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

        use crate::locks::testing::NO_WAIT;
        use crate::records::waiter::AnnouncedWait;

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
        let locks = open(&dir);
        locks.announce(testing::served()).unwrap();
        let _store = locks.share_store(NO_WAIT).unwrap();
        let paths = &locks.shared.instance.paths;
        let _waiting = AnnouncedWait::announce(paths, 1, &testing::waiter_record());
        check(&folder.path().join("store"));
        assert_eq!(fs::read_dir(dir.join("waiters")).unwrap().count(), 1);
        assert_eq!(fs::read_dir(dir.join("instances")).unwrap().count(), 2);
    }

    #[test]
    fn one_identity_opens_once() {
        let (folder, [locks]) = opened();
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
        drop(open(folder.path()));
        for name in ["write.lock", "store.lock"] {
            assert!(
                folder.path().join(name).exists(),
                "{name} must never be removed"
            );
        }
    }
}
