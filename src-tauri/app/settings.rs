//! Settings: built-in defaults, then the settings file, then environment and flags; later wins.

mod edit;
mod keep;
mod rows;

use std::path::{Path, PathBuf};
use std::time::Duration;

use commonplace_engine::{Limits, WorkerCount};
use serde::Deserialize;

pub(crate) use self::keep::{Changes, LiveSettings, SettingsFile};
pub(crate) use self::rows::Fixed;
use self::rows::SPECS;

/// The commented file that lists every key; written beside a new store.
pub(crate) const TEMPLATE: &str = include_str!("settings.toml");

/// The settings in force.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Settings {
    pub(crate) port: u16,
    pub(crate) log: Option<String>,
    pub(crate) model_dir: Option<PathBuf>,
    pub(crate) limits: Limits,
    pub(crate) redact_secrets: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            port: 7311,
            log: None,
            model_dir: None,
            limits: Limits::default(),
            redact_secrets: true,
        }
    }
}

/// Tells what is wrong with the settings file.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SettingsError {
    #[error("could not read the settings `{path}`: {reason}")]
    Unreadable { path: PathBuf, reason: String },
    #[error(
        "the settings `{path}` are damaged: {reason}; correct the file, or move it away to start with the defaults"
    )]
    Damaged { path: PathBuf, reason: String },
    #[error("the settings `{path}` have an unknown key `{key}`: did you mean `{nearest}`?")]
    UnknownKey {
        path: PathBuf,
        key: String,
        nearest: &'static str,
    },
    #[error("the settings `{path}` have {key} = {value}, and it must be {range}")]
    OutOfRange {
        path: PathBuf,
        key: &'static str,
        value: String,
        range: &'static str,
    },
}

/// What `log` may be; variables may say more.
const LOG_LEVELS: [&str; 5] = ["error", "warn", "info", "debug", "trace"];

/// The file as it is written.
#[derive(Debug, Default, Deserialize)]
struct File {
    port: Option<u16>,
    log: Option<String>,
    model_dir: Option<PathBuf>,
    write_deadline_s: Option<u64>,
    slow_hold_ms: Option<u64>,
    slow_wait_ms: Option<u64>,
    queue_length: Option<usize>,
    workers: Option<Workers>,
    redact_secrets: Option<bool>,
    backups_kept: Option<usize>,
    history_days: Option<u32>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Workers {
    Count(usize),
    Word(String),
}

impl Settings {
    /// Reads the settings file; a missing one means the defaults.
    pub(crate) fn read(path: &Path) -> Result<Self, SettingsError> {
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(path, &text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            // The directory is a file, or something above it is: opening the store says so better.
            Err(error) if error.kind() == std::io::ErrorKind::NotADirectory => Ok(Self::default()),
            Err(error) => Err(SettingsError::Unreadable {
                path: path.to_owned(),
                reason: error.to_string(),
            }),
        }
    }

    fn parse(path: &Path, text: &str) -> Result<Self, SettingsError> {
        let damaged = |error: toml::de::Error| SettingsError::Damaged {
            path: path.to_owned(),
            reason: error.to_string().trim_end().replace('\n', " "),
        };
        let table: toml::Table = text.parse().map_err(damaged)?;
        if let Some(key) = table.keys().find(|key| rows::spec(key).is_none()) {
            return Err(SettingsError::UnknownKey {
                path: path.to_owned(),
                key: key.clone(),
                nearest: nearest(key),
            });
        }
        toml::from_str::<File>(text).map_err(damaged)?.checked(path)
    }
}

impl File {
    fn checked(self, path: &Path) -> Result<Settings, SettingsError> {
        let mut settings = Settings::default();
        let refuse = |key, value: &dyn std::fmt::Display, range| SettingsError::OutOfRange {
            path: path.to_owned(),
            key,
            value: value.to_string(),
            range,
        };
        let limits = &mut settings.limits;
        if let Some(seconds) = self.write_deadline_s {
            let fits = (1..=50).contains(&seconds);
            limits.write_deadline = Duration::from_secs(seconds);
            fits.then_some(())
                .ok_or_else(|| refuse("write_deadline_s", &seconds, "between 1 and 50"))?;
        }
        let slow = [
            ("slow_hold_ms", self.slow_hold_ms, &mut limits.slow_hold),
            ("slow_wait_ms", self.slow_wait_ms, &mut limits.slow_wait),
        ];
        for (key, given, limit) in slow {
            let Some(ms) = given else {
                continue;
            };
            *limit = Duration::from_millis(ms);
            Limits::SLOW
                .contains(limit)
                .then_some(())
                .ok_or_else(|| refuse(key, &ms, "between 1 and 60000"))?;
        }
        if let Some(length) = self.queue_length {
            let fits = (1..=100_000).contains(&length);
            limits.queue_len_max = length;
            fits.then_some(())
                .ok_or_else(|| refuse("queue_length", &length, "between 1 and 100000"))?;
        }
        if let Some(count) = self.backups_kept {
            let fits = (1..=1_000).contains(&count);
            limits.backups_kept = count;
            fits.then_some(())
                .ok_or_else(|| refuse("backups_kept", &count, "between 1 and 1000"))?;
        }
        if let Some(days) = self.history_days {
            let fits = (1..=7).contains(&days);
            limits.history_days = days;
            fits.then_some(())
                .ok_or_else(|| refuse("history_days", &days, "between 1 and 7"))?;
        }
        limits.workers = match self.workers {
            None => limits.workers,
            Some(Workers::Count(count)) if (1..=32).contains(&count) => WorkerCount::Fixed(count),
            Some(Workers::Word(word)) if word == "auto" => WorkerCount::Auto,
            Some(Workers::Count(count)) => {
                return Err(refuse("workers", &count, "between 1 and 32, or \"auto\""));
            }
            Some(Workers::Word(word)) => {
                return Err(refuse("workers", &word, "between 1 and 32, or \"auto\""));
            }
        };
        if let Some(level) = &self.log {
            LOG_LEVELS
                .contains(&level.as_str())
                .then_some(())
                .ok_or_else(|| refuse("log", level, "error, warn, info, debug or trace"))?;
        }
        settings.port = self.port.unwrap_or(settings.port);
        settings.log = self.log;
        settings.model_dir = self.model_dir.filter(|dir| !dir.as_os_str().is_empty());
        settings.redact_secrets = self.redact_secrets.unwrap_or(true);
        Ok(settings)
    }
}

/// Returns the key that takes the fewest changes of one letter.
fn nearest(key: &str) -> &'static str {
    SPECS
        .iter()
        .map(|spec| spec.key)
        .min_by_key(|known| strsim::levenshtein(key, known))
        .expect("there are keys")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Settings, SettingsError> {
        Settings::parse(Path::new("/s/settings.toml"), text)
    }

