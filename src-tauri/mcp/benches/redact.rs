//! Measures what redaction adds to a store: a note, a note with secrets, the longest text, and the first text with a token.
//!
//! `cargo bench -p commonplace-mcp`. Prints medians. Ends with code 1 if a note takes longer than its goal.
#![allow(clippy::print_stdout, reason = "printing is what a benchmark is for")]

use std::hint::black_box;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use commonplace_mcp::redact::redact;

/// A tenth of what a store takes: redaction must not be seen in it.
const GOAL: Duration = Duration::from_micros(50);
const ROUNDS: usize = 2_000;

const NOTE: &str = "The release bot of the payments team pushes images to registry.acme.example after each merge; deploys run \
    from main at 10:00 and are rolled back with make rollback. Mira owns the runbook, which lives at \
    https://wiki.acme.example/runbooks/payments?from=nav#deploy and was checked in May (commit 3f2a91c).";

fn main() -> ExitCode {
    let token = "a1B2c3D4e5F6g7H8".repeat(3);
    let with_secrets = format!(
        "{NOTE} GITLAB_TOKEN=glpat-{} postgres://app:{}@db/x",
        &token[..20],
        &token[..12]
    );
    let longest = NOTE.repeat(64 * 1024 / NOTE.len());
    let note = median(ROUNDS, NOTE);
    let start = Instant::now();
    black_box(redact(&with_secrets));
    println!("first text with a token {:?}", start.elapsed());
    println!("note of {} bytes {note:?}", NOTE.len());
    println!("with secrets {:?}", median(ROUNDS, &with_secrets));
    println!("64 KiB {:?}", median(20, &longest));
    println!(
        "64 KiB of beginnings {:?}",
        median(5, &"://AKIA password=".repeat(4 * 1024))
    );
    if note > GOAL {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

fn median(rounds: usize, text: &str) -> Duration {
    let mut times: Vec<Duration> = (0..rounds)
        .map(|_| {
            let start = Instant::now();
            black_box(redact(black_box(text)));
            start.elapsed()
        })
        .collect();
    times.sort();
    times[rounds / 2]
}
