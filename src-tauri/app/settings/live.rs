//! The settings of a running host: changes take effect in its engine at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use commonplace_api::Refusal;
use commonplace_api::settings::{SettingsChange, SettingsReport};
use commonplace_engine::Engine;

use super::SettingsFile;

/// The settings of a running host.
pub(crate) struct LiveSettings {
    file: SettingsFile,
    engine: Engine,
    /// Whether the tools take secrets out.
    redacts: Arc<AtomicBool>,
}

impl LiveSettings {
    pub(crate) fn new(file: SettingsFile, engine: Engine, redacts: Arc<AtomicBool>) -> Self {
        let live = Self {
            file,
            engine,
            redacts,
        };
        live.tell(live.file.problem());
        live
    }

    /// Takes a file into use that somebody else has changed. What is not good in it is told, and stays as it was.
    pub(crate) fn look(&self) {
        let Some(problem) = self.file.look() else {
            return;
        };
        tracing::info!("the settings file has changed and is in use");
        let not_applied = self.apply().err().map(|error| error.to_string());
        self.tell(not_applied.or(problem));
    }

    /// Tells what of the file is not in use, in the log and in the status.
    fn tell(&self, problem: Option<String>) {
        if let Some(problem) = &problem {
            tracing::warn!(%problem, "a part of the settings file is not in use");
        }
        self.engine.note_settings(problem);
    }

    /// Returns every setting.
    pub(crate) fn status(&self) -> SettingsReport {
        self.file.status()
    }

    /// Writes changes into the file, all or none, and brings them into the engine.
    pub(crate) fn change(&self, change: &SettingsChange) -> Result<SettingsReport, Refusal> {
        self.file.change(change)?;
        self.apply()?;
        tracing::info!(?change, "settings were changed");
        self.tell(self.file.problem());
        Ok(self.file.status())
    }

    /// Brings what is kept now into the engine.
    fn apply(&self) -> Result<(), Refusal> {
        self.file.bring(|kept| {
            let set = self.engine.set_limits(kept.limits);
            set.map_err(Refusal::failed)?;
            self.redacts.store(kept.redact_secrets, Ordering::Relaxed);
            Ok(())
        })
    }
}
