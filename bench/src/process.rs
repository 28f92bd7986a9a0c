//! Children: how they are started, and what they leave behind.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, OpenOptions};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::error::BenchError;

/// What cargo tells the program that it starts. A cargo below must not see it: some build scripts ask to run again when
/// it changes.
const TOLD_BY_CARGO: [&str; 4] = [
    "CARGO_BIN_NAME",
    "CARGO_CRATE_NAME",
    "CARGO_MANIFEST_",
    "CARGO_PKG_",
];

/// A running child; killed when dropped.
pub(crate) struct Running(pub(crate) Child);

impl Running {
    /// Waits for its end, so long.
    pub(crate) fn wait(&mut self, patience: Duration) {
        let asked = Instant::now();
        while asked.elapsed() < patience && matches!(self.0.try_wait(), Ok(None)) {
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // If it has ended, both do nothing.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Prepares a child with the environment of the shell and a closed stdin.
pub(crate) fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if TOLD_BY_CARGO.iter().any(|start| text.starts_with(start)) {
            command.env_remove(&name);
        }
    }
    command.stdin(Stdio::null());
    command
}

/// Prepares the cargo that started us, for the benchmark `bench` of a layer.
pub(crate) fn cargo_bench(package: &str, bench: &str) -> Command {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut command = command(cargo);
    command.args(["bench", "--quiet", "--package", package, "--bench", bench]);
    command
}

/// Starts a child.
pub(crate) fn start(command: &mut Command) -> Result<Running, BenchError> {
    let started = command.spawn();
    started.map(Running).map_err(|source| BenchError::Start {
        program: command.get_program().to_string_lossy().into_owned(),
        source,
    })
}

/// Opens the log of all children that work in `dir`, for their stderr.
pub(crate) fn log(dir: &Path) -> Result<File, BenchError> {
    let path = dir.join("bench.log");
    let opened = OpenOptions::new().create(true).append(true).open(&path);
    opened.map_err(BenchError::file(&path))
}

/// Says that a child did not get ready, with the end of what is in the log.
pub(crate) fn not_ready(program: &Path, reason: impl Into<String>, dir: &Path) -> BenchError {
    let text = fs::read_to_string(dir.join("bench.log")).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    BenchError::NotReady {
        program: program.display().to_string(),
        reason: reason.into(),
        said: lines[lines.len().saturating_sub(10)..].join("\n"),
    }
}
