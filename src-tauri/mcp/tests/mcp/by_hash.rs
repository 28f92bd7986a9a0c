//! Acts on a memory by its hash, when several projects have the same text.

use serde_json::{Value, json};

use crate::support::{Host, hash, text};

const TEXT: &str = "Run the tests with nextest";

/// A host with the text in each of these projects; returns its hash.
async fn host_with(folder: &std::path::Path, projects: &[&str]) -> (Host, String) {
    let host = Host::open(folder);
    let mut known = String::new();
    for project in projects {
        let told = host.call_from(project, "memory_store", json!({"content": TEXT}));
        known = hash(&text(&told.await));
    }
    (host, known)
}

/// Projects in which a memory lives, or was deleted; each with its tags.
async fn projects(host: &Host, is_deleted: bool) -> Vec<(String, Value)> {
    let listed = host
        .call("memory_list", json!({"deleted": is_deleted}))
        .await;
    let memories = listed["structuredContent"]["memories"].as_array().unwrap();
    let named = memories.iter().map(|memory| {
        let project = memory["project"].as_str().unwrap_or_default();
        (project.to_owned(), memory["tags"].clone())
    });
    let mut named: Vec<_> = named.collect();
    named.sort_by(|a, b| a.0.cmp(&b.0));
    named
}

// An update by hash changed the newest memory with that hash, in whatever project it was; a delete took all of them.
#[tokio::test]
async fn update_delete_and_restore_stay_in_the_own_project() {
    let folder = tempfile::tempdir().unwrap();
    let (host, hash) = host_with(folder.path(), &["/p/a", "/p/b"]).await;
    for (update, delete) in [
        ("memory_update", "memory_delete"),
        ("update_memory_metadata", "delete_memory"),
    ] {
        let given = json!({"content_hash": hash, "updates": {"tags": ["mine"]}});
        let said = text(&host.call_from("/p/a", update, given).await);
        assert!(
            said.contains("changed: \"Run the tests with nextest\" (project `/p/a`, stored "),
            "{said}"
        );
        assert!(!said.contains("not the one you work in"), "{said}");
        let living = projects(&host, false).await;
        assert_eq!(
            living,
            [
                ("/p/a".to_owned(), json!(["mine"])),
                ("/p/b".to_owned(), json!([]))
            ]
        );
        let dry = json!({"content_hash": hash, "dry_run": true});
        let said = text(&host.call_from("/p/a", delete, dry).await);
        assert!(said.contains("Would delete 1 memories"), "{said}");
        let answer = host
            .call_from("/p/a", delete, json!({"content_hash": hash}))
            .await;
        assert_eq!(
            answer["structuredContent"]["memories"][0]["project"],
            "/p/a"
        );
        assert_eq!(projects(&host, false).await.len(), 1);
        let again = text(
            &host
                .call_from("/p/a", delete, json!({"content_hash": hash}))
                .await,
        );
        assert!(
            again.starts_with(&format!("No memory found with hash {hash}")),
            "{again}"
        );
        assert!(
            again.contains("(project `/p/b`, stored "),
            "what is meant else: {again}"
        );
        assert_eq!(projects(&host, false).await.len(), 1, "{again}");
        let restore = json!({"content_hash": hash, "restore": true});
        host.call_from("/p/a", delete, restore).await;
        assert_eq!(projects(&host, false).await.len(), 2);
    }
    host.stop().await;
}

#[tokio::test]
async fn a_hash_that_may_mean_two_is_refused_until_a_project_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let (host, hash) = host_with(folder.path(), &["/p/a", "", "/p/b"]).await;
    let calls = [
        (
            "memory_update",
            json!({"content_hash": hash, "updates": {"tags": "x"}}),
        ),
        ("memory_delete", json!({"content_hash": hash})),
        (
            "memory_delete",
            json!({"content_hash": hash, "dry_run": true}),
        ),
        (
            "memory_delete",
            json!({"content_hash": format!("{hash},00ff")}),
        ),
        ("delete_memory", json!({"content_hash": hash})),
    ];
    for (tool, given) in &calls {
        let refused = host.call_from("/p/c", tool, given.clone()).await;
        assert_eq!(
            (&refused["isError"], &refused["structuredContent"]["error"]),
            (&json!(true), &json!("ambiguous"))
        );
        let candidates = refused["structuredContent"]["candidates"]
            .as_array()
            .unwrap();
        assert_eq!(candidates.len(), 3, "{tool}");
        let said = text(&refused);
        for part in [
            "nothing was done",
            "\nproject: \"/p/a\" for \"Run the",
            "\nproject: \"\" for \"Run the",
        ] {
            assert!(said.contains(part), "{said}");
        }
    }
    assert_eq!(projects(&host, false).await.len(), 3);
    for project in ["", "/p/b"] {
        let given = json!({"content_hash": hash, "project": project});
        let said = text(&host.call_from("/p/c", "memory_delete", given).await);
        assert!(said.contains("not the one you work in"), "{said}");
    }
    assert_eq!(projects(&host, false).await[0].0, "/p/a");
    let restore = json!({"content_hash": hash, "restore": true});
    let refused = host
        .call_from("/p/c", "memory_delete", restore.clone())
        .await;
    assert_eq!(refused["structuredContent"]["error"], "ambiguous");
    let mut of_b = restore;
    of_b["project"] = json!("/p/b");
    host.call_from("/p/c", "memory_delete", of_b).await;
    assert_eq!(projects(&host, true).await[0].0, "");
    host.stop().await;
}

#[tokio::test]
async fn a_shortened_hash_does_nothing_and_is_told_whole() {
    let folder = tempfile::tempdir().unwrap();
    let (host, hash) = host_with(folder.path(), &["/p/a"]).await;
    let short = &hash[..10];
    let calls = [
        (
            "memory_update",
            json!({"content_hash": short, "updates": {"tags": "x"}}),
        ),
        ("memory_delete", json!({"content_hash": short})),
    ];
    for (tool, given) in calls {
        let said = text(&host.call_from("/p/a", tool, given).await);
        assert!(
            said.contains("is only the beginning of a hash") && said.contains(&hash),
            "{said}"
        );
    }
    assert_eq!(projects(&host, false).await.len(), 1);
    host.stop().await;
}

#[tokio::test]
async fn the_only_memory_with_a_hash_is_hit_as_ever_and_named() {
    let folder = tempfile::tempdir().unwrap();
    let (host, hash) = host_with(folder.path(), &["/p/a"]).await;
    let said = text(
        &host
            .call_from("/p/c", "memory_delete", json!({"content_hash": hash}))
            .await,
    );
    let first =
        format!("Successfully deleted memory with hash {hash}\n\nDeleted 1 memories\nNote: ");
    assert!(said.starts_with(&first), "{said}");
    assert!(
        said.contains("(project `/p/a`, stored ") && said.contains("not the one you work in"),
        "{said}"
    );
    host.stop().await;
}
