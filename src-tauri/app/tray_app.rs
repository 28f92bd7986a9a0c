//! The tray application: a host in this process, or the view of one that already runs.

mod glance;
mod host_face;

use std::io::IsTerminal as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::runtime::Runtime;

use crate::autostart::Autostart;
use crate::cli::{CommandError, Context, output};
use crate::client::serving;
use crate::compose::StartError;
use crate::desktop::{self, DesktopOptions, Face, Start};
use host_face::HostFace;

/// Runs the tray application until the person quits it.
pub(crate) fn run(context: Context, hidden: bool) -> Result<ExitCode, CommandError> {
    if desktop::has_left_console() {
        return Ok(ExitCode::SUCCESS);
    }
    desktop::with_webkit_environment();
    if let Err(error) = crate::store_dir::check(context.options.data_dir.path()) {
        // Nothing is written into a directory that others may enter, no log either.
        return Err(told(error.into(), face_of(context)?));
    }
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
    Autostart::follow_program(&context.options.data_dir);
    let face = face_of(context)?;
    match serving(face.store()).first() {
        Some(host) => {
            let pid = host.identity.pid;
            let text = format!("a host already serves this store (pid {pid}): attached to it");
            output::note(&text);
            tracing::info!("{text}");
        }
        None => {
            if let Err(error) = face.start() {
                // A later start is not to ask this one for a window: it may find what is wrong mended.
                drop(lock);
                return Err(told(error, face));
            }
        }
    }
    desktop::run(face.clone(), DesktopOptions { hidden, lock }).map_err(|error| {
        face.stop();
        CommandError::Failed(error.to_string())
    })?;
    Ok(ExitCode::SUCCESS)
}

fn face_of(context: Context) -> Result<Arc<HostFace>, CommandError> {
    let runtime = Arc::new(crate::cli::host::runtime()?);
    let quit = Quit::listen(&runtime);
    Ok(Arc::new(HostFace::new(context, runtime, quit)))
}

/// Tells in a window why there is no host, unless somebody sits at the terminal, where the error goes.
fn told(error: StartError, face: Arc<dyn Face>) -> CommandError {
    let error = CommandError::from(error);
    tracing::error!(%error, "the host could not start");
    if !std::io::stderr().is_terminal() {
        desktop::show_failure(face, &error.to_string());
    }
    error
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
