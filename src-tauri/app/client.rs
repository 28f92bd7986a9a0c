//! The client of a running host: finds it, asks it. Commands, bridge and an attached tray use nothing else.

use std::time::Duration;

use commonplace_engine::{InstanceRecord, live_instances};
use serde_json::Value;

use crate::paths::DataDir;
use crate::tokens::{TokenFileError, TokenTexts};

/// How long a host may take to answer a command.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(10);

/// Tells why a host could not be asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    #[error(
        "no host is running for the store `{0}`: start one with `commonplace serve` or the tray application"
    )]
    NotRunning(String),
    #[error(transparent)]
    Tokens(#[from] TokenFileError),
    #[error(
        "the host at {url} did not answer: {reason}; look at its log with `commonplace doctor`"
    )]
    Unreachable { url: String, reason: String },
    #[error("the host at {url} answered {status}: {text}")]
    Refused {
        url: String,
        status: u16,
        text: String,
    },
}

/// A running host of one store.
pub(crate) struct HostClient {
    http: reqwest::Client,
    pub(crate) url: String,
    admin: String,
}

/// Returns the records of the hosts that serve a store, the oldest first.
pub(crate) fn serving(data_dir: &DataDir) -> Vec<InstanceRecord> {
    let instances = live_instances(&data_dir.locks()).unwrap_or_default();
    instances
        .into_iter()
        .filter(|instance| instance.url.is_some())
        .collect()
}

/// Makes an HTTP client that speaks to loopback only: no proxy, no redirects.
pub(crate) fn http_client(answer_time_max: Duration) -> reqwest::Client {
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .tcp_nodelay(true)
        .timeout(answer_time_max)
        .build()
        .expect("a client without TLS needs nothing that could be missing")
}

impl HostClient {
    /// Finds the oldest host of a store.
    pub(crate) fn find(data_dir: &DataDir) -> Result<Self, ClientError> {
        let record = serving(data_dir).into_iter().next();
        let record =
            record.ok_or_else(|| ClientError::NotRunning(data_dir.path().display().to_string()))?;
        let admin = TokenTexts::read(data_dir.path())?.admin;
        let url = record
            .url
            .expect("only hosts that say where they listen are listed");
        Ok(Self {
            http: http_client(ANSWER_TIME_MAX),
            url: url.trim_end_matches('/').to_owned(),
            admin,
        })
    }

    /// Reads a JSON document of the host.
    pub(crate) async fn get(&self, path: &str) -> Result<Value, ClientError> {
        self.send(self.http.get(format!("{}{path}", self.url)))
            .await
    }

    /// Sends a JSON document to the host and reads its answer.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> Result<Value, ClientError> {
        self.send(self.http.post(format!("{}{path}", self.url)).json(body))
            .await
    }

    /// Changes a part of what the host keeps, and reads its answer.
    pub(crate) async fn patch(&self, path: &str, body: &Value) -> Result<Value, ClientError> {
        self.send(self.http.patch(format!("{}{path}", self.url)).json(body))
            .await
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Result<Value, ClientError> {
        let unreachable = |error: reqwest::Error| ClientError::Unreachable {
            url: self.url.clone(),
            reason: cause(&error),
        };
        let response = request
            .bearer_auth(&self.admin)
            .send()
            .await
            .map_err(unreachable)?;
        let status = response.status();
        let text = response.text().await.map_err(unreachable)?;
        if !status.is_success() {
            return Err(ClientError::Refused {
                url: self.url.clone(),
                status: status.as_u16(),
                text,
            });
        }
        serde_json::from_str(&text).map_err(|error| ClientError::Unreachable {
            url: self.url.clone(),
            reason: format!(
                "its answer is not JSON ({error}); is another program listening there?"
            ),
        })
    }
}

/// Returns the innermost cause of an HTTP error, which is the part that tells something.
pub(crate) fn cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
