//! The commands of a person, with and without a host.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use commonplace_api::statistics::Stats;
use commonplace_api::status::OverallState;
use serde_json::{Value, json};

use crate::support::{
    Host, Listed, command, list, program, run, run_json, run_well, search, status, stderr, stdout,
    store, unsteer,
};

/// How many memories a command says that it has changed.
fn changed(dir: &Path, arguments: &[&str]) -> u64 {
    let told: Value = run_json(dir, arguments);
    told["count"].as_u64().unwrap_or_else(|| panic!("{told}"))
}

fn deleted(dir: &Path) -> u64 {
    run_json::<Listed>(dir, &["list", "--deleted"]).total
}

#[test]
fn memories_are_stored_found_deleted_and_brought_back_without_a_host() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let text = "the staging database is called heron";
    let stored: Value = run_json(dir, &["store", text, "--tag", "db,Infra"]);
    assert_eq!(stored["did"], "stored");
    let hash = stored["content_hash"].as_str().unwrap();
    let again: Value = run_json(dir, &["store", "  The staging database is called HERON "]);
    assert_eq!(
        again["did"], "already_stored",
        "case and space do not make another memory"
    );
    let heron = ["heron", "--mode", "keyword"];
    let found = search(dir, &heron);
    assert_eq!(found[0].content_hash, hash);
    assert_eq!(found[0].tags, ["db", "infra"]);
    let other = search(dir, &[&heron[..], &["--tag", "other"]].concat());
    assert_eq!(other, []);
    let tried: Value = run_json(dir, &["delete", hash, "--dry-run"]);
    assert_eq!(tried["would_delete"], 1);
    assert_eq!(changed(dir, &["delete", hash]), 1);
    assert_eq!((list(dir).total, deleted(dir)), (0, 1));
    assert_eq!(changed(dir, &["delete", "--undo", hash]), 1);
    assert_eq!(changed(dir, &["delete", hash]), 1);
    let undone: Value = run_json(dir, &["undo", hash]);
    assert_eq!(undone["did"], "undeleted");
    assert_eq!(search(dir, &heron).len(), 1);
}

#[test]
fn commands_read_hashes_times_and_numbers_as_the_tools_do() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let hash = store(dir, "the staging database is called heron");
    let short = &hash[..8];
    let decorated = format!("hash: {}…", short.to_uppercase());
    for given in [short, &decorated] {
        assert_eq!(changed(dir, &["delete", given]), 1, "{given}");
        assert_eq!(changed(dir, &["undo", given]), 1, "{given}");
    }
    run_well(dir, &["delete", short]);
    assert_eq!(
        changed(dir, &["purge", short, "--yes"]),
        0,
        "a purge wants the whole hash"
    );
    run_well(dir, &["undo", short]);

    let tried: Value = run_json(dir, &["delete", "--when", "last_week", "--dry-run"]);
    assert_eq!(tried["would_delete"], 0);
    assert!(tried["time"].as_str().unwrap().starts_with("20"), "{tried}");
    let printed = run_well(dir, &["delete", "--when", "24h", "--dry-run"]);
    assert!(
        printed.starts_with("would delete 1 memory, stored 20"),
        "{printed}"
    );
    let refused = run(dir, &["delete", "--before", "03/04/2030"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(
        stderr(&refused).contains("2030-04-03 or as 2030-03-04, and nothing was done"),
        "{}",
        stderr(&refused)
    );

    let cut = run(
        dir,
        &["list", "--page-size", "500", "--after", "01/02/2020"],
    );
    assert!(
        stdout(&cut).contains("page 1 of 1, 1 memory"),
        "{}",
        stdout(&cut)
    );
    for said in [
        "--page-size was cut to 100",
        "was read as 2020-02-01, not as 2020-01-02",
    ] {
        assert!(stderr(&cut).contains(said), "{}", stderr(&cut));
    }
    let zero = run_well(
        dir,
        &[
            "search", "heron", "--mode", "keyword", "--limit", "0", "--type", "null",
        ],
    );
    assert!(zero.contains("heron"), "{zero}");
}

#[test]
fn a_purge_wants_to_be_meant_and_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let hash = store(dir.path(), "a shamefulsecret");
    let purge = ["purge", &hash, "--yes"];
    assert_eq!(
        changed(dir.path(), &purge),
        0,
        "a living memory must be deleted first"
    );
    run_well(dir.path(), &["delete", &hash]);
    let unmeant = run(dir.path(), &["purge", &hash]);
    assert_eq!(unmeant.status.code(), Some(2));
    assert_eq!(deleted(dir.path()), 1);
    assert_eq!(changed(dir.path(), &purge), 1);
    assert_eq!(changed(dir.path(), &["undo", &hash]), 0);
    let database = std::fs::read(dir.path().join("commonplace.db")).unwrap();
    let word = b"shamefulsecret";
    assert!(!database.windows(word.len()).any(|window| window == word));
}

