//! What a person sees of the health of a host: its check, its log, its disk, its clients; and settings that act at once.

use std::path::Path;

use commonplace_api::Transport;
use commonplace_api::about::{Session, SessionRequest};
use commonplace_api::call;
use commonplace_api::logs::LogLevel;
use commonplace_api::query::LogQuery;
use commonplace_api::status::IntegrityStatus;

use crate::bridge::Bridge;
use crate::client::http;
use crate::support::{Host, command, eventually, run_well};

/// A secret by its shape, put together so that no program that looks for secrets finds one here.
fn secret() -> String {
    ["ghp", "_16C7e42F292c6912E7710c838347Ae178B4a"].concat()
}

#[test]
fn a_check_that_is_asked_for_ends_with_a_newer_result() {
    let dir = tempfile::tempdir().unwrap();
    let host = Host::start(dir.path());
    let checked = || host.status().files.integrity_checked_ms;
    eventually("the check at start ends", || checked().is_some());
    let first = checked();
    let (code, begun) = host.send(&call::start_check()).unwrap();
    assert_eq!(code, 202, "{begun}");
    let begun = call::start_check().read(code, begun.as_bytes()).unwrap();
    assert_eq!(begun.integrity, IntegrityStatus::Checking);
    eventually("the check that was asked for ends", || checked() > first);
    assert_eq!(host.status().files.integrity, IntegrityStatus::Ok);
}

#[test]
fn disk_and_versions_are_told() {
    let dir = tempfile::tempdir().unwrap();
    let host = Host::start(dir.path());
    let files = host.status().files;
    let disk = files.disk.expect("the system tells the room");
    assert!(disk.free_bytes <= disk.total_bytes);
    assert_eq!(disk.is_low, disk.free_bytes < disk.low_below_bytes);
    assert_eq!(files.vec_version, "0.1.9");
    let health = host.ask(&call::health());
    assert_eq!(health.mcp_revisions[0], "2026-07-28");
    let command = health.command;
    assert!(command.starts_with("commonplace --data-dir "), "{command}");
}

#[test]
fn the_log_is_read_from_its_end_and_holds_no_key_of_the_store() {
    let dir = tempfile::tempdir().unwrap();
    let mut serve = command(dir.path(), &["serve", "--port", "0"]);
    serve.env("LOG_LEVEL", "TRACE");
    let host = Host::start_command(dir.path(), serve);
    let opening = host.ask(&call::page_address());
    let code = opening.url.rsplit('=').next().unwrap().to_owned();
    let body = serde_json::to_vec(&SessionRequest { code: code.clone() }).unwrap();
    let headers = "Content-Type: application/json\r\n";
    let (_, session) = http(host.port, "POST", "/api/session", headers, &body).unwrap();
    let session: Session = serde_json::from_str(&session).unwrap();
    host.client()
        .store(&format!("the key is {}", secret()))
        .unwrap();
    host.get("/api/no-such-route");
    let page = host.ask(&call::logs(&LogQuery {
        level: Some(LogLevel::Info),
        contains: Some("SERVING".to_owned()),
        ..LogQuery::default()
    }));
    let line = &page.lines[0];
    assert_eq!(line.level, LogLevel::Info, "{page:?}");
    assert!(line.text.starts_with("serving "));
    let files = all_logs(dir.path());
    assert!(
        files.contains("TRACE") || files.contains("DEBUG"),
        "it is a log of every step"
    );
    let keys = [
        host.admin.as_str(),
        &host.agent,
        &session.token,
        &code,
        &secret(),
    ];
    for key in keys {
        assert!(!files.contains(key), "a key stands in the log");
    }
}

fn all_logs(dir: &Path) -> String {
    let files = std::fs::read_dir(dir.join("logs")).expect("the host logs to files");
    let read = |file: std::io::Result<std::fs::DirEntry>| std::fs::read_to_string(file?.path());
    files
        .map(|file| read(file).expect("a log is text"))
        .collect()
}

#[test]
fn secrets_are_replaced_or_kept_as_the_setting_says_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let host = Host::start(dir.path());
    let secret = secret();
    host.client().store(&format!("first {secret}")).unwrap();
    assert!(!host.client().has_one(&secret));
    run_well(dir.path(), &["settings", "set", "redact_secrets", "false"]);
    host.client().store(&format!("second {secret}")).unwrap();
    assert!(
        host.client().has_one(&secret),
        "the second one is kept as it is"
    );
    run_well(dir.path(), &["settings", "reset", "redact_secrets"]);
    host.client().store(&format!("third {secret}")).unwrap();
    assert!(
        host.client().has_one(&secret),
        "the third one is replaced again"
    );
}

#[test]
fn the_history_is_cut_to_the_days_that_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let host = Host::start(dir.path());
    host.client().store("today").unwrap();
    let database = || {
        let path = dir.path().join("statistics").join("statistics.db");
        let database = rusqlite::Connection::open(path).unwrap();
        database.busy_timeout(crate::support::HANG).unwrap();
        database
    };
    let old = || -> i64 {
        let sql = "SELECT count(*) FROM history WHERE step_s = 60 AND at_s < 0";
        database().query_row(sql, [], |row| row.get(0)).unwrap()
    };
    eventually("today is counted", || host.status().stats.acknowledged == 1);
    // As if the host had been at work each minute, long ago.
    let mut script = "BEGIN IMMEDIATE;
        CREATE TEMP TABLE minute AS SELECT * FROM history WHERE step_s = 60 LIMIT 1;"
        .to_owned();
    for n in 1..=2000 {
        script += &format!(
            "UPDATE minute SET at_s = -60 * {n}; INSERT INTO history SELECT * FROM minute;"
        );
    }
    database().execute_batch(&(script + "COMMIT;")).unwrap();
    assert_eq!(old(), 2000);
    run_well(dir.path(), &["settings", "set", "history_days", "1"]);
    host.client().store("another").unwrap();
    eventually("what is older than a day is forgotten", || {
        host.status().stats.acknowledged == 2 && old() <= 1440
    });
}

#[test]
fn clients_are_told_apart_by_their_process_where_it_can_be_known() {
    let dir = tempfile::tempdir().unwrap();
    let host = Host::start(dir.path());
    host.client().store("over HTTP").unwrap();
    let mut bridge = Bridge::start_with(&mut command(dir.path(), &["mcp"]));
    bridge.initialize();
    bridge.store("over the bridge");
    let clients = host.status().clients;
    let client = |transport: Transport| {
        let found = clients.iter().find(|client| client.transport == transport);
        found.unwrap_or_else(|| panic!("no {transport} in {clients:?}"))
    };
    let own = Some(std::process::id());
    let bridged = client(Transport::Stdio);
    assert_eq!(bridged.pid, own, "this test started the bridge");
    let direct = client(Transport::Http);
    assert_eq!(direct.pid, own.filter(|_| cfg!(target_os = "linux")));
    assert_eq!(direct.queue_wait.count, 1);
}
