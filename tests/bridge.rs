//! The stdio bridge with a real host behind it.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

use crate::support::{Host, command};

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
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
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
    pub(crate) fn send(&mut self, method: &str, params: Value) {
        self.last_id += 1;
        let message =
            json!({ "jsonrpc": "2.0", "id": self.last_id, "method": method, "params": params });
        writeln!(self.stdin.as_mut().unwrap(), "{message}").unwrap();
    }

    /// Sends a request and returns its answer.
    pub(crate) fn ask(&mut self, method: &str, params: Value) -> Value {
        self.send(method, params);
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        let answer: Value =
            serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert_eq!(answer["id"], self.last_id, "{answer}");
        answer
    }

    pub(crate) fn initialize(&mut self) {
        let params = json!({ "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "bridge-test", "version": "1" } });
        let answer = self.ask("initialize", params);
        assert_eq!(answer["result"]["serverInfo"]["name"], "memory", "{answer}");
        let initialized = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
        writeln!(self.stdin.as_mut().unwrap(), "{initialized}").unwrap();
    }

    pub(crate) fn store(&mut self, text: &str) -> Value {
        self.ask(
            "tools/call",
            json!({ "name": "memory_store", "arguments": { "content": text } }),
        )
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        drop(self.stdin.take());
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

pub(crate) fn is_stored(answer: &Value) -> bool {
    answer["result"]["content"][0]["text"]
        .as_str()
        .is_some_and(|text| text.contains("hash: "))
}

#[test]
fn two_bridges_share_the_host_that_runs() {
    let dir = tempfile::tempdir().unwrap();
    let host = Host::start(dir.path());
    let mut bridges = [Bridge::start(dir.path()), Bridge::start(dir.path())];
    for (number, bridge) in bridges.iter_mut().enumerate() {
        bridge.initialize();
        assert!(is_stored(&bridge.store(&format!("from bridge {number}"))));
    }
    let status = host.status();
    assert_eq!(
        status["instances"].as_array().unwrap().len(),
        1,
        "bridges open no store: {}",
        status["instances"]
    );
    assert!(
        status["clients"]
            .as_array()
            .unwrap()
            .iter()
            .any(|client| client["transport"] == "stdio"),
        "{}",
        status["clients"]
    );
}

/// Hosts that end while bridges use them; elsewhere no signal asks them to.
#[cfg(unix)]
mod ended_hosts {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use crate::support::{eventually, program, run_json};

    /// Ends the host that a bridge has started: it outlives the bridge on purpose.
    fn end_host(dir: &std::path::Path) {
        signal_next_host(dir, "-9", None);
    }

    /// Signals the host that answers, once another than `known` does, and returns its number.
    fn signal_next_host(dir: &std::path::Path, signal: &str, known: Option<u64>) -> u64 {
        let mut next = None;
        eventually("a host answers", || {
            next = run_json(dir, &["status"])["host"]["pid"].as_u64();
            next.is_some() && next != known
        });
        let pid = next.expect("it answered");
        let sent = std::process::Command::new("kill")
            .args([signal, &pid.to_string()])
            .status();
        assert!(sent.unwrap().success());
        pid
    }

    #[test]
    fn the_bridge_starts_a_host_and_survives_its_death() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("settings.toml"), "port = 0\n").unwrap();
        let mut bridge = Bridge::start(dir.path());
        bridge.initialize();
        assert!(is_stored(&bridge.store("told before the host died")));
        end_host(dir.path());
        let answer = bridge.store("told after the host died");
        assert!(
            is_stored(&answer),
            "the bridge started another host: {answer}"
        );
        let listed = run_json(dir.path(), &["list"]);
        assert_eq!(listed["total"], 2, "{listed}");
        assert_eq!(listed["memories"][0]["provenance"]["client"], "bridge-test");
        // Closing stdin ends the bridge, not the host.
        drop(bridge.stdin.take());
        assert!(bridge.child.wait().unwrap().success());
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
        assert!(is_stored(&bridge.store("told to the old program")));
        let update = dir.path().join("update");
        copy(&installed, &update);
        std::fs::rename(&update, &installed).unwrap();
        let old = signal_next_host(&store, "-TERM", None);
        eventually("the old host is gone", || {
            run_json(&store, &["status"])["host"]["pid"] != old
        });
        let answer = bridge.store("told to the new program");
        assert!(is_stored(&answer), "{answer}");
        end_host(&store);
    }

    #[test]
    fn clients_behind_bridges_do_not_notice_that_a_host_is_told_to_stop() {
        const STORES: usize = 40;
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("settings.toml"), "port = 0\n").unwrap();
        let mut first = Bridge::start(dir.path());
        first.initialize();
        assert!(is_stored(&first.store("the host is there")));
        let (told, progress) = std::sync::mpsc::channel();
        let is_enough = AtomicBool::new(false);
        let stored = std::thread::scope(|scope| {
            // They go on until both hosts are stopped: how far they get meanwhile depends on the machine.
            let clients = [0, 1, 2].map(|number| {
                let (told, dir, is_enough) = (told.clone(), dir.path(), &is_enough);
                scope.spawn(move || {
                    let mut bridge = Bridge::start(dir);
                    bridge.initialize();
                    let mut stored = 0;
                    while !is_enough.load(Ordering::Relaxed) {
                        let answer = bridge.store(&format!("told {number} {stored}"));
                        assert!(is_stored(&answer), "{number} {stored}: {answer}");
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
                stopped = Some(signal_next_host(dir.path(), "-TERM", stopped));
            }
            progress.try_iter().for_each(drop);
            progress.iter().take(STORES).for_each(drop);
            is_enough.store(true, Ordering::Relaxed);
            clients
                .map(|client| client.join().unwrap())
                .iter()
                .sum::<usize>()
        });
        let listed = run_json(dir.path(), &["list"]);
        assert_eq!(listed["total"], stored + 1, "each once: {listed}");
        end_host(dir.path());
    }
}
