//! What the routes answer.

mod support;

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use commonplace_http::{Gate, McpService, SiteLimits, Token, Tokens, routes};
use http::{Method, Request, StatusCode};
use support::{ADMIN, MadeUp, gate, get, json, outcome, post, request, site, text, with, without};
use tokio::sync::Notify;

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
async fn the_openapi_document_names_every_field_of_samples_and_incidents() {
    let gate = gate();
    let document = json(gate.answer(get("/api/openapi.json")).await).await;
    let schemas = &document["components"]["schemas"];
    let history = json(gate.answer(get("/api/history?seconds=1")).await).await;
    let slow = json(gate.answer(get("/api/slow?limit=1")).await).await;
    support::assert_described(
        &history["samples"][0],
        &schemas["Sample"],
        schemas,
        "sample",
    );
    support::assert_described(
        &slow["incidents"][0],
        &schemas["Incident"],
        schemas,
        "incident",
    );
}

#[tokio::test]
async fn the_openapi_document_names_every_field_of_a_chart() {
    let gate = gate();
    let document = json(gate.answer(get("/api/openapi.json")).await).await;
    let schemas = &document["components"]["schemas"];
    for name in ["waits", "clients"] {
        let path = format!("/api/charts/{name}.json");
        let mut chart = json(gate.answer(get(&path)).await).await;
        // Its keys are the roles that are in it.
        chart["colors"] = serde_json::Value::Null;
        support::assert_described(&chart, &schemas["Chart"], schemas, name);
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
        ("/api/history?to=5", "need `from`"),
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
async fn the_figures_for_prometheus_are_the_stored_ones() {
    let gate = gate();
    outcome(&gate, with(get("/"), "host", "evil.example")).await;
    let answer = gate.answer(get("/metrics")).await;
    assert_eq!(
        answer.headers()["content-type"],
        "text/plain; version=0.0.4; charset=utf-8"
    );
    support::assert_stored(
        "metrics.txt",
        &text(answer).await,
        include_str!("expected/metrics.txt"),
    );
}

/// Finds the names of figures in a text: `commonplace_` and what follows.
fn figures(text: &str) -> BTreeSet<&str> {
    let is_part = |c: char| c.is_ascii_lowercase() || c == '_';
    let starts = text.match_indices("commonplace_");
    let name = |(start, _)| text[start..].split(|c| !is_part(c)).next();
    starts.filter_map(name).collect()
}

#[test]
fn the_grafana_dashboard_asks_only_for_figures_that_exist() {
    let dashboard: serde_json::Value =
        serde_json::from_str(commonplace_http::GRAFANA_DASHBOARD).unwrap();
    let existing = figures(include_str!("expected/metrics.txt"));
    let mut ids = BTreeSet::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        assert!(
            ids.insert(panel["id"].as_u64().unwrap()),
            "two panels have one id: {panel}"
        );
        for target in panel["targets"].as_array().into_iter().flatten() {
            let expression = target["expr"].as_str().unwrap();
            let asked = figures(expression);
            assert!(!asked.is_empty(), "{expression}");
            let unknown: Vec<_> = asked.difference(&existing).collect();
            assert!(unknown.is_empty(), "{expression} asks for {unknown:?}");
            assert!(
                expression.contains("$instance"),
                "{expression} does not heed the choice of hosts"
            );
        }
    }
    assert!(ids.len() > 15, "it has panels at all");
}

#[tokio::test]
async fn the_openapi_document_describes_exactly_the_routes_there_are() {
    let document = json(gate().answer(get("/api/openapi.json")).await).await;
    assert_eq!(document["openapi"], "3.1.0");
    let mut described = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            described.insert(format!("{} {path}", method.to_uppercase()));
        }
    }
    let method_of = |method: Option<Method>| method.unwrap_or(Method::POST);
    let existing: BTreeSet<_> = routes()
        .into_iter()
        .map(|entry| format!("{} {}", method_of(entry.method), entry.path))
        .collect();
    assert_eq!(described, existing);
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
async fn the_page_opens_with_a_one_time_code() {
    let gate = gate();
    let opening = json(gate.answer(request(Method::POST, "/api/codes")).await).await;
    let url = opening["url"].as_str().unwrap();
    let code = url
        .strip_prefix("http://127.0.0.1:7311/#code=")
        .expect("the code stands in the fragment");

    let body = format!("{{\"code\":\"{code}\"}}");
    let first = gate
        .answer(without(post("/api/session", body.clone()), "authorization"))
        .await;
    assert_eq!(first.status(), StatusCode::OK);
    let session = json(first).await["token"].as_str().unwrap().to_owned();
    let bearer = format!("Bearer {session}");
    assert_eq!(
        outcome(&gate, with(get("/api/status"), "authorization", &bearer)).await,
        "200"
    );
    assert_eq!(
        outcome(&gate, post("/api/session", body)).await,
        "401 wrong_code",
        "a code works once"
    );

    let end = with(
        request(Method::DELETE, "/api/session"),
        "authorization",
        &bearer,
    );
    assert_eq!(outcome(&gate, end).await, "204");
    let after = with(get("/api/status"), "authorization", &bearer);
    assert_eq!(
        outcome(&gate, after).await,
        "401 unknown_token",
        "the session has ended"
    );
}

