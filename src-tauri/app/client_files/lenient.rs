//! Reads a configuration as its client does: JSON with comments and commas too many, or TOML.

use serde_json::Value;

/// How a configuration is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Json,
    Toml,
}

impl Format {
    /// Reads the whole; an empty text is an empty table. The error is what the reader says.
    pub(crate) fn read(self, text: &str) -> Result<Value, String> {
        match self {
            Self::Json if text.trim().is_empty() => Ok(Value::Object(serde_json::Map::new())),
            Self::Json => serde_json::from_str(&plain(text)).map_err(|error| error.to_string()),
            Self::Toml => toml::from_str(text).map_err(|error| error.message().to_owned()),
        }
    }

    /// Writes a text as the usual kind of string, which both have in common.
    pub(crate) fn quoted(text: &str) -> String {
        Value::from(text).to_string()
    }
}

/// Puts blanks in the place of comments, and of commas after which nothing comes.
fn plain(text: &str) -> String {
    let text = text.trim_start_matches('\u{feff}');
    let mut plain = String::with_capacity(text.len());
    let mut comma = None;
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let (taken, is_comment) = piece(rest);
        let piece = &rest[..taken];
        if is_comment || first.is_whitespace() {
            let blank = |c: char| if c == '\n' { '\n' } else { ' ' };
            plain.extend(piece.chars().map(blank));
        } else {
            if let (Some(place), '}' | ']') = (comma, first) {
                plain.replace_range(place..=place, " ");
            }
            comma = (first == ',').then_some(plain.len());
            plain.push_str(piece);
        }
        rest = &rest[taken..];
    }
    plain
}

/// How long the comment, string or character is that a text begins with, and whether it is a comment.
fn piece(text: &str) -> (usize, bool) {
    if text.starts_with("//") {
        return (text.find('\n').unwrap_or(text.len()), true);
    }
    if let Some(inside) = text.strip_prefix("/*") {
        let end = inside.find("*/").map(|end| end + 4);
        return (end.unwrap_or(text.len()), true);
    }
    if text.starts_with('"') {
        return (string_len(text), false);
    }
    (text.chars().next().map_or(0, char::len_utf8), false)
}

fn string_len(text: &str) -> usize {
    let mut is_escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn comments_and_commas_too_many_are_read_over_and_strings_are_left_alone() {
        let text = "\u{feff}{ // one\n \"a\": \"x // y, ]\", /* two\n, */ \"b\": [1, 2, /* three */ ],\n \"c\\\"\": \"/*\",\n}\n// end";
        let wanted = json!({ "a": "x // y, ]", "b": [1, 2], "c\"": "/*" });
        assert_eq!(Format::Json.read(text).unwrap(), wanted);
        assert_eq!(Format::Json.read(" \n").unwrap(), json!({}));
        for broken in ["{", "{\"a\": \"", "/*", "{,,}"] {
            assert!(Format::Json.read(broken).is_err(), "{broken}");
        }
    }
}
