//! The bridge's way to the host: finds it, starts one if none runs, and reads the token again when it has changed.

use std::path::PathBuf;
use std::process::{ExitCode, Stdio};
use std::time::Duration;

use commonplace_mcp::bridge::{
    BridgeOptions, HostLink, LinkError, LinkRequest, LinkResponse, run_bridge,
};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, timeout};

use crate::cli::{CommandError, Context};
use crate::client::{cause, http_client, serving};
use crate::paths::{DataDir, own_program};
use crate::tokens::{TokenTexts, random_bytes};

/// How long a request may take: longer than the host's longest deadline.
const REQUEST_TIME_MAX: Duration = Duration::from_secs(60);
/// How long the bridge tries to reach or start a host for one request.
const REACH_TIME_MAX: Duration = Duration::from_secs(20);
/// Pause between two looks for a host that another bridge is starting.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Runs `commonplace mcp`: ends when stdin does.
pub(crate) fn run(context: &Context) -> Result<ExitCode, CommandError> {
    context.log_quietly();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(|error| CommandError::Failed(format!("could not start the runtime: {error}")))?;
    let link = Link::new(context)
        .map_err(|error| CommandError::Failed(format!("could not find this program: {error}")))?;
    let options = BridgeOptions {
        project: variable("CLAUDE_PROJECT_DIR"),
        session: variable("CLAUDE_CODE_SESSION_ID"),
        client: variable("CLAUDECODE").map(|_| "claude-code".to_owned()),
        pid: crate::platform::parent_pid(),
        op_id_prefix: random_bytes()[..12]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect(),
    };
    runtime.block_on(run_bridge(
        BufReader::new(tokio::io::stdin()),
        tokio::io::stdout(),
        link,
        options,
    ));
    // A pending read of stdin cannot be cancelled: do not wait for its thread.
    runtime.shutdown_background();
    Ok(ExitCode::SUCCESS)
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The link of one bridge.
struct Link {
    http: reqwest::Client,
    data_dir: DataDir,
    model_dir: Option<PathBuf>,
    /// What starts a host; looked up once, so that after an update the new program is started.
    program: PathBuf,
    /// The host that answered last; forgotten when it does not answer any more.
    target: Mutex<Option<Target>>,
}

/// A host, and the token that opens it.
#[derive(Clone, PartialEq, Eq)]
struct Target {
    mcp_url: String,
    token: String,
}

impl HostLink for Link {
    async fn post(&self, request: LinkRequest) -> Result<LinkResponse, LinkError> {
        let until = Instant::now() + REACH_TIME_MAX;
        let mut has_read_token = false;
        loop {
            let target = self.target(until).await?;
            match self.send(&target, request.clone()).await {
                Ok(response)
                    if response.status == http::StatusCode::UNAUTHORIZED && !has_read_token =>
                {
                    has_read_token = true;
                    self.forget(&target).await;
                }
                Ok(response) => return Ok(response),
                Err(Sent::No(reason)) => {
                    self.forget(&target).await;
                    if Instant::now() >= until {
                        return Err(LinkError::Unreachable { reason });
                    }
                }
                Err(Sent::Perhaps(reason)) => {
                    self.forget(&target).await;
                    return Err(LinkError::Broken { reason });
                }
            }
        }
    }
}

/// Whether a request that failed may have reached the host.
enum Sent {
    No(String),
    Perhaps(String),
}

impl Link {
    fn new(context: &Context) -> std::io::Result<Self> {
        Ok(Self {
            http: http_client(REQUEST_TIME_MAX),
            data_dir: context.options.data_dir.clone(),
            model_dir: context.options.model_dir.clone(),
            program: own_program()?,
            target: Mutex::new(None),
        })
    }

    async fn send(&self, target: &Target, request: LinkRequest) -> Result<LinkResponse, Sent> {
        let request = self
            .http
            .post(&target.mcp_url)
            .headers(request.headers)
            .bearer_auth(&target.token)
            .body(request.body);
        let response = request.send().await.map_err(|error| {
            let reason = cause(&error);
            if error.is_connect() {
                Sent::No(reason)
            } else {
                Sent::Perhaps(reason)
            }
        })?;
        let status = response.status();
        let content_type = response
            .headers()
            .get(http::header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok());
        let content_type = content_type.unwrap_or_default().to_owned();
        let body = response
            .bytes()
            .await
            .map_err(|error| Sent::Perhaps(cause(&error)))?;
        Ok(LinkResponse {
            status,
            content_type,
            body,
        })
    }

    async fn forget(&self, target: &Target) {
        let mut known = self.target.lock().await;
        if known.as_ref() == Some(target) {
            *known = None;
        }
    }

    /// Returns the host to ask: the one known, one that runs, or one that is started now.
    async fn target(&self, until: Instant) -> Result<Target, LinkError> {
        // Held while a host is started, so that this bridge starts one only.
        let mut known = self.target.lock().await;
        if let Some(target) = known.as_ref() {
            return Ok(target.clone());
        }
        let target = match self.find() {
            Some(target) => target,
            None => self.start(until).await?,
        };
        Ok(known.insert(target).clone())
    }

    fn find(&self) -> Option<Target> {
        let mcp_url = serving(&self.data_dir)
            .into_iter()
            .find_map(|host| host.mcp_url)?;
        let token = TokenTexts::read(self.data_dir.path()).ok()?.agent;
        Some(Target { mcp_url, token })
    }

    /// Starts a headless host that outlives this bridge. Of many bridges that try at once, one does, the others wait.
    async fn start(&self, until: Instant) -> Result<Target, LinkError> {
        let unreachable = |reason: String| LinkError::Unreachable { reason };
        let gate = self
            .start_gate()
            .map_err(|error| unreachable(format!("could not start a host: {error}")))?;
        let mut why = "another program was starting one and did not finish".to_owned();
        while Instant::now() < until {
            if let Some(target) = self.find() {
                return Ok(target);
            }
            if gate.try_lock().is_ok() {
                why = match timeout(until - Instant::now(), self.start_once()).await {
                    Ok(Ok(())) => continue,
                    Ok(Err(reason)) => reason,
                    Err(_) => "it did not get ready in time".to_owned(),
                };
                // Perhaps another one got the port in this moment; otherwise trying again would fail again.
                return self
                    .find()
                    .ok_or_else(|| unreachable(format!("a host could not be started: {why}")));
            }
            sleep(LOOK_EVERY).await;
        }
        Err(unreachable(format!("no host was found or started: {why}")))
    }

    /// A file that whoever starts a host holds locked; the lock ends with its process.
    fn start_gate(&self) -> std::io::Result<std::fs::File> {
        crate::platform::make_private_dir(self.data_dir.path())?;
        std::fs::OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(self.data_dir.path().join("start.lock"))
    }

    /// Starts a host and waits for its ready line; the error is what it said last.
    async fn start_once(&self) -> Result<(), String> {
        let mut command = tokio::process::Command::new(&self.program);
        command
            .arg("--data-dir")
            .arg(self.data_dir.path())
            .arg("serve");
        if let Some(dir) = &self.model_dir {
            command.arg("--model-dir").arg(dir);
        }
        // A file and not a pipe: the host goes on writing there when this bridge is gone.
        let logs = self.data_dir.logs();
        let said = logs.join("last-start.log");
        crate::platform::make_private_dir(&logs).map_err(|error| error.to_string())?;
        let stderr = std::fs::File::create(&said)
            .map_err(|error| format!("could not make `{}`: {error}", said.display()))?;
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(stderr);
        crate::platform::detach(command.as_std_mut());
        let mut host = command.spawn().map_err(|error| error.to_string())?;
        let mut line = String::new();
        if let Some(out) = host.stdout.take() {
            BufReader::new(out)
                .read_line(&mut line)
                .await
                .map_err(|error| error.to_string())?;
        }
        if line.contains("\"ready\":true") {
            return Ok(());
        }
        let said = std::fs::read_to_string(&said).unwrap_or_default();
        Err(said
            .trim()
            .lines()
            .last()
            .unwrap_or("it said nothing")
            .to_owned())
    }
}
