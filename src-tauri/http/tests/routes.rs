//! What the routes answer.

mod support;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use commonplace_api::about::LoginStatus;
use commonplace_api::backups::{BackupRunning, BackupStep};
use commonplace_api::call;
use commonplace_api::connections::{ConnectionAct, ConnectionRequest, ConnectionState};
use commonplace_api::locks::{Settle, SettleAct};
use commonplace_api::logs::{LogLevel, LogPage};
use commonplace_api::query::LogQuery;
use commonplace_api::settings::SettingsChange;
use commonplace_api::statistics::{History, Incidents};
use commonplace_api::status::{IntegrityStatus, OverallState};
use commonplace_api::{PauseAnswer, PauseRequest, ProcessState};
use commonplace_http::{Gate, Site};
use http::{Method, StatusCode};
use serde_json::{Map, Value};
use support::{
    MadeUpClients, MadeUpLogin, asked, gate, get, outcome, post, request, send, text, told,
    unpacked, with,
};

#[tokio::test]
async fn the_status_is_served_as_the_engine_tells_it() {
    let gate = gate();
    let answer = gate.answer(get("/api/status")).await;
    assert_eq!(answer.headers()["content-type"], "application/json");
    let status = serde_json::to_string(&support::busy_status()).unwrap();
    assert_eq!(text(answer).await, status);
    let read = asked(&gate, call::status()).await;
    assert_eq!(serde_json::to_string(&read).unwrap(), status);
}

#[tokio::test]
async fn a_packed_answer_is_the_answer() {
    let gate = gate();
    for path in ["/api/status", "/api/openapi.json", "/api/charts/waits.svg"] {
        let answer = gate.answer(get(path)).await;
        assert!(answer.headers().get("content-encoding").is_none());
        let plain = text(answer).await;
        let packed = gate
            .answer(with(get(path), "accept-encoding", "gzip"))
            .await;
        assert_eq!(packed.headers()["vary"], "accept-encoding");
        assert!(packed.headers().get("content-length").is_none());
        let (size, unpacked) = unpacked(packed).await;
        assert!(size * 2 < plain.len(), "{path}: {size} of {}", plain.len());
        assert_eq!(unpacked, plain);
    }
}

#[tokio::test]
async fn health_tells_who_this_host_is() {
    let health = asked(&gate(), call::health()).await;
    assert_eq!(health.state, OverallState::Busy);
    assert_eq!(health.pid, 812);
    assert_eq!(health.instance, "00112233445566778899aabbccddeeff");
    assert_eq!(health.data_dir, "/store");
    assert_eq!(health.mcp_revisions[1], "2025-11-25");
    assert_eq!(health.command, "commonplace");
}

#[tokio::test]
async fn the_history_has_the_length_that_was_asked_for() {
    let gate = gate();
    let history: History = told(&gate, get("/api/history")).await;
    assert_eq!(history.samples.len(), 300);
    for seconds in [7, 3600] {
        let history = asked(&gate, call::history(seconds)).await;
        assert_eq!(history.samples.len(), seconds as usize);
    }
}

#[tokio::test]
async fn any_part_of_the_past_comes_in_the_number_of_samples_that_was_asked_for() {
    let gate = gate();
    let week_ms = 7 * 24 * 3_600_000;
    let from = support::NOW_MS - week_ms;
    let to_now = format!("/api/history?from={from}&points=500");
    let samples = told::<History>(&gate, get(&to_now)).await.samples;
    assert_eq!((samples.len(), samples[0].at_ms), (500, from));
    assert_eq!(samples[1].length_ms, week_ms / 500, "it ends now");
    let part = format!("/api/history?from={from}&to={}&points=2", from + 600);
    let history: History = told(&gate, get(&part)).await;
    assert_eq!(history.samples[1].at_ms, from + 300);
}

