//! The path of every request: guard, limits, body, route, headers.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use commonplace_api::Refusal;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{HeaderName, HeaderValue, Request, Uri};
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;
use tower::ServiceExt;

use super::{body, oauth, router};
use crate::admission::door::OtherEnd;
use crate::admission::guard::{Guard, Paths};
use crate::admission::peer::Peers;
use crate::answers::compression;
use crate::answers::refusal::{Reason, Refused, as_rpc};
use crate::site::Site;
use crate::site::limits::SiteLimits;
use crate::state::refusals::Refusals;
use crate::state::{App, Shared};

/// What a browser may load for our answers: only this page's own files and requests.
const POLICY: &str = "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; \
     img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'; \
     require-trusted-types-for 'script'; trusted-types 'none'";

/// What the guard asks about paths.
const PATHS: Paths = Paths {
    admits: router::admits,
    is_route: router::is_route,
    is_probe: oauth::is_probe,
};

/// Answers requests; cheap to clone, all clones are the same gate.
///
/// [`crate::serve`] makes one for a listener. Made by itself it answers requests without a socket, which is how it is
/// tested.
#[derive(Clone)]
pub struct Gate {
    guard: Arc<Guard>,
    requests: Arc<Semaphore>,
    router: Router,
    app: App,
}

impl Gate {
    /// Puts the parts together.
    #[must_use]
    pub fn new(site: Site) -> Self {
        let app = Arc::new(Shared::new(site));
        let site = &app.site;
        Self {
            guard: Arc::new(Guard::new(site.port, site.access.clone(), PATHS)),
            requests: Arc::new(Semaphore::new(site.limits.requests_max)),
            router: router::build(app.clone()),
            app,
        }
    }

    /// Answers one request. Never fails: a failure is an answer too.
    pub async fn answer(&self, request: Request<Body>) -> Response {
        let (mut head, body) = request.into_parts();
        take_slash_off(&mut head);
        let is_mcp = head.uri.path() == router::MCP_PATH;
        let checked = self.guard.check(&head);
        self.keep_sessions();
        let mut response = match checked {
            Ok(()) => self.carry_out(head, body).await,
            Err(refusal) => {
                body::drain(&head.headers, body).await;
                Refused(refusal).into_response()
            }
        };
        self.count(&response);
        if is_mcp {
            response = as_rpc(response);
        }
        protect(&mut response);
        response
    }

    /// Ends all event streams. Other requests are still answered.
    pub fn close(&self) {
        self.app.closing.send_replace(true);
    }

    pub(crate) fn limits(&self) -> &SiteLimits {
        &self.app.site.limits
    }

    pub(crate) fn closing(&self) -> watch::Receiver<bool> {
        self.app.closing.subscribe()
    }

    pub(crate) fn refusals(&self) -> &Refusals {
        &self.app.refusals
    }

    /// Counts connections that were closed to make room for others, and logs now and then whose most of them were.
    pub(crate) fn made_room(&self, closed: Vec<OtherEnd>) {
        self.app.refusals.made_room(closed.len());
        if let Some(times) = self.app.made_room.count(Instant::now()) {
            let peers = self.app.peers.clone();
            tokio::task::spawn_blocking(move || warn_of_crowding(&peers, &closed, times));
        }
    }

    async fn carry_out(&self, head: Parts, body: Body) -> Response {
        let Ok(_permit) = self.requests.try_acquire() else {
            body::drain(&head.headers, body).await;
            let limit = self.limits().requests_max;
            return Refused(Refusal::TooManyRequests { limit }).into_response();
        };
        let longest = self.limits().request_time_max;
        match timeout(longest, self.route(head, body)).await {
            Ok(response) => response,
            Err(_) => {
                let limit_s = longest.as_secs();
                Refused(Refusal::TooSlow { limit_s }).into_response()
            }
        }
    }

    async fn route(&self, mut head: Parts, body: Body) -> Response {
        if head.uri.path() == router::MCP_PATH {
            self.app.peers.name_process(&mut head).await;
        }
        let body = match body::read(&head.headers, body, self.limits().body_bytes_max).await {
            Ok(bytes) => Body::from(bytes),
            Err(refusal) => return Refused(refusal).into_response(),
        };
        let may_compress = compression::may_compress(&head);
        let routed = self
            .router
            .clone()
            .oneshot(Request::from_parts(head, body))
            .await;
        let response = routed.unwrap_or_else(|never| match never {});
        if may_compress {
            compression::compress(response).await
        } else {
            response
        }
    }

    /// Saves sessions in the background when a save is due.
    fn keep_sessions(&self) {
        if self.app.site.access.is_save_due() {
            let access = self.app.site.access.clone();
            tokio::task::spawn_blocking(move || access.save_sessions());
        }
    }

    fn count(&self, response: &Response) {
        if let Some(reason) = response.extensions().get::<Reason>() {
            self.app.refusals.count(*reason);
            tracing::debug!(reason = reason.code(), "refused a request");
        }
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate")
            .field("guard", &self.guard)
            .finish_non_exhaustive()
    }
}

/// Makes `/mcp/` of an address that somebody typed what was meant.
fn take_slash_off(head: &mut Parts) {
    let is_meant = head.uri.path().strip_suffix('/') == Some(router::MCP_PATH);
    if !is_meant {
        return;
    }
    let mut parts = std::mem::take(&mut head.uri).into_parts();
    parts.path_and_query = Some(PathAndQuery::from_static(router::MCP_PATH));
    head.uri = Uri::from_parts(parts).expect("an address with another path is one");
}

/// Says in the log which process had most of the connections that were closed to make room.
fn warn_of_crowding(peers: &Peers, closed: &[OtherEnd], times: u64) {
    let (process, share) = peers.most_of(closed);
    tracing::warn!(
        process,
        share = %format_args!("{share} of {}", closed.len()),
        times,
        "all places for connections were taken, and connections that asked for nothing were closed to make room: \
         this process has most of them"
    );
}

/// Adds the security headers. What has no rule for caching is not kept anywhere.
fn protect(response: &mut Response) {
    let headers = response.headers_mut();
    let fixed = [
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers
        .entry(CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
}
