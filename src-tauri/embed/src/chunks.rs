//! Cutting a long text into windows that the model reads whole.

use std::ops::Range;

use crate::tokens::TEXT_BYTES_MAX;

/// Longest window in bytes: about 200 tokens of English prose, safely below 256.
pub const CHUNK_BYTES_MAX: usize = 1000;

/// Most windows of one text; enough for its first 64 KiB.
pub const CHUNKS_MAX: usize = 80;

/// What a window repeats of the one before, so that a thought is not lost at the seam.
const OVERLAP_BYTES: usize = 100;

/// A good place to cut is looked for after this many bytes of a window.
const CUT_AFTER_BYTES: usize = 600;

/// Splits `text` into at most [`CHUNKS_MAX`] windows of at most [`CHUNK_BYTES_MAX`] bytes.
///
/// The ranges are in order, lie on character boundaries and together cover the first 64 KiB of the
/// text; what stands after is left out. A text that fits into one window is one window, an empty
/// one too. Cuts are made after a paragraph if there is one near the end of the window, else after
/// a sentence, else after a word. Except after a paragraph, a window begins with the last words of
/// the one before.
///
/// The size counts bytes, not tokens: a window of dense code or of a script that the model hardly
/// knows can have more than 256 tokens; `Embedded::was_cut` tells.
#[must_use]
pub fn chunks(text: &str) -> Vec<Range<usize>> {
    let end = text.floor_char_boundary(TEXT_BYTES_MAX);
    let (mut found, mut start) = (Vec::new(), 0);
    while end - start > CHUNK_BYTES_MAX && found.len() + 1 < CHUNKS_MAX {
        let stop = start
            + cut(
                &text[start..end],
                fair_share(end - start, CHUNKS_MAX - found.len()),
            );
        found.push(start..stop);
        start = next_start(text, stop);
    }
    found.push(start..text.floor_char_boundary(end.min(start + CHUNK_BYTES_MAX)));
    found
}

/// How long the next window must be at least, so that the others can hold the rest.
fn fair_share(bytes_left: usize, chunks_left: usize) -> usize {
    (bytes_left.div_ceil(chunks_left) + OVERLAP_BYTES + 8).clamp(CUT_AFTER_BYTES, CHUNK_BYTES_MAX)
}

/// Finds the best end of a window at the start of `text`, between `least` and the longest.
fn cut(text: &str, least: usize) -> usize {
    let (low, high) = (
        text.ceil_char_boundary(least),
        text.floor_char_boundary(CHUNK_BYTES_MAX),
    );
    let Some(tail) = text.get(low..high) else {
        return high;
    };
    if let Some(at) = tail.rfind("\n\n") {
        return low + at + 2;
    }
    sentence_end(tail)
        .or_else(|| word_end(tail))
        .map_or(high, |at| low + at)
}

/// The position after the last line or sentence in `text`, its space included.
fn sentence_end(text: &str) -> Option<usize> {
    ["\n", ". ", "! ", "? ", "。", "！", "？"]
        .iter()
        .filter_map(|mark| text.rfind(mark).map(|at| at + mark.len()))
        .max()
}

fn word_end(text: &str) -> Option<usize> {
    text.char_indices()
        .rfind(|(_, c)| c.is_whitespace())
        .map(|(at, c)| at + c.len_utf8())
}

/// Goes back from the end of a window by a few words, or not at all after a paragraph.
fn next_start(text: &str, stop: usize) -> usize {
    if text[..stop].ends_with("\n\n") {
        return stop;
    }
    let earliest = text.ceil_char_boundary(stop - OVERLAP_BYTES);
    let words = text[earliest..stop]
        .trim_start_matches(|c: char| !c.is_whitespace())
        .trim_start();
    if words.is_empty() {
        earliest
    } else {
        stop - words.len()
    }
}

#[cfg(test)]
mod tests {
    use commonplace_testing::Chance;

    use super::*;

