//! How many requests at once, and how long each may take.

mod support;

use std::sync::Arc;
use std::time::Duration;

use commonplace_http::{Gate, SiteLimits};
use http::StatusCode;
use support::{MadeUp, held_mcp, outcome, post, site, text};
use tokio::sync::Notify;

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
