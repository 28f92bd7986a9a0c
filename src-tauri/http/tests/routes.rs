//! What the routes answer.

mod support;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use commonplace_http::{Gate, Site};
use http::{Method, StatusCode};
use support::{MadeUpLogin, gate, get, json, outcome, post, request, text, unpacked, with};

#[tokio::test]
async fn the_status_is_served_as_the_engine_tells_it() {
    let answer = gate().answer(get("/api/status")).await;
    assert_eq!(answer.headers()["content-type"], "application/json");
    assert_eq!(
        text(answer).await,
        serde_json::to_string(&support::busy_status()).unwrap()
    );
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
    let health = json(gate().answer(get("/api/health")).await).await;
    assert_eq!(health["state"], "busy");
    assert_eq!(health["pid"], 812);
    assert_eq!(health["instance"], "00112233445566778899aabbccddeeff");
    assert_eq!(health["data_dir"], "/store");
    assert_eq!(health["mcp_revisions"][1], "2025-11-25");
    assert_eq!(health["command"], "commonplace");
}

#[tokio::test]
async fn the_history_has_the_length_that_was_asked_for() {
    let gate = gate();
    for (query, length) in [("", 300), ("?seconds=7", 7), ("?seconds=3600", 3600)] {
        let history = json(gate.answer(get(&format!("/api/history{query}"))).await).await;
        assert_eq!(
            history["samples"].as_array().unwrap().len(),
            length,
            "{query}"
        );
    }
}

#[tokio::test]
async fn any_part_of_the_past_comes_in_the_number_of_samples_that_was_asked_for() {
    let gate = gate();
    let week_ms = 7 * 24 * 3_600_000;
    let from = support::NOW_MS - week_ms;
    let to_now = format!("/api/history?from={from}&points=500");
    let history = json(gate.answer(get(&to_now)).await).await;
    let samples = history["samples"].as_array().unwrap();
    assert_eq!(samples.len(), 500);
    assert_eq!(samples[0]["at_ms"], from);
    assert_eq!(samples[1]["length_ms"], week_ms / 500, "it ends now");
    let part = format!("/api/history?from={from}&to={}&points=2", from + 600);
    let history = json(gate.answer(get(&part)).await).await;
    assert_eq!(history["samples"][1]["at_ms"], from + 300);
}

