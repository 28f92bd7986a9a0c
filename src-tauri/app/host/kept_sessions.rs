//! The file by which the sessions of open pages outlive their host.
//!
//! There is one for each port: a page belongs to the address it came from, and a port has one host at a time, so no two
//! hosts of a store write the same file.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use commonplace_http::SessionFile;

use crate::paths::DataDir;
use crate::system::files;
use crate::system::private_file::{self, PrivateFileError};

/// Age after which nobody can go on with what a file says: a session ends after 12 h without a request, and is written
/// down at least every ten minutes while it is used.
const OLD: Duration = Duration::from_secs(13 * 60 * 60);

/// The sessions of the host on one port of one store.
pub(crate) struct KeptSessions {
    path: PathBuf,
}

impl KeptSessions {
    /// Makes the directory if it is not there, and removes what hosts on other ports left long ago. `port` must be in use
    /// by this process.
    ///
    /// # Errors
    /// If the directory could not be made or read.
    pub(crate) fn open(data_dir: &DataDir, port: u16, now: SystemTime) -> io::Result<Self> {
        let dir = data_dir.sessions();
        crate::system::platform::make_private_dir(&dir)?;
        files::remove_older(&dir, OLD, now)?;
        Ok(Self {
            path: dir.join(port.to_string()),
        })
    }
}

impl SessionFile for KeptSessions {
    fn path(&self) -> &Path {
        &self.path
    }

    fn read(&self) -> io::Result<Option<String>> {
        match private_file::read(&self.path) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.is(io::ErrorKind::NotFound) => Ok(None),
            Err(error) => Err(other(error)),
        }
    }

    fn write(&self, text: &str) -> io::Result<()> {
        private_file::replace(&self.path, text).map_err(|error| {
            // A full disk still lets go of a file. What cannot be removed either is told with the error.
            let _ = fs::remove_file(&self.path);
            other(error)
        })
    }
}

fn other(error: PrivateFileError) -> io::Error {
    io::Error::other(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data_dir(dir: &tempfile::TempDir) -> DataDir {
        DataDir::find(Some(dir.path().to_owned())).unwrap()
    }

    #[test]
    fn each_port_has_a_text_of_its_own_that_only_this_user_can_read() {
        let dir = tempfile::tempdir().unwrap();
        let open = |port| KeptSessions::open(&data_dir(&dir), port, SystemTime::now()).unwrap();
        let (one, other) = (open(1), open(2));
        assert_eq!(one.read().unwrap(), None);
        one.write("a").unwrap();
        one.write("b").unwrap();
        other.write("c").unwrap();
        assert_eq!(open(1).read().unwrap().as_deref(), Some("b"));
        assert_eq!(open(2).read().unwrap().as_deref(), Some("c"));
        let names = fs::read_dir(data_dir(&dir).sessions()).unwrap();
        assert_eq!(names.count(), 2, "no temporary file is left");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode(one.path()), 0o600);
            assert_eq!(mode(&data_dir(&dir).sessions()), 0o700);
            fs::set_permissions(one.path(), PermissionsExt::from_mode(0o644)).unwrap();
            let error = one.read().unwrap_err().to_string();
            assert!(error.contains("can be read by other users"), "{error}");
        }
    }

    #[test]
    fn what_nobody_can_go_on_with_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        let now = SystemTime::now();
        let open = |port, now| KeptSessions::open(&data_dir(&dir), port, now).unwrap();
        let old = open(1, now);
        old.write("a").unwrap();
        open(2, now + Duration::from_secs(12 * 60 * 60));
        assert!(old.read().unwrap().is_some(), "a session may still be open");
        open(2, now + OLD + Duration::from_secs(60));
        assert!(old.read().unwrap().is_none());
    }

    #[test]
    fn a_list_that_cannot_be_replaced_is_not_kept() {
        let dir = tempfile::tempdir().unwrap();
        let kept = KeptSessions::open(&data_dir(&dir), 1, SystemTime::now()).unwrap();
        fs::remove_dir(data_dir(&dir).sessions()).unwrap();
        assert!(kept.write("a").is_err());
        assert_eq!(kept.read().unwrap(), None);
    }
}
