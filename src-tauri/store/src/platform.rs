//! What differs between systems, for the store.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::path::Path;

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
