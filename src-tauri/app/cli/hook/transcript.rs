//! What was marked in a conversation, from the file that Claude Code writes it down in.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use serde::Deserialize;

use super::marks::{Mark, marks, may_have_marks};

/// Most marks that are taken from one conversation.
const MARKS_MAX: usize = 100;

/// A mark, and a name for it that is the same whenever the conversation is read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Marked {
    pub(super) mark: Mark,
    pub(super) op_id: String,
}

/// A line of the file. Results of tools and what hooks added are of other kinds.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    uuid: Option<String>,
    #[serde(default)]
    message: Option<Message>,
    /// Written by the client and not by a person or the model.
    #[serde(default)]
    is_meta: bool,
    /// What another agent and the model said to each other.
    #[serde(default)]
    is_sidechain: bool,
    /// Repeats in other words what was said before.
    #[serde(default)]
    is_compact_summary: bool,
}

#[derive(Deserialize)]
struct Message {
    content: Content,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Content {
    Text(String),
    Blocks(Vec<Block>),
}

#[derive(Deserialize)]
struct Block {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    text: Option<String>,
}

/// Reads what person and model marked in a conversation. Lines that cannot be read are passed over.
///
/// # Errors
/// If the file cannot be read.
pub(super) fn read(path: &Path) -> std::io::Result<Vec<Marked>> {
    let mut file = BufReader::new(File::open(path)?);
    let mut found = Vec::new();
    let mut bytes = Vec::new();
    while found.len() < MARKS_MAX && file.read_until(b'\n', &mut bytes)? > 0 {
        found.extend(marked(&String::from_utf8_lossy(&bytes)));
        bytes.clear();
    }
    found.truncate(MARKS_MAX);
    Ok(found)
}

fn marked(line: &str) -> Vec<Marked> {
    if !may_have_marks(line) {
        return Vec::new();
    }
    let Ok(line) = serde_json::from_str::<Line>(line) else {
        return Vec::new();
    };
    let Some((uuid, text)) = line.said() else {
        return Vec::new();
    };
    // Split-off sessions copy what was said, with its names: those of the session itself would store it twice.
    let name = |(number, mark)| Marked {
        mark,
        op_id: format!("marked:{uuid}:{number}"),
    };
    marks(&text).into_iter().enumerate().map(name).collect()
}

impl Line {
    /// What a person or the model said, and its name.
    fn said(self) -> Option<(String, String)> {
        let is_said = matches!(self.kind.as_str(), "user" | "assistant");
        if !is_said || self.is_meta || self.is_sidechain || self.is_compact_summary {
            return None;
        }
        let text = match self.message?.content {
            Content::Text(text) => text,
            Content::Blocks(blocks) => {
                let texts = blocks.into_iter().filter(|block| block.kind == "text");
                texts
                    .filter_map(|block| block.text)
                    .collect::<Vec<_>>()
                    .join("\n\n")
            }
        };
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '-';
        let uuid = self
            .uuid
            .filter(|uuid| uuid.len() <= 64 && uuid.chars().all(is_name))?;
        Some((uuid, text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn texts(line: serde_json::Value) -> Vec<(String, String)> {
        let marked = marked(&line.to_string()).into_iter();
        marked
            .map(|marked| (marked.op_id, marked.mark.text))
            .collect()
    }

    #[test]
    fn what_person_and_model_said_is_read_and_named() {
        let person = json!({"type": "user", "uuid": "u-1", "message": {"role": "user", "content": "Todo: one two three"}});
        assert_eq!(
            texts(person),
            [("marked:u-1:0".to_owned(), "one two three".to_owned())]
        );
        let blocks = json!([
            {"type": "thinking", "thinking": "Todo: not said to anybody"},
            {"type": "text", "text": "Todo: one two three"},
            {"type": "tool_use", "id": "t", "name": "Bash", "input": {"command": "Todo: echo it now"}},
            {"type": "text", "text": "Decision: four five six"},
        ]);
        let model = json!({"type": "assistant", "uuid": "a-1", "message": {"role": "assistant", "content": blocks}});
        let names: Vec<String> = texts(model).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["marked:a-1:0", "marked:a-1:1"]);
    }

    #[test]
    fn what_tools_hooks_and_other_agents_wrote_is_not_taken() {
        let text = "Todo: one two three";
        let said = |extra: serde_json::Value| {
            let mut line = json!({"type": "user", "uuid": "u", "message": {"content": text}});
            line.as_object_mut()
                .unwrap()
                .extend(extra.as_object().unwrap().clone());
            line
        };
        let result = json!([{"type": "tool_result", "tool_use_id": "t", "content": text}]);
        for line in [
            said(json!({"isMeta": true})),
            said(json!({"isSidechain": true})),
            said(json!({"isCompactSummary": true})),
            said(json!({"type": "attachment"})),
            said(json!({"type": "system"})),
            said(json!({"uuid": null})),
            said(json!({"uuid": "a b"})),
            said(json!({"message": {"content": result}})),
            said(json!({"message": null})),
        ] {
            assert_eq!(texts(line.clone()), [], "{line}");
        }
        assert_eq!(marked("no JSON, Todo: one two three"), []);
    }

    #[test]
    fn lines_that_cannot_be_read_do_not_end_the_reading() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t.jsonl");
        let good =
            json!({"type": "user", "uuid": "u", "message": {"content": "Todo: one two three"}});
        let mut bytes = b"Todo: \xff\xfe broken\n{\"type\":\n\n".to_vec();
        bytes.extend(good.to_string().into_bytes());
        std::fs::write(&path, bytes).unwrap();
        assert_eq!(read(&path).unwrap().len(), 1);
        assert!(read(&dir.path().join("none")).is_err());
    }
}
