//! The real program on a store: its commands, what they print, and hosts.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use commonplace_api::backups::BackupFile;
use commonplace_api::call::{self, Call};
use commonplace_api::locks::LocksReport;
use commonplace_api::memories::Memory;
use commonplace_api::status::Status;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

#[cfg(unix)]
use rustix::process::Signal;

use crate::client::{Client, bearer, http};
#[cfg(unix)]
use crate::signals;

/// Ends a test that hangs; no test waits for it otherwise.
pub(crate) const HANG: Duration = Duration::from_secs(60);

/// The program under test.
pub(crate) fn program() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_commonplace"))
}

/// Takes from a command's environment what could steer the program.
pub(crate) fn unsteer(command: &mut Command) {
    for name in [
        "COMMONPLACE_DATA_DIR",
        "COMMONPLACE_MODEL_DIR",
        "COMMONPLACE_PORT",
        "RUST_LOG",
        "LOG_LEVEL",
    ] {
        command.env_remove(name);
    }
}

/// A command of the program on the store `dir`, with nothing from this environment that could steer it.
pub(crate) fn command(dir: &Path, arguments: &[&str]) -> Command {
    close(dir);
    let mut command = Command::new(program());
    unsteer(&mut command);
    command
        .arg("--data-dir")
        .arg(dir)
        .args(arguments)
        .stdin(Stdio::null());
    command
}

/// Closes a directory that a test has made for others, as a store must be.
pub(crate) fn close(dir: &Path) {
    #[cfg(unix)]
    if dir.is_dir() {
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o700);
        std::fs::set_permissions(dir, mode).expect("the directory is this user's");
    }
    #[cfg(not(unix))]
    let _ = dir;
}

/// Runs a command to its end.
pub(crate) fn run(dir: &Path, arguments: &[&str]) -> Output {
    command(dir, arguments)
        .output()
        .expect("the program starts")
}

/// Runs a command that is to succeed, and returns what it printed.
#[track_caller]
pub(crate) fn run_well(dir: &Path, arguments: &[&str]) -> String {
    let output = run(dir, arguments);
    let (out, err) = (stdout(&output), stderr(&output));
    assert!(output.status.success(), "{arguments:?}: {out}{err}");
    out
}

/// Runs a command with `--json` and reads what it printed, whether it succeeded or not.
#[track_caller]
pub(crate) fn run_json<T: DeserializeOwned>(dir: &Path, arguments: &[&str]) -> T {
    try_json(dir, arguments).unwrap_or_else(|said| panic!("{said}"))
}

/// Does the same with a command that may print something else; Err is what it printed.
pub(crate) fn try_json<T: DeserializeOwned>(dir: &Path, arguments: &[&str]) -> Result<T, String> {
    let output = run(dir, &[arguments, &["--json"]].concat());
    let out = stdout(&output);
    serde_json::from_str(&out)
        .map_err(|error| format!("{arguments:?} ({error}): {out}{}", stderr(&output)))
}

/// Reads the status of the host of a store with the command; None if there is no host.
pub(crate) fn status(dir: &Path) -> Option<Status> {
    try_json(dir, &["status"]).ok()
}

/// Reads the locks of a store with the command.
pub(crate) fn locks(dir: &Path) -> LocksReport {
    run_json(dir, &["locks"])
}

/// What the command `list` prints.
#[derive(Debug, Deserialize)]
pub(crate) struct Listed {
    pub(crate) memories: Vec<Memory>,
    pub(crate) total: u64,
}

/// Lists the memories of a store with the command.
pub(crate) fn list(dir: &Path) -> Listed {
    run_json(dir, &["list"])
}

/// Searches with the command and returns what it found, best first.
pub(crate) fn search(dir: &Path, arguments: &[&str]) -> Vec<Memory> {
    let printed = run_well(dir, &[&["search", "--json"], arguments].concat());
    found(printed.as_bytes())
}

