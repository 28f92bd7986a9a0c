//! Who may look at the page: codes and sessions.

mod support;

use commonplace_http::{Gate, Token, Tokens};
use http::{Method, StatusCode};
use support::{ADMIN, MadeUp, gate, get, json, outcome, post, request, site, with, without};

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
