//! The client of a running host: finds it, asks it. Commands, bridge and an attached tray use nothing else.

pub(crate) mod bridge;
pub(crate) mod mcp_client;
pub(crate) mod proved_host;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use commonplace_api::about::PageAddress;
use commonplace_api::backups::{BackupRequest, BackupRunning, Backups};
use commonplace_api::call::{self, AnswerError, Call};
use commonplace_api::locks::{LocksReport, Settle, Settled};
use commonplace_api::logs::LogPage;
use commonplace_api::query::LogQuery;
use commonplace_api::settings::{SettingsChange, SettingsReport};
use commonplace_api::statistics::Incidents;
use commonplace_api::status::Status;
use commonplace_api::{Host, Pause, PauseRequest, ProcessState, Refusal};
use commonplace_engine::{InstanceRecord, live_instances};
use http::header::CONTENT_TYPE;
use serde::de::DeserializeOwned;
use tokio::runtime::Runtime;
use tokio::time::{Instant, sleep};

use crate::paths::DataDir;
use crate::runtime::{RuntimeError, small_runtime};
use crate::tokens::{TokenFileError, TokenTexts};
use proved_host::{NotProved, ProvedHost, silence};

/// How long a host may take to answer a command.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(10);

/// How long a host may go on refusing a token after it was rotated: it looks at the file once a second.
const TOKEN_KNOWN_WITHIN: Duration = Duration::from_secs(2);
/// Pause before a host that refused the token is asked again.
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(50);

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
    #[error("the host (pid {pid}) does not answer")]
    Silent { pid: u32 },
    #[error(transparent)]
    NotProved(#[from] NotProved),
    #[error(transparent)]
    Tokens(#[from] TokenFileError),
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    #[error("the host at {url} did not answer: {reason}; `commonplace doctor` may say why")]
    Unreachable { url: String, reason: String },
    #[error(transparent)]
    Refused(#[from] Refusal),
}

impl ClientError {
    /// Says whether there is no host that works: then a command that can does it without one.
    pub(crate) fn is_without_host(&self) -> bool {
        matches!(self, Self::NotRunning(_) | Self::Stopped { .. })
    }

    /// The process of the host that is there and was not asked; None if the error names none.
    #[cfg(feature = "desktop")]
    pub(crate) fn pid(&self) -> Option<u32> {
        match self {
            Self::Stopped { pid } | Self::Silent { pid } => Some(*pid),
            Self::NotProved(NotProved::Stranger { pid, .. } | NotProved::Socket { pid, .. }) => {
                Some(*pid)
            }
            _ => None,
        }
    }
}

/// Says whether a host that refuses the token of the file may take it a moment later; `until` is for the next refusal.
fn is_worth_asking_again(until: &mut Option<Instant>) -> bool {
    let now = Instant::now();
    now < *until.get_or_insert(now + TOKEN_KNOWN_WITHIN)
}

/// A running host of one store.
pub(crate) struct HostClient {
    http: reqwest::Client,
    host: Arc<ProvedHost>,
    /// Where the tokens are.
    data_dir: DataDir,
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
    /// Finds a host of a store, see [`find_host`]; each answer may take as long as commands wait.
    pub(crate) fn find(data_dir: &DataDir) -> Result<Self, ClientError> {
        Self::find_within(data_dir, ANSWER_TIME_MAX)
    }

    /// Does the same, and waits for each answer for up to `answer_time_max`.
    pub(crate) fn find_within(
        data_dir: &DataDir,
        answer_time_max: Duration,
    ) -> Result<Self, ClientError> {
        let host = find_host(data_dir)?;
        Ok(Self {
            http: host.http_client(answer_time_max),
            host,
            data_dir: data_dir.clone(),
        })
    }

    /// Address of the host's page.
    pub(crate) fn url(&self) -> &str {
        self.host.url()
    }

    /// The host that this client uses.
    pub(crate) fn host(&self) -> &Arc<ProvedHost> {
        &self.host
    }

    /// Sends a call and reads its answer.
    pub(crate) async fn ask<T: DeserializeOwned>(&self, call: Call<T>) -> Result<T, ClientError> {
        let method: http::Method = call.method.parse().expect("it is a method of HTTP");
        let url = format!("{}{}", self.url(), call.path);
        let mut request = self.http.request(method, url);
        if let Some(body) = &call.body {
            request = request
                .header(CONTENT_TYPE, "application/json")
                .body(body.clone());
        }
        let mut refused_until = None;
        let (status, body) = loop {
            let request = request.try_clone().expect("its body is no stream");
            let (status, body) = self.send(request).await?;
            if status != http::StatusCode::UNAUTHORIZED
                || !is_worth_asking_again(&mut refused_until)
            {
                break (status, body);
            }
            sleep(ASK_AGAIN_AFTER).await;
        };
        call.read(status.as_u16(), &body)
            .map_err(|error| match error {
                AnswerError::Refused(refusal) => ClientError::Refused(refusal),
                AnswerError::NotUnderstood { .. } => self.unreachable(error.to_string()),
            })
    }

    /// Sends a request with the token that holds now, and reads the whole answer.
    async fn send(
        &self,
        request: reqwest::RequestBuilder,
    ) -> Result<(http::StatusCode, Vec<u8>), ClientError> {
        let request = request.bearer_auth(TokenTexts::read(self.data_dir.path())?.admin);
        let asked = async {
            let response = request.send().await?;
            Ok::<_, reqwest::Error>((response.status(), response.bytes().await?.into()))
        };
        tokio::select! {
            answer = asked => answer.map_err(|error| self.unreachable(failure(&self.host, &error))),
            () = self.host.stopped() => Err(ClientError::Stopped { pid: self.host.pid() }),
        }
    }

    fn unreachable(&self, reason: String) -> ClientError {
        let url = self.url().to_owned();
        ClientError::Unreachable { url, reason }
    }
}

/// A host in another process, for those who wait for its answers on their own thread.
pub(crate) struct RemoteHost {
    client: HostClient,
    runtime: Runtime,
}

impl RemoteHost {
    /// Finds a host as [`HostClient::find`] does.
    pub(crate) fn find(data_dir: &DataDir) -> Result<Self, ClientError> {
        Self::find_within(data_dir, ANSWER_TIME_MAX)
    }

    /// Finds a host as [`HostClient::find_within`] does.
    pub(crate) fn find_within(
        data_dir: &DataDir,
        answer_time_max: Duration,
    ) -> Result<Self, ClientError> {
        Ok(Self {
            client: HostClient::find_within(data_dir, answer_time_max)?,
            runtime: small_runtime()?,
        })
    }

    /// The process that is asked.
    #[cfg(feature = "desktop")]
    pub(crate) fn pid(&self) -> u32 {
        self.client.host.pid()
    }

    /// Says whether that process still has the life lock of a host.
    #[cfg(feature = "desktop")]
    pub(crate) fn is_alive(&self) -> bool {
        self.client.host.is_alive()
    }

    /// Waits for something about this host.
    pub(crate) fn wait<T>(&self, asked: impl Future<Output = T>) -> T {
        self.runtime.block_on(asked)
    }

    fn ask<T: DeserializeOwned>(&self, call: Call<T>) -> Result<T, ClientError> {
        self.wait(self.client.ask(call))
    }
}

impl Host for RemoteHost {
    type Error = ClientError;

    fn status(&self) -> Result<Status, ClientError> {
        self.ask(call::status())
    }

    fn incidents(&self, limit: u32) -> Result<Incidents, ClientError> {
        self.ask(call::incidents(limit))
    }

    fn locks(&self) -> Result<LocksReport, ClientError> {
        self.ask(call::locks())
    }

    fn settle(&self, asked: &Settle) -> Result<Settled, ClientError> {
        self.ask(call::settle(asked))
    }

    fn settings(&self) -> Result<SettingsReport, ClientError> {
        self.ask(call::settings())
    }

    fn change_settings(&self, change: &SettingsChange) -> Result<SettingsReport, ClientError> {
        self.ask(call::change_settings(change))
    }

    fn backups(&self) -> Result<Backups, ClientError> {
        self.ask(call::backups())
    }

    fn start_backup(&self, asked: &BackupRequest) -> Result<BackupRunning, ClientError> {
        self.ask(call::start_backup(asked))
    }

    fn start_check(&self) -> Result<(), ClientError> {
        self.ask(call::start_check()).map(drop)
    }

    fn pause(&self, by: &str) -> Result<Pause, ClientError> {
        let by = Some(by.to_owned());
        let answer = self.ask(call::pause(&PauseRequest { by }))?;
        let none = || {
            self.client
                .unreachable("its answer names no pause".to_owned())
        };
        answer.pause.ok_or_else(none)
    }

    fn resume(&self) -> Result<Option<Pause>, ClientError> {
        Ok(self.ask(call::resume())?.pause)
    }

    fn logs(&self, query: &LogQuery) -> Result<LogPage, ClientError> {
        self.ask(call::logs(query))
    }

    fn page_address(&self) -> Result<PageAddress, ClientError> {
        self.ask(call::page_address())
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

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::net::TcpListener;

    use commonplace_engine::{Engine, EngineConfig, ModelUse, Served};

    use super::*;
    use crate::system::identity::identity;
    use crate::system::processes::SystemProcesses;

    /// A host in this process that takes connections and never answers.
    struct MuteHost {
        data_dir: DataDir,
        _dir: tempfile::TempDir,
        _listener: TcpListener,
        _engine: Engine,
    }

    impl MuteHost {
        fn start() -> Self {
            let dir = tempfile::tempdir().unwrap();
            let data_dir = DataDir::find(Some(dir.path().join("store"))).unwrap();
            let config = EngineConfig {
                data_dir: data_dir.path().to_owned(),
                model_dir: data_dir.model(),
                limits: Default::default(),
                model_use: ModelUse::None,
                processes: Arc::new(SystemProcesses),
            };
            let engine = Engine::open(config, identity("mute")).unwrap();
            TokenTexts::ensure(data_dir.path()).unwrap();
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let url = format!("http://{}/", listener.local_addr().unwrap());
            let served = Served {
                mcp_url: format!("{url}mcp"),
                url,
                socket: None,
                network: None,
            };
            engine.announce(served).unwrap();
            Self {
                data_dir,
                _dir: dir,
                _listener: listener,
                _engine: engine,
            }
        }
    }

    #[test]
    fn a_host_that_never_answers_is_waited_for_as_long_as_was_said() {
        let host = MuteHost::start();
        let client = RemoteHost::find_within(&host.data_dir, Duration::from_millis(50)).unwrap();
        let error = client.status().unwrap_err();
        assert!(matches!(error, ClientError::Unreachable { .. }), "{error}");
        let text = error.to_string();
        let pid = std::process::id();
        let expected = format!("timed out; the process of the host (pid {pid}) ");
        assert!(text.contains(&expected), "{text}");
    }
}
