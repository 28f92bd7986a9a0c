//! The client of a running host: finds it, asks it. Commands, bridge and an attached tray use nothing else.

use std::sync::Arc;
use std::time::Duration;

use commonplace_api::ProcessState;
use commonplace_engine::{InstanceRecord, live_instances};
use serde_json::Value;

use crate::paths::DataDir;
use crate::proved_host::{NotProved, ProvedHost, silence};
use crate::tokens::{TokenFileError, TokenTexts};

/// How long a host may take to answer a command.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(10);

/// Tells why a host could not be asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    #[error(
        "no host is running for the store `{0}`: start one with `commonplace serve` or the tray application"
    )]
    NotRunning(String),
    /// All hosts of the store are stopped, as with Ctrl-Z; this is the oldest.
    #[error("no host answers: {}", silence(*.pid, ProcessState::Stopped))]
    Stopped { pid: u32 },
    #[error("the host (pid {pid}) answers nothing")]
    Silent { pid: u32 },
    #[error(transparent)]
    NotProved(#[from] NotProved),
    #[error(transparent)]
    Tokens(#[from] TokenFileError),
    #[error(
        "the host at {url} did not answer: {reason}; look at its log with `commonplace doctor`"
    )]
    Unreachable { url: String, reason: String },
    #[error("the host at {url} answered {status}: {text}")]
    Refused {
        url: String,
        status: u16,
        text: String,
    },
}

impl ClientError {
    /// Says whether there is no host that works: then a command that can does it without one.
    pub(crate) fn is_without_host(&self) -> bool {
        matches!(self, Self::NotRunning(_) | Self::Stopped { .. })
    }
}

/// A running host of one store.
pub(crate) struct HostClient {
    http: reqwest::Client,
    host: Arc<ProvedHost>,
    pub(crate) url: String,
    admin: String,
}

/// Returns the records of the hosts that serve a store, the oldest first.
pub(crate) fn serving(data_dir: &DataDir) -> Vec<InstanceRecord> {
    let instances = live_instances(&data_dir.locks()).unwrap_or_default();
    instances
        .into_iter()
        .filter(|instance| instance.url.is_some())
        .collect()
}

/// Finds the oldest host of a store that is not stopped and can be told from strangers.
pub(crate) fn find_host(data_dir: &DataDir) -> Result<Arc<ProvedHost>, ClientError> {
    find_host_beside(data_dir, &[])
}

/// Does the same, and passes over those of `silent`.
pub(crate) fn find_host_beside(
    data_dir: &DataDir,
    silent: &[Arc<ProvedHost>],
) -> Result<Arc<ProvedHost>, ClientError> {
    let mut refused = None;
    for record in serving(data_dir) {
        let pid = record.identity.pid;
        let why = if silent.iter().any(|host| host.is_of(&record)) {
            ClientError::Silent { pid }
        } else {
            match ProvedHost::of(data_dir, record) {
                Ok(host) if host.state() != ProcessState::Stopped => return Ok(Arc::new(host)),
                Ok(_) => ClientError::Stopped { pid },
                Err(error) => error.into(),
            }
        };
        refused = refused.or(Some(why));
    }
    Err(refused.unwrap_or_else(|| ClientError::NotRunning(data_dir.path().display().to_string())))
}

impl HostClient {
    /// Finds a host of a store, see [`find_host`].
    pub(crate) fn find(data_dir: &DataDir) -> Result<Self, ClientError> {
        let host = find_host(data_dir)?;
        Ok(Self {
            http: host.http_client(ANSWER_TIME_MAX),
            url: host.url().to_owned(),
            host,
            admin: TokenTexts::read(data_dir.path())?.admin,
        })
    }

    /// The host that this client uses.
    pub(crate) fn host(&self) -> &Arc<ProvedHost> {
        &self.host
    }

    /// Reads a JSON document of the host.
    pub(crate) async fn get(&self, path: &str) -> Result<Value, ClientError> {
        self.send(self.http.get(format!("{}{path}", self.url)))
            .await
    }

    /// Sends a JSON document to the host and reads its answer.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> Result<Value, ClientError> {
        self.send(self.http.post(format!("{}{path}", self.url)).json(body))
            .await
    }

    /// Changes a part of what the host keeps, and reads its answer.
    pub(crate) async fn patch(&self, path: &str, body: &Value) -> Result<Value, ClientError> {
        self.send(self.http.patch(format!("{}{path}", self.url)).json(body))
            .await
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Result<Value, ClientError> {
        let asked = async {
            let response = request.bearer_auth(&self.admin).send().await?;
            Ok::<_, reqwest::Error>((response.status(), response.text().await?))
        };
        let answer = tokio::select! {
            answer = asked => answer.map_err(|error| self.unreachable(failure(&self.host, &error))),
            () = self.host.stopped() => Err(ClientError::Stopped { pid: self.host.pid() }),
        };
        let (status, text) = answer?;
        if !status.is_success() {
            return Err(ClientError::Refused {
                url: self.url.clone(),
                status: status.as_u16(),
                text,
            });
        }
        serde_json::from_str(&text)
            .map_err(|error| self.unreachable(format!("its answer is not JSON ({error})")))
    }

    fn unreachable(&self, reason: String) -> ClientError {
        let url = self.url.clone();
        ClientError::Unreachable { url, reason }
    }
}

/// Says why there is no answer, and what the host's process is doing if it only did not come.
pub(crate) fn failure(host: &ProvedHost, error: &reqwest::Error) -> String {
    let reason = cause(error);
    if error.is_timeout() {
        return format!("{reason}; {}", host.silence());
    }
    reason
}

/// Returns the innermost cause of an HTTP error, which is the part that tells something.
pub(crate) fn cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
