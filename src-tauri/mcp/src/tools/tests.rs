//! What the tests of all tools share, and promises that hold for all of them.

use commonplace_api::Transport;
use commonplace_api::settings::Limits;
use commonplace_api::statistics::Stats;
use commonplace_api::status::{ModelStatus, OverallState, Status};
use commonplace_engine::*;
use serde_json::json;

use super::old_name::OldName;
use super::tool::{Effect, Tool};
use super::*;
use crate::arguments::{Argument, Integer, IntegerOr, Prose, Required, Table};
use crate::readers::tests::assert_shown_whole;

/// A Sunday morning, in UTC.
pub(crate) fn context() -> Context {
    let origin = Origin::new("claude-code", Transport::Stdio).with_details(
        Some("2.1"),
        Some("s1"),
        Some("notebook"),
    );
    Context {
        now: "2025-01-26T11:00:00[UTC]".parse().unwrap(),
        origin,
        home: None,
        worktree: None,
        bridge: None,
        redacts: true,
    }
}

/// The arguments of a call to `T`, as its check gets them.
pub(super) fn arguments<T: Tool>(given: Value) -> Arguments {
    let mut given = given.as_object().expect("an object").clone();
    arguments::translate(T::ARGUMENTS, &mut given);
    let arguments = Arguments::new(T::NAME, given, T::ARGUMENTS);
    arguments.unwrap_or_else(|error| panic!("{error}"))
}

/// Checks the arguments of a call to `T`.
pub(super) fn checked_by<T: Tool>(given: Value) -> Result<T::Request, String> {
    T::check(&arguments::<T>(given), &context()).map_err(|error| error.to_string())
}

/// The rows of a table with lines such as `given => wanted`.
pub(crate) fn rows(table: &str) -> impl Iterator<Item = (&str, &str)> {
    let lines = table.trim().lines().map(str::trim);
    lines.map(|line| line.split_once(" => ").expect("a row"))
}

/// Each row has the arguments of a call to `T` and the error that refuses them.
pub(super) fn assert_refusals<T: Tool>(table: &str) {
    for (given, wanted) in rows(table) {
        let checked = checked_by::<T>(serde_json::from_str(given).unwrap());
        assert_eq!(checked.err().as_deref(), Some(wanted), "given {given}");
    }
}

pub(crate) fn memory(text: &str, tags: &[&str]) -> Memory {
    Memory {
        id: MemoryId(1),
        content_hash: ContentHash::of(text),
        text: text.to_owned(),
        tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
        memory_type: Some("note".to_owned()),
        project: "notebook".to_owned(),
        metadata: Map::from_iter([("k".to_owned(), json!(1))]),
        created_ms: 1_737_887_445_500,
        updated_ms: 1_737_887_446_000,
        deleted_ms: None,
        provenance: Provenance {
            client: "claude-code".to_owned(),
            ..Provenance::default()
        },
        is_damaged: false,
    }
}

/// Fails if the client would cut this answer.
pub(super) fn assert_whole(client: &str, finished: &Finished, what: &str) {
    let (json, text) = finished.written();
    assert_shown_whole(client, (&json, text), what);
}

pub(crate) fn acknowledged(outcome: WriteOutcome) -> Acknowledged {
    Acknowledged {
        applied: Applied {
            seq: CommitSeq(1),
            outcome,
            is_repeat: false,
            mentions: vec![],
        },
        epoch: Epoch(1),
        queue_wait: std::time::Duration::ZERO,
        lock_wait: std::time::Duration::ZERO,
        index_backlog: 0,
        unfinished: None,
    }
}

/// The state of a host at rest, with 42 memories and no model.
pub(crate) fn status() -> Status {
    let stored = include_str!("../../../api/tests/stored/status-0.1.json");
    let mut status: Status = serde_json::from_str(stored).unwrap();
    status.state = OverallState::Ok;
    status.diagnosis = "nothing waits".to_owned();
    status.queue.length = 0;
    status.queue.oldest_ms = 0;
    status.index.indexed = 0;
    status.index.backlog = 0;
    status.index.model = ModelStatus::Missing;
    status.index.reason = Some("no files".to_owned());
    status.memories.total = 42;
    status.memories.deleted = 0;
    status.files.database = "/x/memories.db".to_owned();
    status.files.database_bytes = 2 << 20;
    status.stats = Stats::default();
    status.clients.clear();
    status.instances.clear();
    status
}

