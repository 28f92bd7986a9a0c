//! How much space is left on the disk of a directory.

use std::io;
use std::path::Path;

/// Space on a file system, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DiskSpace {
    /// What this user can still use.
    pub free_bytes: u64,
    /// All of it, used or free.
    pub total_bytes: u64,
}

/// Asks the system for the space on the disk that `path` is on. Takes microseconds on a local disk.
///
/// # Errors
/// Those of the system, such as that `path` is gone.
pub fn disk_space(path: &Path) -> io::Result<DiskSpace> {
    // Windows answers for a path that does not exist, too.
    path.metadata()?;
    let stats = fs4::statvfs(path)?;
    Ok(DiskSpace {
        free_bytes: stats.available_space(),
        total_bytes: stats.total_space(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_space_of_a_disk_is_reported_and_a_path_that_is_gone_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let space = disk_space(folder.path()).unwrap();
        assert!(space.total_bytes > 0 && space.free_bytes <= space.total_bytes);
        assert!(disk_space(&folder.path().join("gone")).is_err());
    }
}
