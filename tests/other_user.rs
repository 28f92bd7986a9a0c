//! Another user of the machine, made for one test and removed with it.
#![allow(clippy::print_stderr, reason = "a test that could not run must say so")]

use std::io::Read as _;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::support::eventually;

/// An ordinary user who has nothing to do with the store.
pub(crate) struct OtherUser {
    name: String,
    pub(crate) id: u32,
}

impl OtherUser {
    /// Makes a user; None if this process may not, which is said.
    pub(crate) fn make() -> Option<Self> {
        static MADE: AtomicU32 = AtomicU32::new(0);
        if id(&["-u"]) != Some(0) {
            eprintln!("NOT RUN: only root can make another user and act as one");
            return None;
        }
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let name = format!("cpl{}x{number}", std::process::id());
        // Others make users too, and one at a time may.
        eventually("the user was made", || {
            let mut useradd = Command::new("useradd");
            let made = useradd.args(["--no-create-home", "--shell", "/bin/bash", &name]);
            let made = made.stderr(Stdio::null()).status();
            made.expect("useradd is there").success()
        });
        let id = id(&["-u", &name]).expect("the user is there");
        Some(Self { name, id })
    }

    /// A command that the user starts.
    pub(crate) fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new("setpriv");
        command
            .args(["--reuid", &self.name, "--regid", &self.name])
            .args(["--clear-groups", "--", program])
            .args(arguments)
            .stdin(Stdio::null())
            .current_dir("/");
        command
    }

    /// Runs a script of the user to its end.
    pub(crate) fn bash(&self, script: &str) -> Output {
        let mut command = self.command("bash", &["-c", script]);
        command.output().expect("setpriv and bash are there")
    }

    /// Starts a script of the user, and waits until it prints `ready`. Ended when dropped.
    pub(crate) fn start(&self, script: &str) -> Running {
        Running::start(&mut self.command("bash", &["-c", script]))
    }

    /// Gives a file or a directory, and what is in it, to the user.
    pub(crate) fn own(&self, path: &Path) {
        let whom = format!("{0}:{0}", self.name);
        let given = Command::new("chown").arg("-R").arg(whom).arg(path).status();
        assert!(given.expect("chown is there").success());
    }
}

impl Drop for OtherUser {
    fn drop(&mut self) {
        // One that is left is untidy and no more.
        eventually("the user was removed", || {
            let mut userdel = Command::new("userdel");
            let removed = userdel.args(["--force", &self.name]).stderr(Stdio::null());
            // 6: there is no such user (any more).
            let code = removed.status().expect("userdel is there").code();
            matches!(code, Some(0 | 6))
        });
    }
}

/// A script that goes on; ended when dropped.
pub(crate) struct Running(Child);

impl Running {
    /// Starts a command that prints `ready` and goes on, and waits for that.
    pub(crate) fn start(command: &mut Command) -> Self {
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("the script starts");
        let mut said = [0; 6];
        let out = child.stdout.as_mut().expect("stdout is piped");
        let read = out.read_exact(&mut said);
        assert!(
            read.is_ok() && said == *b"ready\n",
            "the script ended early"
        );
        Self(child)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn id(arguments: &[&str]) -> Option<u32> {
    let output = Command::new("id").args(arguments).output().ok()?;
    String::from_utf8_lossy(&output.stdout).trim().parse().ok()
}
