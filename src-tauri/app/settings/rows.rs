//! Every setting with its range, for people and programs.

use std::collections::BTreeSet;

use commonplace_api::settings::WorkerCount;
use commonplace_http::SettingStatus;
use serde_json::{Value, json};

use super::{Settings, TEMPLATE};
use crate::compose::Options;

/// What is known of a setting beside its value.
pub(super) struct Spec {
    pub(super) key: &'static str,
    pub(super) range: &'static str,
    unit: Option<&'static str>,
    /// Whether a change takes effect at once.
    is_live: bool,
    pub(super) value: fn(&Settings) -> Value,
}

/// The settings, in the order of the template.
pub(super) const SPECS: &[Spec] = &[
    Spec {
        key: "port",
        range: "between 0 and 65535",
        unit: None,
        is_live: false,
        value: |settings| json!(settings.port),
    },
    Spec {
        key: "log",
        range: "error, warn, info, debug or trace",
        unit: None,
        is_live: false,
        value: |settings| json!(settings.log.as_deref().unwrap_or("info")),
    },
    Spec {
        key: "model_dir",
        range: "a directory",
        unit: None,
        is_live: false,
        value: |settings| json!(settings.model_dir.clone().unwrap_or_default()),
    },
    Spec {
        key: "write_deadline_s",
        range: "between 1 and 50",
        unit: Some("s"),
        is_live: true,
        value: |settings| json!(settings.limits.write_deadline.as_secs()),
    },
    Spec {
        key: "slow_hold_ms",
        range: "between 1 and 60000",
        unit: Some("ms"),
        is_live: true,
        value: |settings| json!(settings.limits.slow_hold.as_millis() as u64),
    },
    Spec {
        key: "slow_wait_ms",
        range: "between 1 and 60000",
        unit: Some("ms"),
        is_live: true,
        value: |settings| json!(settings.limits.slow_wait.as_millis() as u64),
    },
    Spec {
        key: "queue_length",
        range: "between 1 and 100000",
        unit: Some("writes"),
        is_live: true,
        value: |settings| json!(settings.limits.queue_len_max),
    },
    Spec {
        key: "workers",
        range: "between 1 and 32, or \"auto\"",
        unit: Some("threads"),
        is_live: true,
        value: |settings| match settings.limits.workers {
            WorkerCount::Fixed(count) => json!(count),
            WorkerCount::Auto => json!("auto"),
        },
    },
    Spec {
        key: "redact_secrets",
        range: "true or false",
        unit: None,
        is_live: true,
        value: |settings| json!(settings.redact_secrets),
    },
    Spec {
        key: "backups_kept",
        range: "between 1 and 1000",
        unit: Some("backups"),
        is_live: true,
        value: |settings| json!(settings.limits.backups_kept),
    },
    Spec {
        key: "history_days",
        range: "between 1 and 7",
        unit: Some("days"),
        is_live: true,
        value: |settings| json!(settings.limits.history_days),
    },
];

/// Finds a setting by its key.
pub(super) fn spec(key: &str) -> Option<&'static Spec> {
    SPECS.iter().find(|spec| spec.key == key)
}

/// A value of a flag or variable, which wins over the file.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Fixed {
    pub(super) key: &'static str,
    value: Value,
    /// The flag or variable.
    pub(super) source: String,
}

impl Fixed {
    /// Lists what the command line and the environment say. `log_variable` names the variable that sets the log level.
    pub(crate) fn list(options: &Options, log_variable: Option<(&str, String)>) -> Vec<Self> {
        let named = |key, value: Value, text: &str, variable: &str, flag: &str| {
            let is_variable = std::env::var(variable).is_ok_and(|set| set == text);
            let source = if is_variable { variable } else { flag };
            Self {
                key,
                value,
                source: source.to_owned(),
            }
        };
        let port = options.port.map(|port| {
            let text = port.to_string();
            named("port", json!(port), &text, "COMMONPLACE_PORT", "--port")
        });
        let model_dir = options.model_dir.as_ref().map(|dir| {
            let text = dir.display().to_string();
            let (variable, flag) = ("COMMONPLACE_MODEL_DIR", "--model-dir");
            named("model_dir", json!(text), &text, variable, flag)
        });
        let log = log_variable.map(|(variable, level)| Self {
            key: "log",
            value: json!(level),
            source: variable.to_owned(),
        });
        [port, log, model_dir].into_iter().flatten().collect()
    }
}

