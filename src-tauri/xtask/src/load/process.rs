//! What a process costs: processor time and memory, where the system shows them as Linux does.

use std::fs;
use std::path::Path;
use std::time::Duration;

/// Length of a tick in /proc; 100 a second on every Linux that people run.
const TICK: Duration = Duration::from_millis(10);

/// Memory of a process, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Memory {
    /// In RAM now.
    pub(crate) resident: u64,
    /// The most it ever was.
    pub(crate) peak: u64,
}

/// Returns the memory of process `pid`; None where the system does not show it.
pub(crate) fn memory(pid: u32) -> Option<Memory> {
    parse_memory(&fs::read_to_string(format!("/proc/{pid}/status")).ok()?)
}

/// Returns the processor time that process `pid` has used; None where the system does not show it.
pub(crate) fn cpu_time(pid: u32) -> Option<Duration> {
    parse_cpu_time(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// Measures how many cores processes use while something is done.
pub(crate) struct Meter {
    before: Vec<(u32, Option<Duration>)>,
}

impl Meter {
    /// Begins for the processes `pids`.
    pub(crate) fn start(pids: &[u32]) -> Self {
        Self {
            before: pids.iter().map(|pid| (*pid, cpu_time(*pid))).collect(),
        }
    }

    /// Returns the cores used by all of them together in `span`; None where the system does not show it.
    pub(crate) fn cores(&self, span: Duration) -> Option<f64> {
        let mut used = Duration::ZERO;
        for (pid, before) in &self.before {
            used += cpu_time(*pid)?.saturating_sub((*before)?);
        }
        (!span.is_zero()).then(|| used.as_secs_f64() / span.as_secs_f64())
    }
}

/// Returns how many cores there are.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Returns how many processes wanted a core in the last minute; None where the system does not show it.
pub(crate) fn load_average() -> Option<f64> {
    let text = fs::read_to_string("/proc/loadavg").ok()?;
    text.split(' ').next()?.parse().ok()
}

/// Returns the kind of file system that `path` is on; None where the system does not show it.
pub(crate) fn file_system(path: &Path) -> Option<String> {
    parse_file_system(&fs::read_to_string("/proc/self/mounts").ok()?, path)
}

fn parse_memory(status: &str) -> Option<Memory> {
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
        Some(kibibytes * 1024)
    };
    Some(Memory {
        resident: field("VmRSS:")?,
        peak: field("VmHWM:")?,
    })
}

fn parse_cpu_time(stat: &str) -> Option<Duration> {
    // The program's name may contain anything, also brackets and spaces: the fields begin after its end.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut ticks = fields
        .split_whitespace()
        .skip(11)
        .take(2)
        .map(str::parse::<u32>);
    let user = ticks.next()?.ok()?;
    let system = ticks.next()?.ok()?;
    Some(TICK * (user + system))
}

fn parse_file_system(mounts: &str, path: &Path) -> Option<String> {
    let mount = |line: &str| {
        let mut words = line.split(' ').skip(1);
        let place = words.next()?.replace("\\040", " ");
        let kind = words.next()?.to_owned();
        path.starts_with(&place).then_some((place.len(), kind))
    };
    // Of two on one place the later covers the earlier.
    mounts
        .lines()
        .filter_map(mount)
        .max_by_key(|(length, _)| *length)
        .map(|(_, kind)| kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_in_bytes() {
        let status =
            "Name:\tx\nVmPeak:\t  999 kB\nVmHWM:\t   2048 kB\nVmRSS:\t   1024 kB\nThreads:\t1\n";
        assert_eq!(
            parse_memory(status),
            Some(Memory {
                resident: 1_048_576,
                peak: 2_097_152
            })
        );
        assert_eq!(
            parse_memory("Name:\tx\n"),
            None,
            "a process that has ended has no memory"
        );
    }

    #[test]
    fn processor_time_is_user_and_system() {
        let stat = "812 (a ) b) S 1 2 3 4 5 6 7 8 9 10 150 50 99 99 20 0 1 0 100";
        assert_eq!(parse_cpu_time(stat), Some(Duration::from_secs(2)));
        assert_eq!(parse_cpu_time("812 (x) S 1"), None);
    }

    #[test]
    fn the_innermost_mount_decides_the_file_system() {
        let mounts =
            "/dev/vda / ext4 rw 0 0\ntmpfs /tmp tmpfs rw 0 0\n/dev/vdb /tmp/a\\040b xfs rw 0 0\n";
        let kind = |path: &str| parse_file_system(mounts, Path::new(path));
        assert_eq!(kind("/home/x").as_deref(), Some("ext4"));
        assert_eq!(kind("/tmp/x").as_deref(), Some("tmpfs"));
        assert_eq!(kind("/tmp/a b/c").as_deref(), Some("xfs"));
        assert_eq!(
            kind("/tmpfiles").as_deref(),
            Some("ext4"),
            "a name that begins alike is another directory"
        );
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_process_has_memory_and_time() {
        let pid = std::process::id();
        assert!(
            memory(pid).is_some_and(|memory| memory.peak >= memory.resident && memory.resident > 0)
        );
        assert!(cpu_time(pid).is_some());
    }
}
