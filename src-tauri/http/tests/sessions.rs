//! Who may look at the page, and for how long: codes, sessions, and their next host.

mod support;

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::body::Body;
use commonplace_api::about::{Proof, Session};
use commonplace_api::call;
use commonplace_http::{Access, Gate, SessionFile, Surroundings, Token, Tokens};
use futures_util::StreamExt;
use http::{Method, Request, StatusCode};
use sha2::{Digest as _, Sha256};
use support::{
    ADMIN, AGENT, ELSEWHERE, MadeUp, NOW_MS, asked, by, gate, get, outcome, post, request, site,
    told, without,
};
use tokio::sync::watch;

const UNKNOWN: &str = "401 unknown_token";

#[tokio::test]
async fn the_page_opens_with_a_one_time_code() {
    let gate = gate();
    let opening = asked(&gate, call::page_address()).await;
    let code = opening.url.strip_prefix("http://127.0.0.1:7311/#code=");
    let code = code.expect("the code stands in the fragment");
    let first = without(begin_with(code), "authorization");
    let session = told::<Session>(&gate, first).await.token;
    assert_eq!(status_for(&gate, &session).await, "200");
    let again = outcome(&gate, begin_with(code)).await;
    assert_eq!(again, "401 wrong_code", "a code works once");
    let end = by(&session, request(Method::DELETE, "/api/session"));
    assert_eq!(outcome(&gate, end).await, "204");
    assert_eq!(status_for(&gate, &session).await, UNKNOWN, "it has ended");
}

#[tokio::test]
async fn guessing_codes_is_slowed_down() {
    let gate = gate();
    for _ in 0..10 {
        let guessed = outcome(&gate, begin_with("guess")).await;
        assert_eq!(guessed, "401 wrong_code");
    }
    let answer = gate.answer(begin_with("guess")).await;
    assert_eq!(answer.status(), StatusCode::TOO_MANY_REQUESTS);
    assert!(answer.headers().contains_key("retry-after"));
    let admin = status_for(&gate, ADMIN).await;
    assert_eq!(admin, "200", "those who have a token are not held up");
}

#[tokio::test]
async fn a_code_request_that_makes_no_sense_is_refused() {
    let gate = gate();
    for body in ["", "{", "[]", "{\"code\":7}", "{\"token\":\"x\"}"] {
        let got = outcome(&gate, post("/api/session", body)).await;
        assert_eq!(got, "400 bad_request", "{body}");
    }
}

#[tokio::test]
async fn rotated_tokens_end_the_old_ones_and_all_sessions() {
    let parts = site(MadeUp::new());
    let access = parts.access.clone();
    let gate = Gate::new(parts);
    let session = sign_in(&gate).await;

    let admin = "new-admin-new-admin-new-admin-new-admin";
    let token = |text: &str| Token::parse(text).unwrap();
    let agent = token("new-agent-new-agent-new-agent-new-agent");
    access.rotate(Tokens::new(agent, token(admin)).unwrap());

    for old in [session.as_str(), ADMIN] {
        assert_eq!(status_for(&gate, old).await, UNKNOWN);
    }
    assert_eq!(status_for(&gate, admin).await, "200");
}

const HOUR: Duration = Duration::from_secs(3600);

/// A file that is a text, and counts how often it was written.
struct Kept {
    text: Mutex<Option<String>>,
    writes: watch::Sender<usize>,
}

impl Kept {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            text: Mutex::new(None),
            writes: watch::Sender::new(0),
        })
    }

    fn text(&self) -> String {
        self.text.lock().unwrap().clone().unwrap()
    }

    fn set(&self, text: &str) {
        *self.text.lock().unwrap() = Some(text.to_owned());
    }

    fn writes(&self) -> usize {
        *self.writes.borrow()
    }
}

impl SessionFile for Kept {
    fn path(&self) -> &Path {
        Path::new("/store/sessions/7311")
    }

    fn read(&self) -> io::Result<Option<String>> {
        Ok(self.text.lock().unwrap().clone())
    }

    fn write(&self, text: &str) -> io::Result<()> {
        self.set(text);
        self.writes.send_modify(|count| *count += 1);
        Ok(())
    }
}

/// A disk that refuses everything.
struct Broken;

impl SessionFile for Broken {
    fn path(&self) -> &Path {
        Path::new("/gone")
    }

    fn read(&self) -> io::Result<Option<String>> {
        Err(io::Error::other("the disk is gone"))
    }

    fn write(&self, _: &str) -> io::Result<()> {
        Err(io::Error::other("the disk is gone"))
    }
}

/// The time that has gone by since the test began, for all hosts of a test.
#[derive(Clone)]
struct Clock {
    began: Instant,
    gone: Arc<Mutex<Duration>>,
}

