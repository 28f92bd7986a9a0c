//! The files of the model: where they come from, and how they come to their place.
//!
//! A file is in its place only when it is complete and right: it is written beside it, checked, and renamed. What came of a
//! download stays there as `.part`, and the next try goes on with it. One program at a time works on a directory.

mod archive;
mod download;
mod endpoint;
mod get_lock;
mod parts;
#[cfg(test)]
mod test_server;
#[cfg(test)]
mod tests;

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use commonplace_engine::{LoadError, MODEL_FILES, ModelFile};

use crate::system::platform::make_private_dir;
use crate::words;
use archive::Archive;
pub(crate) use archive::ArchiveError;
pub(crate) use download::{DownloadError, Limits};
use download::{Downloader, Size};
pub(crate) use endpoint::{Endpoint, FileUrl};
use get_lock::GetLock;
use parts::{CopyError, Parts};

/// Most bytes that the configuration may have, whose size is not known to the byte.
const CONFIG_BYTES_MAX: u64 = 64 * 1024;

/// Where the files come from.
pub(crate) enum Source {
    /// Hugging Face or a mirror of it, within limits.
    Hub { endpoint: Endpoint, limits: Limits },
    /// A directory that has all of them.
    Dir(PathBuf),
    /// An archive that has all of them, in any folders.
    Archive(PathBuf),
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
    /// Nothing was looked at: it may be half done.
    #[error(
        "another `commonplace model get` is at work in `{}`: {who}; wait until it is done", .dir.display()
    )]
    Busy { dir: PathBuf, who: String },
    #[error(transparent)]
    Download(#[from] DownloadError),
    /// A file came, but it is not the right one.
    #[error(
        "`{name}` from `{from}` is not that file of the model: {reason}; what came was removed, and nothing was put in its \
         place: try again, and if that does not help name a mirror in HF_ENDPOINT, or a directory or an \
         archive with `--from`"
    )]
    Wrong {
        name: &'static str,
        from: String,
        reason: String,
    },
    /// A file of the source is not the right one. Nothing of the model was written.
    #[error(
        "could not take `{}`: {reason}; nothing was changed: the directory must have model.safetensors, tokenizer.json and \
         config.json of sentence-transformers/all-MiniLM-L6-v2 as they are there", .path.display()
    )]
    Source { path: PathBuf, reason: String },
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// A file of the source could be read before, and now no longer.
    #[error("could not read `{}`: {source}; check that it is still there, and run this again", .path.display())]
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

fn advice(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => format!(
            "the model needs at most {}: free some space, and run this again: it goes on where it stopped",
            words::bytes(bytes_max())
        ),
        _ => "check that this user may write there".to_owned(),
    }
}

impl Source {
    /// The model's home on Hugging Face, or on a mirror of it.
    pub(crate) fn hub(endpoint: Endpoint) -> Self {
        Self::Hub {
            endpoint,
            limits: Limits::REAL,
        }
    }

    /// What is at `path`: a directory, or else an archive.
    pub(crate) fn at(path: PathBuf) -> Self {
        if path.is_dir() {
            return Self::Dir(path);
        }
        Self::Archive(path)
    }
}

/// Returns how many bytes all files have together, at most.
pub(crate) fn bytes_max() -> u64 {
    MODEL_FILES.iter().map(|file| size_of(file).limit()).sum()
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
    make_private_dir(dir).map_err(FileError::at(dir))?;
    let _lock = match GetLock::take(dir) {
        // Nothing is to be written there, so it does not matter that nothing can be: it may belong to the system.
        Err(GetError::File(_)) if wanting(files, dir, &mut |_| ()).is_empty() => {
            return Ok(Vec::new());
        }
        taken => taken?,
    };
    let wanted = wanting(files, dir, tell);
    if !wanted.is_empty() {
        bring(&wanted, dir, source, tell)?;
    }
    Ok(wanted.iter().map(|file| file.name).collect())
}

/// Puts the files into their places. A source on this machine is checked before the first one is written.
fn bring(
    wanted: &[ModelFile],
    dir: &Path,
    source: &Source,
    tell: &mut Tell<'_>,
) -> Result<(), GetError> {
    match source {
        Source::Hub { endpoint, limits } => {
            let downloader = Downloader::new(*limits, endpoint.is_https());
            for file in wanted {
                download(*file, dir, &endpoint.file(file.name), &downloader, tell)?;
            }
        }
        Source::Dir(from) => {
            for file in wanted {
                check_source(file, &from.join(file.name))?;
            }
            for file in wanted {
                copy(*file, dir, &from.join(file.name), tell)?;
            }
        }
        Source::Archive(from) => {
            let archive = Archive::open(from)?;
            let places = archive.find(wanted)?;
            for (file, place) in wanted.iter().zip(&places) {
                let read = archive.read(place, |content, bytes| {
                    install(*file, dir, from, content, Some(bytes), tell)
                });
                read.map_err(|source| GetError::Read {
                    path: from.clone(),
                    source,
                })??;
            }
        }
    }
    Ok(())
}

