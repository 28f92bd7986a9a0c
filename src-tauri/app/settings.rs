//! Settings: built-in defaults, then the settings file, then environment and flags; later wins.

mod broken;
mod changes;
mod edit;
mod file;
mod live;
mod reading;
mod replace;
mod rows;

use std::path::PathBuf;
use std::time::Duration;

use commonplace_api::settings::{Limits, WorkerCount};
use serde::Deserialize;

pub(crate) use self::changes::Changes;
pub(crate) use self::file::SettingsFile;
pub(crate) use self::live::LiveSettings;
pub(crate) use self::reading::Reading;
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

impl File {
    /// Returns the settings; None if a value is out of its range.
    fn checked(self) -> Option<Settings> {
        let mut settings = Settings::default();
        let limits = &mut settings.limits;
        if let Some(seconds) = self.write_deadline_s {
            limits.write_deadline = Duration::from_secs(within(1..=50, seconds)?);
        }
        if let Some(ms) = self.slow_hold_ms {
            limits.slow_hold = slow(ms)?;
        }
        if let Some(ms) = self.slow_wait_ms {
            limits.slow_wait = slow(ms)?;
        }
        if let Some(length) = self.queue_length {
            limits.queue_len_max = within(1..=100_000, length)?;
        }
        if let Some(count) = self.backups_kept {
            limits.backups_kept = within(1..=1_000, count)?;
        }
        if let Some(days) = self.history_days {
            limits.history_days = within(1..=7, days)?;
        }
        limits.workers = match self.workers {
            None => limits.workers,
            Some(Workers::Count(count)) => WorkerCount::Fixed(within(1..=32, count)?),
            Some(Workers::Word(word)) => (word == "auto").then_some(WorkerCount::Auto)?,
        };
        if let Some(level) = &self.log {
            LOG_LEVELS.contains(&level.as_str()).then_some(())?;
        }
        settings.port = self.port.unwrap_or(settings.port);
        settings.log = self.log;
        settings.model_dir = self.model_dir.filter(|dir| !dir.as_os_str().is_empty());
        settings.redact_secrets = self.redact_secrets.unwrap_or(true);
        Some(settings)
    }
}

fn within<T: PartialOrd>(range: std::ops::RangeInclusive<T>, value: T) -> Option<T> {
    range.contains(&value).then_some(value)
}

fn slow(ms: u64) -> Option<Duration> {
    let limit = Duration::from_millis(ms);
    Limits::SLOW.contains(&limit).then_some(limit)
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

    fn read(text: &str) -> Reading {
        Reading::of(text, &Settings::default())
    }

    /// What a good text says.
    fn parse(text: &str) -> Settings {
        let reading = read(text);
        assert_eq!(reading.problems, []);
        reading.settings
    }

    #[test]
    fn the_template_changes_nothing_and_names_every_key() {
        assert_eq!(parse(TEMPLATE), Settings::default());
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
    fn the_file_wins_over_the_defaults() {
        let settings = parse("port = 1\nworkers = \"auto\"\nwrite_deadline_s = 5");
        assert_eq!(
            (settings.port, settings.limits.workers),
            (1, WorkerCount::Auto)
        );
        assert_eq!(settings.limits.write_deadline, Duration::from_secs(5));
        let settings = parse("slow_hold_ms = 20\nslow_wait_ms = 30");
        assert_eq!(settings.limits.slow_hold, Duration::from_millis(20));
        assert_eq!(settings.limits.slow_wait, Duration::from_millis(30));
    }

    /// What is in force is inside its range, whatever the text is; one key can be set and taken out.
    fn check_any_text(text: &str) {
        edit::check_any_text(text);
        read(text).settings.limits.check().expect(text);
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
