//! The tray application: a host in this process, or the view of one that already runs.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::json;
use tokio::runtime::Runtime;

use crate::cli::connect::http_line;
use crate::cli::{CommandError, Context, output};
use crate::client::{HostClient, serving};
use crate::compose::{Host, StartError};
use crate::desktop::{self, DesktopOptions, Face, Glance, Start, State};
use crate::paths::DataDir;
use crate::tokens::TokenTexts;

/// How long the tray waits for a host in another process.
const GLANCE_TIME_MAX: Duration = Duration::from_millis(400);

/// Runs the tray application until the person quits it.
pub(crate) fn run(context: Context, hidden: bool) -> Result<ExitCode, CommandError> {
    desktop::with_webkit_environment();
    context.log_to_files();
    let lock = match desktop::claim(context.options.data_dir.path()) {
        Ok(Start::First(lock)) => Some(lock),
        Ok(Start::Later(first)) => return show_first(&first),
        Err(error) => {
            // Opening the store says the same in more words, if it cannot be opened.
            tracing::warn!(%error, "a later start will not be heard");
            None
        }
    };
    let runtime = Arc::new(crate::cli::host::runtime()?);
    let quit = Quit::listen(&runtime);
    let face: Arc<dyn Face> = match serving(&context.options.data_dir).first() {
        Some(host) => {
            let text = format!(
                "a host already serves this store (pid {}): attached to it",
                host.identity.pid
            );
            output::note(&text);
            tracing::info!("{text}");
            Arc::new(Attached {
                data_dir: context.options.data_dir.clone(),
                runtime,
                quit,
            })
        }
        None => Arc::new(OwnHost::start(&context, runtime, quit)?),
    };
    desktop::run(Arc::clone(&face), DesktopOptions { hidden, lock }).map_err(|error| {
        face.stop();
        CommandError::Failed(error.to_string())
    })?;
    Ok(ExitCode::SUCCESS)
}

/// Asks the application that runs already for its window.
fn show_first(first: &desktop::FirstApp) -> Result<ExitCode, CommandError> {
    let pid = first
        .process()
        .map(|pid| format!(" (pid {pid})"))
        .unwrap_or_default();
    match first.show() {
        Ok(true) => {
            output::note(&format!(
                "the application already runs{pid}; its window is open"
            ));
            Ok(ExitCode::SUCCESS)
        }
        Ok(false) => Err(CommandError::Failed(format!(
            "the application already runs{pid} and does not answer; end it, then start again"
        ))),
        Err(error) => Err(CommandError::Failed(format!(
            "the application already runs{pid}, and could not be asked for its window: {error}"
        ))),
    }
}

/// Whether a signal asked the application to quit.
struct Quit(Arc<AtomicBool>);

impl Quit {
    /// Listens for SIGTERM, SIGINT and SIGHUP from now on.
    fn listen(runtime: &Runtime) -> Self {
        let asked = Arc::new(AtomicBool::new(false));
        let heard = Arc::clone(&asked);
        runtime.spawn(async move {
            crate::cli::host::stop_asked().await;
            heard.store(true, Ordering::Relaxed);
        });
        Self(asked)
    }

    fn is_asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// A host in this process.
struct OwnHost {
    runtime: Arc<Runtime>,
    /// None once it was stopped.
    host: Mutex<Option<Host>>,
    engine: commonplace_engine::Engine,
    url: String,
    mcp_url: String,
    data_dir: DataDir,
    quit: Quit,
}

impl OwnHost {
    fn start(context: &Context, runtime: Arc<Runtime>, quit: Quit) -> Result<Self, StartError> {
        let host = runtime.block_on(Host::start(&context.options, &context.settings))?;
        tracing::info!(url = host.url, "serving");
        let (engine, url, mcp_url) = (host.engine.clone(), host.url.clone(), host.mcp_url.clone());
        let data_dir = context.options.data_dir.clone();
        Ok(Self {
            runtime,
            host: Mutex::new(Some(host)),
            engine,
            url,
            mcp_url,
            data_dir,
            quit,
        })
    }

