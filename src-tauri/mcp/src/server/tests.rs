//! The service as clients of both generations meet it, with a table in place of the engine.

use std::sync::Mutex;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tower::ServiceExt;

use super::*;
use crate::answer::Answer;
use crate::tools::Entry;

const PORT: u16 = 7311;
const MODERN: &str = "2026-07-28";

/// Answers each tool with who asked for what.
fn echo() -> Respond {
    Arc::new(|ask, caller| {
        Box::pin(async move {
            match ask {
                Ask::Tool { name, arguments } => {
                    let found = TOOLS.find(&name);
                    let told =
                        json!({ "tool": name, "arguments": arguments, "origin": caller.origin });
                    Reply::Tool(
                        found.map(|_| Answer::text(format!("called {name}"), told).finish()),
                    )
                }
                Ask::Resource { uri } => {
                    Reply::Resource((uri == "memory://stats").then(|| "{}".to_owned()))
                }
            }
        })
    })
}

fn server(respond: Respond) -> Server {
    Server::with(
        respond,
        &McpOptions::new(PORT, Arc::new(jiff::Zoned::default)),
    )
}

fn post(body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    Request::post("/mcp")
        .header("host", "127.0.0.1:7311")
        .header("content-type", "application/json")
        .header("accept", "application/json, text/event-stream")
        .header("user-agent", "claude-code/2.1.330 (external, cli)")
        .body(Full::new(body.into()))
        .unwrap()
}

/// The request with another header.
fn with(
    mut request: Request<Full<Bytes>>,
    name: &'static str,
    value: &str,
) -> Request<Full<Bytes>> {
    let value = HeaderValue::from_str(value).unwrap();
    request.headers_mut().insert(name, value);
    request
}

/// The request without a header.
fn without(mut request: Request<Full<Bytes>>, name: &str) -> Request<Full<Bytes>> {
    request.headers_mut().remove(name);
    request
}

/// A request of the older protocol, after a handshake that nothing points back to.
fn legacy(method: &str, params: Value) -> Request<Full<Bytes>> {
    let body = json!({ "jsonrpc": "2.0", "id": 7, "method": method, "params": params });
    with(post(body.to_string()), "mcp-protocol-version", "2025-11-25")
}

/// A request of the newer protocol, which says everything itself.
fn modern(method: &str, mut params: Value) -> Request<Full<Bytes>> {
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": MODERN,
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": { "name": "inspector", "version": "2.12" },
    });
    let name = params
        .get("name")
        .or_else(|| params.get("uri"))
        .and_then(Value::as_str)
        .map(str::to_owned);
    let body = json!({ "jsonrpc": "2.0", "id": 7, "method": method, "params": params });
    let request = with(post(body.to_string()), "mcp-protocol-version", MODERN);
    let request = with(request, "mcp-method", method);
    match name {
        Some(name) => with(request, "mcp-name", &name),
        None => request,
    }
}

async fn send(request: Request<Full<Bytes>>) -> (u16, Value) {
    let response = server(echo())
        .http_service()
        .oneshot(request)
        .await
        .unwrap();
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let value =
        serde_json::from_slice(&body).unwrap_or_else(|_| json!(String::from_utf8_lossy(&body)));
    (status, value)
}

#[tokio::test]
async fn both_generations_get_the_same_tools() {
    let (status, old) = send(legacy("tools/list", json!({}))).await;
    assert_eq!(status, 200);
    let (status, new) = send(modern("tools/list", json!({}))).await;
    assert_eq!(status, 200);
    assert_eq!(old["result"]["tools"], new["result"]["tools"]);
    let stored: Value = TOOLS.iter().map(Entry::to_json).collect();
    assert_eq!(
        new["result"]["tools"], stored,
        "the protocol's form loses nothing of our description"
    );
    assert_eq!(new["result"]["resultType"], "complete");
    assert_eq!(new["result"]["cacheScope"], "private");
    assert!(new["result"]["ttlMs"].is_u64());
    assert_eq!(
        old["result"].get("resultType"),
        None,
        "older clients get the older form"
    );
}

