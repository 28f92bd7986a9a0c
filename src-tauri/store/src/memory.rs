//! What a memory is: its text, what describes it, and where it came from.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Longest text of one memory, in bytes: about 80 chunks, so that indexing one memory stays below some seconds.
pub const TEXT_BYTES_MAX: usize = 64 * 1024;
/// Most tags on one memory (the number that users of the Python service know).
pub const TAGS_MAX: usize = 100;
/// Longest tag, type, project or client name, in bytes.
pub const NAME_BYTES_MAX: usize = 200;
/// Longest metadata of one memory, in bytes of its JSON text.
pub const METADATA_BYTES_MAX: usize = 16 * 1024;

/// Digits of a whole hash.
const DIGITS: usize = 64;
/// Fewest digits of a shortened hash that name a memory. Among 100,000 memories six digits are those of one in 99.4 of 100
/// cases, and the answer shows what was hit; with fewer, digits that somebody made up would hit too often.
const START_DIGITS_MIN: usize = 6;

/// Names one stored memory inside one store; never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MemoryId(pub i64);

impl fmt::Display for MemoryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Names a text: 64 lower-case hexadecimal digits.
///
/// Computed as SHA-256 of the trimmed, lower-cased text, the rule of the Python service since its 10.20. Hashes that
/// come from outside are opaque: they are compared, never recomputed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ContentHash(String);

impl ContentHash {
    /// Computes the hash of `text`.
    ///
    /// White space at both ends does not count, nor do U+001C to U+001F, which Python's `strip` also removes; upper and
    /// lower case are the same. Nothing inside the text is folded and no Unicode normal form is applied.
    pub fn of(text: &str) -> Self {
        let folded = trimmed(text).to_lowercase();
        let digest = Sha256::digest(folded.as_bytes());
        Self(hex::encode(digest))
    }

    /// Takes a hash as a client wrote it: any non-empty name of at most 128 visible ASCII characters, also with what
    /// people and models put around it, such as ``hash: `abc…` ``.
    ///
    /// Returns None for anything else. Older stores hold hashes of other recipes, so no exact length is asked for.
    pub fn parse(given: &str) -> Option<Self> {
        let given = undecorated(given);
        let fits =
            !given.is_empty() && given.len() <= 128 && given.bytes().all(|b| b.is_ascii_graphic());
        fits.then(|| Self(given.to_ascii_lowercase()))
    }

    /// Takes a hash that the store holds.
    pub(crate) fn from_stored(hash: String) -> Self {
        Self(hash)
    }

    /// Returns the hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Says whether it is only the beginning of a hash, and long enough to name a memory.
    pub fn is_start(&self) -> bool {
        let is_digit = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        (START_DIGITS_MIN..DIGITS).contains(&self.0.len()) && self.0.bytes().all(is_digit)
    }

    /// Says whether it is `whole` or the beginning of it.
    pub fn names(&self, whole: &str) -> bool {
        self.0 == whole || (self.is_start() && whole.starts_with(&self.0))
    }

    /// Returns the first name that comes after all hashes that begin with this one: `g` follows the last digit.
    pub(crate) fn end(&self) -> String {
        format!("{}g", self.0)
    }
}

/// Takes off what is written around a hash: quotes, brackets, dots for what was left out, and words such as `hash:`.
fn undecorated(given: &str) -> &str {
    const WORDS: [&str; 7] = [
        "content_hash",
        "content hash",
        "hash",
        "sha256",
        "sha-256",
        "memory",
        "id",
    ];
    let is_around = |c: char| c.is_whitespace() || "`'\"()[]{}<>*#.…,;:=-".contains(c);
    let mut left = given.trim_matches(is_around);
    let after_word = |text: &str| {
        WORDS.into_iter().find_map(|word| {
            let is_it = text.get(..word.len())?.eq_ignore_ascii_case(word);
            let rest = text.get(word.len()..).filter(|_| is_it)?;
            (rest.is_empty() || rest.starts_with(is_around)).then_some(word.len())
        })
    };
    while let Some(length) = after_word(left) {
        left = left[length..].trim_matches(is_around);
    }
    left
}

impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Returns `text` without the white space at its ends, as Python's `strip` does it.
pub fn trimmed(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c))
}

/// Tells who made a memory, as far as it is known.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provenance {
    /// Program that asked for it, such as `claude-code`.
    pub client: String,
    /// Version of that program.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_version: Option<String>,
    /// Session of that program, if it told one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// Machine it ran on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host_name: Option<String>,
}

