//! Who has a port: for the error message when ours is taken; and who is at the other end of a connection to ours.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};

use commonplace_http::Caller;

#[cfg(target_os = "linux")]
mod socket_diag;

/// Names who listens on a port of this machine; None if nobody does.
pub(crate) fn listener(port: u16) -> Option<String> {
    is_taken(port).then(|| port_owner(port).unwrap_or_else(|| "another program".to_owned()))
}

/// Says whether somebody listens on a port of this machine.
pub(crate) fn is_taken(port: u16) -> bool {
    let bound = TcpListener::bind((Ipv4Addr::LOCALHOST, port));
    bound.is_err_and(|error| error.kind() == ErrorKind::AddrInUse)
}

/// Finds the users and the processes behind connections to this host.
#[derive(Debug)]
pub(crate) struct Peers {
    /// Whether the system tells whose a connection is; found out by one of our own.
    tells_users: bool,
    #[cfg(target_os = "linux")]
    kernel: socket_diag::SocketDiag,
    #[cfg(target_os = "linux")]
    known: std::sync::Mutex<Known>,
}

impl Peers {
    /// Finds out what the system tells, by a connection of this process to itself.
    pub(crate) fn new() -> Self {
        let mut peers = Self::asking();
        peers.tells_users = own_connection().is_ok_and(|(own, other, _ends)| {
            matches!(peers.find_caller(own, other), Caller::Owner | Caller::Root)
        });
        if !peers.tells_users {
            tracing::warn!(
                "this system does not tell whose a local connection is: other users of this machine are kept out by tokens and codes alone"
            );
        }
        peers
    }

    /// Says whose the other end, `peer`, of a connection to `own` is. Takes some microseconds.
    pub(crate) fn caller(&self, peer: SocketAddr, own: SocketAddr) -> Caller {
        if self.tells_users {
            self.find_caller(peer, own)
        } else {
            Caller::Untold
        }
    }
}

/// The two addresses of a connection, and what keeps it open.
type OwnConnection = (SocketAddr, SocketAddr, (TcpListener, TcpStream));

fn own_connection() -> std::io::Result<OwnConnection> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let other = listener.local_addr()?;
    let stream = TcpStream::connect(other)?;
    Ok((stream.local_addr()?, other, (listener, stream)))
}

/// Processes that asked lately, newest first, each with the sockets that were seen when its open files were searched.
#[cfg(target_os = "linux")]
#[derive(Debug, Default)]
struct Known(Vec<(u32, Vec<u32>)>);

#[cfg(target_os = "linux")]
pub(crate) use linux::{is_listening, port_owner};

#[cfg(target_os = "linux")]
mod linux {
    use std::sync::PoisonError;

    use super::{Caller, Known, Peers, SocketAddr, socket_diag};
    use crate::system::identity;

    /// Processes that are remembered.
    const KNOWN_MAX: usize = 16;
    /// Sockets of each that are remembered, the newest.
    const SOCKETS_MAX: usize = 1024;

    /// Names the program that listens on `port` of this machine, or at least its user, if that can be found out.
    pub(crate) fn port_owner(port: u16) -> Option<String> {
        let tables = ["/proc/net/tcp", "/proc/net/tcp6"].into_iter();
        let mut texts = tables.filter_map(|table| std::fs::read_to_string(table).ok());
        let (socket, user) = texts.find_map(|table| listening(&table, port))?;
        // The open files of another user's programs cannot be looked through.
        let Some(pid) = pids().find(|pid| look_through(*pid, socket).is_some()) else {
            return Some(program_of(user));
        };
        let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        Some(format!("`{}` (pid {pid})", name.trim()))
    }

    /// Names a program of which only the user is known.
    fn program_of(user: u32) -> String {
        let own = rustix::process::geteuid().as_raw();
        match identity::name_of_user(&user.to_string()) {
            _ if user == own => "a program in another container".to_owned(),
            Some(name) => format!("a program of another user (`{name}`, {user})"),
            None => format!("a program of another user ({user})"),
        }
    }

