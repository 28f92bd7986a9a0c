//! `cargo xtask bench mcp`: one host with several clients at once, and a large store.

use clap::Args;

use crate::error::BenchError;
use crate::figures::{Figure, Limit, Section};
use crate::machine;
use crate::report::{Bench, Common, Report, at_least_one, step, variable};
use crate::rival::{Dialect, Rival};
use crate::round::{Amount, Round};
use crate::scale;

/// With this share of the cores in use, there is nothing left for more clients.
const USED_UP: f64 = 0.85;

/// Measures the program over MCP with several clients at once, beside a rival if one is given
#[derive(Args, Debug)]
pub(crate) struct McpArgs {
    /// Numbers of clients, a round for each
    #[arg(long, value_delimiter = ',', default_values_t = [1, 4, 8], value_name = "N,…", value_parser = at_least_one)]
    pub(crate) clients: Vec<usize>,
    /// Texts that each client stores
    #[arg(long, default_value_t = 400, value_parser = at_least_one)]
    pub(crate) writes: usize,
    /// Searches of each client
    #[arg(long, default_value_t = 200, value_parser = at_least_one)]
    searches: usize,
    /// Memories of the large store; 0 leaves out that part and the starts
    #[arg(long, default_value_t = 10_000)]
    pub(crate) memories: usize,
    /// Command line of another memory server, started once for each client and spoken to over its stdin and stdout
    #[arg(long, value_name = "COMMAND")]
    rival: Option<String>,
    /// Variable for the rival; `{dir}` in it becomes a fresh directory. May be given several times
    #[arg(long, value_name = "NAME=VALUE", value_parser = variable, requires = "rival")]
    rival_env: Vec<(String, String)>,
    /// Texts that each client stores in the rival
    #[arg(long, default_value_t = 60, value_parser = at_least_one)]
    rival_writes: usize,
    /// Searches of each client in the rival
    #[arg(long, default_value_t = 25, value_parser = at_least_one)]
    rival_searches: usize,
    #[command(flatten)]
    common: Common,
}

/// Measures, prints the table, and writes the figures to a file if asked.
///
/// A missed limit is said and not an error.
///
/// # Errors
/// `Lost` after the table if an acknowledged write is missing; the others if something could not be measured.
pub(crate) fn run(args: &McpArgs) -> Result<(), BenchError> {
    let rival = args.rival.as_deref();
    let rival = rival.map(|line| Rival::parse(line, &args.rival_env, Dialect::Memory));
    let rival = rival.transpose()?;
    let bench = Bench::prepare(&args.common, false)?;
    let mut facts = bench.facts();
    if rival.is_some() {
        facts.push(format!(
            "Each client stores {} texts in ours and {} in the rival.",
            args.writes, args.rival_writes
        ));
        facts.push("So the rival is searched with fewer memories.".to_owned());
    }
    let sections = measure(&bench, args, rival.as_ref())?;
    let report = Report { facts, sections };
    let printed = report.print(&args.common);
    match report.lost() {
        0 => printed,
        lost => Err(BenchError::Lost(lost)),
    }
}

fn measure(
    bench: &Bench,
    args: &McpArgs,
    rival: Option<&Rival>,
) -> Result<Vec<Section>, BenchError> {
    let amount = |clients| Amount {
        seed: args.common.seed,
        clients,
        writes: args.writes,
        searches: args.searches,
    };
    let of_rival = |clients| Amount {
        writes: args.rival_writes,
        searches: args.rival_searches,
        ..amount(clients)
    };
    let memories = args.memories;
    let total = args.clients.len() + if memories > 0 { 2 } else { 0 };
    let mut rounds = Vec::new();
    for (index, &clients) in args.clients.iter().enumerate() {
        let title = format!("clients at once: {clients}");
        let rival = rival.map(|rival| (rival, of_rival(clients)));
        let round = || Round::measure(bench, amount(clients), rival);
        rounds.push(step(index + 1, total, &title, round)?);
    }
    let mut sections = limited(&rounds, machine::cores());
    if memories == 0 {
        return Ok(sections);
    }
    let dir = bench.scratch()?;
    let title = format!("a store with {memories} memories; indexing takes most of the time");
    sections.push(step(total - 1, total, &title, || {
        scale::measure(&bench.program, dir.path(), amount(scale::CROWD), memories)
    })?);
    sections.push(step(total, total, "from start to tools/list", || {
        let scratch = bench.scratch()?;
        let rival = rival.map(|rival| (rival, scratch.path()));
        scale::starts(&bench.program, dir.path(), rival)
    })?);
    Ok(sections)
}

