//! Eight hosts on one store, with four clients each, that store one text after another.

use std::path::Path;
use std::time::Duration;

use super::Waits;
use crate::load::crowd::{self, Kept, Stored};
use crate::load::host::{Host, HostError, Program};

pub(super) const INSTANCES: usize = 8;
pub(super) const CLIENTS_EACH: usize = 4;

/// What was measured.
#[derive(Debug, Default)]
pub(crate) struct Instances {
    pub(super) stored: Stored,
    pub(super) kept: Kept,
    /// What the hosts say about all instances.
    pub(super) waits: Waits,
}

/// Lets all clients store for the time `span`; every host has its model before, if there is one.
///
/// Nothing is stored before the clock starts, so what the hosts say about waiting is about these writes alone.
pub(super) fn measure(
    program: &Program,
    dir: &Path,
    seed: u64,
    span: Duration,
) -> Result<Instances, HostError> {
    let mut hosts = Vec::with_capacity(INSTANCES);
    for _ in 0..INSTANCES {
        hosts.push(Host::start(program, dir)?);
    }
    let mut clients = Vec::with_capacity(INSTANCES * CLIENTS_EACH);
    for host in &mut hosts {
        host.wait_model()?;
        clients.extend(host.clients(CLIENTS_EACH)?);
    }
    let pids: Vec<u32> = hosts.iter().map(Host::pid).collect();
    let stored = crowd::store_for(&mut clients, seed, span, &pids);
    let waits = Waits::read(&hosts[0].fresh_state()?);
    // Each text is looked up with a client of another host than the one that stored it, most of the time.
    let kept = crowd::look_up(&mut clients, &stored.acknowledged);
    hosts.into_iter().for_each(Host::stop);
    Ok(Instances {
        stored,
        kept,
        waits,
    })
}

impl Instances {
    /// The fewest and the most acknowledged texts of one client; equal load means that they are close.
    pub(super) fn fewest_and_most(&self) -> (usize, usize) {
        let all = &self.stored.by_client;
        let fewest = all.iter().copied().min().unwrap_or(0);
        (fewest, all.iter().copied().max().unwrap_or(0))
    }
}
