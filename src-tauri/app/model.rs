//! The files of the model: where they come from, and how they come to their place.
//!
//! A file is in its place only when it is whole and right: it is written beside it, checked, and renamed. What came of a
//! download stays there as `.part`, and the next try goes on with it.

mod download;
#[cfg(test)]
mod test_server;
#[cfg(test)]
mod tests;

use std::fs::{self, DirBuilder, File};
use std::io;
use std::path::{Path, PathBuf};

use commonplace_engine::{LoadError, MODEL_FILES, ModelFile};

pub(crate) use download::{DownloadError, Limits};
use download::{Downloader, Size};

/// The path of the model's files on Hugging Face and its mirrors.
const HUB_PATH: &str = "sentence-transformers/all-MiniLM-L6-v2/resolve/main";
/// Most bytes that the configuration may have, whose size is not known to the byte.
const CONFIG_BYTES_MAX: u64 = 64 * 1024;

/// Where the files come from.
pub(crate) enum Source {
    /// Below an address, within limits.
    Hub { base_url: String, limits: Limits },
    /// A directory that has all of them.
    Dir(PathBuf),
}

/// What is told while files come.
pub(crate) enum Step<'a> {
    /// Something that a person may want to know.
    Note(String),
    /// How many bytes of a file are there, and of how many if that is known.
    Bytes {
        name: &'a str,
        done: u64,
        of: Option<u64>,
    },
}

/// Takes what is told.
pub(crate) type Tell<'a> = dyn FnMut(Step<'_>) + 'a;

/// The files did not come. Those that came before are in their place, and a part of a download is kept.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GetError {
    #[error(transparent)]
    Download(#[from] DownloadError),
    /// A file came, but it is not the right one.
    #[error("`{name}` from `{from}` is not that file of the model: {reason}")]
    Wrong {
        name: &'static str,
        from: String,
        reason: String,
    },
    #[error("could not read `{}`: {source}", .path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error(transparent)]
    File(#[from] FileError),
}

/// A file or directory could not be written.
#[derive(Debug, thiserror::Error)]
#[error("could not write `{}`: {source}; {}", .path.display(), advice(.source))]
pub(crate) struct FileError {
    path: PathBuf,
    source: io::Error,
}

impl FileError {
    fn at(path: &Path) -> impl Fn(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self {
            path: path.clone(),
            source,
        }
    }
}

fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "the model needs 92 MB: free some space, and run this again: it goes on where it stopped"
        }
        io::ErrorKind::ResourceBusy => "wait until that one is done",
        _ => "check that this user may write there",
    }
}

impl Source {
    /// The model's home on Hugging Face, or on a mirror of it.
    pub(crate) fn hub(endpoint: &str) -> Self {
        Self::Hub {
            base_url: format!("{}/{HUB_PATH}", endpoint.trim_end_matches('/')),
            limits: Limits::REAL,
        }
    }
}

/// Looks at each file in `dir`: reads it wholly and compares its sum.
pub(crate) fn look(dir: &Path) -> Vec<(ModelFile, Result<(), LoadError>)> {
    let look = |file: ModelFile| (file, file.check(&dir.join(file.name)));
    MODEL_FILES.into_iter().map(look).collect()
}

/// Says what is wrong with a file, without its name and what it means for a host.
pub(crate) fn reason(error: &LoadError) -> String {
    match error {
        LoadError::Missing { .. } => "it is missing".to_owned(),
        LoadError::Damaged { reason, .. } => reason.clone(),
        LoadError::Unreadable { source, .. } => source.to_string(),
        LoadError::Runtime { .. } => error.to_string(),
    }
}

/// Makes sure that `dir` holds the files of the model; returns the names of those that were brought. What is right is left
/// alone.
///
/// Blocks for the time of the download. May be called again after any failure and then goes on where the download stopped.
///
/// # Errors
/// See [`GetError`].
pub(crate) fn get(
    dir: &Path,
    source: &Source,
    tell: &mut Tell<'_>,
) -> Result<Vec<&'static str>, GetError> {
    get_files(&MODEL_FILES, dir, source, tell)
}

fn get_files(
    files: &[ModelFile],
    dir: &Path,
    source: &Source,
    tell: &mut Tell<'_>,
) -> Result<Vec<&'static str>, GetError> {
    make_dir(dir)?;
    let mut brought = Vec::new();
    for file in files {
        match file.check(&dir.join(file.name)) {
            Ok(()) => continue,
            Err(LoadError::Missing { .. }) => {}
            Err(error) => tell(Step::Note(format!(
                "`{}` is wrong and will be replaced: {}",
                file.name,
                reason(&error)
            ))),
        }
        match source {
            Source::Hub { base_url, limits } => {
                let url = format!("{base_url}/{}", file.name);
                download(*file, dir, &url, *limits, tell)?;
            }
            Source::Dir(from) => copy(*file, dir, &from.join(file.name))?,
        }
        brought.push(file.name);
    }
    Ok(brought)
}

fn download(
    file: ModelFile,
    dir: &Path,
    url: &str,
    limits: Limits,
    tell: &mut Tell<'_>,
) -> Result<(), GetError> {
    let part = part_of(file, dir);
    let was_begun = part.exists();
    tell(Step::Note(format!("fetching {url}")));
    let downloader = Downloader::new(limits);
    let size = match file.content {
        Some((bytes, _)) => Size::Exactly(bytes),
        None => Size::AtMost(CONFIG_BYTES_MAX),
    };
    let once = |tell: &mut Tell<'_>| {
        downloader.fetch(file.name, url, &part, size, tell)?;
        accept(file, dir, &part, url)
    };
    match once(tell) {
        // The part of an earlier run may be of another file; only a fresh one proves the source wrong.
        Err(GetError::Wrong { .. }) if was_begun => {
            tell(Step::Note(format!(
                "{}: what came earlier does not fit, starting again",
                file.name
            )));
            once(tell)
        }
        result => result,
    }
}

fn copy(file: ModelFile, dir: &Path, from: &Path) -> Result<(), GetError> {
    // Opened first: then every error of the copy is the target's.
    let mut source = File::open(from).map_err(|source| GetError::Read {
        path: from.to_owned(),
        source,
    })?;
    let part = part_of(file, dir);
    let copied = File::create(&part).and_then(|mut target| io::copy(&mut source, &mut target));
    copied.map_err(FileError::at(&part))?;
    accept(file, dir, &part, &from.display().to_string())
}

fn part_of(file: ModelFile, dir: &Path) -> PathBuf {
    dir.join(format!("{}.part", file.name))
}

/// Checks what came and moves it to its place; a wrong file is removed.
fn accept(file: ModelFile, dir: &Path, part: &Path, from: &str) -> Result<(), GetError> {
    if let Err(error) = file.check(part) {
        fs::remove_file(part).map_err(FileError::at(part))?;
        return Err(GetError::Wrong {
            name: file.name,
            from: from.to_owned(),
            reason: reason(&error),
        });
    }
    // On the disk before it has its name: a crash leaves no file that is short.
    let synced = File::options()
        .write(true)
        .open(part)
        .and_then(|file| file.sync_all());
    synced.map_err(FileError::at(part))?;
    let place = dir.join(file.name);
    fs::rename(part, &place).map_err(FileError::at(&place))?;
    Ok(())
}

/// Makes the directory, and the store around it if there is none yet, for this user alone.
fn make_dir(dir: &Path) -> Result<(), FileError> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir).map_err(FileError::at(dir))
}
