//! Who this process is, as it tells other instances.

use commonplace_engine::{Identity, InstanceId};
use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};

/// Describes this process in the role it was started in.
pub(crate) fn identity(role: &str) -> Identity {
    let pid = std::process::id();
    Identity {
        instance: InstanceId::random(),
        pid,
        start_time: start_time(pid),
        boot_id: boot_id(),
        host_name: System::host_name().unwrap_or_else(|| "unknown".to_owned()),
        program: env!("CARGO_PKG_NAME").to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        role: role.to_owned(),
    }
}

/// Returns when a process started, in unix seconds.
fn start_time(pid: u32) -> Option<u64> {
    let mut system = System::new();
    let pid = Pid::from_u32(pid);
    system.refresh_processes_specifics(
        ProcessesToUpdate::Some(&[pid]),
        false,
        ProcessRefreshKind::nothing(),
    );
    system.process(pid).map(|process| process.start_time())
}

/// Names the running boot: the kernel's own name on Linux, elsewhere the time of the boot.
fn boot_id() -> Option<String> {
    #[cfg(target_os = "linux")]
    if let Ok(id) = std::fs::read_to_string("/proc/sys/kernel/random/boot_id") {
        return Some(id.trim().to_owned());
    }
    Some(format!("booted-{}", System::boot_time()))
}
