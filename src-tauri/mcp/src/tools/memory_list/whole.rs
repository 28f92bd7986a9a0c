//! One memory with all that is kept of it, in parts if it is too long for one answer.

use commonplace_engine::Memory;
use commonplace_engine::clean::{clean, clean_line};
use serde_json::{Value, json};

use super::rows::described;
use crate::answer::{Answer, clean_value};
use crate::arguments::ArgumentError;
use crate::budget::{self, Detail};

/// Room that a part takes besides text, tags and metadata.
const OVERHEAD: usize = 1_500;

/// A part of a memory.
#[derive(Default)]
struct Part {
    text: String,
    tags: Option<Value>,
    metadata: Option<Value>,
}

/// Shows part `number` of a memory, counted from 1.
///
/// # Errors
/// If it has fewer parts.
pub(super) fn answer(memory: &Memory, number: usize) -> Result<Answer, ArgumentError> {
    let parts = parts(memory);
    let count = parts.len();
    let Some(part) = parts.into_iter().nth(number - 1) else {
        return Err(ArgumentError::Refused(format!(
            "part is {number}, and this memory has {count}"
        )));
    };
    let mut row = described(memory);
    row["content"] = json!(part.text);
    row["tags"] = part.tags.unwrap_or_else(|| json!([]));
    row["metadata"] = part.metadata.unwrap_or_else(|| json!({}));
    row["stored_by"] = provenance(memory);
    let structured = json!({ "memories": [row], "total": 1, "part": number, "parts": count });
    let hash = &memory.content_hash;
    let note = match number == count {
        true => None,
        false => Some(format!(
            "this is part {number} of {count}: memory_list with content_hash {hash} and part {} continues; join the \
             contents as they are",
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

/// Lays a memory out in parts that fit: tags and metadata first, then the text.
fn parts(memory: &Memory) -> Vec<Part> {
    let room = Detail::Full.room(1) - OVERHEAD;
    let (mut parts, mut part, mut left) = (Vec::new(), Part::default(), room);
    let tags: Value = memory
        .tags
        .iter()
        .map(|tag| json!(clean_line(tag)))
        .collect();
    left = left.saturating_sub(budget::cost(&tags.to_string()));
    part.tags = Some(tags);
    let metadata = clean_value(&Value::Object(memory.metadata.clone()));
    let cost = budget::cost(&metadata.to_string());
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
    use crate::tools::tests::memory;
    use serde_json::Map;

    /// The parts put together, as a client does it that follows the notes.
    fn read(memory: &Memory) -> (String, Value, Value, usize) {
        let (mut text, mut tags, mut metadata) = (String::new(), json!([]), json!({}));
        for number in 1.. {
            let finished = answer(memory, number).unwrap().finish();
            assert!(finished.text.len() <= 50_000, "{}", finished.text.len());
            let row = &finished.structured["memories"][0];
            text.push_str(row["content"].as_str().unwrap());
            if row["tags"] != json!([]) {
                tags = row["tags"].clone();
            }
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
    fn everything_that_is_kept_can_be_read() {
        for piece in ["word ", "\"\\\n", "日本語", "é"] {
            let mut largest = memory(&piece.repeat(65_536 / piece.len()), &[]);
            largest.tags = (0..100)
                .map(|n| format!("{n}{}", "t".repeat(190)))
                .collect();
            let key = "k".repeat(100);
            largest.metadata = Map::from_iter([(key, json!(piece.repeat(8_000 / piece.len())))]);
            let (text, tags, metadata, parts) = read(&largest);
            assert!(
                parts > 1 && text == largest.text,
                "{piece:?}: {parts} parts"
            );
            assert_eq!(tags, json!(largest.tags));
            assert_eq!(metadata, Value::Object(largest.metadata));
        }
    }

    #[test]
    fn who_stored_it_is_shown_and_a_part_too_many_is_refused() {
        let memory = memory("a fact", &["a"]);
        let finished = answer(&memory, 1).unwrap().finish();
        let row = &finished.structured["memories"][0];
        assert_eq!(row["stored_by"]["client"], "claude-code");
        assert_eq!(
            (&row["tags"], &row["metadata"]),
            (&json!(["a"]), &json!({"k": 1}))
        );
        let error = answer(&memory, 2).unwrap_err().to_string();
        assert_eq!(error, "part is 2, and this memory has 1");
    }
}
