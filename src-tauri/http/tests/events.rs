//! Live events.

mod support;

use std::sync::Arc;
use std::time::Duration;

use axum::body::BodyDataStream;
use commonplace_api::status::OverallState;
use commonplace_http::{Gate, SiteLimits};
use futures_util::StreamExt;
use support::{MadeUp, get, outcome, site};
use tokio::time::Instant;

async fn open(gate: &Gate) -> BodyDataStream {
    let answer = gate.answer(get("/events")).await;
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    answer.into_body().into_data_stream()
}

async fn next(stream: &mut BodyDataStream) -> String {
    let chunk = stream.next().await.expect("the stream goes on").unwrap();
    String::from_utf8(chunk.to_vec()).unwrap()
}

fn calm() -> Arc<MadeUp> {
    let source = MadeUp::new();
    source.set(|status| status.state = OverallState::Ok);
    source
}

#[tokio::test(start_paused = true)]
async fn the_status_comes_at_once_and_again_when_it_changes() {
    let source = calm();
    let gate = Gate::new(site(source.clone()));
    let mut stream = open(&gate).await;
    let first = next(&mut stream).await;
    assert!(first.starts_with("event: status\ndata: {"), "{first}");

    source.set(|status| status.diagnosis = "something new".to_owned());
    assert!(next(&mut stream).await.contains("something new"));
}

#[tokio::test(start_paused = true)]
async fn many_changes_become_at_most_four_events_a_second() {
    let source = calm();
    let gate = Gate::new(site(source.clone()));
    let mut stream = open(&gate).await;
    next(&mut stream).await;
    let start = Instant::now();
    for _ in 0..4 {
        source.set(|status| status.lock.epoch += 1);
        source.set(|status| status.lock.epoch += 1);
        next(&mut stream).await;
    }
    assert_eq!(start.elapsed(), Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn a_quiet_host_sends_a_heartbeat() {
    let gate = Gate::new(site(calm()));
    let mut stream = open(&gate).await;
    next(&mut stream).await;
    let start = Instant::now();
    assert_eq!(next(&mut stream).await, ": still here\n\n");
    assert_eq!(start.elapsed(), Duration::from_secs(15));
}

#[tokio::test(start_paused = true)]
async fn while_something_waits_the_words_are_renewed_each_second() {
    let source = MadeUp::new();
    source.set(|status| status.state = OverallState::Waiting);
    let gate = Gate::new(site(source));
    let mut stream = open(&gate).await;
    next(&mut stream).await;
    let start = Instant::now();
    assert!(next(&mut stream).await.starts_with("event: status"));
    assert_eq!(start.elapsed(), Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn however_many_pages_are_open_the_status_is_read_once() {
    let source = calm();
    let gate = Gate::new(site(source.clone()));
    let mut streams = Vec::new();
    for _ in 0..8 {
        streams.push(open(&gate).await);
    }
    for round in 1..=3 {
        source.set(|status| status.lock.epoch = 1000 + round);
        let reads = source.reads();
        for stream in &mut streams {
            let event = next(stream).await;
            assert!(
                event.contains(&format!("\"epoch\":{}", 1000 + round)),
                "{event}"
            );
        }
        assert_eq!(source.reads() - reads, 1, "in round {round}");
    }
}

#[tokio::test]
async fn shutdown_and_rotated_tokens_end_the_stream() {
    let parts = site(calm());
    let access = parts.access.clone();
    let gate = Gate::new(parts);

    let mut stream = open(&gate).await;
    next(&mut stream).await;
    access.rotate(support::tokens());
    assert!(
        stream.next().await.is_none(),
        "who had an old token must not go on reading"
    );

    let mut stream = open(&gate).await;
    next(&mut stream).await;
    gate.close();
    assert!(stream.next().await.is_none());
}

#[tokio::test]
async fn streams_are_bounded_and_a_closed_one_makes_room() {
    let mut parts = site(calm());
    parts.limits = SiteLimits {
        streams_max: 1,
        ..SiteLimits::default()
    };
    let gate = Gate::new(parts);
    let stream = open(&gate).await;
    assert_eq!(outcome(&gate, get("/events")).await, "503 too_many_streams");
    drop(stream);
    assert_eq!(outcome(&gate, get("/events")).await, "200");
}
