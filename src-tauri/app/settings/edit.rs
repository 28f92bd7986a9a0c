//! Changes one key in the text of the settings file and leaves everything else as a person wrote it.
//!
//! The file is flat, so the place of a value in the text is all that is needed; a library that keeps whole documents would
//! put a new key at the end and not under the comment that explains it.

use std::ops::Range;

use toml::de::{DeTable, Error};

/// Puts `key = value` where the key is; else below the commented line of the template; else at the end.
pub(super) fn set(text: &str, key: &str, value: &toml::Value) -> Result<String, Error> {
    if let Some(entry) = find(text, key)? {
        return Ok(replaced(text, entry.value, &value.to_string()));
    }
    let line = format!("{key} = {value}\n");
    let at = below_comment(text, key).unwrap_or(text.len());
    let is_after_line = at == 0 || text[..at].ends_with('\n');
    let gap = if is_after_line { "" } else { "\n" };
    Ok(replaced(text, at..at, &format!("{gap}{line}")))
}

/// Takes the key out, with its line; the default is in force then.
pub(super) fn reset(text: &str, key: &str) -> Result<String, Error> {
    let Some(entry) = find(text, key)? else {
        return Ok(text.to_owned());
    };
    let start = text[..entry.key.start].rfind('\n').map_or(0, |at| at + 1);
    let end = text[entry.value.end..]
        .find('\n')
        .map_or(text.len(), |at| entry.value.end + at + 1);
    Ok(replaced(text, start..end, ""))
}

/// Returns the line of a key, counted from 1.
#[cfg(not(fuzzing))]
pub(super) fn line_of(text: &str, key: &str) -> Option<usize> {
    let entry = find(text, key).ok()??;
    Some(1 + text[..entry.key.start].matches('\n').count())
}

/// Where a key and its value stand in the text, in bytes.
struct Entry {
    key: Range<usize>,
    value: Range<usize>,
}

fn find(text: &str, key: &str) -> Result<Option<Entry>, Error> {
    let table = DeTable::parse(text)?;
    let found = table
        .get_ref()
        .iter()
        .find(|(name, _)| name.get_ref() == key);
    Ok(found.map(|(name, value)| Entry {
        key: name.span(),
        value: value.span(),
    }))
}

/// Returns the place after the line that shows the default of a key as a comment.
fn below_comment(text: &str, key: &str) -> Option<usize> {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        at += line.len();
        if line.starts_with(&format!("# {key} = ")) {
            return Some(at);
        }
    }
    None
}

fn replaced(text: &str, at: Range<usize>, with: &str) -> String {
    format!("{}{with}{}", &text[..at.start], &text[at.end..])
}

/// Changes any text, for tests that feed it noise.
///
/// Promised: a key that is set has its value, a key that is reset is gone, and no other key changes.
#[cfg(any(test, fuzzing))]
pub(super) fn check_any_text(text: &str) {
    let table = |text: &str| text.parse::<toml::Table>();
    let (key, value) = ("workers", toml::Value::Integer(7));
    let Ok(mut expected) = table(text) else {
        drop(set(text, key, &value));
        return;
    };
    // The file is flat: below the head of a table there is no place for a key.
    if expected.values().any(toml::Value::is_table) {
        return;
    }
    let changed = set(text, key, &value).expect("the text is TOML");
    expected.insert(key.to_owned(), value);
    assert_eq!(table(&changed).as_ref(), Ok(&expected), "{text:?}");
    expected.remove(key);
    let back = reset(&changed, key).expect("the text is TOML");
    assert_eq!(table(&back), Ok(expected), "{text:?}");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(value: i64) -> toml::Value {
        toml::Value::Integer(value)
    }

    #[test]
    fn a_value_is_replaced_and_the_rest_of_its_line_stays() {
        let text = "# mine\nworkers=4 # few\n\nport = 1\n";
        assert_eq!(
            set(text, "workers", &number(8)).unwrap(),
            "# mine\nworkers=8 # few\n\nport = 1\n"
        );
    }

    #[test]
    fn a_new_key_stands_below_the_comment_that_explains_it() {
        let text = "# Threads.\n# workers = 4\n\n# Port.\n# port = 1\n";
        let word = toml::Value::String("auto".to_owned());
        assert_eq!(
            set(text, "workers", &word).unwrap(),
            "# Threads.\n# workers = 4\nworkers = \"auto\"\n\n# Port.\n# port = 1\n"
        );
    }

    #[test]
    fn a_key_without_its_comment_goes_to_the_end() {
        assert_eq!(set("", "port", &number(1)).unwrap(), "port = 1\n");
        assert_eq!(set("a = 1", "b", &number(2)).unwrap(), "a = 1\nb = 2\n");
        let last = "# workers = 4";
        assert_eq!(
            set(last, "workers", &number(2)).unwrap(),
            "# workers = 4\nworkers = 2\n"
        );
    }

    #[test]
    fn a_reset_takes_the_line_away_and_no_other() {
        let text = "# a = 1\na = 2 # two\nb = \"\"\"\nx\n\"\"\"\nc = 3";
        assert_eq!(
            reset(text, "a").unwrap(),
            "# a = 1\nb = \"\"\"\nx\n\"\"\"\nc = 3"
        );
        assert_eq!(reset(text, "b").unwrap(), "# a = 1\na = 2 # two\nc = 3");
        assert_eq!(reset(text, "c").unwrap(), text.trim_end_matches("c = 3"));
        assert_eq!(reset(text, "d").unwrap(), text);
    }

    #[test]
    fn a_damaged_file_is_not_touched() {
        assert!(set("port = [", "workers", &number(1)).is_err());
        assert!(reset("port = [", "port").is_err());
    }
}