#[tokio::test]
async fn slow_holds_and_waits_come_with_who_was_in_the_way() {
    let gate = gate();
    let usual: Incidents = told(&gate, get("/api/slow")).await;
    assert_eq!(usual.incidents.len(), 100);
    for limit in [1, 1000] {
        let incidents = asked(&gate, call::incidents(limit)).await.incidents;
        assert_eq!(incidents.len(), limit as usize);
        assert_eq!(incidents[0].holder, "it is held by pid 913");
    }
}

#[tokio::test]
async fn a_query_out_of_range_is_refused_with_the_range() {
    let gate = gate();
    let bad = [
        ("/api/history?seconds=0", "from 1 to 3600"),
        ("/api/history?seconds=3601", "from 1 to 3600"),
        ("/api/history?seconds=many", "seconds"),
        ("/api/history?seconds=-1", "seconds"),
        ("/api/history?from=1&points=5001", "from 1 to 5000"),
        ("/api/history?from=5&to=5", "must be after"),
        ("/api/history?from=5&seconds=5", "not both"),
        ("/api/history?to=5", "needs `from`"),
        ("/api/history?points=5", "needs `from`"),
        ("/api/slow?limit=0", "from 1 to 1000"),
        ("/api/logs?limit=1001", "from 1 to 1000"),
        ("/api/logs?level=loud", "level"),
        (
            "/api/logs?before=../x.1",
            "must be what an earlier answer gave",
        ),
        ("/api/charts/waits.svg?width=100000", "from 240 to 3840"),
        ("/api/charts/waits.svg?height=1", "from 120 to 1200"),
        ("/api/charts/waits.svg?theme=pink", "theme"),
        ("/api/charts/waits.svg?seconds=604801", "from 1 to 604800"),
        ("/api/charts/waits.json?from=5&to=5", "must be after"),
        ("/api/charts/waits.csv?from=5&seconds=5", "not both"),
        ("/api/charts/waits.csv?to=5", "needs `from`"),
        ("/api/charts/wishes.svg", "there are `waits`, `holds`"),
        ("/api/charts/waits.png", "`.svg`, `.json` or `.csv`"),
        ("/api/charts/%0a", "no chart"),
    ];
    for (path, expected) in bad {
        let answer = gate.answer(get(path)).await;
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{path}");
        let said = text(answer).await;
        assert!(said.contains(expected), "{path}: {said}");
    }
}

#[tokio::test]
async fn the_chart_is_an_svg_of_the_size_that_was_asked_for() {
    let path = "/api/charts/waits.svg?seconds=60&width=500&height=200&theme=dark";
    let answer = gate().answer(get(path)).await;
    assert_eq!(answer.headers()["content-type"], "image/svg+xml");
    let svg = text(answer).await;
    assert!(
        svg.starts_with("<svg width=\"500\" height=\"200\" viewBox=\"0 0 2000 800\""),
        "{}",
        &svg[..200]
    );
}

