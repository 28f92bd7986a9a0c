//! `hook`: what Claude Code runs when a session begins, a prompt is sent, a conversation is compacted and a session ends.
//!
//! The memory must never stand in the way of a prompt. Whatever goes wrong, and whatever takes too long, ends with exit
//! code 0 and nothing on stdout; a hook starts no host and waits for none. Why nothing came stands on stderr with
//! `RUST_LOG=debug`.

mod ask;
mod brief;
mod budget;
mod capture;
mod event;
mod frame;
mod input;
mod marks;
mod note;
mod recall;
mod reply;
mod seen;
mod transcript;
mod visits;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use clap::Args;

use super::output;
use crate::paths::DataDir;
use crate::projects::of_client;
use event::Event;
use input::Input;

/// Answer an event of a session: a client runs this, with the event's JSON on stdin.
#[derive(Debug, Args)]
pub(crate) struct Hook {
    /// SessionStart, UserPromptSubmit, PreCompact or SessionEnd; any other event does nothing
    event: String,
    /// Give up after so many milliseconds [default: 300 where a prompt waits, else 1000]
    #[arg(long, value_name = "MS")]
    within_ms: Option<u64>,
    /// What the plugin of a later version may say: an error of usage would keep the prompt from being sent
    #[arg(hide = true, trailing_var_arg = true, allow_hyphen_values = true)]
    ignored: Vec<String>,
}

/// Runs a hook to its end, within its time. The work has a thread of its own, since reading stdin cannot be cut short.
pub(crate) fn run(data_dir: Option<PathBuf>, hook: &Hook) -> ExitCode {
    let Some(event) = Event::named(&hook.event) else {
        return ExitCode::SUCCESS;
    };
    let given = hook.within_ms.map(Duration::from_millis);
    let until = Instant::now() + given.unwrap_or(event.time_max());
    let left = || until.saturating_duration_since(Instant::now());
    let (sender, answers) = mpsc::channel();
    let work = move || work(data_dir, event, &sender);
    if std::thread::Builder::new().spawn(work).is_err() {
        return ExitCode::SUCCESS;
    }
    if let Ok(answer) = answers.recv_timeout(left()) {
        output::line(&answer);
        // The thread notes what was shown; its end closes the channel.
        let _ = answers.recv_timeout(left());
    }
    ExitCode::SUCCESS
}

/// Does what an event asks for, and sends what is to be printed, if anything.
fn work(data_dir: Option<PathBuf>, event: Event, answers: &mpsc::Sender<String>) {
    let level = crate::context::log_variable().map(|(_, level)| level);
    crate::logging::start(Some(level.as_deref().unwrap_or("off")), None);
    if let Err(why) = answer(data_dir, event, answers) {
        tracing::debug!(?event, %why, "nothing to say");
    }
}

/// Err says in words why there is nothing to say.
fn answer(
    data_dir: Option<PathBuf>,
    event: Event,
    answers: &mpsc::Sender<String>,
) -> Result<(), String> {
    let input = Input::read(std::io::stdin().lock())?;
    let data_dir = DataDir::asked(data_dir).ok_or("this user has no home directory")?;
    if !data_dir.path().is_dir() {
        return Err(format!("there is no store `{}`", data_dir.path().display()));
    }
    // Others could hold the token of such a directory.
    crate::system::store_dir::check(data_dir.path()).map_err(|error| error.to_string())?;
    let found = of_client(input.cwd.as_deref().map(Path::new)).project;
    let project = found.map(|found| found.name).unwrap_or_default();
    match event {
        Event::SessionStart => brief::run(&data_dir, &input, &project, answers),
        Event::UserPromptSubmit => recall::run(&data_dir, &input, &project, answers),
        Event::PreCompact => capture::run(&data_dir, &input, &project),
        Event::SessionEnd => {
            let captured = capture::run(&data_dir, &input, &project);
            seen::Seen::forget(&data_dir, &input.session_id)?;
            visits::note(&data_dir, &project, jiff::Timestamp::now().as_millisecond())?;
            captured
        }
    }
}
