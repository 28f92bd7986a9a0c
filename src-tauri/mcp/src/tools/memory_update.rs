//! `memory_update`: changes tags, type, metadata or text of one memory.

use commonplace_engine::{
    Acknowledged, Changes, ContentHash, DraftError, Engine, Refusal, RequestError, Whose, WriteOp,
    WriteOptions, WriteOutcome,
};
use serde_json::{Map, Value, json};

use super::spec::{Effect, ToolSpec, object_schema};
use super::{Context, by_hash, write_options};
use crate::answer::Answer;
use crate::arguments::{ArgumentError, Arguments, words};
use crate::redact::{Redactor, Replaced};

pub(crate) const NAME: &str = "memory_update";
pub(super) const ARGUMENTS: [&str; 5] =
    ["content_hash", "project", "updates", "op_id", "deadline_s"];

/// Describes the tool.
pub(super) fn spec() -> ToolSpec {
    let properties = [
        (
            "content_hash",
            json!({"type": "string", "description": "Hash of the memory, from memory_search or memory_list"}),
        ),
        (
            "project",
            json!({"type": "string", "description": "Whose memory, if several projects have the same text; without it the project you work in comes first"}),
        ),
        (
            "updates",
            json!({
                "type": "object",
                "description": "What changes; the rest stays",
                "properties": {
                    "tags": {"type": "array", "items": {"type": "string"}, "description": "Replaces all tags"},
                    "memory_type": {"type": "string"},
                    "metadata": {"type": "object", "description": "Merged into what is there; null removes a key"},
                    "content": {"type": "string", "description": "Replaces the text; the memory gets a new hash"},
                },
            }),
        ),
    ];
    ToolSpec {
        name: NAME,
        title: "Update a memory",
        description: "Use this when a stored memory is wrong, out of date or badly tagged: it changes tags, type, metadata \
            or the text of the memory with this hash and leaves the rest as it is. To add a new fact, use memory_store.",
        input_schema: object_schema(
            properties.into_iter().chain(write_options::schema()),
            &["content_hash", "updates"],
        ),
        effect: Effect::Changes,
        is_always_loaded: false,
    }
}

/// A checked call.
#[derive(Debug)]
pub(crate) struct Request {
    hash: ContentHash,
    whose: Whose,
    changes: Changes,
    options: WriteOptions,
    replaced: Vec<Replaced>,
}

/// Checks the arguments.
pub(super) fn check(arguments: &Arguments, context: &Context) -> Result<Request, ArgumentError> {
    let given = arguments
        .filled("content_hash")?
        .ok_or(ArgumentError::Missing {
            name: "content_hash",
        })?;
    let hash = ContentHash::parse(&given).ok_or_else(|| {
        ArgumentError::wrong(
            "content_hash",
            "the hash of a memory",
            &Value::String(given),
        )
    })?;
    let missing = ArgumentError::Missing {
        name: "updates dictionary",
    };
    let mut updates = arguments
        .object("updates")?
        .ok_or_else(|| missing.clone())?;
    updates.retain(|_, value| !value.is_null());
    let mut redactor = Redactor::new(context.redacts);
    let changes = changes(updates, &mut redactor)?;
    if changes.is_empty() {
        return Err(missing);
    }
    Ok(Request {
        hash,
        whose: by_hash::whose(arguments, context)?,
        changes,
        options: write_options::read(arguments)?,
        replaced: redactor.finish(),
    })
}

/// Reads `updates`. A key that it does not know goes into the metadata, as the Python service has it.
fn changes(updates: Map<String, Value>, redactor: &mut Redactor) -> Result<Changes, ArgumentError> {
    let mut changes = Changes::default();
    let mut metadata = Map::new();
    for (key, value) in updates {
        changes = match key.as_str() {
            "tags" => {
                let tags = redactor.texts("tags", words("updates.tags", &value)?);
                changes.with_tags(&tags).map_err(refused)?
            }
            "memory_type" | "type" => {
                let memory_type = redactor.text("type", text(&key, value)?);
                changes.with_type(&memory_type).map_err(refused)?
            }
            "content" => {
                let content = redactor.text("text", text(&key, value)?);
                changes.with_text(&content).map_err(refused)?
            }
            "metadata" => {
                metadata.extend(object(value)?);
                changes
            }
            _ => {
                metadata.insert(key, value);
                changes
            }
        };
    }
    if metadata.is_empty() {
        return Ok(changes);
    }
    let metadata = redactor.metadata_changes(metadata);
    changes.with_metadata(metadata).map_err(refused)
}

fn refused(error: DraftError) -> ArgumentError {
    ArgumentError::refused(error)
}

fn text(key: &str, value: Value) -> Result<String, ArgumentError> {
    match value {
        Value::String(text) => Ok(text),
        other => Err(ArgumentError::wrong(
            &format!("updates.{key}"),
            "a text",
            &other,
        )),
    }
}

