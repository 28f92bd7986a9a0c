//! Several instances on one store.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::{Host, run_json};

#[test]
fn two_hosts_on_one_store_lose_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let hosts = [Host::start(dir.path()), Host::start(dir.path())];
    let acked = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for (number, host) in hosts.iter().enumerate() {
            for thread in 0..2 {
                let (mut client, acked) = (host.client(), &acked);
                scope.spawn(move || {
                    for write in 0..50 {
                        client
                            .store(&format!("host {number} thread {thread} write {write}z"))
                            .unwrap();
                        acked.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
        }
    });
    assert_eq!(acked.into_inner(), 200);
    let mut reader = hosts[1].client();
    for number in 0..2 {
        for thread in 0..2 {
            for write in 0..50 {
                assert!(reader.has_one(&format!("host {number} thread {thread} write {write}z")));
            }
        }
    }
    let status = hosts[0].status();
    assert_eq!(status["instances"].as_array().unwrap().len(), 2);
    assert_eq!(status["memories"]["total"], 200);
}

#[test]
fn the_same_text_from_many_clients_is_one_memory() {
    let dir = tempfile::tempdir().unwrap();
    let hosts = [Host::start(dir.path()), Host::start(dir.path())];
    std::thread::scope(|scope| {
        for host in hosts.iter().cycle().take(8) {
            let mut client = host.client();
            scope.spawn(move || client.store("everybody noticed the same thing").unwrap());
        }
    });
    assert_eq!(run_json(dir.path(), &["list"])["total"], 1);
}
