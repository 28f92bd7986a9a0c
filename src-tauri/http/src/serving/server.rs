//! Connections: accept, bound, shut down.
//!
//! hyper is used directly because axum's own server limits neither heads, nor idle time, nor connections.

use std::convert::Infallible;
use std::pin::pin;
use std::time::Duration;

use axum::body::Body;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::gate::Gate;
use super::sent::busy_until_sent;
use crate::admission::connections::{Admitted, Connections, Slot};
use crate::admission::door::{Arrival, Door, Stream};
use crate::admission::peer::Peer;
use crate::site::Site;

/// Pause after a failed accept, most often because all file handles are in use.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How long a connection over the limit may take to read its refusal.
const TURN_AWAY_TIME_MAX: Duration = Duration::from_secs(1);
/// Connections over the limit that are answered at the same time; further ones are closed without an answer.
const TURN_AWAY_MAX: usize = 32;
/// How long a connection that has to close may take to end by itself.
const CLOSE_TIME_MAX: Duration = Duration::from_secs(1);
/// Most header lines of one request.
const HEADER_LINES_MAX: usize = 100;

const TURNED_AWAY: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\n\
    Content-Type: text/plain; charset=utf-8\r\nContent-Length: 69\r\nRetry-After: 1\r\nConnection: close\r\n\r\n\
    too many connections are open to this host; close some and try again\n";

/// How serving ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub struct Finished {
    /// Connections that were cut because their request took longer than the shutdown may.
    pub connections_cut: usize,
}

/// Answers connections of `doors` until `shutdown` completes, then lets requests under way finish.
///
/// A connection whose caller may not enter is closed before a byte of it is read. Event streams are ended at once; other
/// requests get [`crate::SiteLimits::shutdown_time_max`]. The doors are closed before the wait, so that another host may
/// take their places.
pub async fn serve(
    doors: Vec<Box<dyn Door>>,
    site: Site,
    shutdown: impl Future<Output = ()>,
) -> Finished {
    let gate = Gate::new(site);
    let admitted = Connections::new(gate.limits().connections_max);
    let stopping = watch::Sender::new(false);
    let mut acceptors = JoinSet::new();
    for door in doors {
        let (gate, admitted) = (gate.clone(), admitted.clone());
        acceptors.spawn(accept(door, gate, admitted, stopping.subscribe()));
    }
    shutdown.await;
    stopping.send_replace(true);
    let connections = acceptors.join_all().await;
    gate.close();
    finish(connections, gate.limits().shutdown_time_max).await
}

/// Accepts connections of one door until the host stops; returns those that are open then.
async fn accept(
    mut door: Box<dyn Door>,
    gate: Gate,
    admitted: Connections,
    mut stopping: watch::Receiver<bool>,
) -> JoinSet<()> {
    let mut turned_away = JoinSet::new();
    let mut connections = JoinSet::new();
    loop {
        let next = tokio::select! {
            () = is_set(&mut stopping) => return connections,
            next = door.next() => next,
            Some(_) = connections.join_next() => continue,
            Some(_) = turned_away.join_next() => continue,
        };
        match next {
            Ok(arrival) => {
                if let Some(stream) = let_in(arrival, &gate, &admitted, &mut connections)
                    && turned_away.len() < TURN_AWAY_MAX
                {
                    turned_away.spawn(turn_away(stream));
                }
            }
            Err(error) => {
                tracing::warn!(%error, "could not accept a connection");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Serves a connection if its caller may enter and there is a slot; returns one that there was none for.
fn let_in(
    arrival: Arrival,
    gate: &Gate,
    admitted: &Connections,
    connections: &mut JoinSet<()>,
) -> Option<Box<dyn Stream>> {
    let Arrival {
        stream,
        caller,
        other_end,
    } = arrival;
    if !caller.may_enter() {
        gate.refusals().shut_out(&caller);
        return None;
    }
    let slot = match admitted.admit(other_end) {
        Admitted::Free(slot) => slot,
        Admitted::MadeRoom(slot, closed) => {
            gate.made_room(closed);
            slot
        }
        Admitted::Full => {
            gate.refusals().turned_away();
            return Some(stream);
        }
    };
    connections.spawn(serve_connection(
        stream,
        Peer::new(other_end),
        gate.clone(),
        slot,
    ));
    None
}

/// Answers the requests of one connection, one after the other.
async fn serve_connection(stream: Box<dyn Stream>, peer: Peer, gate: Gate, slot: Slot) {
    let mut closing = gate.closing();
    let limits = *gate.limits();
    let tracker = slot.tracker();
    let service = service_fn(move |request: Request<Incoming>| {
        let (gate, busy) = (gate.clone(), tracker.begin());
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(peer.clone());
        async move { Ok::<_, Infallible>(busy_until_sent(gate.answer(request).await, busy)) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.idle_time_max)
        .max_header_size(limits.head_bytes_max)
        .max_headers(HEADER_LINES_MAX)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = is_set(&mut closing) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
        () = slot.is_to_close() => {
            if slot.is_silent() {
                return;
            }
            connection.as_mut().graceful_shutdown();
            // One that begins a request in this moment has it answered.
            match timeout(CLOSE_TIME_MAX, connection.as_mut()).await {
                Ok(ended) => ended,
                Err(_) if slot.is_busy() => connection.await,
                Err(_) => return,
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}

/// Waits until a flag is set.
async fn is_set(flag: &mut watch::Receiver<bool>) {
    // An error means that whoever would set it is gone, which is as good.
    let _ = flag.wait_for(|is_set| *is_set).await;
}

/// Tells a connection over the limit why it is closed. Reads on until the other side has seen it, because closing with
/// unread bytes would take the answer back.
async fn turn_away(mut stream: Box<dyn Stream>) {
    let tell = async {
        stream.write_all(TURNED_AWAY).await?;
        stream.shutdown().await?;
        let mut rest = [0; 1024];
        while stream.read(&mut rest).await? > 0 {}
        Ok::<_, std::io::Error>(())
    };
    if !matches!(timeout(TURN_AWAY_TIME_MAX, tell).await, Ok(Ok(()))) {
        tracing::debug!("a connection over the limit was closed before it read why");
    }
}

/// Waits for the connections of all doors to end, and cuts those that take too long.
async fn finish(mut connections: Vec<JoinSet<()>>, patience: Duration) -> Finished {
    let all_ended = async {
        for set in &mut connections {
            while set.join_next().await.is_some() {}
        }
    };
    let connections_cut = match timeout(patience, all_ended).await {
        Ok(()) => 0,
        Err(_) => connections.iter().map(JoinSet::len).sum(),
    };
    for set in &mut connections {
        set.shutdown().await;
    }
    Finished { connections_cut }
}
