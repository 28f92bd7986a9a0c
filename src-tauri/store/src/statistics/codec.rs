//! Numbers and short texts as bytes, in as few as they need.
//!
//! The crate postcard would write events in much the same bytes, and save some hundred lines. It was not taken: instances of
//! different versions read each other's journals, so the bytes are an interface; here they are written out, there they would
//! follow the order of fields in a struct.

/// Longest text that is kept, in bytes.
const TEXT_BYTES_MAX: usize = 400;

/// Appends a number: seven bits a byte, the lowest first (LEB128).
pub(super) fn put_number(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

/// Appends a text with its length, cut to 400 bytes.
pub(super) fn put_text(bytes: &mut Vec<u8>, text: &str) {
    let kept = &text[..text.floor_char_boundary(TEXT_BYTES_MAX)];
    put_number(bytes, kept.len() as u64);
    bytes.extend_from_slice(kept.as_bytes());
}

/// Reads what was put, in the same order. Each method gives None at anything that was not put by us.
pub(super) struct Reading<'a> {
    rest: &'a [u8],
}

impl<'a> Reading<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    pub(super) fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.rest.split_first()?;
            self.rest = rest;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    pub(super) fn text(&mut self) -> Option<&'a str> {
        let length = usize::try_from(self.number()?).ok()?;
        let (text, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        std::str::from_utf8(text).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_put_is_read_again() {
        let mut bytes = Vec::new();
        let numbers = [0, 1, 127, 128, 300, u64::from(u32::MAX), u64::MAX];
        numbers.iter().for_each(|n| put_number(&mut bytes, *n));
        put_text(&mut bytes, "claude-code");
        put_text(&mut bytes, &"ä".repeat(300));
        let mut reading = Reading::new(&bytes);
        numbers
            .iter()
            .for_each(|n| assert_eq!(reading.number(), Some(*n)));
        assert_eq!(reading.text(), Some("claude-code"));
        assert_eq!(
            reading.text(),
            Some("ä".repeat(200).as_str()),
            "cut between characters"
        );
        assert!(reading.is_at_end());
        assert_eq!(reading.number(), None);
    }
}