#[tokio::test]
async fn slow_holds_and_waits_come_with_who_was_in_the_way() {
    let gate = gate();
    for (query, length) in [("", 100), ("?limit=1", 1), ("?limit=1000", 1000)] {
        let slow = json(gate.answer(get(&format!("/api/slow{query}"))).await).await;
        let incidents = slow["incidents"].as_array().unwrap();
        assert_eq!(incidents.len(), length, "{query}");
        assert_eq!(incidents[0]["holder"], "it is held by pid 913");
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
        ("/api/history?from=5&seconds=5", "not for both"),
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
        ("/api/charts/waits.csv?from=5&seconds=5", "not for both"),
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
    let table = json(gate.answer(get("/api/locks")).await).await;
    assert_eq!(table["locks"][0]["act"], "take_over");
    assert_eq!(table["locks"][0]["process"], "stopped");
    let settle = |act: &str| post("/api/locks/settle", format!("{{\"act\":\"{act}\"}}"));
    let done = json(gate.answer(settle("take_over")).await).await;
    assert_eq!(done["done"], "generation 1");
    assert_eq!(outcome(&gate, settle("terminate")).await, "409 not_safe");
    let other = r#"{"act":"take_over","holder":{"instance":"another","since_ms":1}}"#;
    let other = post("/api/locks/settle", other.to_owned());
    assert_eq!(outcome(&gate, other).await, "409 not_safe");
    assert_eq!(outcome(&gate, settle("remove")).await, "400 bad_request");
}

#[tokio::test]
async fn writes_are_paused_and_resumed_by_whom_it_says() {
    let gate = gate();
    let paused = json(gate.answer(post("/api/pause", "{\"by\":\"ada\"}")).await).await;
    assert_eq!(paused["pause"]["by"], "ada");
    let resumed = json(gate.answer(request(Method::POST, "/api/resume")).await).await;
    assert_eq!(resumed["pause"]["by"], "ada", "the pause that ended");
    let again = json(gate.answer(request(Method::POST, "/api/resume")).await).await;
    assert!(again["pause"].is_null());
    let unnamed = json(gate.answer(request(Method::POST, "/api/pause")).await).await;
    assert_eq!(unnamed["pause"]["by"], "the dashboard");
    assert_eq!(
        outcome(&gate, post("/api/pause", "[1]")).await,
        "400 bad_request"
    );
}

#[tokio::test]
async fn settings_are_shown_changed_and_refused() {
    let gate = gate();
    let patch = |body: &str| support::send(Method::PATCH, "/api/settings", body);
    let shown = json(gate.answer(get("/api/settings")).await).await;
    assert_eq!(shown["settings"][0]["value"], 4);
    let changed = json(gate.answer(patch("{\"workers\":8}")).await).await;
    assert_eq!(changed["settings"][0]["value"], 8);
    let reset = json(gate.answer(patch("{\"workers\":null}")).await).await;
    assert_eq!(reset["settings"][0]["source"], "default");
    let refused = [
        ("{\"workers\":33}", "422 bad_setting"),
        ("{\"wrokers\":3}", "422 bad_setting"),
        ("{\"port\":1}", "409 overridden"),
        ("{\"log\":\"debug\"}", "500 failed"),
        ("[]", "400 bad_request"),
    ];
    for (body, expected) in refused {
        assert_eq!(outcome(&gate, patch(body)).await, expected, "{body}");
    }
}

#[tokio::test]
async fn start_at_login_is_told_set_and_refused() {
    let login = Arc::new(MadeUpLogin::default());
    let gate = Gate::new(Site {
        login: login.clone(),
        ..support::site(support::MadeUp::new())
    });
    let put = |body: &str| support::send(Method::PUT, "/api/autostart", body);
    let told = json(gate.answer(get("/api/autostart")).await).await;
    assert_eq!(told["start_at_login"], false);
    for is_on in [true, false, true] {
        let body = format!("{{\"start_at_login\":{is_on}}}");
        let set = json(gate.answer(put(&body)).await).await;
        assert_eq!(set["start_at_login"], is_on);
        let told = json(gate.answer(get("/api/autostart")).await).await;
        assert_eq!(told, set);
    }
    for body in ["[true]", "{}", "{\"start_at_login\":\"yes\"}", "true", ""] {
        assert_eq!(outcome(&gate, put(body)).await, "400 bad_request", "{body}");
    }
    login.locked.store(true, Ordering::Relaxed);
    let off = put("{\"start_at_login\":false}");
    assert_eq!(outcome(&gate, off).await, "500 failed");
    let told = json(gate.answer(get("/api/autostart")).await).await;
    assert_eq!(told["start_at_login"], true, "it is as before");
}

#[tokio::test]
async fn backups_are_listed_and_one_is_begun_at_a_time() {
    let gate = gate();
    let listed = json(gate.answer(get("/api/backups")).await).await;
    assert_eq!(listed["folder"], "/store/backups");
    assert!(listed["running"].is_null());
    let refused = [
        ("[1]", "400 bad_request"),
        ("[null]", "400 bad_request"),
        ("[\"/x.db\",true]", "400 bad_request"),
        ("{\"path\":7}", "400 bad_request"),
        ("{\"path\":\"mine.db\"}", "400 bad_request"),
    ];
    for (body, expected) in refused {
        assert_eq!(outcome(&gate, post("/api/backups", body)).await, expected);
    }
    let answer = gate.answer(request(Method::POST, "/api/backups")).await;
    assert_eq!(answer.status(), StatusCode::ACCEPTED);
    let begun = json(answer).await;
    assert_eq!(
        (&begun["number"], &begun["step"]),
        (&2.into(), &"copying".into())
    );
    assert_eq!(begun["bytes"], 0, "no path was asked for");
    let listed = json(gate.answer(get("/api/backups")).await).await;
    assert_eq!(listed["running"]["number"], 2);
    let again = outcome(&gate, request(Method::POST, "/api/backups")).await;
    assert_eq!(again, "409 busy");
}

#[tokio::test]
async fn a_check_of_the_store_is_begun_and_one_at_a_time() {
    let gate = gate();
    let check = || request(Method::POST, "/api/integrity");
    let answer = gate.answer(check()).await;
    assert_eq!(answer.status(), StatusCode::ACCEPTED);
    assert_eq!(json(answer).await["integrity"]["state"], "checking");
    assert_eq!(outcome(&gate, check()).await, "409 busy");
}

#[tokio::test]
async fn the_log_is_asked_for_by_level_text_number_and_place() {
    let gate = gate();
    let asked = "/api/logs?level=warn&contains=slow%20hold&limit=2&before=2026-11-25.17";
    let page = json(gate.answer(get(asked)).await).await;
    assert_eq!(page["lines"].as_array().unwrap().len(), 2);
    assert_eq!(page["lines"][0]["level"], "warn");
    assert_eq!(page["lines"][0]["text"], "slow hold");
    assert_eq!(page["before"], "2026-11-25.17");
    let all = json(gate.answer(get("/api/logs?contains=")).await).await;
    assert_eq!(all["lines"][0]["level"], "trace", "every line");
    assert!(all["before"].is_null());
    let failed = outcome(&gate, get("/api/logs?level=error")).await;
    assert_eq!(failed, "500 failed");
    let long = format!("/api/logs?contains={}", "x".repeat(201));
    assert_eq!(outcome(&gate, get(&long)).await, "400 bad_request");
}
