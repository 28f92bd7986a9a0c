//! `pause` and `resume`: writes stop and go on, with and without a running host.

use std::process::ExitCode;

use commonplace_engine::{PauseRecord, pause_of, pause_writes, resume_writes};
use serde_json::json;

use super::{CommandError, Context, output};

pub(crate) fn pause(context: &Context) -> Result<ExitCode, CommandError> {
    context.log_quietly();
    let data_dir = &context.options.data_dir;
    if !data_dir.locks().is_dir() {
        return Err(CommandError::Usage(format!(
            "there is no store in `{}`: nothing to pause",
            data_dir.path().display()
        )));
    }
    let now_ms = jiff::Timestamp::now().as_millisecond();
    let asked = PauseRecord::new(&who("`commonplace pause`"), now_ms);
    let pause = pause_writes(&data_dir.locks(), asked).map_err(failed)?;
    let pause = pause_of(pause);
    let text = format!(
        "writes are paused {pause}; a batch under way is finished. `commonplace resume` lets writes go on"
    );
    output::result(context.json, &json!({ "pause": pause }), &text);
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn resume(context: &Context) -> Result<ExitCode, CommandError> {
    context.log_quietly();
    let ended = resume_writes(&context.options.data_dir.locks()).map_err(failed)?;
    let ended = ended.map(pause_of);
    let text = match &ended {
        Some(pause) => format!("writes go on; they were paused {pause}"),
        None => "writes were not paused".to_owned(),
    };
    output::result(context.json, &json!({ "pause": ended }), &text);
    Ok(ExitCode::SUCCESS)
}

fn failed(error: impl std::error::Error) -> CommandError {
    CommandError::Failed(output::with_causes(&error))
}

/// Names the person and the means, for those whose writes wait.
pub(crate) fn who(means: &str) -> String {
    let user = ["USER", "USERNAME"]
        .iter()
        .find_map(|name| std::env::var(name).ok())
        .unwrap_or_else(|| "somebody".to_owned());
    let host = crate::identity::host_name();
    format!("{user} on {host} ({means})")
}
