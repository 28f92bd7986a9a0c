//! A host that is stopped, as with Ctrl-Z, and what its clients are told and get.

use std::process::Command;
use std::time::{Duration, Instant};

use commonplace_api::status::OverallState;
use rustix::process::Signal;

use crate::bridge::Bridge;
use crate::signals::{self, freeze, thaw};
use crate::support::{Host, command, list, locks, run_well, status, stderr, stdout};

/// Longest time for anything here: Claude Code gives up after 60 s.
const BOUND: Duration = Duration::from_secs(50);

/// Ends the hosts that bridges have started.
fn end_others(dir: &std::path::Path, host: &Host) {
    let instances = locks(dir).instances.into_iter();
    let pids = instances.map(|row| row.instance.pid);
    for pid in pids.filter(|pid| *pid != host.pid) {
        assert!(signals::send(pid, Signal::KILL));
    }
}

// Each call over the bridge took six minutes, its `initialize` included, and nothing said that the host was stopped.
#[test]
fn a_bridge_goes_on_with_another_host_while_one_is_stopped_and_writes_once() {
    let dir = tempfile::tempdir().unwrap();
    let host = Host::start(dir.path());
    // The stopped host has the port that the next one wants.
    let settings = format!("port = {}\n", host.port);
    std::fs::write(dir.path().join("settings.toml"), settings).unwrap();
    let mut bridge = Bridge::start(dir.path());
    bridge.initialize();
    bridge.store("told to the first host");
    assert!(freeze(host.pid));
    let began = Instant::now();
    bridge.store("told while it was stopped");
    let mut second = Bridge::start(dir.path());
    second.initialize();
    second.store("told by another bridge");
    assert!(began.elapsed() < BOUND, "{:?}", began.elapsed());
    let other = status(dir.path()).expect("another host answers").host.pid;
    assert_ne!(other, host.pid);
    // What the first host was sent and had not read, it reads now.
    assert!(thaw(host.pid));
    assert_eq!(host.status().state, OverallState::Ok);
    assert_eq!(list(dir.path()).total, 3);
    end_others(dir.path(), &host);
}

/// The advice for a process in the table of locks.
fn remedy(dir: &std::path::Path) -> Option<String> {
    locks(dir).instances.remove(0).remedy
}

#[test]
fn commands_say_at_once_that_a_host_is_stopped_and_their_advice_wakes_it() {
    let dir = tempfile::tempdir().unwrap();
    let host = Host::start(dir.path());
    assert_eq!(remedy(dir.path()), None);
    assert!(freeze(host.pid));
    assert!(remedy(dir.path()).is_some());
    let wakes = format!("`kill -CONT {}` wakes it", host.pid);
    for arguments in [
        &["status"][..],
        &["doctor"],
        &["locks"],
        &["unlock"],
        &["open"],
    ] {
        let began = Instant::now();
        // Nothing that is called claude is asked.
        let output = command(dir.path(), arguments).env("PATH", "").output();
        let output = output.unwrap();
        let said = format!("{}{}", stdout(&output), stderr(&output));
        assert!(said.contains(&wakes), "{arguments:?}: {said}");
        assert!(said.contains("is stopped"), "{arguments:?}: {said}");
        assert!(began.elapsed() < Duration::from_secs(10), "{arguments:?}");
    }
    // What can be done without a host is done.
    for arguments in [
        &["stats"][..],
        &["backup"],
        &["settings", "set", "workers", "3"],
    ] {
        run_well(dir.path(), arguments);
    }
    let advice = remedy(dir.path()).unwrap();
    let wake = advice.split('`').nth(1).unwrap();
    let woken = Command::new("sh").args(["-c", wake]).status();
    assert!(woken.unwrap().success());
    assert_eq!(host.status().state, OverallState::Ok);
    assert_eq!(remedy(dir.path()), None);
}
