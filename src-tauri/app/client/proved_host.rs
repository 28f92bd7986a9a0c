//! What it takes to be sure that the other end of a connection is a host of this store, run by this user.
//!
//! A program of ours sends a token or the text of a memory only to a proved host. Before and after each new connection it
//! is proved that the host lives: it holds its life lock, which the system gives back when its process ends, however it
//! ends. While it lives nobody else can have its socket, which lies in a directory of this user; so both proofs together
//! say who was connected to. A host of an older program has no socket: there the port must be listened on by the very
//! process that the record names, in the same network. Where the system does not tell that, the host is not asked.

use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use commonplace_api::ProcessState;
use commonplace_engine::{InstanceRecord, Processes as _, instances_dir, is_proved_alive};
use tower::{BoxError, Layer, Service};

use crate::paths::DataDir;
use crate::system::local_socket::Way;
use crate::system::port_owner::is_listening;
use crate::system::processes::SystemProcesses;

/// Pause between two looks at the process of a host that has not answered yet.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Looks in a row that must find it stopped: a debugger or a snapshot stops a process for a moment.
const LOOKS: u32 = 3;

/// How long a host may take to give a sign of life.
const SIGN_TIME_MAX: Duration = Duration::from_secs(2);

/// Tells why a host is not asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotProved {
    #[error("the host (pid {pid}) is gone: it does not hold its life lock any more")]
    Gone { pid: u32 },
    #[error(
        "the host (pid {pid}) has no socket of its own, and the program that listens on port {port} here is not that process; nothing was sent. Start the host again with this version"
    )]
    Stranger { pid: u32, port: u16 },
    #[error("the socket of the host (pid {pid}) cannot be trusted: {source}; nothing was sent")]
    Socket { pid: u32, source: std::io::Error },
}

/// A host that can be told from strangers.
#[derive(Debug)]
pub(crate) struct ProvedHost {
    record: InstanceRecord,
    locks: std::path::PathBuf,
    way: Option<Way>,
}

impl ProvedHost {
    /// Finds the way to the host of a record, and proves that it lives. Connects to nobody.
    pub(crate) fn of(data_dir: &DataDir, record: InstanceRecord) -> Result<Self, NotProved> {
        let locks = data_dir.locks();
        let way = way(&locks, &record)?;
        let host = Self { record, locks, way };
        host.prove()?;
        Ok(host)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.record.identity.pid
    }

    /// Address of the page, without a slash at its end.
    pub(crate) fn url(&self) -> &str {
        let url = self.record.url.as_deref().unwrap_or_default();
        url.trim_end_matches('/')
    }

    pub(crate) fn mcp_url(&self) -> &str {
        self.record.mcp_url.as_deref().unwrap_or_default()
    }

    /// Says what the host's process is doing.
    pub(crate) fn state(&self) -> ProcessState {
        SystemProcesses.look(&self.record.identity)
    }

    /// Completes when the host's process has been stopped for some looks in a row; never while it works, however long.
    pub(crate) async fn stopped(&self) {
        let mut seen = 0;
        while seen < LOOKS {
            tokio::time::sleep(LOOK_EVERY).await;
            seen = match self.state() {
                ProcessState::Stopped => seen + 1,
                _ => 0,
            };
        }
    }

    /// Says whether a record is of this host.
    pub(crate) fn is_of(&self, record: &InstanceRecord) -> bool {
        self.record.identity.instance == record.identity.instance
    }

    /// Says whether another value is of this host.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.is_of(&other.record)
    }

    /// Says whether it holds its life lock.
    pub(crate) fn is_alive(&self) -> bool {
        is_proved_alive(&self.locks, &self.record.identity.instance)
    }

    /// Asks for the page, which needs no token and no work: a host that is busy has it at once.
    pub(crate) async fn answers(self: &Arc<Self>) -> bool {
        let asked = self.http_client(SIGN_TIME_MAX).get(self.url()).send();
        asked.await.is_ok()
    }

    /// Says in words what the host's process is doing, for an answer that has not come.
    pub(crate) fn silence(&self) -> String {
        silence(self.pid(), self.state())
    }

    /// Makes an HTTP client that speaks to this host alone: each of its connections is proved.
    pub(crate) fn http_client(self: &Arc<Self>, answer_time_max: Duration) -> reqwest::Client {
        let mut client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .tcp_nodelay(true)
            .timeout(answer_time_max)
            .connector_layer(Proving(Arc::clone(self)));
        if let Some(way) = &self.way {
            client = way.lead(client);
        }
        client
            .build()
            .expect("a client without TLS needs nothing that could be missing")
    }

    /// Proves that whoever has the host's socket or port at this moment is the host.
    fn prove(&self) -> Result<(), NotProved> {
        let pid = self.pid();
        if !self.is_alive() {
            return Err(NotProved::Gone { pid });
        }
        if self.way.is_some() {
            return Ok(());
        }
        let port = port_of(self.url());
        // A number means something only among the processes that it was written for.
        let is_known = matches!(self.state(), ProcessState::Running | ProcessState::Stopped);
        if is_known && is_listening(pid, port) {
            return Ok(());
        }
        Err(NotProved::Stranger { pid, port })
    }
}

/// The way to the socket of a host; None if it has none.
fn way(locks: &Path, record: &InstanceRecord) -> Result<Option<Way>, NotProved> {
    let Some(socket) = &record.socket else {
        return Ok(None);
    };
    let pid = record.identity.pid;
    let found = Way::find(&instances_dir(locks), socket);
    found
        .map(Some)
        .map_err(|source| NotProved::Socket { pid, source })
}

fn port_of(url: &str) -> u16 {
    let (_, port) = url.rsplit_once(':').unwrap_or_default();
    port.parse().unwrap_or(0)
}

/// Says what the process of a silent host is doing, and what helps.
pub(crate) fn silence(pid: u32, state: ProcessState) -> String {
    match state.remedy(pid) {
        Some(remedy) => format!("the host (pid {pid}) {}: {remedy}", state.words()),
        None => format!("the process of the host (pid {pid}) {}", state.words()),
    }
}

/// Proves each connection that a client makes, before and after.
#[derive(Debug, Clone)]
struct Proving(Arc<ProvedHost>);

/// A connector with that proof.
#[derive(Debug, Clone)]
struct Proved<S> {
    connector: S,
    host: Arc<ProvedHost>,
}

impl<S> Layer<S> for Proving {
    type Service = Proved<S>;

    fn layer(&self, connector: S) -> Proved<S> {
        let host = Arc::clone(&self.0);
        Proved { connector, host }
    }
}

impl<S, R> Service<R> for Proved<S>
where
    S: Service<R, Error = BoxError>,
    S::Future: Send + 'static,
    S::Response: Send + 'static,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.connector.poll_ready(context)
    }

    fn call(&mut self, to: R) -> Self::Future {
        if let Err(error) = self.host.prove() {
            return Box::pin(std::future::ready(Err(error.into())));
        }
        let connecting = self.connector.call(to);
        let host = Arc::clone(&self.host);
        Box::pin(async move {
            let connection = connecting.await?;
            host.prove()?;
            Ok(connection)
        })
    }
}
