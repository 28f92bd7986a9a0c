//! What `doctor` finds in set-ups in which nothing works, the line that repairs each, and what `--fix` does by itself.

mod stores;

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde::Deserialize;
use serde_json::{Value, json};
use tempfile::TempDir;

#[cfg(target_os = "linux")]
use crate::other_user::OtherUser;
use crate::support::{Host, close, eventually, program, stderr, stdout, unsteer};

/// A person's home directory, with the usual store in it.
struct Home {
    dir: TempDir,
}

#[derive(Debug, Deserialize)]
struct Finding {
    what: String,
    verdict: String,
    text: String,
    repair: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Told {
    ok: bool,
    findings: Vec<Finding>,
}

impl Home {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let home = Self { dir };
        fs::create_dir_all(home.path("folder")).unwrap();
        // The usual port may be a developer's own host's.
        home.set_port(0);
        home
    }

    fn path(&self, name: &str) -> PathBuf {
        // Some systems reach the directory of temporary files by a link.
        self.dir.path().canonicalize().unwrap().join(name)
    }

    fn store(&self) -> PathBuf {
        if cfg!(target_os = "macos") {
            return self.path("Library/Application Support/commonplace");
        }
        self.path(".local/share/commonplace")
    }

    /// A command that a person starts here, with nothing from this environment but the search path.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(program());
        self.unsteer(&mut command);
        command.args(arguments);
        command
    }

    fn unsteer(&self, command: &mut Command) {
        unsteer(command);
        for name in [
            "XDG_DATA_HOME",
            "XDG_CONFIG_HOME",
            "CLAUDE_CONFIG_DIR",
            "CODEX_HOME",
            "SNAP_REAL_HOME",
            "SNAP_USER_DATA",
            "SNAP_USER_COMMON",
            "HTTP_PROXY",
            "http_proxy",
            "HTTPS_PROXY",
            "https_proxy",
            "ALL_PROXY",
            "all_proxy",
        ] {
            command.env_remove(name);
        }
        command
            .env("HOME", self.path("folder").parent().unwrap())
            .current_dir(self.path("folder"))
            .stdin(Stdio::null());
        // Without the clients of the developer.
        command.env("PATH", "/usr/bin:/bin");
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    #[track_caller]
    fn run_well(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(
            output.status.success(),
            "{arguments:?}: {}{}",
            stdout(&output),
            stderr(&output)
        );
        stdout(&output)
    }

    /// Starts a host on a free port, which the settings name from then on.
    fn host(&self) -> Host {
        let serve = self.command(&["serve", "--port", "0"]);
        let host = Host::start_command(&self.store(), serve);
        self.set_port(host.port);
        host
    }

    fn set_port(&self, port: u16) {
        fs::create_dir_all(self.store()).unwrap();
        close(&self.store());
        fs::write(
            self.store().join("settings.toml"),
            format!("port = {port}\n"),
        )
        .unwrap();
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    /// Writes what Claude Code keeps of its servers, with one in it.
    fn claude(&self, entry: &Value) -> PathBuf {
        let text = json!({ "numStartups": 3, "mcpServers": { "memory": entry } });
        self.write(
            ".claude.json",
            &serde_json::to_string_pretty(&text).unwrap(),
        )
    }

    #[track_caller]
    fn doctor(&self, arguments: &[&str]) -> Told {
        let output = self.run(&[&["--json", "doctor"], arguments].concat());
        told(&output)
    }

    /// The only finding about `what` that is a problem, after a look that must not say "no problem found".
    #[track_caller]
    fn problem(&self, what: &str) -> Finding {
        self.doctor(&[]).problem(what)
    }

    /// Lets `doctor` repair it, and looks again.
    #[track_caller]
    fn fix(&self, what: &str) -> Finding {
        let fixed = self.doctor(&["--fix"]);
        assert!(fixed.ok, "{fixed:?}");
        let again = self.doctor(&[]);
        assert!(again.ok, "{again:?}");
        let mut found = fixed.findings.into_iter();
        found
            .find(|finding| finding.what == what && finding.verdict == "fixed")
            .unwrap()
    }

    /// Files beside `path` that keep what it was.
    fn kept(&self, path: &Path) -> Vec<PathBuf> {
        let entries = fs::read_dir(path.parent().unwrap()).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path());
        paths
            .filter(|path| path.to_string_lossy().contains(".before-commonplace-"))
            .collect()
    }
}

