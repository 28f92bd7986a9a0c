//! Who is at the other end of a connection: the process, where the system tells.
//!
//! MCP over HTTP does not say which process asks, and two sessions of one program look the same. So a connection to `/mcp`
//! is looked up with its first request, and its requests carry the process in a header, as the stdio bridge does by itself.
//!
//! A look reads the tables of the whole machine, which grow with every connection there is. So one is made at a time, with
//! a pause after it, and a request that comes meanwhile goes on without: a client that makes a new connection for each of
//! a thousand calls costs a few looks and not a thousand.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use http::request::Parts;
use http::{HeaderName, HeaderValue};

/// Finds the process that has the other end of a connection from this machine; None if that cannot be known. May read
/// the disk for some milliseconds.
pub type FindProcess = Arc<dyn Fn(SocketAddr) -> Option<u32> + Send + Sync>;

const HEADER_PID: HeaderName = HeaderName::from_static("x-commonplace-pid");

/// Shortest time between two looks: together they take at most some per cent of a core.
const PAUSE: Duration = Duration::from_millis(100);

/// The other end of one connection; all clones are the same.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    address: SocketAddr,
    /// Empty until it was looked up; None inside if the system does not tell.
    process: Arc<OnceLock<Option<u32>>>,
}

impl Peer {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self {
            address,
            process: Arc::default(),
        }
    }
}

/// When the next look may be made.
#[derive(Clone, Copy)]
enum Turn {
    From(Instant),
    /// One is under way.
    Taken,
}

/// Looks up who is at the other end of connections.
#[derive(Clone)]
pub(crate) struct Peers {
    find: FindProcess,
    /// Kept only while it is read or set.
    turn: Arc<Mutex<Turn>>,
}

impl Peers {
    pub(crate) fn new(find: FindProcess) -> Self {
        let turn = Arc::new(Mutex::new(Turn::From(Instant::now())));
        Self { find, turn }
    }

    /// Writes the process behind a request into its head, unless the request says it itself or it cannot be looked up
    /// now.
    pub(crate) async fn name_process(&self, head: &mut Parts) {
        if head.headers.contains_key(HEADER_PID) {
            return;
        }
        let Some(peer) = head.extensions.get::<Peer>().cloned() else {
            return;
        };
        if peer.process.get().is_none() && self.take_turn(Instant::now()) {
            self.look_up(peer.clone()).await;
        }
        if let Some(Some(pid)) = peer.process.get() {
            head.headers.insert(HEADER_PID, HeaderValue::from(*pid));
        }
    }

    /// Looks on another thread, which ends the turn also if nobody waits for it any more.
    async fn look_up(&self, peer: Peer) {
        let peers = self.clone();
        let looking = tokio::task::spawn_blocking(move || {
            let found = (peers.find)(peer.address);
            // Only who has the turn sets it, so it is empty.
            let _ = peer.process.set(found);
            *peers.turn() = Turn::From(Instant::now() + PAUSE);
        });
        // It ends badly only if the host ends.
        let _ = looking.await;
    }

    fn take_turn(&self, now: Instant) -> bool {
        let mut turn = self.turn();
        let is_free = matches!(*turn, Turn::From(from) if from <= now);
        if is_free {
            *turn = Turn::Taken;
        }
        is_free
    }

    fn turn(&self) -> std::sync::MutexGuard<'_, Turn> {
        // One value, set in one step: a panic leaves nothing half done.
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peers() -> Peers {
        Peers::new(Arc::new(|_| Some(7)))
    }

    #[test]
    fn one_look_is_made_at_a_time_and_the_next_one_after_a_pause() {
        let peers = peers();
        let now = Instant::now();
        assert!(peers.take_turn(now));
        assert!(!peers.take_turn(now + PAUSE), "one is under way");
        *peers.turn() = Turn::From(now + PAUSE);
        assert!(!peers.take_turn(now), "one was just made");
        assert!(peers.take_turn(now + PAUSE));
    }

    #[tokio::test]
    async fn a_request_carries_what_was_found_unless_it_says_so_itself_or_another_look_was_just_made()
     {
        let connection = |port| Peer::new(([127, 0, 0, 1], port).into());
        let request = |peer: &Peer| {
            let (mut head, ()) = http::Request::new(()).into_parts();
            head.extensions.insert(peer.clone());
            head
        };
        let (peers, peer) = (peers(), connection(4000));
        for _ in 0..2 {
            let mut head = request(&peer);
            peers.name_process(&mut head).await;
            assert_eq!(head.headers[HEADER_PID], "7");
        }
        let mut own = request(&peer);
        own.headers.insert(HEADER_PID, HeaderValue::from(9));
        peers.name_process(&mut own).await;
        assert_eq!(own.headers[HEADER_PID], "9");
        *peers.turn() = Turn::Taken;
        let mut other = request(&connection(4001));
        peers.name_process(&mut other).await;
        assert!(!other.headers.contains_key(HEADER_PID), "it does not wait");
    }
}
