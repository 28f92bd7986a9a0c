//! `cargo xtask test` and `check`: what CI does, step by step, with the time of each.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::browser::{self, BrowserError};
use crate::commands::{self, CommandError, program};
use crate::dependencies::{self, DependencyError};
use crate::install::{self, InstallError};
use crate::lints::{self, LintError};
use crate::machine::{Machine, System};
use crate::model::{self, ModelError};
use crate::packages::Purpose;
use crate::report::{self, duration_text};
use crate::workspace::Workspace;

/// The oldest Node whose test runner the UI tests may use; it is the one of Debian 12.
const NODE_MAJOR_MIN: u32 = 18;

/// What every step may use.
struct Context<'a> {
    machine: &'a Machine,
    workspace: &'a Workspace,
}

/// One step: its name for `--only`, what it does, and the work.
struct Step {
    name: &'static str,
    does: &'static str,
    work: fn(&Context<'_>) -> Result<Outcome, StepError>,
}

/// How a step that did not fail ended.
enum Outcome {
    Done,
    /// Does not apply here; the reason is printed.
    Skipped(&'static str),
}

const FMT: Step = Step {
    name: "fmt",
    does: "every file is formatted",
    work: fmt,
};

const CLIPPY: Step = Step {
    name: "clippy",
    does: "no warning, with window and tray",
    work: clippy,
};

const HEADLESS: Step = Step {
    name: "clippy-headless",
    does: "no warning without window and tray",
    work: clippy_headless,
};

/// All steps in order: the quickest answer first. What `CLIPPY` asks, `build` asks as well.
const STEPS: &[Step] = &[
    Step {
        name: "packages",
        does: "system packages for build, window and tests",
        work: packages,
    },
    Step {
        name: "tools",
        does: "rustfmt and clippy, and that clippy refuses a warning",
        work: tools,
    },
    FMT,
    HEADLESS,
    Step {
        name: "deps",
        does: "one SQLite, no webkit without the window, and nothing in the program that is for tests only",
        work: deps,
    },
    Step {
        name: "build",
        does: "the program and all tests compile, without a warning",
        work: build,
    },
    Step {
        name: "model",
        does: "the program fetches the model's files, for the tests that search by meaning",
        work: fetch_model,
    },
    Step {
        name: "test",
        does: "all tests of all layers and of the program",
        work: test_all,
    },
    Step {
        name: "points",
        does: "deaths at named points, and whether the history checker finds sabotage",
        work: points,
    },
    Step {
        name: "schedules",
        does: "the write queue under orders of its threads that a machine rarely shows",
        work: schedules,
    },
    Step {
        name: "ui",
        does: "tests of the page's modules",
        work: ui,
    },
    Step {
        name: "types",
        does: "the page's modules use the answers of a host by their types",
        work: types,
    },
    Step {
        name: "browser",
        does: "the page as a person sees it, in a browser and on real hosts",
        work: browser,
    },
];

/// The steps of `cargo xtask check`: they install nothing and run nothing of ours.
const CHECK: &[Step] = &[FMT, CLIPPY, HEADLESS];

/// Why a step failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StepError {
    #[error(transparent)]
    Install(#[from] InstallError),
    #[error(transparent)]
    Command(#[from] CommandError),
    #[error(transparent)]
    Model(#[from] ModelError),
    #[error(transparent)]
    Dependencies(#[from] DependencyError),
    #[error(transparent)]
    Browser(#[from] BrowserError),
    #[error(transparent)]
    Lints(#[from] LintError),
    /// rustfmt or clippy is missing, and there is no rustup to add them.
    #[error(
        "`{tool}` is missing and there is no rustup to add it; install it as you installed Rust"
    )]
    Tool { tool: &'static str },
    /// A directory of UI tests could not be read.
    #[error("could not read `{}`: {source}", .path.display())]
    Read {
        path: PathBuf,
        source: std::io::Error,
    },
    /// Node is older than its test runner.
    #[error(
        "node is {found}, but the UI tests need {NODE_MAJOR_MIN} or later; install a newer Node"
    )]
    OldNode { found: String },
}

/// Why the steps did not all pass.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StepsError {
    /// One failed; those after it were not run.
    #[error("step `{name}` failed: {source}\nrun it alone with `cargo xtask test --only {name}`")]
    Failed {
        name: &'static str,
        source: StepError,
    },
    /// A name after `--only` that is not a step.
    #[error("no step `{name}`; there are: {}", step_names().join(", "))]
    Unknown { name: String },
}

/// Runs all steps, or those named in `only`, and stops at the first that fails.
///
/// Asks nothing, so it works without a terminal. Prints a table of times at the end, also after a failure.
///
/// # Errors
/// `Failed` with the step's name; `Unknown` before anything is run.
pub(crate) fn test(
    machine: &Machine,
    workspace: &Workspace,
    only: &[String],
) -> Result<(), StepsError> {
    run_all(&Context { machine, workspace }, &choose(only)?)
}

/// Runs formatter and linter only; installs nothing.
///
/// # Errors
/// `Failed` with the step's name.
pub(crate) fn check(machine: &Machine, workspace: &Workspace) -> Result<(), StepsError> {
    let steps: Vec<&Step> = CHECK.iter().collect();
    run_all(&Context { machine, workspace }, &steps)
}

/// Prints the steps' names and what they do.
pub(crate) fn list() {
    for step in STEPS {
        println!("{:<17}{}", step.name, step.does);
    }
}

fn choose(only: &[String]) -> Result<Vec<&'static Step>, StepsError> {
    if let Some(name) = only
        .iter()
        .find(|name| !step_names().contains(&name.as_str()))
    {
        return Err(StepsError::Unknown { name: name.clone() });
    }
    let is_chosen = |step: &&Step| only.is_empty() || only.iter().any(|name| name == step.name);
    Ok(STEPS.iter().filter(is_chosen).collect())
}

fn step_names() -> Vec<&'static str> {
    STEPS.iter().map(|step| step.name).collect()
}

/// One line of the table at the end.
struct Row {
    name: &'static str,
    result: &'static str,
    time: Option<Duration>,
}

fn run_all(context: &Context<'_>, steps: &[&'static Step]) -> Result<(), StepsError> {
    let mut rows = Vec::new();
    let mut failure = None;
    for (index, step) in steps.iter().enumerate() {
        if failure.is_some() {
            rows.push(Row {
                name: step.name,
                result: "not run",
                time: None,
            });
            continue;
        }
        let title = format!("{}: {}", step.name, step.does);
        let started = Instant::now();
        let work = || (step.work)(context);
        let outcome = report::step(index + 1, steps.len(), &title, work);
        let result = match &outcome {
            Ok(Outcome::Done) => "passed",
            Ok(Outcome::Skipped(reason)) => {
                report::note(&format!("skipped: {reason}"));
                "skipped"
            }
            Err(_) => "FAILED",
        };
        rows.push(Row {
            name: step.name,
            result,
            time: Some(started.elapsed()),
        });
        failure = outcome.err().map(|source| StepsError::Failed {
            name: step.name,
            source,
        });
    }
    eprintln!("\n{}", table(&rows));
    failure.map_or(Ok(()), Err)
}

