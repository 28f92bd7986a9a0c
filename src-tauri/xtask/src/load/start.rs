//! From the start of a process to its list of tools.

use std::path::Path;
use std::time::Instant;

use super::host::{Host, HostError, Program};
use super::rival::{Rival, RivalError};
use super::samples::Samples;

const STARTS: usize = 10;
/// It takes seconds each time.
const RIVAL_STARTS: usize = 5;

/// What was measured; the files were read before, so they come from memory and not from the disk.
#[derive(Debug)]
pub(crate) struct Start {
    /// Memories in the store that was opened.
    pub(crate) memories: u64,
    pub(crate) ours: Samples,
    pub(crate) rival: Option<Samples>,
}

/// Starts `serve` on the store `dir` again and again; each time it was stopped in order before.
pub(crate) fn ours(program: &Program, dir: &Path) -> Result<Samples, StartError> {
    let one = |_| {
        let started = Instant::now();
        let host = Host::start(program, dir)?;
        let listed = host.client().map_err(HostError::from)?.list_tools();
        let took = started.elapsed();
        listed.map_err(StartError::Tools)?;
        host.stop();
        Ok(took)
    };
    (0..STARTS).map(one).collect()
}

/// Starts the rival in `dir` again and again, one process at a time.
pub(crate) fn rival(rival: &Rival, dir: &Path) -> Result<Samples, RivalError> {
    (0..RIVAL_STARTS)
        .map(|_| rival.start(dir).map(|client| client.start))
        .collect()
}

/// Why our host's start could not be measured.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    #[error(transparent)]
    Host(#[from] HostError),
    /// It started, but lists no tools.
    #[error("the host did not list its tools: {0}")]
    Tools(String),
}
