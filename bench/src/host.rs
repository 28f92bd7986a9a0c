//! Our host: started on a scratch store, asked for its state, stopped.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use commonplace_api::status::{ModelStatus, Status};
use serde_json::Value;

use crate::connection::Connection;
use crate::error::BenchError;
use crate::process::{self, Running};

/// How often the state is asked for while something is waited for; the host looks no more often at the disk.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// After this time the host counts again.
const COUNTED_AFTER: Duration = Duration::from_millis(250);
/// Without a smaller backlog for so long, the indexer is taken to have stopped.
const STANDSTILL_MAX: Duration = Duration::from_secs(60);
/// A stop takes at most 10 s for requests under way, and a little more.
const STOP_MAX: Duration = Duration::from_secs(20);
/// What could steer the host from outside.
const STEERING: [&str; 4] = [
    "COMMONPLACE_DATA_DIR",
    "COMMONPLACE_PORT",
    "RUST_LOG",
    "LOG_LEVEL",
];

/// What is started, and with which model.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    pub(crate) path: PathBuf,
    /// Without model files the host works by words only.
    pub(crate) model_dir: PathBuf,
}

/// A running host. When dropped it is asked to stop as a service manager does, so that the next start finds an orderly
/// store; it is killed where the system knows no such request, and if it takes too long.
pub(crate) struct Host {
    running: Running,
    port: u16,
    agent: String,
    admin: Connection,
}

impl Host {
    /// Starts `serve` on the store in `dir` and any free port, and waits until it is ready.
    pub(crate) fn start(program: &Program, dir: &Path) -> Result<Self, BenchError> {
        let mut command = command(program, dir);
        // Several hosts on one store write to one log.
        command.stdout(Stdio::piped()).stderr(process::log(dir)?);
        let mut running = process::start(&mut command)?;
        let port = running.0.stdout.take().and_then(told_port);
        let port =
            port.ok_or_else(|| process::not_ready(&program.path, "it told no address", dir))?;
        let token = |name| {
            let path = store(dir).join(name);
            let read = fs::read_to_string(&path).map_err(BenchError::file(&path));
            read.map(|text| text.trim().to_owned())
        };
        Ok(Self {
            running,
            port,
            agent: token("agent.token")?,
            admin: Connection::open(port, &token("admin.token")?)?,
        })
    }

    /// Connects a client.
    pub(crate) fn client(&self) -> Result<Connection, BenchError> {
        Connection::open(self.port, &self.agent)
    }

    /// Connects several clients.
    pub(crate) fn clients(&self, count: usize) -> Result<Vec<Connection>, BenchError> {
        (0..count).map(|_| self.client()).collect()
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.running.0.id()
    }

    /// Asks for its state.
    pub(crate) fn status(&mut self) -> Result<Status, BenchError> {
        self.admin.status()
    }

    /// Asks for its state as it is now: the host counts what is on disk at most every 200 ms.
    pub(crate) fn fresh_status(&mut self) -> Result<Status, BenchError> {
        std::thread::sleep(COUNTED_AFTER);
        self.status()
    }

    /// Waits until the model is in use; false if there is none, so that search is by words only.
    pub(crate) fn wait_model(&mut self) -> Result<bool, BenchError> {
        loop {
            match self.status()?.index.model {
                ModelStatus::Loading => std::thread::sleep(LOOK_EVERY),
                model => return Ok(model == ModelStatus::Ready),
            }
        }
    }

    /// Waits until the store has `memories` and all can be found by meaning; false if that comes to a standstill.
    pub(crate) fn wait_indexed(&mut self, memories: u64) -> Result<bool, BenchError> {
        let mut best = (u64::MAX, Instant::now());
        loop {
            let status = self.status()?;
            let missing = status.index.backlog + memories.saturating_sub(status.memories.total);
            if missing == 0 {
                return Ok(true);
            }
            if missing < best.0 {
                best = (missing, Instant::now());
            } else if best.1.elapsed() > STANDSTILL_MAX {
                return Ok(false);
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let mut kill = process::command("kill");
        kill.args(["-TERM", &self.pid().to_string()])
            .stderr(Stdio::null());
        if cfg!(unix) && kill.status().is_ok_and(|status| status.success()) {
            self.running.wait(STOP_MAX);
        }
    }
}

/// The store of the hosts that work in `dir`; they make it, closed for others.
pub(crate) fn store(dir: &Path) -> PathBuf {
    dir.join("store")
}

fn command(program: &Program, dir: &Path) -> Command {
    let mut command = process::command(&program.path);
    for key in STEERING {
        command.env_remove(key);
    }
    command.env("COMMONPLACE_MODEL_DIR", &program.model_dir);
    // What a login starts is asked and changed through the API too, and must not be that of whoever runs this.
    command.env("HOME", dir);
    command.env("XDG_CONFIG_HOME", dir.join("config"));
    command
        .arg("--data-dir")
        .arg(store(dir))
        .args(["serve", "--port", "0"]);
    command
}

/// Waits for the line that says that the host is ready.
fn told_port(stdout: ChildStdout) -> Option<u16> {
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line).ok()?;
    port(&line)
}

fn port(line: &str) -> Option<u16> {
    let ready: Value = serde_json::from_str(line).ok()?;
    let url = ready["url"].as_str()?.trim_end_matches('/');
    url.rsplit(':').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ready_line_tells_the_port() {
        let line = r#"{"ready":true,"url":"http://127.0.0.1:41489/","pid":1}"#;
        assert_eq!(port(line), Some(41489));
        assert_eq!(port("error: port in use"), None);
        assert_eq!(port(""), None);
    }

    #[test]
    fn a_program_that_is_no_host_is_named() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let program = Program {
            path: "commonplace-no-such-program".into(),
            model_dir: dir.path().into(),
        };
        let error = Host::start(&program, dir.path())
            .err()
            .expect("no such program");
        let text = error.to_string();
        assert!(
            text.contains("commonplace-no-such-program"),
            "unclear: {text}"
        );
    }
}
