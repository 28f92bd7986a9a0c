//! Claude Code as a client: an entry that its own command adds and removes, and that is read in its configuration.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::Change;
use super::claude_plugin;
use super::claude_scopes;
use super::configured::was_connected;
use super::error::ConnectError;
use super::machine::Machine;
use super::program::Program;
use crate::claude_code::{SERVER, http_arguments, shell_line, stdio_arguments, token_helper};
use crate::clients::{self, EditError, Entry};
use crate::system::{files, platform};

/// How Claude Code comes to the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// Its entry starts a bridge.
    Bridge,
    /// Its entry names the address of a host.
    Http,
    /// The plugin starts a bridge.
    Plugin,
}

/// What the configuration of Claude Code says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) entry: Entry,
    pub(crate) way: Way,
}

impl Found {
    /// Whether the user's own configuration has it. A scope of a project may have one besides, which is not ours to change.
    fn is_in_file(self) -> bool {
        self.way != Way::Plugin && self.entry != Entry::None
    }
}

/// The file in which Claude Code keeps the entries of a user.
pub(super) fn file(machine: &Machine) -> PathBuf {
    let places = &machine.places;
    let dir = places.claude.as_ref().unwrap_or(&places.home);
    dir.join(".claude.json")
}

/// Reads what Claude Code uses: its own entry goes before that of the plugin, as it does there.
pub(super) fn entry(machine: &Machine) -> Result<Found, ConnectError> {
    let found = clients::server(&text(machine)?);
    let found = found.map_err(|error| unreadable(machine, &error))?;
    if let Some(found) = found {
        return Ok(judged(machine, &found));
    }
    Ok(Found {
        entry: claude_plugin::entry(machine)?,
        way: Way::Plugin,
    })
}

fn text(machine: &Machine) -> Result<String, ConnectError> {
    let path = file(machine);
    let text = files::read(&path).map_err(ConnectError::io("read", &path))?;
    Ok(text.unwrap_or_default())
}

fn judged(machine: &Machine, found: &Value) -> Found {
    let Some(helper) = clients::token_command(found) else {
        return Found {
            entry: clients::judged(found, &machine.own),
            way: Way::Bridge,
        };
    };
    let dir = machine.data_dir.path().display().to_string();
    let entry = match helper {
        _ if helper == token_helper(&machine.own) => Entry::Same,
        _ if !helper.ends_with(" token --header") => Entry::Foreign,
        _ if helper.contains(&dir) => Entry::OtherProgram,
        _ => Entry::OtherStore,
    };
    let way = Way::Http;
    Found { entry, way }
}

/// The other store that the user's entry leads to; None if it leads to none.
fn other_store(machine: &Machine, found: Found) -> Result<Option<String>, ConnectError> {
    if !found.is_in_file() || found.entry != Entry::OtherStore {
        return Ok(None);
    }
    let server = clients::server(&text(machine)?).ok().flatten();
    Ok(Some(
        server
            .and_then(|server| clients::store_of(&server))
            .unwrap_or_default(),
    ))
}

fn unreadable(machine: &Machine, error: &EditError) -> ConnectError {
    let path = file(machine);
    ConnectError::ByHand {
        reason: format!(
            "`{}` cannot be read: {error}; when Claude Code reads it again, this adds the entry",
            path.display()
        ),
        lines: line(machine, None),
    }
}

/// The command that adds the entry, for a shell. No token is among its arguments: every user of the machine can read the
/// arguments of a program.
pub(crate) fn line(machine: &Machine, http: Option<&str>) -> String {
    shell_line(&arguments(machine, http))
}

/// The command that removes the entry, for a shell.
pub(crate) fn removing_line() -> String {
    shell_line(&remove_arguments())
}