fn object(value: Value) -> Result<Map<String, Value>, ArgumentError> {
    match value {
        Value::Object(map) => Ok(map),
        other => Err(ArgumentError::wrong(
            "updates.metadata",
            "an object",
            &other,
        )),
    }
}

/// Changes it.
pub(super) async fn run(engine: &Engine, request: Request, context: &Context) -> Answer {
    let Request {
        hash,
        whose,
        changes,
        options,
        replaced,
    } = request;
    let op = WriteOp::Update(hash.clone(), whose, changes);
    match engine.write(&context.origin, op, options).await {
        Ok(done) => answer(&done, &hash)
            .with_notes(by_hash::hit("changed", &done.applied.mentions, context))
            .with_facts(json!({ "memories": by_hash::facts(&done.applied.mentions) }))
            .with_replaced(&replaced),
        Err(RequestError::Refused(Refusal::NotFound { hash })) => {
            not_found(&hash).with_notes(by_hash::missed(engine, &[&hash]).await)
        }
        Err(error) => by_hash::failed("updating memory", &error),
    }
}

fn not_found(hash: &ContentHash) -> Answer {
    let text = format!(
        "Error: Memory with hash {hash} not found; memory_search and memory_list show hashes"
    );
    Answer::error(text, "not_found")
}

/// Shapes the answer.
fn answer(done: &Acknowledged, asked: &ContentHash) -> Answer {
    let WriteOutcome::Updated {
        content_hash,
        fields,
        ..
    } = &done.applied.outcome
    else {
        return Answer::text(
            "Successfully updated memory metadata.",
            json!({ "updated": true, "content_hash": asked }),
        );
    };
    let text = format!(
        "Successfully updated memory metadata. Updated fields: {}",
        fields.join(", ")
    );
    let structured =
        json!({ "updated": true, "content_hash": content_hash, "fields": fields, "message": text });
    let moved = (content_hash != asked)
        .then(|| format!("the text changed, and with it the hash: {content_hash}"));
    let repeat = done
        .applied
        .is_repeat
        .then(|| "this op_id was carried out before; nothing was done now".to_owned());
    Answer::text(text, structured)
        .with_notes(moved)
        .with_notes(repeat)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::tests::{acknowledged, arguments, context};
    use commonplace_engine::MemoryId;

    fn checked(given: Value) -> Result<Request, String> {
        check(&arguments(NAME, given, &ARGUMENTS), &context()).map_err(|error| error.to_string())
    }

    #[test]
    fn updates_are_read_with_unknown_keys_as_metadata() {
        let request = checked(json!({"content_hash": "AB", "updates": {"tags": "a, b", "mood": "fine", "type": null}})).unwrap();
        assert_eq!(request.hash.as_str(), "ab");
        assert_eq!(request.changes.fields(), ["tags", "metadata"]);
        let all =
            json!({"tags": [], "memory_type": "t", "metadata": {"k": null}, "content": "new"});
        let request = checked(json!({"content_hash": "ab", "updates": all.to_string()})).unwrap();
        assert_eq!(
            request.changes.fields(),
            ["content", "tags", "memory_type", "metadata"]
        );
    }

    #[test]
    fn calls_that_would_change_nothing_or_nonsense_are_refused() {
        let table = [
            (
                json!({"updates": {"tags": "a"}}),
                "content_hash is required",
            ),
            (
                json!({"content_hash": "ab"}),
                "updates dictionary is required",
            ),
            (
                json!({"content_hash": "ab", "updates": {}}),
                "updates dictionary is required",
            ),
            (
                json!({"content_hash": "ab", "updates": {"content": 5}}),
                "argument `updates.content` must be a text; given was `5`",
            ),
            (
                json!({"content_hash": "ab", "updates": {"content": " "}}),
                "content is required: the text is empty",
            ),
            (
                json!({"content_hash": "a b", "updates": {"type": "x"}}),
                "argument `content_hash` must be the hash of a memory; given was `\"a b\"`",
            ),
        ];
        for (given, wanted) in table {
            assert_eq!(checked(given.clone()).unwrap_err(), wanted, "given {given}");
        }
    }

    #[test]
    fn the_answer_has_the_known_text_and_tells_a_new_hash() {
        let (old, new) = (ContentHash::of("old"), ContentHash::of("new"));
        let outcome = |hash: &ContentHash, fields: &[&str]| WriteOutcome::Updated {
            id: MemoryId(1),
            content_hash: hash.clone(),
            fields: fields.iter().map(|field| (*field).to_owned()).collect(),
        };
        let finished = answer(&acknowledged(outcome(&old, &["tags", "metadata"])), &old).finish();
        assert_eq!(
            finished.text,
            "Successfully updated memory metadata. Updated fields: tags, metadata"
        );
        let finished = answer(&acknowledged(outcome(&new, &["content"])), &old).finish();
        assert!(
            finished
                .text
                .ends_with(&format!("and with it the hash: {new}")),
            "{}",
            finished.text
        );
        assert_eq!(finished.structured["content_hash"], json!(new));
    }
}
