//! `cargo xtask fuzz`: noise for everything that reads files of other programs.
//!
//! The targets are in `src-tauri/fuzz`. They need cargo-fuzz and a C++ compiler, on Linux or macOS; the same functions
//! are driven with seeded chance by the ordinary tests, which need neither.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::commands::{self, CommandError};
use crate::report;
use crate::workspace::Workspace;

/// Every target; a new one is a new line here and in `src-tauri/fuzz/Cargo.toml`.
const TARGETS: &[&str] = &["holder_block", "records", "file_names", "settings_edit"];

/// What the command takes.
#[derive(Args)]
pub(crate) struct FuzzArgs {
    /// Target; without it, all of them
    target: Option<String>,
    /// Time for each target
    #[arg(long, value_name = "N", default_value_t = 60)]
    seconds: u32,
}

/// Why fuzzing stopped.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FuzzError {
    /// No target of this name.
    #[error("no fuzz target `{name}`; there are: {}", TARGETS.join(", "))]
    Unknown { name: String },
    /// The program that runs the targets is missing.
    #[error("cargo-fuzz is not installed; install it with `cargo install cargo-fuzz`")]
    NotInstalled,
    /// There is no place for what is found.
    #[error("could not make `{path}`: {source}; check that this user may write there")]
    Corpus {
        path: PathBuf,
        source: std::io::Error,
    },
    /// A target found something, or could not be built.
    #[error(transparent)]
    Command(#[from] CommandError),
}

/// Feeds each chosen target with noise for the given time; ends at the first that finds something.
///
/// # Errors
/// `Unknown` for a name that is not in the table, `NotInstalled` without cargo-fuzz.
pub(crate) fn run(workspace: &Workspace, args: &FuzzArgs) -> Result<(), FuzzError> {
    let chosen = choose(args.target.as_deref())?;
    if !commands::succeeds(commands::cargo(&workspace.root).args(["fuzz", "--version"])) {
        return Err(FuzzError::NotInstalled);
    }
    for (index, target) in chosen.iter().enumerate() {
        report::step(index + 1, chosen.len(), target, || {
            make_corpus(&workspace.root, target)?;
            commands::run(&mut fuzz_command(&workspace.root, target, args.seconds))?;
            Ok::<_, FuzzError>(())
        })?;
    }
    Ok(())
}

fn choose(name: Option<&str>) -> Result<Vec<&'static str>, FuzzError> {
    let Some(name) = name else {
        return Ok(TARGETS.to_vec());
    };
    let found = TARGETS.iter().find(|target| **target == name);
    found
        .map(|target| vec![*target])
        .ok_or_else(|| FuzzError::Unknown {
            name: name.to_owned(),
        })
}

/// Makes the directory for what is found new; libFuzzer does not.
fn make_corpus(root: &Path, target: &str) -> Result<(), FuzzError> {
    let path = fuzz_dir(root).join("corpus").join(target);
    std::fs::create_dir_all(&path).map_err(|source| FuzzError::Corpus { path, source })
}

fn fuzz_dir(root: &Path) -> PathBuf {
    root.join("src-tauri").join("fuzz")
}

/// Prepares one run. What is found new is kept beside the seeds, in `corpus`, and what breaks in `artifacts`.
fn fuzz_command(root: &Path, target: &str, seconds: u32) -> std::process::Command {
    let mut command = commands::cargo(&fuzz_dir(root));
    command
        // The sanitizers are unstable; with this, the compiler that we have anyway is enough.
        .env("RUSTC_BOOTSTRAP", "1")
        .args(["fuzz", "run", "--fuzz-dir", ".", target])
        .args([format!("corpus/{target}"), format!("seeds/{target}")])
        .args(["--".to_owned(), format!("-max_total_time={seconds}")]);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_has_its_file_and_its_seeds() {
        let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz");
        let manifest = std::fs::read_to_string(fuzz.join("Cargo.toml")).unwrap();
        for target in TARGETS {
            assert!(
                manifest.contains(&format!("path = \"targets/{target}.rs\"")),
                "{target}"
            );
            assert!(
                fuzz.join(format!("targets/{target}.rs")).is_file(),
                "{target}"
            );
            assert!(fuzz.join("seeds").join(target).is_dir(), "{target}");
        }
    }

    #[test]
    fn an_unknown_target_is_answered_with_the_known_ones() {
        let error = choose(Some("noise")).unwrap_err().to_string();
        assert!(
            error.contains("`noise`") && error.contains("holder_block"),
            "{error}"
        );
    }
}
