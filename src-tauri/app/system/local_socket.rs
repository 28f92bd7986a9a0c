//! The way from a program of ours to a host that nobody but this user can offer: a socket in the store's own directory on
//! Unix, a named pipe on Windows.
//!
//! A port promises nothing about who listens on it: when a host dies, the next one to bind it is whoever is first. The
//! socket lies in a directory that only this user can enter, has a name that no other instance uses, and is removed by
//! who has proof that its host is dead.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
pub(crate) use unix::{Way, listen};
#[cfg(windows)]
pub(crate) use windows::{Way, listen};

/// Names the network namespace of this process: 127.0.0.1 is another address in a container. None where there are none.
pub(crate) fn network() -> Option<String> {
    #[cfg(target_os = "linux")]
    if let Ok(name) = std::fs::read_link("/proc/self/ns/net") {
        return Some(name.to_string_lossy().into_owned());
    }
    None
}
