//! `cargo xtask bench contention`: what waiting for the write lock costs, in one run and beside the limits of the design.
//!
//! The parts:
//! - `layers`: the lock between two processes and alone, and the statistics, from the benchmarks of their layers;
//! - one host with 1, 4 and 8 clients, as in `bench mcp`, and beside it a rival with as many processes;
//! - `instances`: eight hosts on one store;
//! - `burst`: many writes to a host while another instance holds the lock.

mod burst;
mod instances;
mod layers;

use std::time::Duration;

use clap::Args;

use crate::error::BenchError;
use crate::figures::{Figure, Limit, Section};
use crate::report::{Bench, Common, Report, at_least_one, step, variable};
use crate::rival::{Dialect, Rival};
use crate::round::{self, Amount};

/// Clients of the one host.
const CLIENTS: [usize; 3] = [1, 4, 8];
/// Processes of the rival with a file of JSON lines.
const JSONL_PROCESSES: usize = 4;
/// Lock, records and statistics may take this share of a request of a client that is alone.
const OVERHEAD_SHARE_MAX: Figure = Figure::Share(0.10);

/// Measures several instances on one store, and a lock that somebody else holds; fails if a limit is missed
#[derive(Args, Debug)]
pub(crate) struct ContentionArgs {
    /// How long eight instances with four clients each store
    #[arg(long, default_value_t = 10, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    seconds: u64,
    /// Texts that each client of one host stores
    #[arg(long, default_value_t = 400, value_parser = at_least_one)]
    writes: usize,
    /// Writes that are sent at once while another instance holds the lock
    #[arg(long, default_value_t = 1_000, value_parser = at_least_one)]
    pub(crate) burst: usize,
    /// How long that instance holds it
    #[arg(long, default_value_t = 5, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=20))]
    pub(crate) hold_seconds: u64,
    /// Command line of another memory server with tools named as ours, started once for each of 1, 4 and 8 clients and
    /// spoken to over its stdin and stdout
    #[arg(long, value_name = "COMMAND")]
    rival_python: Option<String>,
    /// Command line of a memory server that keeps a graph in a file of JSON lines, started four times on one file
    #[arg(long, value_name = "COMMAND")]
    rival_jsonl: Option<String>,
    /// Variable for both; `{dir}` in it becomes a fresh directory. May be given several times
    #[arg(long, value_name = "NAME=VALUE", value_parser = variable)]
    rival_env: Vec<(String, String)>,
    /// Texts that each client stores in a rival
    #[arg(long, default_value_t = 100, value_parser = at_least_one)]
    rival_writes: usize,
    /// Without the model: nothing but the clients' own writes
    #[arg(long)]
    words_only: bool,
    #[command(flatten)]
    common: Common,
}

/// Measures, prints the table, and writes the figures to a file if asked.
///
/// # Errors
/// `Missed` after the table if a limit is not met; the others if something could not be measured.
pub(crate) fn run(args: &ContentionArgs) -> Result<(), BenchError> {
    let rival = |line: &Option<String>, dialect| {
        let line = line.as_deref();
        line.map(|line| Rival::parse(line, &args.rival_env, dialect))
            .transpose()
    };
    let python = rival(&args.rival_python, Dialect::Memory)?;
    let jsonl = rival(&args.rival_jsonl, Dialect::Graph)?;
    let bench = Bench::prepare(&args.common, args.words_only)?;
    let mut facts = bench.facts();
    facts.extend(notes(args));
    let sections = measure(&bench, args, python.as_ref(), jsonl.as_ref())?;
    let report = Report { facts, sections };
    report.print(&args.common)?;
    match report.missed() {
        0 => Ok(()),
        count => Err(BenchError::Missed(count)),
    }
}

/// What one must know to compare the programs.
fn notes(args: &ContentionArgs) -> Vec<String> {
    let mut notes = vec![
        "Queue wait: from asking to the start of the commit; lock wait, the part of it before the write lock was taken, is \
         counted once for each acquisition, also the indexer's."
            .to_owned(),
        "Beside the rivals ours is one host with as many clients. Each commit of ours is synced to the disk before the answer."
            .to_owned(),
    ];
    if args.rival_python.is_some() || args.rival_jsonl.is_some() {
        notes.push(format!(
            "Each client stores {} texts in ours and {} in a rival.",
            args.writes, args.rival_writes
        ));
    }
    if args.words_only {
        notes.push("Ours works without the model here and makes no vectors.".to_owned());
    }
    if args.rival_jsonl.is_some() {
        notes.push(
            "The rival with a file of JSON lines makes no vectors, and finds by parts of words; nothing is said about \
             when its file is on the disk."
                .to_owned(),
        );
    }
    notes
}

