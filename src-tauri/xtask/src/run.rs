//! `cargo xtask run` and `cargo xtask setup`: from a machine with only Rust to the running program.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use crate::commands::{self, CommandError};
use crate::install::{self, InstallError};
use crate::machine::Machine;
use crate::model;
use crate::packages::Purpose;
use crate::report;
use crate::workspace::Workspace;

/// Which form of the program is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// With window and tray.
    Desktop,
    /// Without: needs no webkit and builds in a fraction of the time.
    Headless,
}

/// Why the program was not started.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RunError {
    /// System packages.
    #[error(transparent)]
    Install(#[from] InstallError),
    /// The build, or the program itself.
    #[error(transparent)]
    Command(#[from] CommandError),
}

/// Installs what is missing, builds, has the program fetch its model, and becomes it.
///
/// With `forced` that form is built, else the one that fits the machine. `args` go to the program; without
/// any, a headless one gets `serve`. A missing model is said and not an error. Returns only if the program
/// could not take the place of this process (Windows), with its exit code.
///
/// # Errors
/// See `RunError`.
pub(crate) fn run(
    machine: &Machine,
    workspace: &Workspace,
    forced: Option<Mode>,
    args: &[String],
) -> Result<ExitCode, RunError> {
    let mode = choose(forced, machine.has_display);
    let title = format!("system packages: {}", mode_text(mode, forced));
    let install = || install::ensure(machine, purposes(mode));
    report::step(1, 4, &title, install)?;
    let title = "release build: some minutes the first time";
    report::step(2, 4, title, || commands::run(&mut build(workspace, mode)))?;
    report::step(3, 4, "model: search by meaning needs it", || {
        bring_model(machine, workspace, args);
        Ok::<_, RunError>(())
    })?;
    start(&workspace.release_program(), mode, args)
}

/// Installs packages, then stops.
///
/// # Errors
/// If one cannot be installed.
pub(crate) fn setup(
    machine: &Machine,
    forced: Option<Mode>,
    has_tests: bool,
) -> Result<(), RunError> {
    let mode = choose(forced, machine.has_display);
    let mut all = purposes(mode).to_vec();
    if has_tests {
        all.push(Purpose::Tests);
    }
    let title = format!("system packages: {}", mode_text(mode, forced));
    report::step(1, 1, &title, || install::ensure(machine, &all))?;
    Ok(())
}

/// Chooses the form that is forced, else the one that fits the machine.
pub(crate) fn choose(forced: Option<Mode>, has_display: bool) -> Mode {
    forced.unwrap_or(if has_display {
        Mode::Desktop
    } else {
        Mode::Headless
    })
}

fn mode_text(mode: Mode, forced: Option<Mode>) -> &'static str {
    match (mode, forced) {
        (Mode::Desktop, None) => "for window and tray, because there is a display",
        (Mode::Headless, None) => {
            "without window and tray, because there is no display (for these: `cargo xtask run --desktop`)"
        }
        (Mode::Desktop, Some(_)) => "for window and tray, as asked",
        (Mode::Headless, Some(_)) => "without window and tray, as asked",
    }
}

fn purposes(mode: Mode) -> &'static [Purpose] {
    match mode {
        Mode::Desktop => &[Purpose::Build, Purpose::Desktop],
        Mode::Headless => &[Purpose::Build],
    }
}

/// Has the program put its model where it will look for it. What the tests have is taken from there.
fn bring_model(machine: &Machine, workspace: &Workspace, args: &[String]) {
    let get = || {
        let mut command = model::get(&workspace.release_program());
        if let Some(store) = store_from(args) {
            command.arg("--data-dir").arg(store);
        }
        command
    };
    if commands::succeeds(get().arg("--from").arg(workspace.model_dir())) {
        report::note("all files are there and right");
    } else if let Err(error) = model::ensure(machine, get) {
        report::note(&format!("{error}\nGoing on without it."));
    }
}

/// Returns the store that the program will open, if the command line names one.
fn store_from(args: &[String]) -> Option<PathBuf> {
    commands::option(args, "--data-dir").map(PathBuf::from)
}

/// Prepares the release build.
pub(crate) fn build(workspace: &Workspace, mode: Mode) -> Command {
    let mut command = commands::cargo(&workspace.root);
    command.args(["build", "--release", "--package", "commonplace"]);
    if mode == Mode::Headless {
        command.arg("--no-default-features");
    }
    command
}

