//! Looking at all locks of a store without opening them: for people who want to know what is going on.

use std::fs::File;
use std::path::{Path, PathBuf};

use crate::error::{OpenError, PathError};
use crate::file::lock_file;
use crate::file::network;
use crate::file::paths::Paths;
use crate::identity::{Generation, Identity, InstanceId};
use crate::liveness::holder_state::{self, HolderState};
use crate::liveness::{instances, life, process};
use crate::records::instance::InstanceRecord;
use crate::records::slot::Slot;
use crate::records::waiter::{self, WaiterRecord};

/// What one look at a lock directory found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Look {
    /// The write lock that is in force. None if no instance ever opened the store.
    pub write: Option<LockLook>,
    /// Write locks of earlier generations that are still held, by instances that were taken over and have not noticed yet.
    pub older: Vec<LockLook>,
    /// The store lock, as held for exclusive use of the store.
    pub store: Option<LockLook>,
    /// The gate before the store, as held by an instance that uses the store exclusively or is about to.
    pub gate: Option<LockLook>,
    /// The lock of the instance that takes the write lock over right now; None if nobody ever did.
    pub take_over: Option<LockLook>,
    /// Who waits for the write lock, in the order in which they are served. Records of dead instances come last.
    pub waiters: Vec<WaiterRecord>,
    /// Living instances, the oldest first.
    pub instances: Vec<InstanceRecord>,
    /// Instances that died and whose files have not been removed.
    pub dead: Vec<DeadInstance>,
}

/// One lock file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockLook {
    /// The file.
    pub path: PathBuf,
    /// Its generation; 0 for locks that have none.
    pub generation: Generation,
    /// Whether it is held, and what the record says.
    pub state: HolderState,
    /// Processes that hold it as the operating system lists them, without a record; empty if it does not list them.
    pub pids: Vec<u32>,
    /// Who holds it, or died with it: by its record, or else the only living instance among `pids`.
    pub holder: Option<Identity>,
}

/// What a dead instance left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadInstance {
    /// Its id.
    pub id: InstanceId,
    /// Its record, if it can be read.
    pub record: Option<InstanceRecord>,
}

/// Looks at the locks in `dir`. Creates, changes and removes nothing, and waits for nobody.
///
/// A directory that does not exist has no locks. What is found may be old when it is read.
///
/// # Errors
/// [`OpenError::NetworkFileSystem`] as for [`crate::Locks::open`]; [`OpenError::Io`] if the directory cannot be read.
pub fn look(dir: &Path) -> Result<Look, OpenError> {
    network::refuse_network(dir)?;
    let paths = Paths::new(dir)?;
    let mut generations = paths.generations()?;
    let newest = generations.pop();
    let instances = instances::list(&paths)?;
    let at = |path, record: PathBuf, generation, is_held: IsHeld| {
        look_at(&paths, &instances, path, &record, generation, is_held)
    };
    let write = |generation| {
        let (path, record) = (paths.write_lock(generation), paths.write_holder(generation));
        at(path, record, generation, lock_file::is_barred)
    };
    let shared = |path, record| at(path, record, Generation(0), lock_file::is_held);
    let take_over = paths.take_over_lock();
    let no_record = take_over.with_extension("holder.json");
    Ok(Look {
        write: newest.and_then(write),
        older: generations
            .into_iter()
            .filter_map(write)
            .filter(LockLook::is_held)
            .collect(),
        store: shared(paths.store_lock(), paths.store_holder()),
        gate: shared(paths.store_gate(), paths.gate_holder()),
        take_over: at(take_over, no_record, Generation(0), lock_file::is_barred),
        waiters: waiter::list(&paths, |id| life::is_alive(&paths, id))?,
        dead: dead(&paths)?,
        instances,
    })
}

impl LockLook {
    /// Says whether somebody holds the lock.
    #[must_use]
    pub fn is_held(&self) -> bool {
        matches!(
            self.state,
            HolderState::Held(_) | HolderState::HeldByUnknown
        )
    }
}

/// Looks at the lock itself.
type IsHeld = fn(&Path) -> Result<bool, PathError>;

/// Looks at one lock; None if its file does not exist, since looking must not make it.
fn look_at(
    paths: &Paths,
    instances: &[InstanceRecord],
    path: PathBuf,
    record: &Path,
    generation: Generation,
    is_held: IsHeld,
) -> Option<LockLook> {
    let file = File::open(&path).ok()?;
    let slot = Slot::open_existing(record);
    let state = holder_state::state_of(paths, &path, slot.as_ref(), is_held);
    let pids = match state {
        HolderState::Held(_) | HolderState::HeldByUnknown => process::lock_holders(&file),
        HolderState::Free | HolderState::Leftover(_) => Vec::new(),
    };
    let holder = match &state {
        HolderState::Held(record) | HolderState::Leftover(record) => Some(record.identity.clone()),
        HolderState::HeldByUnknown => instances::the_only_one(instances, &pids),
        HolderState::Free => None,
    };
    Some(LockLook {
        path,
        generation,
        state,
        pids,
        holder,
    })
}

fn dead(paths: &Paths) -> Result<Vec<DeadInstance>, PathError> {
    let ids = life::known(paths)?;
    let dead = ids.into_iter().filter(|id| !life::is_alive(paths, id));
    Ok(dead
        .map(|id| DeadInstance {
            record: InstanceRecord::read(paths, &id),
            id,
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::locks::testing::{NO_WAIT, open, opened, take};

    fn files(dir: &Path) -> Vec<PathBuf> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(dir).into_iter().flatten() {
            let path = entry.unwrap().path();
            found.extend(files(&path));
            found.push(path);
        }
        found.sort();
        found
    }

    #[test]
    fn looking_makes_and_removes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("locks");
        assert_eq!(look(&dir).unwrap(), Look::default());
        assert!(!dir.exists());
        let locks = open(&dir);
        let dead = InstanceId::random();
        let paths = Paths::new(&dir).unwrap();
        std::fs::write(paths.life_lock(&dead), "").unwrap();
        let before = files(&dir);
        let found = look(&dir).unwrap();
        assert_eq!(files(&dir), before);
        assert_eq!(found.instances.len(), 1);
        assert_eq!(found.dead.len(), 1);
        assert_eq!(found.dead[0].id, dead);
        drop(locks);
    }

    #[test]
    fn holders_of_all_locks_are_seen() {
        let (folder, [holder, other]) = opened();
        let old = take(&holder);
        let found = look(folder.path()).unwrap();
        let write = found.write.unwrap();
        assert!(matches!(write.state, HolderState::Held(_)), "{write:?}");
        if cfg!(target_os = "linux") {
            assert_eq!(write.pids, [std::process::id()]);
        }
        assert_eq!(found.older, []);

        let take_over = other.watch_stuck_holder(Duration::ZERO).unwrap();
        take_over.finish().unwrap();
        let alone = other.take_store("restore", NO_WAIT).unwrap();
        let found = look(folder.path()).unwrap();
        assert_eq!(found.write.unwrap().generation, Generation(1));
        assert_eq!(found.older.len(), 1, "the old lock is still held");
        for lock in [found.store, found.gate] {
            let HolderState::Held(holder) = lock.unwrap().state else {
                panic!("not seen as held")
            };
            assert_eq!(holder.purpose.kind, "restore");
        }
        drop((alone, old));
        assert_eq!(look(folder.path()).unwrap().older, []);
    }
}
