//! Every way in which this surface says no: status, code, words, and how often.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::Json;
use axum::response::{IntoResponse, Response};
use commonplace_engine::{QueryError, RequestError};
use http::header::{ALLOW, CONNECTION, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use serde::Serialize;
use serde_json::json;

use crate::control::ControlError;
use crate::door::Caller;
use crate::seldom::Seldom;

/// Codes of all refusals, as they stand in answers and in `/metrics`.
pub(crate) const REASONS: [&str; 30] = [
    "wrong_host",
    "foreign_origin",
    "cross_site",
    "no_token",
    "unknown_token",
    "agent_token",
    "session_token",
    "wrong_code",
    "too_many_codes",
    "not_json",
    "body_too_large",
    "body_broken",
    "bad_request",
    "bad_setting",
    "overridden",
    "busy",
    "not_safe",
    "failed",
    "no_memory",
    "changed",
    "text_taken",
    "paused",
    "queue_full",
    "not_written",
    "unknown_outcome",
    "not_found",
    "wrong_method",
    "too_many_requests",
    "too_many_streams",
    "too_slow",
];

/// Codes of connections that are closed without an answer, as they stand in `/metrics`.
const UNANSWERED: [&str; 3] = ["other_user", "unknown_user", "made_room"];

/// Why a request was not carried out. Nothing has changed, unless the variant says otherwise.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// The Host header names somebody else: a page that rebinds its name, or a proxy.
    #[error(
        "this host answers to `127.0.0.1:{port}` and `localhost:{port}` only; use one of these addresses and no proxy"
    )]
    WrongHost { port: u16 },
    /// The Origin header names another page.
    #[error(
        "pages of other origins may not use this host; open the dashboard with `commonplace open`"
    )]
    ForeignOrigin,
    /// A browser says that the request was caused by another site.
    #[error(
        "requests caused by other sites are refused; open the dashboard with `commonplace open`"
    )]
    CrossSite,
    /// No token where one is needed.
    #[error(
        "this needs a token: send `Authorization: Bearer TOKEN`; `commonplace token` prints the one for agents, \
         `commonplace token --admin` the one for the dashboard's API"
    )]
    NoToken,
    /// A token that opens nothing.
    #[error(
        "this token is not valid, or not any more: tokens may have been rotated, or the session has ended; \
         `commonplace token` prints the current one, `commonplace open` opens the page anew"
    )]
    UnknownToken,
    /// The agents' token where the admin token is needed.
    #[error(
        "the agents' token opens `/mcp` only; this needs the admin token, which `commonplace token --admin` prints"
    )]
    AgentToken,
    /// The session of a page where the admin token itself is needed.
    #[error(
        "a page makes backups in the directory of backups only; for another file, run `commonplace backup --to FILE`"
    )]
    SessionToken,
    /// A one-time code that opens nothing.
    #[error(
        "this code is not valid: it opens the page once and within 60 s; `commonplace open` makes a new one"
    )]
    WrongCode,
    /// Too many wrong codes.
    #[error("too many wrong codes; try again in {} s", at_least_1_s(*.0))]
    TooManyCodes(Duration),
    /// A body that is not declared as JSON.
    #[error("the body must be JSON: send `Content-Type: application/json`")]
    NotJson,
    /// The body is over the limit.
    #[error(
        "the body is larger than {limit} bytes, the most one request may have; nothing was stored: \
         send less at once, such as one memory for each part of the text"
    )]
    BodyTooLarge { limit: usize },
    /// The body ended before it was complete.
    #[error("the body could not be read to its end; send the request again")]
    BodyBroken,
    /// Something in the request cannot be understood.
    #[error("{0}")]
    BadRequest(String),
    /// There is no such setting, or its value is outside its range.
    #[error("{0}")]
    BadSetting(String),
    /// A flag or a variable of this host wins over what was to be changed.
    #[error("{0}")]
    Overridden(String),
    /// The same is being done already.
    #[error("{0}")]
    Busy(String),
    /// To settle that lock would not be safe, or there is nothing to settle.
    #[error("{0}")]
    NotSafe(String),
    /// The disk or the system refused a change.
    #[error("{0}")]
    Failed(String),
    /// There is no such memory.
    #[error("{0}")]
    NoMemory(String),
    /// The memory is not what whoever asks has seen.
    #[error("{0}")]
    Changed(String),
    /// Another memory of the project has that text.
    #[error("{0}")]
    TextTaken(String),
    /// Writes are paused.
    #[error("{0}")]
    Paused(String),
    /// As many requests wait as may.
    #[error("{0}")]
    QueueFull(String),
    /// The write lock could not be had, or the host is going.
    #[error("{0}")]
    NotWritten(String),
    /// Whether it was written is not known.
    #[error("{0}")]
    UnknownOutcome(String),
    /// There is no such route.
    #[error("there is nothing here; `/api/openapi.json` lists what is")]
    NotFound,
    /// The route has no such method.
    #[error("this method is not allowed here; `/api/openapi.json` lists what is")]
    WrongMethod,
    /// As many requests are under way as may be.
    #[error(
        "{limit} requests are under way, the most this host takes at once; try again in a second"
    )]
    TooManyRequests { limit: usize },
    /// As many event streams are open as may be.
    #[error(
        "{limit} event streams are open, the most this host serves; close a page and try again"
    )]
    TooManyStreams { limit: usize },
    /// The answer did not come in time; what was asked for may or may not have been done.
    #[error(
        "there was no answer within {} s, and the request was given up; if it was a write, its outcome is not known: \
         search for it before you send it again",
        .0.as_secs()
    )]
    TooSlow(Duration),
}

