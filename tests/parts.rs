//! Writes of many memories, with real processes that end in the middle: what is told is what was done, it can be gone on
//! with, and it can be undone. Processes stop and die at named points, which only a build with `failpoints` has.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};

use commonplace_api::ProcessState;
use commonplace_api::locks::{Progress, WaiterRow};
use rusqlite::{Connection, OpenFlags};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::client::Client;
use crate::signals::{self, thaw};
use crate::support::{Host, command, eventually, locks, run_json, run_well, stdout};

/// What a test wants to happen at a named point.
const WISH: &str = "COMMONPLACE_FAIL_POINT";
/// More than two parts take, whatever the machine: see `PART_MEMORIES_MAX`.
const MANY: u64 = 1_100;
/// Clients that store at once.
const CLIENTS: u64 = 10;
/// Most calls that one large write takes: each goes on for as long as a client waits for an answer.
const CALLS_MAX: usize = 10;

/// Stores `MANY` memories with the tag `bulk`, and one without.
fn fill(dir: &Path) {
    // Who is made to wait here may wait for longer than usual.
    std::fs::write(dir.join("settings.toml"), "write_deadline_s = 50\n").unwrap();
    let host = Host::start(dir);
    host.client().store("stays").unwrap();
    std::thread::scope(|scope| {
        for number in 0..CLIENTS {
            let mut client = host.client();
            scope.spawn(move || {
                for n in (number..MANY).step_by(CLIENTS as usize) {
                    let memory =
                        json!({ "content": format!("fact {n} of many"), "tags": ["bulk"] });
                    let stored = client.call("memory_store", memory).unwrap();
                    assert!(!stored.is_error, "{stored:?}");
                }
            });
        }
    });
}

fn ask<T: rusqlite::types::FromSql>(dir: &Path, sql: &str) -> T {
    let path = dir.join("commonplace.db");
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    connection.query_row(sql, [], |row| row.get(0)).unwrap()
}

/// How many memories are deleted.
fn gone(dir: &Path) -> u64 {
    let gone: i64 = ask(
        dir,
        "SELECT count(*) FROM memories WHERE deleted_ms IS NOT NULL",
    );
    gone as u64
}

/// How many memories the commit log says were deleted, over all parts.
fn told(dir: &Path) -> u64 {
    let told: i64 = ask(
        dir,
        "SELECT coalesce(sum(json_extract(outcome, '$.count')), 0) FROM commit_log WHERE kind = 'delete'",
    );
    told as u64
}

/// Asks for a write with the same `op_id` until nothing of it is left, as the answer advises.
fn to_its_end(client: &mut Client, arguments: &Value) -> Value {
    for _ in 0..CALLS_MAX {
        let answer = client.call("memory_delete", arguments.clone()).unwrap();
        assert!(!answer.is_error, "{answer:?}");
        if answer.structured["unfinished"].is_null() {
            return answer.structured;
        }
    }
    panic!("{arguments} came to no end in {CALLS_MAX} calls");
}

// A host that died in the middle of a large delete: what of it is done, and who does the rest?
#[test]
fn fail_points_a_delete_whose_host_is_killed_has_done_what_the_log_says_and_can_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    fill(dir);
    let delete = json!({ "tags": ["bulk"], "op_id": "once" });
    // After the COMMIT of the second part, before its client or the log of the program knows.
    let mut dying = command(dir, &["serve", "--port", "0"]);
    dying.env(WISH, "committed:2=kill");
    let mut host = Host::start_command(dir, dying);
    let answer = host.client().call("memory_delete", delete.clone());
    assert!(
        answer.is_err(),
        "it was to die before it answers: {answer:?}"
    );
    eventually("the host is dead", || host.has_ended());
    let parts: i64 = ask(dir, "SELECT count(*) FROM commit_log WHERE kind = 'delete'");
    assert_eq!(parts, 2);
    assert_eq!(gone(dir), told(dir), "the log tells what is gone");
    assert!((2..MANY).contains(&gone(dir)), "{}", gone(dir));

    let next = Host::start(dir);
    let mut client = next.client();
    assert_eq!(next.status().memories.total, MANY + 1 - gone(dir));
    let done = to_its_end(&mut client, &delete);
    assert_eq!(done["deleted"], MANY, "both hosts together: {done}");
    assert_eq!((gone(dir), told(dir)), (MANY, MANY));
    let again = to_its_end(&mut client, &delete);
    assert_eq!(again["act"], done["act"]);
    assert_eq!((again["deleted"].clone(), told(dir)), (json!(MANY), MANY));

    let undo = json!({ "restore": true, "act": done["act"], "op_id": "undo" });
    let undone = to_its_end(&mut client, &undo);
    assert_eq!(undone["restored"], MANY, "what either host deleted");
    assert_eq!(gone(dir), 0);
    run_well(dir, &["doctor"]);
}

