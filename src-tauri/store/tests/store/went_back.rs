//! A store that went back in time: noticed at opening, told until a person accepts it, and never told without a reason.

use std::fs;

use commonplace_lock::Locks;
use commonplace_store::{
    BACKUPS_DIR, Backend, BackupMade, BackupTo, LostWrites, Reaching, SqliteStore, Stamp, WriteOp,
    Writer, accept_lost_writes, compact, rebuild, restore,
};

use crate::support::{Copied, HUNG, TestStore, memory};

const DATABASE: &str = "commonplace.db";
const NOTE: &str = "last-commit";

impl Copied {
    fn open(&self) -> (SqliteStore, Locks) {
        let locks = self.locks();
        let store = SqliteStore::open(&self.dir(), &locks, 99_000).unwrap();
        (store, locks)
    }

    /// Puts the database and the log of an older copy in the place of its own.
    fn put_back(&self, older: &Self) {
        for suffix in ["", "-wal"] {
            let name = format!("{DATABASE}{suffix}");
            fs::copy(older.file(&name), self.file(&name)).unwrap();
        }
        let _ = fs::remove_file(self.file(&format!("{DATABASE}-shm")));
    }

    fn lost(&self) -> Option<LostWrites> {
        self.open().0.facts().lost_writes
    }
}

/// Stores up to number `last`, each at its number in seconds.
fn store_up_to(store: &TestStore, last: i64) {
    let first = store.number("SELECT coalesce(max(seq), 0) + 1 FROM commit_log");
    for n in first..=last {
        store.stored_at(memory(&format!("fact {n}")), n * 1_000);
    }
}

fn write_one(store: &SqliteStore, locks: &Locks) {
    let lock = locks
        .acquire_write(
            &commonplace_testing::purpose("claude-1"),
            commonplace_lock::Wait::up_to(HUNG),
        )
        .unwrap();
    let mut writer: Box<dyn Writer> = store.begin_write(&lock).unwrap();
    let stamp = Stamp {
        now_ms: 100_000,
        ..Stamp::default()
    };
    writer
        .apply(&WriteOp::Store(memory("written since")), &stamp)
        .unwrap()
        .unwrap();
    writer.commit().unwrap();
}

// A log that was cut, or in which a bit was wrong, was taken for all there ever was: of 30 acknowledged memories 15 or 10
// were there, and the check found nothing.
#[test]
fn a_log_that_was_cut_or_damaged_is_noticed_and_kept_as_it_was_found() {
    let store = TestStore::new();
    store_up_to(&store, 30);
    let cut: fn(&mut Vec<u8>) = |log| log.truncate(log.len() / 2);
    let flip: fn(&mut Vec<u8>) = |log| {
        let middle = log.len() / 2;
        log[middle] ^= 1;
    };
    for damage in [cut, flip] {
        let left = Copied::of(store.folder());
        let log = left.file(&format!("{DATABASE}-wal"));
        let mut bytes = fs::read(&log).unwrap();
        damage(&mut bytes);
        fs::write(&log, &bytes).unwrap();
        let lost = left.lost().expect("it is noticed");
        assert_eq!(
            (lost.last_acknowledged, lost.last_acknowledged_ms),
            (30, 30_000)
        );
        assert!((5..30).contains(&lost.last_there), "{lost}");
        assert_eq!(lost.last_there_ms, Some(lost.last_there as i64 * 1_000));
        assert_eq!(
            (lost.count(), lost.noticed_ms),
            (30 - lost.last_there, 99_000)
        );
        let kept = lost.kept.clone().expect("nobody else had it open");
        let kept_log = format!("{}-wal", kept.display());
        assert!(
            fs::read(kept_log).unwrap() == bytes,
            "the log is not as it was found"
        );
        let words = lost.to_string();
        for told in [
            "numbers",
            "to 30)",
            "1970-01-01 00:00:30 UTC",
            "No backup",
            "--accept-loss",
        ] {
            assert!(words.contains(told), "{told}: {words}");
        }
    }
}

