//! What the routes of the memories answer, over a real store.

mod support;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use commonplace_api::memories::Replaced;
use commonplace_engine::Engine;
use commonplace_http::{Gate, HostMemories, Redaction};
use http::{Method, Request, StatusCode};
use serde_json::{Value, json};
use support::{MadeUp, NoMemories, get, json, open_engine, outcome, post, send, site};
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

    async fn get(&self, path: &str) -> Value {
        self.told(get(path)).await
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        self.told(post(path, body.to_string())).await
    }

    async fn patch(&self, id: &Value, body: Value) -> Value {
        self.told(patch(id, body)).await
    }

    async fn told(&self, request: Request<axum::body::Body>) -> Value {
        let what = format!("{} {}", request.method(), request.uri());
        let answer = self.gate.answer(request).await;
        let status = answer.status();
        let body = json(answer).await;
        assert!(status.is_success(), "{what}: {status} {body}");
        body
    }

    /// Stores a text and returns its id.
    async fn stored(&self, text: &str) -> Value {
        self.post("/api/memories", json!({ "text": text })).await["id"].clone()
    }

    async fn refused(&self, request: Request<axum::body::Body>) -> String {
        outcome(&self.gate, request).await
    }
}

fn patch(id: &Value, body: Value) -> Request<axum::body::Body> {
    send(
        Method::PATCH,
        &format!("/api/memories/{id}"),
        body.to_string(),
    )
}