#[tokio::test]
async fn the_handshake_and_the_discovery_name_the_same_server() {
    let hello = json!({ "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": { "name": "c", "version": "1" } });
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello });
    let (status, old) = send(post(body.to_string())).await;
    assert_eq!(status, 200);
    assert_eq!(old["result"]["protocolVersion"], "2025-06-18");
    assert_eq!(old["result"]["serverInfo"]["name"], "memory");
    assert!(old["result"]["instructions"].as_str().unwrap().len() < 2048);
    let (status, new) = send(modern("server/discover", json!({}))).await;
    assert_eq!(status, 200);
    let result = &new["result"];
    assert!(
        result["supportedVersions"]
            .as_array()
            .unwrap()
            .contains(&json!(MODERN))
    );
    assert_eq!(
        result["_meta"]["io.modelcontextprotocol/serverInfo"]["name"],
        "memory"
    );
    let wanted = json!({ "tools": {}, "resources": {}, "prompts": {} });
    assert_eq!(
        result["capabilities"], wanted,
        "nothing is promised that does not happen"
    );
    assert_eq!(old["result"]["capabilities"], wanted);
}

// A client of the older protocol says once who it is; over HTTP it was called by its User-Agent, `node`, from then on.
#[tokio::test]
async fn a_handshake_gives_a_session_that_says_who_the_client_is() {
    let hello = json!({ "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "gemini-cli", "version": "0.61" } });
    let shake = |request: fn(Request<Full<Bytes>>) -> Request<Full<Bytes>>| {
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello });
        let request = request(post(body.to_string()));
        async {
            server(echo())
                .http_service()
                .oneshot(request)
                .await
                .unwrap()
        }
    };
    let response = shake(|request| request).await;
    let session = response.headers()["mcp-session-id"]
        .to_str()
        .unwrap()
        .to_owned();
    let call = legacy("tools/call", json!({ "name": "memory_health" }));
    let call = with(with(call, "mcp-session-id", &session), "user-agent", "node");
    let (_, told) = send(call).await;
    let origin = &told["result"]["structuredContent"]["origin"];
    assert_eq!(
        (&origin["client"], &origin["version"]),
        (&json!("gemini-cli"), &json!("0.61"))
    );
    let other = shake(|request| request).await;
    assert_ne!(other.headers()["mcp-session-id"], session.as_str());
    let bridged = shake(|request| with(request, "x-commonplace-transport", "stdio")).await;
    assert!(
        !bridged.headers().contains_key("mcp-session-id"),
        "the bridge repeats it by itself"
    );
}

#[tokio::test]
async fn an_old_session_does_no_harm() {
    let request = legacy("tools/list", json!({}));
    let request = with(request, "mcp-session-id", "from-before-the-restart");
    let response = server(echo())
        .http_service()
        .oneshot(request)
        .await
        .unwrap();
    assert_eq!(response.status(), 200);
    assert!(!response.headers().contains_key("mcp-session-id"));
    for method in ["GET", "DELETE"] {
        let mut request = post("");
        *request.method_mut() = method.parse().unwrap();
        assert_eq!(send(request).await.0, 405, "{method}");
    }
}

#[tokio::test]
async fn a_tool_call_arrives_with_its_arguments_and_its_origin() {
    let call = json!({ "name": "memory_search", "arguments": { "query": "x" } });
    let (_, new) = send(modern("tools/call", call.clone())).await;
    let told = &new["result"]["structuredContent"];
    assert_eq!(told["arguments"], json!({ "query": "x" }));
    assert_eq!(
        told["origin"]["client"], "inspector",
        "the client's own word"
    );
    assert_eq!(
        new["result"]["content"],
        json!([{ "type": "text", "text": "called memory_search" }])
    );
    assert_eq!(new["result"]["isError"], json!(false));
    let request = legacy("tools/call", call);
    let request = with(request, "x-commonplace-project", "/home/me/my%20code");
    let request = with(request, "x-commonplace-transport", "stdio");
    let (_, old) = send(request).await;
    let origin = &old["result"]["structuredContent"]["origin"];
    assert_eq!(
        origin["client"], "claude-code",
        "the User-Agent, for lack of better"
    );
    assert_eq!(
        (&origin["project"], &origin["transport"]),
        (&json!("/home/me/my code"), &json!("stdio"))
    );
}

