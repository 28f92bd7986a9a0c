//! The guard, over the whole router: every route fails closed.

mod support;

use axum::body::Body;
use commonplace_http::{Admits, Gate, RouteEntry, file_names, routes};
use http::{Method, Request, StatusCode};
use support::{ADMIN, AGENT, PORT, by, gate, get, outcome, post, request, send, with, without};

/// A good request to a route, apart from what a test breaks.
fn good(entry: &RouteEntry) -> Request<Body> {
    let path = entry.path.replace("{chart}", "waits.svg");
    match entry.method.clone() {
        Some(Method::PATCH) => send(Method::PATCH, &path, "{}"),
        Some(method) => request(method, &path),
        None => post(&path, "{}"),
    }
}

#[tokio::test]
async fn every_route_but_the_page_itself_needs_a_token() {
    let gate = gate();
    for entry in routes() {
        if matches!(entry.admits, Admits::CodeHolder | Admits::Anybody) {
            continue;
        }
        let bare = without(good(&entry), "authorization");
        assert_eq!(outcome(&gate, bare).await, "401 no_token", "{}", entry.path);
        let wrong = by("wrong-wrong-wrong-wrong-wrong-wrong", good(&entry));
        let got = outcome(&gate, wrong).await;
        assert_eq!(got, "401 unknown_token", "{}", entry.path);
    }
}

#[tokio::test]
async fn the_agents_token_opens_mcp_and_nothing_else() {
    let gate = gate();
    for entry in routes() {
        let got = outcome(&gate, by(AGENT, good(&entry))).await;
        match entry.admits {
            Admits::Agent => assert_eq!(got, "200", "{}", entry.path),
            Admits::Admin => assert_eq!(got, "403 agent_token", "{}", entry.path),
            Admits::CodeHolder | Admits::Anybody => {}
        }
    }
}

#[tokio::test]
async fn the_admin_token_opens_every_route() {
    let gate = gate();
    for entry in routes()
        .iter()
        .filter(|entry| !matches!(entry.admits, Admits::CodeHolder | Admits::Anybody))
    {
        let got = outcome(&gate, good(entry)).await;
        let is_done = ["200", "202", "204"].contains(&got.as_str());
        // No store is behind them here, or nothing was asked: they refuse that, and not who asks.
        let is_let_in = [
            "/api/memories",
            "/api/redactions",
            "/api/autostart",
            "/api/connections",
        ]
        .iter()
        .any(|path| entry.path.starts_with(path))
            && ["400 bad_request", "503 shutting_down"].contains(&got.as_str());
        assert!(is_done || is_let_in, "{}: {got}", entry.path);
    }
}

#[tokio::test]
async fn a_foreign_host_is_refused_on_every_route_and_file() {
    let hosts = [
        "evil.example",
        "evil.example:7311",
        "127.0.0.1",
        "127.0.0.1:80",
        "localhost",
        "localhost:7311.evil.example",
        "localhost.:7311",
        "0.0.0.0:7311",
        "[::1]:7311",
        "user@127.0.0.1:7311",
        "",
    ];
    let gate = gate();
    refused_everywhere(&gate, "host", &hosts, "403 wrong_host").await;
    for path in every_path() {
        let without_host = outcome(&gate, without(get(&path), "host")).await;
        assert_eq!(without_host, "403 wrong_host", "{path} without Host");
    }
}

#[tokio::test]
async fn a_second_host_header_or_a_foreign_target_is_refused() {
    let gate = gate();
    let mut two = get("/");
    two.headers_mut()
        .append("host", "evil.example".parse().unwrap());
    assert_eq!(outcome(&gate, two).await, "403 wrong_host");
    for (target, expected) in [
        ("http://evil.example/", "403 wrong_host"),
        ("http://127.0.0.1:7311/", "200"),
    ] {
        assert_eq!(outcome(&gate, get(target)).await, expected, "{target}");
    }
}

#[tokio::test]
async fn a_foreign_origin_is_refused_on_every_route_and_file() {
    let origins = [
        "http://evil.example",
        "null",
        "http://127.0.0.1",
        "http://localhost:3000",
        "https://127.0.0.1:7311",
        "http://127.0.0.1:7311.evil.example",
        "",
    ];
    refused_everywhere(&gate(), "origin", &origins, "403 foreign_origin").await;
}

