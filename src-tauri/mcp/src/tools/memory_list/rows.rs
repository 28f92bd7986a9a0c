//! The memories of a list, each cut to its share of the room.

use commonplace_engine::Memory;
use commonplace_engine::clean::{clean, clean_line};
use serde_json::{Value, json};

use crate::answer::{Answer, clean_value, iso};
use crate::budget::{self, Detail};
use crate::readers::Reach;
use crate::tags;

/// Room for the names of fields that are added to what [`described`] gives, and for marks of what is cut.
const ADDED: usize = 115;
/// Metadata with longer JSON is left out of a short answer.
const METADATA_SHOWN_MAX: usize = 300;
/// Room in which any memory can be shown, by its hash and times at least.
const ROW: usize = 450;
/// Room of a project and of a type where there is hardly any.
const NAME_ROOM: usize = 24;

/// The longest page whose memories can all be shown at once.
pub(super) fn page_size_max(reach: Reach) -> i64 {
    i64::try_from(Detail::Full.room(0, reach) / ROW).unwrap_or(i64::MAX)
}

/// Memories as they are shown.
pub(super) struct Rows {
    rows: Vec<Value>,
    shortened: usize,
    left_out: usize,
}

impl Rows {
    /// Shows all of them, of which there are at most [`page_size_max`]; where room is short, texts become shorter.
    pub(super) fn all(memories: &[Memory], detail: Detail, reach: Reach) -> Self {
        let parts = Parts::of_each(memories, detail);
        let least = (parts.len() * ROW).min(Detail::Full.room(0, reach));
        let room = detail.room(memories.len(), reach).max(least);
        Self::shared(memories, parts, room)
    }

    /// Shows the first ones for which there is room, at least one: as they are if texts are to be full.
    pub(super) fn that_fit(memories: &[Memory], detail: Detail, reach: Reach) -> Self {
        let mut parts = Parts::of_each(memories, detail);
        let room = detail.room(memories.len(), reach);
        let count = match detail {
            Detail::Short => {
                let costs: Vec<usize> = parts.iter().map(Parts::cost).collect();
                let fixed: Vec<usize> = parts.iter().map(|parts| parts.fixed).collect();
                budget::fitting(&costs, &fixed, room)
            }
            Detail::Full => {
                let mut taken = 0;
                let fitting = parts.iter().take_while(|parts| {
                    taken += parts.fixed + parts.cost();
                    taken <= room
                });
                fitting.count().max(1)
            }
        };
        parts.truncate(count);
        Self::shared(memories, parts, room)
    }

    fn shared(memories: &[Memory], parts: Vec<Parts>, room: usize) -> Self {
        let costs: Vec<usize> = parts.iter().map(Parts::cost).collect();
        let fixed: usize = parts.iter().map(|parts| parts.fixed).sum();
        let shares = budget::fair(&costs, room.saturating_sub(fixed));
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
                "long metadata, tags or names of {} memories are left out; {how}",
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
    memory_type: Option<String>,
    project: String,
    /// Room for everything else.
    fixed: usize,
    is_left_out: bool,
}

impl Parts {
    fn of_each(memories: &[Memory], detail: Detail) -> Vec<Self> {
        let each = memories.iter();
        each.map(|memory| Self::of(memory, detail)).collect()
    }

    fn of(memory: &Memory, detail: Detail) -> Self {
        let tags = match detail {
            Detail::Short => tags::Shown::first(&memory.tags),
            Detail::Full => tags::Shown::all(&memory.tags),
        };
        let mut parts = Self {
            text: clean(&memory.text),
            is_left_out: tags.left_out > 0,
            tags,
            metadata: clean_value(&Value::Object(memory.metadata.clone())),
            memory_type: memory.memory_type.as_deref().map(clean_line),
            project: clean_line(&memory.project),
            fixed: budget::cost_of_json(&told_apart(memory)) + ADDED,
        };
        if detail == Detail::Short {
            parts.leave_metadata_out();
        }
        parts
    }

