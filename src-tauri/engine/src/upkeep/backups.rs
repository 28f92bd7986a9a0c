//! Backups that a running engine makes: beside the writes, on a thread of their own, one at a time.

use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard};

use commonplace_api::backups::{self as api, BackupFinished, BackupRunning};
use commonplace_store::{
    BACKUPS_DIR, BackupError, BackupFile, BackupKind, BackupMade, BackupStep, BackupTo,
    kept_backups, last_backup_ms,
};

use crate::context::Context;
use crate::mutex::lock;

/// Outcomes that are remembered, so that who asked for a backup finds its own.
const FINISHED_LEN_MAX: usize = 8;

/// What the engine remembers of its backups.
#[derive(Default)]
pub(crate) struct Backups {
    /// Short sections; never held while a backup works.
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    begun: u64,
    running: Option<BackupRunning>,
    finished: VecDeque<BackupFinished>,
    /// Why what would be gone could not be written out.
    not_rescued: Option<String>,
}

impl Backups {
    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    pub(crate) fn begin(&self, started_ms: i64) -> Result<BackupRunning, BackupError> {
        let mut state = self.state();
        if state.running.is_some() {
            return Err(BackupError::UnderWay);
        }
        state.begun += 1;
        let running = BackupRunning {
            number: state.begun,
            started_ms,
            step: api::BackupStep::Copying {
                bytes: 0,
                bytes_expected: 0,
            },
        };
        Ok(state.running.insert(running).clone())
    }

    fn note(&self, step: BackupStep) {
        if let Some(running) = &mut self.state().running {
            running.step = step_of(step);
        }
    }

    pub(crate) fn end(&self, number: u64, ended_ms: i64, result: &Result<BackupMade, BackupError>) {
        let mut state = self.state();
        state.running = None;
        state.finished.truncate(FINISHED_LEN_MAX - 1);
        state.finished.push_front(BackupFinished {
            number,
            ended_ms,
            made: result.as_ref().ok().cloned().map(made_of),
            error: result.as_ref().err().map(ToString::to_string),
        });
    }

    /// Returns why [`rescue`] came to nothing; None if it did not.
    pub(crate) fn not_rescued(&self) -> Option<String> {
        self.state().not_rescued.clone()
    }

    /// Lists the backups in `folder`, and tells how far the one under way is. A folder that cannot be read counts as
    /// empty, and the log says so.
    pub(crate) fn list(&self, folder: PathBuf) -> api::Backups {
        let kept = kept_backups(&folder).unwrap_or_else(|error: io::Error| {
            tracing::warn!(%error, folder = %folder.display(), "the backups cannot be listed");
            Vec::new()
        });
        let state = self.state();
        api::Backups {
            last_backup_ms: last_backup_ms(&folder),
            folder,
            running: state.running.clone(),
            finished: state.finished.iter().cloned().collect(),
            kept: kept.into_iter().map(file_of).collect(),
        }
    }
}

pub(crate) fn backups_folder(context: &Context) -> PathBuf {
    context.config.data_dir.join(BACKUPS_DIR)
}

pub(crate) fn last_backup_of(context: &Context) -> Option<i64> {
    last_backup_ms(&backups_folder(context))
}

/// Makes one backup on this thread. A shutdown of the engine ends it.
pub(crate) fn back_up(
    context: &Context,
    file: Option<&BackupTo>,
    report: &mut dyn FnMut(BackupStep),
) -> Result<BackupMade, BackupError> {
    let folder = backups_folder(context);
    let usual = BackupTo::Folder {
        folder: folder.clone(),
        keep: context.limits().backups_kept,
    };
    let report = &mut |step| {
        report(step);
        !context.is_closing()
    };
    let to = file.unwrap_or(&usual);
    let result = context
        .store
        .backup(&context.locks, &folder, to, context.now_ms(), report);
    match &result {
        Ok(made) => {
            tracing::info!(path = %made.path.display(), bytes = made.bytes, "made a backup")
        }
        Err(error) => tracing::warn!(%error, "a backup was not made"),
    }
    result
}

/// Makes the backup that was begun as `running`, and remembers how it ends.
pub(crate) fn run_backup(
    context: &Context,
    backups: &Backups,
    running: &BackupRunning,
    file: Option<&BackupTo>,
) {
    let result = back_up(context, file, &mut |step| backups.note(step));
    backups.end(running.number, context.now_ms(), &result);
    context.note_change();
}

/// Writes out what would be gone once this instance has closed the files of the store.
pub(crate) fn rescue(context: &Context, backups: &Backups) {
    let folder = backups_folder(context);
    match context
        .store
        .rescue(&context.locks, &folder, context.now_ms())
    {
        Ok(None) => {}
        Ok(Some(made)) => tracing::warn!(
            path = %made.path.display(),
            "the files of the store have no name any more; what they held is in this backup"
        ),
        Err(error) => {
            tracing::error!(
                %error,
                "the files of the store have no name any more, and what they held could not be written out"
            );
            backups.state().not_rescued = Some(error.to_string());
        }
    }
}

pub(crate) fn step_of(step: BackupStep) -> api::BackupStep {
    match step {
        BackupStep::Copying {
            bytes,
            bytes_expected,
        } => api::BackupStep::Copying {
            bytes,
            bytes_expected,
        },
        BackupStep::Checking { bytes } => api::BackupStep::Checking { bytes },
        BackupStep::Finishing => api::BackupStep::Finishing,
    }
}

pub(crate) fn made_of(made: BackupMade) -> api::BackupMade {
    api::BackupMade {
        path: made.path,
        bytes: made.bytes,
        made_ms: made.made_ms,
        contents: api::Contents {
            memories: made.contents.memories,
            deleted: made.contents.deleted,
            vectors: made.contents.vectors,
            commits: made.contents.commits,
        },
        removed: made.removed,
    }
}

fn file_of(file: BackupFile) -> api::BackupFile {
    api::BackupFile {
        path: file.path,
        bytes: file.bytes,
        made_ms: file.made_ms,
        kind: match file.kind {
            BackupKind::Made => api::BackupKind::Made,
            BackupKind::BeforeRestore => api::BackupKind::BeforeRestore,
            BackupKind::BeforeMigration => api::BackupKind::BeforeMigration,
            BackupKind::SetAside => api::BackupKind::SetAside,
            BackupKind::Rescued => api::BackupKind::Rescued,
        },
    }
}
