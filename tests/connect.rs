//! `connect` and `plugin`: what they write into the configurations of clients, and that they take it out again.

mod user;

use std::fs;
use std::os::unix::fs::PermissionsExt;

use commonplace_api::call;
use commonplace_api::connections::{
    ConnectionAct, ConnectionDone, ConnectionRequest, ConnectionState,
};
use serde_json::{Value, json};

use self::user::User;
use crate::support::{list, program, run_json, run_well, stderr, stdout};

const FILES: [(&str, &str, &str); 5] = [
    (
        "gemini",
        ".gemini/settings.json",
        "/mcpServers/memory/command",
    ),
    ("qwen", ".qwen/settings.json", "/mcpServers/memory/command"),
    ("cursor", ".cursor/mcp.json", "/mcpServers/memory/command"),
    (
        "opencode",
        ".config/opencode/opencode.json",
        "/mcp/memory/command/0",
    ),
    ("codex", ".codex/config.toml", "/mcp_servers/memory/command"),
];

#[test]
fn each_client_is_connected_once_and_leaves_nothing_when_it_is_removed() {
    for (client, file, command) in FILES {
        let user = User::new();
        let dry = user.connect_well(&[client, "--print"]);
        assert!(dry.contains("would change"), "{dry}");
        assert_eq!(
            user.files(),
            Vec::<String>::new(),
            "{client}: a dry run changes nothing"
        );
        user.connect_well(&[client]);
        let text = user.read(file);
        let read: Value = match file.ends_with(".toml") {
            true => toml::from_str(&text).unwrap(),
            false => serde_json::from_str(&text).unwrap(),
        };
        assert_eq!(read.pointer(command), Some(&json!(program())), "{text}");
        assert!(text.contains("--data-dir"), "{text}");
        assert!(!text.contains("token"), "{text}");
        let again = user.connect_well(&[client]);
        assert!(again.contains("already"), "{again}");
        assert_eq!(user.files(), [file], "{client}");
        user.connect_well(&[client, "--remove"]);
        assert_eq!(user.files(), Vec::<String>::new(), "{client}");
        assert!(
            user.connect_well(&[client, "--remove"])
                .contains("has no server")
        );
    }
}

#[test]
fn what_a_person_wrote_stays_and_is_kept_beside_it() {
    let user = User::new();
    let text = "# mine\nmodel = \"x\" # good\n\n[mcp_servers.other]\ncommand = \"true\"\n";
    user.write(".codex/config.toml", text);
    let said = user.connect_well(&["codex"]);
    let changed = user.read(".codex/config.toml");
    assert!(changed.starts_with(text), "{changed}");
    let files = user.files();
    let backup = files
        .iter()
        .find(|file| file.contains("before-commonplace"))
        .unwrap();
    assert_eq!(user.read(backup), text);
    assert!(said.contains(backup.as_str()), "{said}");
    user.connect_well(&["codex", "--remove"]);
    assert_eq!(user.read(".codex/config.toml"), text);
}

#[test]
fn each_change_keeps_the_file_before_it_however_fast_they_follow() {
    let user = User::new();
    let text = "{\"theme\": \"x\", \"mcpServers\": {\"memory\": {\"command\": \"npx\"}}}\n";
    user.write(".gemini/settings.json", text);
    user.connect_well(&["gemini", "--replace"]);
    user.connect_well(&["gemini", "--remove"]);
    let mut files = user.files();
    files.retain(|file| file.contains("before-commonplace"));
    assert_eq!(files.len(), 2, "{files:?}");
    assert!(files.iter().any(|file| user.read(file) == text));
}

#[test]
fn a_configuration_with_comments_is_left_alone_and_the_lines_are_shown() {
    let user = User::new();
    let text = "{\n  // mine\n  \"mcpServers\": {}\n}\n";
    user.write(".cursor/mcp.json", text);
    for arguments in [&["cursor"][..], &["cursor", "--remove"]] {
        let output = user.connect("store", arguments);
        assert_eq!(output.status.code(), Some(1));
        let said = stderr(&output);
        assert!(said.contains("was not changed"), "{said}");
        assert!(said.contains("by hand"), "{said}");
    }
    assert!(stderr(&user.connect("store", &["cursor"])).contains("\"mcpServers\""));
    assert_eq!(user.read(".cursor/mcp.json"), text);
    assert_eq!(user.files(), [".cursor/mcp.json"]);
}

