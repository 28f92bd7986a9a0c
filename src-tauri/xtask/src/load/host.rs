//! Our host: started on a scratch store, asked for its state, stopped.

use std::fs::{self, OpenOptions};
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::client::HostClient;
use super::http::{Connection, HttpError};
use crate::commands;

/// How often the state is asked for while something is waited for; the host looks no more often at the disk.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// After this time the host counts again.
const COUNTED_AFTER: Duration = Duration::from_millis(250);
/// Without a smaller backlog for so long, the indexer is taken to have stopped.
const STANDSTILL_MAX: Duration = Duration::from_secs(60);
/// A stop takes at most 10 s for requests under way, and a little more.
const STOP_MAX: Duration = Duration::from_secs(20);
/// What could steer the host from outside.
const STEERING: [&str; 5] = [
    "COMMONPLACE_DATA_DIR",
    "COMMONPLACE_MODEL_DIR",
    "COMMONPLACE_PORT",
    "RUST_LOG",
    "LOG_LEVEL",
];

/// Why the host could not be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HostError {
    /// It could not be started at all.
    #[error("could not start `{}`: {source}", .program.display())]
    Start { program: PathBuf, source: io::Error },
    /// It ended, or said something else.
    #[error("`{}` did not become ready; it said:\n{said}", .program.display())]
    NotReady { program: PathBuf, said: String },
    /// A file in its store could not be read or made.
    #[error("could not use `{}`: {source}", .path.display())]
    File { path: PathBuf, source: io::Error },
    /// It was not to be reached.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// It refused to tell its state.
    #[error("`/api/status` was answered with status {status}: {body}")]
    Status { status: u16, body: String },
}

/// What is started, and with which model.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    pub(crate) path: PathBuf,
    /// Without model files the host works by words only.
    pub(crate) model_dir: PathBuf,
}

/// What `/api/status` says, as far as it is measured here.
#[derive(Clone, Debug)]
pub(crate) struct State(Value);

/// Closes a directory for others, as a store must be.
fn close(dir: &Path) -> std::io::Result<()> {
    #[cfg(unix)]
    return fs::set_permissions(dir, std::os::unix::fs::PermissionsExt::from_mode(0o700));
    #[cfg(not(unix))]
    {
        let _ = dir;
        Ok(())
    }
}

/// A running host; killed when dropped.
pub(crate) struct Host {
    child: Child,
    port: u16,
    agent: String,
    admin: String,
    connection: Connection,
}

