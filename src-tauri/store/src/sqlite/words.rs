//! The derived table `memory_words`: full text of living memories.

use rusqlite::Connection;

use super::passing::Passing;
use crate::memory::MemoryId;

/// Words so common in questions that they only cost time. Short on purpose: BM25 weighs the rest.
const STOP_WORDS: &[&str] = &[
    "a", "about", "an", "and", "are", "as", "at", "be", "been", "but", "by", "can", "could", "did",
    "do", "does", "for", "from", "had", "has", "have", "how", "i", "in", "is", "it", "its", "me",
    "my", "of", "on", "or", "our", "should", "so", "that", "the", "their", "there", "they", "this",
    "to", "was", "we", "were", "what", "when", "where", "which", "who", "why", "will", "with",
    "would", "you", "your",
];

/// Most words of a query that are looked up.
const WORDS_MAX: usize = 48;

/// Adds a living memory.
pub(super) fn add(
    connection: &Connection,
    id: MemoryId,
    text: &str,
    tags: &str,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached("INSERT INTO memory_words (rowid, text, tags) VALUES (?1, ?2, ?3)")?
        .execute((id.0, text, tags))?;
    Ok(())
}

/// Removes a memory; `text` and `tags` must be what was added (FTS5, section "external content tables").
pub(super) fn remove(
    connection: &Connection,
    id: MemoryId,
    text: &str,
    tags: &str,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached("INSERT INTO memory_words (memory_words, rowid, text, tags) VALUES ('delete', ?1, ?2, ?3)")?
        .execute((id.0, text, tags))?;
    Ok(())
}

/// Finds the best memories by words among those that pass: BM25, best first; None lets all pass.
///
/// Memories with all the words come first, and if they fill the list no other is looked at: where the words are common,
/// ranking every memory that has any of them costs several times as much and changes little at the top.
pub(super) fn find(
    connection: &Connection,
    query: &str,
    passing: Option<&Passing>,
    limit: usize,
) -> rusqlite::Result<Vec<MemoryId>> {
    let words = telling_words(query);
    if words.is_empty() {
        return Ok(Vec::new());
    }
    if words.len() > 1 {
        let found = ranked(connection, &words.join(" AND "), passing, limit)?;
        if found.len() == limit {
            return Ok(found);
        }
    }
    ranked(connection, &words.join(" OR "), passing, limit)
}

/// Runs an FTS5 expression.
fn ranked(
    connection: &Connection,
    expression: &str,
    passing: Option<&Passing>,
    limit: usize,
) -> rusqlite::Result<Vec<MemoryId>> {
    // With a filter there is no limit in SQL: how many have to be looked at is not known. A condition on the rowid would
    // make SQLite look up the words again for each memory that passes.
    let limit_sql = if passing.is_none() { limit as i64 } else { -1 };
    let mut statement = connection.prepare_cached(
        "SELECT rowid FROM memory_words WHERE memory_words MATCH ?1 ORDER BY rank, rowid DESC LIMIT ?2",
    )?;
    let mut rows = statement.query((expression, limit_sql))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let memory = MemoryId(row.get(0)?);
        if passing.is_none_or(|passing| passing.has(memory)) {
            found.push(memory);
        }
        if found.len() == limit {
            break;
        }
    }
    Ok(found)
}

/// Returns the words of `query` that are looked up, each in double quotes, so that nothing a person types is syntax.
///
/// Stop words are left out, unless there is nothing else.
fn telling_words(query: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for word in query
        .split(|c: char| !is_in_word(c))
        .filter(|word| !word.is_empty())
    {
        let word = word.to_lowercase();
        if !words.contains(&word) {
            words.push(word);
        }
    }
    let is_telling = |word: &String| !STOP_WORDS.contains(&word.as_str());
    if words.iter().any(is_telling) {
        words.retain(is_telling);
    }
    words.truncate(WORDS_MAX);
    words
        .into_iter()
        .map(|word| format!("\"{word}\""))
        .collect()
}

/// Says whether FTS5 keeps `c` within a word; an accent that stands for itself belongs to the letter before it.
fn is_in_word(c: char) -> bool {
    c.is_alphanumeric() || ('\u{300}'..='\u{36f}').contains(&c)
}

#[cfg(test)]
mod tests {
    use super::telling_words;

    #[test]
    fn nothing_a_person_types_is_syntax() {
        assert_eq!(
            telling_words("NEAR(\"a\" b) OR col:x* -y"),
            ["\"near\"", "\"b\"", "\"col\"", "\"x\"", "\"y\""]
        );
        assert_eq!(
            telling_words("the"),
            ["\"the\""],
            "a query of stop words only is still a query"
        );
        assert!(telling_words("\" ' ( ) *").is_empty());
    }
}
