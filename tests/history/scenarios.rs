//! The scenarios of the guide to concurrent access, with its numbers, and the order in which waiting requests are served.

use std::collections::BTreeSet;
use std::net::TcpStream;
use std::path::Path;
use std::time::Instant;

use commonplace_api::locks::LockState;
use rusqlite::Connection;
use serde_json::json;

use super::check::check;
use super::clients::Faults;
use super::drive::{Ends, Setup, run};
use super::record::{Answered, Asked, At, End, Operation, since};
use super::trouble::Troubles;
use super::witness::Witness;
use crate::client::{Client, connect, read_call};
use crate::support::{Host, eventually};

const SEED: u64 = 4;

#[test]
fn four_instances_store_and_retrieve_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let setup = Setup {
        seed: SEED,
        hosts: 4,
        over_http: 1,
        over_bridge: 4,
        by_command: 0,
        faults: Faults::default(),
        troubles: Troubles::none(),
        ends: Ends::After(50),
        environment: Vec::new(),
    };
    let outcome = run(dir.path(), &setup, |_| {});
    outcome.must_be_good();
    let log = &outcome.witness.log;
    let instances: BTreeSet<_> = log.iter().map(|commit| &commit.instance).collect();
    assert_eq!(instances.len(), 4, "every instance has written");
}

#[test]
fn the_statistics_tell_the_known_number_of_writes() {
    // The guide's own figure.
    const WRITES: usize = 1_523;
    let dir = tempfile::tempdir().unwrap();
    let host = Host::start(dir.path());
    let mut client = host.client();
    for number in 0..WRITES {
        client.store(&format!("developer note {number}z")).unwrap();
    }
    let stats = client
        .call("get_concurrent_access_stats", json!({}))
        .unwrap();
    let lines: Vec<&str> = stats.text.lines().collect();
    let line = |name: &str| {
        let found = lines.iter().find_map(|line| line.strip_prefix(name));
        found
            .unwrap_or_else(|| panic!("no `{name}` in {}", stats.text))
            .trim()
    };
    assert_eq!(lines[0], "=== Concurrent Access Statistics ===");
    assert_eq!(
        line("Total lock acquisitions:"),
        "1,523",
        "one for each write of one client"
    );
    assert_eq!(line("Failed acquisitions:"), "0");
    assert_eq!(line("Currently active locks:"), "0");
    assert_eq!(line("Total memories:"), "1,523");
    let seconds = |name| line(name).trim_end_matches('s').parse::<f64>().unwrap();
    assert!(
        seconds("Average wait time:") <= seconds("Maximum wait time:"),
        "{}",
        stats.text
    );
    assert_eq!(line("Last acquisition:").len(), "2025-01-26T10:30:45".len());
}

/// Holds the database's own write lock, as a program does that knows nothing of ours, so that every write waits.
struct Blocked(Connection);

impl Blocked {
    fn begin(dir: &Path) -> Self {
        let connection = Connection::open(dir.join("commonplace.db")).unwrap();
        connection.execute_batch("BEGIN IMMEDIATE").unwrap();
        Self(connection)
    }

    fn end(self) {
        self.0.execute_batch("ROLLBACK").unwrap();
    }
}

fn queue_length(host: &Host) -> usize {
    host.status().queue.length
}

/// Sends a store and leaves its answer for later.
fn ask(client: &mut Client, text: &str, op_id: &str) -> TcpStream {
    let stream = connect(client.port).unwrap();
    let arguments = json!({ "content": text, "op_id": op_id, "deadline_s": 50 });
    client
        .send_call(&stream, "memory_store", arguments)
        .unwrap();
    stream
}

