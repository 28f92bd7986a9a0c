//! The plugin for Claude Code, installed and removed.
//!
//! Claude Code loads a plugin that lies in the folder `skills` of its configuration by itself. So it is one folder: nothing
//! is copied elsewhere or noted in other files, and removing it leaves nothing.

use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use serde::Deserialize;
use serde_json::json;

use super::{CommandError, Connect, Context, is_confirmed, output};
use crate::connections::claude_plugin::{folder, id, take_out};
use crate::connections::{Machine, Program};
use crate::plugin;

/// Installs the plugin, or brings one that is there up to date.
pub(super) fn install(
    context: &Context,
    machine: &Machine,
    connect: &Connect,
) -> Result<ExitCode, CommandError> {
    let dir = folder(&machine.places);
    let text = what_it_does(&dir);
    if connect.print {
        output::result(context.json, &json!({ "dir": dir, "does": text }), &text);
        return Ok(ExitCode::SUCCESS);
    }
    if !connect.yes && !plugin::is_ours(&dir)? {
        output::note(&text);
        if !is_confirmed("Install it?")? {
            output::note("nothing was changed");
            return Ok(ExitCode::FAILURE);
        }
    }
    let is_changed = plugin::write(&dir, &machine.own)?;
    let state = State::ask(machine);
    let value = json!({ "done": true, "dir": dir, "changed": is_changed, "loaded": state == Some(State::On) });
    let done = if is_changed {
        "installed"
    } else {
        "was installed already"
    };
    let text = format!(
        "the plugin {done} in `{}`; {}",
        dir.display(),
        State::told(state)
    );
    output::result(context.json, &value, &text);
    Ok(ExitCode::SUCCESS)
}

/// Removes the plugin.
pub(super) fn remove(
    context: &Context,
    machine: &Machine,
    is_only_printed: bool,
) -> Result<ExitCode, CommandError> {
    let dir = folder(&machine.places);
    let is_there = plugin::is_ours(&dir)?;
    let text = match (is_there, is_only_printed) {
        (false, _) => "Claude Code has no plugin of this program".to_owned(),
        (true, true) => format!("would remove the plugin `{}`", dir.display()),
        (true, false) => {
            if let Some(Err(note)) = take_out(machine)? {
                output::note(&note);
            }
            format!("removed the plugin `{}`", dir.display())
        }
    };
    let is_done = is_there && !is_only_printed;
    output::result(context.json, &json!({ "done": is_done, "dir": dir }), &text);
    Ok(ExitCode::SUCCESS)
}

fn what_it_does(dir: &Path) -> String {
    format!(
        "The plugin lies in `{}` and holds for all projects of this user. In each session of Claude Code it\n\
         - serves the tools of the memory over the bridge,\n\
         - begins with the decisions in force and the open ends of the project (hook SessionStart),\n\
         - adds notes that fit well to a prompt, each once (hook UserPromptSubmit),\n\
         - stores lines that begin with `Decision:`, `Todo:` or `Remember:` (hooks PreCompact, SessionEnd),\n\
         - says when to store what (skill `remember`).\n\
         `claude plugin disable {}` switches it off, `commonplace connect claude --remove` removes it.",
        dir.display(),
        id()
    )
}

/// What Claude Code says of the plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    On,
    Off,
    /// This version loads no plugins from that folder.
    Unknown,
}

#[derive(Deserialize)]
struct Installed {
    id: String,
    #[serde(default)]
    enabled: bool,
}

impl State {
    /// Asks Claude Code; None if it is not there or does not tell.
    fn ask(machine: &Machine) -> Option<Self> {
        let mut asked = Command::new(machine.program(Program::Claude)?);
        asked
            .args(["plugin", "list", "--json"])
            .stdin(Stdio::null());
        let said = asked.output().ok().filter(|said| said.status.success())?;
        Self::read(&said.stdout)
    }

    fn read(said: &[u8]) -> Option<Self> {
        let listed: Vec<Installed> = serde_json::from_slice(said).ok()?;
        let own = listed.iter().find(|plugin| plugin.id == id());
        Some(own.map_or(Self::Unknown, |own| {
            if own.enabled { Self::On } else { Self::Off }
        }))
    }

    fn told(state: Option<Self>) -> String {
        match state {
            Some(Self::On) => "Claude Code loads it with the next session".to_owned(),
            Some(Self::Off) => format!(
                "it is switched off in Claude Code: `claude plugin enable {}` switches it on",
                id()
            ),
            Some(Self::Unknown) => "this version of Claude Code does not load it from there: update Claude Code, or \
                `commonplace plugin DIR` writes it for `claude plugin install`"
                .to_owned(),
            None => "Claude Code (`claude`) was not found on the PATH or did not say whether it loads it".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_claude_code_says_of_the_plugin_is_understood() {
        let said = |enabled: bool| {
            format!(
                r#"[{{"id":"other@builtin","enabled":true}},{{"id":"commonplace@skills-dir","version":"0.1.0","enabled":{enabled}}}]"#
            )
        };
        assert_eq!(State::read(said(true).as_bytes()), Some(State::On));
        assert_eq!(State::read(said(false).as_bytes()), Some(State::Off));
        assert_eq!(State::read(b"[]"), Some(State::Unknown));
        assert_eq!(State::read(b"no JSON"), None);
    }
}