fn table(rows: &[Row]) -> String {
    let total: Duration = rows.iter().filter_map(|row| row.time).sum();
    let line = |row: &Row| {
        let time = row.time.map_or_else(String::new, duration_text);
        let line = format!("{:<17}{:<9}{time:>12}", row.name, row.result);
        format!("{}\n", line.trim_end())
    };
    let lines: String = rows.iter().map(line).collect();
    format!("{lines}{:<26}{:>12}", "in all", duration_text(total))
}

fn packages(context: &Context<'_>) -> Result<Outcome, StepError> {
    install::ensure(
        context.machine,
        &[Purpose::Build, Purpose::Desktop, Purpose::Tests],
    )?;
    Ok(Outcome::Done)
}

/// A Rust that was installed with the minimal profile has neither.
fn tools(context: &Context<'_>) -> Result<Outcome, StepError> {
    for (tool, component) in [("fmt", "rustfmt"), ("clippy", "clippy")] {
        let is_there = || {
            commands::succeeds(commands::cargo(&context.workspace.root).args([tool, "--version"]))
        };
        if is_there() {
            continue;
        }
        if !context.machine.has_command("rustup") {
            return Err(StepError::Tool { tool: component });
        }
        commands::run(program("rustup").args(["component", "add", component]))?;
    }
    lints::prove()?;
    report::note("rustfmt and clippy are there, and a warning ends the build");
    Ok(Outcome::Done)
}

