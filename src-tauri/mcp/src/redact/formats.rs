//! Secrets that are found by their form, or by the words around them, and that the rules of [`super::providers`] leave out.
//!
//! One row for each; its source is the public documentation of who gives the secret out. The library behind the patterns
//! needs a time that grows with the length of the text only, whatever the text: memories are not to be trusted.

use std::sync::{LazyLock, OnceLock};

use aho_corasick::{AhoCorasick, AhoCorasickBuilder};
use regex::Regex;

use super::judge::{entropy, is_generated, is_name, is_placeholder};
use super::{Found, Span};

/// How a value that a pattern found is judged.
#[derive(Clone, Copy)]
enum Check {
    /// The form says it all; only placeholders of this form are left alone.
    Form,
    /// It has to look generated, too.
    Strong,
    /// It stands where only a password stands.
    Password,
}

struct Format {
    kind: &'static str,
    /// One of them, in small letters, is in every text that the pattern finds something in.
    words: &'static [&'static str],
    /// The secret is the first group.
    pattern: &'static str,
    check: Check,
}

const fn format(
    kind: &'static str,
    words: &'static [&'static str],
    pattern: &'static str,
    check: Check,
) -> Format {
    Format {
        kind,
        words,
        pattern,
        check,
    }
}

use Check::{Form, Password, Strong};

