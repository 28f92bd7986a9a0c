//! Clients that are connected by an entry in their configuration: it is added, replaced and removed there, with a backup.

use std::fs;
use std::path::{Path, PathBuf};

use super::Change;
use super::error::ConnectError;
use super::machine::Machine;
use crate::claude_code::SERVER;
use crate::clients::{self, Client, EditError, Entry};
use crate::system::files;

/// A change of a configuration that can be looked at before it is made.
pub(crate) struct Plan {
    file: Configuration,
    /// The text afterwards; None if it is so already.
    after: Option<String>,
    /// Whether nothing is left then, so that the file goes.
    leaves_nothing: bool,
    text: String,
}

/// What the configuration of a client says.
pub(super) fn entry(machine: &Machine, client: Client) -> Result<Entry, ConnectError> {
    let file = Configuration::of(machine, client)?;
    let unreadable = |error| ConnectError::ByHand {
        reason: format!("`{}` cannot be read: {error}", file.path.display()),
        lines: client.lines(&machine.own),
    };
    client.state(&file.text, &machine.own).map_err(unreadable)
}

/// Plans to add the entry; one of somebody else stays unless it is to be replaced.
pub(crate) fn connect(
    machine: &Machine,
    client: Client,
    replaces: bool,
) -> Result<Plan, ConnectError> {
    let file = Configuration::of(machine, client)?;
    let own = &machine.own;
    let lines = || client.lines(own);
    let by_hand = |error| file.refused(&error, "add this by hand", lines());
    let (title, word) = (client.title(), client.word());
    let words = own.words(&["mcp"]);
    if client.replaces_variables()
        && let Some(word) = words.iter().find(|word| word.contains('$'))
    {
        let reason = format!(
            "{title} puts variables of the environment in the place of `$NAME`, so that `{word}` may lead elsewhere, and has no way to \
             write a plain `$`: it can use a program and a store without `$` in their paths only; nothing was changed"
        );
        let lines = String::new();
        return Err(ConnectError::ByHand { reason, lines });
    }
    let state = client.state(&file.text, own).map_err(by_hand)?;
    match state {
        Entry::Same => {
            let text = format!("{title} uses this store already; {}", client.check());
            return Ok(Plan::nothing(file, text));
        }
        Entry::SwitchedOff => {
            let text = format!(
                "{title} has this store as `{SERVER}` already, but it is switched off in `{}`: switch it on there; nothing was \
                 changed",
                file.path.display()
            );
            return Ok(Plan::nothing(file, text));
        }
        Entry::Foreign if !replaces => {
            let reason = format!(
                "{title} has another server called `{SERVER}` in `{}`: `{} connect {word} --replace` replaces it, or add this under \
                 another name; nothing was changed",
                file.path.display(),
                machine.command()
            );
            let lines = lines();
            return Err(ConnectError::ByHand { reason, lines });
        }
        _ => {}
    }
    let after = client.with_entry(&file.text, own).map_err(by_hand)?;
    let is_off = client.state(&after, own) == Ok(Entry::SwitchedOff);
    let off = match is_off {
        true => "; it is switched off there, which was left so",
        false => "",
    };
    let before = client.store(&file.text);
    let before = before.filter(|_| state == Entry::OtherStore);
    let text = format!(
        "{title} uses this store as `{SERVER}`{}; {}, `commonplace connect {word} --remove` removes it{off}",
        was_connected(before.as_deref()),
        client.check()
    );
    Ok(Plan {
        file,
        after: Some(after),
        leaves_nothing: false,
        text,
    })
}

/// Says which store a client used before, if it was another one.
pub(super) fn was_connected(store: Option<&str>) -> String {
    let said = store.map(|store| format!(" and was connected to `{store}` before"));
    said.unwrap_or_default()
}

/// Plans to take the entry out; one for another store stays unless that is wanted too.
pub(crate) fn remove(
    machine: &Machine,
    client: Client,
    removes_other: bool,
) -> Result<Plan, ConnectError> {
    let file = Configuration::of(machine, client)?;
    let instead = format!("remove the entry `{SERVER}` by hand");
    let by_hand = |error| file.refused(&error, &instead, String::new());
    let title = client.title();
    match client.state(&file.text, &machine.own).map_err(by_hand)? {
        Entry::None => {
            let text = format!("{title} has no server called `{SERVER}`");
            return Ok(Plan::nothing(file, text));
        }
        Entry::Foreign => {
            let reason = format!(
                "the server `{SERVER}` in `{}` is none of this program; nothing was changed",
                file.path.display()
            );
            let lines = String::new();
            return Err(ConnectError::ByHand { reason, lines });
        }
        Entry::OtherStore if !removes_other => {
            let store = client.store(&file.text).unwrap_or_default();
            let other = machine.removing_other(client.word(), &store);
            let reason = format!("{title} {other}; nothing was changed");
            let lines = String::new();
            return Err(ConnectError::ByHand { reason, lines });
        }
        _ => {}
    }
    let after = client.without_entry(&file.text).map_err(by_hand)?;
    Ok(Plan {
        leaves_nothing: client.is_empty(&after),
        after: Some(after),
        text: format!("{title} no longer has a server called `{SERVER}`"),
        file,
    })
}

