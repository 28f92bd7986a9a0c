//! Repair without a backup: what is still on a page of the database or of its log comes back, whatever leads to it.

use std::fs;

use commonplace_store::{BACKUPS_DIR, Backend, Repaired, SqliteStore, WriteOp, accept_lost_writes};

use crate::flips::{DATABASE, Seen, Whole, contents, rounds, without_index};
use crate::support::{Copied, TestStore, tagged};

/// Bits of the head of the file and of the page that begins there.
const HEAD_BITS: usize = 108 * 8;
/// Every so many of them are tried.
const HEAD_STEP: usize = 61;

/// Repairs a store that has no backup, and looks that everything is there again.
fn comes_back_without_a_backup(
    whole: &Whole,
    what: &str,
    damage: impl FnOnce(&mut Vec<u8>),
) -> Repaired {
    let copied = whole.copied();
    fs::remove_dir_all(copied.dir().join(BACKUPS_DIR)).unwrap();
    let mut bytes = fs::read(copied.database()).unwrap();
    damage(&mut bytes);
    fs::write(copied.database(), bytes).unwrap();
    let seen = copied.look();
    let repaired = copied
        .repair()
        .unwrap_or_else(|error| panic!("{what}: {error:?}"));
    if !matches!(seen, Seen::Silent(_)) {
        assert!(
            repaired.found.is_some(),
            "{what}: nothing was found, but {seen:?}"
        );
    }
    // The notice of writes that could not be read before the repair.
    accept_lost_writes(&copied.dir()).unwrap();
    let Seen::Silent(mended) = copied.look() else {
        panic!("{what} was not mended: {:?}", copied.look())
    };
    let (mended, before) = (without_index(&mended), without_index(&whole.contents));
    assert!(mended == before, "{what}: not all came back: {repaired:?}");
    copied.write(&WriteOp::Store(tagged("written since", &[])));
    repaired
}

// One bit in the head of the file ended the store: nothing of it was read without a backup, or nothing was found.
#[test]
fn no_flipped_bit_in_the_head_of_the_file_costs_a_memory_without_a_backup() {
    let whole = Whole::new();
    for bit in (0..HEAD_BITS).step_by((HEAD_STEP / rounds(1)).max(1)) {
        comes_back_without_a_backup(&whole, &format!("bit {bit}"), |bytes| {
            bytes[bit / 8] ^= 1 << (bit % 8);
        });
    }
}

fn roots(whole: &Whole) -> Vec<(String, usize)> {
    let copied = whole.copied();
    let plain = rusqlite::Connection::open(copied.database()).unwrap();
    let mut named = plain
        .prepare("SELECT name, rootpage FROM sqlite_schema WHERE type = 'table' AND rootpage > 1 AND (name LIKE '%_sums' OR name || '_sums' IN (SELECT name FROM sqlite_schema))")
        .unwrap();
    named
        .query_map([], |row| Ok((row.get(0)?, row.get::<_, u32>(1)? as usize)))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap()
}

// The root of a table leads to all of its rows; they were given up with it.
#[test]
fn no_root_of_a_table_costs_a_memory_without_a_backup() {
    let whole = Whole::new();
    for (table, root) in roots(&whole) {
        let first = (root - 1) * 4096;
        let repaired =
            comes_back_without_a_backup(&whole, &format!("{table}, number of cells"), |bytes| {
                assert_eq!(bytes[first] & 0xf0, 0, "a page of a b-tree");
                bytes[first + 3] ^= 0x40;
            });
        if table == "memories" {
            assert!(
                repaired.salvaged_rows >= 200 && repaired.memories.is_empty(),
                "{repaired:?}"
            );
        }
    }
}

/// The first leaf of the memories, and one in the middle.
fn leaves(whole: &Whole) -> Vec<usize> {
    let bytes = fs::read(whole.copied().database()).unwrap();
    let pages = bytes.chunks(4096).enumerate().skip(1);
    let is_one =
        |page: &[u8]| page[0] == 0x0d && page.windows(11).any(|text| text == b"Fact Number");
    let leaves: Vec<usize> = pages
        .filter(|(_, page)| is_one(page))
        .map(|(n, _)| n * 4096)
        .collect();
    vec![leaves[0], leaves[leaves.len() / 2]]
}