#[tokio::test]
async fn an_unknown_tool_is_an_error_of_the_protocol_that_names_the_nearest() {
    let call = json!({ "name": "memory_stor", "arguments": {} });
    let (_, old) = send(legacy("tools/call", call.clone())).await;
    assert_eq!(old["error"]["code"], -32602);
    assert_eq!(
        old["error"]["message"],
        "unknown tool `memory_stor`; did you mean `memory_store`?"
    );
    let (status, new) = send(modern("tools/call", call)).await;
    assert_eq!((status, &new["error"]), (200, &old["error"]));
}

#[tokio::test]
async fn resources_and_prompts_are_listed_and_read() {
    for request in [legacy, modern] {
        let (_, list) = send(request("resources/list", json!({}))).await;
        assert_eq!(list["result"]["resources"][0]["uri"], "memory://stats");
        let stats = json!({ "uri": "memory://stats" });
        let (_, read) = send(request("resources/read", stats)).await;
        assert_eq!(
            read["result"]["contents"][0]["mimeType"],
            "application/json"
        );
        let nothing = json!({ "uri": "memory://nothing" });
        let (_, missing) = send(request("resources/read", nothing)).await;
        assert_eq!(missing["error"]["data"]["uri"], "memory://nothing");
        let (_, list) = send(request("prompts/list", json!({}))).await;
        assert_eq!(list["result"]["prompts"][0]["name"], "memory_review");
        let (_, prompt) = send(request("prompts/get", json!({ "name": "memory_review" }))).await;
        assert_eq!(prompt["result"]["messages"][0]["role"], "user");
        let (_, templates) = send(request("resources/templates/list", json!({}))).await;
        assert_eq!(templates["result"]["resourceTemplates"], json!([]));
    }
    let nothing = json!({ "uri": "memory://nothing" });
    let (_, missing) = send(modern("resources/read", nothing)).await;
    assert_eq!(missing["error"]["code"], -32602);
}

#[tokio::test]
async fn ping_belongs_to_the_older_protocol() {
    assert_eq!(send(legacy("ping", json!({}))).await.1["result"], json!({}));
    let (status, new) = send(modern("ping", json!({}))).await;
    assert_eq!((status, &new["error"]["code"]), (404, &json!(-32601)));
    let (status, unknown) = send(modern("no/such/method", json!({}))).await;
    assert_eq!((status, &unknown["error"]["code"]), (404, &json!(-32601)));
}

#[tokio::test]
async fn notifications_are_taken_without_an_answer() {
    let body = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
    assert_eq!(send(post(body.to_string())).await, (202, json!("")));
}

#[tokio::test]
async fn a_refusal_in_words_says_that_it_is_text() {
    let service = server(echo()).http_service();
    let wrong = without(without(post("{}"), "content-type"), "accept");
    let response = service.oneshot(wrong).await.unwrap();
    assert_eq!(response.status(), StatusCode::NOT_ACCEPTABLE);
    assert_eq!(
        response.headers()[CONTENT_TYPE],
        "text/plain; charset=utf-8"
    );
}

