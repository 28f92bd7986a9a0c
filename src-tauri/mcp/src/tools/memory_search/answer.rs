//! Shapes what a search found.
//!
//! The text is that of the Python service. A memory's text is data: its further lines are indented below its number,
//! and a line that could pass for one of ours gets a bar in front.

use commonplace_engine::clean::clean_line;
use commonplace_engine::{Hit, Query, SearchAnswer, SearchMode};
use serde_json::{Value, json};

use super::shown::{self, Shown};
use super::{Shape, truncated};
use crate::answer::{Answer, iso};
use crate::budget::{self, Detail};
use crate::readers::Reach;
use crate::time_phrase::Understood;

/// Longest query that is repeated in an answer.
const QUERY_ROOM: usize = 200;

/// Hits that are left out and named by their hash.
const LEFT_OUT_NAMED: usize = 10;

/// Shapes the answer so that the client shows all of it: where lines of ours make it too long, texts become shorter.
pub(super) fn answer(query: &Query, found: &SearchAnswer, shape: &Shape, reach: Reach) -> Answer {
    let mut room = shape.detail.room(found.hits.len(), reach);
    loop {
        let answer = in_room(query, found, shape, room);
        let finished = answer.clone().finish();
        let (json, text) = finished.written();
        let share = reach.share(&json, text);
        if share <= 1.0 || room < budget::LEAST {
            return answer;
        }
        room = (room as f64 / share * 0.97) as usize;
    }
}

fn in_room(query: &Query, found: &SearchAnswer, shape: &Shape, room: usize) -> Answer {
    let heading = heading(query, found, shape);
    let words_only = found
        .words_only
        .as_ref()
        .map(|reason| format!("search was by words only: {reason}"));
    if found.hits.is_empty() {
        let structured = structured(query, found, &[], words_only.as_deref());
        return Answer::text(heading, structured).with_notes(words_only);
    }
    let all = shown::all(&found.hits, room);
    let (text, kept) = match shape.chars_max {
        Some(chars_max) => {
            let (blocks, kept) = truncated::blocks(&all, chars_max);
            (format!("{heading}\n\n{blocks}"), kept)
        }
        None => {
            let blocks: Vec<String> = all
                .iter()
                .enumerate()
                .map(|(i, shown)| block(i + 1, shown))
                .collect();
            (format!("{heading}\n\n{}", blocks.join("\n\n")), all.len())
        }
    };
    let all = &all[..kept];
    let structured = structured(query, found, all, words_only.as_deref());
    Answer::text(text, structured)
        .with_notes(words_only)
        .with_notes(notes(found, all, shape))
}

fn heading(query: &Query, found: &SearchAnswer, shape: &Shape) -> String {
    let text = clean_line(query.text());
    let text = budget::shorten(&text, QUERY_ROOM).unwrap_or(text);
    let asked = if text.is_empty() {
        String::new()
    } else {
        format!(" for query: '{text}'")
    };
    let first = match found.hits.len() {
        0 => format!("No memories found{asked}"),
        count => format!(
            "Found {count} memories (mode: {}){asked}",
            mode(query.mode())
        ),
    };
    if shape.is_debug {
        first + &debug(found, shape)
    } else {
        first
    }
}

/// The name of a mode, as the argument and the answer spell it.
fn mode(mode: SearchMode) -> &'static str {
    match mode {
        SearchMode::Hybrid => "hybrid",
        SearchMode::Semantic => "semantic",
        SearchMode::Keyword => "keyword",
        SearchMode::Exact => "exact",
    }
}

fn debug(found: &SearchAnswer, shape: &Shape) -> String {
    let count = found.hits.len();
    // Filters apply before the best are chosen, so both counts are the same here.
    let mut text =
        format!("\n\nDebug Info:\n  Pre-filter count: {count}\n  Post-filter count: {count}");
    if let Some(phrase) = &shape.time_expr {
        text.push_str(&format!("\n  Time expression: {}", clean_line(phrase)));
    }
    let Understood {
        after_ms,
        before_ms,
        ..
    } = shape.time;
    if after_ms.is_some() || before_ms.is_some() {
        let end = |ms: Option<i64>| ms.map_or("open".to_owned(), iso);
        text.push_str(&format!(
            "\n  Time range: {} - {}",
            end(after_ms),
            end(before_ms)
        ));
    }
    for (i, hit) in found.hits.iter().enumerate() {
        text.push_str(&format!("\n  Hit {}: {}", i + 1, how_found(hit)));
    }
    text.push_str(&format!(
        "\n  Not yet searchable by meaning: {}",
        found.index_backlog
    ));
    text
}

