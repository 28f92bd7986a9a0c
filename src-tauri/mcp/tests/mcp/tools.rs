//! The tools one after another, as a session would use them.

use serde_json::{Value, json};

use crate::support::{Host, hash, text};

#[tokio::test]
async fn a_memory_is_stored_found_changed_deleted_and_brought_back() {
    let folder = tempfile::tempdir().unwrap();
    let host = Host::open(folder.path());

    let told = host.text("memory_store", json!({"content": "The deploy token is rotated on Mondays", "metadata": {"tags": ["ops"], "type": "note"}})).await;
    assert!(
        told.starts_with("Memory stored successfully (hash: "),
        "{told}"
    );
    let hash = hash(&told);
    assert_eq!(hash.len(), 64);

    let again = host
        .text(
            "memory_store",
            json!({"content": " the DEPLOY token is rotated on mondays "}),
        )
        .await;
    assert!(
        again.starts_with(&format!("Memory already stored (hash: {hash}), stored ")),
        "{again}"
    );
    assert!(again.ends_with("; nothing changed"), "{again}");

    let found = host
        .text("memory_search", json!({"query": "deploy token"}))
        .await;
    let heading = format!(
        "Found 1 memories (mode: hybrid) for query: 'deploy token'\n\n1. The deploy token is rotated on Mondays\n   Hash: {hash}\n   Created: "
    );
    assert!(found.starts_with(&heading), "{found}");
    assert!(
        found.contains(" [ops]\nNote: search was by words only: "),
        "{found}"
    );

    let updated = host
        .text(
            "memory_update",
            json!({"content_hash": hash, "updates": {"tags": "ops, deploy", "mood": "calm"}}),
        )
        .await;
    assert!(
        updated.starts_with(
            "Successfully updated memory metadata. Updated fields: tags, metadata\nNote: changed: \"The deploy token is \
             rotated on Mondays\" (no project, stored "
        ),
        "{updated}"
    );

    let listed = host.call("memory_list", json!({"tags": "deploy"})).await;
    let memory = &listed["structuredContent"]["memories"][0];
    assert_eq!(memory["tags"], json!(["ops", "deploy"]));
    assert_eq!(
        (&memory["metadata"], &memory["memory_type"]),
        (&json!({"mood": "calm"}), &json!("note"))
    );

    let dry = host
        .text(
            "memory_delete",
            json!({"tags": ["deploy"], "dry_run": true}),
        )
        .await;
    assert!(
        dry.contains(&format!(
            "\n\nWould delete 1 memories\nHashes: {hash}\nNote: would delete: \"The deploy"
        )),
        "{dry}"
    );
    let deleted = host
        .text("memory_delete", json!({"content_hash": hash}))
        .await;
    assert!(
        deleted.starts_with(&format!(
            "Successfully deleted memory with hash {hash}\n\nDeleted 1 memories"
        )),
        "{deleted}"
    );
    let query = json!({"query": "deploy token"});
    let found = host.text("memory_search", query.clone()).await;
    assert!(
        found.starts_with("No memories found for query: 'deploy token'"),
        "{found}"
    );
    let bin = host.call("memory_list", json!({"deleted": true})).await;
    assert_eq!(bin["structuredContent"]["total"], 1);
    let restored = host
        .text(
            "memory_delete",
            json!({"content_hash": hash, "restore": true}),
        )
        .await;
    assert!(
        restored.contains("Restored 1 memories\nNote: restored: \"The"),
        "{restored}"
    );
    let found = host.text("memory_search", query).await;
    assert!(found.starts_with("Found 1 memories"), "{found}");
    host.stop().await;
}

#[tokio::test]
async fn old_names_do_the_same_work() {
    let folder = tempfile::tempdir().unwrap();
    let host = Host::open(folder.path());
    host.text(
        "store_memory",
        json!({"content": "Use four workers", "metadata": {"tags": "a,b"}}),
    )
    .await;
    host.text(
        "store_memory",
        json!({"content": "Use the blue theme", "metadata": {"tags": ["b"]}}),
    )
    .await;
    let table = [
        (
            "retrieve_memory",
            json!({"query": "workers", "n_results": 3}),
            "Found 1 memories (mode: semantic)",
        ),
        (
            "recall_memory",
            json!({"query": "today"}),
            "Found 2 memories",
        ),
        (
            "recall_memory",
            json!({"query": "theme last year"}),
            "No memories found",
        ),
        (
            "exact_match_retrieve",
            json!({"content": "four workers"}),
            "Found 1 memories (mode: exact)",
        ),
        (
            "delete_by_all_tags",
            json!({"tags": ["a", "b"]}),
            "Successfully deleted 1 memories containing ALL tags: a, b",
        ),
        (
            "delete_before_date",
            json!({"before_date": "2020-01-01"}),
            "No memories found matching the criteria\n\nDeleted 0 memories",
        ),
        (
            "check_database_health",
            json!({}),
            "Database Health Check Results:\n{",
        ),
    ];
    let tagged = host.call("search_by_tag", json!({"tags": ["b"]})).await;
    assert_eq!(tagged["structuredContent"]["total"], 2);
    for (name, given, wanted) in table {
        let said = host.text(name, given).await;
        assert!(said.starts_with(wanted), "{name}: {said}");
    }
    host.stop().await;
}

