//! Child programs: how they are started, shown, and how their failure is told.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

/// What `cargo run` sets for the program it starts begins so.
///
/// A second cargo below us must not see these: some build scripts (that of `ring`, for one) ask to run again
/// when they change, and every `cargo xtask` would compile those crates twice.
const SET_BY_CARGO_RUN: [&str; 4] = [
    "CARGO_BIN_NAME",
    "CARGO_CRATE_NAME",
    "CARGO_MANIFEST_",
    "CARGO_PKG_",
];

/// A child program that could not be started or did not succeed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommandError {
    /// The program was not found or may not be run.
    #[error("could not start `{line}`: {source}; is `{program}` installed and on PATH?")]
    Start {
        line: String,
        program: String,
        source: io::Error,
    },
    /// The program ran and reported failure; its own output says why.
    #[error("`{line}` failed ({status}); its output is above")]
    Failed { line: String, status: ExitStatus },
    /// The program ran quietly and reported failure.
    #[error("`{line}` failed ({status}): {stderr}")]
    FailedQuietly {
        line: String,
        status: ExitStatus,
        stderr: String,
    },
}

/// Prepares a child program with the shell's environment and a closed stdin.
pub(crate) fn program(name: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(name);
    for (key, _) in std::env::vars_os() {
        let text = key.to_string_lossy();
        if SET_BY_CARGO_RUN.iter().any(|start| text.starts_with(start)) {
            command.env_remove(&key);
        }
    }
    command.stdin(Stdio::null());
    command
}

/// Prepares the cargo that started us, in directory `root`.
pub(crate) fn cargo(root: &Path) -> Command {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut command = program(cargo);
    command.current_dir(root);
    command
}

/// Runs `command` with its output shown.
///
/// # Errors
/// `Start` if it cannot be started, `Failed` if it does not end with 0.
pub(crate) fn run(command: &mut Command) -> Result<(), CommandError> {
    let status = command
        .status()
        .map_err(|source| start_error(command, source))?;
    if status.success() {
        return Ok(());
    }
    Err(CommandError::Failed {
        line: line(command),
        status,
    })
}

/// Runs `command` and returns what it wrote to stdout, also when it failed.
///
/// For programs such as `dpkg-query`, which answer and report failure when a part is unknown.
///
/// # Errors
/// `Start` if it cannot be started.
pub(crate) fn answer(command: &mut Command) -> Result<String, CommandError> {
    let output = command
        .output()
        .map_err(|source| start_error(command, source))?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Runs `command` quietly and returns what it wrote to stdout.
///
/// # Errors
/// `Start` if it cannot be started, `FailedQuietly` with its stderr if it does not end with 0.
pub(crate) fn output(command: &mut Command) -> Result<String, CommandError> {
    let output = command
        .output()
        .map_err(|source| start_error(command, source))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let stderr = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(CommandError::FailedQuietly {
        line: line(command),
        status: output.status,
        stderr,
    })
}

/// Tells whether `command` runs and ends with 0; its output is dropped.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Shows `command` as one could type it: program name without its directory, then the arguments.
pub(crate) fn line(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let name = program
        .file_name()
        .unwrap_or(program.as_os_str())
        .to_string_lossy();
    let name = name
        .strip_suffix(std::env::consts::EXE_SUFFIX)
        .unwrap_or(&name);
    let arguments = command
        .get_args()
        .map(|word| quoted(&word.to_string_lossy()));
    std::iter::once(quoted(name))
        .chain(arguments)
        .collect::<Vec<_>>()
        .join(" ")
}

/// Finds an executable file `name` in the directories of `path` (the value of PATH).
///
/// Does not look at permissions: a file that may not be run fails later with its own message.
pub(crate) fn find(name: &str, path: &OsStr) -> Option<PathBuf> {
    let file = format!("{name}{}", std::env::consts::EXE_SUFFIX);
    std::env::split_paths(path)
        .map(|dir| dir.join(&file))
        .find(|candidate| candidate.is_file())
}

/// Says that `command` could not be started.
pub(crate) fn start_error(command: &Command, source: io::Error) -> CommandError {
    let program = command.get_program().to_string_lossy().into_owned();
    CommandError::Start {
        line: line(command),
        program,
        source,
    }
}

/// Returns the value of the option `name` on a command line that is handed on.
pub(crate) fn option<'a>(words: &'a [String], name: &str) -> Option<&'a str> {
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if word == name {
            return words.next().map(String::as_str);
        }
        let value = word
            .strip_prefix(name)
            .and_then(|rest| rest.strip_prefix('='));
        if value.is_some() {
            return value;
        }
    }
    None
}

fn quoted(word: &str) -> String {
    let is_plain = !word.is_empty()
        && word
            .chars()
            .all(|c| c.is_alphanumeric() || "-_=./:,+@%".contains(c));
    if is_plain {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_shown_as_it_can_be_typed() {
        let mut command = program("/usr/bin/cargo");
        command.args(["test", "--", "a b", "it's"]);
        assert_eq!(line(&command), r"cargo test -- 'a b' 'it'\''s'");
    }

    #[test]
    fn a_child_sees_nothing_of_what_cargo_told_us() {
        // The test itself runs below cargo, which sets the same variables as for `cargo xtask`.
        let command = program("cargo");
        let removed: Vec<_> = command
            .get_envs()
            .filter(|(_, value)| value.is_none())
            .collect();
        let is_removed = |key: &str| removed.iter().any(|(name, _)| *name == key);
        let ours =
            |key: &String| key.starts_with("CARGO_PKG_") || key.starts_with("CARGO_MANIFEST_");
        for (key, _) in std::env::vars().filter(|(key, _)| ours(key)) {
            assert!(
                is_removed(&key),
                "`{key}` would make cargo compile crates twice"
            );
        }
        assert!(
            is_removed("CARGO_MANIFEST_DIR"),
            "ring is compiled again when this one changes"
        );
    }

    #[test]
    fn a_program_that_is_missing_is_named() {
        let error =
            run(&mut program("commonplace-no-such-program")).expect_err("no such program exists");
        let text = error.to_string();
        assert!(
            text.contains("is `commonplace-no-such-program` installed"),
            "unclear: {text}"
        );
    }

    #[test]
    fn only_files_in_the_given_path_are_found() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let file = dir
            .path()
            .join(format!("tool{}", std::env::consts::EXE_SUFFIX));
        std::fs::write(&file, "").expect("write the file");
        std::fs::create_dir(dir.path().join("folder")).expect("make a folder");
        let path = dir.path().as_os_str();
        assert_eq!(find("tool", path), Some(file));
        assert_eq!(find("folder", path), None, "a directory is no program");
        assert_eq!(find("other", path), None);
    }
}
