//! Why a host did not do what it was asked: a code with its facts. The sentence for people is made from them here, and
//! nowhere else; no program reads it to learn a fact.

mod body;

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::pause::Pause;
use crate::settings::{self, SettingDomain, SettingError};
pub use body::{RPC_REFUSED, RefusalBody, RpcRefusal, SaidRefusal};

/// Why a request was not carried out. Nothing has changed, unless the variant says otherwise.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, thiserror::Error)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Refusal {
    /// The Host header names somebody else: a page that rebinds its name, or a proxy.
    #[error(
        "this host answers to `127.0.0.1:{port}` and `localhost:{port}` only: use one of these addresses and no proxy. A port \
         forward must have the same number at both ends, as in `ssh -L {port}:127.0.0.1:{port}`; if {port} is not free at \
         the other end, change the setting `port`"
    )]
    WrongHost {
        /// The port of the host.
        port: u16,
    },
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
         `commonplace token` prints the current one, `commonplace open` opens the page with a new session"
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
    #[error("too many wrong codes; try again in {retry_after_s} s")]
    TooManyCodes {
        /// When the next one is looked at.
        retry_after_s: u64,
    },
    /// A body that is not declared as JSON.
    #[error("the body must be JSON: send `Content-Type: application/json`")]
    NotJson,
    /// The body is over the limit.
    #[error(
        "the body is larger than {limit_bytes} bytes, the most one request may have; nothing was stored: \
         send less at once, such as one memory for each part of the text"
    )]
    BodyTooLarge {
        /// The limit.
        limit_bytes: usize,
    },
    /// The body ended before it was complete.
    #[error("the body could not be read to its end; send the request again")]
    BodyBroken,
    /// Something in the request cannot be understood.
    #[error("{problem}")]
    BadRequest {
        /// What is wrong, and what it must be.
        problem: String,
    },
    /// There is no such setting, or it cannot have that value.
    #[error("{}", setting_words(key, value.as_ref(), domain.as_ref(), nearest.as_deref()))]
    BadSetting {
        /// The setting.
        key: String,
        /// What was asked for, if there is such a setting.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        value: Option<Value>,
        /// What it may be, if there is such a setting.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        domain: Option<SettingDomain>,
        /// The nearest key, if there is no such setting.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        nearest: Option<String>,
    },
    /// A flag or a variable of this host wins over what was to be changed.
    #[error(
        "`{key}` is set by {by}, which wins over the settings file: start the host without it first"
    )]
    Overridden {
        /// The setting.
        key: String,
        /// The flag or variable.
        by: String,
    },
    /// The same is being done already.
    #[error("{reason}")]
    Busy {
        /// What is being done, and where its end can be seen.
        reason: String,
    },
    /// To settle that lock would not be safe, or there is nothing to settle.
    #[error("{found}; {reason}")]
    NotSafe {
        /// What was found.
        found: String,
        /// Why it was refused, and what to do instead.
        reason: String,
    },
    /// It was not done here, and a person can do it by hand.
    #[error("{reason}")]
    ByHand {
        /// Why it was not done, and what to do.
        reason: String,
        /// Lines to add or a command to run; empty if there are none.
        lines: String,
    },
    /// The disk or the system refused.
    #[error("{reason}")]
    Failed {
        /// What was tried, on what, and what to do.
        reason: String,
    },
    /// There is no such memory.
    #[error("there is no memory {id}, or it was deleted")]
    NoMemory {
        /// Its id.
        id: i64,
    },
    /// The memory is not what whoever asks has seen.
    #[error(
        "memory {id} was changed since you read it; nothing was written: read it again, then change it"
    )]
    Changed {
        /// Its id.
        id: i64,
        /// When it was changed, in milliseconds since 1970.
        updated_ms: i64,
    },
    /// Another memory of the project has that text.
    #[error("another memory of this project already has that text: hash {content_hash}")]
    TextTaken {
        /// Hash of that memory.
        content_hash: String,
    },
    /// There is no such redaction.
    #[error(
        "there is no redaction {number} any more: it was put back or forgotten, newer ones needed its room, its time is \
         over, or the host was started again"
    )]
    NoRedaction {
        /// Its number.
        number: i64,
    },
    /// The memory is not any more what was stored when secrets in it were replaced.
    #[error(
        "memory {id} was changed since secrets in it were replaced; nothing was put back: look at what was replaced, then \
         edit the memory"
    )]
    ChangedSince {
        /// Its id.
        id: i64,
    },
    /// Writes are paused.
    #[error("writes are paused {pause}; {}`commonplace resume` resumes writes", waited_words(*waited_ms))]
    Paused {
        /// Since when, and by whom.
        pause: Pause,
        /// How long this one waited; None if it did not.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        waited_ms: Option<u64>,
    },
    /// The queue takes no more of this client.
    #[error("queue_full: {length} requests are waiting{} and at most {limit} may; try again in {retry_after_s} s", own_words(*own))]
    QueueFull {
        /// Requests in the queue.
        length: usize,
        /// Of these, the client's own.
        own: usize,
        /// The most it takes.
        limit: usize,
        /// When a place is likely to be free.
        retry_after_s: u64,
    },
    /// The write lock could not be taken in time.
    #[error(
        "could not take the write lock on `{path}` within {}: {holder}; nothing was written. \
         `commonplace locks` shows who holds it, who waits, and what may be done; or give more time (request {request} in the log)",
        seconds(*waited_ms)
    )]
    TimedOut {
        /// The lock.
        path: String,
        /// How long the request waited.
        waited_ms: u64,
        /// Who holds it, in words: pid, program, machine, how long.
        holder: String,
        /// Requests in the queue.
        queue_length: usize,
        /// Name of the request in the log of the host.
        request: String,
    },
    /// The host was stopped or stuck with the write lock, and another instance took it over.
    #[error("{reason}")]
    TakenOver {
        /// What happened, and what to do.
        reason: String,
    },
    /// The host is shutting down.
    #[error("this host is shutting down and takes no more requests; ask again when it is back")]
    ShuttingDown,
    /// The store could not be written or read now; asking again later may help.
    #[error("{reason}")]
    NotWritten {
        /// What was tried, on what, and what to do.
        reason: String,
    },
    /// Whether it was written is not known.
    #[error(
        "the outcome of this write is not known: {reason}; ask again with the same op_id to be sure"
    )]
    UnknownOutcome {
        /// What happened.
        reason: String,
    },
    /// There is no such route.
    #[error(
        "there is nothing here: MCP clients use `/mcp`, and `/api/openapi.json` lists the rest"
    )]
    NotFound,
    /// The route has no such method.
    #[error("this method is not allowed here; `/api/openapi.json` lists what is")]
    WrongMethod,
    /// As many requests are under way as may be.
    #[error(
        "{limit} requests are under way, the most this host takes at once; try again in a second"
    )]
    TooManyRequests {
        /// The most there may be.
        limit: usize,
    },
    /// As many event streams are open as may be.
    #[error(
        "{limit} event streams are open, the most this host serves; close a page and try again"
    )]
    TooManyStreams {
        /// The most there may be.
        limit: usize,
    },
    /// The answer did not come in time; what was asked for may or may not have been done.
    #[error(
        "there was no answer within {limit_s} s, and the request was given up; if it was a write, its outcome is not known: \
         search for it before you send it again"
    )]
    TooSlow {
        /// How long it could take.
        limit_s: u64,
    },
    /// A refusal whose code or facts are not those known here, of a newer or an older host, with its own sentence.
    #[error("{message}")]
    #[serde(skip)]
    #[schemars(skip)]
    Other {
        /// Its code.
        code: String,
        /// Its sentence.
        message: String,
    },
}