#[tokio::test]
async fn bodies_that_are_no_message_get_an_error_that_says_why() {
    let table = [
        (
            &b"{\"jsonrpc\": \"2.0\", \"id\": 1, \"met"[..],
            -32700,
            "the body is not JSON: EOF while parsing a string",
        ),
        (
            b"",
            -32700,
            "the body is not JSON: EOF while parsing a value",
        ),
        (
            b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"x\",\"params\":{\"n\":NaN}}",
            -32700,
            "the message has NaN or Infinity where JSON wants a number",
        ),
        (b"[]", -32600, "batches are not part of this protocol"),
        (b"5", -32600, "the body is not a JSON-RPC message"),
        (b"{}", -32600, "the message has no `\"jsonrpc\": \"2.0\"`"),
        (
            b"{\"jsonrpc\":\"2.0\",\"id\":3}",
            -32600,
            "the message has no `method`",
        ),
    ];
    for (body, code, message) in table {
        let (status, value) = send(post(body.to_vec())).await;
        let shown = String::from_utf8_lossy(body);
        assert_eq!(
            (status, &value["error"]["code"]),
            (400, &json!(code)),
            "{shown}: {value}"
        );
        assert!(
            value["error"]["message"]
                .as_str()
                .unwrap()
                .starts_with(message),
            "{shown}: {value}"
        );
    }
    let readable = [
        r#"{"jsonrpc":"2.0","id":3}"#,
        r#"{"jsonrpc":"2.0","id":3,"method":"tools/list","params":{"n":-Infinity}}"#,
        r#"{"jsonrpc":"2.0","id":3,"method":"tools/list","params":{"text":"cut"#,
        r#"{"method":"tools/list","params":{"a":[1,]},"jsonrpc":"2.0","id":3}"#,
    ];
    for body in readable {
        let (_, value) = send(post(body)).await;
        assert_eq!(
            value["id"], 3,
            "an id that can be read is given back: {body}"
        );
    }
}

