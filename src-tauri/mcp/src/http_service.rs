//! The service that answers `/mcp`: reads the body, answers what is no JSON-RPC itself, hands the rest to the protocol.

use std::borrow::Cow;
use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body::Body;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use serde_json::{Value, json};

use crate::origin::{self, session};
use crate::protocol::Protocol;
use crate::repair::{NO_NUMBER, Repaired, repair, request_id};

/// The answer to a request: usually one piece, a stream only if a tool reports progress.
pub type HttpBody = BoxBody<Bytes, Infallible>;

/// Longest handshake that gets a session, in bytes; Claude Code's has some hundred.
const HANDSHAKE_BYTES_MAX: usize = 64 * 1024;

/// A tower service that takes any HTTP request and answers it; all clones are the same service.
///
/// Dropping the future of a call means that the client has gone.
#[derive(Clone)]
pub struct HttpService {
    protocol: Protocol,
    body_bytes_max: usize,
}

impl HttpService {
    pub(crate) fn new(protocol: Protocol, body_bytes_max: usize) -> Self {
        Self {
            protocol,
            body_bytes_max,
        }
    }
}

impl fmt::Debug for HttpService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpService")
            .field("body_bytes_max", &self.body_bytes_max)
            .finish_non_exhaustive()
    }
}

impl<B> tower::Service<Request<B>> for HttpService
where
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Response = Response<HttpBody>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let service = self.clone();
        Box::pin(async move { Ok(service.answer(request).await) })
    }
}

impl HttpService {
    async fn answer<B>(&self, request: Request<B>) -> Response<HttpBody>
    where
        B: Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let (mut head, body) = request.into_parts();
        let bytes = match Limited::new(body, self.body_bytes_max).collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) => return unread(&*error, self.body_bytes_max),
        };
        if head.method != Method::POST || !is_json(&head.headers) {
            let request = Request::from_parts(head, Full::new(bytes));
            return typed(self.protocol.handle(request).await);
        }
        let repaired = repair(&bytes);
        if let Err(refusal) = check(&repaired) {
            return refusal.into_response();
        }
        let bytes = match repaired.text {
            Cow::Borrowed(_) => bytes,
            Cow::Owned(text) => {
                head.headers.remove(CONTENT_LENGTH);
                Bytes::from(text)
            }
        };
        accept_what_is_sent(&mut head.headers);
        let kept = bytes.clone();
        let begun = begun_session(&head.headers, &bytes);
        let mut response = self
            .protocol
            .handle(Request::from_parts(head, Full::new(bytes)))
            .await;
        // The declared type was right and the syntax, too: what the library could not read is no message.
        if response.status() == StatusCode::UNSUPPORTED_MEDIA_TYPE {
            return not_a_message(&kept).into_response();
        }
        if let Some(session) = begun.filter(|_| response.status().is_success()) {
            response.headers_mut().insert(session::HEADER, session);
        }
        typed(response)
    }
}

/// Names the session that a handshake over HTTP begins; the bridge repeats by itself who its client is.
fn begun_session(headers: &HeaderMap, body: &[u8]) -> Option<HeaderValue> {
    const WORD: &[u8] = b"\"initialize\"";
    let may_be_one =
        body.len() <= HANDSHAKE_BYTES_MAX && body.windows(WORD.len()).any(|at| at == WORD);
    if !may_be_one || headers.contains_key(origin::HEADER_TRANSPORT) {
        return None;
    }
    let message = serde_json::from_slice(body).ok()?;
    let random = format!("{:016x}", getrandom::u64().ok()?);
    session::begun(&message, &random)
}

/// A body that is refused, as an error of JSON-RPC.
struct BadMessage {
    id: Value,
    code: i32,
    message: String,
}

impl BadMessage {
    fn into_response(self) -> Response<HttpBody> {
        let error = json!({ "code": self.code, "message": self.message });
        let body = json!({ "jsonrpc": "2.0", "id": self.id, "error": error }).to_string();
        with_json(StatusCode::BAD_REQUEST, body)
    }
}

