//! Backups that a running engine makes: beside the writes, on a thread of their own, one at a time.

use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use commonplace_api::backups::{self as api, BackupFinished, BackupRunning};
use commonplace_store::{
    BACKUPS_DIR, BackupError, BackupFile, BackupKind, BackupMade, BackupStep, BackupTo,
    kept_backups, last_backup_ms,
};

use crate::engine::{Engine, Shared};

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
        // Every change of it is whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self, started_ms: i64) -> Result<BackupRunning, BackupError> {
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

    fn end(&self, number: u64, ended_ms: i64, result: &Result<BackupMade, BackupError>) {
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
}

impl Shared {
    pub(crate) fn backups_folder(&self) -> PathBuf {
        self.config.data_dir.join(BACKUPS_DIR)
    }

    pub(crate) fn last_backup_ms(&self) -> Option<i64> {
        last_backup_ms(&self.backups_folder())
    }

    /// Makes one backup on this thread. A shutdown of the engine ends it.
    fn back_up(
        &self,
        file: Option<&BackupTo>,
        report: &mut dyn FnMut(BackupStep),
    ) -> Result<BackupMade, BackupError> {
        let folder = self.backups_folder();
        let usual = BackupTo::Folder {
            folder: folder.clone(),
            keep: self.limits().backups_kept,
        };
        let report = &mut |step| {
            report(step);
            !self.is_closing()
        };
        let to = file.unwrap_or(&usual);
        let result = self
            .store
            .backup(&self.locks, &folder, to, self.now_ms(), report);
        match &result {
            Ok(made) => {
                tracing::info!(path = %made.path.display(), bytes = made.bytes, "made a backup")
            }
            Err(error) => tracing::warn!(%error, "a backup was not made"),
        }
        result
    }

    /// Writes out what would be gone once this instance has closed the files of the store.
    pub(crate) fn rescue(&self) {
        let folder = self.backups_folder();
        match self.store.rescue(&self.locks, &folder, self.now_ms()) {
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
                self.backups.state().not_rescued = Some(error.to_string());
            }
        }
    }

    /// Makes the backup that was begun as `running`, and remembers how it ends.
    fn run_backup(&self, running: &BackupRunning, file: Option<&BackupTo>) {
        let result = self.back_up(file, &mut |step| self.backups.note(step));
        self.backups.end(running.number, self.now_ms(), &result);
        self.note_change();
    }
}

impl Engine {
    /// Returns why the last thing that this engine did, to write out what lay in files that no name leads to any more, came
    /// to nothing; None if it did not. Known after [`Engine::shutdown`].
    pub fn not_rescued(&self) -> Option<String> {
        self.shared.backups.state().not_rescued.clone()
    }

    /// Begins a backup on a thread of its own and returns at once; writes go on meanwhile. None puts it into the
    /// directory of backups and keeps the newest [`crate::Limits::backups_kept`] there.
    ///
    /// [`Engine::backups`] tells how far it is and how it ended. A shutdown of the engine gives it up.
    ///
    /// # Errors
    /// [`BackupError::UnderWay`] if this engine makes one already; [`BackupError::Thread`].
    pub fn start_backup(&self, to: Option<BackupTo>) -> Result<BackupRunning, BackupError> {
        let shared = &self.shared;
        if shared.is_closing() {
            return Err(BackupError::GaveUp);
        }
        let running = shared.backups.begin(shared.now_ms())?;
        let begun = running.clone();
        let worker = Arc::clone(shared);
        let thread = std::thread::Builder::new()
            .name("backup".to_owned())
            .spawn(move || worker.run_backup(&begun, to.as_ref()));
        match thread {
            Ok(thread) => {
                self.join_at_shutdown(thread);
                Ok(running)
            }
            Err(error) => {
                let result = Err(BackupError::Thread(error));
                shared.backups.end(running.number, shared.now_ms(), &result);
                result.map(|_| running)
            }
        }
    }

    /// Makes a backup on this thread, for a command that waits for it. `report` is told where it stands.
    ///
    /// # Errors
    /// See [`BackupError`].
    pub fn make_backup(
        &self,
        to: Option<BackupTo>,
        report: &mut dyn FnMut(api::BackupStep),
    ) -> Result<api::BackupMade, BackupError> {
        let made = self
            .shared
            .back_up(to.as_ref(), &mut |step| report(step_of(step)));
        made.map(made_of)
    }

    /// Tells what is known of the backups. Lists one directory; a directory that cannot be read counts as empty and is
    /// told in the log.
    #[must_use]
    pub fn backups(&self) -> api::Backups {
        let folder = self.shared.backups_folder();
        let kept = kept_backups(&folder).unwrap_or_else(|error: io::Error| {
            tracing::warn!(%error, folder = %folder.display(), "the backups cannot be listed");
            Vec::new()
        });
        let state = self.shared.backups.state();
        api::Backups {
            last_backup_ms: last_backup_ms(&folder),
            folder,
            running: state.running.clone(),
            finished: state.finished.iter().cloned().collect(),
            kept: kept.into_iter().map(file_of).collect(),
        }
    }
}

fn step_of(step: BackupStep) -> api::BackupStep {
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

fn made_of(made: BackupMade) -> api::BackupMade {
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
