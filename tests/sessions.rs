//! Sessions of open pages and the hosts that come one after the other.

use std::path::Path;

use commonplace_api::about::{Session, SessionRequest};
use commonplace_api::call;

use crate::client::{bearer, http};
use crate::support::{Host, command, eventually, run_well};

/// Starts a host on the port that an earlier one had.
fn start_on(dir: &Path, port: u16) -> Host {
    Host::start_command(dir, command(dir, &["serve", "--port", &port.to_string()]))
}

fn ask(host: &Host, method: &str, path: &str, session: &str, body: &[u8]) -> (u16, String) {
    let headers = bearer(session) + "Content-Type: application/json\r\n";
    http(host.port, method, path, &headers, body).expect("the host answers")
}

/// Opens the page of a host as a browser does, and returns the token of its session.
fn sign_in(host: &Host) -> String {
    let opening = host.ask(&call::page_address());
    let (_, code) = opening.url.split_once("#code=").expect("a code");
    let code = code.to_owned();
    let body = serde_json::to_vec(&SessionRequest { code }).unwrap();
    let (status, session) = ask(host, "POST", "/api/session", "", &body);
    assert_eq!(status, 200, "{session}");
    serde_json::from_str::<Session>(&session).unwrap().token
}

fn status_for(host: &Host, session: &str) -> u16 {
    ask(host, "GET", "/api/health", session, b"").0
}

#[test]
fn a_page_goes_on_with_the_host_after_a_killed_one() {
    let dir = tempfile::tempdir().unwrap();
    let mut host = Host::start(dir.path());
    let (session, ended) = (sign_in(&host), sign_in(&host));
    let (status, _) = ask(&host, "DELETE", "/api/session", &ended, b"");
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
    run_well(dir.path(), &["token", "--rotate"]);
    let mut next = start_on(dir.path(), host.port);
    assert_eq!(status_for(&next, &session), 401);

    let session = sign_in(&next);
    run_well(dir.path(), &["token", "--rotate"]);
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
