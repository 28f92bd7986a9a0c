//! Single flipped bits: each is named by the check, or changes nothing that anybody reads; and the repair brings all back.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::{Chance, Copied, HUNG, TestStore, by_texts, tagged};
use commonplace_store::{
    BACKUPS_DIR, Backend, BackupTo, Cure, Filter, ListQuery, Memory, MemoryId, Mended, OpenError,
    ReadError, Record, Repaired, RestoreError, SqliteStore, WriteOp, accept_lost_writes, rebuild,
    repair, restore,
};

pub(crate) const DATABASE: &str = "commonplace.db";

/// Places that are tried in the database; COMMONPLACE_FAULT_ROUNDS multiplies them.
const FLIPS: usize = 120;
const LOG_FLIPS: usize = 40;

/// Everything that can be read of a store.
#[derive(Debug, PartialEq)]
pub(crate) struct Contents {
    pub(crate) living: Vec<Memory>,
    pub(crate) deleted: Vec<Memory>,
    pub(crate) records: Vec<Record>,
}

pub(crate) fn contents(store: &SqliteStore) -> Result<Contents, ReadError> {
    let mut reader = store.reader()?;
    let mut list = |deleted| -> Result<Vec<Memory>, ReadError> {
        let mut all = Vec::new();
        for page in 1..=3 {
            let query = ListQuery::parse(Filter::default(), page, 100, deleted).unwrap();
            all.extend(reader.list(&query)?.0);
        }
        Ok(all)
    };
    let (living, deleted) = (list(false)?, list(true)?);
    let mut records = Vec::new();
    for id in 1..=210 {
        records.extend(reader.record(MemoryId(id))?);
    }
    Ok(Contents {
        living,
        deleted,
        records,
    })
}

/// A closed store of 200 memories of all kinds, with a backup of just that.
pub(crate) struct Whole {
    pub(crate) files: Copied,
    pub(crate) contents: Contents,
}

impl Whole {
    pub(crate) fn new() -> Self {
        let (store, mut chance) = (TestStore::new(), Chance::seeded(8));
        for n in 0..200 {
            let words = "word ".repeat(n % 40);
            let memory = tagged(&format!("Fact Number {n} {words}"), &["one", "two"]);
            store.stored_at(memory, n as i64);
        }
        for memory in store.list(Filter::default()).iter().step_by(10) {
            store.index(memory, &[chance.unit_vector()]);
        }
        let some: Vec<String> = (0..20)
            .map(|n| format!("Fact Number {n} {}", "word ".repeat(n % 40)))
            .collect();
        let some: Vec<&str> = some.iter().map(String::as_str).collect();
        store.done(&WriteOp::Delete(by_texts(&some)), 300);
        let dir = store.folder().join("store");
        let to = BackupTo::Folder {
            folder: dir.join(BACKUPS_DIR),
            keep: 10,
        };
        store
            .store
            .backup(&store.locks, &dir.join(BACKUPS_DIR), &to, 400, &mut |_| {
                true
            })
            .unwrap();
        let contents = contents(&store.store).unwrap();
        let files = Copied::of(store.closed().path());
        Self { files, contents }
    }

    /// Returns a copy of it in a directory of its own.
    pub(crate) fn copied(&self) -> Copied {
        self.files.again()
    }
}

/// What is seen of a store that may be damaged.
#[derive(Debug)]
pub(crate) enum Seen {
    /// It does not open, and says why.
    NotOpened(OpenError),
    /// The check named damage, or could not be made.
    Named(String, Option<Cure>),
    /// The store itself says that writes are missing.
    WentBack(String),
    /// Nothing was named.
    Silent(Box<Contents>),
}

impl Copied {
    pub(crate) fn database(&self) -> PathBuf {
        self.file(DATABASE)
    }

    pub(crate) fn flip(&self, file: &Path, place: usize) {
        let mut bytes = fs::read(file).unwrap();
        bytes[place / 8] ^= 1 << (place % 8);
        fs::write(file, bytes).unwrap();
    }

