//! Text to token ids by WordPiece, and where a long text is cut.

use tokenizers::Tokenizer;

use crate::TOKENS_MAX;
use crate::checked::CheckedFile;
use crate::error::{EmbedError, LoadError};

/// What stands after this many bytes of a text is not looked at.
///
/// 256 tokens of prose are about 1,200 bytes. The limit bounds time and memory for texts that
/// give few tokens however long they are, such as a megabyte without a space.
pub const TEXT_BYTES_MAX: usize = 64 * 1024;

/// Most texts give [`TOKENS_MAX`] tokens within this many bytes, so no more is split at first.
const WINDOW_BYTES: usize = 4096;

/// Room for the text between the two tokens that mark its start and end.
const WORD_TOKENS_MAX: usize = TOKENS_MAX - 2;

/// The ids of one text, with start and end, at most [`TOKENS_MAX`].
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tokens {
    pub(crate) ids: Vec<u32>,
    pub(crate) was_cut: bool,
}

pub(crate) struct WordPiece {
    tokenizer: Tokenizer,
    start: u32,
    end: u32,
}

impl WordPiece {
    pub(crate) fn read(file: &CheckedFile) -> Result<Self, LoadError> {
        let mut tokenizer = Tokenizer::from_bytes(file.read_all()?).map_err(|error| {
            LoadError::damaged(&file.path, format!("its JSON does not fit: {error}"))
        })?;
        // The file asks for padding and for 128 tokens; both are done here instead.
        tokenizer.with_padding(None);
        tokenizer
            .with_truncation(None)
            .map_err(|error| LoadError::damaged(&file.path, error))?;
        let special = |token: &str| {
            let missing = || LoadError::damaged(&file.path, format!("it has no token `{token}`"));
            tokenizer.token_to_id(token).ok_or_else(missing)
        };
        let (start, end) = (special("[CLS]")?, special("[SEP]")?);
        Ok(Self {
            tokenizer,
            start,
            end,
        })
    }

    /// Splits `text` into tokens; what does not fit is cut off.
    pub(crate) fn split(&self, text: &str) -> Result<Tokens, EmbedError> {
        let readable = &text[..text.floor_char_boundary(TEXT_BYTES_MAX)];
        let mut words = self.words(first_window(readable))?;
        if words.len() <= WORD_TOKENS_MAX && first_window(readable).len() < readable.len() {
            words = self.words(readable)?;
        }
        let was_cut = words.len() > WORD_TOKENS_MAX || readable.len() < text.len();
        words.truncate(WORD_TOKENS_MAX);
        let ids = [self.start]
            .into_iter()
            .chain(words)
            .chain([self.end])
            .collect();
        Ok(Tokens { ids, was_cut })
    }

    fn words(&self, text: &str) -> Result<Vec<u32>, EmbedError> {
        let encoding =
            self.tokenizer
                .encode_fast(text, false)
                .map_err(|error| EmbedError::Tokenizer {
                    reason: error.to_string(),
                })?;
        Ok(encoding.get_ids().to_vec())
    }
}

/// A prefix of the text whose tokens are certainly the first tokens of the whole text.
///
/// That holds if it ends at ASCII white space, since words never reach across that. Without any
/// in the right place it is the whole text.
fn first_window(text: &str) -> &str {
    if text.len() <= WINDOW_BYTES {
        return text;
    }
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\n' | b'\t' | b'\r');
    match text.as_bytes()[..WINDOW_BYTES].iter().rposition(is_space) {
        Some(end) if end > WINDOW_BYTES / 2 => &text[..end],
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_text_is_its_own_window() {
        assert_eq!(first_window("a b c"), "a b c");
    }

    #[test]
    fn the_window_ends_before_a_space() {
        let text = "word ".repeat(2000);
        let window = first_window(&text);
        assert!(
            window.ends_with("word") && window.len() <= WINDOW_BYTES,
            "{} bytes",
            window.len()
        );
        assert!(text[window.len()..].starts_with(' '));
    }

    #[test]
    fn without_a_space_the_window_is_the_whole_text() {
        let text = "é".repeat(WINDOW_BYTES);
        assert_eq!(first_window(&text), text);
    }
}
