//! Backups: whole, consistent while others write, and never half there.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;

use commonplace_store::{
    BACKUPS_DIR, Backend, BackupError, BackupMade, BackupStep, BackupTo, Filter, SearchMode,
    WriteOp, kept_backups, last_backup_ms, restore,
};
use commonplace_testing::locks;

use crate::audit;
use crate::child::killed_after;
use crate::support::{Chance, HUNG, TestStore, at, by_texts, memory, tagged};

pub(crate) fn to_file(path: &Path, replace: bool) -> BackupTo {
    BackupTo::File {
        path: path.to_owned(),
        replace,
    }
}

pub(crate) fn backups_of(store: &TestStore) -> PathBuf {
    store.folder().join("store").join(BACKUPS_DIR)
}

pub(crate) fn back_up(
    store: &TestStore,
    to: &BackupTo,
    now_ms: i64,
) -> Result<BackupMade, BackupError> {
    let folder = backups_of(store);
    store
        .store
        .backup(&store.locks, &folder, to, now_ms, &mut |_| true)
}

/// Makes a backup in the directory of backups.
pub(crate) fn backed_up(store: &TestStore) -> BackupMade {
    let to = BackupTo::Folder {
        folder: backups_of(store),
        keep: 10,
    };
    back_up(store, &to, 1).unwrap()
}

/// Expects that a backup is refused and that its target stays as it was.
pub(crate) fn refused(store: &TestStore, to: &BackupTo) -> BackupError {
    let error = back_up(store, to, 1).unwrap_err();
    assert_eq!(hidden_files(store.folder()), [""; 0], "{error}");
    error
}

/// Names of files of unfinished work anywhere below `dir`.
pub(crate) fn hidden_files(dir: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        if entry.file_type().unwrap().is_dir() {
            found.extend(hidden_files(&entry.path()));
        } else if name.starts_with(".commonplace-") {
            found.push(name);
        }
    }
    found
}

/// A store with something of everything.
pub(crate) fn varied_store() -> TestStore {
    let store = TestStore::new();
    let mut chance = Chance::seeded(7);
    for n in 0..60 {
        let id = store.stored_at(tagged(&format!("fact number {n}"), &["t"]), n);
        store.index(&store.get(id), &[chance.unit_vector()]);
    }
    store.done(&WriteOp::Delete(by_texts(&["fact number 3"])), 99);
    store
}

/// Opens a backup as a store of its own, by restoring it into a fresh directory.
fn opened(backup: &Path) -> TestStore {
    let folder = tempfile::tempdir().unwrap();
    let locks = locks(&folder.path().join("locks"));
    let dir = folder.path().join("store");
    restore(&dir, &locks, backup, HUNG, 1, &mut |_| ()).unwrap();
    TestStore::open_in(std::sync::Arc::new(folder))
}

#[test]
fn a_backup_holds_everything_in_one_private_file() {
    let store = varied_store();
    let made = backed_up(&store);
    assert_eq!((made.contents.memories, made.contents.deleted), (59, 1));
    assert_eq!(made.contents.vectors, 60);
    assert_eq!(made.bytes, fs::metadata(&made.path).unwrap().len());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&made.path), 0o600);
        assert_eq!(mode(made.path.parent().unwrap()), 0o700);
    }
    let copy = opened(&made.path);
    audit::check(&copy);
    assert_eq!(copy.list(Filter::default()), store.list(Filter::default()));
    assert_eq!(
        copy.list_deleted(Filter::default()),
        store.list_deleted(Filter::default())
    );
    let vector = Chance::seeded(7).unit_vector();
    for mode in [SearchMode::Semantic, SearchMode::Keyword] {
        assert_eq!(
            copy.search("number 17", mode, Filter::default(), Some(&vector)),
            store.search("number 17", mode, Filter::default(), Some(&vector)),
            "{mode:?}"
        );
    }
}

