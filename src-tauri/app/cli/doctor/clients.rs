//! Whether what the configurations of clients say of this program leads to this store.

use std::path::Path;

use super::finding::{Finding, Fix, Verdict};
use crate::claude_code::SERVER;
use crate::client_files::change::Replacement;
use crate::client_files::entry::{Bridge, Entry, Way};
use crate::client_files::{ClientFile, Keeper, is_same_dir};
use crate::clients::Client;
use crate::system::store_dir::quoted;

const WHAT: &str = "client";

/// What our tokens begin with; other ones with 64 hexadecimal digits are those of the first versions.
const TOKEN_START: &str = "commonplace_";

/// What an entry is compared with.
pub(super) struct Expected<'a> {
    pub(super) store: &'a Path,
    /// The store that a program without options and variables uses.
    pub(super) default_store: Option<&'a Path>,
    /// Whether the store is the one that this person's commands use when none is named.
    pub(super) is_usual: bool,
    pub(super) agent: Option<&'a str>,
    pub(super) admin: Option<&'a str>,
    /// Ports that hosts of the store listen on, the oldest first.
    pub(super) running: &'a [u16],
    /// The port of the settings; 0 for any.
    pub(super) port: u16,
    /// How commands for the store begin.
    pub(super) command: &'a str,
    /// The path of this program.
    pub(super) program: Option<&'a str>,
    /// Says who listens on a port of this machine.
    pub(super) owner: &'a dyn Fn(u16) -> Option<String>,
    /// Says how much a store holds.
    pub(super) holds: &'a dyn Fn(&Path) -> Option<String>,
    /// Says whether a program is there.
    pub(super) is_there: &'a dyn Fn(&Path) -> bool,
}

impl Expected<'_> {
    /// Says whether a port is one that leads to this store, or would.
    fn has_port(&self, port: u16) -> bool {
        self.running.contains(&port) || self.port == port
    }

    /// Says whether an entry leads to a server of this machine that is ours, or that claims to be the memory.
    pub(super) fn is_ours(&self, entry: &Entry) -> bool {
        let is_here = |port| entry.name == SERVER || self.has_port(port);
        entry.way.local_port().is_some_and(is_here)
    }

    /// The port that a client should have: that of the settings if a host has it, else the one of the oldest host, or of
    /// the next one; None if nobody knows that.
    fn wanted_port(&self) -> Option<u16> {
        if self.running.contains(&self.port) {
            return Some(self.port);
        }
        let next = Some(self.port).filter(|port| *port != 0);
        self.running.first().copied().or(next)
    }

    /// Whoever asks about a store that he has named need not mean the one his clients use.
    fn weight(&self) -> Verdict {
        if self.is_usual {
            Verdict::Problem
        } else {
            Verdict::Note
        }
    }
}

/// Looks at one entry.
pub(super) fn look(expected: &Expected<'_>, file: &ClientFile, entry: &Entry) -> Vec<Finding> {
    let at = At {
        expected,
        file,
        entry,
    };
    if let Some(bridge) = entry.way.bridge() {
        return [at.program(&bridge), at.store(&bridge)]
            .into_iter()
            .flatten()
            .collect();
    }
    match (entry.way.local_port(), &entry.way) {
        (
            Some(port),
            Way::Http {
                url,
                authorization,
                has_other_token,
            },
        ) if expected.is_ours(entry) => {
            let header = authorization.as_deref();
            let led = at.port(port, url, header);
            let is_led_here = led.as_ref().is_some_and(|finding| finding.fix.is_some());
            let token = match has_other_token {
                true => None,
                false => at.token(port, header, is_led_here),
            };
            [led, token].into_iter().flatten().collect()
        }
        _ => Vec::new(),
    }
}

/// An entry and where it stands.
struct At<'a> {
    expected: &'a Expected<'a>,
    file: &'a ClientFile,
    entry: &'a Entry,
}

