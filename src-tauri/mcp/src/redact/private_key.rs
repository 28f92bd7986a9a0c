//! Finds private keys in PEM form (RFC 7468; PGP: RFC 9580, section 6.2): the first line, a body in base64, the last line.
//!
//! A first line alone is a mention of keys, not a key, and what follows it is prose.

use super::{Found, Span};

const FIRST: &str = "-----BEGIN ";
const DASHES: &str = "-----";
/// Longest label that is looked at; the longest in use is `ENCRYPTED PRIVATE KEY`.
const LABEL_BYTES_MAX: usize = 40;
/// Shortest line of a body but for the last: 64 to 76 characters are usual, some tools fold more narrowly.
const LINE_BYTES_MIN: usize = 16;
/// How far the end of a header line is looked for.
const HEADER_BYTES_MAX: usize = 200;
/// A body without its last line counts from here on: 32 bytes in base64, the smallest private key.
const CUT_OFF_BYTES_MIN: usize = 43;

/// Finds every private key in `text`.
pub(super) fn find(text: &str, found: &mut Vec<Found>) {
    let mut at = 0;
    while let Some(start) = text[at..].find(FIRST).map(|i| at + i) {
        at = start + FIRST.len();
        let Some(label) = label(&text[at..]) else {
            continue;
        };
        let body_start = at + label.len() + DASHES.len();
        if let Some(end) = end_of_key(text, label, body_start) {
            found.push(Found::new("private key", Span { start, end }));
            at = end;
        }
    }
}

fn label(rest: &str) -> Option<&str> {
    let window = &rest[..rest.floor_char_boundary(LABEL_BYTES_MAX + DASHES.len())];
    let (label, _) = window.split_once(DASHES)?;
    (label.ends_with("PRIVATE KEY") || label.ends_with("PRIVATE KEY BLOCK")).then_some(label)
}

/// Returns where the key whose body begins at `start` ends; None if no body follows.
fn end_of_key(text: &str, label: &str, start: usize) -> Option<usize> {
    let body = Body::read(text, start);
    let rest = &text[body.next..];
    let last = rest
        .strip_prefix("-----END ")
        .and_then(|rest| rest.strip_prefix(label))
        .and_then(|rest| rest.strip_prefix(DASHES));
    match last {
        Some(after) if body.bytes > LINE_BYTES_MIN => {
            Some(trailing_escape(text, text.len() - after.len()))
        }
        None if body.bytes >= CUT_OFF_BYTES_MIN => Some(body.end),
        Some(_) | None => None,
    }
}

/// A line break that is written as `\n` belongs to the key: JSON has it inside the value.
fn trailing_escape(text: &str, end: usize) -> usize {
    end + if text[end..].starts_with("\\n") { 2 } else { 0 }
}

/// What stands after a first line as far as it can be the body of a key.
struct Body {
    /// Characters of base64.
    bytes: usize,
    /// Where the last line of base64 ends.
    end: usize,
    /// Where the next thing begins that is no base64.
    next: usize,
}

impl Body {
    fn read(text: &str, start: usize) -> Self {
        let mut body = Self {
            bytes: 0,
            end: start,
            next: skip_breaks(text, start),
        };
        if body.next == start {
            return body;
        }
        while let Some(end) = header_end(text, body.next, body.bytes) {
            body.next = skip_breaks(text, end);
        }
        let mut is_last = false;
        loop {
            let line = base64_run(&text[body.next..]);
            let is_checksum = line == 5 && text[body.next..].starts_with('=');
            if line == 0 || is_last && !is_checksum || line < LINE_BYTES_MIN && body.bytes == 0 {
                return body;
            }
            let after = body.next + line;
            let breaks = skip_breaks(text, after);
            let is_followed =
                text[breaks..].starts_with("-----END ") || text[breaks..].starts_with('=');
            if line < LINE_BYTES_MIN && !is_checksum && !is_followed {
                return body;
            }
            is_last = line < LINE_BYTES_MIN;
            body.bytes += line;
            body.end = after;
            body.next = breaks;
        }
    }
}

/// Line breaks and indents, as they are or as JSON and code write them, also between quotes.
fn skip_breaks(text: &str, start: usize) -> usize {
    let bytes = text.as_bytes();
    let mut at = start;
    while at < bytes.len() {
        match bytes[at] {
            b' ' | b'\t' | b'\r' | b'\n' | b'"' | b'\'' | b',' | b'>' | b'|' | b'#' => at += 1,
            b'\\' if matches!(bytes.get(at + 1), Some(b'n' | b'r')) => at += 2,
            b'\\'
                if bytes.get(at + 1) == Some(&b'\\')
                    && matches!(bytes.get(at + 2), Some(b'n' | b'r')) =>
            {
                at += 3
            }
            _ => break,
        }
    }
    at
}

/// Headers such as `Proc-Type: 4,ENCRYPTED` and `Version: GnuPG v2` stand before the body.
fn header_end(text: &str, start: usize, body_bytes: usize) -> Option<usize> {
    const NAMES: [&str; 6] = [
        "Proc-Type:",
        "DEK-Info:",
        "Version:",
        "Comment:",
        "Hash:",
        "Charset:",
    ];
    let rest = &text[start..];
    let is_header = body_bytes == 0 && NAMES.iter().any(|name| rest.starts_with(name));
    let window = &rest[..rest.floor_char_boundary(HEADER_BYTES_MAX)];
    is_header.then(|| start + window.find(['\n', '\\']).unwrap_or(window.len()))
}

fn base64_run(rest: &str) -> usize {
    let is_part = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=');
    rest.as_bytes().iter().take_while(|b| is_part(b)).count()
}
