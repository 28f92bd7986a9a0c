//! Signals to processes, where the system has them.

use std::path::Path;

#[cfg(unix)]
use rustix::process::{Pid, Signal, kill_process};

use crate::support::Host;
#[cfg(unix)]
use crate::support::eventually;

/// Sends a signal; false if there is no such process.
#[cfg(unix)]
pub(crate) fn send(pid: u32, signal: Signal) -> bool {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    pid.is_some_and(|pid| kill_process(pid, signal).is_ok())
}

/// Stops a process as `kill -STOP` does, and returns when all of it stands still; false where there is no such thing. A
/// thread that is at work stops a moment after the signal was sent.
#[cfg(unix)]
pub(crate) fn freeze(pid: u32) -> bool {
    let is_sent = send(pid, Signal::STOP);
    if is_sent {
        eventually("the process stands still", || stands_still(pid));
    }
    is_sent
}

/// Lets a stopped process go on.
#[cfg(unix)]
pub(crate) fn thaw(pid: u32) -> bool {
    send(pid, Signal::CONT)
}

/// Asks a host to stop, as a service manager does, and waits for it.
#[cfg(unix)]
pub(crate) fn stop(host: &mut Host) {
    host.terminate();
}

/// Ends a process that is not our child.
#[cfg(unix)]
pub(crate) fn end(pid: u32) {
    send(pid, Signal::KILL);
}

/// Says whether no thread of a process does anything; true where the system does not show it as Linux does.
#[cfg(unix)]
fn stands_still(pid: u32) -> bool {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task"));
    let mut tasks = tasks.into_iter().flatten().flatten();
    tasks.all(|task| !matches!(state(&task.path()), Some('R' | 'S' | 'D' | 'I')))
}

/// Says whether a process is stopped; false where the system does not show it as Linux does.
pub(crate) fn is_stopped(pid: u32) -> bool {
    state(Path::new(&format!("/proc/{pid}"))) == Some('T')
}

/// The state of a process or thread; None if it is gone.
fn state(process: &Path) -> Option<char> {
    let stat = std::fs::read_to_string(process.join("stat")).ok()?;
    // The program's name may contain anything; the state follows its end.
    stat.rsplit_once(") ")?.1.chars().next()
}

#[cfg(not(unix))]
pub(crate) fn freeze(_pid: u32) -> bool {
    false
}

#[cfg(not(unix))]
pub(crate) fn thaw(_pid: u32) -> bool {
    false
}

#[cfg(not(unix))]
pub(crate) fn stop(host: &mut Host) {
    host.kill();
}

#[cfg(not(unix))]
pub(crate) fn end(pid: u32) {
    drop(
        std::process::Command::new("taskkill")
            .args(["/F", "/PID", &pid.to_string()])
            .output(),
    );
}
