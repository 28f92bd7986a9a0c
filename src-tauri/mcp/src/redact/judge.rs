//! Tells values that may be secrets from placeholders, names, paths and code.
//!
//! A setting called `password` holds a password, `$PASSWORD`, `YOUR_PASSWORD`, `args.password` or `hash(password)`. Only the
//! first is a secret. The measures are those of the public rule sets: stop words, classes of characters, Shannon entropy.

/// Words that stand in values which only show where a secret belongs.
const PLACEHOLDER_WORDS: [&str; 18] = [
    "your",
    "example",
    "sample",
    "dummy",
    "placeholder",
    "changeme",
    "change-me",
    "change_me",
    "redacted",
    "hidden",
    "****",
    "....",
    "todo",
    "insert",
    "<",
    "${",
    "{{",
    "…",
];

/// Whole values that are no secrets although they stand where one belongs.
const PLACEHOLDERS: [&str; 22] = [
    "password",
    "passwd",
    "pass",
    "pwd",
    "secret",
    "token",
    "user",
    "username",
    "null",
    "none",
    "true",
    "false",
    "test",
    "string",
    "bearer",
    "basic",
    "abc123",
    "password123",
    "root",
    "admin",
    "postgres",
    "guest",
];

/// Whether `value` only shows where a secret belongs.
pub(super) fn is_placeholder(value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    let is_variable = value.starts_with(['$', '{', '[', '<', '%', '*', '@', '#', '(', '…'])
        && !is_strong(value)
        || value.starts_with("${")
        || value.starts_with("{{")
        || value.starts_with("[redacted")
        || value.starts_with("__") && value.ends_with("__");
    is_variable
        || PLACEHOLDERS.contains(&lower.as_str())
        || ["xxxx", "XXXX"].iter().any(|run| value.contains(run))
        || PLACEHOLDER_WORDS.iter().any(|word| lower.contains(word))
        || distinct(value) <= 2
}

/// Whether `value` is put together from words, as the names of resources and settings are: `app-pool-v2`, `user_id`.
pub(super) fn is_words(value: &str) -> bool {
    value
        .split(['-', '_', '.', '/', ':', ' ', '~', '@'])
        .all(|part| part.is_empty() || is_word(part) || is_small_number(part))
}

/// Whether what stands at `start..end` of `text` belongs to a name of words, such as
/// `npm_config_user_agent_override_v2_for_ci_builds`: four of them or more, all small or all capital, with few digits.
///
/// The whole run of letters counts, also where a pattern took a part of it. What a generator made has other letters.
pub(super) fn is_name(text: &str, start: usize, end: usize) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let from = text.floor_char_boundary(start.saturating_sub(NAME_BYTES_MAX));
    let to = text.floor_char_boundary(end + NAME_BYTES_MAX);
    let start = from + text[from..start].trim_end_matches(is_part).len();
    let end = to - text[end..to].trim_start_matches(is_part).len();
    let name = &text[start..end];
    let has = |is: fn(&u8) -> bool| name.bytes().any(|b| is(&b));
    let is_one_case = !(has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase));
    let parts = || name.split(['_', '-', '.']);
    let is_long_word = |part: &&str| part.len() > 1 && is_plain_word(part);
    let digits = name.bytes().filter(u8::is_ascii_digit).count();
    name.len() <= NAME_BYTES_MAX
        && is_one_case
        && digits <= NAME_DIGITS_MAX
        && parts().all(|part| is_plain_word(part) || is_version(part))
        && parts().filter(is_long_word).count() >= NAME_WORDS_MIN
}

/// So far the ends of a name are looked for; keeps the time linear. A longer one is none.
const NAME_BYTES_MAX: usize = 100;
/// Fewer words could be a prefix and a token of letters.
const NAME_WORDS_MIN: usize = 4;
/// A version or two.
const NAME_DIGITS_MAX: usize = 4;
/// Longest word of a name; a token has no separators.
const NAME_WORD_BYTES_MAX: usize = 16;

fn is_plain_word(part: &str) -> bool {
    let is_letters = part.bytes().all(|b| b.is_ascii_alphabetic());
    is_letters && !part.is_empty() && part.len() <= NAME_WORD_BYTES_MAX && has_vowels(part)
}

/// `2`, `v2`, `r8`.
fn is_version(part: &str) -> bool {
    let number = part.trim_start_matches(|c: char| c.is_ascii_alphabetic());
    part.len() - number.len() <= 2 && !number.is_empty() && is_small_number(number)
}

/// A word of prose or code: `token`, `Token`, `TOKEN`, `tokenBucket`, `v2`, `sha256`.
fn is_word(part: &str) -> bool {
    let letters = part.trim_end_matches(|c: char| c.is_ascii_digit());
    let digits = part.len() - letters.len();
    let is_plain =
        letters.bytes().all(|b| b.is_ascii_alphabetic()) && digits <= 4 && letters.len() <= 40;
    is_plain && !letters.is_empty() && has_vowels(letters) && has_few_capitals(letters)
}

/// A word has a vowel among eight letters, as `strength` has; random letters often have none. Short words too: `db`, `v`.
fn has_vowels(letters: &str) -> bool {
    let is_vowel = |b: &u8| {
        matches!(
            b.to_ascii_lowercase(),
            b'a' | b'e' | b'i' | b'o' | b'u' | b'y'
        )
    };
    let vowels = letters.bytes().filter(|b| is_vowel(b)).count();
    letters.len() <= 4 || vowels * 8 >= letters.len()
}

