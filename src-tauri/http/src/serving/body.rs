//! Reading request bodies within bounds.

use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use commonplace_api::Refusal;
use futures_util::StreamExt;
use http::HeaderMap;
use http::header::{CONTENT_LENGTH, EXPECT};

/// Most bytes of a refused body that are read and dropped. Many clients read the answer only after they have sent all;
/// closing earlier would show them a reset connection instead of the reason.
const DRAIN_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Longest time for that.
const DRAIN_TIME_MAX: Duration = Duration::from_secs(5);

/// Reads a whole body of at most `limit` bytes. One that is larger is read on and dropped, within bounds.
pub(crate) async fn read(headers: &HeaderMap, body: Body, limit: usize) -> Result<Bytes, Refusal> {
    let declared = declared_length(headers);
    if declared.is_some_and(|length| length > limit) {
        drain(headers, body).await;
        return Err(Refusal::BodyTooLarge { limit_bytes: limit });
    }
    let mut chunks = body.into_data_stream();
    let Some(first) = chunks.next().await else {
        return Ok(Bytes::new());
    };
    let first = first.map_err(|_| Refusal::BodyBroken)?;
    if declared == Some(first.len()) {
        return Ok(first);
    }
    let mut kept = BytesMut::from(first);
    while kept.len() <= limit {
        match chunks.next().await {
            Some(chunk) => kept.extend_from_slice(&chunk.map_err(|_| Refusal::BodyBroken)?),
            None => return Ok(kept.freeze()),
        }
    }
    drop(kept);
    drain(headers, Body::from_stream(chunks)).await;
    Err(Refusal::BodyTooLarge { limit_bytes: limit })
}

/// Reads an unwanted body and drops it, within bounds. Does nothing for a client that asks before it sends.
pub(crate) async fn drain(headers: &HeaderMap, body: Body) {
    if headers.contains_key(EXPECT) {
        return;
    }
    let read_all = async {
        let mut left = DRAIN_BYTES_MAX;
        let mut chunks = body.into_data_stream();
        while let Some(Ok(chunk)) = chunks.next().await {
            left = left.saturating_sub(chunk.len());
            if left == 0 {
                break;
            }
        }
    };
    if tokio::time::timeout(DRAIN_TIME_MAX, read_all)
        .await
        .is_err()
    {
        tracing::debug!("a refused body was not sent to its end in time");
    }
}

fn declared_length(headers: &HeaderMap) -> Option<usize> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::stream;
    use std::convert::Infallible;

    fn chunks(sizes: &[usize]) -> Body {
        let parts: Vec<_> = sizes
            .iter()
            .map(|size| Ok::<_, Infallible>(vec![b'x'; *size]))
            .collect();
        Body::from_stream(stream::iter(parts))
    }

    #[tokio::test]
    async fn a_body_without_a_length_is_put_together_and_stopped_at_the_limit() {
        let too_large = Err(Refusal::BodyTooLarge { limit_bytes: 10 });
        let cases: [(&[usize], _); 3] = [
            (&[3, 4, 3], Ok(10)),
            (&[3, 4, 4], too_large.clone()),
            (&[11], too_large),
        ];
        for (sizes, expected) in cases {
            let body = read(&HeaderMap::new(), chunks(sizes), 10).await;
            assert_eq!(body.map(|body| body.len()), expected, "{sizes:?}");
        }
    }
}
