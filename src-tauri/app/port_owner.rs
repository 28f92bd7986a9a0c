//! Who has a port: for the error message when ours is taken; and who is at the other end of a connection to ours.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Mutex;

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

    use super::{Peers, SocketAddr};

    /// Processes that asked lately and are looked through first: one that opens many connections is found at once.
    const RECENT_MAX: usize = 16;

    /// Names the program that listens on `port` of this machine, if that can be found out.
    pub(crate) fn port_owner(port: u16) -> Option<String> {
        let socket = socket(&read_table()?, |row| {
            row.state == LISTEN && row.local == port
        })?;
        let pid = pids().find(|pid| has_open(*pid, &socket))?;
        let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        Some(format!("`{}` (pid {pid})", name.trim()))
    }

    impl Peers {
        /// Returns the process of this user that has the other end, `peer`, of a connection over the loopback address.
        ///
        /// Reads the table of connections, and the open files of processes until it is found: a few milliseconds.
        pub(crate) fn process_of(&self, peer: SocketAddr) -> Option<u32> {
            let user = std::fs::metadata("/proc/self").ok()?.uid();
            let socket = socket(&read_table()?, |row| {
                row.state == ESTABLISHED && row.local == peer.port() && row.user == user
            })?;
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

    /// States of a connection in the table (proc(5)).
    const LISTEN: &str = "0A";
    const ESTABLISHED: &str = "01";

    /// One line of the table.
    struct Row<'a> {
        state: &'a str,
        /// The port at its own end.
        local: u16,
        user: u32,
        inode: &'a str,
    }

    fn read_table() -> Option<String> {
        std::fs::read_to_string("/proc/net/tcp").ok()
    }

    /// Finds a socket in the text of /proc/net/tcp; returns it as it is called among a process's open files.
    fn socket(table: &str, wanted: impl Fn(&Row<'_>) -> bool) -> Option<String> {
        let row = table.lines().skip(1).filter_map(row).find(wanted)?;
        Some(format!("socket:[{}]", row.inode))
    }

    fn row(line: &str) -> Option<Row<'_>> {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let (_, port) = fields.get(1)?.rsplit_once(':')?;
        Some(Row {
            state: fields.get(3)?,
            local: u16::from_str_radix(port, 16).ok()?,
            user: fields.get(7)?.parse().ok()?,
            inode: fields.get(9)?,
        })
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
    pub(crate) fn process_of(&self, _peer: SocketAddr) -> Option<u32> {
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
        let (_accepted, peer) = listener.accept().unwrap();
        let peers = Peers::default();
        for _ in 0..2 {
            assert_eq!(peers.process_of(peer), Some(std::process::id()));
        }
        assert_eq!(peers.recent.lock().unwrap().len(), 1);
        drop(stream);
        let nobody = SocketAddr::from(([127, 0, 0, 1], 1));
        assert_eq!(peers.process_of(nobody), None);
    }
}
