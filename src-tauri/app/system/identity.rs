//! Who this process is, as it tells other instances.

use commonplace_engine::{Identity, InstanceId};
use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System, UpdateKind};

/// Describes this process in the role it was started in.
pub(crate) fn identity(role: &str) -> Identity {
    let pid = std::process::id();
    Identity {
        instance: InstanceId::random(),
        pid,
        start_time: start_time(pid),
        boot_id: boot_id(),
        pid_namespace: pid_namespace(),
        user: user(pid),
        host_name: host_name(),
        program: env!("CARGO_PKG_NAME").to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        role: role.to_owned(),
    }
}

/// Returns the name of this machine.
pub(crate) fn host_name() -> String {
    System::host_name().unwrap_or_else(|| "unknown".to_owned())
}

/// Names the person and the means by which something was done, for those whose writes it holds up.
pub(crate) fn person(means: &str) -> String {
    let user = ["USER", "USERNAME"]
        .iter()
        .find_map(|name| std::env::var(name).ok())
        .unwrap_or_else(|| "somebody".to_owned());
    format!("{user} on {} ({means})", host_name())
}

/// Returns when a process started, in a unit of the system's own: only to be compared. None if there is no such process.
///
/// On Linux ticks since the boot, because seconds since 1970 are worked out from the wall clock there, which may jump.
pub(crate) fn start_time(pid: u32) -> Option<u64> {
    #[cfg(target_os = "linux")]
    {
        // The name of the program, which may hold anything, ends at the last parenthesis (proc(5)).
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let (_, rest) = stat.rsplit_once(") ")?;
        rest.split(' ').nth(19)?.parse().ok()
    }
    #[cfg(not(target_os = "linux"))]
    {
        let mut system = System::new();
        let pid = Pid::from_u32(pid);
        system.refresh_processes_specifics(
            ProcessesToUpdate::Some(&[pid]),
            false,
            ProcessRefreshKind::nothing(),
        );
        system.process(pid).map(|process| process.start_time())
    }
}

/// Names the PID namespace of this process, which differs between containers; None where there are none.
pub(crate) fn pid_namespace() -> Option<String> {
    #[cfg(target_os = "linux")]
    if let Ok(name) = std::fs::read_link("/proc/self/ns/pid") {
        return Some(name.to_string_lossy().into_owned());
    }
    None
}

/// Returns the number of the user that a process runs as.
pub(crate) fn user(pid: u32) -> Option<String> {
    let mut system = System::new();
    let pid = Pid::from_u32(pid);
    system.refresh_processes_specifics(
        ProcessesToUpdate::Some(&[pid]),
        false,
        ProcessRefreshKind::nothing().with_user(UpdateKind::Always),
    );
    system.process(pid)?.user_id().map(|user| user.to_string())
}

/// Returns the name of the user with this number; None if the system knows none.
pub(crate) fn name_of_user(number: &str) -> Option<String> {
    let users = sysinfo::Users::new_with_refreshed_list();
    let user = users.iter().find(|user| user.id().to_string() == number)?;
    Some(user.name().to_owned())
}

/// Returns the home directory of this user as the system knows it, whatever the environment says; None if no file tells.
pub(crate) fn home_of_user() -> Option<std::path::PathBuf> {
    let user = user(std::process::id())?;
    // passwd(5): name, password, user, group, comment, home, shell.
    let table = std::fs::read_to_string("/etc/passwd").ok()?;
    home_in(&table, &user).map(Into::into)
}

fn home_in<'a>(table: &'a str, user: &str) -> Option<&'a str> {
    let mut rows = table
        .lines()
        .map(|line| line.split(':').collect::<Vec<_>>());
    let row = rows.find(|row| row.get(2) == Some(&user))?;
    row.get(5).copied().filter(|home| home.starts_with('/'))
}

/// Names the running boot: the kernel's own name on Linux, elsewhere the time of the boot.
pub(crate) fn boot_id() -> Option<String> {
    #[cfg(target_os = "linux")]
    if let Ok(id) = std::fs::read_to_string("/proc/sys/kernel/random/boot_id") {
        return Some(id.trim().to_owned());
    }
    Some(format!("booted-{}", System::boot_time()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_home_of_a_user_is_read_from_the_table_of_users() {
        let table =
            "root:x:0:0:root:/root:/bin/sh\nanna:x:1001:1001:,,,:/home/anna:/bin/bash\nbroken\n";
        assert_eq!(home_in(table, "1001"), Some("/home/anna"));
        assert_eq!(home_in(table, "7"), None);
    }
}
