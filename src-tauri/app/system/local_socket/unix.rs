//! Sockets in a directory of this user.

use std::ffi::OsStr;
use std::fs::{DirBuilder, File};
use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use commonplace_http::{Arrival, Caller, Coming, Door, OtherEnd};
use tokio::net::unix::UCred;
use tokio::net::{UnixListener, UnixStream};

/// Bits of a mode that let anybody else in.
const OTHERS: u32 = 0o077;

/// Listens at `path`, whose directory must be private. Returns how it is recorded: its name there; or a whole path, if that
/// one would be too long for this system and the socket lies in the directory for temporary files.
pub(crate) fn listen(path: &Path) -> io::Result<(Vec<Box<dyn Door>>, String)> {
    let (listener, recorded) = bind_somewhere(path)?;
    Ok((vec![Box::new(SocketDoor(listener))], recorded))
}

fn bind_somewhere(path: &Path) -> io::Result<(UnixListener, String)> {
    let (Some(dir), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::Error::from(io::ErrorKind::InvalidInput));
    };
    match bind(dir, name) {
        Ok(listener) => Ok((listener, name.to_string_lossy().into_owned())),
        // The path is too long (unix(7)), and this system has no short way to a directory.
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
            let dir = temporary_dir()?;
            let listener = bind(&dir, name)?;
            Ok((listener, dir.join(name).to_string_lossy().into_owned()))
        }
        Err(error) => Err(error),
    }
}

/// A socket that connections come in by. The system tells whose each one is.
#[derive(Debug)]
struct SocketDoor(UnixListener);

impl Door for SocketDoor {
    fn next(&mut self) -> Coming<'_> {
        Box::pin(async {
            let (stream, _) = self.0.accept().await?;
            Ok(arrival(stream))
        })
    }
}

fn arrival(stream: UnixStream) -> Arrival {
    let peer = stream.peer_cred();
    let pid = peer.as_ref().ok().and_then(UCred::pid);
    Arrival {
        caller: peer.map_or(Caller::Unknown, |peer| caller(peer.uid())),
        other_end: OtherEnd::Process(pid.and_then(|pid| u32::try_from(pid).ok())),
        stream: Box::new(stream),
    }
}

fn caller(user: u32) -> Caller {
    match user {
        user if user == rustix::process::geteuid().as_raw() => Caller::Owner,
        0 => Caller::Root,
        user => Caller::Stranger(format!("user {user}")),
    }
}

fn bind(dir: &Path, name: &OsStr) -> io::Result<UnixListener> {
    let dir = PrivateDir::open(dir)?;
    let path = dir.short(name);
    let listener = UnixListener::bind(&path)?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// A directory of this user in the one for temporary files, for sockets alone.
fn temporary_dir() -> io::Result<PathBuf> {
    let user = rustix::process::geteuid().as_raw();
    let dir = std::env::temp_dir().join(format!("commonplace-{user}"));
    match DirBuilder::new().mode(0o700).create(&dir) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        // One that somebody else made is refused when it is opened.
        _ => Ok(dir),
    }
}

/// The way to a socket that a record names. It stays the same for as long as this value lives, whatever becomes of the path.
#[derive(Debug)]
pub(crate) struct Way {
    path: PathBuf,
    _dir: PrivateDir,
}

impl Way {
    /// Finds the socket `recorded` by an instance whose files are in `dir`. Connects to nobody.
    ///
    /// # Errors
    /// If somebody else could have put it there: only its owner can bind a name in a private directory.
    pub(crate) fn find(dir: &Path, recorded: &str) -> io::Result<Self> {
        let whole = dir.join(recorded);
        let (Some(dir), Some(name)) = (whole.parent(), whole.file_name()) else {
            return Err(io::Error::from(io::ErrorKind::InvalidInput));
        };
        let dir = PrivateDir::open(dir)?;
        Ok(Self {
            path: dir.short(name),
            _dir: dir,
        })
    }

    /// Has an HTTP client connect this way.
    pub(crate) fn lead(&self, client: reqwest::ClientBuilder) -> reqwest::ClientBuilder {
        client.unix_socket(self.path.as_path())
    }
}

/// A directory that only its owner can enter, who is this user.
#[derive(Debug)]
struct PrivateDir {
    dir: File,
    path: PathBuf,
}

impl PrivateDir {
    fn open(path: &Path) -> io::Result<Self> {
        let dir = File::open(path)?;
        let found = dir.metadata()?;
        let user = rustix::process::geteuid();
        let is_private = found.is_dir() && found.mode() & OTHERS == 0;
        if is_private && (user.is_root() || found.uid() == user.as_raw()) {
            let path = path.to_owned();
            return Ok(Self { dir, path });
        }
        Err(io::Error::other(format!(
            "`{}` belongs to user {} with mode {:o}, so others than this user could put a socket there; \
             `chmod 700` corrects the mode",
            path.display(),
            found.uid(),
            found.mode() & 0o7777
        )))
    }

    /// A path to a name in it that is short where this system has one: paths of sockets are limited to some hundred bytes.
    fn short(&self, name: &OsStr) -> PathBuf {
        let descriptor = format!("/proc/self/fd/{}", self.dir.as_raw_fd());
        let by_descriptor = Path::new(&descriptor);
        let dir = if cfg!(target_os = "linux") && by_descriptor.exists() {
            by_descriptor
        } else {
            &self.path
        };
        dir.join(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &str = "0123456789abcdef.sock";

    fn private(dir: &Path) {
        std::fs::create_dir_all(dir).unwrap();
        std::fs::set_permissions(dir, std::fs::Permissions::from_mode(0o700)).unwrap();
    }

    #[tokio::test]
    async fn a_store_directory_with_a_long_path_has_a_socket_too() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("deep/".repeat(40)).join("instances");
        private(&dir);
        let (listener, recorded) = bind_somewhere(&dir.join(NAME)).unwrap();
        let way = Way::find(&dir, &recorded).unwrap();
        let connecting = tokio::net::UnixStream::connect(&way.path);
        let (accepted, connected) = tokio::join!(listener.accept(), connecting);
        accepted.unwrap();
        connected.unwrap();
        if Path::new(&recorded).is_absolute() {
            std::fs::remove_file(recorded).unwrap();
        }
    }

    #[tokio::test]
    async fn a_directory_that_others_may_enter_leads_to_nobody() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("instances");
        private(&dir);
        let (_listener, recorded) = bind_somewhere(&dir.join(NAME)).unwrap();
        std::fs::set_permissions(&dir, std::fs::Permissions::from_mode(0o730)).unwrap();
        let error = Way::find(&dir, &recorded).unwrap_err().to_string();
        assert!(error.contains("with mode 730"), "{error}");
        let error = bind_somewhere(&dir.join("fedcba9876543210.sock")).unwrap_err();
        assert!(error.to_string().contains("with mode 730"), "{error}");
    }

    #[tokio::test]
    async fn the_way_leads_into_the_directory_that_was_looked_at() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("instances");
        private(&dir);
        let (listener, recorded) = bind_somewhere(&dir.join(NAME)).unwrap();
        let way = Way::find(&dir, &recorded).unwrap();
        std::fs::rename(&dir, folder.path().join("moved")).unwrap();
        private(&dir);
        let _forger = std::os::unix::net::UnixListener::bind(dir.join(NAME)).unwrap();
        if !cfg!(target_os = "linux") {
            return;
        }
        let connecting = tokio::net::UnixStream::connect(&way.path);
        let (accepted, connected) = tokio::join!(listener.accept(), connecting);
        accepted.unwrap();
        connected.unwrap();
    }
}