#[tokio::test]
async fn a_request_that_another_site_caused_is_refused_on_every_route_and_file() {
    let sites = ["cross-site", "same-site", "something-new"];
    refused_everywhere(&gate(), "sec-fetch-site", &sites, "403 cross_site").await;
}

#[tokio::test]
async fn another_site_may_lead_a_person_to_the_page_and_to_nothing_else() {
    let gate = gate();
    let visit = |method: Method, path: &str, mode: &str, dest: &str| {
        let asked = with(request(method, path), "sec-fetch-site", "cross-site");
        let asked = with(asked, "sec-fetch-mode", mode);
        with(asked, "sec-fetch-dest", dest)
    };
    for path in every_path() {
        let asked = visit(Method::GET, &path, "navigate", "document");
        let expected = if path == "/" { "200" } else { "403 cross_site" };
        assert_eq!(outcome(&gate, asked).await, expected, "{path}");
    }
    for (method, mode, dest) in [
        (Method::POST, "navigate", "document"),
        (Method::GET, "navigate", "iframe"),
        (Method::GET, "no-cors", "document"),
        (Method::GET, "cors", "empty"),
    ] {
        let asked = visit(method.clone(), "/", mode, dest);
        let got = outcome(&gate, asked).await;
        assert_eq!(got, "403 cross_site", "{method} {mode} {dest}");
    }
}

#[tokio::test]
async fn our_own_page_is_let_in_under_both_names() {
    let gate = gate();
    for name in ["127.0.0.1", "localhost"] {
        let host = format!("{name}:{PORT}");
        let asked = with(get("/api/status"), "host", &host);
        let asked = with(asked, "origin", &format!("http://{host}"));
        let asked = with(asked, "sec-fetch-site", "same-origin");
        assert_eq!(outcome(&gate, asked).await, "200", "{name}");
    }
    let typed = with(get("/"), "sec-fetch-site", "none");
    assert_eq!(outcome(&gate, typed).await, "200");
}

#[tokio::test]
async fn no_answer_ever_invites_another_origin() {
    let gate = gate();
    for path in every_path() {
        let asked = with(get(&path), "origin", &format!("http://127.0.0.1:{PORT}"));
        let preflight = with(
            request(Method::OPTIONS, &path),
            "access-control-request-method",
            "POST",
        );
        for asked in [asked, preflight] {
            let answer = gate.answer(asked).await;
            let cors = answer
                .headers()
                .keys()
                .any(|name| name.as_str().starts_with("access-control"));
            assert!(!cors, "{path}");
        }
    }
}

#[tokio::test]
async fn every_answer_carries_the_security_headers() {
    let gate = gate();
    let mut asked: Vec<_> = every_path().iter().map(|path| get(path)).collect();
    asked.push(with(get("/"), "host", "evil.example"));
    asked.push(without(get("/api/status"), "authorization"));
    for request in asked {
        let path = request.uri().path().to_owned();
        let answer = gate.answer(request).await;
        let headers = answer.headers();
        let policy = headers["content-security-policy"].to_str().unwrap();
        assert!(
            policy.starts_with("default-src 'none'; script-src 'self';"),
            "{path}"
        );
        assert!(!policy.contains("unsafe"), "{path}");
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-resource-policy", "same-origin"),
            ("cross-origin-opener-policy", "same-origin"),
        ] {
            assert_eq!(headers[name], value, "{path} {name}");
        }
        assert!(headers.contains_key("cache-control"), "{path}");
    }
}

#[tokio::test]
async fn unknown_paths_and_methods_tell_nothing_without_a_token() {
    let gate = gate();
    for path in [
        "/api/nothing",
        "/nothing",
        "/mcp/x",
        "/.env",
        "/api/status/",
    ] {
        let bare = without(get(path), "authorization");
        assert_eq!(outcome(&gate, bare).await, "401 no_token", "{path}");
        assert_eq!(outcome(&gate, get(path)).await, "404 not_found", "{path}");
        let agent = outcome(&gate, by(AGENT, get(path))).await;
        assert_eq!(
            agent, "404 not_found",
            "{path}: no token opens what is not there"
        );
    }
    let bare = without(request(Method::PUT, "/api/status"), "authorization");
    assert_eq!(outcome(&gate, bare).await, "401 no_token");
    for (method, path) in [(Method::PUT, "/api/status"), (Method::POST, "/")] {
        let got = outcome(&gate, request(method, path)).await;
        assert_eq!(got, "405 wrong_method", "{path}");
    }
}

