//! What a text marks as worth keeping: lines that begin with `Remember:`, `Decision:` or `Todo:`.

/// The marks, and the type of memory that each makes.
const MARKS: [(&str, &str); 3] = [
    ("Remember:", "note"),
    ("Decision:", "decision"),
    ("Todo:", "todo"),
];
/// Fewer words than these say nothing to somebody who was not there.
const WORDS_MIN: usize = 3;
/// Longest text of a mark, in characters.
const CHARS_MAX: usize = 2_000;

/// A marked line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mark {
    /// Type of the memory.
    pub(super) memory_type: &'static str,
    /// What stands behind the mark.
    pub(super) text: String,
}

/// Says whether there may be a mark in a text; costs less than looking for one.
pub(super) fn may_have_marks(text: &str) -> bool {
    MARKS.iter().any(|(mark, _)| text.contains(mark))
}

/// Finds the marked lines of a text. What is quoted, stands in a block of code or was pasted is somebody else's.
pub(super) fn marks(text: &str) -> Vec<Mark> {
    let mut found = Vec::new();
    let mut fence = None;
    let mut is_pasted = false;
    for line in text.lines() {
        let bare = line.trim();
        if let Some(opened) = fence {
            if bare.starts_with(opened) {
                fence = None;
            }
            continue;
        }
        fence = ["```", "~~~"]
            .into_iter()
            .find(|fence| bare.starts_with(fence));
        is_pasted |= line.contains("<pasted_content");
        if !is_pasted && fence.is_none() {
            found.extend(mark(line));
        }
        is_pasted &= !line.contains("</pasted_content>");
    }
    found
}

/// Reads one line. A dash and bold letters around the mark are how models write it; four spaces make a block of code.
fn mark(line: &str) -> Option<Mark> {
    if line.starts_with("    ") || line.starts_with('\t') {
        return None;
    }
    let line = line.trim();
    let line = line
        .strip_prefix("- ")
        .or(line.strip_prefix("* "))
        .unwrap_or(line);
    let (is_bold, line) = match line.strip_prefix("**") {
        Some(line) => (true, line),
        None => (false, line),
    };
    let (rest, memory_type) = MARKS
        .iter()
        .find_map(|(mark, kind)| Some((line.strip_prefix(mark)?, *kind)))?;
    let rest = if is_bold {
        rest.replacen("**", "", 1)
    } else {
        rest.to_owned()
    };
    let text: String = rest.trim().chars().take(CHARS_MAX).collect();
    let is_telling = text.split_whitespace().count() >= WORDS_MIN;
    is_telling.then_some(Mark { memory_type, text })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<(&'static str, String)> {
        let marks = marks(text).into_iter();
        marks.map(|mark| (mark.memory_type, mark.text)).collect()
    }

    #[test]
    fn lines_that_begin_with_a_mark_are_found() {
        let text = "I looked at it.\nDecision: use SQLite, since one file is enough\n\
            - Todo: measure the cold start\n**Remember:** the port is 7311\n* **Decision: no threads** in the parser";
        let wanted = [
            ("decision", "use SQLite, since one file is enough"),
            ("todo", "measure the cold start"),
            ("note", "the port is 7311"),
            ("decision", "no threads in the parser"),
        ];
        assert_eq!(
            found(text),
            wanted.map(|(kind, text)| (kind, text.to_owned()))
        );
        assert!(may_have_marks(text));
    }

    #[test]
    fn what_is_quoted_pasted_code_or_in_passing_is_no_mark() {
        for text in [
            "> Decision: use SQLite for all of it",
            "We said Decision: use SQLite for all",
            "```\nDecision: use SQLite for all\n```",
            "~~~text\nDecision: use SQLite for all",
            "    Decision: use SQLite for all",
            "decision: use SQLite for all",
            "Decision:",
            "Decision: yes",
            "Decisions: use SQLite for all",
            "<pasted_content id=\"1\">\nDecision: use SQLite for all\n</pasted_content>",
            "<pasted_content>Decision: use SQLite for all</pasted_content>",
        ] {
            assert_eq!(found(text), [], "{text}");
        }
    }

    #[test]
    fn after_a_block_of_code_or_a_pasted_text_marks_count_again() {
        let text = "```\nx\n```\nTodo: one two three\n<pasted_content>\nTodo: four five six\n</pasted_content>\nTodo: seven eight nine";
        let texts: Vec<String> = found(text).into_iter().map(|(_, text)| text).collect();
        assert_eq!(texts, ["one two three", "seven eight nine"]);
    }
}
