//! `cargo xtask macos`: all our code, its tests too, type-checked for macOS on Linux.
//!
//! It shows that the code for macOS compiles. C code is not compiled, nothing is linked, and no test runs; CI has a real
//! macOS for that.

use std::path::PathBuf;
use std::process::Command;

use crate::commands::{self, CommandError};
use crate::foreign::{self, Foreign, ForeignError};
use crate::machine::Machine;
use crate::report;
use crate::workspace::Workspace;

const TRIPLE: &str = "aarch64-apple-darwin";
/// What stands in for Apple's C compiler and archiver.
const COMPILER: &str = "src-tauri/xtask/src/macos/compiler";

/// The forms of the program that are checked: with window and tray, and without.
const FORMS: [(&str, &[&str]); 2] = [
    ("everything, with window and tray", &["--workspace"]),
    (
        "the program without window and tray",
        &["--package", "commonplace", "--no-default-features"],
    ),
];

/// Why the command stopped.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MacosError {
    /// The compiler is not there.
    #[error(transparent)]
    Foreign(#[from] ForeignError),
    /// Something does not compile.
    #[error(transparent)]
    Command(#[from] CommandError),
}

/// Checks both forms of the program.
///
/// The first time takes about ten minutes on two cores.
///
/// # Errors
/// See `MacosError`.
pub(crate) fn run(machine: &Machine, workspace: &Workspace) -> Result<(), MacosError> {
    let total = FORMS.len() + 1;
    report::step(1, total, "compiler", || {
        foreign::ensure(machine, "macOS", &[])
    })?;
    for (index, (title, form)) in FORMS.iter().enumerate() {
        let check = || commands::run(&mut check(workspace, form));
        report::step(index + 2, total, title, check)?;
    }
    Ok(())
}

fn check(workspace: &Workspace, form: &[&str]) -> Command {
    let build = Foreign::new(workspace, TRIPLE, "macos");
    let compiler: PathBuf = workspace.root.join(COMPILER);
    let mut command = build.cargo("check");
    for tool in ["CC", "CXX", "AR"] {
        command.env(build.variable(tool), &compiler);
    }
    command
        // Any directory will do: nothing is taken from it.
        .env("SDKROOT", &workspace.root)
        .arg("--all-targets")
        .args(form);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn build_scripts_find_the_stand_in() {
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
        assert!(root.join(COMPILER).is_file());
        let workspace = Workspace {
            target: root.join("target"),
            root,
        };
        let command = check(&workspace, FORMS[0].1);
        let mut names = command.get_envs().map(|(name, _)| name);
        assert!(names.any(|name| name == "CC_aarch64_apple_darwin"));
    }
}
