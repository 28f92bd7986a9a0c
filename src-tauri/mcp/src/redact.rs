//! Finds secrets in text that is to be stored, and replaces them.
//!
//! A memory is read again by other sessions, other programs and perhaps other people, so a key that slipped into one is
//! a leak. Only shapes that are secrets beyond doubt are looked for: well-known prefixes, private keys, and passwords in
//! connection strings. Words such as `password: x` in running text stay, since a guess would spoil good memories.
//!
//! This is not a promise that a stored text holds no secret.

use serde_json::{Map, Value};

/// A text in which secrets were replaced, with the kinds that were found, in order of first finding.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Redacted {
    /// The text as it may be stored.
    pub text: String,
    /// What was replaced, such as `github token`; empty if nothing was.
    pub found: Vec<&'static str>,
}

/// A secret that shows itself by how it begins.
struct Prefixed {
    kind: &'static str,
    prefix: &'static str,
    /// Fewest characters after the prefix.
    length_min: usize,
    /// Characters that may follow.
    is_part: fn(u8) -> bool,
}

const fn prefixed(
    kind: &'static str,
    prefix: &'static str,
    length_min: usize,
    is_part: fn(u8) -> bool,
) -> Prefixed {
    Prefixed {
        kind,
        prefix,
        length_min,
        is_part,
    }
}

/// Longer prefixes stand before shorter ones that they begin with.
const PREFIXED: &[Prefixed] = &[
    prefixed("aws access key", "AKIA", 16, is_upper_or_digit),
    prefixed("aws access key", "ASIA", 16, is_upper_or_digit),
    prefixed("github token", "github_pat_", 22, is_word),
    prefixed("github token", "ghp_", 36, is_word),
    prefixed("github token", "gho_", 36, is_word),
    prefixed("github token", "ghu_", 36, is_word),
    prefixed("github token", "ghs_", 36, is_word),
    prefixed("github token", "ghr_", 36, is_word),
    prefixed("gitlab token", "glpat-", 20, is_token),
    prefixed("api key", "sk-ant-", 20, is_token),
    prefixed("api key", "sk-", 20, is_token),
    prefixed("stripe key", "sk_live_", 16, is_word),
    prefixed("stripe key", "rk_live_", 16, is_word),
    prefixed("google api key", "AIza", 35, is_token),
    prefixed("npm token", "npm_", 36, is_word),
    prefixed("hugging face token", "hf_", 30, is_word),
    prefixed("slack token", "xoxa-", 10, is_token),
    prefixed("slack token", "xoxb-", 10, is_token),
    prefixed("slack token", "xoxp-", 10, is_token),
    prefixed("slack token", "xoxr-", 10, is_token),
    prefixed("slack token", "xoxs-", 10, is_token),
    prefixed("slack token", "xapp-", 10, is_token),
];

fn is_upper_or_digit(b: u8) -> bool {
    b.is_ascii_uppercase() || b.is_ascii_digit()
}

fn is_word(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b == b'_'
}

fn is_token(b: u8) -> bool {
    is_word(b) || b == b'-'
}

/// Replaces every secret found in `text` by `[redacted: KIND]`. Running it on its own output changes nothing.
pub fn redact(text: &str) -> Redacted {
    let mut kept = Redacted {
        text: String::with_capacity(text.len()),
        found: Vec::new(),
    };
    let mut at = 0;
    while at < text.len() {
        if let Some(secret) = secret_at(text, at) {
            kept.text.push_str(&text[at..secret.start]);
            kept.text.push_str(&format!("[redacted: {}]", secret.kind));
            if !kept.found.contains(&secret.kind) {
                kept.found.push(secret.kind);
            }
            at = secret.end;
            continue;
        }
        let next = next_candidate(text, at + 1);
        kept.text.push_str(&text[at..next]);
        at = next;
    }
    kept
}

/// Replaces secrets in every string inside `metadata`, however deep; returns the kinds that were found.
pub fn redact_metadata(metadata: &mut Map<String, Value>) -> Vec<&'static str> {
    let mut found = Vec::new();
    for value in metadata.values_mut() {
        redact_value(value, &mut found);
    }
    found
}

