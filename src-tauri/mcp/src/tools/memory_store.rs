//! `memory_store`: keeps a text.

use commonplace_engine::{
    Acknowledged, Changes, ContentHash, DraftError, Engine, MemoryDraft, NewMemory, Provenance,
    TakenOut, WriteOp, WriteOptions, WriteOutcome,
};
use serde_json::{Map, Value, json};

use super::old_name::OldName;
use super::taken_out::taken_out;
use super::tool::{Context, Effect, Tool};
use super::{failure, write_options};
use crate::answer::{Answer, ago};
use crate::arguments::{
    Argument, ArgumentError, Arguments, Object, Partition, Prose, Required, Table, Text, Words,
    is_nothing,
};
use crate::redact::{Redactor, Replaced};

/// The Python service's name of what is missing.
const MISSING: &str = "Content";
const CONTENT: Argument<Required<Prose>> = Argument::new(
    "content",
    Required(Prose, MISSING),
    "The text to keep, at most 64 KiB; one fact or decision per memory is easiest to find",
);
const TAGS: Argument<Words> = Argument::new("tags", Words, "Short words to filter by later");
const MEMORY_TYPE: Argument<Text> = Argument::new(
    "memory_type",
    Text,
    "Kind, such as decision, learning, preference, error",
)
.formerly(&["type"]);
const PROJECT: Argument<Text> = Argument::new(
    "project",
    Text,
    "Project it belongs to; default: the project you work in, if it is known",
);
const METADATA: Argument<Object> = Argument::new(
    "metadata",
    Object { members: &[] },
    "Anything else to keep with it; may also hold `tags` and `type`",
);
/// Kept with the memory, as in the Python service.
const CONVERSATION_ID: Argument<Text> = Argument::unlisted("conversation_id", Text);
/// The machine that the text came from: part of the provenance.
const CLIENT_HOSTNAME: Argument<Text> = Argument::unlisted("client_hostname", Text);
/// Becomes the tag `agent:<id>`, as in the Python service.
const AGENT_ID: Argument<Text> = Argument::unlisted("agent_id", Text);

/// Key of the metadata that names the linked worktree a memory came from: the project is the main one.
const WORKTREE: &str = "worktree";

pub(super) struct MemoryStore;

impl Tool for MemoryStore {
    const NAME: &'static str = "memory_store";
    const TITLE: &'static str = "Store a memory";
    const DESCRIPTION: &'static str = "Use this to remember something for later sessions: a decision and its reason, a \
        preference of the user, a fact about the project, how an error was solved. All sessions on this machine share the \
        memories.\n\n\
        Write texts that make sense on their own, with names instead of \"it\" and dates instead of \"today\". Storing the \
        same text twice is harmless: the answer says that it is there already. The answer means that the text is safely on \
        disk. Secrets such as API keys are replaced before storing, and the answer says so.";
    const EFFECT: Effect = Effect::Adds;
    const IS_ALWAYS_LOADED: bool = true;
    const ARGUMENTS: Table = &[
        &[&CONTENT, &TAGS, &MEMORY_TYPE, &PROJECT, &METADATA],
        write_options::ARGUMENTS,
        &[&CONVERSATION_ID, &CLIENT_HOSTNAME, &AGENT_ID, &Partition],
    ];
    const OLD_NAMES: &'static [OldName] = &[OldName::new("store_memory")];

    type Request = Request;

    fn check(arguments: &Arguments, context: &Context) -> Result<Request, ArgumentError> {
        let mut redactor = Redactor::new(context.redacts);
        let (memory, is_described) = memory(arguments, context, &mut redactor)?;
        let replaced = redactor.finish();
        let meant = || {
            let (memory, _) = self::memory(arguments, context, &mut Redactor::new(false))?;
            Ok(Changes::from(&memory))
        };
        Ok(Request {
            taken: taken_out(&replaced, &Changes::from(&memory), meant),
            memory,
            options: write_options::read(arguments)?,
            is_described,
            replaced,
        })
    }

