//! The rival: another memory server that every client starts as a process of its own and talks to over pipes.

use std::fs::{self, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::client::{Called, Client, text_of};
use super::dialect::Dialect;
use crate::commands;

/// A protocol that servers of the last years understand.
const PROTOCOL: &str = "2025-06-18";
/// Eight of them that load their models at once on two cores need some patience.
const SILENCE_MAX: Duration = Duration::from_secs(180);
/// How long one may take to end after its stdin was closed.
const STOP_MAX: Duration = Duration::from_secs(5);
/// What a server prints is taken from its pipe even while nobody asks.
const LINES_MAX: usize = 256;
/// Stands for the fresh directory in the values of `--rival-env`.
const DIR: &str = "{dir}";

/// Why the rival could not be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RivalError {
    /// The value of `--rival` is no command.
    #[error("`{line}` is no command: {reason}")]
    Line { line: String, reason: &'static str },
    /// It could not be started.
    #[error("could not start the rival `{program}`: {source}")]
    Start { program: String, source: io::Error },
    /// It gave no answer that is understood.
    #[error("the rival did not get ready: {reason}\n{said}")]
    NotReady { reason: String, said: String },
}

/// How a rival is started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rival {
    program: PathBuf,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    dialect: Dialect,
}

/// One process of it; ended when dropped.
pub(crate) struct RivalClient {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    next_id: u64,
    dialect: Dialect,
    /// From its start to its list of tools.
    pub(crate) start: Duration,
}

impl Rival {
    /// Takes a command line apart as a shell does, without its expansions.
    ///
    /// # Errors
    /// If there is no program in it, or a quote is not closed.
    pub(crate) fn parse(line: &str, environment: &[(String, String)]) -> Result<Self, RivalError> {
        let error = |reason| RivalError::Line {
            line: line.to_owned(),
            reason,
        };
        let mut words = split(line)
            .ok_or_else(|| error("a quote is not closed"))?
            .into_iter();
        let program = words.next().ok_or_else(|| error("it is empty"))?;
        // It is started in another directory; a name without a directory is looked for in PATH.
        let has_directory = Path::new(&program).components().count() > 1;
        let absolute = std::path::absolute(&program).ok().filter(|_| has_directory);
        Ok(Self {
            program: absolute.unwrap_or_else(|| program.into()),
            arguments: words.collect(),
            environment: environment.to_vec(),
            dialect: Dialect::Memory,
        })
    }

    /// The same with other names for the same tools.
    pub(crate) fn speaking(mut self, dialect: Dialect) -> Self {
        self.dialect = dialect;
        self
    }

    /// Starts one process in `dir`, shakes hands and asks for its tools.
    pub(crate) fn start(&self, dir: &Path) -> Result<RivalClient, RivalError> {
        let program = || self.program.display().to_string();
        let started = Instant::now();
        let spawned = self.spawn(dir);
        let mut child = spawned.map_err(|source| RivalError::Start {
            program: program(),
            source,
        })?;
        let stdin = child.stdin.take();
        let lines = child
            .stdout
            .take()
            .map(read_lines)
            .unwrap_or_else(|| sync_channel(0).1);
        let mut client = RivalClient {
            child,
            stdin,
            lines,
            next_id: 0,
            dialect: self.dialect,
            start: Duration::ZERO,
        };
        client
            .shake_hands()
            .map_err(|reason| RivalError::NotReady {
                reason,
                said: said(&log(dir)),
            })?;
        client.start = started.elapsed();
        Ok(client)
    }

    fn spawn(&self, dir: &Path) -> io::Result<Child> {
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(log(dir))?;
        let mut command = commands::program(&self.program);
        command.args(&self.arguments).current_dir(dir);
        for (key, value) in &self.environment {
            command.env(key, value.replace(DIR, &dir.display().to_string()));
        }
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
    }
}

impl RivalClient {
    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    fn shake_hands(&mut self) -> Result<(), String> {
        let own = json!({ "name": "bench", "version": env!("CARGO_PKG_VERSION") });
        let params = json!({ "protocolVersion": PROTOCOL, "capabilities": {}, "clientInfo": own });
        let answer = self.ask("initialize", params)?;
        answer
            .get("result")
            .ok_or_else(|| format!("`initialize` was answered with {answer}"))?;
        self.write(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }))?;
        let answer = self.ask("tools/list", json!({}))?;
        let tools = answer["result"]["tools"].as_array();
        tools
            .map(|_| ())
            .ok_or_else(|| format!("`tools/list` was answered with {answer}"))
    }

    /// Sends a request and waits for its answer; whatever else comes meanwhile is put aside.
    fn ask(&mut self, method: &str, params: Value) -> Result<Value, String> {
        self.next_id += 1;
        let id = self.next_id;
        self.write(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }))?;
        loop {
            let line = self
                .lines
                .recv_timeout(SILENCE_MAX)
                .map_err(|_| format!("no answer to `{method}`"))?;
            // Some print other things to stdout; a line that is not JSON is none of ours.
            let Ok(message) = serde_json::from_str::<Value>(&line) else {
                continue;
            };
            if message.get("method").is_some() {
                self.refuse(&message)?;
            } else if message["id"] == id {
                return Ok(message);
            }
        }
    }

    /// Answers what the server asks of us: a client without capabilities can only say that it is alive.
    fn refuse(&mut self, request: &Value) -> Result<(), String> {
        let Some(id) = request.get("id") else {
            return Ok(());
        };
        if request["method"] == "ping" {
            return self.write(&json!({ "jsonrpc": "2.0", "id": id, "result": {} }));
        }
        let error = json!({ "code": -32601, "message": "not supported" });
        self.write(&json!({ "jsonrpc": "2.0", "id": id, "error": error }))
    }

    fn write(&mut self, message: &Value) -> Result<(), String> {
        let stdin = self.stdin.as_mut().ok_or("it has no stdin")?;
        let line = format!("{message}\n");
        stdin
            .write_all(line.as_bytes())
            .map_err(|error| format!("it does not listen any more: {error}"))
    }
}

