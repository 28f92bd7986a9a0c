//! One memory with all that is kept of it, in parts if it is too long for one answer.

use commonplace_engine::Memory;
use commonplace_engine::clean::{clean, clean_line};
use serde_json::{Value, json};

use super::rows::described;
use crate::answer::{Answer, clean_value};
use crate::arguments::ArgumentError;
use crate::budget::{self, Detail};
use crate::readers::Reach;

/// Room that a part takes besides text, tags and metadata.
const OVERHEAD: usize = 1_500;

/// A part of a memory.
#[derive(Default)]
struct Part {
    text: String,
    tags: Vec<String>,
    metadata: Option<Value>,
}

/// Shows part `number` of a memory, counted from 1.
///
/// # Errors
/// If it has fewer parts.
pub(super) fn answer(
    memory: &Memory,
    number: usize,
    reach: Reach,
) -> Result<Answer, ArgumentError> {
    let parts = parts(memory, Detail::Full.room(1, reach) - OVERHEAD);
    let count = parts.len();
    let Some(part) = parts.into_iter().nth(number - 1) else {
        return Err(ArgumentError::Refused(format!(
            "part is {number}, and this memory has {count}"
        )));
    };
    let mut row = described(memory);
    row["content"] = json!(part.text);
    row["tags"] = json!(part.tags);
    row["metadata"] = part.metadata.unwrap_or_else(|| json!({}));
    row["stored_by"] = provenance(memory);
    let structured = json!({ "memories": [row], "total": 1, "part": number, "parts": count });
    let hash = &memory.content_hash;
    let note = match number == count {
        true => None,
        false => Some(format!(
            "this is part {number} of {count}: memory_list with content_hash {hash} and part {} continues; join the \
             contents, and the tags, as they are",
            number + 1
        )),
    };
    Ok(Answer::json(structured).with_notes(note))
}

fn provenance(memory: &Memory) -> Value {
    let by = &memory.provenance;
    let line = |name: &Option<String>| name.as_deref().map(clean_line);
    json!({
        "client": clean_line(&by.client),
        "client_version": line(&by.client_version),
        "session": line(&by.session),
        "host_name": line(&by.host_name),
    })
}

/// Lays a memory out in parts of so much room: tags and metadata first, then the text.
fn parts(memory: &Memory, room: usize) -> Vec<Part> {
    let (mut parts, mut part, mut left) = (Vec::new(), Part::default(), room);
    for tag in memory.tags.iter().map(|tag| clean_line(tag)) {
        // With quotes and comma.
        let cost = budget::cost(&tag) + 3;
        if cost > left {
            parts.push(std::mem::take(&mut part));
            left = room;
        }
        left = left.saturating_sub(cost);
        part.tags.push(tag);
    }
    let metadata = clean_value(&Value::Object(memory.metadata.clone()));
    let cost = budget::cost_of_json(&metadata);
    if cost > left {
        parts.push(std::mem::take(&mut part));
        left = room;
    }
    left = left.saturating_sub(cost);
    part.metadata = Some(metadata);
    let text = clean(&memory.text);
    let mut rest = text.as_str();
    loop {
        let (head, tail) = budget::split(rest, left);
        part.text = head.to_owned();
        parts.push(std::mem::take(&mut part));
        if tail.is_empty() {
            return parts;
        }
        (rest, left) = (tail, room);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::readers::tests::CLIENTS;
    use crate::tools::tests::{assert_whole, memory};
    use serde_json::Map;

    /// The parts put together, as a client does it that follows the notes.
    fn read(memory: &Memory, client: &str) -> (String, Vec<String>, Value, usize) {
        let (mut text, mut tags, mut metadata) = (String::new(), Vec::new(), json!({}));
        for number in 1.. {
            let finished = answer(memory, number, Reach::of(client)).unwrap().finish();
            assert_whole(client, &finished, &format!("part {number}"));
            let row = &finished.structured["memories"][0];
            text.push_str(row["content"].as_str().unwrap());
            let further: Vec<String> = serde_json::from_value(row["tags"].clone()).unwrap();
            tags.extend(further);
            if row["metadata"] != json!({}) {
                metadata = row["metadata"].clone();
            }
            let parts = finished.structured["parts"].as_u64().unwrap() as usize;
            assert_eq!(finished.structured.get("notes").is_some(), number < parts);
            if number == parts {
                return (text, tags, metadata, parts);
            }
        }
        unreachable!("parts end")
    }

    #[test]
    fn everything_that_is_kept_can_be_read_by_every_client() {
        for client in CLIENTS {
            for piece in ["word ", "\"\\\n", "日本語", "é", "…", "🦀"] {
                let mut largest = memory(&piece.repeat(65_536 / piece.len()), &[]);
                let name = |n: usize| format!("{n}{}", piece.trim().repeat(190 / piece.len()));
                largest.tags = (0..100).map(name).collect();
                let key = "k".repeat(100);
                largest.metadata =
                    Map::from_iter([(key, json!(piece.repeat(16_000 / 2 / piece.len())))]);
                let (text, tags, metadata, parts) = read(&largest, client);
                assert!(
                    parts > 1 && text == largest.text,
                    "{piece:?}: {parts} parts"
                );
                assert_eq!(tags, largest.tags);
                assert_eq!(metadata, Value::Object(largest.metadata));
            }
        }
    }

    #[test]
    fn who_stored_it_is_shown_and_a_part_too_many_is_refused() {
        let memory = memory("a fact", &["a"]);
        let finished = answer(&memory, 1, Reach::of("")).unwrap().finish();
        let row = &finished.structured["memories"][0];
        assert_eq!(row["stored_by"]["client"], "claude-code");
        assert_eq!(
            (&row["tags"], &row["metadata"]),
            (&json!(["a"]), &json!({"k": 1}))
        );
        let error = answer(&memory, 2, Reach::of("")).unwrap_err().to_string();
        assert_eq!(error, "part is 2, and this memory has 1");
    }
}
