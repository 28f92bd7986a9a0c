//! A text that goes the way of a client: stored through what its entry starts, found again, and removed for good.
//!
//! The client itself is not run, which would cost its person tokens. What it starts is, as it starts it.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use commonplace_api::call;
use commonplace_api::connections::Verified;
use commonplace_api::mcp::{ToolAnswer, result_of};
use commonplace_api::memories::MemoryIds;
use commonplace_api::query::{ListQuery, MemoryFilter};
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::{Instant, timeout};

use super::error::ConnectError;
use super::machine::Machine;
use crate::client::{ClientError, HostClient};
use crate::paths::DataDir;
use crate::runtime::small_runtime;
use crate::system::platform;
use crate::system::random::random_bytes;

/// How long the whole may take; a bridge that starts a host first takes some seconds.
const TIME_MAX: Duration = Duration::from_secs(20);
/// How long each write may wait for the write lock, so that its own reason is told and not that time is up.
const WRITE_TIME_MAX_S: u64 = 8;
/// How long what was started may take to end after it was told to.
const END_TIME_MAX: Duration = Duration::from_secs(2);
/// How the host names who asks.
const NAME: &str = "commonplace-check";
/// Tag of the text.
const TAG: &str = "commonplace-check";
/// Revision of MCP, one that clients speak which begin with `initialize`.
const PROTOCOL: &str = "2025-11-25";
/// What a client that started us may have told; the text belongs to no project and no session.
const TOLD_BY_CLIENTS: [&str; 3] = ["CLAUDECODE", "CLAUDE_PROJECT_DIR", "CLAUDE_CODE_SESSION_ID"];

/// Starts the entry that this machine's clients have, and lets a text go through it. Takes up to 20 s, and blocks.
///
/// Whatever happens, the text is removed after it, as far as a host can be reached.
pub(super) fn run(machine: &Machine, title: &'static str) -> Result<Verified, ConnectError> {
    let broken = |reason: String| ConnectError::NotFound { title, reason };
    let runtime = small_runtime().map_err(|error| broken(error.to_string()))?;
    let text = format!(
        "Commonplace stored this to check a connection, and removes it at once: number {}",
        hex::encode(&random_bytes()[..8])
    );
    let words = machine.own.words(&["mcp"]);
    runtime.block_on(async {
        let limit = TIME_MAX.as_secs();
        let gone = timeout(TIME_MAX, through(&words, &machine.places.home, &text));
        let gone = gone
            .await
            .unwrap_or_else(|_| Err(format!("it took more than {limit} s")));
        let removed = timeout(TIME_MAX, remove(&machine.data_dir, &text)).await;
        let verified = gone.map_err(broken)?;
        let reason = match removed {
            Ok(Ok(())) => return Ok(verified),
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("it took more than {limit} s"),
        };
        Err(ConnectError::NotRemoved {
            title,
            reason,
            tag: TAG,
        })
    })
}

/// Stores a text, finds it, and deletes it. Err says in words what went wrong.
async fn through(words: &[String], home: &Path, text: &str) -> Result<Verified, String> {
    let began = Instant::now();
    let mut entry = Started::of(words, home)?;
    entry.greet().await?;
    let stored =
        json!({ "content": text, "tags": [TAG], "project": "", "deadline_s": WRITE_TIME_MAX_S });
    let stored: Named = entry.call("memory_store", &stored).await?;
    let hash = stored.content_hash;
    let found = json!({ "query": text, "tags": [TAG] });
    let found: Hits = entry.call("memory_search", &found).await?;
    if !found.memories.iter().any(|hit| hit.content_hash == hash) {
        return Err("what was stored was not found".to_owned());
    }
    let verified = Verified {
        stored_and_found_ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
        at_ms: Timestamp::now().as_millisecond(),
    };
    let deleted = json!({ "content_hash": hash, "deadline_s": WRITE_TIME_MAX_S });
    let _: Value = entry.call("memory_delete", &deleted).await?;
    entry.end().await;
    Ok(verified)
}

/// A memory by its hash, in what tools answer for programs.
#[derive(Deserialize)]
struct Named {
    content_hash: String,
}

/// What a search answers.
#[derive(Deserialize)]
struct Hits {
    memories: Vec<Named>,
}

/// What a message answers, if it is an answer.
#[derive(Deserialize)]
struct Answering {
    id: u64,
}

