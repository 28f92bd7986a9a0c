//! Developer commands of Commonplace: `cargo xtask <command>`.
//!
//! Two of them must work on a machine that has only Rust and the C linker which Rust itself needs:
//! `run` fetches what is missing, builds and starts the program; `test` does what CI does.
//! Nothing here is part of the product, and nothing of the product is linked here; its program is run.
//!
//! The parts, from below:
//! - `commands`: child programs, with the environment of the shell and not the one cargo gave to us;
//! - `machine`, `workspace`: what this computer has, and where the files of the project are;
//! - `report`: what is printed, all of it on stderr, so that stdout belongs to the program
//!   that is started;
//! - `packages`, `install`: which system packages are needed (pure), and installing them;
//! - `python`, `model`: the model's files, which the program fetches and checks, from two sources;
//! - `browser`: the tests with a browser and what they need;
//! - `foreign`: Debian's compiler, as one for Windows and macOS;
//! - `run`, `steps`, `dependencies`, `audit`, `bench`, `soak`, `fuzz`, `api`, `bundle`, `wine`, `macos`: the commands themselves.

// A developer tool talks to a terminal; the lint is for the layers of the product, which log.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod api;
mod audit;
mod bench;
mod browser;
mod bundle;
mod commands;
mod dependencies;
mod foreign;
mod fuzz;
mod install;
mod lints;
mod machine;
mod macos;
mod model;
mod packages;
mod python;
mod report;
mod run;
mod soak;
mod steps;
mod wine;
mod workspace;

use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use machine::Machine;
use workspace::Workspace;

/// Developer commands of Commonplace.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Installs what is missing, fetches the model, builds, and starts Commonplace
    Run(RunArgs),
    /// Runs everything that CI runs, installing what is missing first
    Test(TestArgs),
    /// Runs the formatter and the linter only
    Check,
    /// Installs system packages, then stops
    Setup(SetupArgs),
    /// Builds the program and has it fetch the model for the tests
    Model,
    /// Looks for dependencies that are unused, vulnerable, doubled, or under another licence than `deny.toml` allows
    Audit(audit::AuditArgs),
    /// Runs the benchmarks: all of them, or the one named
    Bench(BenchArgs),
    /// Kills, freezes and hinders many processes for an hour, and checks that nothing acknowledged is lost
    Soak(soak::SoakArgs),
    /// Feeds what reads files of other programs with noise; needs cargo-fuzz and a C++ compiler
    Fuzz(fuzz::FuzzArgs),
    /// Holds the HTTP API of a real host to its OpenAPI document, with schemathesis
    Api(api::ApiArgs),
    /// Makes packages to install: deb, rpm and AppImage on Linux, dmg on macOS, msi and nsis on Windows
    Bundle(bundle::BundleArgs),
    /// Builds for Windows, and runs the tests of lock and store under Wine; Debian only
    Wine(wine::WineArgs),
    /// Type-checks all code for macOS; Debian only
    Macos,
}

#[derive(Args)]
struct ModeArgs {
    /// Without window and tray, so that no webkit is needed
    #[arg(long, conflicts_with = "desktop")]
    headless: bool,
    /// With window and tray, also where no display is found
    #[arg(long)]
    desktop: bool,
}

#[derive(Args)]
struct RunArgs {
    #[command(flatten)]
    mode: ModeArgs,
    /// Arguments for commonplace itself
    #[arg(last = true)]
    args: Vec<String>,
}

#[derive(Args)]
struct TestArgs {
    /// Runs this step only; may be given several times
    #[arg(long, value_name = "STEP")]
    only: Vec<String>,
    /// Lists the steps and stops
    #[arg(long)]
    list: bool,
}

#[derive(Args)]
struct SetupArgs {
    #[command(flatten)]
    mode: ModeArgs,
    /// Also what the tests need: a browser, a virtual display and the like
    #[arg(long)]
    tests: bool,
}

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
struct BenchArgs {
    #[command(subcommand)]
    own: Option<OwnBench>,
    /// Name of the benchmark; without it, all are run
    name: Option<String>,
    /// Lists the benchmarks and stops
    #[arg(long)]
    list: bool,
    /// Arguments for the benchmark itself
    #[arg(last = true)]
    args: Vec<String>,
}

/// Benchmarks with options of their own, which the program in bench/ reads.
#[derive(Subcommand)]
enum OwnBench {
    /// Measures the program over MCP with several clients at once, beside a rival if one is given
    #[command(disable_help_flag = true)]
    Mcp(PassedOn),
    /// Measures several instances on one store, and a lock that somebody else holds; fails if a limit is missed
    #[command(disable_help_flag = true)]
    Contention(PassedOn),
}