impl Host {
    /// Starts `serve` on the store `dir` and any free port, and waits until it is ready.
    pub(crate) fn start(program: &Program, dir: &Path) -> Result<Self, HostError> {
        let log = dir.join("bench.log");
        close(dir).map_err(|source| HostError::File {
            path: dir.to_owned(),
            source,
        })?;
        let file = |path: &Path, source| HostError::File {
            path: path.to_owned(),
            source,
        };
        // Several hosts on one store write to it.
        let stderr = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&log)
            .map_err(|source| file(&log, source))?;
        let mut command = command(program, dir);
        command.stdout(Stdio::piped()).stderr(stderr);
        let spawned = command.spawn();
        let mut child = spawned.map_err(|source| HostError::Start {
            program: program.path.clone(),
            source,
        })?;
        let Some(port) = ready(&mut child) else {
            let said = fs::read_to_string(&log).unwrap_or_default();
            return Err(not_ready(program, child, said));
        };
        let token = |name| {
            let path = dir.join(name);
            fs::read_to_string(&path)
                .map(|text| text.trim().to_owned())
                .map_err(|source| file(&path, source))
        };
        let (agent, admin) = (token("agent.token")?, token("admin.token")?);
        Ok(Self {
            child,
            port,
            agent,
            admin,
            connection: Connection::open(port)?,
        })
    }

    /// Connects a client.
    pub(crate) fn client(&self) -> Result<HostClient, HttpError> {
        HostClient::open(self.port, &self.agent)
    }

    /// Connects several clients.
    pub(crate) fn clients(&self, count: usize) -> Result<Vec<HostClient>, HttpError> {
        (0..count).map(|_| self.client()).collect()
    }

    /// Its address, which ends with a slash.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }

    /// The token that opens its API.
    pub(crate) fn admin(&self) -> &str {
        &self.admin
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Asks for its state; on a new connection if the old one was closed meanwhile.
    pub(crate) fn state(&mut self) -> Result<State, HostError> {
        let request = format!(
            "GET /api/status HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nAuthorization: Bearer {}\r\n\r\n",
            self.port, self.admin
        );
        let first = self.connection.send(request.as_bytes());
        let response = first.or_else(|_| self.connection.send(request.as_bytes()))?;
        let told = || HostError::Status {
            status: response.status,
            body: String::from_utf8_lossy(&response.body).into_owned(),
        };
        if response.status != 200 {
            return Err(told());
        }
        serde_json::from_slice(&response.body)
            .map(State)
            .map_err(|_| told())
    }

    /// Asks for its state as it is now: the host counts what is on disk at most every 200 ms.
    pub(crate) fn fresh_state(&mut self) -> Result<State, HostError> {
        std::thread::sleep(COUNTED_AFTER);
        self.state()
    }

    /// Waits until the model is in use; false if there is none, so that search is by words only.
    pub(crate) fn wait_model(&mut self) -> Result<bool, HostError> {
        loop {
            match self.state()?.text("/index/model") {
                "loading" => std::thread::sleep(LOOK_EVERY),
                model => return Ok(model == "ready"),
            }
        }
    }

    /// Waits until the store has `memories` and all can be found by meaning; false if that comes to a standstill.
    pub(crate) fn wait_indexed(&mut self, memories: u64) -> Result<bool, HostError> {
        let mut best = (u64::MAX, Instant::now());
        loop {
            let state = self.state()?;
            let missing = state.backlog() + memories.saturating_sub(state.memories());
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

    /// Asks it to stop as a service manager does, so that the next start finds an orderly store.
    ///
    /// Killed where the system knows no such request, and if it takes too long.
    pub(crate) fn stop(mut self) {
        let pid = self.child.id().to_string();
        if cfg!(unix) && commands::succeeds(commands::program("kill").args(["-TERM", &pid])) {
            let asked = Instant::now();
            while asked.elapsed() < STOP_MAX && matches!(self.child.try_wait(), Ok(None)) {
                std::thread::sleep(Duration::from_millis(10));
            }
        }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // It may have ended by itself; there is nothing left to do about it either way.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl State {
    /// Memories whose meaning is not searchable yet.
    pub(crate) fn backlog(&self) -> u64 {
        self.number("/index/backlog") as u64
    }

    /// Living memories.
    pub(crate) fn memories(&self) -> u64 {
        self.number("/memories/total") as u64
    }

    /// A number at a JSON pointer; 0 if it is not there.
    pub(crate) fn number(&self, pointer: &str) -> f64 {
        self.0
            .pointer(pointer)
            .and_then(Value::as_f64)
            .unwrap_or(0.0)
    }

    fn text(&self, pointer: &str) -> &str {
        self.0
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
    }
}

fn command(program: &Program, dir: &Path) -> Command {
    let mut command = commands::program(&program.path);
    for key in STEERING {
        command.env_remove(key);
    }
    command.env("COMMONPLACE_MODEL_DIR", &program.model_dir);
    // What a login starts is asked and changed through the API too, and must not be that of whoever runs this.
    command.env("HOME", dir);
    command.env("XDG_CONFIG_HOME", dir.join("config"));
    command
        .arg("--data-dir")
        .arg(dir)
        .args(["serve", "--port", "0"]);
    command
}

/// Reads the ready line and returns the port in it.
fn ready(child: &mut Child) -> Option<u16> {
    let mut line = String::new();
    BufReader::new(child.stdout.take()?)
        .read_line(&mut line)
        .ok()?;
    port(&line)
}

fn port(line: &str) -> Option<u16> {
    let ready: Value = serde_json::from_str(line).ok()?;
    ready["url"]
        .as_str()?
        .trim_end_matches('/')
        .rsplit(':')
        .next()?
        .parse()
        .ok()
}

fn not_ready(program: &Program, mut child: Child, said: String) -> HostError {
    drop(child.kill());
    drop(child.wait());
    HostError::NotReady {
        program: program.path.clone(),
        said,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_ready_line_tells_the_port() {
        assert_eq!(
            port(r#"{"ready":true,"url":"http://127.0.0.1:41489/","pid":1}"#),
            Some(41489)
        );
        assert_eq!(port("error: port in use"), None);
        assert_eq!(port(""), None);
    }

    #[test]
    fn the_state_has_backlog_and_memories() {
        let state = State(
            json!({ "index": { "backlog": 3, "model": "ready" }, "memories": { "total": 8 } }),
        );
        assert_eq!(
            (
                state.backlog(),
                state.memories(),
                state.text("/index/model")
            ),
            (3, 8, "ready")
        );
        assert_eq!(state.number("/stats/none"), 0.0);
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
        assert!(
            error.to_string().contains("commonplace-no-such-program"),
            "unclear: {error}"
        );
    }
}
