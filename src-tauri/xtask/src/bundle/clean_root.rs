//! `cargo xtask bundle --try`: the deb in a Debian that has nothing else in it.
//!
//! What a developer's machine has by chance is not there, so a dependency that the package does not name shows. The
//! script `try.sh` runs inside, with a process list of its own; the display is a virtual one outside.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::commands::{self, CommandError, program};
use crate::install::{self, InstallError};
use crate::machine::Machine;
use crate::packages::Purpose;
use crate::report;
use crate::workspace::Workspace;

const RELEASE: &str = "bookworm";
const SCRIPT: &str = "src-tauri/xtask/src/bundle/try.sh";

/// The deb could not be tried, or is not good.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CleanRootError {
    #[error(transparent)]
    Install(#[from] InstallError),
    /// The root could not be made, or the script in it found something.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// A file could not be put into the root, or the root not be removed.
    #[error("could not write `{}`: {source}; a clean root needs root's rights", .path.display())]
    File {
        path: PathBuf,
        source: std::io::Error,
    },
    /// There is no display for the window.
    #[error("the virtual display said no number; start `Xvfb -displayfd 1` to see why")]
    NoDisplay,
}

/// Makes a clean root, tries `deb` in it, and removes the root.
///
/// A root in which something was found stays, to be looked at, until the next time.
///
/// # Errors
/// `Command` if the script found something; it says what.
pub(crate) fn try_deb(
    machine: &Machine,
    workspace: &Workspace,
    deb: &Path,
) -> Result<(), CleanRootError> {
    install::ensure(machine, &[Purpose::CleanRoot])?;
    let root = workspace.target.join("clean-root");
    remove(&root)?;
    report::note("a Debian with nothing in it: some minutes");
    let mut debootstrap = program("debootstrap");
    debootstrap.args(["--variant=minbase", RELEASE]).arg(&root);
    // It names every package it unpacks; its own log is in the root.
    commands::run(debootstrap.stdout(Stdio::null()))?;
    put(deb, &root.join("commonplace.deb"))?;
    put(&workspace.root.join(SCRIPT), &root.join("try.sh"))?;
    let display = Display::start()?;
    commands::run(&mut inside(&root, &display.name))?;
    remove(&root)
}

fn put(from: &Path, to: &Path) -> Result<(), CleanRootError> {
    let copied = fs::copy(from, to);
    copied.map(drop).map_err(|source| CleanRootError::File {
        path: to.to_owned(),
        source,
    })
}

fn remove(root: &Path) -> Result<(), CleanRootError> {
    match fs::remove_dir_all(root) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => Err(CleanRootError::File {
            path: root.to_owned(),
            source,
        }),
        _ => Ok(()),
    }
}

/// Runs the script; whatever it leaves running ends with it.
fn inside(root: &Path, display: &str) -> Command {
    let mut mount_proc = std::ffi::OsString::from("--mount-proc=");
    mount_proc.push(root.join("proc"));
    let mut command = program("unshare");
    command
        .args(["--mount", "--pid", "--fork", "--kill-child"])
        .arg(mount_proc)
        .arg("chroot")
        .arg(root)
        .args(["/bin/bash", "/try.sh", display]);
    command
}

/// A virtual display, until it is dropped.
struct Display {
    server: Child,
    name: String,
}

impl Display {
    fn start() -> Result<Self, CleanRootError> {
        let mut command = program("Xvfb");
        command
            // No access list: the display is reached from another root by another user.
            .args(["-displayfd", "1", "-ac", "-nolisten", "tcp"])
            .args(["-screen", "0", "1280x800x24"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut server = command
            .spawn()
            .map_err(|source| commands::start_error(&command, source))?;
        let mut number = String::new();
        let said = server.stdout.take().map(BufReader::new);
        let is_read = said.is_some_and(|mut said| said.read_line(&mut number).is_ok());
        let name = format!(":{}", number.trim());
        let display = Self { server, name };
        if is_read && !number.trim().is_empty() {
            Ok(display)
        } else {
            Err(CleanRootError::NoDisplay)
        }
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        // It may have ended by itself, and that is all that is wished.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_runs_in_the_root_with_a_process_list_of_its_own() {
        let line = commands::line(&inside(Path::new("/r"), ":7"));
        assert_eq!(
            line,
            "unshare --mount --pid --fork --kill-child --mount-proc=/r/proc chroot /r /bin/bash /try.sh :7"
        );
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        assert!(root.join(SCRIPT).is_file());
    }
}
