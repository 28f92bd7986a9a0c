//! Backup and restore with the real program.

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use commonplace_api::backups::{BackupKind, BackupMade};
use serde_json::Value;

use crate::support::{Host, Listed, backups, eventually, run, run_json, run_well, stderr, store};

/// Returns the texts of all memories of a store.
fn texts(dir: &Path) -> Vec<String> {
    let mut all = Vec::new();
    for page in 1.. {
        let page = page.to_string();
        let listed = ["list", "--page", &page, "--page-size", "100"];
        let listed: Listed = run_json(dir, &listed);
        let count = listed.memories.len();
        all.extend(listed.memories.into_iter().map(|memory| memory.text));
        if count < 100 {
            break;
        }
    }
    all
}

/// Ends the writers also when the test fails beside them.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn a_host_makes_backups_while_clients_write_and_each_holds_what_was_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let mut host = Host::start(dir.path());
    let (acked, is_over) = (Mutex::new(Vec::new()), AtomicBool::new(false));
    let backups: Vec<(Vec<String>, BackupMade)> = std::thread::scope(|scope| {
        let _over = Over(&is_over);
        for number in 0..4 {
            let (mut client, acked, is_over) = (host.client(), &acked, &is_over);
            scope.spawn(move || {
                for write in 0.. {
                    if is_over.load(Ordering::Relaxed) {
                        break;
                    }
                    let text = format!("client {number} write {write}z");
                    client.store(&text).unwrap();
                    acked.lock().unwrap().push(text);
                }
            });
        }
        let mut backups = Vec::new();
        for n in 0..3 {
            eventually("enough writes", || acked.lock().unwrap().len() >= 20 * n);
            let before = acked.lock().unwrap().clone();
            backups.push((before, run_json(dir.path(), &["backup"])));
        }
        backups
    });
    let last = host.status().files.last_backup_ms;
    assert_eq!(last, Some(backups[2].1.made_ms));
    host.kill();
    let all = acked.into_inner().unwrap();
    for (before, made) in backups {
        let other = tempfile::tempdir().unwrap();
        let path = made.path.to_str().unwrap();
        run_well(other.path(), &["restore", path, "--yes"]);
        let found = texts(other.path());
        assert_eq!(found.len() as u64, made.contents.memories);
        for text in before {
            assert!(found.contains(&text), "acknowledged before it: {text}");
        }
        for text in found {
            assert!(all.contains(&text), "never acknowledged: {text}");
        }
    }
}

#[test]
fn a_restore_names_the_host_in_the_way_and_is_done_when_it_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    let mut host = Host::start(dir.path());
    host.client().store("in the backup").unwrap();
    let made: BackupMade = run_json(dir.path(), &["backup"]);
    let name = made.path.file_name().unwrap().to_str().unwrap();
    host.client().store("after the backup").unwrap();
    let epoch = host.status().lock.epoch;

    for command in ["restore", "compact", "rebuild"] {
        let arguments: &[&str] = match command {
            "restore" => &["restore", name, "--yes", "--wait", "0"],
            other => &[other, "--wait", "0"],
        };
        let refused = run(dir.path(), arguments);
        assert_eq!(
            refused.status.code(),
            Some(3),
            "{command}: {}",
            stderr(&refused)
        );
        let named = format!("pid {} (commonplace", host.pid);
        assert!(stderr(&refused).contains(&named), "{}", stderr(&refused));
    }
    assert!(
        host.client().has_one("after the backup"),
        "nothing has changed"
    );
    host.kill();

    let restored: Value = run_json(dir.path(), &["restore", name, "--yes"]);
    assert!(restored["epoch"].as_u64().unwrap() > epoch, "{restored}");
    assert_eq!(texts(dir.path()), ["in the backup"]);
    let backups = backups(dir.path());
    assert_eq!(backups.len(), 2, "{backups:?}");
    assert_eq!(backups[0].kind, BackupKind::BeforeRestore);
    let before = restored["path"].as_str().unwrap();
    assert_eq!(backups[0].path, Path::new(before));
    run_well(dir.path(), &["restore", before, "--yes"]);
    assert_eq!(texts(dir.path()).len(), 2, "and back again");
    let audit = std::fs::read_to_string(dir.path().join("locks/audit.jsonl")).unwrap();
    assert!(
        audit.contains("\"restore\"") && audit.contains("cli restore"),
        "{audit}"
    );
    assert!(Host::start(dir.path()).client().has_one("after the backup"));
}

#[test]
fn without_a_host_the_commands_do_it_themselves() {
    let dir = tempfile::tempdir().unwrap();
    let refused = run(dir.path(), &["backup"]);
    assert_eq!(refused.status.code(), Some(1), "there is no store yet");
    store(dir.path(), "a fact");
    let file = dir.path().join("mine.db");
    let target = file.to_str().unwrap();
    let made = run_well(dir.path(), &["backup", "--to", target]);
    assert!(made.starts_with("backed up 1 memory ("), "{made}");
    let again = run(dir.path(), &["backup", "--to", target]);
    assert_eq!(again.status.code(), Some(1));
    assert!(stderr(&again).contains("--force"), "{}", stderr(&again));
    run_well(dir.path(), &["backup", "--to", target, "--force"]);

    let unasked = run(dir.path(), &["restore", target]);
    assert_eq!(unasked.status.code(), Some(2), "nobody said yes");
    assert!(stderr(&unasked).contains("--yes"), "{}", stderr(&unasked));
    std::fs::write(dir.path().join("notes.txt"), "dear diary".repeat(99)).unwrap();
    let notes = dir.path().join("notes.txt");
    let wrong = run(dir.path(), &["restore", notes.to_str().unwrap(), "--yes"]);
    assert_eq!(wrong.status.code(), Some(1));
    assert!(
        stderr(&wrong).contains("not a database"),
        "{}",
        stderr(&wrong)
    );
    let compacted: Value = run_json(dir.path(), &["compact"]);
    assert!(compacted["bytes_after"].as_u64().unwrap() > 0);
    let rebuilt = run_well(dir.path(), &["rebuild"]);
    assert!(rebuilt.contains("both were correct before"));
    assert_eq!(texts(dir.path()), ["a fact"]);
}
