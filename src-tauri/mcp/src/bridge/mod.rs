//! The bridge between a client that speaks over stdin and stdout, and a host that speaks HTTP.
//!
//! Each line from the client becomes one POST to the host; each answer becomes one line. The bridge keeps no memories
//! and knows no tools' meaning; it lives exactly as long as its stdin is open, whatever becomes of the host:
//!
//! - Requests run side by side, answers come in the order in which they are ready.
//! - The link finds the host, starts one if none works, and gives up after a time of its own. Then the client gets an
//!   answer that says so; the next request tries again.
//! - A connection that dies after a request was sent leaves open whether it was carried out. Reading twice is harmless,
//!   so it is sent again, up to five times. So is a write with an `op_id`: the host carries it out once. To every write without one
//!   the bridge adds an `op_id` of its own. What it cannot tell to be harmless is not repeated.
//! - A host that stops in order refuses new requests; they are kept for some seconds and asked again.
//! - All tries of a request together have one bound, [`ANSWER_TIME_MAX`]; then the client gets an answer that says what
//!   the host is doing.
//! - A cancelled request is dropped; its closed connection tells the host.
//!
//! The clock, the process and the network come from outside: by [`HostLink`] and [`BridgeOptions`].

mod lines;
mod message;
mod reply;
mod requests;
mod roots;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use tokio::io::{AsyncBufRead, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

use lines::{Line, Lines};
use message::Incoming;
use requests::Requests;

use crate::project::Project;

/// How long a request may take, all tries together. Claude Code gives up after 60 s, with words that help nobody; at most
/// two seconds are added to this one before the client has its answer.
pub const ANSWER_TIME_MAX: Duration = Duration::from_secs(47);

/// Longest line that is read, in bytes; the host takes less, so this is only a bound on memory.
const LINE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Requests that are taken in before the next line is read.
const TAKEN_MAX: usize = 1024;
/// Time for what is under way when stdin closes.
const PATIENCE_AT_END: Duration = Duration::from_secs(2);
/// Answers that wait for stdout.
const ANSWERS_MAX: usize = 256;

/// The way to the host.
///
/// Dropping the future of [`HostLink::post`] must close the connection it uses: that is how a request is cancelled.
/// Answers with status 401 are the link's business, too: it reads the token again before it gives up.
pub trait HostLink: Send + Sync + 'static {
    /// Sends one message to the host's `/mcp`, and returns the whole answer.
    ///
    /// If no host works, it starts one and waits for it, within a time limit of its own. It adds the token and nothing
    /// else to the headers given. It gives up at [`LinkRequest::until`].
    fn post(
        &self,
        request: LinkRequest,
    ) -> impl Future<Output = Result<LinkResponse, LinkError>> + Send;
}

impl<L: HostLink> HostLink for Arc<L> {
    fn post(
        &self,
        request: LinkRequest,
    ) -> impl Future<Output = Result<LinkResponse, LinkError>> + Send {
        (**self).post(request)
    }
}

/// One message on its way to the host; cheap to clone.
#[derive(Debug, Clone)]
pub struct LinkRequest {
    /// Headers of the protocol and of the client's identity, `Content-Type` and `Accept` included.
    pub headers: HeaderMap,
    /// The message.
    pub body: Bytes,
    /// When nobody waits for the answer any more.
    pub until: Instant,
}

/// The host's whole answer.
#[derive(Debug, Clone)]
pub struct LinkResponse {
    /// HTTP status.
    pub status: StatusCode,
    /// Value of `Content-Type`; empty if there was none.
    pub content_type: String,
    /// The body: one JSON message, or an event stream up to its end.
    pub body: Bytes,
}

/// Tells why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// Nothing was carried out: no host could be reached or started in time.
    #[error("no host could be reached: {reason}")]
    Unreachable {
        /// What was tried, and what to do.
        reason: String,
    },
    /// Nothing was carried out, nor will it be before somebody has put something right.
    #[error("{reason}")]
    Unusable {
        /// What is wrong, and what to do.
        reason: String,
    },
    /// The connection died after the message was sent; it may have been carried out.
    #[error("the connection to the host broke: {reason}")]
    Broken {
        /// What happened.
        reason: String,
    },
    /// The message was sent and is not answered: the host is stopped, or too slow. It may be carried out yet.
    #[error("no answer came: {reason}")]
    Silent {
        /// What the host is doing, and what to do.
        reason: String,
    },
}