    pub(crate) fn look(&self) -> Seen {
        let locks = self.locks();
        let store = match SqliteStore::open(&self.dir(), &locks, 500) {
            Ok(store) => store,
            Err(error) => return Seen::NotOpened(error),
        };
        if let Some(lost) = store.facts().lost_writes {
            return Seen::WentBack(lost.to_string());
        }
        match store.check(&mut |_| ()) {
            Ok(None) => {}
            Ok(Some(damage)) => return Seen::Named(damage.to_string(), Some(damage.cure())),
            Err(error) => return Seen::Named(error.to_string(), None),
        }
        Seen::Silent(Box::new(contents(&store).unwrap()))
    }

    /// Opens the store and carries one write out.
    pub(crate) fn write(&self, op: &WriteOp) {
        let locks = self.locks();
        let store = SqliteStore::open(&self.dir(), &locks, 500).unwrap();
        let wait = commonplace_lock::Wait::up_to(HUNG);
        let lock = locks
            .acquire_write(&commonplace_testing::purpose("claude-1"), wait)
            .unwrap();
        let mut writer = store.begin_write(&lock).unwrap();
        writer.apply(op, &crate::support::at(550)).unwrap().unwrap();
        writer.commit().unwrap();
    }

    pub(crate) fn repair(&self) -> Result<Repaired, RestoreError> {
        repair(&self.dir(), &self.locks(), None, HUNG, 600, &mut |_| ())
    }

    /// Does what the damage asks for; where nothing can be read, what that error asks for.
    fn mend(&self, cure: Option<Cure>) {
        if cure == Some(Cure::Rebuild) && rebuild(&self.dir(), &self.locks(), HUNG, 600).is_ok() {
            return;
        }
        match self.repair() {
            Ok(_) => {}
            Err(RestoreError::NothingReadable { newest, .. }) => {
                let newest = newest.expect("there is a backup");
                restore(&self.dir(), &self.locks(), &newest, HUNG, 600, &mut |_| ()).unwrap();
            }
            Err(error) => panic!("{error:?}"),
        }
    }
}

pub(crate) fn rounds(count: usize) -> usize {
    let times = std::env::var("COMMONPLACE_FAULT_ROUNDS").ok();
    count
        * times
            .and_then(|times| times.parse::<usize>().ok())
            .unwrap_or(1)
}

/// Leaves out what the index of vectors and the number of the last change tell: both may be made again.
pub(crate) fn without_index(contents: &Contents) -> Vec<(Memory, Vec<commonplace_store::Earlier>)> {
    let records = contents.records.iter();
    records
        .map(|record| (record.memory.clone(), record.history.clone()))
        .collect()
}

// Of 120 single flipped bits 14 changed a memory's text without a word, 3 broke lists while the check found nothing, and
// the command that a refused backup named mended none of it.
#[test]
fn no_flipped_bit_changes_a_memory_without_a_word_and_all_come_back_from_the_backup() {
    let (whole, mut chance) = (Whole::new(), Chance::seeded(9));
    let bits = fs::metadata(whole.copied().database()).unwrap().len() as usize * 8;
    let mut named = 0;
    for _ in 0..rounds(FLIPS) {
        let place = chance.below(bits);
        let copied = whole.copied();
        copied.flip(&copied.database(), place);
        let cure = match copied.look() {
            Seen::Silent(found) => {
                assert_eq!(
                    *found, whole.contents,
                    "bit {place} changed something without a word"
                );
                continue;
            }
            Seen::Named(words, cure) => {
                assert!(words.contains("commonplace re"), "bit {place}: {words}");
                cure
            }
            // A flipped version number: no store of ours, and refused as such.
            Seen::NotOpened(OpenError::NewerSchema { .. } | OpenError::Foreign { .. }) => continue,
            Seen::NotOpened(_) => None,
            Seen::WentBack(_) => None,
        };
        named += 1;
        copied.mend(cure);
        // The end of the log of commits was damaged; that is mended, and a person has seen the notice.
        accept_lost_writes(&copied.dir()).unwrap();
        let Seen::Silent(mended) = copied.look() else {
            panic!("bit {place} was not mended: {:?}", copied.look())
        };
        let (mended, before) = (without_index(&mended), without_index(&whole.contents));
        assert!(mended == before, "bit {place}: not all came back");
    }
    assert!(named > rounds(FLIPS) / 4, "the flips hit nothing: {named}");
}

