//! `backup`: a backup of the store while it is in use.
//!
//! A running host makes it, so that two do not work at once; without one the command opens the store itself.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use commonplace_api::Host as _;
use commonplace_api::backups::{BackupMade, BackupRequest, BackupStep};
use commonplace_engine::{BackupError, ModelUse};

use super::output::Progress;
use super::{CommandError, Context, output, words};
use crate::client::{ClientError, RemoteHost};
use crate::host::compose::{close_engine, open_engine};
use crate::host::local_host::backup_to;

/// How often a host is asked how far it is.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Back up the store while it is in use.
#[derive(Debug, Args)]
pub(crate) struct Backup {
    /// File to write [default: a name with the time in `backups` in the store directory, where the newest are kept: as many as `backups_kept` says, by default 10]
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
    /// Replace an earlier backup at that place
    #[arg(long, requires = "to")]
    force: bool,
}

pub(crate) fn run(context: &Context, backup: Backup) -> Result<ExitCode, CommandError> {
    context.log_quietly();
    let asked = backup.request()?;
    let made = match RemoteHost::find(&context.options.data_dir) {
        Ok(host) => by_host(context, &host, &asked),
        Err(error) if error.is_without_host() => Ok(None),
        Err(error) => Err(error.into()),
    }?;
    let made = match made {
        Some(made) => made,
        None => by_itself(context, &asked)?,
    };
    output::result(context.json, &made, &text(&made));
    Ok(ExitCode::SUCCESS)
}

impl Backup {
    fn request(self) -> Result<BackupRequest, CommandError> {
        let absolute = |given: PathBuf| {
            let path = std::path::absolute(&given);
            path.map_err(|error| CommandError::Usage(format!("`{}`: {error}", given.display())))
        };
        Ok(BackupRequest {
            path: self.to.map(absolute).transpose()?,
            replace: self.force,
        })
    }
}

/// Has the host make the backup; None if it does not answer, so that a frozen one is no reason to have none.
fn by_host(
    context: &Context,
    host: &RemoteHost,
    asked: &BackupRequest,
) -> Result<Option<BackupMade>, CommandError> {
    let begun = match host.start_backup(asked) {
        Err(error @ (ClientError::Unreachable { .. } | ClientError::Stopped { .. })) => {
            output::note(&format!("{error}; this command makes the backup itself"));
            return Ok(None);
        }
        Err(ClientError::Refused(refusal)) if refusal.code() == "busy" => {
            Err(BackupError::UnderWay.into())
        }
        begun => begun.map_err(CommandError::from),
    }?;
    let mut progress = Progress::new(context.json);
    loop {
        let known = host.backups()?;
        let mut finished = known.finished.into_iter();
        if let Some(ended) = finished.find(|ended| ended.number == begun.number) {
            let failed = ended.error.unwrap_or_default();
            return ended.made.map(Some).ok_or(CommandError::Failed(failed));
        }
        let step = known.running.map(|running| running.step);
        progress.tell(&step.map_or_else(|| "waiting".to_owned(), how_far));
        std::thread::sleep(LOOK_EVERY);
    }
}

fn by_itself(context: &Context, asked: &BackupRequest) -> Result<BackupMade, CommandError> {
    let data_dir = &context.options.data_dir;
    if !data_dir.locks().is_dir() {
        return Err(CommandError::Failed(format!(
            "there is no store in `{}`: nothing to back up",
            data_dir.path().display()
        )));
    }
    let engine = open_engine(&context.options, &context.settings, ModelUse::None)?;
    let mut progress = Progress::new(context.json);
    let made = engine.make_backup(backup_to(asked), &mut |step| progress.tell(&how_far(step)));
    drop(progress);
    close_engine(engine);
    Ok(made?)
}

/// Says how far a backup is.
fn how_far(step: BackupStep) -> String {
    match step {
        BackupStep::Copying {
            bytes,
            bytes_expected,
        } => format!(
            "copying: {} of {}",
            words::bytes(bytes),
            words::bytes(bytes_expected)
        ),
        BackupStep::Checking { bytes } => format!("checking {}", words::bytes(bytes)),
        BackupStep::Finishing => "finishing".to_owned(),
        BackupStep::Unknown => "working".to_owned(),
    }
}

fn text(made: &BackupMade) -> String {
    let older = match made.removed.len() {
        0 => String::new(),
        1 => "; the oldest one was removed".to_owned(),
        count => format!("; the {count} oldest were removed"),
    };
    format!(
        "backed up {} ({}) to {}{older}",
        words::memories(made.contents.memories),
        words::bytes(made.bytes),
        made.path.display(),
    )
}
