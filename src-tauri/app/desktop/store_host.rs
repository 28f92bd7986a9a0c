//! The host of a store, in this process or in another one, as tray and window use it.

use std::error::Error;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use commonplace_api::locks::{LocksReport, MeantHolder, Settle, SettleAct};
use commonplace_api::status::Status;
use commonplace_api::{Host, Refusal};
use commonplace_engine::{PauseRecord, pause_writes, resume_writes};
use commonplace_http::StartAtLogin as _;
use tokio::runtime::Runtime;

use super::summary::Unavailable;
use crate::autostart::LoginEntry;
use crate::claude_code;
use crate::client::{ClientError, RemoteHost, serving};
use crate::context::{Context, Options};
use crate::host::compose::{RunningHost, StartError};
use crate::host::local_host::LocalHost;
use crate::lock_files;
use crate::paths::DataDir;
use crate::runtime::{RuntimeError, host_runtime, stop_requested};
use crate::settings::Reading;
use crate::system::identity::person;
use crate::words::with_causes;

/// How long the tray waits for a host in another process.
const STATUS_TIME_MAX: Duration = Duration::from_millis(400);
/// How long somebody who wants the window waits for such a host: nothing else is done meanwhile.
const PAGE_TIME_MAX: Duration = Duration::from_secs(2);

/// What this program calls itself in records, beside the host that it may run.
const ROLE: &str = "tray";

/// The host of one store, in this process or in another one. Errors are sentences for the person at the screen.
pub(super) struct StoreHost {
    context: Context,
    runtime: Runtime,
    /// The host in this process; None while attached to another one, and once it was stopped.
    running: Mutex<Option<RunningHost>>,
    login: LoginEntry,
    is_asked_to_quit: Arc<AtomicBool>,
}

impl StoreHost {
    /// Uses whatever host there is; [`StoreHost::start_here`] starts one in this process. Listens for SIGTERM, SIGINT and
    /// SIGHUP from now on.
    pub(super) fn new(context: Context) -> Result<Self, RuntimeError> {
        let runtime = host_runtime()?;
        let is_asked_to_quit = Arc::new(AtomicBool::new(false));
        let asked = Arc::clone(&is_asked_to_quit);
        runtime.spawn(async move {
            stop_requested().await;
            asked.store(true, Ordering::Relaxed);
        });
        Ok(Self {
            login: LoginEntry::of(&context.options.data_dir),
            context,
            runtime,
            running: Mutex::new(None),
            is_asked_to_quit,
        })
    }

    /// Starts the host in this process.
    pub(super) fn start_here(&self) -> Result<(), StartError> {
        let read = Reading::at(&self.store().settings(), &self.context.settings);
        let started = RunningHost::start(&self.context.options, &read.settings);
        let host = self.runtime.block_on(started)?;
        tracing::info!(url = host.url, "serving");
        *self.running() = Some(host);
        Ok(())
    }

    /// Returns where the store is.
    pub(super) fn store(&self) -> &DataDir {
        &self.context.options.data_dir
    }