// The Python library showed "Server returned an error response" and not what to do.
#[tokio::test]
async fn clients_of_mcp_are_refused_in_the_form_of_their_protocol() {
    let gate = gate();
    for asked in [
        without(post("/mcp", "{}"), "authorization"),
        by("old", post("/mcp/", "{}")),
        with(post("/mcp", "{}"), "host", "localhost:9000"),
        with(post("/mcp", "a"), "content-type", "text/plain"),
    ] {
        let answer = gate.answer(asked).await;
        assert_eq!(answer.headers()["content-type"], "application/json");
        let told: serde_json::Value = serde_json::from_str(&support::text(answer).await).unwrap();
        assert_eq!(told["jsonrpc"], "2.0", "{told}");
        assert_eq!(told["error"]["code"], -31003);
        assert_eq!(told["error"]["message"], told["error"]["data"]["message"]);
        assert!(told["error"]["data"]["code"].is_string());
    }
    let elsewhere = without(get("/api/status"), "authorization");
    let told = support::text(gate.answer(elsewhere).await).await;
    assert!(!told.contains("jsonrpc"), "{told}");
}

#[tokio::test]
async fn a_slash_behind_the_address_of_mcp_is_taken_off() {
    let gate = gate();
    for path in ["/mcp", "/mcp/", "/mcp/?x=1"] {
        let call = || post(path, "{}");
        assert_eq!(outcome(&gate, by(AGENT, call())).await, "200", "{path}");
        let bare = without(call(), "authorization");
        assert_eq!(outcome(&gate, bare).await, "401 no_token", "{path}");
    }
}

// A client without a token looked for a login, and was told that looking for one needs a token.
#[tokio::test]
async fn a_client_that_looks_for_a_login_is_told_that_there_is_none() {
    let gate = gate();
    let places = [
        "/.well-known/oauth-protected-resource",
        "/.well-known/oauth-authorization-server",
        "/.well-known/openid-configuration",
    ];
    for place in places {
        for path in [
            place.to_owned(),
            format!("{place}/mcp"),
            format!("/mcp{place}"),
        ] {
            for asked in [
                get(&path),
                without(get(&path), "authorization"),
                by("old", get(&path)),
            ] {
                told_of_no_login(&gate, asked, &path).await;
            }
        }
    }
    for path in ["/register", "/token", "/authorize"] {
        told_of_no_login(&gate, without(post(path, "{}"), "authorization"), path).await;
        let form = with(
            post(path, "a=b"),
            "content-type",
            "application/x-www-form-urlencoded",
        );
        told_of_no_login(&gate, form, path).await;
        let foreign = with(post(path, "{}"), "origin", "http://evil.example");
        assert_eq!(outcome(&gate, foreign).await, "403 foreign_origin");
    }
}

async fn told_of_no_login(gate: &Gate, asked: Request<Body>, path: &str) {
    let answer = gate.answer(asked).await;
    assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{path}");
    assert_eq!(answer.headers()["content-type"], "application/json");
    assert!(!answer.headers().contains_key("www-authenticate"), "{path}");
    let told: serde_json::Value = serde_json::from_str(&support::text(answer).await).unwrap();
    assert_eq!(
        told["error"], "invalid_request",
        "the form of OAuth: {path}"
    );
    let sentence = told["error_description"].as_str().unwrap();
    assert!(sentence.contains("`commonplace token`"), "{sentence}");
}

#[tokio::test]
async fn a_port_forward_with_another_number_is_told_what_to_do() {
    let gate = gate();
    for host in ["localhost:9000", "127.0.0.1:80"] {
        let answer = gate.answer(with(get("/"), "host", host)).await;
        let told = support::text(answer).await;
        assert!(told.contains("ssh -L 7311:127.0.0.1:7311"), "{told}");
        assert!(told.contains("the setting `port`"), "{told}");
    }
}

