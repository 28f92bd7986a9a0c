//! What can be asked of the store: checked searches, lists and selections.

use serde::{Deserialize, Serialize};

use crate::by_hash::ByHash;
use crate::memory::{ContentHash, DraftError, MemoryId, checked_name, normal_tags, trimmed};

/// Most memories that are browsed at once.
pub const BROWSE_LIMIT_MAX: usize = 200;
/// Most hits one search may return.
pub const LIMIT_MAX: usize = 100;
/// Longest query text that is read, in bytes; the rest is cut, since no model or index looks further.
pub const QUERY_BYTES_MAX: usize = 4 * 1024;
/// Most words that [`Filter::with_contained`] looks for; further ones are left out.
pub const CONTAINED_LEN_MAX: usize = 16;

/// Says how a search compares its text with memories.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SearchMode {
    /// Words and meaning, fused.
    #[default]
    Hybrid,
    /// Meaning only.
    Semantic,
    /// Words only.
    Keyword,
    /// The text contains the query, letter by letter (case does not count).
    Exact,
}

/// Says how several tags combine.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TagMatch {
    /// One of the tags is enough.
    #[default]
    Any,
    /// All tags are needed.
    All,
}

/// Restricts which memories are looked at. All parts hold together; the default restricts nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Filter {
    pub(crate) tags: Vec<String>,
    pub(crate) tag_match: TagMatch,
    pub(crate) memory_type: Option<String>,
    pub(crate) project: Option<String>,
    pub(crate) client: Option<String>,
    pub(crate) after_ms: Option<i64>,
    pub(crate) before_ms: Option<i64>,
    pub(crate) hashes: Option<Vec<ContentHash>>,
    pub(crate) named: Option<ByHash>,
    /// What `named` means, found out inside a transaction.
    pub(crate) meant: Option<Vec<MemoryId>>,
    pub(crate) contained: Vec<String>,
}

impl Filter {
    /// Keeps only memories with these tags.
    ///
    /// Tags that are empty after [`normal_tags`] do not count. If none is left, nothing is restricted, and
    /// [`Filter::is_open`] says so.
    pub fn with_tags(mut self, tags: &[String], tag_match: TagMatch) -> Result<Self, DraftError> {
        self.tags = normal_tags(tags)?;
        self.tag_match = if self.tags.is_empty() {
            TagMatch::default()
        } else {
            tag_match
        };
        Ok(self)
    }

    /// Keeps only memories of this type (letter case counts, as types are kept as given); empty means those without one.
    pub fn with_type(mut self, memory_type: &str) -> Result<Self, DraftError> {
        self.memory_type = Some(checked_name("the type", memory_type)?);
        Ok(self)
    }

    /// Keeps only memories of this project.
    pub fn with_project(mut self, project: &str) -> Result<Self, DraftError> {
        self.project = Some(checked_name("the project", project)?);
        Ok(self)
    }

    /// Keeps only memories that this client stored, by its name.
    pub fn with_client(mut self, client: &str) -> Result<Self, DraftError> {
        self.client = Some(checked_name("the client", client)?);
        Ok(self)
    }

    /// Keeps only memories created in `[after_ms, before_ms)`, milliseconds since 1970; None leaves that end open.
    pub fn with_created(mut self, after_ms: Option<i64>, before_ms: Option<i64>) -> Self {
        self.after_ms = after_ms;
        self.before_ms = before_ms;
        self
    }

    /// Keeps only memories with one of these hashes. A single one may be the beginning of a hash
    /// ([`ContentHash::is_start`]): then all that begin so are kept.
    pub fn with_hashes(mut self, hashes: Vec<ContentHash>) -> Self {
        self.hashes = Some(hashes);
        self
    }

    /// Keeps only the memories that these hashes mean.
    ///
    /// Which project is meant counts when memories are deleted or counted; anywhere else it is as
    /// [`Filter::with_hashes`].
    pub fn with_named(mut self, named: ByHash) -> Self {
        self.named = Some(named);
        self
    }

    /// Keeps only memories whose text contains each of these words, letter by letter and also inside of others; the case
    /// of ASCII letters does not count. At most [`CONTAINED_LEN_MAX`] words are looked for.
    ///
    /// No index helps here: the text of every memory that passes the rest is looked through. It is the way to find deleted
    /// memories, which no index of words has.
    pub fn with_contained(mut self, words: &str) -> Self {
        let words = words.replace('\0', " ");
        let words = cut(&words, QUERY_BYTES_MAX).split_whitespace();
        self.contained = words.take(CONTAINED_LEN_MAX).map(str::to_owned).collect();
        self
    }

    /// Says whether the memories are named by their hashes.
    pub fn names_hashes(&self) -> bool {
        self.named.is_some() || self.hashes.is_some()
    }

    /// Returns the words that a text must contain.
    pub fn contained(&self) -> &[String] {
        &self.contained
    }

    /// Says whether everything passes.
    pub fn is_open(&self) -> bool {
        *self == Self::default()
    }
}

