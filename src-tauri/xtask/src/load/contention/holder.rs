//! Another instance that holds the write lock and does nothing else: the lock's own benchmark, started for that.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Stdio};
use std::time::Instant;

use crate::commands;
use crate::load::LoadError;

/// Tells the benchmark to hold the lock in this directory of locks until its stdin ends.
const HOLD_VARIABLE: &str = "COMMONPLACE_LOCK_BENCH_HOLD";

/// The instance; gives the lock back when it is dropped.
pub(super) struct Holder {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Holder {
    /// Starts it and waits until it has the lock.
    pub(super) fn take(root: &Path, locks: &Path) -> Result<Self, LoadError> {
        let mut command = commands::cargo(root);
        command
            .args(["bench", "--quiet"])
            .args(["--package", "commonplace-lock", "--bench", "lock"])
            .env(HOLD_VARIABLE, locks)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let spawned = command.spawn();
        let mut child = spawned.map_err(|source| commands::start_error(&command, source))?;
        let stdout = child.stdout.take().ok_or(LoadError::Holder("locked"))?;
        let mut holder = Self {
            child,
            lines: BufReader::new(stdout),
        };
        holder.expect("locked")?;
        Ok(holder)
    }

    /// Lets it give the lock back, and returns when it said so.
    pub(super) fn release(mut self) -> Result<Instant, LoadError> {
        drop(self.child.stdin.take());
        self.expect("released")?;
        Ok(Instant::now())
    }

    fn expect(&mut self, word: &'static str) -> Result<(), LoadError> {
        let mut line = String::new();
        match self.lines.read_line(&mut line) {
            Ok(_) if line.trim() == word => Ok(()),
            _ => Err(LoadError::Holder(word)),
        }
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        // It ends with its stdin; killing cargo would leave the benchmark below it alone.
        drop(self.child.stdin.take());
        drop(self.child.wait());
    }
}