/// What a host or a command knows of its settings.
pub(super) struct Known<'a> {
    /// The values of the file and the defaults that are in use.
    pub(super) in_force: &'a Settings,
    /// Those that will be in use after the next start.
    pub(super) kept: &'a Settings,
    /// Keys that the file has.
    pub(super) in_file: &'a BTreeSet<String>,
    pub(super) fixed: &'a [Fixed],
}

/// Lays every setting out.
pub(super) fn rows(known: &Known<'_>) -> Vec<SettingStatus> {
    SPECS.iter().map(|spec| row(spec, known)).collect()
}

fn row(spec: &Spec, known: &Known<'_>) -> SettingStatus {
    let fixed = known.fixed.iter().find(|fixed| fixed.key == spec.key);
    let in_force = (spec.value)(known.in_force);
    let kept = (spec.value)(known.kept);
    let source = match fixed {
        Some(fixed) => fixed.source.as_str(),
        None if known.in_file.contains(spec.key) => "settings.toml",
        None => "default",
    };
    SettingStatus {
        key: spec.key.to_owned(),
        next: (fixed.is_none() && kept != in_force).then_some(kept),
        value: fixed.map_or(in_force, |fixed| fixed.value.clone()),
        default: (spec.value)(&Settings::default()),
        range: spec.range.to_owned(),
        unit: spec.unit.map(str::to_owned),
        about: about(spec.key),
        source: source.to_owned(),
        is_fixed: fixed.is_some(),
        is_live: spec.is_live,
    }
}

/// Returns the words of the template above a key.
fn about(key: &str) -> String {
    let shown = format!("# {key} = ");
    let paragraph = TEMPLATE
        .split("\n\n")
        .find(|paragraph| paragraph.lines().any(|line| line.starts_with(&shown)));
    let words: Vec<&str> = paragraph
        .unwrap_or_default()
        .lines()
        .take_while(|line| !line.starts_with(&shown))
        .map(|line| line.trim_start_matches("# "))
        .collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, fixed: &[Fixed]) -> Vec<SettingStatus> {
        let kept = super::super::Reading::of(text, &Settings::default()).settings;
        let table: toml::Table = text.parse().unwrap();
        rows(&Known {
            in_force: &Settings::default(),
            kept: &kept,
            in_file: &table.keys().cloned().collect(),
            fixed,
        })
    }

    #[test]
    fn every_setting_has_words_and_a_default() {
        for row in shown("", &[]) {
            assert!(
                row.about.ends_with('.') || row.about.contains(':'),
                "{}: {}",
                row.key,
                row.about
            );
            assert_eq!((row.value, row.source.as_str()), (row.default, "default"));
            assert_eq!(row.next, None);
        }
    }

    #[test]
    fn a_flag_wins_over_the_file_and_says_so() {
        let fixed = [Fixed {
            key: "port",
            value: json!(9),
            source: "--port".to_owned(),
        }];
        let rows = shown("port = 8\nredact_secrets = false", &fixed);
        let row = |key: &str| rows.iter().find(|row| row.key == key).unwrap();
        let port = row("port");
        assert_eq!((&port.value, port.source.as_str()), (&json!(9), "--port"));
        assert!(port.is_fixed && port.next.is_none());
        let redact = row("redact_secrets");
        assert_eq!(
            (&redact.value, &redact.next),
            (&json!(true), &Some(json!(false)))
        );
    }
}