#[test]
fn the_notice_stays_while_others_write_until_a_person_accepts_it() {
    let store = TestStore::new();
    store_up_to(&store, 20);
    let left = Copied::of(store.folder());
    fs::write(left.file(&format!("{DATABASE}-wal")), "").unwrap();
    let lost = left.lost().expect("it is noticed");
    for _ in 0..2 {
        let (opened, locks) = left.open();
        assert_eq!(opened.facts().lost_writes.as_ref(), Some(&lost));
        if opened.reader().unwrap().totals().unwrap().living == lost.last_there {
            write_one(&opened, &locks);
        }
        assert_eq!(opened.facts().lost_writes.as_ref(), Some(&lost));
    }
    assert_eq!(accept_lost_writes(&left.dir()).unwrap(), Some(lost));
    assert_eq!(left.lost(), None);
    assert_eq!(accept_lost_writes(&left.dir()).unwrap(), None);
}

fn backed_up(store: &TestStore) -> BackupMade {
    let folder = store.folder().join("store").join(BACKUPS_DIR);
    let to = BackupTo::Folder {
        folder: folder.clone(),
        keep: 10,
    };
    let made = store
        .store
        .backup(&store.locks, &folder, &to, 21_000, &mut |_| true);
    made.unwrap()
}

#[test]
fn an_older_copy_of_the_database_is_noticed_and_the_backup_that_reaches_further_is_named() {
    let store = TestStore::new();
    store_up_to(&store, 15);
    let older = Copied::of(store.folder());
    store_up_to(&store, 20);
    let made = backed_up(&store);
    store_up_to(&store, 30);
    let left = Copied::of(store.folder());
    left.put_back(&older);
    let lost = left.lost().expect("it is noticed");
    assert_eq!((lost.last_there, lost.last_acknowledged), (15, 30));
    let Some(Reaching { path, last_seq }) = &lost.backup else {
        panic!("{lost}")
    };
    assert_eq!(*last_seq, 20);
    assert_eq!(path.file_name(), made.path.file_name());
    restore(&left.dir(), &left.locks(), path, HUNG, 5, &mut |_| ()).unwrap();
    assert_eq!(left.lost(), None, "a restore settles it");
}

// A poorer backup was named while the database that an earlier repair had set aside had everything.
#[test]
fn a_database_that_was_set_aside_is_named_if_it_is_whole_and_reaches_further() {
    let store = TestStore::new();
    store_up_to(&store, 15);
    let older = Copied::of(store.folder());
    let mut copies = Vec::new();
    for last in [20, 25] {
        store_up_to(&store, last);
        let path = store.folder().join(format!("{last}.db"));
        let to = BackupTo::File {
            path: path.clone(),
            replace: false,
        };
        let made = store
            .store
            .backup(&store.locks, store.folder(), &to, 1, &mut |_| true);
        made.unwrap();
        copies.push(fs::read(path).unwrap());
    }
    store_up_to(&store, 30);
    let left = Copied::of(store.folder());
    left.put_back(&older);
    let folder = left.dir().join(BACKUPS_DIR);
    fs::create_dir(&folder).unwrap();
    let whole = folder.join("damaged-20200101T000000.000Z.db");
    fs::write(&whole, &copies[0]).unwrap();
    let place = copies[1].windows(7).position(|text| text == b"fact 17");
    copies[1][place.unwrap()] ^= 1;
    fs::write(folder.join("damaged-20200102T000000.000Z.db"), &copies[1]).unwrap();
    let lost = left.lost().expect("it is noticed");
    let Some(Reaching { path, last_seq }) = &lost.backup else {
        panic!("{lost}")
    };
    assert_eq!((path.file_name(), *last_seq), (whole.file_name(), 20));
    restore(&left.dir(), &left.locks(), path, HUNG, 5, &mut |_| ()).unwrap();
    assert_eq!(left.lost(), None);
}

