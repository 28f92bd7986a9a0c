//! What was taken out of a memory is looked at, put back or forgotten by a person, over a real store.

mod support;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use commonplace_api::call;
use commonplace_api::memories::{
    MemoryChanged, MemoryDraft, MemoryPatch, MemoryRecord, MemoryStored, Replaced,
};
use commonplace_api::redactions::{Redaction as Row, RedactionList};
use commonplace_engine::Engine;
use commonplace_http::{Gate, HostMemories, Redaction, routes};
use http::{Method, Request};
use serde_json::{Map, Value, json};
use support::{
    AGENT, MadeUp, asked, by, get, open_engine, outcome, post, request, send, site, told,
};
use tempfile::TempDir;

/// Takes every `hunter2` for a password, in keys of metadata too.
const REDACTION: Redaction = Redaction {
    text: |text| (text.replace("hunter2", "[password]"), kinds_in(text)),
    metadata: |metadata| {
        let given = Value::Object(std::mem::take(metadata)).to_string();
        let written = given.replace("hunter2", "[password]");
        *metadata = serde_json::from_str(&written).unwrap();
        let place = "metadata".to_owned();
        let replaced = |kind| Replaced {
            kind,
            place: place.clone(),
        };
        kinds_in(&given).into_iter().map(replaced).collect()
    },
};

fn kinds_in(text: &str) -> Vec<String> {
    let found = text.contains("hunter2").then(|| "password".to_owned());
    found.into_iter().collect()
}

struct Host {
    gate: Gate,
    engine: Engine,
    dir: TempDir,
}

impl Host {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let engine = open_engine(dir.path());
        let mut site = site(MadeUp::new());
        let redacts = Arc::new(AtomicBool::new(true));
        site.memories = Arc::new(HostMemories::new(engine.clone(), REDACTION, redacts));
        Self {
            gate: Gate::new(site),
            engine,
            dir,
        }
    }

    async fn store(&self, draft: &MemoryDraft) -> MemoryStored {
        asked(&self.gate, call::store(draft)).await
    }

    async fn rows(&self) -> Vec<Row> {
        asked(&self.gate, call::redactions()).await.redactions
    }

    async fn record(&self, id: i64) -> MemoryRecord {
        asked(&self.gate, call::memory(id)).await
    }

    async fn patch(&self, id: i64, patch: MemoryPatch) -> MemoryChanged {
        let body = serde_json::to_vec(&patch).unwrap();
        let path = format!("/api/memories/{id}");
        told(&self.gate, send(Method::PATCH, &path, body)).await
    }

    async fn put_back(&self, number: i64) -> String {
        outcome(&self.gate, put_back(number)).await
    }
}

fn put_back(number: i64) -> Request<axum::body::Body> {
    post(&format!("/api/redactions/{number}/put-back"), "{}")
}

fn object(value: Value) -> Map<String, Value> {
    value.as_object().expect("an object").clone()
}

fn text_draft(text: &str) -> MemoryDraft {
    MemoryDraft {
        text: text.to_owned(),
        ..MemoryDraft::default()
    }
}

/// A memory with something like a secret in each part that can have one.
fn draft() -> MemoryDraft {
    MemoryDraft {
        text: "set hunter2_override_v2 in CI".to_owned(),
        tags: Some(vec!["ci".to_owned(), "hunter2".to_owned()]),
        memory_type: Some("hunter2".to_owned()),
        project: Some("hunter2".to_owned()),
        metadata: Some(object(
            json!({ "k": 1, "hunter2": [2], "deep": { "a": "hunter2" } }),
        )),
    }
}

#[tokio::test]
async fn what_was_replaced_in_any_part_is_put_back_exactly() {
    let host = Host::new();
    let stored = host.store(&draft()).await;
    let before = host.record(stored.id).await.memory;
    assert_eq!(before.text, "set [password]_override_v2 in CI");

    let row = host.rows().await.remove(0);
    assert_eq!((row.memory, row.client.as_str()), (stored.id, "dashboard"));
    assert_eq!(row.start, before.text);
    assert_eq!(row.replaced, stored.redactions.replaced);
    assert_eq!(host.engine.status().redactions.count, 1);

    let record: MemoryRecord = asked(&host.gate, call::put_back(row.number)).await;
    let wanted = draft();
    let memory = &record.memory;
    assert_eq!(memory.text, wanted.text);
    assert_eq!(Some(&memory.tags), wanted.tags.as_ref());
    assert_eq!(memory.memory_type, wanted.memory_type);
    assert_eq!(Some(&memory.project), wanted.project.as_ref());
    assert_eq!(Some(&memory.metadata), wanted.metadata.as_ref());
    assert_eq!(record, host.record(stored.id).await, "it is written");
    assert_eq!(record.history.len(), 1, "as a change like any other");

    assert_eq!(host.rows().await, []);
    assert_eq!(host.engine.status().redactions.count, 0);
    assert_eq!(host.put_back(row.number).await, "404 no_redaction");
}

#[tokio::test]
async fn what_a_change_by_the_page_lost_is_put_back_too() {
    let host = Host::new();
    let id = host.store(&text_draft("a fact")).await.id;
    assert_eq!(host.rows().await, [], "nothing was replaced");
    let patch = MemoryPatch {
        updated_ms: host.record(id).await.memory.updated_ms,
        tags: Some(vec!["hunter2".to_owned()]),
        metadata: Some(object(json!({ "k": "hunter2", "gone": null }))),
        ..MemoryPatch::default()
    };
    host.patch(id, patch).await;
    let number = host.rows().await[0].number;
    let shown: Value = told(&host.gate, get(&format!("/api/redactions/{number}"))).await;
    let wanted = json!({ "tags": ["hunter2"], "metadata": { "k": "hunter2" } });
    assert_eq!(shown["parts"], wanted, "no part without a secret");
    let record = asked(&host.gate, call::put_back(number)).await;
    assert_eq!(record.memory.text, "a fact");
    assert_eq!(record.memory.tags, ["hunter2"]);
    assert_eq!(record.memory.metadata, object(json!({ "k": "hunter2" })));
}

