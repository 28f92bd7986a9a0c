//! Connections: accept, bound, shut down.
//!
//! hyper is used directly because axum's own server limits neither heads, nor idle time, nor connections.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::gate::{Gate, Site};
use crate::peer::Peer;

/// Pause after a failed accept, most often because all file handles are in use.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How long a connection over the limit may take to read its refusal.
const TURN_AWAY_TIME_MAX: Duration = Duration::from_secs(1);
/// Connections that are told so at once; further ones are closed without a word.
const TURN_AWAY_MAX: usize = 32;
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

/// Answers connections of `listener` until `shutdown` completes, then lets requests under way finish.
///
/// Event streams are ended at once; other requests get [`crate::SiteLimits::shutdown_time_max`]. The listener is closed
/// before the wait, so that another host may take the port.
pub async fn serve(
    listener: TcpListener,
    site: Site,
    shutdown: impl Future<Output = ()>,
) -> Finished {
    let gate = Gate::new(site);
    let slots = Arc::new(Semaphore::new(gate.limits().connections_max));
    let mut turned_away = JoinSet::new();
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            () = &mut shutdown => break,
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next() => continue,
            Some(_) = turned_away.join_next() => continue,
        };
        match (accepted, Arc::clone(&slots).try_acquire_owned()) {
            (Ok((stream, address)), Ok(slot)) => {
                let peer = Peer::new(address);
                connections.spawn(attend(stream, peer, gate.clone(), slot));
            }
            (Ok((stream, _)), Err(_)) => {
                gate.refusals().count("too_many_requests");
                if turned_away.len() < TURN_AWAY_MAX {
                    turned_away.spawn(turn_away(stream));
                }
            }
            (Err(error), _) => {
                tracing::warn!(%error, "could not accept a connection");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    gate.close();
    finish(connections, gate.limits().shutdown_time_max).await
}

/// Answers the requests of one connection, one after the other.
async fn attend(stream: TcpStream, peer: Peer, gate: Gate, _slot: OwnedSemaphorePermit) {
    // Answers are small and complete: waiting to fill a packet would add up to 40 ms to each.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "could not switch off Nagle's algorithm");
    }
    let mut closing = gate.closing();
    let limits = *gate.limits();
    let service = service_fn(move |request: Request<Incoming>| {
        let gate = gate.clone();
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(peer.clone());
        async move { Ok::<_, Infallible>(gate.answer(request).await) }
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
        () = has_closed(&mut closing) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}

/// Waits until the host shuts down.
async fn has_closed(closing: &mut watch::Receiver<bool>) {
    // An error means that the gate is gone, which is as good as closed.
    let _ = closing.wait_for(|is_closing| *is_closing).await;
}

/// Tells a connection over the limit why it is closed. Reads on until the other side has seen it, because closing with
/// unread bytes would take the answer back.
async fn turn_away(mut stream: TcpStream) {
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

/// Waits for the connections to end, and cuts those that take too long.
async fn finish(mut connections: JoinSet<()>, patience: Duration) -> Finished {
    let all_ended = async { while connections.join_next().await.is_some() {} };
    let connections_cut = match timeout(patience, all_ended).await {
        Ok(()) => 0,
        Err(_) => connections.len(),
    };
    connections.shutdown().await;
    Finished { connections_cut }
}
