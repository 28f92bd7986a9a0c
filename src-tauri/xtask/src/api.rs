//! `cargo xtask api`: the real host, asked by schemathesis for everything that its OpenAPI document describes, and more.
//!
//! No answer may be a failure of the host, each must be one that the document describes, and no route may answer without
//! a token. It works on a store of its own, so that it may pause, change settings and settle locks as it likes.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Args;

use crate::commands::{self, CommandError};
use crate::install::{self, InstallError};
use crate::load::host::{Host, HostError, Program};
use crate::machine::Machine;
use crate::packages::Purpose;
use crate::report;
use crate::workspace::Workspace;

/// Pinned, so that a run can be repeated.
const PACKAGE: &str = "schemathesis==4.32.5";
/// What it is told beside the document.
const CONFIG: &str = "src-tauri/http/schemathesis.toml";

/// What the command takes.
#[derive(Args)]
pub(crate) struct ApiArgs {
    /// Time for the requests made up by chance
    #[arg(long, value_name = "N", default_value_t = 40)]
    seconds: u32,
    /// Repeats a run: the number that an earlier one printed
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
}

/// Why the description was not held to.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiError {
    /// Python could not be installed.
    #[error(transparent)]
    Install(#[from] InstallError),
    /// A program failed; if it is schemathesis, its report is above.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// The host could not be used.
    #[error(transparent)]
    Host(#[from] HostError),
    /// There is no place for the store.
    #[error("could not make a directory for the store: {0}; check that this user may write there")]
    Scratch(io::Error),
}

/// Builds the host, starts it on a store of its own, and has schemathesis ask it.
///
/// # Errors
/// [`ApiError::Command`] if an answer was not as described.
pub(crate) fn run(
    machine: &Machine,
    workspace: &Workspace,
    args: &ApiArgs,
) -> Result<(), ApiError> {
    let schemathesis = ensure_schemathesis(machine, &workspace.target)?;
    report::note("building the host");
    commands::run(commands::cargo(&workspace.root).args(["build", "--no-default-features"]))?;
    let store = tempfile::tempdir().map_err(ApiError::Scratch)?;
    let program = Program {
        path: workspace.debug_program(),
        model_dir: workspace.model_dir(),
    };
    let host = Host::start(&program, store.path())?;
    report::note("asking for everything that the document describes");
    let asked = commands::run(&mut asking(&schemathesis, &workspace.root, &host, args));
    host.stop();
    Ok(asked?)
}

/// Prepares schemathesis. It runs in the store's place, because it leaves files behind.
fn asking(schemathesis: &Path, root: &Path, host: &Host, args: &ApiArgs) -> Command {
    let url = host.url();
    let mut command = commands::program(schemathesis);
    command
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("COMMONPLACE_ADMIN", host.admin())
        .current_dir(root.join("target"))
        .arg("--config-file")
        .arg(root.join(CONFIG))
        .args(["run", &format!("{url}api/openapi.json"), "--url", &url])
        .args(["--max-time", &args.seconds.to_string()])
        .args([
            "--request-timeout",
            "30",
            "--continue-on-failure",
            "--no-color",
        ]);
    if let Some(seed) = args.seed {
        command.args(["--seed", &seed.to_string()]);
    }
    command
}

/// Returns the program, installed into a directory of its own below `target` if it is not there.
fn ensure_schemathesis(machine: &Machine, target: &Path) -> Result<PathBuf, ApiError> {
    let dir = target.join("schemathesis");
    let program = dir.join(scripts()).join("schemathesis");
    let is_there = fs::read_to_string(dir.join("installed")).is_ok_and(|name| name == PACKAGE);
    if is_there {
        return Ok(program);
    }
    install::ensure(machine, &[Purpose::Tests])?;
    report::note(&format!("installing {PACKAGE} into `{}`", dir.display()));
    commands::run(
        commands::program("python3")
            .args(["-m", "venv", "--clear"])
            .arg(&dir),
    )?;
    let python = dir.join(scripts()).join("python");
    commands::run(commands::program(python).args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        PACKAGE,
    ]))?;
    fs::write(dir.join("installed"), PACKAGE).map_err(ApiError::Scratch)?;
    Ok(program)
}

fn scripts() -> &'static str {
    if cfg!(windows) { "Scripts" } else { "bin" }
}
