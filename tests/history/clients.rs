//! Clients of three kinds: over HTTP, over a stdio bridge, and commands. Each can be killed in the middle of a request.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use commonplace_api::mcp::ToolAnswer;
use commonplace_api::memories::Memory;
use serde_json::{Value, json};

use super::hosts::{Target, WISH};
use super::record::{Answered, Asked, End, Operation, Seen, seen};
use super::stage::Stage;
use crate::bridge::Bridge;
use crate::client::{connect, read_call};
use crate::support::{HANG, command, found, run, stdout};
use commonplace_testing::Chance;

/// How often a request whose answer was lost is asked again.
const REPEATS: usize = 4;
/// Longest life of a command or bridge that is killed at a random time.
const KILLED_WITHIN: Duration = Duration::from_millis(60);

/// What one try to ask came to.
pub(crate) enum Try {
    /// It did not reach any host.
    NotSent,
    Answered(Answered),
    /// An error that says that nothing was done.
    Failed(String),
    /// It may have been carried out.
    Lost(String),
}

/// Somebody who asks.
pub(crate) trait Asking {
    /// Asks and waits for the answer.
    fn ask(&mut self, stage: &Stage, asked: &Asked, op_id: &str) -> Try;
    /// Asks and dies before the answer is there.
    fn ask_and_die(&mut self, stage: &Stage, asked: &Asked, op_id: &str, chance: &mut Chance);
}

/// What may go wrong with a client by its own fault.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Faults {
    /// In so many of 100 operations the client dies in the middle.
    pub(crate) deaths: usize,
}

/// Carries out one operation and writes down how it ended.
pub(crate) fn operate(
    asking: &mut dyn Asking,
    stage: &Stage,
    (client, op_id, asked): (&str, String, Asked),
    chance: &mut Chance,
    faults: Faults,
) -> Operation {
    let t0 = stage.now();
    let mut unanswered = 0;
    let end = if chance.percent(faults.deaths) {
        asking.ask_and_die(stage, &asked, &op_id, chance);
        unanswered += 1;
        End::Unknown {
            why: "the client died".to_owned(),
        }
    } else {
        ask_until_answered(asking, stage, (&asked, &op_id), chance, &mut unanswered)
    };
    Operation {
        client: client.to_owned(),
        op_id,
        asked,
        t0,
        queued: None,
        unanswered,
        end,
    }
}

/// Asks again when an answer was lost, as clients do, but not always. Counts the tries that are not the last word.
fn ask_until_answered(
    asking: &mut dyn Asking,
    stage: &Stage,
    (asked, op_id): (&Asked, &str),
    chance: &mut Chance,
    unanswered: &mut u64,
) -> End {
    let mut lost = None;
    let mut repeats_left = REPEATS;
    let until = Instant::now() + HANG;
    while Instant::now() < until {
        match asking.ask(stage, asked, op_id) {
            Try::NotSent => continue,
            Try::Answered(answer) => {
                return End::Ok {
                    at: stage.now(),
                    answer,
                };
            }
            // Of an earlier try nobody knows whether it was carried out.
            Try::Failed(code) if lost.is_none() => {
                return End::Failed {
                    at: stage.now(),
                    code,
                };
            }
            Try::Failed(why) | Try::Lost(why) => {
                *unanswered += 1;
                if repeats_left == 0 || chance.percent(30) {
                    return End::Unknown { why };
                }
                lost = Some(why);
            }
        }
        repeats_left -= 1;
    }
    panic!(
        "`{op_id}` ({asked:?}) was not carried out within {HANG:?}; lost before: {lost:?}\n{}",
        stdout(&run(&stage.dir, &["locks"]))
    );
}

/// The tool and its arguments.
fn tool_call(asked: &Asked, op_id: &str) -> (&'static str, Value) {
    match asked {
        Asked::Store { text, tags } => (
            "memory_store",
            json!({ "content": text, "tags": tags, "op_id": op_id }),
        ),
        Asked::Retag { hash, tags } => (
            "memory_update",
            json!({ "content_hash": hash, "updates": { "tags": tags }, "op_id": op_id }),
        ),
        Asked::Rewrite { hash, text } => (
            "memory_update",
            json!({ "content_hash": hash, "updates": { "content": text }, "op_id": op_id }),
        ),
        Asked::Delete { hash } => (
            "memory_delete",
            json!({ "content_hash": hash, "op_id": op_id }),
        ),
        Asked::Undelete { hash } => (
            "memory_delete",
            json!({ "content_hash": hash, "restore": true, "op_id": op_id }),
        ),
        Asked::Purge { .. } => unreachable!("no tool purges"),
        Asked::Read { marker } => ("memory_search", json!({ "query": marker, "mode": "exact" })),
    }
}

/// Reads what a tool answered.
fn understand(asked: &Asked, answer: Result<ToolAnswer, String>) -> Try {
    let answer = match answer {
        Ok(answer) => answer,
        // A host that stops refuses before it does anything.
        Err(text) if text.contains("shutting down") => {
            return Try::Failed("shutting_down".to_owned());
        }
        Err(text) => return Try::Lost(text),
    };
    if !answer.is_error {
        return Try::Answered(if asked.is_read() {
            Answered::Found(seen(&answer.structured))
        } else {
            let hash = answer.structured["content_hash"].as_str();
            Answered::Written {
                hash: hash.map(str::to_owned),
            }
        });
    }
    match answer.structured["error"].as_str() {
        None | Some("unknown") => Try::Lost(answer.text),
        Some(code) => Try::Failed(code.to_owned()),
    }
}

/// A client over HTTP that prefers one host and goes to another when it is away.
pub(crate) struct OverHttp {
    pub(crate) home: usize,
    in_vain: Option<u32>,
}

