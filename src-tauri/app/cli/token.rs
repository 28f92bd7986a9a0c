//! `token`: print a token, or make new ones.

use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::{CommandError, Context, output};
use crate::tokens::TokenTexts;

/// Print the token that opens MCP, or make new ones.
#[derive(Debug, Args)]
pub(crate) struct Token {
    /// Print the token that opens everything instead
    #[arg(long)]
    admin: bool,
    /// Make new tokens; the old ones end within a second, and clients must be connected again
    #[arg(long)]
    rotate: bool,
    /// Print a JSON object with the Authorization header, for Claude Code's `headersHelper`
    #[arg(long, conflicts_with_all = ["admin", "rotate"])]
    header: bool,
}

pub(crate) fn run(context: &Context, token: Token) -> Result<ExitCode, CommandError> {
    let dir = context.options.data_dir.path();
    let texts = if token.rotate {
        TokenTexts::rotate(dir)?
    } else {
        crate::platform::make_private_dir(dir).map_err(|error| {
            CommandError::Failed(format!("could not make `{}`: {error}", dir.display()))
        })?;
        TokenTexts::ensure(dir)?
    };
    if token.header {
        output::line(&json!({ "Authorization": format!("Bearer {}", texts.agent) }).to_string());
        return Ok(ExitCode::SUCCESS);
    }
    if token.rotate {
        output::note(
            "new tokens are in use; connect clients again with `commonplace connect claude --replace`",
        );
    }
    let (name, text) = if token.admin {
        ("admin", texts.admin)
    } else {
        ("agent", texts.agent)
    };
    output::result(context.json, &json!({ "kind": name, "token": text }), &text);
    Ok(ExitCode::SUCCESS)
}