    fn host(&self) -> std::sync::MutexGuard<'_, Option<Host>> {
        self.host.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Face for OwnHost {
    fn glance(&self) -> Option<Glance> {
        let status = serde_json::to_value(self.engine.status()).ok()?;
        Some(glance(&status))
    }

    fn page_url(&self) -> Result<String, String> {
        let host = self.host();
        let host = host.as_ref().ok_or("the host is stopping")?;
        Ok(format!("{}#code={}", self.url, host.access.issue_code()))
    }

    fn connect_line(&self) -> String {
        connect_line(&self.data_dir, &self.mcp_url)
    }

    fn is_own_host(&self) -> bool {
        true
    }

    fn stop(&self) {
        let host = self.host().take();
        if let Some(host) = host {
            self.runtime.block_on(host.stop());
        }
    }

    fn is_asked_to_quit(&self) -> bool {
        self.quit.is_asked()
    }

    fn log_dir(&self) -> PathBuf {
        self.data_dir.logs()
    }

    fn data_dir(&self) -> PathBuf {
        self.data_dir.path().to_owned()
    }
}

/// A host in another process.
struct Attached {
    runtime: Arc<Runtime>,
    data_dir: DataDir,
    quit: Quit,
}

impl Face for Attached {
    fn glance(&self) -> Option<Glance> {
        let client = HostClient::find(&self.data_dir).ok()?;
        let asked =
            async { tokio::time::timeout(GLANCE_TIME_MAX, client.get("/api/status")).await };
        let status = self.runtime.block_on(asked).ok()?.ok()?;
        Some(glance(&status))
    }

    fn page_url(&self) -> Result<String, String> {
        let client = HostClient::find(&self.data_dir).map_err(|error| error.to_string())?;
        let answer = self
            .runtime
            .block_on(client.post("/api/codes", &json!({})))
            .map_err(|error| error.to_string())?;
        answer["url"]
            .as_str()
            .map(str::to_owned)
            .ok_or_else(|| "the host gave no address".to_owned())
    }

    fn connect_line(&self) -> String {
        let mcp_url = serving(&self.data_dir)
            .into_iter()
            .find_map(|host| host.mcp_url);
        connect_line(&self.data_dir, &mcp_url.unwrap_or_default())
    }

    fn is_own_host(&self) -> bool {
        false
    }

    fn stop(&self) {}

    fn is_asked_to_quit(&self) -> bool {
        self.quit.is_asked()
    }

    fn log_dir(&self) -> PathBuf {
        self.data_dir.logs()
    }

    fn data_dir(&self) -> PathBuf {
        self.data_dir.path().to_owned()
    }
}

fn connect_line(data_dir: &DataDir, mcp_url: &str) -> String {
    match TokenTexts::read(data_dir.path()) {
        Ok(tokens) => http_line(mcp_url, &tokens.agent),
        // The command finds the token by itself, or says what is wrong with it.
        Err(_) => "commonplace connect claude".to_owned(),
    }
}

/// Takes from a status what the tray shows.
fn glance(status: &serde_json::Value) -> Glance {
    let number = |value: &serde_json::Value| value.as_u64().unwrap_or(0);
    let now_ms = status["now_ms"].as_i64().unwrap_or(0);
    let clients = status["clients"].as_array().into_iter().flatten();
    let connected = clients
        .filter(|client| is_connected(client, now_ms))
        .count();
    Glance {
        state: match status["state"].as_str() {
            Some("ok") => State::Ok,
            Some("busy") => State::Busy,
            // A pause wants a look as a long wait does; the sentence beside the icon says which it is.
            Some("waiting" | "paused") => State::Waiting,
            _ => State::Error,
        },
        sentence: status["diagnosis"]
            .as_str()
            .unwrap_or("?")
            .trim_end_matches('.')
            .to_owned(),
        queue_length: number(&status["queue"]["length"]) as usize,
        waiters: status["lock"]["waiters"].as_array().map_or(0, Vec::len),
        clients: connected,
        memories: number(&status["memories"]["total"]),
        backlog: number(&status["index"]["backlog"]),
    }
}

/// Says whether a client counts as connected: MCP has no connections, so one that asked within five minutes does.
fn is_connected(client: &serde_json::Value, now_ms: i64) -> bool {
    const RECENT_MS: i64 = 5 * 60 * 1000;
    client["in_flight"].as_u64().unwrap_or(0) > 0
        || now_ms - client["last_seen_ms"].as_i64().unwrap_or(0) < RECENT_MS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tray_shows_what_the_status_says() {
        let status = json!({
            "now_ms": 1_000_000, "state": "waiting", "diagnosis": "One write is waiting.",
            "queue": { "length": 3 }, "lock": { "waiters": [{}, {}] }, "memories": { "total": 7 }, "index": { "backlog": 2 },
            "clients": [
                { "in_flight": 0, "last_seen_ms": 900_000 },
                { "in_flight": 1, "last_seen_ms": 0 },
                { "in_flight": 0, "last_seen_ms": 0 },
            ],
        });
        let expected = Glance {
            state: State::Waiting,
            sentence: "One write is waiting".to_owned(),
            queue_length: 3,
            waiters: 2,
            clients: 2,
            memories: 7,
            backlog: 2,
        };
        assert_eq!(glance(&status), expected);
    }
}
