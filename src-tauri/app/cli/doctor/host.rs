//! Whether a host answers, who was refused there, and whether it is of the version of this program.

use std::sync::Arc;
use std::time::Duration;

use commonplace_api::ProcessState;
use commonplace_api::about::ConnectionsClosed;
use commonplace_api::call;
use commonplace_api::status::OverallState;
use commonplace_engine::{Identity, InstanceRecord, Processes as _};

use super::finding::{Finding, Findings, Verdict};
use crate::client::mcp_client::McpClient;
use crate::client::proved_host::{ProvedHost, silence};
use crate::client::{ClientError, HostClient};
use crate::context::Options;
use crate::system::processes::SystemProcesses;
use crate::tokens::TokenTexts;

/// How long the list of tools may take.
const MCP_TIME_MAX: Duration = Duration::from_secs(5);

pub(super) async fn check_host(
    findings: &mut Findings,
    options: &Options,
    hosts: &[InstanceRecord],
) {
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
    for host in hosts {
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

/// Compares the versions of the hosts with the one of this program.
pub(super) fn check_versions(findings: &mut Findings, hosts: &[InstanceRecord], command: &str) {
    let own = env!("CARGO_PKG_VERSION");
    let found = hosts
        .iter()
        .filter_map(|host| about_version(own, &host.identity, command));
    findings.0.extend(found);
}

fn about_version(own: &str, host: &Identity, command: &str) -> Option<Finding> {
    if host.version == own {
        return None;
    }
    let (pid, version) = (host.pid, &host.version);
    let is = match numbers(version).cmp(&numbers(own)) {
        std::cmp::Ordering::Less => "older than",
        std::cmp::Ordering::Equal => "another one than",
        std::cmp::Ordering::Greater => "newer than",
    };
    let text = format!(
        "the host (pid {pid}, {}) has version {version}, {is} this program, {own}",
        host.role
    );
    Some(Finding::new("version", Verdict::Problem, text).repaired_by(restart(host, is, command)))
}

/// How such a host is replaced. Bridges start one by themselves, of the program that they are.
fn restart(host: &Identity, is: &str, command: &str) -> String {
    let pid = host.pid;
    let end = if cfg!(windows) {
        format!("taskkill /F /PID {pid}")
    } else {
        format!("kill {pid}")
    };
    match (host.role.as_str(), is) {
        (_, "newer than") => {
            format!("update this program; or, to go on with this one: {end}, then {command} serve")
        }
        ("app", _) => {
            "choose Quit in the menu of the tray, and start the application again".to_owned()
        }
        _ => format!("{end}, then {command} serve (bridges start a host by themselves)"),
    }
}

/// The numbers of a version, to be compared.
fn numbers(version: &str) -> Vec<u64> {
    let numbers = version.split(['.', '-', '+']);
    numbers.map_while(|number| number.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::identity::identity;

    #[test]
    fn a_host_of_another_version_is_named_with_the_way_to_replace_it() {
        let host = |version: &str, role: &str| Identity {
            version: version.to_owned(),
            ..identity(role)
        };
        let of = |version: &str, role: &str| {
            about_version("0.10.0", &host(version, role), "commonplace")
        };
        assert!(of("0.10.0", "serve").is_none());
        let pid = std::process::id();
        let older = of("0.9.2", "serve").unwrap();
        assert!(
            older
                .text
                .contains("version 0.9.2, older than this program, 0.10.0"),
            "{older:?}"
        );
        let repair = older.repair.unwrap();
        assert!(
            repair.contains(&pid.to_string()) && repair.contains("commonplace serve"),
            "{repair}"
        );
        assert!(
            of("0.11.0", "app")
                .unwrap()
                .repair
                .unwrap()
                .starts_with("update this program")
        );
        assert!(
            of("0.10.0-beta", "serve")
                .unwrap()
                .text
                .contains("another one than")
        );
        assert!(of("0.9.0", "app").unwrap().repair.unwrap().contains("Quit"));
    }
}
