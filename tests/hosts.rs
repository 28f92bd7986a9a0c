//! Several instances on one store.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::{Host, list};

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
    assert_eq!(status.instances.len(), 2);
    assert_eq!(status.memories.total, 200);
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
    assert_eq!(list(dir.path()).total, 1);
}

// Of some hundred connections at once the kernel dropped a few, and those came back after a second. Elsewhere than on Linux
// the system may allow fewer.
#[cfg(target_os = "linux")]
#[test]
fn connections_that_come_while_the_host_does_not_look_wait_for_it() {
    use std::net::{SocketAddr, TcpStream};

    use commonplace_api::status::OverallState;

    use crate::signals::{freeze, thaw};

    let dir = tempfile::tempdir().unwrap();
    let host = Host::start(dir.path());
    assert!(freeze(host.pid));
    let address = SocketAddr::from(([127, 0, 0, 1], host.port));
    // The first that is dropped is dropped again each time: nobody takes any up.
    let patience = std::time::Duration::from_secs(3);
    let connect = |_| TcpStream::connect_timeout(&address, patience).map(drop);
    let connected = (0..300).map(connect).take_while(Result::is_ok).count();
    assert!(thaw(host.pid));
    assert_eq!(connected, 300);
    assert_eq!(host.status().state, OverallState::Ok, "it goes on");
}