/// A memory that is to be stored. Made by [`NewMemory::parse`] only, so that what is here has been checked.
#[derive(Debug, Clone, PartialEq)]
pub struct NewMemory {
    pub(crate) text: String,
    pub(crate) hash: ContentHash,
    pub(crate) tags: Vec<String>,
    pub(crate) memory_type: Option<String>,
    pub(crate) project: String,
    pub(crate) metadata: serde_json::Map<String, serde_json::Value>,
    pub(crate) provenance: Provenance,
}

/// What a client gives for a new memory, unchecked.
#[derive(Debug, Clone, Default)]
pub struct MemoryDraft {
    /// The text.
    pub text: String,
    /// Tags in any spelling; see [`normal_tags`].
    pub tags: Vec<String>,
    /// Kind of memory, free text such as `decision`; kept as given.
    pub memory_type: Option<String>,
    /// Project it belongs to; empty means none.
    pub project: String,
    /// Anything else the client wants to keep.
    pub metadata: serde_json::Map<String, serde_json::Value>,
    /// Who made it; an empty client means whoever asks for the write.
    pub provenance: Provenance,
}

/// Tells why a draft cannot become a memory.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DraftError {
    /// Nothing but white space was given.
    #[error("content is required: the text is empty")]
    EmptyText,
    /// The text is longer than [`TEXT_BYTES_MAX`].
    #[error("the text has {bytes} bytes and a memory holds at most {max}: store it in parts", max = TEXT_BYTES_MAX)]
    TextTooLong {
        /// Length that was given, in bytes.
        bytes: usize,
    },
    /// More than [`TAGS_MAX`] tags.
    #[error("{count} tags were given and a memory holds at most {max}: use fewer tags", max = TAGS_MAX)]
    TooManyTags {
        /// How many were given.
        count: usize,
    },
    /// A tag, type, project or client name longer than [`NAME_BYTES_MAX`].
    #[error("{what} `{start}…` has {bytes} bytes and at most {max} are allowed", max = NAME_BYTES_MAX)]
    NameTooLong {
        /// Which field.
        what: &'static str,
        /// Its first characters.
        start: String,
        /// Its length in bytes.
        bytes: usize,
    },
    /// Metadata longer than [`METADATA_BYTES_MAX`].
    #[error("the metadata has {bytes} bytes of JSON and at most {max} are allowed", max = METADATA_BYTES_MAX)]
    MetadataTooLong {
        /// Its length in bytes of JSON.
        bytes: usize,
    },
}

impl NewMemory {
    /// Checks and normalises `draft`: text trimmed and NUL removed, tags by [`normal_tags`], lengths within limits.
    pub fn parse(draft: MemoryDraft) -> Result<Self, DraftError> {
        let text = checked_text(&draft.text)?;
        let tags = normal_tags(&draft.tags)?;
        let memory_type = draft
            .memory_type
            .map(|t| checked_name("the type", &t))
            .transpose()?
            .filter(|t| !t.is_empty());
        let project = checked_name("the project", &draft.project)?;
        checked_metadata(&draft.metadata)?;
        let hash = ContentHash::of(&text);
        Ok(Self {
            text,
            hash,
            tags,
            memory_type,
            project,
            metadata: draft.metadata,
            provenance: draft.provenance,
        })
    }

    /// Returns the hash of the text.
    pub fn hash(&self) -> &ContentHash {
        &self.hash
    }