    #[test]
    fn the_template_changes_nothing_and_names_every_key() {
        assert_eq!(parse(TEMPLATE), Ok(Settings::default()));
        let is_key = |line: &&str| {
            line.split_once(" = ")
                .is_some_and(|(key, _)| !key.contains(' '))
        };
        let lines = TEMPLATE
            .lines()
            .filter_map(|line| line.strip_prefix("# "))
            .filter(is_key);
        let uncommented = lines.collect::<Vec<_>>().join("\n");
        let table: toml::Table = uncommented.parse().unwrap();
        assert_eq!(
            table
                .keys()
                .map(String::as_str)
                .collect::<std::collections::BTreeSet<_>>(),
            SPECS.iter().map(|spec| spec.key).collect()
        );
    }

    #[test]
    fn wrong_settings_say_what_is_wrong() {
        let text = |text| parse(text).unwrap_err().to_string();
        assert_eq!(
            text("prot = 1"),
            "the settings `/s/settings.toml` have an unknown key `prot`: did you mean `port`?"
        );
        assert_eq!(
            text("workers = 33"),
            "the settings `/s/settings.toml` have workers = 33, and it must be between 1 and 32, or \"auto\""
        );
        assert!(
            text("slow_wait_ms = 0")
                .contains("slow_wait_ms = 0, and it must be between 1 and 60000")
        );
        assert!(
            text("port = [").contains("are damaged"),
            "{}",
            text("port = [")
        );
        assert!(
            text("port = \"x\"").contains("port"),
            "{}",
            text("port = \"x\"")
        );
    }

    #[test]
    fn the_file_wins_over_the_defaults() {
        let settings = parse("port = 1\nworkers = \"auto\"\nwrite_deadline_s = 5").unwrap();
        assert_eq!(
            (settings.port, settings.limits.workers),
            (1, WorkerCount::Auto)
        );
        assert_eq!(settings.limits.write_deadline, Duration::from_secs(5));
        let settings = parse("slow_hold_ms = 20\nslow_wait_ms = 30").unwrap();
        assert_eq!(settings.limits.slow_hold, Duration::from_millis(20));
        assert_eq!(settings.limits.slow_wait, Duration::from_millis(30));
    }

    /// What is accepted is inside its range; what is refused names the file; one key can be set and taken out.
    fn check_any_text(text: &str) {
        edit::check_any_text(text);
        match parse(text) {
            Err(error) => assert!(error.to_string().contains("/s/settings.toml"), "{error}"),
            Ok(settings) => settings.limits.check().expect(text),
        }
    }

    #[test]
    fn no_noise_in_the_settings_is_fatal() {
        const ALL: &str = "port = 7311\nlog = \"info\"\nmodel_dir = \"/m\"\nwrite_deadline_s = 30\n\
            queue_length = 1000\nworkers = \"auto\"\nredact_secrets = true\n";
        const NOISE: &[&str] = &[
            "=",
            "\"",
            "[",
            "]",
            "{",
            "}",
            "#",
            ".",
            "-",
            "'",
            "\n",
            "999999999999",
            "\u{e9}",
            "workers = 33\n",
            "port",
            "1e9",
            "true",
            "\\",
            "\0",
        ];
        let mut state = 1_u64;
        // A linear congruential generator is enough to choose places.
        let mut below = |end: usize| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 33) as usize % end
        };
        for _ in 0..3_000 {
            let mut letters: Vec<String> = ALL.chars().map(String::from).collect();
            for _ in 0..=below(4) {
                let at = below(letters.len());
                match below(3) {
                    0 => drop(letters.remove(at)),
                    1 => letters.insert(at, NOISE[below(NOISE.len())].to_owned()),
                    _ => letters[at] = NOISE[below(NOISE.len())].to_owned(),
                }
            }
            check_any_text(&letters.concat());
        }
    }
}
