//! Lines of the settings file that are no TOML, and the text without them.

use toml::de::DeTable;

/// Most lines that are taken out; with more, the text is no settings file.
const BROKEN_LINES_MAX: usize = 20;
/// What stands before a line that was taken out.
const MARK: &str = "# not TOML: ";

/// A line that is no TOML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Broken {
    /// Counted from 1.
    pub(super) line: usize,
    /// The line as it stands there.
    pub(super) text: String,
    /// What is wrong with it.
    pub(super) reason: String,
}

/// Turns each line that is no TOML into a comment; the rest stays as it is. Returns the text and what was taken out.
///
/// # Errors
/// If nothing useful is left: what is wrong with the text as a whole.
pub(super) fn taken_out(text: &str) -> Result<(String, Vec<Broken>), String> {
    let mut lines: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
    let mut broken: Vec<Broken> = Vec::new();
    loop {
        let whole = lines.concat();
        let Err(error) = DeTable::parse(&whole) else {
            broken.sort_by_key(|broken| broken.line);
            return Ok((whole, broken));
        };
        let reason = error.message().replace('\n', " ");
        let at = error.span().map_or(0, |span| span.start.min(whole.len()));
        let index = whole.as_bytes()[..at]
            .iter()
            .filter(|byte| **byte == b'\n')
            .count();
        // What is not closed is missed at the end of the text only.
        let index = (0..=index.min(lines.len().saturating_sub(1)))
            .rev()
            .find(|index| lines.get(*index).is_some_and(|line| has_content(line)));
        let Some(index) = index.filter(|_| broken.len() < BROKEN_LINES_MAX) else {
            return Err(reason);
        };
        broken.push(Broken {
            line: index + 1,
            text: lines[index].trim().to_owned(),
            reason,
        });
        lines[index].insert_str(0, MARK);
    }
}

fn has_content(line: &str) -> bool {
    let line = line.trim_start();
    !line.is_empty() && !line.starts_with('#')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> (String, Vec<usize>) {
        let (text, broken) = taken_out(text).unwrap();
        (text, broken.into_iter().map(|broken| broken.line).collect())
    }

    #[test]
    fn only_the_lines_that_are_wrong_become_comments() {
        let text = "# mine\nport = 1 # one\nworkers = = 8\nlog = \"info\nqueue_length 5\nredact_secrets = false\n";
        let (left, broken) = lines(text);
        assert_eq!(broken, [3, 4, 5]);
        assert_eq!(
            left,
            "# mine\nport = 1 # one\n# not TOML: workers = = 8\n# not TOML: log = \"info\n# not TOML: queue_length \
             5\nredact_secrets = false\n"
        );
    }

    #[test]
    fn a_second_line_for_a_key_is_wrong_and_a_good_text_stays() {
        assert_eq!(lines("port = 1\nport = 2").1, [2]);
        let good = "# port = 1\n\nworkers = \"auto\"";
        assert_eq!(lines(good), (good.to_owned(), vec![]));
        assert_eq!(lines(""), (String::new(), vec![]));
    }

    #[test]
    fn what_is_no_settings_file_at_all_is_said() {
        let page = "<html>\n".repeat(50);
        assert!(taken_out(&page).is_err());
        for opened in ["port = [", "log = \"\"\"\nworkers = 4\n", "[", "\0\u{1}"] {
            // Whatever is left is TOML.
            if let Ok((left, _)) = taken_out(opened) {
                assert!(DeTable::parse(&left).is_ok(), "{opened:?}");
            }
        }
    }
}
