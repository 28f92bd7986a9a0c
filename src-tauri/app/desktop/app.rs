//! The start of the tray application: a host in this process, or the view of one that already runs.

use std::io::IsTerminal as _;
use std::sync::Arc;

use super::single::{self, FirstApp, Start};
use super::store_host::StoreHost;
use super::{DesktopError, console, environment};
use crate::autostart::Autostart;
use crate::client::serving;
use crate::context::Context;
use crate::host::compose::StartError;
use crate::output;
use crate::runtime::RuntimeError;
use crate::system::store_dir;
use crate::words::with_causes;

/// Tells why the application could not start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AppError {
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    #[error(transparent)]
    Host(#[from] StartError),
    #[error(transparent)]
    Desktop(#[from] DesktopError),
    #[error("the application already runs{0} and does not answer; end it, then start again")]
    Silent(String),
    #[error("the application already runs{0}, and could not be asked for its window: {1}")]
    NotAsked(String, std::io::Error),
}

/// Runs the tray application until the person quits it.
pub(crate) fn run(context: Context, is_hidden: bool) -> Result<(), AppError> {
    if console::has_left_console() {
        return Ok(());
    }
    environment::with_webkit_environment();
    if let Err(error) = store_dir::check(context.options.data_dir.path()) {
        // Nothing is written into a directory that others may enter, no log either.
        return Err(shown(error.into(), Arc::new(StoreHost::new(context)?)));
    }
    context.log_to_files();
    let lock = match single::claim(context.options.data_dir.path()) {
        Ok(Start::First(lock)) => Some(lock),
        Ok(Start::Later(first)) => return show_first(&first),
        Err(error) => {
            // Opening the store says the same in more words, if it cannot be opened.
            tracing::warn!(%error, "a later start cannot ask for the window");
            None
        }
    };
    Autostart::follow_program(&context.options.data_dir);
    let host = Arc::new(StoreHost::new(context)?);
    match serving(host.store()).first() {
        Some(other) => {
            let pid = other.identity.pid;
            let text = format!("a host already serves this store (pid {pid}): attached to it");
            output::note(&text);
            tracing::info!("{text}");
        }
        None => {
            if let Err(error) = host.start_here() {
                // A later start must not ask this one for a window: it may find the cause removed.
                drop(lock);
                return Err(shown(error, host));
            }
        }
    }
    super::run(Arc::clone(&host), is_hidden, lock).inspect_err(|_| host.stop())?;
    Ok(())
}

/// Shows in a window why there is no host, unless somebody sits at the terminal, where the error goes.
fn shown(error: StartError, host: Arc<StoreHost>) -> AppError {
    tracing::error!(%error, "the host could not start");
    if !std::io::stderr().is_terminal() {
        super::show_failure(host, &with_causes(&error));
    }
    error.into()
}

/// Asks the application that runs already for its window.
fn show_first(first: &FirstApp) -> Result<(), AppError> {
    let pid = first
        .process()
        .map(|pid| format!(" (pid {pid})"))
        .unwrap_or_default();
    match first.show() {
        Ok(true) => {
            output::note(&format!(
                "the application already runs{pid}; its window is open"
            ));
            Ok(())
        }
        Ok(false) => Err(AppError::Silent(pid)),
        Err(error) => Err(AppError::NotAsked(pid, error)),
    }
}
