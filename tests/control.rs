//! What a person can change while hosts run: settings and the pause; and what the log tells at level debug.

use std::path::Path;

use commonplace_api::PauseAnswer;
use commonplace_api::settings::SettingsReport;
use commonplace_api::status::OverallState;

use crate::support::{Host, command, eventually, list, run, run_json, run_well, stderr};

/// Where the value of a setting comes from, as `settings` shows it.
fn source(dir: &Path, key: &str) -> String {
    let report: SettingsReport = run_json(dir, &["settings"]);
    let mut rows = report.settings.into_iter();
    let row = rows.find(|row| row.key == key);
    row.expect("the setting is there").source
}

#[test]
fn a_setting_takes_effect_at_once_in_every_host_and_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let mut host = Host::start(dir.path());
    let second = Host::start(dir.path());
    let path = dir.path().join("settings.toml");
    let before = std::fs::read_to_string(&path).unwrap();
    run_well(dir.path(), &["settings", "set", "workers", "8"]);
    assert_eq!(host.status().workers.count, 8);
    eventually("the second host follows", || {
        second.status().workers.count == 8
    });
    run_well(dir.path(), &["settings", "set", "queue_length", "77"]);
    assert_eq!(host.status().queue.limit, 77);
    let text = std::fs::read_to_string(&path).unwrap();
    let without: String = text
        .lines()
        .filter(|line| !["workers = 8", "queue_length = 77"].contains(line))
        .map(|line| format!("{line}\n"))
        .collect();
    assert_eq!(without, before, "comments and other lines stay");
    host.kill();
    drop(second);
    let host = Host::start(dir.path());
    assert_eq!(host.status().workers.count, 8, "it is kept");
    run_well(dir.path(), &["settings", "reset", "workers"]);
    assert_eq!(host.status().workers.count, 4);
    assert_eq!(source(dir.path(), "workers"), "default");
    assert_eq!(source(dir.path(), "queue_length"), "settings.toml");
}

#[test]
fn a_setting_outside_its_range_or_unknown_is_refused_in_words() {
    let dir = tempfile::tempdir().unwrap();
    let refused = |arguments: &[&str], exit: i32, said: &str| {
        let output = run(dir.path(), arguments);
        assert_eq!(output.status.code(), Some(exit), "{}", stderr(&output));
        assert!(stderr(&output).contains(said), "{}", stderr(&output));
    };
    let table: [(&[&str], &str); 4] = [
        (
            &["settings", "set", "workers", "33"],
            "it must be between 1 and 32, or \"auto\"",
        ),
        (
            &["settings", "set", "write_deadline_s", "0"],
            "it must be between 1 and 50",
        ),
        (
            &["settings", "set", "queue_length", "-1"],
            "it must be between 1 and 100000",
        ),
        (
            &["settings", "set", "wrokers", "3"],
            "did you mean `workers`?",
        ),
    ];
    for (arguments, said) in table {
        refused(arguments, 2, said);
    }
    let host = Host::start(dir.path());
    for (arguments, said) in table {
        refused(arguments, 2, said);
    }
    refused(
        &["settings", "set", "port", "9"],
        1,
        "`port` is set by --port",
    );
    assert_eq!(host.status().workers.count, 4);
    assert_eq!(source(dir.path(), "port"), "--port");
}

#[test]
fn a_settings_file_changed_by_hand_is_taken_into_use_if_it_is_good() {
    let dir = tempfile::tempdir().unwrap();
    let host = Host::start(dir.path());
    let path = dir.path().join("settings.toml");
    std::fs::write(&path, "workers = 33\n").unwrap();
    eventually("the problem is told", || {
        host.status().settings_problem.is_some()
    });
    let status = host.status();
    let said = "workers = 33, and it must be between 1 and 32";
    assert!(status.diagnosis.contains(said), "{}", status.diagnosis);
    assert_eq!(status.workers.count, 4, "the old value stays");
    std::fs::write(&path, "workers = 3\n").unwrap();
    eventually("the good file is in use, and no problem is told", || {
        let status = host.status();
        status.workers.count == 3 && status.settings_problem.is_none()
    });
}

