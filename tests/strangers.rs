//! What other users of the machine can do: nothing. Real users, real processes, the real program.
//!
//! The owner of the store is root here, where tests run as root, unless a test says otherwise.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use commonplace_api::about::SessionRequest;
use commonplace_api::call;
use serde_json::json;

use crate::bridge::Bridge;
use crate::client::http;
use crate::other_user::{OtherUser, Running};
use crate::signals::{freeze, thaw};
use crate::support::{Host, close, command, eventually, program, run, stderr, unsteer};

/// Places that a host has for connections.
const PLACES: usize = 2_048;
/// What a person who waits does not notice.
const AT_ONCE: Duration = Duration::from_secs(1);

/// The command line of every process, as a user sees it.
const PROCESS_LIST: &str = "for f in /proc/[0-9]*/cmdline; do tr '\\0' ' ' < $f; echo; done 2>&1";

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// A directory with a program `name` in it that tells that it runs, and goes on until its directory is gone.
fn played(name: &str) -> tempfile::TempDir {
    let bin = tempfile::tempdir().unwrap();
    chmod(bin.path(), 0o755);
    let here = bin.path().display();
    let script = format!(
        "#!/bin/sh\ncase \"$2\" in get) exit 1;; esac\nprintf '%s ' \"$@\" > '{here}/new'\nmv '{here}/new' '{here}/told'\n\
         while test -e '{here}/told'; do sleep 0.02; done\n"
    );
    fs::write(bin.path().join(name), script).unwrap();
    chmod(&bin.path().join(name), 0o755);
    bin
}

/// Runs a command that starts the played program, and returns what the stranger reads in the list of processes meanwhile.
fn list_during(stranger: &OtherUser, store: &Path, arguments: &[&str], bin: &Path) -> String {
    let path = format!("{}:/usr/bin:/bin", bin.display());
    let mut told = command(store, arguments);
    let mut running = told
        .env("PATH", path)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    eventually("the played program runs", || bin.join("told").exists());
    let list = stranger.bash(PROCESS_LIST);
    fs::remove_file(bin.join("told")).unwrap();
    assert!(running.wait().unwrap().success(), "{arguments:?}");
    String::from_utf8_lossy(&list.stdout).into_owned()
}

fn the_page(store: &Path) -> PathBuf {
    let pages = fs::read_dir(store.join("opening")).unwrap();
    let pages: Vec<PathBuf> = pages.map(|page| page.unwrap().path()).collect();
    assert_eq!(pages.len(), 1, "{pages:?}");
    pages[0].clone()
}

fn code_in(text: &str) -> String {
    let (_, rest) = text.split_once("#code=").expect("there is a code");
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && !"-_".contains(c));
    rest[..end.unwrap_or(rest.len())].to_owned()
}

fn new_code(host: &Host) -> String {
    code_in(&host.ask(&call::page_address()).url)
}

fn redeem(port: u16, code: &str) -> u16 {
    let code = code.to_owned();
    let body = serde_json::to_vec(&SessionRequest { code }).unwrap();
    let headers = "Content-Type: application/json\r\n";
    let answer = http(port, "POST", "/api/session", headers, &body);
    answer.expect("the host answers").0
}

/// A script that sends the code as a stranger does, on a connection that is file 3.
fn redeeming(port: u16, code: &str) -> String {
    let body = format!("{{\"code\":\"{code}\"}}");
    format!(
        "exec 3<>/dev/tcp/127.0.0.1/{port} && printf 'POST /api/session HTTP/1.1\\r\\nHost: 127.0.0.1:{port}\\r\\n\
         Content-Type: application/json\\r\\nContent-Length: {}\\r\\nConnection: close\\r\\n\\r\\n{body}' >&3",
        body.len()
    )
}

/// How many connections the host has closed for a reason.
fn closed(host: &Host, reason: &str) -> u64 {
    let (_, page) = host.get("/metrics");
    let name = format!("http_refusals_total{{reason=\"{reason}\"}} ");
    let (_, rest) = page.split_once(&name).expect("the reason is counted");
    rest.lines().next().unwrap().parse().unwrap()
}

