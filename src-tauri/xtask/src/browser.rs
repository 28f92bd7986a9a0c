//! The tests with a browser, in `tests/browser`: what they need beside the system's packages, and how they are run.

use std::fs;
use std::path::{Path, PathBuf};

use crate::commands::{self, CommandError, program};
use crate::machine::Machine;
use crate::packages::BROWSERS;
use crate::report;
use crate::workspace::Workspace;

/// Test files that run at once. Two take a minute less on two cores, and one run in ten failed: a browser, its hosts and the
/// clients of a test keep two cores busy by themselves.
const FILES_AT_ONCE: u32 = 1;

/// Why the page could not be tested, or is not as it should be.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BrowserError {
    /// There is no browser that we know.
    #[error("no browser found ({}); install one: `cargo xtask setup --tests`", BROWSERS.join(", "))]
    NoBrowser,
    /// What drives the browser could not be installed.
    #[error(
        "{source}\nthe tests need the packages that `{}` pins; without a network, run `npm ci` there once \
         where there is one, and copy `node_modules`", .dir.display()
    )]
    Packages { dir: PathBuf, source: CommandError },
    /// A test failed, or node could not be started.
    #[error(transparent)]
    Tests(#[from] CommandError),
}

/// Runs the tests with the program that was built last. Screenshots are left in `target/screenshots`.
///
/// # Errors
/// If something needed is missing, with what to do; if a test fails.
pub(crate) fn run(machine: &Machine, workspace: &Workspace) -> Result<(), BrowserError> {
    let browser = BROWSERS
        .iter()
        .find_map(|name| commands::find(name, &machine.path))
        .ok_or(BrowserError::NoBrowser)?;
    let dir = workspace.root.join("tests").join("browser");
    ensure_packages(&dir)?;
    let mut command = program("node");
    command
        .current_dir(&dir)
        .env("COMMONPLACE_BROWSER", browser)
        .env("COMMONPLACE_PROGRAM", workspace.debug_program())
        .args(["--test", "--test-reporter=spec"])
        .arg(format!("--test-concurrency={FILES_AT_ONCE}"))
        .args(test_files(&dir));
    Ok(commands::run(&mut command)?)
}

/// Checks that the modules of the page use the answers of a host as `ui/lib/api.d.ts` says they are.
///
/// # Errors
/// If the compiler could not be installed, or says that something does not fit.
pub(crate) fn check_types(workspace: &Workspace) -> Result<(), BrowserError> {
    let dir = workspace.root.join("tests").join("browser");
    ensure_packages(&dir)?;
    let mut command = program("node");
    command
        .current_dir(&workspace.root)
        .arg(dir.join("node_modules/typescript/bin/tsc"))
        .args(["--project", "ui"]);
    Ok(commands::run(&mut command)?)
}

/// Installs what the lock file pins, unless exactly that is there: npm leaves a copy of the list that it installed.
fn ensure_packages(dir: &Path) -> Result<(), BrowserError> {
    if is_installed(dir) {
        report::note("the packages of the tests of the page are there");
        return Ok(());
    }
    let mut command = program("npm");
    command.current_dir(dir).args(["ci", "--ignore-scripts"]);
    commands::run(&mut command).map_err(|source| BrowserError::Packages {
        dir: dir.to_owned(),
        source,
    })
}

fn is_installed(dir: &Path) -> bool {
    let integrities = |path: PathBuf| {
        let text = fs::read_to_string(path).unwrap_or_default();
        let lines = text.lines().map(str::trim).map(str::to_owned);
        lines
            .filter(|line| line.starts_with("\"integrity\""))
            .collect::<Vec<_>>()
    };
    let wanted = integrities(dir.join("package-lock.json"));
    wanted == integrities(dir.join("node_modules").join(".package-lock.json"))
}

fn test_files(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut files: Vec<_> = names.filter(|name| name.ends_with(".test.mjs")).collect();
    files.sort();
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    fn here() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/browser")
    }

    #[test]
    fn the_tests_are_found() {
        let files = test_files(&here());
        assert!(files.contains(&"session.test.mjs".to_owned()), "{files:?}");
    }

    #[test]
    fn the_lock_file_pins_by_hash_and_names_no_server() {
        let lock = fs::read_to_string(here().join("package-lock.json")).expect("it is there");
        assert!(lock.contains("\"integrity\": \"sha512-"), "{lock}");
        assert!(!lock.contains("http"), "{lock}");
    }

    #[test]
    fn packages_of_another_lock_file_are_installed_anew() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let write = |name: &str, text: &str| fs::write(dir.path().join(name), text).expect("write");
        fs::create_dir(dir.path().join("node_modules")).expect("make the directory");
        write("package-lock.json", "  \"integrity\": \"sha512-a\"\n");
        assert!(!is_installed(dir.path()), "nothing is installed");
        write(
            "node_modules/.package-lock.json",
            "\"integrity\": \"sha512-a\"\n",
        );
        assert!(is_installed(dir.path()));
        write("package-lock.json", "  \"integrity\": \"sha512-b\"\n");
        assert!(!is_installed(dir.path()), "another one is wanted");
    }
}