/// Finds out whether the body can be a message at all: JSON, one object.
fn check(repaired: &Repaired<'_>) -> Result<(), BadMessage> {
    let bytes = &*repaired.text;
    let parse_error = |message: String| BadMessage {
        id: request_id(bytes).unwrap_or_default(),
        code: -32700,
        message,
    };
    if let Err(error) = serde_json::from_slice::<serde::de::IgnoredAny>(bytes) {
        return Err(parse_error(format!("the body is not JSON: {error}")));
    }
    if repaired.has_no_numbers {
        return Err(parse_error(NO_NUMBER.to_owned()));
    }
    match bytes.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'{') => Ok(()),
        Some(b'[') => Err(invalid(
            Value::Null,
            "batches are not part of this protocol: send one message at a time",
        )),
        _ => Err(invalid(
            Value::Null,
            "the body is not a JSON-RPC message: it must be an object",
        )),
    }
}

fn invalid(id: Value, message: &str) -> BadMessage {
    BadMessage {
        id,
        code: -32600,
        message: message.to_owned(),
    }
}

/// Names what is missing from an object that is no JSON-RPC message.
fn not_a_message(bytes: &[u8]) -> BadMessage {
    let value: Value = serde_json::from_slice(bytes).unwrap_or_default();
    let id = value
        .get("id")
        .filter(|id| id.is_string() || id.is_number())
        .cloned()
        .unwrap_or_default();
    let message = if value.get("jsonrpc") != Some(&json!("2.0")) {
        "the message has no `\"jsonrpc\": \"2.0\"`"
    } else if !value.get("method").is_some_and(Value::is_string) {
        "the message has no `method`"
    } else if !matches!(value.get("params"), None | Some(Value::Object(_))) {
        "the `params` of the message must be an object"
    } else {
        "the message cannot be read as JSON-RPC: check the type of `id` and `params`"
    };
    invalid(id, message)
}

fn unread(
    error: &(dyn std::error::Error + Send + Sync + 'static),
    limit: usize,
) -> Response<HttpBody> {
    let (status, message) = if error.is::<LengthLimitError>() {
        (
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("the body is larger than {limit} bytes; nothing was stored"),
        )
    } else {
        (
            StatusCode::BAD_REQUEST,
            "the body ended before it was complete; nothing was stored".to_owned(),
        )
    };
    let error = json!({ "code": -32600, "message": message });
    with_json(
        status,
        json!({ "jsonrpc": "2.0", "id": null, "error": error }).to_string(),
    )
}

fn with_json(status: StatusCode, body: String) -> Response<HttpBody> {
    let mut response = Response::new(Full::new(Bytes::from(body)).boxed());
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// Says of an answer that says nothing of its kind that it is text: the library's refusals are.
fn typed(mut response: Response<HttpBody>) -> Response<HttpBody> {
    let is_untyped = !response.headers().contains_key(CONTENT_TYPE);
    if is_untyped && !response.body().is_end_stream() {
        let text = HeaderValue::from_static("text/plain; charset=utf-8");
        response.headers_mut().insert(CONTENT_TYPE, text);
    }
    response
}

fn is_json(headers: &HeaderMap) -> bool {
    let essence = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next());
    essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
}

/// The library wants clients to say that they take both JSON and event streams. We answer with JSON, so one that takes that
/// is served, and so is one that says nothing.
fn accept_what_is_sent(headers: &mut HeaderMap) {
    let takes_json = |value: &HeaderValue| {
        let media_types = value.to_str().unwrap_or_default().split(',');
        media_types
            .filter_map(|range| range.split(';').next())
            .any(|range| {
                let range = range.trim().to_ascii_lowercase();
                matches!(&*range, "" | "*/*" | "application/*" | "application/json")
            })
    };
    let mut values = headers.get_all(ACCEPT).iter().peekable();
    if values.peek().is_none() || values.any(takes_json) {
        headers.insert(
            ACCEPT,
            HeaderValue::from_static("application/json, text/event-stream"),
        );
    }
}