fn fmt(context: &Context<'_>) -> Result<Outcome, StepError> {
    cargo(context, &["fmt", "--all", "--check"])
}

fn clippy(context: &Context<'_>) -> Result<Outcome, StepError> {
    cargo(
        context,
        &[
            "clippy",
            "--workspace",
            "--all-targets",
            "--features",
            "failpoints",
            "--",
            "-D",
            "warnings",
        ],
    )
}

fn clippy_headless(context: &Context<'_>) -> Result<Outcome, StepError> {
    let package = [
        "clippy",
        "--package",
        "commonplace",
        "--no-default-features",
        "--all-targets",
    ];
    cargo(context, &[&package[..], &["--", "-D", "warnings"]].concat())
}

fn deps(context: &Context<'_>) -> Result<Outcome, StepError> {
    dependencies::check(&context.workspace.root, context.machine.system)?;
    Ok(Outcome::Done)
}

/// What all tests are built with, once: named points change nothing where nobody asks for them, and a second build would
/// take minutes. `deps` looks that the program people use is without.
const TESTS: [&str; 4] = ["test", "--workspace", "--features", "failpoints"];

/// The program that the tests start, built as they are.
const PROGRAM: [&str; 7] = [
    "test",
    "--workspace",
    "--features",
    "failpoints",
    "--test",
    "app",
    "--no-run",
];

/// Builds by way of `cargo test`, not `cargo build`: the two choose different features for some crates, and
/// these would be compiled twice. It leaves out xtask's own program, which Windows could not replace while it
/// runs.
fn build(context: &Context<'_>) -> Result<Outcome, StepError> {
    compile(context, &[&TESTS[..], &["--no-run"]].concat())
}

fn fetch_model(context: &Context<'_>) -> Result<Outcome, StepError> {
    compile(context, &PROGRAM)?;
    let (program, dir) = (
        context.workspace.debug_program(),
        context.workspace.model_dir(),
    );
    model::ensure(context.machine, || model::get_into(&program, &dir))?;
    Ok(Outcome::Done)
}

fn test_all(context: &Context<'_>) -> Result<Outcome, StepError> {
    compile(
        context,
        &[&TESTS[..], &["--", "--skip", "fail_points"]].concat(),
    )
}

/// After the others: processes that stop and die need the machine for themselves.
fn points(context: &Context<'_>) -> Result<Outcome, StepError> {
    compile(
        context,
        &[&TESTS[..], &["--test", "app", "fail_points"]].concat(),
    )
}

/// A build of its own: in no other, a scheduler decides which thread is next. Only the engine has a library among these
/// packages; the others are named for their features, or half of the libraries would be compiled again with fewer.
fn schedules(context: &Context<'_>) -> Result<Outcome, StepError> {
    let packages = [
        "test",
        "-p",
        "commonplace",
        "-p",
        "xtask",
        "-p",
        "commonplace-engine",
    ];
    let tests = [
        "--features",
        "failpoints,commonplace-engine/shuttle",
        "--lib",
        "schedules",
    ];
    compile(context, &[&packages[..], &tests[..]].concat())
}

fn ui(context: &Context<'_>) -> Result<Outcome, StepError> {
    let files = ui_tests(&context.workspace.root.join("ui"))?;
    if context.machine.system == System::Windows && !context.machine.has_command("node") {
        return Ok(Outcome::Skipped(
            "node is not on this machine; the modules are tested on Linux and macOS",
        ));
    }
    let version = commands::output(program("node").arg("--version"))?;
    if node_major(&version).is_none_or(|major| major < NODE_MAJOR_MIN) {
        return Err(StepError::OldNode {
            found: version.trim().to_owned(),
        });
    }
    let mut command = program("node");
    command
        .current_dir(&context.workspace.root)
        .arg("--test")
        .args(files);
    commands::run(&mut command)?;
    Ok(Outcome::Done)
}

/// One system is enough: what it says does not depend on it.
fn types(context: &Context<'_>) -> Result<Outcome, StepError> {
    if context.machine.system != System::Linux {
        return Ok(Outcome::Skipped(
            "the compiler is installed with what drives the browser: checked on Linux",
        ));
    }
    browser::check_types(context.workspace)?;
    Ok(Outcome::Done)
}

