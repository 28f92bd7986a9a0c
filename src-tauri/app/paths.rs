//! Where things are: the store directory and what lies in it.

use std::path::{Path, PathBuf};

use directories::BaseDirs;

/// The store directory of one run of the program.
#[derive(Debug, Clone)]
pub(crate) struct DataDir(PathBuf);

impl DataDir {
    /// Takes the directory given on the command line or in the environment, else the platform's data directory.
    ///
    /// Returns None if nothing was given and this user has no home directory.
    pub(crate) fn find(given: Option<PathBuf>) -> Option<Self> {
        let dir = match given {
            Some(given) => given,
            None => BaseDirs::new()?.data_dir().join("commonplace"),
        };
        Some(Self(std::path::absolute(&dir).unwrap_or(dir)))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn locks(&self) -> PathBuf {
        self.0.join(commonplace_engine::LOCKS_DIR)
    }

    pub(crate) fn logs(&self) -> PathBuf {
        self.0.join("logs")
    }

    pub(crate) fn settings(&self) -> PathBuf {
        self.0.join("settings.toml")
    }

    /// Where the model is, unless it is said otherwise.
    pub(crate) fn model(&self) -> PathBuf {
        self.0.join("models").join("all-MiniLM-L6-v2")
    }
}
