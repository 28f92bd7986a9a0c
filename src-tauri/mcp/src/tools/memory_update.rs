//! `memory_update`: changes tags, type, metadata or text of one memory.

use commonplace_engine::{
    Acknowledged, Changes, ContentHash, DraftError, Engine, Refusal, RequestError, TakenOut, Whose,
    WriteOp, WriteOptions, WriteOutcome,
};
use serde_json::{Map, Value, json};

use super::old_name::OldName;
use super::taken_out::taken_out;
use super::tool::{Context, Effect, Tool};
use super::{by_hash, write_options};
use crate::answer::Answer;
use crate::arguments::{
    Argument, ArgumentError, Arguments, BlankText, Ignored, Object, Parsed, Partition, Prose,
    Required, Row, Table, Words, is_word_for_nothing,
};
use crate::redact::{Redactor, Replaced};

const CONTENT_HASH: Argument<Required<Parsed<ContentHash>>> = Argument::new(
    "content_hash",
    Required(by_hash::HASH, "content_hash"),
    "Hash of the memory, or its first digits (6 or more), from memory_search or memory_list",
);
const PROJECT: Argument<BlankText> = Argument::new(
    "project",
    BlankText,
    "Which project's memory, if several have the same text; by default the project you work in comes first",
);
/// The Python service's name of what is missing.
const MISSING: &str = "updates dictionary";
const UPDATES: Argument<Required<Object>> = Argument::new(
    "updates",
    Required(
        Object {
            members: &[MEMBERS],
        },
        MISSING,
    ),
    "What changes; the rest stays",
);
const MEMBERS: &[&dyn Row] = &[&TAGS, &MEMORY_TYPE, &METADATA, &CONTENT];
const TAGS: Argument<Words> = Argument::new("tags", Words, "Replaces all tags");
const MEMORY_TYPE: Argument<BlankText> = Argument::new("memory_type", BlankText, "");
const METADATA: Argument<Object> = Argument::new(
    "metadata",
    Object { members: &[] },
    "Merged into what is there; null removes a key",
);
const CONTENT: Argument<Prose> = Argument::new(
    "content",
    Prose,
    "Replaces the text; the memory gets a new hash",
);

pub(super) struct MemoryUpdate;

impl Tool for MemoryUpdate {
    const NAME: &'static str = "memory_update";
    const TITLE: &'static str = "Update a memory";
    const DESCRIPTION: &'static str = "Use this when a stored memory is wrong, out of date or badly tagged: it changes tags, \
        type, metadata or the text of the memory with this hash and leaves the rest as it is. To add a new fact, use \
        memory_store.";
    const EFFECT: Effect = Effect::Changes;
    const ARGUMENTS: Table = &[
        &[&CONTENT_HASH, &PROJECT, &UPDATES, &Partition],
        write_options::ARGUMENTS,
        &[
            &Ignored::unless_on("preserve_timestamps", "the time of storing is always kept"),
            &Ignored::unless_off("versioned", "the memory was changed in place"),
        ],
    ];
    const OLD_NAMES: &'static [OldName] = &[OldName::new("update_memory_metadata")];

    type Request = Request;

    fn check(arguments: &Arguments, context: &Context) -> Result<Request, ArgumentError> {
        let hash = CONTENT_HASH.read(arguments)?;
        let updates = UPDATES.read(arguments)?;
        let mut redactor = Redactor::new(context.redacts);
        let changed = changes(updates.clone(), &mut redactor)?;
        if changed.is_empty() {
            return Err(ArgumentError::Missing { name: MISSING });
        }
        let replaced = redactor.finish();
        let meant = || changes(updates, &mut Redactor::new(false));
        Ok(Request {
            taken: taken_out(&replaced, &changed, meant),
            hash,
            whose: by_hash::whose(PROJECT.read(arguments)?, context),
            changes: changed,
            options: write_options::read(arguments)?,
            replaced,
        })
    }

