//! The host as tray and window see it: in this process, or in another one.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use commonplace_api::locks::{MeantHolder, SettleAct};
use commonplace_engine::{Engine, PauseRecord, pause_writes, resume_writes};
use commonplace_http::StartAtLogin as _;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::Quit;
use super::glance::{glance_of, locks_of};
use crate::autostart::LoginEntry;
use crate::cli::{self, Context, output};
use crate::client::{ClientError, HostClient, serving};
use crate::compose::{Host, Options, StartError};
use crate::desktop::{Absent, Face, Glance, Locks};
use crate::paths::DataDir;
use crate::processes::audit_party;
use crate::settings::Reading;

/// How long the tray waits for a host in another process.
const GLANCE_TIME_MAX: Duration = Duration::from_millis(400);
/// How long somebody who wants the window waits for such a host: nothing else is done meanwhile.
const PAGE_TIME_MAX: Duration = Duration::from_secs(2);

/// What this program calls itself in records, beside the host that it may run.
const ROLE: &str = "tray";

/// The host of one store.
pub(super) struct HostFace {
    context: Context,
    runtime: Arc<Runtime>,
    /// The host in this process; None while attached to another one, and once it was stopped.
    host: Mutex<Option<Host>>,
    login: LoginEntry,
    quit: Quit,
}

impl HostFace {
    /// Looks at whatever host there is; [`HostFace::start`] starts one here.
    pub(super) fn new(context: Context, runtime: Arc<Runtime>, quit: Quit) -> Self {
        Self {
            login: LoginEntry::of(&context.options.data_dir),
            context,
            runtime,
            host: Mutex::new(None),
            quit,
        }
    }

    /// Starts the host in this process.
    pub(super) fn start(&self) -> Result<(), StartError> {
        let read = Reading::at(&self.store().settings(), &self.context.settings);
        let started = Host::start(&self.context.options, &read.settings);
        let host = self.runtime.block_on(started)?;
        tracing::info!(url = host.url, "serving");
        *self.host() = Some(host);
        Ok(())
    }

    /// Returns where the store is.
    pub(super) fn store(&self) -> &DataDir {
        &self.context.options.data_dir
    }

    fn host(&self) -> MutexGuard<'_, Option<Host>> {
        self.host.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn engine(&self) -> Option<Engine> {
        self.host().as_ref().map(|host| host.engine.clone())
    }

    /// Reads a document of the host in another process; None if it does not answer at once.
    fn ask(&self, path: &str) -> Option<Value> {
        self.ask_of(&HostClient::find(self.store()).ok()?, path)
    }

    fn ask_of(&self, client: &HostClient, path: &str) -> Option<Value> {
        let asked = async { tokio::time::timeout(GLANCE_TIME_MAX, client.get(path)).await };
        self.runtime.block_on(asked).ok()?.ok()
    }

    /// What a command needs that does without the host.
    fn beside(&self) -> Context {
        Context {
            options: Options {
                role: ROLE,
                ..self.context.options.clone()
            },
            settings: self.context.settings.clone(),
            json: false,
        }
    }
}

impl Face for HostFace {
    fn glance(&self) -> Result<Glance, Absent> {
        if let Some(engine) = self.engine() {
            return Ok(glance_of(&json!(engine.status())));
        }
        let client = match HostClient::find(self.store()) {
            Ok(client) => client,
            Err(ClientError::Stopped { pid }) => return Err(Absent::Silent { pid }),
            Err(_) => {
                let hosts = serving(self.store());
                let pid = hosts.first().ok_or(Absent::Gone)?.identity.pid;
                return Err(Absent::Silent { pid });
            }
        };
        let pid = client.host().pid();
        let status = self.ask_of(&client, "/api/status");
        Ok(glance_of(&status.ok_or(Absent::Silent { pid })?))
    }

    fn locks(&self) -> Locks {
        let report = match self.engine() {
            Some(engine) => engine.locks().map(|report| json!(report)).ok(),
            None => self.ask("/api/locks").or_else(|| {
                let report = cli::locks::read(&self.beside());
                report.map(|report| json!(report)).ok()
            }),
        };
        report.map_or_else(Locks::default, |report| locks_of(&report))
    }

    fn page_url(&self) -> Result<String, String> {
        if let Some(host) = &*self.host() {
            return Ok(format!("{}#code={}", host.url, host.access.issue_code()));
        }
        let client = HostClient::find(self.store()).map_err(|error| error.to_string())?;
        let nothing = json!({});
        let asked = async {
            let answer = client.post("/api/codes", &nothing);
            tokio::time::timeout(PAGE_TIME_MAX, answer).await
        };
        let late = |_| {
            format!(
                "the host at {} did not answer within {} s: {}; the menu says what can be done",
                client.url,
                PAGE_TIME_MAX.as_secs(),
                client.host().silence()
            )
        };
        let answer = self.runtime.block_on(asked).map_err(late)?;
        let answer = answer.map_err(|error| error.to_string())?;
        answer["url"]
            .as_str()
            .map(str::to_owned)
            .ok_or_else(|| "the host gave no address".to_owned())
    }

    fn connect_line(&self) -> String {
        cli::connect::line(self.store())
    }

    fn pause(&self) -> Result<(), String> {
        let by = cli::pause::who("the tray");
        if let Some(engine) = self.engine() {
            return engine.pause(&by).map(drop).map_err(failed);
        }
        let record = PauseRecord::new(&by, jiff::Timestamp::now().as_millisecond());
        let paused = pause_writes(&self.store().locks(), record);
        paused.map(drop).map_err(failed)
    }

    fn resume(&self) -> Result<(), String> {
        if let Some(engine) = self.engine() {
            return engine.resume().map(drop).map_err(failed);
        }
        let resumed = resume_writes(&self.store().locks());
        resumed.map(drop).map_err(failed)
    }

    fn settle(&self, act: SettleAct, meant: Option<&MeantHolder>) -> Result<String, String> {
        let settled = match self.engine() {
            Some(engine) => engine.settle(act, &audit_party(ROLE), meant),
            None => cli::locks::settle(&self.beside(), act, ROLE, meant),
        };
        settled
            .map(|settled| format!("{}: {}", settled.found, settled.done))
            .map_err(|error| error.to_string())
    }

    fn start_host(&self) -> Result<(), String> {
        if self.is_own_host() || !serving(self.store()).is_empty() {
            return Ok(());
        }
        self.start().map_err(failed)
    }

    fn starts_at_login(&self) -> Option<bool> {
        Some(self.login.status().ok()?.start_at_login)
    }

    fn set_start_at_login(&self, is_on: bool) -> Result<(), String> {
        self.login.set(is_on).map(drop).map_err(failed)
    }

    fn tell_after(&self) -> Duration {
        let read = Reading::at(&self.store().settings(), &self.context.settings);
        read.settings.limits.slow_wait
    }

    fn is_own_host(&self) -> bool {
        self.host().is_some()
    }

    fn stop(&self) {
        let host = self.host().take();
        if let Some(host) = host {
            // What went wrong is in the log; nobody sees a window that is closing.
            drop(self.runtime.block_on(host.stop()));
        }
    }

    fn is_asked_to_quit(&self) -> bool {
        self.quit.is_asked()
    }

    fn log_dir(&self) -> PathBuf {
        self.store().logs()
    }

    fn data_dir(&self) -> PathBuf {
        self.store().path().to_owned()
    }
}

/// Words an error with its causes.
fn failed(error: impl std::error::Error) -> String {
    output::with_causes(&error)
}
