//! Restore: refused where it must be, whole after a crash at every step, and nothing is thrown away.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use commonplace_lock::{AcquireError, Generation, Locks, Wait};
use commonplace_store::{
    Backend, BackupKind, BackupMade, Filter, Kept, OpenError, RestoreError, Restored, SqliteStore,
    UnfitBackup, WriteOp, kept_backups, restore,
};
use commonplace_testing::locks;
use tempfile::TempDir;

use crate::audit;
use crate::backup::{back_up, backed_up, backups_of, hidden_files, to_file, varied_store};
use crate::child::killed_after;
use crate::support::{TestStore, at, memory};

const DATABASE: &str = "commonplace.db";
const NO_WAIT: Duration = Duration::ZERO;

/// A closed store that has gone on after a backup of it was made.
struct Past {
    folder: Arc<TempDir>,
    backup: BackupMade,
    /// Its texts at the time of the backup, and now.
    then: Vec<String>,
    now: Vec<String>,
}

impl Past {
    fn new() -> Self {
        let store = varied_store();
        let file = store.folder().join("kept elsewhere.db");
        let backup = back_up(&store, &to_file(&file, false), 1).unwrap();
        let then = texts(&store);
        store.stored("after the backup");
        let now = texts(&store);
        let folder = store.closed();
        Self {
            folder,
            backup,
            then,
            now,
        }
    }

    fn dir(&self) -> PathBuf {
        self.folder.path().join("store")
    }

    fn locks(&self) -> Locks {
        locks(&self.folder.path().join("locks"))
    }

    fn restore(&self, from: &Path) -> Result<Restored, RestoreError> {
        restore(&self.dir(), &self.locks(), from, NO_WAIT, 1, &mut |_| ())
    }

    fn opened(&self) -> TestStore {
        TestStore::open_in(Arc::clone(&self.folder))
    }

    /// Every file of the store with its content.
    fn contents(&self) -> Vec<(PathBuf, Vec<u8>)> {
        contents(&self.dir())
    }
}

fn texts(store: &TestStore) -> Vec<String> {
    let memories = store.list(Filter::default());
    memories.into_iter().map(|memory| memory.text).collect()
}

fn contents(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(contents(&path));
        } else {
            files.push((path.clone(), fs::read(path).unwrap()));
        }
    }
    files.sort();
    files
}

