//! What others read to know this surface: the OpenAPI document, the Prometheus text, the Grafana dashboard.

mod support;

use std::collections::BTreeSet;

use commonplace_api::PauseRequest;
use commonplace_api::backups::BackupRequest;
use commonplace_api::call::{self, Call};
use commonplace_api::locks::{Settle, SettleAct};
use commonplace_api::query::LogQuery;
use commonplace_api::settings::SettingsChange;
use commonplace_http::{Gate, routes};
use http::Method;
use serde::de::DeserializeOwned;
use support::{gate, get, json, outcome, send, text, with};

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

/// Sends a call and reads its answer as the type that it says.
async fn asked<T: DeserializeOwned>(gate: &Gate, call: Call<T>) -> T {
    let method = call.method.parse().unwrap();
    let body = String::from_utf8(call.body.clone().unwrap_or_default()).unwrap();
    let answer = gate.answer(send(method, &call.path, body)).await;
    let status = answer.status().as_u16();
    let text = text(answer).await;
    call.read(status, text.as_bytes())
        .unwrap_or_else(|error| panic!("{} {}: {error}: {text}", call.method, call.path))
}

#[tokio::test]
async fn what_the_routes_answer_is_what_a_client_reads() {
    let gate = gate();
    assert_eq!(asked(&gate, call::status()).await.queue.length, 3);
    assert_eq!(asked(&gate, call::health()).await.pid, 812);
    assert_eq!(asked(&gate, call::history(7)).await.samples.len(), 7);
    assert_eq!(asked(&gate, call::incidents(2)).await.incidents.len(), 2);
    let locks = asked(&gate, call::locks()).await;
    assert_eq!(locks.locks[0].act, Some(SettleAct::TakeOver));
    let settled = asked(&gate, call::settle(&Settle::default())).await;
    assert_eq!(settled.done, "generation 1");
    let pause = asked(&gate, call::pause(&PauseRequest::default())).await;
    assert_eq!(asked(&gate, call::resume()).await, pause);
    let begun = asked(&gate, call::start_backup(&BackupRequest::default())).await;
    assert_eq!(asked(&gate, call::backups()).await.running, Some(begun));
    let settings = asked(&gate, call::settings()).await;
    let nothing = SettingsChange::default();
    assert_eq!(
        asked(&gate, call::change_settings(&nothing)).await,
        settings
    );
    let query = LogQuery {
        contains: Some("slow hold & more".to_owned()),
        ..LogQuery::default()
    };
    let page = asked(&gate, call::logs(&query)).await;
    assert_eq!(page.lines[0].text, "slow hold & more");
    asked(&gate, call::start_check()).await;
    asked(&gate, call::page_address()).await;
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
