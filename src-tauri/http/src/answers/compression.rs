//! Compression with gzip, for clients that accept it: most of the first visit is charts, which get five times smaller.

use std::io::Write as _;

use axum::body::{Body, HttpBody as _, to_bytes};
use axum::response::Response;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, VARY};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, StatusCode};

/// Smaller answers fit into a packet or two anyway.
const BYTES_MIN: u64 = 1024;

/// Routes whose answers hold a secret and are never compressed.
///
/// Whoever can put words into a compressed answer, and see how long it gets, can guess the secret beside them letter by
/// letter (BREACH). Texts of memories come from others, so no route that answers with them may answer with a secret.
const SECRETS: [&str; 2] = ["/api/codes", "/api/session"];

/// Says whether the answer to a request may be compressed: one of the API, for a client that accepts it. Files of the page
/// are compressed once and kept, by `static_files`; MCP is for programs on this machine, which gain nothing.
pub(crate) fn may_compress(head: &Parts) -> bool {
    let path = head.uri.path();
    path.starts_with("/api/") && !SECRETS.contains(&path) && accepts_gzip(&head.headers)
}

/// Compresses an answer that is complete and large enough. A stream has no length, and passes as it is.
pub(crate) async fn compress(response: Response) -> Response {
    let length = response.body().size_hint().exact();
    let is_complete = length.is_some_and(|bytes| bytes >= BYTES_MIN);
    if !is_complete || response.status() != StatusCode::OK {
        return response;
    }
    let (mut head, body) = response.into_parts();
    let plain = to_bytes(body, usize::MAX).await;
    let plain = plain.expect("a body whose length is known is in memory");
    let copy = plain.clone();
    let compressed = tokio::task::spawn_blocking(move || gzip(&copy, Compression::fast())).await;
    head.headers
        .insert(VARY, HeaderValue::from_static("accept-encoding"));
    // The task fails only if the host is going: the answer goes out as it is.
    let Ok(compressed) = compressed else {
        return Response::from_parts(head, Body::from(plain));
    };
    head.headers
        .insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    head.headers.remove(CONTENT_LENGTH);
    Response::from_parts(head, Body::from(compressed))
}

/// Compresses bytes in memory. Takes about a millisecond for 100 kB.
pub(crate) fn gzip(bytes: &[u8], level: Compression) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::new(), level);
    let compressed = encoder.write_all(bytes).and_then(|()| encoder.finish());
    compressed.expect("writing to a Vec cannot fail").into()
}

/// Tells whether the other side accepts gzip (RFC 9110, 12.5.3): it must name it, and not with the weight zero.
pub(crate) fn accepts_gzip(headers: &HeaderMap) -> bool {
    let named = headers.get_all(ACCEPT_ENCODING).iter();
    let mut codings = named
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    codings.any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, "q=1"));
        let weight = weight.trim().strip_prefix("q=").map(str::parse::<f32>);
        name.trim().eq_ignore_ascii_case("gzip")
            && matches!(weight, Some(Ok(weight)) if weight > 0.0)
    })
}

#[cfg(test)]
mod tests {
    use axum::response::IntoResponse as _;
    use axum::response::sse::{Event, Sse};
    use futures_util::stream;
    use http::Request;

    use super::*;

    fn may_compress_at(path: &str, coding: &str) -> bool {
        let request = Request::get(path).header(ACCEPT_ENCODING, coding);
        may_compress(&request.body(()).unwrap().into_parts().0)
    }

    #[test]
    fn answers_of_the_api_may_be_compressed_but_never_a_secret() {
        for path in ["/api/status", "/api/charts/waits.json?seconds=300"] {
            assert!(may_compress_at(path, "gzip, br"), "{path}");
            assert!(!may_compress_at(path, "br"), "{path}");
        }
        for path in [
            "/api/codes",
            "/api/session",
            "/mcp",
            "/events",
            "/metrics",
            "/",
        ] {
            assert!(!may_compress_at(path, "gzip"), "{path}");
        }
    }

    #[tokio::test]
    async fn a_stream_a_small_answer_and_a_refusal_pass_as_they_are() {
        let event = Event::default().data("x".repeat(5_000));
        let events = stream::iter([Ok::<_, std::convert::Infallible>(event)]);
        let large = "x".repeat(5_000);
        let passing = [
            Sse::new(events).into_response(),
            "small".into_response(),
            (StatusCode::BAD_REQUEST, large.clone()).into_response(),
        ];
        for response in passing {
            let compressed = compress(response).await;
            assert!(!compressed.headers().contains_key(CONTENT_ENCODING));
        }
        let compressed = compress(large.into_response()).await;
        assert_eq!(compressed.headers()[CONTENT_ENCODING], "gzip");
        assert!(compressed.body().size_hint().exact().unwrap() < 200);
    }
}
