//! `cargo xtask bench mcp`: many clients at once on the real program, beside a rival.
//!
//! A generator that is as light as it can be: the machine's cores are shared with what is measured, so it uses
//! threads and plain sockets, makes all texts before the clock starts, and says how much processor it used itself.
//! Times end when the last byte of an answer is there. Each round has a fresh store; the rival's round follows at
//! once, on the same disk, with the same texts and the same requests. A store counts only once it is proved: every
//! acknowledged text is looked up again.
//!
//! The parts, from below:
//! - `texts`, `samples`, `figures`: what is stored, what is said about times, how it is written;
//! - `http`, `client`: a kept-open connection, and calling tools over it;
//! - `process`, `floor`: what a process costs, and what the disk takes;
//! - `host`, `rival`: the two programs;
//! - `crowd`: clients that work at the same time;
//! - `round`, `scale`, `start`: what is measured;
//! - `results`, `limits`: all of it in a table, and beside the limits of the design.

mod client;
mod crowd;
mod figures;
mod floor;
mod host;
mod http;
mod limits;
mod process;
mod results;
mod rival;
mod round;
mod samples;
mod scale;
mod start;
mod texts;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;
use tempfile::TempDir;

use crate::commands::{self, CommandError};
use crate::machine::Machine;
use crate::model::{self, Hub};
use crate::python;
use crate::report::{self, Heading};
use crate::run;
use crate::workspace::Workspace;
use host::{HostError, Program};
use results::{Results, Round};
use rival::{Rival, RivalError};
use round::Amount;
use start::{Start, StartError};