/// The rounds beside the limits of the design, on a machine with so many cores.
fn limited(rounds: &[Round], cores: usize) -> Vec<Section> {
    let mut sorted: Vec<&Round> = rounds.iter().collect();
    sorted.sort_by_key(|round| round.clients);
    let before = |round: &Round| {
        sorted
            .iter()
            .rev()
            .find(|other| other.clients < round.clients)
    };
    let section = |round: &Round| {
        let plural = if round.clients == 1 { "" } else { "s" };
        let mut section = round.section(format!("{} client{plural}", round.clients));
        match round.clients {
            1 => section.limit("store p50", Limit::below_ms(3.0)),
            4 => section.limit("queue and lock wait, average", Limit::below_ms(2.0)),
            8 => section.limit("store p50", Limit::below_ms(10.0)),
            _ => {}
        }
        if round.rival.is_some() {
            section.limit("stores", Limit::Better(20.0));
            section.limit("vectors", Limit::Better(1.0));
        }
        if let Some(fewer) = before(round) {
            add_rise(fewer, round, cores, &mut section);
        }
        section
    };
    rounds.iter().map(section).collect()
}

/// More clients store more, until host and generator together use up the cores (0 where the system does not show them).
fn add_rise(fewer: &Round, more: &Round, cores: usize, section: &mut Section) {
    let (before, stored) = (&fewer.ours.stored, &more.ours.stored);
    let used = stored.program_cores.unwrap_or(0.0) + stored.generator_cores.unwrap_or(0.0);
    let rates = stored.per_second().zip(before.per_second());
    let times = rates.map(|(rate, before)| Figure::Times(rate / before));
    let is_used_up = used >= USED_UP * cores as f64;
    section.add("stores to those of fewer clients", times).limit =
        (!is_used_up).then_some(Limit::AtLeast(Figure::Times(1.0)));
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::round::Side;

    fn round(clients: usize, rate: usize, used: f64) -> Round {
        let mut round = Round {
            clients,
            ..Round::default()
        };
        let stored = &mut round.ours.stored;
        stored.acknowledged = vec![String::new(); rate];
        stored.span = Duration::from_secs(1);
        stored.program_cores = Some(used);
        round.ours.kept.acknowledged = rate;
        round.ours.kept.found = rate;
        round.ours.stats = Some(commonplace_api::statistics::Stats::default());
        round
    }

    fn missed(rounds: &[Round]) -> Vec<String> {
        let sections = limited(rounds, 2);
        let compared = sections.iter().flat_map(Section::compared);
        let missed = compared.filter(|limit| limit.is_met == Some(false));
        missed.map(|limit| limit.text()).collect()
    }

    #[test]
    fn more_clients_must_store_more_while_cores_are_free() {
        let one = || round(1, 300, 0.5);
        assert_eq!(missed(&[one()]), [""; 0], "one round shows no rise");
        assert_eq!(missed(&[one(), round(4, 400, 0.9)]), [""; 0]);
        assert_eq!(
            missed(&[round(4, 400, 0.9), one()]),
            [""; 0],
            "in any order"
        );
        let falls = missed(&[one(), round(4, 200, 0.9)]);
        assert!(falls.len() == 1 && falls[0].contains("stores to those of fewer clients"));
        assert_eq!(missed(&[one(), round(4, 200, 1.9)]), [""; 0], "used up");
    }

    #[test]
    fn each_round_has_the_limits_of_the_design() {
        let mut slow = [round(1, 300, 0.5), round(4, 400, 0.9), round(8, 500, 1.0)];
        for round in &mut slow {
            round
                .ours
                .stored
                .calls
                .times
                .push(Duration::from_millis(20));
            round.rival = Some(Side::default());
            let rival = &mut round.rival.as_mut().expect("set above").stored;
            rival.acknowledged = vec![String::new(); 250];
            rival.span = Duration::from_secs(1);
        }
        let stats = slow[1].ours.stats.as_mut().expect("set above");
        stats.queue_wait.average_ms = 1.5;
        stats.lock_wait.average_ms = 0.6;
        stats.failed_acquisitions = 1;
        slow[2].ours.kept.found -= 2;
        let missed = missed(&slow);
        let wanted = [
            "1 client: stores:",
            "1 client: store p50:",
            "4 clients: stores:",
            "4 clients: queue and lock wait, average:",
            "4 clients: failed acquisitions:",
            "8 clients: stores:",
            "8 clients: store p50:",
            "8 clients: lost:",
        ];
        let are_there = |(line, limit): (&String, &str)| line.contains(limit);
        assert!(missed.iter().zip(wanted).all(are_there), "{missed:?}");
        assert_eq!(missed.len(), wanted.len(), "{missed:?}");
    }
}
