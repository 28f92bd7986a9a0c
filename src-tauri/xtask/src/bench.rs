//! `cargo xtask bench`: the benchmarks by name.

use crate::commands::{self, CommandError};
use crate::load::{self, ContentionArgs, LoadArgs, LoadError};
use crate::machine::Machine;
use crate::report::Heading;
use crate::workspace::Workspace;

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
    /// By the load generator, with its usual options.
    Load,
    /// By the load generator on several instances, with its usual options.
    Contention,
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
        way: Way::Contention,
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
    /// The load generator stopped.
    #[error(transparent)]
    Load(#[from] LoadError),
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
        let heading = Heading::print(
            index + 1,
            chosen.len(),
            &format!("{}: {}", bench.name, bench.measures),
        );
        match bench.way {
            Way::Cargo(words) => run_by_cargo(workspace, None, words, args)?,
            Way::CargoWith(variable, words) => {
                run_by_cargo(workspace, Some(variable), words, args)?;
            }
            Way::Load => load::run(machine, workspace, &LoadArgs::usual())?,
            Way::Contention => {
                load::run_contention(machine, workspace, &ContentionArgs::usual())?;
            }
        }
        heading.done();
    }
    Ok(())
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
