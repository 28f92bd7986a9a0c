//! Finds secrets that have no form of their own, by the name of the setting they belong to: `DB_PASSWORD=…`, `"apiKey": "…"`.
//!
//! The name has to end in a word for a secret, so that `token_limit` and `secret_manager` are none; the value has to look
//! like a value, not like a placeholder, a type, a path or a call.

use std::sync::LazyLock;

use regex::Regex;

use super::judge::{is_generated, is_placeholder, is_reference, is_strong, is_words};
use super::{Found, Span};

/// Values are judged by their beginning; keeps the time linear for text made of beginnings.
const LOOK_AHEAD: usize = 1024;
/// So far the end of a value in quotes is looked for.
const VALUE_BYTES_MAX: usize = 4 * LOOK_AHEAD;
/// Longest name of a setting that is looked at.
const NAME_BYTES_MAX: usize = 64;

const NAME: &str = r"(?i:pass(?:word|wd|phrase|code)?|pwd|pat|secret|token|credentials?|jwt|sid|session[_-]?id|_auth|code[_-]?verifier|(?:api|access|secret|private|preshared|signing|encryption|auth|account|master|deploy|app|application|service|admin|license|client|webhook|storage|subscription|functions|host|shared)[_.-]?key)";

/// A name, what may stand between it and the sign, the sign.
static SETTING: LazyLock<Regex> = LazyLock::new(|| {
    let between = r#"\d{0,2}\\?["'`\]]{0,2}[ \t]{0,4}(?:: ?&?(?:'static )?(?i:string|str) ?=|:=|=>|={1,2}|:|>)[ \t]{0,8}"#;
    Regex::new(&format!("({NAME}){between}")).expect("a test finds settings")
});

/// A name as a whole, for values that stand apart from it.
static WHOLE_NAME: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(&format!(r"({NAME})\d{{0,2}}$")).expect("a test finds names"));

/// Compiles the patterns.
pub(super) fn compile_rules() {
    LazyLock::force(&SETTING);
    LazyLock::force(&WHOLE_NAME);
}

/// Finds the value of every setting in `text` that is a secret.
pub(super) fn find(text: &str, found: &mut Vec<Found>) {
    let mut at = 0;
    while let Some(captures) = SETTING.captures_at(text, at) {
        let (all, name) = (
            captures.get(0).expect("the match"),
            captures.get(1).expect("the name"),
        );
        at = all.end();
        if !is_name(text, name.start(), name.as_str()) {
            continue;
        }
        let value = Value::read(text, all.end());
        if value.is_secret(name.as_str()) {
            let span = value.whole(text);
            at = span.end;
            found.push(Found::new(kind(name.as_str()), span));
        }
    }
}

/// Whether a value that stands under the name `name`, such as one of a JSON object, is a secret as a whole; then its kind.
pub(super) fn secret_under(name: &str, value: &str) -> Option<&'static str> {
    let found = WHOLE_NAME.captures(name)?.get(1)?;
    let span = Span {
        start: 0,
        end: value.len(),
    };
    let value = Value {
        text: value,
        span,
        is_quoted: true,
    };
    (is_name(name, found.start(), found.as_str()) && value.is_secret(found.as_str()))
        .then(|| kind(found.as_str()))
}

fn kind(name: &str) -> &'static str {
    let name = name.to_ascii_lowercase();
    match name.as_str() {
        _ if is_password_name(&name) => "password",
        "token" | "jwt" | "sid" => "token",
        _ if name.starts_with("session") => "token",
        _ if name.ends_with("key") => "key",
        _ => "secret",
    }
}

fn is_password_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.starts_with("pass") || name == "pwd"
}

/// Whether the word at `start` ends the name of a secret setting: `pass` does not in `bypass`, `token` not in `next_page_token`.
fn is_name(text: &str, start: usize, word: &str) -> bool {
    const NOT_SECRET: [&str; 8] = [
        "public",
        "page",
        "next",
        "continu",
        "cursor",
        "idempot",
        "publishable",
        "example",
    ];
    let from = text.floor_char_boundary(start.saturating_sub(NAME_BYTES_MAX));
    let head = &text[from..start];
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let (before, head) = head.split_at(head.trim_end_matches(is_part).len());
    let is_hump = head.ends_with(|c: char| c.is_ascii_lowercase())
        && word.starts_with(|c: char| c.is_ascii_uppercase());
    let is_cut = head.ends_with(|c: char| c.is_ascii_alphabetic()) && !is_hump;
    let is_short = matches!(word, "pass" | "pwd" | "PWD" | "jwt" | "JWT" | "_auth")
        || word.eq_ignore_ascii_case("pat")
        || word.eq_ignore_ascii_case("sid");
    let lower = head.to_ascii_lowercase();
    // `https://x-access-token:…@host` has a user of this name; `address` knows what is its password.
    let is_user = before.ends_with("://");
    let is_other = is_user || is_cut && is_short;
    !is_other && !NOT_SECRET.iter().any(|part| lower.contains(part))
}

