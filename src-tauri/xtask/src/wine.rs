//! `cargo xtask wine`: the program, and the tests of the lock and of the store, as Windows programs on Linux under Wine.
//!
//! Debian has all that is needed: a compiler for other systems (`foreign`), a linker, and Wine. It shows locks, sharing of files, paths, start and death of processes as Wine plays
//! them. It cannot show scanners of viruses, the durability of NTFS, or the window; CI has a real Windows for that.

use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Args;

use crate::commands::{self, CommandError, program};
use crate::foreign::{self, Foreign, ForeignError};
use crate::machine::Machine;
use crate::packages::Purpose;
use crate::report;
use crate::workspace::Workspace;

const TRIPLE: &str = "x86_64-pc-windows-gnu";
const GCC: &str = "x86_64-w64-mingw32-gcc-posix";
/// The library that Wine lacks, and what stands in for it.
const RANDOM_DLL: &str = "bcryptprimitives.dll";
const RANDOM_SOURCE: &str = "src-tauri/xtask/src/wine/bcryptprimitives.c";

/// The program without its window.
const HEADLESS: [&str; 3] = ["--package", "commonplace", "--no-default-features"];
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
        name: "statistics::files::a_deleted_file_is_made_anew_while_instances_work",
        #[cfg(test)]
        file: "src-tauri/store/tests/store/statistics/files.rs",
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
    /// The compiler, the linker or Wine is not there.
    #[error(transparent)]
    Foreign(#[from] ForeignError),
    /// Something did not compile, or a test failed.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// Cargo built no program of tests.
    #[error(
        "cargo named no program of tests for {TRIPLE}; is the cargo of this system older than 1.94?"
    )]
    NoPrograms,
}

/// Builds the program and the tests of lock and store, and runs them under Wine; ends at the first that fails.
///
/// The window needs libraries that Wine does not have: its code is type-checked. The first time takes about twenty
/// minutes on two cores: the standard library is built as well.
///
/// # Errors
/// See `WineError`.
pub(crate) fn run(
    machine: &Machine,
    workspace: &Workspace,
    args: &WineArgs,
) -> Result<(), WineError> {
    let build = Build::new(workspace);
    report::step(1, 5, "compiler, linker and Wine", || {
        foreign::ensure(machine, "Windows", &[Purpose::Wine])
    })?;
    report::step(2, 5, "the program without its window, under Wine", || {
        commands::run(build.cargo("build").args(HEADLESS))?;
        build.ask_version()
    })?;
    report::step(3, 5, "everything compiles, with window and tests", || {
        let mut check = build.cargo("check");
        commands::run(check.args(["--workspace", "--all-targets"]))
    })?;
    let programs = report::step(4, 5, "the tests of lock and store compile", || {
        commands::run(&mut build.tests(&[]))?;
        build.programs()
    })?;
    report::step(5, 5, "the tests of lock and store, under Wine", || {
        build.run_all(&programs, &args.args)
    })
}

/// Builds for Windows and runs under Wine.
struct Build {
    root: PathBuf,
    foreign: Foreign,
}

/// A program of tests and the directory of its package, where cargo would run it.
#[derive(Debug, PartialEq, Eq)]
struct TestProgram {
    path: PathBuf,
    package: PathBuf,
}

impl Build {
    fn new(workspace: &Workspace) -> Self {
        Self {
            root: workspace.root.clone(),
            foreign: Foreign::new(workspace, TRIPLE, "wine"),
        }
    }

    fn cargo(&self, verb: &str) -> Command {
        let mut command = self.foreign.cargo(verb);
        command
            .env("CARGO_TARGET_X86_64_PC_WINDOWS_GNU_LINKER", GCC)
            .env(self.foreign.variable("CC"), GCC);
        command
    }

    /// Starts the program, to see that Windows' loader finds all that it is linked with.
    fn ask_version(&self) -> Result<(), WineError> {
        let debug = self.foreign.target.join(TRIPLE).join("debug");
        let program = debug.join("commonplace.exe");
        self.make_random_dll(&program)?;
        Ok(commands::run(self.wine(&program).arg("--version"))?)
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
        let mut command = self.wine(&tests.path);
        command.current_dir(&tests.package).arg("--exact");
        for left_out in LEFT_OUT {
            command.args(["--skip", left_out.name]);
        }
        command.args(args);
        command
    }

    fn wine(&self, windows_program: &Path) -> Command {
        let mut command = program("wine");
        command
            // A Windows of its own, and not what the user may have set up in the home directory.
            .env("WINEPREFIX", self.foreign.target.join("prefix"))
            .env("WINEDEBUG", "-all")
            .arg(windows_program);
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
            let (modules, name) = left_out.name.rsplit_once("::").unwrap();
            let module = Path::new(left_out.file).file_stem().unwrap();
            assert!(modules.split("::").any(|part| part == module), "{modules}");
            assert!(text.contains(&format!("fn {name}()")), "{name}");
        }
        assert!(root.join(RANDOM_SOURCE).is_file());
    }
}
