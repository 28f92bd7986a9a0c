//! The stdio bridge with a real host behind it.

use std::io::{BufRead, BufReader, Write};
#[cfg(unix)]
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use commonplace_api::Transport;
use commonplace_api::mcp::ToolAnswer;
use serde_json::{Value, json};

use crate::support::{Host, command, list, run_well};

/// A client's stdio bridge; killed when dropped.
pub(crate) struct Bridge {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
    last_id: u64,
}

impl Bridge {
    pub(crate) fn start(dir: &std::path::Path) -> Self {
        Self::start_with(
            command(dir, &["mcp"]).env("CLAUDE_PROJECT_DIR", "/home/somebody/project-x"),
        )
    }

    pub(crate) fn start_with(command: &mut Command) -> Self {
        Self::start_logging(command, Stdio::null())
    }

    /// Does the same, and lets it write its log to `log`.
    pub(crate) fn start_logging(command: &mut Command, log: impl Into<Stdio>) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let stdin = child.stdin.take();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        Self {
            child,
            stdin,
            stdout,
            last_id: 0,
        }
    }

    /// Sends a request without waiting for its answer.
    fn send(&mut self, method: &str, params: Value) {
        self.last_id += 1;
        let message =
            json!({ "jsonrpc": "2.0", "id": self.last_id, "method": method, "params": params });
        writeln!(self.stdin.as_mut().unwrap(), "{message}").unwrap();
    }

    /// Waits for the answer to the last request, and returns it as it came.
    fn read(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        let answer: Value =
            serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert_eq!(answer["id"], self.last_id, "{answer}");
        line
    }

    pub(crate) fn initialize(&mut self) {
        let params = json!({ "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "bridge-test", "version": "1" } });
        self.send("initialize", params);
        let answer: Value = serde_json::from_str(&self.read()).unwrap();
        assert_eq!(answer["result"]["serverInfo"]["name"], "memory", "{answer}");
        let initialized = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
        writeln!(self.stdin.as_mut().unwrap(), "{initialized}").unwrap();
    }

    /// Calls a tool without waiting for its answer.
    pub(crate) fn send_call(&mut self, tool: &str, arguments: Value) {
        self.send(
            "tools/call",
            json!({ "name": tool, "arguments": arguments }),
        );
    }

    /// Calls a tool; Err is an answer of the protocol that is none of the tool.
    pub(crate) fn call(&mut self, tool: &str, arguments: Value) -> Result<ToolAnswer, String> {
        self.send_call(tool, arguments);
        // Over stdio an answer has no status: where it came, it came.
        ToolAnswer::read(200, self.read().as_bytes())
    }

    /// Stores a text, and expects that it is stored.
    #[track_caller]
    pub(crate) fn store(&mut self, text: &str) {
        let answer = self.call("memory_store", json!({ "content": text }));
        let is_stored = |answer: &ToolAnswer| !answer.is_error && answer.text.contains("hash: ");
        assert!(answer.as_ref().is_ok_and(is_stored), "{text}: {answer:?}");
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        drop(self.stdin.take());
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[test]
fn two_bridges_share_the_host_that_runs() {
    let dir = tempfile::tempdir().unwrap();
    let host = Host::start(dir.path());
    let mut bridges = [Bridge::start(dir.path()), Bridge::start(dir.path())];
    for (number, bridge) in bridges.iter_mut().enumerate() {
        bridge.initialize();
        bridge.store(&format!("from bridge {number}"));
    }
    let status = host.status();
    let (instances, clients) = (status.instances, status.clients);
    assert_eq!(instances.len(), 1, "bridges open no store: {instances:?}");
    let mut transports = clients.iter().map(|client| client.transport);
    assert!(transports.any(|by| by == Transport::Stdio), "{clients:?}");
}

/// For a second the host knew the old tokens only, and refused those who came with the new ones.
#[test]
fn tokens_that_were_just_rotated_open_the_host_for_a_new_bridge_and_a_command() {
    let dir = tempfile::tempdir().unwrap();
    let _host = Host::start(dir.path());
    run_well(dir.path(), &["token", "--rotate"]);
    run_well(dir.path(), &["status"]);
    run_well(dir.path(), &["token", "--rotate"]);
    Bridge::start(dir.path()).initialize();
}

/// It said to try again in a moment.
#[cfg(unix)]
#[test]
fn a_store_that_others_may_enter_is_refused_with_the_line_that_closes_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = command(dir.path(), &["mcp"]);
    std::fs::set_permissions(dir.path(), PermissionsExt::from_mode(0o755)).unwrap();
    let mut bridge = Bridge::start_with(&mut command);
    bridge.send("tools/list", json!({}));
    let answer: Value = serde_json::from_str(&bridge.read()).unwrap();
    let said = answer["error"]["message"].as_str().unwrap();
    let line = format!("`chmod 700 {}`", dir.path().display());
    assert!(said.contains(&line), "{said}");
    assert!(!said.contains("in a moment"), "{said}");
    assert_eq!(answer["error"]["data"]["retryable"], false);
}

/// Memories of a person's two worktrees were of two projects, and one over HTTP of none.
#[test]
fn worktrees_share_a_project_and_a_folder_is_found_that_nobody_names() {
    let dir = tempfile::tempdir().unwrap();
    let host = Host::start(dir.path());
    let code = tempfile::tempdir().unwrap();
    let code = std::fs::canonicalize(code.path()).unwrap();
    let (main, linked) = (code.join("api"), code.join("api-fix"));
    let git_dir = main.join(".git/worktrees/fix");
    for folder in [&git_dir, &linked] {
        std::fs::create_dir_all(folder).unwrap();
    }
    std::fs::write(main.join(".git/HEAD"), "ref: refs/heads/main\n").unwrap();
    std::fs::write(git_dir.join("commondir"), "../..\n").unwrap();
    let points = format!("gitdir: {}\n", git_dir.display());
    std::fs::write(linked.join(".git"), points).unwrap();
    let mut said = command(dir.path(), &["mcp"]);
    let mut around = command(dir.path(), &["mcp"]);
    let bridges = [
        said.env("CLAUDE_PROJECT_DIR", main.join("")),
        around
            .env("CLAUDE_PROJECT_DIR", "${CLAUDE_PROJECT_DIR}")
            .current_dir(&linked),
    ];
    for (number, bridge) in bridges.into_iter().enumerate() {
        let mut bridge = Bridge::start_with(bridge);
        bridge.initialize();
        bridge.store(&format!("from worktree {number}"));
    }
    let memories = list(dir.path()).memories;
    assert_eq!(memories[0].project, memories[1].project, "{memories:?}");
    assert!(memories[1].project.ends_with("api"), "{memories:?}");
    let worktree = memories[0].metadata["worktree"].as_str();
    assert!(worktree.is_some_and(|worktree| worktree.ends_with("api-fix")));
    assert!(!memories[1].metadata.contains_key("worktree"));
    drop(host);
}

/// Hosts that end while bridges use them; elsewhere no signal asks them to.
#[cfg(unix)]
mod ended_hosts {
    use std::sync::atomic::{AtomicBool, Ordering};

    use rustix::process::Signal;

    use super::*;
    use crate::signals;
    use crate::support::{eventually, list, program, status};

    /// Ends the host that a bridge has started: it outlives the bridge on purpose.
    fn end_host(dir: &std::path::Path) {
        signal_next_host(dir, Signal::KILL, None);
    }

    /// Signals the host that answers, once another than `known` does, and returns its number.
    fn signal_next_host(dir: &std::path::Path, signal: Signal, known: Option<u32>) -> u32 {
        let mut next = None;
        eventually("a host answers", || {
            next = status(dir).map(|status| status.host.pid);
            next.is_some() && next != known
        });
        let pid = next.expect("it answered");
        assert!(signals::send(pid, signal));
        pid
    }

    #[test]
    fn the_bridge_starts_a_host_and_survives_its_death() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("settings.toml"), "port = 0\n").unwrap();
        let mut bridge = Bridge::start(dir.path());
        bridge.initialize();
        bridge.store("told before the host died");
        end_host(dir.path());
        // The bridge starts another host.
        bridge.store("told after the host died");
        let listed = list(dir.path());
        assert_eq!(listed.total, 2, "{listed:?}");
        assert_eq!(listed.memories[0].provenance.client, "bridge-test");
        // Closing stdin ends the bridge, not the host.
        drop(bridge.stdin.take());
        assert!(bridge.child.wait().unwrap().success());
        end_host(dir.path());
    }

    // It had the keys of the first client for as long as it ran, its time zone, and its folder, which could not be unmounted.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_host_that_a_bridge_starts_keeps_neither_keys_nor_folder_of_its_client() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("settings.toml"), "port = 0\n").unwrap();
        let folder = tempfile::tempdir().unwrap();
        let mut told = command(dir.path(), &["mcp"]);
        told.env("ANTHROPIC_API_KEY", "sk-none")
            .env("TZ", "Asia/Tokyo")
            .current_dir(folder.path());
        let mut bridge = Bridge::start_with(&mut told);
        bridge.initialize();
        bridge.store("a fact");
        let pid = status(dir.path()).unwrap().host.pid;
        let variables = std::fs::read(format!("/proc/{pid}/environ")).unwrap();
        let variables = String::from_utf8_lossy(&variables);
        let names: Vec<_> = variables
            .split('\0')
            .filter_map(|set| set.split_once('='))
            .collect();
        let has = |wanted: &str| names.iter().any(|(name, _)| *name == wanted);
        assert!(has("PATH"), "{variables}");
        assert!(!has("ANTHROPIC_API_KEY") && !has("TZ"), "{variables}");
        let works_in = std::fs::read_link(format!("/proc/{pid}/cwd")).unwrap();
        assert_eq!(works_in, std::fs::canonicalize(dir.path()).unwrap());
        end_host(dir.path());
    }

    /// Copies a program by another one: a file that we wrote ourselves cannot be started while a child of another test,
    /// forked meanwhile, has it open for writing.
    fn copy(from: &std::path::Path, to: &std::path::Path) {
        let copied = Command::new("cp").arg(from).arg(to).status();
        assert!(copied.unwrap().success());
    }

    #[test]
    fn after_an_update_the_bridge_starts_the_new_program() {
        // An update puts a new file in place of a running program; Linux then names the old one with "(deleted)" after it,
        // and a bridge that asked for its own path only when it needed a host could not start one.
        let dir = tempfile::tempdir().unwrap();
        let store = dir.path().join("store");
        std::fs::create_dir(&store).unwrap();
        crate::support::close(&store);
        std::fs::write(store.join("settings.toml"), "port = 0\n").unwrap();
        let installed = dir.path().join("commonplace");
        copy(&program(), &installed);
        let mut told = Command::new(&installed);
        told.arg("--data-dir").arg(&store).arg("mcp");
        let mut bridge = Bridge::start_with(&mut told);
        bridge.initialize();
        bridge.store("told to the old program");
        let update = dir.path().join("update");
        copy(&installed, &update);
        std::fs::rename(&update, &installed).unwrap();
        let old = signal_next_host(&store, Signal::TERM, None);
        eventually("the old host is gone", || {
            status(&store).is_none_or(|status| status.host.pid != old)
        });
        bridge.store("told to the new program");
        end_host(&store);
    }

    #[test]
    fn clients_behind_bridges_do_not_notice_that_a_host_is_told_to_stop() {
        const STORES: usize = 40;
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("settings.toml"), "port = 0\n").unwrap();
        let mut first = Bridge::start(dir.path());
        first.initialize();
        first.store("the host is there");
        let (told, progress) = std::sync::mpsc::channel();
        let is_enough = AtomicBool::new(false);
        let stored = std::thread::scope(|scope| {
            // They go on until both hosts are stopped: how far they get meanwhile depends on the machine.
            let clients = [0, 1, 2].map(|number| {
                let (told, dir, is_enough) = (told.clone(), dir.path(), &is_enough);
                scope.spawn(move || {
                    let mut bridge = Bridge::start(dir);
                    bridge.initialize();
                    let mut stored: u64 = 0;
                    while !is_enough.load(Ordering::Relaxed) {
                        bridge.store(&format!("told {number} {stored}"));
                        stored += 1;
                        told.send(()).unwrap();
                    }
                    stored
                })
            });
            let mut stopped = None;
            for _ in 0..2 {
                progress.iter().take(STORES).for_each(drop);
                // A second signal to the same host would end it at once.
                stopped = Some(signal_next_host(dir.path(), Signal::TERM, stopped));
            }
            progress.try_iter().for_each(drop);
            progress.iter().take(STORES).for_each(drop);
            is_enough.store(true, Ordering::Relaxed);
            clients
                .map(|client| client.join().unwrap())
                .iter()
                .sum::<u64>()
        });
        let listed = list(dir.path()).total;
        assert_eq!(listed, stored + 1, "each once");
        end_host(dir.path());
    }
}
