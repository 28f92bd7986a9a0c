//! How long the charts of a week with ten million waits take, from the request to the whole answer.
//!
//! `cargo bench -p commonplace-http --bench charts`. Each chart is asked for in another width each time, so that none comes
//! from those that are kept. Prints milliseconds; ends with code 1 if one takes longer than [`LIMIT`].
//! `-- DIR` keeps the store with its history in `DIR`: a host that serves it shows the same charts.
#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]

#[path = "../tests/support/mod.rs"]
mod support;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use axum::body::to_bytes;
use commonplace_api::charts::ChartName;
use commonplace_engine::InstanceId;
use commonplace_http::Gate;
use commonplace_store::statistics::{Acquired, Event, RequestEnd, Statistics, TurnEnd, Written};
use commonplace_testing::Chance;

/// Longest time for one chart.
const LIMIT: Duration = Duration::from_millis(100);
const ROUNDS: u32 = 20;
const STEPS: i64 = 7 * 24 * 3600 / 10;
/// Writes in each ten seconds: ten million in a week.
const WRITES_PER_STEP: u64 = 166;

fn main() -> ExitCode {
    let kept = std::env::args().skip(1).find(|arg| !arg.starts_with('-'));
    let temporary = tempfile::tempdir().expect("a temporary directory");
    let dir = kept.map_or_else(|| temporary.path().to_owned(), PathBuf::from);
    let began = Instant::now();
    record_week(&dir);
    println!(
        "{} waits of 8 clients in a week, recorded in {:.0} s; {} cores",
        STEPS as u64 * WRITES_PER_STEP,
        began.elapsed().as_secs_f64(),
        std::thread::available_parallelism().map_or(0, usize::from)
    );
    let runtime = tokio::runtime::Runtime::new().expect("the runtime starts");
    let slowest = runtime.block_on(measure(&dir));
    if slowest <= LIMIT {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

async fn measure(dir: &Path) -> Duration {
    let gate = gate(dir);
    // The first look adds up what is new.
    ask(&gate, "waits", 240).await;
    println!(
        "{:<12} {:>9} {:>9} {:>9}",
        "7 days, ms", "p50", "longest", "kB"
    );
    let mut slowest = Duration::ZERO;
    for chart in ChartName::ALL.map(ChartName::as_str) {
        let mut times = Vec::new();
        let mut bytes = 0;
        for round in 0..ROUNDS {
            let asked = Instant::now();
            bytes = ask(&gate, chart, 900 + round).await;
            times.push(asked.elapsed());
        }
        times.sort();
        let (p50, longest) = (times[times.len() / 2], times[times.len() - 1]);
        let ms = |time: Duration| time.as_secs_f64() * 1000.0;
        println!(
            "{chart:<12} {:>9.1} {:>9.1} {:>9.1}",
            ms(p50),
            ms(longest),
            bytes as f64 / 1000.0
        );
        slowest = slowest.max(longest);
    }
    let again = Instant::now();
    ask(&gate, "waits", 900).await;
    println!(
        "one that was just drawn: {:.2} ms",
        again.elapsed().as_secs_f64() * 1000.0
    );
    slowest
}

async fn ask(gate: &Gate, chart: &str, width: u32) -> usize {
    let path = format!("/api/charts/{chart}.json?seconds=604800&width={width}&height=320");
    let answer = gate.answer(support::get(&path)).await;
    assert_eq!(answer.status(), 200, "{chart}");
    let body = to_bytes(answer.into_body(), usize::MAX)
        .await
        .expect("a body");
    body.len()
}

/// Records a week that ends now: 8 clients, waits spread over four magnitudes, mornings busier than nights.
fn record_week(dir: &Path) {
    let statistics = Statistics::new(dir, &InstanceId::random());
    let now_ms = now_ms();
    let mut chance = Chance::new(7);
    for step in 0..STEPS {
        let at_ms = now_ms - (STEPS - step) * 10_000;
        let batches = WRITES_PER_STEP / 16 + 1;
        let mut events: Vec<Event> = (0..batches).map(|_| turn(at_ms, &mut chance)).collect();
        events.extend((0..WRITES_PER_STEP).map(|n| write(at_ms, n, &mut chance)));
        statistics.record(&events);
        if step % 360 == 359 {
            statistics.fold(now_ms, &|_| true);
        }
    }
    statistics.fold(now_ms, &|_| true);
}

/// A time from a tenth of a millisecond to some seconds, short ones more often.
fn some_time(chance: &mut Chance) -> Duration {
    let magnitude = chance.below(40).min(chance.below(40)) as f64 / 9.0;
    Duration::from_secs_f64((1.0 + chance.part()) * 10f64.powf(magnitude) / 10_000.0)
}

fn turn(at_ms: i64, chance: &mut Chance) -> Event {
    Event::Acquired(Acquired {
        at_ms,
        lock_wait: some_time(chance) / 20,
        hold: some_time(chance) / 10,
        commit: Duration::from_micros(400),
        end: TurnEnd::Committed,
        is_contended: false,
        is_slow: false,
        client: "client 0".to_owned(),
        kind: "store".to_owned(),
        requests: 16,
        epoch: 1,
    })
}

fn write(at_ms: i64, n: u64, chance: &mut Chance) -> Event {
    let wait = some_time(chance);
    Event::Written(Written {
        at_ms,
        client: format!("client {}", n % 8),
        kind: ["store", "update", "delete"][(n % 3) as usize].to_owned(),
        end: RequestEnd::Done,
        is_internal: false,
        is_throttled: false,
        queue_wait: Some(wait),
        lock_wait: Some(wait / 4),
        total: wait * 2,
        queue_length: n % 40,
        is_slow: false,
        holder: String::new(),
    })
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis() as i64)
}

fn gate(dir: &Path) -> Gate {
    let mut parts = support::site(support::MadeUp::new());
    parts.status = Arc::new(support::open_engine(dir));
    Gate::new(parts)
}