fn start(program: &Path, mode: Mode, args: &[String]) -> Result<ExitCode, RunError> {
    let words = words_for(mode, args);
    let mut command = commands::program(program);
    // Only this child talks to the person.
    command.args(&words).stdin(std::process::Stdio::inherit());
    report::heading(4, 4, &format!("starting `{}`", commands::line(&command)));
    if mode == Mode::Headless && args.is_empty() {
        report::note("without window and tray; stop it with Ctrl+C");
    }
    if words
        .first()
        .is_none_or(|word| word == "serve" || word == "app")
    {
        report::note(&connect_hint(program, args));
    }
    become_program(&mut command)
}

/// Says how Claude Code is connected to the store that is served now.
fn connect_hint(program: &Path, args: &[String]) -> String {
    let store = store_from(args).map_or_else(String::new, |store| {
        format!(" --data-dir '{}'", store.display())
    });
    format!(
        "connect Claude Code, in another terminal: '{}' connect claude{store}",
        program.display()
    )
}

fn words_for(mode: Mode, args: &[String]) -> Vec<OsString> {
    // Options alone are meant for the host that would be started without them.
    let names_a_command = args.first().is_some_and(|arg| !arg.starts_with('-'));
    let command = match mode {
        _ if names_a_command => None,
        Mode::Headless => Some("serve"),
        Mode::Desktop => (!args.is_empty()).then_some("app"),
    };
    let command = command.into_iter().map(OsString::from);
    command.chain(args.iter().map(OsString::from)).collect()
}

/// Signals and the exit code then belong to the program itself.
#[cfg(unix)]
fn become_program(command: &mut Command) -> Result<ExitCode, RunError> {
    use std::os::unix::process::CommandExt;
    let source = command.exec();
    Err(RunError::Command(commands::start_error(command, source)))
}

#[cfg(not(unix))]
fn become_program(command: &mut Command) -> Result<ExitCode, RunError> {
    let status = command
        .status()
        .map_err(|source| commands::start_error(command, source))?;
    let code = status
        .code()
        .and_then(|code| u8::try_from(code).ok())
        .unwrap_or(1);
    Ok(ExitCode::from(code))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn the_display_decides_unless_told_otherwise() {
        assert_eq!(choose(None, true), Mode::Desktop);
        assert_eq!(choose(None, false), Mode::Headless);
        assert_eq!(choose(Some(Mode::Headless), true), Mode::Headless);
        assert_eq!(choose(Some(Mode::Desktop), false), Mode::Desktop);
    }

    #[test]
    fn without_a_display_the_host_is_served() {
        assert_eq!(words_for(Mode::Headless, &[]), ["serve"]);
        let options = ["--port".to_owned(), "0".to_owned()];
        assert_eq!(
            words_for(Mode::Headless, &options),
            ["serve", "--port", "0"]
        );
        assert_eq!(words_for(Mode::Desktop, &options), ["app", "--port", "0"]);
        assert!(
            words_for(Mode::Desktop, &[]).is_empty(),
            "the tray is what no arguments mean"
        );
        assert_eq!(
            words_for(Mode::Headless, &words("status --json")),
            ["status", "--json"]
        );
    }

    #[test]
    fn the_model_goes_into_the_store_that_the_program_will_open() {
        let store = |text: &str| store_from(&words(text));
        assert_eq!(store("serve --data-dir /a --port 0"), Some("/a".into()));
        assert_eq!(store("serve --data-dir=/b"), Some("/b".into()));
        assert_eq!(store("serve"), None, "then the program's own rule applies");
    }

    #[test]
    fn a_person_is_told_how_to_connect_to_the_store_that_is_served() {
        let hint = |text: &str| connect_hint(Path::new("/p/commonplace"), &words(text));
        assert!(hint("").ends_with("'/p/commonplace' connect claude"));
        assert!(hint("serve --data-dir /s").ends_with("connect claude --data-dir '/s'"));
    }

    #[test]
    fn a_headless_build_leaves_out_the_desktop() {
        let workspace = Workspace {
            root: "/src".into(),
            target: "/src/target".into(),
        };
        let line = commands::line(&build(&workspace, Mode::Headless));
        assert!(
            line.ends_with("build --release --package commonplace --no-default-features"),
            "{line}"
        );
        assert!(!commands::line(&build(&workspace, Mode::Desktop)).contains("features"));
    }
}
