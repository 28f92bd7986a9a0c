//! Every setting with its range, for people and programs.

use std::collections::BTreeSet;

use commonplace_api::settings::{SETTINGS, Setting, SettingStatus, Settings};
use serde_json::{Value, json};

use crate::context::{Options, log_variable};

/// A value of a flag or variable, which wins over the file.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Fixed {
    pub(super) key: &'static str,
    value: Value,
    /// The flag or variable.
    pub(super) source: String,
}

impl Fixed {
    /// Lists what the command line and the environment say.
    pub(crate) fn list(options: &Options) -> Vec<Self> {
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
        let log = log_variable().map(|(variable, level)| Self {
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
    SETTINGS.iter().map(|setting| row(setting, known)).collect()
}

fn row(setting: &Setting, known: &Known<'_>) -> SettingStatus {
    let fixed = known.fixed.iter().find(|fixed| fixed.key == setting.key);
    let in_force = setting.get(known.in_force);
    let kept = setting.get(known.kept);
    let source = match fixed {
        Some(fixed) => fixed.source.as_str(),
        None if known.in_file.contains(setting.key) => "settings.toml",
        None => "default",
    };
    SettingStatus {
        key: setting.key.to_owned(),
        title: setting.title.to_owned(),
        next: (fixed.is_none() && kept != in_force).then_some(kept),
        value: fixed.map_or(in_force, |fixed| fixed.value.clone()),
        default: setting.default_value(),
        domain: setting.domain.clone(),
        range: setting.domain.to_string(),
        unit: setting.unit.map(str::to_owned),
        about: setting.about.to_owned(),
        source: source.to_owned(),
        is_fixed: fixed.is_some(),
        is_live: setting.is_live,
    }
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
    fn without_a_file_every_setting_has_its_default() {
        for row in shown("", &[]) {
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