/// With the program of the tests: some of these hosts stop at named points.
fn browser(context: &Context<'_>) -> Result<Outcome, StepError> {
    if context.machine.system != System::Linux {
        return Ok(Outcome::Skipped(
            "the hosts are stopped and woken by signals and the browser is a package: tested on Linux",
        ));
    }
    compile(context, &PROGRAM)?;
    browser::run(context.machine, context.workspace)?;
    Ok(Outcome::Done)
}

fn cargo(context: &Context<'_>, args: &[&str]) -> Result<Outcome, StepError> {
    run_cargo(context, args, |_| ())
}

/// Compiles, and tests if `args` say so, with every warning an error. All of these steps do, or each would compile again.
fn compile(context: &Context<'_>, args: &[&str]) -> Result<Outcome, StepError> {
    run_cargo(context, args, lints::compile_with)
}

fn run_cargo(
    context: &Context<'_>,
    args: &[&str],
    prepare: impl FnOnce(&mut Command),
) -> Result<Outcome, StepError> {
    let mut command = commands::cargo(&context.workspace.root);
    prepare(&mut command);
    command
        .args(args)
        .env("COMMONPLACE_MODEL_DIR", context.workspace.model_dir());
    if context.machine.is_ci {
        // A fresh checkout gains nothing from incremental builds.
        command.env("CARGO_INCREMENTAL", "0");
    }
    show(&command);
    commands::run(&mut command)?;
    Ok(Outcome::Done)
}

fn show(command: &Command) {
    report::note(&commands::line(command));
}

/// Finds the tests of the page's modules: each lies beside its module.
fn ui_tests(dir: &Path) -> Result<Vec<PathBuf>, StepError> {
    let entries = fs::read_dir(dir).map_err(|source| StepError::Read {
        path: dir.to_owned(),
        source,
    })?;
    let mut files = Vec::new();
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            files.extend(ui_tests(&path)?);
        } else if path.to_string_lossy().ends_with(".test.mjs") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Reads the first number of `v20.11.1`.
fn node_major(version: &str) -> Option<u32> {
    version
        .trim()
        .strip_prefix('v')?
        .split('.')
        .next()?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(steps: &[&Step]) -> Vec<&'static str> {
        steps.iter().map(|step| step.name).collect()
    }

    #[test]
    fn only_the_named_steps_run_and_in_the_tables_order() {
        let only = ["test".to_owned(), "fmt".to_owned()];
        assert_eq!(names(&choose(&only).expect("both exist")), ["fmt", "test"]);
        assert_eq!(choose(&[]).expect("all").len(), STEPS.len());
    }

    #[test]
    fn an_unknown_step_is_answered_with_the_known_ones() {
        let Err(error) = choose(&["lint".to_owned()]) else {
            panic!("there is no such step")
        };
        let text = error.to_string();
        assert!(
            text.contains("`lint`") && text.contains("clippy-headless"),
            "unclear: {text}"
        );
    }

    #[test]
    fn the_table_has_every_step_and_the_sum() {
        let rows = [
            Row {
                name: "fmt",
                result: "passed",
                time: Some(Duration::from_millis(1500)),
            },
            Row {
                name: "clippy",
                result: "FAILED",
                time: Some(Duration::from_secs(60)),
            },
            Row {
                name: "test",
                result: "not run",
                time: None,
            },
        ];
        let expected = "\
fmt              passed          1.5 s
clippy           FAILED     1 min 00 s
test             not run
in all                      1 min 01 s";
        assert_eq!(table(&rows), expected);
    }

    #[test]
    fn ui_tests_are_found_beside_their_modules_and_sorted() {
        let root = tempfile::tempdir().expect("a temporary directory");
        let dir = root.path().join("lib");
        fs::create_dir(&dir).expect("make the directory");
        for name in ["z.test.mjs", "lib/b.test.mjs", "lib/a.test.mjs", "lib/a.js"] {
            fs::write(root.path().join(name), "").expect("write a file");
        }
        let files = ui_tests(root.path()).expect("the directory can be read");
        let expected = ["lib/a.test.mjs", "lib/b.test.mjs", "z.test.mjs"];
        assert_eq!(files, expected.map(|name| root.path().join(name)));
    }

    #[test]
    fn the_version_of_node_is_read() {
        assert_eq!(node_major("v20.11.1\n"), Some(20));
        assert_eq!(node_major("not a version"), None);
    }
}
