//! The last acknowledged write, noted outside the database, so that a store that went back in time is noticed.
//!
//! SQLite takes what is left of a log that was cut or damaged for all there ever was, and an older copy of the database
//! looks like any other. The note is written after COMMIT has synced and under the write lock, so it is never ahead of
//! what was made durable: a note that is behind says nothing, one that is ahead means that writes are missing.
//!
//! It is not synced. A program that is killed leaves its writes with the system; after a crash of the machine an older
//! note may be there, or half of one, which its checksum tells. Two slots take turns, so that there is the one before.
//! A store that was restored has another incarnation, of which the note knows nothing.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use sha2::{Digest, Sha256};

use crate::ops::{CommitSeq, Epoch};
use crate::platform;

/// Name of the note, beside the database.
const NAME: &str = "last-commit";

/// Bytes of a slot, in one sector of the disk; a line of text that ends with spaces.
const SLOT: usize = 256;
const SLOTS: u64 = 2;

/// A write that was acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LastCommit {
    pub(super) store_uuid: String,
    pub(super) incarnation: String,
    pub(super) seq: u64,
    pub(super) epoch: u64,
    pub(super) at_ms: i64,
}

impl LastCommit {
    fn line(&self) -> [u8; SLOT] {
        let Self {
            store_uuid,
            incarnation,
            seq,
            epoch,
            at_ms,
        } = self;
        let facts = format!(
            "store={store_uuid} incarnation={incarnation} seq={seq} epoch={epoch} at_ms={at_ms}"
        );
        let text = format!("{facts} sum={}", sum(&facts));
        let mut line = [b' '; SLOT];
        line[..text.len()].copy_from_slice(text.as_bytes());
        line[SLOT - 1] = b'\n';
        line
    }

    /// Reads a slot; None if it was never written, only half, or is damaged.
    fn parse(line: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(line).ok()?.trim_end();
        let (facts, known) = text.rsplit_once(" sum=")?;
        if sum(facts) != known {
            return None;
        }
        let mut facts = facts.split(' ');
        let mut fact = |name: &str| {
            let fact = facts.next()?.strip_prefix(name)?.strip_prefix('=')?;
            Some(fact.to_owned())
        };
        Some(Self {
            store_uuid: fact("store")?,
            incarnation: fact("incarnation")?,
            seq: fact("seq")?.parse().ok()?,
            epoch: fact("epoch")?.parse().ok()?,
            at_ms: fact("at_ms")?.parse().ok()?,
        })
    }
}

fn sum(facts: &str) -> String {
    let digest = Sha256::digest(facts.as_bytes());
    hex::encode(&digest[..8])
}

fn path_of(database: &Path) -> PathBuf {
    let dir = database.parent();
    dir.expect("a database lies in a directory").join(NAME)
}

/// Reads the note beside `database`; None if there is none that can be read.
pub(super) fn read(database: &Path) -> Option<LastCommit> {
    let bytes = std::fs::read(path_of(database)).ok()?;
    let slots = bytes.chunks(SLOT).filter_map(LastCommit::parse);
    // Epochs only grow, and of one store there is one incarnation after the other.
    slots.max_by_key(|slot| (slot.epoch, slot.seq))
}

/// Makes `last` the only thing that the note says.
///
/// In place: whoever has the store open goes on writing into the same file.
pub(super) fn reset(database: &Path, last: &LastCommit) -> io::Result<()> {
    let line = last.line();
    platform::write_at(&open(database)?, &line.repeat(SLOTS as usize), 0)
}

fn open(database: &Path) -> io::Result<File> {
    platform::open_private_file(&path_of(database))
}

/// The note of an open store.
pub(super) struct Note {
    /// Protects the turn of the slots, and what went wrong last.
    state: Mutex<State>,
}

struct State {
    file: Option<File>,
    slot: u64,
    last: LastCommit,
    trouble: Option<String>,
}

impl Note {
    /// Opens the note of a store, or makes it. One that cannot be written is told and stops nobody.
    pub(super) fn open(database: &Path, store_uuid: String, incarnation: String) -> Self {
        let opened = open(database).map_err(|error| words(database, &error));
        Self::new(opened, store_uuid, incarnation)
    }

