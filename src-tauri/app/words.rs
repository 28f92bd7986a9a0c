//! Numbers, times, sizes and errors as people read them, in the terminal, the window and the tray.

/// Returns `text` on one line, without control and direction characters, cut to `chars_max` characters.
pub(crate) fn one_line(text: &str, chars_max: usize) -> String {
    let plain = plain(text);
    if plain.chars().count() <= chars_max {
        return plain;
    }
    let begin: String = plain.chars().take(chars_max.saturating_sub(1)).collect();
    format!("{}…", begin.trim_end())
}

/// Removes what could break a line or turn its direction, and joins the words by single spaces.
pub(crate) fn plain(text: &str) -> String {
    let is_shown = |character: &char| {
        !character.is_control()
            && !matches!(character, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
    };
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").chars().filter(is_shown).collect()
}

/// Returns an instant in local time, as `2026-01-26 10:30`.
pub(crate) fn local_time(ms: i64) -> String {
    in_local_time(ms, "%Y-%m-%d %H:%M")
}

/// Returns an instant of today in local time, as `10:30`.
pub(crate) fn clock_time(ms: i64) -> String {
    in_local_time(ms, "%H:%M")
}

fn in_local_time(ms: i64, form: &str) -> String {
    jiff::Timestamp::from_millisecond(ms).map_or_else(
        |_| "?".to_owned(),
        |time| {
            time.to_zoned(jiff::tz::TimeZone::system())
                .strftime(form)
                .to_string()
        },
    )
}

/// Returns `1,523` for 1523.
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Returns `12,000 of 100,000` for how far a work of many parts is, or `step 3` if nobody knows how many there are.
pub(crate) fn how_far(done: u64, of: Option<u64>) -> String {
    match of {
        Some(of) => format!("{} of {}", thousands(done), thousands(of)),
        None => format!("step {}", thousands(done)),
    }
}

/// Returns `, 12,000 of 100,000 done` for a holder or a waiter; nothing if its work has no parts.
pub(crate) fn progress(progress: Option<commonplace_api::locks::Progress>) -> String {
    progress.map_or_else(String::new, |at| {
        format!(", {} done", how_far(at.done, at.of))
    })
}

/// Returns a number with the word for what it counts, as `1 memory`.
pub(crate) fn counted(number: u64, one: &str, many: &str) -> String {
    let what = if number == 1 { one } else { many };
    format!("{} {what}", thousands(number))
}

/// Returns `1,523 memories` for 1523.
pub(crate) fn memories(number: u64) -> String {
    counted(number, "memory", "memories")
}

/// Returns `4.2 MB` for a number of bytes.
pub(crate) fn bytes(count: u64) -> String {
    match count {
        0..1_000 => format!("{count} B"),
        1_000..1_000_000 => format!("{:.1} kB", count as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", count as f64 / 1e6),
        _ => format!("{:.1} GB", count as f64 / 1e9),
    }
}

/// Returns an error with its causes; a cause that the error names itself is not repeated.
pub(crate) fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !text.contains(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        cause = error.source();
    }
    text
}

/// Returns `text` as it is written in an element or an attribute of a page.
pub(crate) fn html_escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            _ => escaped.push(character),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_the_guide_shows_them() {
        assert_eq!(
            ["0", "999", "1,523", "1,000,000"],
            [0, 999, 1523, 1_000_000]
                .map(thousands)
                .each_ref()
                .map(String::as_str)
        );
        assert_eq!(bytes(4_200_000), "4.2 MB");
        assert_eq!(
            [0, 1, 1523].map(memories),
            ["0 memories", "1 memory", "1,523 memories"]
        );
        assert_eq!(how_far(12_000, Some(100_000)), "12,000 of 100,000");
        assert_eq!(how_far(3, None), "step 3");
    }

    #[test]
    fn text_of_memories_cannot_steer_a_terminal() {
        assert_eq!(one_line("a\n\u{1b}[31mb  c", 20), "a [31mb c");
        assert_eq!(one_line("abcdef", 4), "abc…");
    }
}
