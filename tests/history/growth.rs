//! What hosts take of the machine while they run: file handles, memory, and the write-ahead log.

use std::fmt;
use std::fs;
use std::path::Path;

use super::stage::Stage;

/// Most file handles of a host with a dozen clients.
const HANDLES_MAX: usize = 300;
/// Most memory of a host without the model.
const RESIDENT_MIB_MAX: u64 = 250;
/// Most of the write-ahead log. SQLite cuts it back to 64 MiB, but not while anybody reads: a host that is stopped for 20 s
/// in the middle of a search lets it grow by some 10 MiB a second (sqlite.org/wal.html, "Avoiding Excessively Large WAL
/// Files").
const LOG_MIB_MAX: u64 = 512;

/// The largest figures seen; 0 where the system does not show them as Linux does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Growth {
    handles: usize,
    resident_mib: u64,
    log_mib: u64,
}

impl Growth {
    /// Looks at the hosts and the store.
    pub(crate) fn look(&mut self, stage: &Stage) {
        let log = fs::metadata(stage.dir.join("commonplace.db-wal")).map_or(0, |file| file.len());
        self.log_mib = self.log_mib.max(log >> 20);
        stage.hosts.each(|host| {
            let process = Path::new("/proc").join(host.pid.to_string());
            let handles = fs::read_dir(process.join("fd")).map_or(0, Iterator::count);
            self.handles = self.handles.max(handles);
            self.resident_mib = self.resident_mib.max(resident_mib(&process).unwrap_or(0));
        });
    }

    /// Takes the larger of both.
    pub(crate) fn join(&mut self, other: &Self) {
        self.handles = self.handles.max(other.handles);
        self.resident_mib = self.resident_mib.max(other.resident_mib);
        self.log_mib = self.log_mib.max(other.log_mib);
    }

    pub(crate) fn is_bounded(&self) -> bool {
        self.handles <= HANDLES_MAX
            && self.resident_mib <= RESIDENT_MIB_MAX
            && self.log_mib <= LOG_MIB_MAX
    }
}

impl fmt::Display for Growth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "at most {} file handles and {} MiB for a host, {} MiB of write-ahead log",
            self.handles, self.resident_mib, self.log_mib
        )
    }
}

fn resident_mib(process: &Path) -> Option<u64> {
    let status = fs::read_to_string(process.join("status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes >> 10)
}