impl Told {
    #[track_caller]
    fn problem(self, what: &str) -> Finding {
        assert!(!self.ok, "{self:?}");
        let said = format!("{self:?}");
        let mut found = self.findings.into_iter();
        let found = found.find(|finding| finding.what == what && finding.verdict == "problem");
        found.unwrap_or_else(|| panic!("no problem with {what}: {said}"))
    }
}

#[track_caller]
fn told(output: &Output) -> Told {
    let mut told: Told = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}{}", stdout(output), stderr(output)));
    assert_eq!(output.status.success(), told.ok, "{told:?}");
    // The store of the developer is found by the home directory in the table of users.
    told.findings
        .retain(|finding| finding.what != "stores" || finding.text.contains("/snap/"));
    told.ok = told
        .findings
        .iter()
        .all(|finding| finding.verdict != "problem");
    told
}

fn http(port: u16, token: &str) -> Value {
    let url = format!("http://127.0.0.1:{port}/mcp");
    json!({ "type": "http", "url": url, "headers": { "Authorization": format!("Bearer {token}") } })
}

#[track_caller]
fn says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "`{part}` is missing: {text}");
    }
}

#[test]
fn a_proxy_without_an_exception_is_found_and_our_own_programs_do_not_ask_it() {
    let home = Home::new();
    let host = home.host();
    home.claude(&http(host.port, &host.agent));
    assert!(home.doctor(&[]).ok);
    let under_proxy = |arguments: &[&str], no_proxy: &str| {
        let mut command = home.command(arguments);
        // Nobody listens there.
        command
            .env("HTTP_PROXY", "http://me:secret@127.0.0.1:9")
            .env("ALL_PROXY", "http://127.0.0.1:9");
        command.env("NO_PROXY", no_proxy).output().unwrap()
    };
    let output = under_proxy(&["--json", "doctor"], "example.org");
    let looked = told(&output);
    assert!(!stdout(&output).contains("secret"));
    let asked = looked
        .findings
        .iter()
        .find(|finding| finding.what == "mcp")
        .unwrap();
    assert_eq!(asked.verdict, "ok", "{asked:?}");
    let found = looked.problem("proxy");
    says(
        &found.text,
        &[
            "HTTP_PROXY",
            "NO_PROXY does not have 127.0.0.1",
            "Claude Code",
        ],
    );
    says(
        &found.repair.unwrap(),
        &["export NO_PROXY=", "127.0.0.1,localhost"],
    );
    assert!(under_proxy(&["status"], "").status.success());
    assert!(told(&under_proxy(&["--json", "doctor"], "localhost,127.0.0.1")).ok);
}

#[test]
fn a_rotated_token_in_a_clients_file_is_found_and_replaced() {
    let home = Home::new();
    let host = home.host();
    let path = home.claude(&http(host.port, &host.agent));
    let codex = format!(
        "# mine\nmodel = \"x\"\n\n[mcp_servers.memory]\nurl = \"http://127.0.0.1:{}/mcp\"\nhttp_headers = {{ Authorization = \"Bearer {}\" }}\n",
        host.port, host.agent
    );
    let codex_path = home.write(".codex/config.toml", &codex);
    home.run_well(&["token", "--rotate"]);
    eventually("the host uses the new tokens", || {
        home.run(&["status"]).status.success()
    });
    let found = home.problem("client");
    says(
        &found.text,
        &[
            "Claude Code",
            "`memory`",
            ".claude.json",
            "not the one of this store",
        ],
    );
    assert_eq!(found.repair.as_deref(), Some("commonplace doctor --fix"));
    let before = fs::read_to_string(&path).unwrap();
    let fixed = home.fix("client");
    says(
        &fixed.text,
        &[
            "the token of this store stands there now",
            "before-commonplace-",
        ],
    );
    let new = fs::read_to_string(home.store().join("agent.token")).unwrap();
    for (path, before) in [(&path, before), (&codex_path, codex)] {
        let wanted = before.replace(&host.agent, new.trim());
        assert_eq!(fs::read_to_string(path).unwrap(), wanted, "all else stays");
        let kept = home.kept(path);
        assert_eq!(fs::read_to_string(&kept[0]).unwrap(), before);
    }
    let said = home.run_well(&["doctor"]);
    assert!(
        !said.contains(new.trim()) && !said.contains(&host.agent),
        "no token is printed"
    );
}

