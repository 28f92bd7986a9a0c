//! Makes stored text safe to show: what a terminal or a model would obey unseen is taken out.
//!
//! A memory is text that somebody wrote at some time, perhaps copied from a web page. Escape sequences could repaint a
//! terminal, bidi marks could show one text and hold another, and zero-width or tag characters could carry hidden
//! instructions. The store keeps the text as it came; only what leaves is cleaned.

/// Returns `text` without control characters, terminal escapes, bidi marks and invisible characters.
///
/// New lines and tabs stay; `\r\n` and a lone `\r` become `\n`. Zero-width joiners go as well, although some scripts and
/// emoji use them: they are invisible, and a message can be hidden in them.
pub fn clean(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\u{1b}' => skip_escape(&mut rest),
            '\u{9b}' => skip_csi(&mut rest),
            '\r' => {
                if rest.peek() != Some(&'\n') {
                    kept.push('\n');
                }
            }
            '\n' | '\t' => kept.push(c),
            c if c.is_control() || is_invisible(c) => {}
            c => kept.push(c),
        }
    }
    kept
}

/// Returns `text` cleaned and on one line, as a name or a heading needs it.
pub fn clean_line(text: &str) -> String {
    clean(text).replace(['\n', '\t'], " ")
}

/// Says whether `c` shows nothing by itself but changes what is read or shown.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180e}'
        | '\u{200b}'..='\u{200f}'   // zero-width, left-to-right and right-to-left marks
        | '\u{2028}'..='\u{202e}'   // line and paragraph separator, bidi embedding and override
        | '\u{2060}'..='\u{206f}'   // word joiner, invisible operators, bidi isolates
        | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e0fff}' // tags and supplementary variation selectors
    )
}

/// Skips what follows ESC: a CSI sequence, a string such as a title or link, or one character.
fn skip_escape(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    match rest.peek() {
        Some('[') => {
            rest.next();
            skip_csi(rest);
        }
        Some(']' | 'P' | 'X' | '^' | '_') => {
            rest.next();
            skip_string(rest);
        }
        Some(c) if ('\u{20}'..='\u{7e}').contains(c) => {
            rest.next();
        }
        _ => {}
    }
}

/// Skips parameters up to the final byte of a CSI sequence; stops before anything that does not belong to one.
fn skip_csi(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    while rest
        .next_if(|c| ('\u{20}'..='\u{3f}').contains(c))
        .is_some()
    {}
    rest.next_if(|c| ('\u{40}'..='\u{7e}').contains(c));
}

/// Skips a control string up to its end, BEL or ESC `\`; a string without an end goes up to the end of its line.
fn skip_string(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    while let Some(c) = rest.next_if(|c| *c != '\n') {
        match c {
            '\u{7}' | '\u{9c}' => return,
            '\u{1b}' => {
                rest.next_if_eq(&'\\');
                return;
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_seen_is_taken_out_and_what_can_stays() {
        let table = [
            ("plain text\n\twith lines", "plain text\n\twith lines"),
            ("windows\r\nline\rends", "windows\nline\nends"),
            ("\u{1b}[31mred\u{1b}[0m", "red"),
            ("\u{1b}]0;title\u{7}after", "after"),
            ("\u{1b}]8;;http://x\u{1b}\\link\u{1b}]8;;\u{1b}\\", "link"),
            ("no end \u{1b}]0;title\nnext line", "no end \nnext line"),
            ("\u{9b}2Jcleared", "cleared"),
            ("a\u{1b}", "a"),
            ("bell\u{7} nul\0 del\u{7f}", "bell nul del"),
            ("abc\u{202e}fed\u{202c}", "abcfed"),
            ("\u{2066}isolate\u{2069}", "isolate"),
            ("zero\u{200b}width\u{feff}", "zerowidth"),
            ("tags\u{e0041}\u{e0042}", "tags"),
            ("Ελληνικά, 日本語, emoji 🎉", "Ελληνικά, 日本語, emoji 🎉"),
        ];
        for (given, wanted) in table {
            assert_eq!(clean(given), wanted, "given {given:?}");
        }
    }

    #[test]
    fn a_name_stays_on_one_line() {
        assert_eq!(clean_line("a\nb\tc"), "a b c");
    }
}
