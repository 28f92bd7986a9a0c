//! Starting and stopping a host, and everything that can be in the way.

use std::net::TcpListener;

use commonplace_api::status::ModelStatus;
use serde_json::{Value, json};

use crate::client::{Client, bearer, http};
use crate::signals;
use crate::support::{Host, command, program, run, run_json, stderr, stdout};

// Elsewhere nothing asks a program without a window to end.
#[cfg(unix)]
#[test]
fn a_host_says_where_it_listens_and_stops_when_asked() {
    let dir = tempfile::tempdir().unwrap();
    let mut host = Host::start(dir.path());
    assert!(
        host.client()
            .store("a first fact")
            .unwrap()
            .starts_with("Memory stored successfully (hash: ")
    );
    assert_eq!(
        host.terminate(),
        Some(0),
        "a host that was asked to stop ends well"
    );
    assert_eq!(
        run(dir.path(), &["status"]).status.code(),
        Some(4),
        "nobody runs now"
    );
    let total = crate::support::list(dir.path()).total;
    assert_eq!(total, 1, "what was acknowledged is there");
}

#[cfg(unix)]
#[test]
fn files_of_a_store_are_private() {
    use std::os::unix::fs::PermissionsExt;
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("store");
    let host = Host::start(&dir);
    host.client().store("private").unwrap();
    let mode = |name: &str| {
        std::fs::metadata(dir.join(name))
            .unwrap()
            .permissions()
            .mode()
            & 0o777
    };
    assert_eq!(mode(""), 0o700);
    for name in [
        "agent.token",
        "admin.token",
        "commonplace.db",
        "commonplace.db-wal",
    ] {
        assert_eq!(mode(name), 0o600, "{name}");
    }
}

#[test]
fn a_taken_port_is_named_with_its_owner() {
    let dir = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let output = run(dir.path(), &["serve", "--port", &port]);
    assert_eq!(output.status.code(), Some(1));
    let said = stderr(&output);
    assert!(
        said.contains(&format!("port {port} on 127.0.0.1 is taken by ")),
        "{said}"
    );
    #[cfg(target_os = "linux")]
    assert!(
        said.contains(&format!("(pid {})", std::process::id())),
        "{said}"
    );
}

#[test]
fn a_second_host_on_the_same_port_is_told_about_the_first() {
    let dir = tempfile::tempdir().unwrap();
    let host = Host::start(dir.path());
    let output = run(dir.path(), &["serve", "--port", &host.port.to_string()]);
    assert_eq!(output.status.code(), Some(1));
    let said = stderr(&output);
    assert!(
        said.contains(&format!("by the host of this store (pid {})", host.pid)),
        "{said}"
    );
}

#[test]
fn what_cannot_be_a_store_is_refused_with_a_reason() {
    let parent = tempfile::tempdir().unwrap();
    let file = parent.path().join("file");
    std::fs::write(&file, "not a directory").unwrap();
    let below = file.join("below");
    for (dir, reason) in [(&file, "is a file"), (&below, "could not")] {
        let output = run(dir, &["serve", "--port", "0"]);
        assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
        assert!(stderr(&output).contains(reason), "{}", stderr(&output));
    }
    assert_eq!(
        std::fs::read_to_string(&file).unwrap(),
        "not a directory",
        "nothing was changed"
    );
}

#[test]
fn a_damaged_or_foreign_database_is_refused_and_left_as_it_is() {
    let cases: [(&str, Vec<u8>, &str); 2] = [
        (
            "noise",
            (0..100_000u32)
                .map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8)
                .collect(),
            "is damaged",
        ),
        (
            "text",
            b"this is not a database at all, but somebody's text file\n".repeat(100),
            "is damaged",
        ),
    ];
    for (name, bytes, reason) in cases {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("commonplace.db");
        std::fs::write(&path, &bytes).unwrap();
        let output = run(dir.path(), &["serve", "--port", "0"]);
        assert_eq!(output.status.code(), Some(1), "{name}");
        assert!(
            stderr(&output).contains(reason),
            "{name}: {}",
            stderr(&output)
        );
        assert_eq!(
            std::fs::read(&path).unwrap(),
            bytes,
            "{name}: nothing was changed"
        );
    }
}

#[test]
fn a_truncated_database_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    {
        let mut host = Host::start(dir.path());
        let mut client = host.client();
        for number in 0..200 {
            client
                .store(&format!("fact {number} {}", "with many words ".repeat(50)))
                .unwrap();
        }
        signals::stop(&mut host);
    }
    let path = dir.path().join("commonplace.db");
    let whole = std::fs::metadata(&path).unwrap().len();
    // Opened by the test while no instance runs.
    std::fs::OpenOptions::new()
        .write(true)
        .open(&path)
        .unwrap()
        .set_len(whole / 2)
        .unwrap();
    let output = run(dir.path(), &["doctor"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stdout(&output).contains("damaged"), "{}", stdout(&output));
}

