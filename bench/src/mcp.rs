//! `cargo xtask bench mcp`: one host with several clients at once, and a large store.

use clap::Args;

use crate::error::BenchError;
use crate::figures::{Figure, Limit, Section};
use crate::machine;
use crate::report::{Bench, Common, Report, at_least_one, step, variable};
use crate::rival::{Dialect, Rival};
use crate::round::{self, Amount};
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
        let heading = format!("clients at once: {clients}");
        let plural = if clients == 1 { "" } else { "s" };
        let title = format!("{clients} client{plural}");
        let rival = rival.map(|rival| (rival, of_rival(clients)));
        let round = || round::measure(bench, title, amount(clients), rival);
        rounds.push((clients, step(index + 1, total, &heading, round)?));
    }
    let mut sections = limited(rounds, machine::cores());
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

/// Says what the design wants of the rounds with so many clients, on a machine with so many cores.
fn limited(mut rounds: Vec<(usize, Section)>, cores: usize) -> Vec<Section> {
    rounds.sort_by_key(|(clients, _)| *clients);
    let mut fewer = None;
    for (clients, section) in &mut rounds {
        match clients {
            1 => section.limit("store p50", Limit::below_ms(3.0)),
            4 => section.limit("queue and lock wait, average", Limit::below_ms(2.0)),
            8 => section.limit("store p50", Limit::below_ms(10.0)),
            _ => {}
        }
        if section.rows.iter().any(|row| row.rival.is_some()) {
            section.limit("stores", Limit::Better(20.0));
            section.limit("vectors", Limit::Better(1.0));
        }
        let stores = section.ours("stores");
        if let Some((before, now)) = fewer.zip(stores) {
            add_rise(before, now, cores, section);
        }
        fewer = stores;
    }
    rounds.into_iter().map(|(_, section)| section).collect()
}

/// More clients store more, until host and generator together use up the cores (0 where the system does not show them).
fn add_rise(before: Figure, now: Figure, cores: usize, section: &mut Section) {
    let names = ["cores used while storing", "cores used by this generator"];
    let used = names.iter().filter_map(|name| section.ours(name));
    let is_used_up = used.map(Figure::number).sum::<f64>() >= USED_UP * cores as f64;
    let times = Figure::Times(now.number() / before.number());
    section.add("stores to those of fewer clients", times).limit =
        (!is_used_up).then_some(Limit::AtLeast(Figure::Times(1.0)));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(clients: usize, rate: f64, used: f64) -> (usize, Section) {
        let mut section = Section::new(format!("{clients}"));
        section.add("stores", Figure::PerSecond(rate));
        section.add("store p50", Figure::millis(5.0));
        section.add("vectors", Figure::PerSecond(30.0));
        section.add("queue and lock wait, average", Figure::millis(2.0));
        section.add("cores used while storing", Figure::Cores(used));
        (clients, section)
    }

    fn missed(rounds: Vec<(usize, Section)>) -> String {
        let sections = limited(rounds, 2);
        let compared = sections.iter().flat_map(Section::compared);
        let missed = compared.filter(|limit| limit.is_met == Some(false));
        missed.map(|limit| limit.text()).collect()
    }

    #[test]
    fn more_clients_must_store_more_while_cores_are_free() {
        let three = || round(3, 300.0, 0.5);
        assert_eq!(missed(vec![three()]), "", "one round shows no rise");
        assert_eq!(missed(vec![three(), round(5, 400.0, 0.9)]), "");
        let falls = [three(), round(5, 200.0, 0.9)];
        let told = "5: stores to those of fewer clients: wanted at least 1.0 x, measured 0.7 x";
        for rounds in [falls.clone(), [falls[1].clone(), falls[0].clone()]] {
            assert!(missed(rounds.into()).contains(told), "in any order");
        }
        assert_eq!(missed(vec![three(), round(5, 200.0, 1.9)]), "", "used up");
    }

    #[test]
    fn each_round_has_the_limits_of_the_design() {
        let mut eight = round(8, 500.0, 1.0);
        let mut rival = Section::new("the rival");
        rival.add("stores", Figure::PerSecond(30.0));
        rival.add("vectors", Figure::PerSecond(30.0));
        eight.1.beside(rival);
        let missed = missed(vec![round(1, 300.0, 0.5), round(4, 400.0, 0.9), eight]);
        let names: Vec<&str> = missed
            .lines()
            .filter_map(|line| line.split(": ").nth(1))
            .collect();
        let wanted = [
            "store p50",
            "queue and lock wait, average",
            "stores",
            "vectors",
        ];
        assert_eq!(names, wanted, "{missed}");
    }
}
