//! Three rules about the dependency tree that no compiler checks.

use std::collections::BTreeSet;
use std::path::Path;

use crate::commands::{self, CommandError};
use crate::machine::System;
use crate::report;

/// SQLite's C code: two copies in one program would have two ideas of which locks are held.
const SQLITE: &str = "libsqlite3-sys";
/// What the headless program must not need, by the beginning of the crate's name.
const DESKTOP_ONLY: [&str; 5] = ["tauri", "wry", "webkit2gtk", "gtk", "webview2-com"];

/// The feature that no program has which people use; the tests are built with it.
const FOR_TESTS_ONLY: &str = "failpoints";

/// A rule is broken, or could not be checked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DependencyError {
    /// `cargo tree` failed.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// More than one version of SQLite's C code.
    #[error(
        "more than one {SQLITE} in the tree: {}; two copies of SQLite in one process break its locks: find who \
         brings the second with `cargo tree -i {SQLITE}@VERSION`", .versions.join(", ")
    )]
    TwoSqlites { versions: Vec<String> },
    /// The headless program pulls in a part of the desktop.
    #[error(
        "the program without desktop depends on {}: find out why with \
         `cargo tree -p commonplace --no-default-features -i NAME`", .names.join(", ")
    )]
    DesktopInHeadless { names: Vec<String> },
    /// The program that people use could be killed or sabotaged at named points.
    #[error(
        "`{FOR_TESTS_ONLY}` is on without being asked for, in: {}; find out why with `cargo tree -p commonplace -e features`",
        .packages.join(", ")
    )]
    ForTestsOnly { packages: Vec<String> },
}

/// Checks the rules on the tree for this system.
///
/// # Errors
/// Names the crates that break a rule.
pub(crate) fn check(root: &Path, system: System) -> Result<(), DependencyError> {
    let whole = tree(root, "{p}", &["--workspace"])?;
    let versions = versions_of(&whole, SQLITE);
    if versions.len() > 1 {
        return Err(DependencyError::TwoSqlites { versions });
    }
    report::note(&format!(
        "{SQLITE}: {}",
        versions.first().map_or("not used yet", String::as_str)
    ));

    let program = ["--package", "commonplace"];
    let packages = for_tests_only(&tree(root, "{p} {f}", &program)?);
    if !packages.is_empty() {
        return Err(DependencyError::ForTestsOnly { packages });
    }

    let headless = tree(
        root,
        "{p}",
        &[&program[..], &["--no-default-features"]].concat(),
    )?;
    let names = desktop_crates(&headless);
    if !names.is_empty() {
        return Err(DependencyError::DesktopInHeadless { names });
    }
    let count = crates(&headless).count();
    report::note(&format!(
        "without desktop: no webkit on {}, {count} crates",
        system.name()
    ));
    Ok(())
}

fn tree(root: &Path, format: &str, selection: &[&str]) -> Result<BTreeSet<String>, CommandError> {
    let mut command = commands::cargo(root);
    command.args([
        "tree",
        "--quiet",
        "--prefix",
        "none",
        "--edges",
        "normal,build",
        "--format",
        format,
    ]);
    command.args(selection);
    // A crate that was shown before has ` (*)` behind it.
    let answer = commands::output(&mut command)?;
    Ok(answer
        .lines()
        .map(|line| line.trim_end_matches(" (*)").to_owned())
        .collect())
}

/// Splits lines such as `serde v1.0.228` or `xtask v0.1.0 (/src/xtask)` into name and version.
fn crates(tree: &BTreeSet<String>) -> impl Iterator<Item = (&str, &str)> {
    tree.iter().filter_map(|line| {
        let mut words = line.split_whitespace();
        Some((words.next()?, words.next()?))
    })
}

fn versions_of(tree: &BTreeSet<String>, name: &str) -> Vec<String> {
    let found = crates(tree).filter(|(crate_name, _)| *crate_name == name);
    found.map(|(_, version)| version.to_owned()).collect()
}

/// Returns the packages that have the feature, from lines that end with the features.
fn for_tests_only(tree: &BTreeSet<String>) -> Vec<String> {
    let has_it = |line: &&String| {
        let mut words = line.split([' ', ',']);
        words.any(|word| word == FOR_TESTS_ONLY)
    };
    let name = |line: &String| line.split(' ').next().unwrap_or_default().to_owned();
    tree.iter().filter(has_it).map(name).collect()
}

fn desktop_crates(tree: &BTreeSet<String>) -> Vec<String> {
    let is_desktop = |name: &&str| DESKTOP_ONLY.iter().any(|desktop| name.starts_with(desktop));
    crates(tree)
        .map(|(name, _)| name)
        .filter(is_desktop)
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree_of(lines: &[&str]) -> BTreeSet<String> {
        lines.iter().map(|&line| line.to_owned()).collect()
    }

    #[test]
    fn a_feature_for_tests_is_found() {
        let tree = tree_of(&[
            "commonplace v0.1.0 (/src) default,desktop",
            "commonplace-lock v0.1.0 (/src/failpoints) ",
            "commonplace-engine v0.1.0 (/src) default,failpoints",
        ]);
        assert_eq!(for_tests_only(&tree), ["commonplace-engine"]);
    }

    #[test]
    fn a_second_sqlite_is_found() {
        let tree = tree_of(&[
            "libsqlite3-sys v0.35.0",
            "libsqlite3-sys v0.30.1",
            "sqlite-vec v0.1.9",
        ]);
        assert_eq!(versions_of(&tree, SQLITE), ["v0.30.1", "v0.35.0"]);
    }

    #[test]
    fn webkit_in_the_headless_program_is_found() {
        let tree = tree_of(&[
            "commonplace v0.1.0 (/src)",
            "tokio v1.47.0",
            "webkit2gtk-sys v2.0.1",
            "",
        ]);
        assert_eq!(desktop_crates(&tree), ["webkit2gtk-sys"]);
    }
}
