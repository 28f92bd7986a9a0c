//! The settings of a store: one table, [`SETTINGS`], from which the commented file, the checks, the words of errors, the
//! command, the API, the form of the page and the documentation come.

mod report;
mod table;

use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub use report::{SettingStatus, SettingsChange, SettingsReport};
pub use table::SETTINGS;

/// The settings in force.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Port on 127.0.0.1; 0 means any.
    pub port: u16,
    /// Level of the log; None for the default.
    pub log: Option<String>,
    /// Directory of the model's files; None for the one in the store.
    pub model_dir: Option<PathBuf>,
    /// What the engine is limited to.
    pub limits: Limits,
    /// Whether secrets are replaced before storing.
    pub redact_secrets: bool,
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

/// Limits of the engine that a person can set. [`SETTINGS`] has their ranges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most write requests that wait at once.
    pub queue_len_max: usize,
    /// Workers.
    pub workers: WorkerCount,
    /// How long a write waits if its request names no deadline.
    pub write_deadline: Duration,
    /// How many backups stay in the directory of backups.
    pub backups_kept: usize,
    /// How many days of the past the charts can show.
    pub history_days: u32,
    /// A hold of the write lock this long is recorded and logged as slow.
    pub slow_hold: Duration,
    /// A write that waits this long is recorded and logged as slow.
    pub slow_wait: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            queue_len_max: 1000,
            workers: WorkerCount::Fixed(4),
            write_deadline: Duration::from_secs(30),
            backups_kept: 10,
            history_days: 7,
            slow_hold: Duration::from_millis(500),
            slow_wait: Duration::from_millis(1000),
        }
    }
}

impl Limits {
    /// Fewest and most workers, also of an automatic number.
    pub const WORKERS: std::ops::RangeInclusive<usize> = 1..=32;
    /// Fewest and most days of the past.
    pub const HISTORY_DAYS: std::ops::RangeInclusive<u32> = 1..=7;
    /// Longest wait of a write: Claude Code gives a request up after 60 s.
    pub const WRITE_DEADLINE_MAX: Duration = Duration::from_secs(50);

    /// Checks that every limit is in its range.
    ///
    /// # Errors
    /// [`SettingError::Unfit`] for the first one that is not.
    pub fn check(self) -> Result<(), SettingError> {
        let settings = Settings {
            limits: self,
            ..Settings::default()
        };
        SETTINGS.iter().try_for_each(|setting| {
            let value = setting.get(&settings);
            setting.fitting(&value).map(drop)
        })
    }
}

/// How many workers run searches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorkerCount {
    /// This many.
    Fixed(usize),
    /// Following the measured wait, at most four for each core.
    Auto,
}

/// One setting.
#[derive(Debug)]
pub struct Setting {
    /// Its name in the file.
    pub key: &'static str,
    /// What people call it.
    pub title: &'static str,
    /// What it may be.
    pub domain: SettingDomain,
    /// What a number counts, such as `s`.
    pub unit: Option<&'static str>,
    /// What it does, in a sentence or two.
    pub about: &'static str,
    /// Whether a change takes effect at once; if not, at the next start of the host.
    pub is_live: bool,
    get: fn(&Settings) -> Value,
    /// Is only called with a value of the domain.
    set: fn(&mut Settings, &Value),
}

/// What a setting may be.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum SettingDomain {
    /// A whole number.
    Integer {
        /// The least.
        min: u64,
        /// The most.
        max: u64,
    },
    /// A whole number, or `auto`.
    IntegerOrAuto {
        /// The least.
        min: u64,
        /// The most.
        max: u64,
    },
    /// One of some words.
    Choice {
        /// The words.
        choices: Cow<'static, [Cow<'static, str>]>,
    },
    /// True or false.
    Boolean,
    /// A directory.
    Directory,
    /// A kind of a newer host, or of an older one that does not say it.
    #[default]
    #[serde(other)]
    #[schemars(skip)]
    Unknown,
}

impl fmt::Display for SettingDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer { min, max } => write!(f, "between {min} and {max}"),
            Self::IntegerOrAuto { min, max } => write!(f, "between {min} and {max}, or \"auto\""),
            Self::Choice { choices } => match choices.split_last() {
                Some((last, first)) => write!(f, "{} or {last}", first.join(", ")),
                None => Ok(()),
            },
            Self::Boolean => f.write_str("true or false"),
            Self::Directory => f.write_str("a directory"),
            Self::Unknown => f.write_str("what this program does not know"),
        }
    }
}

