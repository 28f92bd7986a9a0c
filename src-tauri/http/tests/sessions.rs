//! Who may look at the page, and for how long: codes, sessions, and their next host.

mod support;

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use commonplace_http::{Access, Gate, SessionFile, Surroundings, Token, Tokens};
use futures_util::StreamExt;
use http::{Method, StatusCode};
use sha2::{Digest as _, Sha256};
use support::{
    ADMIN, AGENT, ELSEWHERE, MadeUp, NOW_MS, gate, get, json, outcome, post, request, site, with,
    without,
};
use tokio::sync::watch;

#[tokio::test]
async fn the_page_opens_with_a_one_time_code() {
    let gate = gate();
    let opening = json(gate.answer(request(Method::POST, "/api/codes")).await).await;
    let url = opening["url"].as_str().unwrap();
    let code = url
        .strip_prefix("http://127.0.0.1:7311/#code=")
        .expect("the code stands in the fragment");

    let body = format!("{{\"code\":\"{code}\"}}");
    let first = gate
        .answer(without(post("/api/session", body.clone()), "authorization"))
        .await;
    assert_eq!(first.status(), StatusCode::OK);
    let session = json(first).await["token"].as_str().unwrap().to_owned();
    let bearer = format!("Bearer {session}");
    assert_eq!(
        outcome(&gate, with(get("/api/status"), "authorization", &bearer)).await,
        "200"
    );
    assert_eq!(
        outcome(&gate, post("/api/session", body)).await,
        "401 wrong_code",
        "a code works once"
    );

    let end = with(
        request(Method::DELETE, "/api/session"),
        "authorization",
        &bearer,
    );
    assert_eq!(outcome(&gate, end).await, "204");
    let after = with(get("/api/status"), "authorization", &bearer);
    assert_eq!(
        outcome(&gate, after).await,
        "401 unknown_token",
        "the session has ended"
    );
}

#[tokio::test]
async fn guessing_codes_is_slowed_down() {
    let gate = gate();
    for _ in 0..10 {
        assert_eq!(
            outcome(&gate, post("/api/session", "{\"code\":\"guess\"}")).await,
            "401 wrong_code"
        );
    }
    let answer = gate
        .answer(post("/api/session", "{\"code\":\"guess\"}"))
        .await;
    assert_eq!(answer.status(), StatusCode::TOO_MANY_REQUESTS);
    assert!(answer.headers().contains_key("retry-after"));
    assert_eq!(
        outcome(&gate, get("/api/status")).await,
        "200",
        "those who have a token are not held up"
    );
}

#[tokio::test]
async fn a_code_request_that_makes_no_sense_is_refused() {
    let gate = gate();
    for body in ["", "{", "[]", "{\"code\":7}", "{\"token\":\"x\"}"] {
        assert_eq!(
            outcome(&gate, post("/api/session", body)).await,
            "400 bad_request",
            "{body}"
        );
    }
}

#[tokio::test]
async fn rotated_tokens_end_the_old_ones_and_all_sessions() {
    let mut parts = site(MadeUp::new());
    let access = support::access();
    parts.access = access.clone();
    let gate = Gate::new(parts);
    let code = access.issue_code();
    let session = json(
        gate.answer(post("/api/session", format!("{{\"code\":\"{code}\"}}")))
            .await,
    )
    .await;
    let bearer = format!("Bearer {}", session["token"].as_str().unwrap());

    let token = |text: &str| Token::parse(text).unwrap();
    let agent = token("new-agent-new-agent-new-agent-new-agent");
    let admin = token("new-admin-new-admin-new-admin-new-admin");
    access.rotate(Tokens::new(agent, admin).unwrap());

    for old in [bearer, format!("Bearer {ADMIN}")] {
        let asked = with(get("/api/status"), "authorization", &old);
        assert_eq!(outcome(&gate, asked).await, "401 unknown_token");
    }
    let new = with(
        get("/api/status"),
        "authorization",
        "Bearer new-admin-new-admin-new-admin-new-admin",
    );
    assert_eq!(outcome(&gate, new).await, "200");
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

/// Opens the page, and returns the token of its session.
async fn sign_in(gate: &Gate) -> String {
    let opening = json(gate.answer(request(Method::POST, "/api/codes")).await).await;
    let (_, code) = opening["url"].as_str().unwrap().split_once('=').unwrap();
    let body = format!("{{\"code\":\"{code}\"}}");
    let answer = gate.answer(post("/api/session", body)).await;
    json(answer).await["token"].as_str().unwrap().to_owned()
}

async fn status_for(gate: &Gate, session: &str) -> String {
    let asked = with(
        get("/api/status"),
        "authorization",
        &format!("Bearer {session}"),
    );
    outcome(gate, asked).await
}

fn sha256(parts: &[&[u8]]) -> Vec<u8> {
    let hashing = parts
        .iter()
        .fold(Sha256::new(), |hashing, part| hashing.chain_update(part));
    hashing.finalize().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
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
        let body = format!(r#"{{"session":"{}","nonce":"{}"}}"#, hex(name), hex(nonce));
        without(post("/api/session/proof", body), "authorization")
    };
    let name = sha256(&[&digest]);
    let answer = json(next.answer(ask(&name, &nonce)).await).await;
    assert_eq!(answer["proof"], hex(&sha256(&[&digest, &nonce])));
    let stranger = sha256(&[b"of another page"]);
    let refused = outcome(&next, ask(&stranger, &nonce)).await;
    assert_eq!(refused, "401 unknown_token");
    let short = outcome(&next, ask(&name, &nonce[1..])).await;
    assert_eq!(short, "400 bad_request");
}

/// Whoever had a copy of the token went on seeing the status.
#[tokio::test]
async fn a_session_that_is_ended_sees_no_further_event() {
    let source = MadeUp::new();
    let gate = Gate::new(site(source.clone()));
    let bearer = format!("Bearer {}", sign_in(&gate).await);
    let asked = with(get("/events"), "authorization", &bearer);
    let mut stream = gate.answer(asked).await.into_body().into_data_stream();
    assert!(stream.next().await.is_some(), "the status comes at once");
    let end = request(Method::DELETE, "/api/session");
    outcome(&gate, with(end, "authorization", &bearer)).await;
    source.set(|status| status.diagnosis = "not for you".to_owned());
    assert!(stream.next().await.is_none(), "the stream ends");
}

/// A file in another directory may be one that some program runs. The person at the command line has the admin token.
#[tokio::test]
async fn a_page_backs_up_into_the_directory_of_backups_and_nowhere_else() {
    let gate = gate();
    let bearer = format!("Bearer {}", sign_in(&gate).await);
    let begin = |body: &'static str| post("/api/backups", body);
    let by_page = with(begin(ELSEWHERE), "authorization", &bearer);
    assert_eq!(outcome(&gate, by_page).await, "403 session_token");
    let by_page = with(begin("{}"), "authorization", &bearer);
    assert_eq!(outcome(&gate, by_page).await, "202");
    let other = support::gate();
    assert_eq!(outcome(&other, begin(ELSEWHERE)).await, "202");
}

const UNKNOWN: &str = "401 unknown_token";

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
    let bearer = format!("Bearer {ended}");
    let end = request(Method::DELETE, "/api/session");
    assert_eq!(
        outcome(&gate, with(end, "authorization", &bearer)).await,
        "204"
    );
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
    assert_eq!(
        status_for(&other, &session).await,
        UNKNOWN,
        "while it was down"
    );

    access.rotate(new("two"));
    assert_ne!(kept.text(), before, "written anew at once");
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