#[test]
fn a_server_of_somebody_else_is_replaced_only_when_asked() {
    let user = User::new();
    let text = r#"{"mcpServers": {"memory": {"command": "npx", "args": ["server-memory"]}}}"#;
    user.write(".qwen/settings.json", text);
    for arguments in [&["qwen"][..], &["qwen", "--remove"]] {
        assert_eq!(user.connect("store", arguments).status.code(), Some(1));
        assert_eq!(user.read(".qwen/settings.json"), text);
    }
    user.connect_well(&["qwen", "--replace"]);
    assert!(user.read(".qwen/settings.json").contains("--data-dir"));
    // A bridge of ours for another store needs no question.
    assert!(user.connect("other", &["qwen"]).status.success());
    assert!(user.read(".qwen/settings.json").contains("other"));
}

#[test]
fn what_a_person_set_in_our_entry_stays_when_it_is_connected_again() {
    let user = User::new();
    let file = ".config/opencode/opencode.json";
    user.connect_well(&["opencode"]);
    let text = user.read(file);
    let off = text.replace("\"enabled\": true", "\"enabled\": false");
    user.write(file, &off);
    for arguments in [&["opencode"][..], &["opencode", "--replace"]] {
        let said = user.connect_well(arguments);
        assert!(said.contains("switched off"), "{said}");
        assert_eq!(user.read(file), off);
    }
    user.connect_well(&["codex"]);
    let slow = user.read(".codex/config.toml") + "startup_timeout_sec = 30\n";
    user.write(".codex/config.toml", &slow);
    assert!(user.connect("other", &["codex"]).status.success());
    user.connect_well(&["codex"]);
    assert_eq!(user.read(".codex/config.toml"), slow);
}

#[test]
fn the_plugin_is_installed_after_a_yes_and_leaves_nothing_when_it_is_removed() {
    let user = User::new();
    let asked = user.connect("store", &["claude", "--plugin"]);
    assert_eq!(asked.status.code(), Some(1), "nobody said yes");
    assert!(
        stderr(&asked).contains("hook SessionStart"),
        "{}",
        stderr(&asked)
    );
    assert_eq!(user.files(), Vec::<String>::new());
    user.connect_well(&["claude", "--plugin", "--yes"]);
    let hooks = user.read(".claude/skills/commonplace/hooks/hooks.json");
    assert!(hooks.contains("UserPromptSubmit"), "{hooks}");
    // What Claude Code notes when a person switches it off.
    let settings = "{\n  \"model\": \"x\",\n  \"enabledPlugins\": {\n    \"commonplace@skills-dir\": false\n  }\n}\n";
    user.write(".claude/settings.json", settings);
    user.connect_well(&["claude", "--remove"]);
    assert_eq!(
        user.read(".claude/settings.json"),
        "{\n  \"model\": \"x\"\n}\n"
    );
    let files = user.files();
    let others: Vec<&String> = files
        .iter()
        .filter(|file| !file.starts_with(".claude/settings.json"))
        .collect();
    assert_eq!(others, Vec::<&String>::new());
    assert!(!user.path(".claude/skills").exists());
}

