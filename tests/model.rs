//! `model get` and `model status`, and a host that was started without a model.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Stdio};

use commonplace_api::status::ModelStatus;
use serde_json::{Value, json};

use crate::support::{HANG, Host, command, eventually, run, run_json, stderr, stdout};

/// Where the files are that the tests have; `cargo xtask model` puts them there.
fn model() -> PathBuf {
    std::env::var_os("COMMONPLACE_MODEL_DIR").map_or_else(
        || {
            PathBuf::from(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/target/models/all-MiniLM-L6-v2"
            ))
        },
        PathBuf::from,
    )
}

#[test]
fn a_running_host_takes_a_model_into_use_that_arrives_later() {
    let dir = tempfile::tempdir().unwrap();
    let host = Host::start(dir.path());
    host.client().store("the cat sleeps on the sofa").unwrap();
    let before = run(dir.path(), &["model", "status"]);
    assert_eq!(before.status.code(), Some(1));
    assert!(
        stdout(&before).contains("commonplace model get"),
        "{}",
        stdout(&before)
    );
    let model = model();
    let get = ["model", "get", "--from", model.to_str().unwrap()];
    let got: Value = run_json(dir.path(), &get);
    assert_eq!(got["brought"].as_array().map(Vec::len), Some(3), "{got:#}");
    let status: Value = run_json(dir.path(), &["model", "status"]);
    assert_eq!(status["is_intact"], true, "{status:#}");
    eventually("the host has the model and has indexed", || {
        let index = host.status().index;
        index.model == ModelStatus::Ready && index.backlog == 0
    });
    let query = json!({ "query": "where is the pet", "mode": "semantic" });
    let answer = host.client().call("memory_search", query).unwrap();
    assert!(answer.text.contains("the cat sleeps"), "{}", answer.text);
    let again: Value = run_json(dir.path(), &get);
    assert_eq!(
        again["brought"],
        json!([]),
        "nothing is to be done: {again:#}"
    );
}

/// A command under way; killed when dropped.
struct UnderWay(Child);

