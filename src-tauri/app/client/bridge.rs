//! The bridge's way to the host: finds it, starts one if none works, and reads the token again when it has changed.

mod starter;

use std::sync::Arc;
use std::time::Duration;

use commonplace_api::ProcessState;
use commonplace_mcp::bridge::{
    ANSWER_TIME_MAX, BridgeOptions, HostLink, LinkError, LinkRequest, LinkResponse, run_bridge,
};
use jiff::tz::TimeZone;
use tokio::io::BufReader;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};

use super::proved_host::ProvedHost;
use super::{ClientError, failure, find_host_beside, is_worth_asking_again};
use crate::context::Context;
use crate::other_stores::{Homes, warning};
use crate::output;
use crate::paths::DataDir;
use crate::projects::{ClientProject, of_client};
use crate::runtime::RuntimeError;
use crate::system::random::random_bytes;
use crate::tokens::TokenTexts;
use starter::Starter;

/// How long the bridge tries to reach or start a host for one try of a request.
const REACH_TIME_MAX: Duration = Duration::from_secs(20);
/// Pause between two looks for a host that another bridge is starting, and between two tries to connect.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Tells why the bridge could not start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BridgeError {
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    #[error("could not find this program: {0}")]
    Program(std::io::Error),
}

/// Runs `commonplace mcp`: ends when stdin does.
pub(crate) fn run(context: &Context) -> Result<(), BridgeError> {
    context.log_quietly();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(RuntimeError::from)?;
    let link = Link::new(context).map_err(BridgeError::Program)?;
    let folder = std::env::current_dir().ok();
    let ClientProject { project, is_said } = of_client(folder.as_deref());
    let notice = warning(&context.options.data_dir, &Homes::find());
    if let Some(notice) = &notice {
        // Whatever the level of the log is.
        output::note(&format!("commonplace: {notice}"));
    }
    let options = BridgeOptions {
        project,
        is_project_said: is_said,
        time_zone: TimeZone::system().iana_name().map(str::to_owned),
        session: variable("CLAUDE_CODE_SESSION_ID"),
        client: variable("CLAUDECODE").map(|_| "claude-code".to_owned()),
        pid: crate::system::platform::parent_pid(),
        op_id_prefix: hex::encode(&random_bytes()[..12]),
        home: crate::paths::home(),
        notice,
    };
    runtime.block_on(run_bridge(
        BufReader::new(tokio::io::stdin()),
        tokio::io::stdout(),
        link,
        options,
    ));
    // A pending read of stdin cannot be cancelled: do not wait for its thread.
    runtime.shutdown_background();
    Ok(())
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The link of one bridge.
struct Link {
    data_dir: DataDir,
    starter: Starter,
    /// Held while a host is started, so that this bridge starts one only.
    known: Mutex<Known>,
}

/// What the bridge knows of hosts.
#[derive(Default)]
struct Known {
    /// The host that is used; forgotten when it fails. Each connection to it is proved again.
    target: Option<Arc<Target>>,
    /// Hosts that left a request without an answer: they must give a sign of life before they are used again. That a
    /// process is stopped the system tells of none in another container, and on some systems of none at all.
    silent: Vec<Arc<ProvedHost>>,
}

/// A host, and the token that opens it.
struct Target {
    host: Arc<ProvedHost>,
    http: reqwest::Client,
    token: String,
}

impl HostLink for Link {
    async fn post(&self, request: LinkRequest) -> Result<LinkResponse, LinkError> {
        let until = request.until.min(Instant::now() + REACH_TIME_MAX);
        let mut refused_until = None;
        loop {
            let target = self.target(until).await?;
            match target.send(&request).await {
                Ok(response)
                    if response.status == http::StatusCode::UNAUTHORIZED
                        && is_worth_asking_again(&mut refused_until) =>
                {
                    let reason = "the token has changed".to_owned();
                    self.forget(&target, &LinkError::Unreachable { reason })
                        .await;
                    sleep(LOOK_EVERY).await;
                }
                Ok(response) => return Ok(response),
                Err(error) => {
                    self.forget(&target, &error).await;
                    let is_tried_again = matches!(error, LinkError::Unreachable { .. });
                    if !is_tried_again || Instant::now() + LOOK_EVERY >= until {
                        return Err(error);
                    }
                    sleep(LOOK_EVERY).await;
                }
            }
        }
    }
}

impl Link {
    fn new(context: &Context) -> std::io::Result<Self> {
        Ok(Self {
            data_dir: context.options.data_dir.clone(),
            starter: Starter::new(context)?,
            known: Mutex::default(),
        })
    }

    /// Does not use a host any more for which a request has failed, or whose token has changed.
    async fn forget(&self, target: &Arc<Target>, why: &LinkError) {
        let mut known = self.known.lock().await;
        let is_used = |used: &Arc<Target>| Arc::ptr_eq(used, target);
        if known.target.as_ref().is_some_and(is_used) {
            known.target = None;
        }
        let is_known = known.silent.iter().any(|host| host.is_same(&target.host));
        if matches!(why, LinkError::Silent { .. }) && !is_known {
            known.silent.push(Arc::clone(&target.host));
        }
    }

    /// Returns the host to ask: the one that is used, one that works, or one that is started now.
    async fn target(&self, until: Instant) -> Result<Arc<Target>, LinkError> {
        let mut known = self.known.lock().await;
        if let Some(target) = &known.target {
            return Ok(Arc::clone(target));
        }
        // Others could hold the gate of such a directory, or have put a token of theirs there.
        crate::system::store_dir::check(self.data_dir.path()).map_err(|error| {
            let reason = error.to_string();
            LinkError::Unusable { reason }
        })?;
        known.silent = still_silent(std::mem::take(&mut known.silent)).await;
        let target = match self.find(&known.silent) {
            Ok(target) => target,
            Err(why) => self.start(until, &why, &known.silent).await?,
        };
        Ok(Arc::clone(known.target.insert(Arc::new(target))))
    }

    fn find(&self, silent: &[Arc<ProvedHost>]) -> Result<Target, ClientError> {
        let host = find_host_beside(&self.data_dir, silent)?;
        Ok(Target {
            http: host.http_client(ANSWER_TIME_MAX),
            host,
            token: TokenTexts::read(self.data_dir.path())?.agent,
        })
    }

    /// Starts a host beside those that do not work, which is normal for a store. `why` there is none says more than a
    /// start that fails, if one is stopped or cannot be trusted.
    async fn start(
        &self,
        until: Instant,
        why: &ClientError,
        silent: &[Arc<ProvedHost>],
    ) -> Result<Target, LinkError> {
        let is_told = !matches!(why, ClientError::NotRunning(_));
        if is_told {
            tracing::warn!(%why, "starting another host");
        }
        let started = self.starter.start(until, || self.find(silent).ok()).await;
        started.map_err(|reason| LinkError::Unreachable {
            reason: match is_told {
                true => format!("{why}; and {reason}"),
                false => reason,
            },
        })
    }
}

/// Returns the hosts that still answer nothing. One that is stopped is passed over without asking it.
async fn still_silent(hosts: Vec<Arc<ProvedHost>>) -> Vec<Arc<ProvedHost>> {
    let mut silent = Vec::new();
    for host in hosts {
        let is_stopped = host.state() == ProcessState::Stopped;
        if is_stopped || (host.is_alive() && !host.answers().await) {
            silent.push(host);
        }
    }
    silent
}

impl Target {
    /// Sends a request, and gives up when its time is over or the host's process is seen stopped: one that works, however
    /// slowly, is waited for.
    async fn send(&self, request: &LinkRequest) -> Result<LinkResponse, LinkError> {
        let left = request.until.saturating_duration_since(Instant::now());
        let asked = self
            .http
            .post(self.host.mcp_url())
            .timeout(left)
            .headers(request.headers.clone())
            .bearer_auth(&self.token)
            .body(request.body.clone());
        tokio::select! {
            answer = answer(asked) => answer.map_err(|error| self.failed(&error)),
            () = self.host.stopped() => Err(LinkError::Silent { reason: self.host.silence() }),
        }
    }

    fn failed(&self, error: &reqwest::Error) -> LinkError {
        let reason = failure(&self.host, error);
        if error.is_connect() {
            LinkError::Unreachable { reason }
        } else if error.is_timeout() {
            LinkError::Silent { reason }
        } else {
            LinkError::Broken { reason }
        }
    }
}

/// Sends a request and reads the whole answer.
async fn answer(request: reqwest::RequestBuilder) -> reqwest::Result<LinkResponse> {
    let response = request.send().await?;
    let content_type = response.headers().get(http::header::CONTENT_TYPE);
    let content_type = content_type.and_then(|value| value.to_str().ok());
    Ok(LinkResponse {
        status: response.status(),
        content_type: content_type.unwrap_or_default().to_owned(),
        body: response.bytes().await?,
    })
}
