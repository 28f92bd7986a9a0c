//! Claude Code: prints its own command, or runs it.

use std::process::ExitCode;

use serde_json::json;

use super::{CommandError, Connect, Context, claude_plugin, output, told};
use crate::claude_code::own_command;
use crate::client::serving;
use crate::connections::{ConnectError, Machine, claude};
use crate::system::port_owner::listener;

/// Adds the entry.
pub(super) fn connect(
    context: &Context,
    machine: &Machine,
    connect: &Connect,
) -> Result<ExitCode, CommandError> {
    let url = connect.http.then(|| url(context));
    if connect.print {
        let line = claude::line(machine, url.as_deref());
        output::result(context.json, &json!({ "command": line }), &line);
        return Ok(ExitCode::SUCCESS);
    }
    match claude::connect(machine, url.as_deref(), connect.replace) {
        Ok(change) => Ok(told(context, &change)),
        Err(ConnectError::NoClaude { line }) => {
            output::note("Claude Code (`claude`) was not found on the PATH; run this where it is:");
            let value = json!({ "command": line, "done": false });
            output::result(context.json, &value, &line);
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => Err(error.into()),
    }
}

/// Removes the entry and the plugin.
pub(super) fn remove(
    context: &Context,
    machine: &Machine,
    connect: &Connect,
) -> Result<ExitCode, CommandError> {
    if connect.print {
        let line = claude::removing_line();
        output::result(context.json, &json!({ "command": line }), &line);
        return claude_plugin::remove(context, machine, true);
    }
    Ok(told(context, &claude::remove(machine, connect.replace)?))
}

/// Where a host serves MCP, or will.
fn url(context: &Context) -> String {
    let running = serving(&context.options.data_dir).into_iter().next();
    let running = running.and_then(|host| host.mcp_url);
    if let Some(url) = running {
        return url;
    }
    let port = context.settings.port;
    if let Some(owner) = listener(port) {
        output::note(&format!(
            "warning: no host of this store listens on port {port}, which is that of another program, {owner}: the entry would \
             lead there; start a host of this store on a port of its own (`{} settings set port N`), then do this again",
            own_command(&context.options.data_dir)
        ));
    }
    format!("http://127.0.0.1:{port}/mcp")
}
