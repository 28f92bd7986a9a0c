//! `cargo xtask wine`: the tests of the lock and of the store as Windows programs, on Linux under Wine.
//!
//! Debian has all that is needed: a compiler that comes with the sources of its library, so that it can be built for
//! Windows, a linker, and Wine. It shows locks, sharing of files, paths, start and death of processes as Wine plays
//! them. It cannot show scanners of viruses, the durability of NTFS, or the window; CI has a real Windows for that.

use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Args;

use crate::commands::{self, CommandError, program};
use crate::install::{self, InstallError};
use crate::machine::{Installer, Machine};
use crate::packages::Purpose;
use crate::report::{self, Heading};
use crate::workspace::Workspace;

const TARGET: &str = "x86_64-pc-windows-gnu";
/// Debian's compiler and cargo; others that come first on PATH have no sources of the library.
const RUSTC: &str = "/usr/bin/rustc";
const CARGO: &str = "/usr/bin/cargo";
const GCC: &str = "x86_64-w64-mingw32-gcc-posix";
/// The library that Wine lacks, and what stands in for it.
const RANDOM_DLL: &str = "bcryptprimitives.dll";
const RANDOM_SOURCE: &str = "src-tauri/xtask/src/wine/bcryptprimitives.c";

/// The packages whose tests are run.
const TESTED: [&str; 4] = [
    "--package",
    "commonplace-lock",
    "--package",
    "commonplace-store",
];
/// The targets of them that are programs of tests; benchmarks are none.
const TEST_TARGETS: [&str; 2] = ["--lib", "--tests"];

/// A test that holds on Windows and cannot hold under Wine.
struct LeftOut {
    name: &'static str,
    /// Where it is, for the test of this table.
    #[cfg(test)]
    file: &'static str,
    why: &'static str,
}

/// Every test that is left out.
const LEFT_OUT: [LeftOut; 2] = [
    LeftOut {
        name: "statistics::journal::tests::a_journal_that_was_removed_is_begun_anew",
        #[cfg(test)]
        file: "src-tauri/store/src/statistics/journal.rs",
        why: "Wine lets a removed file keep its name until it is closed; NTFS frees it at once, since Windows 10 1809",
    },
    LeftOut {
        name: "statistics::a_deleted_file_is_made_anew_while_instances_work",
        #[cfg(test)]
        file: "src-tauri/store/tests/store/statistics.rs",
        why: "for the same reason, a directory with a file that is open cannot be removed under Wine",
    },
];

/// What the command takes.
#[derive(Args)]
pub(crate) struct WineArgs {
    /// Arguments for the test programs, such as the whole name of one test
    #[arg(last = true)]
    args: Vec<String>,
}

/// Why the command stopped.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WineError {
    /// This system has not what is needed.
    #[error(
        "cannot build for Windows here: `cargo xtask wine` needs the packages of Debian 12 or later (rustc-web, \
         rust-web-src, MinGW, Wine); on Windows itself, run `cargo xtask test`"
    )]
    NotDebian,
    /// The packages could not be installed.
    #[error("{0}; `cargo xtask wine` needs Debian 12 or later")]
    Install(#[from] InstallError),
    /// Something did not compile, or a test failed.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// Cargo built no program of tests.
    #[error(
        "cargo named no program of tests for {TARGET}; is the cargo in `{CARGO}` older than 1.94?"
    )]
    NoPrograms,
}

/// Checks the program, builds the tests and runs them under Wine; ends at the first that fails.
///
/// The first time takes about ten minutes on two cores: the standard library is built as well.
///
/// # Errors
/// See `WineError`.
pub(crate) fn run(
    machine: &Machine,
    workspace: &Workspace,
    args: &WineArgs,
) -> Result<(), WineError> {
    if machine.installer != Some(Installer::Apt) {
        return Err(WineError::NotDebian);
    }
    let build = Build::new(workspace);
    step(1, "compiler, linker and Wine", || {
        Ok(install::ensure(machine, &[Purpose::Build, Purpose::Wine])?)
    })?;
    step(2, "the program without its window compiles", || {
        Ok(commands::run(&mut build.check())?)
    })?;
    let programs = step(3, "the tests of lock and store compile", || {
        commands::run(&mut build.tests(&[]))?;
        build.programs()
    })?;
    step(4, "the tests of lock and store, under Wine", || {
        build.run_all(&programs, &args.args)
    })
}

fn step<T>(
    number: usize,
    title: &str,
    work: impl FnOnce() -> Result<T, WineError>,
) -> Result<T, WineError> {
    let heading = Heading::print(number, 4, title);
    let result = work();
    match &result {
        Ok(_) => heading.done(),
        Err(_) => heading.failed(),
    }
    result
}

/// Where things are built.
struct Build {
    root: PathBuf,
    target: PathBuf,
}

/// A program of tests and the directory of its package, where cargo would run it.
#[derive(Debug, PartialEq, Eq)]
struct TestProgram {
    path: PathBuf,
    package: PathBuf,
}

