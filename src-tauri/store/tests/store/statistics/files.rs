//! Whatever happens to the files: deleted, damaged, of another program, locked, in the way.

use std::path::{Path, PathBuf};

use commonplace_store::statistics::Counter;

use super::{NOW_MS, database, instance, journals, turn, us};

#[test]
fn a_deleted_file_is_made_anew_while_instances_work() {
    let folder = tempfile::tempdir().unwrap();
    let hosts = [instance(folder.path()), instance(folder.path())];
    let record = |count| {
        for host in &hosts {
            host.statistics.record(&vec![turn(NOW_MS, us(1)); count]);
        }
    };
    record(3);
    hosts[0].figures();
    std::fs::remove_file(database(folder.path())).unwrap();
    record(1);
    for host in &hosts {
        // Their journals are still there, so that even what was in the file is counted again.
        assert_eq!(host.figures().all.count(Counter::Acquisitions), 8);
    }
    std::fs::remove_dir_all(folder.path().join("statistics")).unwrap();
    hosts.iter().for_each(|host| {
        host.figures();
    });
    record(2);
    for host in &hosts {
        assert_eq!(host.figures().all.count(Counter::Acquisitions), 4);
    }
}

#[cfg(unix)]
#[test]
fn a_journal_that_was_removed_or_moved_is_left_with_the_next_event() {
    // Events went on into the file that was open, and nobody found them until somebody looked at the figures.
    let folder = tempfile::tempdir().unwrap();
    let host = instance(folder.path());
    let dir = folder.path().join("statistics");
    host.statistics.record(&vec![turn(NOW_MS, us(1)); 3]);
    std::fs::remove_dir_all(&dir).unwrap();
    host.statistics.record(&vec![turn(NOW_MS, us(1)); 2]);
    assert_eq!(host.figures().all.count(Counter::Acquisitions), 2);
    std::fs::rename(&dir, folder.path().join("moved")).unwrap();
    host.statistics.record(&[turn(NOW_MS, us(1))]);
    assert_eq!(host.figures().all.count(Counter::Acquisitions), 1);
}

