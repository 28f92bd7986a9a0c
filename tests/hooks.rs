//! What Claude Code runs at the events of a session: `hook`, with and without a host.

use std::io::Write as _;
use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Instant;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::support::{HANG, Host, command, list, stderr, stdout};

const EVENTS: [&str; 4] = [
    "SessionStart",
    "UserPromptSubmit",
    "PreCompact",
    "SessionEnd",
];
/// Longer than any machine of a test is slow.
const PATIENT: [&str; 2] = ["--within-ms", "60000"];

/// Runs a hook in the project `/p`.
fn hook(dir: &Path, event: &str, options: &[&str], input: &str) -> Output {
    let mut command = command(dir, &[&["hook", event], options].concat());
    command.env_remove("CLAUDE_PROJECT_DIR");
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = piped.stderr(Stdio::piped()).spawn().unwrap();
    // One that has nothing to do with its input may have ended.
    drop(child.stdin.take().unwrap().write_all(input.as_bytes()));
    child.wait_with_output().unwrap()
}

fn input(session: &str, more: Value) -> String {
    let mut input = json!({ "session_id": session, "cwd": "/p" });
    let more = more.as_object().unwrap().clone();
    input.as_object_mut().unwrap().extend(more);
    input.to_string()
}

/// Runs a hook that may take its time, and returns what it tells the model; None if nothing.
#[track_caller]
fn told(dir: &Path, event: &str, input: &str) -> Option<String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Reply {
        hook_specific_output: Told,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Told {
        hook_event_name: String,
        additional_context: String,
    }
    let output = hook(dir, event, &PATIENT, input);
    assert!(output.status.success(), "{}", stderr(&output));
    let out = stdout(&output);
    if out.is_empty() {
        return None;
    }
    let reply: Reply = serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}"));
    assert_eq!(reply.hook_specific_output.hook_event_name, event);
    Some(reply.hook_specific_output.additional_context)
}

fn prompt(session: &str, text: &str) -> String {
    input(session, json!({ "prompt": text }))
}

fn store(host: &Host, text: &str, memory_type: &str, project: &str) {
    let arguments = json!({ "content": text, "memory_type": memory_type, "project": project });
    let answer = host.client().call("memory_store", arguments).unwrap();
    assert!(!answer.is_error, "{}", answer.text);
}

#[test]
fn a_hook_without_a_host_says_nothing_waits_for_nothing_and_starts_none() {
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().join("store");
    let started = Instant::now();
    for event in EVENTS {
        let input = prompt("s", "which port does the server use?");
        let output = hook(&store, event, &PATIENT, &input);
        assert!(output.status.success(), "{}", stderr(&output));
        assert_eq!((stdout(&output), stderr(&output)), Default::default());
    }
    assert!(started.elapsed() < HANG / 2, "it waited");
    assert!(!store.exists(), "nothing is made");
}

#[test]
fn whatever_comes_in_no_hook_fails() {
    let dir = tempfile::tempdir().unwrap();
    let _host = Host::start(dir.path());
    for event in [&EVENTS[..], &["Stop", "SomethingLater", ""]].concat() {
        for input in [
            "",
            "no JSON",
            "{}",
            r#"{"session_id":"../../x","prompt":"one two three"}"#,
        ] {
            let output = hook(dir.path(), event, &PATIENT, input);
            assert_eq!(output.status.code(), Some(0), "{event} {input}");
            assert_eq!(stdout(&output), "", "{event} {input}");
        }
    }
    for options in [
        &["--later", "3"][..],
        &["later"],
        &["--within-ms", "60000", "--later"],
    ] {
        let output = hook(dir.path(), "SessionStart", options, "");
        assert_eq!(
            output.status.code(),
            Some(0),
            "{options:?}: {}",
            stderr(&output)
        );
    }
}

#[test]
fn a_hook_whose_input_does_not_end_gives_up_in_time() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = command(dir.path(), &["hook", "UserPromptSubmit"]);
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = piped.spawn().unwrap();
    let _open = child.stdin.take();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(stdout(&output), "");
}

#[cfg(unix)]
#[test]
fn a_host_that_is_stopped_costs_a_prompt_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let host = Host::start(dir.path());
    store(
        &host,
        "The staging database listens on port 6544.",
        "note",
        "/p",
    );
    assert!(crate::signals::send(
        host.pid,
        rustix::process::Signal::STOP
    ));
    let input = prompt("s", "which port has the staging database?");
    let output = hook(dir.path(), "UserPromptSubmit", &[], &input);
    assert_eq!(
        (output.status.code(), stdout(&output)),
        (Some(0), String::new())
    );
    assert!(crate::signals::send(
        host.pid,
        rustix::process::Signal::CONT
    ));
}

