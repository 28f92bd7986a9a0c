//! Acts on a memory by its hash, when several projects have the same text.

use serde_json::{Value, json};

use crate::support::{Host, hash, text};

const TEXT: &str = "Run the tests with nextest";
/// Two texts, and the digits that both of their hashes begin with.
const TWINS: (&str, [&str; 2]) = ("b30a89", ["text 859", "text 4460"]);

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

// A model that had shortened a hash had to search once more for the whole one.
#[tokio::test]
async fn a_shortened_or_decorated_hash_names_its_memory_in_every_tool() {
    let folder = tempfile::tempdir().unwrap();
    let (host, hash) = host_with(folder.path(), &["/p/a"]).await;
    let spellings = [
        hash[..6].to_owned(),
        format!("hash: {}…", &hash[..8]),
        format!("`{}`", &hash[..12]),
        format!("{}...", hash[..16].to_uppercase()),
        format!("sha256:{hash}"),
    ];
    for given in spellings {
        let call = async |tool: &str, mut arguments: Value| {
            arguments["content_hash"] = json!(given);
            let result = host.call_from("/p/a", tool, arguments).await;
            assert_eq!(result["isError"], json!(false), "{tool} {given}: {result}");
            let said = text(&result);
            for wrong in ["only the beginning", "the hash: ", "matched nothing"] {
                assert!(!said.contains(wrong), "{tool} {given}: {said}");
            }
            result["structuredContent"].clone()
        };
        let read = call("memory_list", json!({})).await;
        assert_eq!(read["memories"][0]["content"], TEXT, "{given}");
        let updated = call("memory_update", json!({"updates": {"tags": "x"}})).await;
        assert_eq!(updated["content_hash"], json!(hash));
        let dry = call("memory_delete", json!({"dry_run": true})).await;
        assert_eq!(dry["hashes"], json!([hash]));
        let deleted = call("memory_delete", json!({})).await;
        let message = format!("Successfully deleted memory with hash {hash}");
        assert_eq!(
            (&deleted["deleted"], &deleted["message"]),
            (&json!(1), &json!(message))
        );
        let restored = call("memory_delete", json!({"restore": true})).await;
        assert_eq!(restored["restored"], 1, "{given}");
    }
    host.stop().await;
}

#[tokio::test]
async fn a_shortened_hash_that_several_memories_have_lists_them_and_does_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let host = Host::open(folder.path());
    let start = TWINS.0;
    for text in TWINS.1 {
        host.call_from("/p/a", "memory_store", json!({"content": text}))
            .await;
    }
    let calls = [
        ("memory_list", json!({})),
        ("memory_update", json!({"updates": {"tags": "x"}})),
        ("memory_delete", json!({})),
        ("memory_delete", json!({"dry_run": true})),
        ("memory_delete", json!({"restore": true})),
    ];
    for (tool, mut arguments) in calls {
        arguments["content_hash"] = json!(start);
        let refused = host.call_from("/p/a", tool, arguments).await;
        assert_eq!(refused["structuredContent"]["error"], "ambiguous", "{tool}");
        let said = text(&refused);
        for part in TWINS
            .1
            .map(|text| format!(" for \"{text}\" (project `/p/a`, "))
        {
            assert!(said.contains(&part), "{tool}: {said}");
        }
        assert!(said.contains(&format!("\nhash: {start}")), "{tool}: {said}");
    }
    assert_eq!(projects(&host, false).await.len(), 2);
    host.stop().await;
}

#[tokio::test]
async fn too_few_digits_do_nothing_and_are_told_whole() {
    let folder = tempfile::tempdir().unwrap();
    let (host, hash) = host_with(folder.path(), &["/p/a"]).await;
    let short = &hash[..5];
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