impl SettingDomain {
    /// Returns a value in its plainest form; None if it does not belong here. To JSON, `3.0` is a whole number too.
    fn fitting(&self, value: &Value) -> Option<Value> {
        match (self, value) {
            (Self::Integer { min, max } | Self::IntegerOrAuto { min, max }, Value::Number(_)) => {
                let number = whole(value)?;
                (*min..=*max).contains(&number).then(|| json!(number))
            }
            (Self::IntegerOrAuto { .. }, Value::String(word)) => {
                (word == "auto").then(|| value.clone())
            }
            (Self::Choice { choices }, Value::String(word)) => choices
                .iter()
                .any(|choice| choice == word)
                .then(|| value.clone()),
            (Self::Boolean, Value::Bool(_)) | (Self::Directory, Value::String(_)) => {
                Some(value.clone())
            }
            _ => None,
        }
    }
}

fn whole(value: &Value) -> Option<u64> {
    let from_float = || {
        let float = value.as_f64()?;
        // Beyond this, a float does not tell whole numbers apart.
        let is_whole = float.fract() == 0.0 && (0.0..9e15).contains(&float);
        is_whole.then_some(float as u64)
    };
    value.as_u64().or_else(from_float)
}

/// Why a setting is not as it was asked to be. Nothing was changed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SettingError {
    /// There is no such setting.
    #[error("{}", not_there_words(key, nearest))]
    NotThere {
        /// What was asked for.
        key: String,
        /// The key that takes the fewest changes of one letter.
        nearest: &'static str,
    },
    /// It cannot have this value.
    #[error("{}", unfit_words(key, value, domain))]
    Unfit {
        /// The setting.
        key: &'static str,
        /// What was asked for.
        value: Value,
        /// What it may be.
        domain: SettingDomain,
    },
}

pub(crate) fn not_there_words(key: &str, nearest: &str) -> String {
    format!("there is no setting `{key}`: did you mean `{nearest}`?")
}

pub(crate) fn unfit_words(key: &str, value: &Value, domain: &SettingDomain) -> String {
    format!("`{key}` cannot be {value}: it must be {domain}; nothing was changed")
}

impl Setting {
    /// Finds a setting by its key.
    ///
    /// # Errors
    /// [`SettingError::NotThere`] with the nearest key.
    pub fn find(key: &str) -> Result<&'static Self, SettingError> {
        let found = SETTINGS.iter().find(|setting| setting.key == key);
        found.ok_or_else(|| SettingError::NotThere {
            key: key.to_owned(),
            nearest: Self::nearest(key).key,
        })
    }

    /// Returns the setting whose key takes the fewest changes of one letter to become `key`.
    #[must_use]
    pub fn nearest(key: &str) -> &'static Self {
        let distance = |setting: &&Self| strsim::levenshtein(key, setting.key);
        SETTINGS
            .iter()
            .min_by_key(distance)
            .expect("there are settings")
    }

    /// Returns its value.
    #[must_use]
    pub fn get(&self, settings: &Settings) -> Value {
        (self.get)(settings)
    }

    /// Returns the value without file, environment and flags.
    #[must_use]
    pub fn default_value(&self) -> Value {
        self.get(&Settings::default())
    }

    /// Returns a value in its plainest form, if the setting may have it.
    ///
    /// # Errors
    /// [`SettingError::Unfit`].
    pub fn fitting(&self, value: &Value) -> Result<Value, SettingError> {
        self.domain
            .fitting(value)
            .ok_or_else(|| SettingError::Unfit {
                key: self.key,
                value: value.clone(),
                domain: self.domain.clone(),
            })
    }

    /// Sets it.
    ///
    /// # Errors
    /// [`SettingError::Unfit`].
    pub fn set(&self, settings: &mut Settings, value: &Value) -> Result<(), SettingError> {
        (self.set)(settings, &self.fitting(value)?);
        Ok(())
    }

    /// Describes the values that it may be changed to; null is for the default.
    fn schema(&self) -> Value {
        let number = |min: u64, max: u64| json!({ "type": ["integer", "null"], "minimum": min, "maximum": max });
        let mut schema = match &self.domain {
            SettingDomain::Integer { min, max } => number(*min, *max),
            SettingDomain::IntegerOrAuto { min, max } => {
                json!({ "oneOf": [number(*min, *max), { "type": "string", "const": "auto" }] })
            }
            SettingDomain::Choice { choices } => {
                let words = choices.iter().map(|word| json!(word));
                let all: Vec<Value> = words.chain([Value::Null]).collect();
                json!({ "type": ["string", "null"], "enum": all })
            }
            SettingDomain::Boolean => json!({ "type": ["boolean", "null"] }),
            SettingDomain::Directory | SettingDomain::Unknown => {
                json!({ "type": ["string", "null"] })
            }
        };
        schema["description"] = self.about.into();
        schema
    }

    /// Returns what it does and what it may be, in sentences.
    #[must_use]
    pub fn described(&self) -> String {
        let unit = match (&self.domain, self.unit) {
            (SettingDomain::Integer { .. }, Some(unit)) => format!(" {unit}"),
            _ => String::new(),
        };
        let domain = self.domain.to_string();
        let (first, rest) = domain.split_at(1);
        format!("{} {}{rest}{unit}.", self.about, first.to_uppercase())
    }
}

