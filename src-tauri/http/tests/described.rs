//! What others read to know this surface: the OpenAPI document, the Prometheus text, the Grafana dashboard.

mod support;

use std::collections::BTreeSet;

use commonplace_http::routes;
use http::Method;
use serde_json::Value;
use support::{gate, get, outcome, text, told, with};

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
    let dashboard: Value = serde_json::from_str(commonplace_http::GRAFANA_DASHBOARD).unwrap();
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
    let document: Value = told(&gate(), get("/api/openapi.json")).await;
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