#[test]
fn commands_and_a_host_share_one_store() {
    let dir = tempfile::tempdir().unwrap();
    let host = Host::start(dir.path());
    let text = "written by a command beside the host";
    store(dir.path(), text);
    assert!(host.client().has_one(text));
    host.client().store("written through the host").unwrap();
    assert_eq!(list(dir.path()).total, 2);
    let status = status(dir.path()).expect("the host answers");
    assert_eq!(status.memories.total, 2);
    assert_eq!(status.state, OverallState::Ok);
    let lock = status.lock;
    assert!(lock.epoch >= 2, "the lock changed hands: {lock:?}");
    let stats: Stats = run_json(dir.path(), &["stats"]);
    assert_eq!(
        stats.acknowledged, 2,
        "the host counts what commands did as well"
    );
    for (command, begins) in [
        ("stats", "=== Concurrent Access Statistics ===\n"),
        ("status", "ok  Nothing is waiting."),
    ] {
        let printed = run_well(dir.path(), &[command]);
        assert!(printed.starts_with(begins), "{printed}");
    }
}

#[test]
fn a_secret_is_replaced_before_it_is_stored() {
    let dir = tempfile::tempdir().unwrap();
    let secret = format!("ghp_{}", "a1B2c3D4e5".repeat(4).get(..36).unwrap());
    let output = run(
        dir.path(),
        &["store", &format!("the deploy token is {secret}")],
    );
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(
        stderr(&output).contains("replaced before storing"),
        "{}",
        stderr(&output)
    );
    let listed = run_well(dir.path(), &["list", "--json"]);
    assert!(
        !listed.contains(&secret) && listed.contains("[redacted: "),
        "{listed}"
    );
}

#[test]
fn bad_text_from_stdin_is_refused_and_nothing_is_kept() {
    use std::io::Write;
    use std::process::Stdio;
    let dir = tempfile::tempdir().unwrap();
    let cases: [(&[u8], &str); 4] = [
        (b"\xff\xfe broken", "not UTF-8"),
        (b" \n ", "content is required"),
        (b"\0\0", "content is required"),
        (&[b'x'; 2_000_000], "at most 65536"),
    ];
    for (text, reason) in cases {
        let mut child = command(dir.path(), &["store", "-"])
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        // The command may stop reading before all was written.
        drop(child.stdin.take().unwrap().write_all(text));
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
        assert!(stderr(&output).contains(reason), "{}", stderr(&output));
    }
    assert_eq!(list(dir.path()).total, 0);
}

#[test]
fn verify_counts_every_acknowledged_write() {
    let dir = tempfile::tempdir().unwrap();
    let verified: Value = run_json(dir.path(), &["verify", "--clients", "4", "--writes", "25"]);
    assert_eq!(
        (&verified["acked"], &verified["found"], &verified["lost"]),
        (&100.into(), &100.into(), &0.into()),
        "{verified}"
    );
    assert!(
        !dir.path().join("commonplace.db").exists(),
        "the store of the person is not touched"
    );
}

#[test]
fn connect_prints_a_command_that_names_the_server_memory() {
    let dir = tempfile::tempdir().unwrap();
    let http: Value = run_json(dir.path(), &["connect", "claude", "--http", "--print"]);
    let line = http["command"].as_str().unwrap();
    assert!(
        line.starts_with("claude mcp add-json --scope user memory ")
            && line.contains("http://127.0.0.1:7311/mcp")
            && line.contains(" token --header"),
        "{line}"
    );
    for usual in [["--print"].as_slice(), &["--stdio", "--print"]] {
        let stdio: Value = run_json(dir.path(), &[&["connect", "claude"], usual].concat());
        let line = stdio["command"].as_str().unwrap();
        assert!(
            line.starts_with("claude mcp add --scope user memory -- ") && line.ends_with(" mcp"),
            "{line}"
        );
    }
}

#[test]
fn without_claude_code_connect_prints_the_line() {
    let dir = tempfile::tempdir().unwrap();
    let output = command(dir.path(), &["connect", "claude"])
        .env("PATH", "")
        .env("HOME", dir.path())
        .output()
        .unwrap();
    assert!(output.status.success());
    assert!(
        stdout(&output).starts_with("claude mcp add "),
        "{}",
        stdout(&output)
    );
}