    /// Room for all that is not fixed.
    fn cost(&self) -> usize {
        budget::cost(&self.text) + self.described()
    }

    /// Room for all of that but the text.
    fn described(&self) -> usize {
        let names = budget::cost(self.memory_type.as_deref().unwrap_or_default())
            + budget::cost(&self.project);
        budget::cost_of_json(&self.metadata) + self.tags.cost() + names
    }

    /// Makes room for the start of the text, if the rest leaves none.
    fn leave_out(&mut self, share: usize) {
        if self.described() + budget::LEAST > share {
            self.leave_metadata_out();
        }
        if self.described() + budget::LEAST > share {
            self.tags.shorten();
            self.is_left_out |= self.tags.left_out > 0;
        }
        if self.described() >= share {
            self.leave_all_out();
        }
    }

    /// Keeps what a memory can be found by.
    fn leave_all_out(&mut self) {
        let bytes = self.metadata.to_string().len();
        if self.metadata.get("left_out").is_none() && bytes > METADATA_TOLD.len() + 10 {
            self.metadata = json!({ "left_out": format!("{bytes} bytes") });
        } else if let Some(Value::String(told)) = self.metadata.get_mut("left_out") {
            told.truncate(told.find(METADATA_TOLD).unwrap_or(told.len()));
        }
        self.tags.leave_all_out();
        let cut = |name: &str| budget::shorten(name, NAME_ROOM);
        if let Some(shorter) = cut(&self.project) {
            self.project = shorter;
        }
        if let Some(shorter) = self.memory_type.as_deref().and_then(cut) {
            self.memory_type = Some(shorter);
        }
        self.is_left_out = true;
    }

    fn leave_metadata_out(&mut self) {
        let bytes = self.metadata.to_string().len();
        if bytes > METADATA_SHOWN_MAX {
            let text = format!("{bytes} bytes{METADATA_TOLD}");
            self.metadata = json!({ "left_out": text });
            self.is_left_out = true;
        }
    }
}

/// Follows the size of metadata that are left out.
const METADATA_TOLD: &str = "; memory_list with this content_hash shows them";

fn row(memory: &Memory, text: &str, parts: &Parts) -> Value {
    let mut row = told_apart(memory);
    row["memory_type"] = json!(parts.memory_type);
    if !parts.project.is_empty() {
        row["project"] = json!(parts.project);
    }
    row["content"] = json!(text);
    row["tags"] = json!(parts.tags.shown);
    row["metadata"] = parts.metadata.clone();
    if parts.tags.left_out > 0 {
        row["tags_left_out"] = json!(parts.tags.left_out);
    }
    row
}

/// All of a memory but text, tags and metadata, under the names of the Python service.
pub(super) fn described(memory: &Memory) -> Value {
    let mut value = told_apart(memory);
    value["memory_type"] = json!(memory.memory_type.as_deref().map(clean_line));
    if !memory.project.is_empty() {
        value["project"] = json!(clean_line(&memory.project));
    }
    value
}

/// What tells a memory from others.
fn told_apart(memory: &Memory) -> Value {
    let seconds = |ms: i64| ms as f64 / 1000.0;
    let mut value = json!({
        "content_hash": memory.content_hash,
        "created_at": seconds(memory.created_ms),
        "updated_at": seconds(memory.updated_ms),
        "created_at_iso": iso(memory.created_ms),
        "updated_at_iso": iso(memory.updated_ms),
    });
    if let Some(deleted_ms) = memory.deleted_ms {
        value["deleted_at_iso"] = json!(iso(deleted_ms));
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::tests::memory;

    fn reach() -> Reach {
        Reach::of("claude-code")
    }

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
        let finished = Rows::all(&[with_metadata(2_310)], Detail::Full, reach())
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
        let finished = Rows::all(
            &[many, memory(&"x".repeat(9_000), &[])],
            Detail::Short,
            reach(),
        )
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
                "long metadata, tags or names of 1 memories are left out; memory_list with a content_hash shows a memory in full"
            ])
        );
    }
}
