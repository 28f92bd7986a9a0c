//! Who asked: the clients of this host and their figures.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use commonplace_api::Transport;
use commonplace_api::status::ClientStatus;
use commonplace_store::statistics::Times;

use crate::mutex::lock;
use crate::origin::Origin;
use crate::report::metrics::summary_of;

/// Most clients that are remembered; the one seen least lately makes room.
const CLIENTS_MAX: usize = 64;

/// Clients of this host. One and the same program in two projects or sessions counts as two.
#[derive(Default)]
pub(crate) struct Clients {
    known: Mutex<HashMap<Origin, Client>>,
}

struct Client {
    in_flight: u64,
    throttled: u64,
    requests: u64,
    errors: u64,
    last_seen_ms: i64,
    queue_wait: Times,
    write_total: Times,
}

/// How long an acknowledged write took.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WriteTimes {
    /// Until its commit began.
    pub(crate) queue_wait: Duration,
    /// Until its answer.
    pub(crate) total: Duration,
}

impl Clients {
    /// Notes that a request came in. The engine's own are not clients.
    pub(crate) fn asked(&self, origin: &Origin, now_ms: i64) {
        if origin.transport == Transport::Internal {
            return;
        }
        let mut known = lock(&self.known);
        if !known.contains_key(origin) && known.len() >= CLIENTS_MAX {
            forget_oldest(&mut known);
        }
        let client = known.entry(origin.clone()).or_insert_with(|| Client {
            in_flight: 0,
            throttled: 0,
            requests: 0,
            errors: 0,
            last_seen_ms: now_ms,
            queue_wait: Times::default(),
            write_total: Times::default(),
        });
        client.in_flight += 1;
        client.last_seen_ms = now_ms;
    }

    /// Notes that a request was answered; `times` for a write that was acknowledged.
    pub(crate) fn answered(&self, origin: &Origin, is_error: bool, times: Option<WriteTimes>) {
        let mut known = lock(&self.known);
        let Some(client) = known.get_mut(origin) else {
            return;
        };
        client.in_flight = client.in_flight.saturating_sub(1);
        client.requests += 1;
        client.errors += u64::from(is_error);
        if let Some(times) = times {
            client.queue_wait.record(times.queue_wait);
            client.write_total.record(times.total);
        }
    }

    /// Notes that a write yielded to others or was rejected, because its client had more than its share.
    pub(crate) fn throttled(&self, origin: &Origin) {
        if let Some(client) = lock(&self.known).get_mut(origin) {
            client.throttled += 1;
        }
    }

    /// Lists them, the last seen first. `waiting` tells how many writes of a client wait.
    pub(crate) fn list(&self, waiting: impl Fn(&Origin) -> usize) -> Vec<ClientStatus> {
        let known = lock(&self.known);
        let mut list: Vec<ClientStatus> = known
            .iter()
            .map(|(origin, client)| client.status(origin, waiting(origin)))
            .collect();
        list.sort_by(|a, b| {
            b.last_seen_ms
                .cmp(&a.last_seen_ms)
                .then_with(|| a.client.cmp(&b.client))
        });
        list
    }
}

impl Client {
    fn status(&self, origin: &Origin, waiting: usize) -> ClientStatus {
        ClientStatus {
            client: origin.client.clone(),
            version: origin.version.clone(),
            session: origin.session.clone(),
            pid: origin.pid,
            project: origin.project.clone(),
            transport: origin.transport,
            in_flight: self.in_flight,
            waiting,
            throttled: self.throttled,
            requests: self.requests,
            errors: self.errors,
            last_seen_ms: self.last_seen_ms,
            queue_wait: summary_of(&self.queue_wait),
            write_total: summary_of(&self.write_total),
        }
    }
}

fn forget_oldest(known: &mut HashMap<Origin, Client>) {
    let idle = known.iter().filter(|(_, client)| client.in_flight == 0);
    if let Some(oldest) = idle
        .min_by_key(|(_, client)| client.last_seen_ms)
        .map(|(origin, _)| origin.clone())
    {
        known.remove(&oldest);
    }
}
