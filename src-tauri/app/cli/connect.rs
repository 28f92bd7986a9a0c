//! `connect`: make Claude Code use this store.

use std::process::{Command, ExitCode, Stdio};

use clap::Args;
use serde_json::json;

use super::{CommandError, Context, output};
use crate::client::serving;
use crate::paths::DataDir;

/// Name of the server in Claude Code: allow-lists written for the Python service name it so.
const SERVER: &str = "memory";

/// How this program is called.
const PROGRAM: &str = "commonplace";

/// Connect a client to this store.
#[derive(Debug, Args)]
pub(crate) struct Connect {
    /// The client
    #[arg(value_enum)]
    client: ClientProgram,
    /// Start a bridge for each client: knows project and session, starts the host by itself. The usual way
    #[arg(long)]
    stdio: bool,
    /// Speak HTTP with the host; the client asks this program for the token each time it connects
    #[arg(long, conflicts_with = "stdio")]
    http: bool,
    /// Only print the command
    #[arg(long)]
    print: bool,
    /// Replace an entry `memory` that is there already
    #[arg(long)]
    replace: bool,
    /// Take the entry away again
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
        "Claude Code uses this store as `{SERVER}`; `claude mcp list` shows it, `commonplace connect claude --remove` takes it away"
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

/// Returns the command that connects Claude Code to a store, for the tray.
#[cfg(feature = "desktop")]
pub(crate) fn line(data_dir: &DataDir) -> String {
    let arguments = stdio_arguments(data_dir);
    // The command finds the program by itself, or says why not.
    arguments.map_or_else(
        |_| format!("{} connect claude", own_command(data_dir)),
        |arguments| shell_line(&arguments),
    )
}

/// What `claude` is told. No token is among it: every user of the machine can read the arguments of a program.
fn arguments(context: &Context, is_http: bool) -> Result<Vec<String>, CommandError> {
    let data_dir = &context.options.data_dir;
    if !is_http {
        return stdio_arguments(data_dir);
    }
    let port = context.settings.port;
    let running = serving(data_dir)
        .into_iter()
        .next()
        .and_then(|host| host.mcp_url);
    let url = running.unwrap_or_else(|| format!("http://127.0.0.1:{port}/mcp"));
    http_arguments(data_dir, &url)
}

/// An entry whose header comes from a command that Claude Code runs whenever it connects.
fn http_arguments(data_dir: &DataDir, url: &str) -> Result<Vec<String>, CommandError> {
    let helper = own(data_dir, &["token", "--header"])?;
    let helper = line_of(&helper[0], &helper[1..]);
    let entry = json!({ "type": "http", "url": url, "headersHelper": helper }).to_string();
    let arguments = ["mcp", "add-json", "--scope", "user", SERVER, &entry];
    Ok(arguments.map(str::to_owned).to_vec())
}

fn stdio_arguments(data_dir: &DataDir) -> Result<Vec<String>, CommandError> {
    let mut arguments = ["mcp", "add", "--scope", "user", SERVER, "--"]
        .map(str::to_owned)
        .to_vec();
    arguments.extend(own(data_dir, &["mcp"])?);
    Ok(arguments)
}

/// A command of this program for this store.
fn own(data_dir: &DataDir, command: &[&str]) -> Result<Vec<String>, CommandError> {
    let program = crate::paths::own_program().map_err(|error| {
        CommandError::Failed(format!("could not find this program's path: {error}"))
    })?;
    let (program, dir) = (program.display(), data_dir.path().display());
    let mut words = vec![
        program.to_string(),
        "--data-dir".to_owned(),
        dir.to_string(),
    ];
    words.extend(command.iter().map(|word| (*word).to_owned()));
    Ok(words)
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

/// Returns how a command for this store begins: the store is named if it is not the usual one.
pub(crate) fn own_command(data_dir: &DataDir) -> String {
    let usual = DataDir::find(None);
    if usual.is_some_and(|usual| usual.path() == data_dir.path()) {
        return PROGRAM.to_owned();
    }
    let dir = data_dir.path().display().to_string();
    line_of(PROGRAM, &["--data-dir".to_owned(), dir])
}

fn shell_line(arguments: &[String]) -> String {
    line_of("claude", arguments)
}

/// Writes a command so that a shell takes it apart as it was.
fn line_of(program: &str, arguments: &[String]) -> String {
    let mut line = program.to_owned();
    for argument in arguments {
        line.push(' ');
        let is_plain = argument
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_./:=,@".contains(c));
        if is_plain && !argument.is_empty() {
            line.push_str(argument);
        } else if cfg!(windows) {
            line.push_str(&format!("\"{}\"", argument.replace('"', "\\\"")));
        } else {
            line.push_str(&format!("'{}'", argument.replace('\'', "'\\''")));
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_names_the_store_if_it_is_not_the_usual_one() {
        let usual = DataDir::find(None);
        assert!(usual.is_none_or(|usual| own_command(&usual) == "commonplace"));
        let other = DataDir::find(Some("/my stores/x".into())).unwrap();
        let quote = if cfg!(windows) { '"' } else { '\'' };
        let dir = other.path().display();
        assert_eq!(
            own_command(&other),
            format!("commonplace --data-dir {quote}{dir}{quote}")
        );
    }

    #[cfg(unix)]
    #[test]
    fn the_printed_command_can_be_pasted() {
        let store = DataDir::find(Some("/my stores/x".into())).unwrap();
        let program = crate::paths::own_program().unwrap();
        let program = program.display();
        assert_eq!(
            shell_line(&stdio_arguments(&store).unwrap()),
            format!(
                "claude mcp add --scope user memory -- {program} --data-dir '/my stores/x' mcp"
            )
        );
        // Two shells take it apart: the one it is pasted into, and the one that Claude Code runs the helper in.
        let line = shell_line(&http_arguments(&store, "http://127.0.0.1:7311/mcp").unwrap());
        let taken = Command::new("sh")
            .args([
                "-c",
                &format!("claude() {{ printf '%s\\n' \"$@\"; }}\n{line}"),
            ])
            .output();
        let taken = String::from_utf8(taken.unwrap().stdout).unwrap();
        let (words, entry) = taken.trim_end().rsplit_once('\n').unwrap();
        assert_eq!(words, "mcp\nadd-json\n--scope\nuser\nmemory");
        let entry: serde_json::Value = serde_json::from_str(entry).unwrap();
        assert_eq!(entry["url"], "http://127.0.0.1:7311/mcp");
        assert_eq!(
            entry["headersHelper"],
            format!("{program} --data-dir '/my stores/x' token --header")
        );
    }
}
