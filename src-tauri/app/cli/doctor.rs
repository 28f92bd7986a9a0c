//! `doctor`: looks for problems and says what to do about each.

use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use commonplace_api::about::ConnectionsClosed;
use commonplace_api::call;
use commonplace_api::status::{IntegrityStatus, OverallState};
use commonplace_api::{ProcessState, Transport};
use commonplace_engine::{Engine, ModelUse, Processes as _, Upkeep};
use serde::Serialize;
use serde_json::json;

use super::{CommandError, output, small_runtime, words};
use crate::client::mcp_client::McpClient;
use crate::client::proved_host::{ProvedHost, silence};
use crate::client::{ClientError, HostClient, serving};
use crate::context::Options;
use crate::host::compose::{StartError, open_engine};
use crate::settings::{Reading, Settings};
use crate::system::private_file;
use crate::system::processes::SystemProcesses;
use crate::tokens::TokenTexts;

/// How long the list of tools may take.
const MCP_TIME_MAX: Duration = Duration::from_secs(5);

/// How one check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Ok,
    Note,
    Problem,
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Finding {
    what: &'static str,
    verdict: Verdict,
    text: String,
}

struct Findings(Vec<Finding>);

impl Findings {
    fn add(&mut self, what: &'static str, verdict: Verdict, text: impl Into<String>) {
        self.0.push(Finding {
            what,
            verdict,
            text: text.into(),
        });
    }

    fn check(&mut self, what: &'static str, result: Result<String, String>) {
        match result {
            Ok(text) => self.add(what, Verdict::Ok, text),
            Err(text) => self.add(what, Verdict::Problem, text),
        }
    }
}

/// Look for problems.
#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// Accept that acknowledged writes are missing, and end the notice about them
    #[arg(long)]
    accept_loss: bool,
}

impl Doctor {
    /// Runs the checks, or ends the notice of missing writes.
    pub(crate) fn run(
        &self,
        options: &Options,
        read: &Reading,
        json: bool,
    ) -> Result<ExitCode, CommandError> {
        if self.accept_loss {
            return accept_loss(options, json);
        }
        look(options, read, json)
    }
}

fn accept_loss(options: &Options, json: bool) -> Result<ExitCode, CommandError> {
    crate::logging::start(Some("error"), None);
    crate::system::store_dir::check(options.data_dir.path()).map_err(StartError::Dir)?;
    let by = crate::system::processes::audit_party(options.role);
    let identity = crate::system::identity::identity(options.role);
    let upkeep = Upkeep::open(options.data_dir.path(), identity, by, Duration::ZERO)?;
    let accepted = upkeep.accept_loss()?;
    let text = match &accepted {
        Some(lost) => format!("accepted, and recorded in the audit log: {lost}"),
        None => "no acknowledged write is missing: nothing to accept".to_owned(),
    };
    output::result(json, &json!({ "accepted": accepted }), &text);
    Ok(ExitCode::SUCCESS)
}

fn look(options: &Options, read: &Reading, json: bool) -> Result<ExitCode, CommandError> {
    crate::logging::start(Some("error"), None);
    let mut findings = Findings(Vec::new());
    let path = options.data_dir.settings();
    findings.check("settings", about_settings(read, &path));
    let settings = &read.settings;
    match crate::system::store_dir::check(options.data_dir.path()) {
        Ok(()) => check_store(&mut findings, options, settings, json),
        // Nothing in it can be trusted, and nothing is made in it.
        Err(error) => findings.add("store", Verdict::Problem, error.to_string()),
    }
    findings.check("tokens", check_tokens(options.data_dir.path()));
    check_model(&mut findings, options, settings);
    small_runtime()?.block_on(check_host(&mut findings, options));
    check_claude(&mut findings);
    report(&findings, json)
}

fn about_settings(read: &Reading, path: &Path) -> Result<String, String> {
    match read.problem(path) {
        Some(problem) => Err(problem),
        None if path.exists() => Ok(format!("{} is valid", path.display())),
        None => Ok("built-in defaults".to_owned()),
    }
}

fn report(findings: &Findings, json: bool) -> Result<ExitCode, CommandError> {
    let has_problem = findings
        .0
        .iter()
        .any(|finding| finding.verdict == Verdict::Problem);
    let mut text = String::new();
    for finding in &findings.0 {
        let mark = match finding.verdict {
            Verdict::Ok => "ok     ",
            Verdict::Note => "note   ",
            Verdict::Problem => "PROBLEM",
        };
        text.push_str(&format!("{mark}  {:<9} {}\n", finding.what, finding.text));
    }
    text.push_str(if has_problem {
        "something needs attention"
    } else {
        "no problem found"
    });
    output::result(
        json,
        &json!({ "ok": !has_problem, "findings": findings.0 }),
        &text,
    );
    Ok(ExitCode::from(u8::from(has_problem)))
}