impl At<'_> {
    fn named(&self) -> String {
        let (client, path) = (self.file.title(), self.file.path.display());
        let project = self.entry.project.as_ref();
        let project = project
            .map(|project| format!(", for `{project}`"))
            .unwrap_or_default();
        format!(
            "{client}: the server `{}` in `{path}`{project}",
            self.entry.name
        )
    }

    fn finding(&self, verdict: Verdict, text: &str) -> Finding {
        Finding::new(WHAT, verdict, format!("{} {text}", self.named()))
    }

    /// Offers to put `to` in the place of `from`, if it is a problem and the file is kept by the person.
    fn fixed(&self, finding: Finding, from: &str, to: String, says: &'static str) -> Finding {
        // Whoever names a store must not turn his clients to it by the way.
        if self.file.keeper != Keeper::Person || finding.verdict != Verdict::Problem {
            return self.connected(finding);
        }
        let fix = Fix {
            path: self.file.path.clone(),
            format: self.file.format(),
            replacement: Replacement {
                from: from.to_owned(),
                to,
            },
            says,
        };
        let line = format!("{} doctor --fix", self.expected.command);
        Finding {
            fix: Some(fix),
            ..finding.repaired_by(line)
        }
    }

    /// Says how the client is connected anew, over the bridge, which needs neither token nor port.
    fn connected(&self, finding: Finding) -> Finding {
        let (command, path) = (self.expected.command, self.file.path.display());
        let name = &self.entry.name;
        let word = self.file.client.map_or("claude", Client::word);
        let connect = format!("{command} connect {word} --replace");
        finding.repaired_by(match &self.entry.project {
            // A second entry would stand beside it.
            _ if self.file.client.is_some() && name != SERVER => {
                format!("let `{name}` in `{path}` start the bridge: `{command} mcp`")
            }
            Some(project) => {
                let folder = quoted(Path::new(project));
                format!("(cd {folder} && claude mcp remove --scope local {name}); {connect}")
            }
            None => match self.file.keeper {
                Keeper::Person => connect,
                Keeper::Project => format!("claude mcp remove --scope project {name}; {connect}"),
                Keeper::Plugin => format!("{command} connect claude --plugin"),
            },
        })
    }

    fn token(&self, port: u16, header: Option<&str>, is_led_here: bool) -> Option<Finding> {
        let expected = self.expected;
        let agent = expected.agent?;
        let token = header.map(|header| header.trim_start_matches("Bearer ").trim());
        // Another server called `memory` has tokens of its own.
        let is_certain =
            expected.has_port(port) || token.is_some_and(|token| token.starts_with(TOKEN_START));
        let is_valid = token.is_some() && [Some(agent), expected.admin].contains(&token);
        if !is_certain || is_valid {
            return None;
        }
        let verdict = self.verdict(port);
        let Some(header) = header else {
            let text = "sends no token, so that it is refused with 401";
            return Some(self.connected(self.finding(verdict, text)));
        };
        let text = "has a token that is not the one of this store, so that it is refused with 401: it was rotated, or is another store's";
        let finding = self.finding(verdict, text);
        let is_strangers = !expected.running.contains(&port) && (expected.owner)(port).is_some();
        if is_strangers && !is_led_here {
            // The client would send it to whoever has the port.
            return Some(self.connected(finding));
        }
        let says = "the token of this store stands there now";
        Some(self.fixed(finding, header, format!("Bearer {agent}"), says))
    }

    /// A client that asks this very host is this store's, whatever the person has named.
    fn verdict(&self, port: u16) -> Verdict {
        if self.expected.running.contains(&port) {
            Verdict::Problem
        } else {
            self.expected.weight()
        }
    }

    fn port(&self, port: u16, url: &str, header: Option<&str>) -> Option<Finding> {
        let expected = self.expected;
        // That no host is running is said elsewhere.
        if expected.running.contains(&port)
            || (expected.running.is_empty() && expected.port == port)
        {
            return None;
        }
        let wanted = expected.wanted_port()?;
        let owner = (expected.owner)(port);
        let has_our_token = header.is_some_and(|header| header.contains(TOKEN_START));
        let is_certain = expected.port == port || has_our_token || owner.is_none();
        let verdict = match is_certain {
            true => expected.weight(),
            false => Verdict::Note,
        };
        let finding = self.finding(verdict, &leads_elsewhere(expected, port, wanted, owner));
        match with_port(url, wanted) {
            Some(address) if wanted == expected.port => {
                let says = "its address has the port of the host now";
                Some(self.fixed(finding, url, address, says))
            }
            // A port that was chosen for one start only would be wrong after the next one.
            _ => Some(self.connected(finding)),
        }
    }

    fn program(&self, bridge: &Bridge<'_>) -> Option<Finding> {
        let program = Path::new(bridge.program);
        if !program.is_absolute() || (self.expected.is_there)(program) {
            return None;
        }
        let text = format!("starts `{}`, which is not there any more", bridge.program);
        let finding = self.finding(self.expected.weight(), &text);
        Some(match self.expected.program {
            Some(own) => self.fixed(
                finding,
                bridge.program,
                own.to_owned(),
                "it starts this program now",
            ),
            None => self.connected(finding),
        })
    }

    fn store(&self, bridge: &Bridge<'_>) -> Option<Finding> {
        let expected = self.expected;
        let (dir, value) = match bridge.store() {
            Some(named) => named,
            None => (expected.default_store?.to_owned(), None),
        };
        if is_same_dir(&dir, expected.store) {
            return None;
        }
        let holds = (expected.holds)(&dir);
        let text = format!(
            "uses another store, `{}` ({}); this one is `{}`",
            dir.display(),
            holds.as_deref().unwrap_or("no memories"),
            expected.store.display()
        );
        let finding = self.finding(expected.weight(), &text);
        match value {
            // With memories there, only the person knows which store is the right one.
            Some(value) if holds.is_none() => {
                let own = expected.store.display().to_string();
                let to = value.replace(&dir.display().to_string(), &own);
                Some(self.fixed(finding, &value, to, "it uses this store now"))
            }
            _ => Some(self.connected(finding)),
        }
    }
}

