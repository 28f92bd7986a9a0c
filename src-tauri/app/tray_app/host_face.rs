//! The host as tray and window see it: in this process, or in another one.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use commonplace_api::locks::{MeantHolder, Settle, SettleAct};
use commonplace_api::{Host as _, Refusal};
use commonplace_engine::{PauseRecord, pause_writes, resume_writes};
use commonplace_http::StartAtLogin as _;
use tokio::runtime::Runtime;

use super::Quit;
use super::glance::{glance_of, locks_of};
use crate::autostart::LoginEntry;
use crate::cli::{self, Context, output};
use crate::client::{ClientError, RemoteHost, serving};
use crate::compose::{Host, Options, StartError};
use crate::control::LocalHost;
use crate::desktop::{Absent, Face, Glance, Locks};
use crate::paths::DataDir;
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

    /// The host in this process.
    fn local(&self) -> Option<LocalHost> {
        let host = self.host();
        host.as_ref().map(|host| LocalHost {
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
}

impl Face for HostFace {
    fn glance(&self) -> Result<Glance, Absent> {
        if let Some(host) = self.local() {
            let status = host.status();
            return status
                .map(|status| glance_of(&status))
                .map_err(|_| Absent::Gone);
        }
        let host = match RemoteHost::find_within(self.store(), GLANCE_TIME_MAX) {
            Ok(host) => host,
            Err(ClientError::Stopped { pid }) => return Err(Absent::Silent { pid }),
            Err(_) => {
                let hosts = serving(self.store());
                let pid = hosts.first().ok_or(Absent::Gone)?.identity.pid;
                return Err(Absent::Silent { pid });
            }
        };
        let pid = host.pid();
        let status = host.status().map_err(|_| Absent::Silent { pid })?;
        Ok(glance_of(&status))
    }

    fn locks(&self) -> Locks {
        let report = match self.local() {
            Some(host) => host.locks().ok(),
            None => RemoteHost::find_within(self.store(), GLANCE_TIME_MAX)
                .and_then(|host| host.locks())
                .ok()
                .or_else(|| cli::locks::read(&self.beside()).ok()),
        };
        report.map_or_else(Locks::default, |report| locks_of(&report))
    }

    fn page_url(&self) -> Result<String, String> {
        let address = match self.local() {
            Some(host) => host.page_address().map_err(failed)?,
            None => RemoteHost::find_within(self.store(), PAGE_TIME_MAX)
                .and_then(|host| host.page_address())
                .map_err(failed)?,
        };
        Ok(address.url)
    }

    fn connect_line(&self) -> String {
        cli::connect::line(self.store())
    }

    fn pause(&self) -> Result<(), String> {
        let by = cli::pause::who("the tray");
        if let Some(host) = self.local() {
            return host.pause(&by).map(drop).map_err(failed);
        }
        let record = PauseRecord::new(&by, jiff::Timestamp::now().as_millisecond());
        let paused = pause_writes(&self.store().locks(), record);
        paused.map(drop).map_err(failed)
    }

    fn resume(&self) -> Result<(), String> {
        if let Some(host) = self.local() {
            return host.resume().map(drop).map_err(failed);
        }
        let resumed = resume_writes(&self.store().locks());
        resumed.map(drop).map_err(failed)
    }

    fn settle(&self, act: SettleAct, meant: Option<&MeantHolder>) -> Result<String, String> {
        let settled = match self.local() {
            Some(host) => {
                let holder = meant.cloned();
                host.settle(&Settle { act, holder })
            }
            None => cli::locks::settle(&self.beside(), act, ROLE, meant).map_err(Refusal::from),
        };
        settled
            .map(|settled| format!("{}: {}", settled.found, settled.done))
            .map_err(failed)
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
