//! Memories are untrusted text: noise made of the beginnings of secrets, and texts that are as bad as can be.

use std::time::{Duration, Instant};

use commonplace_mcp::redact::{Redactor, redact};
use serde_json::{Value, json};

use crate::random::Random;

const PIECES: &[&str] = &[
    "a",
    "Z",
    "7",
    "-",
    "_",
    "=",
    ":",
    "/",
    "@",
    ".",
    "\"",
    "'",
    " ",
    "\n",
    "\r\n",
    "\\",
    "\\n",
    "\\\"",
    "é",
    "日",
    "\u{200b}",
    "`",
    "|",
    "eyJ",
    "eyJhbGciOiJIUzI1NiJ9.",
    "sk-",
    "sk-proj-",
    "AKIA",
    "AKIAZ3MGQ7XJ5TK2WPLD",
    "password",
    "pass",
    "token",
    "secret",
    "api_key",
    "Bearer ",
    "Basic ",
    "Authorization: ",
    "://",
    "postgres://u:",
    "-----BEGIN ",
    "PRIVATE KEY-----",
    "-----END ",
    "MIIEvQIBADANBgkq",
    "ghp_",
    "glpat-",
    "hooks.slack.com/services/",
    "https://",
    "machine ",
    "login ",
    " -p ",
    "curl -u ",
    "--token ",
    "0x",
    "==",
    "AccountKey",
    "Zk3jd83kSkQ1",
    "9f86d081884c7d65",
    "[redacted: ",
    "]",
    "${",
    "{{",
    "<",
    ">",
    "&",
    ";",
    ",",
    "xoxb-1",
    "{\"",
    "\":\"",
    " is ",
];

#[test]
fn noise_never_panics_is_stable_after_one_pass_and_does_not_grow_without_bound() {
    let mut random = Random(2026);
    for round in 0..3_000 {
        let count = 1 + random.below(40);
        let text: String = (0..count).map(|_| random.pick(PIECES)).collect();
        let once = redact(&text);
        let again = redact(&once.text);
        assert_eq!(again.text, once.text, "round {round}: {text:?}");
        assert!(
            once.text.len() <= 16 * text.len() + 64,
            "round {round}: {text:?}"
        );
        assert_eq!(
            once.found.is_empty(),
            once.text == text,
            "round {round}: {text:?}"
        );
    }
}

/// What looks on to the end from each place takes sixteen times as long for four times the text, and minutes for 64 KiB.
#[test]
fn the_time_grows_in_proportion_to_the_length_of_texts_made_of_beginnings() {
    let mut random = Random(64);
    let mut units: Vec<String> = PIECES.iter().map(|piece| (*piece).to_owned()).collect();
    for _ in 0..60 {
        let count = 2 + random.below(3);
        units.push((0..count).map(|_| random.pick(PIECES)).collect());
    }
    for unit in units {
        let (short, long) = (best_time(&unit, 4 * 1024), best_time(&unit, 16 * 1024));
        let limit = 9 * short + Duration::from_millis(100);
        assert!(long < limit, "{unit:?}: {short:?} and {long:?}");
    }
}

/// The best of three: other programs take the processor at times.
fn best_time(unit: &str, bytes: usize) -> Duration {
    let text = unit.repeat(bytes / unit.len());
    let once = || {
        let start = Instant::now();
        let _ = redact(&text);
        start.elapsed()
    };
    (0..3).map(|_| once()).min().expect("three times")
}

#[test]
fn metadata_are_looked_through_at_any_depth_with_their_keys() {
    let mut random = Random(3);
    let token = format!("ghp_{}", random.text("a1B2c3D4e5F6g7", 36));
    let password = random.text("abcdefgh23456789", 12);
    let Value::Object(given) = json!({
        "deep": {"list": [1, {"note": format!("use {token}")}], "fine": "stays", "null": null},
        "db": {"password": password, "port": 5432, "url": format!("mysql://a:{password}@h/x")},
        (token.clone()): "v",
        format!("x {token}"): "w",
    }) else {
        panic!("an object")
    };
    let mut redactor = Redactor::new(true);
    let kept = Value::Object(redactor.metadata(given.clone()));
    let wanted = json!({
        "deep": {"list": [1, {"note": "use [redacted: github token]"}], "fine": "stays", "null": null},
        "db": {"password": "[redacted: password]", "port": 5432, "url": "mysql://a:[redacted: password]@h/x"},
        "[redacted: github token]": "v",
        "x [redacted: github token]": "w",
    });
    assert_eq!(kept, wanted);
    let places: Vec<String> = redactor.finish().into_iter().map(|one| one.place).collect();
    for place in [
        "metadata.deep.list.note",
        "metadata.db.password",
        "metadata.db.url",
        "a key in metadata",
    ] {
        assert!(
            places.iter().any(|told| told.starts_with(place)),
            "{place}: {places:?}"
        );
    }
    assert_eq!(
        Redactor::new(false).metadata(given.clone()),
        given,
        "switched off, all stays"
    );
}

#[test]
fn two_keys_that_differ_in_their_secrets_stay_two_and_a_key_to_remove_stays_as_it_is() {
    let mut random = Random(4);
    let mut token = || format!("ghp_{}", random.text("a1B2c3D4e5F6g7", 36));
    let (a, b) = (token(), token());
    let Value::Object(given) = json!({ (a.clone()): 1, b: 2 }) else {
        panic!("an object")
    };
    let kept = Redactor::new(true).metadata(given);
    assert_eq!(kept.len(), 2, "{kept:?}");
    let Value::Object(changes) = json!({ (a.clone()): null }) else {
        panic!("an object")
    };
    let kept = Redactor::new(true).metadata_changes(changes);
    assert!(kept.contains_key(&a), "it could not be removed otherwise");
}
