//! `autostart`: whether a login starts the program.

use std::process::ExitCode;

use clap::{Args, ValueEnum};
use commonplace_http::StartAtLogin as _;
use serde_json::json;

use super::{CommandError, Context, output};
use crate::autostart::LoginEntry;

/// What is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Wish {
    /// Start at login
    On,
    /// Do not start at login
    Off,
    /// Only say which it is
    Status,
}

/// Start at login, or not.
#[derive(Debug, Args)]
pub(crate) struct AutostartCommand {
    #[arg(value_enum, default_value = "status")]
    wish: Wish,
}

pub(crate) fn run(context: &Context, command: &AutostartCommand) -> Result<ExitCode, CommandError> {
    context.log_quietly();
    let login = LoginEntry::of(&context.options.data_dir);
    let asked = match command.wish {
        Wish::On => login.set(true),
        Wish::Off => login.set(false),
        Wish::Status => login.status(),
    };
    let status = asked.map_err(|error| CommandError::Failed(error.to_string()))?;
    let text = if status.start_at_login {
        format!("a login starts commonplace ({})", status.place)
    } else {
        "a login does not start commonplace".to_owned()
    };
    output::result(context.json, &json!(status), &text);
    Ok(ExitCode::SUCCESS)
}
