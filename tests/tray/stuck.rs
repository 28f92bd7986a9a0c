//! A person who finds a stuck holder and settles it with nothing but the tray.

use std::path::Path;

use commonplace_api::locks::{AuditAct, AuditStage, LockState};

use super::desktop::{Desktop, until};
use super::messages::Messages;
use super::watcher::Panel;
use crate::signals::{freeze, thaw};
use crate::support::{Host, locks};

/// Stops a host while it has the write lock and no transaction: another program is in its way until it is stopped.
fn stop_with_lock(host: &Host, store: &Path) {
    let mut client = host.client();
    // Ends with the host.
    std::thread::spawn(move || client.store("late"));
    until("the host is stopped with the lock", || {
        let in_the_way = rusqlite::Connection::open(store.join("commonplace.db")).unwrap();
        in_the_way.execute_batch("BEGIN IMMEDIATE").unwrap();
        until("the host has the lock", || {
            is_holder(host, store).then_some(())
        });
        assert!(freeze(host.pid));
        in_the_way.execute_batch("ROLLBACK").unwrap();
        let is_stopped_with_it = is_holder(host, store);
        if !is_stopped_with_it {
            assert!(thaw(host.pid));
        }
        is_stopped_with_it.then_some(())
    });
}

fn is_holder(host: &Host, store: &Path) -> bool {
    let write = locks(store).locks.remove(0);
    let is_it = write.holder.is_some_and(|holder| holder.pid == host.pid);
    write.state == LockState::Held && is_it
}

#[test]
fn a_stuck_holder_is_found_and_settled_from_the_tray_alone() {
    let desktop = Desktop::start();
    let panel = Panel::start(&desktop);
    let messages = Messages::start(&desktop);
    let host = Host::start(&desktop.store());
    host.client().store("before").unwrap();
    let app = desktop.app();
    let item = panel.item();
    let calm = item.picture();
    let other = Host::start(&desktop.store());
    stop_with_lock(&host, &desktop.store());
    let mut client = other.client();
    let waiting = std::thread::spawn(move || client.store("waits behind it"));

    let who = format!("serve (pid {})", host.pid);
    let message = messages.next();
    let stuck = loop {
        let stuck = item.entry("Stuck with the write lock");
        if stuck.label.ends_with(&who) {
            break stuck;
        }
    };
    assert!(item.picture() != calm, "the icon shows it");
    let lines: Vec<_> = stuck.entries.iter().map(|entry| &entry.label).collect();
    assert!(
        lines[0].starts_with("its holder's process is stopped"),
        "{lines:?}"
    );
    let said = format!("{} {}", message.title, message.text);
    assert!(
        said.contains("stuck") || said.contains("does not answer"),
        "{said}"
    );

    item.choose("Take over the write lock now");
    waiting.join().unwrap().expect("who waited goes on");
    let audit = until("it stands in the audit log", || {
        let latest = locks(&desktop.store()).audit.into_iter().next();
        latest.filter(|entry| entry.stage == AuditStage::Done)
    });
    assert_eq!(audit.act, AuditAct::TakeOver, "{audit:?}");
    assert_eq!(audit.by.role, "tray", "{audit:?}");
    assert_eq!(audit.by.pid, app.pid(), "{audit:?}");
}