/// Returns the files that are not there or not right.
fn wanting(files: &[ModelFile], dir: &Path, tell: &mut Tell<'_>) -> Vec<ModelFile> {
    let mut wanted = Vec::new();
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
        wanted.push(*file);
    }
    wanted
}

/// Checks a file of the source where it is, before anything is written.
fn check_source(file: &ModelFile, path: &Path) -> Result<(), GetError> {
    let failed = |reason: String| GetError::Source {
        path: path.to_owned(),
        reason,
    };
    let metadata = fs::metadata(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => failed("it is missing".to_owned()),
        _ => failed(error.to_string()),
    })?;
    // Before it is opened: a pipe would wait for its other end.
    if !metadata.is_file() {
        return Err(failed("it is not a file".to_owned()));
    }
    let (size, found) = (size_of(file), metadata.len());
    if found > size.limit() {
        return Err(failed(format!(
            "it has {found} bytes instead of {size} bytes"
        )));
    }
    file.check(path).map_err(|error| failed(reason(&error)))
}

fn size_of(file: &ModelFile) -> Size {
    match file.content {
        Some((bytes, _)) => Size::Exactly(bytes),
        None => Size::AtMost(CONFIG_BYTES_MAX),
    }
}

fn download(
    file: ModelFile,
    dir: &Path,
    url: &FileUrl,
    downloader: &Downloader,
    tell: &mut Tell<'_>,
) -> Result<(), GetError> {
    tell(Step::Note(format!("fetching {url}")));
    let parts = Parts::of(file.name, dir);
    let once = |tell: &mut Tell<'_>| {
        let fetched = downloader.fetch(file.name, url, &parts, size_of(&file), tell)?;
        let accepted = accept(file, dir, &parts, &fetched.path, &url.to_string());
        Ok::<_, GetError>((accepted, fetched.is_resumed))
    };
    match once(tell)? {
        // The part of an earlier run may be of another file; only a fresh one proves the source wrong.
        (Err(GetError::Wrong { .. }), true) => {}
        (accepted, _) => return accepted,
    }
    tell(Step::Note(format!(
        "{}: what came earlier does not fit, starting again",
        file.name
    )));
    once(tell)?.0
}

fn copy(file: ModelFile, dir: &Path, from: &Path, tell: &mut Tell<'_>) -> Result<(), GetError> {
    let source = File::open(from).map_err(|source| GetError::Read {
        path: from.to_owned(),
        source,
    })?;
    let of = source.metadata().ok().map(|metadata| metadata.len());
    install(file, dir, from, source, of, tell)
}

/// Writes what `from` has of a file beside its place, checks it there, and moves it.
fn install(
    file: ModelFile,
    dir: &Path,
    from: &Path,
    content: impl Read,
    of: Option<u64>,
    tell: &mut Tell<'_>,
) -> Result<(), GetError> {
    let parts = Parts::of(file.name, dir);
    let copied = copy_bytes(&file, from, content, of, &parts, tell)
        .and_then(|()| accept(file, dir, &parts, &parts.fresh, &from.display().to_string()));
    if copied.is_err() {
        // The first error says more than one about the leftover, which the next try overwrites.
        let _ = parts::remove(&parts.fresh);
    }
    copied
}

/// Copies into `fresh`: the part of a download stays until the file is in its place.
fn copy_bytes(
    file: &ModelFile,
    from: &Path,
    content: impl Read,
    of: Option<u64>,
    parts: &Parts,
    tell: &mut Tell<'_>,
) -> Result<(), GetError> {
    let mut target = parts::open_at(&parts.fresh, 0).map_err(FileError::at(&parts.fresh))?;
    let limit = size_of(file).limit();
    let copied = parts::copy(content, &mut target, 0, limit, |done| {
        let name = file.name;
        tell(Step::Bytes { name, done, of });
    });
    match copied {
        Ok(_) => Ok(()),
        Err(CopyError::Read(source)) => Err(GetError::Read {
            path: from.to_owned(),
            source,
        }),
        Err(CopyError::Write(source)) => Err(FileError::at(&parts.fresh)(source).into()),
    }
}

/// Checks what came and moves it to its place; a wrong file is removed.
fn accept(
    file: ModelFile,
    dir: &Path,
    parts: &Parts,
    came: &Path,
    from: &str,
) -> Result<(), GetError> {
    if let Err(error) = file.check(came) {
        parts::remove(came)?;
        return Err(GetError::Wrong {
            name: file.name,
            from: from.to_owned(),
            reason: reason(&error),
        });
    }
    // On the disk before it has its name: a crash leaves no file that is short.
    let synced = File::options()
        .write(true)
        .open(came)
        .and_then(|file| file.sync_all());
    synced.map_err(FileError::at(came))?;
    let place = dir.join(file.name);
    fs::rename(came, &place).map_err(FileError::at(&place))?;
    Ok(parts.clear()?)
}
