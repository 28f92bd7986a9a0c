//! How much of an answer each client shows its model: one table, and the room that follows from it.
//!
//! A client that is given more cuts: the middle, the end, or all but 2 KB. So an answer stays below what the client takes,
//! counted on what it reads, escapes included, and says itself what is left out. An answer has two forms, JSON and text. A
//! client that may show both, and counts them together, gets one. `docs/answers.md` has the same table.

/// Kept free below each limit: for notes that are added last, and for what a client puts around an answer.
const MARGIN: usize = 2_000;

/// What one family of clients takes.
#[derive(Debug, PartialEq, Eq)]
struct Reader {
    /// How the name begins under which it calls.
    name: &'static str,
    /// Most that it shows whole.
    limit: usize,
    unit: Unit,
    takes: Forms,
    /// Most lines of text that it shows whole.
    lines: usize,
}

/// What a client counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    /// Characters as JavaScript has them.
    Utf16,
    /// Bytes of UTF-8.
    Bytes,
}

/// Which forms of an answer a client gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Forms {
    /// Both: it shows the model one of them.
    Both,
    /// The JSON; of a call that failed the text as well, for that is read then.
    Json,
    /// The text.
    Text,
}

/// The table. Each row was seen in a run of the program, or read in it where that is said.
const READERS: [Reader; 5] = [
    // 2.1.332: longer JSON goes into a file, and the model sees its first 2 KB.
    Reader {
        name: "claude-code",
        limit: 50_000,
        unit: Unit::Utf16,
        takes: Forms::Both,
        lines: usize::MAX,
    },
    // 0.171: 10,000 tokens of four bytes each, of the JSON; the middle is cut. A model that calls tools from a script prints
    // the whole result, with both forms.
    Reader {
        name: "codex",
        limit: 40_000,
        unit: Unit::Bytes,
        takes: Forms::Json,
        lines: usize::MAX,
    },
    // 0.61: of the text, the first 8,000 and the last 32,000 characters are kept.
    Reader {
        name: "gemini-cli",
        limit: 40_000,
        unit: Unit::Utf16,
        takes: Forms::Both,
        lines: usize::MAX,
    },
    // 1.18.33: of the text; whole lines are cut, so that a single long one shows nothing.
    Reader {
        name: "opencode",
        limit: 51_200,
        unit: Unit::Bytes,
        takes: Forms::Both,
        lines: 2_000,
    },
    // 0.24.4: both forms, of which together the first 2,000 characters if they are longer; the rest is in a file. 0.15.10: the
    // text only, the middle cut.
    Reader {
        name: "qwen-c",
        limit: 25_000,
        unit: Unit::Utf16,
        takes: Forms::Text,
        lines: 1_000,
    },
];

/// Who is not in the table gets what all in it can take.
const UNKNOWN: Reader = Reader {
    name: "",
    limit: 25_000,
    unit: Unit::Bytes,
    takes: Forms::Both,
    lines: 1_000,
};

/// The room that an answer has at one client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reach(&'static Reader);

impl Reach {
    /// The room at the client of this name.
    pub(crate) fn of(client: &str) -> Self {
        let is_named = |reader: &&Reader| {
            let start = client.get(..reader.name.len());
            start.is_some_and(|start| start.eq_ignore_ascii_case(reader.name))
        };
        Self(READERS.iter().find(is_named).unwrap_or(&UNKNOWN))
    }

    /// The longest answer that is made for it, in the units of [`crate::budget`], which are never less than its own.
    pub(crate) fn room(self) -> usize {
        self.0.limit - MARGIN
    }

    /// Says which part of its room an answer of this JSON and this text takes; more than 1 is too long.
    pub(crate) fn share(self, json: &str, text: &str) -> f64 {
        let length = self.count(json).max(self.count(text)) as f64 / self.room() as f64;
        let lines = text.lines().count() as f64 / self.lines() as f64;
        length.max(lines)
    }

    /// Most lines of a text that is made for it.
    pub(crate) fn lines(self) -> usize {
        self.0.lines - 20
    }