#[tokio::test]
async fn until_it_is_put_back_it_is_shown_to_who_asks_for_it_and_in_no_file() {
    let host = Host::new();
    host.store(&draft()).await;
    let list = support::text(host.gate.answer(get("/api/redactions")).await).await;
    assert!(!list.contains("hunter2"), "{list}");
    let number = host.rows().await[0].number;
    let one = get(&format!("/api/redactions/{number}"));
    let answer = host.gate.answer(one).await;
    assert_eq!(answer.headers()["cache-control"], "no-store");
    let shown: Value = support::json(answer).await;
    assert_eq!(shown["number"], number);
    assert_eq!(shown["parts"]["text"], draft().text);
    assert_eq!(shown["parts"]["project"], "hunter2");
    assert_eq!(shown["parts"]["metadata"]["hunter2"], json!([2]));

    assert_eq!(
        files_with(host.dir.path(), "hunter2"),
        [""; 0].map(PathBuf::from)
    );
    assert_eq!(host.put_back(number).await, "200");
    assert!(
        !files_with(host.dir.path(), "hunter2").is_empty(),
        "it would have been found"
    );
}

/// The files below `dir` that hold `part`.
fn files_with(dir: &Path, part: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_with(&path, part));
        } else if let Ok(bytes) = std::fs::read(&path) {
            let mut windows = bytes.windows(part.len());
            found.extend(
                windows
                    .any(|window| window == part.as_bytes())
                    .then_some(path),
            );
        }
    }
    found
}

#[tokio::test]
async fn a_memory_that_was_changed_since_is_left_as_it_is() {
    let host = Host::new();
    let id = host.store(&text_draft("use hunter2")).await.id;
    let patch = MemoryPatch {
        updated_ms: host.record(id).await.memory.updated_ms,
        text: Some("use the vault".to_owned()),
        ..MemoryPatch::default()
    };
    host.patch(id, patch).await;
    let number = host.rows().await[0].number;
    assert_eq!(host.put_back(number).await, "409 changed_since");
    assert_eq!(host.record(id).await.memory.text, "use the vault");
    assert_eq!(host.rows().await.len(), 1, "a person may still look at it");
}

#[tokio::test]
async fn a_change_of_another_part_is_not_in_the_way() {
    let host = Host::new();
    let id = host.store(&text_draft("use hunter2")).await.id;
    let patch = MemoryPatch {
        updated_ms: host.record(id).await.memory.updated_ms,
        tags: Some(vec!["added".to_owned()]),
        ..MemoryPatch::default()
    };
    host.patch(id, patch).await;
    let number = host.rows().await[0].number;
    let record = asked(&host.gate, call::put_back(number)).await;
    assert_eq!(record.memory.text, "use hunter2");
    assert_eq!(record.memory.tags, ["added"]);
}

#[tokio::test]
async fn a_deleted_memory_gets_nothing_back_until_it_is_restored_and_a_purged_one_never() {
    let host = Host::new();
    let id = host.store(&text_draft("use hunter2")).await.id;
    let number = host.rows().await[0].number;
    let act = |act: &str| {
        post(
            &format!("/api/memories/{act}"),
            format!("{{\"ids\":[{id}]}}"),
        )
    };
    assert_eq!(outcome(&host.gate, act("delete")).await, "200");
    assert_eq!(host.put_back(number).await, "404 no_memory");
    assert_eq!(outcome(&host.gate, act("undo")).await, "200");
    assert_eq!(host.put_back(number).await, "200");

    host.store(&text_draft("also hunter2")).await;
    let row = host.rows().await.remove(0);
    let act = |act: &str| {
        let body = format!("{{\"ids\":[{}]}}", row.memory);
        post(&format!("/api/memories/{act}"), body)
    };
    assert_eq!(outcome(&host.gate, act("delete")).await, "200");
    assert_eq!(outcome(&host.gate, act("purge")).await, "200");
    assert_eq!(host.rows().await, []);
}

#[tokio::test]
async fn what_was_a_secret_is_forgotten_when_a_person_says_so() {
    let host = Host::new();
    host.store(&text_draft("one hunter2")).await;
    host.store(&text_draft("two hunter2")).await;
    let number = host.rows().await[1].number;
    let left: RedactionList = asked(&host.gate, call::forget_redaction(number)).await;
    assert_eq!(left.redactions.len(), 1);
    assert_eq!(left.redactions[0].start, "two [password]");
    let path = format!("/api/redactions/{number}");
    for refused in [get(&path), request(Method::DELETE, &path), put_back(number)] {
        assert_eq!(outcome(&host.gate, refused).await, "404 no_redaction");
    }
    let wrong = outcome(&host.gate, get("/api/redactions/one")).await;
    assert_eq!(wrong, "400 bad_request");
}

#[tokio::test]
async fn no_agent_sees_or_decides_about_what_was_replaced() {
    let host = Host::new();
    host.store(&text_draft("use hunter2")).await;
    let number = host.rows().await[0].number;
    let mut tried = 0;
    for entry in routes() {
        if !entry.path.starts_with("/api/redactions") {
            continue;
        }
        let path = entry.path.replace("{number}", &number.to_string());
        let asks = by(AGENT, request(entry.method.unwrap(), &path));
        assert_eq!(outcome(&host.gate, asks).await, "403 agent_token", "{path}");
        tried += 1;
    }
    assert_eq!(tried, 4);
    assert_eq!(host.rows().await.len(), 1);
}