#[derive(Args)]
struct PassedOn {
    /// `--help` lists them
    #[arg(
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_name = "OPTIONS"
    )]
    options: Vec<String>,
}

impl ModeArgs {
    fn forced(&self) -> Option<run::Mode> {
        match (self.headless, self.desktop) {
            (true, _) => Some(run::Mode::Headless),
            (_, true) => Some(run::Mode::Desktop),
            _ => None,
        }
    }
}

/// Why a command stopped.
#[derive(Debug, thiserror::Error)]
enum XtaskError {
    #[error(transparent)]
    Workspace(#[from] workspace::WorkspaceError),
    #[error(transparent)]
    Run(#[from] run::RunError),
    #[error(transparent)]
    Steps(#[from] steps::StepsError),
    #[error(transparent)]
    Bench(#[from] bench::BenchError),
    #[error(transparent)]
    Fuzz(#[from] fuzz::FuzzError),
    #[error(transparent)]
    Api(#[from] api::ApiError),
    #[error(transparent)]
    Bundle(#[from] bundle::BundleError),
    #[error(transparent)]
    Wine(#[from] wine::WineError),
    #[error(transparent)]
    Macos(#[from] macos::MacosError),
    #[error(transparent)]
    Command(#[from] commands::CommandError),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    match dispatch(cli.command) {
        Ok(code) => code,
        Err(error) => {
            report::failure(&error);
            ExitCode::FAILURE
        }
    }
}

fn dispatch(command: Command) -> Result<ExitCode, XtaskError> {
    let machine = Machine::detect();
    let workspace = Workspace::find()?;
    match command {
        Command::Run(args) => {
            return Ok(run::run(
                &machine,
                &workspace,
                args.mode.forced(),
                &args.args,
            )?);
        }
        Command::Test(args) if args.list => steps::list(),
        Command::Test(args) => steps::test(&machine, &workspace, &args.only)?,
        Command::Check => steps::check(&machine, &workspace)?,
        Command::Setup(args) => run::setup(&machine, args.mode.forced(), args.tests)?,
        Command::Model => steps::test(&machine, &workspace, &["model".to_owned()])?,
        Command::Audit(args) => audit::run(&workspace, &args)?,
        Command::Soak(args) => soak::run(&workspace, &args)?,
        Command::Fuzz(args) => fuzz::run(&workspace, &args)?,
        Command::Api(args) => api::run(&machine, &workspace, &args)?,
        Command::Bundle(args) => bundle::run(&machine, &workspace, &args)?,
        Command::Wine(args) => wine::run(&machine, &workspace, &args)?,
        Command::Macos => macos::run(&machine, &workspace)?,
        Command::Bench(args) if args.list => bench::list(),
        Command::Bench(args) => match args.own {
            Some(OwnBench::Mcp(own)) => {
                bench::run_load(&machine, &workspace, "mcp", &own.options)?;
            }
            Some(OwnBench::Contention(own)) => {
                bench::run_load(&machine, &workspace, "contention", &own.options)?;
            }
            None => bench::run(&machine, &workspace, args.name.as_deref(), &args.args)?,
        },
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn arguments_after_two_dashes_go_to_the_program() {
        let cli = Cli::try_parse_from(["xtask", "run", "--headless", "--", "serve", "--port", "0"])
            .expect("a valid command line");
        let Command::Run(args) = cli.command else {
            panic!("`run` was not understood as run")
        };
        assert_eq!(args.args, ["serve", "--port", "0"]);
        assert_eq!(args.mode.forced(), Some(run::Mode::Headless));
    }

    #[test]
    fn a_benchmark_with_options_of_its_own_takes_them_without_two_dashes() {
        let bench = |words: &[&str]| {
            let words = ["xtask", "bench"].iter().chain(words);
            let cli = Cli::try_parse_from(words).expect("a valid command line");
            let Command::Bench(args) = cli.command else {
                panic!("`bench` was not understood as bench")
            };
            args
        };
        let words = ["--clients", "1,4", "--rival", "node x", "--help"];
        let Some(OwnBench::Mcp(own)) = bench(&[&["mcp"], &words[..]].concat()).own else {
            panic!("`mcp` has options of its own")
        };
        assert_eq!(own.options, words);
        let own = bench(&["contention"]).own;
        assert!(matches!(own, Some(OwnBench::Contention(own)) if own.options.is_empty()));
        let other = bench(&["lock", "--", "--quick"]);
        assert_eq!(
            (other.name.as_deref(), other.own.is_none()),
            (Some("lock"), true)
        );
        assert_eq!(other.args, ["--quick"]);
    }
}