#[test]
fn no_flipped_bit_in_the_log_hides_an_acknowledged_write() {
    let store = TestStore::new();
    for n in 0..30 {
        store.stored(&format!("Fact Number {n}"));
    }
    let before = contents(&store.store).unwrap();
    let whole = Whole {
        files: Copied::of(store.folder()),
        contents: before,
    };
    let mut chance = Chance::seeded(10);
    let log = |copied: &Copied| copied.dir().join(format!("{DATABASE}-wal"));
    let bits = fs::metadata(log(&whole.copied())).unwrap().len() as usize * 8;
    for _ in 0..rounds(LOG_FLIPS) {
        let place = chance.below(bits);
        let copied = whole.copied();
        copied.flip(&log(&copied), place);
        match copied.look() {
            Seen::Silent(found) => {
                assert_eq!(*found, whole.contents, "bit {place} of the log hid a write")
            }
            Seen::WentBack(words) => assert!(words.contains("missing"), "{words}"),
            Seen::Named(..) | Seen::NotOpened(_) => {}
        }
    }
}

/// Changes the store as a bit on the disk would, behind the checksums.
fn change(copied: &Copied, sql: &str) {
    let plain = rusqlite::Connection::open(copied.database()).unwrap();
    let triggers: Vec<String> = plain
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'trigger' AND tbl_name LIKE 'mem%'")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    let text_of = |name: &String| -> String {
        let sql = "SELECT sql FROM sqlite_schema WHERE name = ?1";
        plain.query_row(sql, [name], |row| row.get(0)).unwrap()
    };
    let texts: Vec<String> = triggers.iter().map(text_of).collect();
    for name in &triggers {
        plain
            .execute_batch(&format!("DROP TRIGGER {name}"))
            .unwrap();
    }
    plain.execute_batch(sql).unwrap();
    for text in texts {
        plain.execute_batch(&text).unwrap();
    }
}

fn how(repaired: &Repaired, id: i64) -> &Mended {
    let found = repaired
        .memories
        .iter()
        .find(|memory| memory.id == MemoryId(id));
    &found.unwrap_or_else(|| panic!("{repaired:?}")).how
}

#[test]
fn each_damaged_memory_is_told_with_what_became_of_it() {
    let whole = Whole::new();
    let copied = whole.copied();
    change(
        &copied,
        "UPDATE memories SET text = 'wrong' WHERE id = 50;
         DELETE FROM memory_tags WHERE memory_id = 51;
         UPDATE memories_sums SET sum = 1 WHERE id = 52;
         DELETE FROM memory_tags WHERE memory_id = 53;
         DELETE FROM memories WHERE id = 53;",
    );
    let repaired = copied.repair().unwrap();
    assert!(
        matches!(how(&repaired, 50), Mended::FromBackup(_)),
        "{repaired:?}"
    );
    assert_eq!(how(&repaired, 52), &Mended::ChecksumWasWrong);
    assert!(
        matches!(how(&repaired, 53), Mended::FromBackup(_)),
        "{repaired:?}"
    );
    assert_eq!(repaired.memories.len(), 3, "{repaired:?}");
    assert_eq!(repaired.aside, None);
    assert!(repaired.damaged.as_ref().is_some_and(|path| path.exists()));
    assert!(matches!(copied.look(), Seen::Silent(found) if *found == whole.contents));
    assert_eq!(
        copied.repair().unwrap().found,
        None,
        "there is nothing left to mend"
    );
}

