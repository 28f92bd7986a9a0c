//! Where the database of a store is, and how large its files are.

use std::path::{Path, PathBuf};

use crate::error::OpenError;
use crate::platform;

/// Name of the database in the store directory.
pub(super) const DATABASE: &str = "commonplace.db";

/// Makes the directory if needed and returns the database's real path: SQLite names its log after the name it opens.
pub(super) fn database_path(dir: &Path) -> Result<PathBuf, OpenError> {
    if dir.exists() && !dir.is_dir() {
        return Err(OpenError::NotADirectory {
            path: dir.to_owned(),
        });
    }
    platform::make_private_dir(dir).map_err(io_error("make the store directory", dir))?;
    let real = |path: &Path| {
        path.canonicalize()
            .map_err(io_error("find the real path of", path))
    };
    let path = real(dir)?.join(DATABASE);
    if path.symlink_metadata().is_err() {
        return Ok(path);
    }
    let path = real(&path)?;
    let metadata = path
        .metadata()
        .map_err(io_error("look at the database", &path))?;
    if !metadata.is_file() {
        let reason = std::io::Error::other("it is not a regular file");
        return Err(io_error("open the database", &path)(reason));
    }
    refuse_hard_links(&path, &metadata)?;
    Ok(path)
}

#[cfg(unix)]
fn refuse_hard_links(path: &Path, metadata: &std::fs::Metadata) -> Result<(), OpenError> {
    let links = std::os::unix::fs::MetadataExt::nlink(metadata);
    if links > 1 {
        return Err(OpenError::HardLinked {
            path: path.to_owned(),
            links,
        });
    }
    Ok(())
}

#[cfg(not(unix))]
fn refuse_hard_links(_path: &Path, _metadata: &std::fs::Metadata) -> Result<(), OpenError> {
    Ok(())
}

pub(super) fn io_error(
    operation: &'static str,
    path: &Path,
) -> impl FnOnce(std::io::Error) -> OpenError {
    let path = path.to_owned();
    move |source| OpenError::Io {
        operation,
        path,
        source,
    }
}

/// Returns the size of a file in bytes; 0 if there is none.
pub(super) fn size_of(path: &Path) -> u64 {
    path.metadata().map_or(0, |metadata| metadata.len())
}