// A flipped bit in the head of a leaf cost all rows on it, and one in the head of the file let nobody write.
#[test]
fn no_byte_that_only_leads_to_rows_costs_one() {
    let whole = Whole::new();
    let read_only =
        comes_back_without_a_backup(&whole, "version of the format", |bytes| bytes[18] = 6);
    assert!(read_only.found.is_some());
    for leaf in leaves(&whole) {
        for (place, bit) in [(0, 1), (0, 16), (0, 8), (3, 1), (4, 2), (4, 1)] {
            let what = format!("byte {place} of a leaf, bit {bit}");
            comes_back_without_a_backup(&whole, &what, |bytes| bytes[leaf + place] ^= bit);
        }
    }
}

/// Says whether what is seen is a store that has everything.
fn has_all(seen: &Seen, whole: &Whole) -> bool {
    matches!(seen, Seen::Silent(found) if without_index(found) == without_index(&whole.contents))
}

/// A store of 30 memories that was never closed, so that all of them are in its log.
fn in_its_log() -> Whole {
    let store = TestStore::new();
    for n in 0..30 {
        store.stored(&format!("Fact Number {n}"));
    }
    let contents = contents(&store.store).unwrap();
    let files = Copied::of(store.folder());
    Whole { files, contents }
}

// Repair removed the log of a database that was emptied, and could do nothing where it was removed; and of a log with one
// flipped bit it read nothing behind that.
#[test]
fn what_is_in_the_log_comes_back_whatever_became_of_the_database_and_of_one_bit() {
    let whole = in_its_log();
    let log = |copied: &Copied| copied.dir().join(format!("{DATABASE}-wal"));
    let comes_back = |copied: &Copied, what: &str| {
        let repaired = copied.repair().unwrap();
        assert!(repaired.found.is_some(), "{what}");
        let seen = copied.look();
        assert!(has_all(&seen, &whole), "{what}: {seen:?}");
        copied.write(&WriteOp::Store(tagged("written since", &[])));
    };
    for len in [None, Some(0), Some(1), Some(100), Some(4096)] {
        let copied = whole.copied();
        match len {
            None => fs::remove_file(copied.database()).unwrap(),
            Some(len) => {
                let bytes = fs::read(copied.database()).unwrap();
                fs::write(copied.database(), &bytes[..len.min(bytes.len())]).unwrap();
            }
        }
        if len.is_none_or(|len| len <= 1) {
            assert!(matches!(copied.look(), Seen::NotOpened(_)), "{len:?}");
            comes_back(&copied, &format!("{len:?} bytes of the database"));
        } else {
            copied.repair().unwrap();
            assert!(has_all(&copied.look(), &whole), "{len:?}");
        }
    }
    let len = fs::metadata(log(&whole.copied())).unwrap().len() as usize;
    for place in (16..len).step_by(len / rounds(12)) {
        let copied = whole.copied();
        copied.flip(&log(&copied), place * 8 + 3);
        comes_back(&copied, &format!("byte {place} of the log"));
    }
}

// A repair of a damaged head forgot that the log had been cut: 30 acknowledged writes were missing without a word.
#[test]
fn what_is_missing_after_a_repair_is_told() {
    let whole = in_its_log();
    let copied = whole.copied();
    let log = copied.dir().join(format!("{DATABASE}-wal"));
    let bytes = fs::read(&log).unwrap();
    fs::write(&log, &bytes[..bytes.len() / 2]).unwrap();
    copied.flip(&copied.database(), 16 * 8 + 3);
    assert!(copied.repair().unwrap().salvaged_rows > 0);
    let store = SqliteStore::open(&copied.dir(), &copied.locks(), 500).unwrap();
    let lost = store.facts().lost_writes.expect("it is told");
    assert_eq!(lost.last_acknowledged, 30);
    assert!((5..30).contains(&lost.last_there), "{lost}");
    assert!(
        lost.last_there_ms.is_some() && lost.kept.is_some(),
        "{lost}"
    );
}

// What a failed write has left behind the end of the log looks like a log with a wrong bit. It is not what was committed.
#[test]
fn what_lies_behind_the_end_of_a_log_that_has_everything_does_not_count() {
    let whole = in_its_log();
    let copied = whole.copied();
    let log = copied.dir().join(format!("{DATABASE}-wal"));
    let mut bytes = fs::read(&log).unwrap();
    let (head, frame) = (32, 24 + 4096);
    let older = bytes[head..head + (bytes.len() - head) / frame / 2 * frame].to_owned();
    bytes.extend(older);
    fs::write(&log, bytes).unwrap();
    fs::write(copied.database(), "").unwrap();
    assert!(copied.repair().unwrap().found.is_some());
    let seen = copied.look();
    assert!(has_all(&seen, &whole), "{seen:?}");
}
