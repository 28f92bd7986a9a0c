//! The one way of a request: guard, bound, body, route, headers.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use commonplace_api::{Host, Refusal};
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use http::request::Parts;
use http::{HeaderName, HeaderValue, Request};
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;
use tower::ServiceExt;

use crate::access::Access;
use crate::body;
use crate::charts::Kept;
use crate::door::OtherEnd;
use crate::guard::Guard;
use crate::limits::SiteLimits;
use crate::login::StartAtLogin;
use crate::mcp::McpService;
use crate::memories::Memories;
use crate::packing;
use crate::peer::{FindProcess, Peers};
use crate::refusal::{Reason, Refusals, Refused};
use crate::router;
use crate::seldom::Seldom;
use crate::source::StatusSource;
use crate::sse::Latest;
use crate::static_files::Packed;

/// What a browser may do with our answers: nothing but this page's own files and requests.
const POLICY: &str = "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; \
     img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'; \
     require-trusted-types-for 'script'; trusted-types 'none'";

/// What the app knows about itself, and a page shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// The revisions of MCP that `/mcp` answers, the newest first.
    pub mcp_revisions: Vec<&'static str>,
    /// How commands for this store begin: the program, and the store if it is not the usual one.
    pub command: String,
}

/// The parts that the app puts together.
#[derive(Clone)]
pub struct Site {
    /// Port of the listener; the guard refuses every Host that does not name it.
    pub port: u16,
    /// Tokens, codes and sessions.
    pub access: Access,
    /// What answers `/mcp`.
    pub mcp: McpService,
    /// What the app knows about itself.
    pub about: About,
    /// Finds the process at the other end of a connection.
    pub find_process: FindProcess,
    /// What the figures come from.
    pub status: Arc<dyn StatusSource>,
    /// What carries out what a person changes.
    pub host: Arc<dyn Host<Error = Refusal>>,
    /// What knows whether a login starts the program.
    pub login: Arc<dyn StartAtLogin>,
    /// What finds and changes memories.
    pub memories: Arc<dyn Memories>,
    /// Bounds.
    pub limits: SiteLimits,
}

impl fmt::Debug for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Site")
            .field("port", &self.port)
            .finish_non_exhaustive()
    }
}

/// What the routes share.
pub(crate) struct Shared {
    pub(crate) port: u16,
    pub(crate) access: Access,
    pub(crate) about: About,
    pub(crate) peers: Peers,
    pub(crate) status: Arc<dyn StatusSource>,
    pub(crate) host: Arc<dyn Host<Error = Refusal>>,
    pub(crate) login: Arc<dyn StartAtLogin>,
    pub(crate) memories: Arc<dyn Memories>,
    pub(crate) limits: SiteLimits,
    pub(crate) refusals: Refusals,
    /// Tells of connections that make room.
    pub(crate) crowded: Seldom,
    /// Charts that were just drawn.
    pub(crate) charts: Kept,
    pub(crate) packed: Packed,
    /// The status as it went out last.
    pub(crate) latest: Latest,
    /// One permit for each event stream.
    pub(crate) streams: Arc<Semaphore>,
    /// Becomes true when the host shuts down.
    pub(crate) closing: watch::Sender<bool>,
}

/// The state of all routes.
pub(crate) type App = Arc<Shared>;

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
        let app = Arc::new(Shared {
            port: site.port,
            access: site.access.clone(),
            about: site.about,
            peers: Peers::new(site.find_process),
            status: site.status,
            latest: Latest::default(),
            host: site.host,
            login: site.login,
            memories: site.memories,
            limits: site.limits,
            refusals: Refusals::default(),
            crowded: Seldom::default(),
            charts: Kept::default(),
            packed: Packed::default(),
            streams: Arc::new(Semaphore::new(site.limits.streams_max)),
            closing: watch::Sender::new(false),
        });
        Self {
            guard: Arc::new(Guard::new(site.port, site.access)),
            requests: Arc::new(Semaphore::new(site.limits.requests_max)),
            router: router::build(app.clone(), site.mcp),
            app,
        }
    }

    /// Answers one request. Never fails: what cannot be done is an answer too.
    pub async fn answer(&self, request: Request<Body>) -> Response {
        let (head, body) = request.into_parts();
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
        protect(&mut response);
        response
    }

    /// Ends all event streams. Other requests are still answered.
    pub fn close(&self) {
        self.app.closing.send_replace(true);
    }

    pub(crate) fn limits(&self) -> &SiteLimits {
        &self.app.limits
    }

    pub(crate) fn closing(&self) -> watch::Receiver<bool> {
        self.app.closing.subscribe()
    }

    pub(crate) fn refusals(&self) -> &Refusals {
        &self.app.refusals
    }

    /// Counts connections that had to go so that others have a place, and says now and then whose most of them were.
    pub(crate) fn made_room(&self, gone: Vec<OtherEnd>) {
        self.app.refusals.made_room(gone.len());
        if let Some(times) = self.app.crowded.count(Instant::now()) {
            let peers = self.app.peers.clone();
            tokio::task::spawn_blocking(move || tell_who_crowds(&peers, &gone, times));
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
        let may_pack = packing::may_pack(&head);
        let routed = self
            .router
            .clone()
            .oneshot(Request::from_parts(head, body))
            .await;
        let response = routed.unwrap_or_else(|never| match never {});
        if may_pack {
            packing::pack(response).await
        } else {
            response
        }
    }

    /// Writes down now and then that sessions were used; nobody waits for it.
    fn keep_sessions(&self) {
        if self.app.access.is_save_due() {
            let access = self.app.access.clone();
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

/// Says in the log which process has most of the connections that made room.
fn tell_who_crowds(peers: &Peers, gone: &[OtherEnd], times: u64) {
    let (process, share) = peers.most_of(gone);
    tracing::warn!(
        process,
        share = %format_args!("{share} of {}", gone.len()),
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
