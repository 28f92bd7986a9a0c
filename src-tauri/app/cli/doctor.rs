//! `doctor`: looks for problems and says what to do about each.

use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use commonplace_engine::{Engine, IntegrityStatus, ModelUse};
use serde::Serialize;
use serde_json::{Value, json};

use super::{CommandError, output, small_runtime};
use crate::client::{HostClient, serving};
use crate::compose::{Options, open_engine};
use crate::mcp_client::McpClient;
use crate::settings::{Settings, SettingsError};
use crate::tokens::TokenTexts;

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

pub(crate) fn run(
    options: &Options,
    settings: Result<Settings, SettingsError>,
    json: bool,
) -> Result<ExitCode, CommandError> {
    crate::logging::start(Some("error"), None);
    let mut findings = Findings(Vec::new());
    let path = options.data_dir.settings();
    let settings = match settings {
        Ok(settings) => {
            let text = if path.exists() {
                format!("{} is good", path.display())
            } else {
                "built-in defaults".to_owned()
            };
            findings.add("settings", Verdict::Ok, text);
            settings
        }
        Err(error) => {
            findings.add("settings", Verdict::Problem, error.to_string());
            Settings::default()
        }
    };
    check_store(&mut findings, options, &settings);
    findings.check("tokens", check_tokens(options.data_dir.path()));
    check_model(&mut findings, options, &settings);
    small_runtime()?.block_on(check_host(&mut findings, options));
    check_claude(&mut findings);
    report(&findings, json)
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
fn check_store(findings: &mut Findings, options: &Options, settings: &Settings) {
    let dir = options.data_dir.path();
    if !dir.exists() {
        return findings.add(
            "store",
            Verdict::Note,
            format!(
                "{} is not there yet; the first start makes it",
                dir.display()
            ),
        );
    }
    let engine = match open_engine(options, settings, ModelUse::None) {
        Ok(engine) => engine,
        Err(error) => {
            return findings.add("store", Verdict::Problem, output::with_causes(&error));
        }
    };
    let status = engine.status();
    findings.add(
        "store",
        Verdict::Ok,
        format!(
            "{}: {}, {}, SQLite {}, schema {}",
            status.files.database,
            output::memories(status.memories.total),
            output::bytes(status.files.database_bytes),
            status.files.sqlite_version,
            status.files.schema_version
        ),
    );
    let integrity = match engine.check_integrity() {
        IntegrityStatus::Damaged(damage) => Err(format!(
            "the database is damaged: {damage}; restore a backup"
        )),
        IntegrityStatus::NotMade(reason) => Err(format!("the check could not be made: {reason}")),
        IntegrityStatus::Ok | IntegrityStatus::Checking => {
            Ok("quick check found nothing".to_owned())
        }
    };
    findings.check("integrity", integrity);
    findings.add(
        "backup",
        Verdict::Note,
        last_backup(status.files.last_backup_ms),
    );
    findings.check("writing", check_writing(&engine));
}

fn last_backup(made_ms: Option<i64>) -> String {
    match made_ms {
        Some(made_ms) => format!("the last one is of {}", output::local_time(made_ms)),
        None => "none yet: `commonplace backup` makes one".to_owned(),
    }
}

/// Takes the write lock and commits a write that changes nothing.
fn check_writing(engine: &Engine) -> Result<String, String> {
    use commonplace_engine::{Origin, Transport, WriteOp, WriteOptions};
    if let Some(pause) = engine.paused() {
        return Err(format!(
            "writes are paused {pause}; `commonplace resume` lets them go on"
        ));
    }
    let deadline = Some(std::time::Duration::from_secs(5));
    let origin = Origin::new("commonplace doctor", Transport::Cli);
    let write = engine.write(
        &origin,
        WriteOp::Undelete(Vec::new()),
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
            "the write lock was had in {:.1?} and a commit was synced",
            written.lock_wait
        )
    })
}

fn check_tokens(dir: &Path) -> Result<String, String> {
    if !dir.join(crate::tokens::AGENT).exists() {
        return Ok("none yet; the first start makes them".to_owned());
    }
    let texts = TokenTexts::read(dir).map_err(|error| error.to_string())?;
    texts.checked(dir).map_err(|error| error.to_string())?;
    Ok("both are there and private".to_owned())
}

fn check_model(findings: &mut Findings, options: &Options, settings: &Settings) {
    let given = options
        .model_dir
        .clone()
        .or_else(|| settings.model_dir.clone());
    let dir = given.unwrap_or_else(|| options.data_dir.model());
    match commonplace_engine::check_model(&dir) {
        Ok(()) => findings.add("model", Verdict::Ok, format!("{} is whole", dir.display())),
        Err(error) => findings.add("model", Verdict::Note, error.to_string()),
    }
}

async fn check_host(findings: &mut Findings, options: &Options) {
    let hosts = serving(&options.data_dir);
    let Some(host) = hosts.first() else {
        return findings.add(
            "host",
            Verdict::Note,
            "none is running: start `commonplace serve` or the tray application",
        );
    };
    if hosts.len() > 1 {
        findings.add(
            "host",
            Verdict::Note,
            format!("{} hosts serve this store; one is enough", hosts.len()),
        );
    }
    let asked = async {
        let client = HostClient::find(&options.data_dir).map_err(|error| error.to_string())?;
        let status = client
            .get("/api/status")
            .await
            .map_err(|error| error.to_string())?;
        Ok::<Value, String>(status)
    };
    match asked.await {
        Ok(status) => {
            let text = format!(
                "pid {} at {}: {}",
                host.identity.pid,
                host.url.as_deref().unwrap_or("?"),
                status["diagnosis"].as_str().unwrap_or("?")
            );
            let verdict = if status["state"] == "error" {
                Verdict::Problem
            } else {
                Verdict::Ok
            };
            findings.add("host", verdict, text);
        }
        Err(error) => findings.add("host", Verdict::Problem, error),
    }
    findings.check(
        "mcp",
        check_mcp(options, host.mcp_url.as_deref().unwrap_or_default()).await,
    );
}

async fn check_mcp(options: &Options, url: &str) -> Result<String, String> {
    let tokens = TokenTexts::read(options.data_dir.path()).map_err(|error| error.to_string())?;
    let client = McpClient::new(url, &tokens.agent, "commonplace-doctor");
    let tools = client.request("tools/list", None, json!({})).await?;
    Ok(format!(
        "{url} lists {} tools",
        tools["tools"].as_array().map_or(0, Vec::len)
    ))
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