    fn random_text(numbers: &mut Chance, bytes: usize) -> String {
        const PARTS: [&str; 12] = [
            "word ",
            "a",
            "  ",
            "\n",
            "\n\n",
            "end. ",
            "漢字",
            "。",
            "é",
            "🙂",
            "long-long-long-word",
            "\u{301}",
        ];
        let parts = &PARTS[numbers.below(6)..6 + numbers.below(6) + 1];
        let mut text = String::new();
        while text.len() < bytes {
            text.push_str(parts[numbers.below(parts.len())]);
        }
        text
    }

    fn check(seed: u64, text: &str) {
        let found = chunks(text);
        assert!(
            found.len() <= CHUNKS_MAX,
            "seed {seed}: {} windows",
            found.len()
        );
        assert_eq!(found[0].start, 0, "seed {seed}");
        assert_eq!(
            found.last().unwrap().end,
            text.floor_char_boundary(TEXT_BYTES_MAX),
            "seed {seed}: the end is covered"
        );
        for range in &found {
            assert!(
                text.get(range.clone()).is_some(),
                "seed {seed}: {range:?} is not on character boundaries"
            );
            assert!(
                range.len() <= CHUNK_BYTES_MAX,
                "seed {seed}: {range:?} is too long"
            );
        }
        for pair in found.windows(2) {
            assert!(
                pair[1].start <= pair[0].end,
                "seed {seed}: nothing is left out between {pair:?}"
            );
            assert!(
                pair[1].start > pair[0].start && pair[1].end > pair[0].end,
                "seed {seed}: {pair:?} goes forward"
            );
            assert!(
                pair[0].end - pair[1].start <= OVERLAP_BYTES,
                "seed {seed}: {pair:?} overlaps too much"
            );
        }
    }

    #[test]
    fn any_text_is_covered_by_valid_windows() {
        for seed in 1..=2000 {
            let mut numbers = Chance::new(seed);
            let bytes = match seed % 4 {
                0 => numbers.below(80_000),
                1 => 64 * 1024 + numbers.below(9),
                _ => numbers.below(5000),
            };
            let text = random_text(&mut numbers, bytes);
            check(seed, &text);
        }
    }

    #[test]
    fn a_text_that_fits_is_one_window() {
        for bytes in [0, 5, 1000] {
            assert_eq!(
                chunks(&"x".repeat(bytes)),
                vec![0..bytes; 1],
                "{bytes} bytes"
            );
        }
        assert_eq!(chunks(&"x".repeat(1001)), [0..1000, 900..1001]);
    }

    #[test]
    fn a_paragraph_is_cut_before_a_sentence_and_a_sentence_before_a_word() {
        let paragraph = format!(
            "{}\n\n{}. {}",
            "a ".repeat(350),
            "b ".repeat(100),
            "c ".repeat(100)
        );
        assert_eq!(chunks(&paragraph)[..2], [0..702, 702..1104]);
        let sentence = format!("{}. {}", "b ".repeat(350), "c ".repeat(300));
        assert_eq!(chunks(&sentence)[0], 0..702);
        let word = format!("{} {}", "d".repeat(800), "e".repeat(800));
        assert_eq!(chunks(&word)[0], 0..801);
    }

    #[test]
    fn the_overlap_begins_with_a_whole_word() {
        let text = "seven77 ".repeat(300);
        for range in &chunks(&text)[1..] {
            assert!(
                text[range.clone()].starts_with("seven77"),
                "{:?}",
                &text[range.clone()]
            );
        }
    }

    #[test]
    fn the_shortest_window_leaves_no_more_than_the_others_can_hold() {
        for chunks_left in 2..=CHUNKS_MAX {
            let share = TEXT_BYTES_MAX / CHUNKS_MAX;
            let bytes_left = chunks_left * share;
            let new_bytes = fair_share(bytes_left, chunks_left) - OVERLAP_BYTES;
            let rest = bytes_left - new_bytes;
            assert!(
                rest <= (chunks_left - 1) * share,
                "{rest} bytes for {} windows",
                chunks_left - 1
            );
        }
    }

    #[test]
    fn a_megabyte_gives_no_more_than_the_most_windows() {
        let found = chunks(&"prose and more ".repeat(70_000));
        assert!(found.len() <= CHUNKS_MAX);
        assert_eq!(found.last().unwrap().end, 64 * 1024);
    }
}