/// Writes the file that a new store gets: every setting as a comment with its default.
#[must_use]
pub fn template() -> String {
    let mut text = String::from(
        "# Settings of this store. Every key is optional; the values here are the ones in force without this file.\n\
         # Flags and environment variables win over this file.\n",
    );
    for setting in SETTINGS {
        text.push('\n');
        for line in wrapped(&setting.described(), 118) {
            text += &format!("# {line}\n");
        }
        text += &format!("# {} = {}\n", setting.key, setting.default_value());
    }
    text
}

/// Breaks a text into lines of at most `width` characters.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.len() + 1 + word.len() <= width => *line += &format!(" {word}"),
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_setting_has_words_and_what_it_returns_can_be_set_again() {
        for setting in SETTINGS {
            let mut settings = Settings::default();
            let default = setting.default_value();
            setting.set(&mut settings, &default).unwrap();
            assert_eq!(setting.get(&settings), default, "{}", setting.key);
            assert!(setting.about.ends_with('.'), "{}", setting.key);
        }
    }

    #[test]
    fn a_value_is_taken_at_both_ends_of_its_range_and_refused_beyond_them() {
        for setting in SETTINGS {
            let (SettingDomain::Integer { min, max } | SettingDomain::IntegerOrAuto { min, max }) =
                setting.domain
            else {
                continue;
            };
            let mut settings = Settings::default();
            for value in [min, max] {
                setting.set(&mut settings, &json!(value)).unwrap();
                assert_eq!(setting.get(&settings), json!(value), "{}", setting.key);
            }
            for value in [
                json!(max + 1),
                json!(-1),
                json!(1.5),
                json!("1"),
                json!(null),
            ] {
                let error = setting.set(&mut settings, &value).unwrap_err();
                let said = format!(
                    "`{}` cannot be {value}: it must be between {min}",
                    setting.key
                );
                assert!(error.to_string().starts_with(&said), "{error}");
            }
        }
    }

    #[test]
    fn limits_are_checked_as_settings_are() {
        assert_eq!(Limits::default().check(), Ok(()));
        let wrong = Limits {
            workers: WorkerCount::Fixed(33),
            ..Limits::default()
        };
        let said = wrong.check().unwrap_err().to_string();
        assert!(
            said.contains("`workers` cannot be 33: it must be between 1 and 32"),
            "{said}"
        );
    }

    #[test]
    fn an_unknown_key_is_answered_with_the_nearest_one() {
        let said = Setting::find("wrokers").unwrap_err().to_string();
        assert_eq!(
            said,
            "there is no setting `wrokers`: did you mean `workers`?"
        );
    }

    #[test]
    fn the_file_of_a_new_store_says_what_each_setting_does_and_may_be() {
        let text = template();
        assert!(text.contains(
            "\n# How long a write waits for its commit if the client names no time. Between 1 and 50 s.\n\
             # write_deadline_s = 30\n"
        ));
        assert!(text.lines().all(|line| line.len() <= 120), "{text}");
    }
}
