//! Memories as the page shows and changes them.

pub(crate) mod browse;
mod given;
pub(crate) mod one;
pub(crate) mod search;
pub(crate) mod several;

use commonplace_engine::{Acknowledged, DraftError, Memory, WriteOp, WriteOutcome};
use serde::Serialize;

use crate::gate::App;
use crate::refusal::Refusal;
use crate::routes::object;

/// Characters of a text that a row of a list shows; the whole text comes with the memory itself.
const START_CHARS_MAX: usize = 300;

/// A memory in a list.
#[derive(Serialize)]
struct Row {
    #[serde(flatten)]
    memory: Memory,
    /// Whether `memory.text` is only a part of its text.
    is_cut: bool,
}

impl Row {
    /// Shows the part of the text where the first of `words` stands, in lower case; its start if none does.
    fn around(memory: Memory, words: &[String]) -> Self {
        let found = first_place(&memory.text, words);
        Self::of(memory, found)
    }

    /// Keeps the part of the text that is shown: from its start, or from a little before `found`, a place in bytes.
    fn of(mut memory: Memory, found: usize) -> Self {
        let text = &memory.text;
        let lead = text[..found].char_indices().rev();
        // A word that stands near the start is shown with all that is before it.
        let from = match lead.take(START_CHARS_MAX / 3).last() {
            Some((at, _)) if found > START_CHARS_MAX / 2 => at,
            _ => 0,
        };
        let mut rest = text[from..].char_indices();
        let end = rest
            .nth(START_CHARS_MAX)
            .map_or(text.len(), |(at, _)| from + at);
        let is_cut = from > 0 || end < text.len();
        if is_cut {
            let before = if from > 0 { "…" } else { "" };
            let after = if end < text.len() { "…" } else { "" };
            memory.text = format!("{before}{}{after}", &text[from..end]);
        }
        Self { memory, is_cut }
    }
}

/// Returns the first place in bytes where one of `words` stands; 0 if none does. Letter case counts outside ASCII only.
fn first_place(text: &str, words: &[String]) -> usize {
    if words.is_empty() {
        return 0;
    }
    let lower = text.to_ascii_lowercase();
    let places = words.iter().filter_map(|word| lower.find(word.as_str()));
    places.min().unwrap_or(0)
}

/// Carries out a write that a person asked for. Nobody waits for the end of a pause in front of a page.
async fn written(app: &App, op: WriteOp) -> Result<Acknowledged, Refusal> {
    if let Some(pause) = app.memories.paused() {
        return Err(Refusal::Paused(format!(
            "writes are paused {pause}; nothing was changed: let them go on with the button on the overview, or with \
             `commonplace resume`"
        )));
    }
    Ok(app.memories.write(op).await?)
}

/// Takes a body that must be an object of a known shape.
fn body<T: serde::de::DeserializeOwned>(bytes: &[u8], shape: &str) -> Result<T, Refusal> {
    object(bytes)
        .map_err(|error| Refusal::BadRequest(format!("the body must be `{shape}`: {error}")))
}

/// A store answers a write with its own kind of outcome, unless something is badly wrong.
fn unexpected(outcome: &WriteOutcome) -> Refusal {
    Refusal::Failed(format!(
        "the store answered with something else: {outcome:?}"
    ))
}

fn refused(error: DraftError) -> Refusal {
    Refusal::BadRequest(error.to_string())
}

#[cfg(test)]
mod tests {
    use commonplace_engine::{ContentHash, MemoryId, Provenance};

    use super::*;

    fn row(text: &str, found: usize) -> (String, bool) {
        let memory = Memory {
            id: MemoryId(1),
            content_hash: ContentHash::of(text),
            text: text.to_owned(),
            tags: Vec::new(),
            memory_type: None,
            project: String::new(),
            metadata: serde_json::Map::new(),
            created_ms: 1,
            updated_ms: 1,
            deleted_ms: None,
            provenance: Provenance::default(),
            is_damaged: false,
        };
        let row = Row::of(memory, found);
        (row.memory.text, row.is_cut)
    }

    #[test]
    fn a_row_shows_the_start_of_a_long_text_or_what_is_around_a_find() {
        assert_eq!(row("short", 0), ("short".to_owned(), false));
        let long = "é".repeat(400);
        assert_eq!(row(&long, 0), (format!("{}…", "é".repeat(300)), true));
        let (shown, is_cut) = row(&format!("{long}needle{long}"), long.len());
        assert!(is_cut);
        let expected = format!("…{}needle{}…", "é".repeat(100), "é".repeat(194));
        assert_eq!(shown, expected);
    }
}