/// Removes the text permanently, also where the way through the entry ended before it was deleted.
async fn remove(data_dir: &DataDir, text: &str) -> Result<(), ClientError> {
    let host = HostClient::find(data_dir)?;
    let ids = async |deleted| {
        let query = ListQuery {
            filter: MemoryFilter {
                tag: vec![TAG.to_owned()],
                ..MemoryFilter::default()
            },
            contains: Some(text.to_owned()),
            deleted,
            ..ListQuery::default()
        };
        let listed = host.ask(call::list(&query)).await?;
        let ids: Vec<i64> = listed.memories.iter().map(|row| row.memory.id).collect();
        Ok::<_, ClientError>((!ids.is_empty()).then_some(MemoryIds { ids }))
    };
    if let Some(living) = ids(false).await? {
        host.ask(call::delete(&living)).await?;
    }
    if let Some(deleted) = ids(true).await? {
        host.ask(call::purge(&deleted)).await?;
    }
    Ok(())
}

/// What an entry has started; ended when dropped.
struct Started {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    last_id: u64,
}

impl Started {
    /// Starts it in the home directory, which is no project.
    fn of(words: &[String], home: &Path) -> Result<Self, String> {
        let mut command = Command::new(&words[0]);
        command
            .args(&words[1..])
            .current_dir(home)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        for name in TOLD_BY_CLIENTS {
            command.env_remove(name);
        }
        // No window, where programs have one.
        platform::detach(command.as_std_mut());
        let program = &words[0];
        let mut child = command
            .spawn()
            .map_err(|error| format!("could not start `{program}`: {error}"))?;
        let stdin = child.stdin.take().expect("it is a pipe");
        let stdout = child.stdout.take().expect("it is a pipe");
        Ok(Self {
            child,
            stdin,
            stdout: BufReader::new(stdout),
            last_id: 0,
        })
    }

    async fn greet(&mut self) -> Result<(), String> {
        let client = json!({ "name": NAME, "version": env!("CARGO_PKG_VERSION") });
        let params =
            json!({ "protocolVersion": PROTOCOL, "capabilities": {}, "clientInfo": client });
        self.ask("initialize", params).await?;
        let done = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
        self.send(&done).await
    }

    /// Calls a tool, and returns what it answers for programs.
    async fn call<T: DeserializeOwned>(
        &mut self,
        tool: &str,
        arguments: &Value,
    ) -> Result<T, String> {
        let params = json!({ "name": tool, "arguments": arguments });
        let answer = ToolAnswer::of(self.ask("tools/call", params).await?);
        if answer.is_error {
            return Err(answer.text);
        }
        let read = serde_json::from_value(answer.structured);
        read.map_err(|error| format!("the answer of `{tool}` cannot be understood: {error}"))
    }

    /// Asks, and waits for the answer; what comes beside it is passed over.
    async fn ask(&mut self, method: &str, params: Value) -> Result<Value, String> {
        self.last_id += 1;
        let id = self.last_id;
        let asked = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
        self.send(&asked).await?;
        loop {
            let mut line = String::new();
            let read = self.stdout.read_line(&mut line).await;
            if read.map_err(|error| error.to_string())? == 0 {
                return Err(self.last_words().await);
            }
            let is_answer = serde_json::from_str(&line).is_ok_and(|said: Answering| said.id == id);
            if is_answer {
                // Over stdio an answer has no status: where it came, it came.
                return result_of(200, line.as_bytes());
            }
        }
    }

    async fn send(&mut self, message: &Value) -> Result<(), String> {
        let line = format!("{message}\n");
        match self.stdin.write_all(line.as_bytes()).await {
            Ok(()) => Ok(()),
            Err(_) => Err(self.last_words().await),
        }
    }

    /// What it said when it ended without an answer.
    async fn last_words(&mut self) -> String {
        let mut said = String::new();
        if let Some(stderr) = &mut self.child.stderr {
            let read = stderr.read_to_string(&mut said);
            // Something else may keep the pipe open.
            drop(timeout(END_TIME_MAX, read).await);
        }
        let last = said.trim().lines().last();
        let last = last.unwrap_or("it said nothing");
        format!("what it starts ended without an answer: {last}")
    }

    /// Lets it end as a client does, by closing its input.
    async fn end(mut self) {
        drop(self.stdin);
        drop(timeout(END_TIME_MAX, self.child.wait()).await);
    }
}
