//! The table `cases.toml`: precision and recall, and the name of each miss.

use commonplace_mcp::redact::redact;
use serde::Deserialize;

use crate::random::Random;

#[derive(Deserialize)]
struct Table {
    case: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    text: String,
}

const LOWER: &str = "abcdefghijklmnopqrstuvwxyz";
const UPPER: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const DIGITS: &str = "0123456789";

/// A text of the table with its random parts, and what has to become of it.
struct Made {
    text: String,
    /// What stands between the secrets; it has to stay.
    outside: Vec<String>,
    /// What has to go.
    secrets: Vec<String>,
}

impl Made {
    fn from(template: &str, seed: u64) -> Self {
        let mut random = Random(seed);
        let (mut outside, mut secrets) = (Vec::new(), Vec::new());
        let mut text = String::new();
        for (n, part) in template.split(['⟦', '⟧']).enumerate() {
            let (filled, made) = filled(part, &mut random);
            text.push_str(&filled);
            match (n % 2 == 0, made.is_empty()) {
                (true, _) => outside.push(filled),
                (false, true) => secrets.push(filled),
                (false, false) => secrets.extend(made),
            }
        }
        Self {
            text,
            outside,
            secrets,
        }
    }

    /// Whether a secret, or 12 characters of one, is still there.
    fn is_leaked(&self, kept: &str) -> bool {
        let is_there = |part: &[u8]| {
            kept.as_bytes()
                .windows(part.len())
                .any(|window| window == part)
        };
        let has_part = |secret: &String| secret.as_bytes().windows(12).any(is_there);
        self.secrets
            .iter()
            .any(|secret| is_there(secret.as_bytes()) || has_part(secret))
    }

    /// Whether anything outside of the secrets was changed.
    fn is_spoiled(&self, kept: &str) -> bool {
        let (first, rest) = self.outside.split_first().expect("a text has a beginning");
        let Some((last, between)) = rest.split_last() else {
            return kept != first;
        };
        let Some(mut inside) = kept
            .strip_prefix(first.as_str())
            .and_then(|kept| kept.strip_suffix(last.as_str()))
        else {
            return true;
        };
        for part in between {
            match inside.split_once(part.as_str()) {
                Some((_, after)) => inside = after,
                None => return true,
            }
        }
        false
    }
}

/// Fills `{{kind:length}}`; returns the text and what was made at random. Other braces stay.
fn filled(template: &str, random: &mut Random) -> (String, Vec<String>) {
    let (mut text, mut made) = (String::new(), Vec::new());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        text.push_str(before);
        let known = after
            .split_once("}}")
            .and_then(|(name, after)| Some((name, part(name, random)?, after)));
        let Some((name, part, after)) = known else {
            text.push_str("{{");
            rest = after;
            continue;
        };
        text.push_str(&part);
        if name != "dashes" {
            made.push(part);
        }
        rest = after;
    }
    text.push_str(rest);
    (text, made)
}

fn part(name: &str, random: &mut Random) -> Option<String> {
    const HEX: &str = "0123456789abcdef";
    match name {
        "dashes" => return Some("-----".to_owned()),
        "uuid" => {
            let groups = [8, 4, 4, 4, 12].map(|length| random.text(HEX, length));
            return Some(groups.join("-"));
        }
        _ => {}
    }
    let (kind, length) = name.split_once(':')?;
    let alphabet = match kind {
        "alnum" => format!("{LOWER}{UPPER}{DIGITS}"),
        "alpha" => format!("{LOWER}{UPPER}"),
        "lower" => format!("{LOWER}{DIGITS}"),
        "upper" => format!("{UPPER}{DIGITS}"),
        "digit" => DIGITS.to_owned(),
        "hex" => HEX.to_owned(),
        "HEX" => HEX.to_uppercase(),
        "b32" => format!("{UPPER}234567"),
        "bech32" => "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L".to_owned(),
        "b64" => format!("{LOWER}{UPPER}{DIGITS}+/"),
        "b64url" => format!("{LOWER}{UPPER}{DIGITS}-_"),
        _ => return None,
    };
    Some(random.text(&alphabet, length.parse().ok()?))
}

#[derive(Debug, Default)]
struct Score {
    found: u32,
    leaked: u32,
    spoiled: u32,
}

