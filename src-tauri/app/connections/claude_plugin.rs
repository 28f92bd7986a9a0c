//! The plugin of Claude Code: where it lies, whether it is switched on, and how it goes without a trace.

use std::path::{Path, PathBuf};

use super::configured::forget_plugin;
use super::error::ConnectError;
use super::machine::Machine;
use crate::clients::{self, Entry, Places};
use crate::plugin::{self, NAME};
use crate::system::files;

/// What Claude Code calls the plugins of that folder.
const SOURCE: &str = "skills-dir";

/// Where the plugin lies: in the configuration of Claude Code.
pub(crate) fn folder(places: &Places) -> PathBuf {
    places.claude_dir().join("skills").join(NAME)
}

/// How Claude Code names it.
pub(crate) fn id() -> String {
    format!("{NAME}@{SOURCE}")
}

/// What its server starts; None if it is not there or cannot be read.
pub(super) fn entry(machine: &Machine) -> Result<Entry, ConnectError> {
    let dir = folder(&machine.places);
    if !plugin::is_ours(&dir)? {
        return Ok(Entry::None);
    }
    let read = |path: &Path| files::read(path).map_err(ConnectError::io("read", path));
    let servers = read(&dir.join(".mcp.json"))?.unwrap_or_default();
    let found = clients::server(&servers).ok().flatten();
    let entry = found.map_or(Entry::None, |found| clients::judged(&found, &machine.own));
    let settings = read(&machine.places.claude_dir().join("settings.json"))?;
    let is_off = settings.is_some_and(|settings| clients::is_switched_off(&settings, &id()));
    Ok(match entry {
        Entry::Same if is_off => Entry::SwitchedOff,
        entry => entry,
    })
}

/// Removes the plugin if it is there; None if not. The text says what could not be looked at.
pub(crate) fn take_out(machine: &Machine) -> Result<Option<Result<(), String>>, ConnectError> {
    let dir = folder(&machine.places);
    if !plugin::is_ours(&dir)? {
        return Ok(None);
    }
    plugin::remove(&dir)?;
    let config = machine.places.claude_dir();
    // Settings keep the name of a plugin that was switched on or off, and would keep it for good.
    let forgotten = forget_plugin(&config.join("settings.json"), &id())?;
    let data = format!("{NAME}-{SOURCE}");
    let made_for_it = [
        config.join("skills"),
        config.join("plugins").join("data").join(data),
    ];
    for empty in made_for_it {
        // Only if nothing is in it.
        let _ = std::fs::remove_dir(empty);
    }
    Ok(Some(forgotten))
}
