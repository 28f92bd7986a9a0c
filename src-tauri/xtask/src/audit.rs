//! `cargo xtask audit`: licences, sources, duplicate versions and known vulnerabilities of the dependencies, and which are unused.
//!
//! No step of `cargo xtask test`: compiling the two tools takes three minutes on two cores, and the list of vulnerabilities
//! comes from GitHub.

use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Args;

use crate::commands::{self, CommandError, program};
use crate::report;
use crate::workspace::Workspace;

/// A tool and the version that is installed: a newer one may know rules that `deny.toml` has no answer to.
struct Tool {
    name: &'static str,
    /// Its first argument, by which cargo calls it.
    subcommand: &'static str,
    version: &'static str,
}

const DENY: Tool = Tool {
    name: "cargo-deny",
    subcommand: "deny",
    version: "0.20.2",
};
/// Reads the sources only. cargo-shear knows macros better, but needs a newer compiler than we do.
const MACHETE: Tool = Tool {
    name: "cargo-machete",
    subcommand: "machete",
    version: "0.9.2",
};

/// What the command takes.
#[derive(Args)]
pub(crate) struct AuditArgs {
    /// Leaves out known vulnerabilities, whose list comes from GitHub
    #[arg(long)]
    offline: bool,
}

/// Installs both tools into `target/tools` if they are not there, and runs them.
///
/// # Errors
/// If a tool cannot be installed, or finds something; its output says what.
pub(crate) fn run(workspace: &Workspace, args: &AuditArgs) -> Result<(), CommandError> {
    let tools = workspace.target.join("tools");
    let (deny, machete) = report::step(1, 3, "cargo-deny and cargo-machete", || {
        Ok::<_, CommandError>((ensure(&tools, &DENY)?, ensure(&tools, &MACHETE)?))
    })?;
    report::step(2, 3, "every dependency is used", || {
        commands::run(called(&machete, &MACHETE).current_dir(&workspace.root))
    })?;
    let mut command = called(&deny, &DENY);
    command.current_dir(&workspace.root).args([
        "--workspace",
        "check",
        "bans",
        "licenses",
        "sources",
    ]);
    if args.offline {
        report::note("known vulnerabilities are left out, as asked");
    } else {
        command.arg("advisories");
    }
    let title = "licences, sources, versions, vulnerabilities";
    report::step(3, 3, title, || commands::run(&mut command))
}

fn called(path: &Path, tool: &Tool) -> Command {
    let mut command = program(path);
    command.arg(tool.subcommand);
    command
}

/// Returns the program of a tool, after installing it if this version is not there.
fn ensure(tools: &Path, tool: &Tool) -> Result<PathBuf, CommandError> {
    let path = tools
        .join("bin")
        .join(format!("{}{}", tool.name, std::env::consts::EXE_SUFFIX));
    let told = commands::output(called(&path, tool).arg("--version")).unwrap_or_default();
    if told.split_whitespace().last() == Some(tool.version) {
        return Ok(path);
    }
    let mut command = commands::cargo(Path::new("."));
    command
        .args(["install", "--locked", "--force", "--root"])
        .arg(tools)
        .args([tool.name, "--version", tool.version]);
    commands::run(&mut command)?;
    Ok(path)
}
