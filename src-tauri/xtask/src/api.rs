//! `cargo xtask api`: the real host, asked by schemathesis for everything that its OpenAPI document describes, and more.
//!
//! No answer may be a failure of the host, each must be one that the document describes, and no route may answer without
//! a token. It works on a store of its own, so that it may pause, change settings and settle locks as it likes.

use std::fs;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use clap::Args;

use crate::commands::{self, CommandError};
use crate::install::{self, InstallError};
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
    /// The host did not say where it listens.
    #[error("the host did not start; what it said is above")]
    NoHost,
    /// Its token could not be read.
    #[error("could not read the token of the host: {0}")]
    Token(io::Error),
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
    let host = Host::start(workspace, store.path())?;
    report::note("asking for everything that the document describes");
    let mut asking = asking(&schemathesis, &workspace.root, &host, args);
    Ok(commands::run(&mut asking)?)
}

/// A running host; killed when dropped.
struct Host {
    child: Child,
    /// Its address, which ends with a slash.
    url: String,
    /// The token that opens its API.
    admin: String,
}

impl Host {
    /// Starts it on a store that it makes in `dir`, and waits until it is ready.
    fn start(workspace: &Workspace, dir: &Path) -> Result<Self, ApiError> {
        let store = dir.join("store");
        let mut command = commands::program(workspace.debug_program());
        command
            .env("COMMONPLACE_MODEL_DIR", workspace.model_dir())
            // What a login starts is asked and changed through the API too, and must not be that of whoever runs this.
            .env("HOME", dir)
            .env("XDG_CONFIG_HOME", dir.join("config"))
            .arg("--data-dir")
            .arg(&store)
            .args(["serve", "--port", "0"])
            .stdout(Stdio::piped());
        let spawned = command.spawn();
        let mut host = Self {
            child: spawned.map_err(|source| commands::start_error(&command, source))?,
            url: String::new(),
            admin: String::new(),
        };
        host.url = host.told_url().ok_or(ApiError::NoHost)?;
        let token = fs::read_to_string(store.join("admin.token"));
        host.admin = token.map_err(ApiError::Token)?.trim().to_owned();
        Ok(host)
    }

    fn told_url(&mut self) -> Option<String> {
        let mut line = String::new();
        let stdout = self.child.stdout.take()?;
        BufReader::new(stdout).read_line(&mut line).ok()?;
        let ready: serde_json::Value = serde_json::from_str(&line).ok()?;
        ready["url"].as_str().map(str::to_owned)
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // It may have ended by itself; there is nothing left to do about it either way.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Prepares schemathesis. It runs in the store's place, because it leaves files behind.
fn asking(schemathesis: &Path, root: &Path, host: &Host, args: &ApiArgs) -> Command {
    let url = &host.url;
    let mut command = commands::program(schemathesis);
    command
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("COMMONPLACE_ADMIN", &host.admin)
        .current_dir(root.join("target"))
        .arg("--config-file")
        .arg(root.join(CONFIG))
        .args(["run", &format!("{url}api/openapi.json"), "--url", url])
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
