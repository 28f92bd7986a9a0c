//! What is seen of the icon, and what a click does.

use commonplace_api::about::LoginStatus;
use commonplace_api::status::{OverallState, Status};

use super::desktop::{Desktop, Key, until};
use super::item::{Entry, find};
use super::messages::Messages;
use super::watcher::Panel;
use crate::client::Client;
use crate::support::{Host, list, locks, port_of};

/// Returns the labels of a menu, those of submenus behind their own.
fn labels(entries: &[Entry]) -> Vec<String> {
    let with_own = |entry: &Entry| {
        let below = labels(&entry.entries);
        let below = below.into_iter().map(|label| format!("> {label}"));
        std::iter::once(entry.label.clone())
            .chain(below)
            .collect::<Vec<_>>()
    };
    entries.iter().flat_map(with_own).collect()
}

#[test]
fn the_icon_has_title_tooltip_menu_and_a_picture_for_each_state() {
    let desktop = Desktop::start();
    let panel = Panel::start(&desktop);
    let app = desktop.app();
    let item = panel.item();
    assert_eq!(item.text("Title"), "Commonplace");
    assert_eq!(item.text("Status"), "Active");
    let text = item.tooltip_with("Nothing is waiting");
    assert_eq!(text, "Nothing is waiting\n0 clients, 0 memories");
    assert_eq!(item.tooltip().0, "Commonplace");
    item.entry("Start at login");
    assert_eq!(
        labels(&item.menu()),
        [
            "Open dashboard",
            "Nothing is waiting",
            "0 clients, 0 memories",
            "Pause writes",
            "Clear leftover locks",
            "Connect clients…",
            "Copy the Claude Code command",
            "Start at login",
            "Open log folder",
            "About Commonplace",
            "Quit"
        ]
    );
    let calm = item.picture();
    assert_eq!((calm.0, calm.1), (48, 48));

    item.choose("Pause writes");
    item.tooltip_with("(the tray)");
    assert_eq!(app.status().state, OverallState::Paused);
    let paused = item.picture();
    assert!(paused != calm, "a pause has a picture of its own");
    item.choose("Resume writes");
    item.tooltip_with("Nothing is waiting");
    assert_eq!(app.status().pause, None);
    assert!(item.picture() == calm, "and back again");
}

#[test]
fn a_client_is_named_and_quit_asks_by_keyboard_and_finishes_what_was_accepted() {
    let desktop = Desktop::start();
    let panel = Panel::start(&desktop);
    let mut app = desktop.app();
    let item = panel.item();
    client(&app.status(), &desktop)
        .store("from the test")
        .unwrap();
    let clients = item.entry("Clients");
    let label = concat!("test ", env!("CARGO_PKG_VERSION"));
    // It names no project, so the one around the folder of this process counts.
    let named = clients.entries[0].label.starts_with(label);
    assert!(named, "{clients:?}");
    assert!(!clients.entries[0].is_enabled, "it only tells something");
    let (quit, question) = (
        "Quit and stop serving 1 client",
        "1 client is connected. Quit?",
    );
    item.choose(quit);
    desktop.answer(question, &[Key::Tab, Key::Enter]);
    assert_eq!(
        app.status().state,
        OverallState::Ok,
        "it was told to keep running"
    );
    item.choose(quit);
    desktop.answer(question, &[Key::Enter]);
    assert_eq!(app.end(), Some(0));
    assert_eq!(list(&desktop.store()).total, 1);
}

#[test]
fn whoever_chooses_quit_again_instead_of_answering_means_it() {
    let desktop = Desktop::start();
    let panel = Panel::start(&desktop);
    let mut app = desktop.app();
    let item = panel.item();
    client(&app.status(), &desktop).store("accepted").unwrap();
    let quit = "Quit and stop serving 1 client";
    item.choose(quit);
    until("it asks", || {
        let asked = desktop.windows("1 client is connected. Quit?");
        asked.first().copied()
    });
    item.choose(quit);
    assert_eq!(app.end(), Some(0));
}