/// The words of a name such as `tokenBucket` have three letters or more on average; all capitals are one word.
fn has_few_capitals(letters: &str) -> bool {
    let capitals = letters.bytes().filter(u8::is_ascii_uppercase).count();
    capitals * 3 < letters.len().max(4) || capitals == letters.len()
}

fn is_small_number(part: &str) -> bool {
    part.len() <= 8 && part.bytes().all(|b| b.is_ascii_digit())
}

/// Whether `value` is a piece of code or a path, not a value itself: `config.get(`, `process.env.TOKEN`, `/run/secrets/x`.
pub(super) fn is_reference(value: &str) -> bool {
    let is_path = value.starts_with(['/', '~', '.', '\\', '&'])
        || value.contains("://")
        || value.starts_with("arn:");
    is_path && is_words(value.trim_start_matches(['/', '~', '.', '\\', '&']))
        || value.contains("://")
        || value.starts_with("arn:")
        || is_code(value)
}

/// A call, an index or a path of names: `generate_token(32)`, `env['TOKEN']`, `Option<String>`, `auth::Token`.
fn is_code(value: &str) -> bool {
    let open = value.find(['(', '[', '{', '<']);
    let is_call = open.is_some_and(|at| at > 0 && is_words(&value[..at]));
    is_call || value.contains("::") && is_words(&value.replace("::", "."))
}

/// Whether `value` looks as if it was made by a generator: long enough, of mixed characters, of high entropy.
pub(super) fn is_strong(value: &str) -> bool {
    let count = |is: fn(&u8) -> bool| value.bytes().filter(is).count();
    let digits = count(u8::is_ascii_digit);
    let (lower, upper) = (count(u8::is_ascii_lowercase), count(u8::is_ascii_uppercase));
    let is_mixed = digits > 0 && lower + upper > 0 || lower > 0 && upper > 0 && value.len() >= 20;
    value.len() >= 8
        && value.is_ascii()
        && is_mixed
        && entropy(value) >= entropy_min(value.len())
        && !is_words(value)
}

/// Bits for each character that random text of this length has at least; 16 hexadecimal digits have about 3.2.
fn entropy_min(length: usize) -> f64 {
    match length {
        0..=11 => 2.2,
        12..=19 => 2.6,
        _ => 3.0,
    }
}

/// Whether `value` was made by a generator, also one of ten mixed letters or more without a digit.
pub(super) fn is_generated(value: &str) -> bool {
    let has = |is: fn(&u8) -> bool| value.bytes().any(|b| is(&b));
    let is_letters = value.len() >= 10 && value.bytes().all(|b| b.is_ascii_alphabetic());
    let is_mixed = has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase);
    is_strong(value) || is_letters && is_mixed && !is_words(value)
}

/// Shannon entropy of the bytes of `text`, in bits for each.
pub(super) fn entropy(text: &str) -> f64 {
    let mut counts = [0u32; 256];
    text.bytes().for_each(|b| counts[usize::from(b)] += 1);
    let length = text.len() as f64;
    counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| f64::from(*count) / length)
        .map(|share| -share * share.log2())
        .sum()
}

fn distinct(value: &str) -> usize {
    let mut seen = [false; 256];
    value.bytes().for_each(|b| seen[usize::from(b)] = true);
    seen.iter().filter(|seen| **seen).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_generator_made_is_told_from_words() {
        for value in [
            "Zk3jd83kSk",
            "9f86d081884c7d65",
            "qJ7xPz0LmW2vRt5Y",
            "kqWzRtPlmXvBnGhJdSfA",
        ] {
            assert!(is_strong(value) && !is_words(value), "{value}");
        }
        for value in [
            "hashicorp-vault-v2",
            "user_id",
            "strict-with-history-of-12",
            "generateToken",
        ] {
            assert!(!is_strong(value), "{value}");
        }
    }

    #[test]
    fn a_name_is_judged_as_a_whole() {
        let is = |text: &str| is_name(text, 0, text.len());
        assert!(is("npm_config_user_agent_override_v2_for_ci_builds"));
        assert!(is_name("`npm_config_user_agent_for_ci`", 1, 12), "a part");
        for text in [
            "npm_config_user",
            "npm_config_user_agent_k3j9x2m7",
            "npm_config_user_agent_kqwzrtplmxvb",
            "npm_config_user_agent_qJ7xPz",
            "ghp_abcdefghijklmnopqrstuvwxyzabcdefghij",
            "a_b_c_d_e_f_1_2_3",
            "one_two_three_four_2024_12",
            "one__two__three__four",
            "",
        ] {
            assert!(!is(text), "{text}");
        }
    }

    #[test]
    fn placeholders_and_code_are_no_values() {
        for value in [
            "YOUR_API_KEY",
            "<token>",
            "${TOKEN}",
            "$TOKEN",
            "********",
            "xxxxxxxxxx",
            "password",
            "__SECRET__",
        ] {
            assert!(is_placeholder(value), "{value}");
        }
        for value in [
            "process.env['X']",
            "get_token()",
            "/run/secrets/db_password_2",
            "https://a.example/x",
        ] {
            assert!(is_reference(value), "{value}");
        }
        assert!(!is_placeholder("$2kd93Kx0q!") && !is_reference("ab/9Kx+03jd7Qm=="));
    }
}
