//! What differs between systems, for the store.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use commonplace_lock::FileId;

/// Makes a directory, and those above it, for this user only. One that is there stays as it is.
pub(crate) fn make_private_dir(dir: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)
}

/// Makes a file that did not exist, for this user only.
pub(crate) fn create_private_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Opens a file to read and write it, and makes it for this user only if it is not there.
pub(crate) fn open_private_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Writes `bytes` at `place`, with one call where the system allows it.
pub(crate) fn write_at(file: &File, bytes: &[u8], place: u64) -> io::Result<()> {
    #[cfg(unix)]
    std::os::unix::fs::FileExt::write_all_at(file, bytes, place)?;
    #[cfg(windows)]
    {
        let mut written = 0;
        while written < bytes.len() {
            let at = place + written as u64;
            written += std::os::windows::fs::FileExt::seek_write(file, &bytes[written..], at)?;
        }
    }
    Ok(())
}

/// Makes the names in a directory survive a crash of the machine.
///
/// Windows cannot sync a directory and does not need it: NTFS keeps a journal of names.
pub(crate) fn sync_dir(dir: &Path) -> io::Result<()> {
    #[cfg(unix)]
    File::open(dir)?.sync_all()?;
    #[cfg(not(unix))]
    let _ = dir;
    Ok(())
}

/// Says whether this process has `file` open; None where the system does not tell. Opens nothing.
pub(crate) fn has_open(file: FileId) -> Option<bool> {
    Some(open_files()?.any(|open| is_file(&open, file)))
}

/// Returns the path that an open file of this process has now; None if it has none any more, or if the system does not
/// tell.
pub(crate) fn name_of_open(file: FileId) -> Option<PathBuf> {
    let open = open_files()?.find(|open| is_file(open, file))?;
    let path = std::fs::read_link(open).ok()?;
    is_file(&path, file).then_some(path)
}

fn is_file(path: &Path, file: FileId) -> bool {
    matches!(FileId::at(path), Ok(Some(found)) if found == file)
}

/// Lists what this process has open, as links to it (proc(5)).
fn open_files() -> Option<impl Iterator<Item = PathBuf>> {
    #[cfg(target_os = "linux")]
    let listed = std::fs::read_dir("/proc/self/fd").ok();
    #[cfg(not(target_os = "linux"))]
    let listed: Option<std::fs::ReadDir> = None;
    Some(listed?.flatten().map(|entry| entry.path()))
}

/// Says whether two names lead to one file, without opening it. Names that lead nowhere do not.
pub(crate) fn is_same_file(a: &Path, b: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let file = |path: &Path| path.metadata().map(|file| (file.dev(), file.ino())).ok();
        file(a).is_some_and(|a| file(b) == Some(a))
    }
    #[cfg(not(unix))]
    {
        let file = |path: &Path| path.canonicalize().ok();
        file(a).is_some_and(|a| file(b) == Some(a))
    }
}
