//! `backup`: a backup of the store while it is in use.
//!
//! A running host makes it, so that two do not work at once; without one the command opens the store itself.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use commonplace_engine::{BackupError, BackupTo, ModelUse};
use serde_json::{Value, json};

use super::output::Progress;
use super::{CommandError, Context, output, small_runtime};
use crate::client::{ClientError, HostClient};
use crate::compose::open_engine;

/// How often a host is asked how far it is.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How long a finished command waits for its threads.
const CLOSE_TIME_MAX: Duration = Duration::from_secs(5);

/// Back up the store while it is in use.
#[derive(Debug, Args)]
pub(crate) struct Backup {
    /// File to write [default: a name with the time, in `backups` in the store directory, where the newest stay, 10 unless `backups_kept` says otherwise]
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
    /// Replace an earlier backup at that place
    #[arg(long, requires = "to")]
    force: bool,
}

pub(crate) fn run(context: &Context, backup: Backup) -> Result<ExitCode, CommandError> {
    context.log_quietly();
    let to = backup.target()?;
    let made = match HostClient::find(&context.options.data_dir) {
        Ok(host) => small_runtime()?.block_on(by_host(context, &host, to.as_ref())),
        Err(error) if error.is_without_host() => Ok(None),
        Err(error) => Err(error.into()),
    }?;
    let made = match made {
        Some(made) => made,
        None => by_itself(context, to)?,
    };
    output::result(context.json, &made, &text(&made));
    Ok(ExitCode::SUCCESS)
}

impl Backup {
    fn target(self) -> Result<Option<BackupTo>, CommandError> {
        let Some(given) = self.to else {
            return Ok(None);
        };
        let path = std::path::absolute(&given)
            .map_err(|error| CommandError::Usage(format!("`{}`: {error}", given.display())))?;
        Ok(Some(BackupTo::File {
            path,
            replace: self.force,
        }))
    }
}

/// Has the host make the backup; None if it does not answer, so that a frozen one is no reason to have none.
async fn by_host(
    context: &Context,
    host: &HostClient,
    to: Option<&BackupTo>,
) -> Result<Option<Value>, CommandError> {
    let body = match to {
        Some(BackupTo::File { path, replace }) => json!({ "path": path, "replace": replace }),
        Some(BackupTo::Folder { .. }) | None => json!({}),
    };
    let begun = match host.post("/api/backups", &body).await {
        Err(error @ (ClientError::Unreachable { .. } | ClientError::Stopped { .. })) => {
            output::note(&format!("{error}; this command makes the backup itself"));
            return Ok(None);
        }
        Err(ClientError::Refused { status: 409, .. }) => Err(BackupError::UnderWay.into()),
        begun => begun.map_err(CommandError::from),
    }?;
    let mut progress = Progress::new(context.json);
    loop {
        let told = host.get("/api/backups").await?;
        let is_this = |backup: &&Value| backup["number"] == begun["number"];
        let finished = told["finished"].as_array();
        if let Some(ended) = finished.into_iter().flatten().find(is_this) {
            return outcome(ended).map(Some);
        }
        progress.tell(&how_far(&told["running"]));
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

fn outcome(ended: &Value) -> Result<Value, CommandError> {
    match ended["error"].as_str() {
        Some(error) => Err(CommandError::Failed(error.to_owned())),
        None => Ok(ended["made"].clone()),
    }
}

fn by_itself(context: &Context, to: Option<BackupTo>) -> Result<Value, CommandError> {
    let data_dir = &context.options.data_dir;
    if !data_dir.locks().is_dir() {
        return Err(CommandError::Failed(format!(
            "there is no store in `{}`: nothing to back up",
            data_dir.path().display()
        )));
    }
    let engine = open_engine(&context.options, &context.settings, ModelUse::None)?;
    let mut progress = Progress::new(context.json);
    let made = engine.make_backup(to, &mut |step| progress.tell(&how_far(&json!(step))));
    drop(progress);
    small_runtime()?.block_on(engine.shutdown(CLOSE_TIME_MAX));
    Ok(json!(made?))
}

/// Words where a backup stands, as the host tells it.
fn how_far(running: &Value) -> String {
    let bytes = |key: &str| running[key].as_u64().unwrap_or(0);
    match running["step"].as_str() {
        Some("copying") => format!(
            "copying: {} of {}",
            output::bytes(bytes("bytes")),
            output::bytes(bytes("bytes_expected"))
        ),
        Some("checking") => format!("checking {}", output::bytes(bytes("bytes"))),
        Some(step) => step.to_owned(),
        None => "waiting".to_owned(),
    }
}

fn text(made: &Value) -> String {
    let number = |value: &Value| value.as_u64().unwrap_or(0);
    let removed = made["removed"].as_array().map_or(0, Vec::len);
    let older = match removed {
        0 => String::new(),
        1 => "; the oldest one was removed".to_owned(),
        count => format!("; the {count} oldest were removed"),
    };
    format!(
        "backed up {} ({}) to {}{older}",
        output::memories(number(&made["contents"]["memories"])),
        output::bytes(number(&made["bytes"])),
        made["path"].as_str().unwrap_or("?"),
    )
}