impl Clock {
    fn new() -> Self {
        let (began, gone) = (Instant::now(), Arc::default());
        Self { began, gone }
    }

    fn pass(&self, time: Duration) {
        *self.gone.lock().unwrap() += time;
    }

    fn gone(&self) -> Duration {
        *self.gone.lock().unwrap()
    }

    fn surroundings(&self) -> Surroundings {
        let (a, b) = (self.clone(), self.clone());
        Surroundings {
            now: Arc::new(move || a.began + a.gone()),
            now_ms: Arc::new(move || NOW_MS + b.gone().as_millis() as i64),
            ..support::surroundings()
        }
    }
}

/// Starts a host that keeps its sessions in `file`.
fn host(file: Arc<dyn SessionFile>, clock: &Clock, tokens: Tokens) -> (Gate, Access) {
    let access = Access::keeping(tokens, clock.surroundings(), file);
    let mut parts = site(MadeUp::new());
    parts.access = access.clone();
    (Gate::new(parts), access)
}

fn next_host(file: &Arc<Kept>, clock: &Clock) -> Gate {
    let file = Arc::clone(file) as Arc<dyn SessionFile>;
    host(file, clock, support::tokens()).0
}

/// Asks for a session with a one-time code.
fn begin_with(code: &str) -> Request<Body> {
    post("/api/session", format!("{{\"code\":\"{code}\"}}"))
}

/// Opens the page, and returns the token of its session.
async fn sign_in(gate: &Gate) -> String {
    let opening = asked(gate, call::page_address()).await;
    let (_, code) = opening.url.split_once('=').unwrap();
    told::<Session>(gate, begin_with(code)).await.token
}

async fn status_for(gate: &Gate, token: &str) -> String {
    outcome(gate, by(token, get("/api/status"))).await
}

fn sha256(parts: &[&[u8]]) -> Vec<u8> {
    let hashing = parts
        .iter()
        .fold(Sha256::new(), |hashing, part| hashing.chain_update(part));
    hashing.finalize().to_vec()
}

/// An open page sent its token to whoever had the port after its host had died.
#[tokio::test]
async fn the_next_host_proves_to_a_page_that_it_knows_the_session_without_the_token() {
    let (file, clock) = (Kept::new(), Clock::new());
    let known = Arc::clone(&file) as Arc<dyn SessionFile>;
    let (first, _) = host(known, &clock, support::tokens());
    let session = sign_in(&first).await;
    let next = next_host(&file, &clock);
    let digest = sha256(&[session.as_bytes()]);
    let nonce = [7; 32];
    let ask = |name: &[u8], nonce: &[u8]| {
        let body = format!(
            r#"{{"session":"{}","nonce":"{}"}}"#,
            hex::encode(name),
            hex::encode(nonce)
        );
        without(post("/api/session/proof", body), "authorization")
    };
    let name = sha256(&[&digest]);
    let answer: Proof = told(&next, ask(&name, &nonce)).await;
    assert_eq!(answer.proof, hex::encode(sha256(&[&digest, &nonce])));
    let stranger = sha256(&[b"of another page"]);
    assert_eq!(outcome(&next, ask(&stranger, &nonce)).await, UNKNOWN);
    let short = outcome(&next, ask(&name, &nonce[1..])).await;
    assert_eq!(short, "400 bad_request");
}

/// Whoever had a copy of the token went on seeing the status.
#[tokio::test]
async fn a_session_that_is_ended_sees_no_further_event() {
    let source = MadeUp::new();
    let gate = Gate::new(site(source.clone()));
    let session = sign_in(&gate).await;
    let answer = gate.answer(by(&session, get("/events"))).await;
    let mut stream = answer.into_body().into_data_stream();
    assert!(stream.next().await.is_some(), "the status comes at once");
    let end = request(Method::DELETE, "/api/session");
    outcome(&gate, by(&session, end)).await;
    source.set(|status| status.diagnosis = "not for you".to_owned());
    assert!(stream.next().await.is_none(), "the stream ends");
}

/// A file in another directory may be one that some program runs. The person at the command line has the admin token.
#[tokio::test]
async fn a_page_backs_up_into_the_directory_of_backups_and_nowhere_else() {
    let gate = gate();
    let session = sign_in(&gate).await;
    let begin = |body: &'static str| post("/api/backups", body);
    let by_page = by(&session, begin(ELSEWHERE));
    assert_eq!(outcome(&gate, by_page).await, "403 session_token");
    assert_eq!(outcome(&gate, by(&session, begin("{}"))).await, "202");
    let other = support::gate();
    assert_eq!(outcome(&other, begin(ELSEWHERE)).await, "202");
}