#[rustfmt::skip]
const FORMATS: &[Format] = &[
    // docs.aws.amazon.com, IAM identifiers: unique ID prefixes; base 32.
    format("aws access key", &["akia", "asia", "abia", "acca"], r"\b((?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16})\b", Form),
    // docs.aws.amazon.com, Signature Version 4; cloud.google.com, signed URLs; learn.microsoft.com, shared access signatures.
    format("signature of an address", &["signature=", "sig=", "security-token="],
        r"(?i)[?&;](?:X-Amz-Signature|X-Goog-Signature|X-Amz-Security-Token|Signature|sig)=([\w%+/=-]{32,})", Form),
    // github.blog, "Behind GitHub's new authentication token formats".
    format("github token", &["ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"],
        r"\b((?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_\w{22,}))", Form),
    // docs.gitlab.com, token overview: prefixes; routable tokens have two parts more.
    format("gitlab token", &["gl"],
        r"\b(gl(?:pat|rt|rtr|dt|ptt|ft|soat|cbt|imt|agent|oas|wt)-[\w-]{20,}(?:\.[0-9a-z]{2}\.[0-9a-z]{7,})?)", Form),
    // developers.google.com, OAuth 2.0 for installed apps.
    format("google oauth secret", &["gocspx-"], r"\b(GOCSPX-[\w-]{20,})", Form),
    format("google token", &["ya29.", "1//0"], r"(?:^|[^\w/])(ya29\.[\w.-]{20,}|1//0[\w-]{30,})", Form),
    // docs.stripe.com, keys and webhook signatures.
    format("stripe key", &["sk_", "rk_", "whsec_"], r"\b((?:[sr]k_(?:live|test|prod)_[A-Za-z0-9]{16,}|whsec_[A-Za-z0-9+/=]{24,}))", Form),
    // api.slack.com, token types and incoming webhooks.
    format("slack token", &["xox", "xapp-"], r"\b((?:xox[a-z]-|xapp-)[\w.-]{10,})", Strong),
    format("slack hook", &["hooks.slack.com"], r"(https://hooks\.slack\.com/(?:services|workflows|triggers)/[\w/-]{20,})", Form),
    // discord.com developer documentation, webhook and authentication.
    format("discord hook", &["discord"], r"(https://(?:\w+\.)?discord(?:app)?\.com/api/(?:v\d+/)?webhooks/\d{15,}/[\w-]{40,})", Form),
    format("discord token", &["."], r"\b([MNO][\w-]{23,25}\.[\w-]{6}\.[\w-]{27,40})", Strong),
    // learn.microsoft.com, incoming webhooks of Teams.
    format("teams hook", &["webhook.office.com"], r"(https://[\w.-]+\.webhook\.office\.com/webhookb2/[\w@-]+/IncomingWebhook/[\w/-]+)", Form),
    // core.telegram.org/bots.
    format("telegram token", &[":aa"], r"\b(\d{8,10}:AA[\w-]{33})", Form),
    // platform.openai.com, docs.anthropic.com, console.groq.com, docs.x.ai, build.nvidia.com, replicate.com.
    format("api key", &["sk-", "gsk_", "pplx-", "xai-", "nvapi-", "r8_"],
        r"(?:^|[^\w-])((?:sk-(?:proj|svcacct|admin|ant|or)-|gsk_|pplx-|xai-|nvapi-|r8_)[\w-]{20,}|sk-[A-Za-z0-9]{20,})", Strong),
    // huggingface.co, user access tokens.
    format("hugging face token", &["hf_"], r"\b(hf_[A-Za-z0-9]{30,})", Form),
    // docs.npmjs.com, about access tokens; docs.pypi.org; doc.rust-lang.org/cargo; guides.rubygems.org.
    format("npm token", &["npm_"], r"\b(npm_[A-Za-z0-9]{36})\b", Form),
    format("pypi token", &["pypi-"], r"\b(pypi-[\w-]{50,})", Form),
    format("crates.io token", &["cio"], r"\b(cio[A-Za-z0-9]{32})\b", Strong),
    // docs.docker.com, access tokens; tailscale.com/kb, key prefixes; supabase.com, personal access tokens.
    format("docker token", &["dckr_"], r"\b(dckr_[a-z]{3}_[\w-]{20,})", Form),
    format("tailscale key", &["tskey-"], r"\b(tskey-[a-z]+-\w{8,}-\w{16,})", Form),
    format("supabase token", &["sbp_", "sb_secret_"], r"\b((?:sbp_[0-9a-f]{40}|sb_secret_[\w-]{20,}))", Form),
    // developer.hashicorp.com, API tokens of Terraform and Vault.
    format("terraform token", &[".atlasv1."], r"\b([A-Za-z0-9]{14}\.atlasv1\.[\w=-]{60,})", Form),
    format("vault token", &["hvs.", "hvb.", "hvr."], r"\b(hv[sbr]\.[\w-]{24,})", Form),
    // developers.notion.com; support.atlassian.com, API tokens; linear.app; docs.databricks.com.
    format("notion token", &["ntn_", "secret_"], r"\b((?:ntn_|secret_)[A-Za-z0-9]{43,})\b", Strong),
    format("atlassian token", &["atatt3", "atctt3"], r"\b(AT[AC]TT3[\w=-]{60,})", Form),
    format("linear key", &["lin_"], r"\b(lin_(?:api|oauth)_[A-Za-z0-9]{32,})", Form),
    format("databricks token", &["dapi"], r"\b(dapi[0-9a-f]{32}(?:-\d)?)\b", Form),
    // documentation.mailgun.com; mailchimp.com/developer: the data centre stands behind the key; sendgrid.com.
    format("mailgun key", &["key-"], r"\b(key-[0-9a-f]{32})\b", Form),
    format("mailchimp key", &["-us"], r"\b([0-9a-f]{32}-us\d{1,2})\b", Form),
    format("sendgrid key", &["sg."], r"\b(SG\.[\w-]{16,32}\.[\w-]{40,50})", Form),
    // github.com/C2SP/C2SP, age.
    format("age key", &["age-secret-key-1"], r"(AGE-SECRET-KEY-1[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58})", Form),
    // RFC 7519; the payload may be empty, the signature too.
    format("json web token", &["eyj"], r"\b(eyJ[\w-]{8,}\.eyJ[\w-]{6,}\.[\w-]*)", Form),
    // RFC 6750, RFC 7617, and what services put there.
    format("bearer token", &["bearer"], r"(?i)\bbearer\s{1,4}([\w.~+/=-]{16,})", Strong),
    format("login", &["authorization"],
        r#"(?i)\bauthorization["'\\]{0,3}\s{0,4}[:=]\s{0,4}[bfr]?["'\\]{0,3}(?:basic|token|apikey|key|digest)\s{1,4}([\w.~+/=:-]{8,})"#, Strong),
    // docs.docker.com, config.json of the client.
    format("login", &["\"auth\""], r#""auth"\s{0,4}:\s{0,4}"([A-Za-z0-9+/]{16,}={0,2})""#, Strong),
    // kubernetes.io, kubeconfig; keys in PEM form, encoded once more.
    format("private key", &["client-key-data"], r#"client-key-data["']?\s{0,4}:\s{0,4}["']?([A-Za-z0-9+/=]{40,})"#, Form),
    format("private key", &["ls0tls1crudjti"],
        r"\b(LS0tLS1CRUdJTiB(?:SU0Eg|QUklWQVRF|FQyBQ|PUEVOU1NI|FTkNSWVBU)[A-Za-z0-9+/=]{40,})", Form),
    // gnu.org, inetutils: the .netrc file.
    format("password", &["machine"], r"\bmachine\s{1,8}[!-~]{1,255}\s{1,8}login\s{1,8}[!-~]{1,255}\s{1,8}password\s{1,8}(\S{4,})", Password),
    // Manuals of curl, docker, mysql, sshpass.
    format("password", &["-u", "--user"], r#"\s(?:-u|--user)[ =]["']?[^\s"':$]{1,100}:([^\s"']{4,})"#, Password),
    format("password", &["login"], r#"\blogin\b[ -~]{0,200}?\s(?:-p|--password)[ =]["']?([^\s"']{6,})"#, Password),
    format("password", &["mysql", "sshpass"], r#"\b(?:mysql(?:dump|admin)?\b[ -~]{0,200}?\s-p|sshpass -p ?)["']?([^\s"']{4,})"#, Password),
    format("secret", &["--"],
        r#"\s--(?:[a-z0-9]{1,20}-){0,3}(?:password|passwd|token|secret|api-?key|auth-?key|access-?key|secret-key)[ =]["']?([^\s"']{8,})"#, Strong),
    format("commonplace token", &["commonplace_"], r"(commonplace_[0-9a-f]{64})", Form),
    // Our first tokens were 32 bytes in hexadecimal digits, as any SHA-256 is: only the words before them tell them apart.
    format("commonplace token", &["commonplace token"], r"commonplace token\b[ -~]{0,80}\r?\n(?:[^\S\n]*\w*:?[^\S\n]*)([0-9a-f]{64})\b", Form),
    format("commonplace token", &["agent", "admin"], r"(?i)\b(?:agent|admin)[._ -]?token\W{1,12}(?:is\s)?([0-9a-f]{64})\b", Form),
    // Name and value side by side: environments of Kubernetes, settings of .NET; Dockerfiles and shells without a sign.
    format("secret", &["value"],
        r#"(?i)\b(?:name|key)["']?\s{0,4}[:=]\s{0,4}["']?[\w.:-]{0,60}(?:password|secret|token|api[_-]?key|access[_-]?key)["']?,?\s{1,12}["']?value["']?\s{0,4}[:=]\s{0,4}["']?([^\s"']{6,})"#, Password),
    format("secret", &["env ", "set -", "setx ", "setenv "],
        r#"(?i)\b(?:ENV|set -g?x|setx|setenv)\s{1,4}\w{0,60}(?:password|secret|token|key)\s{1,4}["']?([^\s"'$]{8,})"#, Strong),
    // postgresql.org, the password file: host, port, database, user, password.
    format("password", &[":5432:", ":5433:", ":6432:", ":3306:"], r"(?m)^[\w.*-]{1,100}:\d{4,5}:[\w*-]{1,64}:[\w*.@-]{1,64}:(\S{6,})$", Password),
    // A sentence that tells a password: `the password of X is Y`, `the token for X: Y`.
    format("password", &["pass", "secret", "token", "key"],
        r#"(?i)\b(?:password|passphrase|passwd|api key|access key|secret key|secret|token)\b(?:[^.\n:=]{0,60}?\s(?:is|was|be|to|ist|war|lautet)\s{1,2}|\s(?:for|of|to|from)\s[^.\n:=]{1,40}:\s{1,3})["'`]?([^\s"'`]{8,})"#, Strong),
];

struct Compiled {
    /// Finds which words are in a text, in one pass.
    words: AhoCorasick,
    /// For each word the format that it belongs to.
    formats: Vec<usize>,
}

static WORDS: LazyLock<Compiled> = LazyLock::new(|| {
    let rows = FORMATS.iter().enumerate();
    let (formats, words): (Vec<usize>, Vec<&str>) = rows
        .flat_map(|(i, format)| format.words.iter().map(move |word| (i, *word)))
        .unzip();
    let words = AhoCorasickBuilder::new()
        .ascii_case_insensitive(true)
        .build(words)
        .expect("a few hundred short words fit");
    Compiled { words, formats }
});

/// A pattern is compiled when a text first has one of its words, if [`compile_rules`] has not: a process that stores one
/// memory needs few of them.
static PATTERNS: [OnceLock<Regex>; FORMATS.len()] = [const { OnceLock::new() }; FORMATS.len()];

/// Compiles the words and every pattern.
pub(super) fn compile_rules() {
    LazyLock::force(&WORDS);
    for (format, pattern) in FORMATS.iter().zip(&PATTERNS) {
        ready(format, pattern);
    }
}

/// Returns the pattern of `format`, compiled.
fn ready<'a>(format: &Format, pattern: &'a OnceLock<Regex>) -> &'a Regex {
    pattern.get_or_init(|| compiled(format.pattern).expect("a test compiles every pattern"))
}

/// Finds the secrets of every format in `text`.
pub(super) fn find(text: &str, found: &mut Vec<Found>) {
    let mut is_due = [false; FORMATS.len()];
    for word in WORDS.words.find_overlapping_iter(text) {
        is_due[WORDS.formats[word.pattern().as_usize()]] = true;
    }
    let due = FORMATS
        .iter()
        .zip(&PATTERNS)
        .zip(is_due)
        .filter(|(_, is_due)| *is_due);
    for ((format, pattern), _) in due {
        for captures in ready(format, pattern).captures_iter(text) {
            let secret = captures.get(1).expect("every pattern has a group");
            let is_secret = format.check.holds(secret.as_str())
                && !format.check.is_a_name(text, secret.start(), secret.end());
            if is_secret {
                found.push(Found::new(
                    format.kind,
                    Span {
                        start: secret.start(),
                        end: secret.end(),
                    },
                ));
            }
        }
    }
}

/// Compiles a pattern with the ASCII meaning of its classes: tables of all letters would make it large and slow.
fn compiled(pattern: &str) -> Result<Regex, regex::Error> {
    let ascii = pattern
        .replace(r"\b", r"(?-u:\b)")
        .replace(r"\w", "[0-9A-Za-z_]")
        .replace(r"\d", "[0-9]")
        .replace(r"\s", r"[\t\n\r ]");
    Regex::new(&ascii)
}

impl Check {
    /// A form may also be how the name of a setting begins. Where a password stands, words may be one.
    fn is_a_name(self, text: &str, start: usize, end: usize) -> bool {
        match self {
            Self::Form => is_name(text, start, end),
            Self::Strong | Self::Password => false,
        }
    }

    fn holds(self, value: &str) -> bool {
        !is_placeholder(value)
            && match self {
                Self::Form => entropy(value) > 2.5,
                Self::Strong => is_generated(value.trim_end_matches(['.', ',', ';', ')'])),
                Self::Password => super::settings::is_password(value),
            }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_rules_can_be_compiled_before_there_is_a_text() {
        compile_rules();
        let ready = PATTERNS.iter().filter(|pattern| pattern.get().is_some());
        assert_eq!(ready.count(), FORMATS.len());
    }

    #[test]
    fn every_pattern_compiles_and_has_one_group() {
        for format in FORMATS {
            let pattern = compiled(format.pattern)
                .unwrap_or_else(|error| panic!("{}: {error}", format.pattern));
            assert_eq!(pattern.captures_len(), 2, "{}", format.pattern);
        }
    }
}