/// Reads what `search` printed.
pub(crate) fn found(printed: &[u8]) -> Vec<Memory> {
    #[derive(Deserialize)]
    struct Found {
        hits: Vec<Hit>,
    }
    #[derive(Deserialize)]
    struct Hit {
        memory: Memory,
    }
    let found: Found = serde_json::from_slice(printed).expect("it printed what it found");
    found.hits.into_iter().map(|hit| hit.memory).collect()
}

/// Stores a text with the command and returns its hash.
pub(crate) fn store(dir: &Path, text: &str) -> String {
    let stored: Value = run_json(dir, &["store", text]);
    stored["content_hash"]
        .as_str()
        .unwrap_or_else(|| panic!("{stored}"))
        .to_owned()
}

/// Lists the backups of a store with the command, the newest first.
pub(crate) fn backups(dir: &Path) -> Vec<BackupFile> {
    #[derive(Deserialize)]
    struct Kept {
        backups: Vec<BackupFile>,
    }
    run_json::<Kept>(dir, &["restore", "--list"]).backups
}

/// What `doctor` says about one thing.
#[derive(Debug, Deserialize)]
pub(crate) struct Finding {
    what: String,
    pub(crate) verdict: String,
    pub(crate) text: String,
}

/// Asks `doctor` about one thing.
pub(crate) fn finding(dir: &Path, what: &str) -> Finding {
    #[derive(Debug, Deserialize)]
    struct Told {
        ok: bool,
        findings: Vec<Finding>,
    }
    let output = run(dir, &["--json", "doctor"]);
    let told: Told = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(output.status.success(), told.ok, "{told:?}");
    let mut findings = told.findings.into_iter();
    let found = findings.find(|finding| finding.what == what);
    found.unwrap_or_else(|| panic!("`doctor` says nothing about {what}"))
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A directory that is reached a second time through FUSE, until it is dropped.
#[cfg(target_os = "linux")]
pub(crate) struct PassedThrough {
    mount: PathBuf,
    bindfs: Child,
}

/// Mounts `dir` a second time at `mount`; None, with a word why, where that cannot be done.
#[cfg(target_os = "linux")]
#[allow(
    clippy::print_stderr,
    reason = "who reads the tests must know that one showed nothing"
)]
pub(crate) fn passed_through(dir: &Path, mount: &Path) -> Option<PassedThrough> {
    let started = Command::new("bindfs").arg("-f").args([dir, mount]).spawn();
    let mut bindfs = started
        .inspect_err(|error| eprintln!("not shown: bindfs cannot be started ({error})"))
        .ok()?;
    let is_mounted = || {
        let table = std::fs::read_to_string("/proc/self/mounts").expect("the mounts are listed");
        table.contains(&format!(" {} ", mount.display()))
    };
    let started = Instant::now();
    while !is_mounted() {
        if let Some(status) = bindfs.try_wait().expect("bindfs can be waited for") {
            eprintln!("not shown: bindfs cannot mount here ({status})");
            return None;
        }
        assert!(started.elapsed() < HANG, "bindfs does not mount");
        std::thread::yield_now();
    }
    Some(PassedThrough {
        mount: mount.to_owned(),
        bindfs,
    })
}

#[cfg(target_os = "linux")]
impl Drop for PassedThrough {
    fn drop(&mut self) {
        // Lazily: a program of a failed test may still be in it.
        let _ = Command::new("umount").arg("-l").arg(&self.mount).status();
        let _ = self.bindfs.kill();
        let _ = self.bindfs.wait();
    }
}

/// A running host; killed when dropped.
pub(crate) struct Host {
    child: Child,
    pub(crate) port: u16,
    pub(crate) pid: u32,
    pub(crate) agent: String,
    pub(crate) admin: String,
}

impl Host {
    /// Starts `serve` on any free port and waits until it is ready.
    pub(crate) fn start(dir: &Path) -> Self {
        Self::start_with(dir, &[])
    }

    pub(crate) fn start_with(dir: &Path, arguments: &[&str]) -> Self {
        let all: Vec<&str> = ["serve", "--port", "0"]
            .iter()
            .chain(arguments)
            .copied()
            .collect();
        Self::start_command(dir, command(dir, &all))
    }

