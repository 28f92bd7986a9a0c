//! Looking at the processes behind the records of locks, and ending one whose identity was checked.

use std::path::PathBuf;

use commonplace_api::ProcessState;
use commonplace_engine::{AuditParty, Identity, Processes};
use sysinfo::{
    Pid, Process, ProcessRefreshKind, ProcessStatus, ProcessesToUpdate, System, UpdateKind,
};

use crate::system::identity;
use crate::system::platform;

/// Looks with the means of this system.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct SystemProcesses;

impl Processes for SystemProcesses {
    fn look(&self, who: &Identity) -> ProcessState {
        if let Some(elsewhere) = elsewhere(who) {
            return elsewhere;
        }
        with_process(who.pid, |process| match process {
            None => ProcessState::Gone,
            Some(process) if !is_same(who, process) => ProcessState::Reused,
            Some(process) => match process.status() {
                ProcessStatus::Stop | ProcessStatus::Tracing => ProcessState::Stopped,
                ProcessStatus::Zombie | ProcessStatus::Dead => ProcessState::Gone,
                _ => ProcessState::Running,
            },
        })
    }

    fn end(&self, who: &Identity, by_force: bool) -> Result<(), String> {
        // A handle first, then the check: the handle cannot come to mean another process in between.
        let handle = platform::ProcessHandle::open(who.pid)
            .map_err(|error| format!("process {} cannot be reached: {error}", who.pid))?;
        let found = self.look(who);
        if !matches!(found, ProcessState::Running | ProcessState::Stopped) {
            return Err(format!("process {} {}", who.pid, found.words()));
        }
        let is_own_user = identity::user(who.pid) == identity::user(std::process::id());
        if !is_own_user {
            return Err(format!("process {} belongs to another user", who.pid));
        }
        let ended = if by_force {
            handle.end()
        } else {
            handle.ask_to_end()
        };
        ended.map_err(|error| format!("process {} could not be ended: {error}", who.pid))
    }
}

/// Says that a record is of another machine, another start of this one, or another container; None if it is of here.
fn elsewhere(who: &Identity) -> Option<ProcessState> {
    if who.boot_id.is_some() && who.boot_id != identity::boot_id() {
        return Some(ProcessState::OtherMachine);
    }
    if who.pid_namespace.is_some() && who.pid_namespace != identity::pid_namespace() {
        return Some(ProcessState::OtherContainer);
    }
    None
}

/// Says whether a process started when the record says; one that cannot be compared is not the same.
fn is_same(who: &Identity, process: &Process) -> bool {
    let started = identity::start_time(process.pid().as_u32());
    who.start_time.is_some() && who.start_time == started
}

fn with_process<T>(pid: u32, look: impl FnOnce(Option<&Process>) -> T) -> T {
    let mut system = System::new();
    let pid = Pid::from_u32(pid);
    system.refresh_processes_specifics(
        ProcessesToUpdate::Some(&[pid]),
        false,
        ProcessRefreshKind::nothing().with_user(UpdateKind::Always),
    );
    look(system.process(pid))
}

/// Returns the folder that a process works in; None if the system does not tell: of other users it does not.
pub(crate) fn folder(pid: u32) -> Option<PathBuf> {
    let mut system = System::new();
    let pid = Pid::from_u32(pid);
    let what = ProcessRefreshKind::nothing().with_cwd(UpdateKind::Always);
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), false, what);
    Some(system.process(pid)?.cwd()?.to_owned())
}

/// Returns how many files a process may have open at most; None if there is no limit, or if the system does not tell.
pub(crate) fn files_max(pid: u32) -> Option<u64> {
    let limits = std::fs::read_to_string(format!("/proc/{pid}/limits")).ok()?;
    hard_files_max(&limits)
}

/// Reads the hard limit from the text of /proc/PID/limits (proc(5)): name, soft limit, hard limit, unit.
fn hard_files_max(limits: &str) -> Option<u64> {
    let mut lines = limits.lines();
    let values = lines.find_map(|line| line.strip_prefix("Max open files"))?;
    values.split_whitespace().nth(1)?.parse().ok()
}

/// Names a process for a message, with its user: `bash` (pid 812, user 1001).
pub(crate) fn named(pid: u32) -> String {
    let name = with_process(pid, |process| {
        process.map(|process| process.name().to_string_lossy().escape_debug().to_string())
    });
    match (name, identity::user(pid)) {
        (Some(name), Some(user)) => format!("`{name}` (pid {pid}, user {user})"),
        (Some(name), None) => format!("`{name}` (pid {pid})"),
        (None, _) => format!("pid {pid}"),
    }
}

/// Names several processes; "another program" if they are not known.
pub(crate) fn named_all(pids: &[u32]) -> String {
    match pids {
        [] => "another program".to_owned(),
        _ => pids
            .iter()
            .map(|pid| named(*pid))
            .collect::<Vec<_>>()
            .join(", "),
    }
}

/// Names this process and its user, for the audit log. `role` is what it acts as, such as `cli unlock`.
pub(crate) fn audit_party(role: &str) -> AuditParty {
    let pid = std::process::id();
    AuditParty {
        user: user_name()
            .or_else(|| identity::user(pid))
            .unwrap_or_default(),
        pid,
        role: role.to_owned(),
        host_name: identity::host_name(),
    }
}

fn user_name() -> Option<String> {
    identity::name_of_user(&identity::user(std::process::id())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_running_and_its_record_is_told_from_others() {
        let own = identity::identity("test");
        let look = |who: &Identity| SystemProcesses.look(who);
        assert_eq!(look(&own), ProcessState::Running);
        let reused = Identity {
            start_time: own.start_time.map(|time| time + 1),
            ..own.clone()
        };
        assert_eq!(look(&reused), ProcessState::Reused);
        let moved = Identity {
            boot_id: Some("another".into()),
            ..own.clone()
        };
        assert_eq!(look(&moved), ProcessState::OtherMachine);
        let boxed = Identity {
            pid_namespace: Some("pid:[1]".into()),
            ..own.clone()
        };
        assert_eq!(look(&boxed), ProcessState::OtherContainer);
        let nameless = Identity {
            start_time: None,
            ..own
        };
        assert_eq!(
            look(&nameless),
            ProcessState::Reused,
            "no proof, no sameness"
        );
    }

    #[test]
    fn the_hard_limit_of_a_process_is_read_from_its_table() {
        let table = "Limit   Soft Limit  Hard Limit  Units\nMax open files            1024                 4096                 files\n";
        assert_eq!(hard_files_max(table), Some(4096));
        assert_eq!(
            hard_files_max("Max open files  1024  unlimited  files\n"),
            None
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_process_that_is_not_the_one_is_not_ended() {
        let mut child = std::process::Command::new("sleep")
            .arg("600")
            .spawn()
            .unwrap();
        let own = identity::identity("test");
        let right = Identity {
            pid: child.id(),
            start_time: identity::start_time(child.id()),
            ..own
        };
        let wrong = Identity {
            start_time: right.start_time.map(|time| time + 1),
            ..right.clone()
        };
        assert!(SystemProcesses.end(&wrong, true).is_err());
        assert_eq!(SystemProcesses.look(&right), ProcessState::Running);
        SystemProcesses.end(&right, false).unwrap();
        child.wait().unwrap();
        assert_eq!(SystemProcesses.look(&right), ProcessState::Gone);
        assert!(SystemProcesses.end(&right, true).is_err());
    }
}
