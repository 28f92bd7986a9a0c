//! The memories of a list, each cut to its share of the room.

use commonplace_engine::Memory;
use commonplace_engine::clean::{clean, clean_line};
use serde_json::{Value, json};

use crate::answer::{Answer, clean_value, iso};
use crate::budget::{self, Detail};
use crate::tags;

/// Room that one memory takes besides what anybody may make long: hash, four times, names of fields.
const OVERHEAD: usize = 420;
/// Metadata with longer JSON is left out of a short answer.
const METADATA_SHOWN_MAX: usize = 300;

/// Memories as they are shown.
pub(super) struct Rows {
    rows: Vec<Value>,
    shortened: usize,
    left_out: usize,
}

impl Rows {
    /// Shows all of them; where room is short, texts become shorter.
    pub(super) fn all(memories: &[Memory], detail: Detail) -> Self {
        let parts: Vec<Parts> = memories
            .iter()
            .map(|memory| Parts::of(memory, detail))
            .collect();
        let least = parts.len() * (OVERHEAD + budget::LEAST);
        Self::shared(memories, parts, detail.room(memories.len()).max(least))
    }

    /// Shows the first ones that fit as they are, at least one.
    pub(super) fn that_fit(memories: &[Memory], detail: Detail) -> Self {
        if detail == Detail::Short {
            return Self::all(memories, detail);
        }
        let mut parts: Vec<Parts> = memories
            .iter()
            .map(|memory| Parts::of(memory, detail))
            .collect();
        let room = detail.room(memories.len());
        let mut taken = 0;
        let fitting = parts.iter().take_while(|parts| {
            taken += OVERHEAD + parts.cost();
            taken <= room
        });
        let count = fitting.count().max(1);
        parts.truncate(count);
        Self::shared(memories, parts, room)
    }

    fn shared(memories: &[Memory], parts: Vec<Parts>, room: usize) -> Self {
        let costs: Vec<usize> = parts.iter().map(Parts::cost).collect();
        let shares = budget::shares(&costs, OVERHEAD, room);
        let mut rows = Self {
            rows: Vec::with_capacity(parts.len()),
            shortened: 0,
            left_out: 0,
        };
        for ((memory, parts), share) in memories.iter().zip(parts).zip(shares) {
            rows.push(memory, parts, share);
        }
        rows
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Brings them into an answer, and says what is not whole.
    pub(super) fn answer(self, mut structured: Value) -> Answer {
        let count = self.rows.len();
        structured["memories"] = Value::Array(self.rows);
        let how = "memory_list with a content_hash shows a memory in full";
        let shortened = (self.shortened > 0)
            .then(|| format!("{} of {count} texts are cut; {how}", self.shortened));
        let left_out = (self.left_out > 0).then(|| {
            format!(
                "long metadata or tags of {} memories are left out; {how}",
                self.left_out
            )
        });
        Answer::json(structured)
            .with_notes(shortened)
            .with_notes(left_out)
    }

    fn push(&mut self, memory: &Memory, mut parts: Parts, share: usize) {
        if share < parts.cost() {
            parts.leave_out(share);
        }
        let room = share.saturating_sub(parts.described());
        let cut = budget::shorten(&parts.text, room);
        self.shortened += usize::from(cut.is_some());
        self.left_out += usize::from(parts.is_left_out);
        let mut row = row(memory, cut.as_deref().unwrap_or(&parts.text), &parts);
        if cut.is_some() {
            row["is_shortened"] = json!(true);
        }
        self.rows.push(row);
    }
}

/// The parts of a memory whose length anybody may choose, cleaned.
struct Parts {
    text: String,
    tags: tags::Shown,
    metadata: Value,
    is_left_out: bool,
}

impl Parts {
    fn of(memory: &Memory, detail: Detail) -> Self {
        let metadata = clean_value(&Value::Object(memory.metadata.clone()));
        let tags = match detail {
            Detail::Short => tags::Shown::first(&memory.tags),
            Detail::Full => tags::Shown::all(&memory.tags),
        };
        let mut parts = Self {
            text: clean(&memory.text),
            is_left_out: tags.left_out > 0,
            tags,
            metadata,
        };
        if detail == Detail::Short {
            parts.leave_metadata_out();
        }
        parts
    }

