//! Measures the write lock: one instance alone, hand-over between two threads and between two processes, and the way of
//! the lock from a holder that is killed to the one that waits.
//!
//! `cargo bench -p commonplace-lock`. Prints microseconds. Ends with code 1 if the lock alone
//! misses its goal. `cargo xtask bench contention` reads what it prints, and also starts it as an
//! instance that only holds the lock.
#![allow(clippy::print_stdout, reason = "printing is what a benchmark is for")]

use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use commonplace_lock::{Locks, Wait};
use commonplace_testing::{locks as open, purpose};

/// The design's goal for the median of one uncontended acquire and release.
const GOAL: Duration = Duration::from_micros(100);
const ALONE_ROUNDS: usize = 20_000;
const HAND_OVER_ROUNDS: usize = 300;
/// How long each side holds the lock in the hand-over: about one small batch of writes.
const HOLD: Duration = Duration::from_millis(1);
/// How long a side waits for the other to take its turn; only the last turns need it.
const PARTNER_GONE: Duration = Duration::from_millis(100);
/// Set for the second process of the hand-over: the directory to work in.
const PARTNER_VARIABLE: &str = "COMMONPLACE_LOCK_BENCH_DIR";
/// Set to hold the write lock and measure nothing: the directory of locks.
const HOLD_VARIABLE: &str = "COMMONPLACE_LOCK_BENCH_HOLD";

/// Set for the process that is killed while it holds the lock: the directory to work in.
const VICTIM_VARIABLE: &str = "COMMONPLACE_LOCK_BENCH_VICTIM_DIR";
const DEATHS: usize = 100;

fn main() -> ExitCode {
    if let Some(dir) = std::env::var_os(VICTIM_VARIABLE) {
        hold_until_killed(Path::new(&dir));
    }
    if let Some(dir) = std::env::var_os(PARTNER_VARIABLE) {
        take_turns(Path::new(&dir), "partner");
        return ExitCode::SUCCESS;
    }
    if let Some(dir) = std::env::var_os(HOLD_VARIABLE) {
        hold(Path::new(&dir));
        return ExitCode::SUCCESS;
    }
    let median = alone();
    between_threads();
    between_processes();
    after_a_death();
    if median < GOAL {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Acquire, note the epoch and release, with nobody else there.
fn alone() -> Duration {
    let folder = tempfile::tempdir().unwrap();
    let locks = open(&folder.path().join("locks"));
    let mut times = Vec::with_capacity(ALONE_ROUNDS);
    for epoch in 0..ALONE_ROUNDS as u64 {
        let started = Instant::now();
        let lock = locks
            .acquire_write(&purpose("claude-1"), Wait::up_to(Duration::ZERO))
            .unwrap();
        lock.note_epoch(epoch);
        lock.release();
        times.push(started.elapsed());
    }
    print("alone: acquire, note epoch, release", times)
}

fn between_threads() {
    let folder = tempfile::tempdir().unwrap();
    let times = std::thread::scope(|scope| {
        let partner = scope.spawn(|| take_turns(folder.path(), "partner"));
        let ours = take_turns(folder.path(), "first");
        [ours, partner.join().unwrap()].concat()
    });
    print("hand-over between threads", times);
}

fn between_processes() {
    let folder = tempfile::tempdir().unwrap();
    let mut partner = Command::new(std::env::current_exe().unwrap())
        .env(PARTNER_VARIABLE, folder.path())
        .spawn()
        .unwrap();
    let times = take_turns(folder.path(), "first");
    assert!(partner.wait().unwrap().success());
    print("hand-over between processes", times);
}

/// From the kill of a holder to its lock in the hands of the one that waits.
fn after_a_death() {
    let folder = tempfile::tempdir().unwrap();
    let locks = open(&folder.path().join("locks"));
    let times = (0..DEATHS).map(|_| one_death(&locks, folder.path()));
    print("death of the holder to the next", times.collect());
}

fn one_death(locks: &Locks, dir: &Path) -> Duration {
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .env(VICTIM_VARIABLE, dir)
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut held = String::new();
    let mut told = std::io::BufReader::new(victim.stdout.take().unwrap());
    std::io::BufRead::read_line(&mut told, &mut held).unwrap();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            let wait = Wait::up_to(Duration::from_secs(30));
            let lock = locks.acquire_write(&purpose("claude-1"), wait).unwrap();
            (Instant::now(), lock)
        });
        while locks.waiters().is_empty() {
            std::thread::yield_now();
        }
        let killed = Instant::now();
        victim.kill().unwrap();
        let (had, lock) = waiting.join().unwrap();
        victim.wait().unwrap();
        lock.release();
        had.saturating_duration_since(killed)
    })
}

fn hold_until_killed(dir: &Path) -> ! {
    let locks = open(&dir.join("locks"));
    let wait = Wait::up_to(Duration::from_secs(30));
    let _lock = locks.acquire_write(&purpose("claude-1"), wait).unwrap();
    println!("held");
    loop {
        std::thread::park();
    }
}

/// Takes turns with the other side; returns how long the lock took to come over each time.
///
/// Each side writes its name into `turn` when it has the lock, and the time into `released` just
/// before it gives it back. It asks again as soon as the other side has it, so it is waiting
/// when the other gives it back.
fn take_turns(dir: &Path, name: &str) -> Vec<Duration> {
    let locks = open(&dir.join("locks"));
    let (turn, released) = (dir.join("turn"), dir.join("released"));
    let is_mine = || fs::read_to_string(&turn).is_ok_and(|owner| owner == name);
    let mut times = Vec::new();
    for _ in 0..HAND_OVER_ROUNDS {
        let lock = locks
            .acquire_write(&purpose("claude-1"), Wait::up_to(Duration::from_secs(30)))
            .unwrap();
        let taken_at = now();
        if !is_mine() && lock.waited() > HOLD / 2 {
            let at = fs::read_to_string(&released).unwrap().parse().unwrap();
            times.push(taken_at.saturating_sub(Duration::from_nanos(at)));
        }
        fs::write(&turn, name).unwrap();
        std::thread::sleep(HOLD);
        fs::write(&released, now().as_nanos().to_string()).unwrap();
        lock.release();
        let since = Instant::now();
        while is_mine() && since.elapsed() < PARTNER_GONE {
            std::thread::sleep(Duration::from_micros(50));
        }
    }
    times
}

/// Holds the write lock until stdin ends; says `locked` and `released`.
fn hold(dir: &Path) {
    let lock = open(dir)
        .acquire_write(&purpose("claude-1"), Wait::up_to(Duration::from_secs(30)))
        .unwrap();
    println!("locked");
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink()).unwrap();
    lock.release();
    println!("released");
}

/// The wall clock, because the two sides may be processes.
fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap()
}

/// Prints the distribution and returns its median.
fn print(what: &str, mut times: Vec<Duration>) -> Duration {
    times.sort();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    let us = |time: Duration| time.as_secs_f64() * 1e6;
    println!(
        "{what:38} n {:6}  p50 {:9.1} us  p99 {:9.1} us  max {:9.1} us",
        times.len(),
        us(at(0.5)),
        us(at(0.99)),
        us(at(1.0)),
    );
    at(0.5)
}