#[tokio::test]
async fn the_figures_of_the_lock_are_real() {
    let folder = tempfile::tempdir().unwrap();
    let host = Host::open(folder.path());
    for n in 0..3 {
        host.text("memory_store", json!({"content": format!("memory {n}")}))
            .await;
    }
    let told = host.call("get_concurrent_access_stats", json!({})).await;
    let lines: Vec<String> = text(&told).lines().map(str::to_owned).collect();
    assert_eq!(lines[0], "=== Concurrent Access Statistics ===");
    let acquisitions = told["structuredContent"]["total_lock_acquisitions"]
        .as_u64()
        .unwrap();
    assert!((1..=4).contains(&acquisitions), "{acquisitions}");
    assert_eq!(lines[1], format!("Total lock acquisitions: {acquisitions}"));
    assert!(lines[6].starts_with("Last acquisition: 20"), "{lines:?}");
    assert_eq!(lines[7..9], ["", "=== Database Health ==="]);
    assert_eq!(lines[9..], ["Total memories: 3", "Status: healthy"]);
    host.stop().await;
}

#[tokio::test]
async fn bad_input_is_told_and_nothing_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let host = Host::open(folder.path());
    host.text("memory_store", json!({"content": "kept"})).await;
    let table = [
        (
            "memory_store",
            json!({"content": "x".repeat(1 << 20)}),
            "Error: the text has 1048576 bytes",
        ),
        (
            "memory_store",
            json!({"contents": "x"}),
            "Error: `memory_store` has no argument `contents` (did you mean `content`?)",
        ),
        (
            "memory_search",
            json!({"query": "x", "limit": -1}),
            "Error: limit is -1",
        ),
        ("memory_list", json!({"page_size": -1}), "Error: page is 1"),
        (
            "memory_update",
            json!({"content_hash": "ab", "updates": {"tags": "a"}}),
            "Error: Memory with hash ab not found",
        ),
        (
            "memory_delete",
            json!({}),
            "Error: At least one filter required",
        ),
    ];
    for (tool, arguments, wanted) in table {
        let result = host.call(tool, arguments).await;
        assert_eq!(result["isError"], json!(true), "{tool}: {wanted}");
        assert!(
            text(&result).starts_with(wanted),
            "{tool}: {}",
            text(&result)
        );
    }
    for query in [
        "\"unbalanced",
        "a AND",
        "NEAR(",
        "x* OR -y",
        "tags:a",
        "col : x",
        "(((",
        "'; DROP TABLE memories; --",
        "\0",
    ] {
        let arguments = json!({"query": query, "mode": "keyword", "tags": []});
        let result = host.call("memory_search", arguments).await;
        let is_empty = query == "\0";
        assert_eq!(
            result["isError"],
            json!(is_empty),
            "{query:?}: {}",
            text(&result)
        );
    }
    assert!(
        host.text("memory_search", json!({"query": "kept"}))
            .await
            .starts_with("Found 1 memories")
    );
    host.stop().await;
}

#[tokio::test]
async fn calls_as_models_send_them_are_carried_out_and_say_what_was_changed() {
    let folder = tempfile::tempdir().unwrap();
    let host = Host::open(folder.path());
    let stored = json!({"content": {"port": 7311}, "tags": "['net', 'config']", "project": "None", "op_id": ""});
    host.text("memory_store", stored).await;
    let table = [
        (
            "memory_search",
            json!({"query": ["7311"], "tags": "#net #other", "limit": 0, "memory_type": "null", "after": "7d"}),
            r#"1. {"port":7311}"#,
        ),
        (
            "memory_search",
            json!({"query": "port", "limit": 500}),
            "Note: `limit` was cut to 100, the largest there is; `500` was given",
        ),
        (
            "memory_search",
            json!({"query": "port", "after": "03/04/2020"}),
            "Note: `after`: `03/04/2020` was read as 2020-04-03, not as 2020-03-04",
        ),
        (
            "memory_list",
            json!({"page_size": "1000", "page": 0, "tags": [], "time_expr": "now"}),
            "`page_size` was cut to 100, the largest there is",
        ),
        (
            "memory_delete",
            json!({"time_expr": "last_week", "dry_run": "True", "content_hash": []}),
            "Would delete 0 memories\nNote: the time asked for was understood as 20",
        ),
        (
            "memory_delete",
            json!({"before": "03/04/2030"}),
            "2030-04-03 or as 2030-03-04, and nothing was done",
        ),
        (
            "memory_delete",
            json!({"tags": "- config\n- other", "before": "tomorrow"}),
            "Successfully deleted 1 memories with tag(s): config, other",
        ),
    ];
    for (tool, given, wanted) in table {
        let said = host.text(tool, given.clone()).await;
        assert!(said.contains(wanted), "{tool} {given}: {said}");
    }
    host.stop().await;
}

