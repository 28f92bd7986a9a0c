//! A settings file with mistakes in it: everything works on, says so, and can be mended by commands.

use serde_json::{Value, json};

use crate::bridge::Bridge;
use crate::support::{Host, command, eventually, run, run_json, stderr, stdout};

const MISTAKES: &str =
    "# mine\nport = 0\nprot = 7400\nworkers = 33\nqueue_length = = 5\nredact_secrets = fasle\n";

/// What `doctor` says about the settings.
fn about_settings(dir: &std::path::Path) -> (Value, String) {
    let findings = run_json(dir, &["doctor"]);
    let findings = findings["findings"].as_array().unwrap();
    let settings = findings
        .iter()
        .find(|finding| finding["what"] == "settings");
    let settings = settings.unwrap();
    (
        settings["verdict"].clone(),
        settings["text"].as_str().unwrap().to_owned(),
    )
}

// A typo ended every new bridge and host, every command, and even `settings reset`.
#[test]
fn no_mistake_in_the_file_ends_a_bridge_a_host_or_a_command() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("settings.toml");
    std::fs::write(&path, MISTAKES).unwrap();
    let host = Host::start(dir.path());
    let status = host.status();
    let told = status["settings_problem"].as_str().unwrap();
    for part in [
        "line 3: unknown key `prot`: did you mean `port`?",
        "line 4: workers = 33, and it must be between 1 and 32, or \"auto\"; 4 is in force",
        "line 5: `queue_length = = 5` cannot be read",
        "line 6: `redact_secrets = fasle` cannot be read",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert_eq!(status["workers"]["count"], 4);
    let mut bridge = Bridge::start_with(&mut command(dir.path(), &["mcp"]));
    bridge.initialize();
    let secret = "token ghp_aBcDeFgHiJkLmNoPqRsTuVwXyZ0123456789";
    let answer = bridge.ask(
        "tools/call",
        json!({"name": "memory_store", "arguments": {"content": secret}}),
    );
    assert!(
        !answer["result"]["isError"].as_bool().unwrap_or(false),
        "{answer}"
    );
    let listed = run(dir.path(), &["list", "--json"]);
    assert!(
        stderr(&listed).contains("did you mean `port`?"),
        "{}",
        stderr(&listed)
    );
    assert!(
        !stdout(&listed).contains("aBcDeFgHiJkLmNo"),
        "secrets are replaced: {}",
        stdout(&listed)
    );
    let (verdict, text) = about_settings(dir.path());
    assert_eq!(verdict, "problem");
    assert!(text.contains("did you mean `port`?"), "{text}");
}

#[test]
fn set_and_reset_mend_the_file_with_and_without_a_host() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("settings.toml");
    for is_served in [false, true] {
        std::fs::write(&path, MISTAKES).unwrap();
        let host = is_served.then(|| Host::start(dir.path()));
        for change in [
            ["reset", "prot"].as_slice(),
            &["reset", "workers"],
            &["set", "queue_length", "5"],
            &["reset", "redact_secrets"],
        ] {
            let arguments: Vec<&str> = ["settings"].iter().chain(change).copied().collect();
            let output = run(dir.path(), &arguments);
            assert!(output.status.success(), "{change:?}: {}", stderr(&output));
        }
        assert_eq!(
            std::fs::read_to_string(&path).unwrap(),
            "# mine\nport = 0\n# not TOML: queue_length = = 5\n# not TOML: redact_secrets = fasle\nqueue_length = 5\n"
        );
        assert_eq!(about_settings(dir.path()).0, "ok");
        if let Some(host) = host {
            assert!(host.status()["settings_problem"].is_null());
        }
    }
}

#[test]
fn what_is_no_settings_file_is_set_aside_by_reset_all_and_kept() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("settings.toml");
    let host = Host::start(dir.path());
    std::fs::write(&path, b"\x00\xff\xfe PNG").unwrap();
    let refused = run(dir.path(), &["settings", "set", "workers", "3"]);
    assert_eq!(refused.status.code(), Some(1));
    assert_eq!(about_settings(dir.path()).0, "problem");
    let reset = run_json(dir.path(), &["settings", "reset", "--all"]);
    let kept = reset["kept_as"].as_str().unwrap();
    assert_eq!(std::fs::read(kept).unwrap(), b"\x00\xff\xfe PNG");
    assert_eq!(about_settings(dir.path()).0, "ok");
    assert!(
        run(dir.path(), &["settings", "set", "workers", "3"])
            .status
            .success()
    );
    eventually("the host takes it into use", || {
        host.status()["workers"]["count"] == 3
    });
}

#[test]
fn a_wrong_flag_still_ends_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let output = run(dir.path(), &["serve", "--port", "http"]);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
}
