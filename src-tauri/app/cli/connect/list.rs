//! The clients of this machine as a table.

use std::process::ExitCode;

use commonplace_api::Host as _;
use commonplace_api::connections::{Connection, ConnectionState};

use super::{CommandError, Context, output, words};
use crate::client::RemoteHost;
use crate::connections::{Machine, connections};

/// Prints it. A host that runs knows who has called it.
pub(super) fn run(context: &Context, machine: &Machine) -> Result<ExitCode, CommandError> {
    let host = RemoteHost::find(&context.options.data_dir).ok();
    let status = host.and_then(|host| host.status().ok());
    let seen = status.map(|status| status.clients).unwrap_or_default();
    let report = connections(machine, &seen);
    let lines: Vec<String> = report.clients.iter().map(line).collect();
    output::result(context.json, &report, &lines.join("\n"));
    Ok(ExitCode::SUCCESS)
}

fn line(client: &Connection) -> String {
    let mark = match client.state {
        ConnectionState::Connected => "connected",
        ConnectionState::None if client.is_installed => "not connected",
        ConnectionState::None => "not installed",
        _ => "look",
    };
    let last_call = client
        .last_call_ms
        .map(|at_ms| format!("; last call {}", words::local_time(at_ms)));
    format!(
        "{:<19} {:<10} {mark:<14} {}{}",
        client.title,
        client.client,
        client.message,
        last_call.unwrap_or_default()
    )
}
