//! Texts for menus, tooltips and messages: short, bounded, and without anything that could disturb them.

use super::summary::{HostSummary, Unavailable};
use crate::words::{self, counted, memories, thousands};

/// Longest line in a menu, in characters: texts may hold names that clients chose.
const LINE_CHARS_MAX: usize = 90;
/// Longest sentence in a tooltip, which panels break into lines, in characters.
const SENTENCE_CHARS_MAX: usize = 300;
/// Where a longer text is broken into lines of a menu, in characters.
const WRAP_CHARS: usize = 64;
/// Most lines that one text takes in a menu.
const WRAP_LINES_MAX: usize = 8;

/// Returns the state in one sentence.
pub(super) fn sentence(seen: Result<&HostSummary, &Unavailable>) -> String {
    let text = seen.map_or_else(ToString::to_string, |summary| summary.sentence.clone());
    words::one_line(&text, SENTENCE_CHARS_MAX)
}

/// Returns the text that appears when the pointer rests on the icon, below or after the program's name.
pub(super) fn tooltip(seen: Result<&HostSummary, &Unavailable>) -> String {
    let mut lines = vec![sentence(seen)];
    lines.extend(seen.ok().map(|summary| counts(summary).join(", ")));
    lines.join("\n")
}

/// Returns the numbers worth telling: clients and memories always, the others when they are not zero.
pub(super) fn counts(summary: &HostSummary) -> Vec<String> {
    let mut counts = vec![
        counted(summary.clients.len() as u64, "client", "clients"),
        memories(summary.memories),
    ];
    let waiting = [
        (summary.queue_length as u64, "in the write queue"),
        (summary.waiters as u64, "waiting for the write lock"),
        (summary.backlog, "to index"),
    ];
    let waiting = waiting.into_iter().filter(|(number, _)| *number > 0);
    counts.extend(waiting.map(|(number, what)| format!("{} {what}", thousands(number))));
    counts
}

/// Returns the first names of clients, fit for a menu, and how many others there are.
pub(super) fn some_of(names: &[String], shown_max: usize) -> Vec<String> {
    let mut shown: Vec<_> = names
        .iter()
        .take(shown_max)
        .map(|name| one_line(name))
        .collect();
    let others = names.len() - shown.len();
    if others > 0 {
        shown.push(format!("and {}", counted(others as u64, "other", "others")));
    }
    shown
}

/// Makes a text fit for a menu: one line of bounded length, without control or direction characters.
pub(super) fn one_line(text: &str) -> String {
    words::one_line(text, LINE_CHARS_MAX)
}

/// Breaks a text into lines of a menu.
pub(super) fn wrapped(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in words::plain(text).split(' ') {
        let line = lines.last_mut().map_or(0, |line| line.chars().count());
        if line > 0 && line + 1 + word.chars().count() > WRAP_CHARS {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            line.push_str(if line.is_empty() { "" } else { " " });
            line.push_str(word);
        }
    }
    lines.truncate(WRAP_LINES_MAX);
    lines.iter().map(|line| one_line(line)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::summary::tests::calm;
    use super::*;

    #[test]
    fn the_tooltip_has_the_numbers_that_are_not_zero() {
        let cases = [
            (calm(), "0 clients, 0 memories"),
            (
                HostSummary {
                    clients: vec!["claude-code".into()],
                    memories: 1,
                    ..calm()
                },
                "1 client, 1 memory",
            ),
            (
                HostSummary {
                    queue_length: 12,
                    waiters: 3,
                    backlog: 45_000,
                    ..calm()
                },
                "0 clients, 0 memories, 12 in the write queue, 3 waiting for the write lock, 45,000 to index",
            ),
        ];
        for (summary, numbers) in cases {
            let expected = format!("nothing waits\n{numbers}");
            assert_eq!(tooltip(Ok(&summary)), expected);
        }
        let absent = Unavailable::Silent { pid: 7 };
        assert_eq!(tooltip(Err(&absent)), "the host (pid 7) does not answer");
    }

    #[test]
    fn a_hostile_name_stays_one_short_line() {
        let name = format!("a\u{202E}b\nc\u{1b}[31m{}", "x".repeat(500));
        let line = one_line(&format!("`{name}` waits"));
        assert_eq!(line.chars().count(), LINE_CHARS_MAX);
        assert!(
            line.starts_with("`ab c[31mxxx") && line.ends_with('…'),
            "{line}"
        );
        let lines = wrapped(&format!("{name} {}", "word ".repeat(500)));
        assert_eq!(lines.len(), WRAP_LINES_MAX);
        assert!(
            lines
                .iter()
                .all(|line| line.chars().count() <= LINE_CHARS_MAX),
            "{lines:?}"
        );
    }

    #[test]
    fn a_longer_text_is_broken_between_words() {
        let text =
            "its process is stopped, and it has held the lock for too long, outside a transaction";
        let lines = wrapped(text);
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert_eq!(lines.join(" "), text);
        assert_eq!(wrapped(""), [""]);
    }
}
