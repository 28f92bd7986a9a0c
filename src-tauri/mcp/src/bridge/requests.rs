//! The requests under way: starts them, gives them up, and brings their answers to the writer.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::Value;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::{AbortHandle, Id, JoinSet};
use tokio::time::{Instant, sleep, timeout_at};

use super::message::{Message, key};
use super::{
    ANSWER_TIME_MAX, BridgeOptions, HostLink, LinkError, LinkRequest, LinkResponse, reply,
};
use crate::origin;
use crate::percent::encode;
use crate::project::{Project, project};

/// Requests that are with the host at once.
const SENT_MAX: usize = 64;

/// A host that stops refuses new requests before it closes; this long it is asked again until another one is there.
const RESTART_PAUSE: Duration = Duration::from_millis(250);
const RESTART_PAUSES_MAX: usize = 40;

/// How often a harmless request whose answer was lost is sent again, and the pause before the second time, which then
/// grows by as much each time: a host that is killed while it starts costs more than one try.
const REPEATS_MAX: u32 = 5;
const REPEAT_PAUSE: Duration = Duration::from_millis(100);

/// What the link gets beyond the bound to say itself why there is no answer: it knows more.
const LINK_GRACE: Duration = Duration::from_secs(1);

/// What became of one try.
enum Outcome {
    /// There is an answer, or there will be none.
    Settled,
    /// The request was sent and its answer was lost: it may have been carried out.
    Lost,
    /// The host refused because it stops: nothing was carried out.
    HostStops,
}

fn outcome(answer: &Result<LinkResponse, LinkError>) -> Outcome {
    match answer {
        Err(LinkError::Unreachable { .. } | LinkError::Unusable { .. }) => Outcome::Settled,
        Err(LinkError::Broken { .. } | LinkError::Silent { .. }) => Outcome::Lost,
        // A host that is being stopped ends like this what is under way.
        Ok(response) if response.status == StatusCode::INTERNAL_SERVER_ERROR => Outcome::Lost,
        Ok(response) if reply::says_host_stops(&response.body) => Outcome::HostStops,
        Ok(_) => Outcome::Settled,
    }
}

/// The bound is over, and not even the link has said why.
fn too_late() -> LinkError {
    let seconds = ANSWER_TIME_MAX.as_secs();
    let reason = format!("none within {seconds} s");
    LinkError::Silent { reason }
}

/// The tries of one request.
struct Tries {
    repeats_left: u32,
    repeats: u32,
    restarts_left: usize,
    /// Why the answer to an earlier try was lost: that one may have been carried out.
    lost: Option<String>,
    /// Whether a host that lives still has an earlier try: it may carry it out later.
    is_with_a_host: bool,
}

impl Tries {
    fn new(may_repeat: bool) -> Self {
        Self {
            repeats_left: if may_repeat { REPEATS_MAX } else { 0 },
            repeats: 0,
            restarts_left: RESTART_PAUSES_MAX,
            lost: None,
            is_with_a_host: false,
        }
    }

    /// Says after which pause it is tried again; None if that is harmful or useless.
    fn pause_before_next(&mut self, answer: &Result<LinkResponse, LinkError>) -> Option<Duration> {
        match outcome(answer) {
            Outcome::Lost => {
                self.repeats_left = self.repeats_left.checked_sub(1)?;
                let pause = REPEAT_PAUSE * self.repeats;
                self.repeats += 1;
                let why = answer.as_ref().err().map(ToString::to_string);
                self.is_with_a_host |= matches!(answer, Err(LinkError::Silent { .. }));
                self.lost =
                    why.or_else(|| Some("the host ended while it was working on it".to_owned()));
                Some(pause)
            }
            Outcome::HostStops => {
                self.restarts_left = self.restarts_left.checked_sub(1)?;
                Some(RESTART_PAUSE)
            }
            Outcome::Settled => None,
        }
    }

    /// Adds to the last answer what is true of the earlier tries: "nothing was carried out" speaks of the last one only.
    fn result(self, answer: Result<LinkResponse, LinkError>) -> Result<LinkResponse, LinkError> {
        match (answer, self.lost) {
            (Err(LinkError::Unreachable { reason }), Some(lost)) => Err(LinkError::Broken {
                reason: format!("{lost}; then no host could be reached: {reason}"),
            }),
            (Err(LinkError::Unusable { reason }), Some(lost)) => Err(LinkError::Broken {
                reason: format!("{lost}; then {reason}"),
            }),
            (Ok(response), Some(lost)) if self.is_with_a_host => {
                Ok(reply::with_doubt(response, &lost))
            }
            (answer, _) => answer,
        }
    }
}