/// Adds the entry with Claude Code's own command: a bridge, or HTTP to an address.
pub(crate) fn connect(
    machine: &Machine,
    http: Option<&str>,
    replaces: bool,
) -> Result<Change, ConnectError> {
    let line = line(machine, http);
    let Some(program) = machine.program(Program::Claude) else {
        return Err(ConnectError::NoClaude { line });
    };
    let wanted = http.map_or(Way::Bridge, |_| Way::Http);
    let found = entry(machine)?;
    let elsewhere = claude_scopes::note(machine, &text(machine)?);
    match (found.entry, found.way) {
        (Entry::Same, way) if way == wanted && !replaces => {
            let text = format!("Claude Code uses this store already; {CHECK}{elsewhere}");
            return Ok(change(false, text));
        }
        // Another way to the same store is what somebody has chosen.
        (Entry::Same | Entry::Foreign, Way::Bridge | Way::Http) if !replaces => {
            let reason = format!(
                "Claude Code already has a server called `{SERVER}` in `{}`: `{} connect claude --replace` replaces it; \
                 nothing was changed",
                file(machine).display(),
                machine.command()
            );
            let lines = String::new();
            return Err(ConnectError::ByHand { reason, lines });
        }
        _ => {}
    }
    let before = was_connected(other_store(machine, found)?.as_deref());
    if found.is_in_file() {
        claude(&program, &remove_arguments())?;
    }
    claude(&program, &arguments(machine, http))?;
    let text = format!(
        "Claude Code uses this store as `{SERVER}`{before}; {CHECK}, `commonplace connect claude --remove` removes it{elsewhere}"
    );
    Ok(change(true, text))
}

const CHECK: &str = "`claude mcp list` shows it";

/// Removes the entry and the plugin, and says which of both was there; an entry for another store stays unless that is
/// wanted too.
pub(crate) fn remove(machine: &Machine, removes_other: bool) -> Result<Change, ConnectError> {
    let found = entry(machine)?;
    let has_entry = found.is_in_file();
    if has_entry && found.entry == Entry::Foreign {
        return Err(ConnectError::ByHand {
            reason: format!(
                "the server `{SERVER}` in `{}` is none of this program; nothing was changed",
                file(machine).display()
            ),
            lines: String::new(),
        });
    }
    if has_entry
        && !removes_other
        && let Some(store) = other_store(machine, found)?
    {
        let other = machine.removing_other(Program::Claude.word(), &store);
        let reason = format!("Claude Code {other}; nothing was changed");
        let lines = String::new();
        return Err(ConnectError::ByHand { reason, lines });
    }
    let program = machine.program(Program::Claude);
    let plugin = claude_plugin::take_out(machine)?;
    match program {
        Some(program) if has_entry => claude(&program, &remove_arguments())?,
        None if has_entry => {
            let line = shell_line(&remove_arguments());
            return Err(ConnectError::NoClaude { line });
        }
        _ => {}
    }
    let text = match (has_entry, plugin.is_some()) {
        (true, true) => format!("Claude Code no longer has the server `{SERVER}` and the plugin"),
        (true, false) => format!("Claude Code no longer has a server called `{SERVER}`"),
        (false, true) => "Claude Code no longer has the plugin".to_owned(),
        (false, false) => {
            format!("Claude Code has no server called `{SERVER}` for all projects, and no plugin")
        }
    };
    let note = match &plugin {
        Some(Err(note)) => format!("; {note}"),
        _ => String::new(),
    };
    Ok(change(has_entry || plugin.is_some(), text + &note))
}

fn change(is_done: bool, text: String) -> Change {
    Change {
        is_done,
        text,
        file: None,
        backup: None,
    }
}

fn arguments(machine: &Machine, http: Option<&str>) -> Vec<String> {
    match http {
        None => stdio_arguments(&machine.own),
        Some(url) => http_arguments(&machine.own, url),
    }
}

fn remove_arguments() -> Vec<String> {
    ["mcp", "remove", "--scope", "user", SERVER]
        .map(str::to_owned)
        .to_vec()
}

fn claude(program: &PathBuf, arguments: &[String]) -> Result<(), ConnectError> {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null());
    // No window, where programs have one.
    platform::detach(&mut command);
    let done = command
        .output()
        .map_err(|error| ConnectError::Claude(format!("could not start `claude`: {error}")))?;
    if done.status.success() {
        return Ok(());
    }
    let said = if done.stderr.is_empty() {
        &done.stdout
    } else {
        &done.stderr
    };
    Err(ConnectError::Claude(format!(
        "`claude mcp` failed ({}): {}",
        done.status,
        String::from_utf8_lossy(said).trim()
    )))
}
