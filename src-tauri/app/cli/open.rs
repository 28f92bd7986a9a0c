//! `open`: show the dashboard in the browser.

use std::io::IsTerminal as _;
use std::process::ExitCode;

use commonplace_api::Host as _;
use serde_json::json;

use super::{CommandError, Context, output};
use crate::client::RemoteHost;
use crate::host::opening;

/// What to do where the browser may not read the page that leads to the dashboard.
const SANDBOXED: &str = "if it says that it cannot read a file, it has no access to the store directory, as is usual for a browser \
     installed as a snap: use `commonplace open --print`";

pub(crate) fn run(context: &Context, print: bool) -> Result<ExitCode, CommandError> {
    context.log_quietly();
    if print && !may_print(context) {
        return Err(CommandError::Usage(
            "the address gives access to the dashboard, and is printed to a terminal only: as an argument of a program, other \
             users could read it; run `commonplace open` without --print, or with --json for a program that keeps it private"
                .to_owned(),
        ));
    }
    let url = RemoteHost::find(&context.options.data_dir)?
        .page_address()?
        .url;
    if print {
        output::result(context.json, &json!({ "url": url }), &url);
        return Ok(ExitCode::SUCCESS);
    }
    open(context, &url)
}

fn may_print(context: &Context) -> bool {
    context.json || std::io::stdout().is_terminal()
}

/// Gives the browser a page that leads to `url`: the address itself must not stand among its arguments.
fn open(context: &Context, url: &str) -> Result<ExitCode, CommandError> {
    let page = opening::write_page(&context.options.data_dir, url)
        .map_err(|error| CommandError::Failed(error.to_string()))?;
    crate::system::platform::open_in_browser(&page).map_err(|error| {
        CommandError::Failed(format!(
            "no browser could be started ({error}); `commonplace open --print` prints the address for one that you start yourself"
        ))
    })?;
    output::result(
        context.json,
        &json!({ "opened": true }),
        &format!("the dashboard opens in the browser; {SANDBOXED}"),
    );
    Ok(ExitCode::SUCCESS)
}