#[test]
fn a_pause_holds_in_every_host_and_command_until_it_is_ended() {
    let dir = tempfile::tempdir().unwrap();
    let host = Host::start(dir.path());
    let second = Host::start(dir.path());
    host.client().store("before the pause").unwrap();
    run_well(dir.path(), &["settings", "set", "write_deadline_s", "1"]);
    let paused: PauseAnswer = run_json(dir.path(), &["pause"]);
    assert!(paused.pause.unwrap().by.contains("`commonplace pause`"));
    eventually("the second host sees the pause", || {
        second.status().state == OverallState::Paused
    });
    let status = host.status();
    assert_eq!(status.state, OverallState::Paused);
    let said = "Writes are paused since 20";
    assert!(status.diagnosis.starts_with(said), "{}", status.diagnosis);
    let refused = host.client().store("in the pause").unwrap_err();
    assert!(
        refused.contains("writes are paused since") && refused.contains("`commonplace resume`"),
        "{refused}"
    );
    let output = run(dir.path(), &["store", "from a command"]);
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    assert!(
        stderr(&output).contains("writes are paused since"),
        "{}",
        stderr(&output)
    );
    assert!(host.client().has_one("before the pause"), "searches go on");
    let resumed = run_well(dir.path(), &["resume"]);
    assert!(resumed.starts_with("writes are resumed"), "{resumed}");
    second.client().store("after the pause").unwrap();
    assert_eq!(list(dir.path()).total, 2);
    let resumed: PauseAnswer = run_json(dir.path(), &["resume"]);
    assert_eq!(resumed.pause, None);
}

/// The lines of the host's log that name a request.
fn trail(dir: &Path, request: &str) -> Vec<String> {
    let logs = std::fs::read_dir(dir.join("logs")).expect("the host logs to files");
    let mut lines = Vec::new();
    for file in logs {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        lines.extend(text.lines().map(str::to_owned));
    }
    lines.retain(|line| line.contains(request));
    lines
}

#[test]
fn one_request_can_be_followed_through_the_log() {
    let dir = tempfile::tempdir().unwrap();
    let mut serve = command(dir.path(), &["serve", "--port", "0"]);
    serve.env("LOG_LEVEL", "DEBUG");
    let host = Host::start_command(dir.path(), serve);
    host.client().store("the first").unwrap();
    host.client().store("the one that is followed").unwrap();
    let accepted = trail(dir.path(), "accepted");
    let second = accepted
        .iter()
        .filter(|line| line.contains("kind=\"store\""))
        .nth(1)
        .expect("two requests were accepted");
    let request = second
        .split_once("request=")
        .and_then(|(_, rest)| rest.split(' ').next())
        .expect("the line names the request");
    assert!(second.contains("client=test"), "{second}");
    let steps = [
        "accepted",
        "queued",
        "asking for the write lock",
        "the write lock is taken",
        "begun under the write lock",
        "applied",
        "committed",
        "answered",
    ];
    let named = format!("request={request}");
    eventually("the answer is logged", || {
        trail(dir.path(), &named).len() >= steps.len()
    });
    let lines = trail(dir.path(), &named);
    assert_eq!(lines.len(), steps.len(), "{lines:#?}");
    for (line, step) in lines.iter().zip(steps) {
        assert!(line.contains(step), "expected `{step}`: {line}");
    }
    assert!(
        lines[5].contains("seq=2") && lines[5].contains("epoch="),
        "{}",
        lines[5]
    );
}

#[cfg(unix)]
#[test]
fn a_host_told_to_stop_in_a_burst_answers_everything_it_accepted() {
    let dir = tempfile::tempdir().unwrap();
    let mut host = Host::start(dir.path());
    let (sender, stored) = std::sync::mpsc::channel();
    let (told, first) = std::sync::mpsc::channel();
    let port = host.port;
    let clients: Vec<_> = (0..8)
        .map(|number| {
            let (sender, told, mut client) = (sender.clone(), told.clone(), host.client());
            std::thread::spawn(move || {
                for round in 0.. {
                    let text = format!("burst {number} {round} end");
                    match client.store(&text) {
                        Ok(_) => sender.send(text).unwrap(),
                        Err(error) => return (text, error),
                    }
                    // Nobody listens any more after the first.
                    let _ = told.send(());
                }
                unreachable!("the host stops before the numbers end")
            })
        })
        .collect();
    drop(sender);
    first.recv().expect("the burst has begun");
    assert_eq!(host.terminate(), Some(0), "it stops by itself and in order");
    let unanswered: Vec<(String, String)> = clients
        .into_iter()
        .map(|client| client.join().unwrap())
        .collect();
    for (_, error) in &unanswered {
        let is_clean = error.contains("shutting down") || is_refused_connection(error);
        assert!(is_clean, "port {port}: {error}");
    }
    let mut expected: Vec<String> = stored.iter().collect();
    let host = Host::start(dir.path());
    for text in &expected {
        assert!(host.client().has_one(text), "`{text}` was acknowledged");
    }
    let refused = unanswered
        .iter()
        .filter(|(_, error)| error.contains("shutting down"));
    for (text, error) in refused {
        assert!(
            !host.client().has_one(text),
            "`{text}` was refused: {error}"
        );
    }
    expected.dedup();
    assert!(!expected.is_empty());
}

/// The connection did not come about, or was closed before a request was taken from it.
#[cfg(unix)]
fn is_refused_connection(error: &str) -> bool {
    ["refused", "reset", "closed"]
        .iter()
        .any(|word| error.contains(word))
}
