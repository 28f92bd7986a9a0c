//! Asks the kernel for one connection (sock_diag(7)): the table in /proc/net/tcp has all of them, and reading it takes tens
//! of milliseconds on a machine that has opened many.

use std::net::{SocketAddr, SocketAddrV4};
use std::sync::{Mutex, PoisonError};

use rustix::fd::OwnedFd;
use rustix::net::netlink::{SOCK_DIAG, SocketAddrNetlink};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};

/// `SOCK_DIAG_BY_FAMILY` and `NLM_F_REQUEST` of linux/sock_diag.h and linux/netlink.h.
const BY_FAMILY: u16 = 20;
const REQUEST: u16 = 1;
/// `AF_INET` and `IPPROTO_TCP`.
const INET: u8 = 2;
const TCP: u8 = 6;
/// Bytes of `nlmsghdr`, and of it with `inet_diag_req_v2` or `inet_diag_msg` (linux/inet_diag.h).
const HEADER_BYTES: usize = 16;
const ASKED_BYTES: usize = HEADER_BYTES + 56;
const ANSWER_BYTES: usize = HEADER_BYTES + 72;
/// Where `nlmsghdr` has the number of the question.
const NUMBER_AT: usize = 8;
/// Where `inet_diag_msg` has the user and the inode.
const USER_AT: usize = HEADER_BYTES + 64;
const INODE_AT: usize = HEADER_BYTES + 68;
/// Answers to earlier questions that are skipped, at most.
const STALE_MAX: usize = 8;

/// One end of a connection.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct End {
    pub(super) user: u32,
    /// Number of the socket, as it stands among the open files of its process.
    pub(super) inode: u32,
}

/// Asks the kernel; keeps its socket for the next question.
#[derive(Debug, Default)]
pub(super) struct SocketDiag(Mutex<Asking>);

#[derive(Debug, Default)]
struct Asking {
    kernel: Option<OwnedFd>,
    /// Number of the last question.
    number: u32,
}

impl SocketDiag {
    /// Finds the end of a connection that has the address `own` and talks to `other`. Takes some microseconds.
    ///
    /// None if there is no such connection, the kernel does not say, or no process has that end open any more: of a socket
    /// that was closed the kernel says that it is root's.
    pub(super) fn find(&self, own: SocketAddr, other: SocketAddr) -> Option<End> {
        let (SocketAddr::V4(own), SocketAddr::V4(other)) = (own, other) else {
            return None;
        };
        // At worst the next answer is one to an earlier question, which is skipped.
        let mut asking = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let end = asking.ask(own, other);
        if end.is_err() {
            asking.kernel = None;
        }
        end.ok().flatten().filter(|end| end.inode != 0)
    }
}

impl Asking {
    fn ask(&mut self, own: SocketAddrV4, other: SocketAddrV4) -> rustix::io::Result<Option<End>> {
        self.number = self.number.wrapping_add(1);
        let question = question(self.number, own, other);
        let kernel = match self.kernel.take() {
            Some(kernel) => kernel,
            None => open()?,
        };
        let kernel = self.kernel.insert(kernel);
        rustix::net::send(&*kernel, &question, SendFlags::empty())?;
        let mut answer = [0; 4096];
        for _ in 0..STALE_MAX {
            // The kernel has answered by then; nobody waits if it has not.
            let (_, length) = rustix::net::recv(&*kernel, &mut answer, RecvFlags::DONTWAIT)?;
            let answer = &answer[..length.min(answer.len())];
            if number_at(answer, NUMBER_AT) == Some(self.number) {
                return Ok(read(answer));
            }
        }
        Ok(None)
    }
}

fn open() -> rustix::io::Result<OwnedFd> {
    let kernel = rustix::net::socket_with(
        AddressFamily::NETLINK,
        SocketType::DGRAM,
        SocketFlags::CLOEXEC,
        Some(SOCK_DIAG),
    )?;
    rustix::net::connect(&kernel, &SocketAddrNetlink::new(0, 0))?;
    Ok(kernel)
}

fn question(number: u32, own: SocketAddrV4, other: SocketAddrV4) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(ASKED_BYTES);
    bytes.extend((ASKED_BYTES as u32).to_ne_bytes());
    bytes.extend(BY_FAMILY.to_ne_bytes());
    bytes.extend(REQUEST.to_ne_bytes());
    bytes.extend(number.to_ne_bytes());
    let from_anybody = 0u32;
    bytes.extend(from_anybody.to_ne_bytes());
    bytes.extend([INET, TCP, 0, 0]);
    let any_state = u32::MAX;
    bytes.extend(any_state.to_ne_bytes());
    bytes.extend(own.port().to_be_bytes());
    bytes.extend(other.port().to_be_bytes());
    for address in [own, other] {
        bytes.extend(address.ip().octets());
        bytes.extend([0; 12]);
    }
    let any_interface = 0u32;
    bytes.extend(any_interface.to_ne_bytes());
    let no_cookie = [u8::MAX; 8];
    bytes.extend(no_cookie);
    bytes
}

/// Reads an answer; None for an error.
fn read(answer: &[u8]) -> Option<End> {
    let kind = u16::from_ne_bytes(answer.get(4..6)?.try_into().ok()?);
    if kind != BY_FAMILY || answer.len() < ANSWER_BYTES {
        return None;
    }
    Some(End {
        user: number_at(answer, USER_AT)?,
        inode: number_at(answer, INODE_AT)?,
    })
}

fn number_at(answer: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(answer.get(at..at + 4)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_is_cut_or_an_error_says_nothing() {
        let own = "127.0.0.1:4000".parse().unwrap();
        assert_eq!(question(1, own, own).len(), ASKED_BYTES);
        let mut answer = [0; ANSWER_BYTES];
        answer[4..6].copy_from_slice(&BY_FAMILY.to_ne_bytes());
        answer[INODE_AT..INODE_AT + 4].copy_from_slice(&7u32.to_ne_bytes());
        assert_eq!(read(&answer), Some(End { user: 0, inode: 7 }));
        for length in 0..ANSWER_BYTES {
            assert_eq!(read(&answer[..length]), None, "{length}");
        }
        let error = 2u16;
        answer[4..6].copy_from_slice(&error.to_ne_bytes());
        assert_eq!(read(&answer), None);
    }
}
