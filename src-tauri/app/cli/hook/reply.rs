//! What Claude Code reads as the answer to an event.

use serde::Serialize;

use super::event::Event;

/// Longest text that Claude Code gives to the model whole; of a longer one it makes a file.
pub(super) const CHARS_MAX: usize = 10_000;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Reply<'a> {
    hook_specific_output: Output<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Output<'a> {
    hook_event_name: &'static str,
    additional_context: &'a str,
}

/// Writes the answer: JSON on one line. None if the text is empty or too long, which the budgets exclude.
pub(super) fn with_context(event: Event, text: &str) -> Option<String> {
    let is_good = !text.is_empty() && text.chars().count() < CHARS_MAX;
    let output = Output {
        hook_event_name: name(event),
        additional_context: text,
    };
    let reply = Reply {
        hook_specific_output: output,
    };
    is_good.then(|| serde_json::to_string(&reply).expect("texts have a form in JSON"))
}

fn name(event: Event) -> &'static str {
    match event {
        Event::SessionStart => "SessionStart",
        Event::UserPromptSubmit => "UserPromptSubmit",
        Event::PreCompact => "PreCompact",
        Event::SessionEnd => "SessionEnd",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_is_one_line_of_the_json_that_claude_code_reads() {
        assert_eq!(
            with_context(Event::UserPromptSubmit, "a \"b\"\nc").unwrap(),
            r#"{"hookSpecificOutput":{"hookEventName":"UserPromptSubmit","additionalContext":"a \"b\"\nc"}}"#
        );
    }

    #[test]
    fn nothing_and_too_much_are_not_said() {
        assert_eq!(with_context(Event::SessionStart, ""), None);
        assert_eq!(
            with_context(Event::SessionStart, &"ä".repeat(CHARS_MAX)),
            None
        );
        assert!(with_context(Event::SessionStart, &"ä".repeat(CHARS_MAX - 1)).is_some());
    }

    #[test]
    fn each_event_is_answered_under_its_own_name() {
        for event in [
            Event::SessionStart,
            Event::UserPromptSubmit,
            Event::PreCompact,
            Event::SessionEnd,
        ] {
            assert_eq!(Event::named(name(event)), Some(event));
        }
    }
}
