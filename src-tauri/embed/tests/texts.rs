//! Texts of every kind: order in a batch, cutting, odd characters, very long ones.

use std::time::{Duration, Instant};

use commonplace_embed::{Embedded, TEXT_BYTES_MAX, TOKENS_MAX, chunks};

use crate::files::embedder;

fn embed(text: &str) -> Embedded {
    embedder().embed(text).unwrap()
}

fn greatest_difference(a: &Embedded, b: &Embedded) -> f32 {
    let pairs = a.vector.as_slice().iter().zip(b.vector.as_slice());
    pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

#[test]
fn a_batch_gives_what_single_texts_give_in_the_callers_order() {
    let texts: Vec<String> = (0..70)
        .map(|i| format!("note {i}: {}", "some more words ".repeat(i * 7 % 40)))
        .collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let batch = embedder().embed_batch(&texts).unwrap();
    assert_eq!(batch.len(), texts.len());
    for (text, found) in texts.iter().zip(&batch) {
        let single = embed(text);
        assert_eq!(
            (single.tokens, single.was_cut),
            (found.tokens, found.was_cut),
            "{text}"
        );
        let difference = greatest_difference(&single, found);
        assert!(difference < 1e-5, "{text}: differs by {difference}");
    }
}

#[test]
fn an_empty_batch_gives_nothing() {
    assert_eq!(embedder().embed_batch(&[]).unwrap(), []);
}

#[test]
fn an_empty_text_gives_a_vector_of_two_tokens() {
    for text in ["", " \n\t ", "\0\0", "\u{200b}"] {
        let found = embed(text);
        assert_eq!((found.tokens, found.was_cut), (2, false), "{text:?}");
        assert_eq!(found.vector, embed("").vector, "{text:?}");
    }
}

#[test]
fn a_text_of_256_tokens_is_whole_and_one_of_257_is_cut() {
    let whole = embed(&"word ".repeat(TOKENS_MAX - 2));
    assert_eq!((whole.tokens, whole.was_cut), (TOKENS_MAX, false));
    let cut = embed(&"word ".repeat(TOKENS_MAX - 1));
    assert_eq!((cut.tokens, cut.was_cut), (TOKENS_MAX, true));
    assert_eq!(
        cut.vector, whole.vector,
        "what is cut off has no part in the vector"
    );
}

#[test]
fn cutting_a_long_text_early_does_not_change_its_vector() {
    // Few tokens in many bytes, so that the first 4 KiB are not enough for 256 tokens.
    let sparse = format!(
        "{}{}",
        "word \n\n             \t      ".repeat(230),
        "the end"
    );
    assert!(sparse.len() > 5000);
    let dense = format!("{}{}", "word ".repeat(230), "the end");
    assert_eq!(
        (embed(&sparse).tokens, embed(&sparse).was_cut),
        (234, false)
    );
    assert_eq!(embed(&sparse).vector, embed(&dense).vector);
}

#[test]
fn odd_characters_give_valid_vectors() {
    let odd = [
        "👩‍👩‍👧‍👦 family 🇨🇭",
        "NUL \0 inside",
        "\u{feff}byte order mark",
        "\u{202e}right to left",
        "e\u{301}\u{301}\u{301}",
        "漢字かな交じり文",
        "한국어 문장",
        "\u{fffd}\u{fffd}",
        "\u{10ffff}",
        "[CLS] [SEP] [PAD] [MASK] [UNK]",
        "ＦＵＬＬ width ﬁ",
        "a\u{b}b\u{c}c\u{85}d",
        "İstanbul ẞ ŉ",
        "\r\n\r\n",
    ];
    let batch = embedder().embed_batch(&odd).unwrap();
    for (text, in_batch) in odd.iter().zip(&batch) {
        let alone = embed(text);
        assert!(alone.tokens >= 2, "{text:?}");
        assert!(greatest_difference(&alone, in_batch) < 1e-5, "{text:?}");
    }
}

#[test]
fn a_megabyte_is_cut_and_takes_hardly_longer_than_a_page() {
    let prose = "the quick brown fox jumps over the lazy dog. ".repeat(25_000);
    let kinds = [
        ("prose", prose.clone()),
        ("one word", "a".repeat(1 << 20)),
        ("spaces", " ".repeat(1 << 20)),
        ("base64", "QmFzZTY0+/".repeat(100_000)),
        ("ideographs", "漢".repeat(350_000)),
        ("combining marks", "\u{301}".repeat(500_000)),
        ("emoji", "🙂".repeat(260_000)),
        ("ten megabytes", prose.repeat(9)),
    ];
    embed(&prose[..5000]);
    for (kind, text) in kinds {
        let start = Instant::now();
        let found = embed(&text);
        let took = start.elapsed();
        assert!(found.was_cut, "{kind}");
        assert!(text.len() > TEXT_BYTES_MAX, "{kind}");
        assert!(took < Duration::from_secs(5), "{kind} took {took:?}");
    }
}

#[test]
fn windows_of_prose_fit_into_the_model() {
    let prose = std::iter::repeat_n(
        "A store is the directory with the database, its locks and its settings; a host has it open and serves it to \
         clients. When something waits, a person can see who waits, for whom, for how long and why.\n",
        60,
    );
    let prose: String = prose.collect();
    for range in chunks(&prose) {
        assert!(
            !embed(&prose[range.clone()]).was_cut,
            "{range:?} has more than 256 tokens"
        );
    }
}