// A database that was removed or emptied was taken for one that never was, although writes were noted.
#[test]
fn a_database_that_has_vanished_is_noticed_and_the_backup_is_named() {
    let store = TestStore::new();
    store_up_to(&store, 5);
    let made = backed_up(&store);
    store_up_to(&store, 7);
    let closed = Copied::of(store.closed().path());
    for is_emptied in [false, true] {
        let left = closed.again();
        fs::remove_file(left.file(DATABASE)).unwrap();
        if is_emptied {
            fs::write(left.file(DATABASE), "").unwrap();
        }
        let lost = left.lost().expect("it is noticed");
        assert_eq!((lost.last_there, lost.last_acknowledged), (0, 7));
        let path = lost.backup.as_ref().map(|backup| backup.path.file_name());
        assert_eq!(path, Some(made.path.file_name()), "{lost}");
        assert_eq!(left.lost(), Some(lost), "it goes on being told");
        accept_lost_writes(&left.dir()).unwrap();
        assert_eq!(left.lost(), None);
    }
}

#[test]
fn nothing_that_is_whole_is_told_as_a_loss() {
    let store = TestStore::new();
    store_up_to(&store, 10);
    let old_note = fs::read(store.folder().join("store").join(NOTE)).unwrap();
    let backup = store.folder().join("backup.db");
    let to = BackupTo::File {
        path: backup.clone(),
        replace: false,
    };
    store
        .store
        .backup(&store.locks, store.folder(), &to, 1, &mut |_| true)
        .unwrap();
    store_up_to(&store, 20);
    let whole = Copied::of(store.folder());
    assert_eq!(whole.lost(), None, "as it was");
    compact(&whole.dir(), &whole.locks(), HUNG, 1).unwrap();
    rebuild(&whole.dir(), &whole.locks(), HUNG, 1).unwrap();
    assert_eq!(whole.lost(), None, "compacted and rebuilt");
    fs::write(whole.file(NOTE), &old_note).unwrap();
    assert_eq!(
        whole.lost(),
        None,
        "the note is older, as after a crash of the machine"
    );
    for noise in [&b""[..], &[0; 512], b"noise"] {
        fs::write(whole.file(NOTE), noise).unwrap();
        assert_eq!(whole.lost(), None, "the note is no note");
    }
    fs::remove_file(whole.file(NOTE)).unwrap();
    assert_eq!(whole.lost(), None, "the note was removed");
    let (opened, locks) = whole.open();
    write_one(&opened, &locks);
    drop((opened, locks));
    assert_eq!(whole.lost(), None, "a new note was made");
    let restored = Copied::of(store.folder());
    restore(
        &restored.dir(),
        &restored.locks(),
        &backup,
        HUNG,
        1,
        &mut |_| (),
    )
    .unwrap();
    assert_eq!(restored.lost(), None, "an older state, but on purpose");
}

#[test]
fn the_note_is_that_of_whoever_committed_last() {
    let store = TestStore::new();
    let other = store.other_instance();
    for n in 0..3 {
        store.stored(&format!("mine {n}"));
        other.stored(&format!("theirs {n}"));
        other.stored(&format!("theirs too {n}"));
    }
    let note = fs::read_to_string(store.folder().join("store").join(NOTE)).unwrap();
    assert!(note.contains("seq=9 "), "{note}");
    let left = Copied::of(store.folder());
    fs::write(left.file(&format!("{DATABASE}-wal")), "").unwrap();
    assert_eq!(left.lost().expect("it is noticed").last_acknowledged, 9);
}

#[test]
fn a_note_that_cannot_be_written_is_told_and_stops_no_write() {
    let store = TestStore::new();
    store.stored("a");
    let left = Copied::of(store.folder());
    fs::remove_file(left.file(NOTE)).unwrap();
    fs::create_dir(left.file(NOTE)).unwrap();
    let (opened, locks) = left.open();
    write_one(&opened, &locks);
    let trouble = opened.facts().note_trouble.expect("it is told");
    assert!(trouble.contains("last-commit"), "{trouble}");
    assert_eq!(opened.reader().unwrap().totals().unwrap().living, 2);
}
