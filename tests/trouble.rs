//! Bad input over MCP and HTTP: a clear answer, and nothing lost.

use serde_json::json;

use crate::client::{bearer, http};
use crate::support::Host;

fn post(host: &Host, body: &[u8]) -> (u16, String) {
    let headers = bearer(&host.agent)
        + "Content-Type: application/json\r\nAccept: application/json, text/event-stream\r\n";
    http(host.port, "POST", "/mcp", &headers, body).expect("the host answers")
}

#[test]
fn bad_arguments_get_an_answer_that_helps() {
    let dir = tempfile::tempdir().unwrap();
    let host = Host::start(dir.path());
    let mut client = host.client();
    client.store("kept all along").unwrap();
    let tags: Vec<String> = (0..10_000).map(|n| format!("t{n}")).collect();
    let cases = [
        (
            "memory_store",
            json!({ "content": "" }),
            "content is required",
        ),
        ("memory_store", json!({}), "content"),
        ("memory_store", json!({ "content": [] }), "content"),
        (
            "memory_store",
            json!({ "content": "x".repeat(1_000_000) }),
            "65536",
        ),
        (
            "memory_store",
            json!({ "content": "x", "metadata": { "tags": tags } }),
            "10000 tags",
        ),
        (
            "memory_store",
            json!({ "content": "x", "contnet": "y" }),
            "contnet",
        ),
        (
            "memory_search",
            json!({ "query": "x", "limit": -1 }),
            "limit",
        ),
        (
            "memory_search",
            json!({ "query": "x", "limit": "many" }),
            "limit",
        ),
        (
            "memory_search",
            json!({ "query": "x", "mode": "psychic" }),
            "mode",
        ),
        ("memory_delete", json!({}), "filter"),
        (
            "memory_update",
            json!({ "content_hash": "0000", "updates": { "tags": ["a"] } }),
            "0000",
        ),
    ];
    for (tool, arguments, reason) in cases {
        let shown = arguments.to_string().chars().take(80).collect::<String>();
        let answer = client.call(tool, arguments).unwrap();
        assert!(answer.is_error, "{tool} {shown}: {}", answer.text);
        assert!(
            answer.text.to_lowercase().contains(&reason.to_lowercase()),
            "{tool} {shown}: {}",
            answer.text
        );
    }
    assert!(
        client
            .call("memory_frobnicate", json!({}))
            .unwrap_err()
            .contains("memory_frobnicate")
    );
    assert!(client.has_one("kept all along"));
    assert_eq!(host.status().memories.total, 1);
}

#[test]
fn a_query_is_never_syntax() {
    let dir = tempfile::tempdir().unwrap();
    let host = Host::start(dir.path());
    let mut client = host.client();
    client
        .store("parser notes: NEAR and OR are words here")
        .unwrap();
    for query in [
        "NEAR(\"a b\" 5)",
        "text:notes",
        "\"",
        "* OR -",
        "a AND (b",
        "'; DROP TABLE memories; --",
        "\0 notes",
    ] {
        let answer = client
            .call("memory_search", json!({ "query": query }))
            .unwrap();
        assert!(!answer.is_error, "{query}: {}", answer.text);
    }
    assert!(client.has_one("parser notes"));
}

#[test]
fn broken_bodies_are_refused_and_the_host_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let host = Host::start(dir.path());
    let broken: [&[u8]; 5] = [
        b"{\"jsonrpc\": \"2.0\", \"id\": 1, \"met",
        b"\xff\xfe\x00",
        b"[]",
        b"null",
        b"{}",
    ];
    for body in broken {
        let (code, text) = post(&host, body);
        assert!(
            (400..500).contains(&code),
            "{}: {code} {text}",
            String::from_utf8_lossy(body)
        );
    }
    let (code, text) = post(&host, &vec![b' '; 10_000_000]);
    assert_eq!(code, 413, "{text}");
    assert!(host.client().store("still at work").is_ok());
}

#[test]
fn control_characters_are_kept_out() {
    let dir = tempfile::tempdir().unwrap();
    let host = Host::start(dir.path());
    let mut client = host.client();
    client
        .store("a\0b \u{1b}[31mred\u{1b}[0m \u{202e}backwards")
        .unwrap();
    let answer = client
        .call("memory_search", json!({ "query": "backwards" }))
        .unwrap();
    assert!(answer.text.contains("backwards"), "{}", answer.text);
    for bad in ['\0', '\u{1b}', '\u{202e}'] {
        assert!(!answer.text.contains(bad), "{:?} in {}", bad, answer.text);
    }
}

#[test]
fn a_full_queue_refuses_at_once_and_says_when_to_try_again() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("settings.toml"), "queue_length = 1\n").unwrap();
    let host = Host::start(dir.path());
    let refused = std::sync::Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for number in 0..8 {
            let (mut client, refused) = (host.client(), &refused);
            scope.spawn(move || {
                for write in 0..50 {
                    if let Err(error) = client.store(&format!("flood {number} {write}")) {
                        refused.lock().unwrap().push(error);
                    }
                }
            });
        }
    });
    let refused = refused.into_inner().unwrap();
    assert!(
        !refused.is_empty(),
        "eight clients must meet in a queue of one"
    );
    assert!(
        refused
            .iter()
            .all(|error| error.contains("queue_full") && error.contains("try again")),
        "{refused:?}"
    );
    let stored = host.status().memories.total as usize;
    assert_eq!(
        stored + refused.len(),
        400,
        "every write was either stored or refused"
    );
}