/// Who stands behind the bridge.
#[derive(Debug, Clone, Default)]
pub struct BridgeOptions {
    /// Project that the client works in.
    pub project: Option<Project>,
    /// Whether the client said so itself. Else the roots that it names later count more (MCP 2025-11-25, Roots).
    pub is_project_said: bool,
    /// The person's home directory, for the roots that a client names.
    pub home: Option<PathBuf>,
    /// The client's time zone, such as `Europe/Vienna`; None if it is the system's.
    pub time_zone: Option<String>,
    /// Session of the client.
    pub session: Option<String>,
    /// Client's name and version as `name/version`, until it says who it is itself.
    pub client: Option<String>,
    /// Process of the client, such as the parent of this one.
    pub pid: Option<u32>,
    /// Beginning of the op_ids that this bridge makes: visible ASCII, unlike that of any other bridge, so random.
    pub op_id_prefix: String,
    /// What the client is to know of its set-up; told once, with the first answer of `memory_health`.
    pub notice: Option<String>,
}

/// Serves one client until its stdin closes.
///
/// Returns when stdin is at its end and what was under way has been answered, or two seconds later. A closed stdout does
/// not end it: answers are then thrown away.
pub async fn run_bridge<R, W, L>(stdin: R, stdout: W, link: L, options: BridgeOptions)
where
    R: AsyncBufRead + Unpin,
    W: AsyncWrite + Unpin + Send + 'static,
    L: HostLink,
{
    let (answers, waiting) = mpsc::channel(ANSWERS_MAX);
    let writer = tokio::spawn(write_answers(stdout, waiting));
    let mut lines = Lines::new(stdin, LINE_BYTES_MAX);
    let mut requests = Requests::new(link, options, answers);
    loop {
        tokio::select! {
            line = lines.next(), if requests.len() < TAKEN_MAX => match line {
                Line::Text(text) => take(&text, &mut requests).await,
                Line::TooLong(ends) => requests.answer_now(reply::too_long(&ends, LINE_BYTES_MAX)).await,
                Line::End => break,
            },
            () = requests.next_done(), if !requests.is_empty() => {}
        }
    }
    if timeout(PATIENCE_AT_END, requests.all_done()).await.is_err() {
        tracing::warn!(
            left = requests.len(),
            "stdin closed; what was still under way is given up"
        );
    }
    // Aborts what is left, and with it closes the way to the writer.
    drop(requests);
    if timeout(PATIENCE_AT_END, writer).await.is_err() {
        tracing::warn!("stdin closed; the last answers were not read in time");
    }
}

async fn take<L: HostLink>(line: &[u8], requests: &mut Requests<L>) {
    match message::read(line) {
        None => {}
        Some(Incoming::Bad(bad)) => {
            let answer = reply::error(&bad.id, bad.code, &bad.text);
            requests.answer_now(answer).await;
        }
        Some(Incoming::Refused(message, why)) => {
            if let Some(answer) = reply::unreadable(&message, why) {
                requests.answer_now(answer).await;
            }
        }
        Some(Incoming::Cancel(id)) => requests.cancel(&id),
        Some(Incoming::Roots(roots)) => requests.learn_roots(&roots),
        Some(Incoming::Message(message)) => {
            let asks = requests.asks_for_roots(&message);
            requests.start(message);
            if asks {
                requests.answer_now(roots::question()).await;
            }
        }
    }
}

/// Writes answers, one line each. After a failed write it takes them and throws them away.
async fn write_answers<W: AsyncWrite + Unpin>(mut stdout: W, mut waiting: mpsc::Receiver<Bytes>) {
    let mut is_open = true;
    while let Some(answer) = waiting.recv().await {
        if !is_open {
            continue;
        }
        let mut line = Vec::with_capacity(answer.len() + 1);
        line.extend_from_slice(&answer);
        line.push(b'\n');
        let written = async {
            stdout.write_all(&line).await?;
            stdout.flush().await
        };
        if let Err(error) = written.await {
            tracing::warn!(%error, "stdout is closed; answers are thrown away");
            is_open = false;
        }
    }
}