/// Marks an answer with its reason, so that it can be counted in one place.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reason(pub(crate) &'static str);

impl Refusal {
    /// Returns its stable word, one of [`REASONS`].
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::WrongHost { .. } => "wrong_host",
            Self::ForeignOrigin => "foreign_origin",
            Self::CrossSite => "cross_site",
            Self::NoToken => "no_token",
            Self::UnknownToken => "unknown_token",
            Self::AgentToken => "agent_token",
            Self::SessionToken => "session_token",
            Self::WrongCode => "wrong_code",
            Self::TooManyCodes(_) => "too_many_codes",
            Self::NotJson => "not_json",
            Self::BodyTooLarge { .. } => "body_too_large",
            Self::BodyBroken => "body_broken",
            Self::BadRequest(_) => "bad_request",
            Self::BadSetting(_) => "bad_setting",
            Self::Overridden(_) => "overridden",
            Self::Busy(_) => "busy",
            Self::NotSafe(_) => "not_safe",
            Self::Failed(_) => "failed",
            Self::NoMemory(_) => "no_memory",
            Self::Changed(_) => "changed",
            Self::TextTaken(_) => "text_taken",
            Self::Paused(_) => "paused",
            Self::QueueFull(_) => "queue_full",
            Self::NotWritten(_) => "not_written",
            Self::UnknownOutcome(_) => "unknown_outcome",
            Self::NotFound => "not_found",
            Self::WrongMethod => "wrong_method",
            Self::TooManyRequests { .. } => "too_many_requests",
            Self::TooManyStreams { .. } => "too_many_streams",
            Self::TooSlow(_) => "too_slow",
        }
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::WrongHost { .. }
            | Self::ForeignOrigin
            | Self::CrossSite
            | Self::AgentToken
            | Self::SessionToken => StatusCode::FORBIDDEN,
            Self::NoToken | Self::UnknownToken | Self::WrongCode => StatusCode::UNAUTHORIZED,
            Self::TooManyCodes(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::NotJson => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::BodyTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::BodyBroken | Self::BadRequest(_) => StatusCode::BAD_REQUEST,
            Self::BadSetting(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Overridden(_)
            | Self::Busy(_)
            | Self::NotSafe(_)
            | Self::Changed(_)
            | Self::TextTaken(_)
            | Self::Paused(_) => StatusCode::CONFLICT,
            Self::Failed(_) | Self::UnknownOutcome(_) => StatusCode::INTERNAL_SERVER_ERROR,
            Self::NotFound | Self::NoMemory(_) => StatusCode::NOT_FOUND,
            Self::WrongMethod => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooManyRequests { .. }
            | Self::TooManyStreams { .. }
            | Self::QueueFull(_)
            | Self::NotWritten(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::TooSlow(_) => StatusCode::GATEWAY_TIMEOUT,
        }
    }

    fn add_headers(&self, response: &mut Response) {
        let headers = response.headers_mut();
        match self {
            Self::NoToken | Self::WrongCode => {
                headers.insert(
                    WWW_AUTHENTICATE,
                    HeaderValue::from_static("Bearer realm=\"commonplace\""),
                );
            }
            Self::UnknownToken => {
                let value = "Bearer realm=\"commonplace\", error=\"invalid_token\"";
                headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(value));
            }
            Self::TooManyCodes(wait) => {
                headers.insert(RETRY_AFTER, HeaderValue::from(at_least_1_s(*wait)));
            }
            Self::TooManyRequests { .. } | Self::QueueFull(_) | Self::NotWritten(_) => {
                headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
            }
            Self::TooManyStreams { .. } => {
                headers.insert(RETRY_AFTER, HeaderValue::from_static("5"));
            }
            Self::BodyTooLarge { .. } | Self::BodyBroken => {
                headers.insert(CONNECTION, HeaderValue::from_static("close"));
            }
            _ => {}
        }
    }
}

