//! A small disk of its own for a store, where this user may mount one.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// A mounted disk in memory; taken away when dropped.
pub(crate) struct SmallDisk {
    dir: TempDir,
}

impl SmallDisk {
    /// Mounts one of `mib` MiB; Err says why that cannot be.
    pub(crate) fn mount(mib: u64) -> Result<Self, String> {
        if !cfg!(target_os = "linux") {
            return Err("this system has no tmpfs".to_owned());
        }
        let dir = tempfile::tempdir().expect("a directory can be made");
        let mut mount = Command::new("mount");
        mount
            .args(["-t", "tmpfs", "-o", &format!("size={mib}m"), "tmpfs"])
            .arg(dir.path());
        let output = mount.output().map_err(|error| error.to_string())?;
        if output.status.success() {
            return Ok(Self { dir });
        }
        Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
    }

    /// The store directory on it.
    pub(crate) fn store(&self) -> PathBuf {
        let store = self.dir.path().join("store");
        std::fs::create_dir_all(&store).expect("the disk is empty");
        store
    }

    fn unmount(path: &Path) {
        // Left mounted, it would only be untidy.
        drop(Command::new("umount").arg(path).output());
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        Self::unmount(self.dir.path());
    }
}
