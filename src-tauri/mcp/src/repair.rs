//! Repairs messages that are almost JSON, and finds whose request a broken one is.
//!
//! A client that gets an answer without its id waits until its time is over. So what a cut emoji, bytes of another encoding
//! or a number of JavaScript leave in a message must not cost the id.

use std::borrow::Cow;

use serde_json::Value;

/// A message that can be read, unless more is wrong with it than is repaired here.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Repaired<'a> {
    /// Half surrogate pairs and bytes that are not UTF-8 have become U+FFFD, control characters in texts escapes.
    pub(crate) text: Cow<'a, [u8]>,
    /// Whether it has numbers that JSON does not have; `null` stands for them.
    pub(crate) has_no_numbers: bool,
}

/// What to tell a client that sent such numbers.
pub(crate) const NO_NUMBER: &str = "the message has NaN or Infinity where JSON wants a number; nothing was done: leave the \
    value out, or send it as text";

/// Repairs what can be repaired; the message stays as it is if there is nothing.
pub(crate) fn repair(bytes: &[u8]) -> Repaired<'_> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = String::from_utf8_lossy(bytes);
    let mut scan = Scan::new(text.as_bytes());
    scan.run();
    let Scan {
        out,
        has_no_numbers,
        ..
    } = scan;
    let text = match (out, text) {
        (Some(out), _) => Cow::Owned(out),
        (None, Cow::Borrowed(_)) => Cow::Borrowed(bytes),
        (None, Cow::Owned(text)) => Cow::Owned(text.into_bytes()),
    };
    Repaired {
        text,
        has_no_numbers,
    }
}

/// Goes through a message once. What is changed is copied from the first change on.
struct Scan<'a> {
    from: &'a [u8],
    at: usize,
    out: Option<Vec<u8>>,
    has_no_numbers: bool,
}

impl<'a> Scan<'a> {
    fn new(from: &'a [u8]) -> Self {
        Self {
            from,
            at: 0,
            out: None,
            has_no_numbers: false,
        }
    }

    fn run(&mut self) {
        let mut is_in_text = false;
        while let Some(byte) = self.from.get(self.at) {
            match (is_in_text, byte) {
                (_, b'"') => {
                    is_in_text = !is_in_text;
                    self.keep(1);
                }
                (true, b'\\') => self.escape(),
                (true, 0..=0x1f) => {
                    let escaped = format!("\\u{byte:04x}");
                    self.replace(1, escaped.as_bytes());
                }
                (false, b'N' | b'I' | b'-') => self.number(),
                _ => self.keep(1),
            }
        }
    }

    /// Two escapes of UTF-16 make one character; one alone makes none.
    fn escape(&mut self) {
        let first = self.unit(self.at);
        match first {
            Some(0xd800..=0xdbff) => match self.unit(self.at + 6) {
                Some(0xdc00..=0xdfff) => self.keep(12),
                _ => self.replace(6, b"\\ufffd"),
            },
            Some(0xdc00..=0xdfff) => self.replace(6, b"\\ufffd"),
            Some(_) => self.keep(6),
            None => self.keep(2),
        }
    }

    /// The number of an escape such as `\ud83d` at a place.
    fn unit(&self, at: usize) -> Option<u32> {
        let digits = self.from.get(at..at + 6)?.strip_prefix(b"\\u")?;
        let digits = std::str::from_utf8(digits).ok()?;
        u32::from_str_radix(digits, 16).ok()
    }

    fn number(&mut self) {
        let words: [&[u8]; 3] = [b"NaN", b"Infinity", b"-Infinity"];
        let rest = &self.from[self.at..];
        match words.into_iter().find(|word| rest.starts_with(word)) {
            Some(word) => {
                self.has_no_numbers = true;
                self.replace(word.len(), b"null");
            }
            None => self.keep(1),
        }
    }

    fn keep(&mut self, count: usize) {
        let end = (self.at + count).min(self.from.len());
        if let Some(out) = &mut self.out {
            out.extend_from_slice(&self.from[self.at..end]);
        }
        self.at = end;
    }

    fn replace(&mut self, count: usize, with: &[u8]) {
        let before = &self.from[..self.at];
        let out = self.out.get_or_insert_with(|| before.to_vec());
        out.extend_from_slice(with);
        self.at += count;
    }
}