fn leads_elsewhere(
    expected: &Expected<'_>,
    port: u16,
    wanted: u16,
    owner: Option<String>,
) -> String {
    let owner = owner.unwrap_or_else(|| "nobody".to_owned());
    let listens = match expected.running {
        [] => "would listen",
        _ => "listens",
    };
    format!(
        "leads to port {port}, where {owner} listens; the host of this store {listens} on port {wanted}"
    )
}

fn with_port(url: &str, port: u16) -> Option<String> {
    let mut url = reqwest::Url::parse(url).ok()?;
    url.set_port(Some(port)).ok()?;
    Some(url.to_string())
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::client_files::entry::entries;
    use crate::client_files::lenient::Format;

    const TOKEN: &str = "commonplace_new";

    fn file(keeper: Keeper) -> ClientFile {
        ClientFile {
            client: None,
            path: PathBuf::from("/h/.claude.json"),
            keeper,
        }
    }

    fn expected() -> Expected<'static> {
        Expected {
            store: Path::new("/store"),
            default_store: Some(Path::new("/store")),
            is_usual: true,
            agent: Some(TOKEN),
            admin: Some("commonplace_admin"),
            running: &[7311],
            port: 7311,
            command: "commonplace",
            program: Some("/bin/commonplace"),
            owner: &|_| None,
            holds: &|_| None,
            is_there: &|_| true,
        }
    }

    fn of(expected: &Expected<'_>, entry: &str, keeper: Keeper) -> Vec<Finding> {
        let text = format!("{{\"mcpServers\": {{\"memory\": {entry}}}}}");
        let entries = entries(&Format::Json.read(&text).unwrap());
        look(expected, &file(keeper), &entries[0])
    }

    fn http(port: u16, token: &str) -> String {
        format!(
            r#"{{"url": "http://127.0.0.1:{port}/mcp", "headers": {{"Authorization": "Bearer {token}"}}}}"#
        )
    }

    fn only(mut findings: Vec<Finding>) -> Finding {
        assert_eq!(findings.len(), 1, "{findings:?}");
        findings.remove(0)
    }

    #[test]
    fn an_entry_that_leads_here_is_no_finding() {
        for entry in [
            http(7311, TOKEN),
            http(7311, "commonplace_admin"),
            r#"{"url": "http://localhost:7311/mcp", "headersHelper": "x"}"#.to_owned(),
            r#"{"command": "/bin/commonplace", "args": ["--data-dir", "/store", "mcp"]}"#
                .to_owned(),
            r#"{"command": "commonplace", "args": ["mcp"]}"#.to_owned(),
            r#"{"command": "npx", "args": ["server-memory"]}"#.to_owned(),
        ] {
            let found = of(&expected(), &entry, Keeper::Person);
            assert!(found.is_empty(), "{entry}: {found:?}");
        }
    }

    #[test]
    fn a_rotated_token_is_found_is_replaced_and_is_never_shown() {
        let found = only(of(
            &expected(),
            &http(7311, "commonplace_old"),
            Keeper::Person,
        ));
        assert_eq!(found.verdict, Verdict::Problem);
        assert_eq!(found.repair.as_deref(), Some("commonplace doctor --fix"));
        let shown = format!("{found:?}");
        assert!(!shown.contains("commonplace_"), "{shown}");
        let replacement = found.fix.unwrap().replacement;
        assert_eq!(replacement.from, "Bearer commonplace_old");
        assert_eq!(replacement.to, "Bearer commonplace_new");
        let found = only(of(
            &expected(),
            r#"{"url": "http://127.0.0.1:7311/mcp"}"#,
            Keeper::Person,
        ));
        assert!(found.text.contains("sends no token"), "{found:?}");
        let repair = "commonplace connect claude --replace";
        assert_eq!(found.repair.as_deref(), Some(repair));
    }

    #[test]
    fn a_client_is_connected_anew_by_its_own_command() {
        let codex = ClientFile {
            client: Some(Client::Codex),
            ..file(Keeper::Person)
        };
        let text = r#"{"servers": {"memory": {"url": "http://127.0.0.1:7311/mcp"}}}"#;
        let entries = entries(&Format::Json.read(text).unwrap());
        let found = only(look(&expected(), &codex, &entries[0]));
        assert!(found.text.starts_with("Codex: "), "{found:?}");
        let repair = "commonplace connect codex --replace";
        assert_eq!(found.repair.as_deref(), Some(repair));
    }

    #[test]
    fn no_token_is_written_for_a_port_that_somebody_else_has() {
        let taken = Expected {
            running: &[],
            owner: &|_| Some("`python3` (pid 7)".to_owned()),
            ..expected()
        };
        let found = only(of(&taken, &http(7311, "commonplace_old"), Keeper::Person));
        assert!(found.fix.is_none(), "{found:?}");
        // Here the address is put right as well.
        let found = of(&taken, &http(7400, "commonplace_old"), Keeper::Person);
        assert!(found.iter().all(|found| found.fix.is_some()), "{found:?}");
    }

    #[cfg(unix)]
    #[test]
    fn the_plugin_is_written_as_a_whole() {
        let gone = Expected {
            is_there: &|_| false,
            ..expected()
        };
        let entry = r#"{"command": "/old/commonplace", "args": ["--data-dir", "/store", "mcp"]}"#;
        let found = only(of(&gone, entry, Keeper::Plugin));
        assert!(found.fix.is_none());
        let repair = "commonplace connect claude --plugin";
        assert_eq!(found.repair.as_deref(), Some(repair));
    }

    #[test]
    fn a_file_that_others_share_gets_no_token() {
        let found = only(of(
            &expected(),
            &http(7311, "commonplace_old"),
            Keeper::Project,
        ));
        assert!(found.fix.is_none());
        let repair = found.repair.unwrap();
        assert!(
            repair.starts_with("claude mcp remove --scope project memory"),
            "{repair}"
        );
    }

    #[test]
    fn a_port_that_has_changed_is_found_and_the_lasting_one_is_written() {
        let found = only(of(&expected(), &http(7400, TOKEN), Keeper::Person));
        assert!(
            found.text.contains("port 7400, where nobody listens"),
            "{found:?}"
        );
        assert_eq!(
            found.fix.unwrap().replacement.to,
            "http://127.0.0.1:7311/mcp"
        );
        // This port is for one start only.
        let passing = Expected {
            running: &[40123],
            ..expected()
        };
        let found = only(of(&passing, &http(7311, TOKEN), Keeper::Person));
        assert!(found.fix.is_none());
        assert!(found.repair.unwrap().contains("connect claude"));
        // No host runs, and it would listen where the entry leads.
        let stopped = Expected {
            running: &[],
            ..expected()
        };
        assert!(of(&stopped, &http(7311, TOKEN), Keeper::Person).is_empty());
    }

    #[test]
    fn another_server_with_the_same_name_is_not_taken_for_this_one() {
        let taken = Expected {
            owner: &|_| Some("`python` (pid 7)".to_owned()),
            ..expected()
        };
        let found = only(of(&taken, &http(8000, "somebody's"), Keeper::Person));
        assert_eq!(found.verdict, Verdict::Note);
        assert!(
            found.fix.is_none() && found.text.contains("`python`"),
            "{found:?}"
        );
    }

    #[test]
    fn another_store_is_named_with_what_it_holds_and_only_an_empty_one_is_left_by_itself() {
        let entry = r#"{"command": "commonplace", "args": ["--data-dir=/old", "mcp"]}"#;
        let found = only(of(&expected(), entry, Keeper::Person));
        assert!(found.text.contains("`/old` (no memories)"), "{found:?}");
        assert_eq!(found.fix.unwrap().replacement.to, "--data-dir=/store");
        let filled = Expected {
            holds: &|_| Some("12 memories".to_owned()),
            ..expected()
        };
        let entry = r#"{"command": "commonplace", "args": ["mcp"], "env": {"COMMONPLACE_DATA_DIR": "/old"}}"#;
        let found = only(of(&filled, entry, Keeper::Person));
        assert!(
            found.fix.is_none() && found.text.contains("12 memories"),
            "{found:?}"
        );
        let asked = Expected {
            is_usual: false,
            ..expected()
        };
        let found = only(of(&asked, entry, Keeper::Person));
        assert_eq!((found.verdict, found.fix.is_none()), (Verdict::Note, true));
    }

    #[cfg(unix)]
    #[test]
    fn a_program_that_is_gone_is_replaced_by_this_one() {
        let gone = Expected {
            is_there: &|_| false,
            ..expected()
        };
        let entry = r#"{"command": "/old/commonplace", "args": ["--data-dir", "/store", "mcp"]}"#;
        let found = only(of(&gone, entry, Keeper::Person));
        assert!(
            found
                .text
                .contains("`/old/commonplace`, which is not there"),
            "{found:?}"
        );
        assert_eq!(found.fix.unwrap().replacement.to, "/bin/commonplace");
    }
}
