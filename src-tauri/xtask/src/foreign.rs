//! Debian's compiler: it comes with the sources of its library, so it can build for systems that are not this one.

use std::path::PathBuf;
use std::process::Command;

use crate::commands::program;
use crate::install::{self, InstallError};
use crate::machine::{Installer, Machine};
use crate::packages::Purpose;
use crate::workspace::Workspace;

/// Debian's compiler and cargo; others that come first on PATH have no sources of the library.
const RUSTC: &str = "/usr/bin/rustc";
const CARGO: &str = "/usr/bin/cargo";

/// This system cannot build for others.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ForeignError {
    /// It has not what is needed.
    #[error(
        "cannot build for {system} here: that needs the packages of Debian 12 or later (rustc-web, rust-web-src); \
         on {system} itself, run `cargo xtask test`"
    )]
    NotDebian { system: &'static str },
    /// The packages could not be installed.
    #[error("{0}; building for another system needs Debian 12 or later")]
    Install(#[from] InstallError),
}

/// Installs the compiler and what else is needed to build for `system`.
///
/// # Errors
/// `NotDebian` before anything is done.
pub(crate) fn ensure(
    machine: &Machine,
    system: &'static str,
    more: &[Purpose],
) -> Result<(), ForeignError> {
    if machine.installer != Some(Installer::Apt) {
        return Err(ForeignError::NotDebian { system });
    }
    let needed = [&[Purpose::Build, Purpose::Foreign], more].concat();
    Ok(install::ensure(machine, &needed)?)
}

/// Builds for one other system.
pub(crate) struct Foreign {
    /// The name that the compiler has for that system.
    triple: &'static str,
    root: PathBuf,
    /// Where things are built: a directory of its own, for the compiler is another one.
    pub(crate) target: PathBuf,
}

impl Foreign {
    /// Builds for `triple` in the directory `dir` below the usual one.
    pub(crate) fn new(workspace: &Workspace, triple: &'static str, dir: &str) -> Self {
        Self {
            triple,
            root: workspace.root.clone(),
            target: workspace.target.join(dir),
        }
    }

    /// Prepares `cargo verb`. The first time, the standard library is built as well.
    pub(crate) fn cargo(&self, verb: &str) -> Command {
        let mut command = program(CARGO);
        command
            .current_dir(&self.root)
            .env("RUSTC", RUSTC)
            // The library is built from its sources, which is not for the stable compiler otherwise.
            .env("RUSTC_BOOTSTRAP", "1")
            // Nobody works on these files again and again, nor looks at them with a debugger.
            .env("CARGO_INCREMENTAL", "0")
            .env("CARGO_PROFILE_DEV_DEBUG", "0")
            // CI's linter refuses warnings on that system.
            .env("CARGO_BUILD_WARNINGS", "deny")
            .args([
                verb,
                "-Zbuild-std=std,panic_unwind",
                "-Zwarnings",
                "--locked",
            ])
            .args(["--target", self.triple, "--target-dir"])
            .arg(&self.target);
        command
    }

    /// Sets the variable that the build scripts of C code read for this system, such as `CC` or `AR`.
    pub(crate) fn variable(&self, tool: &str) -> String {
        format!("{tool}_{}", self.triple.replace('-', "_"))
    }
}