/// The requests of one client. Dropping it gives up all that are under way.
pub(super) struct Requests<L> {
    shared: Arc<Shared<L>>,
    tasks: JoinSet<()>,
    /// Requests that can be cancelled, by the spelling of their id.
    by_id: HashMap<String, AbortHandle>,
    op_ids_made: u64,
}

/// What all requests use.
struct Shared<L> {
    link: L,
    options: BridgeOptions,
    answers: mpsc::Sender<Bytes>,
    places: Semaphore,
    /// What the handshake told; locked for moments only.
    agreed: Mutex<Agreed>,
}

/// What client and host told each other in the handshake of the older protocol, to be repeated in headers.
#[derive(Debug, Clone, Default)]
struct Agreed {
    version: Option<String>,
    client: Option<String>,
    project: Option<Project>,
    offers_roots: bool,
    /// Whether the notice of [`BridgeOptions`] was given.
    has_heard_notice: bool,
}

impl<L: HostLink> Requests<L> {
    pub(super) fn new(link: L, options: BridgeOptions, answers: mpsc::Sender<Bytes>) -> Self {
        let agreed = Mutex::new(Agreed {
            version: None,
            client: options.client.clone(),
            project: options.project.clone(),
            offers_roots: false,
            has_heard_notice: false,
        });
        let shared = Shared {
            link,
            options,
            answers,
            places: Semaphore::new(SENT_MAX),
            agreed,
        };
        Self {
            shared: Arc::new(shared),
            tasks: JoinSet::new(),
            by_id: HashMap::new(),
            op_ids_made: 0,
        }
    }

    /// How many are under way.
    pub(super) fn len(&self) -> usize {
        self.tasks.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    /// Starts a request or notification.
    pub(super) fn start(&mut self, message: Message) {
        let prefix = &self.shared.options.op_id_prefix;
        let made = &mut self.op_ids_made;
        let (body, may_repeat) = message.body(|| {
            *made += 1;
            format!("{prefix}-{made}")
        });
        if let Some(client) = message.client() {
            self.shared.agreed().client = Some(client);
        }
        let id = message.id.as_ref().map(key);
        let shared = Arc::clone(&self.shared);
        let handle = self
            .tasks
            .spawn(async move { shared.carry(message, body, may_repeat).await });
        if let Some(id) = id {
            self.by_id.insert(id, handle);
        }
    }

    /// Gives up the request with this id, if it is under way. It gets no answer.
    pub(super) fn cancel(&mut self, id: &str) {
        if let Some(handle) = self.by_id.remove(id) {
            handle.abort();
        }
    }

    /// Says whether the client is to be asked for its roots now: when the handshake is done, and when they have changed.
    pub(super) fn asks_for_roots(&self, message: &Message) -> bool {
        if message.offers_roots() {
            self.shared.agreed().offers_roots = true;
        }
        let is_time = matches!(
            message.method.as_str(),
            "notifications/initialized" | "notifications/roots/list_changed"
        );
        is_time && !self.shared.options.is_project_said && self.shared.agreed().offers_roots
    }

    /// Takes the first of the client's roots for its project; without any it stays what it was.
    pub(super) fn learn_roots(&self, roots: &[String]) {
        let home = self.shared.options.home.as_deref();
        let found = roots.iter().find_map(|root| project(root, home));
        if found.is_some() {
            self.shared.agreed().project = found;
        }
    }

    /// Sends an answer that needs no host.
    pub(super) async fn answer_now(&self, answer: Bytes) {
        self.shared.send(answer).await;
    }

    /// Waits until one request is done.
    pub(super) async fn next_done(&mut self) {
        let id: Id = match self.tasks.join_next_with_id().await {
            None => return,
            Some(Ok((id, ()))) => id,
            Some(Err(error)) => {
                if error.is_panic() {
                    tracing::error!(%error, "a request of the bridge failed");
                }
                error.id()
            }
        };
        self.by_id.retain(|_, handle| handle.id() != id);
    }

    /// Waits until all are done.
    pub(super) async fn all_done(&mut self) {
        while !self.is_empty() {
            self.next_done().await;
        }
    }
}

impl<L: HostLink> Shared<L> {
    /// Carries one message to the host and its answer back.
    async fn carry(&self, message: Message, body: Bytes, may_repeat: bool) {
        let until = Instant::now() + ANSWER_TIME_MAX;
        let request = LinkRequest {
            headers: self.headers(&message),
            body,
            until,
        };
        let mut tries = Tries::new(may_repeat);
        let posted = timeout_at(until + LINK_GRACE, self.post(request, &mut tries)).await;
        match tries.result(posted.unwrap_or_else(|_| Err(too_late()))) {
            Ok(response) => {
                self.learn(&message, &response);
                let response = self.with_notice(&message, response);
                for line in reply::lines(&message, &response) {
                    self.send(line).await;
                }
            }
            Err(problem) => {
                tracing::warn!(%problem, method = %message.method, "no answer for the client");
                if let Some(line) = reply::failure(&message, &problem) {
                    self.send(line).await;
                }
            }
        }
    }