#[test]
fn a_damaged_or_foreign_file_is_set_aside() {
    let folder = tempfile::tempdir().unwrap();
    let host = instance(folder.path());
    host.statistics.record(&[turn(NOW_MS, us(1))]);
    host.figures();
    let path = database(folder.path());
    let foreign = |path: &Path| {
        let connection = rusqlite::Connection::open(path).unwrap();
        connection
            .execute_batch("CREATE TABLE diary (day TEXT)")
            .unwrap();
    };
    let whole = std::fs::read(&path).unwrap();
    let mut torn = whole.clone();
    torn[4096..].fill(0x5a);
    type Spoil<'a> = &'a dyn Fn(&Path);
    let ways: [(&str, Spoil<'_>); 5] = [
        ("not a database", &|path| {
            std::fs::write(path, "diary ".repeat(999)).unwrap();
        }),
        ("another program's", &|path| {
            std::fs::remove_file(path).unwrap();
            foreign(path);
        }),
        ("damaged in the middle", &|path| {
            std::fs::write(path, &torn).unwrap();
        }),
        ("cut", &|path| {
            std::fs::write(path, &whole[..whole.len() / 2]).unwrap();
        }),
        ("a directory", &|path| {
            std::fs::remove_file(path).unwrap();
            std::fs::create_dir(path).unwrap();
        }),
    ];
    for (what, spoil) in ways {
        spoil(&path);
        host.statistics.record(&[turn(NOW_MS, us(1))]);
        let figures = host.figures();
        assert!(
            figures.all.count(Counter::Acquisitions) >= 2,
            "{what}: {figures:?}"
        );
        assert!(path.is_file(), "{what}");
        let other = instance(folder.path());
        assert_eq!(other.figures(), figures, "{what}");
    }
}

#[test]
fn a_file_of_a_newer_program_is_left_alone_and_figures_are_counted_in_memory() {
    let folder = tempfile::tempdir().unwrap();
    let host = instance(folder.path());
    host.statistics.record(&[turn(NOW_MS, us(1))]);
    host.figures();
    let path = database(folder.path());
    let own = set_form(&path, 99);
    host.statistics.record(&[turn(NOW_MS, us(1))]);
    assert_eq!(host.figures().all.count(Counter::Acquisitions), 2);
    assert_eq!(host.figures().all.count(Counter::Acquisitions), 2);
    set_form(&path, own);
    let other = instance(folder.path());
    assert_eq!(
        other.figures().all.count(Counter::Acquisitions),
        2,
        "nothing was lost meanwhile"
    );
    assert!(!aside(&path).exists(), "it is the same file");
}

#[test]
fn a_file_of_an_older_program_is_set_aside_and_kept() {
    let folder = tempfile::tempdir().unwrap();
    let host = instance(folder.path());
    host.statistics.record(&[turn(NOW_MS, us(1))]);
    host.figures();
    let path = database(folder.path());
    let own = set_form(&path, 1);
    host.statistics.record(&[turn(NOW_MS, us(1))]);
    assert_eq!(host.figures().all.count(Counter::Acquisitions), 2);
    assert_eq!((set_form(&path, own), set_form(&aside(&path), 1)), (own, 1));
}

/// Marks the file as one of another form of the tables, and returns the form it had.
fn set_form(path: &Path, form: i64) -> i64 {
    let connection = rusqlite::Connection::open(path).unwrap();
    let had = connection
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .unwrap();
    connection
        .pragma_update(None, "user_version", form)
        .unwrap();
    had
}

/// Where a file goes that is not usable.
fn aside(database: &Path) -> PathBuf {
    database.with_extension("db.unusable")
}

#[test]
fn a_locked_file_delays_figures_and_loses_none() {
    let folder = tempfile::tempdir().unwrap();
    let host = instance(folder.path());
    host.statistics.record(&[turn(NOW_MS, us(1))]);
    let before = host.figures();
    let blocker = rusqlite::Connection::open(database(folder.path())).unwrap();
    blocker.execute_batch("BEGIN EXCLUSIVE").unwrap();
    host.statistics.record(&[turn(NOW_MS, us(1))]);
    assert_eq!(host.figures(), before, "those read last");
    assert!(!host.statistics.fold(NOW_MS, &|_| true), "it says so");
    blocker.execute_batch("ROLLBACK").unwrap();
    let other = instance(folder.path());
    assert!(other.statistics.fold(NOW_MS, &|_| true));
    assert_eq!(other.figures().all.count(Counter::Acquisitions), 2);
}

#[test]
fn full_journals_are_removed_once_they_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let host = instance(folder.path());
    let batch = vec![turn(NOW_MS, us(7)); 1000];
    let mut count = 0;
    for _ in 0..100 {
        host.statistics.record(&batch);
        count += 1000;
        assert_eq!(host.figures().all.count(Counter::Acquisitions), count);
        assert!(journals(folder.path()).len() <= 2);
    }
    let bytes: u64 = journals(folder.path())
        .iter()
        .map(|path| path.metadata().unwrap().len())
        .sum();
    assert!(bytes < 2 << 20, "{bytes} bytes are left of {count} events");
}

#[test]
fn nothing_is_made_before_something_happens() {
    let folder = tempfile::tempdir().unwrap();
    let _idle = instance(folder.path());
    assert!(!folder.path().join("statistics").exists());
}

#[test]
fn what_could_not_be_written_is_added_when_it_can() {
    let folder = tempfile::tempdir().unwrap();
    let host = instance(folder.path());
    let dir = folder.path().join("statistics");
    std::fs::write(&dir, "in the way").unwrap();
    host.statistics.record(&[turn(NOW_MS, us(1))]);
    assert_eq!(host.figures().all.count(Counter::Acquisitions), 0);
    std::fs::remove_file(&dir).unwrap();
    assert_eq!(host.figures().all.count(Counter::Acquisitions), 1);
}
