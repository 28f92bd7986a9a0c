//! Parts for tests of the whole surface: a made-up host, its keys, and requests to it.

#![allow(
    dead_code,
    unused_imports,
    reason = "each test program uses its own share of these parts"
)]

mod clients;
mod control;
mod figures;
mod going;
mod login;
mod store;

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Instant;

use axum::body::{Body, to_bytes};
use axum::response::Response;
use commonplace_api::call::Call;
use commonplace_http::{
    About, Access, Gate, McpService, Site, SiteLimits, StatusSource, Surroundings, Token, Tokens,
};
use http::{Method, Request};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::Notify;

pub(crate) use clients::MadeUpClients;
pub(crate) use control::MadeUpControl;
pub(crate) use figures::{MadeUp, busy_status, incident};
pub(crate) use going::NoMemories;
pub(crate) use login::MadeUpLogin;
pub(crate) use store::open_engine;

pub(crate) const PORT: u16 = 7311;
pub(crate) const AGENT: &str = "agent-token-agent-token-agent-token-agent-t";
pub(crate) const ADMIN: &str = "admin-token-admin-token-admin-token-admin-t";
pub(crate) const NOW_MS: i64 = 1_800_000_000_000;

/// A file for a backup, anywhere, as the body of a request names it.
pub(crate) const ELSEWHERE: &str = if cfg!(windows) {
    "{\"path\":\"C:/x.db\",\"replace\":true}"
} else {
    "{\"path\":\"/x.db\",\"replace\":true}"
};

pub(crate) fn tokens() -> Tokens {
    Tokens::new(Token::parse(AGENT).unwrap(), Token::parse(ADMIN).unwrap()).unwrap()
}

/// Keys whose codes and sessions are 0101…, 0202… and so on.
pub(crate) fn access() -> Access {
    Access::new(tokens(), surroundings())
}

/// A clock that goes, a time of day that stands still, and 0101…, 0202… and so on for chance.
pub(crate) fn surroundings() -> Surroundings {
    let made = AtomicU8::new(0);
    Surroundings {
        now: Arc::new(Instant::now),
        now_ms: Arc::new(|| NOW_MS),
        random: Arc::new(move || [made.fetch_add(1, Ordering::Relaxed) + 1; 32]),
    }
}

/// An MCP service that answers each body with its length.
pub(crate) fn counting_mcp() -> McpService {
    McpService::new(tower::service_fn(|request: Request<Body>| async {
        let body = to_bytes(request.into_body(), usize::MAX).await.unwrap();
        Ok::<_, Infallible>(Response::new(Body::from(body.len().to_string())))
    }))
}

/// An MCP service that answers when it is told to, and tells when a request has come.
pub(crate) fn held_mcp(arrived: Arc<Notify>, go: Arc<Notify>) -> McpService {
    McpService::new(tower::service_fn(move |_: Request<Body>| {
        let (arrived, go) = (Arc::clone(&arrived), Arc::clone(&go));
        async move {
            arrived.notify_one();
            go.notified().await;
            Ok::<_, Infallible>(Response::new(Body::from("done")))
        }
    }))
}

pub(crate) fn site(source: Arc<dyn StatusSource>) -> Site {
    Site {
        host: Arc::new(MadeUpControl::default()),
        login: Arc::new(MadeUpLogin::default()),
        clients: Arc::new(MadeUpClients::default()),
        memories: Arc::new(NoMemories::default()),
        port: PORT,
        access: access(),
        mcp: counting_mcp(),
        about: About {
            mcp_revisions: vec!["2026-07-28", "2025-11-25"],
            command: "commonplace".to_owned(),
        },
        find_process: Arc::new(|_| None),
        status: source,
        limits: SiteLimits::default(),
    }
}

pub(crate) fn gate() -> Gate {
    Gate::new(site(MadeUp::new()))
}

/// A request as our own page sends it, with the admin token.
pub(crate) fn request(method: Method, path: &str) -> Request<Body> {
    Request::builder()
        .method(method)
        .uri(path)
        .header("host", format!("127.0.0.1:{PORT}"))
        .header("authorization", format!("Bearer {ADMIN}"))
        .body(Body::empty())
        .unwrap()
}

