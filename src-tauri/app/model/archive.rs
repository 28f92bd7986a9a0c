//! An archive that has the files of the model somewhere in it: a zip, which a Python wheel is too, or a tar, also a compressed
//! one.
//!
//! Names in an archive are compared and shown, and never used as paths. Of an entry no more is read than the file may have, and
//! one byte.

mod search;
mod tarred;
mod zipped;

use std::fs::{self, File};
use std::io::{self, Read, Seek};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use commonplace_engine::ModelFile;

use search::Search;

/// The files could not be taken out of an archive. Nothing of the model was written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ArchiveError {
    /// There is none, or this user may not read it.
    #[error(
        "could not open `{}`: {source}; nothing was changed: name a directory or an archive that is there and that this user \
         may read", .path.display()
    )]
    Unopened { path: PathBuf, source: io::Error },
    /// Its content is not that of an archive.
    #[error(
        "could not take the model from `{}`: it is neither a directory nor a zip or tar archive (.zip, .whl, .tar, .tar.gz); \
         nothing was changed: unpack it with another program, and name the directory that has model.safetensors, \
         tokenizer.json and config.json", .path.display()
    )]
    Unknown { path: PathBuf },
    /// It could not be read, or not to its end.
    #[error(
        "could not read the archive `{}`: {reason}; nothing was changed: it may be cut off or damaged: get it again, or unpack \
         it with another program and name the directory", .path.display()
    )]
    Unreadable { path: PathBuf, reason: String },
    /// No entry has the name of the file.
    #[error(
        "the archive `{}` has no `{name}` in any folder; nothing was changed: take one that has model.safetensors, \
         tokenizer.json and config.json of sentence-transformers/all-MiniLM-L6-v2", .path.display()
    )]
    Missing { path: PathBuf, name: &'static str },
    /// Only a password opens the entry.
    #[error(
        "could not take `{entry}` out of the archive `{}`: it is encrypted; nothing was changed: unpack the archive with its \
         password, and name the directory", .path.display()
    )]
    Encrypted { path: PathBuf, entry: String },
    /// No entry of that name is the file; this says why of one of them.
    #[error(
        "could not take `{entry}` out of the archive `{}`: {reason}{}; nothing was changed: the archive must have the file of \
         sentence-transformers/all-MiniLM-L6-v2 as it is there: get it again, or take another one", .path.display(),
        and_others(*.others)
    )]
    Wrong {
        path: PathBuf,
        entry: String,
        reason: String,
        /// How many more entries have that name.
        others: usize,
    },
}

fn and_others(count: usize) -> String {
    match count {
        0 => String::new(),
        1 => ", and another entry of that name is not it either".to_owned(),
        count => format!(", and {count} other entries of that name are not it either"),
    }
}

/// An archive on the disk.
pub(super) struct Archive {
    path: PathBuf,
    form: Form,
}

#[derive(Clone, Copy)]
enum Form {
    Zip,
    Tar,
    TarGz,
}

/// Where a file of the model is in an archive.
pub(super) struct Place(usize);

/// One entry with content.
struct Entry<'a> {
    place: usize,
    name: &'a str,
    /// As the archive says.
    bytes: u64,
    content: Result<&'a mut dyn Read, Refusal>,
}

/// Why an entry is not taken.
enum Refusal {
    /// Only a password opens it.
    Encrypted,
    Because(String),
}

/// Says by place and name which entries are opened.
type IsWanted<'a> = dyn Fn(usize, &str) -> bool + 'a;
/// Takes an entry, and says whether to go on.
type Visit<'a> = dyn FnMut(Entry<'_>) -> ControlFlow<()> + 'a;

impl Archive {
    /// Tells by its content what kind of archive a file is, whatever its name.
    pub(super) fn open(path: &Path) -> Result<Self, ArchiveError> {
        let unopened = |source| ArchiveError::Unopened {
            path: path.to_owned(),
            source,
        };
        let unknown = || ArchiveError::Unknown {
            path: path.to_owned(),
        };
        // Before it is opened: a pipe would wait for its other end.
        if !fs::metadata(path).map_err(unopened)?.is_file() {
            return Err(unknown());
        }
        let file = File::open(path).map_err(unopened)?;
        let form = form(file).map_err(|error| unreadable(path, &error))?;
        let form = form.ok_or_else(unknown)?;
        Ok(Self {
            path: path.to_owned(),
            form,
        })
    }

    /// Finds each of the files by its name, in any folder. Of several entries that have it, takes the first that is right.
    pub(super) fn find(&self, files: &[ModelFile]) -> Result<Vec<Place>, ArchiveError> {
        let mut searches: Vec<Search> = files.iter().copied().map(Search::new).collect();
        let is_wanted = |_, name: &str| files.iter().any(|file| file.name == last(name));
        let visited = self.each(&is_wanted, &mut |entry| {
            let named = |search: &&mut Search| search.is_for(last(entry.name));
            if let Some(search) = searches.iter_mut().find(named) {
                search.look_at(entry);
            }
            match searches.iter().all(Search::is_over) {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        });
        visited.map_err(|error| unreadable(&self.path, &error))?;
        let places = searches.into_iter().map(|search| search.end(&self.path));
        places.collect()
    }

    /// Opens an entry that was found; `read` gets its content, and how many bytes the archive says that it has.
    pub(super) fn read<T>(
        &self,
        place: &Place,
        read: impl FnOnce(&mut dyn Read, u64) -> T,
    ) -> io::Result<T> {
        let (mut read, mut done) = (Some(read), None);
        self.each(&|at, _| at == place.0, &mut |entry| {
            if let (Ok(content), Some(read)) = (entry.content, read.take()) {
                done = Some(read(content, entry.bytes));
            }
            ControlFlow::Break(())
        })?;
        done.ok_or_else(|| io::Error::other("it was changed while it was read"))
    }

    fn each(&self, is_wanted: &IsWanted<'_>, visit: &mut Visit<'_>) -> io::Result<()> {
        let file = File::open(&self.path)?;
        match self.form {
            Form::Zip => zipped::each(file, is_wanted, visit),
            Form::Tar => tarred::each(io::BufReader::new(file), is_wanted, visit),
            Form::TarGz => tarred::each(tarred::decompressed(file), is_wanted, visit),
        }
    }
}

fn unreadable(path: &Path, error: &io::Error) -> ArchiveError {
    let (path, reason) = (path.to_owned(), error.to_string());
    ArchiveError::Unreadable { path, reason }
}

fn form(mut file: File) -> io::Result<Option<Form>> {
    let mut start = Vec::new();
    (&file).take(tarred::HEADER_BYTES).read_to_end(&mut start)?;
    file.rewind()?;
    Ok(if zipped::begins(&start) {
        Some(Form::Zip)
    } else if tarred::begins(&start) {
        Some(Form::Tar)
    } else if tarred::begins_compressed(&start) && tarred::is_in(file)? {
        Some(Form::TarGz)
    } else {
        None
    })
}

/// Returns what is behind the last folder of an entry's name.
fn last(name: &str) -> &str {
    name.rsplit(['/', '\\']).next().unwrap_or(name)
}
