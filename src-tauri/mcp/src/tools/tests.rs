//! What the tests of all tools share, and promises that hold for all of them.

use commonplace_api::Transport;
use commonplace_api::statistics::Stats;
use commonplace_api::status::{ModelStatus, OverallState, Status};
use commonplace_engine::*;
use serde_json::json;

use super::*;

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
        redacts: true,
    }
}

pub(crate) fn arguments(tool: &'static str, given: Value, known: &[&'static str]) -> Arguments {
    let Value::Object(given) = given else {
        panic!("an object")
    };
    Arguments::new(tool, given, known).unwrap()
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

fn checked(name: &str, given: Value) -> Result<(Request, Vec<String>), CheckError> {
    let Value::Object(given) = given else {
        panic!("an object")
    };
    check(name, given, &context())
}

#[test]
fn the_advertised_tools_are_those_in_the_stored_file() {
    let current: Value = specs().iter().map(ToolSpec::to_json).collect();
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
    for spec in specs() {
        assert!(spec.description.starts_with("Use this "), "{}", spec.name);
        assert!(spec.description.len() < 2048, "{}", spec.name);
        assert!(
            !spec.description.contains("  "),
            "{}: no runs of blanks",
            spec.name
        );
    }
}

#[test]
fn schemas_list_exactly_the_arguments_that_are_read() {
    for spec in specs() {
        let tool = Tool::parse(spec.name).unwrap();
        let (name, known) = tool.shape();
        let listed: Vec<&str> = spec
            .input_schema
            .get("properties")
            .and_then(Value::as_object)
            .map_or(vec![], |properties| {
                properties.keys().map(String::as_str).collect()
            });
        let mut wanted = legacy_arguments::without_legacy(name, known);
        wanted.sort_unstable();
        let mut sorted = listed.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, wanted, "{name}");
        for root in ["anyOf", "oneOf", "allOf"] {
            assert!(
                !spec.input_schema.contains_key(root),
                "{name}: clients flatten alternatives at the root"
            );
        }
    }
}

#[test]
fn annotations_say_what_the_tools_do() {
    for spec in specs() {
        let tool = Tool::parse(spec.name).unwrap();
        let annotations = &spec.to_json()["annotations"];
        assert_eq!(
            annotations["readOnlyHint"],
            json!(!tool.writes()),
            "{}",
            spec.name
        );
        let is_destructive = matches!(tool, Tool::Update | Tool::Delete);
        assert_eq!(
            annotations["destructiveHint"],
            json!(is_destructive),
            "{}",
            spec.name
        );
    }
}

#[test]
fn an_unknown_tool_is_named_with_the_nearest_one() {
    let error = checked("memory_serach", json!({})).unwrap_err();
    assert_eq!(
        error.to_string(),
        "unknown tool `memory_serach`; did you mean `memory_search`?"
    );
    assert!(matches!(error, CheckError::UnknownTool(_)));
    assert_eq!(
        checked("\u{1b}[31mx", json!({})).unwrap_err().to_string(),
        "unknown tool `x`"
    );
}

#[test]
fn a_refusal_is_an_answer_that_a_model_can_act_on() {
    let Err(CheckError::Argument(error)) =
        checked("memory_search", json!({"query": "x", "limti": 5}))
    else {
        panic!("refused")
    };
    let finished = refusal(&error).finish();
    assert!(finished.is_error);
    assert!(finished.text.starts_with(
        "Error: `memory_search` has no argument `limti` (did you mean `limit`?); it takes `query`"
    ));
    assert_eq!(finished.structured["error"], "invalid_argument");
}

#[test]
fn arguments_of_newer_python_versions_are_accepted_by_every_tool_that_had_them() {
    let table = [
        (
            "memory_store",
            json!({"content": "x", "conversation_id": "c", "store": "default", "agent_id": "a", "client_hostname": "h"}),
        ),
        (
            "memory_search",
            json!({"query": "x", "quality_boost": 0.5, "include_superseded": true, "entity": "e", "fallback": true,
                   "agent_id": "a", "include_beliefs": true, "summarize": true, "ranking_weights": {"semantic": 1}, "mode": "ranked"}),
        ),
        ("memory_list", json!({"stale_days": 30, "store": "all"})),
        (
            "memory_update",
            json!({"content_hash": "ab", "updates": {"tags": ["a"]}, "preserve_timestamps": true, "versioned": false}),
        ),
        (
            "memory_delete",
            json!({"tags": ["a"], "store": "default", "dry_run": true}),
        ),
    ];
    for (name, given) in table {
        let checked = checked(name, given.clone());
        assert!(checked.is_ok(), "{name} {given}: {:?}", checked.err());
    }
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
        "Error storing memory: queue_full: 1000 writes are waiting, 750 of them yours,"
    ));
}