    async fn run(engine: &Engine, request: Request, context: &Context) -> Answer {
        let Request {
            memory,
            options,
            is_described,
            replaced,
            taken,
        } = request;
        let hash = memory.hash().clone();
        let unreadable = unreadable(memory.text());
        let op = WriteOp::Store(memory);
        let origin = &context.origin;
        match engine.write_redacted(origin, op, options, taken).await {
            Ok(done) => {
                let answer = answer(&done, &hash, is_described, context.now_ms());
                answer.with_replaced(&replaced).with_notes(unreadable)
            }
            Err(error) => failure("storing memory", &error),
        }
    }
}

/// A checked call.
#[derive(Debug)]
pub(super) struct Request {
    memory: NewMemory,
    options: WriteOptions,
    /// Whether tags, a type or metadata were given, which an existing memory does not get.
    is_described: bool,
    /// Secrets that were replaced.
    replaced: Vec<Replaced>,
    /// What puts them back.
    taken: Option<TakenOut>,
}

/// Reads the memory that is to be stored, and whether an existing one with its text would lack something of it.
fn memory(
    arguments: &Arguments,
    context: &Context,
    redactor: &mut Redactor,
) -> Result<(NewMemory, bool), ArgumentError> {
    let content = CONTENT.read(arguments)?;
    let mut metadata = METADATA.read(arguments)?.unwrap_or_default();
    let (tags, memory_type) = description(arguments, &mut metadata)?;
    let is_described = !tags.is_empty() || memory_type.is_some() || !metadata.is_empty();
    if let Some(id) = CONVERSATION_ID.read(arguments)? {
        metadata
            .entry("conversation_id")
            .or_insert(Value::String(id));
    }
    if let Some(worktree) = context.worktree.clone() {
        metadata.entry(WORKTREE).or_insert(Value::String(worktree));
    }
    let project = PROJECT
        .read(arguments)?
        .or_else(|| context.origin.project.clone())
        .unwrap_or_default();
    let draft = MemoryDraft {
        text: redactor.text("text", content),
        tags: redactor.texts("tags", tags),
        memory_type: memory_type.map(|given| redactor.text("type", given)),
        project: redactor.text("project", project),
        metadata: redactor.metadata(metadata),
        provenance: Provenance {
            client: context.origin.client.clone(),
            client_version: context.origin.version.clone(),
            session: context.origin.session.clone(),
            host_name: CLIENT_HOSTNAME
                .read(arguments)?
                .map(|given| redactor.text("client_hostname", given)),
        },
    };
    let memory = NewMemory::parse(draft).map_err(|error| match error {
        DraftError::EmptyText => ArgumentError::Missing { name: MISSING },
        other => ArgumentError::refused(other),
    })?;
    Ok((memory, is_described))
}

/// Reads tags and type, which may stand beside the metadata or inside it; what is inside is taken out of it.
fn description(
    arguments: &Arguments,
    metadata: &mut Map<String, Value>,
) -> Result<(Vec<String>, Option<String>), ArgumentError> {
    let mut tags = TAGS.read(arguments)?;
    let inside = metadata.remove("tags").unwrap_or_default();
    tags.extend(TAGS.read_as("metadata.tags", &inside)?);
    tags.extend(AGENT_ID.read(arguments)?.map(|id| format!("agent:{id}")));
    let inside = ["type", "memory_type"]
        .iter()
        .filter_map(|name| metadata.remove(*name))
        .find(|value| !is_nothing(value))
        .unwrap_or_default();
    let inside = MEMORY_TYPE.read_as("metadata.type", &inside)?;
    Ok((tags, MEMORY_TYPE.read(arguments)?.or(inside)))
}

/// Says that parts of a text were no characters when it came.
fn unreadable(text: &str) -> Option<String> {
    let count = text.matches('\u{fffd}').count();
    (count > 0).then(|| {
        format!("places of the text that are no characters (a cut emoji, or bytes that are not UTF-8) stand as U+FFFD: {count}")
    })
}

