//! `serve` and `app`: the commands that host the store.

use std::process::ExitCode;

use serde_json::json;

use super::{CommandError, Context, output};
use crate::autostart::Autostart;
use crate::host::compose::RunningHost;
use crate::runtime::{host_runtime, stop_requested};

/// Serves until SIGTERM, SIGINT or Ctrl-C. A second signal ends the program at once.
pub(crate) fn serve(context: Context) -> Result<ExitCode, CommandError> {
    context.log_to_files();
    Autostart::follow_program(&context.options.data_dir);
    host_runtime()?.block_on(async {
        let host = RunningHost::start(&context.options, &context.settings).await?;
        output::line(&ready_line(&context, &host).to_string());
        tracing::info!(url = host.url, data_dir = %context.options.data_dir.path().display(), "serving");
        stop_requested().await;
        tracing::info!("stopping: accepted writes are finished first");
        tokio::select! {
            stopped = host.stop() => stopped
                .map(|()| ExitCode::SUCCESS)
                .map_err(|lost| CommandError::Failed(lost.to_string())),
            () = stop_requested() => Err(CommandError::Failed("stopped at once; accepted writes may be unanswered".to_owned())),
        }
    })
}

/// What programs that start a host read.
fn ready_line(context: &Context, host: &RunningHost) -> serde_json::Value {
    json!({
        "ready": true,
        "url": host.url,
        "mcp_url": host.mcp_url,
        "pid": std::process::id(),
        "data_dir": context.options.data_dir.path(),
    })
}

/// Starts the tray application.
#[cfg(feature = "desktop")]
pub(crate) fn app(context: Context, hidden: bool) -> Result<ExitCode, CommandError> {
    crate::desktop::app::run(context, hidden)?;
    Ok(ExitCode::SUCCESS)
}

/// Says that this build has no tray.
#[cfg(not(feature = "desktop"))]
pub(crate) fn app(_context: Context, _hidden: bool) -> Result<ExitCode, CommandError> {
    let text = "this build has no tray application: `commonplace serve` hosts the store, `commonplace open` shows the page";
    Err(CommandError::Usage(text.to_owned()))
}
