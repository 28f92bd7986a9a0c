//! Lists of words inside a text, in the many ways in which people, models and programs write them.

use serde_json::Value;

use super::python;

/// Takes a text apart into words such as tags: a list of JSON or Python, lines with or without bullets, hashtags, or
/// words with commas between them.
pub fn tags_in(text: &str) -> Vec<String> {
    let text = text.trim();
    literal_list(text)
        .or_else(|| in_brackets(text))
        .or_else(|| hashtags(text))
        .unwrap_or_else(|| text.lines().flat_map(words_of_line).collect())
}

/// Returns a word of a list; None if it is none.
pub(super) fn word(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Reads `["a", "b"]`, `['a', 'b']`, `('a', 'b')`.
fn literal_list(text: &str) -> Option<Vec<String>> {
    if !text.starts_with(['[', '(', '{']) {
        return None;
    }
    let value = serde_json::from_str(text).ok();
    let Some(Value::Array(items)) = value.or_else(|| python::literal(text)) else {
        return None;
    };
    let given = items.iter().filter(|item| !item.is_null());
    given.map(word).collect()
}

/// Reads `[a, b]`. Without a comma, `[draft]` is a word with brackets, and `[draft], urgent` are two words.
fn in_brackets(text: &str) -> Option<Vec<String>> {
    let inside = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'))
        .or_else(|| text.strip_prefix('(')?.strip_suffix(')'))?;
    let is_list = inside.contains(',') && !inside.contains(['[', ']', '(', ')']);
    is_list.then(|| split(inside).collect())
}

/// Reads `#a #b`. A word without the sign makes it something else, such as `c#`.
fn hashtags(text: &str) -> Option<Vec<String>> {
    let words = text.split(|c: char| c.is_whitespace() || c == ',');
    let words = words.filter(|word| !word.is_empty());
    let tag = |word: &str| {
        let tag = word.strip_prefix('#')?;
        (!tag.is_empty() && !tag.starts_with('#')).then(|| tag.to_owned())
    };
    words.map(tag).collect()
}

/// Reads a line: one word behind a bullet, or words with commas.
fn words_of_line(line: &str) -> Vec<String> {
    match behind_bullet(line.trim()) {
        Some(word) => vec![unquoted(word)],
        None => split(line).collect(),
    }
}

/// Returns what stands behind `-`, `*`, `+`, `•` or `1.`
fn behind_bullet(line: &str) -> Option<&str> {
    let after_sign = line.strip_prefix(['-', '*', '+', '•', '–']);
    let after_number = || {
        let rest = line.trim_start_matches(|c: char| c.is_ascii_digit());
        let is_number = rest.len() < line.len();
        rest.strip_prefix(['.', ')']).filter(|_| is_number)
    };
    let rest = after_sign.or_else(after_number)?;
    rest.starts_with(char::is_whitespace).then(|| rest.trim())
}

fn split(text: &str) -> impl Iterator<Item = String> {
    text.split(',').map(unquoted)
}

/// Takes blanks off, and quotes that stand at both ends.
fn unquoted(word: &str) -> String {
    let word = word.trim();
    let inside = ['"', '\'', '`'].iter().find_map(|quote| {
        let inside = word.strip_prefix(*quote)?.strip_suffix(*quote)?;
        (!inside.contains(*quote)).then_some(inside)
    });
    inside.unwrap_or(word).to_owned()
}
