//! Linux and its kin: a `.desktop` file in the folder `autostart`, by the Desktop Application Autostart Specification.

use std::path::PathBuf;

/// Our own key with the path as it is: the one in `Exec` is quoted twice.
const PROGRAM_KEY: &str = "X-Commonplace-Program";

pub(super) fn folder() -> Option<PathBuf> {
    Some(directories::BaseDirs::new()?.config_dir().join("autostart"))
}

pub(super) fn entry(_name: &str, command: &[String]) -> String {
    let words: Vec<_> = command.iter().map(|word| quoted(word)).collect();
    let program = command.first().map_or("", String::as_str);
    format!(
        "[Desktop Entry]\nType=Application\nName=Commonplace\nComment=Memory for Claude Code\nIcon=commonplace\n\
         Exec={}\n{PROGRAM_KEY}={program}\nTerminal=false\nStartupNotify=false\nX-GNOME-Autostart-enabled=true\n",
        words.join(" ")
    )
}

/// Quotes one word of `Exec`: for the reader of the words, and then for the reader of the file.
fn quoted(word: &str) -> String {
    let mut text = String::from("\"");
    for character in word.chars() {
        match character {
            '"' | '`' | '$' => text.extend(["\\\\", &character.to_string()]),
            '\\' => text.push_str("\\\\\\\\"),
            '%' => text.push_str("%%"),
            _ => text.push(character),
        }
    }
    text.push('"');
    text
}

/// A desktop's settings switch an entry off by one of two keys.
pub(super) fn is_enabled(entry: &str) -> bool {
    let is_hidden = value(entry, "Hidden").is_some_and(|value| value == "true");
    let is_off = value(entry, "X-GNOME-Autostart-enabled").is_some_and(|value| value == "false");
    !is_hidden && !is_off
}

pub(super) fn program(entry: &str) -> Option<PathBuf> {
    value(entry, PROGRAM_KEY).map(PathBuf::from)
}

fn value<'a>(entry: &'a str, key: &str) -> Option<&'a str> {
    let mut lines = entry.lines().filter_map(|line| line.split_once('='));
    lines
        .find(|(name, _)| name.trim() == key)
        .map(|(_, value)| value.trim())
}

/// Returns the name of an entry's file.
pub(super) fn file_name(name: &str) -> String {
    format!("{name}.desktop")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_quoted_as_the_specification_wants() {
        let cases = [
            ("/opt/commonplace", r#""/opt/commonplace""#),
            ("a store", r#""a store""#),
            ("50%", r#""50%%""#),
            ("$HOME", r#""\\$HOME""#),
            (r#"a"b"#, r#""a\\"b""#),
            (r"a\b", r#""a\\\\b""#),
        ];
        for (word, expected) in cases {
            assert_eq!(quoted(word), expected, "{word}");
        }
    }

    #[test]
    fn a_desktop_may_switch_an_entry_off_and_the_program_stays_readable() {
        let command = ["/opt/a program".to_owned(), "app".to_owned()];
        let on = entry("commonplace", &command);
        assert!(is_enabled(&on), "{on}");
        assert!(on.contains("Exec=\"/opt/a program\" \"app\"\n"), "{on}");
        assert_eq!(program(&on), Some(PathBuf::from("/opt/a program")));
        let off = on.replace("enabled=true", "enabled=false");
        assert!(!is_enabled(&off), "{off}");
        assert!(!is_enabled(&format!("{on}Hidden=true\n")));
    }
}
