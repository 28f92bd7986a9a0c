//! WebKit's own driver, which starts the app and looks into the page of its window.
//!
//! `tauri-driver` would only pass requests on to it: here one HTTP request is enough for each step.

use std::net::TcpListener;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::desktop::{Desktop, Process, missing, until};
use crate::client::http;
use crate::support::{program, unsteer};

/// A driver with one session: the app that it started.
pub(super) struct Driver {
    port: u16,
    session: String,
    _process: Process,
}

impl Driver {
    /// Starts the driver, and the app through it; returns when the app's window has its page.
    pub(super) fn start(desktop: &Desktop, arguments: &[&str]) -> Self {
        // The driver does not say which port it took, so it is given one that was free a moment ago.
        let port = TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .unwrap()
            .port();
        let mut command = Command::new("WebKitWebDriver");
        command.arg(format!("--port={port}"));
        unsteer(&mut command);
        desktop.settle_in(&mut command);
        // What Tauri wants before it lets a driver in.
        command.env("TAURI_WEBVIEW_AUTOMATION", "true");
        let silent = || Stdio::null();
        command.stdin(silent()).stdout(silent()).stderr(silent());
        let process = command
            .spawn()
            .map_or_else(|error| missing(&command, &error), Process);
        until("the driver listens", || {
            http(port, "GET", "/status", "", b"").ok()
        });
        let mut driver = Self {
            port,
            session: String::new(),
            _process: process,
        };
        let options = json!({ "binary": program(), "args": arguments });
        let wanted = json!({ "alwaysMatch": { "webkitgtk:browserOptions": options } });
        let session = driver.send("POST", "/session", &json!({ "capabilities": wanted }));
        session["sessionId"]
            .as_str()
            .unwrap()
            .clone_into(&mut driver.session);
        driver
    }

    /// Returns the title of the page.
    pub(super) fn title(&self) -> String {
        let title = self.get("title");
        title.as_str().unwrap().to_owned()
    }

    /// Returns the address of the page.
    pub(super) fn url(&self) -> String {
        let url = self.get("url");
        url.as_str().unwrap().to_owned()
    }

    /// Returns the text of an element of the page, as it is rendered; empty if it is not shown.
    pub(super) fn text(&self, selector: &str) -> String {
        let find = json!({ "using": "css selector", "value": selector });
        let element = self.send("POST", &self.path("element"), &find);
        let mut names = element.as_object().unwrap().values();
        let element = names.next().unwrap().as_str().unwrap();
        let text = self.get(&format!("element/{element}/text"));
        text.as_str().unwrap().to_owned()
    }

    /// Runs a script in the page and returns what it handed to its last argument.
    pub(super) fn run(&self, script: &str) -> Value {
        let script = json!({ "script": script, "args": [] });
        self.send("POST", &self.path("execute/async"), &script)
    }

    fn get(&self, what: &str) -> Value {
        self.send("GET", &self.path(what), &Value::Null)
    }

    fn path(&self, what: &str) -> String {
        format!("/session/{}/{what}", self.session)
    }

    fn send(&self, method: &str, path: &str, body: &Value) -> Value {
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let kind = "Content-Type: application/json\r\n";
        let answer = http(self.port, method, path, kind, body.as_bytes());
        let (code, text) = answer.unwrap_or_else(|error| panic!("{method} {path}: {error}"));
        assert_eq!(code, 200, "{method} {path}: {text}");
        let mut answer: Value = serde_json::from_str(&text).unwrap();
        answer["value"].take()
    }
}
