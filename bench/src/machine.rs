//! What a process costs, where the system shows it as Linux does, and what the disk takes.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::samples::Samples;

/// Length of a tick in /proc; 100 a second on every Linux that people run.
const TICK: Duration = Duration::from_millis(10);
const APPENDS: usize = 100;
/// One page of a database.
const PAGE: [u8; 4096] = [7; 4096];

/// Memory of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Memory {
    pub(crate) resident_bytes: u64,
    /// The most it ever was.
    pub(crate) peak_bytes: u64,
}

/// Returns the memory of process `pid`; None where the system does not show it.
pub(crate) fn memory(pid: u32) -> Option<Memory> {
    parse_memory(&fs::read_to_string(format!("/proc/{pid}/status")).ok()?)
}

/// Measures how many cores processes use while something is done.
pub(crate) struct Meter(Vec<(u32, Option<Duration>)>);

impl Meter {
    /// Begins for the processes `pids`.
    pub(crate) fn start(pids: &[u32]) -> Self {
        Self(pids.iter().map(|pid| (*pid, cpu_time(*pid))).collect())
    }

    /// Returns the cores used by all of them together in `span`; None where the system does not show it.
    pub(crate) fn cores(&self, span: Duration) -> Option<f64> {
        let mut used = Duration::ZERO;
        for (pid, before) in &self.0 {
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

/// Returns the kind of file system that `path` is on; None where the system does not tell it as Linux does.
pub(crate) fn file_system(path: &Path) -> Option<String> {
    let asked = Command::new("df").arg("--output=fstype").arg(path).output();
    let printed = String::from_utf8(asked.ok()?.stdout).ok()?;
    printed.lines().nth(1).map(|kind| kind.trim().to_owned())
}

/// Measures appending 4 kB to a file in `dir` and waiting until the disk has them (`fsync`): no acknowledged write can be
/// quicker.
pub(crate) fn floor(dir: &Path) -> io::Result<Samples> {
    let path = dir.join("floor");
    let mut file = File::create(&path)?;
    let mut times = Samples::default();
    for _ in 0..APPENDS {
        let started = Instant::now();
        file.write_all(&PAGE)?;
        file.sync_all()?;
        times.push(started.elapsed());
    }
    fs::remove_file(&path)?;
    Ok(times)
}

fn cpu_time(pid: u32) -> Option<Duration> {
    parse_cpu_time(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

fn parse_memory(status: &str) -> Option<Memory> {
    let bytes = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
        Some(kibibytes * 1024)
    };
    Some(Memory {
        resident_bytes: bytes("VmRSS:")?,
        peak_bytes: bytes("VmHWM:")?,
    })
}

fn parse_cpu_time(stat: &str) -> Option<Duration> {
    // The program's name may contain anything, also brackets and spaces: the fields begin after its end.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut ticks = fields.split_whitespace().skip(11).map(str::parse::<u32>);
    let (user, system) = (ticks.next()?.ok()?, ticks.next()?.ok()?);
    Some(TICK * (user + system))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_in_bytes() {
        let status =
            "Name:\tx\nVmPeak:\t  999 kB\nVmHWM:\t   2048 kB\nVmRSS:\t   1024 kB\nThreads:\t1\n";
        let memory = Memory {
            resident_bytes: 1_048_576,
            peak_bytes: 2_097_152,
        };
        assert_eq!(parse_memory(status), Some(memory));
        assert_eq!(parse_memory("Name:\tx\n"), None, "it has ended");
    }

    #[test]
    fn processor_time_is_user_and_system() {
        let stat = "812 (a ) b) S 1 2 3 4 5 6 7 8 9 10 150 50 99 99 20 0 1 0 100";
        assert_eq!(parse_cpu_time(stat), Some(Duration::from_secs(2)));
        assert_eq!(parse_cpu_time("812 (x) S 1"), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_process_has_memory_and_time() {
        let pid = std::process::id();
        let memory = memory(pid).expect("Linux shows it");
        assert!(memory.peak_bytes >= memory.resident_bytes && memory.resident_bytes > 0);
        assert!(Meter::start(&[pid]).cores(TICK).is_some());
    }

    #[test]
    fn the_floor_leaves_nothing_behind() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let floor = floor(dir.path()).expect("the directory can be written");
        assert!(floor.p50().is_some());
        assert_eq!(fs::read_dir(dir.path()).expect("readable").count(), 0);
    }
}
