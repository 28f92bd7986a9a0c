//! A store with an older schema: backed up first, then migrated; refused if it cannot be backed up.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use commonplace_store::{
    BACKUPS_DIR, BackupError, BackupFile, BackupKind, Filter, MaintenanceError, OpenError,
    SqliteStore, compact, kept_backups, rebuild, restore,
};
use commonplace_testing::locks;
use rusqlite::Connection;
use tempfile::TempDir;

use crate::audit;
use crate::backup::{hidden_files, varied_store};
use crate::support::{HUNG, TestStore};

/// Takes off what the migrations after the first one have added.
pub(crate) const TO_VERSION_ONE: &str = include_str!("../to_version_one.sql");

/// The log of commits misses one: a backup refuses that, and nothing else minds.
const GAP: &str = "
DROP TRIGGER commit_log_fence_delete;
DELETE FROM commit_log WHERE seq = 5;
";

/// A closed store that another program has changed.
struct Closed(Arc<TempDir>);

impl Closed {
    fn after(sql: &str) -> Self {
        let store = varied_store();
        store.plain().execute_batch(sql).unwrap();
        Self(store.closed())
    }

    fn dir(&self) -> PathBuf {
        self.0.path().join("store")
    }

    fn backups_dir(&self) -> PathBuf {
        self.dir().join(BACKUPS_DIR)
    }

    fn backups(&self) -> Vec<BackupFile> {
        kept_backups(&self.backups_dir()).unwrap()
    }

    fn open(&self, now_ms: i64) -> Result<SqliteStore, OpenError> {
        let locks = locks(&self.0.path().join("locks"));
        SqliteStore::open(&self.dir(), &locks, now_ms)
    }

    fn opened(&self) -> TestStore {
        TestStore::open_in(Arc::clone(&self.0))
    }

    fn open_error(&self) -> OpenError {
        match self.open(1) {
            Ok(_) => panic!("it was opened"),
            Err(error) => error,
        }
    }

    fn version(&self) -> i64 {
        version(&self.dir().join("commonplace.db"))
    }
}

fn version(database: &Path) -> i64 {
    let plain = Connection::open(database).unwrap();
    plain
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .unwrap()
}

#[test]
fn an_old_store_is_backed_up_as_it_was_and_then_migrated() {
    let old = Closed::after(TO_VERSION_ONE);
    let store = old.opened();
    assert_eq!(store.number("PRAGMA user_version"), 4);
    let backups = old.backups();
    assert_eq!(backups.len(), 1, "{backups:?}");
    assert_eq!(backups[0].kind, BackupKind::BeforeMigration);
    let path = backups[0].path.clone();
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    assert!(name.starts_with("before-migration-from-1-"), "{name}");
    assert_eq!(version(&path), 1);
    let plain = Connection::open(&path).unwrap();
    let added = "SELECT count(*) FROM pragma_table_info('commit_log') WHERE name = 'instance'";
    let added: i64 = plain.query_row(added, [], |row| row.get(0)).unwrap();
    assert_eq!(added, 0, "the backup was migrated");
    drop(plain);

    let memories = store.list(Filter::default());
    assert_eq!(memories.len(), 59);
    store.stored("of the new program");
    let folder = store.reopened().closed();
    assert_eq!(old.backups().len(), 1, "there is nothing more to migrate");
    let locks = locks(&folder.path().join("locks"));
    let restored = restore(&old.dir(), &locks, &path, HUNG, 9, &mut |_| ()).unwrap();
    assert_eq!(restored.migrated_from, Some(1));
    let back = old.opened();
    assert_eq!(back.list(Filter::default()), memories);
    audit::check(&back);
}

#[test]
fn a_new_store_needs_no_backup() {
    let store = TestStore::new();
    assert!(!store.folder().join("store").join(BACKUPS_DIR).exists());
}

