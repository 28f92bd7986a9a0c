//! What the routes of the memories answer, over a real store.

mod support;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use axum::body::Body;
use commonplace_api::call;
use commonplace_api::memories::{
    FacetName, Facets, MemoryChanged, MemoryDraft, MemoryIds, MemoryList, MemoryOutcome,
    MemoryPatch, MemoryRecord, MemoryResults, MemoryStored, Replaced, SearchMode, SearchResults,
};
use commonplace_engine::Engine;
use commonplace_http::{Gate, HostMemories, Redaction};
use http::{Method, Request, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use support::{MadeUp, NoMemories, asked, get, json, open_engine, outcome, post, send, site, told};
use tempfile::TempDir;

/// A host with a store of its own.
struct Host {
    gate: Gate,
    engine: Engine,
    _dir: TempDir,
}

/// Takes every `hunter2` for a password.
const REDACTION: Redaction = Redaction {
    text: |text| {
        let found = text.contains("hunter2").then(|| "password".to_owned());
        (
            text.replace("hunter2", "[password]"),
            found.into_iter().collect(),
        )
    },
    metadata: |metadata| {
        let found = metadata.remove("password").map(|_| Replaced {
            kind: "password".to_owned(),
            place: "metadata.password".to_owned(),
        });
        found.into_iter().collect()
    },
};

impl Host {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let engine = open_engine(dir.path());
        let mut site = site(MadeUp::new());
        site.memories = Arc::new(HostMemories::new(
            engine.clone(),
            REDACTION,
            Arc::new(AtomicBool::new(true)),
        ));
        Self {
            gate: Gate::new(site),
            engine,
            _dir: dir,
        }
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> T {
        told(&self.gate, get(&format!("/api/memories{path}"))).await
    }

    async fn list(&self, query: &str) -> MemoryList {
        self.get(&format!("?{query}")).await
    }

    async fn record(&self, id: i64) -> MemoryRecord {
        asked(&self.gate, call::memory(id)).await
    }

    async fn store(&self, draft: MemoryDraft) -> MemoryStored {
        asked(&self.gate, call::store(&draft)).await
    }

    /// Stores a text and returns its id.
    async fn stored(&self, text: &str) -> i64 {
        self.store(draft(text, &[], "")).await.id
    }

    async fn change(&self, id: i64, patch: MemoryPatch) -> MemoryChanged {
        told(&self.gate, change(id, patch)).await
    }

    /// Deletes, restores or purges memories.
    async fn act(&self, act: &str, ids: &[i64]) -> MemoryResults {
        told(&self.gate, several(act, ids)).await
    }

    async fn refused(&self, request: Request<Body>) -> String {
        outcome(&self.gate, request).await
    }
}

fn change(id: i64, body: impl Serialize) -> Request<Body> {
    let body = serde_json::to_vec(&body).unwrap();
    send(Method::PATCH, &format!("/api/memories/{id}"), body)
}

fn several(act: &str, ids: &[i64]) -> Request<Body> {
    let body = serde_json::to_vec(&MemoryIds { ids: ids.to_vec() });
    post(&format!("/api/memories/{act}"), body.unwrap())
}

fn draft(text: &str, tags: &[&str], project: &str) -> MemoryDraft {
    MemoryDraft {
        text: text.to_owned(),
        tags: Some(strings(tags)),
        project: Some(project.to_owned()),
        ..MemoryDraft::default()
    }
}

fn strings(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn object(value: Value) -> Map<String, Value> {
    serde_json::from_value(value).unwrap()
}

fn texts(list: &MemoryList) -> Vec<&str> {
    let rows = list.memories.iter();
    rows.map(|row| row.memory.text.as_str()).collect()
}

fn results(answer: &MemoryResults) -> Vec<MemoryOutcome> {
    answer.results.iter().map(|one| one.result).collect()
}

#[tokio::test]
async fn a_memory_is_stored_once_and_says_that_it_came_from_the_page() {
    let host = Host::new();
    let draft = MemoryDraft {
        memory_type: Some("note".to_owned()),
        metadata: Some(object(json!({"k": 1}))),
        ..draft(" a fact ", &["A"], "p")
    };
    let body = serde_json::to_vec(&draft).unwrap();
    let first = host.gate.answer(post("/api/memories", body)).await;
    assert_eq!(first.status(), StatusCode::CREATED);
    let first: MemoryStored = serde_json::from_value(json(first).await).unwrap();
    let again = host.store(draft).await;
    assert_eq!((again.id, again.is_new), (first.id, false));
    let record = host.record(first.id).await;
    assert_eq!(record.memory.text, "a fact");
    assert_eq!(record.memory.tags, ["a"]);
    assert_eq!(record.memory.provenance.client, "dashboard");
    assert_eq!(record.history, []);
}

#[tokio::test]
async fn a_list_goes_on_where_its_last_part_ended_and_counts_once() {
    let host = Host::new();
    for text in ["one", "two", "three"] {
        host.stored(text).await;
    }
    let first = host.list("limit=2").await;
    assert_eq!(texts(&first), ["three", "two"]);
    assert_eq!(first.total, Some(3));
    let next = first.next.unwrap();
    let rest = host.list(&format!("limit=2&cursor={next}")).await;
    assert_eq!(texts(&rest), ["one"]);
    assert_eq!((rest.next, rest.total), (None, None));
}

#[tokio::test]
async fn filters_restrict_lists_and_searches_alike() {
    let host = Host::new();
    for draft in [
        draft("the plain fact", &[], ""),
        draft("the fact of p", &["a"], "p"),
        draft("another fact of p", &["a", "b"], "p"),
    ] {
        host.store(draft).await;
    }
    let cases: [(&str, &[&str]); 9] = [
        ("project=p", &["another fact of p", "the fact of p"]),
        ("project=", &["the plain fact"]),
        ("tag=a&tag=b", &["another fact of p", "the fact of p"]),
        ("tag=a&tag=b&tag_match=all", &["another fact of p"]),
        (
            "type=",
            &["another fact of p", "the fact of p", "the plain fact"],
        ),
        ("client=nobody", &[]),
        ("before=5", &[]),
        ("after=5&project=p&tag=b", &["another fact of p"]),
        ("deleted=true", &[]),
    ];
    for (query, expected) in cases {
        let list = host.list(query).await;
        assert_eq!(texts(&list), expected, "{query}");
        assert_eq!(list.total, Some(expected.len() as u64), "{query}");
    }
    let found: SearchResults = host.get("/search?q=fact&mode=keyword&tag=b").await;
    assert_eq!(found.hits.len(), 1);
}

#[tokio::test]
async fn a_hit_tells_how_its_score_came_about_and_why_only_words_were_compared() {
    let host = Host::new();
    host.stored(&format!("{} needle", "hay ".repeat(500))).await;
    let found: SearchResults = host.get("/search?q=the+needle").await;
    assert_eq!(found.mode, SearchMode::Hybrid);
    let hit = &found.hits[0];
    assert_eq!((hit.score, hit.keyword_rank), (1.0, Some(1)));
    assert_eq!(hit.semantic_rank, None);
    let shown = &hit.memory.memory.text;
    assert!(shown.ends_with("needle"), "the part that fits: {shown}");
    assert!(hit.memory.is_cut);
    assert!(found.words_only.is_some(), "there is no model here");
    let exact: SearchResults = host.get("/search?q=NEEDLE&mode=exact").await;
    assert_eq!(exact.words_only, None, "nobody asked for meaning");
}

fn named(name: &str, count: u64) -> FacetName {
    let name = name.to_owned();
    FacetName { name, count }
}

#[tokio::test]
async fn what_there_is_to_filter_by_is_counted() {
    let host = Host::new();
    host.store(draft("one", &["a"], "")).await;
    host.store(draft("two", &["a", "b"], "")).await;
    let facets: Facets = host.get("/facets?limit=1").await;
    assert_eq!(
        (facets.tags.top, facets.tags.more),
        (vec![named("a", 2)], 1)
    );
    assert_eq!(facets.clients.top[0].name, "dashboard");
}

#[tokio::test]
async fn the_bin_is_searched_and_filtered_like_the_list() {
    let host = Host::new();
    let hay = "hay ".repeat(200);
    let mut ids = Vec::new();
    for draft in [
        draft(&format!("{hay} Needle one"), &["a"], "p"),
        draft("needle two", &["b"], "q"),
        draft("a thread", &["b"], "q"),
    ] {
        ids.push(host.store(draft).await.id);
    }
    host.act("delete", &ids).await;
    host.stored("a needle that lives").await;
    let cases: [(&str, &[usize]); 5] = [
        ("contains=needle", &[1, 0]),
        ("contains=NEEDLE+one", &[0]),
        ("contains=needle&tag=b", &[1]),
        ("contains=&project=q", &[2, 1]),
        ("contains=lives", &[]),
    ];
    for (query, expected) in cases {
        let list = host.list(&format!("deleted=true&{query}")).await;
        let found: Vec<i64> = list.memories.iter().map(|row| row.memory.id).collect();
        let expected: Vec<i64> = expected.iter().map(|n| ids[*n]).collect();
        assert_eq!(found, expected, "{query}");
        assert_eq!(list.total, Some(expected.len() as u64), "{query}");
    }
    let list = host.list("deleted=true&contains=needle+one").await;
    let shown = texts(&list)[0];
    assert!(shown.ends_with("Needle one"), "the part that fits: {shown}");
    let facets: Facets = host.get("/facets?deleted=true").await;
    assert_eq!(facets.projects.top, [named("q", 2), named("p", 1)]);
    assert_eq!(facets.tags.top, [named("b", 2), named("a", 1)]);
    let living: Facets = host.get("/facets").await;
    assert_eq!(living.projects.top, [named("", 1)]);
}

#[tokio::test]
async fn an_edit_changes_what_it_names_and_refuses_what_has_changed_meanwhile() {
    let host = Host::new();
    let id = host.stored("first").await;
    let seen_ms = host.record(id).await.memory.updated_ms;
    let text = |updated_ms, text: &str| MemoryPatch {
        updated_ms,
        text: Some(text.to_owned()),
        ..MemoryPatch::default()
    };
    let patch = MemoryPatch {
        tags: Some(strings(&["T"])),
        project: Some("p".to_owned()),
        memory_type: Some(String::new()),
        ..text(seen_ms, "second")
    };
    let record = host.change(id, patch).await.record;
    let memory = record.memory;
    assert_eq!(memory.text, "second");
    assert_eq!(memory.tags, ["t"]);
    assert_eq!((memory.project.as_str(), memory.memory_type), ("p", None));
    assert_eq!(record.history[0].text, "first");
    host.store(draft("taken", &[], "p")).await;
    for (id, patch, expected) in [
        (id, text(seen_ms, "third"), "409 changed"),
        (id, text(memory.updated_ms, "taken"), "409 text_taken"),
        (99, text(1, "x"), "404 no_memory"),
    ] {
        assert_eq!(host.refused(change(id, patch)).await, expected);
    }
}

#[tokio::test]
async fn metadata_are_merged_and_what_cannot_be_kept_is_refused() {
    let host = Host::new();
    let before = object(json!({"a": 1, "b": [2]}));
    let draft = MemoryDraft {
        metadata: Some(before.clone()),
        ..draft("a fact", &["t"], "")
    };
    let id = host.store(draft).await.id;
    let seen_ms = host.record(id).await.memory.updated_ms;
    let metadata = |updated_ms, metadata| MemoryPatch {
        updated_ms,
        metadata: Some(object(metadata)),
        ..MemoryPatch::default()
    };
    let patch = json!({"a": null, "b": {"c": null}, "password": "x"});
    let changed = host.change(id, metadata(seen_ms, patch)).await;
    let memory = changed.record.memory;
    assert_eq!(memory.metadata, object(json!({"b": {"c": null}})));
    assert_eq!(changed.redactions.redacted, ["password"]);
    assert_eq!(memory.text, "a fact", "nothing else changes");
    assert_eq!(memory.tags, ["t"], "nothing else changes");
    let kept = &changed.record.history[0].metadata;
    assert_eq!(kept, &before, "what it was is kept");
    let late = change(id, metadata(seen_ms, json!({})));
    assert_eq!(host.refused(late).await, "409 changed");
    let now_ms = memory.updated_ms;
    for bad in [json!([1]), json!("x"), json!({"a": "x".repeat(17_000)})] {
        let bad = change(id, json!({"updated_ms": now_ms, "metadata": bad}));
        assert_eq!(host.refused(bad).await, "400 bad_request");
    }
    let none = host.change(id, metadata(now_ms, json!({"b": null}))).await;
    assert_eq!(none.record.memory.metadata, Map::new());
}

#[tokio::test]
async fn secrets_are_replaced_on_the_way_in_and_the_answer_says_so() {
    let host = Host::new();
    let draft = MemoryDraft {
        memory_type: Some("k-hunter2".to_owned()),
        metadata: Some(object(json!({"password": "x"}))),
        ..draft("hunter2", &["a", "t-hunter2"], "p-hunter2")
    };
    let stored = host.store(draft).await;
    assert_eq!(stored.redactions.redacted, ["password"]);
    let replaced = stored.redactions.replaced.iter();
    let places: Vec<&str> = replaced.map(|one| one.place.as_str()).collect();
    assert_eq!(
        places,
        ["text", "tags", "type", "project", "metadata.password"]
    );
    let memory = host.record(stored.id).await.memory;
    assert_eq!(memory.text, "[password]");
    assert_eq!(memory.tags, ["a", "t-[password]"]);
    assert_eq!(memory.memory_type.as_deref(), Some("k-[password]"));
    assert_eq!(memory.project, "p-[password]");
    assert_eq!(memory.metadata, Map::new());
    let patch = MemoryPatch {
        updated_ms: memory.updated_ms,
        text: Some("again hunter2".to_owned()),
        tags: Some(strings(&["hunter2"])),
        memory_type: Some("hunter2".to_owned()),
        project: Some("hunter2".to_owned()),
        metadata: Some(object(json!({"password": "y", "gone": null}))),
    };
    let changed = host.change(stored.id, patch).await;
    let shown = serde_json::to_string(&changed.record.memory).unwrap();
    assert!(!shown.contains("hunter2"), "{shown}");
    assert_eq!(changed.redactions, stored.redactions);
}

#[tokio::test]
async fn several_memories_at_once_each_have_their_result() {
    use MemoryOutcome::{AlreadyDeleted, Done, NotDeleted, NotFound, TextTaken};
    let host = Host::new();
    let (a, b) = (host.stored("a").await, host.stored("b").await);
    let act = async |act, ids: &[i64]| {
        let answer = host.act(act, ids).await;
        (answer.done, results(&answer))
    };
    let all = [a, 99, b];
    assert_eq!(
        act("purge", &all).await,
        (0, vec![NotDeleted, NotFound, NotDeleted]),
        "only what was deleted can be purged"
    );
    act("delete", &[a]).await;
    let expected = (1, vec![AlreadyDeleted, NotFound, Done]);
    assert_eq!(act("delete", &all).await, expected);
    assert_eq!(host.list("deleted=true").await.total, Some(2));
    host.stored("a").await;
    let expected = (1, vec![TextTaken, NotFound, Done]);
    assert_eq!(act("undo", &all).await, expected);
    assert_eq!(act("purge", &[a]).await.0, 1);
    let gone = get(&format!("/api/memories/{a}"));
    assert_eq!(host.refused(gone).await, "404 no_memory");
}

#[tokio::test]
async fn many_memories_are_written_in_parts_that_others_get_in_between() {
    let host = Host::new();
    let mut ids = Vec::new();
    for n in 0..60 {
        ids.push(host.stored(&format!("fact {n}")).await);
    }
    let answer = host.act("delete", &ids).await;
    assert_eq!((answer.done, answer.problem), (60, None));
    let answered: Vec<i64> = answer.results.iter().map(|one| one.id).collect();
    assert_eq!(answered, ids, "in the order they were asked for");
    let kinds = host.engine.stats().by_kind;
    let deletes = kinds.iter().find(|row| row.kind == "delete").unwrap();
    assert_eq!(deletes.done, 3);
}

#[tokio::test]
async fn a_host_that_goes_in_the_middle_of_many_says_what_was_done() {
    let mut site = site(MadeUp::new());
    site.memories = Arc::new(NoMemories {
        writes_left: 1.into(),
    });
    let ids: Vec<i64> = (1..=30).collect();
    let answer: MemoryResults = told(&Gate::new(site), several("delete", &ids)).await;
    assert_eq!(answer.done, 25);
    let expected = [
        [MemoryOutcome::Done; 25].as_slice(),
        &[MemoryOutcome::NotTried; 5],
    ];
    assert_eq!(results(&answer), expected.concat());
    let problem = answer.problem.unwrap();
    assert!(problem.contains("shutting down"), "{problem}");
}

#[tokio::test]
async fn what_cannot_be_asked_is_refused_with_what_can() {
    let host = Host::new();
    let many: Vec<i64> = (1..=501).collect();
    let long = "x".repeat(65 * 1024);
    let bad = [
        (get("/api/memories?limit=201"), "between 1 and 200"),
        (get("/api/memories?limit=many"), "a whole number"),
        (get("/api/memories?cursor=here"), "`next`"),
        (get("/api/memories?projekt=p"), "`projekt` is not known"),
        (get("/api/memories?project=a&project=b"), "given 2 times"),
        (get("/api/memories?after=yesterday"), "milliseconds"),
        (get("/api/memories?deleted=yes"), "one of `true`, `false`"),
        (get("/api/memories?tag_match=some"), "one of `any`, `all`"),
        (get("/api/memories/search?q=x&mode=fuzzy"), "`semantic`"),
        (
            get("/api/memories/search?q=x&limit=101"),
            "between 1 and 100",
        ),
        (get("/api/memories/search?q=%00"), "query is required"),
        (get("/api/memories/facets?limit=0"), "from 1 to 500"),
        (get("/api/memories/one"), "not the id of a memory"),
        (post("/api/memories", "{"), "EOF"),
        (post("/api/memories", r#"{"text":"\u0000"}"#), "empty"),
        (
            post("/api/memories", r#"{"text":"a","tag":[]}"#),
            "unknown field `tag`",
        ),
        (
            post("/api/memories", json!({"text": long}).to_string()),
            "at most 65536",
        ),
        (
            post("/api/memories", b"{\"text\":\"\xff\"}".to_vec()),
            "text",
        ),
        (post("/api/memories/delete", "{}"), "`ids`"),
        (
            post("/api/memories/delete", r#"{"ids":[]}"#),
            "from 1 to 500",
        ),
        (several("purge", &many), "from 1 to 500"),
        (post("/api/memories/undo", r#"{"ids":["1"]}"#), "i64"),
        (change(1, json!({"text": "x"})), "updated_ms"),
        (change(1, json!({"updated_ms": 1})), "nothing to change"),
    ];
    for (request, expected) in bad {
        let what = format!("{} {}", request.method(), request.uri());
        let answer = host.gate.answer(request).await;
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{what}");
        let said = json(answer).await["error"]["message"].to_string();
        assert!(said.contains(expected), "{what}: {said}");
    }
}

#[tokio::test]
async fn nobody_waits_before_the_page_for_the_end_of_a_pause() {
    let host = Host::new();
    let id = host.stored("a").await;
    host.engine.pause("ada").unwrap();
    assert_eq!(host.refused(several("delete", &[id])).await, "409 paused");
    assert_eq!(host.list("").await.total, Some(1), "reading goes on");
}

#[tokio::test]
async fn a_host_that_is_going_says_so() {
    let gate = support::gate();
    for request in [
        get("/api/memories"),
        post("/api/memories", r#"{"text":"a"}"#),
    ] {
        let answer = gate.answer(request).await;
        assert_eq!(answer.headers()["retry-after"], "1");
        assert_eq!(json(answer).await["error"]["code"], "shutting_down");
    }
}
