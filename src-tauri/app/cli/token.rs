//! `token`: prints a token, or makes new tokens.

use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::{CommandError, Context, output};
use crate::client::{ClientError, serving};
use crate::system::private_file;
use crate::tokens::{TokenFileError, TokenTexts};

/// The variable in which Claude Code names the address that it asks headers for.
const ASKED_FOR: &str = "CLAUDE_CODE_MCP_SERVER_URL";

/// Print the token for MCP, or make new tokens.
#[derive(Debug, Args)]
pub(crate) struct Token {
    /// Print the admin token instead, which allows everything
    #[arg(long)]
    admin: bool,
    /// Make new tokens; the old ones stop working within a second
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
        private_file::make_dir(dir).map_err(TokenFileError::from)?;
        TokenTexts::ensure(dir)?
    };
    if token.header {
        check_asker(context)?;
        output::line(&json!({ "Authorization": format!("Bearer {}", texts.agent) }).to_string());
        return Ok(ExitCode::SUCCESS);
    }
    if token.rotate {
        output::note(
            "new tokens are in use; bridges and `token --header` use them already, other clients need the new one",
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

/// Refuses to print the token for an address where no host of this store listens: another program may have the port.
fn check_asker(context: &Context) -> Result<(), CommandError> {
    let Ok(url) = std::env::var(ASKED_FOR) else {
        return Ok(());
    };
    let hosts = serving(&context.options.data_dir);
    if hosts
        .iter()
        .any(|host| host.mcp_url.as_deref() == Some(&url))
    {
        return Ok(());
    }
    if hosts.is_empty() {
        let store = context.options.data_dir.path().display().to_string();
        return Err(ClientError::NotRunning(store).into());
    }
    Err(CommandError::Failed(format!(
        "no host of this store listens at `{url}`, so its token is not given out for it: connect again with \
         `commonplace connect claude --http --replace`"
    )))
}