impl Refusal {
    /// Codes of all refusals, as they stand in answers and in `/metrics`.
    pub const CODES: [&str; 36] = [
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
        "by_hand",
        "failed",
        "no_memory",
        "changed",
        "text_taken",
        "no_redaction",
        "changed_since",
        "paused",
        "queue_full",
        "timed_out",
        "taken_over",
        "shutting_down",
        "not_written",
        "unknown_outcome",
        "not_found",
        "wrong_method",
        "too_many_requests",
        "too_many_streams",
        "too_slow",
    ];

    /// Refuses what cannot be understood.
    pub fn bad_request(problem: impl Into<String>) -> Self {
        Self::BadRequest {
            problem: problem.into(),
        }
    }

    /// Tells of a disk or system that refused.
    pub fn failed(reason: impl ToString) -> Self {
        Self::Failed {
            reason: reason.to_string(),
        }
    }

    /// Returns its code: one of [`Refusal::CODES`], or that of another version. Decide by it what does not need the facts.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::WrongHost { .. } => "wrong_host",
            Self::ForeignOrigin => "foreign_origin",
            Self::CrossSite => "cross_site",
            Self::NoToken => "no_token",
            Self::UnknownToken => "unknown_token",
            Self::AgentToken => "agent_token",
            Self::SessionToken => "session_token",
            Self::WrongCode => "wrong_code",
            Self::TooManyCodes { .. } => "too_many_codes",
            Self::NotJson => "not_json",
            Self::BodyTooLarge { .. } => "body_too_large",
            Self::BodyBroken => "body_broken",
            Self::BadRequest { .. } => "bad_request",
            Self::BadSetting { .. } => "bad_setting",
            Self::Overridden { .. } => "overridden",
            Self::Busy { .. } => "busy",
            Self::NotSafe { .. } => "not_safe",
            Self::ByHand { .. } => "by_hand",
            Self::Failed { .. } => "failed",
            Self::NoMemory { .. } => "no_memory",
            Self::Changed { .. } => "changed",
            Self::TextTaken { .. } => "text_taken",
            Self::NoRedaction { .. } => "no_redaction",
            Self::ChangedSince { .. } => "changed_since",
            Self::Paused { .. } => "paused",
            Self::QueueFull { .. } => "queue_full",
            Self::TimedOut { .. } => "timed_out",
            Self::TakenOver { .. } => "taken_over",
            Self::ShuttingDown => "shutting_down",
            Self::NotWritten { .. } => "not_written",
            Self::UnknownOutcome { .. } => "unknown_outcome",
            Self::NotFound => "not_found",
            Self::WrongMethod => "wrong_method",
            Self::TooManyRequests { .. } => "too_many_requests",
            Self::TooManyStreams { .. } => "too_many_streams",
            Self::TooSlow { .. } => "too_slow",
            Self::Other { code, .. } => code,
        }
    }

    /// Returns the status of HTTP that goes with it (RFC 9110, section 15).
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Self::BodyBroken | Self::BadRequest { .. } => 400,
            Self::NoToken | Self::UnknownToken | Self::WrongCode => 401,
            Self::WrongHost { .. }
            | Self::ForeignOrigin
            | Self::CrossSite
            | Self::AgentToken
            | Self::SessionToken => 403,
            Self::NotFound | Self::NoMemory { .. } | Self::NoRedaction { .. } => 404,
            Self::WrongMethod => 405,
            Self::Overridden { .. }
            | Self::Busy { .. }
            | Self::NotSafe { .. }
            | Self::ByHand { .. }
            | Self::Changed { .. }
            | Self::TextTaken { .. }
            | Self::ChangedSince { .. }
            | Self::Paused { .. } => 409,
            Self::BodyTooLarge { .. } => 413,
            Self::NotJson => 415,
            Self::BadSetting { .. } => 422,
            Self::TooManyCodes { .. } => 429,
            Self::Failed { .. } | Self::UnknownOutcome { .. } | Self::Other { .. } => 500,
            Self::QueueFull { .. }
            | Self::TimedOut { .. }
            | Self::TakenOver { .. }
            | Self::ShuttingDown
            | Self::NotWritten { .. }
            | Self::TooManyRequests { .. }
            | Self::TooManyStreams { .. } => 503,
            Self::TooSlow { .. } => 504,
        }
    }

    /// Returns after how many seconds it is worth asking again; None if that is not a matter of time.
    #[must_use]
    pub fn retry_after_s(&self) -> Option<u64> {
        match self {
            Self::TooManyCodes { retry_after_s } | Self::QueueFull { retry_after_s, .. } => {
                Some(*retry_after_s)
            }
            Self::TimedOut { .. }
            | Self::TakenOver { .. }
            | Self::ShuttingDown
            | Self::NotWritten { .. }
            | Self::TooManyRequests { .. } => Some(1),
            Self::TooManyStreams { .. } => Some(5),
            _ => None,
        }
    }
}