/// A host of this user, in a store of its own, and another user; None if this process may not make users.
fn host_and_stranger() -> Option<(OtherUser, tempfile::TempDir, Host)> {
    let stranger = OtherUser::make()?;
    let dir = tempfile::tempdir().unwrap();
    let host = Host::start(dir.path());
    Some((stranger, dir, host))
}

#[test]
fn another_user_who_reads_the_list_of_processes_finds_no_secret() {
    // `open` gave the address with its code to xdg-open, and `connect` the token to `claude mcp add`, as arguments: another
    // user redeemed the code, and read memories with the token.
    let Some((stranger, dir, host)) = host_and_stranger() else {
        return;
    };
    let bin = played("xdg-open");
    let list = list_during(&stranger, dir.path(), &["open"], bin.path());
    let page = the_page(dir.path());
    let (place, text) = (
        page.display().to_string(),
        fs::read_to_string(&page).unwrap(),
    );
    assert!(
        list.contains(&place),
        "the list has what the browser got: {list}"
    );
    let code = code_in(&text);
    assert!(!list.contains(&code) && !list.contains("#code"), "{list}");
    assert!(!stranger.bash(&format!("cat '{place}'")).status.success());

    let bin = played("claude");
    for way in [
        ["connect", "claude"].as_slice(),
        &["connect", "claude", "--http"],
    ] {
        let list = list_during(&stranger, dir.path(), way, bin.path());
        assert!(list.contains("claude mcp add"), "the list has it: {list}");
        for secret in [&host.agent, &host.admin] {
            assert!(!list.contains(secret.as_str()), "{way:?}: {list}");
        }
    }
    assert_eq!(
        redeem(host.port, &code),
        200,
        "the code on the page is valid"
    );
}

#[test]
fn a_code_opens_nothing_for_another_user_and_stays_good_for_its_own() {
    let Some((stranger, _dir, host)) = host_and_stranger() else {
        return;
    };
    let code = new_code(&host);
    let stolen = stranger.bash(&format!("{}; cat <&3", redeeming(host.port, &code)));
    assert_eq!(String::from_utf8_lossy(&stolen.stdout), "", "no answer");
    assert_eq!(closed(&host, "other_user"), 1);
    let with_token = format!(
        "exec 3<>/dev/tcp/127.0.0.1/{0} && printf 'GET /api/status HTTP/1.1\\r\\nHost: 127.0.0.1:{0}\\r\\n\
         Authorization: Bearer {1}\\r\\nConnection: close\\r\\n\\r\\n' >&3; cat <&3",
        host.port, host.admin
    );
    let read = stranger.bash(&with_token);
    assert_eq!(String::from_utf8_lossy(&read.stdout), "", "no answer");
    assert_eq!(redeem(host.port, &code), 200);
}

#[test]
fn who_closes_at_once_is_not_taken_for_root() {
    let Some((stranger, _dir, host)) = host_and_stranger() else {
        return;
    };
    let codes: Vec<String> = (0..10).map(|_| new_code(&host)).collect();
    // Of a socket that nobody has open any more, the kernel says that it is root's.
    let send: Vec<String> = codes
        .iter()
        .map(|code| format!("{}; exec 3>&-", redeeming(host.port, code)))
        .collect();
    assert!(freeze(host.pid));
    let sent = stranger.bash(&send.join("\n"));
    assert!(thaw(host.pid));
    assert!(sent.status.success(), "{}", stderr(&sent));
    eventually("all were closed", || {
        closed(&host, "other_user") + closed(&host, "unknown_user") == 10
    });
    for code in codes {
        assert_eq!(redeem(host.port, &code), 200, "nobody has used it up");
    }
}

/// A script that opens connections, asks for nothing, and goes on.
fn idling(port: u16, connections: usize) -> String {
    format!(
        "for ((i = 0; i < {connections}; i++)); do exec {{f}}<>/dev/tcp/127.0.0.1/{port} || exit 1; done; echo ready; read"
    )
}

