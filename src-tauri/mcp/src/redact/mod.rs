//! Finds secrets in what is to be stored, and replaces them.
//!
//! A memory is read again by other sessions, other programs and perhaps other people, so a key that slipped into one is
//! a leak. Four ways to find them: tokens of known services by the rules of gitleaks ([`providers`]), further forms and
//! what stands in headers, queries and commands ([`formats`]), the values of settings by their names ([`settings`]), and
//! passwords in addresses ([`address`]) and private keys ([`private_key`]). What surrounds a secret stays.
//!
//! This is not a promise that a stored text holds no secret.

mod address;
mod formats;
mod judge;
mod parts;
mod private_key;
mod providers;
mod settings;

use std::borrow::Cow;

pub use parts::{Redactor, Replaced, told};

/// A text in which secrets were replaced, with the kinds that were found, each once, in order of first finding.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Redacted {
    /// The text as it may be stored.
    pub text: String,
    /// What was replaced, such as `github token`; empty if nothing was.
    pub found: Vec<Kind>,
}

/// What a secret is, such as `github token`; never a part of it.
pub type Kind = Cow<'static, str>;

/// A part of a text, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    start: usize,
    end: usize,
}

/// A secret in a text.
#[derive(Debug)]
struct Found {
    kind: Kind,
    span: Span,
}

impl Found {
    fn new(kind: impl Into<Kind>, span: Span) -> Self {
        Self {
            kind: kind.into(),
            span,
        }
    }
}

/// How often a text is gone over: what replaced a secret may end a word, and so show another one beside it.
const PASSES_MAX: usize = 4;

/// Replaces every secret found in `text` by `[redacted: KIND]`. Running it on its own output changes nothing.
///
/// Takes a time that grows with the length of the text only; about 10 µs for a note, some ms for 64 KiB.
#[must_use]
pub fn redact(text: &str) -> Redacted {
    let mut redacted = Redacted {
        text: text.to_owned(),
        found: Vec::new(),
    };
    for _ in 0..PASSES_MAX {
        let secrets = secrets(&redacted.text);
        if secrets.is_empty() {
            break;
        }
        redacted.text = replaced(&redacted.text, &secrets);
        for secret in secrets {
            if !redacted.found.contains(&secret.kind) {
                redacted.found.push(secret.kind);
            }
        }
    }
    redacted
}

/// Compiles all rules now, which else the first texts that need them wait for.
///
/// Takes some tenths of a second and 20 MB: for a thread of its own in a process that will store much. One that stores a
/// single memory leaves it. Asking twice costs nothing; a text that comes meanwhile waits for the rules that it needs.
pub fn compile_rules() {
    formats::compile_rules();
    providers::compile_rules();
    settings::compile_rules();
}

/// Returns the secrets in `text` from the first to the last. Those that overlap are one, of the kind that knows it best.
fn secrets(text: &str) -> Vec<Found> {
    let mut found = Vec::new();
    private_key::find(text, &mut found);
    formats::find(text, &mut found);
    providers::find(text, &mut found);
    address::find(text, &mut found);
    settings::find(text, &mut found);
    merged(found)
}

fn merged(mut found: Vec<Found>) -> Vec<Found> {
    // The sort keeps the order of the finders for those that begin together: the surest come first.
    found.sort_by_key(|secret| secret.span.start);
    let mut apart: Vec<Found> = Vec::with_capacity(found.len());
    for secret in found {
        match apart.last_mut() {
            Some(last) if secret.span.start < last.span.end => {
                last.span.end = last.span.end.max(secret.span.end)
            }
            Some(_) | None => apart.push(secret),
        }
    }
    apart
}

fn replaced(text: &str, secrets: &[Found]) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut at = 0;
    for secret in secrets {
        kept.push_str(&text[at..secret.span.start]);
        kept.push_str(&format!("[redacted: {}]", secret.kind));
        at = secret.span.end;
    }
    kept.push_str(&text[at..]);
    kept
}
