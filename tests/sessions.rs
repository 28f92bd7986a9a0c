//! Sessions of open pages and the hosts that come one after the other.

use std::path::Path;

use serde_json::Value;

use crate::support::{Host, command, eventually, http, run, stderr};

/// Starts a host on the port that an earlier one had.
fn start_on(dir: &Path, port: u16) -> Host {
    Host::start_command(dir, command(dir, &["serve", "--port", &port.to_string()]))
}

fn ask(port: u16, method: &str, path: &str, token: &str, body: &str) -> (u16, Value) {
    let headers = format!("Authorization: Bearer {token}\r\nContent-Type: application/json\r\n");
    let (code, text) =
        http(port, method, path, &headers, body.as_bytes()).expect("the host answers");
    (code, serde_json::from_str(&text).unwrap_or_default())
}

/// Opens the page of a host as a browser does, and returns the token of its session.
fn sign_in(host: &Host) -> String {
    let (_, opening) = ask(host.port, "POST", "/api/codes", &host.admin, "");
    let url = opening["url"].as_str().expect("an address").to_owned();
    let (_, code) = url.split_once("#code=").expect("a code in the fragment");
    let body = format!("{{\"code\":\"{code}\"}}");
    let (status, session) = ask(host.port, "POST", "/api/session", "", &body);
    assert_eq!(status, 200, "{session}");
    session["token"].as_str().expect("a token").to_owned()
}

fn status_for(host: &Host, session: &str) -> u16 {
    ask(host.port, "GET", "/api/health", session, "").0
}

#[test]
fn a_page_goes_on_with_the_host_after_a_killed_one() {
    let dir = tempfile::tempdir().unwrap();
    let mut host = Host::start(dir.path());
    let (session, ended) = (sign_in(&host), sign_in(&host));
    let (status, _) = ask(host.port, "DELETE", "/api/session", &ended, "");
    assert_eq!(status, 204);
    host.kill();
    let next = start_on(dir.path(), host.port);
    assert_eq!(status_for(&next, &session), 200);
    assert_eq!(status_for(&next, &ended), 401, "it was signed out");
    for file in std::fs::read_dir(dir.path().join("sessions")).unwrap() {
        let path = file.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(
            !text.contains(&session) && !text.contains(&next.admin),
            "{text}"
        );
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{}", path.display());
        }
    }
}

#[test]
fn new_tokens_end_the_sessions_of_a_host_that_is_not_there() {
    let dir = tempfile::tempdir().unwrap();
    let mut host = Host::start(dir.path());
    let session = sign_in(&host);
    host.kill();
    let rotated = run(dir.path(), &["token", "--rotate"]);
    assert!(rotated.status.success(), "{}", stderr(&rotated));
    let mut next = start_on(dir.path(), host.port);
    assert_eq!(status_for(&next, &session), 401);

    let session = sign_in(&next);
    run(dir.path(), &["token", "--rotate"]);
    eventually("the running host ends it too", || {
        status_for(&next, &session) == 401
    });
    next.kill();
    let last = start_on(dir.path(), host.port);
    assert_eq!(status_for(&last, &session), 401, "and it stays ended");
}

#[test]
fn two_hosts_of_a_store_keep_their_sessions_apart() {
    let dir = tempfile::tempdir().unwrap();
    let mut hosts = [Host::start(dir.path()), Host::start(dir.path())];
    let sessions = [sign_in(&hosts[0]), sign_in(&hosts[1])];
    assert_eq!(status_for(&hosts[1], &sessions[0]), 401);
    hosts.iter_mut().for_each(Host::kill);
    let next = [0, 1].map(|n| start_on(dir.path(), hosts[n].port));
    for (n, host) in next.iter().enumerate() {
        assert_eq!(status_for(host, &sessions[n]), 200);
        assert_eq!(status_for(host, &sessions[1 - n]), 401);
    }
}