/// Lets what is started have enough files open.
fn with_files(script: &str) -> String {
    format!("ulimit -n 4096 && {script}")
}

#[test]
fn as_many_idle_connections_of_another_user_as_there_are_places_keep_nobody_out() {
    // All users had the same places: 2,048 idle connections of another one made the owner wait for 58 to 98 s.
    let Some((stranger, dir, host)) = host_and_stranger() else {
        return;
    };
    let _idle = stranger.start(&with_files(&idling(host.port, PLACES)));
    let began = Instant::now();
    host.status();
    assert!(began.elapsed() < AT_ONCE, "{:?}", began.elapsed());
    eventually("all were closed", || {
        closed(&host, "other_user") == PLACES as u64
    });
    let log = eventually_logged(dir.path(), "other users of this machine");
    assert!(log.contains(&format!("user {}", stranger.id)), "{log}");
}

#[test]
fn a_program_of_the_same_user_with_idle_connections_keeps_nobody_out_and_is_named() {
    // Idle connections that never sent a request had their places for 100 s.
    let dir = tempfile::tempdir().unwrap();
    let host = Host::start(dir.path());
    let script = with_files(&idling(host.port, PLACES));
    let idle = Running::start(Command::new("bash").args(["-c", &script]));
    let began = Instant::now();
    // One that has just come is left alone for a quarter of a second.
    eventually("there is a place", || host.try_ask(&call::health()).is_ok());
    assert!(began.elapsed() < AT_ONCE, "{:?}", began.elapsed());
    assert!(closed(&host, "made_room") > 0);
    let log = eventually_logged(dir.path(), "closed to make room");
    assert!(log.contains(&format!("{}", idle.pid())), "{log}");
}

/// Waits for a line of the log, and returns it.
fn eventually_logged(store: &Path, text: &str) -> String {
    let mut found = None;
    eventually("it is logged", || {
        let logs = fs::read_dir(store.join("logs")).into_iter().flatten();
        let texts = logs.filter_map(|log| fs::read_to_string(log.ok()?.path()).ok());
        let lines: Vec<String> = texts
            .flat_map(|log| log.lines().map(str::to_owned).collect::<Vec<_>>())
            .collect();
        found = lines.into_iter().find(|line| line.contains(text));
        found.is_some()
    });
    found.expect("it was found")
}

#[test]
fn wrong_codes_do_not_lock_the_right_one_out() {
    // Ten wrong codes of anybody had every further one refused unseen for a minute.
    let dir = tempfile::tempdir().unwrap();
    let host = Host::start(dir.path());
    let code = new_code(&host);
    let wrong: Vec<u16> = (0..11).map(|_| redeem(host.port, "guess")).collect();
    assert_eq!(wrong, [&[401; 10][..], &[429]].concat());
    assert_eq!(redeem(host.port, &code), 200);
}

#[test]
fn a_store_that_others_may_enter_is_refused_with_the_command_that_mends_it() {
    // In a directory of mode 777 another user held `start.lock`, and no bridge could start a host.
    let dir = tempfile::tempdir().unwrap();
    let told = |arguments: &[&str]| {
        let mut command = Command::new(program());
        unsteer(&mut command);
        command.arg("--data-dir").arg(dir.path()).args(arguments);
        command
    };
    let mends = format!("chmod 700 {}", dir.path().display());
    for mode in [0o777, 0o755] {
        chmod(dir.path(), mode);
        for arguments in [
            ["serve", "--port", "0"].as_slice(),
            &["status"],
            &["token"],
            &["open"],
            &["store", "x"],
            &["list"],
            &["locks"],
            &["pause"],
            &["backup"],
            &["connect", "claude", "--print"],
            &["doctor"],
        ] {
            let output = told(arguments).output().unwrap();
            let said = format!(
                "{}{}",
                stderr(&output),
                String::from_utf8_lossy(&output.stdout)
            );
            assert_eq!(output.status.code(), Some(1), "{arguments:?}: {said}");
            assert!(said.contains(&mends), "{arguments:?}: {said}");
        }
        let mut bridge = Bridge::start_with(told(&["mcp"]).stderr(Stdio::null()));
        let answer = bridge.call("memory_store", json!({ "content": "x" }));
        let said = format!("{answer:?}");
        assert!(said.contains(&mends), "{said}");
        let left: Vec<_> = fs::read_dir(dir.path()).unwrap().collect();
        assert!(left.is_empty(), "nothing was made in it: {left:?}");
    }
    chmod(dir.path(), 0o700);
    assert!(told(&["store", "x"]).status().unwrap().success());
}

