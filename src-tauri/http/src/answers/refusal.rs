//! The answer to a refusal.

use axum::Json;
use axum::response::{IntoResponse, Response};
use commonplace_api::{Refusal, RefusalBody, RpcRefusal};
use commonplace_engine::{QueryError, RequestError};
use http::header::{ALLOW, CONNECTION, CONTENT_LENGTH, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};

/// A refusal on its way out.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Refused(pub(crate) Refusal);

/// What a route answers, or why not.
pub(crate) type Answer<T> = Result<T, Refused>;

/// Marks an answer with the index of its code in [`Refusal::CODES`], so that it can be counted in one place.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reason(pub(crate) usize);

impl Reason {
    pub(crate) fn of(refusal: &Refusal) -> Option<Self> {
        let code = refusal.code();
        let place = Refusal::CODES.iter().position(|known| *known == code);
        place.map(Self)
    }

    /// Its code.
    pub(crate) fn code(self) -> &'static str {
        Refusal::CODES[self.0]
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self(refusal)
    }
}

impl From<RequestError> for Refused {
    fn from(error: RequestError) -> Self {
        Self(error.into())
    }
}

impl From<QueryError> for Refused {
    fn from(error: QueryError) -> Self {
        Self(Refusal::bad_request(error.to_string()))
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let Self(refusal) = self;
        let status = StatusCode::from_u16(refusal.status());
        let status = status.expect("each refusal has a status of HTTP");
        let reason = Reason::of(&refusal);
        let headers = headers_of(&refusal);
        let mut response = (status, Json(RefusalBody::from(refusal.clone()))).into_response();
        response.headers_mut().extend(headers);
        response.extensions_mut().insert(Said(refusal));
        if let Some(reason) = reason {
            response.extensions_mut().insert(reason);
        }
        response
    }
}

/// Keeps what an answer refuses, for [`as_rpc`].
#[derive(Clone)]
struct Said(Refusal);

/// Brings a refusal into the form of JSON-RPC; leaves other answers as they are.
pub(crate) fn as_rpc(response: Response) -> Response {
    let Some(Said(refusal)) = response.extensions().get::<Said>().cloned() else {
        return response;
    };
    let (mut head, _) = response.into_parts();
    let (written, body) = Json(RpcRefusal::from(refusal)).into_response().into_parts();
    head.headers.remove(CONTENT_LENGTH);
    head.headers.extend(written.headers);
    Response::from_parts(head, body)
}

fn headers_of(refusal: &Refusal) -> http::HeaderMap {
    let mut headers = http::HeaderMap::new();
    let authenticate = match refusal {
        Refusal::NoToken | Refusal::WrongCode => Some("Bearer realm=\"commonplace\""),
        Refusal::UnknownToken => Some("Bearer realm=\"commonplace\", error=\"invalid_token\""),
        _ => None,
    };
    if let Some(authenticate) = authenticate {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(authenticate));
    }
    if let Some(seconds) = refusal.retry_after_s() {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    if matches!(refusal, Refusal::BodyTooLarge { .. } | Refusal::BodyBroken) {
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    headers
}

/// Adds the methods a route has; RFC 9110 asks for it in a 405.
pub(crate) fn with_allow(mut response: Response, methods: &'static str) -> Response {
    response
        .headers_mut()
        .insert(ALLOW, HeaderValue::from_static(methods));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_when_to_come_back() {
        let refusal = Refusal::TooManyCodes { retry_after_s: 42 };
        let response = Refused(refusal).into_response();
        assert_eq!(response.headers()[RETRY_AFTER], "42");
        assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
    }
}
