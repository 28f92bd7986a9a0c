//! A host that is stopped, as with Ctrl-Z, and what its clients are told and get.

use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::bridge::{Bridge, is_stored};
use crate::support::{Host, command, eventually, run, run_json, stderr, stdout};

/// Longest time for anything here: Claude Code gives up after 60 s.
const BOUND: Duration = Duration::from_secs(50);

fn signal(pid: u32, signal: &str) {
    let sent = Command::new("kill")
        .args([&format!("-{signal}"), &pid.to_string()])
        .status();
    assert!(sent.unwrap().success());
}

/// Ends the hosts that bridges have started.
fn end_others(dir: &std::path::Path, host: &Host) {
    for instance in run_json(dir, &["locks"])["instances"].as_array().unwrap() {
        let pid = u32::try_from(instance["pid"].as_u64().unwrap()).unwrap();
        if pid != host.pid {
            signal(pid, "9");
        }
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
    assert!(is_stored(&bridge.store("told to the first host")));
    signal(host.pid, "STOP");
    let began = Instant::now();
    let answer = bridge.store("told while it was stopped");
    assert!(is_stored(&answer), "{answer}");
    let mut second = Bridge::start(dir.path());
    second.initialize();
    assert!(is_stored(&second.store("told by another bridge")));
    assert!(began.elapsed() < BOUND, "{:?}", began.elapsed());
    let other = run_json(dir.path(), &["status"])["host"]["pid"].clone();
    assert_ne!(other, host.pid);
    // What the first host was sent and had not read, it reads now.
    signal(host.pid, "CONT");
    assert_eq!(host.status()["state"], "ok");
    assert_eq!(run_json(dir.path(), &["list"])["total"], 3);
    end_others(dir.path(), &host);
}

/// The advice for a process in the table of locks.
fn remedy(dir: &std::path::Path) -> Option<String> {
    let table = run_json(dir, &["locks"]);
    let instance: &Value = &table["instances"][0];
    Some(instance["remedy"].as_str()?.to_owned())
}

#[test]
fn commands_say_at_once_that_a_host_is_stopped_and_their_advice_wakes_it() {
    let dir = tempfile::tempdir().unwrap();
    let host = Host::start(dir.path());
    assert_eq!(remedy(dir.path()), None);
    signal(host.pid, "STOP");
    eventually("it is stopped", || remedy(dir.path()).is_some());
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
        let output = run(dir.path(), arguments);
        assert!(
            output.status.success(),
            "{arguments:?}: {}",
            stderr(&output)
        );
    }
    let advice = remedy(dir.path()).unwrap();
    let wake = advice.split('`').nth(1).unwrap();
    let woken = Command::new("sh").args(["-c", wake]).status();
    assert!(woken.unwrap().success());
    assert_eq!(host.status()["state"], "ok");
    assert_eq!(remedy(dir.path()), None);
}
