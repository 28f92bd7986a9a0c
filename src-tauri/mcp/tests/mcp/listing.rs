//! Walks through a list, as its answers say it.

use serde_json::{Value, json};

use crate::support::Host;

/// A host with 250 memories of mixed lengths, tagged `walk`.
async fn host_with_250(folder: &std::path::Path) -> Host {
    let host = Host::open(folder);
    for n in 0..250 {
        let words = [1, 5, 60, 400, 1500][n * 7 % 5];
        let content = format!("fact {n} {}", "\"word\" ".repeat(words));
        let metadata = json!({"tags": ["walk"], "long": "m".repeat(n * 11 % 3 * 700)});
        host.call(
            "memory_store",
            json!({"content": content, "metadata": metadata}),
        )
        .await;
    }
    host
}

fn numbers(answer: &Value) -> Vec<u32> {
    let memories = answer["structuredContent"]["memories"].as_array().unwrap();
    let number = |memory: &Value| {
        let content = memory["content"].as_str().unwrap();
        content.split(' ').nth(1).unwrap().parse().unwrap()
    };
    memories.iter().map(number).collect()
}

// Pages of 20 showed what there was room for and the next began with the 21st: 186 of 250 memories were seen.
#[tokio::test]
async fn every_walk_shows_every_memory_once() {
    let folder = tempfile::tempdir().unwrap();
    let host = host_with_250(folder.path()).await;
    let all: Vec<u32> = (0..250).rev().collect();
    for detail in ["short", "full"] {
        for size in [3, 20, 100] {
            let mut seen = Vec::new();
            for page in 1.. {
                let given =
                    json!({"tags": ["walk"], "page": page, "page_size": size, "detail": detail});
                let answer = host.call("memory_list", given).await;
                seen.extend(numbers(&answer));
                if answer["structuredContent"]["has_more"] == json!(false) {
                    break;
                }
            }
            assert_eq!(seen, all, "pages of {size}, {detail}");
            let mut given = json!({"tags": ["walk"], "page_size": size, "detail": detail});
            let mut seen = Vec::new();
            loop {
                let answer = host.call("memory_list", given.clone()).await;
                seen.extend(numbers(&answer));
                let next = &answer["structuredContent"]["next_cursor"];
                if next.is_null() {
                    break;
                }
                given["cursor"] = next.clone();
            }
            assert_eq!(seen, all, "cursors of {size}, {detail}");
        }
    }
    for old in ["list_memories", "search_by_tag"] {
        let mut seen = Vec::new();
        for page in 1..=5 {
            let given = json!({"tag": "walk", "page": page, "page_size": 50});
            seen.extend(numbers(&host.call(old, given).await));
        }
        assert_eq!(seen, all, "{old}");
    }
    host.stop().await;
}

#[tokio::test]
async fn a_walk_by_cursor_skips_and_repeats_nothing_while_memories_come_and_go() {
    let folder = tempfile::tempdir().unwrap();
    let host = host_with_250(folder.path()).await;
    let mut given = json!({"tags": ["walk"], "page_size": 20});
    let mut seen = Vec::new();
    for round in 1000.. {
        let answer = host.call("memory_list", given.clone()).await;
        seen.extend(numbers(&answer));
        let next = &answer["structuredContent"]["next_cursor"];
        if next.is_null() {
            break;
        }
        given["cursor"] = next.clone();
        let new = json!({"content": format!("fact {round}"), "metadata": {"tags": ["walk"]}});
        host.call("memory_store", new).await;
        let last = &answer["structuredContent"]["memories"]
            .as_array()
            .unwrap()
            .last()
            .unwrap()["content_hash"];
        host.call("memory_delete", json!({"content_hash": last}))
            .await;
    }
    assert_eq!(seen, (0..250).rev().collect::<Vec<u32>>());
    let deleted = json!({"tags": ["walk"], "deleted": true, "page_size": 5});
    let first = host.call("memory_list", deleted.clone()).await;
    let mut rest = deleted;
    rest["cursor"] = first["structuredContent"]["next_cursor"].clone();
    let mut bin = numbers(&first);
    bin.extend(numbers(&host.call("memory_list", rest).await));
    bin.dedup();
    assert_eq!(
        bin.len(),
        10,
        "the list of deleted ones goes on too: {bin:?}"
    );
    host.stop().await;
}

