//! Whether a host may have as many connections open as it takes.

use commonplace_engine::InstanceRecord;

use super::finding::{Finding, Findings, Verdict};
use crate::system::platform::{FILES_WANTED, files_max};
use crate::system::processes;

const WHAT: &str = "files";

/// Looks at the limit of this process, which a host started here would have, and at those of the hosts.
pub(super) fn check_limits(findings: &mut Findings, hosts: &[InstanceRecord]) {
    let own = about(files_max(), None);
    let of_hosts = hosts.iter().filter_map(|host| {
        let pid = host.identity.pid;
        about(processes::files_max(pid), Some(pid))
    });
    findings.0.extend(own.into_iter().chain(of_hosts));
}

/// A limit is None if there is none, or if the system does not tell.
fn about(limit: Option<u64>, host: Option<u32>) -> Option<Finding> {
    let limit = limit.filter(|limit| *limit < FILES_WANTED)?;
    let who = match host {
        Some(pid) => format!("the host (pid {pid})"),
        None => "a program that is started here".to_owned(),
    };
    let text = format!(
        "{who} may have {limit} files and connections open at most (the hard limit), and a host wants {FILES_WANTED}: \
         with many clients at once, connections are refused"
    );
    Some(Finding::new(WHAT, Verdict::Problem, text).repaired_by(raise(host)))
}

/// The line that raises it now, and where it is raised for good.
fn raise(host: Option<u32>) -> String {
    if cfg!(target_os = "macos") {
        return format!("sudo launchctl limit maxfiles {FILES_WANTED} unlimited");
    }
    let pid = host.map_or("$$".to_owned(), |pid| pid.to_string());
    format!(
        "sudo prlimit --pid {pid} --nofile={FILES_WANTED}:{FILES_WANTED} (for good: `* hard nofile {FILES_WANTED}` in \
         /etc/security/limits.conf, or LimitNOFILE={FILES_WANTED} in the systemd unit)"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_that_is_too_low_is_found_with_the_line_that_raises_it() {
        assert!(about(None, None).is_none());
        assert!(about(Some(FILES_WANTED), Some(7)).is_none());
        let found = about(Some(256), Some(7)).unwrap();
        assert!(
            found.text.contains("the host (pid 7) may have 256 files"),
            "{found:?}"
        );
        let repair = found.repair.unwrap();
        assert!(repair.starts_with("sudo "), "{repair}");
    }
}
