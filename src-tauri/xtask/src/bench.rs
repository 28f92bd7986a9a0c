//! `cargo xtask bench`: the benchmarks by name.

use std::path::{Path, PathBuf};

use crate::commands::{self, CommandError};
use crate::machine::Machine;
use crate::report;
use crate::workspace::Workspace;
use crate::{model, run};

/// One benchmark: its name, what it measures, and how it is run.
struct Bench {
    name: &'static str,
    measures: &'static str,
    way: Way,
}

/// How a benchmark is run.
enum Way {
    /// By cargo, with these arguments.
    Cargo(&'static [&'static str]),
    /// The same with a variable set.
    CargoWith((&'static str, &'static str), &'static [&'static str]),
    /// By the load generator in bench/, which has options of its own.
    Load,
}

/// Every benchmark of the project; a new one is a new line here.
const BENCHES: &[Bench] = &[
    Bench {
        name: "lock",
        measures: "taking and releasing the write lock, alone and against other processes",
        way: Way::Cargo(&["bench", "--package", "commonplace-lock"]),
    },
    Bench {
        name: "embed",
        measures: "texts to vectors: one text, a batch, several threads",
        way: Way::Cargo(&["bench", "--package", "commonplace-embed"]),
    },
    Bench {
        name: "store",
        measures: "writes, searches and the commit to disk",
        way: Way::Cargo(&["bench", "--package", "commonplace-store"]),
    },
    Bench {
        name: "quality",
        measures: "how well the right memories are found; needs data: `-- MEMORIES.jsonl QUESTIONS.jsonl`",
        way: Way::Cargo(&[
            "bench",
            "--package",
            "commonplace-engine",
            "--bench",
            "quality",
        ]),
    },
    Bench {
        name: "charts",
        measures: "drawing each chart of a week with ten million waits; fails above 100 ms",
        way: Way::Cargo(&[
            "bench",
            "--package",
            "commonplace-http",
            "--bench",
            "charts",
        ]),
    },
    Bench {
        name: "crash",
        measures: "200 times kill -9 in a burst from 4 clients, then every acknowledged write counted",
        way: Way::CargoWith(
            ("COMMONPLACE_CRASH_ROUNDS", "200"),
            &[
                "test",
                "--package",
                "commonplace",
                "--no-default-features",
                "--test",
                "app",
                "crash::",
            ],
        ),
    },
    Bench {
        name: "mcp",
        measures: "many clients at once on the real program; options: `bench mcp --help`",
        way: Way::Load,
    },
    Bench {
        name: "contention",
        measures: "several instances on one store; fails on a missed limit; options: `bench contention --help`",
        way: Way::Load,
    },
];

/// Why a benchmark was not run to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BenchError {
    /// No benchmark of this name.
    #[error("no benchmark `{name}`; there are: {}", names().join(", "))]
    Unknown { name: String },
    /// The benchmark failed.
    #[error(transparent)]
    Command(#[from] CommandError),
}

/// Runs the benchmark `name`, or all in order; `args` go to those that cargo runs.
///
/// # Errors
/// `Unknown` for a name that is not in the table; the others at the first that fails.
pub(crate) fn run(
    machine: &Machine,
    workspace: &Workspace,
    name: Option<&str>,
    args: &[String],
) -> Result<(), BenchError> {
    let chosen = choose(name)?;
    for (index, bench) in chosen.iter().enumerate() {
        let title = format!("{}: {}", bench.name, bench.measures);
        report::step(index + 1, chosen.len(), &title, || match bench.way {
            Way::Cargo(words) => run_by_cargo(workspace, None, words, args),
            Way::CargoWith(variable, words) => run_by_cargo(workspace, Some(variable), words, args),
            Way::Load => run_load(machine, workspace, bench.name, &[]),
        })?;
    }
    Ok(())
}

/// Runs the load generator with everything ready that it needs: the program, if none is named, and the model.
pub(crate) fn run_load(
    machine: &Machine,
    workspace: &Workspace,
    name: &str,
    args: &[String],
) -> Result<(), CommandError> {
    // Paths on its command line are meant from here.
    let mut command = commands::cargo(Path::new("."));
    command
        .args([
            "run",
            "--release",
            "--quiet",
            "--package",
            "commonplace-bench",
        ])
        .args(["--", name])
        .args(args);
    let has = |option: &str| args.iter().any(|word| word == option);
    if !has("--help") && !has("-h") {
        let program = program(machine, workspace, args)?;
        if !has("--words-only") {
            let dir = model_dir(machine, workspace, &program);
            command.env("COMMONPLACE_MODEL_DIR", dir);
        }
    }
    commands::run(&mut command)
}

/// Returns the program to measure; builds it if none is named and there is none.
fn program(
    machine: &Machine,
    workspace: &Workspace,
    args: &[String],
) -> Result<PathBuf, CommandError> {
    if let Some(named) = commands::option(args, "--program") {
        return Ok(std::path::absolute(named).unwrap_or_else(|_| named.into()));
    }
    let path = workspace.release_program();
    if !path.is_file() {
        report::note("release build: some minutes the first time");
        let mode = run::choose(None, machine.has_display);
        commands::run(&mut run::build(workspace, mode))?;
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

fn run_by_cargo(
    workspace: &Workspace,
    variable: Option<(&str, &str)>,
    words: &[&str],
    args: &[String],
) -> Result<(), CommandError> {
    let mut command = commands::cargo(&workspace.root);
    if let Some((name, value)) = variable {
        command.env(name, value);
    }
    command
        .env("COMMONPLACE_MODEL_DIR", workspace.model_dir())
        .args(words);
    if !args.is_empty() {
        command.arg("--").args(args);
    }
    commands::run(&mut command)
}

/// Prints the table.
pub(crate) fn list() {
    for bench in BENCHES {
        println!("{:<12}{}", bench.name, bench.measures);
    }
}

fn choose(name: Option<&str>) -> Result<Vec<&'static Bench>, BenchError> {
    let Some(name) = name else {
        return Ok(BENCHES.iter().collect());
    };
    let found = BENCHES.iter().find(|bench| bench.name == name);
    found
        .map(|bench| vec![bench])
        .ok_or_else(|| BenchError::Unknown {
            name: name.to_owned(),
        })
}

fn names() -> Vec<&'static str> {
    BENCHES.iter().map(|bench| bench.name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_name_is_answered_with_the_known_ones() {
        let Err(error) = choose(Some("speed")) else {
            panic!("there is no such benchmark")
        };
        let text = error.to_string();
        assert!(
            text.contains("`speed`")
                && text.contains("lock, embed, store, quality, charts, crash, mcp, contention"),
            "unclear: {text}"
        );
    }

    #[test]
    fn without_a_name_all_are_run() {
        assert_eq!(
            choose(None).map(|benches| benches.len()).ok(),
            Some(BENCHES.len())
        );
        assert_eq!(
            choose(Some("lock")).map(|benches| benches.len()).ok(),
            Some(1)
        );
    }
}