#[test]
fn indexing_a_repository_stores_every_chunk_and_refuses_none() {
    // Four clients with 250 chunks each: just what the queue takes.
    let dir = tempfile::tempdir().unwrap();
    let host = Host::start(dir.path());
    let blocked = Blocked::begin(dir.path());
    let mut asked = Vec::new();
    let mut clients: Vec<Client> = (0..4).map(|_| host.client()).collect();
    for chunk in 0..250 {
        for (number, client) in clients.iter_mut().enumerate() {
            let text =
                format!("file {number} chunk {chunk}z: fn main() {{ println!(\"{chunk}\") }}");
            asked.push((ask(client, &text, &format!("f{number}-{chunk}")), text));
        }
    }
    eventually("all of them wait at once", || queue_length(&host) == 1_000);
    blocked.end();
    for (stream, text) in asked {
        let answer = read_call(stream).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert!(!answer.is_error, "{text}: {}", answer.text);
    }
    let status = host.status();
    assert_eq!(status.memories.total, 1_000);
    assert_eq!(status.stats.queue_full, 0);
    assert_eq!(status.stats.failed_acquisitions, 0);
    drop(host);
    let witness = Witness::read(dir.path()).unwrap();
    let op_ids: BTreeSet<_> = witness
        .log
        .iter()
        .filter_map(|commit| commit.op_id.as_ref())
        .collect();
    assert_eq!(op_ids.len(), 1_000, "each of them once");
}

/// A request that waits, and the answer to come.
struct Waiting {
    operation: Operation,
    stream: TcpStream,
}

/// Asks, and sees that the request waits before anybody else asks.
fn ask_and_see(
    client: &mut Client,
    began: Instant,
    op_id: &str,
    mut waits: impl FnMut() -> bool,
) -> Waiting {
    let text = format!("mk{op_id}z waits for its turn");
    let t0 = since(began);
    let stream = ask(client, &text, op_id);
    eventually("the request is seen to wait", &mut waits);
    let operation = Operation {
        client: op_id.to_owned(),
        op_id: op_id.to_owned(),
        asked: Asked::Store {
            text,
            tags: Vec::new(),
        },
        t0,
        queued: Some(since(began)),
        unanswered: 0,
        end: End::Unknown {
            why: "no answer yet".to_owned(),
        },
    };
    Waiting { operation, stream }
}

/// Reads all answers, then looks for a fault in the history.
fn must_be_served_in_order(waiting: Vec<Waiting>, began: Instant, hosts: Vec<Host>, dir: &Path) {
    let operations: Vec<Operation> = waiting
        .into_iter()
        .map(
            |Waiting {
                 mut operation,
                 stream,
             }| {
                let answer = read_call(stream).unwrap();
                assert!(!answer.is_error, "{}", answer.text);
                let at: At = since(began);
                operation.end = End::Ok {
                    at,
                    answer: Answered::Written { hash: None },
                };
                operation
            },
        )
        .collect();
    drop(hosts);
    assert_eq!(check(&operations, &Witness::read(dir).unwrap()), []);
}

#[test]
fn who_waits_first_in_a_host_is_served_first() {
    let dir = tempfile::tempdir().unwrap();
    let host = Host::start(dir.path());
    let blocked = Blocked::begin(dir.path());
    let began = Instant::now();
    let mut clients: Vec<Client> = (0..4).map(|_| host.client()).collect();
    let waiting: Vec<Waiting> = (0..24)
        .map(|number| {
            let client = &mut clients[number % 4];
            let is_there = || queue_length(&host) == number + 1;
            ask_and_see(client, began, &format!("w{number}"), is_there)
        })
        .collect();
    blocked.end();
    must_be_served_in_order(waiting, began, vec![host], dir.path());
}

/// Waits that all instances together show in the line for the write lock.
fn lock_waiters(host: &Host) -> usize {
    host.status().lock.waiters.len()
}

#[test]
fn which_instance_waits_first_is_served_first() {
    let dir = tempfile::tempdir().unwrap();
    let hosts: Vec<Host> = (0..6).map(|_| Host::start(dir.path())).collect();
    let blocked = Blocked::begin(dir.path());
    let began = Instant::now();
    // The first holds the lock and waits for the database; the others wait in line for the lock.
    let waiting: Vec<Waiting> = hosts
        .iter()
        .enumerate()
        .map(|(number, host)| {
            let is_there = || match number {
                0 => host.status().lock.state == LockState::Held,
                _ => lock_waiters(host) == number,
            };
            ask_and_see(&mut host.client(), began, &format!("i{number}"), is_there)
        })
        .collect();
    blocked.end();
    must_be_served_in_order(waiting, began, hosts, dir.path());
}
