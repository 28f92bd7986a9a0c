//! `connect`: make a client use this store, look at it, check it, and undo it.

mod claude;
mod claude_plugin;
mod configured;
mod list;

use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::{CommandError, Context, is_confirmed, output, words};
use crate::clients::Client;
use crate::connections::{self, Change, Machine, Program};

/// Connect a client to this store.
#[derive(Debug, Args)]
pub(crate) struct Connect {
    /// The client; without it, all are listed with their state
    #[arg(value_enum)]
    client: Option<ClientProgram>,
    /// List the clients: which are installed, and whether each uses this store
    #[arg(long, conflicts_with_all = ["client", "stdio", "http", "plugin", "print", "replace", "remove", "verify"])]
    list: bool,
    /// Start a bridge for each client, which knows its project and session and starts a host if none runs [default]
    #[arg(long, requires = "client")]
    stdio: bool,
    /// Claude Code only: connect over HTTP; it asks this program for the token each time it connects
    #[arg(long, requires = "client", conflicts_with = "stdio")]
    http: bool,
    /// Claude Code only: install the plugin, which also recalls notes with each prompt; asks first
    #[arg(long, requires = "client", conflicts_with = "http")]
    plugin: bool,
    /// Do not ask before installing the plugin
    #[arg(long, requires = "plugin")]
    yes: bool,
    /// Only print what would be done
    #[arg(long, requires = "client")]
    print: bool,
    /// Replace an existing entry `memory`; with --remove, remove one for another store too
    #[arg(long, requires = "client")]
    replace: bool,
    /// Undo it: remove the entry, and the plugin if it is there
    #[arg(long, requires = "client", conflicts_with_all = ["stdio", "http"])]
    remove: bool,
    /// Start the entry as the client does, store a text through it, find it again, and remove it
    #[arg(long, requires = "client", conflicts_with_all = ["stdio", "http", "plugin", "print", "replace", "remove"])]
    verify: bool,
}

/// A client that can be connected.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum ClientProgram {
    /// Claude Code
    Claude,
    /// Codex
    Codex,
    /// Gemini CLI
    Gemini,
    /// OpenCode
    Opencode,
    /// Qwen Code
    Qwen,
    /// Cursor
    Cursor,
    /// Visual Studio Code
    Vscode,
}

impl ClientProgram {
    fn program(self) -> Program {
        match self {
            Self::Claude => Program::Claude,
            Self::Codex => Program::Configured(Client::Codex),
            Self::Gemini => Program::Configured(Client::Gemini),
            Self::Opencode => Program::Configured(Client::OpenCode),
            Self::Qwen => Program::Configured(Client::Qwen),
            Self::Cursor => Program::Configured(Client::Cursor),
            Self::Vscode => Program::Configured(Client::VsCode),
        }
    }
}

pub(crate) fn run(context: &Context, connect: &Connect) -> Result<ExitCode, CommandError> {
    context.log_quietly();
    let machine = Machine::of(&context.options.data_dir)?;
    let Some(client) = connect.client else {
        return list::run(context, &machine);
    };
    let program = client.program();
    if connect.verify {
        return verify(context, &machine, program);
    }
    let Program::Configured(client) = program else {
        return match (connect.plugin, connect.remove) {
            (true, true) => claude_plugin::remove(context, &machine, connect.print),
            (true, false) => claude_plugin::install(context, &machine, connect),
            (false, true) => claude::remove(context, &machine, connect),
            (false, false) => claude::connect(context, &machine, connect),
        };
    };
    if connect.http || connect.plugin {
        return Err(CommandError::Usage(format!(
            "--http and --plugin are for Claude Code; {} uses the bridge",
            client.title()
        )));
    }
    configured::run(context, &machine, client, connect)
}

fn verify(
    context: &Context,
    machine: &Machine,
    program: Program,
) -> Result<ExitCode, CommandError> {
    let verified = connections::verify(machine, program)?;
    let text = connections::stored_and_found(program, &verified);
    let text = format!("{text} ({} ms)", verified.stored_and_found_ms);
    output::result(context.json, &verified, &text);
    Ok(ExitCode::SUCCESS)
}

/// Tells what became of a change.
fn told(context: &Context, change: &Change) -> ExitCode {
    let Change {
        is_done,
        text,
        file,
        backup,
    } = change;
    let kept = backup
        .as_ref()
        .map(|path| format!("\nthe file before: `{}`", path.display()));
    let value = json!({ "done": is_done, "file": file, "backup": backup });
    let text = format!("{text}{}", kept.unwrap_or_default());
    output::result(context.json, &value, &text);
    ExitCode::SUCCESS
}