/// Shapes the answer.
fn answer(done: &Acknowledged, hash: &ContentHash, is_described: bool, now_ms: i64) -> Answer {
    let mut structured = json!({ "stored": true, "already_stored": false, "content_hash": hash });
    let text = if let WriteOutcome::AlreadyStored {
        content_hash,
        created_ms,
        ..
    } = &done.applied.outcome
    {
        structured = json!({
            "stored": false,
            "already_stored": true,
            "content_hash": content_hash,
            "created_at": crate::answer::iso(*created_ms),
        });
        let age = ago(*created_ms, now_ms);
        let hint = if is_described {
            "; use memory_update to change its tags, type or metadata"
        } else {
            ""
        };
        format!("Memory already stored (hash: {content_hash}), stored {age}; nothing changed{hint}")
    } else {
        format!("Memory stored successfully (hash: {hash})")
    };
    structured["message"] = json!(text);
    Answer::text(text, structured).with_notes(write_options::repeated(done))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redact::told;
    use crate::tools::tests::{acknowledged, arguments, checked_by, context};
    use commonplace_engine::MemoryId;

    fn checked(given: Value) -> Result<Request, String> {
        checked_by::<MemoryStore>(given)
    }

    fn draft(
        text: &str,
        tags: &[&str],
        memory_type: Option<&str>,
        project: &str,
        metadata: Value,
    ) -> NewMemory {
        let Value::Object(metadata) = metadata else {
            panic!("an object")
        };
        let origin = context().origin;
        NewMemory::parse(MemoryDraft {
            text: text.into(),
            tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
            memory_type: memory_type.map(str::to_owned),
            project: project.into(),
            metadata,
            provenance: Provenance {
                client: origin.client,
                client_version: origin.version,
                session: origin.session,
                host_name: None,
            },
        })
        .unwrap()
    }

    #[test]
    fn every_known_way_of_giving_tags_and_type_ends_in_the_same_memory() {
        let wanted = draft(
            "a fact",
            &["a", "b"],
            Some("note"),
            "notebook",
            json!({"k": 1}),
        );
        let table = [
            json!({"content": "a fact", "tags": ["a", "b"], "memory_type": "note", "metadata": {"k": 1}}),
            json!({"content": "a fact", "metadata": {"tags": ["a", "b"], "type": "note", "k": 1}}),
            json!({"content": "a fact", "metadata": {"tags": "a,b", "memory_type": "note", "k": 1}}),
            json!({"content": "a fact", "tags": "a", "metadata": {"tags": "[\"b\"]", "type": "note", "k": 1}}),
            json!({"content": "a fact", "tags": "['a', 'b']", "memory_type": "null", "metadata": "{'k': 1, 'type': 'note'}"}),
            json!({"content": "a fact", "tags": "#a #b", "memory_type": "note", "project": "None", "metadata": [{"k": 1, "type": ""}]}),
            json!({"content": " a fact\n", "tags": "a,b", "memory_type": "note", "metadata": "{\"k\": 1, \"type\": \"x\"}"}),
        ];
        for given in table {
            assert_eq!(
                checked(given.clone()).unwrap().memory,
                wanted,
                "given {given}"
            );
        }
    }

    #[test]
    fn a_memory_from_a_linked_worktree_says_so_unless_the_client_does() {
        let mut context = context();
        context.worktree = Some("/home/me/api-fix".to_owned());
        let table = [
            (json!({"content": "x"}), "/home/me/api-fix"),
            (json!({"content": "x", "metadata": {"worktree": "w"}}), "w"),
        ];
        for (given, wanted) in table {
            let request = MemoryStore::check(&arguments::<MemoryStore>(given), &context).unwrap();
            let wanted = draft("x", &[], None, "notebook", json!({ "worktree": wanted }));
            assert_eq!(request.memory, wanted);
        }
    }

    #[test]
    fn what_old_clients_send_is_kept_where_it_belongs() {
        let given =
            json!({"content": "x", "conversation_id": "c1", "agent_id": "bot", "project": "other"});
        let wanted = draft(
            "x",
            &["agent:bot"],
            None,
            "other",
            json!({"conversation_id": "c1"}),
        );
        assert_eq!(checked(given).unwrap().memory, wanted);
    }

    #[test]
    fn content_that_is_no_text_is_kept_as_its_json() {
        let table = [
            (
                json!({"port": 7311, "host": "a"}),
                r#"{"host":"a","port":7311}"#,
            ),
            (json!(["one", 2]), r#"["one",2]"#),
            (json!(42), "42"),
            (json!("null"), "null"),
        ];
        for (given, wanted) in table {
            let request = checked(json!({"content": given})).unwrap();
            assert_eq!(request.memory.text(), wanted);
        }
    }

    #[test]
    fn texts_that_cannot_be_kept_are_refused() {
        let tags: Vec<String> = (0..10_000).map(|n| format!("t{n}")).collect();
        let table = [
            (json!({}), "Content is required"),
            (json!({"content": " \u{0} "}), "Content is required"),
            (json!({"content": []}), "Content is required"),
            (
                json!({"content": "x".repeat(1 << 20)}),
                "the text has 1048576 bytes and a memory holds at most 65536: store it in parts",
            ),
            (
                json!({"content": "x", "tags": tags}),
                "10000 tags were given",
            ),
            (
                json!({"content": "x", "deadline_s": -1}),
                "argument `deadline_s` must be 1 to 50 seconds; got `-1`",
            ),
            (
                json!({"content": "x", "op_id": "a b"}),
                "argument `op_id` must be 1 to 128 visible ASCII characters; got `\"a b\"`",
            ),
        ];
        for (given, wanted) in table {
            let error = checked(given).unwrap_err();
            assert!(error.starts_with(wanted), "{error}");
        }
    }

    #[test]
    fn secrets_are_replaced_and_named_with_their_places() {
        let secret = format!("ghp_{}", "a1b2c3".repeat(6));
        let request =
            checked(json!({"content": format!("use {secret}"), "metadata": {"t": secret}}))
                .unwrap();
        assert_eq!(request.memory.text(), "use [redacted: github token]");
        assert_eq!(
            told(&request.replaced),
            "github token (text), github token (metadata.t)"
        );
        let mut keeping = context();
        keeping.redacts = false;
        let arguments = arguments::<MemoryStore>(json!({"content": secret}));
        let request = MemoryStore::check(&arguments, &keeping).unwrap();
        assert_eq!(request.memory.text(), secret);
    }

    #[test]
    fn what_could_not_be_read_is_counted() {
        assert_eq!(unreadable("a fact 🦀"), None);
        let told = unreadable("caf\u{fffd} \u{fffd}").unwrap();
        assert!(told.ends_with("U+FFFD: 2"), "{told}");
    }

    #[test]
    fn the_answer_has_the_known_text() {
        let hash = ContentHash::of("x");
        let stored = acknowledged(WriteOutcome::Stored {
            id: MemoryId(1),
            content_hash: hash.clone(),
        });
        let finished = answer(&stored, &hash, true, 0).finish();
        assert_eq!(
            finished.text,
            format!("Memory stored successfully (hash: {hash})")
        );
        assert_eq!(finished.structured["content_hash"], json!(hash));

        let outcome = WriteOutcome::AlreadyStored {
            id: MemoryId(1),
            content_hash: hash.clone(),
            created_ms: 0,
        };
        let finished = answer(&acknowledged(outcome.clone()), &hash, false, 180_000).finish();
        assert_eq!(
            finished.text,
            format!("Memory already stored (hash: {hash}), stored 3 minutes ago; nothing changed")
        );
        assert!(
            !finished.is_error,
            "storing the same text again is not an error"
        );
        let finished = answer(&acknowledged(outcome), &hash, true, 180_000).finish();
        assert!(
            finished
                .text
                .ends_with("; use memory_update to change its tags, type or metadata"),
            "{}",
            finished.text
        );
    }
}
