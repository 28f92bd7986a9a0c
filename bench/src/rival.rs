//! The rival: another memory server that every client starts as a process of its own and talks to over pipes.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, ChildStdout, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

use commonplace_api::mcp::ToolAnswer;
use serde_json::{Value, json};

use crate::client::{Called, Client, NAME, judge};
use crate::error::BenchError;
use crate::process::{self, Running};

/// A protocol that servers of the last years understand.
const PROTOCOL: &str = "2025-06-18";
/// Eight of them that load their models at once on two cores need some patience.
const SILENCE_MAX: Duration = Duration::from_secs(180);
/// What a server prints is taken from its pipe even while nobody asks.
const LINES_MAX: usize = 256;
/// How long one may take to end after its stdin was closed.
const STOP_MAX: Duration = Duration::from_secs(5);
/// Stands for the fresh directory in the values of `--rival-env`.
const DIR: &str = "{dir}";

/// The names of tools: what we call a store and a search, in the words of the server that is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// Ours: `memory_store`, `memory_search`.
    Memory,
    /// A graph of named things with observations: `create_entities`, `search_nodes`.
    Graph,
}

/// How a rival is started.
#[derive(Clone, Debug)]
pub(crate) struct Rival {
    program: PathBuf,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    pub(crate) dialect: Dialect,
}

/// One process of it; ended when dropped.
pub(crate) struct RivalClient {
    running: Running,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    next_id: u64,
    dialect: Dialect,
    /// From its start to its list of tools.
    pub(crate) start: Duration,
}

impl Dialect {
    /// Says a call of ours in this dialect.
    ///
    /// A text becomes a thing that is named by its first word and has the text as its only observation. The graph is
    /// searched for one piece of text; it gives no number of hits and knows no modes.
    fn call(self, tool: &str, arguments: Value) -> (&str, Value) {
        match (self, tool) {
            (Self::Graph, "memory_store") => ("create_entities", entity(&arguments["content"])),
            (Self::Graph, "memory_search") => {
                ("search_nodes", json!({ "query": arguments["query"] }))
            }
            _ => (tool, arguments),
        }
    }
}

fn entity(content: &Value) -> Value {
    let name = content.as_str().and_then(|text| text.split(' ').next());
    json!({ "entities": [{ "name": name, "entityType": "fact", "observations": [content] }] })
}

impl Rival {
    /// Takes a command line apart as a shell does, without its expansions.
    ///
    /// # Errors
    /// If there is no program in it, or a quote is not closed.
    pub(crate) fn parse(
        line: &str,
        environment: &[(String, String)],
        dialect: Dialect,
    ) -> Result<Self, BenchError> {
        let error = |reason| BenchError::NoCommand {
            line: line.to_owned(),
            reason,
        };
        let words = shlex::split(line).ok_or_else(|| error("a quote is not closed"))?;
        let mut words = words.into_iter();
        let program = words.next().ok_or_else(|| error("it is empty"))?;
        // It is started in another directory; a name without a directory is looked for in PATH.
        let has_directory = Path::new(&program).components().count() > 1;
        let absolute = std::path::absolute(&program).ok().filter(|_| has_directory);
        Ok(Self {
            program: absolute.unwrap_or_else(|| program.into()),
            arguments: words.collect(),
            environment: environment.to_vec(),
            dialect,
        })
    }

    /// Starts one process in `dir`, shakes hands and asks for its tools.
    pub(crate) fn start(&self, dir: &Path) -> Result<RivalClient, BenchError> {
        let mut command = process::command(&self.program);
        command.args(&self.arguments).current_dir(dir);
        for (key, value) in &self.environment {
            command.env(key, value.replace(DIR, &dir.display().to_string()));
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        command.stderr(process::log(dir)?);
        let started = Instant::now();
        let mut running = process::start(&mut command)?;
        let stdin = running.0.stdin.take();
        let stdout = running.0.stdout.take();
        let mut client = RivalClient {
            running,
            stdin,
            lines: read_lines(stdout.expect("stdout is a pipe")),
            next_id: 0,
            dialect: self.dialect,
            start: Duration::ZERO,
        };
        let greeted = client.shake_hands();
        greeted.map_err(|reason| process::not_ready(&self.program, reason, dir))?;
        client.start = started.elapsed();
        Ok(client)
    }
}

impl RivalClient {
    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.running.0.id()
    }