#[test]
fn doctor_finds_nothing_wrong_with_a_healthy_store() {
    let dir = tempfile::tempdir().unwrap();
    let _host = Host::start(dir.path());
    run_well(dir.path(), &["doctor"]);
}

// The statistics showed an `undelete` that nobody had asked for.
#[test]
fn the_test_write_of_doctor_is_nobodys_request() {
    let dir = tempfile::tempdir().unwrap();
    run_json::<Value>(dir.path(), &["store", "a fact"]);
    let findings: Value = run_json(dir.path(), &["doctor"]);
    assert_eq!(findings["ok"], true, "{findings:#}");
    let stats: Value = run_json(dir.path(), &["stats"]);
    let kinds = stats["by_kind"].as_array().unwrap().iter();
    let kinds: BTreeSet<&str> = kinds.map(|kind| kind["kind"].as_str().unwrap()).collect();
    assert_eq!(
        kinds,
        BTreeSet::from(["index", "store"]),
        "the test write is the engine's own: {stats:#}"
    );
    assert_eq!(stats["acknowledged"], 1, "only the store was asked for");
}

#[test]
fn tags_are_given_one_by_one_or_as_a_list_by_either_name() {
    let dir = tempfile::tempdir().unwrap();
    for (number, tags) in [
        ["--tags", "a,b"].as_slice(),
        &["--tag", "a,b"],
        &["--tag", "a", "--tags", "b"],
        &["-t", "b", "-t", "a"],
    ]
    .iter()
    .enumerate()
    {
        let text = format!("fact {number}");
        run_json::<Value>(dir.path(), &[&["store", text.as_str()], *tags].concat());
    }
    let listed: Value = run_json(dir.path(), &["list", "--tags", "a,b", "--all-tags"]);
    assert_eq!(listed["total"], 4, "{listed:#}");
    let search = ["search", "fact", "--mode", "keyword", "--tags"];
    let hits =
        |tags| run_json::<Value>(dir.path(), &[&search[..], &[tags]].concat())["hits"].clone();
    assert_eq!(hits("b,c").as_array().map(Vec::len), Some(4));
    assert_eq!(hits("c"), json!([]));
    let deleted: Value = run_json(dir.path(), &["delete", "--tags", "a"]);
    assert_eq!(deleted["count"], 4, "{deleted:#}");
}

#[test]
fn a_command_that_is_repeated_with_its_op_id_does_the_work_once() {
    let dir = tempfile::tempdir().unwrap();
    let store = [
        "store",
        "told by a script that tries again",
        "--op-id",
        "job-7",
    ];
    let first: Value = run_json(dir.path(), &store);
    assert_eq!(first["did"], "stored");
    let hash = first["content_hash"].as_str().unwrap();
    let delete = ["delete", hash, "--op-id", "job-8"];
    assert_eq!(changed(dir.path(), &delete), 1);
    assert_eq!(
        run_json::<Value>(dir.path(), &store),
        first,
        "not stored again"
    );
    assert_eq!(list(dir.path()).total, 0);
    let spaced = run(dir.path(), &["store", "x", "--op-id", "job 7"]);
    assert_eq!(spaced.status.code(), Some(2), "{}", stderr(&spaced));
}

#[test]
fn one_memory_is_not_called_memories() {
    let dir = tempfile::tempdir().unwrap();
    let hash = store(dir.path(), "a single heron");
    let hash = hash.as_str();
    for (arguments, said) in [
        (["list"].as_slice(), "page 1 of 1, 1 memory\n"),
        (&["delete", hash], "deleted 1 memory; "),
        (&["undo", hash], "restored 1 deleted memory\n  "),
        (&["list", "--deleted"], "page 1 of 1, 0 memories\n"),
    ] {
        let text = stdout(&run(dir.path(), arguments));
        assert!(text.contains(said), "{arguments:?}: {text}");
    }
}