#[test]
fn the_advertised_tools_are_those_in_the_stored_file() {
    let current: Value = TOOLS.iter().map(Entry::to_json).collect();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tools.json");
    if std::env::var_os("UPDATE_STORED").is_some() {
        std::fs::write(path, format!("{current:#}\n")).unwrap();
    }
    let stored = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        serde_json::from_str::<Value>(&stored).is_ok_and(|stored| stored == current),
        "tools.json differs from the tools. A change here is a change for users: if it is meant, run the test once \
         with UPDATE_STORED=1, and read the difference"
    );
}

#[test]
fn descriptions_say_first_when_to_use_a_tool_and_fit_into_what_clients_read() {
    for tool in TOOLS.iter() {
        let Entry {
            name, description, ..
        } = tool;
        assert!(description.starts_with("Use this "), "{name}");
        assert!(description.len() < 2048, "{name}");
        assert!(!description.contains("  "), "{name}: no runs of blanks");
        for root in ["anyOf", "oneOf", "allOf"] {
            assert!(
                tool.to_json()["inputSchema"].get(root).is_none(),
                "{name}: clients flatten alternatives at the root"
            );
        }
    }
}

#[test]
fn annotations_say_what_the_tools_do() {
    let table = [
        ("memory_store", true, false),
        ("memory_search", false, false),
        ("memory_list", false, false),
        ("memory_update", true, true),
        ("memory_delete", true, true),
        ("memory_health", false, false),
        ("get_concurrent_access_stats", false, false),
    ];
    let said = TOOLS.iter().map(|tool| {
        let annotations = &tool.to_json()["annotations"];
        assert_eq!(annotations["readOnlyHint"], json!(!tool.writes()));
        let is_destructive = annotations["destructiveHint"] == json!(true);
        (tool.name, tool.writes(), is_destructive)
    });
    assert_eq!(said.collect::<Vec<_>>(), table);
}

#[test]
fn nothing_in_any_spelling_may_be_given_for_every_argument_that_may_be_left_out() {
    let needed = [
        ("memory_store", json!({"content": "x"})),
        ("memory_search", json!({"query": "x"})),
        ("memory_list", json!({})),
        (
            "memory_update",
            json!({"content_hash": "ab", "updates": {"tags": "a"}}),
        ),
        ("memory_delete", json!({"content_hash": "ab"})),
    ];
    let nothing = [
        json!(null),
        json!(""),
        json!(" "),
        json!([]),
        json!({}),
        json!("null"),
        json!("None"),
        json!("undefined"),
        json!(0),
    ];
    for (name, needed) in needed {
        let schema = TOOLS.find(name).unwrap().to_json()["inputSchema"].clone();
        let properties = schema["properties"].as_object().unwrap();
        for argument in properties.keys().filter(|name| needed.get(name).is_none()) {
            for nothing in &nothing {
                let mut given = needed.as_object().unwrap().clone();
                given.insert(argument.clone(), nothing.clone());
                let checked = TOOLS.check(name, given, &context());
                let said = checked.map(|(_, notes)| notes);
                assert_eq!(said, Ok(vec![]), "{name} {argument} {nothing}");
            }
        }
    }
}

const TEXT: Argument<Required<Prose>> =
    Argument::new("text", Required(Prose, "text"), "What to say");
const TIMES: Argument<IntegerOr> = Argument::new(
    "times",
    Integer::from(1).to(3).refused_outside("times").or(2),
    "",
)
.formerly(&["count"]);

/// A tool that is made up.
struct Echo;

impl Tool for Echo {
    const NAME: &'static str = "echo";
    const TITLE: &'static str = "Echo";
    const DESCRIPTION: &'static str = "Use this to hear yourself.";
    const EFFECT: Effect = Effect::Reads;
    const ARGUMENTS: Table = &[&[&TEXT, &TIMES]];
    const OLD_NAMES: &'static [OldName] =
        &[OldName::new("repeat").implying(|| json!({ "times": 1 }))];

    type Request = (String, i64);

    fn check(arguments: &Arguments, _: &Context) -> Result<Self::Request, ArgumentError> {
        Ok((TEXT.read(arguments)?, TIMES.read(arguments)?))
    }

    async fn run(engine: &Engine, (text, times): Self::Request, _: &Context) -> Answer {
        let text = text.repeat(times.unsigned_abs() as usize);
        Answer::text(text, json!({ "memories": engine.status().memories.total }))
    }
}

