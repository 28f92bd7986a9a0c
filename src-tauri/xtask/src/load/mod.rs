//! `cargo xtask bench mcp` and `bench contention`: many clients at once on the real program, beside a rival.
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
//! - `host`, `rival`, `dialect`: the two programs, and how the second calls its tools;
//! - `crowd`: clients that work at the same time;
//! - `round`, `scale`, `start`: what is measured;
//! - `results`, `limits`, `print`: all of it in a table, and beside the limits of the design;
//! - `options`: what can be asked for;
//! - `contention`: the same for several instances on one store, and for a lock that somebody holds.

mod client;
mod contention;
mod crowd;
mod dialect;
mod figures;
mod floor;
pub(crate) mod host;
mod http;
mod limits;
mod options;
mod print;
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

use tempfile::TempDir;

use crate::commands::{self, CommandError};
use crate::machine::Machine;
use crate::model;
use crate::report::{self, Heading};
use crate::run;
use crate::workspace::Workspace;
pub(crate) use contention::{ContentionArgs, run as run_contention};
pub(crate) use options::LoadArgs;

use host::{HostError, Program};
use results::{Results, Round};
use rival::{Rival, RivalError};
use round::Amount;
use start::{Start, StartError};

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
    /// For a command that promises to meet them.
    #[error("{count} limits were not met; see the table above")]
    Missed { count: usize },
    /// A benchmark of a layer did not print what is read here.
    #[error("`{line}` printed no line `{wanted}`:\n{printed}")]
    NoFigure {
        line: String,
        wanted: &'static str,
        printed: String,
    },
    /// The other instance did not take the lock, or not give it back.
    #[error("the instance that holds the write lock ended or said something else than `{0}`")]
    Holder(&'static str),
}

/// A run: what is measured, where.
struct Bench<'a> {
    args: &'a LoadArgs,
    program: Program,
    rival: Option<Rival>,
    /// Scratch directories are made in it.
    dir: PathBuf,
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
    let bench = Bench::prepare(machine, workspace, args, false)?;
    let facts = print::facts(args, &bench.program, &bench.dir);
    let results = bench.measure()?;
    let report = print::Report {
        facts,
        sections: results.sections(),
        limits: limits::limits(&results, process::cores()),
        complaints: results.complaints(),
    };
    let print = report.print(args);
    let lost = results.lost();
    if lost > 0 {
        Err(LoadError::Lost { count: lost })
    } else {
        print
    }
}

impl<'a> Bench<'a> {
    /// Finds or builds the program, and makes the directory for scratch stores.
    fn prepare(
        machine: &Machine,
        workspace: &Workspace,
        args: &'a LoadArgs,
        is_words_only: bool,
    ) -> Result<Self, LoadError> {
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
        let path = program(machine, workspace, args)?;
        let model_dir = if is_words_only {
            workspace.target.join("no-model")
        } else {
            model_dir(machine, workspace, &path)
        };
        let program = Program { path, model_dir };
        Ok(Self {
            args,
            program,
            rival,
            dir,
        })
    }

    fn measure(&self) -> Result<Results, LoadError> {
        let total = self.args.clients.len() + if self.args.memories > 0 { 2 } else { 0 };
        let mut results = Results::default();
        for (index, clients) in self.args.clients.iter().enumerate() {
            let heading = Heading::print(index + 1, total, &format!("clients at once: {clients}"));
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
fn model_dir(machine: &Machine, workspace: &Workspace, program: &Path) -> PathBuf {
    if let Some(dir) = &machine.model_dir {
        return dir.into();
    }
    let dir = workspace.model_dir();
    let fetched = model::ensure(machine, || model::get_into(program, &dir));
    if let Err(error) = fetched {
        report::note(&format!(
            "{error}\nGoing on without it: search is by words only."
        ));
    }
    dir
}