impl From<ControlError> for Refusal {
    fn from(error: ControlError) -> Self {
        match error {
            ControlError::BadSetting(text) => Self::BadSetting(text),
            ControlError::Overridden(text) => Self::Overridden(text),
            ControlError::Busy(text) => Self::Busy(text),
            ControlError::NotSafe(text) => Self::NotSafe(text),
            ControlError::Failed(text) => Self::Failed(text),
        }
    }
}

impl From<RequestError> for Refusal {
    fn from(error: RequestError) -> Self {
        use commonplace_engine::Refusal as Refused;
        let text = error.to_string();
        match error {
            RequestError::Refused(refused) => match refused {
                Refused::NoMemory { .. } | Refused::NotFound { .. } => Self::NoMemory(text),
                Refused::Changed { .. } => Self::Changed(text),
                Refused::TextTaken { .. } => Self::TextTaken(text),
                // The page names memories by their ids.
                Refused::Ambiguous { .. }
                | Refused::OpIdTaken { .. }
                | Refused::NoDelete { .. }
                | Refused::TooMany
                | Refused::Draft(_) => Self::BadRequest(text),
                Refused::Damaged { .. } => Self::Failed(text),
            },
            RequestError::QueueFull { .. } => Self::QueueFull(text),
            RequestError::Paused { .. } => Self::Paused(text),
            RequestError::TimedOut { .. }
            | RequestError::TakenOver { .. }
            | RequestError::ShuttingDown
            | RequestError::Store {
                is_passing: true, ..
            } => Self::NotWritten(text),
            RequestError::Unknown { .. } => Self::UnknownOutcome(text),
            RequestError::Store {
                is_passing: false, ..
            } => Self::Failed(text),
        }
    }
}

impl From<QueryError> for Refusal {
    fn from(error: QueryError) -> Self {
        Self::BadRequest(error.to_string())
    }
}

fn at_least_1_s(wait: Duration) -> u64 {
    wait.as_secs().max(1)
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = json!({"error": {"code": self.code(), "message": self.to_string()}});
        let mut response = (self.status(), Json(body)).into_response();
        self.add_headers(&mut response);
        response.extensions_mut().insert(Reason(self.code()));
        response
    }
}

/// Adds the methods a route has; RFC 9110 asks for it in a 405.
pub(crate) fn with_allow(mut response: Response, methods: &'static str) -> Response {
    response
        .headers_mut()
        .insert(ALLOW, HeaderValue::from_static(methods));
    response
}

