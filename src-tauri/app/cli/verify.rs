//! `verify`: the proof that concurrent writes are safe on this machine.
//!
//! Starts a host on a scratch store and real client processes that all write at once, then looks up every acknowledged
//! write again. The store of the person is not touched.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use clap::Args;
use commonplace_api::Host as _;
use commonplace_api::statistics::{Stats, TimeSummary};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{CommandError, Context, output, small_runtime};
use crate::client::mcp_client::McpClient;
use crate::client::{RemoteHost, find_host};
use crate::paths::DataDir;
use crate::system::random::random_hex;
use crate::tokens::TokenTexts;

/// Longest time for one call: longer than the host's own longest deadline.
const CALL_TIME_MAX: Duration = Duration::from_secs(60);

/// Prove that concurrent writes are safe.
#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// Client processes that write at once, 1 to 64
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=64))]
    clients: u32,
    /// Writes of each client, 1 to 100000
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    writes: u32,
}

/// One client process of `verify`, on the store that is given.
#[derive(Debug, Args)]
pub(crate) struct Client {
    #[arg(long)]
    number: u32,
    #[arg(long)]
    writes: u32,
}

/// A child process that is ended with this value.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn failed(what: &str) -> impl Fn(std::io::Error) -> CommandError {
    let what = what.to_owned();
    move |error| CommandError::Failed(format!("could not {what}: {error}"))
}

pub(crate) fn run(context: &Context, verify: &Verify) -> Result<ExitCode, CommandError> {
    context.log_quietly();
    let scratch = scratch_dir()?;
    let result = run_in(&scratch, context, verify);
    if let Err(error) = std::fs::remove_dir_all(&scratch) {
        output::note(&format!(
            "the scratch store `{}` could not be removed: {error}",
            scratch.display()
        ));
    }
    result
}

fn scratch_dir() -> Result<std::path::PathBuf, CommandError> {
    let name = format!("commonplace-verify-{}", &random_hex()[..16]);
    let dir = std::env::temp_dir().join(name);
    crate::system::platform::make_private_dir(&dir).map_err(failed("make a scratch store"))?;
    Ok(dir)
}

fn run_in(dir: &Path, context: &Context, verify: &Verify) -> Result<ExitCode, CommandError> {
    let program = std::env::current_exe().map_err(failed("find this program"))?;
    let _host = start_host(&program, dir)?;
    let store = DataDir::find(Some(dir.to_owned())).expect("a given directory is taken as it is");
    if !context.json {
        output::note(&format!(
            "{} client processes with {} writes each …",
            verify.clients, verify.writes
        ));
    }
    let started = Instant::now();
    let mut clients = Vec::new();
    for number in 0..verify.clients {
        clients.push(start_client(&program, dir, number, verify.writes)?);
    }
    let mut told = Told::default();
    for mut client in clients {
        told.read(&mut client, context.json)?;
    }
    let took = started.elapsed();
    let reader = client_of(&store, "commonplace-verify")?;
    let runtime = small_runtime()?;
    let found = runtime.block_on(count_found(&reader, &told.acked))?;
    let stats = RemoteHost::find(&store)?.status()?.stats;
    Ok(report(context, &told, found, took, &stats))
}

fn client_of(store: &DataDir, name: &str) -> Result<McpClient, CommandError> {
    let host = find_host(store)?;
    let token = TokenTexts::read(store.path())?.agent;
    Ok(McpClient::new(&host, &token, name, CALL_TIME_MAX))
}

fn start_host(program: &Path, dir: &Path) -> Result<Running, CommandError> {
    let mut host = Command::new(program)
        .args(["serve", "--port", "0", "--data-dir"])
        .arg(dir)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map(Running)
        .map_err(failed("start a host"))?;
    let mut line = String::new();
    let stdout = host.0.stdout.take().expect("stdout was asked for");
    BufReader::new(stdout)
        .read_line(&mut line)
        .map_err(failed("read from the host"))?;
    if serde_json::from_str::<Value>(&line).is_err() {
        return Err(CommandError::Failed(format!(
            "the host did not start; `{} serve` says why",
            program.display()
        )));
    }
    Ok(host)
}