/// Ends the writers also when the test fails beside them.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn every_backup_while_four_instances_write_is_a_prefix_of_the_log() {
    const BACKUPS: usize = 8;
    let store = TestStore::new();
    let (is_over, acked) = (AtomicBool::new(false), Mutex::new(Vec::new()));
    let to = BackupTo::Folder {
        folder: backups_of(&store),
        keep: BACKUPS,
    };
    let backups: Vec<BackupMade> = thread::scope(|scope| {
        for number in 0..4 {
            let (writer, is_over, acked) = (store.other_instance(), &is_over, &acked);
            scope.spawn(move || {
                for write in 0.. {
                    if is_over.load(Ordering::Relaxed) {
                        break;
                    }
                    let text = format!("writer {number} write {write}");
                    let applied = writer
                        .apply(&WriteOp::Store(memory(&text)), &at(1))
                        .unwrap();
                    acked.lock().unwrap().push((applied.seq.0, text));
                }
            });
        }
        let _over = Over(&is_over);
        let started = Instant::now();
        let mut made = Vec::new();
        for n in 0..BACKUPS {
            while acked.lock().unwrap().len() < 40 * n {
                assert!(started.elapsed() < HUNG, "the writers do not get on");
                thread::yield_now();
            }
            made.push(back_up(&store, &to, 1).unwrap());
        }
        made
    });
    let mut acked = acked.into_inner().unwrap();
    acked.sort();
    let commits: Vec<u64> = backups.iter().map(|made| made.contents.commits).collect();
    assert!(commits.is_sorted(), "{commits:?}");
    for made in &backups {
        let copy = rusqlite::Connection::open(&made.path).unwrap();
        let seqs: Vec<i64> = column(&copy, "SELECT seq FROM commit_log ORDER BY seq");
        let last = made.contents.commits as i64;
        assert_eq!(seqs, (1..=last).collect::<Vec<_>>(), "the log has no gaps");
        let texts: Vec<String> = column(&copy, "SELECT text FROM memories ORDER BY id");
        let expected: Vec<_> = acked.iter().take_while(|(seq, _)| *seq <= last).collect();
        assert_eq!(
            texts,
            expected
                .iter()
                .map(|(_, text)| text.clone())
                .collect::<Vec<_>>(),
            "exactly what was committed up to write {last}"
        );
    }
}

fn column<T: rusqlite::types::FromSql>(connection: &rusqlite::Connection, sql: &str) -> Vec<T> {
    let mut statement = connection.prepare(sql).unwrap();
    let rows = statement.query_map([], |row| row.get(0)).unwrap();
    rows.map(Result::unwrap).collect()
}

#[test]
fn the_newest_backups_are_kept_and_the_time_of_the_last_is_known() {
    let store = TestStore::new();
    let folder = backups_of(&store);
    assert_eq!(last_backup_ms(&folder), None);
    let to = BackupTo::Folder {
        folder: folder.clone(),
        keep: 3,
    };
    for now_ms in 1..=5 {
        back_up(&store, &to, now_ms).unwrap();
    }
    let kept = kept_backups(&folder).unwrap();
    let times: Vec<i64> = kept.iter().map(|backup| backup.made_ms).collect();
    assert_eq!(times, [5, 4, 3]);
    assert_eq!(last_backup_ms(&folder), Some(5));
    let elsewhere = store.folder().join("elsewhere.db");
    back_up(&store, &to_file(&elsewhere, false), 9).unwrap();
    assert_eq!(last_backup_ms(&folder), Some(9));
    fs::remove_file(elsewhere).unwrap();
    assert_eq!(
        last_backup_ms(&folder),
        Some(5),
        "what is gone does not count"
    );
}

#[test]
fn a_name_that_is_taken_or_cannot_be_had_is_refused_with_the_reason() {
    let store = varied_store();
    let folder = store.folder().to_owned();
    let notes = folder.join("notes.txt");
    fs::write(&notes, "dear diary").unwrap();
    let foreign = folder.join("foreign.db");
    rusqlite::Connection::open(&foreign)
        .unwrap()
        .execute_batch("CREATE TABLE t (x)")
        .unwrap();
    let cases: [(&Path, bool, &str); 6] = [
        (&notes, false, "exists"),
        (&notes, true, "not an earlier backup"),
        (&foreign, true, "not an earlier backup"),
        (&folder, true, "it is a directory"),
        (&folder.join("nowhere/x.db"), false, "there is no directory"),
        (&store.database(), true, "belongs to the live database"),
    ];
    for (path, replace, reason) in cases {
        let error = refused(&store, &to_file(path, replace));
        assert!(error.to_string().contains(reason), "{reason}: {error}");
    }
    assert_eq!(fs::read_to_string(&notes).unwrap(), "dear diary");

    let file = folder.join("mine.db");
    back_up(&store, &to_file(&file, false), 1).unwrap();
    store.stored("one more");
    let error = refused(&store, &to_file(&file, false));
    assert!(matches!(error, BackupError::Exists { .. }), "{error:?}");
    let made = back_up(&store, &to_file(&file, true), 2).unwrap();
    assert_eq!(opened(&file).list(Filter::default()).len(), 60);
    assert_eq!(
        made.contents.memories, 60,
        "an earlier backup is replaced if asked"
    );
}

#[cfg(unix)]
#[test]
fn another_name_of_the_live_database_is_refused_before_it_is_opened() {
    let store = varied_store();
    let (symbolic, hard) = (store.folder().join("link"), store.folder().join("hard"));
    std::os::unix::fs::symlink(store.database(), &symbolic).unwrap();
    fs::hard_link(store.database(), &hard).unwrap();
    for path in [symbolic, hard] {
        let error = refused(&store, &to_file(&path, true));
        assert!(
            matches!(error, BackupError::LiveDatabase { .. }),
            "{error:?}"
        );
    }
}

