//! `plugin`: writes the plugin for Claude Code into a folder.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::{CommandError, Context, output};
use crate::own_command::OwnCommand;
use crate::plugin::{self, NAME};

/// Write the plugin.
#[derive(Debug, Args)]
pub(crate) struct Plugin {
    /// The folder: a new or an empty one, or one with an earlier plugin of this program
    dir: PathBuf,
}

pub(crate) fn run(context: &Context, given: &Plugin) -> Result<ExitCode, CommandError> {
    context.log_quietly();
    let failed = |error: std::io::Error| CommandError::Failed(error.to_string());
    let dir = std::path::absolute(&given.dir).map_err(failed)?;
    let own = OwnCommand::of(&context.options.data_dir).map_err(failed)?;
    let is_changed = plugin::write(&dir, &own)?;
    let done = if is_changed {
        "wrote the plugin to"
    } else {
        "the plugin is up to date in"
    };
    let text = format!(
        "{done} `{0}`\ninstall it with: claude plugin install {NAME} --marketplace {0}\nor try it with: claude --plugin-dir {0}",
        dir.display()
    );
    output::result(
        context.json,
        &json!({ "dir": dir, "changed": is_changed }),
        &text,
    );
    Ok(ExitCode::SUCCESS)
}