fn redact_value(value: &mut Value, found: &mut Vec<&'static str>) {
    match value {
        Value::String(text) => {
            let redacted = redact(text);
            found.extend(
                redacted
                    .found
                    .iter()
                    .filter(|kind| !found.contains(kind))
                    .copied()
                    .collect::<Vec<_>>(),
            );
            *text = redacted.text;
        }
        Value::Array(values) => values
            .iter_mut()
            .for_each(|value| redact_value(value, found)),
        Value::Object(map) => map
            .values_mut()
            .for_each(|value| redact_value(value, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A secret in a text, in bytes.
struct Secret {
    kind: &'static str,
    start: usize,
    end: usize,
}

/// Finds a secret whose pattern begins at `at`; its own start may lie later (a password inside a connection string).
fn secret_at(text: &str, at: usize) -> Option<Secret> {
    let rest = &text[at..];
    let is_start = at == 0 || !is_word(text.as_bytes()[at - 1]);
    let (kind, start, length) = is_start
        .then(|| {
            prefixed_secret(rest)
                .or_else(|| web_token(rest))
                .or_else(|| keyed_secret(rest))
        })
        .flatten()
        .or_else(|| private_key(rest))
        .or_else(|| password_in_url(text, at))?;
    Some(Secret {
        kind,
        start: at + start,
        end: at + start + length,
    })
}

/// Returns the first place from `from` on where a pattern may begin; every pattern begins with an ASCII character.
fn next_candidate(text: &str, from: usize) -> usize {
    let bytes = text.as_bytes();
    let may_begin = |&i: &usize| {
        bytes[i].is_ascii_alphabetic() && !is_word(bytes[i - 1]) || matches!(bytes[i], b'-' | b':')
    };
    (from..text.len()).find(may_begin).unwrap_or(text.len())
}

/// How far a candidate is looked at before it counts as a secret; keeps the time linear for text made of beginnings.
const LOOK_AHEAD: usize = 1024;

/// Length of the run at the start of `text` that `is_part` accepts, at most `length_max`.
fn run(text: &str, is_part: impl Fn(u8) -> bool, length_max: usize) -> usize {
    text.bytes()
        .take(length_max)
        .take_while(|b| is_part(*b))
        .count()
}

type Found = (&'static str, usize, usize);

fn prefixed_secret(rest: &str) -> Option<Found> {
    PREFIXED.iter().find_map(|known| {
        let after = rest.strip_prefix(known.prefix)?;
        let head = run(after, known.is_part, LOOK_AHEAD);
        // A run of letters without any digit is prose such as `sk-some-long-hyphenated-name`.
        let is_secret =
            head >= known.length_min && after[..head].bytes().any(|b| b.is_ascii_digit());
        is_secret.then(|| {
            (
                known.kind,
                0,
                known.prefix.len() + run(after, known.is_part, after.len()),
            )
        })
    })
}

/// A JSON web token: three parts of base64url, the first two being JSON objects.
fn web_token(rest: &str) -> Option<Found> {
    let head = rest
        .starts_with("eyJ")
        .then(|| run(rest, is_token, LOOK_AHEAD))
        .filter(|n| *n >= 10)?;
    let payload = rest[head..].strip_prefix('.')?;
    let body = payload
        .starts_with("eyJ")
        .then(|| run(payload, is_token, payload.len()))
        .filter(|n| *n >= 6)?;
    let signature = payload[body..].strip_prefix('.')?;
    Some((
        "json web token",
        0,
        head + 1 + body + 1 + run(signature, is_token, signature.len()),
    ))
}

/// A secret without a shape of its own that stands after the name of its setting.
fn keyed_secret(rest: &str) -> Option<Found> {
    const NAMES: [&str; 2] = ["aws_secret_access_key", "aws_secret_key"];
    let name = NAMES.iter().find(|name| {
        rest.get(..name.len())
            .is_some_and(|r| r.eq_ignore_ascii_case(name))
    })?;
    let is_gap = |b| matches!(b, b' ' | b'\t' | b'=' | b':' | b'"' | b'\'');
    let gap = run(&rest[name.len()..], is_gap, LOOK_AHEAD);
    let start = name.len() + gap;
    let is_part = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'+' | b'=');
    let length = run(&rest[start..], is_part, LOOK_AHEAD);
    (gap > 0 && length >= 40).then_some(("aws secret key", start, length))
}

/// A private key in PEM form; one that is cut off counts up to the end of the text.
fn private_key(rest: &str) -> Option<Found> {
    let label = rest.strip_prefix("-----BEGIN ")?;
    let (label, _) = label.split_once("-----")?;
    if !label.ends_with("PRIVATE KEY") && !label.ends_with("PRIVATE KEY BLOCK") {
        return None;
    }
    let closing = format!("-----END {label}-----");
    let end = rest
        .find(&closing)
        .map_or(rest.len(), |i| i + closing.len());
    Some(("private key", 0, end))
}

/// The password in `scheme://user:password@host`, seen from the `:` of `://`.
fn password_in_url(text: &str, at: usize) -> Option<Found> {
    let authority = text[at..].strip_prefix("://")?;
    if !text[..at].ends_with(|c: char| c.is_ascii_alphanumeric()) {
        return None;
    }
    let end = authority.find(|c: char| {
        c.is_whitespace() || matches!(c, '/' | '?' | '#' | '"' | '\'' | '`' | '<' | '>')
    });
    let authority = &authority[..end.unwrap_or(authority.len())];
    let (login, _) = authority.rsplit_once('@')?;
    let (user, password) = login.split_once(':')?;
    let is_placeholder = password.is_empty() || password.starts_with(['[', '$', '{', '*']);
    (!is_placeholder).then_some(("password", 3 + user.len() + 1, password.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Secrets are put together here, so that no scanner takes this file for a leak.
    fn token(prefix: &str, length: usize) -> String {
        format!("{prefix}{}", "a1B2c3D4e5".repeat(10).get(..length).unwrap())
    }

    #[test]
    fn each_kind_of_secret_is_replaced_by_its_name() {
        let jwt = format!(
            "{}.{}.{}",
            token("eyJ", 30),
            token("eyJ", 40),
            token("", 43)
        );
        let pem = format!(
            "-----BEGIN RSA {0}-----\nMIIabc\nxyz\n-----END RSA {0}-----",
            "PRIVATE KEY"
        );
        let table = [
            (
                format!("key {}KIA{}", "A", "ABCDEFGH12345678"),
                "key [redacted: aws access key]",
                "aws access key",
            ),
            (
                token("ghp_", 36),
                "[redacted: github token]",
                "github token",
            ),
            (
                token("github_pat_", 60),
                "[redacted: github token]",
                "github token",
            ),
            (
                format!("({})", token("sk-ant-api03-", 40)),
                "([redacted: api key])",
                "api key",
            ),
            (
                format!("\"{}\"", token("sk-proj-", 40)),
                "\"[redacted: api key]\"",
                "api key",
            ),
            (token("xoxb-", 30), "[redacted: slack token]", "slack token"),
            (
                format!("Bearer {jwt}!"),
                "Bearer [redacted: json web token]!",
                "json web token",
            ),
            (
                format!("before\n{pem}\nafter"),
                "before\n[redacted: private key]\nafter",
                "private key",
            ),
            (
                "postgres://app:hunter2@db.local:5432/x".to_owned(),
                "postgres://app:[redacted: password]@db.local:5432/x",
                "password",
            ),
            (
                "redis://:s3cret@cache".to_owned(),
                "redis://:[redacted: password]@cache",
                "password",
            ),
            (
                format!("AWS_SECRET_ACCESS_KEY = {}", token("", 40)),
                "AWS_SECRET_ACCESS_KEY = [redacted: aws secret key]",
                "aws secret key",
            ),
        ];
        for (given, wanted, kind) in table {
            let redacted = redact(&given);
            assert_eq!(redacted.text, wanted);
            assert_eq!(redacted.found, [kind]);
            assert_eq!(
                redact(&redacted.text).found,
                [""; 0],
                "a redacted text holds no secret"
            );
        }
    }

    #[test]
    fn text_that_only_looks_like_a_secret_stays() {
        let table = [
            "",
            "the sk-learn-pipeline-configuration-file is in conf/",
            "task-12345678901234567890abcdef",
            "AKIA is the prefix of access keys, ghp_ that of tokens",
            "see https://user@example.org/path and http://localhost:7311/mcp",
            "connect with postgres://app:$PASSWORD@db or postgres://app:[redacted: password]@db",
            "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
            "mail me: a:b@c",
            "日本語: テスト — eyJ is how a token begins",
        ];
        for given in table {
            assert_eq!(
                redact(given),
                Redacted {
                    text: given.to_owned(),
                    found: vec![]
                }
            );
        }
    }

    #[test]
    fn a_key_that_is_cut_off_is_replaced_to_the_end() {
        let given = format!("x -----BEGIN {}-----\nMIIabc", "PRIVATE KEY");
        assert_eq!(redact(&given).text, "x [redacted: private key]");
    }

    #[test]
    fn metadata_is_searched_in_depth() {
        let secret = token("ghp_", 36);
        let mut metadata = Map::new();
        metadata.insert(
            "deep".into(),
            serde_json::json!({"list": [1, {"text": secret}], "other": "fine"}),
        );
        assert_eq!(redact_metadata(&mut metadata), ["github token"]);
        assert_eq!(
            metadata["deep"],
            serde_json::json!({"list": [1, {"text": "[redacted: github token]"}], "other": "fine"})
        );
    }
}
