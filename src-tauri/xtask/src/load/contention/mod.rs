//! `cargo xtask bench contention`: what waiting for the write lock costs, in one run and beside the limits of the design.
//!
//! The parts:
//! - `layers`: the lock between two processes and alone, and the statistics, from the benchmarks of their layers;
//! - one host with 1, 4 and 8 clients, as in `bench mcp`, and beside it a rival with as many processes;
//! - `instances`: eight hosts on one store;
//! - `burst`, `holder`: many writes to a host while another instance holds the lock;
//! - `table`, `limits`: all of it, and beside the limits of the design.

mod burst;
mod holder;
mod instances;
mod layers;
mod limits;
mod options;
mod table;

use std::time::Duration;

use super::dialect::Dialect;
use super::host::State;
use super::print::{self, Report};
use super::rival::Rival;
use super::round::{self, Amount, RivalRound};
use super::{Bench, LoadError, results};
use crate::machine::Machine;
use crate::report::Heading;
use crate::workspace::Workspace;
pub(crate) use options::ContentionArgs;

use burst::Burst;
use instances::Instances;
use layers::Layers;

/// Processes of the rival with a file of JSON lines.
const JSONL_PROCESSES: usize = 4;

/// Everything of one run.
#[derive(Debug, Default)]
struct Contention {
    layers: Layers,
    one_host: results::Results,
    instances: Instances,
    burst: Burst,
    jsonl: Option<RivalRound>,
}

/// What hosts say about waiting, over all instances since the store is there.
#[derive(Clone, Copy, Debug, Default)]
struct Waits {
    queue: Wait,
    lock: Wait,
    failed_acquisitions: u64,
}

/// One kind of waiting.
#[derive(Clone, Copy, Debug, Default)]
struct Wait {
    count: u64,
    average: Duration,
    p50: Duration,
    p99: Duration,
    max: Duration,
}

/// Measures, prints the table, and writes the figures to a file if asked.
///
/// # Errors
/// `Missed` after the table if a limit is not met; the others if something could not be measured.
pub(crate) fn run(
    machine: &Machine,
    workspace: &Workspace,
    args: &ContentionArgs,
) -> Result<(), LoadError> {
    let jsonl = args
        .rival_jsonl
        .as_deref()
        .map(|line| Rival::parse(line, &args.rival_env))
        .transpose()?;
    let of_one_host = args.of_one_host();
    let bench = Bench::prepare(machine, workspace, &of_one_host, args.words_only)?;
    let mut facts = print::facts(&of_one_host, &bench.program, &bench.dir);
    facts.extend(table::notes(args));
    let measured = measure(&bench, workspace, args, jsonl)?;
    let report = Report {
        facts,
        sections: measured.sections(),
        limits: measured.limits(),
        complaints: measured.complaints(),
    };
    report.print(&of_one_host)?;
    let is_missed = |limit: &&super::limits::Limit| limit.is_met != Some(true);
    match report.limits.iter().filter(is_missed).count() {
        0 => Ok(()),
        count => Err(LoadError::Missed { count }),
    }
}

fn measure(
    bench: &Bench<'_>,
    workspace: &Workspace,
    args: &ContentionArgs,
    jsonl: Option<Rival>,
) -> Result<Contention, LoadError> {
    let (program, seed) = (&bench.program, bench.args.seed);
    let total = 4 + usize::from(jsonl.is_some());
    let heading = Heading::print(1, total, "the lock between processes, and the statistics");
    let layers = layers::measure(&workspace.root)?;
    heading.done();
    let heading = Heading::print(2, total, "one host");
    let one_host = bench.measure()?;
    heading.done();
    let heading = Heading::print(3, total, "eight instances on one store");
    let dir = bench.scratch()?;
    let instances = instances::measure(program, dir.path(), seed, args.span())?;
    heading.done();
    let heading = Heading::print(4, total, "a burst while another instance holds the lock");
    let dir = bench.scratch()?;
    let amount = burst::Amount {
        seed,
        requests: args.burst,
        hold: args.hold(),
    };
    let burst = burst::measure(program, &workspace.root, dir.path(), amount)?;
    heading.done();
    Ok(Contention {
        layers,
        one_host,
        instances,
        burst,
        jsonl: jsonl
            .map(|rival| measure_jsonl(bench, rival, total))
            .transpose()?,
    })
}

fn measure_jsonl(bench: &Bench<'_>, rival: Rival, total: usize) -> Result<RivalRound, LoadError> {
    let heading = Heading::print(total, total, "the rival with a file of JSON lines");
    let amount = Amount {
        seed: bench.args.seed,
        clients: JSONL_PROCESSES,
        writes: bench.args.rival_writes,
        searches: 0,
    };
    let dir = bench.scratch()?;
    let round = round::rival(&rival.speaking(Dialect::Graph), dir.path(), amount)?;
    heading.done();
    Ok(round)
}

impl Waits {
    fn read(state: &State) -> Self {
        Self {
            queue: Wait::read(state, "queue_wait"),
            lock: Wait::read(state, "lock_wait"),
            failed_acquisitions: state.number("/stats/failed_acquisitions") as u64,
        }
    }
}

impl Wait {
    fn read(state: &State, name: &str) -> Self {
        let time = |field: &str| {
            let ms = state.number(&format!("/stats/{name}/{field}"));
            Duration::from_secs_f64(ms.max(0.0) / 1e3)
        };
        Self {
            count: state.number(&format!("/stats/{name}/count")) as u64,
            average: time("average_ms"),
            p50: time("p50_ms"),
            p99: time("p99_ms"),
            max: time("max_ms"),
        }
    }
}