/// Measures the program over MCP with several clients at once, beside a rival if one is given
#[derive(Args, Debug)]
pub(crate) struct LoadArgs {
    /// Numbers of clients, a round for each
    #[arg(long, value_delimiter = ',', default_values_t = [1, 4, 8], value_name = "N,…")]
    clients: Vec<usize>,
    /// Texts that each client stores
    #[arg(long, default_value_t = 400)]
    writes: usize,
    /// Searches of each client
    #[arg(long, default_value_t = 200)]
    searches: usize,
    /// Memories of the large store; 0 leaves out that part and the starts
    #[arg(long, default_value_t = 10_000)]
    memories: usize,
    /// Command line of another memory server, started once for each client and spoken to over its stdin and stdout
    #[arg(long, value_name = "COMMAND")]
    rival: Option<String>,
    /// Variable for the rival; `{dir}` in it becomes a fresh directory. May be given several times
    #[arg(long, value_name = "NAME=VALUE", value_parser = variable, requires = "rival")]
    rival_env: Vec<(String, String)>,
    /// Texts that each client stores in the rival
    #[arg(long, default_value_t = 60)]
    rival_writes: usize,
    /// Searches of each client in the rival
    #[arg(long, default_value_t = 25)]
    rival_searches: usize,
    /// Also writes all figures to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// The program [default: target/release/commonplace, built if it is missing]
    #[arg(long, value_name = "PATH")]
    program: Option<PathBuf>,
    /// Where the scratch stores are made, on a real disk [default: target/bench]
    #[arg(long)]
    dir: Option<PathBuf>,
    /// Decides all texts and queries
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Why the run stopped.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadError {
    /// A count that makes no sense.
    #[error("`--{option}` must be at least 1")]
    Zero { option: &'static str },
    /// The program could not be built.
    #[error(transparent)]
    Build(#[from] CommandError),
    /// There is no program where one was said to be.
    #[error("no program at `{}`", .path.display())]
    NoProgram { path: PathBuf },
    /// Our host could not be measured.
    #[error(transparent)]
    Host(#[from] HostError),
    /// Nor its start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The rival could not be measured.
    #[error(transparent)]
    Rival(#[from] RivalError),
    /// A scratch directory or the file for the figures could not be made.
    #[error("could not write `{}`: {source}", .path.display())]
    File { path: PathBuf, source: io::Error },
    /// What must never be.
    #[error("{count} acknowledged writes were lost; see the table above")]
    Lost { count: usize },
}

/// A run: what is measured, where.
struct Bench<'a> {
    args: &'a LoadArgs,
    program: Program,
    rival: Option<Rival>,
    /// Scratch directories are made in it.
    dir: PathBuf,
}

impl LoadArgs {
    /// What is measured if nothing is said.
    pub(crate) fn usual() -> Self {
        use clap::{Command, FromArgMatches};
        let matches = Self::augment_args(Command::new("mcp")).get_matches_from(["mcp"]);
        Self::from_arg_matches(&matches).expect("the defaults are valid")
    }

    fn check(&self) -> Result<(), LoadError> {
        let counts = [
            ("clients", self.clients.iter().copied().min().unwrap_or(0)),
            ("writes", self.writes),
            ("searches", self.searches),
            ("rival-writes", self.rival_writes),
            ("rival-searches", self.rival_searches),
        ];
        let zero = counts.into_iter().find(|(_, count)| *count == 0);
        zero.map_or(Ok(()), |(option, _)| Err(LoadError::Zero { option }))
    }
}

/// Measures, prints the table, and writes the figures to a file if asked.
///
/// A missed limit is said and not an error.
///
/// # Errors
/// `Lost` after the table if an acknowledged write is missing; the others if something could not be measured.
pub(crate) fn run(
    machine: &Machine,
    workspace: &Workspace,
    args: &LoadArgs,
) -> Result<(), LoadError> {
    args.check()?;
    let rival = args
        .rival
        .as_deref()
        .map(|line| Rival::parse(line, &args.rival_env))
        .transpose()?;
    let dir = args
        .dir
        .clone()
        .unwrap_or_else(|| workspace.target.join("bench"));
    fs::create_dir_all(&dir).map_err(|source| LoadError::File {
        path: dir.clone(),
        source,
    })?;
    let program = Program {
        path: program(machine, workspace, args)?,
        model_dir: model_dir(machine, workspace),
    };
    let bench = Bench {
        args,
        program,
        rival,
        dir,
    };
    let results = bench.measure()?;
    let print = bench.print(&results);
    let lost = results.lost();
    if lost > 0 {
        Err(LoadError::Lost { count: lost })
    } else {
        print
    }
}

impl Bench<'_> {
    fn measure(&self) -> Result<Results, LoadError> {
        let total = self.args.clients.len() + if self.args.memories > 0 { 2 } else { 0 };
        let mut results = Results::default();
        for (index, clients) in self.args.clients.iter().enumerate() {
            let heading = Heading::print(index + 1, total, &format!("{clients} clients at once"));
            results.rounds.push(self.round(*clients)?);
            heading.done();
        }
        if self.args.memories > 0 {
            let title = format!(
                "a store with {} memories; indexing takes most of the time",
                self.args.memories
            );
            let heading = Heading::print(total - 1, total, &title);
            let dir = self.scratch()?;
            let scale = scale::measure(
                &self.program,
                dir.path(),
                self.amount(scale::CROWD),
                self.args.memories,
            )?;
            heading.done();
            let heading = Heading::print(total, total, "from start to tools/list");
            results.start = Some(self.start(dir.path(), scale.memories)?);
            results.scale = Some(scale);
            heading.done();
        }
        Ok(results)
    }

    fn amount(&self, clients: usize) -> Amount {
        let args = self.args;
        Amount {
            seed: args.seed,
            clients,
            writes: args.writes,
            searches: args.searches,
        }
    }

    fn round(&self, clients: usize) -> Result<Round, LoadError> {
        let amount = self.amount(clients);
        let dir = self.scratch()?;
        let file = |source| LoadError::File {
            path: dir.path().to_owned(),
            source,
        };
        let floor = floor::measure(dir.path()).map_err(file)?;
        let ours = round::ours(&self.program, dir.path(), amount)?;
        drop(dir);
        let Some(rival) = &self.rival else {
            return Ok(Round {
                clients,
                floor,
                ours,
                rival: None,
            });
        };
        report::note("the rival");
        let dir = self.scratch()?;
        let amount = Amount {
            writes: self.args.rival_writes,
            searches: self.args.rival_searches,
            ..amount
        };
        let rival = Some(round::rival(rival, dir.path(), amount)?);
        Ok(Round {
            clients,
            floor,
            ours,
            rival,
        })
    }

    fn start(&self, dir: &Path, memories: u64) -> Result<Start, LoadError> {
        let ours = start::ours(&self.program, dir)?;
        let Some(rival) = &self.rival else {
            return Ok(Start {
                memories,
                ours,
                rival: None,
            });
        };
        let dir = self.scratch()?;
        Ok(Start {
            memories,
            ours,
            rival: Some(start::rival(rival, dir.path())?),
        })
    }

    fn scratch(&self) -> Result<TempDir, LoadError> {
        let made = tempfile::Builder::new()
            .prefix("run-")
            .tempdir_in(&self.dir);
        made.map_err(|source| LoadError::File {
            path: self.dir.clone(),
            source,
        })
    }

    fn print(&self, results: &Results) -> Result<(), LoadError> {
        let sections = results.sections();
        let limits = limits::limits(results);
        println!("\n{}", self.facts().join("\n"));
        sections
            .iter()
            .for_each(|section| print!("\n{}", section.text()));
        println!("\nlimits");
        limits.iter().for_each(|limit| print!("{}", limit.text()));
        results
            .complaints()
            .iter()
            .for_each(|complaint| println!("note: {complaint}"));
        let Some(path) = &self.args.json else {
            return Ok(());
        };
        let json = json!({
            "facts": self.facts(),
            "cores": cores(),
            "seed": self.args.seed,
            "sections": sections.iter().map(figures::Section::json).collect::<Vec<_>>(),
            "limits": limits.iter().map(limits::Limit::json).collect::<Vec<_>>(),
            "complaints": results.complaints(),
        });
        fs::write(path, format!("{json:#}\n")).map_err(|source| LoadError::File {
            path: path.clone(),
            source,
        })
    }

    /// What one must know to read the figures.
    fn facts(&self) -> Vec<String> {
        let words: Vec<String> = std::env::args().skip(1).collect();
        let mut shown = commands::program("xtask");
        shown.args(&words);
        let kind = process::file_system(&self.dir).unwrap_or_else(|| "unknown".to_owned());
        let mut facts = vec![
            format!("cargo {}", commands::line(&shown)),
            format!("{} cores, {}; program {}", cores(), std::env::consts::OS, self.program.path.display()),
            format!("scratch stores in {} (file system: {kind})", self.dir.display()),
            "The generator shares the cores with what it measures. The rival embeds before it answers, ours after.".to_owned(),
        ];
        if kind == "tmpfs" {
            facts.push(
                "tmpfs is memory: nothing here says what a commit costs on a disk.".to_owned(),
            );
        }
        if self.rival.is_some() {
            facts.push(format!(
                "Each client stores {} texts in ours and {} in the rival, which is searched with fewer memories.",
                self.args.writes, self.args.rival_writes
            ));
        }
        facts
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Returns the program to measure; builds it if none is named and there is none.
fn program(
    machine: &Machine,
    workspace: &Workspace,
    args: &LoadArgs,
) -> Result<PathBuf, LoadError> {
    if let Some(path) = &args.program {
        let absolute = std::path::absolute(path).unwrap_or_else(|_| path.clone());
        return if absolute.is_file() {
            Ok(absolute)
        } else {
            Err(LoadError::NoProgram { path: absolute })
        };
    }
    let path = workspace.release_program();
    if !path.is_file() {
        report::note("release build: some minutes the first time");
        commands::run(&mut run::build(
            workspace,
            run::choose(None, machine.has_display),
        ))?;
    }
    Ok(path)
}

/// Returns the directory with the model; without it the run goes on by words only.
fn model_dir(machine: &Machine, workspace: &Workspace) -> PathBuf {
    if let Some(dir) = &machine.model_dir {
        return dir.into();
    }
    let dir = workspace.model_dir();
    let fetched = model::ensure(&dir, &Hub::real(), &mut |scratch| {
        python::fetch(machine, scratch)
    });
    if let Err(error) = fetched {
        report::note(&format!(
            "{error}\nGoing on without it: search is by words only."
        ));
    }
    dir
}

fn variable(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write it as NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_run_has_the_clients_of_the_design() {
        let usual = LoadArgs::usual();
        assert_eq!(usual.clients, [1, 4, 8]);
        assert_eq!((usual.writes, usual.memories), (400, 10_000));
        assert!(usual.check().is_ok());
    }

    #[test]
    fn a_count_of_zero_is_refused_by_name() {
        let args = LoadArgs {
            clients: vec![4, 0],
            ..LoadArgs::usual()
        };
        let error = args.check().expect_err("no clients store nothing");
        assert!(
            error.to_string().contains("`--clients`"),
            "unclear: {error}"
        );
        let without = LoadArgs {
            memories: 0,
            ..LoadArgs::usual()
        };
        assert!(without.check().is_ok(), "0 leaves the part out");
    }

    #[test]
    fn a_variable_has_a_name_and_a_value() {
        assert_eq!(
            variable("A={dir}/x=y"),
            Ok(("A".to_owned(), "{dir}/x=y".to_owned()))
        );
        assert!(variable("A").is_err());
    }
}