#[test]
fn a_plugin_is_written_to_a_new_folder_and_not_over_something_else() {
    let user = User::new();
    let (store, dir) = (user.path("store"), user.path("plugin"));
    let dir_text = dir.display().to_string();
    for _ in 0..2 {
        let said = run_well(&store, &["plugin", &dir_text]);
        assert!(
            said.contains("claude plugin install commonplace --marketplace"),
            "{said}"
        );
    }
    fs::write(dir.join(".claude-plugin/plugin.json"), r#"{"name":"mine"}"#).unwrap();
    let refused = crate::support::run(&store, &["plugin", &dir_text]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        stderr(&refused).contains("no plugin of ours"),
        "{}",
        stderr(&refused)
    );
}

#[test]
fn each_client_is_listed_with_what_its_configuration_says() {
    let user = User::new();
    let codex = |state, is_installed| {
        let listed = user.listed("codex");
        assert_eq!((listed.state, listed.is_installed), (state, is_installed));
        listed
    };
    codex(ConnectionState::None, false);
    assert_eq!(
        user.files(),
        Vec::<String>::new(),
        "looking changes nothing"
    );
    fs::create_dir(user.path(".codex")).unwrap();
    let listed = codex(ConnectionState::None, true);
    assert!(listed.by_hand.starts_with("[mcp_servers.memory]"));
    assert!(listed.place.ends_with(".codex/config.toml"));
    user.connect_well(&["codex"]);
    codex(ConnectionState::Connected, true);
    assert!(user.connect("other", &["codex"]).status.success());
    codex(ConnectionState::OtherStore, true);
    let moved = user.read(".codex/config.toml");
    let own = program().display().to_string();
    let store = |name: &str| user.path(name).display().to_string();
    let moved = moved.replace(&store("other"), &store("store"));
    user.write(".codex/config.toml", &moved.replace(&own, "/gone"));
    codex(ConnectionState::OtherProgram, true);
    let foreign = "[mcp_servers.memory]\ncommand = \"npx\"\n";
    user.write(".codex/config.toml", foreign);
    codex(ConnectionState::Foreign, true);
    user.write(".codex/config.toml", "no TOML");
    let unreadable = codex(ConnectionState::Unreadable, true);
    assert!(
        unreadable.message.contains("no plain TOML"),
        "{}",
        unreadable.message
    );
    let table = user.connect_well(&[]);
    assert_eq!(table.lines().count(), 7, "{table}");
    assert!(table.starts_with("Codex"), "those that are here: {table}");
}

#[test]
fn what_claude_code_uses_is_read_in_its_configuration_and_no_program_is_started() {
    let user = User::new();
    let claude = || user.listed("claude");
    assert_eq!(claude().state, ConnectionState::None);
    user.connect_well(&["claude", "--plugin", "--yes"]);
    let plugin = claude();
    assert_eq!(plugin.state, ConnectionState::Connected);
    assert!(plugin.message.contains("the plugin"), "{}", plugin.message);
    let off = json!({ "enabledPlugins": { "commonplace@skills-dir": false } });
    user.write(".claude/settings.json", &off.to_string());
    assert_eq!(claude().state, ConnectionState::SwitchedOff);
    let (command, args) = user.words("store");
    user.claude_has(&json!({ "type": "stdio", "command": command, "args": args, "env": {} }));
    assert_eq!(claude().state, ConnectionState::Connected);
    let args = user.words("other").1;
    user.claude_has(&json!({ "type": "stdio", "command": command, "args": args }));
    assert_eq!(claude().state, ConnectionState::OtherStore);
    let dir = user.path("store").display().to_string();
    let helper = format!("{} --data-dir {dir} token --header", command.display());
    user.claude_has(
        &json!({ "type": "http", "url": "http://127.0.0.1:1/mcp", "headersHelper": helper }),
    );
    let http = claude();
    assert_eq!(http.state, ConnectionState::Connected, "{}", http.message);
    assert!(http.message.contains("over HTTP"), "{}", http.message);
    user.claude_has(&json!({ "type": "http", "url": "https://example.org/mcp" }));
    assert_eq!(claude().state, ConnectionState::Foreign);
    let refused = user.connect("store", &["claude", "--remove"]);
    assert_eq!(refused.status.code(), Some(1));
    let said = stderr(&refused);
    assert!(said.contains("none of this program"), "{said}");
}

#[test]
fn claude_code_is_connected_once_is_not_replaced_unasked_and_can_be_undone() {
    let user = User::new();
    user.installs_claude();
    user.connect_well(&["claude"]);
    let kept = user.claude_server();
    assert_eq!(kept["args"], user.words("store").1);
    let again = user.connect_well(&["claude"]);
    assert!(again.contains("already"), "{again}");
    let said = user.refused("store", &["claude", "--http"]);
    assert!(said.contains("--replace"), "{said}");
    assert_eq!(user.claude_server(), kept, "nothing was changed unasked");
    user.connect_well(&["claude", "--http", "--replace"]);
    assert_eq!(user.claude_server()["type"], "http");
    user.connect_well(&["claude", "--remove"]);
    assert!(!user.path(".claude.json").exists());
    let said = user.connect_well(&["claude", "--remove"]);
    assert!(said.contains("has no server"), "{said}");
    let foreign = json!({ "command": "npx", "args": ["-y", "foreign"] });
    user.claude_has(&foreign);
    for arguments in [&["claude"][..], &["claude", "--remove"]] {
        user.refused("store", arguments);
        assert_eq!(user.claude_server(), foreign);
    }
}

#[test]
fn a_server_of_a_project_of_claude_code_is_left_alone_and_said_to_go_before() {
    let user = User::new();
    user.installs_claude();
    let foreign = json!({ "mcpServers": { "memory": { "command": "npx" } } });
    user.write("code/.mcp.json", &foreign.to_string());
    let dir = |name: &str| user.path(name).display().to_string();
    let (code, other) = (dir("code"), dir("other"));
    let projects = json!({ code: {}, &other: foreign });
    let projects = json!({ "projects": projects }).to_string();
    for arguments in [&["claude"][..], &["claude", "--replace"]] {
        user.write(".claude.json", &projects);
        let said = user.connect_well(arguments);
        let local = format!("the local scope of `{other}`");
        assert!(
            said.contains("goes before it") && said.contains(&local),
            "{said}"
        );
        assert!(said.contains("code/.mcp.json"), "{said}");
        assert_eq!(user.claude_server()["args"], user.words("store").1);
    }
    user.write(".claude.json", &projects);
    let said = user.connect_well(&["claude", "--remove"]);
    assert!(
        said.contains("no server called `memory` for all projects"),
        "{said}"
    );
}

#[test]
fn an_address_at_which_another_program_listens_is_not_given_silently() {
    let user = User::new();
    let host = user.host("other");
    let print = ["claude", "--http", "--print"];
    user.write("store/settings.toml", &format!("port = {}\n", host.port));
    let output = user.connect("store", &print);
    assert!(output.status.success());
    assert!(stdout(&output).contains(&format!("127.0.0.1:{}/mcp", host.port)));
    let said = stderr(&output);
    assert!(
        said.contains("no host of this store") && said.contains("another program"),
        "{said}"
    );
    let own = user.connect("other", &print);
    assert!(
        !stderr(&own).contains("another program"),
        "{}",
        stderr(&own)
    );
}

#[test]
fn the_store_that_a_client_was_connected_to_is_named_and_is_not_taken_away_unasked() {
    let user = User::new();
    user.installs_claude();
    let other = format!("`{}`", user.path("other").display());
    for (client, file) in [("codex", ".codex/config.toml"), ("claude", ".claude.json")] {
        assert!(user.connect("other", &[client]).status.success());
        let said = user.connect_well(&[client]);
        assert!(
            said.contains("was connected to") && said.contains(&other),
            "{said}"
        );
        assert!(user.connect("other", &[client]).status.success());
        let text = user.read(file);
        let said = user.refused("store", &[client, "--remove"]);
        assert!(
            said.contains(&other) && said.contains("--remove --replace"),
            "{said}"
        );
        assert_eq!(user.read(file), text);
        user.connect_well(&[client, "--remove", "--replace"]);
        assert!(!user.path(file).exists());
    }
    assert!(
        user.connect("other", &["claude", "--http"])
            .status
            .success()
    );
    let said = user.refused("store", &["claude", "--remove"]);
    assert!(said.contains(&other), "{said}");
}

#[test]
fn a_path_in_which_a_client_would_replace_a_variable_is_refused() {
    let user = User::new();
    for client in ["gemini", "qwen"] {
        let said = user.refused("my $HOME store", &[client]);
        assert!(said.contains("$HOME store` may lead elsewhere"), "{said}");
    }
    assert_eq!(user.files(), Vec::<String>::new());
    assert!(user.connect("my $HOME store", &["codex"]).status.success());
}

#[test]
fn a_text_goes_through_the_entry_of_a_client_and_leaves_nothing() {
    let user = User::new();
    let host = user.host("store");
    let store = user.path("store");
    let unconnected = user.connect("store", &["qwen", "--verify"]);
    assert_eq!(unconnected.status.code(), Some(1));
    let said = stderr(&unconnected);
    assert!(
        said.contains("`commonplace connect qwen` adds it"),
        "{said}"
    );
    user.connect_well(&["qwen"]);
    let said = user.connect_well(&["qwen", "--verify"]);
    let wanted = "stored and found again through the entry of Qwen Code at ";
    assert!(said.starts_with(wanted), "{said}");
    assert_eq!(list(&store).total, 0);
    let deleted: Value = run_json(&store, &["list", "--deleted"]);
    assert_eq!(deleted["total"], 0, "it is gone for good");
    let clients = host.status().clients;
    let check = clients.iter().find(|one| one.client == "commonplace-check");
    let check = check.expect("it went through the entry, as a client of its own name");
    assert_eq!((check.project.as_deref(), check.errors), (None, 0));
}

#[test]
fn a_check_starts_nothing_but_what_this_program_would_write() {
    let user = User::new();
    let _host = user.host("store");
    user.connect_well(&["qwen"]);
    let own = program().display().to_string();
    let script = user.path("commonplace");
    let started = user.path("started");
    let text = format!("#!/bin/sh\ntouch '{}'\n", started.display());
    fs::write(&script, text).unwrap();
    fs::set_permissions(&script, PermissionsExt::from_mode(0o755)).unwrap();
    let text = user.read(".qwen/settings.json");
    let text = text.replace(&own, &script.display().to_string());
    user.write(".qwen/settings.json", &text);
    let output = user.connect("store", &["qwen", "--verify"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(!started.exists(), "{}", stderr(&output));
}

#[test]
fn a_check_says_what_keeps_a_text_from_being_stored() {
    let user = User::new();
    let _host = user.host("store");
    user.connect_well(&["qwen"]);
    run_well(&user.path("store"), &["pause"]);
    let output = user.connect("store", &["qwen", "--verify"]);
    assert_eq!(output.status.code(), Some(1));
    let said = stderr(&output);
    assert!(said.contains("entry of Qwen Code does not work"), "{said}");
    assert!(said.contains("paused"), "{said}");
}

#[test]
fn the_page_connects_checks_and_disconnects_a_client() {
    let user = User::new();
    fs::create_dir(user.path(".codex")).unwrap();
    let host = user.host("store");
    let act = |client: &str, act| {
        let client = client.to_owned();
        host.try_ask::<ConnectionDone>(&call::connection(&ConnectionRequest { client, act }))
    };
    let listed = host.ask(&call::connections()).clients;
    assert_eq!(listed.len(), 7);
    assert_eq!(listed[0].client, "codex", "what is installed comes first");
    let connected = act("codex", ConnectionAct::Connect).unwrap();
    assert_eq!(connected.connection.state, ConnectionState::Connected);
    assert!(user.read(".codex/config.toml").contains("--data-dir"));
    let verified = act("codex", ConnectionAct::Verify).unwrap();
    assert!(verified.verified.is_some(), "{}", verified.message);
    assert_eq!(list(&user.path("store")).total, 0);
    let gone = act("codex", ConnectionAct::Disconnect).unwrap();
    assert_eq!(gone.connection.state, ConnectionState::None);
    assert!(!user.path(".codex/config.toml").exists());
    user.write(".cursor/mcp.json", "{ /* mine */ }");
    let (status, refused) = host
        .send(&call::connection(&ConnectionRequest {
            client: "cursor".to_owned(),
            act: ConnectionAct::Connect,
        }))
        .unwrap();
    assert_eq!(status, 409, "{refused}");
    assert!(
        refused.contains("by_hand") && refused.contains("mcpServers"),
        "{refused}"
    );
    assert_eq!(user.read(".cursor/mcp.json"), "{ /* mine */ }");
    let claude = act("claude", ConnectionAct::Connect).unwrap_err();
    assert!(claude.contains("was not found on the PATH"), "{claude}");
}