fn measure(
    bench: &Bench,
    args: &ContentionArgs,
    python: Option<&Rival>,
    jsonl: Option<&Rival>,
) -> Result<Vec<Section>, BenchError> {
    let seed = args.common.seed;
    let amount = |clients, writes| Amount {
        seed,
        clients,
        writes,
        searches: 0,
    };
    let total = 3 + CLIENTS.len() + usize::from(jsonl.is_some());
    let title = "the lock between processes, and the statistics";
    let (layers, overhead) = step(1, total, title, layers::measure)?;
    let mut sections = vec![layers];
    for (index, clients) in CLIENTS.into_iter().enumerate() {
        let heading = format!("one host, clients at once: {clients}");
        let plural = if clients == 1 { "" } else { "es" };
        let title = format!("1 host; the rival with {clients} process{plural}");
        let rival = python.map(|rival| (rival, amount(clients, args.rival_writes)));
        let round = || round::measure(bench, title, amount(clients, args.writes), rival);
        let mut section = step(index + 2, total, &heading, round)?;
        limit(&mut section, clients, overhead);
        sections.push(section);
    }
    let number = CLIENTS.len() + 2;
    sections.push(step(number, total, "eight instances on one store", || {
        let span = Duration::from_secs(args.seconds);
        instances::measure(&bench.program, bench.scratch()?.path(), seed, span)
    })?);
    let title = "a burst while another instance holds the lock";
    sections.push(step(number + 1, total, title, || {
        let hold = Duration::from_secs(args.hold_seconds);
        let dir = bench.scratch()?;
        burst::measure(&bench.program, dir.path(), seed, args.burst, hold)
    })?);
    if let Some(rival) = jsonl {
        let title = "the rival with a file of JSON lines";
        let rival = step(total, total, title, || {
            let amount = amount(JSONL_PROCESSES, args.rival_writes);
            round::rival(rival, bench.scratch()?.path(), amount)
        })?;
        let title = format!("{JSONL_PROCESSES} processes on one file of JSON lines");
        let mut section = Section::new(title);
        // The part of the lock comes before those of the one host.
        let place = CLIENTS
            .iter()
            .position(|clients| *clients == JSONL_PROCESSES);
        for row in &sections[1 + place.expect("there is such a part")].rows {
            section.add(row.name.as_str(), row.ours);
        }
        section.beside(rival);
        sections.push(section);
    }
    Ok(sections)
}

/// Says what the design wants of one host; `overhead` is what lock, records and statistics take of a request.
fn limit(section: &mut Section, clients: usize, overhead: Duration) {
    match clients {
        1 => {
            let overhead_ms = overhead.as_secs_f64() * 1e3;
            let request_ms = section.ours("store p50").map(Figure::number);
            let share = request_ms.map(|request_ms| Figure::Share(overhead_ms / request_ms));
            let row = section.add("lock, records and statistics of a store", share);
            row.limit = Some(Limit::Below(OVERHEAD_SHARE_MAX));
        }
        4 => section.limit("queue wait, average", Limit::below_ms(2.0)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_host_has_the_limits_of_the_design() {
        let missed = |clients, overhead_us, queue_ms| {
            let mut section = Section::new("one host");
            section.add("store p50", Figure::millis(0.6));
            section.add("queue wait, average", Figure::millis(queue_ms));
            limit(&mut section, clients, Duration::from_micros(overhead_us));
            let compared = section.compared().into_iter();
            compared.filter(|limit| limit.is_met != Some(true)).count()
        };
        assert_eq!(missed(1, 59, 2.0), 0);
        assert_eq!(missed(1, 60, 2.0), 1, "a tenth of the request");
        assert_eq!(missed(4, 60, 1.9), 0);
        assert_eq!(missed(4, 60, 2.0), 1);
        assert_eq!(missed(8, 60, 2.0), 0);
    }
}
