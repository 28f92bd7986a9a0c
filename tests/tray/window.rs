//! The window, looked into through WebDriver: what a person reads there, and what its page may not do.

use std::net::TcpListener;

use super::desktop::{Desktop, is_running, until, web_views};
use super::messages::Messages;
use super::watcher::Panel;
use super::webdriver::Driver;
use crate::support::{Host, locks, status};

/// Starts the app with its window and returns it with its process id.
fn open(desktop: &Desktop) -> (Driver, u32) {
    let store = desktop.store();
    let store = store.to_str().unwrap();
    let driver = Driver::start(desktop, &["--data-dir", store, "app", "--port", "0"]);
    let status = status(&desktop.store()).expect("the host answers");
    (driver, status.host.pid)
}

#[test]
fn the_window_shows_the_page_signed_in_closes_to_the_tray_comes_back_and_quits() {
    let desktop = Desktop::start();
    let panel = Panel::start(&desktop);
    // Without this service, what is said when the window closes would be another window.
    let messages = Messages::start(&desktop);
    let (driver, pid) = open(&desktop);
    let item = panel.item();
    until("the page says how the host is", || {
        (driver.title() == "Nothing is waiting. · Commonplace").then_some(())
    });
    assert_eq!(driver.text("#diagnosis"), "Nothing is waiting.");
    assert_eq!(driver.text("#sign-in-title"), "", "nobody has to sign in");
    let url = driver.url();
    assert!(!url.contains("code="), "the code is used up: {url}");

    desktop.close_window(desktop.dashboard());
    until("the web view is gone", || {
        (web_views(pid) == 0).then_some(())
    });
    assert_eq!(messages.next().title, "Commonplace is still running");
    item.tooltip_with("Nothing is waiting");

    let second = desktop.app_command(&[]).output().unwrap();
    assert_eq!(second.status.code(), Some(0), "{second:?}");
    desktop.dashboard();
    until("a web view shows the page", || {
        (web_views(pid) > 0).then_some(())
    });

    item.choose("Quit");
    until("the app ends", || (!is_running(pid)).then_some(()));
    let table = locks(&desktop.store());
    assert!(table.instances.is_empty(), "{table:?}");
    assert!(table.leftovers.is_empty(), "{table:?}");
}

#[test]
fn the_page_can_call_nothing_of_the_program_and_go_nowhere() {
    let desktop = Desktop::start();
    let (driver, _pid) = open(&desktop);
    until("the page says how the host is", || {
        (driver.text("#diagnosis") == "Nothing is waiting.").then_some(())
    });
    for command in ["plugin:app|version", "plugin:window|close"] {
        let called = driver.run(&format!(
            "const done = arguments[0]; const inside = window.__TAURI_INTERNALS__;
             if (!inside) done('nothing to call');
             else inside.invoke('{command}', {{}}).then(() => done('called'), (error) => done(`refused: ${{error}}`));"
        ));
        let called = called.as_str().unwrap().to_owned();
        assert!(called != "called", "`{command}`: {called}");
    }
    let elsewhere = TcpListener::bind("127.0.0.1:0").unwrap();
    elsewhere.set_nonblocking(true).unwrap();
    let address = elsewhere.local_addr().unwrap();
    let before = driver.url();
    driver.run(&format!(
        "const done = arguments[0]; location.href = 'http://{address}/'; done();"
    ));
    desktop.until_logged(&["not allowed to go elsewhere", &address.to_string()]);
    assert!(elsewhere.accept().is_err(), "the page left its host");
    assert_eq!(driver.url(), before);
}

// The window stayed with the host it was opened on, and a new host on another port could not be shown in it.
#[test]
fn a_window_that_is_open_shows_the_host_that_is_started_after_one_that_died() {
    let desktop = Desktop::start();
    let panel = Panel::start(&desktop);
    let mut host = Host::start(&desktop.store());
    let (driver, first_pid) = open(&desktop);
    let item = panel.item();
    until("the page of the first host is there", || {
        (driver.url() == format!("http://127.0.0.1:{}/", host.port)).then_some(())
    });
    host.kill();
    item.choose("Start the host again");
    let status = until("the app is the host", || {
        status(&desktop.store()).filter(|status| status.host.pid != first_pid)
    });
    let url = status.instances[0].url.as_deref().expect("it serves");
    until("the page of the new host is there", || {
        (driver.url() == url && driver.title() == "Nothing is waiting. · Commonplace").then_some(())
    });
}