#[tokio::test]
async fn parameters_that_cannot_be_read_are_named() {
    let table = [
        json!({ "name": 5, "arguments": {} }),
        json!({ "arguments": {} }),
        json!({ "name": "memory_search", "arguments": ["x"] }),
        json!({ "name": "memory_search", "arguments": "{}" }),
    ];
    for params in table {
        let (_, value) = send(legacy("tools/call", params.clone())).await;
        assert_eq!(value["error"]["code"], -32602, "{params}: {value}");
        assert!(
            value["error"]["message"]
                .as_str()
                .unwrap()
                .contains("`arguments` (an object)"),
            "{params}: {value}"
        );
    }
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_refused() {
    let (status, value) = send(post(vec![b' '; 3 << 20])).await;
    assert_eq!(status, 413);
    assert_eq!(
        value["error"]["message"],
        "the body is larger than 2097152 bytes; nothing was stored"
    );
}

#[tokio::test]
async fn foreign_hosts_and_origins_are_refused_here_too() {
    let table = [
        ("host", "evil.example.com", 403),
        ("host", "127.0.0.1:80", 403),
        ("host", "localhost:7311", 200),
        ("origin", "http://evil.example.com", 403),
        ("origin", "http://127.0.0.1:7311", 200),
        ("origin", "http://localhost:8080", 403),
        ("origin", "null", 403),
    ];
    for (name, value, wanted) in table {
        let request = with(legacy("tools/list", json!({})), name, value);
        assert_eq!(send(request).await.0, wanted, "{name}: {value}");
    }
}

#[tokio::test]
async fn headers_that_contradict_the_body_are_refused() {
    let list = || modern("tools/list", json!({}));
    let table = [
        with(list(), "mcp-method", "tools/call"),
        without(list(), "mcp-method"),
        with(list(), "mcp-protocol-version", "2025-11-25"),
        without(list(), "mcp-protocol-version"),
    ];
    for request in table {
        let (status, value) = send(request).await;
        assert_eq!(
            (status, &value["error"]["code"]),
            (400, &json!(-32020)),
            "{value}"
        );
    }
}

// `Accept: application/json` was refused with 406, though JSON is what we send.
#[tokio::test]
async fn clients_that_take_json_are_answered_with_it() {
    let list = || legacy("tools/list", json!({}));
    let table = [
        (None, 200),
        (Some("*/*"), 200),
        (Some("application/json"), 200),
        (Some("application/json, */*"), 200),
        (Some("Application/JSON; q=0.9, text/plain"), 200),
        (Some("application/*"), 200),
        (Some("application/json, text/event-stream"), 200),
        (Some("text/event-stream"), 406),
        (Some("text/html"), 406),
    ];
    for (accept, wanted) in table {
        let request = match accept {
            None => without(list(), "accept"),
            Some(accept) => with(list(), "accept", accept),
        };
        let response = server(echo())
            .http_service()
            .oneshot(request)
            .await
            .unwrap();
        assert_eq!(response.status(), wanted, "{accept:?}");
        if wanted == 200 {
            let sent = &response.headers()[CONTENT_TYPE];
            assert_eq!(sent, "application/json", "{accept:?}");
        }
    }
}

// Half an emoji or a byte of another encoding cost the request its id: the client waited for its time to be over.
#[tokio::test]
async fn a_text_that_is_cut_inside_a_character_arrives_with_the_mark_for_it() {
    let body = |text: &[u8]| {
        let before = br#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"memory_store","arguments":{"content":""#;
        [before, text, br#""}}}"#].concat()
    };
    let table: [(&[u8], &str); 3] = [
        (br"cut \ud83d", "cut \u{fffd}"),
        (b"caf\xe9", "caf\u{fffd}"),
        (br"sound \ud83d\ude00", "sound 😀"),
    ];
    for (given, wanted) in table {
        let (status, value) = send(post(body(given))).await;
        let got = &value["result"]["structuredContent"]["arguments"]["content"];
        assert_eq!((status, got), (200, &json!(wanted)), "{value}");
        assert_eq!(value["id"], 7);
    }
}

/// Tells when it is dropped, and whether the work was done by then.
struct Work {
    is_done: bool,
    end: Option<oneshot::Sender<bool>>,
}

impl Drop for Work {
    fn drop(&mut self) {
        if let Some(end) = self.end.take() {
            let _ = end.send(self.is_done);
        }
    }
}

/// Starts a call, drops it while the tool is at work, and lets the tool go on; returns whether it did its work.
async fn does_work_after_disconnect(request: Request<Full<Bytes>>) -> bool {
    let (started_in, started) = oneshot::channel();
    let (go_on, may_go_on) = oneshot::channel::<()>();
    let (end_in, end) = oneshot::channel();
    let parts = Arc::new(Mutex::new(Some((started_in, may_go_on, end_in))));
    let respond: Respond = Arc::new(move |_, _| {
        let (started, may_go_on, end) = parts.lock().unwrap().take().unwrap();
        Box::pin(async move {
            let mut work = Work {
                is_done: false,
                end: Some(end),
            };
            started.send(()).unwrap();
            let _ = may_go_on.await;
            work.is_done = true;
            Reply::Resource(None)
        })
    });
    let call = tokio::spawn(server(respond).http_service().oneshot(request));
    started.await.unwrap();
    call.abort();
    assert!(call.await.unwrap_err().is_cancelled());
    // All tasks run on this thread: after some turns the disconnect has reached everybody it will reach.
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    let _ = go_on.send(());
    end.await.unwrap()
}

#[tokio::test]
async fn a_closed_connection_cancels_in_the_newer_protocol_and_at_the_bridge_only() {
    let call = json!({ "name": "memory_store", "arguments": { "content": "x" } });
    assert!(
        !does_work_after_disconnect(modern("tools/call", call.clone())).await,
        "newer: cancelled"
    );
    assert!(
        does_work_after_disconnect(legacy("tools/call", call.clone())).await,
        "older: goes on"
    );
    let bridged = with(
        legacy("tools/call", call),
        "x-commonplace-transport",
        "stdio",
    );
    assert!(
        !does_work_after_disconnect(bridged).await,
        "the bridge closes when its client cancels"
    );
}
