//! Opening: what is made, what is refused, and that what is refused is left as it was.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Barrier};
use std::thread;

use commonplace_lock::Wait;
use commonplace_store::{Backend, Filter, OpenError, SqliteStore, WriteOp};
use commonplace_testing::{locks, purpose};

use crate::audit;

use crate::support::{HUNG, TestStore, at, memory, open_error};

const DATABASE: &str = "commonplace.db";

/// Every file of a directory with its content. SQLite's index of the log (`-shm`) is scratch and does not count, nor
/// does an empty log.
fn contents(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| !path.to_string_lossy().ends_with("-shm"))
        .map(|path| (path.clone(), fs::read(path).unwrap()))
        .filter(|(path, bytes)| !(bytes.is_empty() && path.to_string_lossy().ends_with("-wal")))
        .collect();
    files.sort();
    files
}

/// Makes a closed store with some memories and returns its folder; the store is in `store`.
fn closed_store() -> Arc<tempfile::TempDir> {
    let store = TestStore::new();
    for n in 0..200 {
        store.stored(&format!("fact number {n}"));
    }
    store.closed()
}

/// Expects that opening is refused and that nothing in the directory changes.
fn refused_untouched(dir: &Path) -> OpenError {
    let before = contents(dir);
    let error = open_error(dir);
    assert!(before == contents(dir), "something was changed: {error}");
    error
}

#[test]
fn a_missing_directory_is_made_for_this_user_only() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("deep/store");
    let locks = locks(folder.path());
    let store = SqliteStore::open(&dir, &locks, 5).unwrap();
    let facts = store.facts();
    assert_eq!(facts.database, dir.canonicalize().unwrap().join(DATABASE));
    assert!(facts.database_bytes > 0);
    assert_eq!(facts.schema_version, 4);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&dir), 0o700);
        for suffix in ["", "-wal", "-shm"] {
            assert_eq!(
                mode(&dir.join(format!("{DATABASE}{suffix}"))),
                0o600,
                "{suffix}"
            );
        }
    }
}

#[test]
fn a_directory_that_is_a_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "text").unwrap();
    let error = open_error(&file);
    assert!(
        matches!(error, OpenError::NotADirectory { .. }),
        "{error:?}"
    );
    let below = open_error(&file.join("store"));
    assert!(matches!(below, OpenError::Io { .. }), "{below:?}");
    assert_eq!(fs::read_to_string(&file).unwrap(), "text");
}

#[test]
fn a_database_of_another_program_is_refused() {
    let makers: [(&str, &str); 4] = [
        (
            "a table",
            "CREATE TABLE theirs (x); INSERT INTO theirs VALUES (1);",
        ),
        (
            "an id and a table",
            "PRAGMA application_id = 7; CREATE TABLE theirs (x);",
        ),
        ("an id only", "PRAGMA application_id = 7; VACUUM;"),
        ("a version only", "PRAGMA user_version = 1; VACUUM;"),
    ];
    for (what, sql) in makers {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(DATABASE);
        rusqlite::Connection::open(&path)
            .unwrap()
            .execute_batch(sql)
            .unwrap();
        let error = refused_untouched(folder.path());
        assert!(
            matches!(error, OpenError::Foreign { .. }),
            "{what}: {error:?}"
        );
    }
}

/// Copies by another process: on Unix, closing a file here would drop the locks that SQLite has on it.
#[cfg(unix)]
fn copy_of_open(from: &Path, to: &Path) {
    let copied = std::process::Command::new("cp").args([from, to]).status();
    assert!(copied.unwrap().success());
}

/// Copies. On Windows a lock belongs to a handle, and closing another one does it no harm.
#[cfg(windows)]
fn copy_of_open(from: &Path, to: &Path) {
    fs::copy(from, to).unwrap();
}

#[test]
fn a_foreign_database_with_a_log_keeps_its_log() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("copy");
    fs::create_dir(&dir).unwrap();
    let original = folder.path().join(DATABASE);
    let theirs = rusqlite::Connection::open(&original).unwrap();
    theirs
        .execute_batch(
            "PRAGMA journal_mode = WAL; CREATE TABLE theirs (x); INSERT INTO theirs VALUES (1);",
        )
        .unwrap();
    // A copy of the files of an open database is what a crash leaves.
    for suffix in ["", "-wal"] {
        let name = format!("{DATABASE}{suffix}");
        copy_of_open(&folder.path().join(&name), &dir.join(&name));
    }
    let error = refused_untouched(&dir);
    assert!(matches!(error, OpenError::Foreign { .. }), "{error:?}");
}

