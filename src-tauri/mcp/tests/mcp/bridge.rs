//! The bridge and a real host behind it that goes away and comes back.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use commonplace_mcp::bridge::{
    BridgeOptions, HostLink, LinkError, LinkRequest, LinkResponse, run_bridge,
};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::sync::Mutex;

use crate::support::Host;

/// A way to a host in this process, which it opens when it is needed.
struct Link {
    folder: PathBuf,
    host: Mutex<Option<Host>>,
    /// Takes the host away once, after it has done its work and before its answer is out.
    loses_next_answer: AtomicBool,
}

impl HostLink for Link {
    async fn post(&self, request: LinkRequest) -> Result<LinkResponse, LinkError> {
        let mut host = self.host.lock().await;
        let open = host.take().unwrap_or_else(|| Host::open(&self.folder));
        let response = open.carry(request).await;
        if self.loses_next_answer.swap(false, Ordering::Relaxed) {
            open.stop().await;
            return Err(LinkError::Broken {
                reason: "the host is gone".to_owned(),
            });
        }
        *host = Some(open);
        Ok(response)
    }
}

#[tokio::test]
async fn a_write_whose_answer_is_lost_is_done_once() {
    let folder = tempfile::tempdir().unwrap();
    let link = Arc::new(Link {
        folder: folder.path().to_owned(),
        host: Mutex::new(None),
        loses_next_answer: AtomicBool::new(false),
    });
    let (mut stdin, bridge_in) = tokio::io::duplex(1 << 16);
    let (bridge_out, stdout) = tokio::io::duplex(1 << 16);
    let options = BridgeOptions {
        project: commonplace_mcp::project::project("notebook", None),
        op_id_prefix: "b".to_owned(),
        ..BridgeOptions::default()
    };
    let bridge = tokio::spawn(run_bridge(
        BufReader::new(bridge_in),
        bridge_out,
        Arc::clone(&link),
        options,
    ));
    let mut answers = BufReader::new(stdout).lines();
    let mut ask = async |id: u64, method: &str, params: Value| {
        let line =
            json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }).to_string();
        stdin
            .write_all(format!("{line}\n").as_bytes())
            .await
            .unwrap();
        let answer: Value =
            serde_json::from_str(&answers.next_line().await.unwrap().unwrap()).unwrap();
        assert_eq!(answer["id"], id, "{answer}");
        answer["result"].clone()
    };

    let client = json!({ "name": "claude-code", "version": "2.1" });
    let hello =
        json!({ "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client });
    assert_eq!(
        ask(1, "initialize", hello).await["serverInfo"]["name"],
        "memory"
    );
    assert_eq!(
        ask(2, "tools/list", json!({})).await["tools"]
            .as_array()
            .unwrap()
            .len(),
        7
    );

    let store = json!({ "name": "memory_store", "arguments": { "content": "written once" } });
    ask(3, "tools/call", store.clone()).await;
    let delete = json!({ "name": "memory_delete", "arguments": { "tags": "none" } });
    ask(4, "tools/call", delete).await;
    link.loses_next_answer.store(true, Ordering::Relaxed);
    let other =
        json!({ "name": "memory_store", "arguments": { "content": "while the host died" } });
    let told = ask(5, "tools/call", other).await;
    let text = told["content"][0]["text"].as_str().unwrap();
    assert!(
        text.starts_with("Memory stored successfully (hash: "),
        "the answer is that of the first time: {text}"
    );

    let list = json!({ "name": "memory_list", "arguments": {} });
    let listed = ask(6, "tools/call", list).await["structuredContent"].clone();
    assert_eq!(listed["total"], 2, "{listed}");
    assert_eq!(listed["memories"][0]["project"], "notebook");
    let found = ask(
        7,
        "tools/call",
        json!({ "name": "memory_search", "arguments": { "query": "host" } }),
    )
    .await;
    assert_eq!(
        found["structuredContent"]["memories"][0]["stored_by"],
        "claude-code"
    );

    drop(stdin);
    bridge.await.unwrap();
    if let Some(host) = link.host.lock().await.take() {
        host.stop().await;
    };
}
