//! `doctor`: looks for problems, says what to do about each, and does what is safe if it is asked to.

mod clients;
mod configurations;
mod finding;
mod fix;
mod host;
mod limits;
mod port;
mod proxy;
mod store;
mod stores;

use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use clap::Args;
use commonplace_engine::Upkeep;
use serde_json::json;

use self::finding::{Findings, Verdict};
use super::{CommandError, output, small_runtime};
use crate::claude_code::own_command;
use crate::client::serving;
use crate::context::Options;
use crate::host::compose::StartError;
use crate::paths::DataDir;
use crate::settings::Reading;

/// Look for problems.
#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// Repair what is safe to repair: values in the configurations of clients, each file kept as it was; no memory is touched
    #[arg(long)]
    fix: bool,
    /// Accept that acknowledged writes are missing, and end the notice about them
    #[arg(long, conflicts_with = "fix")]
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
        let mut findings = look(options, read, json)?;
        if self.fix {
            fix::apply(&mut findings);
        }
        Ok(report(&findings, json))
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

fn look(options: &Options, read: &Reading, json: bool) -> Result<Findings, CommandError> {
    crate::logging::start(Some("error"), None);
    let mut findings = Findings::default();
    let data_dir = &options.data_dir;
    let (dir, path) = (data_dir.path(), data_dir.settings());
    let settings = &read.settings;
    match crate::system::store_dir::check(dir) {
        Ok(()) => {
            findings.check("settings", about_settings(read, &path));
            store::check_store(&mut findings, options, settings, json);
            findings.check("tokens", store::check_tokens(dir));
        }
        // Nothing in it can be trusted, nothing is made in it, and what cannot be read in it follows from that.
        Err(error) => findings.add("store", Verdict::Problem, error.to_string()),
    }
    store::check_model(&mut findings, options, settings);
    let hosts = serving(data_dir);
    let command = own_command(data_dir);
    small_runtime()?.block_on(host::check_host(&mut findings, options, &hosts));
    host::check_versions(&mut findings, &hosts, &command);
    limits::check_limits(&mut findings, &hosts);
    let asked = Asked {
        data_dir,
        is_usual: is_usual(data_dir),
        ports: hosts
            .iter()
            .filter_map(|host| port::of_url(host.url.as_deref()?))
            .collect(),
        port: settings.port,
        command,
    };
    let clients = configurations::check_clients(&mut findings, &asked);
    port::check_port(&mut findings, &asked, clients.over_http);
    stores::check_stores(&mut findings, &asked, &hosts);
    check_claude(&mut findings);
    Ok(findings)
}

/// The store that is asked about, and where its hosts are.
struct Asked<'a> {
    data_dir: &'a DataDir,
    /// Whether it is the one that this person's commands use when none is named.
    is_usual: bool,
    /// Ports that its hosts listen on, the oldest first.
    ports: Vec<u16>,
    /// The port of the settings; 0 for any.
    port: u16,
    /// How commands for it begin.
    command: String,
}

fn is_usual(data_dir: &DataDir) -> bool {
    DataDir::asked(None).is_some_and(|usual| usual.path() == data_dir.path())
}

fn about_settings(read: &Reading, path: &Path) -> Result<String, String> {
    match read.problem(path) {
        Some(problem) => Err(problem),
        None if path.exists() => Ok(format!("{} is valid", path.display())),
        None => Ok("built-in defaults".to_owned()),
    }
}

fn report(findings: &Findings, json: bool) -> ExitCode {
    let has_problem = findings.has_problem();
    output::result(
        json,
        &json!({ "ok": !has_problem, "findings": findings.0 }),
        &findings.told(),
    );
    ExitCode::from(u8::from(has_problem))
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
