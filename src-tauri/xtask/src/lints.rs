//! clippy in the place of the compiler: what it lints it also compiles.
//!
//! clippy is the compiler with more lints. `cargo clippy` has it read all dependencies of a fresh checkout once more without
//! compiling any, and that took six of CI's thirty minutes. So the tests are built by it, with the two variables by which
//! `cargo clippy` calls it. They are no public interface: [`prove`] shows that a warning still ends the build.

use std::fs;
use std::io;
use std::process::Command;

use crate::commands::program;

/// Name of the program; rustup puts it beside cargo.
const DRIVER: &str = "clippy-driver";

/// A warning is an error.
const ARGS: &str = "-Dwarnings__CLIPPY_HACKERY__";

/// Code with one warning that only clippy gives.
const FAULTY: &str = "pub fn is_set(flag: bool) -> bool { flag == true }\n";
const FAULT: &str = "clippy::bool_comparison";

/// Why the lints cannot be relied on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LintError {
    /// The driver could not be tried.
    #[error("could not try `{DRIVER}` in a temporary directory: {0}")]
    Try(#[from] io::Error),
    /// The driver lets pass what it should refuse.
    #[error(
        "`{DRIVER}` does not refuse a warning any more, so the build would not either; it said: {said}"
    )]
    Silent { said: String },
}

/// Makes a cargo command compile the workspace by clippy, and fail at any warning.
pub(crate) fn compile_with(command: &mut Command) {
    command
        .env("RUSTC_WORKSPACE_WRAPPER", DRIVER)
        .env("CLIPPY_ARGS", ARGS);
}

/// Compiles code with a fault as cargo would compile the workspace, and expects that it is refused.
///
/// # Errors
/// `Try` if that cannot be tried, `Silent` if it was not refused.
pub(crate) fn prove() -> Result<(), LintError> {
    let dir = tempfile::tempdir()?;
    let source = dir.path().join("faulty.rs");
    fs::write(&source, FAULTY)?;
    let output = program(DRIVER)
        .args(["rustc", "--crate-type", "lib", "--emit", "metadata"])
        .arg(&source)
        .current_dir(dir.path())
        .env("CLIPPY_ARGS", ARGS)
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() || !said.contains(FAULT) {
        return Err(LintError::Silent { said });
    }
    Ok(())
}