/// A command that stops itself as soon as it has the write lock.
fn stops_with_the_lock(dir: &Path, text: &str) -> Child {
    let mut store = command(dir, &["store", text]);
    store.env(WISH, "turn-begun=freeze").stdout(Stdio::null());
    store.spawn().unwrap()
}

fn is_stopped_with_the_lock(dir: &Path, process: &Child) -> bool {
    let lock = locks(dir).locks.remove(0);
    let is_it = lock.holder.is_some_and(|holder| holder.pid == process.id());
    is_it && lock.process == ProcessState::Stopped
}

fn waiters(dir: &Path) -> Vec<WaiterRow> {
    locks(dir).waiters
}

/// Reads the number behind `before` in what a command said.
fn number_behind(said: &str, before: &str) -> u64 {
    let (_, behind) = said.split_once(before).unwrap_or_else(|| panic!("{said}"));
    let digits = behind
        .chars()
        .take_while(|c| c.is_ascii_digit() || *c == ',');
    digits
        .filter(char::is_ascii_digit)
        .collect::<String>()
        .parse()
        .unwrap()
}

#[test]
fn fail_points_a_delete_that_is_interrupted_ends_after_its_part_and_tells_what_it_did() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    fill(dir);
    // The delete stands in line between two commands that stop with the lock: so it does one part, and waits for the next.
    let mut first = stops_with_the_lock(dir, "before the first part");
    eventually("somebody stops with the lock", || {
        is_stopped_with_the_lock(dir, &first)
    });
    let bulk = ["delete", "--tag", "bulk", "--op-id", "once"];
    let mut delete = command(dir, &bulk);
    delete.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut delete = delete.spawn().unwrap();
    eventually("the delete waits", || waiters(dir).len() == 1);
    let mut second = stops_with_the_lock(dir, "between the parts");
    eventually("somebody waits behind it", || waiters(dir).len() == 2);
    assert!(thaw(first.id()));
    eventually("one part is done", || {
        is_stopped_with_the_lock(dir, &second)
    });
    eventually("the delete waits for its next part", || {
        waiters(dir)
            .iter()
            .any(|waiter| waiter.party.pid == delete.id())
    });
    let waiting = waiters(dir).remove(0);
    let progress = Progress {
        done: gone(dir),
        of: Some(MANY),
    };
    assert_eq!(waiting.party.progress, Some(progress), "{waiting:?}");

    assert!(signals::send(delete.id(), Signal::INT));
    let mut notes = BufReader::new(delete.stderr.take().unwrap());
    let mut note = String::new();
    while !note.contains("stopping after the current part") {
        note.clear();
        assert_ne!(
            notes.read_line(&mut note).unwrap(),
            0,
            "it ended without a word"
        );
    }
    assert!(thaw(second.id()));
    let ended = delete.wait_with_output().unwrap();
    for process in [&mut first, &mut second] {
        assert!(process.wait().unwrap().success());
    }

    let said = stdout(&ended);
    assert_eq!(ended.status.code(), Some(1), "it is not finished: {said}");
    let done = gone(dir);
    assert!((2..MANY).contains(&done), "{said}");
    assert_eq!(number_behind(&said, "deleted "), done, "{said}");
    assert_eq!(number_behind(&said, "done with "), done, "{said}");
    assert_eq!(number_behind(&said, "the other "), MANY - done, "{said}");
    assert_eq!(told(dir), done, "{said}");

    // What it advises is so.
    assert!(said.contains("Repeat the request to go on"), "{said}");
    let whole: Value = run_json(dir, &bulk);
    assert_eq!((whole["count"].clone(), gone(dir)), (json!(MANY), MANY));
    let act = number_behind(&said, "commonplace undo --act ").to_string();
    let undone = run_well(dir, &["undo", "--act", &act]);
    assert_eq!(number_behind(&undone, "restored "), MANY);
    assert_eq!(gone(dir), 0);
}
