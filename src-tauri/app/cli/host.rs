//! `serve` and `app`: the commands that host the store.

use std::process::ExitCode;

use serde_json::json;

use super::{CommandError, Context, output};
use crate::autostart::Autostart;
use crate::compose::{Host, StartError};

/// Threads for connections; searches and commits have threads of their own.
const ASYNC_THREADS: usize = 2;

/// Makes the runtime of a host.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, CommandError> {
    crate::platform::allow_many_files();
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(ASYNC_THREADS)
        .enable_all()
        .build()
        .map_err(|error| CommandError::Failed(format!("could not start the runtime: {error}")))
}

/// Serves until SIGTERM, SIGINT or Ctrl-C. A second signal ends the program at once.
pub(crate) fn serve(context: Context) -> Result<ExitCode, CommandError> {
    context.log_to_files();
    Autostart::follow_program(&context.options.data_dir);
    runtime()?.block_on(async {
        let host = Host::start(&context.options, &context.settings).await?;
        output::line(&ready_line(&context, &host).to_string());
        tracing::info!(url = host.url, data_dir = %context.options.data_dir.path().display(), "serving");
        stop_asked().await;
        tracing::info!("stopping: accepted writes are finished first");
        tokio::select! {
            stopped = host.stop() => stopped
                .map(|()| ExitCode::SUCCESS)
                .map_err(|lost| CommandError::Failed(lost.to_string())),
            () = stop_asked() => Err(CommandError::Failed("stopped at once; accepted writes may be unanswered".to_owned())),
        }
    })
}

/// What programs that start a host read.
fn ready_line(context: &Context, host: &Host) -> serde_json::Value {
    json!({
        "ready": true,
        "url": host.url,
        "mcp_url": host.mcp_url,
        "pid": std::process::id(),
        "data_dir": context.options.data_dir.path(),
    })
}

/// Waits for the wish to stop: SIGTERM, SIGINT, SIGHUP, or Ctrl-C.
pub(crate) async fn stop_asked() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let terminate = signal(SignalKind::terminate());
        let hangup = signal(SignalKind::hangup());
        if let (Ok(mut terminate), Ok(mut hangup)) = (terminate, hangup) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
                _ = hangup.recv() => {}
            }
            return;
        }
    }
    drop(tokio::signal::ctrl_c().await);
}

/// Starts the tray application.
#[cfg(feature = "desktop")]
pub(crate) fn app(context: Context, hidden: bool) -> Result<ExitCode, CommandError> {
    crate::tray_app::run(context, hidden)
}

/// Says that this build has no tray.
#[cfg(not(feature = "desktop"))]
pub(crate) fn app(_context: Context, _hidden: bool) -> Result<ExitCode, CommandError> {
    let text = "this build has no tray application: `commonplace serve` hosts the store, `commonplace open` shows the page";
    Err(CommandError::Usage(text.to_owned()))
}

impl From<commonplace_engine::OpenError> for CommandError {
    fn from(error: commonplace_engine::OpenError) -> Self {
        Self::Start(StartError::Engine(error))
    }
}
