//! The store on a disk that fails or loses what was not synced.
//!
//! A test program of its own, because it gives SQLite another file system ([`vfs`]) for the whole process.
//! `errors` lets each operation of the disk fail, one after the other; `crashes` stops the machine after each.
//!
//! Both look at a sample by default. COMMONPLACE_FAULT_ROUNDS=N makes N times as many crashes with other seeds, and lets
//! every operation fail instead of every fifth.

mod copies;
mod crashes;
mod disk;
mod errors;
mod image;
mod oracle;
mod story;
mod vfs;

#[path = "../store/audit.rs"]
#[allow(dead_code, reason = "the other test program uses the rest")]
mod audit;
#[path = "../store/support.rs"]
#[allow(dead_code, reason = "the other test program uses the rest")]
mod support;

/// How much more than the sample is wanted; 1 is the sample.
fn rounds() -> u64 {
    let asked = std::env::var("COMMONPLACE_FAULT_ROUNDS").ok();
    asked.map_or(1, |rounds| rounds.parse().expect("a number of rounds"))
}