#[tokio::test]
async fn guessing_codes_is_slowed_down() {
    let gate = gate();
    for _ in 0..10 {
        assert_eq!(
            outcome(&gate, post("/api/session", "{\"code\":\"guess\"}")).await,
            "401 wrong_code"
        );
    }
    let answer = gate
        .answer(post("/api/session", "{\"code\":\"guess\"}"))
        .await;
    assert_eq!(answer.status(), StatusCode::TOO_MANY_REQUESTS);
    assert!(answer.headers().contains_key("retry-after"));
    assert_eq!(
        outcome(&gate, get("/api/status")).await,
        "200",
        "those who have a token are not held up"
    );
}

#[tokio::test]
async fn a_code_request_that_makes_no_sense_is_refused() {
    let gate = gate();
    for body in ["", "{", "[]", "{\"code\":7}", "{\"token\":\"x\"}"] {
        assert_eq!(
            outcome(&gate, post("/api/session", body)).await,
            "400 bad_request",
            "{body}"
        );
    }
}

#[tokio::test]
async fn rotated_tokens_end_the_old_ones_and_all_sessions() {
    let mut parts = site(MadeUp::new());
    let access = support::access();
    parts.access = access.clone();
    let gate = Gate::new(parts);
    let code = access.issue_code();
    let session = json(
        gate.answer(post("/api/session", format!("{{\"code\":\"{code}\"}}")))
            .await,
    )
    .await;
    let bearer = format!("Bearer {}", session["token"].as_str().unwrap());

    let token = |text: &str| Token::parse(text).unwrap();
    let agent = token("new-agent-new-agent-new-agent-new-agent");
    let admin = token("new-admin-new-admin-new-admin-new-admin");
    access.rotate(Tokens::new(agent, admin).unwrap());

    for old in [bearer, format!("Bearer {ADMIN}")] {
        let asked = with(get("/api/status"), "authorization", &old);
        assert_eq!(outcome(&gate, asked).await, "401 unknown_token");
    }
    let new = with(
        get("/api/status"),
        "authorization",
        "Bearer new-admin-new-admin-new-admin-new-admin",
    );
    assert_eq!(outcome(&gate, new).await, "200");
}

/// An MCP service that answers when it is told to, and tells when a request has come.
fn held_mcp(arrived: Arc<Notify>, go: Arc<Notify>) -> McpService {
    McpService::new(tower::service_fn(move |_: Request<Body>| {
        let (arrived, go) = (Arc::clone(&arrived), Arc::clone(&go));
        async move {
            arrived.notify_one();
            go.notified().await;
            Ok::<_, Infallible>(Response::new(Body::from("done")))
        }
    }))
}

#[tokio::test]
async fn one_request_too_many_is_told_to_come_back() {
    let (arrived, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let mut parts = site(MadeUp::new());
    parts.mcp = held_mcp(Arc::clone(&arrived), Arc::clone(&go));
    parts.limits = SiteLimits {
        requests_max: 1,
        ..SiteLimits::default()
    };
    let gate = Gate::new(parts);

    let first = tokio::spawn({
        let gate = gate.clone();
        async move { gate.answer(post("/mcp", "{}")).await.status() }
    });
    arrived.notified().await;
    let refused = gate.answer(post("/mcp", "{}")).await;
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused.headers()["retry-after"], "1");
    go.notify_one();
    assert_eq!(
        first.await.unwrap(),
        StatusCode::OK,
        "the first one is not disturbed"
    );
    go.notify_one();
    assert_eq!(
        outcome(&gate, post("/mcp", "{}")).await,
        "200",
        "there is room again"
    );
}

#[tokio::test(start_paused = true)]
async fn a_request_without_an_answer_ends_with_the_truth_about_it() {
    let mut parts = site(MadeUp::new());
    parts.mcp = held_mcp(Arc::default(), Arc::default());
    let gate = Gate::new(parts);
    let asked_at = tokio::time::Instant::now();
    let answer = gate.answer(post("/mcp", "{}")).await;
    assert_eq!(asked_at.elapsed(), Duration::from_secs(60));
    assert_eq!(answer.status(), StatusCode::GATEWAY_TIMEOUT);
    assert!(text(answer).await.contains("outcome is not known"));
}

