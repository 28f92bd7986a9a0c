//! Texts in header values, percent-encoded (RFC 3986, 2.1).

use http::HeaderValue;

/// Longest value that is encoded; longer ones are cut, so that the head of a request stays small. The name of a project,
/// 200 bytes of which each may take three, is never cut.
const VALUE_BYTES_MAX: usize = 640;

/// Writes `text` as a header value: everything but visible ASCII is percent-encoded, and `%` itself too.
pub(crate) fn encode(text: &str) -> HeaderValue {
    let mut encoded = String::with_capacity(text.len());
    for c in text.chars() {
        if encoded.len() >= VALUE_BYTES_MAX {
            break;
        }
        let mut bytes = [0; 4];
        match c {
            '!'..='~' if c != '%' => encoded.push(c),
            _ => c
                .encode_utf8(&mut bytes)
                .bytes()
                .for_each(|byte| encoded.push_str(&format!("%{byte:02X}"))),
        }
    }
    HeaderValue::try_from(encoded).expect("visible ASCII is a header value")
}

/// Reads what [`encode`] wrote; None if nothing readable is left.
pub(crate) fn decode(value: &HeaderValue) -> Option<String> {
    let text = decoded(value.as_bytes()).trim().to_owned();
    (!text.is_empty()).then_some(text)
}

/// Replaces percent codes (RFC 3986, 2.1) by what they stand for. A `%` that begins no code stands for itself.
pub(crate) fn decoded(mut rest: &[u8]) -> String {
    let mut bytes = Vec::with_capacity(rest.len());
    while let [first, after @ ..] = rest {
        let code = after
            .get(..2)
            .filter(|_| *first == b'%')
            .and_then(|digits| std::str::from_utf8(digits).ok());
        match code.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_survive_the_header_and_broken_ones_do_no_harm() {
        for text in ["plain", "with blank", "100%", "%41", "日本\n語", "a=b;c"] {
            assert_eq!(
                decode(&encode(text)).as_deref(),
                Some(text),
                "given {text:?}"
            );
        }
        assert!(encode(&"é".repeat(10_000)).len() < VALUE_BYTES_MAX + 20);
        let broken = [
            ("50%", "50%"),
            ("%zz%4", "%zz%4"),
            ("%ff%fe", "\u{fffd}\u{fffd}"),
        ];
        for (given, wanted) in broken {
            let read = decode(&HeaderValue::from_static(given));
            assert_eq!(read.as_deref(), Some(wanted));
        }
        assert_eq!(decode(&HeaderValue::from_static("  ")), None);
    }
}
