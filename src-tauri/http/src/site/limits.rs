//! Limits on connections, requests, bodies and times.

use std::time::Duration;

/// Bounds on connections, requests, bodies and times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SiteLimits {
    /// Connections at once; one more is answered with 503 and closed.
    pub connections_max: usize,
    /// Requests under way at once; one more is answered with 503. Event streams do not count here.
    pub requests_max: usize,
    /// Event streams at once, about one for each open page.
    pub streams_max: usize,
    /// Largest request body in bytes.
    pub body_bytes_max: usize,
    /// Largest request head in bytes.
    pub head_bytes_max: usize,
    /// Longest time from the head of a request to the head of its answer.
    pub request_time_max: Duration,
    /// Longest time between two requests on one connection, and for sending one head.
    pub idle_time_max: Duration,
    /// How long requests under way may take to finish after shutdown has begun.
    pub shutdown_time_max: Duration,
}

impl Default for SiteLimits {
    fn default() -> Self {
        Self {
            // More than the engine's write queue takes, so that a burst of writes is refused by the queue, which says how
            // long it is and when to come back, and not here.
            connections_max: 2_048,
            requests_max: 1_536,
            streams_max: 32,
            body_bytes_max: 2 * 1024 * 1024,
            head_bytes_max: 16 * 1024,
            // Claude Code gives up at 60 s, and the engine answers within 50 s.
            request_time_max: Duration::from_secs(60),
            // Common HTTP clients keep idle connections for up to 90 s; closing later than they do
            // means that no request meets a closing connection.
            idle_time_max: Duration::from_secs(100),
            shutdown_time_max: Duration::from_secs(10),
        }
    }
}
