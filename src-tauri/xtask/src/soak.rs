//! `cargo xtask soak`: the history tests in their long form, on the release build, and then the tests of the store on a
//! failing disk and of the queue under many orders of its threads in theirs.

use clap::Args;

use crate::commands::{self, CommandError};
use crate::report;
use crate::workspace::Workspace;

/// Many processes write while they are killed, frozen and hindered; then every history is checked
#[derive(Args, Debug, Clone)]
pub(crate) struct SoakArgs {
    /// How long
    #[arg(long, default_value_t = 60)]
    minutes: u64,
    /// Nothing but kills, one after the other, until there were so many; ends after --minutes at the latest
    #[arg(long)]
    kills: Option<u64>,
    /// Another seed gives other disturbances
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Builds, and soaks for as long as wished. On a fault the store and the histories are kept, and the seed is printed.
///
/// # Errors
/// If the build fails, or any history has a fault.
pub(crate) fn run(workspace: &Workspace, args: &SoakArgs) -> Result<(), CommandError> {
    report::note("release build with named points: some minutes the first time");
    let mut command = commands::cargo(&workspace.root);
    command
        .args(["test", "--release", "--package", "commonplace"])
        .args(["--no-default-features", "--features", "failpoints"])
        .args(["--test", "app", "history::soak", "--", "--nocapture"])
        .env("COMMONPLACE_SOAK_MINUTES", args.minutes.to_string())
        .env("COMMONPLACE_SOAK_SEED", args.seed.to_string());
    if let Some(kills) = args.kills {
        command.env("COMMONPLACE_SOAK_KILLS", kills.to_string());
    }
    commands::run(&mut command)?;
    run_long_forms(workspace, args.minutes)
}

/// Runs what takes longer the more of it is wanted: a round is some ten seconds.
fn run_long_forms(workspace: &Workspace, minutes: u64) -> Result<(), CommandError> {
    let rounds = minutes.clamp(2, 30);
    report::note("the store on a failing disk");
    let mut faults = commands::cargo(&workspace.root);
    faults
        .args(["test", "--release", "--package", "commonplace-store"])
        .args(["--test", "faults"])
        .env("COMMONPLACE_FAULT_ROUNDS", rounds.to_string());
    commands::run(&mut faults)?;
    report::note("the write queue under many orders of its threads");
    let mut schedules = commands::cargo(&workspace.root);
    schedules
        .args(["test", "--release", "--package", "commonplace-engine"])
        .args(["--features", "shuttle", "--lib", "schedules"])
        .env("COMMONPLACE_SCHEDULES", (rounds * 2_000).to_string());
    commands::run(&mut schedules)
}