/// Finds the id of a request that is not JSON: the value of `"id":` between the outermost braces, as far as they can be told.
pub(crate) fn request_id(bytes: &[u8]) -> Option<Value> {
    let text = &*repair(bytes).text;
    let (mut depth, mut at) = (0_i32, 0);
    while at < text.len() {
        match text[at] {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth -= 1,
            b'"' => {
                let end = end_of_text(text, at)?;
                if depth == 1 && &text[at..end] == b"\"id\"" {
                    let rest = text[end..].trim_ascii_start();
                    return value_after(rest.strip_prefix(b":")?);
                }
                at = end;
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    None
}

/// Returns the place behind the text that begins at `start`.
fn end_of_text(text: &[u8], start: usize) -> Option<usize> {
    let mut at = start + 1;
    loop {
        match text.get(at)? {
            b'\\' => at += 2,
            b'"' => return Some(at + 1),
            _ => at += 1,
        }
    }
}

fn value_after(text: &[u8]) -> Option<Value> {
    let mut values = serde_json::Deserializer::from_slice(text).into_iter::<Value>();
    usable(values.next()?.ok()?)
}

fn usable(id: Value) -> Option<Value> {
    (id.is_string() || id.is_number()).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_no_text_becomes_the_mark_for_it_and_the_rest_stays() {
        let table: [(&[u8], &str); 12] = [
            (br#"{"a":"\ud83d"}"#, "{\"a\":\"\u{fffd}\"}"),
            (br#"{"a":"\ud83dx\udE00"}"#, "{\"a\":\"\u{fffd}x\u{fffd}\"}"),
            (br#"{"a":"\ud83d\ud83d\ude00"}"#, "{\"a\":\"\u{fffd}😀\"}"),
            (br#"{"a":"\ude00\ud83d"}"#, "{\"a\":\"\u{fffd}\u{fffd}\"}"),
            (br#"{"\udc00":1}"#, "{\"\u{fffd}\":1}"),
            (br#"{"a":"\\ud83d"}"#, r#"{"a":"\\ud83d"}"#),
            (br#"{"a":"\"\\\""}"#, r#"{"a":"\"\\\""}"#),
            (b"{\"a\":\"caf\xe9\"}", "{\"a\":\"caf\u{fffd}\"}"),
            (b"{\"a\":\"\xf0\x9f\x98\"}", "{\"a\":\"\u{fffd}\"}"),
            (b"{\"a\":\"1\t2\n3\"}", r#"{"a":"1\t2\n3"}"#),
            (b"\xef\xbb\xbf{}", "{}"),
            (br#"{"a":"NaN -Infinity"}"#, r#"{"a":"NaN -Infinity"}"#),
        ];
        for (given, wanted) in table {
            let repaired = repair(given);
            let read: Value = serde_json::from_slice(&repaired.text)
                .unwrap_or_else(|error| panic!("{}: {error}", String::from_utf8_lossy(given)));
            let wanted: Value = serde_json::from_str(wanted).unwrap();
            assert_eq!(read, wanted);
            assert!(!repaired.has_no_numbers);
        }
    }

    #[test]
    fn a_sound_message_stays_as_it_is() {
        for text in [
            r#" {"a": "\ud83d\ude00é😀", "b": -1.5e3} "#,
            "",
            "{",
            "\"\\",
        ] {
            assert_eq!(repair(text.as_bytes()).text, Cow::Borrowed(text.as_bytes()));
        }
    }

    #[test]
    fn numbers_that_json_does_not_have_are_noticed() {
        for number in ["NaN", "Infinity", "-Infinity"] {
            let given = format!(r#"{{"a":[{number}],"b":-1}}"#);
            let repaired = repair(given.as_bytes());
            assert!(repaired.has_no_numbers);
            let read: Value = serde_json::from_slice(&repaired.text).unwrap();
            assert_eq!(read, json!({"a": [null], "b": -1}));
        }
    }

    #[test]
    fn the_id_of_a_broken_request_is_found_and_no_other() {
        let table = [
            (r#"{"id": 7, "method": "tools/call", "params": {"#, json!(7)),
            (
                r#"{"id":"a\"b","method":"x","params":{"a":"cut"#,
                json!("a\"b"),
            ),
            (
                r#"{"method":"x","params":{"a":'q'},"jsonrpc":"2.0","id":8}"#,
                json!(8),
            ),
            (r#"{"params":{"a":[1,]},"id":9,"jsonrpc":"2.0"}"#, json!(9)),
            (
                r#"{"method":"x","params":{"id":1,"a":[1,]},"id":3}"#,
                json!(3),
            ),
            (r#"{"method":"x","params":{"id":1,"a":"#, Value::Null),
            (r#"{"method":"x","params":{"a":1,"id":1}"#, Value::Null),
            (r#"{"params":{"text":"\"id\":4}"#, Value::Null),
            (r#"{"id": null, "a": [1,]}"#, Value::Null),
            (r#"{"id": {"a": 1}, "b": [1,]}"#, Value::Null),
            (r#"[{"id": 4},]"#, Value::Null),
            ("{'id': 4}", Value::Null),
            ("", Value::Null),
            ("\"id\"", Value::Null),
        ];
        for (given, wanted) in table {
            assert_eq!(
                request_id(given.as_bytes()).unwrap_or_default(),
                wanted,
                "{given}"
            );
        }
    }
}
