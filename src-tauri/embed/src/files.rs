//! The files of the model: their names, sizes and sums, and the check before loading.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::checked::{self, CheckedFile};
use crate::config::Config;
use crate::error::LoadError;

/// One file that the model consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModelFile {
    /// Name inside the model's directory.
    pub name: &'static str,
    /// Exact size and SHA-256 sum in hex; `None` where only the content's meaning counts.
    pub content: Option<(u64, &'static str)>,
}

/// What is known of the files without reading them: size and time of each that is there.
pub(crate) type Seen = [Option<(u64, Option<SystemTime>)>; MODEL_FILES.len()];

/// The files of the model, the large one first.
pub const MODEL_FILES: [ModelFile; 3] = [WEIGHTS, TOKENIZER, CONFIG];

pub(crate) const WEIGHTS: ModelFile = ModelFile {
    name: "model.safetensors",
    content: Some((
        90_868_376,
        "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    )),
};
pub(crate) const TOKENIZER: ModelFile = ModelFile {
    name: "tokenizer.json",
    content: Some((
        466_247,
        "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    )),
};
pub(crate) const CONFIG: ModelFile = ModelFile {
    name: "config.json",
    content: None,
};

impl ModelFile {
    /// Reads the file at `path`, whatever its name there, and compares it with what this one must be: size and sum, or of the
    /// configuration what it says.
    ///
    /// Blocks for 0.1 to 0.2 s.
    ///
    /// # Errors
    /// [`LoadError`] says what is wrong with it.
    pub fn check(&self, path: &Path) -> Result<(), LoadError> {
        let checked = self.open_at(path.to_owned(), true)?;
        match self.content {
            Some(_) => Ok(()),
            None => Config::read(&checked).map(drop),
        }
    }

    /// Compares what is not a file by itself as [`ModelFile::check`] does: `content` must have `bytes` bytes, and `path` names
    /// it in errors.
    ///
    /// Reads at most one byte more than the file may have, whatever `content` has; nothing if `bytes` is wrong.
    ///
    /// # Errors
    /// [`LoadError`] says what is wrong with it.
    pub fn check_content(
        &self,
        path: &Path,
        bytes: u64,
        content: impl Read,
    ) -> Result<(), LoadError> {
        match self.content {
            Some((expected, sha256)) => {
                checked::compare_size(path, bytes, expected)?;
                checked::compare_sum(path, content.take(expected + 1), sha256)
            }
            None => {
                let json = checked::read_small(path, bytes, content)?;
                Config::parse(path, &json).map(drop)
            }
        }
    }

    /// Opens the file in `dir` and compares its size; with `verify` also its sum.
    pub(crate) fn open(&self, dir: &Path, verify: bool) -> Result<CheckedFile, LoadError> {
        self.open_at(dir.join(self.name), verify)
    }

    fn open_at(&self, path: PathBuf, verify: bool) -> Result<CheckedFile, LoadError> {
        let file = File::open(&path).map_err(|error| LoadError::from_io(&path, error))?;
        let metadata = file
            .metadata()
            .map_err(|error| LoadError::from_io(&path, error))?;
        if !metadata.is_file() {
            return Err(LoadError::damaged(&path, "it is not a file"));
        }
        let checked = CheckedFile {
            file,
            path,
            bytes: metadata.len(),
        };
        if let Some((bytes, sha256)) = self.content {
            checked.compare_size(bytes)?;
            if verify {
                checked.compare_sum(sha256)?;
            }
        }
        Ok(checked)
    }
}

/// Looks at the files in `dir`.
pub(crate) fn seen(dir: &Path) -> Seen {
    MODEL_FILES.map(|file| {
        let metadata = dir.join(file.name).metadata().ok()?;
        Some((metadata.len(), metadata.modified().ok()))
    })
}