#[test]
fn a_damaged_database_is_refused_and_left_alone() {
    let folder = closed_store();
    let dir = folder.path().join("store");
    let path = dir.join(DATABASE);
    let whole = fs::read(&path).unwrap();
    let damaged = |name: &str, bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        let error = refused_untouched(&dir);
        assert!(
            matches!(error, OpenError::Damaged { .. }),
            "{name}: {error:?}"
        );
    };
    let noise: Vec<u8> = (0..50_000_u32)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect();
    damaged("random bytes", &noise);
    damaged("some text", b"dear diary, this is not a database");
    damaged("two bytes", b"SQ");
    for len in [
        100,
        4_000,
        4_096,
        5_000,
        whole.len() / 2,
        whole.len() - 4_096,
    ] {
        damaged(&format!("the first {len} bytes"), &whole[..len]);
    }
    let mut headless = whole.clone();
    headless[..16].fill(0);
    damaged("no header", &headless);
    let mut schema = whole.clone();
    schema[100..4_096].fill(0xff);
    damaged("no schema page", &schema);
    let mut future = whole.clone();
    future[19] = 9;
    damaged("a file format of the future", &future);

    fs::write(&path, &whole).unwrap();
    let store = SqliteStore::open(&dir, &locks(&folder.path().join("locks")), 0).unwrap();
    assert_eq!(store.reader().unwrap().totals().unwrap().living, 200);
}

#[test]
fn an_emptied_database_with_a_log_is_damaged() {
    let folder = closed_store();
    let dir = folder.path().join("store");
    fs::write(dir.join(DATABASE), "").unwrap();
    fs::write(dir.join(format!("{DATABASE}-wal")), [7; 5_000]).unwrap();
    let error = refused_untouched(&dir);
    assert!(matches!(error, OpenError::Damaged { .. }), "{error:?}");
}

#[test]
fn a_log_of_noise_is_ignored_and_nothing_committed_is_lost() {
    let folder = closed_store();
    let dir = folder.path().join("store");
    fs::write(dir.join(format!("{DATABASE}-wal")), [7; 5_000]).unwrap();
    let store = SqliteStore::open(&dir, &locks(&folder.path().join("locks")), 0).unwrap();
    assert_eq!(store.reader().unwrap().totals().unwrap().living, 200);
    assert_eq!(store.check(&mut |_| ()).unwrap(), None);
}

#[test]
fn a_newer_schema_is_refused_and_left_alone() {
    let folder = closed_store();
    let dir = folder.path().join("store");
    let plain = rusqlite::Connection::open(dir.join(DATABASE)).unwrap();
    plain
        .execute_batch("CREATE TABLE of_later (one); PRAGMA user_version = 99")
        .unwrap();
    drop(plain);
    let error = refused_untouched(&dir);
    let OpenError::NewerSchema { found, known, .. } = error else {
        panic!("{error:?}")
    };
    assert_eq!((found, known), (99, 4));
}

// A flipped bit in the head made a newer store of it, or a foreign file, and the advice was to find a newer program.
#[test]
fn a_store_whose_head_says_otherwise_is_damaged_and_not_newer_or_foreign() {
    for head in ["user_version = 99", "application_id = 1"] {
        let folder = closed_store();
        let dir = folder.path().join("store");
        let plain = rusqlite::Connection::open(dir.join(DATABASE)).unwrap();
        plain.execute_batch(&format!("PRAGMA {head}")).unwrap();
        drop(plain);
        let error = refused_untouched(&dir).to_string();
        assert!(
            error.contains("its head says") && error.contains("commonplace repair"),
            "{error}"
        );
    }
}

#[test]
fn what_is_not_a_regular_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join(DATABASE)).unwrap();
    let error = open_error(folder.path());
    assert!(matches!(error, OpenError::Io { .. }), "{error:?}");
    assert!(!error.to_string().contains("hard links"), "{error}");
}

#[cfg(unix)]
#[test]
fn a_database_with_two_names_is_refused() {
    let folder = closed_store();
    let dir = folder.path().join("store");
    fs::hard_link(dir.join(DATABASE), dir.join("other name")).unwrap();
    let error = refused_untouched(&dir);
    assert!(
        matches!(error, OpenError::HardLinked { links: 2, .. }),
        "{error:?}"
    );
}

#[cfg(unix)]
#[test]
fn all_ways_to_a_store_lead_to_one_log() {
    use std::os::unix::fs::symlink;
    let store = TestStore::new();
    store.stored("a fact");
    let real = store.database();
    let folder = tempfile::tempdir().unwrap();
    let (dir_link, file_link) = (folder.path().join("link"), folder.path().join("dir"));
    symlink(real.parent().unwrap(), &dir_link).unwrap();
    fs::create_dir(&file_link).unwrap();
    symlink(&real, file_link.join(DATABASE)).unwrap();
    for dir in [dir_link, file_link] {
        let same = SqliteStore::open(&dir, &store.locks, 0).unwrap();
        assert_eq!(same.path(), real);
        assert_eq!(same.reader().unwrap().totals().unwrap().living, 1);
    }
    symlink(folder.path().join("nowhere"), folder.path().join(DATABASE)).unwrap();
    let error = open_error(folder.path());
    assert!(
        matches!(error, OpenError::Io { .. }),
        "a link to nothing: {error:?}"
    );
}