    async fn run(engine: &Engine, request: Request, context: &Context) -> Answer {
        let Request {
            hash,
            whose,
            changes,
            options,
            replaced,
            taken,
        } = request;
        let op = WriteOp::Update(hash.clone(), whose, changes);
        let origin = &context.origin;
        match engine.write_redacted(origin, op, options, taken).await {
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
}

/// A checked call.
#[derive(Debug)]
pub(super) struct Request {
    hash: ContentHash,
    whose: Whose,
    changes: Changes,
    options: WriteOptions,
    /// Secrets that were replaced.
    replaced: Vec<Replaced>,
    /// What puts them back.
    taken: Option<TakenOut>,
}

/// Reads the members of `updates`. A key that it does not know goes into the metadata, as the Python service has it. A blank
/// text beside other changes is one that was not to be changed.
fn changes(updates: Map<String, Value>, redactor: &mut Redactor) -> Result<Changes, ArgumentError> {
    let mut changes = Changes::default();
    let mut metadata = Map::new();
    let mut is_text_blank = false;
    for (key, value) in updates {
        let path = format!("updates.{key}");
        match key.as_str() {
            _ if value.is_null() => {}
            "tags" | "memory_type" | "type" | "metadata" if is_null(&value) => {}
            "tags" => {
                let tags = redactor.texts("tags", TAGS.read_as(&path, &value)?);
                changes = changes.with_tags(&tags).map_err(ArgumentError::refused)?;
            }
            "memory_type" | "type" => {
                let given = MEMORY_TYPE.read_as(&path, &value)?.unwrap_or_default();
                let memory_type = redactor.text("type", given);
                changes = changes
                    .with_type(&memory_type)
                    .map_err(ArgumentError::refused)?;
            }
            "content" => {
                let given = CONTENT.read_as(&path, &value)?.unwrap_or_default();
                is_text_blank = given.trim().is_empty();
                if is_text_blank {
                    continue;
                }
                let text = redactor.text("text", given);
                changes = changes.with_text(&text).map_err(ArgumentError::refused)?;
            }
            "metadata" => metadata.extend(METADATA.read_as(&path, &value)?.unwrap_or_default()),
            _ => {
                metadata.insert(key, value);
            }
        }
    }
    if metadata.is_empty() {
        return match is_text_blank && changes.is_empty() {
            true => Err(ArgumentError::refused(DraftError::EmptyText)),
            false => Ok(changes),
        };
    }
    let metadata = redactor.metadata_changes(metadata);
    changes
        .with_metadata(metadata)
        .map_err(ArgumentError::refused)
}

/// Says whether a text or number says that there is nothing. An empty list or text says that all is to be removed.
fn is_null(value: &Value) -> bool {
    value.as_str().is_some_and(is_word_for_nothing) || value.as_f64() == Some(0.0)
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
    let moved = (!asked.names(content_hash.as_str()))
        .then(|| format!("the text changed, and with it the hash: {content_hash}"));
    Answer::text(text, structured)
        .with_notes(moved)
        .with_notes(write_options::repeated(done))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::tests::{acknowledged, assert_refusals, checked_by};
    use commonplace_engine::MemoryId;

    fn checked(given: Value) -> Result<Request, String> {
        checked_by::<MemoryUpdate>(given)
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
    fn updates_are_read_as_models_send_them() {
        let table = [
            (
                json!([{"tags": ["a"]}, {"memory_type": "note"}]),
                vec!["tags", "memory_type"],
            ),
            (json!("{'tags': ['a'], 'content': None}"), vec!["tags"]),
            (json!({"content": {"port": 7311}}), vec!["content"]),
            (json!({"content": "none"}), vec!["content"]),
            (
                json!({"content": "", "tags": "a", "metadata": {}, "type": "null"}),
                vec!["tags"],
            ),
            (
                json!({"tags": [], "memory_type": ""}),
                vec!["tags", "memory_type"],
            ),
        ];
        for (updates, wanted) in table {
            let request = checked(json!({"content_hash": "ab", "updates": updates})).unwrap();
            assert_eq!(request.changes.fields(), wanted, "given {updates}");
        }
    }

    #[test]
    fn calls_that_would_change_nothing_or_nonsense_are_refused() {
        assert_refusals::<MemoryUpdate>(
            r#"
            {"updates": {"tags": "a"}} => content_hash is required
            {"content_hash": "ab"} => updates dictionary is required
            {"content_hash": "ab", "updates": {}} => updates dictionary is required
            {"content_hash": "ab", "updates": "null"} => updates dictionary is required
            {"content_hash": "ab", "updates": {"tags": "null", "type": "None", "metadata": 0}} => updates dictionary is required
            {"content_hash": "ab", "updates": 5} => argument `updates` must be an object such as {"key": "value"}; got `5`
            {"content_hash": "ab", "updates": {"content": " "}} => content is required: the text is empty
            {"content_hash": "a b", "updates": {"type": "x"}} => argument `content_hash` must be the hash of a memory; got `"a b"`
            "#,
        );
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
