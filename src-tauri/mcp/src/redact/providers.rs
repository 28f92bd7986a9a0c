//! The tokens of some hundred services, by the public rules of gitleaks.
//!
//! The library `cerberust` carries them as a table that it makes from the rules of gitleaks (MIT) and checks against them.
//! Its own guesses are not used: whatever is long and looks random is a secret to it, so are checksums.

use cerberust::scanner::detect::{Span as Detected, detect_secrets};

use super::judge::{is_name, is_placeholder};
use super::{Found, Span};

/// Shortest token among the rules.
const TOKEN_BYTES_MIN: usize = 16;
/// The library is surest of its own patterns (0.99) and of the rules of gitleaks (0.95); below are its guesses.
const CONFIDENCE_MIN: f32 = 0.95;

/// Finds tokens in `text`.
///
/// The first call that finds something like a token compiles all rules, if [`compile_rules`] has not: 0.1 s and 17 MB.
/// Prose does not come so far.
pub(super) fn find(text: &str, found: &mut Vec<Found>) {
    if has_token_like_run(text) {
        let detected = detect_secrets(text).into_iter();
        found.extend(detected.filter(|token| is_token(text, token)).map(named));
    }
}

/// Compiles the rules: the library does so when it is first asked, whatever the text.
pub(super) fn compile_rules() {
    drop(detect_secrets(""));
}

fn named(token: Detected) -> Found {
    let kind = token.ty.to_ascii_lowercase().replace('_', " ");
    Found::new(
        kind,
        Span {
            start: token.start,
            end: token.end,
        },
    )
}

fn is_token(text: &str, token: &Detected) -> bool {
    let value = &text[token.start..token.end];
    // Private keys and logins of curl are looked at more closely elsewhere; a Sourcegraph token may be any SHA-1.
    let is_ours = matches!(token.ty.as_str(), "PRIVATE_KEY" | "CURL_AUTH_USER")
        || token.ty == "SOURCEGRAPH_ACCESS_TOKEN" && !value.starts_with("sgp_");
    let is_inside_word = text[..token.start].ends_with(|c: char| c.is_ascii_alphanumeric());
    token.confidence >= CONFIDENCE_MIN
        && !is_ours
        && !is_inside_word
        && !is_placeholder(value)
        && !is_name(text, token.start, token.end)
}

/// Whether `text` has a run of characters that may be a token: long, and with a digit or both capitals and small letters.
fn has_token_like_run(text: &str) -> bool {
    let is_part = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
    text.as_bytes().split(|b| !is_part(b)).any(|run| {
        let has = |is: fn(&u8) -> bool| run.iter().any(is);
        run.len() >= TOKEN_BYTES_MIN
            && (has(u8::is_ascii_digit)
                || has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase))
    })
}