impl UnderWay {
    /// Kills it as `kill -9` does.
    fn kill(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Waits for a connection, but not for ever: the program may have ended without one.
fn accept(listener: &TcpListener) -> TcpStream {
    listener.set_nonblocking(true).unwrap();
    let mut accepted = None;
    eventually("a connection comes", || {
        accepted = listener.accept().ok();
        accepted.is_some()
    });
    let (stream, _) = accepted.unwrap();
    // Some systems pass the mode on.
    stream.set_nonblocking(false).unwrap();
    stream.set_read_timeout(Some(HANG)).unwrap();
    stream.set_write_timeout(Some(HANG)).unwrap();
    stream
}

/// Answers one request with the file that it names, from the byte that it asks for; returns that byte.
fn serve_one(stream: &TcpStream, send_max: usize) -> usize {
    let mut lines = BufReader::new(stream).lines().map(Result::unwrap);
    let first = lines.next().unwrap();
    let name = first.split(' ').nth(1).unwrap().rsplit('/').next().unwrap();
    let content = std::fs::read(model().join(name)).unwrap();
    let headers: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
    let range = headers.iter().find_map(|line| {
        let line = line.to_lowercase();
        line.strip_prefix("range: bytes=")?
            .strip_suffix('-')?
            .parse()
            .ok()
    });
    let (start, total) = (range.unwrap_or(0), content.len());
    let head = match range {
        Some(start) => format!(
            "206 Partial Content\r\nContent-Range: bytes {start}-{}/{total}",
            total - 1
        ),
        None => "200 OK".to_owned(),
    };
    let rest = &content[start..];
    let head = format!(
        "HTTP/1.1 {head}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        rest.len()
    );
    let mut stream = stream;
    // A client that was killed reads no more.
    let sent = stream.write_all(head.as_bytes());
    drop(sent.and_then(|()| stream.write_all(&rest[..rest.len().min(send_max)])));
    start
}

#[test]
fn a_download_that_was_killed_goes_on_where_it_stopped() {
    const FIRST: usize = 1_000_000;
    let dir = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let get = || {
        let mut command = command(dir.path(), &["model", "get"]);
        command.env("HF_ENDPOINT", &endpoint);
        command
    };
    let mut killed = UnderWay(get().stderr(Stdio::null()).spawn().unwrap());
    let stream = accept(&listener);
    assert_eq!(serve_one(&stream, FIRST), 0, "nothing was there before");
    let part = dir
        .path()
        .join("models/all-MiniLM-L6-v2/model.safetensors.part");
    let has = || part.metadata().map_or(0, |metadata| metadata.len());
    eventually("what was sent is in the file", || has() == FIRST as u64);
    killed.kill();
    assert_eq!(has(), FIRST as u64, "what came is kept");
    let serving = std::thread::spawn(move || {
        let files = 0..3;
        let starts = files.map(|_| serve_one(&accept(&listener), usize::MAX));
        starts.collect::<Vec<_>>()
    });
    let went_on = get().output().unwrap();
    assert!(went_on.status.success(), "{}", stderr(&went_on));
    assert_eq!(
        serving.join().unwrap(),
        [FIRST, 0, 0],
        "only the rest was asked for"
    );
    let status: Value = run_json(dir.path(), &["model", "status"]);
    assert_eq!(status["is_intact"], true, "{status:#}");
}

#[test]
fn without_a_network_the_command_says_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    // Port 1 is never given out, and nobody listens there.
    let output = command(dir.path(), &["model", "get"])
        .env("HF_ENDPOINT", "http://127.0.0.1:1")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = stderr(&output);
    for part in [
        "could not fetch http://127.0.0.1:1/",
        "HTTPS_PROXY",
        "model get --from PATH",
    ] {
        assert!(said.contains(part), "no {part}: {said}");
    }
}

#[test]
fn while_one_command_fetches_another_is_refused_and_says_where() {
    let dir = tempfile::tempdir().unwrap();
    let target = dir.path().join("models/all-MiniLM-L6-v2");
    let first = run(dir.path(), &["model", "get", "--from", "/does/not/exist"]);
    assert_eq!(first.status.code(), Some(1), "{}", stderr(&first));
    let lock = std::fs::File::open(target.join("get.lock")).unwrap();
    lock.try_lock()
        .expect("it is free when its command is over");
    let second = run(dir.path(), &["model", "get", "--from", "/does/not/exist"]);
    let said = stderr(&second);
    assert_eq!(second.status.code(), Some(3), "{said}");
    for part in [
        "another `commonplace model get` is at work",
        &target.display().to_string(),
    ] {
        assert!(said.contains(part), "no {part}: {said}");
    }
}

/// Runs `model get` with this endpoint, and without a network.
fn get_at(endpoint: &str) -> std::process::Output {
    let dir = tempfile::tempdir().unwrap();
    let mut command = command(dir.path(), &["model", "get"]);
    for proxy in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
        command.env(proxy, "http://127.0.0.1:1");
    }
    command.env_remove("NO_PROXY").env_remove("no_proxy");
    command.env("HF_ENDPOINT", endpoint).output().unwrap()
}

#[test]
fn an_endpoint_that_is_set_to_nothing_is_hugging_face() {
    let output = get_at("");
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("could not fetch https://huggingface.co/"),
        "{said}"
    );
}

#[test]
fn an_endpoint_that_is_no_address_is_a_usage_error() {
    let output = get_at("me:secret@mirror.example");
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("`mirror.example`"), "{said}");
}

#[test]
fn the_password_of_an_endpoint_is_never_printed() {
    let endpoint = "http://me:secret@127.0.0.1:1";
    let fetched = get_at(endpoint);
    let dir = tempfile::tempdir().unwrap();
    let help = command(dir.path(), &["model", "get", "--help"])
        .env("HF_ENDPOINT", endpoint)
        .output()
        .unwrap();
    assert!(help.status.success() && stdout(&help).contains("HF_ENDPOINT"));
    for output in [fetched, help, get_at("me:secret@mirror.example")] {
        let said = stdout(&output) + &stderr(&output);
        assert!(!said.contains("secret"), "{said}");
    }
}