    fn shake_hands(&mut self) -> Result<(), String> {
        let own = json!({ "name": NAME, "version": env!("CARGO_PKG_VERSION") });
        let params = json!({ "protocolVersion": PROTOCOL, "capabilities": {}, "clientInfo": own });
        self.ask("initialize", params)?;
        self.write(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }))?;
        let result = self.ask("tools/list", json!({}))?;
        let tools = result["tools"].as_array();
        tools
            .map(|_| ())
            .ok_or_else(|| format!("no tools in {result}"))
    }

    /// Sends a request and waits for its result; whatever else comes meanwhile is put aside.
    fn ask(&mut self, method: &str, params: Value) -> Result<Value, String> {
        self.next_id += 1;
        let id = self.next_id;
        self.write(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }))?;
        loop {
            let line = self.lines.recv_timeout(SILENCE_MAX);
            let line = line.map_err(|_| format!("no answer to `{method}`"))?;
            // Some print other things to stdout; a line that is not JSON is none of ours.
            let Ok(mut message) = serde_json::from_str::<Value>(&line) else {
                continue;
            };
            if message.get("method").is_some() {
                self.nod(&message)?;
            } else if message["id"] == id {
                let result = message.get_mut("result").map(Value::take);
                return result.ok_or_else(|| message["error"].to_string());
            }
        }
    }

    /// Answers what the server asks of us: a client without capabilities is asked for no more than whether it is alive.
    fn nod(&mut self, message: &Value) -> Result<(), String> {
        match message.get("id") {
            Some(id) => self.write(&json!({ "jsonrpc": "2.0", "id": id, "result": {} })),
            None => Ok(()),
        }
    }

    fn write(&mut self, message: &Value) -> Result<(), String> {
        let stdin = self.stdin.as_mut().ok_or("it has no stdin")?;
        let written = stdin.write_all(format!("{message}\n").as_bytes());
        written.map_err(|error| format!("it does not listen any more: {error}"))
    }
}

impl Client for RivalClient {
    fn call(&mut self, tool: &str, arguments: Value) -> Called {
        let (tool, arguments) = self.dialect.call(tool, arguments);
        let started = Instant::now();
        let result = self.ask(
            "tools/call",
            json!({ "name": tool, "arguments": arguments }),
        );
        let took = started.elapsed();
        let text = result.map(ToolAnswer::of).and_then(judge);
        Called { took, text }
    }
}

impl Drop for RivalClient {
    fn drop(&mut self) {
        self.stdin = None;
        self.running.wait(STOP_MAX);
    }
}

/// Reads lines on a thread of its own, which ends with the process.
fn read_lines(stdout: ChildStdout) -> Receiver<String> {
    let (sender, lines) = sync_channel(LINES_MAX);
    std::thread::spawn(move || {
        let mut all = BufReader::new(stdout).lines().map_while(Result::ok);
        all.try_for_each(|line| sender.send(line))
    });
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rival(line: &str) -> Rival {
        Rival::parse(line, &[], Dialect::Memory).expect("a command")
    }

    #[test]
    fn a_command_line_is_taken_apart_and_found_from_any_directory() {
        assert!(rival("venv/bin/memory server").program.is_absolute());
        let quoted = rival("memory '/a b' --x=\"it's\" ''");
        assert_eq!(quoted.program, Path::new("memory"));
        assert_eq!(quoted.arguments, ["/a b", "--x=it's", ""]);
        for line in ["'open", " "] {
            assert!(Rival::parse(line, &[], Dialect::Memory).is_err(), "{line}");
        }
    }

    #[test]
    fn a_graph_is_told_a_thing_with_one_observation() {
        let text = json!({ "content": "mk1 cache index", "metadata": { "tags": "bench" } });
        let thing =
            json!({ "name": "mk1", "entityType": "fact", "observations": ["mk1 cache index"] });
        let stored = Dialect::Graph.call("memory_store", text.clone());
        assert_eq!(stored, ("create_entities", json!({ "entities": [thing] })));
        let query = json!({ "query": "mk1", "limit": 5 });
        let searched = Dialect::Graph.call("memory_search", query);
        assert_eq!(searched, ("search_nodes", json!({ "query": "mk1" })));
        let ours = Dialect::Memory.call("memory_store", text.clone());
        assert_eq!(ours, ("memory_store", text));
    }

    /// Plays a server: the shell answers each line it reads with the next of the given ones.
    #[cfg(unix)]
    fn played(answers: &[&str]) -> Rival {
        let answer = |answer| format!("read line\ncat <<END\n{answer}\nEND\n");
        let script: String = answers.iter().map(answer).collect();
        let mut rival = rival("sh -c");
        rival.environment = vec![("PLAYED".to_owned(), "{dir}/store".to_owned())];
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
        let place = format!("in {}/store", dir.path().display());
        assert_eq!(called.text, Ok(place));
        assert!(client.start > Duration::ZERO && called.took > Duration::ZERO);
    }

    #[test]
    #[cfg(unix)]
    fn a_rival_that_ends_is_quoted() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let mut rival = rival("sh -c");
        rival.arguments.push("echo 'no such module' >&2".to_owned());
        let error = rival.start(dir.path()).err().expect("it ended").to_string();
        assert!(error.contains("no such module"), "unclear: {error}");
    }
}
