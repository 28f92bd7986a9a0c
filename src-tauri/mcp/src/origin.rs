//! Finds out who asks, from what a request carries.
//!
//! Nothing here is proof: a client may write what it likes. It says to whom a wait or a memory belongs; it grants
//! nothing.

use commonplace_api::Transport;
use commonplace_engine::Origin;
use http::{HeaderMap, HeaderName, HeaderValue};

/// Names the client behind the bridge: `name/version`, percent-encoded.
pub(crate) const HEADER_CLIENT: HeaderName = HeaderName::from_static("x-commonplace-client");
/// Names the project that the client works in, percent-encoded.
pub(crate) const HEADER_PROJECT: HeaderName = HeaderName::from_static("x-commonplace-project");
/// Names the client's session, percent-encoded.
pub(crate) const HEADER_SESSION: HeaderName = HeaderName::from_static("x-commonplace-session");
/// Names the client's process on this machine: from the bridge its parent, else what the host found out by itself.
pub(crate) const HEADER_PID: HeaderName = HeaderName::from_static("x-commonplace-pid");
/// Tells how the client is connected; `stdio` from the bridge.
pub(crate) const HEADER_TRANSPORT: HeaderName = HeaderName::from_static("x-commonplace-transport");

/// Longest value that is encoded; longer ones are cut, so that the head of a request stays small.
const VALUE_BYTES_MAX: usize = 512;

/// Makes an origin from the client's own words (`client_info`, name and version) and the headers of its request.
///
/// Clients of the newer protocol say who they are in each request. The older protocol says it once, at a handshake that
/// no later request points back to; so the bridge repeats it in a header, and for others the User-Agent must do.
pub(crate) fn origin(client_info: Option<(String, String)>, headers: &HeaderMap) -> Origin {
    let header = |name: &HeaderName| headers.get(name).and_then(decode);
    let agent = || {
        headers
            .get(http::header::USER_AGENT)
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned)
    };
    let (name, version) = client_info
        .filter(|(name, _)| !name.trim().is_empty())
        .map(|(name, version)| (name, Some(version)))
        .or_else(|| header(&HEADER_CLIENT).map(|product| name_and_version(&product)))
        .or_else(|| {
            agent()
                .map(|agent| name_and_version(agent.split_whitespace().next().unwrap_or_default()))
        })
        .unwrap_or_default();
    let is_bridge = headers
        .get(&HEADER_TRANSPORT)
        .is_some_and(|value| value == "stdio");
    let transport = if is_bridge {
        Transport::Stdio
    } else {
        Transport::Http
    };
    let (session, project) = (header(&HEADER_SESSION), header(&HEADER_PROJECT));
    Origin::new(&name, transport)
        .with_details(version.as_deref(), session.as_deref(), project.as_deref())
        .with_pid(pid(headers))
}

fn pid(headers: &HeaderMap) -> Option<u32> {
    headers.get(&HEADER_PID)?.to_str().ok()?.parse().ok()
}

/// Splits `claude-code/2.1.330` at its first slash.
fn name_and_version(product: &str) -> (String, Option<String>) {
    match product.split_once('/') {
        Some((name, version)) => (name.to_owned(), Some(version.to_owned())),
        None => (product.to_owned(), None),
    }
}

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

/// Reads what [`encode`] wrote. A `%` that begins no code stands for itself; None if nothing readable is left.
fn decode(value: &HeaderValue) -> Option<String> {
    let mut rest = value.as_bytes();
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
    let text = String::from_utf8_lossy(&bytes).trim().to_owned();
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(HeaderName, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (name.clone(), HeaderValue::from_str(value).unwrap()))
            .collect()
    }

    #[test]
    fn the_clients_own_word_comes_first_then_the_bridges_then_the_user_agent() {
        const CLAUDE: (HeaderName, &str) = (
            http::header::USER_AGENT,
            "claude-code/2.1.330 (external, cli)",
        );
        const NODE: (HeaderName, &str) = (http::header::USER_AGENT, "node");
        const CODEX: (HeaderName, &str) = (HEADER_CLIENT, "codex/1.0");
        let table = [
            (
                Some(("inspector", "2.12")),
                headers(&[CODEX, CLAUDE]),
                ("inspector", Some("2.12")),
            ),
            (None, headers(&[CODEX, CLAUDE]), ("codex", Some("1.0"))),
            (None, headers(&[CLAUDE]), ("claude-code", Some("2.1.330"))),
            (None, headers(&[NODE]), ("node", None)),
            (None, HeaderMap::new(), ("unknown", None)),
            (
                Some((" ", "")),
                headers(&[CLAUDE]),
                ("claude-code", Some("2.1.330")),
            ),
        ];
        for (info, headers, wanted) in table {
            let info = info.map(|(name, version)| (name.to_owned(), version.to_owned()));
            let origin = origin(info, &headers);
            assert_eq!((&*origin.client, origin.version.as_deref()), wanted);
        }
    }

    #[test]
    fn the_bridge_tells_project_and_session() {
        let mut all = headers(&[(HEADER_TRANSPORT, "stdio")]);
        all.insert(HEADER_PROJECT, encode("/home/ä b/100% sure"));
        all.insert(HEADER_SESSION, encode("s-1"));
        all.insert(HEADER_PID, HeaderValue::from(812));
        let origin = origin(None, &all);
        assert_eq!(origin.transport, Transport::Stdio);
        assert_eq!(origin.project.as_deref(), Some("/home/ä b/100% sure"));
        assert_eq!(origin.session.as_deref(), Some("s-1"));
        assert_eq!(origin.pid, Some(812));
        all.insert(HEADER_PID, HeaderValue::from_static("-1"));
        assert_eq!(super::origin(None, &all).pid, None);
    }

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