/// Root may write anywhere, so this asks for a place where nobody may make a file.
#[cfg(target_os = "linux")]
#[test]
fn a_place_where_nothing_can_be_made_is_a_clear_error() {
    for dir in ["/proc/self", "/proc/self/store"] {
        let error = open_error(Path::new(dir));
        assert!(matches!(error, OpenError::Io { .. }), "{error:?}");
        assert!(error.to_string().contains("may write there"), "{error}");
    }
}

#[cfg(unix)]
#[test]
#[allow(clippy::print_stdout, reason = "a part that cannot run must say so")]
fn a_read_only_directory_is_a_clear_error() {
    use std::os::unix::fs::PermissionsExt;
    let folder = closed_store();
    let set_mode = |mode| {
        fs::set_permissions(
            folder.path().join("store"),
            fs::Permissions::from_mode(mode),
        )
    };
    set_mode(0o500).unwrap();
    if fs::write(folder.path().join("store/probe"), "").is_ok() {
        println!("not tested: this user may write into read-only directories");
        return;
    }
    let error = open_error(&folder.path().join("store"));
    assert!(matches!(error, OpenError::Io { .. }), "{error:?}");
    set_mode(0o700).unwrap();
}

#[test]
fn many_instances_open_a_fresh_directory_at_once() {
    for _ in 0..5 {
        open_at_once();
    }
}

fn open_at_once() {
    const INSTANCES: usize = 8;
    let folder = tempfile::tempdir().unwrap();
    let locks_dir = folder.path().join("locks");
    let (start, are_in) = (Barrier::new(INSTANCES + 1), Barrier::new(INSTANCES));
    let (start, are_in, dir) = (&start, &are_in, folder.path().join("store"));
    let open_and_store = |n: usize| {
        let locks = locks(&locks_dir);
        start.wait();
        let store = SqliteStore::open(&dir, &locks, 0).unwrap();
        // Nobody leaves before all are in: who stays open must not keep others out.
        are_in.wait();
        let wait = Wait::up_to(HUNG);
        let lock = locks.acquire_write(&purpose("claude-1"), wait).unwrap();
        let mut writer = store.begin_write(&lock).unwrap();
        let op = WriteOp::Store(memory(&format!("from {n}")));
        writer.apply(&op, &at(1)).unwrap().unwrap();
        writer.commit().unwrap();
    };
    thread::scope(|scope| {
        for n in 0..INSTANCES {
            scope.spawn(move || open_and_store(n));
        }
        // All wait at one door and find the same fresh directory behind it.
        let locks = locks(&locks_dir);
        let alone = locks.take_store("restore", Wait::up_to(HUNG)).unwrap();
        start.wait();
        while !dir.exists() {
            thread::yield_now();
        }
        drop(alone);
    });
    let plain = rusqlite::Connection::open(dir.join(DATABASE)).unwrap();
    let number = |sql: &str| {
        plain
            .query_row(sql, [], |row| row.get::<_, i64>(0))
            .unwrap()
    };
    assert_eq!(number("SELECT count(*) FROM memories"), INSTANCES as i64);
    assert_eq!(
        number("SELECT epoch FROM store_meta"),
        INSTANCES as i64,
        "each wrote once, to the same store"
    );
}

/// Two instances found an old schema; one migrated and kept the store open; the other waited in vain to be alone.
#[test]
fn who_waits_to_migrate_goes_on_when_another_has_done_it() {
    let folder = closed_store();
    let (dir, locks_dir) = (folder.path().join("store"), folder.path().join("locks"));
    let set_version = |version: i64| {
        let plain = rusqlite::Connection::open(dir.join(DATABASE)).unwrap();
        plain.pragma_update(None, "user_version", version).unwrap();
    };
    set_version(0);
    let other = locks(&locks_dir);
    let _stays_open = other.share_store(Wait::up_to(HUNG)).unwrap();
    thread::scope(|scope| {
        let waiting = scope.spawn(|| SqliteStore::open(&dir, &locks(&locks_dir), 0).map(drop));
        // SQLite makes this file when the store is looked at.
        while !dir.join(format!("{DATABASE}-shm")).exists() && !waiting.is_finished() {
            thread::yield_now();
        }
        set_version(4);
        waiting.join().unwrap().unwrap();
    });
}

#[test]
fn a_store_without_its_log_mode_gets_it_back() {
    let folder = closed_store();
    let dir = folder.path().join("store");
    let plain = rusqlite::Connection::open(dir.join(DATABASE)).unwrap();
    plain.pragma_update(None, "journal_mode", "DELETE").unwrap();
    drop(plain);
    let store = SqliteStore::open(&dir, &locks(&folder.path().join("locks")), 0).unwrap();
    let plain = rusqlite::Connection::open(store.path()).unwrap();
    let mode: String = plain
        .pragma_query_value(None, "journal_mode", |row| row.get(0))
        .unwrap();
    assert_eq!(mode, "wal");
}

#[test]
fn a_store_survives_being_closed_and_opened() {
    let store = TestStore::new();
    store.stored("a fact");
    let before = store.list(Filter::default());
    let store = store.reopened();
    assert_eq!(store.list(Filter::default()), before);
    audit::check(&store);
}
