//! Who is at the other end of a connection: the process, where the system tells.
//!
//! MCP over HTTP does not say which process asks, and two sessions of one program look the same. So a connection to `/mcp`
//! is looked up with its first request, and its requests carry the process in a header, as the stdio bridge does by itself.
//!
//! A look goes through the open files of processes, and a client with many connections has many. So there is a budget, and
//! a request that comes when it is used up goes on without: a client that makes a new connection for each of a thousand
//! calls costs some looks and not a thousand.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use http::request::Parts;
use http::{HeaderName, HeaderValue};

/// Finds the process that has the other end of a connection from this machine; None if that cannot be known. May read
/// the disk for some milliseconds.
pub type FindProcess = Arc<dyn Fn(SocketAddr) -> Option<u32> + Send + Sync>;

const HEADER_PID: HeaderName = HeaderName::from_static("x-commonplace-pid");

/// Looks that may be made at once: as many clients may start together.
const LOOKS_MAX: u32 = 16;

/// Time after which one more may be made: together they take at most some per cent of a core.
const LOOK_EVERY: Duration = Duration::from_millis(100);

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

/// How many looks may be made: one more after each [`LOOK_EVERY`], up to [`LOOKS_MAX`].
struct Budget {
    /// When it was, or will be, without a single one.
    empty_at: Instant,
}

impl Budget {
    fn new(now: Instant) -> Self {
        let full = LOOKS_MAX * LOOK_EVERY;
        Self {
            empty_at: now.checked_sub(full).unwrap_or(now),
        }
    }

    fn take(&mut self, now: Instant) -> bool {
        let saved = now.saturating_duration_since(self.empty_at);
        if saved < LOOK_EVERY {
            return false;
        }
        let left = saved.min(LOOKS_MAX * LOOK_EVERY) - LOOK_EVERY;
        self.empty_at = now.checked_sub(left).unwrap_or(now);
        true
    }
}

/// Looks up who is at the other end of connections.
#[derive(Clone)]
pub(crate) struct Peers {
    find: FindProcess,
    /// Locked only to take from it.
    budget: Arc<Mutex<Budget>>,
}

impl Peers {
    pub(crate) fn new(find: FindProcess) -> Self {
        let budget = Arc::new(Mutex::new(Budget::new(Instant::now())));
        Self { find, budget }
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
        if peer.process.get().is_none() && self.may_look() {
            self.look_up(peer.clone()).await;
        }
        if let Some(Some(pid)) = peer.process.get() {
            head.headers.insert(HEADER_PID, HeaderValue::from(*pid));
        }
    }

    async fn look_up(&self, peer: Peer) {
        let find = Arc::clone(&self.find);
        let looking = tokio::task::spawn_blocking(move || {
            let found = find(peer.address);
            // Another request of the connection may have been first.
            let _ = peer.process.set(found);
        });
        // It ends badly only if the host ends.
        let _ = looking.await;
    }

    fn may_look(&self) -> bool {
        // One value, set in one step: a panic leaves nothing half done.
        let mut budget = self.budget.lock().unwrap_or_else(PoisonError::into_inner);
        budget.take(Instant::now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_looks_may_be_made_at_once_and_then_one_after_each_pause() {
        let now = Instant::now() + LOOKS_MAX * LOOK_EVERY;
        let mut budget = Budget::new(now);
        let taken = |budget: &mut Budget, now| (0..100).filter(|_| budget.take(now)).count();
        assert_eq!(taken(&mut budget, now), LOOKS_MAX as usize);
        assert_eq!(taken(&mut budget, now + LOOK_EVERY), 1);
        assert_eq!(taken(&mut budget, now + 3 * LOOK_EVERY), 2);
        let long_after = now + 1000 * LOOK_EVERY;
        assert_eq!(taken(&mut budget, long_after), LOOKS_MAX as usize);
    }

    #[tokio::test]
    async fn a_request_carries_what_was_found_unless_it_says_so_itself_or_the_budget_is_used_up() {
        let connection = |port| Peer::new(([127, 0, 0, 1], port).into());
        let request = |peer: &Peer| {
            let (mut head, ()) = http::Request::new(()).into_parts();
            head.extensions.insert(peer.clone());
            head
        };
        let peers = Peers::new(Arc::new(|_| Some(7)));
        let peer = connection(4000);
        for _ in 0..2 {
            let mut head = request(&peer);
            peers.name_process(&mut head).await;
            assert_eq!(head.headers[HEADER_PID], "7");
        }
        let mut own = request(&peer);
        own.headers.insert(HEADER_PID, HeaderValue::from(9));
        peers.name_process(&mut own).await;
        assert_eq!(own.headers[HEADER_PID], "9");
        while peers.may_look() {}
        let mut other = request(&connection(4001));
        peers.name_process(&mut other).await;
        assert!(!other.headers.contains_key(HEADER_PID), "it does not wait");
    }
}