#[test]
fn a_missing_model_means_words_only_and_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let host = Host::start_with(dir.path(), &["--model-dir", "/does/not/exist"]);
    let mut client = host.client();
    client
        .store("the deploy key is rotated every quarter")
        .unwrap();
    let answer = client
        .call(
            "memory_search",
            json!({ "query": "when is the deploy key rotated" }),
        )
        .unwrap();
    assert!(answer.text.starts_with("Found 1 "), "{}", answer.text);
    assert!(
        answer.text.contains("words only") || answer.text.contains("by words"),
        "{}",
        answer.text
    );
    let index = host.status().index;
    assert_eq!(index.model, ModelStatus::Missing);
    let reason = index.reason.unwrap();
    assert!(reason.contains("/does/not/exist"), "{reason}");
}

#[test]
fn a_half_downloaded_model_means_words_only_and_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let model = dir.path().join("half");
    std::fs::create_dir(&model).unwrap();
    std::fs::write(model.join("model.safetensors"), vec![7u8; 5_000]).unwrap();
    std::fs::write(model.join("tokenizer.json"), "{").unwrap();
    std::fs::write(model.join("config.json"), "{}").unwrap();
    let host = Host::start_with(dir.path(), &["--model-dir", model.to_str().unwrap()]);
    crate::support::eventually("the model is given up", || {
        host.status().index.model == ModelStatus::Failed
    });
    assert!(host.client().store("still stored").is_ok());
}

#[test]
fn only_who_belongs_gets_in() {
    let dir = tempfile::tempdir().unwrap();
    let host = Host::start(dir.path());
    let status = |headers: &str, path: &str| http(host.port, "GET", path, headers, b"").unwrap().0;
    let (admin, agent) = (bearer(&host.admin), bearer(&host.agent));
    assert_eq!(status("", "/"), 200, "the page itself needs no token");
    assert_eq!(status("", "/api/status"), 401);
    assert_eq!(status("", "/metrics"), 401);
    assert_eq!(status("", "/events"), 401);
    assert_eq!(status(&admin, "/api/status"), 200);
    assert_eq!(
        status(&agent, "/api/status"),
        403,
        "the agent token opens MCP only"
    );
    assert_eq!(status(&bearer("wrong"), "/api/status"), 401);
    assert!((400..500).contains(&status(
        &format!("{admin}Host: evil.example.com\r\n"),
        "/api/status"
    )));
    assert_eq!(
        status(
            &format!("{admin}Origin: http://evil.example.com\r\n"),
            "/api/status"
        ),
        403
    );
    let mut stranger = Client {
        token: "wrong".to_owned(),
        ..host.client()
    };
    let refused = stranger.store("should not be kept").unwrap_err();
    assert!(refused.starts_with("401"), "{refused}");
}

#[test]
fn rotated_tokens_end_the_old_ones_without_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let host = Host::start(dir.path());
    let mut old = host.client();
    old.store("before the rotation").unwrap();
    let rotated: Value = run_json(dir.path(), &["token", "--rotate"]);
    let token = rotated["token"].as_str().unwrap().to_owned();
    crate::support::eventually("the old token ends", || {
        old.store("with the old token").is_err()
    });
    let mut new = Client {
        token,
        ..host.client()
    };
    new.store("after the rotation").unwrap();
}

#[test]
fn usage_errors_end_with_code_two() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(run(dir.path(), &["frobnicate"]).status.code(), Some(2));
    assert_eq!(
        run(dir.path(), &["search", "x", "--limit", "-1"])
            .status
            .code(),
        Some(2)
    );
    assert_eq!(run(dir.path(), &["delete"]).status.code(), Some(2));
    let version = std::process::Command::new(program())
        .arg("--version")
        .output()
        .unwrap();
    assert!(stdout(&version).starts_with("commonplace "));
}

#[test]
fn the_bridge_prints_nothing_but_messages() {
    let dir = tempfile::tempdir().unwrap();
    let output = command(dir.path(), &["mcp"]).output().unwrap();
    assert_eq!(
        stdout(&output),
        "",
        "stdin was empty, so nothing was to be said"
    );
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn the_openapi_document_and_the_metrics_are_served() {
    let dir = tempfile::tempdir().unwrap();
    let host = Host::start(dir.path());
    host.client().store("counted").unwrap();
    let (code, text) = host.get("/api/openapi.json");
    assert_eq!(code, 200);
    let document: Value = serde_json::from_str(&text).unwrap();
    assert!(document["paths"]["/api/status"].is_object());
    let (code, text) = host.get("/metrics");
    assert_eq!(code, 200);
    assert!(text.contains("# TYPE commonplace_"), "{text}");
}
