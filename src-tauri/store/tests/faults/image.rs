//! What a disk may hold after the machine stopped: all that was synced, and any part of the rest.

use std::collections::BTreeMap;
use std::path::Path;

use crate::disk::Event;
use crate::support::Chance;

/// A disk writes this many bytes wholly or not at all.
const SECTOR_BYTES: u64 = 512;

/// The names of a directory and what stands behind them, on the disk and in the memory of the system.
#[derive(Default)]
pub(crate) struct Platter {
    files: Vec<Contents>,
    /// Names that survive, and the ones that programs see; both lead to `files`.
    synced: BTreeMap<String, usize>,
    seen: BTreeMap<String, usize>,
}

/// One file.
#[derive(Default)]
struct Contents {
    /// What programs read.
    seen: Vec<u8>,
    synced: Vec<u8>,
    /// What has happened since it was synced.
    unsynced: Vec<Change>,
}

enum Change {
    Written { at: u64, bytes: Vec<u8> },
    Truncated { len: u64 },
}

/// The files that are found after a crash.
pub(crate) type Image = BTreeMap<String, Vec<u8>>;

/// How much of what was not synced survives.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Survival {
    /// All of it: the program was killed, the system went on.
    All,
    /// Nothing: the power went, and the disk had been idle.
    Nothing,
    /// Each change with this chance in percent, some of them in part.
    Some(usize),
}

impl Platter {
    /// Begins with files that are all on the disk.
    pub(crate) fn of(image: &Image) -> Self {
        let mut platter = Self::default();
        for (name, bytes) in image {
            platter.synced.insert(name.clone(), platter.files.len());
            platter.files.push(Contents {
                seen: bytes.clone(),
                synced: bytes.clone(),
                unsynced: Vec::new(),
            });
        }
        platter.seen = platter.synced.clone();
        platter
    }

    /// Lets the next thing happen.
    pub(crate) fn advance(&mut self, event: &Event) {
        match event {
            Event::Opened { file } => {
                if !self.seen.contains_key(file) {
                    self.seen.insert(file.clone(), self.files.len());
                    self.files.push(Contents::default());
                }
            }
            Event::Written { file, at, bytes } => self.change(
                file,
                Change::Written {
                    at: *at,
                    bytes: bytes.clone(),
                },
            ),
            Event::Truncated { file, len } => self.change(file, Change::Truncated { len: *len }),
            Event::Synced { file } => {
                let contents = &mut self.files[self.seen[file]];
                for change in std::mem::take(&mut contents.unsynced) {
                    change.make(&mut contents.synced);
                }
            }
            // Linux marks the pages as written all the same, so that no later sync brings them to the disk.
            Event::SyncFailed { file } => self.files[self.seen[file]].unsynced.clear(),
            Event::DirectorySynced => self.synced = self.seen.clone(),
            Event::Removed { file } => {
                self.seen.remove(file);
            }
        }
    }

    fn change(&mut self, file: &str, change: Change) {
        let contents = &mut self.files[self.seen[file]];
        change.make(&mut contents.seen);
        contents.unsynced.push(change);
    }

    /// Returns what is found after a crash now.
    pub(crate) fn after_crash(&self, survival: Survival, chance: &mut Chance) -> Image {
        let names = match survival {
            Survival::All => &self.seen,
            Survival::Nothing => &self.synced,
            // The names of one directory are often written together.
            Survival::Some(percent) if chance.percent(percent) => &self.seen,
            Survival::Some(_) => &self.synced,
        };
        let found = |(name, file): (&String, &usize)| {
            let contents = self.files[*file].after_crash(survival, chance);
            (name.clone(), contents)
        };
        names.iter().map(found).collect()
    }
}

impl Contents {
    fn after_crash(&self, survival: Survival, chance: &mut Chance) -> Vec<u8> {
        let percent = match survival {
            Survival::All => return self.seen.clone(),
            Survival::Nothing => return self.synced.clone(),
            Survival::Some(percent) => percent,
        };
        let mut bytes = self.synced.clone();
        for change in &self.unsynced {
            change.make_in_part(&mut bytes, percent, chance);
        }
        bytes
    }
}

impl Change {
    fn make(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Written { at, bytes: new } => overwrite(bytes, *at, new),
            Self::Truncated { len } => bytes.resize(*len as usize, 0),
        }
    }

    /// Makes it with a chance of `percent`; one in four writes is torn, so that each of its sectors has that chance.
    fn make_in_part(&self, bytes: &mut Vec<u8>, percent: usize, chance: &mut Chance) {
        match self {
            Self::Written { at, bytes: new } if chance.percent(25) => {
                for (at, sector) in sectors(*at, new) {
                    if chance.percent(percent) {
                        overwrite(bytes, at, sector);
                    }
                }
            }
            _ if chance.percent(percent) => self.make(bytes),
            _ => {}
        }
    }
}

/// Cuts a write at the borders of sectors.
fn sectors(mut at: u64, mut bytes: &[u8]) -> Vec<(u64, &[u8])> {
    let mut sectors = Vec::new();
    while !bytes.is_empty() {
        let room = (SECTOR_BYTES - at % SECTOR_BYTES) as usize;
        let (sector, rest) = bytes.split_at(room.min(bytes.len()));
        sectors.push((at, sector));
        at += sector.len() as u64;
        bytes = rest;
    }
    sectors
}

/// Writes `new` at `at`; a gap before it is filled with zeros, as file systems do.
fn overwrite(bytes: &mut Vec<u8>, at: u64, new: &[u8]) {
    let (at, end) = (at as usize, at as usize + new.len());
    if bytes.len() < end {
        bytes.resize(end, 0);
    }
    bytes[at..end].copy_from_slice(new);
}

/// Reads all files of a store that is closed.
pub(crate) fn read(directory: &Path) -> Image {
    let entries = std::fs::read_dir(directory).unwrap();
    let file = |entry: std::io::Result<std::fs::DirEntry>| {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        (name, std::fs::read(entry.path()).unwrap())
    };
    entries.map(file).collect()
}

/// Puts the files into an empty directory.
pub(crate) fn write(image: &Image, directory: &Path) {
    for (name, bytes) in image {
        std::fs::write(directory.join(name), bytes).unwrap();
    }
}

#[test]
fn what_was_synced_survives_and_the_rest_may() {
    let written = |at, bytes: &[u8]| Event::Written {
        file: "log".into(),
        at,
        bytes: bytes.to_vec(),
    };
    let opened = Event::Opened { file: "log".into() };
    let synced = Event::Synced { file: "log".into() };
    let failed = Event::SyncFailed { file: "log".into() };
    let mut platter = Platter::default();
    let synced_again = [written(0, b"new"), failed, synced.clone()];
    let old = [opened, written(0, b"old"), synced, Event::DirectorySynced];
    for event in old.into_iter().chain(synced_again) {
        platter.advance(&event);
    }
    assert_eq!(platter.files[0].seen, b"new");
    assert_eq!(
        platter.files[0].synced, b"old",
        "a failed sync is not made good"
    );
    platter.advance(&written(0, &[b'n'; 1_500]));
    let mut chance = Chance::seeded(1);
    let mut found = |survival| platter.after_crash(survival, &mut chance)["log"].clone();
    assert_eq!(found(Survival::Nothing), b"old");
    assert_eq!(found(Survival::All), [b'n'; 1_500]);
    let torn = (0..100).map(|_| found(Survival::Some(50)));
    let is_torn = |bytes: &Vec<u8>| bytes.len() == 1_500 && bytes.contains(&0);
    assert!(torn.into_iter().any(|bytes| is_torn(&bytes)));
}