/// An ordinary user with a store of their own, and the program where every user can start it.
struct Owned {
    owner: OtherUser,
    dir: tempfile::TempDir,
    bin: tempfile::TempDir,
}

impl Owned {
    /// Makes the user and an empty store directory; None if this process may not make users.
    fn make() -> Option<Self> {
        let owner = OtherUser::make()?;
        let (dir, bin) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        close(dir.path());
        owner.own(dir.path());
        chmod(bin.path(), 0o755);
        fs::copy(program(), bin.path().join("commonplace")).unwrap();
        Some(Self { owner, dir, bin })
    }

    fn store(&self) -> String {
        self.dir.path().display().to_string()
    }

    /// A command on the store that its owner starts.
    fn command(&self, arguments: &[&str]) -> Command {
        let program = self.bin.path().join("commonplace").display().to_string();
        let store = self.store();
        let all = [&["--data-dir", &store], arguments].concat();
        self.owner.command(&program, &all)
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }
}

#[test]
fn a_store_that_root_touched_says_how_it_is_given_back() {
    let Some(owned) = Owned::make() else {
        return;
    };
    let (owner, dir, store) = (&owned.owner, &owned.dir, owned.store());
    assert!(owned.run(&["store", "mine"]).status.success());

    let by_root = run(dir.path(), &["list"]);
    assert_eq!(by_root.status.code(), Some(1));
    let said = stderr(&by_root);
    assert!(
        said.contains(&format!("belongs to user {}", owner.id)),
        "{said}"
    );

    let gives_back = format!("sudo chown -R {} {store}", owner.id);
    for touched in ["settings.toml", "locks/write.lock"] {
        let path = dir.path().join(touched);
        if !path.exists() {
            fs::write(&path, "").unwrap();
        }
        std::os::unix::fs::chown(&path, Some(0), None).unwrap();
        let refused = owned.run(&["list"]);
        let said = stderr(&refused);
        assert_eq!(refused.status.code(), Some(1), "{touched}: {said}");
        assert!(
            said.contains(touched) && said.contains(&gives_back),
            "{said}"
        );
        owner.own(dir.path());
    }
    std::os::unix::fs::chown(dir.path(), Some(0), None).unwrap();
    // Root's directory of mode 700 cannot even be looked into; the words are the same.
    let said = stderr(&owned.run(&["list"]));
    assert!(
        said.contains("belongs to root") && said.contains(&gives_back),
        "{said}"
    );
}

#[test]
fn an_ordinary_users_host_serves_that_user_and_root_and_nobody_else() {
    let (Some(owned), Some(stranger)) = (Owned::make(), OtherUser::make()) else {
        return;
    };
    let mut serve = owned.command(&["serve", "--port", "0"]);
    let host = Host::start_command(owned.dir.path(), {
        unsteer(&mut serve);
        serve
    });
    let ask = format!(
        "exec 3<>/dev/tcp/127.0.0.1/{0} && printf 'GET /api/health HTTP/1.1\\r\\nHost: 127.0.0.1:{0}\\r\\n\
         Authorization: Bearer {1}\\r\\nConnection: close\\r\\n\\r\\n' >&3; cat <&3",
        host.port, host.admin
    );
    let answer = |output: Output| String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(answer(owned.owner.bash(&ask)).starts_with("HTTP/1.1 200"));
    assert_eq!(answer(stranger.bash(&ask)), "");
    assert_eq!(host.status().host.pid, host.pid, "root is served");
}
