//! Speed and memory of the embed layer. `cargo bench -p commonplace-embed`
//!
//! Prints one line per number. Needs the model files as the tests do.
#![allow(clippy::print_stdout, reason = "a benchmark prints")]

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use commonplace_embed::{EmbedOptions, Embedder, MODEL_NAME, TOKENS_MAX};

const ROUNDS: usize = 60;

fn main() {
    let dir = std::env::var_os("COMMONPLACE_MODEL_DIR").map_or_else(
        || {
            Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("../../target/models")
                .join(MODEL_NAME)
        },
        PathBuf::from,
    );
    println!("before loading: {}", memory());
    let load = |threads, verify| {
        let options = EmbedOptions {
            threads,
            verify,
            ..EmbedOptions::default()
        };
        Embedder::load(&dir, options).expect("run `cargo xtask model`")
    };
    for (name, verify) in [("with sums", true), ("without", false), ("again", false)] {
        let took = timed(|| drop(black_box(load(2, verify))));
        println!("load, {name}: {:.0} ms", milliseconds(took));
    }
    let embedder = Arc::new(load(2, false));
    println!("loaded: {}", memory());
    singles(&embedder, 2);
    batches(&embedder);
    megabytes(&embedder);
    side_by_side(&embedder);
    println!("after use: {}", memory());
    drop(embedder);
    singles(&load(1, false), 1);
}

fn singles(embedder: &Embedder, threads: usize) {
    for tokens in [12, 73, TOKENS_MAX] {
        let text = words(tokens, 0);
        let times = (0..ROUNDS)
            .map(|_| timed(|| drop(embedder.embed(&text))))
            .collect();
        println!(
            "one text of {tokens} tokens, {threads} threads: {}",
            spread(times)
        );
    }
}

fn batches(embedder: &Embedder) {
    for (name, tokens) in [("40 tokens", 40), ("73 tokens", 73)] {
        let texts: Vec<String> = (0..64).map(|i| words(tokens, i)).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let best = (0..4)
            .map(|_| timed(|| drop(embedder.embed_batch(&texts))))
            .min()
            .unwrap_or_default();
        println!(
            "batch of 64 texts of {name}, 1 background thread: {:.0} texts/s",
            64.0 / best.as_secs_f64()
        );
        let lanes = || {
            timed(|| {
                thread::scope(|scope| {
                    for half in texts.chunks(32) {
                        scope.spawn(|| half.iter().for_each(|text| drop(embedder.embed(text))));
                    }
                })
            })
        };
        let best = (0..4).map(|_| lanes()).min().unwrap_or_default();
        println!(
            "64 texts of {name}, singly from 2 threads: {:.0} texts/s",
            64.0 / best.as_secs_f64()
        );
    }
}

/// Very long texts, which are cut before they are split into tokens.
fn megabytes(embedder: &Embedder) {
    let kinds = [
        ("prose", words(150_000, 0)),
        ("one word", "a".repeat(1 << 20)),
        ("ideographs", "漢".repeat(350_000)),
    ];
    for (kind, text) in kinds {
        let times = (0..10)
            .map(|_| timed(|| drop(embedder.embed(&text))))
            .collect();
        println!("one text of 1 MB, {kind}: {}", spread(times));
    }
}

/// Queries while the indexer works, and while several clients ask at once.
fn side_by_side(embedder: &Arc<Embedder>) {
    let stop = Arc::new(AtomicBool::new(false));
    let indexer = {
        let (embedder, stop) = (Arc::clone(embedder), Arc::clone(&stop));
        thread::spawn(move || {
            let (texts, start, mut done) = (
                (0..8).map(|i| words(73, i)).collect::<Vec<_>>(),
                Instant::now(),
                0,
            );
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            while !stop.load(Ordering::Relaxed) {
                done += embedder.embed_batch(&texts).map_or(0, |found| found.len());
            }
            done as f64 / start.elapsed().as_secs_f64()
        })
    };
    let query = words(12, 1);
    let times = (0..4 * ROUNDS)
        .map(|_| timed(|| drop(embedder.embed(&query))))
        .collect();
    println!(
        "one text of 12 tokens while a batch runs: {}",
        spread(times)
    );
    stop.store(true, Ordering::Relaxed);
    println!(
        "meanwhile the batch made {:.0} texts/s",
        indexer.join().unwrap_or_default()
    );
    for clients in [2, 4, 8] {
        let start = Instant::now();
        let times: Vec<Duration> = thread::scope(|scope| {
            let ask = || {
                (0..ROUNDS)
                    .map(|_| timed(|| drop(embedder.embed(&query))))
                    .collect::<Vec<_>>()
            };
            let asking: Vec<_> = (0..clients).map(|_| scope.spawn(ask)).collect();
            asking
                .into_iter()
                .flat_map(|thread| thread.join().unwrap_or_default())
                .collect()
        });
        let rate = times.len() as f64 / start.elapsed().as_secs_f64();
        println!(
            "12 tokens from {clients} threads at once: {}, {rate:.0} texts/s",
            spread(times)
        );
    }
}

/// A text of exactly this many tokens, different for each `seed`.
fn words(tokens: usize, seed: usize) -> String {
    const WORDS: [&str; 8] = [
        "store", "memory", "lock", "search", "vector", "client", "write", "queue",
    ];
    (0..tokens - 2)
        .map(|i| WORDS[(i * 3 + seed + i / 5) % WORDS.len()])
        .collect::<Vec<_>>()
        .join(" ")
}

fn timed(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

fn spread(mut times: Vec<Duration>) -> String {
    times.sort();
    let at = |part: usize| milliseconds(times[(times.len() - 1) * part / 100]);
    format!(
        "p50 {:.2} ms, p95 {:.2} ms, longest {:.2} ms",
        at(50),
        at(95),
        at(100)
    )
}

/// What the operating system says about this process; empty where there is no /proc.
fn memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let entries = status
        .lines()
        .filter(|line| line.starts_with("VmRSS") || line.starts_with("VmHWM"));
    entries
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect::<Vec<_>>()
        .join(", ")
}