#[test]
fn what_no_backup_has_whole_is_put_into_a_file_and_the_rest_stays() {
    let whole = Whole::new();
    let copied = whole.copied();
    fs::remove_dir_all(copied.dir().join(BACKUPS_DIR)).unwrap();
    change(
        &copied,
        "UPDATE memories SET text = 'wrong' WHERE id = 50;
         UPDATE memories SET tags = '[\"wrong\"]' WHERE id = 51;
         UPDATE memory_history SET text = 'wrong' WHERE id = 1;",
    );
    let repaired = copied.repair().unwrap();
    assert_eq!(how(&repaired, 50), &Mended::PutAside);
    assert_eq!(how(&repaired, 51), &Mended::KeptByHash);
    assert_eq!(
        repaired.other_rows, 2,
        "a row of the history, and the vector of memory 50"
    );
    let aside = fs::read_to_string(repaired.aside.as_ref().expect("there is a file")).unwrap();
    assert_eq!(aside.lines().count(), 2, "{aside}");
    assert!(aside.contains("\"text\":\"wrong\""), "{aside}");
    let Seen::Silent(mended) = copied.look() else {
        panic!("{:?}", copied.look())
    };
    assert_eq!(mended.records.len(), whole.contents.records.len() - 1);
}

#[test]
fn an_earlier_state_is_better_than_a_wrong_text_and_is_told() {
    let copied = Whole::new().copied();
    let changes = commonplace_store::Changes::default()
        .with_text("a newer text")
        .unwrap();
    let edit = commonplace_store::Edit {
        id: MemoryId(60),
        seen_ms: None,
        changes,
    };
    copied.write(&WriteOp::Edit(edit));
    change(
        &copied,
        "UPDATE memories SET text = 'a Newer tezt' WHERE id = 60",
    );
    let repaired = copied.repair().unwrap();
    assert!(
        matches!(how(&repaired, 60), Mended::OlderFromBackup(_)),
        "{repaired:?}"
    );
    let aside = fs::read_to_string(repaired.aside.expect("the newer one is kept")).unwrap();
    assert!(aside.contains("a Newer tezt"), "{aside}");
}

#[test]
fn a_purged_memory_does_not_come_back_from_a_backup() {
    let copied = Whole::new().copied();
    let ids = commonplace_store::Ids::parse(vec![MemoryId(1)]).unwrap();
    let purge = WriteOp::ByIds(commonplace_store::IdAct::Purge, ids);
    copied.write(&purge);
    change(&copied, "UPDATE memories SET text = 'wrong' WHERE id = 50");
    copied.repair().unwrap();
    let Seen::Silent(mended) = copied.look() else {
        panic!("{:?}", copied.look())
    };
    assert!(
        mended
            .records
            .iter()
            .all(|record| record.memory.id != MemoryId(1))
    );
}

// A whole page of nonsense ended the store: nothing of it could be read, and no command took what was left.
#[test]
fn pages_of_nonsense_cost_only_what_no_backup_has() {
    let whole = Whole::new();
    let pages = fs::metadata(whole.copied().database()).unwrap().len() / 4096;
    let mut chance = Chance::seeded(11);
    for _ in 0..rounds(15) {
        let page = 1 + chance.below(pages as usize - 1);
        let copied = whole.copied();
        let mut bytes = fs::read(copied.database()).unwrap();
        bytes[page * 4096..(page + 1) * 4096].fill(0xa5);
        fs::write(copied.database(), bytes).unwrap();
        let cure = match copied.look() {
            Seen::Silent(found) => {
                assert_eq!(*found, whole.contents, "page {page}");
                continue;
            }
            Seen::Named(_, cure) => cure,
            _ => None,
        };
        copied.mend(cure);
        accept_lost_writes(&copied.dir()).unwrap();
        let Seen::Silent(mended) = copied.look() else {
            panic!("page {page}: {:?}", copied.look())
        };
        let (mended, before) = (without_index(&mended), without_index(&whole.contents));
        assert!(mended == before, "page {page}: not all came back");
    }
}