/// Takes the name of a plugin out of the settings of Claude Code, if it is there and they can be read. Err says why they
/// were not looked at.
pub(super) fn forget_plugin(path: &Path, id: &str) -> Result<Result<(), String>, ConnectError> {
    let Some(file) = Configuration::read(path)? else {
        return Ok(Ok(()));
    };
    match clients::without_plugin(&file.text, id) {
        Ok(changed) if changed != file.text => file.write(&changed).map(|_| Ok(())),
        Ok(_) => Ok(Ok(())),
        Err(error) => {
            let path = path.display();
            Ok(Err(format!(
                "`{path}` was not looked at for `{id}`: {error}"
            )))
        }
    }
}

impl Plan {
    fn nothing(file: Configuration, text: String) -> Self {
        Self {
            file,
            after: None,
            leaves_nothing: false,
            text,
        }
    }

    /// The file.
    pub(crate) fn file(&self) -> &Path {
        &self.file.path
    }

    /// The text afterwards, and the lines that go and come, marked as `diff` does; None if it is so already.
    pub(crate) fn changes(&self) -> Option<(&str, String)> {
        let after = self.after.as_deref()?;
        Some((after, difference(&self.file.text, after)))
    }

    /// Makes the change.
    pub(crate) fn carry_out(self) -> Result<Change, ConnectError> {
        let backup = match &self.after {
            None => None,
            Some(_) if self.leaves_nothing => self.file.delete()?,
            Some(after) => self.file.write(after)?,
        };
        Ok(Change {
            is_done: self.after.is_some(),
            text: self.text,
            file: Some(self.file.path),
            backup,
        })
    }
}

/// The configuration of a client as it is.
struct Configuration {
    path: PathBuf,
    is_there: bool,
    /// Empty if it is not there.
    text: String,
}

impl Configuration {
    fn of(machine: &Machine, client: Client) -> Result<Self, ConnectError> {
        let path = client.file(&machine.places);
        Ok(Self::read(&path)?.unwrap_or(Self {
            path,
            is_there: false,
            text: String::new(),
        }))
    }

    /// Reads it; None if it is not there.
    fn read(path: &Path) -> Result<Option<Self>, ConnectError> {
        let text = files::read(path).map_err(ConnectError::io("read", path))?;
        Ok(text.map(|text| Self {
            path: path.to_owned(),
            is_there: true,
            text,
        }))
    }

    /// Writes a changed text, and returns where the old one is kept.
    fn write(&self, changed: &str) -> Result<Option<PathBuf>, ConnectError> {
        let backup = self.back_up()?;
        if let Some(dir) = self.path.parent() {
            fs::create_dir_all(dir).map_err(ConnectError::io("make", dir))?;
        }
        files::replace(&self.path, changed.as_bytes())
            .map_err(ConnectError::io("write", &self.path))?;
        Ok(backup)
    }

    /// Removes a file in which nothing but our entry stood, which needs no copy.
    fn delete(&self) -> Result<Option<PathBuf>, ConnectError> {
        fs::remove_file(&self.path).map_err(ConnectError::io("remove", &self.path))?;
        Ok(None)
    }

    /// Copies the file to one beside it that says when; with its permissions, since there may be secrets of others in it.
    fn back_up(&self) -> Result<Option<PathBuf>, ConnectError> {
        if !self.is_there {
            return Ok(None);
        }
        let now = jiff::Zoned::now().strftime("%Y%m%d-%H%M%S");
        let copy = files::keep_beside(&self.path, &format!("before-commonplace-{now}"));
        let copy = copy.map_err(ConnectError::io("copy", &self.path))?;
        Ok(Some(copy))
    }

    fn refused(&self, error: &EditError, instead: &str, lines: String) -> ConnectError {
        let path = self.path.display();
        let reason = format!("`{path}` was not changed: {error}; {instead}");
        ConnectError::ByHand { reason, lines }
    }
}

/// The lines that go and come.
fn difference(before: &str, after: &str) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
    let pairs = old.iter().zip(&new);
    let start = pairs.take_while(|(old, new)| old == new).count();
    let pairs = old[start..].iter().rev().zip(new[start..].iter().rev());
    let end = pairs.take_while(|(old, new)| old == new).count();
    let gone = old[start..old.len() - end]
        .iter()
        .map(|line| format!("-{line}\n"));
    let come = new[start..new.len() - end]
        .iter()
        .map(|line| format!("+{line}\n"));
    gone.chain(come).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_shows_what_goes_and_what_comes() {
        assert_eq!(difference("a\nb\nc\n", "a\nx\ny\nc\n"), "-b\n+x\n+y\n");
        assert_eq!(difference("", "a\n"), "+a\n");
        assert_eq!(difference("a\na\n", "a\na\na\n"), "+a\n");
    }
}
