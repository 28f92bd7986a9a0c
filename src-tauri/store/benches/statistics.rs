//! Measures what recording statistics adds to one write, beside the write itself.
//!
//! `cargo bench -p commonplace-store --bench statistics`. Prints microseconds. Ends with code 1 if recording one stored
//! memory takes more than one hundredth of its commit.
#![allow(clippy::print_stdout, reason = "printing is what a benchmark is for")]

use std::process::ExitCode;
use std::time::{Duration, Instant};

use commonplace_lock::{InstanceId, Wait};
use commonplace_store::statistics::{Acquired, Event, RequestEnd, Statistics, TurnEnd, Written};
use commonplace_store::{Backend, MemoryDraft, NewMemory, SqliteStore, Stamp, WriteOp};
use commonplace_testing::{locks, purpose};

const ROUNDS: usize = 2_000;
const NOW_MS: i64 = 1_800_000_000_000;

fn main() -> ExitCode {
    // In the target directory, since the temporary one may lie in memory, where a sync costs nothing.
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    println!("{:<52} {:>9} {:>9}", "us", "p50", "p99");
    let write = measure(
        "lock, commit of 1 store with its sync, unlock",
        writes(folder.path()),
    );
    let id = InstanceId::random();
    let statistics = Statistics::new(folder.path(), &id);
    let record = measure("recording its acquisition and its request", |_| {
        statistics.record(&[turn(1), request()]);
    });
    let batch: Vec<Event> = std::iter::once(turn(256))
        .chain((0..256).map(|_| request()))
        .collect();
    measure("recording a batch of 256 requests", |_| {
        statistics.record(&batch)
    });
    statistics.fold(NOW_MS, &|_| true);
    measure(
        "folding one recorded write, and reading all figures",
        |_| {
            statistics.record(&[turn(1), request()]);
            statistics.figures(NOW_MS, &|_| true);
        },
    );
    let share = record.as_secs_f64() / write.as_secs_f64();
    println!("recording is {:.2} % of the write", share * 100.0);
    if share < 0.01 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Returns a closure that stores one memory under the lock.
fn writes(dir: &std::path::Path) -> impl FnMut(usize) {
    let locks = locks(&dir.join("locks"));
    let store = SqliteStore::open(dir, &locks, 0).unwrap();
    move |n| {
        let draft = MemoryDraft {
            text: format!("The build of branch {n} failed in the linker; it wanted another flag."),
            ..MemoryDraft::default()
        };
        let op = WriteOp::Store(NewMemory::parse(draft).unwrap());
        let lock = locks
            .acquire_write(&purpose("bench"), Wait::up_to(Duration::from_secs(10)))
            .unwrap();
        let mut writer = store.begin_write(&lock).unwrap();
        writer.apply(&op, &Stamp::default()).unwrap().unwrap();
        writer.commit().unwrap();
        lock.release();
    }
}

fn turn(requests: u64) -> Event {
    Event::Acquired(Acquired {
        at_ms: NOW_MS,
        lock_wait: Duration::from_micros(12),
        hold: Duration::from_micros(640),
        commit: Duration::from_micros(410),
        end: TurnEnd::Committed,
        is_contended: false,
        is_slow: false,
        client: "claude-code".to_owned(),
        kind: "store".to_owned(),
        requests,
        epoch: 7,
    })
}

fn request() -> Event {
    Event::Written(Written {
        at_ms: NOW_MS,
        client: "claude-code".to_owned(),
        kind: "store".to_owned(),
        end: RequestEnd::Done,
        is_internal: false,
        is_throttled: false,
        queue_wait: Some(Duration::from_micros(45)),
        lock_wait: Some(Duration::from_micros(12)),
        total: Duration::from_micros(700),
        queue_length: 1,
        is_slow: false,
        holder: String::new(),
    })
}

/// Runs `work` many times, prints the median and the 99th percentile, and returns the median.
fn measure(name: &str, mut work: impl FnMut(usize)) -> Duration {
    let mut times: Vec<Duration> = (0..ROUNDS)
        .map(|round| {
            let started = Instant::now();
            work(round);
            started.elapsed()
        })
        .collect();
    times.sort();
    let at = |percent: usize| times[(times.len() - 1) * percent / 100];
    let us = |time: Duration| time.as_secs_f64() * 1e6;
    println!("{name:<52} {:>9.1} {:>9.1}", us(at(50)), us(at(99)));
    at(50)
}
