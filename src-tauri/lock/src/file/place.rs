//! Whether a name still leads to the file that it led to.
//!
//! An open file stays open when its name is removed or given to another file: what is written then cannot be found later.
//! So whoever keeps files open notes which ones they are, and looks again before relying on them.
//!
//! Looking asks about the name and opens nothing: closing a second handle of a database would drop SQLite's locks on it
//! (sqlite.org/howtocorrupt.html, 2.2). Device and inode say which file it is. They are compared with what the same name
//! gave before, never with the open handle, because some file systems number the two differently. The inode of an open file
//! is not reused.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// Tells one file from others, for as long as it is open somewhere and the machine runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct FileId {
    /// Number of the device, as this system sees it. The same file has two if it is seen through two file systems.
    pub device: u64,
    /// Number of the file on it.
    pub inode: u64,
}

impl FileId {
    /// Asks which file `path` leads to. None on Windows, where nothing is compared: a file that SQLite or a lock has
    /// open can be neither replaced nor renamed there.
    ///
    /// # Errors
    /// What the system says, such as that there is no such file.
    pub fn at(path: &Path) -> io::Result<Option<Self>> {
        file_id(path)
    }
}

/// A name, and the file that it led to when it was noted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    path: PathBuf,
    id: Option<FileId>,
}

/// What stands under a name instead of the file that was noted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// No file at all.
    Nothing,
    /// Another file.
    AnotherFile,
    /// A file on another device: something was mounted or unmounted, or moved across.
    AnotherDevice,
    /// The name cannot be followed.
    Unreachable(io::ErrorKind),
}

impl From<&io::Error> for Found {
    /// Says what an error means that was met when looking at a name.
    fn from(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Self::Nothing,
            kind => Self::Unreachable(kind),
        }
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("has been removed or renamed"),
            Self::AnotherFile => f.write_str("has been replaced by another file"),
            Self::AnotherDevice => f.write_str("has been replaced by a file on another device"),
            Self::Unreachable(kind) => write!(f, "cannot be looked at ({kind})"),
        }
    }
}

impl Place {
    /// Notes the file that `path` leads to now.
    ///
    /// # Errors
    /// What the system says, such as that there is no such file.
    pub fn note(path: &Path) -> io::Result<Self> {
        let id = FileId::at(path)?;
        Ok(Self {
            path: path.to_owned(),
            id,
        })
    }

    /// Makes a place of a name and the file that it should lead to.
    #[must_use]
    pub fn of(path: &Path, id: FileId) -> Self {
        Self {
            path: path.to_owned(),
            id: Some(id),
        }
    }

    /// Checks whether the name still leads to that file. Costs one system call, about a microsecond.
    ///
    /// # Errors
    /// What was found instead.
    pub fn look(&self) -> Result<(), Found> {
        let Some(noted) = self.id else {
            return Ok(());
        };
        match FileId::at(&self.path) {
            Ok(None) => Ok(()),
            Ok(Some(found)) if found == noted => Ok(()),
            Ok(Some(found)) if found.device == noted.device => Err(Found::AnotherFile),
            Ok(Some(_)) => Err(Found::AnotherDevice),
            Err(error) => Err(Found::from(&error)),
        }
    }

    /// Returns the name.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns which file it was; None on Windows.
    #[must_use]
    pub fn id(&self) -> Option<FileId> {
        self.id
    }
}

/// Asks which file `path` leads to.
///
/// Does not ask for its times, as `metadata` would: since Linux 6.13 a file whose times somebody has seen gets exact ones
/// with its next write, each of which its next sync has to write down too (`filesystems/multigrain-ts`). A log that is
/// looked at before each commit would cost a third more to sync.
#[cfg(target_os = "linux")]
fn file_id(path: &Path) -> io::Result<Option<FileId>> {
    use rustix::fs::{AtFlags, CWD, StatxFlags, makedev, statx};
    match statx(CWD, path, AtFlags::empty(), StatxFlags::INO) {
        Ok(found) => Ok(Some(FileId {
            device: makedev(found.stx_dev_major, found.stx_dev_minor),
            inode: found.stx_ino,
        })),
        // Linux before 4.11, and sandboxes that do not know the call.
        Err(rustix::io::Errno::NOSYS | rustix::io::Errno::PERM) => file_id_by_metadata(path),
        Err(error) => Err(error.into()),
    }
}

#[cfg(all(unix, not(target_os = "linux")))]
use file_id_by_metadata as file_id;

#[cfg(unix)]
fn file_id_by_metadata(path: &Path) -> io::Result<Option<FileId>> {
    use std::os::unix::fs::MetadataExt as _;
    let metadata = std::fs::metadata(path)?;
    Ok(Some(FileId {
        device: metadata.dev(),
        inode: metadata.ino(),
    }))
}

#[cfg(windows)]
fn file_id(_path: &Path) -> io::Result<Option<FileId>> {
    Ok(None)
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_name_is_told_that_leads_elsewhere_or_nowhere_and_one_that_is_back() {
        let folder = tempfile::tempdir().unwrap();
        let [path, aside] = ["file", "aside"].map(|name| folder.path().join(name));
        fs::write(&path, "ours").unwrap();
        let _open = fs::File::open(&path).unwrap();
        let place = Place::note(&path).unwrap();
        assert_eq!(place.look(), Ok(()));
        fs::write(&path, "changed").unwrap();
        assert_eq!(place.look(), Ok(()), "what is in it does not matter");
        fs::rename(&path, &aside).unwrap();
        assert_eq!(place.look(), Err(Found::Nothing));
        fs::write(&path, "changed").unwrap();
        assert_eq!(place.look(), Err(Found::AnotherFile));
        fs::rename(&aside, &path).unwrap();
        assert_eq!(place.look(), Ok(()), "the right one is back");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_file_on_another_device_is_told_as_such() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "ours").unwrap();
        let place = Place::note(&path).unwrap();
        fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink("/proc/self/stat", &path).unwrap();
        assert_eq!(place.look(), Err(Found::AnotherDevice));
    }

    #[test]
    fn a_file_in_the_place_of_a_directory_leads_nowhere() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("dir");
        fs::create_dir(&dir).unwrap();
        fs::write(dir.join("file"), "").unwrap();
        let place = Place::note(&dir.join("file")).unwrap();
        fs::remove_dir_all(&dir).unwrap();
        fs::write(&dir, "").unwrap();
        assert_eq!(place.look(), Err(Found::Nothing));
    }
}