    /// Does the same with a command that the test made.
    pub(crate) fn start_command(dir: &Path, mut command: Command) -> Self {
        Self::try_start(&mut command, dir).unwrap_or_else(|said| panic!("{said}"))
    }

    /// Starts a host with `command`; Err is what it said when it ended before it was ready.
    pub(crate) fn try_start(command: &mut Command, dir: &Path) -> Result<Self, String> {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("serve starts");
        let mut line = String::new();
        let mut out = BufReader::new(child.stdout.take().expect("stdout is piped"));
        out.read_line(&mut line)
            .expect("the host says that it is ready");
        let Ok(ready) = serde_json::from_str::<Value>(&line) else {
            return Err(last_words(child, &line));
        };
        // Somebody must read its log, or the pipe fills.
        let err = child.stderr.take().expect("stderr is piped");
        std::thread::spawn(move || BufReader::new(err).lines().for_each(drop));
        let url = ready["url"].as_str().expect("the ready line has a url");
        let token = |name| {
            std::fs::read_to_string(dir.join(name))
                .expect("tokens are there")
                .trim()
                .to_owned()
        };
        Ok(Self {
            child,
            port: port_of(url),
            pid: ready["pid"].as_u64().expect("a pid") as u32,
            agent: token("agent.token"),
            admin: token("admin.token"),
        })
    }

    /// Kills the host as `kill -9` does.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("the host can be killed");
        self.child.wait().expect("the host can be waited for");
    }

    /// Says whether it has ended by itself.
    pub(crate) fn has_ended(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(Some(_)))
    }

    /// Asks the host to stop, as a service manager does, and returns its exit code.
    #[cfg(unix)]
    pub(crate) fn terminate(&mut self) -> Option<i32> {
        assert!(signals::send(self.pid, Signal::TERM));
        let status = self.child.wait().expect("the host can be waited for");
        status.code()
    }

    pub(crate) fn client(&self) -> Client {
        Client {
            port: self.port,
            token: self.agent.clone(),
            next_id: 0,
        }
    }

    /// Reads an admin route.
    pub(crate) fn get(&self, path: &str) -> (u16, String) {
        let answer = http(self.port, "GET", path, &bearer(&self.admin), b"");
        answer.expect("the host answers")
    }

    /// Asks with the admin token, and returns the answer as it came; Err if none came.
    pub(crate) fn send<T>(&self, call: &Call<T>) -> Result<(u16, String), String> {
        let headers = bearer(&self.admin) + "Content-Type: application/json\r\n";
        let body = call.body.as_deref().unwrap_or_default();
        http(self.port, call.method, &call.path, &headers, body)
    }

    /// Asks a host that may refuse, or end meanwhile.
    pub(crate) fn try_ask<T: DeserializeOwned>(&self, call: &Call<T>) -> Result<T, String> {
        let (code, text) = self.send(call)?;
        let answer = call.read(code, text.as_bytes());
        answer.map_err(|error| error.to_string())
    }

    #[track_caller]
    pub(crate) fn ask<T: DeserializeOwned>(&self, call: &Call<T>) -> T {
        let answer = self.try_ask(call);
        answer.unwrap_or_else(|error| panic!("{}: {error}", call.path))
    }

    #[track_caller]
    pub(crate) fn status(&self) -> Status {
        self.ask(&call::status())
    }
}

/// The port in the address of a host.
pub(crate) fn port_of(url: &str) -> u16 {
    let port = url.trim_end_matches('/').rsplit(':').next();
    let port = port.and_then(|port| port.parse().ok());
    port.expect("an address ends with its port")
}

/// What a host said that ended before it was ready.
fn last_words(mut child: Child, line: &str) -> String {
    let mut said = String::new();
    if let Some(mut err) = child.stderr.take() {
        drop(err.read_to_string(&mut said));
    }
    let status = child.wait().expect("the host can be waited for");
    format!("no ready line, {status}: {line}{said}")
}

impl Drop for Host {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Asks again and again until `is_so`, and fails the test if it never is.
pub(crate) fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < HANG, "never happened: {what}");
        std::thread::yield_now();
    }
}