    /// Adds what the client is to know to the first answer about the health of the memory.
    fn with_notice(&self, message: &Message, response: LinkResponse) -> LinkResponse {
        let Some(notice) = &self.options.notice else {
            return response;
        };
        if !message.asks_for_health() || self.agreed().has_heard_notice {
            return response;
        }
        let Some(told) = reply::with_notice(&response, notice) else {
            return response;
        };
        self.agreed().has_heard_notice = true;
        told
    }

    /// Posts, and posts again where that is harmless and helps.
    async fn post(
        &self,
        request: LinkRequest,
        tries: &mut Tries,
    ) -> Result<LinkResponse, LinkError> {
        // Never closed.
        let _place = self.places.acquire().await;
        loop {
            let answer = self.link.post(request.clone()).await;
            let Some(pause) = tries.pause_before_next(&answer) else {
                return answer;
            };
            if Instant::now() + pause >= request.until {
                return answer;
            }
            tracing::info!("the host did not answer this request; asking again");
            sleep(pause).await;
        }
    }

    fn headers(&self, message: &Message) -> HeaderMap {
        let agreed = self.agreed().clone();
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(
            ACCEPT,
            HeaderValue::from_static("application/json, text/event-stream"),
        );
        headers.insert(origin::HEADER_TRANSPORT, HeaderValue::from_static("stdio"));
        headers.insert(
            origin::HEADER_BRIDGE,
            HeaderValue::from_static(env!("CARGO_PKG_VERSION")),
        );
        let (project, worktree) = match agreed.project {
            Some(Project { name, worktree }) => (Some(name), worktree),
            None => (None, None),
        };
        let told = [
            (origin::HEADER_CLIENT, agreed.client.as_ref()),
            (origin::HEADER_PROJECT, project.as_ref()),
            (origin::HEADER_WORKTREE, worktree.as_ref()),
            (origin::HEADER_SESSION, self.options.session.as_ref()),
            (origin::HEADER_TIME_ZONE, self.options.time_zone.as_ref()),
        ];
        for (name, value) in told {
            if let Some(value) = value {
                headers.insert(name, encode(value));
            }
        }
        if let Some(pid) = self.options.pid {
            headers.insert(origin::HEADER_PID, HeaderValue::from(pid));
        }
        message.add_headers(&mut headers, agreed.version.as_deref());
        headers
    }

    /// Keeps the version that the handshake agreed on.
    fn learn(&self, message: &Message, response: &LinkResponse) {
        if message.method != "initialize" {
            return;
        }
        let answer: Value = serde_json::from_slice(&response.body).unwrap_or_default();
        if let Some(version) = answer
            .pointer("/result/protocolVersion")
            .and_then(Value::as_str)
        {
            self.agreed().version = Some(version.to_owned());
        }
    }

    fn agreed(&self) -> std::sync::MutexGuard<'_, Agreed> {
        self.agreed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A writer that is gone means that the bridge ends; then nobody waits for the answer.
    async fn send(&self, answer: Bytes) {
        let _ = self.answers.send(answer).await;
    }
}