#[test]
fn a_backup_that_is_given_up_leaves_nothing() {
    let store = varied_store();
    let target = store.folder().join("mine.db");
    for at_step in 0..3 {
        let mut steps = 0;
        let report = &mut |_: BackupStep| {
            steps += 1;
            steps <= at_step
        };
        let folder = backups_of(&store);
        let to = to_file(&target, false);
        let answer = store.store.backup(&store.locks, &folder, &to, 1, report);
        assert!(matches!(answer, Err(BackupError::GaveUp)), "{answer:?}");
        assert!(!target.exists());
        assert_eq!(hidden_files(store.folder()), [""; 0]);
    }
}

#[test]
fn writes_and_searches_go_on_at_every_step_of_a_backup() {
    let store = varied_store();
    let other = store.other_instance();
    let mut steps = 0;
    let report = &mut |step: BackupStep| {
        steps += 1;
        store.stored(&format!("written by the same instance at step {steps}"));
        other.stored(&format!("written by another one at step {steps}"));
        assert_eq!(
            other.texts("another", SearchMode::Keyword).len(),
            steps,
            "{step:?}"
        );
        true
    };
    let (folder, to) = (backups_of(&store), store.folder().join("mine.db"));
    let to = to_file(&to, false);
    let made = store
        .store
        .backup(&store.locks, &folder, &to, 1, report)
        .unwrap();
    assert!(
        made.contents.memories >= 61,
        "the first two were before the copy"
    );
    assert_eq!(
        store.list(Filter::default()).len(),
        59 + 2 * steps,
        "all of them are in the store"
    );
}

#[test]
fn a_second_backup_at_the_same_time_is_refused() {
    let store = varied_store();
    let mut inner = None;
    let folder = backups_of(&store);
    let to = to_file(&store.folder().join("mine.db"), false);
    let report = &mut |_: BackupStep| {
        let second = to_file(&store.folder().join("second.db"), false);
        inner = Some(back_up(&store, &second, 1));
        true
    };
    store
        .store
        .backup(&store.locks, &folder, &to, 1, report)
        .unwrap();
    let inner = inner.unwrap();
    assert!(matches!(inner, Err(BackupError::UnderWay)), "{inner:?}");
}

#[test]
fn a_damaged_store_gives_no_backup_and_keeps_the_older_ones() {
    let store = varied_store();
    let to = BackupTo::Folder {
        folder: backups_of(&store),
        keep: 1,
    };
    let good = back_up(&store, &to, 1).unwrap();
    store.store.checkpoint(&store.lock()).unwrap();
    let root = store.number("SELECT rootpage FROM sqlite_schema WHERE name = 'memories'");
    let folder = store.closed();
    let database = folder.path().join("store/commonplace.db");
    let mut bytes = fs::read(&database).unwrap();
    bytes[(root as usize - 1) * 4096..root as usize * 4096].fill(0x5a);
    fs::write(&database, &bytes).unwrap();
    let store = TestStore::open_in(folder);
    let error = refused(&store, &to);
    assert!(
        matches!(error, BackupError::StoreDamaged { .. }),
        "{error:?}"
    );
    assert!(good.path.exists());
}

#[test]
fn a_killed_backup_leaves_no_half_file_and_the_next_one_cleans_up() {
    let store = varied_store();
    let target = store.folder().join("mine.db");
    let mut steps = Vec::new();
    for step in 0.. {
        let Some(name) = killed_after("backup", store.folder(), &target, step) else {
            break;
        };
        assert!(!target.exists(), "after {name}");
        assert_eq!(hidden_files(store.folder()).len(), 1, "after {name}");
        let other = store.folder().join(format!("other {step}.db"));
        back_up(&store, &to_file(&other, false), 1).unwrap();
        assert_eq!(hidden_files(store.folder()), [""; 0], "after {name}");
        steps.push(name.split(' ').next().unwrap().to_owned());
    }
    steps.dedup();
    assert_eq!(steps, ["Copying", "Checking", "Finishing"]);
    assert!(target.exists(), "the one that was not killed is there");
    audit::check(&opened(&target));
}

#[test]
fn what_a_living_instance_makes_is_left_alone() {
    let store = varied_store();
    let living = locks(&store.folder().join("locks"));
    let uuid: String = store
        .plain()
        .query_row("SELECT store_uuid FROM store_meta", [], |row| row.get(0))
        .unwrap();
    let name = |instance: &str| {
        store
            .folder()
            .join(format!(".commonplace-{uuid}-{instance}.tmp"))
    };
    let (theirs, dead) = (
        name(living.identity().instance.as_str()),
        name(&"0".repeat(32)),
    );
    fs::write(&theirs, "").unwrap();
    fs::write(&dead, "").unwrap();
    back_up(&store, &to_file(&store.folder().join("mine.db"), false), 1).unwrap();
    assert!(theirs.exists() && !dead.exists());
}