#[tokio::test]
async fn a_stuck_lock_is_shown_and_settled_and_what_is_not_safe_is_refused() {
    let gate = gate();
    let stuck = asked(&gate, call::locks()).await.locks.remove(0);
    assert_eq!(stuck.act, Some(SettleAct::TakeOver));
    assert_eq!(stuck.process, ProcessState::Stopped);
    let settle = |act| Settle { act, holder: None };
    let take_over = call::settle(&settle(SettleAct::TakeOver));
    assert_eq!(asked(&gate, take_over).await.done, "generation 1");
    for (body, expected) in [
        (r#"{"act":"terminate"}"#, "409 not_safe"),
        (
            r#"{"act":"take_over","holder":{"instance":"another","since_ms":1}}"#,
            "409 not_safe",
        ),
        (r#"{"act":"remove"}"#, "400 bad_request"),
    ] {
        let got = outcome(&gate, post("/api/locks/settle", body)).await;
        assert_eq!(got, expected, "{body}");
    }
}

#[tokio::test]
async fn writes_are_paused_and_resumed_by_whom_it_says() {
    let gate = gate();
    let by = |answer: PauseAnswer| answer.pause.map(|pause| pause.by);
    let ada = Some("ada".to_owned());
    let request_by_ada = PauseRequest { by: ada.clone() };
    assert_eq!(by(asked(&gate, call::pause(&request_by_ada)).await), ada);
    assert_eq!(by(asked(&gate, call::resume()).await), ada, "it ended");
    assert_eq!(by(asked(&gate, call::resume()).await), None);
    let unnamed = told(&gate, request(Method::POST, "/api/pause")).await;
    assert_eq!(by(unnamed).unwrap(), "the dashboard");
    let array = outcome(&gate, post("/api/pause", "[1]")).await;
    assert_eq!(array, "400 bad_request");
}

#[tokio::test]
async fn settings_are_shown_changed_and_refused() {
    let gate = gate();
    let change = async |workers: Value| {
        let change = Map::from_iter([("workers".to_owned(), workers)]);
        asked(&gate, call::change_settings(&SettingsChange(change))).await
    };
    let shown = asked(&gate, call::settings()).await;
    assert_eq!(shown.settings[0].value, 4);
    assert_eq!(change(8.into()).await.settings[0].value, 8);
    assert_eq!(change(Value::Null).await, shown, "the default again");
    let refused = [
        ("{\"workers\":33}", "422 bad_setting"),
        ("{\"wrokers\":3}", "422 bad_setting"),
        ("{\"port\":1}", "409 overridden"),
        ("{\"log\":\"debug\"}", "500 failed"),
        ("[]", "400 bad_request"),
    ];
    for (body, expected) in refused {
        let got = outcome(&gate, send(Method::PATCH, "/api/settings", body)).await;
        assert_eq!(got, expected, "{body}");
    }
}

#[tokio::test]
async fn start_at_login_is_told_set_and_refused() {
    let login = Arc::new(MadeUpLogin::default());
    let gate = Gate::new(Site {
        login: login.clone(),
        ..support::site(support::MadeUp::new())
    });
    let put = |body: &str| send(Method::PUT, "/api/autostart", body);
    let shown = async || told::<LoginStatus>(&gate, get("/api/autostart")).await;
    assert!(!shown().await.start_at_login);
    for is_on in [true, false, true] {
        let body = format!("{{\"start_at_login\":{is_on}}}");
        let set: LoginStatus = told(&gate, put(&body)).await;
        assert_eq!(set.start_at_login, is_on);
        assert_eq!(shown().await, set);
    }
    for body in ["[true]", "{}", "{\"start_at_login\":\"yes\"}", "true", ""] {
        assert_eq!(outcome(&gate, put(body)).await, "400 bad_request", "{body}");
    }
    login.locked.store(true, Ordering::Relaxed);
    let off = put("{\"start_at_login\":false}");
    assert_eq!(outcome(&gate, off).await, "500 failed");
    assert!(shown().await.start_at_login, "it is as before");
}

#[tokio::test]
async fn a_client_is_connected_checked_and_disconnected_and_its_last_call_is_told() {
    let gate = gate();
    let act = async |act| {
        let client = "codex".to_owned();
        asked(&gate, call::connection(&ConnectionRequest { client, act })).await
    };
    let shown = asked(&gate, call::connections()).await;
    let last_seen_ms = support::busy_status().clients[0].last_seen_ms;
    assert_eq!(shown.clients[0].last_call_ms, Some(last_seen_ms));
    let connected = act(ConnectionAct::Connect).await;
    assert_eq!(connected.connection.state, ConnectionState::Connected);
    let verified = act(ConnectionAct::Verify).await.verified;
    assert_eq!(verified.map(|done| done.stored_and_found_ms), Some(7));
    let gone = act(ConnectionAct::Disconnect).await;
    assert_eq!(gone.connection.state, ConnectionState::None);
    for body in [
        "",
        "[\"codex\",\"connect\"]",
        "{\"client\":\"codex\"}",
        "{\"client\":\"codex\",\"act\":\"replace\"}",
        "{\"client\":\"mosaic\",\"act\":\"connect\"}",
    ] {
        let got = outcome(&gate, post("/api/connections", body)).await;
        assert_eq!(got, "400 bad_request", "{body}");
    }
}

#[tokio::test]
async fn what_is_not_changed_here_comes_with_the_lines_to_add_by_hand() {
    let clients = MadeUpClients::in_state(ConnectionState::Foreign);
    let gate = Gate::new(Site {
        clients: Arc::new(clients),
        ..support::site(support::MadeUp::new())
    });
    let connect = post(
        "/api/connections",
        "{\"client\":\"codex\",\"act\":\"connect\"}",
    );
    let answer = gate.answer(connect).await;
    assert_eq!(answer.status(), StatusCode::CONFLICT);
    let said: Value = serde_json::from_str(&text(answer).await).unwrap();
    assert_eq!(said["error"]["code"], "by_hand");
    assert_eq!(said["error"]["lines"], "[mcp_servers.memory]");
}

#[tokio::test]
async fn backups_are_listed_and_one_is_begun_at_a_time() {
    let gate = gate();
    let listed = asked(&gate, call::backups()).await;
    assert_eq!(listed.folder, Path::new("/store/backups"));
    assert_eq!(listed.running, None);
    for body in [
        "[1]",
        "[null]",
        "[\"/x.db\",true]",
        "{\"path\":7}",
        "{\"path\":\"mine.db\"}",
    ] {
        let got = outcome(&gate, post("/api/backups", body)).await;
        assert_eq!(got, "400 bad_request", "{body}");
    }
    let begin = || request(Method::POST, "/api/backups");
    let answer = gate.answer(begin()).await;
    assert_eq!(answer.status(), StatusCode::ACCEPTED);
    let begun: BackupRunning = serde_json::from_str(&text(answer).await).unwrap();
    assert_eq!(begun.number, 2);
    let no_path = matches!(begun.step, BackupStep::Copying { bytes: 0, .. });
    assert!(no_path, "{begun:?}");
    assert_eq!(asked(&gate, call::backups()).await.running, Some(begun));
    assert_eq!(outcome(&gate, begin()).await, "409 busy");
}

#[tokio::test]
async fn a_check_of_the_store_is_begun_and_one_at_a_time() {
    let gate = gate();
    let begun = asked(&gate, call::start_check()).await;
    assert_eq!(begun.integrity, IntegrityStatus::Checking);
    let check = || request(Method::POST, "/api/integrity");
    assert_eq!(outcome(&gate, check()).await, "409 busy");
    assert_eq!(outcome(&support::gate(), check()).await, "202");
}

#[tokio::test]
async fn the_log_is_asked_for_by_level_text_number_and_place() {
    let gate = gate();
    let query = LogQuery {
        level: Some(LogLevel::Warn),
        contains: Some("slow hold & more".to_owned()),
        limit: Some(2),
        before: Some("2026-11-25.17".to_owned()),
    };
    let page = asked(&gate, call::logs(&query)).await;
    assert_eq!(page.lines.len(), 2);
    assert_eq!(page.lines[0].level, LogLevel::Warn);
    assert_eq!(page.lines[0].text, "slow hold & more");
    assert_eq!(page.before, query.before);
    let all: LogPage = told(&gate, get("/api/logs?contains=")).await;
    assert_eq!(all.lines[0].level, LogLevel::Trace, "every line");
    assert_eq!(all.before, None);
    let failed = outcome(&gate, get("/api/logs?level=error")).await;
    assert_eq!(failed, "500 failed");
    let long = format!("/api/logs?contains={}", "x".repeat(201));
    assert_eq!(outcome(&gate, get(&long)).await, "400 bad_request");
}