#[test]
fn a_port_that_has_changed_is_found_and_replaced() {
    let home = Home::new();
    let host = home.host();
    let old = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let text = format!(
        "{{\n  // mine\n  \"mcpServers\": {{ \"memory\": {{ \"httpUrl\": \"http://127.0.0.1:{old}/mcp\", \"headers\": {{ \"Authorization\": \"Bearer {}\" }} }} }},\n}}\n",
        host.agent
    );
    let path = home.write(".gemini/settings.json", &text);
    let found = home.problem("client");
    let (leads, listens) = (format!("port {old}"), format!("on port {}", host.port));
    says(&found.text, &["Gemini CLI", &leads, &listens]);
    assert_eq!(found.repair.as_deref(), Some("commonplace doctor --fix"));
    home.fix("client");
    let wanted = text.replace(&old.to_string(), &host.port.to_string());
    assert_eq!(fs::read_to_string(path).unwrap(), wanted);
}

#[test]
fn another_store_and_a_program_that_is_gone_are_found_in_a_clients_configuration() {
    let home = Home::new();
    let _host = home.host();
    let (old, gone) = (home.path("old store"), home.path("old/commonplace"));
    let path = home.claude(&json!({ "command": gone, "args": ["--data-dir", old, "mcp"] }));
    let looked = home.doctor(&[]);
    let texts: Vec<&str> = looked
        .findings
        .iter()
        .map(|finding| finding.text.as_str())
        .collect();
    says(
        &texts.join("\n"),
        &[
            "old/commonplace`, which is not there any more",
            "old store` (no memories)",
        ],
    );
    home.fix("client");
    let written: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    assert_eq!(
        written["mcpServers"]["memory"]["args"][1],
        json!(home.store())
    );
    assert_eq!(written["mcpServers"]["memory"]["command"], json!(program()));
    // With memories in the other one, only the person knows which is right.
    home.run_well(&["--data-dir", &old.display().to_string(), "store", "a fact"]);
    home.claude(
        &json!({ "command": program(), "args": ["mcp"], "env": { "COMMONPLACE_DATA_DIR": old } }),
    );
    let found = home.problem("client");
    says(&found.text, &["another store", "old store` (1 memory)"]);
    assert_eq!(
        found.repair.as_deref(),
        Some("commonplace connect claude --replace")
    );
    assert!(!home.doctor(&["--fix"]).ok);
}

#[test]
fn a_port_of_somebody_else_is_found_and_who_has_it() {
    let home = Home::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    home.set_port(taken.local_addr().unwrap().port());
    home.run_well(&["store", "a fact"]);
    let found = home.problem("port");
    says(&found.text, &["is taken by", "cannot start"]);
    if cfg!(target_os = "linux") {
        says(&found.text, &[&format!("(pid {})", std::process::id())]);
    }
    let repair = found.repair.unwrap();
    let (_, free) = repair.split_once("settings set port ").unwrap();
    let free: String = free.chars().take_while(char::is_ascii_digit).collect();
    home.run_well(&["settings", "set", "port", &free]);
    assert!(home.doctor(&[]).ok);
}

/// The same home directory, but of an ordinary user, who has a copy of the program.
#[cfg(target_os = "linux")]
struct Ordinary {
    home: Home,
    user: OtherUser,
    bin: TempDir,
}

#[cfg(target_os = "linux")]
impl Ordinary {
    /// Gives a home to a new user; None where that cannot be done.
    fn make(home: Home) -> Option<Self> {
        let user = OtherUser::make()?;
        let bin = tempfile::tempdir().unwrap();
        set_mode(bin.path(), 0o755);
        // A copy by another program: see `bridge.rs`.
        let copied = Command::new("cp")
            .arg(program())
            .arg(bin.path().join("commonplace"))
            .status();
        assert!(copied.unwrap().success());
        user.own(home.dir.path());
        Some(Self { home, user, bin })
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let program = self.bin.path().join("commonplace").display().to_string();
        let mut command = self.user.command(&program, arguments);
        self.home.unsteer(&mut command);
        command.output().unwrap()
    }