/// Opens the store as an instance does, and looks at it.
fn check_store(findings: &mut Findings, options: &Options, settings: &Settings, json: bool) {
    let dir = options.data_dir.path();
    if !dir.exists() {
        return findings.add(
            "store",
            Verdict::Note,
            format!(
                "{} does not exist yet; the first start creates it",
                dir.display()
            ),
        );
    }
    let engine = match open_engine(options, settings, ModelUse::None) {
        Ok(engine) => engine,
        Err(error) => {
            return findings.add("store", Verdict::Problem, words::with_causes(&error));
        }
    };
    let status = engine.status();
    findings.add(
        "store",
        Verdict::Ok,
        format!(
            "{}: {}, {}, SQLite {}, schema {}",
            status.files.database,
            words::memories(status.memories.total),
            words::bytes(status.files.database_bytes),
            status.files.sqlite_version,
            status.files.schema_version
        ),
    );
    findings.check("integrity", about_integrity(look_through(&engine, json)));
    let lost = status.files.lost_writes;
    findings.check(
        "history",
        match lost {
            Some(lost) => Err(format!("the store went back in time: {lost}")),
            None => Ok("every write that was recorded as acknowledged is there".to_owned()),
        },
    );
    if let Some(trouble) = status.files.note_trouble {
        findings.add("note", Verdict::Problem, trouble);
    }
    findings.add(
        "backup",
        Verdict::Note,
        last_backup(status.files.last_backup_ms),
    );
    findings.check("writing", check_writing(&engine));
}

/// Checks all of the store; on a terminal one line tells how far it is.
fn look_through(engine: &Engine, json: bool) -> IntegrityStatus {
    let mut progress = output::Progress::new(json);
    engine.check_integrity(&mut |step| progress.tell(&super::repair::check_text(step)))
}

fn about_integrity(found: IntegrityStatus) -> Result<String, String> {
    match found {
        IntegrityStatus::Ok => {
            Ok("every page, row and index was checked; nothing is damaged".to_owned())
        }
        IntegrityStatus::Damaged(damage) => Err(format!("the store is damaged: {damage}")),
        IntegrityStatus::NotMade(reason) => Err(format!("the check could not be run: {reason}")),
        IntegrityStatus::Checking => {
            Err("the check did not finish: run `commonplace doctor` again".to_owned())
        }
        IntegrityStatus::Unknown => Err(
            "this version does not know whether the check finished: update it, and run `commonplace doctor` again"
                .to_owned(),
        ),
    }
}

fn last_backup(made_ms: Option<i64>) -> String {
    match made_ms {
        Some(made_ms) => format!("the last one was made on {}", words::local_time(made_ms)),
        None => "none yet: `commonplace backup` makes one".to_owned(),
    }
}

/// Takes the write lock and commits a write that changes nothing.
fn check_writing(engine: &Engine) -> Result<String, String> {
    use commonplace_engine::{Origin, WriteOp, WriteOptions};
    if let Some(pause) = engine.paused() {
        return Err(format!(
            "writes are paused {pause}; `commonplace resume` resumes them"
        ));
    }
    let deadline = Some(std::time::Duration::from_secs(5));
    // Nobody asked for this write, so it is counted as the engine's own and not as a person's.
    let origin = Origin::new("commonplace doctor", Transport::Internal);
    let write = engine.write(
        &origin,
        WriteOp::PutVectors(Vec::new()),
        WriteOptions {
            op_id: None,
            deadline,
        },
    );
    let runtime = small_runtime().map_err(|error| error.to_string())?;
    let written = runtime.block_on(write).map_err(|error| error.to_string());
    runtime.block_on(engine.shutdown(std::time::Duration::from_secs(5)));
    written.map(|written| {
        format!(
            "took the write lock in {:.1?} and synced a commit",
            written.lock_wait
        )
    })
}

fn check_tokens(dir: &Path) -> Result<String, String> {
    if !dir.join(crate::tokens::AGENT).exists() {
        if dir.exists() && crate::system::store_dir::check(dir).is_ok() {
            private_file::check_dir(dir).map_err(|error| error.to_string())?;
        }
        return Ok("none yet; the first start creates them".to_owned());
    }
    let texts = TokenTexts::read(dir).map_err(|error| error.to_string())?;
    texts.checked(dir).map_err(|error| error.to_string())?;
    Ok("both exist and are private".to_owned())
}

