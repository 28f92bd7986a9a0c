//! Who is at the other end of a connection: the process, where the system tells.
//!
//! MCP over HTTP does not say which process asks, and two sessions of one program look the same. So a connection to `/mcp`
//! is looked up with its first request, and its requests carry the process in a header, as the stdio bridge does by itself.
//!
//! A lookup may have to go through the open files of all processes. So there is a budget of time, and a request that comes
//! when it is used up goes on without: lookups take at most a small part of a core, however many connections are made.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use http::request::Parts;
use http::{HeaderName, HeaderValue};

use super::door::OtherEnd;

/// Finds the process that has the other end of a connection from this machine; None if that cannot be known. May read
/// the disk for some milliseconds.
pub type FindProcess = Arc<dyn Fn(SocketAddr) -> Option<u32> + Send + Sync>;

const HEADER_PID: HeaderName = HeaderName::from_static("x-commonplace-pid");

/// Lookups may take one part in so many of all time.
const ONE_PART_IN: u32 = 30;

/// Time for lookups that can be saved up: enough for many clients that start together.
const SAVED_MAX: Duration = Duration::from_millis(200);

/// The other end of one connection; all clones are the same.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    other_end: OtherEnd,
    /// Empty until it was looked up; None inside if the system does not tell.
    process: Arc<OnceLock<Option<u32>>>,
}

impl Peer {
    pub(crate) fn new(other_end: OtherEnd) -> Self {
        let process = match other_end {
            OtherEnd::Address(_) => OnceLock::new(),
            OtherEnd::Process(process) => OnceLock::from(process),
        };
        Self {
            other_end,
            process: Arc::new(process),
        }
    }
}

/// How long lookups may take: one part in [`ONE_PART_IN`] of all time, up to [`SAVED_MAX`] at once.
struct Budget {
    /// When it was, or will be, empty.
    empty_at: Instant,
}

impl Budget {
    fn new(now: Instant) -> Self {
        let full = SAVED_MAX * ONE_PART_IN;
        Self {
            empty_at: now.checked_sub(full).unwrap_or(now),
        }
    }

    fn is_left(&self, now: Instant) -> bool {
        now > self.empty_at
    }

    fn spend(&mut self, now: Instant, took: Duration) {
        let full_at = now.checked_sub(SAVED_MAX * ONE_PART_IN).unwrap_or(now);
        self.empty_at = self.empty_at.max(full_at) + took * ONE_PART_IN;
    }
}

/// Looks up who is at the other end of connections.
#[derive(Clone)]
pub(crate) struct Peers {
    find: FindProcess,
    /// Locked only to look at it and to take from it.
    budget: Arc<Mutex<Budget>>,
    /// One lookup at a time: what one finds, the next need not look up.
    turn: Arc<tokio::sync::Mutex<()>>,
}

impl Peers {
    pub(crate) fn new(find: FindProcess) -> Self {
        let budget = Arc::new(Mutex::new(Budget::new(Instant::now())));
        Self {
            find,
            budget,
            turn: Arc::default(),
        }
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
            let _turn = self.turn.lock().await;
            // Others have looked meanwhile, perhaps for this connection.
            if peer.process.get().is_none() && self.may_look() {
                self.look_up(peer.clone()).await;
            }
        }
        if let Some(Some(pid)) = peer.process.get() {
            head.headers.insert(HEADER_PID, HeaderValue::from(*pid));
        }
    }

    async fn look_up(&self, peer: Peer) {
        let this = self.clone();
        let looking = tokio::task::spawn_blocking(move || {
            let began = Instant::now();
            let found = this.find(peer.other_end);
            this.budget().spend(Instant::now(), began.elapsed());
            // Lookups run one after the other, so it is still empty.
            let _ = peer.process.set(found);
        });
        // It fails only if the host ends.
        let _ = looking.await;
    }

    /// Finds a process without regard to the budget. May block for some milliseconds.
    pub(crate) fn find(&self, other_end: OtherEnd) -> Option<u32> {
        match other_end {
            OtherEnd::Address(address) => (self.find)(address),
            OtherEnd::Process(process) => process,
        }
    }

    /// Finds the process that has most of these ends, and how many of them it has; 0 and None if none can be found. May
    /// block for some milliseconds.
    pub(crate) fn most_of(&self, ends: &[OtherEnd]) -> (Option<u32>, usize) {
        let mut counts = HashMap::new();
        for process in ends.iter().filter_map(|end| self.find(*end)) {
            *counts.entry(process).or_insert(0) += 1;
        }
        let most = counts.into_iter().max_by_key(|(_, count)| *count);
        most.map_or((None, 0), |(process, count)| (Some(process), count))
    }

    fn may_look(&self) -> bool {
        self.budget().is_left(Instant::now())
    }

    fn budget(&self) -> MutexGuard<'_, Budget> {
        // One value, set in one step: a panic leaves nothing half done.
        self.budget.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lookups_take_their_part_of_the_time_and_no_more() {
        let now = Instant::now();
        let mut budget = Budget::new(now);
        let look = Duration::from_millis(5);
        let mut looks = |at: Instant| {
            let before_empty = std::iter::repeat_with(|| {
                let is_left = budget.is_left(at);
                if is_left {
                    budget.spend(at, look);
                }
                is_left
            });
            before_empty
                .take(1_000)
                .take_while(|is_left| *is_left)
                .count()
        };
        assert_eq!(looks(now), 40, "what was saved");
        assert_eq!(
            looks(now + look),
            1,
            "the last one may take more than is left"
        );
        assert_eq!(
            looks(now + 10 * look * ONE_PART_IN),
            9,
            "one for each that had its time since"
        );
        let long_after = now + Duration::from_secs(3_600);
        assert_eq!(looks(long_after), 40, "not an hour's worth");
    }

    #[tokio::test]
    async fn a_request_carries_what_was_found_unless_it_says_so_itself_or_the_budget_is_used_up() {
        let connection = |port| Peer::new(OtherEnd::Address(([127, 0, 0, 1], port).into()));
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
        peers.budget().spend(Instant::now(), 2 * SAVED_MAX);
        let mut other = request(&connection(4001));
        peers.name_process(&mut other).await;
        assert!(!other.headers.contains_key(HEADER_PID), "it does not wait");
        let mut told = request(&Peer::new(OtherEnd::Process(Some(5))));
        peers.name_process(&mut told).await;
        assert_eq!(told.headers[HEADER_PID], "5", "it came with the connection");
    }
}