#[tokio::test]
async fn one_file_and_one_line_make_a_tool() {
    const MADE_UP: Tools = Tools(&[Entry::of::<Echo>()]);
    let listed: Value = MADE_UP.iter().map(Entry::to_json).collect();
    let schema = json!({
        "type": "object",
        "properties": {
            "text": { "type": "string", "description": "What to say" },
            "times": { "type": "integer", "minimum": 1, "maximum": 3, "default": 2 },
        },
        "required": ["text"],
        "additionalProperties": false,
    });
    assert_eq!(listed[0]["name"], "echo");
    assert_eq!(listed[0]["inputSchema"], schema);

    let folder = tempfile::tempdir().unwrap();
    let engine = engine(folder.path());
    let table = [
        ("echo", json!({"text": "a"}), "aa"),
        ("echo", json!({"text": "a", "count": "3"}), "aaa"),
        ("repeat", json!({"text": "a"}), "a"),
        ("echo", json!({}), "Error: text is required"),
        (
            "echo",
            json!({"text": "a", "times": 4}),
            "aaa\nNote: `times` was cut to 3, the largest there is; `4` was given",
        ),
        ("echo", json!({"text": "a", "times": 0}), "aa"),
        ("repeat", json!({"text": "a", "times": ""}), "a"),
        (
            "echo",
            json!({"text": "a", "times": -1}),
            "Error: argument `times` must be 1 to 3 times; got `-1`",
        ),
        (
            "echo",
            json!({"txet": "a"}),
            "Error: `echo` has no argument `txet` (did you mean `text`?); it takes `text`, `times`",
        ),
    ];
    for (name, given, wanted) in table {
        let map = given.as_object().unwrap().clone();
        let finished = MADE_UP.call(&engine, name, map, &context()).await.unwrap();
        assert_eq!(finished.text, wanted, "{name} {given}");
        let code = wanted.starts_with("Error").then_some("invalid_argument");
        let said = finished.structured.get("error").and_then(Value::as_str);
        assert_eq!((finished.is_error, said), (code.is_some(), code));
    }
    let unknown = MADE_UP.call(&engine, "ecko", Map::new(), &context()).await;
    assert_eq!(
        unknown.unwrap_err().to_string(),
        "unknown tool `ecko`; did you mean `echo`?"
    );
    assert!(engine.shutdown(std::time::Duration::from_secs(20)).await);
}

/// An engine on the store in `folder`.
fn engine(folder: &std::path::Path) -> Engine {
    let config = EngineConfig {
        data_dir: folder.to_owned(),
        model_dir: folder.join("models"),
        limits: Limits::default(),
        model_use: ModelUse::None,
        processes: std::sync::Arc::new(NoProcesses),
    };
    let identity = Identity {
        instance: InstanceId::random(),
        pid: std::process::id(),
        start_time: None,
        boot_id: None,
        pid_namespace: None,
        user: None,
        host_name: "test".to_owned(),
        program: "commonplace".to_owned(),
        version: "0.0.0".to_owned(),
        role: "test".to_owned(),
    };
    Engine::open(config, identity).unwrap()
}

#[test]
fn an_unknown_tool_is_named_with_the_nearest_one() {
    let error = |name: &str| TOOLS.find(name).err().unwrap().to_string();
    assert_eq!(
        error("memory_serach"),
        "unknown tool `memory_serach`; did you mean `memory_search`?"
    );
    assert_eq!(error("\u{1b}[31mx"), "unknown tool `x`");
}

#[test]
fn a_failure_says_what_was_tried_and_carries_its_code() {
    let finished = failure("storing memory", &RequestError::ShuttingDown).finish();
    assert_eq!(
        finished.text,
        "Error storing memory: this host is shutting down and takes no more requests; ask again when it is back"
    );
    assert!(finished.is_error);
    assert_eq!(finished.structured["error"], "shutting_down");
    let full = RequestError::QueueFull {
        length: 1000,
        own: 750,
        limit: 1000,
        retry_after: std::time::Duration::from_millis(300),
    };
    let finished = failure("storing memory", &full).finish();
    assert_eq!(finished.structured["retry_after_s"], 1);
    assert!(finished.text.starts_with(
        "Error storing memory: queue_full: 1000 requests are waiting, 750 of them yours,"
    ));
}

/// A delete that ran out of time said that nothing was stored.
#[test]
fn a_write_that_ran_out_of_time_says_that_nothing_was_written_whatever_it_would_have_done() {
    let paused = RequestError::Paused {
        pause: commonplace_api::Pause {
            since_ms: 1_737_887_445_999,
            by: "a person".to_owned(),
        },
        waited: std::time::Duration::from_secs(2),
    };
    let late = commonplace_api::Refusal::TimedOut {
        path: "write.lock".to_owned(),
        waited_ms: 2000,
        holder: "pid 7".to_owned(),
        queue_length: 1,
        request: "r1".to_owned(),
    };
    let paused = failure("deleting memories", &paused).finish().text;
    for text in [paused, late.to_string()] {
        assert!(text.contains("nothing was written"), "{text}");
        assert!(!text.contains("stored"), "{text}");
    }
}