    /// Room for all of it.
    fn cost(&self) -> usize {
        budget::cost(&self.text) + self.described()
    }

    /// Room for all but the text.
    fn described(&self) -> usize {
        budget::cost(&self.metadata.to_string()) + self.tags.cost()
    }

    /// Makes room for the start of the text, if tags and metadata leave none.
    fn leave_out(&mut self, share: usize) {
        if self.described() + budget::LEAST > share {
            self.leave_metadata_out();
        }
        if self.described() + budget::LEAST > share {
            self.tags.shorten();
            self.is_left_out |= self.tags.left_out > 0;
        }
    }

    fn leave_metadata_out(&mut self) {
        let bytes = self.metadata.to_string().len();
        if bytes > METADATA_SHOWN_MAX {
            let text = format!("{bytes} bytes; memory_list with this content_hash shows them");
            self.metadata = json!({ "left_out": text });
            self.is_left_out = true;
        }
    }
}

fn row(memory: &Memory, text: &str, parts: &Parts) -> Value {
    let mut row = described(memory);
    row["content"] = json!(text);
    row["tags"] = json!(parts.tags.shown);
    row["metadata"] = parts.metadata.clone();
    if parts.tags.left_out > 0 {
        row["tags_left_out"] = json!(parts.tags.left_out);
    }
    row
}

/// What tells a memory from others, under the names of the Python service.
pub(super) fn described(memory: &Memory) -> Value {
    let seconds = |ms: i64| ms as f64 / 1000.0;
    let mut value = json!({
        "content_hash": memory.content_hash,
        "memory_type": memory.memory_type.as_deref().map(clean_line),
        "created_at": seconds(memory.created_ms),
        "updated_at": seconds(memory.updated_ms),
        "created_at_iso": iso(memory.created_ms),
        "updated_at_iso": iso(memory.updated_ms),
    });
    if !memory.project.is_empty() {
        value["project"] = json!(clean_line(&memory.project));
    }
    if let Some(deleted_ms) = memory.deleted_ms {
        value["deleted_at_iso"] = json!(iso(deleted_ms));
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::tests::memory;

    fn with_metadata(bytes: usize) -> Memory {
        let mut memory = memory("short", &["a"]);
        memory
            .metadata
            .insert("long".to_owned(), json!("x".repeat(bytes)));
        memory
    }

    // Metadata was left out wherever the text was shorter than 100 characters, also when there was room for all of it.
    #[test]
    fn metadata_of_a_short_text_is_shown_where_there_is_room() {
        let finished = Rows::all(&[with_metadata(2_310)], Detail::Full)
            .answer(json!({}))
            .finish();
        let shown = &finished.structured["memories"][0]["metadata"]["long"];
        assert_eq!(shown.as_str().unwrap().len(), 2_310);
        assert_eq!(finished.structured.get("notes"), None);
    }

    #[test]
    fn what_is_left_out_is_said_with_the_way_to_read_it() {
        let mut many = with_metadata(600);
        many.tags = (0..100).map(|n| format!("a tag with number {n}")).collect();
        let finished = Rows::all(&[many, memory(&"x".repeat(9_000), &[])], Detail::Short)
            .answer(json!({}))
            .finish();
        let first = &finished.structured["memories"][0];
        let said = first["metadata"]["left_out"].as_str().unwrap();
        assert!(
            said.ends_with("bytes; memory_list with this content_hash shows them"),
            "{said}"
        );
        let tags = first["tags"].as_array().unwrap().len();
        assert_eq!(first["tags_left_out"], json!(100 - tags));
        assert_eq!(
            finished.structured["notes"],
            json!([
                "1 of 2 texts are cut; memory_list with a content_hash shows a memory in full",
                "long metadata or tags of 1 memories are left out; memory_list with a content_hash shows a memory in full"
            ])
        );
    }
}
