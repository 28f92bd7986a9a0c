//! How often this surface has refused something since the start of the host.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use commonplace_api::Refusal;
use commonplace_api::about::ConnectionsClosed;

use super::log_throttle::LogThrottle;
use crate::admission::door::Caller;
use crate::answers::refusal::Reason;

/// Codes of connections that are closed without an answer, as they stand in `/metrics`.
const UNANSWERED: [&str; 3] = ["other_user", "unknown_user", "made_room"];

/// Counts refusals by reason since the start of the host.
#[derive(Debug)]
pub(crate) struct Refusals {
    counts: [AtomicU64; Refusal::CODES.len()],
    unanswered: [AtomicU64; UNANSWERED.len()],
    /// Limits what the log says of other users.
    strangers: LogThrottle,
    /// Limits what the log says of connections whose user is not known.
    unknown: LogThrottle,
}

impl Default for Refusals {
    fn default() -> Self {
        Self {
            counts: [const { AtomicU64::new(0) }; Refusal::CODES.len()],
            unanswered: Default::default(),
            strangers: LogThrottle::default(),
            unknown: LogThrottle::default(),
        }
    }
}

impl Refusals {
    /// Counts a refusal by the place of its code.
    pub(crate) fn count(&self, Reason(place): Reason) {
        self.counts[place].fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a connection over the limit.
    pub(crate) fn turned_away(&self) {
        let reason = Reason::of(&Refusal::TooManyRequests { limit: 0 });
        reason.into_iter().for_each(|reason| self.count(reason));
    }

    /// Counts a connection that was closed because of whose it is, and says so in the log now and then.
    pub(crate) fn shut_out(&self, caller: &Caller) {
        let now = Instant::now();
        if let Caller::Stranger(user) = caller {
            self.count_unanswered("other_user", 1);
            if let Some(connections) = self.strangers.count(now) {
                tracing::warn!(
                    last = user,
                    connections,
                    "connections of other users of this machine were closed: this store is served to its own user and to root only"
                );
            }
            return;
        }
        self.count_unanswered("unknown_user", 1);
        if let Some(connections) = self.unknown.count(now) {
            tracing::warn!(
                connections,
                "connections were closed because the system does not say whose they are: they were given up at once, \
                 or come from another network namespace, such as that of a container"
            );
        }
    }

    /// Counts connections that were closed to make room for others.
    pub(crate) fn made_room(&self, connections: usize) {
        self.count_unanswered("made_room", connections as u64);
    }

    /// Returns how many connections were closed without an answer.
    pub(crate) fn closed(&self) -> ConnectionsClosed {
        let [other_user, unknown_user, made_room] = self
            .unanswered
            .each_ref()
            .map(|count| count.load(Ordering::Relaxed));
        ConnectionsClosed {
            other_user,
            unknown_user,
            made_room,
        }
    }

    fn count_unanswered(&self, code: &str, more: u64) {
        let place = UNANSWERED.iter().position(|known| *known == code);
        let place = place.expect("it is one of the list");
        self.unanswered[place].fetch_add(more, Ordering::Relaxed);
    }

    /// Returns each reason with its count, in the order of [`Refusal::CODES`] and [`UNANSWERED`].
    pub(crate) fn all(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        let counts = self.counts.iter().chain(&self.unanswered);
        let counts = counts.map(|count| count.load(Ordering::Relaxed));
        Refusal::CODES.into_iter().chain(UNANSWERED).zip(counts)
    }
}