fn start_client(
    program: &Path,
    dir: &Path,
    number: u32,
    writes: u32,
) -> Result<Running, CommandError> {
    Command::new(program)
        .arg("--data-dir")
        .arg(dir)
        .arg("verify-client")
        .args(["--number", &number.to_string()])
        .args(["--writes", &writes.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .map(Running)
        .map_err(failed("start a client"))
}

/// How one write of a client ended, as it tells it on stdout.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Outcome {
    Acked { acked: String, ms: f64 },
    Error { error: String },
}

/// What the clients told.
#[derive(Default)]
struct Told {
    acked: Vec<String>,
    errors: Vec<String>,
    times_ms: Vec<f64>,
}

impl Told {
    fn read(&mut self, client: &mut Running, is_quiet: bool) -> Result<(), CommandError> {
        let stdout = client.0.stdout.take().expect("stdout was asked for");
        for line in BufReader::new(stdout).lines() {
            let line = line.map_err(failed("read from a client"))?;
            match serde_json::from_str(&line) {
                Ok(Outcome::Acked { acked, ms }) => {
                    self.acked.push(acked);
                    self.times_ms.push(ms);
                }
                Ok(Outcome::Error { error }) => self.errors.push(error),
                Err(error) => self.errors.push(format!("{error}: {line}")),
            }
        }
        if !is_quiet {
            output::note(&format!("{} acknowledged so far", self.acked.len()));
        }
        Ok(())
    }
}

/// Looks every acknowledged text up again, by itself.
async fn count_found(client: &McpClient, acked: &[String]) -> Result<usize, CommandError> {
    let mut found = 0;
    for text in acked {
        let arguments = json!({ "query": text, "mode": "exact", "limit": 2 });
        let answer = client
            .call_tool("memory_search", &arguments)
            .await
            .map_err(CommandError::Failed)?;
        found += usize::from(answer.text.starts_with("Found 1 "));
    }
    Ok(found)
}

fn report(context: &Context, told: &Told, found: usize, took: Duration, stats: &Stats) -> ExitCode {
    let lost = told.acked.len() - found;
    let mut times = told.times_ms.clone();
    times.sort_by(f64::total_cmp);
    let at = |part: f64| {
        times
            .get(((times.len() as f64 * part) as usize).min(times.len().saturating_sub(1)))
            .copied()
            .unwrap_or(0.0)
    };
    let per_s = told.acked.len() as f64 / took.as_secs_f64();
    let wait = |times: &TimeSummary| {
        format!(
            "average {:.2} ms, p95 {:.2} ms, max {:.2} ms",
            times.average_ms, times.p95_ms, times.max_ms
        )
    };
    let verdict = if lost == 0 && told.errors.is_empty() {
        "every acknowledged write is there"
    } else {
        "SOMETHING IS WRONG"
    };
    let text = format!(
        "acked   {}\nfound   {found}\nlost    {lost}\nerrors  {}{}\nwrites  {per_s:.0} per second; p50 {:.2} ms, p99 {:.2} ms\n\
         queue   {}\nlock    {}\n{verdict}",
        told.acked.len(),
        told.errors.len(),
        told.errors
            .first()
            .map(|first| format!(" (first: {first})"))
            .unwrap_or_default(),
        at(0.5),
        at(0.99),
        wait(&stats.queue_wait),
        wait(&stats.lock_wait),
    );
    let value = json!({
        "acked": told.acked.len(), "found": found, "lost": lost, "errors": told.errors.len(),
        "first_error": told.errors.first(), "writes_per_s": per_s, "write_p50_ms": at(0.5), "write_p99_ms": at(0.99),
        "queue_wait": stats.queue_wait, "lock_wait": stats.lock_wait, "hold": stats.hold,
    });
    output::result(context.json, &value, &text);
    ExitCode::from(u8::from(lost > 0 || !told.errors.is_empty()))
}

/// Runs one client process: writes, and tells on stdout what was acknowledged.
pub(crate) fn run_client(context: &Context, client: &Client) -> Result<ExitCode, CommandError> {
    let name = format!("verify-{}", client.number);
    let mcp = client_of(&context.options.data_dir, &name)?;
    small_runtime()?.block_on(async {
        for write in 0..client.writes {
            let text = format!(
                "verify client {} write {write} marker vq{}x{write}z",
                client.number, client.number
            );
            let started = Instant::now();
            let arguments = json!({ "content": text, "metadata": { "tags": ["verify"] } });
            let told = match mcp.call_tool("memory_store", &arguments).await {
                Ok(answer) if !answer.is_error => Outcome::Acked {
                    acked: text,
                    ms: started.elapsed().as_secs_f64() * 1e3,
                },
                Ok(answer) => Outcome::Error { error: answer.text },
                Err(error) => Outcome::Error { error },
            };
            output::line(&json!(told).to_string());
        }
    });
    Ok(ExitCode::SUCCESS)
}