    /// Which forms of an answer the client gets.
    pub(crate) fn forms(self) -> Forms {
        self.0.takes
    }

    fn count(self, text: &str) -> usize {
        match self.0.unit {
            Unit::Utf16 => text.encode_utf16().count(),
            Unit::Bytes => text.len(),
        }
    }
}

/// What Claude Code is told to take from a tool whose answers may be long. They stay below [`Reach::room`]; this is above
/// it, so that one character more or less never sends an answer into a file.
pub(crate) const RESULT_CHARS_MAX: usize = 60_000;

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use serde_json::json;

    /// One client of each family, and one of none.
    pub(crate) const CLIENTS: [&str; 6] = [
        "claude-code",
        "codex-mcp-client",
        "gemini-cli-mcp-client",
        "opencode",
        "qwen-cli-mcp-client-memory",
        "node",
    ];

    /// Fails if the client would cut an answer of this JSON and this text. Counts on its own, as the client does.
    pub(crate) fn assert_shown_whole(client: &str, (json, text): (&str, &str), what: &str) {
        let (chars, bytes) = (json.encode_utf16().count(), json.len());
        let text_chars = text.encode_utf16().count();
        let (text_bytes, lines) = (text.len(), text.lines().count());
        let is_whole = match client {
            "claude-code" => chars <= 50_000,
            "codex-mcp-client" => bytes.div_ceil(4) <= 10_000,
            "gemini-cli-mcp-client" => text_chars <= 40_000,
            "opencode" => text_bytes <= 51_200 && lines <= 2_000,
            "qwen-cli-mcp-client-memory" => text_chars <= 25_000 && lines <= 1_000,
            _ => bytes.max(text_bytes) <= 25_000 && lines <= 1_000,
        };
        assert!(
            is_whole,
            "{client}, {what}: JSON of {chars} characters and {bytes} bytes, text of {text_chars}, {text_bytes}, {lines} lines"
        );
    }

    #[test]
    fn clients_are_known_by_how_their_names_begin() {
        let table = [
            ("claude-code", "claude-code"),
            ("Claude-Code", "claude-code"),
            ("codex-mcp-client", "codex"),
            ("codex_cli_rs", "codex"),
            ("gemini-cli-mcp-client-memory", "gemini-cli"),
            ("opencode", "opencode"),
            ("qwen-code-mcp-client", "qwen-c"),
            ("qwen-cli-mcp-client-memory", "qwen-c"),
            ("node", ""),
            ("", ""),
            ("日本", ""),
            ("claude", ""),
        ];
        for (client, wanted) in table {
            assert_eq!(Reach::of(client).0.name, wanted, "{client:?}");
        }
    }

    #[test]
    fn who_is_not_known_gets_what_every_known_client_can_take() {
        for reader in &READERS {
            assert!(UNKNOWN.limit <= reader.limit && UNKNOWN.lines <= reader.lines);
        }
        assert!(RESULT_CHARS_MAX > Reach::of("claude-code").room());
    }

    #[test]
    fn who_counts_both_forms_together_gets_one() {
        let table = [
            ("claude-code", Forms::Both),
            ("codex-mcp-client", Forms::Json),
            ("qwen-cli-mcp-client-memory", Forms::Text),
            ("node", Forms::Both),
        ];
        for (client, wanted) in table {
            assert_eq!(Reach::of(client).forms(), wanted, "{client}");
        }
    }

    #[test]
    fn length_is_counted_as_the_client_counts_it() {
        let takes = |client: &str, text: &str| {
            Reach::of(client).share(&json!({ "t": text }).to_string(), text) <= 1.0
        };
        let wide = "日".repeat(20_000);
        assert!(takes("claude-code", &wide), "20,000 characters");
        assert!(!takes("codex", &wide), "60,000 bytes");
        let quoted = "\"".repeat(30_000);
        assert!(!takes("claude-code", &quoted), "escapes count");
        let lines = "\n".repeat(1_500);
        assert!(takes("opencode", &lines) && !takes("qwen-code", &lines));
    }
}