impl OverHttp {
    pub(crate) fn new(home: usize) -> Self {
        Self {
            home,
            in_vain: None,
        }
    }

    /// Sends the request; None if no host could be reached now.
    fn send(&mut self, stage: &Stage, asked: &Asked, op_id: &str) -> Option<std::net::TcpStream> {
        let Target { pid, mut client } = stage.hosts.target(self.home, self.in_vain);
        let Ok(stream) = connect(client.port) else {
            self.in_vain = Some(pid);
            return None;
        };
        self.in_vain = None;
        let (tool, arguments) = tool_call(asked, op_id);
        // Whether all of it was sent is not known either way.
        drop(client.send_call(&stream, tool, arguments));
        Some(stream)
    }
}

impl Asking for OverHttp {
    fn ask(&mut self, stage: &Stage, asked: &Asked, op_id: &str) -> Try {
        match self.send(stage, asked, op_id).map(read_call) {
            None => Try::NotSent,
            Some(answer) => understand(asked, answer),
        }
    }

    fn ask_and_die(&mut self, stage: &Stage, asked: &Asked, op_id: &str, chance: &mut Chance) {
        let stream = self.send(stage, asked, op_id);
        std::thread::sleep(chance.time(Duration::ZERO, KILLED_WITHIN / 10));
        drop(stream);
    }
}

/// A client that starts a stdio bridge, which finds a host by itself.
pub(crate) struct OverBridge {
    dir: PathBuf,
    environment: Vec<(String, String)>,
    bridge: Option<Bridge>,
}

impl OverBridge {
    pub(crate) fn new(dir: &Path, environment: &[(String, String)]) -> Self {
        Self {
            dir: dir.to_owned(),
            environment: environment.to_vec(),
            bridge: None,
        }
    }

    fn bridge(&mut self) -> &mut Bridge {
        let (dir, environment) = (&self.dir, &self.environment);
        self.bridge.get_or_insert_with(|| {
            let mut command = command(dir, &["mcp"]);
            let mut bridge = Bridge::start_with(command.envs(environment.iter().cloned()));
            bridge.initialize();
            bridge
        })
    }
}

impl Asking for OverBridge {
    fn ask(&mut self, _stage: &Stage, asked: &Asked, op_id: &str) -> Try {
        let (tool, arguments) = tool_call(asked, op_id);
        understand(asked, self.bridge().call(tool, arguments))
    }

    fn ask_and_die(&mut self, _stage: &Stage, asked: &Asked, op_id: &str, chance: &mut Chance) {
        let (tool, arguments) = tool_call(asked, op_id);
        self.bridge().send_call(tool, arguments);
        std::thread::sleep(chance.time(Duration::ZERO, KILLED_WITHIN));
        // Dropping it kills it as `kill -9` does.
        self.bridge = None;
    }
}

/// A person who types commands; each is an instance of its own.
pub(crate) struct ByCommand {
    dir: PathBuf,
    environment: Vec<(String, String)>,
}

impl ByCommand {
    pub(crate) fn new(dir: &Path, environment: &[(String, String)]) -> Self {
        Self {
            dir: dir.to_owned(),
            environment: environment.to_vec(),
        }
    }

    fn command(&self, asked: &Asked, op_id: &str) -> Command {
        let words: Vec<&str> = match asked {
            Asked::Store { text, .. } => vec!["store", text, "--op-id", op_id],
            Asked::Delete { hash } => vec!["delete", hash, "--op-id", op_id],
            Asked::Undelete { hash } => vec!["delete", "--undo", hash, "--op-id", op_id],
            Asked::Purge { hash } => vec!["purge", hash, "--yes", "--op-id", op_id],
            Asked::Read { marker } => vec!["search", marker, "--mode", "exact"],
            Asked::Retag { .. } | Asked::Rewrite { .. } => {
                unreachable!("the command line knows no updates")
            }
        };
        let mut command = command(&self.dir, &words);
        if let Asked::Store { tags, .. } = asked {
            command.args(["--tag", &tags.join(",")]);
        }
        command.arg("--json").envs(self.environment.iter().cloned());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }
}

impl Asking for ByCommand {
    fn ask(&mut self, _stage: &Stage, asked: &Asked, op_id: &str) -> Try {
        let output = self
            .command(asked, op_id)
            .output()
            .expect("the command starts");
        let told: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        match output.status.code() {
            Some(0) if asked.is_read() => Try::Answered(Answered::Found(hits(&output.stdout))),
            Some(0) => {
                let hash = told["content_hash"].as_str().map(str::to_owned);
                Try::Answered(Answered::Written { hash })
            }
            // Busy, paused or out of time: nothing was done.
            Some(3) => Try::Failed("busy".to_owned()),
            _ => Try::Lost(format!(
                "{told} {}",
                String::from_utf8_lossy(&output.stderr)
            )),
        }
    }

    fn ask_and_die(&mut self, _stage: &Stage, asked: &Asked, op_id: &str, chance: &mut Chance) {
        let mut command = self.command(asked, op_id);
        let at_point = cfg!(feature = "failpoints") && matches!(asked, Asked::Purge { .. });
        if at_point {
            command.env(WISH, "checkpoint=kill");
        }
        let mut child = command.spawn().expect("the command starts");
        if !at_point {
            std::thread::sleep(chance.time(Duration::ZERO, KILLED_WITHIN));
            child.kill().expect("the command can be killed");
        }
        child.wait().expect("the command can be waited for");
    }
}

fn hits(printed: &[u8]) -> Vec<Seen> {
    let mut seen: Vec<Seen> = found(printed)
        .into_iter()
        .map(|Memory { text, mut tags, .. }| {
            tags.sort();
            Seen { text, tags }
        })
        .collect();
    seen.sort();
    seen
}