#[tokio::test]
async fn a_refusal_for_the_token_says_what_to_do() {
    let gate = gate();
    let answer = gate
        .answer(without(post("/mcp", "{}"), "authorization"))
        .await;
    assert_eq!(
        answer.headers()["www-authenticate"],
        "Bearer realm=\"commonplace\""
    );
    assert!(support::text(answer).await.contains("`commonplace token`"));
    let answer = gate.answer(by("old", get("/metrics"))).await;
    let challenge = answer.headers()["www-authenticate"].to_str().unwrap();
    assert!(challenge.contains("invalid_token"), "{challenge}");
    assert!(support::text(answer).await.contains("rotated"));
}

#[tokio::test]
async fn tokens_count_only_as_one_bearer_header() {
    let gate = gate();
    let tries = [
        (ADMIN.to_owned(), "401 no_token"),
        (format!("Basic {ADMIN}"), "401 no_token"),
        ("Bearer ".to_owned(), "401 no_token"),
        (format!("Bearer {}", &ADMIN[1..]), "401 unknown_token"),
        (format!("bearer {ADMIN}"), "200"),
    ];
    for (value, expected) in tries {
        let got = outcome(&gate, with(get("/api/health"), "authorization", &value)).await;
        assert_eq!(got, expected, "{value:?}");
    }
    let mut two = get("/api/health");
    two.headers_mut()
        .append("authorization", format!("Bearer {ADMIN}").parse().unwrap());
    assert_eq!(
        outcome(&gate, two).await,
        "401 no_token",
        "two headers are none"
    );
    let in_address = without(get(&format!("/api/health?token={ADMIN}")), "authorization");
    assert_eq!(outcome(&gate, in_address).await, "401 no_token");
}

#[tokio::test]
async fn a_body_must_be_declared_as_json() {
    let gate = gate();
    for path in ["/mcp", "/api/session", "/api/codes"] {
        for kind in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "application/jsonx",
        ] {
            let asked = with(post(path, "{}"), "content-type", kind);
            assert_eq!(outcome(&gate, asked).await, "415 not_json", "{path} {kind}");
        }
        let undeclared = without(post(path, "{}"), "content-type");
        assert_eq!(outcome(&gate, undeclared).await, "415 not_json", "{path}");
    }
    let kind = "Application/JSON; charset=utf-8";
    let with_charset = with(post("/mcp", "{}"), "content-type", kind);
    assert_eq!(outcome(&gate, with_charset).await, "200");
    let undeclared = without(post("/mcp", "{}"), "content-type");
    let chunked = without(undeclared, "content-length");
    let chunked = with(chunked, "transfer-encoding", "chunked");
    let got = outcome(&gate, chunked).await;
    assert_eq!(got, "415 not_json", "a body without a length is a body");
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_with_the_limit_and_what_to_do() {
    let gate = gate();
    for path in ["/mcp", "/api/session"] {
        let answer = gate
            .answer(post(path, vec![b' '; 2 * 1024 * 1024 + 1]))
            .await;
        assert_eq!(answer.status(), StatusCode::PAYLOAD_TOO_LARGE, "{path}");
        let said = support::text(answer).await;
        assert!(
            said.contains("2097152 bytes") && said.contains("nothing was stored"),
            "{said}"
        );
    }
    let answer = gate.answer(post("/mcp", vec![b' '; 2 * 1024 * 1024])).await;
    assert_eq!(
        support::text(answer).await,
        "2097152",
        "exactly the limit arrives whole"
    );
}

#[tokio::test]
async fn reading_never_changes_anything() {
    for entry in routes() {
        if entry.method == Some(Method::GET) {
            let changes = ["codes", "session"]
                .iter()
                .any(|word| entry.path.contains(word));
            assert!(
                !changes,
                "{} gives out or ends something and must not be a GET",
                entry.path
            );
        }
    }
}

/// Sends each value of a header to every path.
async fn refused_everywhere(gate: &Gate, name: &'static str, values: &[&str], expected: &str) {
    for path in every_path() {
        for value in values {
            let got = outcome(gate, with(get(&path), name, value)).await;
            assert_eq!(got, expected, "{path} with {name}: {value:?}");
        }
    }
}

/// Paths of all routes, of all files of the page, and one of nothing.
fn every_path() -> Vec<String> {
    let mut all: Vec<_> = routes().iter().map(|entry| entry.path.to_owned()).collect();
    all.extend(file_names().map(|name| format!("/{name}")));
    all.extend(["/".to_owned(), "/nothing".to_owned()]);
    all
}
