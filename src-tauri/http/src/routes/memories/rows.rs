//! Memories of the store as they leave the process.

use commonplace_api::memories as api;
use commonplace_engine::{Earlier, Facet, Facets, Hit, Memory, Provenance, Record};

/// Characters of a text that a row of a list shows; the whole text comes with the memory itself.
const START_CHARS_MAX: usize = 300;

pub(super) fn memory(memory: Memory) -> api::Memory {
    api::Memory {
        id: memory.id.0,
        content_hash: memory.content_hash.to_string(),
        text: memory.text,
        tags: memory.tags,
        memory_type: memory.memory_type,
        project: memory.project,
        metadata: memory.metadata,
        created_ms: memory.created_ms,
        updated_ms: memory.updated_ms,
        deleted_ms: memory.deleted_ms,
        provenance: provenance(memory.provenance),
        is_damaged: memory.is_damaged,
    }
}

fn provenance(provenance: Provenance) -> api::Provenance {
    api::Provenance {
        client: provenance.client,
        client_version: provenance.client_version,
        session: provenance.session,
        host_name: provenance.host_name,
    }
}

pub(crate) fn record(record: Record) -> api::MemoryRecord {
    api::MemoryRecord {
        memory: memory(record.memory),
        is_indexed: record.is_indexed,
        history: record.history.into_iter().map(earlier).collect(),
    }
}

fn earlier(earlier: Earlier) -> api::EarlierState {
    api::EarlierState {
        change: earlier.change,
        seq: earlier.seq.0,
        at_ms: earlier.at_ms,
        client: earlier.client,
        text: earlier.text,
        tags: earlier.tags,
        memory_type: earlier.memory_type,
        project: earlier.project,
        metadata: earlier.metadata,
        is_damaged: earlier.is_damaged,
    }
}

pub(super) fn facets(facets: Facets) -> api::Facets {
    api::Facets {
        projects: facet(facets.projects),
        tags: facet(facets.tags),
        types: facet(facets.types),
        clients: facet(facets.clients),
    }
}

fn facet(facet: Facet) -> api::Facet {
    let named = facet.top.into_iter().map(|named| api::FacetName {
        name: named.name,
        count: named.count,
    });
    api::Facet {
        top: named.collect(),
        more: facet.more,
    }
}

pub(super) fn hit(hit: Hit, words: &[String]) -> api::Hit {
    api::Hit {
        memory: row(hit.memory, words),
        score: hit.score,
        keyword_rank: hit.keyword_rank,
        semantic_rank: hit.semantic_rank,
        cosine: hit.cosine,
    }
}

/// Shows the part of the text where the first of `words` stands, in lower case; its start if none does.
pub(super) fn row(memory: Memory, words: &[String]) -> api::MemoryRow {
    let found = first_place(&memory.text, words);
    cut(memory, found)
}

/// Keeps the part of the text that is shown: from its start, or from a little before `found`, a place in bytes.
fn cut(mut shown: Memory, found: usize) -> api::MemoryRow {
    let text = &shown.text;
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
        shown.text = format!("{before}{}{after}", &text[from..end]);
    }
    api::MemoryRow {
        memory: memory(shown),
        is_cut,
    }
}

/// Returns the first place in bytes where one of `words` stands; 0 if none does. Letter case counts outside ASCII only.
pub(super) fn first_place(text: &str, words: &[String]) -> usize {
    if words.is_empty() {
        return 0;
    }
    let lower = text.to_ascii_lowercase();
    let places = words.iter().filter_map(|word| lower.find(word.as_str()));
    places.min().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use commonplace_engine::{ContentHash, MemoryId};

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
        let row = cut(memory, found);
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