#[tokio::test]
async fn the_files_of_the_page_come_with_their_types() {
    let gate = gate();
    let expected = [
        ("/", "text/html; charset=utf-8"),
        ("/index.html", "text/html; charset=utf-8"),
        ("/style.css", "text/css; charset=utf-8"),
        ("/main.js", "text/javascript; charset=utf-8"),
        ("/icon.svg", "image/svg+xml"),
    ];
    for (path, kind) in expected {
        let answer = gate.answer(without(get(path), "authorization")).await;
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        assert_eq!(answer.headers()["content-type"], kind, "{path}");
        assert_eq!(answer.headers()["cache-control"], "no-cache", "{path}");
    }
}

/// What a first visit may cost on the wire, heads of the answers left out.
const PAGE_BYTES_MAX: usize = 100_000;

#[tokio::test]
async fn the_whole_page_is_small_on_the_wire() {
    let gate = gate();
    let mut sizes = Vec::new();
    for name in commonplace_http::file_names() {
        let asked = with(get(&format!("/{name}")), "accept-encoding", "gzip");
        let answer = gate.answer(asked).await;
        assert_eq!(answer.headers()["content-encoding"], "gzip", "{name}");
        let body = axum::body::to_bytes(answer.into_body(), usize::MAX).await;
        sizes.push((body.unwrap().len(), name));
    }
    let sum: usize = sizes.iter().map(|(size, _)| size).sum();
    assert!(
        sum < PAGE_BYTES_MAX,
        "a first visit costs {sum} bytes: {sizes:?}"
    );
    assert!(sum > 10_000, "the page is served at all: {sizes:?}");
}

#[tokio::test]
async fn a_packed_file_is_the_file() {
    let gate = gate();
    let plain = text(gate.answer(get("/style.css")).await).await;
    let asked = with(get("/style.css"), "accept-encoding", "gzip");
    let packed = gate.answer(asked).await;
    let packed = axum::body::to_bytes(packed.into_body(), usize::MAX)
        .await
        .unwrap();
    let mut unpacked = String::new();
    std::io::Read::read_to_string(
        &mut flate2::read::GzDecoder::new(&packed[..]),
        &mut unpacked,
    )
    .unwrap();
    assert!(
        packed.len() * 3 < plain.len(),
        "{} of {}",
        packed.len(),
        plain.len()
    );
    assert_eq!(unpacked, plain);
}

#[tokio::test]
async fn the_page_asks_nothing_of_other_hosts_and_has_no_code_in_its_markup() {
    let page = text(gate().answer(get("/")).await).await;
    for forbidden in [
        "http://",
        "https://",
        "<style",
        " style=",
        "onclick",
        "onload",
        "javascript:",
    ] {
        assert!(!page.contains(forbidden), "index.html has `{forbidden}`");
    }
    assert_eq!(page.matches("<script").count(), 1);
    assert!(page.contains("<script type=\"module\" src=\"main.js\">"));
}

#[tokio::test]
async fn the_page_puts_text_in_as_text_only() {
    let gate = gate();
    for name in commonplace_http::file_names().filter(|name| name.ends_with(".js")) {
        let script = text(gate.answer(get(&format!("/{name}"))).await).await;
        for forbidden in [
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "new Function",
        ] {
            assert!(!script.contains(forbidden), "{name} uses {forbidden}");
        }
    }
}

#[tokio::test]
async fn the_openapi_document_names_every_field_of_the_status() {
    let document = json(gate().answer(get("/api/openapi.json")).await).await;
    let schemas = &document["components"]["schemas"];
    let status = serde_json::to_value(support::busy_status()).unwrap();
    support::assert_described(&status, &schemas["Status"], schemas, "status");
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
    let document = json(gate.answer(get("/api/openapi.json")).await).await;
    let schemas = &document["components"]["schemas"];
    support::assert_described(&page, &schemas["LogPage"], schemas, "logs");
}

#[tokio::test]
async fn the_openapi_document_names_every_field_of_the_backups() {
    let gate = gate();
    gate.answer(post(
        "/api/backups",
        "{\"path\":\"/x.db\",\"replace\":true}",
    ))
    .await;
    let backups = json(gate.answer(get("/api/backups")).await).await;
    assert_eq!(backups["running"]["bytes"], 1, "a path was asked for");
    let document = json(gate.answer(get("/api/openapi.json")).await).await;
    let schemas = &document["components"]["schemas"];
    support::assert_described(&backups, &schemas["Backups"], schemas, "backups");
}
