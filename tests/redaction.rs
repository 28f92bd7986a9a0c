//! No secret reaches a file of the store, through whichever door and in whichever part of a memory it comes.

use std::path::{Path, PathBuf};

use commonplace_api::call;
use commonplace_api::memories::{MemoryChanged, MemoryStored};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::client::{bearer, http};
use crate::support::{Host, command, run, stderr, stdout};

/// A secret by its shape, put together so that no program that looks for secrets finds one here.
fn secret() -> String {
    ["glpat", "-x7Kq2Lm9Rt4Vw8Zb3Nd6"].concat()
}

/// A memory with the secret in each part that a client may write.
fn parts(text: &str) -> (Value, Value, Value) {
    let secret = secret();
    let (tags, metadata) = (
        json!([format!("t-{secret}"), "fine"]),
        json!({ "deep": [{ (secret.clone()): format!("v {secret}") }], "db": format!("mysql://u:{}@h/d", &secret[6..]) }),
    );
    (json!(format!("{text} {secret}")), tags, metadata)
}

#[test]
fn a_secret_in_any_part_of_a_memory_reaches_no_file_through_any_door() {
    let dir = tempfile::tempdir().unwrap();
    let mut serve = command(dir.path(), &["serve", "--port", "0"]);
    serve.env("LOG_LEVEL", "TRACE");
    let host = Host::start_command(dir.path(), serve);
    through_the_tools(&host);
    through_the_page(&host);
    through_the_command(dir.path());
    kept_for_a_person(&host);
    host.client()
        .call("memory_search", json!({ "query": secret() }))
        .unwrap();
    drop(host);
    let files = files(dir.path());
    assert!(files.len() > 3, "database, tokens and logs: {files:?}");
    for file in files {
        let bytes = std::fs::read(&file).unwrap();
        let is_there = |part: &str| {
            bytes
                .windows(part.len())
                .any(|window| window == part.as_bytes())
        };
        assert!(!is_there(&secret()[6..]), "{}", file.display());
    }
}

/// The first text that looked like a token waited 0.1 to 0.3 s for the rules.
// Windows has no way to ask a host to stop.
#[cfg(unix)]
#[test]
fn a_host_compiles_the_rules_before_there_is_a_text_and_only_if_they_are_wanted() {
    let is_compiled = |dir: &Path| {
        let logs = std::fs::read_dir(dir.join("logs")).expect("the host logs to files");
        let read = |file: std::io::Result<std::fs::DirEntry>| {
            std::fs::read_to_string(file.unwrap().path()).expect("a log is text")
        };
        logs.map(read)
            .any(|log| log.contains("the rules that find secrets are compiled"))
    };
    let start = |dir: &Path| {
        let mut serve = command(dir, &["serve", "--port", "0"]);
        serve.env("LOG_LEVEL", "DEBUG");
        Host::start_command(dir, serve)
    };
    let dir = tempfile::tempdir().unwrap();
    let host = start(dir.path());
    crate::support::eventually("the rules are compiled", || is_compiled(dir.path()));
    assert_eq!(host.status().stats.acknowledged, 0);

    let without = tempfile::tempdir().unwrap();
    std::fs::write(
        without.path().join("settings.toml"),
        "redact_secrets = false\n",
    )
    .unwrap();
    let mut host = start(without.path());
    // A host that has answered has set up everything, and one that is told to stop finishes what it began.
    host.client().store("a text").unwrap();
    let _ = host.terminate();
    assert!(!is_compiled(without.path()));
}

fn through_the_tools(host: &Host) {
    let (content, tags, metadata) = parts("by a tool");
    let mut client = host.client();
    let given = json!({ "content": content, "tags": tags, "memory_type": secret(), "project": secret(), "metadata": metadata });
    let stored = client.call("memory_store", given).unwrap();
    assert!(!stored.text.contains(&secret()), "{}", stored.text);
    let places: Vec<&str> = stored.structured["replaced"]
        .as_array()
        .expect("the answer says what was replaced")
        .iter()
        .map(|one| one["place"].as_str().unwrap())
        .collect();
    for place in ["text", "tags", "type", "project", "metadata.db"] {
        assert!(places.contains(&place), "{place}: {places:?}");
    }
    let (content, tags, metadata) = parts("changed by a tool");
    let updates = json!({ "content": content, "tags": tags, "memory_type": secret(), "metadata": metadata, (secret()): "x" });
    let hash = &stored.structured["content_hash"];
    let changed = client
        .call(
            "memory_update",
            json!({ "content_hash": hash, "updates": updates }),
        )
        .unwrap();
    assert!(!changed.is_error, "{}", changed.text);
    assert!(changed.structured["replaced"].as_array().unwrap().len() >= 5);
}

/// Sends what the page sends.
fn send<T: DeserializeOwned>(host: &Host, method: &str, path: &str, body: &Value) -> T {
    let headers = bearer(&host.admin) + "Content-Type: application/json\r\n";
    let body = body.to_string();
    let (code, text) = http(host.port, method, path, &headers, body.as_bytes()).unwrap();
    assert!(code < 300, "{code}: {text}");
    assert!(!text.contains(&secret()), "{text}");
    serde_json::from_str(&text).unwrap()
}

fn through_the_page(host: &Host) {
    let draft = |text: &str| {
        let (text, tags, metadata) = parts(text);
        json!({ "text": text, "tags": tags, "type": secret(), "project": secret(), "metadata": metadata })
    };
    let stored: MemoryStored = send(host, "POST", "/api/memories", &draft("by the page"));
    let record = host.ask(&call::memory(stored.id));
    let mut patch = draft("changed by the page");
    patch["updated_ms"] = record.memory.updated_ms.into();
    let path = format!("/api/memories/{}", stored.id);
    let changed: MemoryChanged = send(host, "PATCH", &path, &patch);
    assert_eq!(changed.redactions, stored.redactions);
}

/// What was replaced, through the tools and by the page, is there for a person, and nowhere else.
fn kept_for_a_person(host: &Host) {
    let kept = host.ask(&call::redactions()).redactions;
    assert_eq!(kept.len(), 4, "two writes through each: {kept:?}");
    assert_eq!(host.status().redactions.count, 4);
    for redaction in kept {
        let parts = host.ask(&call::redaction(redaction.number)).parts;
        assert!(parts.text.unwrap().ends_with(&secret()));
        assert!(parts.metadata.unwrap().contains_key("deep"));
    }
}

fn through_the_command(dir: &Path) {
    let secret = secret();
    let text = format!("by a command {secret}");
    let arguments = [
        "store",
        &text,
        "--tag",
        &secret,
        "--type",
        &secret,
        "--project",
        &secret,
    ];
    let output = run(dir, &arguments);
    assert!(output.status.success(), "{}", stderr(&output));
    let told = stderr(&output);
    for place in ["(text)", "(tags)", "(type)", "(project)"] {
        assert!(told.contains(place), "{told}");
    }
    assert!(!told.contains(&secret) && !stdout(&output).contains(&secret));
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap());
    let below = |entry: std::fs::DirEntry| {
        let kind = entry.file_type().unwrap();
        match (kind.is_dir(), kind.is_file()) {
            (true, _) => files(&entry.path()),
            (_, true) => vec![entry.path()],
            // A socket keeps nothing.
            _ => Vec::new(),
        }
    };
    entries.flat_map(below).collect()
}
