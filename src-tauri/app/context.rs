//! What the command line, the environment and the settings say, for every command and for the window.

use std::path::PathBuf;

use commonplace_api::settings::Settings;

use crate::paths::DataDir;

/// What the command line and the environment say.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    pub(crate) data_dir: DataDir,
    pub(crate) port: Option<u16>,
    pub(crate) model_dir: Option<PathBuf>,
    pub(crate) role: &'static str,
    /// Whether another port will do where the one that is wanted is taken.
    pub(crate) or_any_port: bool,
}

impl Options {
    /// Where the files of the model are.
    pub(crate) fn model_dir(&self, settings: &Settings) -> PathBuf {
        let is_named = |dir: &&PathBuf| !dir.as_os_str().is_empty();
        let given = self.model_dir.as_ref().filter(is_named);
        let given = given.or(settings.model_dir.as_ref());
        given.map_or_else(|| self.data_dir.model(), PathBuf::clone)
    }
}

/// What every command needs.
pub(crate) struct Context {
    pub(crate) options: Options,
    pub(crate) settings: Settings,
    pub(crate) json: bool,
}

impl Context {
    /// Starts logging for a command: errors only, unless RUST_LOG or LOG_LEVEL ask for more.
    pub(crate) fn log_quietly(&self) {
        crate::logging::start(
            Some(&log_level().unwrap_or_else(|| "error".to_owned())),
            None,
        );
    }

    /// Starts logging for a program that runs long.
    pub(crate) fn log_to_files(&self) {
        let level = log_level().or_else(|| self.settings.log.clone());
        crate::logging::start(level.as_deref(), Some(&self.options.data_dir.logs()));
    }
}

fn log_level() -> Option<String> {
    log_variable().map(|(_, level)| level)
}

/// Reads RUST_LOG, else LOG_LEVEL, and says which.
pub(crate) fn log_variable() -> Option<(&'static str, String)> {
    let read = |name: &'static str| {
        let level = std::env::var(name).ok()?;
        (!level.is_empty()).then_some((name, level))
    };
    read("RUST_LOG").or_else(|| read("LOG_LEVEL"))
}
