//! Lines of the log of a store's hosts.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::known::shown_as_words;

/// How much a line matters, the worst first.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// Something does not work.
    Error,
    /// Something may not work.
    Warn,
    /// What happens.
    Info,
    /// What happens, in detail.
    Debug,
    /// Every step.
    Trace,
}

/// Some lines of the log.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LogPage {
    /// The directory with the files.
    pub folder: String,
    /// The lines, the newest first.
    pub lines: Vec<LogLine>,
    /// Where to go on with older lines; None if there are none. A page may have few lines, or none, and still say where to
    /// go on: one request reads a bounded part of the files.
    pub before: Option<String>,
}

/// One line of the log, with what belongs to it. Text only: control characters and secrets are taken out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LogLine {
    /// When, as in the file: `2026-11-25T04:03:30.123456Z`.
    pub at: String,
    /// How much it matters.
    pub level: LogLevel,
    /// Part of the program.
    pub source: String,
    /// What it says.
    pub text: String,
}

/// A place in the log: a day's file, and how many bytes of it stand before. Written as `2026-11-25.1234`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogPlace {
    /// The day, as in the name of the file.
    pub day: String,
    /// Bytes before it.
    pub offset: u64,
}

impl FromStr for LogPlace {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (day, offset) = text.split_once('.').ok_or(())?;
        let is_day = day.len() == 10 && day.bytes().all(|b| b.is_ascii_digit() || b == b'-');
        let is_number = offset.bytes().all(|b| b.is_ascii_digit());
        let offset = offset.parse().map_err(drop)?;
        let day = day.to_owned();
        (is_day && is_number)
            .then_some(Self { day, offset })
            .ok_or(())
    }
}

impl fmt::Display for LogPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.day, self.offset)
    }
}

shown_as_words!(LogLevel);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_reads_as_it_is_written_and_nothing_else_does() {
        let place: LogPlace = "2026-11-25.1234".parse().unwrap();
        assert_eq!(place.to_string(), "2026-11-25.1234");
        let wrong = [
            "",
            "2026-11-25",
            "2026-11-25.",
            "2026-11-25.-1",
            "2026-11-25.+1",
            "../../etc..1",
            "2026-11-2x.1",
        ];
        for text in wrong {
            assert_eq!(text.parse::<LogPlace>(), Err(()), "{text}");
        }
    }
}
