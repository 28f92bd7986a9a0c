//! Reads the settings file as far as it can be read: what is wrong with one setting costs no other.
//!
//! A setting that cannot be read keeps the value it had, or its default. In a file that is damaged, secrets are replaced
//! whatever the rest says: a line that seems to switch that off may be a part of the damage.

use std::fmt;
use std::path::Path;

use commonplace_api::settings::{Setting, Settings};
use toml::{Table, Value};

use super::broken::{self, Broken};
use super::edit;

/// What a settings file says.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Reading {
    /// What comes into force.
    pub(crate) settings: Settings,
    /// What is wrong, in the order of the lines.
    pub(crate) problems: Vec<Problem>,
}

/// Something in the file that is not in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    /// The line, counted from 1; None for the whole file.
    line: Option<usize>,
    /// The key as it is written there, if it is known.
    key: Option<String>,
    what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line}: {}", self.what),
            None => f.write_str(&self.what),
        }
    }
}

impl Reading {
    /// Reads the file at `path`; one that is not there says nothing. What cannot be read stays as it is in `before`.
    pub(crate) fn at(path: &Path, before: &Settings) -> Self {
        match std::fs::read_to_string(path) {
            Ok(text) => Self::of(&text, before),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Self::of("", before),
            // The directory is a file, or something above it is: opening the store says so better.
            Err(error) if error.kind() == std::io::ErrorKind::NotADirectory => Self::of("", before),
            Err(error) => Self::nothing(&error.to_string(), before),
        }
    }

    /// Reads `text`.
    pub(crate) fn of(text: &str, before: &Settings) -> Self {
        let (clean, broken) = match broken::taken_out(text) {
            Ok(left) => left,
            Err(reason) => return Self::nothing(&reason, before),
        };
        let given: Table = clean.parse().unwrap_or_default();
        let mut problems: Vec<Problem> = broken.iter().map(of_broken).collect();
        // In a damaged file nobody knows which settings are missing: those that are not there stay as they were.
        let mut settings = match broken.is_empty() {
            true => Settings::default(),
            false => before.clone(),
        };
        for (key, value) in given {
            if let Err(what) = take(&mut settings, &key, &value, before) {
                let line = edit::line_of(&clean, &key);
                let key = Some(key);
                problems.push(Problem { line, key, what });
            }
        }
        if !broken.is_empty() {
            settings.redact_secrets = before.redact_secrets;
        }
        problems.sort_by_key(|problem| problem.line);
        Self { settings, problems }
    }

    /// What is left of a file that cannot be read: everything stays as it is in `before`.
    pub(super) fn nothing(reason: &str, before: &Settings) -> Self {
        let what = format!(
            "nothing of it can be read: {reason}; every setting stays as it was, or has its default: `commonplace \
             settings reset --all` sets the file aside and starts with the defaults"
        );
        let (line, key) = (None, None);
        Self {
            settings: before.clone(),
            problems: vec![Problem { line, key, what }],
        }
    }

    /// Says what of the file is not in use, and how to correct it; None if all of it is.
    pub(crate) fn problem(&self, path: &Path) -> Option<String> {
        let said: Vec<String> = self.problems.iter().map(Problem::to_string).collect();
        let lines = self.problems.iter().filter_map(|problem| problem.line);
        let how = match lines.count() {
            0 => "",
            _ => {
                "; correct the file, or use `commonplace settings set KEY VALUE` or `settings reset KEY`"
            }
        };
        let path = path.display();
        (!said.is_empty()).then(|| format!("in the settings `{path}`, {}{how}", said.join("; ")))
    }
}

fn of_broken(broken: &Broken) -> Problem {
    let start = broken.text.split(['=', ' ']).next().unwrap_or_default();
    let near = Setting::nearest(start).key;
    let hint = match strsim::levenshtein(start, near) {
        0..=2 => format!(", so `{near}` is not set by it"),
        _ => String::new(),
    };
    Problem {
        line: Some(broken.line),
        key: None,
        what: format!(
            "`{}` cannot be read ({}){hint}",
            crate::words::one_line(&broken.text, 60),
            broken.reason
        ),
    }
}

