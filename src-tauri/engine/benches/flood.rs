//! How long a calm client waits beside one that floods.
//!
//! `cargo bench -p commonplace-engine --bench flood`. One client keeps 900 writes in flight; another asks for one at a
//! time. Shown are the calm client's times alone and beside the flood, and what the flood gets through.
#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use commonplace_api::Transport;
use commonplace_api::settings::Limits;
use commonplace_engine::{
    Engine, EngineConfig, MemoryDraft, ModelUse, NewMemory, NoProcesses, Origin, WriteOp,
    WriteOptions,
};

/// Writes that the flooding client keeps in flight.
const IN_FLIGHT: u64 = 900;
/// Writes of the calm client in each part.
const CALM_WRITES: usize = 200;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("the runtime starts");
    runtime.block_on(measure());
}

async fn measure() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let engine = open(&dir);
    calm(&engine, "warm-up").await;
    show("alone", &calm(&engine, "alone").await);

    let (stop, stored) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicU64::new(0)),
    );
    let started = Instant::now();
    let flood: Vec<_> = (0..IN_FLIGHT)
        .map(|lane| tokio::spawn(flood(engine.clone(), lane, stop.clone(), stored.clone())))
        .collect();
    while (engine.status().queue.length as u64) < IN_FLIGHT / 2 {
        tokio::task::yield_now().await;
    }
    show("beside a flood", &calm(&engine, "beside").await);
    stop.store(true, Ordering::Relaxed);
    for task in flood {
        task.await.expect("the flood ends by itself");
    }
    let per_second = stored.load(Ordering::Relaxed) as f64 / started.elapsed().as_secs_f64();
    println!("the flood stored {per_second:.0} memories/s");
}

fn open(dir: &tempfile::TempDir) -> Engine {
    let config = EngineConfig {
        data_dir: dir.path().to_owned(),
        model_dir: dir.path().join("no-model"),
        limits: Limits::default(),
        model_use: ModelUse::None,
        processes: Arc::new(NoProcesses),
    };
    Engine::open(config, commonplace_testing::identity("bench")).expect("a fresh store opens")
}

fn store(text: String) -> WriteOp {
    let draft = MemoryDraft {
        text,
        ..MemoryDraft::default()
    };
    WriteOp::Store(NewMemory::parse(draft).expect("the text is fine"))
}

/// Stores one text after the other and returns the time of each, sorted.
async fn calm(engine: &Engine, part: &str) -> Vec<Duration> {
    let origin = Origin::new("calm", Transport::Http);
    let mut times = Vec::with_capacity(CALM_WRITES);
    for number in 0..CALM_WRITES {
        let asked = Instant::now();
        let op = store(format!("calm {part} {number}"));
        engine
            .write(&origin, op, WriteOptions::default())
            .await
            .expect("a calm client is never refused");
        times.push(asked.elapsed());
    }
    times.sort();
    times
}

async fn flood(engine: Engine, lane: u64, stop: Arc<AtomicBool>, stored: Arc<AtomicU64>) {
    let origin = Origin::new("flood", Transport::Http);
    for round in 0_u64.. {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let op = store(format!("flood {lane} {round}"));
        engine
            .write(&origin, op, WriteOptions::default())
            .await
            .expect("900 are below the limit");
        stored.fetch_add(1, Ordering::Relaxed);
    }
}

fn show(what: &str, sorted: &[Duration]) {
    let at = |share: f64| sorted[((sorted.len() - 1) as f64 * share) as usize];
    println!(
        "calm client {what:<15} p50 {:>8.2?}  p95 {:>8.2?}  max {:>8.2?}",
        at(0.5),
        at(0.95),
        at(1.0)
    );
}
