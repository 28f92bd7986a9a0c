//! `settings`: what is set, where it comes from, and how to change it.
//!
//! A running host is asked, because it knows what is in force there; without one the file is read and changed here.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use commonplace_api::Host as _;
use commonplace_api::settings::{SettingStatus, SettingsChange, SettingsReport};
use serde_json::{Value, json};

use super::{CommandError, Context, output, words};
use crate::client::RemoteHost;
use crate::settings::{Fixed, SettingsFile};

/// Show or change the settings.
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
    /// Reset to the default
    Reset {
        /// The setting, or an unknown key in the file
        #[arg(required_unless_present = "all")]
        key: Option<String>,
        /// All settings: sets the file aside, whatever is in it, and starts with the defaults
        #[arg(long, conflicts_with = "key")]
        all: bool,
    },
}

pub(crate) fn run(context: &Context, command: SettingsCommand) -> Result<ExitCode, CommandError> {
    context.log_quietly();
    let change = match command.change {
        None => None,
        Some(Change::Set { key, value }) => Some((key, parsed(&value))),
        Some(Change::Reset { all: true, .. }) => return reset_all(context),
        Some(Change::Reset { key, .. }) => key.map(|key| (key, Value::Null)),
    };
    let change = change.map(|change| SettingsChange([change].into_iter().collect()));
    let report = match RemoteHost::find(&context.options.data_dir) {
        Ok(host) => match &change {
            Some(change) => host.change_settings(change)?,
            None => host.settings()?,
        },
        Err(error) if error.is_without_host() => alone(context, change.as_ref())?,
        Err(error) => return Err(error.into()),
    };
    output::result(context.json, &report, &table(&report));
    Ok(ExitCode::SUCCESS)
}

/// Puts the defaults in the place of the file; a running host sees that by itself.
fn reset_all(context: &Context) -> Result<ExitCode, CommandError> {
    let file = SettingsFile::new(&context.options.data_dir, &context.settings, Vec::new());
    let aside = file.reset_all()?;
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

fn alone(
    context: &Context,
    change: Option<&SettingsChange>,
) -> Result<SettingsReport, CommandError> {
    let file = |settings| {
        let fixed = Fixed::list(&context.options);
        SettingsFile::new(&context.options.data_dir, settings, fixed)
    };
    let now = file(&context.settings);
    match change {
        Some(change) => Ok(file(&now.change(change)?).status()),
        None => Ok(now.status()),
    }
}

/// Lays the settings out for a terminal.
fn table(report: &SettingsReport) -> String {
    let mut lines = vec![format!(
        "{:<17} {:<12} {:<10} {:<34} from",
        "setting", "value", "default", "may be"
    )];
    lines.extend(report.settings.iter().map(line));
    lines.push(format!("kept in {}", words::one_line(&report.path, 200)));
    if let Some(problem) = &report.problem {
        lines.push(format!("NOT ALL IN USE: {problem}"));
    }
    lines.join("\n")
}

fn line(row: &SettingStatus) -> String {
    let unit = row.unit.as_deref().filter(|_| row.value.is_number());
    let next = match &row.next {
        Some(next) => format!(", {} at the next start", shown(next)),
        None => String::new(),
    };
    format!(
        "{:<17} {:<12} {:<10} {:<34} {}{next}",
        row.key,
        format!("{} {}", shown(&row.value), unit.unwrap_or_default()).trim_end(),
        shown(&row.default),
        row.range,
        row.source
    )
}

/// Writes a value without the quotes of JSON; an empty text as `-`.
fn shown(value: &Value) -> String {
    match value.as_str() {
        Some("") => "-".to_owned(),
        Some(text) => words::one_line(text, 200),
        None => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use commonplace_api::settings::Setting;

    use super::*;

    #[test]
    fn settings_read_as_a_table() {
        let row = |key: &str, value: Value, source: &str, next| {
            let setting = Setting::find(key).unwrap();
            SettingStatus {
                key: key.to_owned(),
                title: setting.title.to_owned(),
                value,
                default: setting.default_value(),
                domain: setting.domain.clone(),
                range: setting.domain.to_string(),
                unit: setting.unit.map(str::to_owned),
                about: setting.about.to_owned(),
                source: source.to_owned(),
                is_fixed: false,
                is_live: setting.is_live,
                next,
            }
        };
        let report = SettingsReport {
            path: "/s/settings.toml".to_owned(),
            problem: None,
            settings: vec![
                row("workers", json!("auto"), "settings.toml", None),
                row("port", json!(7311), "default", Some(json!(9))),
            ],
        };
        let expected = "\
setting           value        default    may be                             from
workers           auto         4          between 1 and 32, or \"auto\"        settings.toml
port              7311         7311       between 0 and 65535                default, 9 at the next start
kept in /s/settings.toml";
        assert_eq!(table(&report), expected);
    }

    #[test]
    fn a_value_is_a_number_where_it_looks_like_one() {
        assert_eq!(parsed("8"), json!(8));
        assert_eq!(parsed("false"), json!(false));
        assert_eq!(parsed("auto"), json!("auto"));
        assert_eq!(parsed("[1]"), json!("[1]"));
    }
}
