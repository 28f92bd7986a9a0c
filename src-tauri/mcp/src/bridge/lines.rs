//! Reads lines of bounded length.

use tokio::io::{AsyncBufRead, AsyncBufReadExt};

/// What the client sent next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// A line, without its end.
    Text(Vec<u8>),
    /// A line beyond the limit; all of it has been skipped but its two ends, where its id may stand.
    TooLong(Vec<u8>),
    /// There is nothing more.
    End,
}

/// What is kept of each end of a line that is too long.
const END_BYTES: usize = 512;

/// Lines from a reader.
pub(super) struct Lines<R> {
    reader: R,
    length_max: usize,
    begun: Vec<u8>,
    is_too_long: bool,
}

impl<R: AsyncBufRead + Unpin> Lines<R> {
    pub(super) fn new(reader: R, length_max: usize) -> Self {
        Self {
            reader,
            length_max,
            begun: Vec::new(),
            is_too_long: false,
        }
    }

    /// Returns the next line. May be dropped and called again: what was read of a line is kept.
    ///
    /// A last line without an end counts. A reader that fails is at its end.
    pub(super) async fn next(&mut self) -> Line {
        loop {
            let piece = match self.reader.fill_buf().await {
                Ok(piece) => piece,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    tracing::warn!(%error, "stdin cannot be read any more");
                    &[]
                }
            };
            if piece.is_empty() {
                return if self.begun.is_empty() && !self.is_too_long {
                    Line::End
                } else {
                    self.take()
                };
            }
            let end = piece.iter().position(|byte| *byte == b'\n');
            let used = end.map_or(piece.len(), |end| end + 1);
            let text = &piece[..end.unwrap_or(piece.len())];
            self.begun.extend_from_slice(text);
            self.is_too_long |= self.begun.len() > self.length_max;
            if self.is_too_long {
                keep_ends(&mut self.begun);
            }
            self.reader.consume(used);
            if end.is_some() {
                return self.take();
            }
        }
    }

    fn take(&mut self) -> Line {
        let line = std::mem::take(&mut self.begun);
        if std::mem::take(&mut self.is_too_long) {
            Line::TooLong(line)
        } else {
            Line::Text(line)
        }
    }
}

fn keep_ends(line: &mut Vec<u8>) {
    if line.len() > 2 * END_BYTES {
        line.drain(END_BYTES..line.len() - END_BYTES);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn all(text: &[u8], length_max: usize) -> Vec<Line> {
        let mut lines = Lines::new(text, length_max);
        let mut found = Vec::new();
        loop {
            match lines.next().await {
                Line::End => return found,
                line => found.push(line),
            }
        }
    }

    #[tokio::test]
    async fn lines_end_at_their_end_and_at_that_of_the_input() {
        let text = |text: &str| Line::Text(text.as_bytes().to_vec());
        assert_eq!(
            all(b"a\n\nlast", 10).await,
            [text("a"), text(""), text("last")]
        );
        assert_eq!(all(b"", 10).await, []);
        assert_eq!(
            all(b"exactly_10\nshort", 10).await,
            [text("exactly_10"), text("short")]
        );
    }

    #[tokio::test]
    async fn a_line_beyond_the_limit_is_skipped_and_the_next_one_is_read() {
        let too_long = || Line::TooLong(b"12345678901".to_vec());
        let wanted = [too_long(), Line::Text(b"next".to_vec()), too_long()];
        assert_eq!(all(b"12345678901\nnext\n12345678901", 10).await, wanted);
        let mut pieces = Lines::new(
            tokio::io::BufReader::with_capacity(3, &b"12345678901\nnext"[..]),
            10,
        );
        assert_eq!(
            pieces.next().await,
            too_long(),
            "also when it comes in pieces"
        );
        assert_eq!(pieces.next().await, Line::Text(b"next".to_vec()));
    }

    #[tokio::test]
    async fn both_ends_of_a_line_that_is_too_long_are_kept() {
        let line = format!("begin{}end", "x".repeat(100_000));
        for piece in [3, 512, 200_000] {
            let reader = tokio::io::BufReader::with_capacity(piece, line.as_bytes());
            let Line::TooLong(ends) = Lines::new(reader, 10_000).next().await else {
                panic!("too long");
            };
            assert_eq!(ends.len(), 2 * END_BYTES);
            assert!(ends.starts_with(b"begin") && ends.ends_with(b"end"));
        }
    }
}
