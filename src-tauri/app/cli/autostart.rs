//! `autostart`: whether the program starts at login.

use std::process::ExitCode;

use clap::{Args, ValueEnum};
use commonplace_http::StartAtLogin as _;
use serde_json::json;

use super::{CommandError, Context, output};
use crate::autostart::LoginEntry;

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Action {
    /// Start at login
    On,
    /// Do not start at login
    Off,
    /// Only show which it is
    Status,
}

/// Show or change whether the program starts at login.
#[derive(Debug, Args)]
pub(crate) struct AutostartCommand {
    #[arg(value_enum, default_value = "status")]
    action: Action,
}

pub(crate) fn run(context: &Context, command: &AutostartCommand) -> Result<ExitCode, CommandError> {
    context.log_quietly();
    let login = LoginEntry::of(&context.options.data_dir);
    let asked = match command.action {
        Action::On => login.set(true),
        Action::Off => login.set(false),
        Action::Status => login.status(),
    };
    let status = asked.map_err(|error| CommandError::Failed(error.to_string()))?;
    let text = if status.start_at_login {
        format!("commonplace starts at login ({})", status.place)
    } else {
        "commonplace does not start at login".to_owned()
    };
    output::result(context.json, &json!(status), &text);
    Ok(ExitCode::SUCCESS)
}