pub(crate) fn get(path: &str) -> Request<Body> {
    request(Method::GET, path)
}

/// A post of JSON with its length, as clients send it.
pub(crate) fn post(path: &str, body: impl Into<Vec<u8>>) -> Request<Body> {
    send(Method::POST, path, body)
}

/// A request that carries JSON with its length.
pub(crate) fn send(method: Method, path: &str, body: impl Into<Vec<u8>>) -> Request<Body> {
    let body: Vec<u8> = body.into();
    let mut request = request(method, path);
    let length = body.len().to_string();
    request
        .headers_mut()
        .insert("content-length", length.parse().unwrap());
    request
        .headers_mut()
        .insert("content-type", "application/json".parse().unwrap());
    *request.body_mut() = Body::from(body);
    request
}

pub(crate) fn with(mut request: Request<Body>, name: &'static str, value: &str) -> Request<Body> {
    request.headers_mut().insert(name, value.parse().unwrap());
    request
}

/// The request as whoever has `token` sends it.
pub(crate) fn by(token: &str, request: Request<Body>) -> Request<Body> {
    with(request, "authorization", &format!("Bearer {token}"))
}

pub(crate) fn without(mut request: Request<Body>, name: &str) -> Request<Body> {
    request.headers_mut().remove(name);
    request
}

pub(crate) async fn text(response: Response) -> String {
    let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// The length of a packed answer, and what is in it.
pub(crate) async fn unpacked(response: Response) -> (usize, String) {
    assert_eq!(response.headers()["content-encoding"], "gzip");
    let packed = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    let mut text = String::new();
    let mut decoder = flate2::read::GzDecoder::new(&packed[..]);
    std::io::Read::read_to_string(&mut decoder, &mut text).unwrap();
    (packed.len(), text)
}

pub(crate) async fn json(response: Response) -> Value {
    serde_json::from_str(&text(response).await).unwrap()
}

/// Sends a request, which must not be refused, and reads its answer.
pub(crate) async fn told<T: DeserializeOwned>(gate: &Gate, request: Request<Body>) -> T {
    let what = format!("{} {}", request.method(), request.uri());
    let answer = gate.answer(request).await;
    let status = answer.status();
    let text = text(answer).await;
    assert!(status.is_success(), "{what}: {status} {text}");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{what}: {error}: {text}"))
}

/// Sends a call as a client does, and reads its answer as the type that it says.
pub(crate) async fn asked<T: DeserializeOwned>(gate: &Gate, call: Call<T>) -> T {
    let method = call.method.parse().unwrap();
    let body = call.body.clone().unwrap_or_default();
    let answer = gate.answer(send(method, &call.path, body)).await;
    let status = answer.status().as_u16();
    let text = text(answer).await;
    call.read(status, text.as_bytes())
        .unwrap_or_else(|error| panic!("{} {}: {error}: {text}", call.method, call.path))
}

/// Status code and refusal code of an answer, such as `403 wrong_host`; only the number if it is no refusal.
pub(crate) async fn outcome(gate: &Gate, request: Request<Body>) -> String {
    let response = gate.answer(request).await;
    let status = response.status().as_u16();
    let is_json = response
        .headers()
        .get("content-type")
        .is_some_and(|value| value == "application/json");
    if status < 400 || !is_json {
        return status.to_string();
    }
    let body = json(response).await;
    let code = [&body["error"], &body["error"]["data"]]
        .into_iter()
        .find_map(|said| said["code"].as_str());
    format!("{status} {}", code.unwrap_or("(no code)"))
}

/// Compares a long text with the stored one; leaves the new text in the temporary directory if they differ.
pub(crate) fn assert_stored(name: &str, text: &str, stored: &str) {
    if text != stored {
        let path = std::env::temp_dir().join(format!("commonplace-{name}"));
        std::fs::write(&path, text).unwrap();
        panic!(
            "{name} changed: look at {} and store it if it is right",
            path.display()
        );
    }
}
