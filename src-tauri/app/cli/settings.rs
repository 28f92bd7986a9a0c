//! `settings`: what is set, where it comes from, and how to change it.
//!
//! A running host is asked, because it knows what is in force there; without one the file is read and changed here.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use commonplace_http::ControlError;
use serde_json::{Value, json};

use super::{CommandError, Context, log_variable, output, small_runtime};
use crate::client::{ClientError, HostClient};
use crate::settings::{Changes, Fixed, SettingsFile};

/// Show the settings, or change them.
#[derive(Debug, Args)]
pub(crate) struct SettingsCommand {
    #[command(subcommand)]
    change: Option<Change>,
}

#[derive(Debug, Subcommand)]
enum Change {
    /// Set a value and keep it in settings.toml
    Set {
        /// The setting, such as `workers`
        key: String,
        /// Its value
        #[arg(allow_negative_numbers = true)]
        value: String,
    },
    /// Go back to the default
    Reset {
        /// The setting, or a key in the file that is none
        #[arg(required_unless_present = "all")]
        key: Option<String>,
        /// All settings: sets the file aside, whatever is in it, and begins with the defaults
        #[arg(long, conflicts_with = "key")]
        all: bool,
    },
}

pub(crate) fn run(context: &Context, command: SettingsCommand) -> Result<ExitCode, CommandError> {
    context.log_quietly();
    let changes = match command.change {
        None => Vec::new(),
        Some(Change::Set { key, value }) => vec![(key, Some(parsed(&value)))],
        Some(Change::Reset { all: true, .. }) => return begin_anew(context),
        Some(Change::Reset { key, .. }) => key.map(|key| (key, None)).into_iter().collect(),
    };
    let status = match HostClient::find(&context.options.data_dir) {
        Ok(host) => small_runtime()?.block_on(ask(&host, &changes))?,
        Err(error) if error.is_without_host() => alone(context, &changes)?,
        Err(error) => return Err(error.into()),
    };
    output::result(context.json, &status, &table(&status));
    Ok(ExitCode::SUCCESS)
}

/// Puts the defaults in the place of the file; a running host sees that by itself.
fn begin_anew(context: &Context) -> Result<ExitCode, CommandError> {
    let file = SettingsFile::new(&context.options.data_dir, &context.settings, Vec::new());
    let aside = file
        .begin_anew()
        .map_err(|error| CommandError::Failed(error.to_string()))?;
    let text = match &aside {
        Some(aside) => format!(
            "all settings have their defaults; what was there is kept as {}",
            aside.display()
        ),
        None => "all settings have their defaults; there was no file".to_owned(),
    };
    output::result(context.json, &json!({ "kept_as": aside }), &text);
    Ok(ExitCode::SUCCESS)
}

/// Reads a value as the file would: a number, true or false, else a word.
fn parsed(text: &str) -> Value {
    match serde_json::from_str(text) {
        Ok(value @ (Value::Number(_) | Value::Bool(_))) => value,
        _ => Value::String(text.to_owned()),
    }
}

async fn ask(host: &HostClient, changes: &Changes) -> Result<Value, CommandError> {
    let path = "/api/settings";
    if changes.is_empty() {
        return Ok(host.get(path).await?);
    }
    let body: serde_json::Map<String, Value> = changes
        .iter()
        .map(|(key, value)| (key.clone(), json!(value)))
        .collect();
    match host.patch(path, &Value::Object(body)).await {
        Err(ClientError::Refused { status, text, .. }) if text.contains("\"error\"") => {
            Err(refused(status, &text))
        }
        answer => Ok(answer?),
    }
}

fn refused(status: u16, text: &str) -> CommandError {
    let answer: Value = serde_json::from_str(text).unwrap_or_default();
    let said = answer["error"]["message"].as_str().unwrap_or(text);
    match status {
        422 => CommandError::Usage(said.to_owned()),
        _ => CommandError::Failed(said.to_owned()),
    }
}

fn alone(context: &Context, changes: &Changes) -> Result<Value, CommandError> {
    let fixed = Fixed::list(&context.options, log_variable());
    let file = SettingsFile::new(&context.options.data_dir, &context.settings, fixed);
    if changes.is_empty() {
        return Ok(json!(file.status()));
    }
    let kept = file.change(changes).map_err(|error| match error {
        ControlError::BadSetting(text) => CommandError::Usage(text),
        ControlError::Overridden(text)
        | ControlError::Busy(text)
        | ControlError::NotSafe(text)
        | ControlError::Failed(text) => CommandError::Failed(text),
    })?;
    let fixed = Fixed::list(&context.options, log_variable());
    let after = SettingsFile::new(&context.options.data_dir, &kept, fixed);
    Ok(json!(after.status()))
}

/// Lays the settings out for a terminal.
fn table(status: &Value) -> String {
    let mut lines = vec![format!(
        "{:<17} {:<12} {:<10} {:<34} from",
        "setting", "value", "default", "may be"
    )];
    for row in status["settings"].as_array().into_iter().flatten() {
        lines.push(line(row));
    }
    lines.push(format!("kept in {}", shown(&status["path"])));
    if let Some(problem) = status["problem"].as_str() {
        lines.push(format!("NOT ALL IN USE: {problem}"));
    }
    lines.join("\n")
}

fn line(row: &Value) -> String {
    let unit = row["unit"]
        .as_str()
        .filter(|_| row["value"].is_number())
        .unwrap_or("");
    let next = match &row["next"] {
        Value::Null => String::new(),
        next => format!(", {} at the next start", shown(next)),
    };
    format!(
        "{:<17} {:<12} {:<10} {:<34} {}{next}",
        shown(&row["key"]),
        format!("{} {unit}", shown(&row["value"])).trim_end(),
        shown(&row["default"]),
        shown(&row["range"]),
        shown(&row["source"])
    )
}

/// Writes a value without the quotes of JSON; an empty text as `-`.
fn shown(value: &Value) -> String {
    match value.as_str() {
        Some("") => "-".to_owned(),
        Some(text) => output::one_line(text, 200),
        None => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_read_as_a_table() {
        let status = json!({ "path": "/s/settings.toml", "problem": null, "settings": [
            { "key": "workers", "value": "auto", "default": 4, "range": "between 1 and 32, or \"auto\"",
              "unit": "threads", "source": "settings.toml", "next": null },
            { "key": "port", "value": 7311, "default": 7311, "range": "between 0 and 65535", "unit": null,
              "source": "default", "next": 9 },
        ]});
        let expected = "\
setting           value        default    may be                             from
workers           auto         4          between 1 and 32, or \"auto\"        settings.toml
port              7311         7311       between 0 and 65535                default, 9 at the next start
kept in /s/settings.toml";
        assert_eq!(table(&status), expected);
    }

    #[test]
    fn a_value_is_a_number_where_it_looks_like_one() {
        assert_eq!(parsed("8"), json!(8));
        assert_eq!(parsed("false"), json!(false));
        assert_eq!(parsed("auto"), json!("auto"));
        assert_eq!(parsed("[1]"), json!("[1]"));
    }
}