/// Sets one setting as the file says. One that it cannot have stays as it is in `before`; Err says what is wrong.
fn take(
    settings: &mut Settings,
    key: &str,
    value: &Value,
    before: &Settings,
) -> Result<(), String> {
    let Ok(setting) = Setting::find(key) else {
        let near = Setting::nearest(key).key;
        return Err(format!("unknown key `{key}`: did you mean `{near}`?"));
    };
    let given = serde_json::to_value(value).unwrap_or_default();
    if setting.set(settings, &given).is_ok() {
        return Ok(());
    }
    let in_force = setting.get(before);
    let kept = setting.set(settings, &in_force);
    debug_assert!(kept.is_ok(), "what is in force may be");
    let domain = &setting.domain;
    Err(format!(
        "{key} = {value}, and it must be {domain}; {in_force} is in force"
    ))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn read(text: &str) -> Reading {
        Reading::of(text, &Settings::default())
    }

    // A typo in the file ended every new bridge, every host and every command.
    #[test]
    fn a_line_that_is_wrong_costs_no_other_setting() {
        let reading = read("prot = 7400\nworkers = 33\nqueue_length = = 5\nwrite_deadline_s = 5\n");
        assert_eq!(
            reading.settings.limits.write_deadline,
            Duration::from_secs(5)
        );
        let mut expected = Settings::default();
        expected.limits.write_deadline = Duration::from_secs(5);
        assert_eq!(reading.settings, expected);
        let said = reading.problem(Path::new("/s/settings.toml")).unwrap();
        for part in [
            "in the settings `/s/settings.toml`, line 1: unknown key `prot`: did you mean `port`?; line 2: workers = \
             33, and it must be between 1 and 32, or \"auto\"; 4 is in force; line 3: `queue_length = = 5` cannot be read (",
            "so `queue_length` is not set by it",
            "`commonplace settings set KEY VALUE`",
        ] {
            assert!(said.contains(part), "{said}");
        }
    }

    #[test]
    fn what_cannot_be_read_stays_as_it_was() {
        let before = read("workers = 7\nslow_hold_ms = 20\nport = 9").settings;
        let after = Reading::of("workers = 99\nslow_hold_ms = 30\n", &before).settings;
        assert_eq!(
            (rows_value(&after, "workers"), after.port),
            (7.into(), 7311)
        );
        assert_eq!(after.limits.slow_hold, Duration::from_millis(30));
        let after = Reading::of("workers = = 8\nslow_hold_ms = 30\n", &before).settings;
        assert_eq!(
            rows_value(&after, "workers"),
            7,
            "the damage hides whether it was reset"
        );
        assert_eq!(after.port, 9, "so do others that are not there");
        let after = Reading::of(&"<html>\n".repeat(50), &before);
        assert_eq!(after.settings, before);
        assert!(
            after.problems[0]
                .to_string()
                .contains("settings reset --all")
        );
    }

    fn rows_value(settings: &Settings, key: &str) -> serde_json::Value {
        Setting::find(key).unwrap().get(settings)
    }

    #[test]
    fn no_damage_switches_the_replacing_of_secrets_off() {
        for damaged in [
            "log = \"\"\"\nredact_secrets = false\n",
            "workers = = 8\nredact_secrets = false\n",
            "redact_secrets = falsch\n",
            "redact_secrets = 0\n",
            "redact_secrets = \"false\"\n",
            "redact_secret = false\n",
            "[more]\nredact_secrets = false\n",
        ] {
            let reading = read(damaged);
            assert!(reading.settings.redact_secrets, "{damaged:?}");
            assert!(!reading.problems.is_empty(), "{damaged:?}");
        }
        assert!(!read("redact_secrets = false\n").settings.redact_secrets);
        assert!(
            !read("prot = 1\nredact_secrets = false\n")
                .settings
                .redact_secrets,
            "the file is whole TOML"
        );
    }
}