    /// Says whether process `pid` listens on `port` of 127.0.0.1, in the network of this process. Takes some milliseconds.
    pub(crate) fn is_listening(pid: u32, port: u16) -> bool {
        let table = std::fs::read_to_string("/proc/self/net/tcp").unwrap_or_default();
        let address = u32::from_ne_bytes([127, 0, 0, 1]);
        let place = format!("{address:08X}:{port:04X}");
        sockets(&table, |found| found == place).any(|socket| look_through(pid, socket).is_some())
    }

    impl Peers {
        pub(super) fn asking() -> Self {
            Self {
                tells_users: false,
                kernel: socket_diag::SocketDiag::default(),
                known: std::sync::Mutex::default(),
            }
        }

        /// Asks the kernel for the user of a socket. In a user namespace, users that it does not know all have one number,
        /// 65534 as a rule: a host that runs as that user takes them for its own.
        pub(super) fn find_caller(&self, peer: SocketAddr, own: SocketAddr) -> Caller {
            let own_user = rustix::process::geteuid().as_raw();
            match self.kernel.find(peer, own).map(|end| end.user) {
                Some(user) if user == own_user => Caller::Owner,
                Some(0) => Caller::Root,
                Some(user) => Caller::Stranger(format!("user {user}")),
                None => Caller::Unknown,
            }
        }

        /// Returns the process of this user that has the other end, `peer`, of a connection to `own`.
        ///
        /// Asks the kernel for the socket, which takes some microseconds, and looks through the open files of processes
        /// until it is found: some milliseconds for one that did not ask lately, and nothing for a socket that was seen
        /// with another one of its process. Callers wait for each other.
        pub(crate) fn process_of(&self, peer: SocketAddr, own: SocketAddr) -> Option<u32> {
            let user = rustix::process::geteuid().as_raw();
            let end = self.kernel.find(peer, own).filter(|end| end.user == user)?;
            // A panic leaves at worst one process missing.
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            known.owner(end.inode)
        }
    }

    impl Known {
        fn owner(&mut self, socket: u32) -> Option<u32> {
            // The kernel counts sockets up: a number does not come again while anybody remembers it.
            let is_there = |(_, sockets): &&(u32, Vec<u32>)| sockets.contains(&socket);
            if let Some((pid, _)) = self.0.iter().find(is_there) {
                return Some(*pid);
            }
            let lately: Vec<u32> = self.0.iter().map(|(pid, _)| *pid).collect();
            let mut all = lately.into_iter().chain(pids());
            let (pid, seen) = all.find_map(|pid| Some((pid, look_through(pid, socket)?)))?;
            let place = self.0.iter().position(|(known, _)| *known == pid);
            let (_, before) = place.map(|place| self.0.remove(place)).unwrap_or_default();
            let sockets = seen.into_iter().chain(before).take(SOCKETS_MAX).collect();
            self.0.insert(0, (pid, sockets));
            self.0.truncate(KNOWN_MAX);
            Some(pid)
        }
    }

    /// Looks for a socket among the open files of a process, the newest first, since a connection is looked up when it is
    /// new. Returns it with the others that were seen on the way; None if it is not there.
    fn look_through(pid: u32, socket: u32) -> Option<Vec<u32>> {
        let mut files: Vec<u32> = numbers_in(&format!("/proc/{pid}/fd")).collect();
        files.sort_unstable();
        let mut seen = Vec::new();
        for file in files.into_iter().rev() {
            let Some(number) = socket_at(pid, file) else {
                continue;
            };
            seen.push(number);
            if number == socket {
                return Some(seen);
            }
        }
        None
    }

    /// The socket that a process has as open file `file`.
    fn socket_at(pid: u32, file: u32) -> Option<u32> {
        let to = std::fs::read_link(format!("/proc/{pid}/fd/{file}")).ok()?;
        let number = to.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?;
        number.parse().ok()
    }

    /// State of a socket that listens, in the table (proc(5)).
    const LISTEN: &str = "0A";

    /// Finds the socket that listens on `port` of any address, in the text of /proc/net/tcp, and whose it is.
    pub(super) fn listening(table: &str, port: u16) -> Option<(u32, u32)> {
        let ending = format!(":{port:04X}");
        listeners(table, |place| place.ends_with(&ending)).next()
    }