/// Whether `value`, which stands where a password stands, is one: also a weak one.
pub(super) fn is_password(value: &str) -> bool {
    const NAMES_OF_METHODS: [&str; 10] = [
        "base64", "sha256", "sha512", "md5", "argon2", "argon2id", "bcrypt", "pbkdf2", "oauth2",
        "scrypt",
    ];
    let has = |is: fn(char) -> bool| value.contains(is);
    let is_mixed = has(|c| c.is_ascii_alphabetic())
        && has(|c| c.is_ascii_digit() || "!@#$%^&*?+=~".contains(c));
    !is_placeholder(value)
        && !is_reference(value)
        && !NAMES_OF_METHODS.contains(&value.to_ascii_lowercase().as_str())
        && (is_generated(value)
            || value.len() >= 6 && is_mixed && !value.contains([' ', '_', '-', '.', '/']))
}

/// The value of a setting.
struct Value<'a> {
    text: &'a str,
    span: Span,
    is_quoted: bool,
}

impl<'a> Value<'a> {
    /// Reads the value that begins at `start`, in quotes or without.
    fn read(text: &'a str, start: usize) -> Self {
        let rest = &text[start..];
        for quote in ["\\\"", "\\'", "\"", "'", "`"] {
            let inside = rest
                .strip_prefix(quote)
                .map(|inside| &inside[..quoted(inside, quote)]);
            if let Some(inside) = inside.filter(|inside| !inside.is_empty()) {
                return Self::at(inside, start + quote.len(), true);
            }
        }
        let rest = &rest[..rest.floor_char_boundary(LOOK_AHEAD)];
        Self::at(&rest[..unquoted(rest)], start, false)
    }

    fn at(text: &'a str, start: usize, is_quoted: bool) -> Self {
        let text = if is_quoted {
            text
        } else {
            text.trim_end_matches(['.', ',', ':'])
        };
        Self {
            text,
            span: Span {
                start,
                end: start + text.len(),
            },
            is_quoted,
        }
    }

    /// The whole value, also where it is longer than what was judged.
    fn whole(&self, text: &str) -> Span {
        let Span { start, end } = self.span;
        let is_cut = !self.is_quoted && end - start + 4 > LOOK_AHEAD;
        let more = if is_cut { unquoted(&text[end..]) } else { 0 };
        Span {
            start,
            end: end + more,
        }
    }

    fn is_secret(&self, name: &str) -> bool {
        let head = &self.text[..self.text.floor_char_boundary(LOOK_AHEAD)];
        if head.contains(char::is_whitespace) || is_placeholder(head) || is_reference(head) {
            return false;
        }
        is_strong(head) || is_password_name(name) && (is_password(head) || self.is_passphrase(head))
    }

    /// Words in a row in quotes, such as `correct-horse-battery-staple`.
    fn is_passphrase(&self, value: &str) -> bool {
        self.is_quoted
            && is_words(value)
            && value
                .split(['-', '_', '.'])
                .filter(|word| word.len() > 2)
                .count()
                >= 4
    }
}

/// Length of what stands before the closing `quote`; 0 if the line or [`VALUE_BYTES_MAX`] ends first.
fn quoted(inside: &str, quote: &str) -> usize {
    let bytes = inside.as_bytes();
    let mut at = 0;
    while at < bytes.len().min(VALUE_BYTES_MAX) {
        match bytes[at] {
            b'\n' => return 0,
            _ if inside.as_bytes()[at..].starts_with(quote.as_bytes()) => return at,
            b'\\' if quote.len() == 1 => at += 2,
            _ => at += 1,
        }
    }
    0
}

/// Length of a value without quotes: up to what separates values in files, commands, queries and prose.
fn unquoted(rest: &str) -> usize {
    let is_end = |(i, c): &(usize, char)| match c {
        '&' => is_parameter(&rest[i + 1..]),
        _ => {
            c.is_whitespace()
                || matches!(
                    c,
                    '"' | '\'' | '`' | ',' | ';' | '<' | '>' | ')' | '}' | ']' | '|' | '\\'
                )
        }
    };
    rest.char_indices()
        .find(is_end)
        .map_or(rest.len(), |(i, _)| i)
}

/// Whether a query or form goes on here: `name=`.
fn is_parameter(rest: &str) -> bool {
    let window = &rest.as_bytes()[..rest.len().min(NAME_BYTES_MAX)];
    let name = window
        .iter()
        .take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
        .count();
    name > 0 && window.get(name) == Some(&b'=')
}