impl From<SettingError> for Refusal {
    fn from(error: SettingError) -> Self {
        match error {
            SettingError::NotThere { key, nearest } => Self::BadSetting {
                key,
                value: None,
                domain: None,
                nearest: Some(nearest.to_owned()),
            },
            SettingError::Unfit { key, value, domain } => Self::BadSetting {
                key: key.to_owned(),
                value: Some(value),
                domain: Some(domain),
                nearest: None,
            },
        }
    }
}

fn setting_words(
    key: &str,
    value: Option<&Value>,
    domain: Option<&SettingDomain>,
    nearest: Option<&str>,
) -> String {
    match (value, domain, nearest) {
        (Some(value), Some(domain), _) => settings::unfit_words(key, value, domain),
        (_, _, Some(nearest)) => settings::not_there_words(key, nearest),
        _ => format!(
            "`{key}` cannot have this value; nothing was changed: `commonplace settings` shows what it may be"
        ),
    }
}

fn own_words(own: usize) -> String {
    match own {
        0 => String::new(),
        own => format!(", {own} of them yours,"),
    }
}

fn waited_words(waited_ms: Option<u64>) -> String {
    match waited_ms {
        Some(waited_ms) => format!(
            "this one waited {} and nothing was written: ",
            seconds(waited_ms)
        ),
        None => "nothing was changed: ".to_owned(),
    }
}

fn seconds(ms: u64) -> String {
    format!("{:.1?}", Duration::from_millis(ms))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Every variant's code stands in the list by which refusals are counted, in the same order.
    #[test]
    fn every_refusal_has_its_place_in_the_list_of_codes() {
        let schema = schemars::schema_for!(Refusal);
        let variants = schema.get("oneOf").and_then(Value::as_array).unwrap();
        let codes: Vec<&str> = variants
            .iter()
            .map(|variant| variant["properties"]["code"]["const"].as_str().unwrap())
            .collect();
        assert_eq!(codes, Refusal::CODES);
        for code in ["no_token", "shutting_down", "not_found", "wrong_method"] {
            let refusal: Refusal = serde_json::from_value(json!({ "code": code })).unwrap();
            assert_eq!(refusal.code(), code);
        }
    }
}
