//! The session that a handshake of the older protocol gives to a client over HTTP (MCP 2025-11-25, Session Management).
//!
//! The host keeps none: all that it would keep is who the client is, so that stands in the session's name itself. Clients
//! repeat it with each request, also to a host that was restarted meanwhile.

use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

use crate::percent;

/// The header in both directions.
pub(crate) const HEADER: HeaderName = HeaderName::from_static("mcp-session-id");

/// Between the random part and the client's name.
const SEPARATOR: char = '.';
/// Longest product that is kept, in characters: what a name and a version take.
const PRODUCT_CHARS_MAX: usize = 128;

/// What the name of a session says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Shaken {
    /// Random; tells two clients of one name apart.
    pub(super) id: String,
    /// Name and version, as `name/version`.
    pub(super) client: Option<String>,
}

/// Names the session that the handshake in `message` begins, `random` being visible ASCII without a full stop; None if it is no
/// handshake.
pub(crate) fn begun(message: &Value, random: &str) -> Option<HeaderValue> {
    if message.get("method")? != "initialize" {
        return None;
    }
    let client = message.pointer("/params/clientInfo")?;
    let part = |name: &str| client.get(name).and_then(Value::as_str).unwrap_or_default();
    let product = format!("{}/{}", part("name"), part("version"));
    let product: String = product.chars().take(PRODUCT_CHARS_MAX).collect();
    let product = percent::encode(&product);
    let text = format!("{random}{SEPARATOR}{}", product.to_str().ok()?);
    HeaderValue::try_from(text).ok()
}

/// Reads the session that a request names; None if that is none of ours.
pub(super) fn of(headers: &HeaderMap) -> Option<Shaken> {
    let (id, product) = headers.get(HEADER)?.to_str().ok()?.split_once(SEPARATOR)?;
    let client = percent::decoded(product.as_bytes());
    let is_named = !client.trim_matches(['/', ' ']).is_empty();
    Some(Shaken {
        id: id.to_owned(),
        client: is_named.then_some(client),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_session_says_who_shook_hands() {
        let hello =
            |info: Value| json!({ "method": "initialize", "params": { "clientInfo": info } });
        let table = [
            (
                json!({ "name": "gemini cli", "version": "0.61.0" }),
                Some("gemini cli/0.61.0"),
            ),
            (json!({ "name": "ä.b" }), Some("ä.b/")),
            (json!({}), None),
        ];
        for (info, client) in table {
            let named = begun(&hello(info), "a1b2").unwrap();
            let headers = HeaderMap::from_iter([(HEADER, named)]);
            let wanted = Shaken {
                id: "a1b2".to_owned(),
                client: client.map(str::to_owned),
            };
            assert_eq!(of(&headers), Some(wanted));
        }
        let long = hello(json!({ "name": "é".repeat(9_000) }));
        assert!(begun(&long, "a").unwrap().len() < 800);
        assert_eq!(begun(&json!({ "method": "tools/list" }), "a"), None);
    }

    #[test]
    fn a_session_of_another_server_says_nothing() {
        for foreign in ["", "5f0e1c", "\u{e4}"] {
            let value = HeaderValue::from_bytes(foreign.as_bytes()).unwrap();
            assert_eq!(of(&HeaderMap::from_iter([(HEADER, value)])), None);
        }
    }
}