    fn doctor(&self) -> Told {
        told(&self.run(&["--json", "doctor"]))
    }
}

#[cfg(target_os = "linux")]
fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
}

#[cfg(target_os = "linux")]
#[test]
fn a_port_of_another_user_is_found_with_that_user() {
    // Only root can make another user, so this is root's.
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let home = Home::new();
    home.set_port(taken.local_addr().unwrap().port());
    let Some(ordinary) = Ordinary::make(home) else {
        return;
    };
    let found = ordinary.doctor().problem("port");
    says(
        &found.text,
        &["is taken by a program of another user (`root`, 0)"],
    );
    says(&found.repair.unwrap(), &["commonplace settings set port "]);
}

#[test]
fn a_host_of_an_older_program_is_found_with_the_way_to_restart_it() {
    let home = Home::new();
    let host = home.host();
    let records = home.store().join("locks/instances");
    let record = fs::read_dir(&records)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut record = record.filter(|path| path.extension().is_some_and(|end| end == "json"));
    let path = record.next().unwrap();
    let mut written: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    written["version"] = json!("0.0.9");
    fs::write(&path, written.to_string()).unwrap();
    let found = home.problem("version");
    says(
        &found.text,
        &[
            &format!("pid {}", host.pid),
            "version 0.0.9, older than this program",
        ],
    );
    says(
        &found.repair.unwrap(),
        &[&host.pid.to_string(), "commonplace serve"],
    );
}

#[cfg(target_os = "linux")]
#[test]
fn a_store_of_another_user_is_found_with_who_has_it_and_how_it_is_given_back() {
    let home = Home::new();
    home.run_well(&["store", "a fact"]);
    let Some(ordinary) = Ordinary::make(home) else {
        return;
    };
    let (home, user) = (&ordinary.home, &ordinary.user);
    assert!(ordinary.doctor().ok);
    let is_given_back_by = |closed: &str| {
        std::os::unix::fs::chown(home.path(closed), Some(0), Some(0)).unwrap();
        let gives_back = format!("sudo chown -R {} {}", user.id, home.path(closed).display());
        let found = ordinary.doctor().problem("store");
        says(&found.text, &["belongs to root", &gives_back]);
        let opened = ordinary.run(&["list"]);
        assert!(!opened.status.success());
        says(&stderr(&opened), &["belongs to root", &gives_back]);
        user.own(home.dir.path());
    };
    // Root ran `serve` once; or made a directory above the store, which then cannot be reached or made.
    is_given_back_by(".local/share/commonplace");
    set_mode(&home.path(".local/share"), 0o700);
    is_given_back_by(".local/share");
    fs::remove_dir_all(home.store()).unwrap();
    set_mode(&home.path(".local/share"), 0o755);
    is_given_back_by(".local/share");
}

#[test]
fn a_low_limit_of_open_files_is_found_with_the_line_that_raises_it() {
    let home = Home::new();
    home.run_well(&["store", "a fact"]);
    let mut limited = Command::new("sh");
    home.unsteer(&mut limited);
    let limited = limited
        .args(["-c", "ulimit -n 256; exec \"$0\" --json doctor"])
        .arg(program());
    let found = told(&limited.output().unwrap()).problem("files");
    says(&found.text, &["256 files", "hard limit"]);
    says(&found.repair.unwrap(), &["sudo ", "4096"]);
}

#[test]
fn the_program_of_a_healthy_home_finds_nothing() {
    let home = Home::new();
    let host = home.host();
    home.claude(&json!({ "command": program(), "args": ["--data-dir", home.store(), "mcp"] }));
    home.write(
        ".cursor/mcp.json",
        &json!({ "mcpServers": { "memory": http(host.port, &host.agent) } }).to_string(),
    );
    home.write(".qwen/settings.json", "{ no JSON");
    let looked = home.doctor(&[]);
    assert!(looked.ok, "{looked:?}");
    let unread = looked
        .findings
        .iter()
        .find(|finding| finding.text.contains("Qwen Code"));
    assert_eq!(unread.unwrap().verdict, "note");
    assert!(
        home.kept(&home.path(".cursor/mcp.json")).is_empty(),
        "nothing was changed"
    );
}
