//! The search for one file of the model among the entries that have its name.

use std::path::Path;

use commonplace_engine::{LoadError, ModelFile};

use super::super::{reason, size_of};
use super::{ArchiveError, Entry, Place, Refusal};
use crate::words;

/// Most entries whose content is read: an archive can say that it has any number of them.
const TRIES_MAX: usize = 100;
/// What is shown of an entry's name.
const NAME_CHARS_MAX: usize = 200;

/// What is known so far.
pub(super) struct Search {
    file: ModelFile,
    found: Option<Place>,
    refused: Option<Refused>,
    /// How many entries were looked at.
    tries: usize,
}

/// An entry that is not the file.
struct Refused {
    entry: String,
    why: Refusal,
    /// Such an entry says more than one whose size is that of another file.
    has_size: bool,
}

impl Search {
    pub(super) fn new(file: ModelFile) -> Self {
        Self {
            file,
            found: None,
            refused: None,
            tries: 0,
        }
    }

    pub(super) fn is_for(&self, name: &str) -> bool {
        self.file.name == name
    }

    /// Says that no other entry is looked at.
    pub(super) fn is_over(&self) -> bool {
        self.found.is_some() || self.tries == TRIES_MAX
    }

    pub(super) fn look_at(&mut self, entry: Entry<'_>) {
        if self.is_over() {
            return;
        }
        self.tries += 1;
        let (place, name) = (entry.place, words::one_line(entry.name, NAME_CHARS_MAX));
        let has_size = size_of(&self.file).fits(entry.bytes);
        let Err(why) = check(&self.file, entry) else {
            self.found = Some(Place(place));
            return;
        };
        let is_less = |kept: &Refused| has_size && !kept.has_size;
        if self.refused.as_ref().is_none_or(is_less) {
            self.refused = Some(Refused {
                entry: name,
                why,
                has_size,
            });
        }
    }

    /// Says where the file is, or why it was not found in the archive at `path`.
    pub(super) fn end(self, path: &Path) -> Result<Place, ArchiveError> {
        if let Some(place) = self.found {
            return Ok(place);
        }
        let path = path.to_owned();
        let Some(Refused { entry, why, .. }) = self.refused else {
            let name = self.file.name;
            return Err(ArchiveError::Missing { path, name });
        };
        Err(match why {
            Refusal::Encrypted => ArchiveError::Encrypted { path, entry },
            Refusal::Because(reason) => ArchiveError::Wrong {
                path,
                entry,
                reason,
                others: self.tries - 1,
            },
        })
    }
}

/// Reads the entry if its size is right, and compares it with what the file must be.
fn check(file: &ModelFile, entry: Entry<'_>) -> Result<(), Refusal> {
    let (size, bytes) = (size_of(file), entry.bytes);
    if !size.fits(bytes) {
        let reason = format!("it has {bytes} bytes instead of {size}");
        return Err(Refusal::Because(reason));
    }
    let checked = file.check_content(Path::new(entry.name), bytes, entry.content?);
    checked.map_err(|error| {
        Refusal::Because(match &error {
            LoadError::Unreadable { source, .. } => {
                format!("its content is damaged in the archive: {source}")
            }
            _ => reason(&error),
        })
    })
}