    /// The sockets that listen at an address and port, as the table writes them, that `is_wanted`.
    fn sockets(table: &str, is_wanted: impl Fn(&str) -> bool) -> impl Iterator<Item = u32> {
        listeners(table, is_wanted).map(|(socket, _)| socket)
    }

    /// Those sockets, each with the number of its user.
    fn listeners(
        table: &str,
        is_wanted: impl Fn(&str) -> bool,
    ) -> impl Iterator<Item = (u32, u32)> {
        table.lines().skip(1).filter_map(move |line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let is_it = is_wanted(fields.get(1)?) && fields.get(3) == Some(&LISTEN);
            is_it.then_some(())?;
            Some((fields.get(9)?.parse().ok()?, fields.get(7)?.parse().ok()?))
        })
    }

    fn pids() -> impl Iterator<Item = u32> {
        numbers_in("/proc")
    }

    /// The entries of a directory that are numbers; none of one that is gone or another user's.
    fn numbers_in(dir: &str) -> impl Iterator<Item = u32> {
        let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
        entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
    }
}

/// Elsewhere no file says it; the message names the command that does.
#[cfg(not(target_os = "linux"))]
pub(crate) fn port_owner(_port: u16) -> Option<String> {
    None
}

/// Elsewhere no file says it, and what cannot be known is not so.
#[cfg(not(target_os = "linux"))]
pub(crate) fn is_listening(_pid: u32, _port: u16) -> bool {
    false
}

#[cfg(not(target_os = "linux"))]
impl Peers {
    fn asking() -> Self {
        Self { tells_users: false }
    }

    /// Elsewhere only calls that need unsafe code tell whose a connection is.
    fn find_caller(&self, _peer: SocketAddr, _own: SocketAddr) -> Caller {
        Caller::Untold
    }

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
    fn the_user_who_has_a_port_is_read_from_the_table() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   \
            0: 0100007F:1C8F 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1001        0 4711 1 0 100 0 0 10 0\n";
        assert_eq!(linux::listening(table, 0x1C8F), Some((4711, 1001)));
        assert_eq!(linux::listening(table, 80), None);
    }

    #[test]
    fn whose_a_connection_is_is_known_until_it_is_closed() {
        let peers = Peers::new();
        assert!(peers.tells_users);
        let (own, other, (listener, stream)) = own_connection().unwrap();
        assert_eq!(peers.caller(own, other), Caller::Owner);
        drop(stream);
        // The kernel still has the socket, and says that it is root's.
        assert_eq!(peers.caller(own, other), Caller::Unknown);
        drop(listener);
    }

    #[test]
    fn who_listens_is_told_from_who_does_not_and_from_one_at_another_address() {
        let own = std::process::id();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        assert!(is_listening(own, port));
        assert!(!is_listening(std::os::unix::process::parent_id(), port));
        drop(listener);
        assert!(!is_listening(own, port));
        let beside = std::net::TcpListener::bind("127.0.0.2:0").unwrap();
        assert!(!is_listening(own, beside.local_addr().unwrap().port()));
    }

    #[test]
    fn the_process_at_the_other_end_of_a_connection_is_found() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let own = listener.local_addr().unwrap();
        let (_accepted, peer) = listener.accept().unwrap();
        let peers = Peers::new();
        for _ in 0..2 {
            assert_eq!(peers.process_of(peer, own), Some(std::process::id()));
        }
        let later = std::net::TcpStream::connect(own).unwrap();
        let (_accepted, peer) = listener.accept().unwrap();
        assert_eq!(peers.process_of(peer, own), Some(std::process::id()));
        assert_eq!(peers.known.lock().unwrap().0.len(), 1);
        drop((stream, later));
        let nobody = SocketAddr::from(([127, 0, 0, 1], 1));
        assert_eq!(peers.process_of(nobody, own), None);
    }
}

#[cfg(test)]
mod listener_tests {
    use super::*;

    #[test]
    fn a_port_that_somebody_has_is_taken() {
        let own = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = own.local_addr().unwrap().port();
        assert!(is_taken(port) && listener(port).is_some());
    }
}
