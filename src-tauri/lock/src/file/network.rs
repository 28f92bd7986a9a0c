//! Tells network file systems from local ones.
//!
//! On a network file system locks may be ignored, block for ever or reach only one machine, and SQLite's write-ahead log
//! needs memory that all its users share. So a store there is refused.

use std::io;
use std::path::{Path, PathBuf};

#[cfg(target_os = "linux")]
use super::mounts;
use crate::error::{OpenError, PathError};

/// Names the kind of file system of `dir` if it is known neither as a local one nor as a network one.
pub(crate) fn unknown_kind(dir: &Path) -> Option<String> {
    let canonical = nearest_existing(dir)?.canonicalize().ok()?;
    unknown_file_system(&canonical)
}

/// Refuses `dir` if it is, or would be, on a network file system.
///
/// Looks at the nearest directory that exists, so nothing is created before the refusal.
pub(crate) fn refuse_network(dir: &Path) -> Result<(), OpenError> {
    let Some(existing) = nearest_existing(dir) else {
        return Ok(());
    };
    let found = existing
        .canonicalize()
        .and_then(|path| network_file_system(&path));
    let operation = "determine the file system of";
    match found.map_err(PathError::of(operation, &existing))? {
        Some(kind) => Err(OpenError::NetworkFileSystem {
            path: dir.to_owned(),
            kind,
        }),
        None => Ok(()),
    }
}

fn nearest_existing(dir: &Path) -> Option<PathBuf> {
    dir.ancestors()
        .find(|path| path.exists())
        .map(Path::to_owned)
}

/// Names the network file system that `path` (existing, canonical) is on; None if it is local.
///
/// The list of mounts is asked, not `statfs`, because it tells sshfs from other FUSE file systems. Where there is no
/// `/proc` the answer is "local".
#[cfg(target_os = "linux")]
fn network_file_system(path: &Path) -> io::Result<Option<String>> {
    match std::fs::read("/proc/self/mountinfo") {
        Ok(table) => Ok(mounts::network_mount(&table, path)),
        Err(error) => {
            tracing::warn!(
                target: crate::LOG, %error,
                "cannot read the list of mounts; assuming that the file system is a local one"
            );
            Ok(None)
        }
    }
}

/// Names the kind of file system that `path` (existing, canonical) is on, if nothing is known about it.
#[cfg(target_os = "linux")]
fn unknown_file_system(path: &Path) -> Option<String> {
    let table = std::fs::read("/proc/self/mountinfo").ok()?;
    mounts::unknown_mount(&table, path)
}

/// Knows every kind: these systems say themselves what is local.
#[cfg(not(target_os = "linux"))]
fn unknown_file_system(_path: &Path) -> Option<String> {
    None
}

/// Names the network file system that `path` (existing, canonical) is on; None if it is local.
#[cfg(target_os = "macos")]
fn network_file_system(path: &Path) -> io::Result<Option<String>> {
    /// `MNT_LOCAL` in `sys/mount.h`: the file system is stored locally.
    const MNT_LOCAL: u32 = 0x1000;
    let stat = rustix::fs::statfs(path)?;
    if stat.f_flags & MNT_LOCAL != 0 {
        return Ok(None);
    }
    let name = stat.f_fstypename.iter().take_while(|byte| **byte != 0);
    Ok(Some(
        name.map(|byte| char::from(byte.cast_unsigned())).collect(),
    ))
}

/// Names the network share that `path` (existing, canonical) is on; None if it is local.
///
/// The canonical form of a path on a mapped drive letter is its `\\?\UNC\server\share` form.
#[cfg(windows)]
fn network_file_system(path: &Path) -> io::Result<Option<String>> {
    let server = unc_server(&path.to_string_lossy()).map(str::to_owned);
    Ok(server.map(|server| format!("share on {server}")))
}

/// Takes every file system for a local one: there is nobody to ask on this system.
#[cfg(not(any(target_os = "linux", target_os = "macos", windows)))]
fn network_file_system(_path: &Path) -> io::Result<Option<String>> {
    Ok(None)
}

/// Returns the server of a Windows network path (`\\server\…` or `\\?\UNC\server\…`).
#[cfg(any(windows, test))]
pub(crate) fn unc_server(path: &str) -> Option<&str> {
    let rest = match path.strip_prefix(r"\\?\UNC\") {
        Some(rest) => rest,
        None => path.strip_prefix(r"\\")?,
    };
    let server = rest.split(['\\', '/']).next()?;
    (!matches!(server, "" | "?" | ".")).then_some(server)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_network_paths_name_their_server() {
        assert_eq!(unc_server(r"\\server\share\store"), Some("server"));
        assert_eq!(unc_server(r"\\?\UNC\server\share"), Some("server"));
        for local in [r"C:\store", r"\\?\C:\store", r"\\.\pipe\x", r"\\", r"store"] {
            assert_eq!(unc_server(local), None, "{local}");
        }
    }

    #[test]
    fn a_folder_that_does_not_exist_yet_is_judged_by_the_one_above_it() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("a/b/c");
        assert_eq!(nearest_existing(&missing).as_deref(), Some(folder.path()));
        assert!(refuse_network(&missing).is_ok());
        assert!(!missing.exists(), "looking creates nothing");
    }
}