impl Score {
    fn recall(&self) -> f64 {
        f64::from(self.found) / f64::from(self.found + self.leaked)
    }

    fn precision(&self) -> f64 {
        f64::from(self.found) / f64::from(self.found + self.spoiled)
    }

    fn assert_good(&self, which: &str) {
        println!(
            "{which}: precision {:.1} %, recall {:.1} %: {self:?}",
            100.0 * self.precision(),
            100.0 * self.recall()
        );
        assert!(
            self.precision() >= 0.95 && self.recall() >= 0.95,
            "{which}: {self:?}"
        );
    }
}

/// Judges one text, and names what went wrong.
fn judge(case: &Case, seed: u64, score: &mut Score) {
    let made = Made::from(&case.text, seed);
    let kept = redact(&made.text).text;
    let (is_leaked, is_spoiled) = (made.is_leaked(&kept), made.is_spoiled(&kept));
    if is_leaked || is_spoiled {
        println!(
            "missed `{}`: leaked {is_leaked}, spoiled {is_spoiled}: {kept}",
            case.name
        );
    }
    if !made.secrets.is_empty() {
        score.found += u32::from(!is_leaked);
        score.leaked += u32::from(is_leaked);
    }
    score.spoiled += u32::from(is_spoiled);
    assert_eq!(
        redact(&kept).text,
        kept,
        "`{}`: a redacted text holds no secret",
        case.name
    );
}

#[test]
fn at_least_95_of_100_secrets_are_found_and_95_of_100_findings_are_secrets() {
    let table: Table = toml::from_str(include_str!("cases.toml")).unwrap();
    let secrets = table
        .case
        .iter()
        .filter(|case| case.text.contains('⟦'))
        .count();
    assert!(secrets >= 80 && table.case.len() - secrets >= 40);
    let (mut known, mut held_back) = (Score::default(), Score::default());
    for (n, case) in table.case.iter().enumerate() {
        let score = if n % 3 == 2 {
            &mut held_back
        } else {
            &mut known
        };
        // Other random parts must not change the verdict.
        for round in 0..5 {
            judge(case, n as u64 * 100 + round, score);
        }
    }
    known.assert_good("looked at while the rules were written");
    held_back.assert_good("held back");
}

#[test]
fn what_stands_around_a_secret_stays() {
    let random = &mut Random(7);
    let password = random.text("abcdefghkmnpqrstuvwxyz23456789", 14);
    let table = [
        (
            "postgres://app:{}@db.local:5432/x",
            "postgres://app:[redacted: password]@db.local:5432/x",
        ),
        ("redis://:{}@cache", "redis://:[redacted: password]@cache"),
        (
            "Server=db;User Id=sa;Password={};Encrypt=True",
            "Server=db;User Id=sa;Password=[redacted: password];Encrypt=True",
        ),
        (
            "{\"password\": \"{}\", \"port\": 1}",
            "{\"password\": \"[redacted: password]\", \"port\": 1}",
        ),
        (
            "PGPASSWORD={} psql -h db",
            "PGPASSWORD=[redacted: password] psql -h db",
        ),
        (
            "login a, password: {}.",
            "login a, password: [redacted: password].",
        ),
    ];
    for (given, wanted) in table {
        assert_eq!(redact(&given.replace("{}", &password)).text, wanted);
    }
}

#[test]
fn kinds_are_named_and_never_the_secret() {
    let random = &mut Random(8);
    let hex = random.text("0123456789abcdef", 64);
    let table = [
        (
            format!("ghp_{}", random.text("a1B2c3D4e5F6g7", 36)),
            "github token",
        ),
        (format!("Authorization: Bearer {hex}"), "bearer token"),
        (format!("agent.token: {hex}"), "commonplace token"),
        (
            format!(
                "https://hooks.slack.com/services/T01234567/B01234567/{}",
                random.text("aB3dE5fG7h", 24)
            ),
            "slack hook",
        ),
        (
            format!("glpat-{}", random.text("aB3dE5fG7h", 20)),
            "gitlab token",
        ),
    ];
    for (given, kind) in table {
        let redacted = redact(&given);
        assert_eq!(redacted.found, [kind], "{}", redacted.text);
    }
    assert_eq!(
        redact(&hex).text,
        hex,
        "any SHA-256 looks like a token of an older version: alone it stays"
    );
}
