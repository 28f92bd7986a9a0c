//! The form that the Python service gives to answers with `max_response_chars`.

use super::shown::Shown;
use crate::answer::{iso, thousands};

/// Characters that one memory counts besides its text.
const OVERHEAD: usize = 200;

/// Writes as many hits as fit into `chars_max`, always at least one; returns their number too.
pub(super) fn blocks(all: &[Shown<'_>], chars_max: usize) -> (String, usize) {
    let size = |shown: &Shown<'_>| shown.text.chars().count() + OVERHEAD;
    let total: usize = all.iter().map(size).sum();
    let mut used = 0;
    let mut kept = 0;
    for shown in all {
        if kept > 0 && used + size(shown) > chars_max {
            break;
        }
        used += size(shown);
        kept += 1;
    }
    let mut parts: Vec<String> = all[..kept]
        .iter()
        .enumerate()
        .map(|(i, shown)| block(i + 1, shown))
        .collect();
    if kept < all.len() {
        parts.insert(0, warning(kept, all.len(), used, total));
    }
    (parts.join("\n"), kept)
}

fn warning(kept: usize, all: usize, used: usize, total: usize) -> String {
    let (used, total) = (thousands(used as u64), thousands(total as u64));
    format!("[!] RESPONSE TRUNCATED: Showing {kept} of {all} results ({used} of {total} chars).\n")
}

fn block(number: usize, shown: &Shown<'_>) -> String {
    let memory = &shown.hit.memory;
    let tags = match shown.tags.text() {
        tags if tags.is_empty() => tags,
        tags => format!("Tags: {tags}\n"),
    };
    format!(
        "=== Memory {number} ===\nTimestamp: {}\nContent: {}\nHash: {}\nRelevance Score: {:.2}\n{tags}---",
        iso(memory.created_ms),
        quoted(&shown.text),
        memory.content_hash,
        shown.hit.score,
    )
}

/// Marks lines of a memory that could pass for lines of this form.
fn quoted(text: &str) -> String {
    let is_ours = |line: &str| {
        let starts = [
            "===",
            "---",
            "[!]",
            "Timestamp:",
            "Content:",
            "Hash:",
            "Relevance Score:",
            "Tags:",
            "Note:",
        ];
        starts
            .iter()
            .any(|start| line.trim_start().starts_with(start))
    };
    let lines = text
        .lines()
        .enumerate()
        .map(|(i, line)| match i > 0 && is_ours(line) {
            true => format!("| {line}"),
            false => line.to_owned(),
        });
    lines.collect::<Vec<_>>().join("\n")
}
