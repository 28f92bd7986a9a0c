//! Signals, where the system has them.

use crate::support::Host;

/// Stops a process as `kill -STOP` does; false where there is no such thing.
#[cfg(unix)]
pub(crate) fn freeze(pid: u32) -> bool {
    signal(pid, rustix::process::Signal::STOP)
}

/// Lets a stopped process go on.
#[cfg(unix)]
pub(crate) fn thaw(pid: u32) {
    signal(pid, rustix::process::Signal::CONT);
}

/// Says whether a process is stopped; false where the system does not show it as Linux does.
pub(crate) fn is_stopped(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The program's name may contain anything; the state follows its end.
    stat.rsplit_once(") ")
        .is_some_and(|(_, fields)| fields.starts_with('T'))
}

/// Asks a host to stop, as a service manager does, and waits for it.
#[cfg(unix)]
pub(crate) fn stop(host: &mut Host) {
    host.terminate();
}

/// Ends a process that is not our child.
#[cfg(unix)]
pub(crate) fn end(pid: u32) {
    signal(pid, rustix::process::Signal::KILL);
}

#[cfg(unix)]
fn signal(pid: u32, signal: rustix::process::Signal) -> bool {
    let pid = i32::try_from(pid)
        .ok()
        .and_then(rustix::process::Pid::from_raw);
    pid.is_some_and(|pid| rustix::process::kill_process(pid, signal).is_ok())
}

#[cfg(not(unix))]
pub(crate) fn freeze(_pid: u32) -> bool {
    false
}

#[cfg(not(unix))]
pub(crate) fn thaw(_pid: u32) {}

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
