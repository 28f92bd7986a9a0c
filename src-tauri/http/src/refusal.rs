//! How this surface says no: the answer to a refusal, and how often there was one.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use axum::Json;
use axum::response::{IntoResponse, Response};
use commonplace_api::about::ConnectionsClosed;
use commonplace_api::{Refusal, RefusalBody};
use commonplace_engine::{QueryError, RequestError};
use http::header::{ALLOW, CONNECTION, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};

use crate::door::Caller;
use crate::seldom::Seldom;

/// Codes of connections that are closed without an answer, as they stand in `/metrics`.
const UNANSWERED: [&str; 3] = ["other_user", "unknown_user", "made_room"];

/// A refusal on its way out.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Refused(pub(crate) Refusal);

/// What a route answers, or why not.
pub(crate) type Answer<T> = Result<T, Refused>;

/// Marks an answer with the place of its code in [`Refusal::CODES`], so that it can be counted in one place.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reason(pub(crate) usize);

impl Reason {
    fn of(refusal: &Refusal) -> Option<Self> {
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
        let mut response = (status, Json(RefusalBody::from(refusal))).into_response();
        response.headers_mut().extend(headers);
        if let Some(reason) = reason {
            response.extensions_mut().insert(reason);
        }
        response
    }
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

/// Counts refusals by reason since the start of the host.
#[derive(Debug)]
pub(crate) struct Refusals {
    counts: [AtomicU64; Refusal::CODES.len()],
    unanswered: [AtomicU64; UNANSWERED.len()],
    /// Tells of strangers.
    strangers: Seldom,
    /// Tells of connections whose user is not known.
    unknown: Seldom,
}

impl Default for Refusals {
    fn default() -> Self {
        Self {
            counts: [const { AtomicU64::new(0) }; Refusal::CODES.len()],
            unanswered: Default::default(),
            strangers: Seldom::default(),
            unknown: Seldom::default(),
        }
    }
}

impl Refusals {
    /// Counts a refusal by the place of its code.
    pub(crate) fn count(&self, Reason(place): Reason) {
        self.counts[place].fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a connection over the limit.
    pub(crate) fn turned_away(&self) {
        let reason = Reason::of(&Refusal::TooManyRequests { limit: 0 });
        reason.into_iter().for_each(|reason| self.count(reason));
    }

    /// Counts a connection that was closed because of whose it is, and says so in the log now and then.
    pub(crate) fn shut_out(&self, caller: &Caller) {
        let now = Instant::now();
        if let Caller::Stranger(user) = caller {
            self.count_unanswered("other_user", 1);
            if let Some(connections) = self.strangers.count(now) {
                tracing::warn!(
                    last = user,
                    connections,
                    "connections of other users of this machine were closed: this store is served to its own user and to root only"
                );
            }
            return;
        }
        self.count_unanswered("unknown_user", 1);
        if let Some(connections) = self.unknown.count(now) {
            tracing::warn!(
                connections,
                "connections were closed because the system does not say whose they are: they were given up at once, \
                 or come from another network namespace, such as that of a container"
            );
        }
    }

    /// Counts connections that were closed to make room for others.
    pub(crate) fn made_room(&self, connections: usize) {
        self.count_unanswered("made_room", connections as u64);
    }

    /// Returns how many connections were closed without an answer.
    pub(crate) fn closed(&self) -> ConnectionsClosed {
        let [other_user, unknown_user, made_room] = self
            .unanswered
            .each_ref()
            .map(|count| count.load(Ordering::Relaxed));
        ConnectionsClosed {
            other_user,
            unknown_user,
            made_room,
        }
    }

    fn count_unanswered(&self, code: &str, more: u64) {
        let place = UNANSWERED.iter().position(|known| *known == code);
        let place = place.expect("it is one of the list");
        self.unanswered[place].fetch_add(more, Ordering::Relaxed);
    }

    /// Returns each reason with its count, in the order of [`Refusal::CODES`] and [`UNANSWERED`].
    pub(crate) fn all(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        let counts = self.counts.iter().chain(&self.unanswered);
        let counts = counts.map(|count| count.load(Ordering::Relaxed));
        Refusal::CODES.into_iter().chain(UNANSWERED).zip(counts)
    }
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
