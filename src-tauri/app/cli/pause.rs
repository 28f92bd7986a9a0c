//! `pause` and `resume`: writes stop and continue, with and without a running host.

use std::process::ExitCode;

use commonplace_engine::{PauseRecord, pause_of, pause_writes, resume_writes};
use serde_json::json;

use super::{CommandError, Context, output, words};
use crate::system::identity::person;

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
    let asked = PauseRecord::new(&person("`commonplace pause`"), now_ms);
    let pause = pause_writes(&data_dir.locks(), asked).map_err(failed)?;
    let pause = pause_of(pause);
    let text = format!(
        "writes are paused {pause}; the current batch is finished. `commonplace resume` resumes them"
    );
    output::result(context.json, &json!({ "pause": pause }), &text);
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn resume(context: &Context) -> Result<ExitCode, CommandError> {
    context.log_quietly();
    let ended = resume_writes(&context.options.data_dir.locks()).map_err(failed)?;
    let ended = ended.map(pause_of);
    let text = match &ended {
        Some(pause) => format!("writes are resumed; they were paused {pause}"),
        None => "writes were not paused".to_owned(),
    };
    output::result(context.json, &json!({ "pause": ended }), &text);
    Ok(ExitCode::SUCCESS)
}

fn failed(error: impl std::error::Error) -> CommandError {
    CommandError::Failed(words::with_causes(&error))
}
