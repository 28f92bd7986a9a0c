//! The opened lock directory.

use std::fmt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::clock::{Clock, SystemClock};
use crate::error::{OpenError, PathError};
use crate::identity::{Generation, Identity};
use crate::instances::InstanceRecord;
use crate::life::{self, LifeLock};
use crate::lock_file::LockFile;
use crate::network;
use crate::paths::Paths;
use crate::platform;
use crate::record;
use crate::slot::Slot;

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
    pub(crate) write_slot: Slot,
    pub(crate) store_slot: Slot,
    /// What we say of ourselves; the mutex also keeps two announcements from mixing on disk.
    announced: Mutex<InstanceRecord>,
    turns: AtomicU64,
    waits: AtomicU64,
    leftovers: AtomicU64,
    _life: LifeLock,
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
    /// [`OpenError::NetworkFileSystem`] before anything is created; [`OpenError::InstanceInUse`]
    /// if `identity.instance` is open already; [`OpenError::Io`] otherwise.
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
        life::sweep(&paths);
        for path in [paths.write_lock(Generation::default()), paths.store_lock()] {
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

    /// Tells other instances where this one serves. May be called again to change it.
    ///
    /// # Errors
    /// [`OpenError::Io`] if the record cannot be written; the old one then stays.
    pub fn announce(&self, url: &str, mcp_url: &str) -> Result<(), OpenError> {
        let mut announced = self
            .shared
            .announced
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let record = InstanceRecord {
            url: Some(url.to_owned()),
            mcp_url: Some(mcp_url.to_owned()),
            ..announced.clone()
        };
        write_instance_record(&self.shared.paths, &record)?;
        *announced = record;
        Ok(())
    }

    /// Returns how many records of holders that died with a lock this instance has cleared.
    #[must_use]
    pub fn leftovers_cleared(&self) -> u64 {
        self.shared.leftovers.load(Ordering::Relaxed)
    }
}

impl Shared {
    fn new(paths: Paths, identity: Identity, clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        let write_slot = Slot::open(&paths.write_holder())?;
        let store_slot = Slot::open(&paths.store_holder())?;
        // Life lock before record: a record without a living owner may be swept.
        let life = LifeLock::take(&paths, &identity.instance)?;
        let record = InstanceRecord {
            identity: identity.clone(),
            since_ms: clock.now_ms(),
            url: None,
            mcp_url: None,
        };
        write_instance_record(&paths, &record)?;
        Ok(Self {
            paths,
            identity,
            clock,
            write_slot,
            store_slot,
            announced: Mutex::new(record),
            turns: AtomicU64::new(0),
            waits: AtomicU64::new(0),
            leftovers: AtomicU64::new(0),
            _life: life,
        })
    }

    /// The lock file that is in use. Always the first until a holder can be taken over.
    pub(crate) fn generation(&self) -> Generation {
        Generation::default()
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
        locks
            .announce("http://127.0.0.1:1/", "http://127.0.0.1:1/mcp")
            .unwrap();
        let _store = locks
            .share_store(Wait::up_to(std::time::Duration::ZERO))
            .unwrap();
        let _waiting = crate::waiters::Waiting::announce(&locks.shared, &testing::purpose());
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
