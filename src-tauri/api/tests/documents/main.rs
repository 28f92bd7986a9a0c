//! What is made from the types: the OpenAPI document, the declarations for the page, the list of settings. Each is stored,
//! and compared here. `UPDATE_DOCUMENTS=1 cargo test -p commonplace-api` writes them again.

mod openapi;
mod operations;
mod typescript;

use std::path::{Path, PathBuf};

use commonplace_api::settings::{SETTINGS, SettingDomain, SettingsReport};
use commonplace_api::status::Status;
use serde_json::Value;

/// Compares a document with the stored one, or stores it.
fn assert_stored(path: &str, made: &str) {
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(path);
    if std::env::var_os("UPDATE_DOCUMENTS").is_some() {
        std::fs::write(&path, made).unwrap();
    }
    let stored = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        stored == made,
        "`{}` is not what the types say: look at what UPDATE_DOCUMENTS=1 cargo test -p commonplace-api changes in it",
        path.display()
    );
}

#[test]
fn the_stored_openapi_document_is_the_one_of_the_types() {
    let document = format!("{:#}\n", openapi::document());
    assert_stored("src-tauri/api/openapi.json", &document);
}

#[test]
fn the_types_of_the_page_are_those_of_the_types() {
    let document = openapi::document();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    assert_stored("ui/lib/api.d.ts", &typescript::declarations(schemas));
}

#[test]
fn the_documentation_of_the_settings_is_the_table() {
    let mut text = String::from(
        "# Settings\n\n\
         `settings.toml` in the store directory, `commonplace settings`, and the page Settings. Flags and environment \
         variables win over the file.\n\n\
         | key | what it does | default | takes effect |\n|---|---|---|---|\n",
    );
    for setting in SETTINGS {
        let when = if setting.is_live {
            "at once"
        } else {
            "at the next start"
        };
        text += &format!(
            "| `{}` | {} | `{}` | {when} |\n",
            setting.key,
            setting.described().replace('|', "\\|"),
            setting.default_value()
        );
    }
    assert_stored("docs/settings.md", &text);
}

/// Every stored answer of an earlier version is read by today's program, and what it says is not lost.
#[test]
fn a_stored_status_of_an_earlier_version_is_read() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stored");
    let mut versions = 0;
    for entry in std::fs::read_dir(dir).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        let status: Status = serde_json::from_str(&text).unwrap();
        let before: Value = serde_json::from_str(&text).unwrap();
        assert_contained(&before, &serde_json::to_value(status).unwrap(), "status");
        versions += 1;
    }
    assert!(versions > 0, "there is today's at least");
}

/// Hosts before the table of settings said neither title nor domain.
#[test]
fn settings_of_a_host_without_title_and_domain_are_read() {
    let older = serde_json::json!({ "path": "/s/settings.toml", "problem": null, "settings": [{
        "key": "workers", "value": 4, "default": 4, "range": "between 1 and 32, or \"auto\"", "unit": "threads",
        "about": "Threads that run searches.", "source": "default", "is_fixed": false, "is_live": true, "next": null,
    }]});
    let report: SettingsReport = serde_json::from_value(older).unwrap();
    let setting = &report.settings[0];
    assert_eq!(
        (setting.title.as_str(), &setting.domain),
        ("", &SettingDomain::Unknown)
    );
    assert_eq!(setting.value, 4);
}

/// Says whether everything of `part` stands in `whole` too.
fn assert_contained(part: &Value, whole: &Value, place: &str) {
    match (part, whole) {
        (Value::Object(part), Value::Object(whole)) => {
            for (name, value) in part {
                let place = format!("{place}.{name}");
                let other = whole.get(name).unwrap_or(&Value::Null);
                assert_contained(value, other, &place);
            }
        }
        (Value::Array(part), Value::Array(whole)) => {
            assert_eq!(part.len(), whole.len(), "{place}");
            for (part, whole) in part.iter().zip(whole) {
                assert_contained(part, whole, place);
            }
        }
        (Value::Number(part), Value::Number(whole)) => {
            assert_eq!(part.as_f64(), whole.as_f64(), "{place}");
        }
        _ => assert_eq!(part, whole, "{place}"),
    }
}

/// A newer host may say more, and in words that nobody here knows.
#[test]
fn what_a_newer_host_adds_does_not_keep_a_status_from_being_read() {
    let text = include_str!("../stored/status-0.1.json");
    let mut newer: Value = serde_json::from_str(text).unwrap();
    newer["moon"] = "full".into();
    newer["state"] = "dreaming".into();
    newer["lock"]["state"] = "borrowed".into();
    newer["files"]["integrity"] =
        serde_json::json!({ "state": "guessed", "detail": { "by": "ada" } });
    newer["clients"][0]["transport"] = "pigeon".into();
    let status: Status = serde_json::from_value(newer).unwrap();
    let read = serde_json::to_value(status).unwrap();
    for place in [
        "/state",
        "/lock/state",
        "/clients/0/transport",
        "/files/integrity/state",
    ] {
        assert_eq!(read.pointer(place).unwrap(), "unknown", "{place}");
    }
}
