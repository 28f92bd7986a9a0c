//! `autostart`: whether a login starts the program.

use std::process::ExitCode;

use clap::{Args, ValueEnum};
use serde_json::json;

use super::{CommandError, Context, output};
use crate::autostart::Autostart;

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
    let autostart = Autostart::of(&context.options.data_dir).ok_or_else(|| {
        CommandError::Failed("this user has no home directory, so no login starts anything".into())
    })?;
    let failed = |error: std::io::Error| {
        CommandError::Failed(format!("could not use `{}`: {error}", autostart.place()))
    };
    if command.wish != Wish::Status {
        autostart.set(command.wish == Wish::On).map_err(failed)?;
    }
    let is_on = autostart.is_on().map_err(failed)?;
    let text = if is_on {
        format!("a login starts commonplace ({})", autostart.place())
    } else {
        "a login does not start commonplace".to_owned()
    };
    let answer = json!({ "start_at_login": is_on, "place": autostart.place() });
    output::result(context.json, &answer, &text);
    Ok(ExitCode::SUCCESS)
}
