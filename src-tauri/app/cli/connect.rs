//! `connect`: make Claude Code use this store.

use std::process::{Command, ExitCode, Stdio};

use clap::Args;
use serde_json::json;

use super::{CommandError, Context, output};
use crate::claude_code::{SERVER, http_arguments, shell_line, stdio_arguments};
use crate::client::serving;

/// Connect a client to this store.
#[derive(Debug, Args)]
pub(crate) struct Connect {
    /// The client
    #[arg(value_enum)]
    client: ClientProgram,
    /// Start a bridge for each client, which knows its project and session and starts a host if none runs [default]
    #[arg(long)]
    stdio: bool,
    /// Connect to the host over HTTP; the client asks this program for the token each time it connects
    #[arg(long, conflicts_with = "stdio")]
    http: bool,
    /// Only print the command
    #[arg(long)]
    print: bool,
    /// Replace an existing entry `memory`
    #[arg(long)]
    replace: bool,
    /// Remove the entry
    #[arg(long, conflicts_with_all = ["stdio", "http", "print", "replace"])]
    remove: bool,
}

/// A client that can be connected.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum ClientProgram {
    /// Claude Code
    Claude,
}

pub(crate) fn run(context: &Context, connect: &Connect) -> Result<ExitCode, CommandError> {
    context.log_quietly();
    let ClientProgram::Claude = connect.client;
    if connect.remove {
        return remove(context);
    }
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

fn remove(context: &Context) -> Result<ExitCode, CommandError> {
    match has_entry() {
        None => Err(CommandError::Failed(
            "Claude Code (`claude`) was not found on the PATH".to_owned(),
        )),
        Some(false) => {
            output::result(
                context.json,
                &json!({ "done": false }),
                &format!("Claude Code has no server called `{SERVER}`"),
            );
            Ok(ExitCode::SUCCESS)
        }
        Some(true) => {
            claude(&remove_arguments())?;
            output::result(
                context.json,
                &json!({ "done": true }),
                &format!("Claude Code no longer has a server called `{SERVER}`"),
            );
            Ok(ExitCode::SUCCESS)
        }
    }
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

/// Claude Code as it is installed: on Windows a script that only the shell starts.
fn program() -> Command {
    #[cfg(windows)]
    {
        let mut command = Command::new("cmd");
        command.args(["/c", "claude"]);
        command
    }
    #[cfg(not(windows))]
    Command::new("claude")
}