fn check_model(findings: &mut Findings, options: &Options, settings: &Settings) {
    let dir = options.model_dir(settings);
    match commonplace_engine::check_model(&dir) {
        Ok(()) => findings.add(
            "model",
            Verdict::Ok,
            format!("{} is complete", dir.display()),
        ),
        Err(error) => findings.add("model", Verdict::Note, error.to_string()),
    }
}

async fn check_host(findings: &mut Findings, options: &Options) {
    let hosts = serving(&options.data_dir);
    if hosts.is_empty() {
        return findings.add(
            "host",
            Verdict::Note,
            "none is running: start `commonplace serve` or the tray application",
        );
    }
    if hosts.len() > 1 {
        findings.add(
            "host",
            Verdict::Note,
            format!("{} hosts serve this store; one is enough", hosts.len()),
        );
    }
    for host in &hosts {
        let state = SystemProcesses.look(&host.identity);
        if state == ProcessState::Stopped {
            let text = silence(host.identity.pid, state);
            findings.add("host", Verdict::Problem, text);
        }
    }
    match HostClient::find(&options.data_dir) {
        Ok(client) => ask_host(findings, options, &client).await,
        // Told above, of each.
        Err(ClientError::Stopped { .. }) => {}
        Err(error) => findings.add("host", Verdict::Problem, error.to_string()),
    }
}

async fn ask_host(findings: &mut Findings, options: &Options, client: &HostClient) {
    let asked = async {
        let status = client.ask(call::status()).await?;
        Ok::<_, ClientError>((status, client.ask(call::health()).await?))
    };
    match asked.await {
        Ok((status, health)) => {
            check_callers(findings, health.connections_closed);
            let text = format!(
                "pid {} at {}: {}",
                client.host().pid(),
                client.url(),
                status.diagnosis
            );
            let verdict = if status.state == OverallState::Error {
                Verdict::Problem
            } else {
                Verdict::Ok
            };
            findings.add("host", verdict, text);
        }
        // Another question would wait as long for its answer.
        Err(error) => return findings.add("host", Verdict::Problem, error.to_string()),
    }
    findings.check("mcp", check_mcp(options, client.host()).await);
}

/// Says whose connections the host has closed, if it has.
fn check_callers(findings: &mut Findings, closed: ConnectionsClosed) {
    for (count, what) in [
        (
            closed.other_user,
            "of other users of this machine were closed",
        ),
        (
            closed.unknown_user,
            "were closed because the system does not say whose they were",
        ),
        (
            closed.made_room,
            "that asked for nothing were closed because all places were taken",
        ),
    ] {
        if count > 0 {
            let text = format!(
                "{count} connections {what}; the log says more (`commonplace open`, Health)"
            );
            findings.add("callers", Verdict::Note, text);
        }
    }
}

async fn check_mcp(options: &Options, host: &Arc<ProvedHost>) -> Result<String, String> {
    let tokens = TokenTexts::read(options.data_dir.path()).map_err(|error| error.to_string())?;
    let name = "commonplace-doctor";
    let client = McpClient::new(host, &tokens.agent, name, MCP_TIME_MAX);
    let tools = client.count_tools().await?;
    Ok(format!("{} lists {tools} tools", host.mcp_url()))
}

fn check_claude(findings: &mut Findings) {
    let version = Command::new("claude")
        .arg("--version")
        .stdin(Stdio::null())
        .output();
    match version {
        Ok(output) if output.status.success() => {
            let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
            let entry = Command::new("claude").args(["mcp", "get", "memory"]).stdin(Stdio::null()).output();
            let text = match entry {
                Ok(entry) if entry.status.success() => format!("Claude Code {version} has the server `memory`"),
                _ => format!("Claude Code {version} is not connected: `commonplace connect claude`"),
            };
            findings.add("claude", Verdict::Ok, text);
        }
        _ => findings.add("claude", Verdict::Note, "Claude Code was not found on the PATH; `commonplace connect claude --print` shows its command"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // A check that had not finished, and a state that is not understood, were reported as "nothing is damaged".
    #[test]
    fn only_a_check_that_finished_says_that_nothing_is_damaged() {
        assert!(about_integrity(IntegrityStatus::Ok).is_ok());
        for unfinished in [IntegrityStatus::Checking, IntegrityStatus::Unknown] {
            let problem = about_integrity(unfinished).unwrap_err();
            assert!(
                problem.contains("run `commonplace doctor` again"),
                "{problem}"
            );
        }
        let damaged = about_integrity(IntegrityStatus::Damaged("row 7".to_owned()));
        assert_eq!(damaged.unwrap_err(), "the store is damaged: row 7");
        assert!(about_integrity(IntegrityStatus::NotMade("no room".to_owned())).is_err());
    }
}