/// Connections that were closed without an answer since the start of the host, by reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Closed {
    /// They were another user's.
    other_user: u64,
    /// The system did not say whose they were.
    unknown_user: u64,
    /// They asked for nothing, and others needed their places.
    made_room: u64,
}

/// Counts refusals by reason since the start of the host.
#[derive(Debug, Default)]
pub(crate) struct Refusals {
    counts: [AtomicU64; REASONS.len()],
    unanswered: [AtomicU64; UNANSWERED.len()],
    /// Tells of strangers.
    strangers: Seldom,
    /// Tells of connections whose user is not known.
    unknown: Seldom,
}

impl Refusals {
    pub(crate) fn count(&self, code: &str) {
        add(&REASONS, &self.counts, code, 1);
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
    pub(crate) fn closed(&self) -> Closed {
        let [other_user, unknown_user, made_room] = self
            .unanswered
            .each_ref()
            .map(|count| count.load(Ordering::Relaxed));
        Closed {
            other_user,
            unknown_user,
            made_room,
        }
    }

    fn count_unanswered(&self, code: &str, more: u64) {
        add(&UNANSWERED, &self.unanswered, code, more);
    }

    /// Returns each reason with its count, in the order of [`REASONS`] and [`UNANSWERED`].
    pub(crate) fn all(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        let counts = self.counts.iter().chain(&self.unanswered);
        let counts = counts.map(|count| count.load(Ordering::Relaxed));
        REASONS.into_iter().chain(UNANSWERED).zip(counts)
    }
}

fn add(codes: &[&str], counts: &[AtomicU64], code: &str, more: u64) {
    let index = codes.iter().position(|known| *known == code);
    if let Some(count) = index.and_then(|index| counts.get(index)) {
        count.fetch_add(more, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_is_counted_under_its_own_reason() {
        let all = [
            Refusal::WrongHost { port: 1 },
            Refusal::ForeignOrigin,
            Refusal::CrossSite,
            Refusal::NoToken,
            Refusal::UnknownToken,
            Refusal::AgentToken,
            Refusal::SessionToken,
            Refusal::WrongCode,
            Refusal::TooManyCodes(Duration::ZERO),
            Refusal::NotJson,
            Refusal::BodyTooLarge { limit: 1 },
            Refusal::BodyBroken,
            Refusal::BadRequest(String::new()),
            Refusal::BadSetting(String::new()),
            Refusal::Overridden(String::new()),
            Refusal::Busy(String::new()),
            Refusal::NotSafe(String::new()),
            Refusal::Failed(String::new()),
            Refusal::NoMemory(String::new()),
            Refusal::Changed(String::new()),
            Refusal::TextTaken(String::new()),
            Refusal::Paused(String::new()),
            Refusal::QueueFull(String::new()),
            Refusal::NotWritten(String::new()),
            Refusal::UnknownOutcome(String::new()),
            Refusal::NotFound,
            Refusal::WrongMethod,
            Refusal::TooManyRequests { limit: 1 },
            Refusal::TooManyStreams { limit: 1 },
            Refusal::TooSlow(Duration::ZERO),
        ];
        let codes: Vec<_> = all.iter().map(Refusal::code).collect();
        assert_eq!(
            codes, REASONS,
            "a reason that is not in the list is not counted"
        );
    }

    #[test]
    fn the_openapi_document_lists_every_reason() {
        let document: serde_json::Value =
            serde_json::from_str(include_str!("../openapi.json")).unwrap();
        let refusal = &document["components"]["schemas"]["Refusal"];
        let listed = &refusal["properties"]["error"]["properties"]["code"]["enum"];
        assert_eq!(*listed, json!(REASONS));
    }

    #[test]
    fn a_refusal_says_when_to_come_back() {
        let response = Refusal::TooManyCodes(Duration::from_secs(42)).into_response();
        assert_eq!(response.headers()[RETRY_AFTER], "42");
    }
}