/// A checked search. Made by [`Query::parse`] only.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Query {
    pub(crate) text: String,
    pub(crate) mode: SearchMode,
    pub(crate) filter: Filter,
    pub(crate) limit: usize,
}

/// Tells why a search or list cannot be asked like that.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// Neither a text nor a filter was given.
    #[error("query is required: give a text, or a tag, type, project or time to filter by")]
    Empty,
    /// The number of hits is outside 1 to [`LIMIT_MAX`].
    #[error("limit is {given}, and must be between 1 and {max}", max = LIMIT_MAX)]
    Limit {
        /// What was given.
        given: i64,
    },
    /// The number of memories to browse at once is outside 1 to [`BROWSE_LIMIT_MAX`].
    #[error("limit is {given}, and must be between 1 and {max}", max = BROWSE_LIMIT_MAX)]
    BrowseLimit {
        /// What was given.
        given: i64,
    },
    /// Not a place in a list.
    #[error(
        "cursor is not one that a list has answered with; leave it out to begin with the newest"
    )]
    Cursor,
    /// A page number or size that does not exist.
    #[error("page is {page} with {page_size} memories each: pages count from 1 and hold 1 to {max}", max = LIMIT_MAX)]
    Page {
        /// The page asked for.
        page: i64,
        /// Memories on a page.
        page_size: i64,
    },
}

impl Query {
    /// Checks a search. An empty text is allowed if `filter` restricts something: then the newest come first.
    pub fn parse(
        text: &str,
        mode: SearchMode,
        filter: Filter,
        limit: i64,
    ) -> Result<Self, QueryError> {
        let text = text.replace('\0', " ");
        let text = cut(trimmed(&text), QUERY_BYTES_MAX).to_owned();
        if text.is_empty() && filter.is_open() {
            return Err(QueryError::Empty);
        }
        if !(1..=LIMIT_MAX as i64).contains(&limit) {
            return Err(QueryError::Limit { given: limit });
        }
        Ok(Self {
            text,
            mode,
            filter,
            limit: limit as usize,
        })
    }

    /// Returns the text that is searched for.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the mode.
    pub fn mode(&self) -> SearchMode {
        self.mode
    }

    /// Returns the filter.
    pub fn filter(&self) -> &Filter {
        &self.filter
    }

    /// Returns how many hits are wanted, 1 to [`LIMIT_MAX`].
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// Says whether the query's meaning is needed to answer it.
    pub fn needs_vector(&self) -> bool {
        !self.text.is_empty() && matches!(self.mode, SearchMode::Hybrid | SearchMode::Semantic)
    }
}

/// A checked request for one page of memories, in the order of [`crate::Browse`]: the newest first, or the one deleted
/// last. Made by [`ListQuery::parse`] only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListQuery {
    pub(crate) filter: Filter,
    pub(crate) page: u64,
    pub(crate) page_size: u64,
    pub(crate) deleted: bool,
}

impl ListQuery {
    /// Checks a list request; pages count from 1. `deleted` lists what was deleted and can be restored.
    pub fn parse(
        filter: Filter,
        page: i64,
        page_size: i64,
        deleted: bool,
    ) -> Result<Self, QueryError> {
        let fits = (1..=10_000_000).contains(&page) && (1..=LIMIT_MAX as i64).contains(&page_size);
        if !fits {
            return Err(QueryError::Page { page, page_size });
        }
        Ok(Self {
            filter,
            page: page as u64,
            page_size: page_size as u64,
            deleted,
        })
    }

    /// Returns the page, counted from 1.
    pub fn page(&self) -> u64 {
        self.page
    }

    /// Returns how many memories a full page has.
    pub fn page_size(&self) -> u64 {
        self.page_size
    }
}

/// Cuts `text` to at most `bytes_max` bytes without splitting a character.
fn cut(text: &str, bytes_max: usize) -> &str {
    if text.len() <= bytes_max {
        return text;
    }
    let end = (0..=bytes_max)
        .rev()
        .find(|&end| text.is_char_boundary(end))
        .unwrap_or(0);
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_outside_the_range_are_refused_and_named() {
        for given in [0, -1, 101, 1_000_000_000] {
            let query = Query::parse("a", SearchMode::Hybrid, Filter::default(), given);
            assert_eq!(query, Err(QueryError::Limit { given }));
        }
    }

    #[test]
    fn an_empty_text_needs_a_filter() {
        assert_eq!(
            Query::parse(" ", SearchMode::Hybrid, Filter::default(), 5),
            Err(QueryError::Empty)
        );
        let filter = Filter::default().with_project("x").unwrap();
        assert!(Query::parse(" ", SearchMode::Hybrid, filter, 5).is_ok());
    }

    #[test]
    fn a_long_query_is_cut_between_characters() {
        let query = Query::parse(
            &"é".repeat(5_000),
            SearchMode::Keyword,
            Filter::default(),
            5,
        )
        .unwrap();
        assert_eq!(query.text().len(), QUERY_BYTES_MAX);
    }
}
