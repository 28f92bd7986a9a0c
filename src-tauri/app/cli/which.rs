//! Which memories a command is about: the options that `search`, `list` and `delete` share, read as the tools read them.

use clap::Args;
use commonplace_engine::{Filter, TagMatch};
use commonplace_mcp::{Asked, Doubt, Understood, is_word_for_nothing, tags_in, understand};
use jiff::Zoned;

use super::{CommandError, output};
use crate::projects::named;

/// Which memories.
#[derive(Debug, Args)]
pub(crate) struct Which {
    /// Only memories with this tag; may be given several times, or several separated by commas
    #[arg(long, short, visible_alias = "tags")]
    tag: Vec<String>,
    /// All tags are needed, not one of them
    #[arg(long)]
    all_tags: bool,
    /// Only memories of this type
    #[arg(long = "type", value_name = "TYPE")]
    memory_type: Option<String>,
    /// Only memories of this project, a name or a folder such as `.`; '' for those without one
    #[arg(long)]
    pub(super) project: Option<String>,
    /// Only memories stored in this time: `yesterday`, `last week`, `7d`, `March 2024`, `monday to friday`
    #[arg(long, value_name = "TIME", alias = "time-expr")]
    when: Option<String>,
    /// Only memories stored at or after this date or time
    #[arg(long, value_name = "TIME")]
    after: Option<String>,
    /// Only memories stored before this date or time
    #[arg(long, value_name = "TIME")]
    before: Option<String>,
}

impl Which {
    /// Reads the options of a command that only looks: a time that can be read in two ways is read in the usual one, and
    /// that is said.
    pub(super) fn filter(&self) -> Result<Filter, CommandError> {
        let time = self.time(&Zoned::now())?;
        for doubt in &time.doubts {
            output::note(&format!("note: {}", doubt.note()));
        }
        self.with_time(&time)
    }

    /// Reads the options of a command that deletes, and says in which time; one that can be read in two ways is refused.
    pub(super) fn filter_to_delete(&self) -> Result<(Filter, Option<String>), CommandError> {
        let now = Zoned::now();
        let time = self.time(&now)?;
        if let Some(doubt) = time.doubts.first() {
            return Err(usage(Doubt::refusal(doubt)));
        }
        Ok((self.with_time(&time)?, time.shown(&now)))
    }

    /// The project that was given, in which a hash is looked for.
    pub(super) fn project(&self) -> Option<&String> {
        given(&self.project)
    }

    fn time(&self, now: &Zoned) -> Result<Understood, CommandError> {
        let named = |name: &'static str, option| given(option).map(|text| (name, text.trim()));
        let asked = Asked {
            phrase: named("--when", &self.when),
            after: named("--after", &self.after),
            before: named("--before", &self.before),
        };
        understand(asked, now).map_err(usage)
    }

    fn with_time(&self, time: &Understood) -> Result<Filter, CommandError> {
        let tag_match = match self.all_tags {
            true => TagMatch::All,
            false => TagMatch::Any,
        };
        let mut filter = Filter::default()
            .with_created(time.after_ms, time.before_ms)
            .with_tags(&tags(&self.tag), tag_match)
            .map_err(usage)?;
        if let Some(memory_type) = given(&self.memory_type) {
            filter = filter.with_type(memory_type).map_err(usage)?;
        }
        if let Some(project) = self.project() {
            filter = filter.with_project(&named(project)).map_err(usage)?;
        }
        Ok(filter)
    }
}

/// Takes tags apart that were given as one text; words such as `null`, which scripts give for nothing, are none.
pub(super) fn tags(given: &[String]) -> Vec<String> {
    let given = given.iter().filter(|text| !is_word_for_nothing(text));
    given.flat_map(|text| tags_in(text)).collect()
}

/// Returns what was given for an option, unless it is a word for nothing.
pub(super) fn given(option: &Option<String>) -> Option<&String> {
    option.as_ref().filter(|text| !is_word_for_nothing(text))
}

/// Brings a number into its limits: 0 stands for none, and what is above `most` is cut, and that is said.
pub(super) fn within(name: &str, given: i64, default: i64, most: usize) -> i64 {
    match given {
        0 => default,
        given if given > most as i64 => {
            output::note(&format!(
                "note: --{name} was cut to {most}, the largest there is"
            ));
            most as i64
        }
        given => given,
    }
}

pub(super) fn usage(error: impl std::fmt::Display) -> CommandError {
    CommandError::Usage(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        which: Which,
    }

    fn which(options: &[&str]) -> Which {
        Line::try_parse_from([&["x"], options].concat())
            .unwrap()
            .which
    }

    fn tagged(tags: &[&str]) -> Filter {
        let tags: Vec<String> = tags.iter().map(|tag| (*tag).to_owned()).collect();
        Filter::default().with_tags(&tags, TagMatch::Any).unwrap()
    }

    #[test]
    fn options_are_read_in_the_spellings_of_the_tools() {
        let table: [(&[&str], Filter); 8] = [
            (&[], Filter::default()),
            (&["--tag", "a", "--tags", "b,c"], tagged(&["a", "b", "c"])),
            (&["--tags", "['a', 'b']"], tagged(&["a", "b"])),
            (&["--tags", "#a #b"], tagged(&["a", "b"])),
            (&["--tag", "", "--tag", "None"], Filter::default()),
            (
                &["--type", "null", "--project", "undefined"],
                Filter::default(),
            ),
            (
                &["--project", ""],
                Filter::default().with_project("").unwrap(),
            ),
            (
                &["--after", "1737884000", "--before", "1737884000123"],
                Filter::default().with_created(Some(1_737_884_000_000), Some(1_737_884_000_123)),
            ),
        ];
        for (options, wanted) in table {
            assert_eq!(which(options).filter().unwrap(), wanted, "{options:?}");
        }
    }

    #[test]
    fn times_are_read_in_words_and_refused_by_a_delete_if_they_have_two_readings() {
        for when in ["7d", "last_week", "yesterday to now", "10 mins ago"] {
            let which = which(&["--when", when]);
            assert!(!which.filter().unwrap().is_open(), "{when}");
            let (_, shown) = which.filter_to_delete().unwrap();
            assert!(shown.is_some_and(|shown| shown.starts_with("20")), "{when}");
        }
        let two_ways = which(&["--before", "03/04/2025"]);
        assert!(two_ways.filter().is_ok());
        let error = two_ways.filter_to_delete().unwrap_err().to_string();
        assert!(
            error.contains("`--before`: `03/04/2025` can be read as 2025-04-03 or as 2025-03-04"),
            "{error}"
        );
        let error = which(&["--when", "soon"]).filter().unwrap_err().to_string();
        assert!(
            error.starts_with("--when must be a date such as"),
            "{error}"
        );
        assert!(error.ends_with("got `soon`"), "{error}");
    }

    #[test]
    fn numbers_are_brought_into_their_limits() {
        let table = [
            (0, 10),
            (7, 7),
            (100, 100),
            (101, 100),
            (i64::MAX, 100),
            (-1, -1),
        ];
        for (given, wanted) in table {
            assert_eq!(within("limit", given, 10, 100), wanted, "given {given}");
        }
    }
}