fn meta(path: &Path) -> (i64, String) {
    let plain = rusqlite::Connection::open(path).unwrap();
    plain
        .query_row("SELECT epoch, incarnation FROM store_meta", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .unwrap()
}

#[test]
fn a_restored_store_is_the_backup_with_a_higher_epoch_and_another_incarnation() {
    let past = Past::new();
    let (epoch_then, incarnation) = meta(&past.backup.path);
    // Hands change after the backup: the epoch of the store is ahead of it.
    for text in ["x", "y"] {
        past.opened().stored(text);
    }
    let (epoch_now, _) = meta(&past.dir().join(DATABASE));
    assert!(epoch_now > epoch_then);
    let restored = past.restore(&past.backup.path).unwrap();
    assert_eq!(restored.epoch, epoch_now as u64 + 1);
    assert_eq!(restored.contents, past.backup.contents);
    assert_eq!(hidden_files(past.folder.path()), [""; 0]);
    for suffix in ["-wal", "-shm"] {
        assert!(!past.dir().join(format!("{DATABASE}{suffix}")).exists());
    }
    let store = past.opened();
    assert_eq!(texts(&store), past.then);
    let (epoch, renewed) = meta(&store.database());
    assert_eq!(epoch, epoch_now + 1);
    assert_ne!(renewed, incarnation);
    store.stored("life goes on");
    let (epoch, _) = meta(&store.database());
    assert_eq!(epoch, epoch_now + 2, "who writes next takes the next epoch");
    audit::check(&store);
}

#[test]
fn what_was_there_is_kept_as_a_backup_that_can_be_restored() {
    let past = Past::new();
    let restored = past.restore(&past.backup.path).unwrap();
    let Kept::Backup(kept) = restored.before else {
        panic!("{:?}", restored.before)
    };
    let listed = kept_backups(kept.parent().unwrap()).unwrap();
    assert!(listed[0].kind == BackupKind::BeforeRestore && listed[0].path == kept);
    past.restore(&kept).unwrap();
    assert_eq!(texts(&past.opened()), past.now);
}

#[test]
fn a_lock_that_was_taken_over_does_not_come_into_force_again() {
    let past = Past::new();
    let stuck = past.opened();
    let clerk = stuck.other_instance();
    let old = stuck.lock();
    let take_over = clerk.locks.watch_stuck_holder(NO_WAIT).unwrap();
    clerk.store.fence_off(&take_over).unwrap();
    take_over.finish().unwrap();
    drop((old, stuck, clerk));
    past.restore(&past.backup.path).unwrap();
    let store = past.opened();
    assert_eq!(store.locks.generation(), Generation(1));
    assert_eq!(store.number("SELECT generation FROM store_meta"), 1);
    store.stored("life goes on");
}

#[test]
fn a_backup_of_a_higher_epoch_is_not_followed_by_a_lower_one() {
    let past = Past::new();
    let (epoch_then, _) = meta(&past.backup.path);
    let fresh = tempfile::tempdir().unwrap();
    let other = locks(&fresh.path().join("locks"));
    let dir = fresh.path().join("deep/store");
    let restored = restore(&dir, &other, &past.backup.path, NO_WAIT, 1, &mut |_| ()).unwrap();
    assert_eq!(restored.before, Kept::Nothing, "there was no store");
    assert!(restored.epoch > epoch_then as u64);
    let store = SqliteStore::open(&dir, &other, 0).unwrap();
    assert_eq!(store.check(&mut |_| ()).unwrap(), None);
}

#[test]
fn a_store_that_is_open_is_not_replaced_and_who_has_it_open_is_named() {
    let past = Past::new();
    let store = past.opened();
    let before = texts(&store);
    let error = past.restore(&past.backup.path).unwrap_err();
    let RestoreError::Locked(AcquireError::StoreInUse { instances, .. }) = &error else {
        panic!("{error:?}")
    };
    let mine = store.locks.identity();
    assert!(instances.iter().any(|other| other.identity == *mine));
    let named = format!("pid {} (commonplace 0.1.0 test, on host desk)", mine.pid);
    assert!(error.to_string().contains(&named), "{error}");
    assert_eq!(texts(&store), before);
    store.stored("the one who was there writes on");
    assert_eq!(hidden_files(past.folder.path()), [""; 0]);
}

/// Nobody who was there before the restore can write after it: it cannot be open meanwhile.
#[test]
fn nobody_can_open_the_store_while_it_is_replaced() {
    let past = Past::new();
    let mut refused = 0;
    let done = &mut |step| {
        use commonplace_store::RestoreStep::{Checked, Copied};
        let share = past.locks().share_store(Wait::up_to(NO_WAIT));
        assert_eq!(share.is_ok(), matches!(step, Copied | Checked), "{step:?}");
        refused += usize::from(share.is_err());
    };
    let from = &past.backup.path;
    restore(&past.dir(), &past.locks(), from, NO_WAIT, 1, done).unwrap();
    assert_eq!(refused, 6);
}

#[test]
fn a_program_without_our_locks_is_noticed() {
    let past = Past::new();
    let shell = rusqlite::Connection::open(past.dir().join(DATABASE)).unwrap();
    shell
        .query_row("SELECT count(*) FROM memories", [], |row| {
            row.get::<_, i64>(0)
        })
        .unwrap();
    let error = past.restore(&past.backup.path).unwrap_err();
    assert!(
        matches!(error, RestoreError::OpenElsewhere { .. }),
        "{error:?}"
    );
    drop(shell);
    assert_eq!(texts(&past.opened()), past.now);
    past.restore(&past.backup.path).unwrap();
}

#[test]
fn what_is_not_a_whole_backup_of_ours_is_refused_and_nothing_changes() {
    let past = Past::new();
    let folder = past.folder.path().to_owned();
    let whole = fs::read(&past.backup.path).unwrap();
    let file = |name: &str, change: &dyn Fn(&mut Vec<u8>)| {
        let path = folder.join(name);
        let mut bytes = whole.clone();
        change(&mut bytes);
        fs::write(&path, bytes).unwrap();
        path
    };
    let foreign = file("foreign", &|bytes| bytes[68..72].fill(7));
    let newer = file("newer", &|bytes| bytes[63] = 99);
    let cut = file("cut", &|bytes| bytes.truncate(whole.len() - 1));
    let half = file("half", &|bytes| bytes.truncate(whole.len() / 2));
    let empty = file("empty", &Vec::clear);
    let text = file("text", &|bytes| *bytes = b"dear diary".repeat(50));
    let noise = file("noise", &|bytes| {
        let page = bytes.len() / 2 / 4096 * 4096;
        bytes[page..page + 4096].fill(0x5a);
    });
    let logged = file("logged", &|_| ());
    fs::write(folder.join("logged-wal"), "x").unwrap();
    let live = past.dir().join(DATABASE);
    let missing = folder.join("missing");

    type Is = fn(&UnfitBackup) -> bool;
    let cases: [(&Path, Is); 11] = [
        (&foreign, |e| matches!(e, UnfitBackup::Foreign(0x0707_0707))),
        (&newer, |e| {
            matches!(e, UnfitBackup::NewerSchema { found: 99, .. })
        }),
        (&cut, |e| matches!(e, UnfitBackup::Truncated { .. })),
        (&half, |e| matches!(e, UnfitBackup::Truncated { .. })),
        (&empty, |e| matches!(e, UnfitBackup::NotADatabase)),
        (&text, |e| matches!(e, UnfitBackup::NotADatabase)),
        (&noise, |e| matches!(e, UnfitBackup::Damaged(_))),
        (&logged, |e| matches!(e, UnfitBackup::HasLog(_))),
        (&live, |e| matches!(e, UnfitBackup::Live)),
        (&missing, |e| matches!(e, UnfitBackup::Unreadable(_))),
        (&folder, |e| matches!(e, UnfitBackup::NotAFile)),
    ];
    let before = past.contents();
    for (path, is) in cases {
        let error = past.restore(path).unwrap_err();
        let RestoreError::Unfit { reason, .. } = &error else {
            panic!("{}: {error:?}", path.display())
        };
        assert!(is(reason), "{}: {error}", path.display());
        assert!(before == past.contents(), "something changed: {error}");
    }
    assert_eq!(texts(&past.opened()), past.now);
}

#[test]
fn a_backup_with_an_older_schema_is_migrated_and_stays_as_it_is() {
    let past = Past::new();
    let plain = rusqlite::Connection::open(&past.backup.path).unwrap();
    plain
        .execute_batch(crate::migration::TO_VERSION_ONE)
        .unwrap();
    drop(plain);
    let before = fs::read(&past.backup.path).unwrap();
    let restored = past.restore(&past.backup.path).unwrap();
    assert_eq!(restored.migrated_from, Some(1));
    assert!(
        fs::read(&past.backup.path).unwrap() == before,
        "the backup was changed"
    );
    let store = past.opened();
    assert_eq!(texts(&store), past.then);
    audit::check(&store);
}

#[test]
fn a_store_of_another_program_or_of_a_newer_one_is_not_replaced() {
    let past = Past::new();
    for (pragma, value) in [("user_version", 99), ("application_id", 7)] {
        let plain = rusqlite::Connection::open(past.dir().join(DATABASE)).unwrap();
        plain
            .execute_batch("CREATE TABLE IF NOT EXISTS of_others (one)")
            .unwrap();
        plain.pragma_update(None, pragma, value).unwrap();
        drop(plain);
        let error = past.restore(&past.backup.path).unwrap_err();
        let RestoreError::Store(inner) = &error else {
            panic!("{error:?}")
        };
        match pragma {
            "user_version" => assert!(matches!(inner, OpenError::NewerSchema { .. })),
            _ => assert!(matches!(inner, OpenError::Foreign { .. })),
        }
    }
}

#[test]
fn a_damaged_store_is_set_aside_with_its_log() {
    let past = Past::new();
    let database = past.dir().join(DATABASE);
    let log = past.dir().join(format!("{DATABASE}-wal"));
    type Damage = fn(&mut Vec<u8>);
    let damages: [(&str, Damage); 3] = [
        ("noise", |bytes| bytes[..8192].fill(0x5a)),
        ("emptied", |bytes| bytes.clear()),
        ("all but its first pages", |bytes| {
            bytes[6 * 4096..].fill(0x5a);
        }),
    ];
    for (name, damage) in damages {
        let mut bytes = fs::read(&database).unwrap();
        damage(&mut bytes);
        fs::write(&database, &bytes).unwrap();
        fs::write(&log, [7; 5_000]).unwrap();
        let restored = past.restore(&past.backup.path).unwrap();
        let Kept::SetAside(aside) = restored.before else {
            panic!("{name}: {:?}", restored.before)
        };
        assert!(restored.epoch > 1_000_000, "an epoch nobody can have had");
        assert_eq!(fs::read(&aside).unwrap().len(), bytes.len(), "{name}");
        let aside_log = PathBuf::from(format!("{}-wal", aside.display()));
        assert!(aside_log.exists(), "{name}: its log is beside it");
        let store = past.opened();
        assert_eq!(texts(&store), past.then, "{name}");
        audit::check(&store);
    }
}

#[test]
fn a_restore_that_is_killed_at_any_step_leaves_a_whole_store() {
    let mut steps = Vec::new();
    for step in 0.. {
        let past = Past::new();
        let Some(name) = killed_after("restore", past.folder.path(), &past.backup.path, step)
        else {
            break;
        };
        let store = past.opened();
        audit::check(&store);
        let is_new = matches!(name.as_str(), "Switched" | "Synced");
        let expected = if is_new { &past.then } else { &past.now };
        assert_eq!(&texts(&store), expected, "killed after {name}");
        store
            .apply(&WriteOp::Store(memory("goes on")), &at(1))
            .unwrap();
        drop(store);
        past.restore(&past.backup.path).unwrap();
        assert_eq!(texts(&past.opened()), past.then, "again after {name}");
        assert_eq!(hidden_files(past.folder.path()), [""; 0], "after {name}");
        steps.push(name.split('(').next().unwrap().to_owned());
    }
    let all = [
        "Copied", "Checked", "Alone", "Kept", "Renewed", "Closed", "Switched", "Synced",
    ];
    assert_eq!(steps, all);
}

#[cfg(unix)]
#[test]
fn what_a_killed_host_left_in_its_log_is_kept_too() {
    let store = varied_store();
    let past = Past::new();
    // A copy of an open store is what a killed instance leaves. Copied by another process: closing the files in this one
    // would drop SQLite's locks.
    for suffix in ["", "-wal"] {
        let name = format!("{DATABASE}{suffix}");
        let copied = std::process::Command::new("cp")
            .args([
                store.folder().join("store").join(&name),
                past.dir().join(&name),
            ])
            .status();
        assert!(copied.unwrap().success());
    }
    assert!(
        past.dir()
            .join(format!("{DATABASE}-wal"))
            .metadata()
            .unwrap()
            .len()
            > 0
    );
    let restored = past.restore(&past.backup.path).unwrap();
    let Kept::Backup(kept) = restored.before else {
        panic!("{:?}", restored.before)
    };
    past.restore(&kept).unwrap();
    assert_eq!(texts(&past.opened()), texts(&store));
}

#[test]
fn backups_go_on_after_a_restore() {
    let past = Past::new();
    past.restore(&past.backup.path).unwrap();
    let store = past.opened();
    let made = backed_up(&store);
    assert_eq!(made.contents, past.backup.contents);
    assert_eq!(kept_backups(&backups_of(&store)).unwrap().len(), 2);
}