#[tokio::test]
async fn the_client_becomes_the_provenance_and_secrets_never_reach_the_store() {
    let folder = tempfile::tempdir().unwrap();
    let host = Host::open(folder.path());
    let secret = format!("ghp_{}", "a1b2c3".repeat(6));
    let told = host
        .text(
            "memory_store",
            json!({"content": format!("the token is {secret}")}),
        )
        .await;
    assert!(
        told.ends_with("\nNote: secrets were replaced before storing: github token (text)"),
        "{told}"
    );
    let found = host.call("memory_search", json!({"query": "token"})).await;
    let memory = &found["structuredContent"]["memories"][0];
    assert_eq!(memory["content"], "the token is [redacted: github token]");
    assert_eq!(memory["stored_by"], "tester");
    host.stop().await;
    let is_in = |path: &std::path::Path| {
        std::fs::read(path).is_ok_and(|bytes| {
            bytes
                .windows(secret.len())
                .any(|part| part == secret.as_bytes())
        })
    };
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let path = entry.unwrap().path();
        assert!(!is_in(&path), "{}", path.display());
    }
}

#[tokio::test]
async fn an_op_id_does_the_work_once() {
    let folder = tempfile::tempdir().unwrap();
    let host = Host::open(folder.path());
    let arguments = json!({"content": "once", "op_id": "op-1"});
    let first = host.text("memory_store", arguments.clone()).await;
    let second = host.text("memory_store", arguments).await;
    assert_eq!(hash(&first), hash(&second));
    assert_eq!(
        second,
        format!("{first}\nNote: this op_id was carried out before; nothing was done now")
    );
    let other = host
        .call("memory_store", json!({"content": "other", "op_id": "op-1"}))
        .await;
    assert_eq!(
        (&other["isError"], &other["structuredContent"]["error"]),
        (&json!(true), &json!("refused"))
    );
    let total: Value =
        host.call("memory_list", json!({})).await["structuredContent"]["total"].clone();
    assert_eq!(total, 1);
    host.stop().await;
}

#[tokio::test]
async fn a_store_says_which_secret_was_replaced_where_and_keeps_names() {
    let folder = tempfile::tempdir().unwrap();
    let host = Host::open(folder.path());
    let secret = format!("ghp_{}", "a1B2c3".repeat(6));
    let name = "npm_config_user_agent_override_v2_for_ci_builds";
    let given = json!({
        "content": format!("{name} is set; deploy with {secret}"),
        "metadata": {
            "tags": ["ci", name, secret],
            "type": secret,
            "db": { "password": "hunter2hunter2", "notes": ["plain", secret] },
            secret.clone(): 1,
            "setting": name,
        },
        "project": secret,
        "client_hostname": secret,
    });
    let stored = host.call("memory_store", given).await;
    let places: Vec<(&str, &str)> = stored["structuredContent"]["replaced"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            (
                one["place"].as_str().unwrap(),
                one["kind"].as_str().unwrap(),
            )
        })
        .collect();
    let wanted = [
        ("text", "github token"),
        ("tags", "github token"),
        ("type", "github token"),
        ("project", "github token"),
        ("metadata.db.notes", "github token"),
        ("metadata.db.password", "password"),
        ("a key in metadata", "github token"),
        ("client_hostname", "github token"),
    ];
    assert_eq!(places.len(), wanted.len(), "{places:?}");
    for one in wanted {
        assert!(places.contains(&one), "{one:?} of {places:?}");
    }
    let told = text(&stored);
    assert!(
        told.contains("\nNote: secrets were replaced before storing: "),
        "{told}"
    );
    assert!(told.contains("password (metadata.db.password)"), "{told}");
    assert!(!stored.to_string().contains(&secret));

    let hash = hash(&told);
    let listed = host
        .call("memory_list", json!({"content_hash": hash}))
        .await;
    let memory = &listed["structuredContent"]["memories"][0];
    let content = memory["content"].as_str().unwrap();
    assert!(
        content.starts_with(&format!("{name} is set; deploy with [redacted: ")),
        "{content}"
    );
    assert_eq!(
        memory["tags"],
        json!(["ci", name, "[redacted: github token]"])
    );
    assert_eq!(memory["metadata"]["setting"], name);

    let updates = json!({"content_hash": hash, "updates": {"tags": [secret], "note": secret}});
    let updated = host.call("memory_update", updates).await;
    let replaced = &updated["structuredContent"]["replaced"];
    assert_eq!(
        *replaced,
        json!([
            {"kind": "github token", "place": "tags"},
            {"kind": "github token", "place": "metadata.note"},
        ])
    );
    host.stop().await;
}