impl Client for RivalClient {
    fn call(&mut self, tool: &str, arguments: Value) -> Called {
        let (tool, arguments) = self.dialect.call(tool, arguments);
        let started = Instant::now();
        let answer = self.ask(
            "tools/call",
            json!({ "name": tool, "arguments": arguments }),
        );
        let took = started.elapsed();
        Called {
            took,
            text: answer.and_then(|answer| text_of(&answer)),
        }
    }
}

impl Drop for RivalClient {
    fn drop(&mut self) {
        self.stdin = None;
        let asked = Instant::now();
        while asked.elapsed() < STOP_MAX && matches!(self.child.try_wait(), Ok(None)) {
            std::thread::sleep(Duration::from_millis(20));
        }
        // If it has ended, both do nothing.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Reads lines on a thread of its own, which ends with the process.
fn read_lines(stdout: ChildStdout) -> Receiver<String> {
    let (sender, lines) = sync_channel(LINES_MAX);
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    lines
}

fn log(dir: &Path) -> PathBuf {
    dir.join("rival.log")
}

/// The end of what it wrote to stderr.
fn said(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(10)..].join("\n")
}

/// Splits at spaces outside quotes; None if a quote is not closed.
fn split(line: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for c in line.chars() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some(_), c) => word.get_or_insert_default().push(c),
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (None, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    quote.is_none().then_some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_line_is_split_as_a_shell_does() {
        let words = |line: &str| split(line).map(|words| words.join("|"));
        assert_eq!(words("memory  server").as_deref(), Some("memory|server"));
        assert_eq!(
            words("'/a b/memory' --x=\"it's\" ''").as_deref(),
            Some("/a b/memory|--x=it's|")
        );
        assert_eq!(words("'open"), None);
        assert!(Rival::parse(" ", &[]).is_err(), "no program");
    }

    #[test]
    fn a_program_with_a_directory_is_found_from_any_other() {
        let rival = |line| Rival::parse(line, &[]).expect("a command");
        assert!(rival("venv/bin/memory server").program.is_absolute());
        assert_eq!(rival("memory server").program, Path::new("memory"));
        assert_eq!(rival("memory server").arguments, ["server"]);
    }

    /// Plays a server: the shell answers each line it reads with the next of the given ones.
    #[cfg(unix)]
    fn played(answers: &[&str]) -> Rival {
        let script: String = answers
            .iter()
            .map(|answer| format!("read line\ncat <<END\n{answer}\nEND\n"))
            .collect();
        let environment = [("PLAYED".to_owned(), "{dir}/store".to_owned())];
        let mut rival = Rival::parse("sh -c", &environment).expect("a command");
        rival.arguments.push(format!("{script}cat > /dev/null"));
        rival
    }

    #[test]
    #[cfg(unix)]
    fn a_rival_is_started_and_asked_over_pipes() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let rival = played(&[
            r#"{"id":1,"result":{"protocolVersion":"2025-06-18"}}"#,
            r#"{"method":"notifications/message"}"#,
            r#"{"id":2,"result":{"tools":[]}}"#,
            r#"{"id":3,"result":{"content":[{"type":"text","text":"in $PLAYED"}]}}"#,
        ]);
        let mut client = rival.start(dir.path()).expect("it answers");
        let called = client.call("memory_search", json!({}));
        assert_eq!(
            called.text,
            Ok(format!("in {}/store", dir.path().display()))
        );
        assert!(client.start > Duration::ZERO && called.took > Duration::ZERO);
    }

    #[test]
    #[cfg(unix)]
    fn a_rival_that_ends_is_quoted() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let mut rival = Rival::parse("sh -c", &[]).expect("a command");
        rival.arguments.push("echo 'no such module' >&2".to_owned());
        let error = rival.start(dir.path()).err().expect("it ended").to_string();
        assert!(error.contains("no such module"), "unclear: {error}");
    }
}