#[tokio::test]
async fn a_session_goes_on_with_the_next_host_and_its_token_is_written_nowhere() {
    let (kept, clock) = (Kept::new(), Clock::new());
    let session = sign_in(&next_host(&kept, &clock)).await;
    assert_eq!(kept.writes(), 1, "before the page has its token");
    for token in [session.as_str(), ADMIN, AGENT] {
        assert!(!kept.text().contains(token), "{}", kept.text());
    }
    let next = next_host(&kept, &clock);
    assert_eq!(status_for(&next, &session).await, "200");
    let after = next_host(&kept, &clock);
    assert_eq!(status_for(&after, &session).await, "200");
}

#[tokio::test]
async fn a_session_that_was_ended_stays_so() {
    let (kept, clock) = (Kept::new(), Clock::new());
    let gate = next_host(&kept, &clock);
    let ended = sign_in(&gate).await;
    let other = sign_in(&gate).await;
    let end = by(&ended, request(Method::DELETE, "/api/session"));
    assert_eq!(outcome(&gate, end).await, "204");
    let next = next_host(&kept, &clock);
    assert_eq!(status_for(&next, &ended).await, UNKNOWN);
    assert_eq!(status_for(&next, &other).await, "200");
}

#[tokio::test]
async fn the_idle_time_goes_on_while_no_host_is_there() {
    let (kept, clock) = (Kept::new(), Clock::new());
    let session = sign_in(&next_host(&kept, &clock)).await;
    clock.pass(11 * HOUR);
    let next = next_host(&kept, &clock);
    let last = next_host(&kept, &clock);
    assert_eq!(status_for(&next, &session).await, "200");
    clock.pass(HOUR);
    assert_eq!(status_for(&last, &session).await, UNKNOWN, "12 h in all");
    assert_eq!(status_for(&next, &session).await, "200", "it was used");
}

#[tokio::test]
async fn a_rotation_ends_what_is_kept_with_or_without_a_host() {
    let (kept, clock) = (Kept::new(), Clock::new());
    let new = |word: &str| {
        let token = |text: String| Token::parse(&text.repeat(8)).unwrap();
        Tokens::new(
            token(format!("agent-{word}")),
            token(format!("admin-{word}")),
        )
        .unwrap()
    };
    let start = |tokens| host(Arc::clone(&kept) as Arc<dyn SessionFile>, &clock, tokens);
    let (gate, access) = start(support::tokens());
    let session = sign_in(&gate).await;

    let before = kept.text();
    let (other, _) = start(new("one"));
    let meanwhile = status_for(&other, &session).await;
    assert_eq!(meanwhile, UNKNOWN, "while it was down");

    access.rotate(new("two"));
    assert_ne!(kept.text(), before, "rewritten at once");
    for tokens in [new("two"), support::tokens()] {
        let (next, _) = start(tokens);
        assert_eq!(status_for(&next, &session).await, UNKNOWN);
    }
}

#[tokio::test]
async fn a_damaged_file_holds_no_sessions_and_the_next_page_opens() {
    let (kept, clock) = (Kept::new(), Clock::new());
    let session = sign_in(&next_host(&kept, &clock)).await;
    let later = kept
        .text()
        .replace(&NOW_MS.to_string(), &(NOW_MS + 1).to_string());
    for damaged in [later.as_str(), "", "seal \n", "\u{0}", "{}"] {
        kept.set(damaged);
        let gate = next_host(&kept, &clock);
        assert_eq!(status_for(&gate, &session).await, UNKNOWN, "{damaged}");
        let new = sign_in(&gate).await;
        assert_eq!(status_for(&next_host(&kept, &clock), &new).await, "200");
    }
}

#[tokio::test]
async fn without_a_disk_sessions_last_as_long_as_their_host() {
    let (gate, _) = host(Arc::new(Broken), &Clock::new(), support::tokens());
    let session = sign_in(&gate).await;
    assert_eq!(status_for(&gate, &session).await, "200");
}

#[tokio::test]
async fn the_file_is_written_now_and_then_and_not_for_each_request() {
    let (kept, clock) = (Kept::new(), Clock::new());
    let gate = next_host(&kept, &clock);
    let session = sign_in(&gate).await;
    let mut writes = kept.writes.subscribe();
    for _ in 0..500 {
        clock.pass(Duration::from_secs(1));
        status_for(&gate, &session).await;
    }
    assert_eq!(kept.writes(), 1, "500 s of requests");
    clock.pass(Duration::from_secs(100));
    status_for(&gate, &session).await;
    writes.wait_for(|count| *count == 2).await.unwrap();
    clock.pass(12 * HOUR - Duration::from_secs(1));
    let next = next_host(&kept, &clock);
    assert_eq!(status_for(&next, &session).await, "200", "its use is known");
}