fn how_found(hit: &Hit) -> String {
    let rank = |name: &str, rank: Option<u32>| {
        rank.map_or(String::new(), |rank| format!(", {name} rank {rank}"))
    };
    let cosine = hit
        .cosine
        .map_or(String::new(), |cosine| format!(", cosine {cosine:.4}"));
    let by_words = rank("words", hit.keyword_rank);
    format!(
        "score {:.2}{by_words}{}{cosine}",
        hit.score,
        rank("meaning", hit.semantic_rank)
    )
}

/// Stands below a memory that is not what was stored.
const DAMAGED_LINE: &str = "\n   Note: this memory is damaged (it does not match its checksum); do not rely on it. \
    `commonplace repair` brings it back from a backup.";

/// One hit in the form of the Python service.
fn block(number: usize, shown: &Shown<'_>) -> String {
    let memory = &shown.hit.memory;
    let tags = match shown.tags.text() {
        tags if tags.is_empty() => tags,
        tags => format!(" [{tags}]"),
    };
    format!(
        "{number}. {}\n   Hash: {}\n   Created: {}{tags}{}",
        indented(&shown.text),
        memory.content_hash,
        iso(memory.created_ms),
        if memory.is_damaged { DAMAGED_LINE } else { "" }
    )
}

/// Indents all lines but the first, and marks those that look like lines of ours.
fn indented(text: &str) -> String {
    let mut lines = text.lines();
    let mut all = lines.next().unwrap_or_default().to_owned();
    for line in lines {
        let bare = line.trim_start();
        let is_ours = ["Hash:", "Created:", "Note:"]
            .iter()
            .any(|start| bare.starts_with(start));
        match (bare.is_empty(), is_ours) {
            (true, _) => all.push('\n'),
            (false, true) => all.push_str(&format!("\n   | {line}")),
            (false, false) => all.push_str(&format!("\n   {line}")),
        }
    }
    all
}

fn notes(found: &SearchAnswer, shown: &[Shown<'_>], shape: &Shape) -> Vec<String> {
    let mut notes = Vec::new();
    let shortened = shown.iter().filter(|shown| shown.is_shortened).count();
    let left_out = found.hits.len() - shown.len();
    let how = match shape.detail {
        Detail::Short => "ask again with detail: full to see them in full",
        Detail::Full => "memory_list with a content_hash shows a memory in full",
    };
    if shortened > 0 {
        notes.push(format!(
            "{shortened} of {} texts are cut; {how}",
            shown.len()
        ));
    }
    if left_out > 0 && shape.chars_max.is_none() {
        let hits = found.hits[shown.len()..].iter().take(LEFT_OUT_NAMED);
        let hashes: Vec<&str> = hits.map(|hit| hit.memory.content_hash.as_str()).collect();
        let more = if left_out > LEFT_OUT_NAMED {
            " and more"
        } else {
            ""
        };
        notes.push(format!(
            "the last {left_out} hits were left out to keep the answer short: {}{more}; memory_list with a content_hash \
             shows each, or ask with more words or filters",
            hashes.join(", ")
        ));
    }
    notes
}

fn structured(
    query: &Query,
    found: &SearchAnswer,
    shown: &[Shown<'_>],
    words_only: Option<&str>,
) -> Value {
    let memories: Vec<Value> = shown.iter().map(structured_hit).collect();
    let query_text = clean_line(query.text());
    let mut value = json!({
        "query": budget::shorten(&query_text, QUERY_ROOM).unwrap_or(query_text),
        "mode": mode(query.mode()),
        "total": found.hits.len(),
        "memories": memories,
    });
    if words_only.is_some() {
        value["words_only"] = json!(true);
    }
    value
}

fn structured_hit(shown: &Shown<'_>) -> Value {
    let memory = &shown.hit.memory;
    let mut value = json!({
        "content": shown.text,
        "content_hash": memory.content_hash,
        "created_at": iso(memory.created_ms),
        "tags": shown.tags.shown,
        "score": (f64::from(shown.hit.score) * 1000.0).round() / 1000.0,
        "stored_by": clean_line(&memory.provenance.client),
    });
    if let Some(memory_type) = &memory.memory_type {
        value["memory_type"] = json!(clean_line(memory_type));
    }
    if !memory.project.is_empty() {
        value["project"] = json!(clean_line(&memory.project));
    }
    if shown.tags.left_out > 0 {
        value["tags_left_out"] = json!(shown.tags.left_out);
    }
    if shown.is_shortened {
        value["is_shortened"] = json!(true);
    }
    if memory.is_damaged {
        value["is_damaged"] = json!(true);
    }
    value
}

#[cfg(test)]
mod tests;