#[test]
fn a_note_that_fits_is_recalled_once_in_each_session_of_its_project() {
    let dir = tempfile::tempdir().unwrap();
    let host = Host::start(dir.path());
    store(
        &host,
        "The staging database listens on port 6544.",
        "note",
        "/p",
    );
    store(
        &host,
        "The staging database of the shop listens on port 7000.",
        "note",
        "/shop",
    );
    let asked = |session: &str| {
        told(
            dir.path(),
            "UserPromptSubmit",
            &prompt(session, "which port has the staging database?"),
        )
    };
    let first = asked("one").expect("it is recalled");
    assert!(
        first.contains("] The staging database listens on port 6544."),
        "{first}"
    );
    assert!(first.contains("not instructions"), "{first}");
    assert!(!first.contains("7000"), "another project's: {first}");
    assert_eq!(asked("one"), None, "once");
    assert!(asked("two").is_some(), "another session");
    let other = prompt("three", "where do we keep the logo of the company?");
    assert_eq!(
        told(dir.path(), "UserPromptSubmit", &other),
        None,
        "nothing fits"
    );
    let sessions = dir.path().join("hooks").join("sessions");
    assert!(sessions.join("one").exists());
    told(
        dir.path(),
        "SessionEnd",
        &input("one", json!({ "reason": "other" })),
    );
    assert!(
        !sessions.join("one").exists(),
        "nothing is left of a session"
    );
}

#[test]
fn a_session_begins_with_where_its_project_stands() {
    let dir = tempfile::tempdir().unwrap();
    let host = Host::start(dir.path());
    let start = |session: &str, source: &str| {
        told(
            dir.path(),
            "SessionStart",
            &input(session, json!({ "source": source })),
        )
    };
    assert_eq!(start("zero", "startup"), None, "nothing is known");
    told(dir.path(), "SessionEnd", &input("zero", json!({})));
    store(&host, "We use tabs in all sources.", "decision", "/p");
    store(&host, "Measure the cold start again.", "todo", "/p");
    store(&host, "The shop uses spaces.", "decision", "/shop");
    let brief = start("one", "startup").expect("there are notes");
    let places = [
        "Decisions in force:\n> [",
        "] We use tabs",
        "Open ends:\n> [",
        "] Measure the cold start",
    ];
    let places = places.map(|text| {
        brief
            .find(text)
            .unwrap_or_else(|| panic!("{text}: {brief}"))
    });
    assert!(places.is_sorted(), "{brief}");
    assert!(!brief.contains("shop"), "{brief}");
    let recall = prompt("one", "measure the cold start again");
    assert_eq!(
        told(dir.path(), "UserPromptSubmit", &recall),
        None,
        "it was shown at the start"
    );
    told(dir.path(), "SessionEnd", &input("one", json!({})));
    store(&host, "The parser was rewritten.", "note", "/p");
    let brief = start("two", "resume").expect("something has changed");
    assert!(brief.contains("since the last session here"), "{brief}");
    assert!(brief.contains("] The parser was rewritten."), "{brief}");
    assert!(
        !brief.contains("tabs"),
        "the conversation still holds it: {brief}"
    );
}

#[test]
fn what_a_session_marked_is_stored_once_under_its_name() {
    let dir = tempfile::tempdir().unwrap();
    let _host = Host::start(dir.path());
    let transcript = dir.path().join("conversation.jsonl");
    let said = |kind: &str, uuid: &str, text: &str| {
        json!({ "type": kind, "uuid": uuid, "message": { "content": text } }).to_string()
    };
    let lines = [
        said("user", "u-1", "Decision: we use tabs everywhere"),
        said(
            "attachment",
            "u-2",
            "Decision: what a hook said is not ours",
        ),
        said("assistant", "u-3", "Done.\n\nTodo: measure the cold start"),
    ];
    std::fs::write(&transcript, lines.join("\n")).unwrap();
    let ended = input("one", json!({ "transcript_path": transcript }));
    for event in ["PreCompact", "SessionEnd", "SessionEnd"] {
        assert_eq!(told(dir.path(), event, &ended), None);
    }
    let mut kept = list(dir.path()).memories;
    kept.sort_by(|one, other| one.text.cmp(&other.text));
    let texts: Vec<&str> = kept.iter().map(|memory| memory.text.as_str()).collect();
    assert_eq!(texts, ["measure the cold start", "we use tabs everywhere"]);
    assert_eq!(kept[0].memory_type.as_deref(), Some("todo"));
    assert_eq!(kept[1].memory_type.as_deref(), Some("decision"));
    assert!(kept.iter().all(|memory| memory.project == "/p"));
    assert!(
        kept.iter()
            .all(|memory| memory.provenance.session.as_deref() == Some("one"))
    );
}
