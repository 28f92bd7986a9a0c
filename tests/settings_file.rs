//! A settings file with mistakes in it: everything works on, says so, and can be mended by commands.

use serde_json::{Value, json};

use crate::bridge::Bridge;
use crate::support::{Host, command, eventually, finding, run, run_json, run_well, stderr, stdout};

const MISTAKES: &str =
    "# mine\nport = 0\nprot = 7400\nworkers = 33\nqueue_length = = 5\nredact_secrets = fasle\n";

// A typo ended every new bridge and host, every command, and even `settings reset`.
#[test]
fn no_mistake_in_the_file_ends_a_bridge_a_host_or_a_command() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("settings.toml");
    std::fs::write(&path, MISTAKES).unwrap();
    let host = Host::start(dir.path());
    let status = host.status();
    let told = status.settings_problem.unwrap();
    for part in [
        "line 3: unknown key `prot`: did you mean `port`?",
        "line 4: workers = 33, and it must be between 1 and 32, or \"auto\"; 4 is in force",
        "line 5: `queue_length = = 5` cannot be read",
        "line 6: `redact_secrets = fasle` cannot be read",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert_eq!(status.workers.count, 4);
    let mut bridge = Bridge::start_with(&mut command(dir.path(), &["mcp"]));
    bridge.initialize();
    let secret = "token ghp_aBcDeFgHiJkLmNoPqRsTuVwXyZ0123456789";
    let stored = bridge.call("memory_store", json!({ "content": secret }));
    assert!(stored.as_ref().is_ok_and(|a| !a.is_error), "{stored:?}");
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
    let found = finding(dir.path(), "settings");
    assert_eq!(found.verdict, "problem");
    assert!(found.text.contains("did you mean `port`?"), "{found:?}");
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
            run_well(dir.path(), &arguments);
        }
        assert_eq!(
            std::fs::read_to_string(&path).unwrap(),
            "# mine\nport = 0\n# not TOML: queue_length = = 5\n# not TOML: redact_secrets = fasle\nqueue_length = 5\n"
        );
        assert_eq!(finding(dir.path(), "settings").verdict, "ok");
        if let Some(host) = host {
            assert_eq!(host.status().settings_problem, None);
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
    assert_eq!(finding(dir.path(), "settings").verdict, "problem");
    let reset: Value = run_json(dir.path(), &["settings", "reset", "--all"]);
    let kept = reset["kept_as"].as_str().unwrap();
    assert_eq!(std::fs::read(kept).unwrap(), b"\x00\xff\xfe PNG");
    assert_eq!(finding(dir.path(), "settings").verdict, "ok");
    run_well(dir.path(), &["settings", "set", "workers", "3"]);
    eventually("the host takes it into use", || {
        host.status().workers.count == 3
    });
}

#[test]
fn a_wrong_flag_still_ends_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let output = run(dir.path(), &["serve", "--port", "http"]);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
}
