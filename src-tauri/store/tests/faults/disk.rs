//! The disk under one directory: counts what is asked of it, fails when told to, and remembers what was written.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

/// What a database asks a disk for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Read,
    Write,
    Sync,
    Truncate,
    Open,
    ShmMap,
    Lock,
}

/// How the disk fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// The operation is not done, and an I/O error is reported.
    IoError,
    /// Nothing is written, because the disk is full.
    Full,
    /// The first half is written, then the disk is full.
    ShortWrite,
}

/// Which operations fail, and how.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fault {
    /// Operations of these kinds are counted.
    pub(crate) kinds: &'static [Kind],
    pub(crate) trouble: Trouble,
    /// The first one that fails, counted from 1.
    pub(crate) nth: u64,
    /// Says whether all the later ones fail as well.
    pub(crate) is_lasting: bool,
}

/// One thing that happened to the files, in the order in which it did.
#[derive(Debug, Clone)]
pub(crate) enum Event {
    /// A file was opened; made, if there was none.
    Opened { file: String },
    /// Bytes were written.
    Written {
        file: String,
        at: u64,
        bytes: Vec<u8>,
    },
    /// A file was cut or extended to this length.
    Truncated { file: String, len: u64 },
    /// All that was written to a file before is on the disk.
    Synced { file: String },
    /// A sync failed: what was written to the file since the last one is given up by the system.
    SyncFailed { file: String },
    /// All names that were made or removed before are on the disk.
    DirectorySynced,
    /// A name was removed.
    Removed { file: String },
}

/// The disk under one directory, for as long as this value lives.
pub(crate) struct Disk {
    directory: PathBuf,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    fault: Option<Fault>,
    /// Operations since the fault was armed that it counts.
    counted: u64,
    /// Operations that failed.
    failed: u64,
    events: Vec<Event>,
}

/// Directories that are watched. SQLite knows one list of file systems for the whole process, so this is one as well.
static WATCHED: Mutex<BTreeMap<PathBuf, Arc<Disk>>> = Mutex::new(BTreeMap::new());

impl Disk {
    /// Watches what is done to the files of `directory` from now on.
    pub(crate) fn under(directory: &Path) -> Mounted {
        let directory = directory.canonicalize().unwrap();
        let disk = Arc::new(Self {
            directory: directory.clone(),
            state: Mutex::default(),
        });
        WATCHED.lock().unwrap().insert(directory, Arc::clone(&disk));
        Mounted(disk)
    }

    /// Returns the disk under `path` and the file's name there; None if nobody watches it.
    pub(crate) fn of(path: &Path) -> Option<(Arc<Self>, String)> {
        let disk = WATCHED.lock().unwrap().get(path.parent()?).cloned()?;
        Some((disk, path.file_name()?.to_str()?.to_owned()))
    }

    /// Arms `fault`; its operations are counted from now on.
    pub(crate) fn arm(&self, fault: Fault) {
        let mut state = self.state();
        state.fault = Some(fault);
        state.counted = 0;
        state.failed = 0;
    }

    /// Is whole again. Returns how many operations failed.
    pub(crate) fn repair(&self) -> u64 {
        let mut state = self.state();
        state.fault = None;
        state.failed
    }

    /// Returns how many operations have failed since the fault was armed.
    pub(crate) fn failed(&self) -> u64 {
        self.state().failed
    }

    /// Says how an operation of this kind fails now, if it does.
    pub(crate) fn trouble(&self, kind: Kind) -> Option<Trouble> {
        let mut state = self.state();
        let fault = state.fault.filter(|fault| fault.kinds.contains(&kind))?;
        state.counted += 1;
        let is_hit = state.counted == fault.nth || (fault.is_lasting && state.counted > fault.nth);
        state.failed += u64::from(is_hit);
        is_hit.then_some(fault.trouble)
    }

    /// Remembers what has happened.
    pub(crate) fn note(&self, event: Event) {
        self.state().events.push(event);
    }

    /// Returns how much has happened.
    pub(crate) fn events_len(&self) -> usize {
        self.state().events.len()
    }

    /// Returns all that has happened.
    pub(crate) fn events(&self) -> Vec<Event> {
        self.state().events.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

/// Keeps a directory watched until it is dropped.
pub(crate) struct Mounted(Arc<Disk>);

impl std::ops::Deref for Mounted {
    type Target = Disk;

    fn deref(&self) -> &Disk {
        &self.0
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        WATCHED.lock().unwrap().remove(&self.0.directory);
    }
}