impl Build {
    /// Builds in a directory of its own: the compiler is another one.
    fn new(workspace: &Workspace) -> Self {
        Self {
            root: workspace.root.clone(),
            target: workspace.target.join("wine"),
        }
    }

    fn check(&self) -> Command {
        let program = ["--package", "commonplace", "--no-default-features"];
        let mut command = self.cargo("check");
        command.args(program);
        command
    }

    fn tests(&self, more: &[&str]) -> Command {
        let mut command = self.cargo("test");
        command
            .args(TESTED)
            .args(TEST_TARGETS)
            .arg("--no-run")
            .args(more);
        command
    }

    fn cargo(&self, verb: &str) -> Command {
        let mut command = program(CARGO);
        command
            .current_dir(&self.root)
            .env("RUSTC", RUSTC)
            // The library is built from its sources, which is not for the stable compiler otherwise.
            .env("RUSTC_BOOTSTRAP", "1")
            .env("CARGO_TARGET_X86_64_PC_WINDOWS_GNU_LINKER", GCC)
            .env("CC_x86_64_pc_windows_gnu", GCC)
            // Nobody works on these files again and again, nor looks at them with a debugger.
            .env("CARGO_INCREMENTAL", "0")
            .env("CARGO_PROFILE_DEV_DEBUG", "0")
            .args([verb, "-Zbuild-std=std,panic_unwind", "--locked"])
            .args(["--target", TARGET, "--target-dir"])
            .arg(&self.target);
        command
    }

    /// Asks cargo for the programs that were just built.
    fn programs(&self) -> Result<Vec<TestProgram>, WineError> {
        let mut command = self.tests(&["--quiet", "--message-format", "json"]);
        let mut programs = test_programs(&commands::output(&mut command)?);
        programs.sort_by(|a, b| a.package.cmp(&b.package));
        if programs.is_empty() {
            return Err(WineError::NoPrograms);
        }
        Ok(programs)
    }

    fn run_all(&self, programs: &[TestProgram], args: &[String]) -> Result<(), WineError> {
        for left_out in LEFT_OUT {
            report::note(&format!("left out: {}: {}", left_out.name, left_out.why));
        }
        for program in programs {
            self.make_random_dll(&program.path)?;
            report::note(&program.path.display().to_string());
            commands::run(&mut self.under_wine(program, args))?;
        }
        Ok(())
    }

    /// Makes what stands in for the missing library, beside the program, where Windows looks first.
    fn make_random_dll(&self, beside: &Path) -> Result<(), CommandError> {
        let mut command = program(GCC);
        command
            .current_dir(&self.root)
            .args(["-shared", "-o"])
            .arg(beside.with_file_name(RANDOM_DLL))
            .args([RANDOM_SOURCE, "-ladvapi32"]);
        commands::run(&mut command)
    }

    fn under_wine(&self, tests: &TestProgram, args: &[String]) -> Command {
        let mut command = program("wine");
        command
            .current_dir(&tests.package)
            // A Windows of its own, and not what the user may have set up in the home directory.
            .env("WINEPREFIX", self.target.join("prefix"))
            .env("WINEDEBUG", "-all")
            .arg(&tests.path)
            .arg("--exact");
        for left_out in LEFT_OUT {
            command.args(["--skip", left_out.name]);
        }
        command.args(args);
        command
    }
}

/// Reads the programs of tests out of what cargo says with `--message-format json`.
fn test_programs(messages: &str) -> Vec<TestProgram> {
    let messages = messages.lines().filter_map(|line| {
        let message: serde_json::Value = serde_json::from_str(line).ok()?;
        let path = PathBuf::from(message["executable"].as_str()?);
        let package = Path::new(message["manifest_path"].as_str()?).parent()?;
        message["profile"]["test"].as_bool()?.then(|| TestProgram {
            path,
            package: package.to_owned(),
        })
    });
    messages.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_programs_of_tests_are_run_and_each_in_its_package() {
        let messages = r#"{"reason":"compiler-artifact","executable":null,"manifest_path":"/a/Cargo.toml","profile":{"test":false}}
{"reason":"compiler-artifact","executable":"/t/lock-1.exe","manifest_path":"/src/lock/Cargo.toml","profile":{"test":true}}
{"reason":"compiler-artifact","executable":"/t/tool.exe","manifest_path":"/src/tool/Cargo.toml","profile":{"test":false}}
{"reason":"build-finished","success":true}
some other line"#;
        let expected = TestProgram {
            path: "/t/lock-1.exe".into(),
            package: "/src/lock".into(),
        };
        assert_eq!(test_programs(messages), [expected]);
    }

    #[test]
    fn every_test_that_is_left_out_is_there() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        for left_out in LEFT_OUT {
            let text = std::fs::read_to_string(root.join(left_out.file)).unwrap();
            let (_, name) = left_out.name.rsplit_once("::").unwrap();
            assert!(text.contains(&format!("fn {name}()")), "{name}");
        }
        assert!(root.join(RANDOM_SOURCE).is_file());
    }
}
