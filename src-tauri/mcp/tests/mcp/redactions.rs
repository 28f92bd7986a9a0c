//! What redaction takes out of a memory is kept by the host for a while, and puts the memory back as the client sent it.

use commonplace_api::Transport;
use commonplace_engine::{Engine, Memory, MemoryId, Origin, WriteOp, WriteOptions};
use serde_json::{Value, json};

use crate::support::Host;

/// A secret by its shape, put together so that no program that looks for secrets finds one here.
fn secret() -> String {
    ["glpat", "-x7Kq2Lm9Rt4Vw8Zb3Nd6"].concat()
}

fn person() -> Origin {
    Origin::new("dashboard", Transport::Page)
}

async fn memory(engine: &Engine, id: MemoryId) -> Memory {
    let record = engine.record(&person(), id).await.unwrap();
    record.expect("it is there").memory
}

/// Does what the page does; returns the memory then.
async fn put_back_the_latest(engine: &Engine) -> Memory {
    let redaction = engine.redactions().remove(0);
    let before = memory(engine, redaction.memory()).await;
    let edit = redaction.edit(&before).expect("it is as it was stored");
    let options = WriteOptions::default();
    engine
        .write(&person(), WriteOp::Edit(edit), options)
        .await
        .unwrap();
    memory(engine, redaction.memory()).await
}

#[tokio::test]
async fn what_a_client_stored_is_put_back_as_it_was_sent() {
    let folder = tempfile::tempdir().unwrap();
    let host = Host::open(folder.path());
    let secret = secret();
    let content = format!("The build sets {secret} in CI");
    let metadata =
        json!({ "k": 1, (secret.clone()): "v", "deep": [{ "at": format!("a {secret}") }] });
    let given = json!({
        "content": content, "tags": ["ci", secret], "memory_type": secret, "project": secret, "metadata": metadata,
    });
    let answer = host.call("memory_store", given).await;
    assert!(!answer.to_string().contains(&secret), "{answer}");

    let kept = host.engine.redactions().remove(0).described();
    let told = &answer["structuredContent"]["replaced"];
    assert_eq!(json!(kept.replaced), *told, "as the client was told");
    assert_eq!((kept.client.as_str(), kept.memory), ("tester", 1));
    let before = memory(&host.engine, MemoryId(1)).await;
    assert_eq!(kept.start, before.text);
    let stored = serde_json::to_string(&before).unwrap();
    assert!(!stored.contains(&secret[6..]), "{stored}");

    let after = put_back_the_latest(&host.engine).await;
    assert_eq!(after.text, content);
    assert_eq!(after.tags, ["ci".to_owned(), secret.to_lowercase()]);
    assert_eq!(after.memory_type.as_ref(), Some(&secret));
    assert_eq!(after.project, secret);
    assert_eq!(Value::Object(after.metadata), metadata);
    host.stop().await;
}

#[tokio::test]
async fn what_a_client_changed_is_put_back_and_the_rest_stays() {
    let folder = tempfile::tempdir().unwrap();
    let host = Host::open(folder.path());
    let secret = secret();
    let given = json!({ "content": "a fact", "tags": ["old"], "metadata": { "k": 1, "gone": 2 } });
    let stored = host.call("memory_store", given).await;
    assert!(host.engine.redactions().is_empty(), "nothing was replaced");
    let hash = &stored["structuredContent"]["content_hash"];
    let updates =
        json!({ "memory_type": "note", "metadata": { (secret.clone()): "v", "gone": null } });
    let updates = json!({ "content_hash": hash, "updates": updates });
    let updated = host.call("memory_update", updates).await;
    assert_eq!(updated["isError"], json!(false), "{updated}");
    let kept = host.engine.redactions().remove(0).described();
    assert_eq!(kept.start, "a fact", "although the text was not changed");

    let after = put_back_the_latest(&host.engine).await;
    assert_eq!(
        (after.text.as_str(), after.tags),
        ("a fact", vec!["old".to_owned()])
    );
    assert_eq!(after.memory_type.as_deref(), Some("note"));
    assert_eq!(
        Value::Object(after.metadata),
        json!({ "k": 1, (secret): "v" })
    );
    host.stop().await;
}

#[tokio::test]
async fn a_write_that_was_refused_or_repeated_keeps_nothing_more() {
    let folder = tempfile::tempdir().unwrap();
    let host = Host::open(folder.path());
    let with_secret = json!({ "content": format!("use {}", secret()), "op_id": "one" });
    host.call("memory_store", with_secret.clone()).await;
    host.call("memory_store", with_secret.clone()).await;
    host.call(
        "memory_store",
        json!({ "content": with_secret["content"], "tags": [secret()] }),
    )
    .await;
    assert_eq!(host.engine.redactions().len(), 1);

    let updates = json!({ "content": with_secret["content"] });
    let unknown = json!({ "content_hash": "ab", "updates": updates });
    let refused = host.call("memory_update", unknown).await;
    assert_eq!(refused["isError"], json!(true), "{refused}");
    assert_eq!(host.engine.redactions().len(), 1);
    host.stop().await;
}