    /// Returns the text.
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// Checks a text for [`NewMemory`]: drops NUL characters, trims it, refuses an empty or too long one.
pub(crate) fn checked_text(given: &str) -> Result<String, DraftError> {
    if trimmed(given).len() > TEXT_BYTES_MAX {
        return Err(DraftError::TextTooLong {
            bytes: trimmed(given).len(),
        });
    }
    // SQLite keeps NUL inside a text, but its own shell and many readers stop there.
    let text = given.replace('\0', "");
    let text = trimmed(&text);
    if text.is_empty() {
        return Err(DraftError::EmptyText);
    }
    Ok(text.to_owned())
}

/// Brings tags into the one spelling they are stored and compared in.
///
/// Trimmed, lower case, a comma inside becomes `-`, control characters are dropped; empty ones and repetitions are left
/// out, the order stays.
pub fn normal_tags(given: &[String]) -> Result<Vec<String>, DraftError> {
    let mut tags: Vec<String> = Vec::with_capacity(given.len().min(TAGS_MAX));
    for tag in given {
        // Lower case first: it may be longer, and a tag must stay the same when it is given back.
        let tag = checked_name("the tag", &tag.to_lowercase())?.replace(',', "-");
        if tag.is_empty() || tags.contains(&tag) {
            continue;
        }
        if tags.len() == TAGS_MAX {
            return Err(DraftError::TooManyTags { count: given.len() });
        }
        tags.push(tag);
    }
    Ok(tags)
}

/// Checks the length of metadata.
pub(crate) fn checked_metadata(
    metadata: &serde_json::Map<String, serde_json::Value>,
) -> Result<(), DraftError> {
    let bytes = serde_json::to_string(metadata).map_or(0, |text| text.len());
    if bytes > METADATA_BYTES_MAX {
        return Err(DraftError::MetadataTooLong { bytes });
    }
    Ok(())
}

/// Drops control characters, trims a name, and refuses one that is too long.
pub(crate) fn checked_name(what: &'static str, given: &str) -> Result<String, DraftError> {
    let name: String = given.chars().filter(|c| !c.is_control()).collect();
    let name = trimmed(&name);
    if name.len() > NAME_BYTES_MAX {
        let start = name.chars().take(20).collect();
        return Err(DraftError::NameTooLong {
            what,
            start,
            bytes: name.len(),
        });
    }
    Ok(name.to_owned())
}

/// A memory as it is stored.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Memory {
    /// Its name inside this store.
    pub id: MemoryId,
    /// Its name for clients.
    pub content_hash: ContentHash,
    /// The text.
    pub text: String,
    /// Tags, lower case, without repetitions.
    pub tags: Vec<String>,
    /// Kind of memory, as the client gave it.
    #[serde(rename = "type")]
    pub memory_type: Option<String>,
    /// Project it belongs to; empty means none.
    pub project: String,
    /// What else the client kept.
    pub metadata: serde_json::Map<String, serde_json::Value>,
    /// When it was stored, in milliseconds since 1970.
    pub created_ms: i64,
    /// When it was changed last, in milliseconds since 1970.
    pub updated_ms: i64,
    /// When it was deleted, in milliseconds since 1970; None for a living memory.
    pub deleted_ms: Option<i64>,
    /// Who made it.
    pub provenance: Provenance,
    /// True if the row does not match its checksum: something of what is here is not what was stored.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_damaged: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_follows_the_rule_of_the_python_service() {
        let empty_space = ContentHash::of("  Hello\u{1d}\u{a0}");
        assert_eq!(
            empty_space,
            ContentHash::of("hello"),
            "ends are stripped, case is folded"
        );
        assert_eq!(
            ContentHash::of("hello").as_str(),
            "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
            "it is plain SHA-256 of the folded text"
        );
        assert_eq!(
            ContentHash::of("ΑΣ"),
            ContentHash::of("ας"),
            "a final sigma is folded as Python does it"
        );
        assert_ne!(
            ContentHash::of("a  b"),
            ContentHash::of("a b"),
            "white space inside counts"
        );
    }

    #[test]
    fn a_draft_is_trimmed_and_its_tags_brought_into_one_spelling() {
        let draft = MemoryDraft {
            text: "  a fact \0 ".into(),
            tags: vec![" Rust ".into(), "rust".into(), "a,b".into(), String::new()],
            ..MemoryDraft::default()
        };
        let memory = NewMemory::parse(draft).unwrap();
        assert_eq!(memory.text, "a fact");
        assert_eq!(memory.tags, ["rust", "a-b"]);
    }

    #[test]
    fn too_much_of_anything_is_refused_with_its_limit() {
        let text = |text: String| {
            NewMemory::parse(MemoryDraft {
                text,
                ..MemoryDraft::default()
            })
        };
        assert_eq!(text(" \n\0".into()), Err(DraftError::EmptyText));
        assert_eq!(
            text("x".repeat(1 << 20)),
            Err(DraftError::TextTooLong { bytes: 1 << 20 })
        );
        let tags = (0..10_000).map(|n| format!("t{n}")).collect();
        let many = NewMemory::parse(MemoryDraft {
            text: "a".into(),
            tags,
            ..MemoryDraft::default()
        });
        assert_eq!(many, Err(DraftError::TooManyTags { count: 10_000 }));
    }
}
