//! `open`: show the dashboard in the browser.

use std::process::ExitCode;

use serde_json::json;

use super::{CommandError, Context, output, small_runtime};
use crate::client::HostClient;

pub(crate) fn run(context: &Context, print: bool) -> Result<ExitCode, CommandError> {
    context.log_quietly();
    let client = HostClient::find(&context.options.data_dir)?;
    let answer = small_runtime()?.block_on(client.post("/api/codes", &json!({})))?;
    let url = answer["url"].as_str().unwrap_or_default().to_owned();
    if print {
        output::result(context.json, &json!({ "url": url }), &url);
        return Ok(ExitCode::SUCCESS);
    }
    match crate::platform::open_in_browser(&url) {
        Ok(()) => output::result(
            context.json,
            &json!({ "opened": true }),
            "the dashboard is open in the browser",
        ),
        Err(error) => {
            output::note(&format!(
                "no browser could be started ({error}); open this address within a minute:"
            ));
            output::result(context.json, &json!({ "opened": false, "url": url }), &url);
        }
    }
    Ok(ExitCode::SUCCESS)
}
