//! What Claude Code says of an event, as JSON on stdin.

use std::io::Read;
use std::path::PathBuf;

use serde::Deserialize;

/// Longest input that is read: a prompt may have a pasted file in it.
const BYTES_MAX: u64 = 16 << 20;

/// What is said of an event. Fields that are not of use are ignored, and so are fields of later versions.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct Input {
    /// Session of the client.
    pub(super) session_id: String,
    /// Where the conversation is written down, one JSON object a line.
    #[serde(default)]
    pub(super) transcript_path: Option<PathBuf>,
    /// Working folder of the session.
    #[serde(default)]
    pub(super) cwd: Option<String>,
    /// How a session began.
    #[serde(default)]
    pub(super) source: Source,
    /// What the person wrote.
    #[serde(default)]
    pub(super) prompt: Option<String>,
}

/// How a session began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Source {
    /// A program that was started.
    #[default]
    Startup,
    /// An earlier session goes on, with all that was said in it.
    Resume,
    /// A session that was split off from another one, with all that was said in it.
    Fork,
    /// The conversation was emptied.
    Clear,
    /// The conversation was summed up, and what was said before is gone.
    Compact,
    /// A word of a later version.
    #[serde(other)]
    Other,
}

impl Source {
    /// Tells whether the conversation still holds what the memory said at its first start.
    pub(super) fn keeps_conversation(self) -> bool {
        matches!(self, Self::Resume | Self::Fork)
    }
}

impl Input {
    /// Reads the input to its end.
    ///
    /// # Errors
    /// In words, if it is not what Claude Code says of an event.
    pub(super) fn read(from: impl Read) -> Result<Self, String> {
        let mut bytes = Vec::new();
        let read = from.take(BYTES_MAX).read_to_end(&mut bytes);
        read.map_err(|error| format!("could not read stdin: {error}"))?;
        // A prompt that was cut inside of a character is still a prompt.
        let text = String::from_utf8_lossy(&bytes);
        serde_json::from_str(&text).map_err(|error| format!("the input is no event: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_claude_code_says_is_read() {
        let said = r#"{"session_id":"44e2e36e","transcript_path":"/t.jsonl","cwd":"/p","prompt_id":"a5","permission_mode":"default","hook_event_name":"UserPromptSubmit","prompt":"hello there"}"#;
        let input = Input::read(said.as_bytes()).unwrap();
        assert_eq!(input.session_id, "44e2e36e");
        assert_eq!(input.transcript_path, Some(PathBuf::from("/t.jsonl")));
        assert_eq!(input.cwd.as_deref(), Some("/p"));
        assert_eq!(input.prompt.as_deref(), Some("hello there"));
    }

    #[test]
    fn a_start_says_whether_the_conversation_is_still_there() {
        let keeps = |source: &str| {
            let said = format!(r#"{{"session_id":"s","source":"{source}"}}"#);
            Input::read(said.as_bytes())
                .unwrap()
                .source
                .keeps_conversation()
        };
        for (source, wanted) in [
            ("startup", false),
            ("clear", false),
            ("compact", false),
            ("resume", true),
            ("fork", true),
            ("something later", false),
        ] {
            assert_eq!(keeps(source), wanted, "{source}");
        }
    }

    #[test]
    fn what_is_no_event_is_refused_in_words() {
        for said in ["", "hello", "{}", "[]", r#"{"session_id":7}"#] {
            let error = Input::read(said.as_bytes()).unwrap_err();
            assert!(error.starts_with("the input is no event"), "{error}");
        }
    }

    #[test]
    fn a_prompt_that_is_no_utf8_is_still_a_prompt() {
        let mut said = br#"{"session_id":"s","prompt":"cut "#.to_vec();
        said.extend(b"\xf0\x9f\"}");
        let input = Input::read(said.as_slice()).unwrap();
        assert_eq!(input.prompt.as_deref(), Some("cut \u{fffd}"));
    }
}
