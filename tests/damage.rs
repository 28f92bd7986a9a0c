//! Stores that went back in time or are damaged, with the real program: what is told, what goes on, what mends it.

use std::fs;
use std::path::Path;

use commonplace_api::status::{IntegrityStatus, OverallState};
use serde_json::Value;

use crate::support::{Host, eventually, finding, run, run_json, run_well, stderr, store};

/// Has a host store facts, and ends it as a crash would.
fn stored_and_killed(dir: &Path, count: usize) {
    let mut host = Host::start(dir);
    let mut client = host.client();
    for n in 0..count {
        client.store(&format!("Fact number {n}")).unwrap();
    }
    host.kill();
}

/// What `doctor` says about something that is wrong.
fn problem(dir: &Path, what: &str) -> String {
    let found = finding(dir, what);
    assert_eq!(found.verdict, "problem", "{found:?}");
    found.text
}

/// Flips one bit of a text inside the closed database, from upper to lower case: the hash is the same.
fn flip_case(dir: &Path, text: &str) {
    let path = dir.join("commonplace.db");
    let mut bytes = fs::read(&path).unwrap();
    let places: Vec<usize> = bytes
        .windows(text.len())
        .enumerate()
        .filter(|(_, window)| *window == text.as_bytes())
        .map(|(place, _)| place)
        .collect();
    assert!(!places.is_empty(), "`{text}` is not in the database");
    for place in places {
        bytes[place] ^= 0x20;
    }
    fs::write(path, bytes).unwrap();
}

// The host was killed and its log cut: 15 of 30 acknowledged memories were there, and `doctor` found no problem.
#[test]
fn a_log_that_was_cut_is_told_everywhere_until_it_is_accepted_and_clients_go_on() {
    let dir = tempfile::tempdir().unwrap();
    stored_and_killed(dir.path(), 30);
    let log = dir.path().join("commonplace.db-wal");
    let file = fs::OpenOptions::new().write(true).open(&log).unwrap();
    file.set_len(file.metadata().unwrap().len() / 2).unwrap();
    drop(file);
    let text = problem(dir.path(), "history");
    for part in ["acknowledged writes are missing", "to 30)", "backups"] {
        assert!(text.contains(part), "{part}: {text}");
    }

    let host = Host::start(dir.path());
    host.client().store("after it").unwrap();
    let status = host.status();
    assert_eq!(status.state, OverallState::Error);
    let diagnosis = status.diagnosis;
    assert!(diagnosis.contains("went back in time"), "{diagnosis}");
    assert!(status.files.lost_writes.is_some());
    let accepted: Value = run_json(dir.path(), &["doctor", "--accept-loss"]);
    assert_eq!(accepted["accepted"]["last_acknowledged"], 30, "{accepted}");
    eventually("the host looks again", || {
        host.status().state != OverallState::Error
    });
    let audit = fs::read_to_string(dir.path().join("locks/audit.jsonl")).unwrap();
    assert!(
        audit.contains("accept_loss") && audit.contains("missing"),
        "{audit}"
    );
    assert_ne!(finding(dir.path(), "history").verdict, "problem");
    let again: Value = run_json(dir.path(), &["doctor", "--accept-loss"]);
    assert_eq!(again["accepted"], Value::Null);
}

// A flipped bit changed the text of a memory without a word, and `rebuild`, which the refused backup named, mended nothing.
#[test]
fn a_flipped_bit_is_named_marked_and_mended_from_the_backup() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    for n in 0..5 {
        store(dir, &format!("Fact number {n}"));
    }
    run_well(dir, &["backup"]);
    run_well(dir, &["compact"]);
    flip_case(dir, "Fact number 3");
    let text = problem(dir, "integrity");
    for told in [
        "a memory does not match",
        "fact number 3",
        "commonplace repair",
    ] {
        assert!(text.contains(told), "{told}: {text}");
    }
    let listed = run_well(dir, &["list"]);
    assert!(listed.contains("DAMAGED"), "{listed}");
    let refused = run(dir, &["backup"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        stderr(&refused).contains("commonplace repair"),
        "{}",
        stderr(&refused)
    );

    let mut host = Host::start(dir);
    eventually("the check at start ends", || {
        matches!(host.status().files.integrity, IntegrityStatus::Damaged(_))
    });
    host.client().store("agents go on").unwrap();
    let busy = run(dir, &["repair", "--wait", "0"]);
    assert_eq!(busy.status.code(), Some(3), "{}", stderr(&busy));
    host.kill();

    let repaired = run_well(dir, &["repair"]);
    assert!(repaired.contains("as it was, from"), "{repaired}");
    assert_ne!(finding(dir, "integrity").verdict, "problem");
    let texts = run_well(dir, &["list"]);
    for told in ["Fact number 3", "agents go on"] {
        assert!(texts.contains(told), "{told}: {texts}");
    }
    run_well(dir, &["backup"]);
}

#[test]
fn what_no_backup_has_is_put_aside_and_the_exit_code_tells() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    for n in 0..3 {
        store(dir, &format!("Fact number {n}"));
    }
    run_well(dir, &["compact"]);
    let path = dir.join("commonplace.db");
    let mut bytes = fs::read(&path).unwrap();
    let wanted = b"Fact number 1";
    let place = bytes
        .windows(wanted.len())
        .position(|window| window == wanted);
    bytes[place.expect("it is there")] ^= 1;
    fs::write(&path, bytes).unwrap();
    let repaired = run(dir, &["--json", "repair"]);
    assert_eq!(repaired.status.code(), Some(1), "{}", stderr(&repaired));
    let told: Value = serde_json::from_slice(&repaired.stdout).expect("JSON");
    assert_eq!(told["memories"][0]["how"], "put_aside", "{told}");
    let aside = fs::read_to_string(told["aside"].as_str().unwrap()).unwrap();
    assert!(aside.contains("Gact number 1"), "{aside}");
    assert_eq!(
        run(dir, &["repair"]).status.code(),
        Some(0),
        "nothing is left to mend"
    );
}
