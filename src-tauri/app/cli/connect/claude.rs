//! Claude Code as a client: an entry that its own command adds and removes.

use std::process::{ExitCode, Stdio};

use serde_json::json;

use super::claude_program::program;
use super::{CommandError, Connect, Context, claude_plugin, output};
use crate::claude_code::{SERVER, http_arguments, shell_line, stdio_arguments};
use crate::client::serving;

/// Adds the entry with Claude Code's own command.
pub(super) fn connect(context: &Context, connect: &Connect) -> Result<ExitCode, CommandError> {
    let arguments = arguments(context, connect.http)?;
    let line = shell_line(&arguments);
    if connect.print {
        output::result(context.json, &json!({ "command": line }), &line);
        return Ok(ExitCode::SUCCESS);
    }
    let Some(has_entry) = has_entry() else {
        output::note("Claude Code (`claude`) was not found on the PATH; run this where it is:");
        output::result(
            context.json,
            &json!({ "command": line, "done": false }),
            &line,
        );
        return Ok(ExitCode::SUCCESS);
    };
    if has_entry && !connect.replace {
        return Err(CommandError::Failed(format!(
            "Claude Code already has a server called `{SERVER}` (see `claude mcp get {SERVER}`): \
             give --replace to replace it; nothing was changed"
        )));
    }
    if has_entry {
        claude(&remove_arguments())?;
    }
    claude(&arguments)?;
    let text = format!(
        "Claude Code uses this store as `{SERVER}`; `claude mcp list` shows it, `commonplace connect claude --remove` removes it"
    );
    output::result(
        context.json,
        &json!({ "done": true, "server": SERVER }),
        &text,
    );
    Ok(ExitCode::SUCCESS)
}

/// Removes the entry and the plugin; says which of both was there.
pub(super) fn remove(context: &Context, is_only_printed: bool) -> Result<ExitCode, CommandError> {
    let had_entry = has_entry();
    if is_only_printed {
        let line = shell_line(&remove_arguments());
        output::result(context.json, &json!({ "command": line }), &line);
        return claude_plugin::remove(context, true);
    }
    let had_plugin = claude_plugin::take_out()?;
    match had_entry {
        Some(true) => claude(&remove_arguments())?,
        None if !had_plugin => {
            return Err(CommandError::Failed(
                "Claude Code (`claude`) was not found on the PATH".to_owned(),
            ));
        }
        _ => {}
    }
    let had_entry = had_entry == Some(true);
    let text = match (had_entry, had_plugin) {
        (true, true) => format!("Claude Code no longer has the server `{SERVER}` and the plugin"),
        (true, false) => format!("Claude Code no longer has a server called `{SERVER}`"),
        (false, true) => "Claude Code no longer has the plugin".to_owned(),
        (false, false) => format!("Claude Code has no server called `{SERVER}`, and no plugin"),
    };
    output::result(
        context.json,
        &json!({ "done": had_entry || had_plugin }),
        &text,
    );
    Ok(ExitCode::SUCCESS)
}

/// The arguments of `claude`. No token is among it: every user of the machine can read the arguments of a program.
fn arguments(context: &Context, is_http: bool) -> Result<Vec<String>, CommandError> {
    let data_dir = &context.options.data_dir;
    let failed =
        |error| CommandError::Failed(format!("could not find this program's path: {error}"));
    if !is_http {
        return stdio_arguments(data_dir).map_err(failed);
    }
    let port = context.settings.port;
    let running = serving(data_dir)
        .into_iter()
        .next()
        .and_then(|host| host.mcp_url);
    let url = running.unwrap_or_else(|| format!("http://127.0.0.1:{port}/mcp"));
    http_arguments(data_dir, &url).map_err(failed)
}

fn remove_arguments() -> Vec<String> {
    ["mcp", "remove", "--scope", "user", SERVER]
        .map(str::to_owned)
        .to_vec()
}

/// Says whether Claude Code has our entry; None if there is no Claude Code.
fn has_entry() -> Option<bool> {
    let found = program()
        .args(["mcp", "get", SERVER])
        .stdin(Stdio::null())
        .output()
        .ok()?;
    Some(found.status.success())
}

fn claude(arguments: &[String]) -> Result<(), CommandError> {
    let done = program()
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| CommandError::Failed(format!("could not start `claude`: {error}")))?;
    if done.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(if done.stderr.is_empty() {
        &done.stdout
    } else {
        &done.stderr
    })
    .into_owned();
    Err(CommandError::Failed(format!(
        "`claude mcp` failed ({}): {}",
        done.status,
        said.trim()
    )))
}
