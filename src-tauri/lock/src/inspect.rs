//! Looking at all locks of a store without taking part: for people who want to know what is going on.

use std::fs::File;
use std::path::{Path, PathBuf};

use crate::error::{OpenError, PathError};
use crate::holder::{self, HolderState};
use crate::identity::{Generation, Identity, InstanceId};
use crate::instances::{self, InstanceRecord};
use crate::life;
use crate::lock_file;
use crate::network;
use crate::paths::{self, Paths};
use crate::platform;
use crate::record;
use crate::slot::Slot;
use crate::waiters::WaiterRecord;

/// What one look at a lock directory found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Look {
    /// The write lock that is in force. None if no instance ever opened the store.
    pub write: Option<LockLook>,
    /// Write locks of earlier generations that are still held: by who was taken over and has not noticed yet.
    pub older: Vec<LockLook>,
    /// The store lock, as held by who has the store alone.
    pub store: Option<LockLook>,
    /// Who has closed the gate before the store: it has the store alone, or is about to.
    pub gate: Option<LockLook>,
    /// Who takes the write lock over right now; None if nobody ever did.
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
    let paths = Paths::new(dir).map_err(PathError::of("find", dir))?;
    let mut generations = generations(&paths)?;
    let newest = generations.pop();
    let instances = instances::list(&paths)?;
    let look_at = |kind, path, record: PathBuf, generation| {
        look_at(&paths, &instances, kind, path, &record, generation)
    };
    let write = |generation| {
        let record = paths.write_holder(generation);
        look_at(
            Kind::Write,
            paths.write_lock(generation),
            record,
            generation,
        )
    };
    Ok(Look {
        write: newest.and_then(write),
        older: generations
            .into_iter()
            .filter_map(write)
            .filter(|lock| lock.is_held())
            .collect(),
        store: look_at(
            Kind::Store,
            paths.store_lock(),
            paths.store_holder(),
            Generation(0),
        ),
        gate: look_at(
            Kind::Store,
            paths.store_gate(),
            paths.gate_holder(),
            Generation(0),
        ),
        take_over: look_at(
            Kind::Write,
            paths.take_over_lock(),
            paths.take_over_lock().with_extension("holder.json"),
            Generation(0),
        ),
        waiters: waiters(&paths)?,
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

/// Lists the generations that have a lock file, in order.
fn generations(paths: &Paths) -> Result<Vec<Generation>, PathError> {
    let names = paths::file_names(paths.dir()).map_err(PathError::of("list", paths.dir()))?;
    let mut found: Vec<_> = names
        .iter()
        .filter_map(|name| paths::generation_of(name))
        .collect();
    found.sort();
    Ok(found)
}

/// How a lock is held.
#[derive(Clone, Copy)]
enum Kind {
    /// Only ever by one.
    Write,
    /// Shared by many, or by one alone.
    Store,
}

/// Looks at one lock; None if its file does not exist, since looking must not make it.
fn look_at(
    paths: &Paths,
    instances: &[InstanceRecord],
    kind: Kind,
    path: PathBuf,
    record: &Path,
    generation: Generation,
) -> Option<LockLook> {
    let file = File::open(&path).ok()?;
    let slot = Slot::open_existing(record);
    let state = match kind {
        Kind::Write => holder::write_state(paths, &path, slot.as_ref()),
        Kind::Store => holder::state_of(paths, &path, slot.as_ref(), lock_file::is_held),
    };
    let pids = match state {
        HolderState::Held(_) | HolderState::HeldByUnknown => platform::lock_holders(&file),
        HolderState::Free | HolderState::Leftover(_) => Vec::new(),
    };
    let holder = match &state {
        HolderState::Held(record) | HolderState::Leftover(record) => Some(record.identity.clone()),
        HolderState::HeldByUnknown => the_only_one(instances, &pids),
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

/// Lists the processes that hold a lock of the kind we use on an open file, also one that is none of ours. Empty where the
/// system does not tell, and for those of another container.
#[must_use]
pub fn lock_holders(file: &File) -> Vec<u32> {
    let mut pids = platform::lock_holders(file);
    // The list of locks has numbers of files only, and two file systems may use the same.
    pids.retain(|pid| platform::may_have_open(*pid, file));
    pids
}

/// Finds the instance behind the numbers of processes, if there is exactly one.
pub(crate) fn the_only_one(instances: &[InstanceRecord], pids: &[u32]) -> Option<Identity> {
    let mut found = instances
        .iter()
        .map(|instance| &instance.identity)
        .filter(|identity| pids.contains(&identity.pid));
    let first = found.next()?;
    found.next().is_none().then(|| first.clone())
}

fn waiters(paths: &Paths) -> Result<Vec<WaiterRecord>, PathError> {
    let dir = paths.waiters();
    let names = paths::file_names(&dir).map_err(PathError::of("list", &dir))?;
    let mut waiters: Vec<WaiterRecord> = names
        .iter()
        .filter(|name| name.ends_with(paths::RECORD))
        .filter_map(|name| {
            let id = paths::instance_of_waiter(name)?;
            let record: WaiterRecord = record::read(&dir.join(name))?;
            (record.identity.instance == id).then(|| WaiterRecord {
                alive: life::is_alive(paths, &id),
                ..record
            })
        })
        .collect();
    waiters.sort_by_key(|waiter| (!waiter.alive, waiter.place()));
    Ok(waiters)
}

fn dead(paths: &Paths) -> Result<Vec<DeadInstance>, PathError> {
    let ids = life::known(paths)?;
    let dead = ids.into_iter().filter(|id| !life::is_alive(paths, id));
    Ok(dead
        .map(|id| DeadInstance {
            record: record::read(&paths.instance_record(&id)),
            id,
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::testing;
    use crate::wait::Wait;

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
        let locks = testing::open(&dir);
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
    fn a_holder_without_a_record_is_found_if_it_is_the_only_one() {
        let record = |pid| InstanceRecord {
            identity: Identity {
                pid,
                ..testing::identity()
            },
            since_ms: 1,
            url: None,
            mcp_url: None,
            file: None,
            socket: None,
            network: None,
        };
        let instances = [record(7), record(8), record(8)];
        let found = |pids: &[u32]| the_only_one(&instances, pids).map(|identity| identity.pid);
        assert_eq!(found(&[7]), Some(7));
        assert_eq!(found(&[8]), None, "two instances of one process");
        assert_eq!(found(&[7, 8]), None);
        assert_eq!(found(&[]), None);
    }

    #[test]
    fn holders_of_all_locks_are_seen() {
        let folder = tempfile::tempdir().unwrap();
        let (holder, clerk) = (testing::open(folder.path()), testing::open(folder.path()));
        let no_wait = Wait::up_to(Duration::ZERO);
        let old = holder.acquire_write(&testing::purpose(), no_wait).unwrap();
        let found = look(folder.path()).unwrap();
        let write = found.write.unwrap();
        assert!(matches!(write.state, HolderState::Held(_)), "{write:?}");
        if cfg!(target_os = "linux") {
            assert_eq!(write.pids, [std::process::id()]);
        }
        assert_eq!(found.older, []);

        let take_over = clerk.watch_stuck_holder(Duration::ZERO).unwrap();
        take_over.finish().unwrap();
        let alone = clerk.take_store("restore", no_wait).unwrap();
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