// A delete by hash took the memory from every project, and no answer said which one was hit.
#[test]
fn acts_by_hash_name_what_they_hit_and_ask_where_it_is_not_clear() {
    let dir = tempfile::tempdir().unwrap();
    let mut hash = String::new();
    for project in ["a", "b", ""] {
        let stored: Value = run_json(dir.path(), &["store", "one text", "--project", project]);
        hash = stored["content_hash"].as_str().unwrap().to_owned();
    }
    let hash = hash.as_str();
    for arguments in [["delete", hash].as_slice(), &["delete", hash, "--dry-run"]] {
        let refused = run(dir.path(), arguments);
        assert_eq!(refused.status.code(), Some(2));
        for part in [
            "in each of 3 projects",
            "in `a` `one text`",
            "with --project ('' for no project)",
        ] {
            assert!(stderr(&refused).contains(part), "{}", stderr(&refused));
        }
    }
    for project in ["a", ""] {
        let said = stdout(&run(dir.path(), &["delete", hash, "--project", project]));
        let named = if project.is_empty() {
            "no project"
        } else {
            "project a"
        };
        assert!(said.contains(&format!("  {named}  \"one text\"")), "{said}");
    }
    assert_eq!(list(dir.path()).memories[0].project, "b");
    for command in [["undo", hash].as_slice(), &["purge", hash, "--yes"]] {
        assert_eq!(
            run(dir.path(), command).status.code(),
            Some(2),
            "{command:?}"
        );
    }
    let purged: Value = run_json(dir.path(), &["purge", hash, "--yes", "--project", "a"]);
    assert_eq!(
        (&purged["count"], &purged["memories"][0]["project"]),
        (&json!(1), &json!("a"))
    );
    let undone = stdout(&run(dir.path(), &["undo", hash]));
    assert!(undone.contains("  no project  \"one text\""), "{undone}");
    let short = stdout(&run(dir.path(), &["delete", &hash[..5]]));
    assert!(
        short.contains("possible matches:") && short.contains(hash),
        "{short}"
    );
    assert_eq!(list(dir.path()).total, 2);
}

#[test]
fn the_readme_names_every_command_and_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let help = stdout(&run(dir.path(), &["--help"]));
    let (_, rest) = help.split_once("\nCommands:\n").unwrap();
    let (commands, _) = rest.split_once("\n\n").unwrap();
    let known: BTreeSet<&str> = commands
        .lines()
        .filter_map(|line| line.strip_prefix("  ")?.split(' ').next())
        .filter(|name| !name.is_empty() && *name != "help")
        .collect();
    let readme =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/commands.md")).unwrap();
    let (_, rest) = readme.split_once("\n## Commands\n").unwrap();
    let (table, _) = rest.split_once("\nAll take").unwrap();
    let names = table.lines().filter_map(|row| row.split('|').nth(1));
    // What stands between backquotes.
    let names = names.flat_map(|cell| cell.split('`').skip(1).step_by(2));
    let named: BTreeSet<&str> = names
        .map(|name| name.trim_start_matches("commonplace").trim())
        .filter(|name| !name.is_empty())
        .collect();
    assert_eq!(named, known);
}

// Without a display, `open` said that the dashboard opens in the browser.
#[cfg(target_os = "linux")]
#[test]
fn open_says_so_when_no_browser_can_be_started() {
    use std::os::unix::fs::PermissionsExt as _;
    let (dir, bin) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let _host = Host::start(dir.path());
    let starter = bin.path().join("xdg-open");
    std::fs::write(&starter, "#!/bin/sh\nexit 3\n").unwrap();
    std::fs::set_permissions(&starter, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:/usr/bin:/bin", bin.path().display());
    let opened = command(dir.path(), &["open"]).env("PATH", path).output();
    let opened = opened.unwrap();
    assert_eq!(opened.status.code(), Some(1), "{}", stdout(&opened));
    let said = stderr(&opened);
    assert!(
        said.contains("found no browser") && said.contains("open --print"),
        "{said}"
    );
}

/// Every command ended with exit code 2.
#[test]
fn an_empty_variable_names_no_store_directory() {
    let home = tempfile::tempdir().unwrap();
    let mut command = Command::new(program());
    unsteer(&mut command);
    let output = command
        .env("COMMONPLACE_DATA_DIR", "")
        .env("HOME", home.path())
        .env_remove("XDG_DATA_HOME")
        .args(["settings"])
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
}

#[test]
fn commands_that_only_read_make_no_store() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("store");
    for (arguments, wanted) in [
        (["list"].as_slice(), "page 1 of 1, 0 memories\n"),
        (&["search", "heron"], "no memories found\n"),
        (&["projects"], "no memories yet\n"),
    ] {
        let output = Command::new(program())
            .arg("--data-dir")
            .arg(&dir)
            .args(arguments)
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{arguments:?}: {}",
            stderr(&output)
        );
        assert_eq!(stdout(&output), wanted, "{arguments:?}");
        assert!(stderr(&output).contains("there is no store"));
        assert!(!dir.exists(), "{arguments:?}");
    }
}
