//! Who has a port: for the error message when ours is taken; and who is at the other end of a connection to ours.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Mutex;

#[cfg(target_os = "linux")]
mod socket_diag;

/// Finds the processes behind connections to this host.
#[derive(Debug, Default)]
pub(crate) struct Peers {
    #[cfg_attr(
        not(target_os = "linux"),
        expect(dead_code, reason = "no file says it there")
    )]
    recent: Mutex<VecDeque<u32>>,
}

#[cfg(target_os = "linux")]
pub(crate) use linux::port_owner;

#[cfg(target_os = "linux")]
mod linux {
    use std::os::unix::fs::MetadataExt as _;
    use std::sync::PoisonError;

    use super::{Peers, SocketAddr, socket_diag};

    /// Processes that asked lately and are looked through first: one that opens many connections is found at once.
    const RECENT_MAX: usize = 16;

    /// Names the program that listens on `port` of this machine, if that can be found out.
    pub(crate) fn port_owner(port: u16) -> Option<String> {
        let table = std::fs::read_to_string("/proc/net/tcp").ok()?;
        let socket = listening(&table, port)?;
        let pid = pids().find(|pid| has_open(*pid, &socket))?;
        let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        Some(format!("`{}` (pid {pid})", name.trim()))
    }

    impl Peers {
        /// Returns the process of this user that has the other end, `peer`, of a connection to `own`.
        ///
        /// Looks through the open files of processes until it is found: some milliseconds for one that did not ask
        /// lately.
        pub(crate) fn process_of(&self, peer: SocketAddr, own: SocketAddr) -> Option<u32> {
            let user = std::fs::metadata("/proc/self").ok()?.uid();
            let end = socket_diag::find(peer, own).filter(|end| end.user == user)?;
            let socket = named(end.inode);
            let lately: Vec<u32> = self.recent().iter().copied().collect();
            let pid = lately
                .into_iter()
                .chain(pids())
                .find(|pid| has_open(*pid, &socket))?;
            let mut recent = self.recent();
            recent.retain(|known| *known != pid);
            recent.push_front(pid);
            recent.truncate(RECENT_MAX);
            Some(pid)
        }

        fn recent(&self) -> std::sync::MutexGuard<'_, std::collections::VecDeque<u32>> {
            // A panic leaves at worst one number missing.
            self.recent.lock().unwrap_or_else(PoisonError::into_inner)
        }
    }

    /// State of a socket that listens, in the table (proc(5)).
    const LISTEN: &str = "0A";

    /// Finds the socket that listens on `port`, in the text of /proc/net/tcp.
    fn listening(table: &str, port: u16) -> Option<String> {
        let socket = |line: &str| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let (_, found) = fields.get(1)?.rsplit_once(':')?;
            let is_it =
                u16::from_str_radix(found, 16) == Ok(port) && fields.get(3) == Some(&LISTEN);
            is_it.then_some(())?;
            Some(named(fields.get(9)?.parse().ok()?))
        };
        table.lines().skip(1).find_map(socket)
    }

    /// Names a socket as it stands among the open files of a process.
    fn named(inode: u32) -> String {
        format!("socket:[{inode}]")
    }

    fn pids() -> impl Iterator<Item = u32> {
        let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
        entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
    }

    /// Says whether a process has it open; no for one that is gone or another user's.
    fn has_open(pid: u32, socket: &str) -> bool {
        let files = std::fs::read_dir(format!("/proc/{pid}/fd"));
        let mut files = files.into_iter().flatten().flatten();
        files.any(|file| std::fs::read_link(file.path()).is_ok_and(|to| to.as_os_str() == socket))
    }
}

/// Elsewhere no file says it; the message names the command that does.
#[cfg(not(target_os = "linux"))]
pub(crate) fn port_owner(_port: u16) -> Option<String> {
    None
}

#[cfg(not(target_os = "linux"))]
impl Peers {
    /// Elsewhere no file says it.
    pub(crate) fn process_of(&self, _peer: SocketAddr, _own: SocketAddr) -> Option<u32> {
        None
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_owner_of_a_port_is_found() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let owner = port_owner(listener.local_addr().unwrap().port()).unwrap();
        assert!(
            owner.ends_with(&format!("(pid {})", std::process::id())),
            "{owner}"
        );
    }

    #[test]
    fn the_process_at_the_other_end_of_a_connection_is_found() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let own = listener.local_addr().unwrap();
        let (_accepted, peer) = listener.accept().unwrap();
        let peers = Peers::default();
        for _ in 0..2 {
            assert_eq!(peers.process_of(peer, own), Some(std::process::id()));
        }
        assert_eq!(peers.recent.lock().unwrap().len(), 1);
        drop(stream);
        let nobody = SocketAddr::from(([127, 0, 0, 1], 1));
        assert_eq!(peers.process_of(nobody, own), None);
    }
}
