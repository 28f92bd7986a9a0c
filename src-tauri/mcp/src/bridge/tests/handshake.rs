//! What a client and the bridge tell each other at the beginning.

use super::*;

#[tokio::test]
async fn the_handshake_is_remembered_in_headers() {
    let script = Script::new([Step::Answer(json!({ "protocolVersion": "2025-06-18" }))]);
    let mut bridge = Bridge::start(&script);
    let hello = json!({ "protocolVersion": "2025-11-25", "clientInfo": { "name": "claude code", "version": "2.1" } });
    bridge
        .say(json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello }))
        .await;
    bridge.hear().await;
    bridge.request(2, "tools/list").await;
    bridge.hear().await;
    let sent = script.sent.lock().unwrap().clone();
    assert!(!sent[0].headers.contains_key("mcp-protocol-version"));
    let table = [
        ("mcp-protocol-version", "2025-06-18"),
        ("x-commonplace-client", "claude%20code/2.1"),
        ("x-commonplace-project", "/home/%C3%A4"),
        ("x-commonplace-worktree", "/home/b"),
        ("x-commonplace-time-zone", "Europe/Vienna"),
        ("x-commonplace-session", "s1"),
        ("x-commonplace-pid", "812"),
        ("x-commonplace-transport", "stdio"),
    ];
    for (name, wanted) in table {
        assert_eq!(sent[1].headers[name], wanted, "{name}");
    }
    bridge.end().await;
}

#[tokio::test]
async fn a_client_that_has_roots_is_asked_for_them_and_works_in_the_first() {
    let script = Script::new([Step::Answer(json!({}))]);
    let mut bridge = Bridge::start(&script);
    let hello = json!({ "protocolVersion": "2025-11-25", "capabilities": { "roots": {} } });
    bridge
        .say(json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello }))
        .await;
    bridge.hear().await;
    bridge
        .say(json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }))
        .await;
    let asked = bridge.hear().await;
    assert_eq!(asked["method"], "roots/list");
    let roots = json!([{ "uri": "file:///gone/api" }, { "uri": "file:///gone/b" }]);
    bridge
        .say(json!({ "jsonrpc": "2.0", "id": asked["id"], "result": { "roots": roots } }))
        .await;
    bridge.request(2, "tools/list").await;
    bridge.hear().await;
    bridge
        .say(json!({ "jsonrpc": "2.0", "method": "notifications/roots/list_changed" }))
        .await;
    let asked = bridge.hear().await;
    let refusal = json!({ "code": -32601, "message": "no" });
    bridge
        .say(json!({ "jsonrpc": "2.0", "id": asked["id"], "error": refusal }))
        .await;
    bridge.request(3, "tools/list").await;
    bridge.hear().await;
    let lists = |sent: &[LinkRequest]| -> Vec<String> {
        let lists = sent.iter().filter(|sent| {
            let body: Value = serde_json::from_slice(&sent.body).unwrap();
            body["method"] == "tools/list"
        });
        lists
            .map(|sent| {
                sent.headers["x-commonplace-project"]
                    .to_str()
                    .unwrap()
                    .to_owned()
            })
            .collect()
    };
    let sent = script.sent.lock().unwrap().clone();
    assert_eq!(lists(&sent), ["/gone/api", "/gone/api"]);
    bridge.end().await;
}

#[tokio::test]
async fn a_notice_is_told_once_with_the_first_answer_about_the_health() {
    let healthy = || {
        let content = json!([{ "type": "text", "text": "healthy" }]);
        Step::Answer(json!({ "content": content, "structuredContent": { "state": "ok" } }))
    };
    let failed = Step::Answer(json!({ "content": [], "isError": true }));
    let script = Script::new([healthy(), failed, healthy(), healthy()]);
    let options = BridgeOptions {
        notice: Some("there is another store".to_owned()),
        ..BridgeOptions::default()
    };
    let mut bridge = Bridge::start_with(&script, options);
    let mut told = Vec::new();
    for (id, tool) in [
        (1, "memory_list"),
        (2, "memory_health"),
        (3, "memory_health"),
        (4, "memory_health"),
    ] {
        bridge.call(id, tool).await;
        told.push(bridge.hear().await["result"].clone());
    }
    let has = |answer: &Value| answer.to_string().contains("another store");
    assert_eq!(
        told.iter().map(has).collect::<Vec<_>>(),
        [false, false, true, false]
    );
    let notice = json!("there is another store");
    assert_eq!(told[2]["structuredContent"]["notice"], notice);
    assert_eq!(
        told[2]["content"][1]["text"],
        "Note: there is another store"
    );
    assert_eq!(bridge.end().await, [] as [Value; 0]);
}