#[test]
fn maintenance_keeps_an_old_store_as_well() {
    for work in ["compact", "rebuild"] {
        let old = Closed::after(TO_VERSION_ONE);
        let locks = locks(&old.0.path().join("locks"));
        match work {
            "compact" => drop(compact(&old.dir(), &locks, HUNG, 1).unwrap()),
            _ => drop(rebuild(&old.dir(), &locks, HUNG, 1).unwrap()),
        }
        assert_eq!(version(&old.backups()[0].path), 1, "{work}");
        assert_eq!(old.version(), 4, "{work}");
    }
}

#[test]
fn a_migration_that_fails_again_and_again_is_backed_up_once() {
    // It has the columns already that the migration is going to add.
    let old = Closed::after("PRAGMA user_version = 1");
    let failing = |now_ms| old.open(now_ms).map(drop).unwrap_err();
    for now_ms in 1..4 {
        let error = failing(now_ms);
        assert!(matches!(error, OpenError::Sqlite { .. }), "{error:?}");
        assert_eq!((old.version(), old.backups().len()), (1, 1));
    }
    let kept = old.backups().remove(0).path;
    fs::write(&kept, "no backup any more").unwrap();
    failing(4);
    assert_eq!(old.backups().len(), 2, "a damaged backup is none");
    fs::remove_file(kept).unwrap();
    let sql = format!("PRAGMA user_version = 4; {GAP} DELETE FROM commit_log WHERE seq > 4;");
    Connection::open(old.dir().join("commonplace.db"))
        .unwrap()
        .execute_batch(&format!("{sql} PRAGMA user_version = 1;"))
        .unwrap();
    failing(5);
    assert_eq!(
        old.backups().len(),
        2,
        "what holds something else is no backup of this"
    );
}

#[test]
fn a_store_that_cannot_be_backed_up_is_not_migrated_and_the_error_tells_how_to_go_on() {
    let old = Closed::after(TO_VERSION_ONE);
    fs::write(old.backups_dir(), "in the way").unwrap();
    let error = old.open_error();
    let OpenError::NotBackedUp {
        from, to, bytes, ..
    } = &error
    else {
        panic!("{error:?}")
    };
    assert_eq!((*from, *to), (1, 4));
    let words = error.to_string();
    for told in [&format!("{bytes} bytes"), "`backups`", "another disk"] {
        let told = told.replace("`backups`", &old.backups_dir().display().to_string());
        assert!(words.contains(&told), "{told}: {words}");
    }
    assert!(*bytes > 100_000, "{bytes}");
    assert_eq!(old.version(), 1);
    fs::remove_file(old.backups_dir()).unwrap();
    assert_eq!(old.opened().list(Filter::default()).len(), 59);
}

#[cfg(unix)]
#[test]
fn the_directory_of_backups_may_be_a_link_to_another_disk() {
    let old = Closed::after(TO_VERSION_ONE);
    let elsewhere = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(elsewhere.path(), old.backups_dir()).unwrap();
    old.opened();
    assert_eq!(old.backups().len(), 1);
    assert_eq!(kept_backups(elsewhere.path()).unwrap().len(), 1);
}

#[test]
fn a_damaged_old_store_is_migrated_only_to_be_mended() {
    let old = Closed::after(&format!("{TO_VERSION_ONE}{GAP}"));
    let is_damage = |error: &OpenError| match error {
        OpenError::NotBackedUp { source, .. } => {
            matches!(**source, BackupError::StoreDamaged { .. })
        }
        _ => false,
    };
    let error = old.open_error();
    assert!(is_damage(&error), "{error:?}");
    assert!(error.to_string().contains("commonplace repair"), "{error}");
    let locks = locks(&old.0.path().join("locks"));
    match compact(&old.dir(), &locks, HUNG, 1) {
        Err(MaintenanceError::Open(error)) if is_damage(&error) => {}
        other => panic!("{other:?}"),
    }
    assert_eq!((old.version(), old.backups().len()), (1, 0));
    assert_eq!(hidden_files(&old.dir()), [""; 0]);
    rebuild(&old.dir(), &locks, HUNG, 1).unwrap();
    drop(locks);
    assert_eq!(old.opened().list(Filter::default()).len(), 59);
}