/// A client of the host that a status tells of.
fn client(status: &Status, desktop: &Desktop) -> Client {
    let url = status.instances[0].url.as_ref().expect("it serves");
    let token = std::fs::read_to_string(desktop.store().join("agent.token")).unwrap();
    Client {
        port: port_of(url),
        token: token.trim().to_owned(),
        next_id: 0,
    }
}

#[test]
fn a_left_click_opens_the_window_and_closing_it_frees_the_web_view_and_says_so_once() {
    let desktop = Desktop::start();
    let panel = Panel::start(&desktop);
    let messages = Messages::start(&desktop);
    let app = desktop.app();
    let item = panel.item();
    assert_eq!(app.web_views(), 0, "a hidden start has no web view");
    let drivers = app.graphics_drivers();
    assert!(drivers.is_empty(), "nor a graphics driver: {drivers:?}");
    for round in 0..2 {
        item.click_left();
        let window = desktop.dashboard();
        until("a web view shows the page", || {
            (app.web_views() > 0).then_some(())
        });
        desktop.close_window(window);
        until("the web view is gone", || {
            (app.web_views() == 0).then_some(())
        });
        if round == 0 {
            let message = messages.next();
            assert_eq!(message.title, "Commonplace is still running");
        }
    }
    assert!(messages.others().is_empty(), "it is said once");
    assert_eq!(app.status().state, OverallState::Ok, "the host goes on");
}

#[test]
fn a_second_start_shows_the_window_of_the_first() {
    let desktop = Desktop::start();
    let _app = desktop.app();
    until("the first is there", || {
        desktop.store().join("app/pid").exists().then_some(())
    });
    let second = desktop.app_command(&[]).output().unwrap();
    assert_eq!(second.status.code(), Some(0), "{second:?}");
    desktop.dashboard();
}

#[test]
fn start_at_login_is_a_check_mark_and_the_same_on_the_command_line() {
    let desktop = Desktop::start();
    let panel = Panel::start(&desktop);
    let _app = desktop.app();
    let item = panel.item();
    let is_on = || {
        let mut command = crate::support::command(&desktop.store(), &["autostart", "--json"]);
        desktop.settle_in(&mut command);
        let output = command.output().unwrap();
        let answer: LoginStatus = serde_json::from_slice(&output.stdout).unwrap();
        answer.start_at_login
    };
    for wanted in [true, false] {
        item.choose("Start at login");
        item.entry_that("Start at login", |entry| entry.is_checked == Some(wanted));
        until("it is so", || (is_on() == wanted).then_some(()));
    }
    item.choose("Start at login");
    let entry = until("there is an entry", || {
        let entries = std::fs::read_dir(desktop.autostart()).ok()?;
        let mut paths = entries.map(|entry| entry.unwrap().path());
        paths.find(|path| path.extension().is_some_and(|end| end == "desktop"))
    });
    let text = std::fs::read_to_string(entry).unwrap();
    assert!(text.contains("\"app\" \"--hidden\"\n"), "{text}");
    assert!(text.contains("\"--data-dir\""), "{text}");
}

#[test]
fn what_a_killed_host_left_is_cleared_and_the_logs_are_shown() {
    let desktop = Desktop::start();
    let panel = Panel::start(&desktop);
    let app = desktop.app();
    let item = panel.item();
    assert_eq!(app.status().state, OverallState::Ok);
    let idle = item.entry("Clear leftover locks");
    assert!(!idle.is_enabled, "there are none: {idle:?}");
    let mut other = Host::start(&desktop.store());
    other.kill();
    item.choose("Clear leftover locks (");
    until("the table is clean", || {
        let table = locks(&desktop.store());
        table.leftovers.is_empty().then_some(())
    });
    let audit = locks(&desktop.store()).audit.remove(0);
    assert_eq!(audit.by.role, "tray", "{audit:?}");
    item.entry_that("Clear leftover locks", |entry| !entry.is_enabled);

    item.choose("Open log folder");
    let opened = until("the folder is opened", || desktop.opened());
    assert_eq!(opened, desktop.store().join("logs").display().to_string());
    assert!(find(&item.menu(), "Stuck").is_none(), "nothing is stuck");
}
