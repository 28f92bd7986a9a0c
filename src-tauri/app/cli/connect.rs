//! `connect`: make a client use this store, and undo it.

mod claude;
mod claude_plugin;
mod claude_program;
mod config_file;

use std::process::ExitCode;

use clap::Args;

use super::{CommandError, Context, is_confirmed, output};
use crate::clients::Client;

/// Connect a client to this store.
#[derive(Debug, Args)]
pub(crate) struct Connect {
    /// The client
    #[arg(value_enum)]
    client: ClientProgram,
    /// Start a bridge for each client, which knows its project and session and starts a host if none runs [default]
    #[arg(long)]
    stdio: bool,
    /// Claude Code only: connect over HTTP; it asks this program for the token each time it connects
    #[arg(long, conflicts_with = "stdio")]
    http: bool,
    /// Claude Code only: install the plugin, which also recalls notes with each prompt; asks first
    #[arg(long, conflicts_with = "http")]
    plugin: bool,
    /// Do not ask before installing the plugin
    #[arg(long, requires = "plugin")]
    yes: bool,
    /// Only print what would be done
    #[arg(long)]
    print: bool,
    /// Replace an existing entry `memory`
    #[arg(long)]
    replace: bool,
    /// Undo it: remove the entry, and the plugin if it is there
    #[arg(long, conflicts_with_all = ["stdio", "http", "replace"])]
    remove: bool,
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
    /// The client with this name that is connected by its configuration; None for Claude Code, which connects itself.
    fn configured(self) -> Option<Client> {
        match self {
            Self::Claude => None,
            Self::Codex => Some(Client::Codex),
            Self::Gemini => Some(Client::Gemini),
            Self::Opencode => Some(Client::OpenCode),
            Self::Qwen => Some(Client::Qwen),
            Self::Cursor => Some(Client::Cursor),
            Self::Vscode => Some(Client::VsCode),
        }
    }
}

pub(crate) fn run(context: &Context, connect: &Connect) -> Result<ExitCode, CommandError> {
    context.log_quietly();
    let Some(client) = connect.client.configured() else {
        return match (connect.plugin, connect.remove) {
            (true, true) => claude_plugin::remove(context, connect.print),
            (true, false) => claude_plugin::install(context, connect),
            (false, true) => claude::remove(context, connect.print),
            (false, false) => claude::connect(context, connect),
        };
    };
    if connect.http || connect.plugin {
        return Err(CommandError::Usage(format!(
            "--http and --plugin are for Claude Code; {} uses the bridge",
            client.title()
        )));
    }
    if connect.remove {
        config_file::remove(context, client, connect.print)
    } else {
        config_file::connect(context, client, connect)
    }
}
