//! Panels that are missing, late or restart, no session bus, a host that dies, and sleep.

use std::process::Stdio;

use commonplace_api::status::OverallState;
use rustix::process::Signal;

use super::desktop::{Desktop, Process, until};
use super::messages::Messages;
use super::watcher::Panel;
use crate::signals::{self, freeze, thaw};
use crate::support::{Host, run_well, status};

/// Not to wait for something: this is how long everybody sleeps. Longer than a wait that is told.
const SLEEP: std::time::Duration = std::time::Duration::from_secs(7);

#[test]
fn the_icon_comes_with_a_late_panel_and_again_with_one_that_restarts() {
    let desktop = Desktop::start();
    let app = desktop.app();
    assert_eq!(
        app.status().state,
        OverallState::Ok,
        "it serves without a panel"
    );
    desktop.until_logged(&["no tray icon"]);
    let panel = Panel::start(&desktop);
    let item = panel.item();
    item.choose("Pause writes");
    // An icon that shows a change has begun to listen for panels; before that it misses one that restarts.
    item.tooltip_with("(the tray)");
    drop(panel);
    let panel = Panel::start(&desktop);
    let item = panel.item();
    item.choose("Resume writes");
    item.tooltip_with("Nothing is waiting");
}

#[test]
fn without_a_session_bus_the_app_serves_and_asks_what_closing_means() {
    let desktop = Desktop::start();
    let mut command = desktop.app_command(&[]);
    command.env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent");
    let mut app = desktop.start_app(&mut command);
    desktop.close_window(desktop.dashboard());
    until("it asks", || {
        let asked = desktop.windows("Close the window and keep serving?");
        asked.first().copied()
    });
    assert_eq!(
        app.status().state,
        OverallState::Ok,
        "it goes on until it is told"
    );
    assert!(signals::send(app.pid(), Signal::TERM));
    assert_eq!(app.end(), Some(0));
}

// It ended without a word to who had started it from a menu.
#[test]
fn a_host_that_cannot_start_is_told_in_a_window() {
    let desktop = Desktop::start();
    std::fs::create_dir_all(desktop.store()).unwrap();
    std::fs::write(desktop.store().join("commonplace.db"), "no database at all").unwrap();
    let start = || {
        let mut command = desktop.app_command(&[]);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        Process(command.spawn().unwrap())
    };
    let told = |count: usize| {
        until("it says so", || {
            let windows = desktop.windows("Commonplace could not start");
            (windows.len() == count).then_some(windows)
        })
    };
    let mut first = start();
    let windows = told(1);
    let mut second = start();
    told(2);
    desktop.close_window(windows[0]);
    assert_eq!(first.0.wait().unwrap().code(), Some(1));
    assert!(signals::send(second.0.id(), Signal::TERM));
    assert_eq!(second.0.wait().unwrap().code(), Some(1));
}

#[test]
fn an_attached_app_says_when_its_host_died_and_starts_another() {
    let desktop = Desktop::start();
    let panel = Panel::start(&desktop);
    let messages = Messages::start(&desktop);
    let mut host = Host::start(&desktop.store());
    let app = desktop.app();
    let item = panel.item();
    item.entry("Attached to a host");
    item.entry("Quit (the host keeps running)");
    let calm = item.picture();

    host.kill();
    item.tooltip_with("the host is gone");
    assert!(item.picture() != calm, "an error has a picture of its own");
    let message = messages.next();
    assert_eq!(message.text, "the host is gone");
    messages.take_up(&message);
    item.tooltip_with("Nothing is waiting");
    assert_eq!(app.status().host.pid, app.pid());
    assert!(item.picture() == calm, "and back again");
    assert!(messages.others().is_empty(), "it is said once");
}

#[test]
fn after_a_sleep_the_icon_shows_what_has_happened_meanwhile() {
    let desktop = Desktop::start();
    let panel = Panel::start(&desktop);
    let host = Host::start(&desktop.store());
    let app = desktop.app();
    let item = panel.item();
    item.tooltip_with("Nothing is waiting");
    assert!(freeze(app.pid()));
    run_well(&desktop.store(), &["pause"]);
    assert!(thaw(app.pid()));
    item.tooltip_with("Writes are paused");

    assert!(freeze(host.pid));
    item.tooltip_with(&format!("the host (pid {}) does not answer", host.pid));
    assert!(thaw(host.pid));
    item.tooltip_with("Writes are paused");
    item.choose("Resume writes");
    item.tooltip_with("Nothing is waiting");
    let status = status(&desktop.store()).expect("the host answers");
    assert_eq!(status.pause, None);
}

// A write that waited when the machine fell asleep was told afterwards to have waited all the time.
#[test]
fn a_write_that_waits_over_a_sleep_is_not_told_to_have_waited_all_the_time() {
    let desktop = Desktop::start();
    let panel = Panel::start(&desktop);
    let messages = Messages::start(&desktop);
    let host = Host::start(&desktop.store());
    host.client().store("so that there is a database").unwrap();
    let app = desktop.app();
    let item = panel.item();
    item.tooltip_with("Nothing is waiting");
    let in_the_way = rusqlite::Connection::open(desktop.store().join("commonplace.db")).unwrap();
    in_the_way.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut client = host.client();
    let write = std::thread::spawn(move || client.store("waits over the sleep"));
    let before = until("the write is seen to wait", || {
        let (_, text) = item.tooltip();
        (!text.contains("Nothing is waiting")).then_some(text)
    });

    for pid in [app.pid(), host.pid] {
        assert!(freeze(pid));
    }
    std::thread::sleep(SLEEP);
    for pid in [host.pid, app.pid()] {
        assert!(thaw(pid));
    }
    until("the app has looked again", || {
        (item.tooltip().1 != before).then_some(())
    });
    in_the_way.execute_batch("ROLLBACK").unwrap();
    write.join().unwrap().expect("the write goes on");
    item.tooltip_with("Nothing is waiting");
    let told = messages.others();
    assert!(told.is_empty(), "nobody waited long while awake: {told:?}");
}

// Looking at the locks may take ten seconds while somebody has the store alone, and nothing else was done meanwhile.
#[test]
fn while_somebody_has_the_store_alone_the_tray_and_later_starts_are_answered() {
    let desktop = Desktop::start();
    let panel = Panel::start(&desktop);
    let mut host = Host::start(&desktop.store());
    host.client().store("so that there is a lock").unwrap();
    let _app = desktop.app();
    let item = panel.item();
    item.tooltip_with("Nothing is waiting");
    host.kill();
    let held = ["write.lock", "store.lock"].map(|name| {
        let path = desktop.store().join("locks").join(name);
        let file = std::fs::File::options().write(true).open(path).unwrap();
        file.try_lock().expect("nobody else has it");
        file
    });
    item.tooltip_with("the host is gone");
    for _ in 0..3 {
        let second = desktop.app_command(&[]).output().unwrap();
        assert_eq!(second.status.code(), Some(0), "{second:?}");
    }
    drop(held);
}