    /// Is a note that stays as it is, because what it says has not been written down elsewhere.
    pub(super) fn kept_as_it_is(store_uuid: String, incarnation: String, why: String) -> Self {
        Self::new(Err(why), store_uuid, incarnation)
    }

    fn new(opened: Result<File, String>, store_uuid: String, incarnation: String) -> Self {
        let (file, trouble) = match opened {
            Ok(file) => (Some(file), None),
            Err(why) => {
                tracing::error!("{why}");
                (None, Some(why))
            }
        };
        let last = LastCommit {
            store_uuid,
            incarnation,
            seq: 0,
            epoch: 0,
            at_ms: 0,
        };
        let state = Mutex::new(State {
            file,
            slot: 0,
            last,
            trouble,
        });
        Self { state }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns which incarnation of the store is noted.
    pub(super) fn incarnation(&self) -> String {
        self.state().last.incarnation.clone()
    }

    /// Returns why the note is not written, if it is not.
    pub(super) fn trouble(&self) -> Option<String> {
        self.state().trouble.clone()
    }

    /// Notes that everything up to `seq` is committed and synced. The caller holds the write lock. Takes some
    /// microseconds; a failure is told and stops nothing.
    pub(super) fn write(&self, database: &Path, seq: CommitSeq, epoch: Epoch, at_ms: i64) {
        let mut state = self.state();
        state.last.seq = seq.0 as u64;
        state.last.epoch = epoch.0;
        state.last.at_ms = at_ms;
        let line = state.last.line();
        let Some(file) = &state.file else {
            return;
        };
        let place = state.slot * SLOT as u64;
        let written = platform::write_at(file, &line, place);
        state.slot = (state.slot + 1) % SLOTS;
        let trouble = written.err().map(|error| words(database, &error));
        if let Some(trouble) = &trouble
            && state.trouble.is_none()
        {
            tracing::error!("{trouble}");
        }
        state.trouble = trouble;
    }
}

fn words(database: &Path, error: &io::Error) -> String {
    format!(
        "could not write the note of the last commit `{}`: {error}; writes go on, but a store that goes back in time \
         would not be noticed. Check that this user may write there and that the disk is not full",
        path_of(database).display()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commit(epoch: u64, seq: u64) -> LastCommit {
        LastCommit {
            store_uuid: "u".repeat(32),
            incarnation: "i".repeat(32),
            seq,
            epoch,
            at_ms: 1_795_608_000_123,
        }
    }

    #[test]
    fn the_largest_numbers_fit_into_a_slot() {
        let commit = LastCommit {
            at_ms: i64::MIN,
            ..commit(u64::MAX, u64::MAX)
        };
        assert_eq!(LastCommit::parse(&commit.line()), Some(commit));
    }

    #[test]
    fn a_note_that_was_half_written_leaves_the_one_before() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("x.db");
        let last = commit(3, 0);
        let note = Note::open(&database, last.store_uuid, last.incarnation);
        assert_eq!(read(&database), None);
        for seq in 1..=5 {
            note.write(&database, CommitSeq(seq), Epoch(3), 1_795_608_000_123);
        }
        assert_eq!(read(&database), Some(commit(3, 5)));
        let path = path_of(&database);
        let whole = std::fs::read(&path).unwrap();
        assert_eq!(whole.len(), 2 * SLOT);
        // Slot 0 has number 5.
        for torn in [0, 1, 100, 150, 180] {
            let mut bytes = whole.clone();
            bytes[torn..SLOT].fill(0);
            std::fs::write(&path, &bytes).unwrap();
            assert_eq!(read(&database), Some(commit(3, 4)), "torn at {torn}");
        }
        for noise in [&b""[..], b"x", &[0; 512], &[255; 4_000]] {
            std::fs::write(&path, noise).unwrap();
            assert_eq!(read(&database), None);
        }
        reset(&database, &commit(3, 2)).unwrap();
        assert_eq!(read(&database), Some(commit(3, 2)));
        assert_eq!(note.trouble(), None);
    }

    #[test]
    fn every_flipped_bit_of_a_note_is_noticed() {
        let line = commit(3, 5).line();
        let text = line.iter().rposition(|byte| *byte > b' ').unwrap();
        for bit in 0..=text * 8 + 7 {
            let mut flipped = line;
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(LastCommit::parse(&flipped), None, "bit {bit}");
        }
    }
}