fn texts(list: &Value) -> Vec<&str> {
    let memories = list["memories"].as_array().unwrap().iter();
    memories
        .map(|memory| memory["text"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn a_memory_is_stored_once_and_says_that_it_came_from_the_page() {
    let host = Host::new();
    let draft = json!({"text": " a fact ", "tags": ["A"], "type": "note", "project": "p", "metadata": {"k": 1}});
    let first = host
        .gate
        .answer(post("/api/memories", draft.to_string()))
        .await;
    assert_eq!(first.status(), StatusCode::CREATED);
    let first = json(first).await;
    let again = host.post("/api/memories", draft).await;
    assert_eq!(
        (&again["id"], &again["is_new"]),
        (&first["id"], &json!(false))
    );
    let record = host.get(&format!("/api/memories/{}", first["id"])).await;
    let memory = &record["memory"];
    assert_eq!(memory["text"], "a fact");
    assert_eq!(memory["tags"], json!(["a"]));
    assert_eq!(memory["provenance"]["client"], "dashboard");
    assert_eq!(record["history"], json!([]));
}

#[tokio::test]
async fn a_list_goes_on_where_its_last_part_ended_and_counts_once() {
    let host = Host::new();
    for text in ["one", "two", "three"] {
        host.stored(text).await;
    }
    let first = host.get("/api/memories?limit=2").await;
    assert_eq!(
        (texts(&first), &first["total"]),
        (vec!["three", "two"], &json!(3))
    );
    let next = first["next"].as_str().unwrap();
    let rest = host
        .get(&format!("/api/memories?limit=2&cursor={next}"))
        .await;
    assert_eq!(texts(&rest), ["one"]);
    assert_eq!(
        (&rest["next"], &rest["total"]),
        (&Value::Null, &Value::Null)
    );
}

#[tokio::test]
async fn filters_restrict_lists_and_searches_alike() {
    let host = Host::new();
    let new = |text: &str, tags: Value, project: &str| json!({"text": text, "tags": tags, "project": project});
    for draft in [
        new("the plain fact", json!([]), ""),
        new("the fact of p", json!(["a"]), "p"),
        new("another fact of p", json!(["a", "b"]), "p"),
    ] {
        host.post("/api/memories", draft).await;
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
        let list = host.get(&format!("/api/memories?{query}")).await;
        assert_eq!(texts(&list), expected, "{query}");
        assert_eq!(list["total"], expected.len(), "{query}");
    }
    let found = host
        .get("/api/memories/search?q=fact&mode=keyword&tag=b")
        .await;
    assert_eq!(found["hits"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_hit_tells_how_its_score_came_about_and_why_only_words_were_compared() {
    let host = Host::new();
    host.stored(&format!("{} needle", "hay ".repeat(500))).await;
    let found = host.get("/api/memories/search?q=the+needle").await;
    assert_eq!(found["mode"], "hybrid");
    let hit = &found["hits"][0];
    assert_eq!(
        (&hit["score"], &hit["keyword_rank"]),
        (&json!(1.0), &json!(1))
    );
    assert!(hit["semantic_rank"].is_null());
    let shown = hit["memory"]["text"].as_str().unwrap();
    assert!(shown.ends_with("needle"), "the part that fits: {shown}");
    assert_eq!(hit["memory"]["is_cut"], true);
    assert!(found["words_only"].is_string(), "there is no model here");
    let exact = host.get("/api/memories/search?q=NEEDLE&mode=exact").await;
    assert!(exact["words_only"].is_null(), "nobody asked for meaning");
}

#[tokio::test]
async fn what_there_is_to_filter_by_is_counted() {
    let host = Host::new();
    for tags in [json!(["a"]), json!(["a", "b"])] {
        let text = tags.to_string();
        host.post("/api/memories", json!({"text": text, "tags": tags}))
            .await;
    }
    let facets = host.get("/api/memories/facets?limit=1").await;
    let expected = json!({"top": [{"name": "a", "count": 2}], "more": 1});
    assert_eq!(facets["tags"], expected);
    assert_eq!(facets["clients"]["top"][0]["name"], "dashboard");
}

#[tokio::test]
async fn the_bin_is_searched_and_filtered_like_the_list() {
    let host = Host::new();
    let hay = "hay ".repeat(200);
    let mut ids = Vec::new();
    for (text, tag, project) in [
        (format!("{hay} Needle one"), "a", "p"),
        ("needle two".to_owned(), "b", "q"),
        ("a thread".to_owned(), "b", "q"),
    ] {
        let draft = json!({"text": text, "tags": [tag], "project": project});
        ids.push(host.post("/api/memories", draft).await["id"].clone());
    }
    host.post("/api/memories/delete", json!({ "ids": ids }))
        .await;
    host.stored("a needle that lives").await;
    for (query, expected) in [
        ("contains=needle", vec![1, 0]),
        ("contains=NEEDLE+one", vec![0]),
        ("contains=needle&tag=b", vec![1]),
        ("contains=&project=q", vec![2, 1]),
        ("contains=lives", vec![]),
    ] {
        let list = host
            .get(&format!("/api/memories?deleted=true&{query}"))
            .await;
        let found = list["memories"].as_array().unwrap().iter();
        let found: Vec<&Value> = found.map(|memory| &memory["id"]).collect();
        let expected: Vec<&Value> = expected.into_iter().map(|n: usize| &ids[n]).collect();
        assert_eq!(found, expected, "{query}");
        assert_eq!(list["total"], expected.len(), "{query}");
    }
    let list = host
        .get("/api/memories?deleted=true&contains=needle+one")
        .await;
    let shown = list["memories"][0]["text"].as_str().unwrap();
    assert!(shown.ends_with("Needle one"), "the part that fits: {shown}");
    let facets = host.get("/api/memories/facets?deleted=true").await;
    let named = |name, count| json!({"name": name, "count": count});
    assert_eq!(
        facets["projects"]["top"],
        json!([named("q", 2), named("p", 1)])
    );
    assert_eq!(facets["tags"]["top"], json!([named("b", 2), named("a", 1)]));
    let living = host.get("/api/memories/facets").await;
    assert_eq!(living["projects"]["top"], json!([named("", 1)]));
}

#[tokio::test]
async fn an_edit_changes_what_it_names_and_refuses_what_has_changed_meanwhile() {
    let host = Host::new();
    let id = host.stored("first").await;
    let record = host.get(&format!("/api/memories/{id}")).await;
    let seen = &record["memory"]["updated_ms"];
    let change = |text: &str| json!({"updated_ms": seen, "text": text, "tags": ["T"], "project": "p", "type": ""});
    let changed = host.patch(&id, change("second")).await;
    let memory = &changed["memory"];
    assert_eq!(
        (
            &memory["text"],
            &memory["tags"],
            &memory["project"],
            &memory["type"]
        ),
        (&json!("second"), &json!(["t"]), &json!("p"), &Value::Null)
    );
    assert_eq!(changed["history"][0]["text"], "first");
    assert_eq!(
        host.refused(patch(&id, change("third"))).await,
        "409 changed"
    );
    host.post("/api/memories", json!({"text": "taken", "project": "p"}))
        .await;
    let taken = json!({"updated_ms": memory["updated_ms"], "text": "taken"});
    assert_eq!(host.refused(patch(&id, taken)).await, "409 text_taken");
    let gone = json!({"updated_ms": 1, "text": "x"});
    assert_eq!(host.refused(patch(&json!(99), gone)).await, "404 no_memory");
}

#[tokio::test]
async fn metadata_are_merged_and_what_cannot_be_kept_is_refused() {
    let host = Host::new();
    let draft = json!({"text": "a fact", "tags": ["t"], "metadata": {"a": 1, "b": [2]}});
    let id = host.post("/api/memories", draft).await["id"].clone();
    let record = host.get(&format!("/api/memories/{id}")).await;
    let seen = &record["memory"]["updated_ms"];
    let metadata = json!({"a": null, "b": {"c": null}, "password": "x"});
    let changed = host
        .patch(&id, json!({"updated_ms": seen, "metadata": metadata}))
        .await;
    let memory = &changed["memory"];
    assert_eq!(memory["metadata"], json!({"b": {"c": null}}));
    assert_eq!(changed["redacted"], json!(["password"]));
    assert_eq!(
        (&memory["text"], &memory["tags"]),
        (&json!("a fact"), &json!(["t"])),
        "nothing else changes"
    );
    assert_eq!(
        changed["history"][0]["metadata"],
        json!({"a": 1, "b": [2]}),
        "what it was is kept"
    );
    let late = json!({"updated_ms": seen, "metadata": {}});
    assert_eq!(host.refused(patch(&id, late)).await, "409 changed");
    let now = &memory["updated_ms"];
    for metadata in [json!([1]), json!("x"), json!({"a": "x".repeat(17_000)})] {
        let bad = json!({"updated_ms": now, "metadata": metadata});
        assert_eq!(host.refused(patch(&id, bad)).await, "400 bad_request");
    }
    let none = host
        .patch(&id, json!({"updated_ms": now, "metadata": {"b": null}}))
        .await;
    assert_eq!(none["memory"]["metadata"], json!({}));
}

#[tokio::test]
async fn secrets_are_replaced_on_the_way_in_and_the_answer_says_so() {
    let host = Host::new();
    let draft = json!({
        "text": "hunter2", "tags": ["a", "t-hunter2"], "type": "k-hunter2", "project": "p-hunter2",
        "metadata": {"password": "x"},
    });
    let stored = host.post("/api/memories", draft).await;
    assert_eq!(stored["redacted"], json!(["password"]));
    let places = |answer: &Value| -> Vec<Value> {
        let replaced = answer["replaced"].as_array().unwrap().iter();
        replaced.map(|one| one["place"].clone()).collect()
    };
    assert_eq!(
        places(&stored),
        ["text", "tags", "type", "project", "metadata.password"]
    );
    let record = host.get(&format!("/api/memories/{}", stored["id"])).await;
    let memory = &record["memory"];
    assert_eq!(memory["text"], "[password]");
    assert_eq!(memory["tags"], json!(["a", "t-[password]"]));
    assert_eq!(memory["type"], "k-[password]");
    assert_eq!(memory["project"], "p-[password]");
    assert_eq!(memory["metadata"], json!({}));
    let edit = json!({
        "updated_ms": memory["updated_ms"], "text": "again hunter2", "tags": ["hunter2"], "type": "hunter2",
        "project": "hunter2", "metadata": {"password": "y", "gone": null},
    });
    let changed = host.patch(&stored["id"], edit).await;
    assert!(
        !changed["memory"].to_string().contains("hunter2"),
        "{changed}"
    );
    assert_eq!(changed["redacted"], json!(["password"]));
    assert_eq!(places(&changed), places(&stored));
}

#[tokio::test]
async fn several_memories_at_once_each_have_their_result() {
    let host = Host::new();
    let (a, b) = (host.stored("a").await, host.stored("b").await);
    let ids = json!({"ids": [a, 99, b]});
    let results = |answer: &Value| -> Vec<String> {
        let all = answer["results"].as_array().unwrap().iter();
        all.map(|one| one["result"].as_str().unwrap().to_owned())
            .collect()
    };
    let told = async |act: &str, ids: &Value| {
        let answer = host
            .post(&format!("/api/memories/{act}"), ids.clone())
            .await;
        (answer["done"].as_u64().unwrap(), results(&answer))
    };
    let expected = |words: [&str; 3]| words.map(str::to_owned).to_vec();
    assert_eq!(
        told("purge", &ids).await,
        (0, expected(["not_deleted", "not_found", "not_deleted"])),
        "only what was deleted can be purged"
    );
    told("delete", &json!({"ids": [a]})).await;
    assert_eq!(
        told("delete", &ids).await,
        (1, expected(["already_deleted", "not_found", "done"]))
    );
    assert_eq!(host.get("/api/memories?deleted=true").await["total"], 2);
    host.stored("a").await;
    assert_eq!(
        told("undo", &ids).await,
        (1, expected(["text_taken", "not_found", "done"]))
    );
    assert_eq!(told("purge", &json!({"ids": [a]})).await.0, 1);
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
    let answer = host
        .post("/api/memories/delete", json!({ "ids": ids }))
        .await;
    assert_eq!(
        (&answer["done"], &answer["problem"]),
        (&json!(60), &Value::Null)
    );
    let told: Vec<&Value> = answer["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["id"])
        .collect();
    assert_eq!(
        told,
        ids.iter().collect::<Vec<_>>(),
        "in the order they were asked for"
    );
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
    let asked = post("/api/memories/delete", json!({ "ids": ids }).to_string());
    let answer = json(Gate::new(site).answer(asked).await).await;
    assert_eq!(answer["done"], 25);
    assert_eq!(answer["results"][24]["result"], "done");
    assert_eq!(answer["results"][25]["result"], "not_tried");
    assert_eq!(answer["results"].as_array().unwrap().len(), 30);
    let problem = answer["problem"].as_str().unwrap();
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
        (
            post("/api/memories/purge", json!({"ids": many}).to_string()),
            "from 1 to 500",
        ),
        (post("/api/memories/undo", r#"{"ids":["1"]}"#), "i64"),
        (patch(&json!(1), json!({"text": "x"})), "updated_ms"),
        (
            patch(&json!(1), json!({"updated_ms": 1})),
            "nothing is to change",
        ),
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
    let delete = post("/api/memories/delete", json!({"ids": [id]}).to_string());
    assert_eq!(host.refused(delete).await, "409 paused");
    assert_eq!(
        host.get("/api/memories").await["total"],
        1,
        "reading goes on"
    );
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