    fn running(&self) -> MutexGuard<'_, Option<RunningHost>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The host in this process.
    fn local(&self) -> Option<LocalHost> {
        let running = self.running();
        running.as_ref().map(|host| LocalHost {
            role: ROLE,
            ..host.local.clone()
        })
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

    /// Reads the status. Blocks for at most some hundred milliseconds.
    pub(super) fn status(&self) -> Result<Status, Unavailable> {
        if let Some(host) = self.local() {
            let pid = std::process::id();
            return host.status().map_err(|_| Unavailable::Silent { pid });
        }
        let host = RemoteHost::find_within(self.store(), STATUS_TIME_MAX)
            .map_err(|error| self.why_none_was_asked(&error))?;
        host.status().map_err(|_| {
            if host.is_alive() {
                Unavailable::Silent { pid: host.pid() }
            } else {
                Unavailable::Gone
            }
        })
    }

    fn why_none_was_asked(&self, error: &ClientError) -> Unavailable {
        let named = error.pid();
        let oldest = || Some(serving(self.store()).first()?.identity.pid);
        match named.or_else(oldest) {
            Some(pid) => Unavailable::Silent { pid },
            None => Unavailable::Gone,
        }
    }

    /// Reads the locks. From their files if a host in another process does not answer: it may be the one that is stuck.
    ///
    /// Blocks for up to about 10 s where somebody has the store alone.
    pub(super) fn locks(&self) -> Option<LocksReport> {
        if let Some(host) = self.local() {
            return host.locks().ok();
        }
        RemoteHost::find_within(self.store(), STATUS_TIME_MAX)
            .and_then(|host| host.locks())
            .ok()
            .or_else(|| self.lock_files())
    }

    fn lock_files(&self) -> Option<LocksReport> {
        let look = lock_files::read(&self.beside()).ok()?;
        if let Some(error) = look.not_opened {
            tracing::debug!(%error, "{}", lock_files::NOT_OPENED);
        }
        Some(look.report)
    }

    /// Returns the address of the page with a fresh one-time code (`http://127.0.0.1:PORT/#code=...`). Blocks for at most
    /// about 2 s.
    pub(super) fn page_url(&self) -> Result<String, String> {
        let asked = match self.local() {
            Some(host) => host.page_address().map_err(failed),
            None => RemoteHost::find_within(self.store(), PAGE_TIME_MAX)
                .and_then(|host| host.page_address())
                .map_err(failed),
        };
        asked.map(|address| address.url)
    }

    /// Returns the command that connects Claude Code.
    pub(super) fn connect_line(&self) -> String {
        claude_code::connect_line(self.store())
    }

    /// Pauses the writes of the store, for everybody.
    pub(super) fn pause(&self) -> Result<(), String> {
        let by = person("the tray");
        if let Some(host) = self.local() {
            return host.pause(&by).map(drop).map_err(failed);
        }
        let record = PauseRecord::new(&by, jiff::Timestamp::now().as_millisecond());
        let paused = pause_writes(&self.store().locks(), record);
        paused.map(drop).map_err(failed)
    }

    /// Resumes the writes.
    pub(super) fn resume(&self) -> Result<(), String> {
        if let Some(host) = self.local() {
            return host.resume().map(drop).map_err(failed);
        }
        let resumed = resume_writes(&self.store().locks());
        resumed.map(drop).map_err(failed)
    }

    /// Settles a lock and returns what was done. Refuses where that is not safe, and if `meant` is given and another holds
    /// it by now. Blocks for up to some seconds.
    pub(super) fn settle(
        &self,
        act: SettleAct,
        meant: Option<&MeantHolder>,
    ) -> Result<String, String> {
        let settled = match self.local() {
            Some(host) => {
                let holder = meant.cloned();
                host.settle(&Settle { act, holder })
            }
            None => lock_files::settle(&self.beside(), act, ROLE, meant).map_err(Refusal::from),
        };
        settled
            .map(|settled| format!("{}: {}", settled.found, settled.done))
            .map_err(failed)
    }

    /// Starts the host in this process, after the one in another process has ended; does nothing if one serves by now.
    /// Blocks until it serves.
    pub(super) fn start_again(&self) -> Result<(), String> {
        if self.is_local() || !serving(self.store()).is_empty() {
            return Ok(());
        }
        self.start_here().map_err(failed)
    }

    /// Says whether a login starts this program; None if that cannot be known or changed here.
    pub(super) fn starts_at_login(&self) -> Option<bool> {
        Some(self.login.status().ok()?.start_at_login)
    }

    /// Lets a login start this program, or not.
    pub(super) fn set_start_at_login(&self, is_on: bool) -> Result<(), String> {
        self.login.set(is_on).map(drop).map_err(failed)
    }

    /// Returns how long a write waits before the person is told. Read from disk: ask only when something waits.
    pub(super) fn slow_wait(&self) -> Duration {
        let read = Reading::at(&self.store().settings(), &self.context.settings);
        read.settings.limits.slow_wait
    }

    /// Tells whether the host runs in this process; false if this app is attached to another host.
    pub(super) fn is_local(&self) -> bool {
        self.running().is_some()
    }

    /// Finishes accepted writes and stops the host; has no effect when attached.
    ///
    /// Blocks for up to about 10 s. Called once.
    pub(super) fn stop(&self) {
        let running = self.running().take();
        if let Some(host) = running {
            // What went wrong is in the log; nobody sees a window that is closing.
            drop(self.runtime.block_on(host.stop()));
        }
    }

    /// Tells whether a signal asked the program to end; it quits as by the menu then. Does not block.
    pub(super) fn is_asked_to_quit(&self) -> bool {
        self.is_asked_to_quit.load(Ordering::Relaxed)
    }

    /// Returns the folder with the logs.
    pub(super) fn log_dir(&self) -> PathBuf {
        self.store().logs()
    }
}

/// Words an error with its causes.
fn failed(error: impl Error) -> String {
    with_causes(&error)
}