#[tokio::test]
async fn all_that_a_memory_keeps_can_be_read_by_its_hash() {
    let folder = tempfile::tempdir().unwrap();
    let host = Host::open(folder.path());
    let content = "A line with \"quotes\".\n".repeat(2_900);
    let metadata = json!({"tags": ["big"], "list": vec!["x".repeat(90); 150]});
    let stored = host
        .call(
            "memory_store",
            json!({"content": content, "metadata": metadata}),
        )
        .await;
    let hash = stored["structuredContent"]["content_hash"].clone();
    let listed = host.call("memory_list", json!({})).await;
    let notes = listed["structuredContent"]["notes"].to_string();
    assert!(
        notes.contains("memory_list with a content_hash shows a memory in full"),
        "{notes}"
    );
    let (mut text, mut kept) = (String::new(), Value::Null);
    for part in 1.. {
        let answer = host
            .call("memory_list", json!({"content_hash": hash, "part": part}))
            .await;
        let structured = &answer["structuredContent"];
        text.push_str(structured["memories"][0]["content"].as_str().unwrap());
        if structured["memories"][0]["metadata"] != json!({}) {
            kept = structured["memories"][0]["metadata"].clone();
        }
        if structured["part"] == structured["parts"] {
            assert!(part > 1);
            break;
        }
    }
    assert_eq!(text, content.trim());
    assert_eq!(kept, json!({"list": metadata["list"]}));
    host.stop().await;
}

// "No memories found" was the whole answer to a model that had named the project by half its name.
#[tokio::test]
async fn an_answer_that_is_empty_because_of_its_project_says_what_the_others_have() {
    let folder = tempfile::tempdir().unwrap();
    let host = Host::open(folder.path());
    let stored = [
        ("/home/me/api", "tabs and not blanks"),
        ("/home/me/api", "tabs in makefiles"),
        ("/home/me/web", "tabs of the browser"),
        ("", "tabs anywhere"),
    ];
    for (project, content) in stored {
        host.call_from(project, "memory_store", json!({"content": content}))
            .await;
    }
    let table = [
        (
            "memory_search",
            json!({"query": "tabs", "mode": "keyword", "project": "api"}),
            "nothing in project `api`; 4 in other projects: `/home/me/api` (2), no project (1), `/home/me/web` (1).",
        ),
        (
            "memory_list",
            json!({"project": "api"}),
            "nothing in project `api`; 4 in other projects: `/home/me/api` (2)",
        ),
        (
            "memory_search",
            json!({"query": "spaces", "mode": "keyword", "project": "api"}),
            "nothing in project `api`, nor in any other",
        ),
    ];
    for (tool, given, wanted) in table {
        let answer = host.call(tool, given).await;
        let notes = answer["structuredContent"]["notes"].to_string();
        assert!(notes.contains(wanted), "{notes}");
    }
    let found = json!({"query": "tabs", "mode": "keyword", "project": "/home/me/web"});
    let answer = host.call("memory_search", found).await;
    assert!(!answer.to_string().contains("other projects"), "{answer}");
}

// `/home/me/api/`, `file:///home/me/api` and `.` each made another project, in which nothing was found.
#[cfg(unix)]
#[tokio::test]
async fn a_project_that_is_given_as_a_path_is_the_one_there() {
    let folder = tempfile::tempdir().unwrap();
    let host = Host::open(folder.path());
    let ways = [
        "/gone/api",
        "/gone/api/",
        "file:///gone/api",
        ".",
        "${CLAUDE_PROJECT_DIR}",
    ];
    for way in ways {
        let stored = json!({"content": format!("stored as {way}"), "project": way});
        host.call_from("/gone/api", "memory_store", stored).await;
        let listed = host
            .call_from("/gone/api", "memory_list", json!({"project": way}))
            .await;
        let memories = listed["structuredContent"]["memories"].as_array().unwrap();
        let last = &memories[0];
        assert_eq!(last["project"], "/gone/api", "given {way}: {last}");
    }
    let listed = host
        .call("memory_list", json!({"project": "/gone/x/../api/."}))
        .await;
    assert_eq!(listed["structuredContent"]["total"], ways.len());
    host.call(
        "memory_store",
        json!({"content": "x", "project": "team/api"}),
    )
    .await;
    let listed = host
        .call("memory_list", json!({"project": "team/api"}))
        .await;
    assert_eq!(
        listed["structuredContent"]["memories"][0]["project"],
        "team/api"
    );
}
