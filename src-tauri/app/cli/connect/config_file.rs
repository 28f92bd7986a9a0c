//! Clients that are connected by an entry in their configuration: it is added, replaced and removed there, with a backup.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::json;

use super::{CommandError, Connect, Context, output};
use crate::claude_code::SERVER;
use crate::clients::{self, Client, Entry, Places};
use crate::own_command::OwnCommand;
use crate::system::files;

/// Adds the entry.
pub(super) fn connect(
    context: &Context,
    client: Client,
    connect: &Connect,
) -> Result<ExitCode, CommandError> {
    let own = OwnCommand::of(&context.options.data_dir);
    let own = own.map_err(|error| CommandError::Failed(error.to_string()))?;
    let file = Configuration::of(client)?;
    let by_hand = |error| {
        file.refused(
            &error,
            &format!("add this by hand:\n{}", client.lines(&own)),
        )
    };
    let title = client.title();
    match client.state(&file.text, &own).map_err(by_hand)? {
        Entry::Same => {
            let text = format!("{title} uses this store already; {}", client.check());
            return Ok(file.told(context, false, None, &text));
        }
        Entry::Foreign if !connect.replace => {
            return Err(CommandError::Failed(format!(
                "{title} has another server called `{SERVER}` in `{}`: give --replace to replace it; nothing was changed",
                file.path.display()
            )));
        }
        Entry::None | Entry::OtherBridge | Entry::Foreign => {}
    }
    let changed = client.with_entry(&file.text, &own).map_err(by_hand)?;
    if connect.print {
        return Ok(file.print(context, &changed));
    }
    let backup = file.write(&changed)?;
    let text = format!(
        "{title} uses this store as `{SERVER}`; {}, `commonplace connect {} --remove` removes it",
        client.check(),
        client.word()
    );
    Ok(file.told(context, true, backup, &text))
}

/// Takes the entry out.
pub(super) fn remove(
    context: &Context,
    client: Client,
    is_only_printed: bool,
) -> Result<ExitCode, CommandError> {
    let own = OwnCommand::of(&context.options.data_dir);
    let own = own.map_err(|error| CommandError::Failed(error.to_string()))?;
    let file = Configuration::of(client)?;
    let by_hand = |error| file.refused(&error, &format!("remove the entry `{SERVER}` by hand"));
    let title = client.title();
    match client.state(&file.text, &own).map_err(by_hand)? {
        Entry::None => {
            let text = format!("{title} has no server called `{SERVER}`");
            return Ok(file.told(context, false, None, &text));
        }
        Entry::Foreign => {
            return Err(CommandError::Failed(format!(
                "the server `{SERVER}` in `{}` is none of this program; nothing was changed",
                file.path.display()
            )));
        }
        Entry::Same | Entry::OtherBridge => {}
    }
    let changed = client.without_entry(&file.text).map_err(by_hand)?;
    if is_only_printed {
        return Ok(file.print(context, &changed));
    }
    let backup = if client.is_empty(&changed) {
        file.delete()?
    } else {
        file.write(&changed)?
    };
    let text = format!("{title} no longer has a server called `{SERVER}`");
    Ok(file.told(context, true, backup, &text))
}

/// Takes the name of a plugin out of the settings of Claude Code, if it is there and they can be read.
pub(super) fn forget_plugin(path: &Path, id: &str) -> Result<(), CommandError> {
    let Some(text) = files::read(path).map_err(failed("read", path))? else {
        return Ok(());
    };
    let file = Configuration {
        path: path.to_owned(),
        is_there: true,
        text,
    };
    match clients::without_plugin(&file.text, id) {
        Ok(changed) if changed != file.text => file.write(&changed).map(drop),
        Ok(_) => Ok(()),
        Err(error) => {
            let path = path.display();
            output::note(&format!("`{path}` was not looked at for `{id}`: {error}"));
            Ok(())
        }
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
    fn of(client: Client) -> Result<Self, CommandError> {
        let path = client.file(&places()?);
        let text = files::read(&path).map_err(failed("read", &path))?;
        Ok(Self {
            is_there: text.is_some(),
            text: text.unwrap_or_default(),
            path,
        })
    }

    /// Writes a changed text, and returns where the old one is kept.
    fn write(&self, changed: &str) -> Result<Option<PathBuf>, CommandError> {
        let backup = self.back_up()?;
        if let Some(dir) = self.path.parent() {
            fs::create_dir_all(dir).map_err(failed("make", dir))?;
        }
        files::replace(&self.path, changed.as_bytes()).map_err(failed("write", &self.path))?;
        Ok(backup)
    }

    /// Removes a file in which nothing but our entry stood, which needs no copy.
    fn delete(&self) -> Result<Option<PathBuf>, CommandError> {
        fs::remove_file(&self.path).map_err(failed("remove", &self.path))?;
        Ok(None)
    }

    /// Copies the file to one beside it that says when; with its permissions, since there may be secrets of others in it.
    fn back_up(&self) -> Result<Option<PathBuf>, CommandError> {
        if !self.is_there {
            return Ok(None);
        }
        let now = jiff::Zoned::now().strftime("%Y%m%d-%H%M%S").to_string();
        let copy = self
            .path
            .with_added_extension(format!("before-commonplace-{now}"));
        fs::copy(&self.path, &copy).map_err(failed("copy", &self.path))?;
        Ok(Some(copy))
    }

    /// Shows the change without making it.
    fn print(&self, context: &Context, changed: &str) -> ExitCode {
        let text = format!(
            "would change `{}`:\n{}",
            self.path.display(),
            difference(&self.text, changed)
        );
        let value = json!({ "done": false, "file": self.path, "text": changed });
        output::result(context.json, &value, &text);
        ExitCode::SUCCESS
    }

    fn told(
        &self,
        context: &Context,
        is_done: bool,
        backup: Option<PathBuf>,
        text: &str,
    ) -> ExitCode {
        let kept = backup
            .as_ref()
            .map(|path| format!("\nthe file before: `{}`", path.display()));
        let value = json!({ "done": is_done, "file": self.path, "backup": backup });
        output::result(
            context.json,
            &value,
            &format!("{text}{}", kept.unwrap_or_default()),
        );
        ExitCode::SUCCESS
    }

    fn refused(&self, error: &clients::EditError, instead: &str) -> CommandError {
        let path = self.path.display();
        CommandError::Failed(format!("`{path}` was not changed: {error}; {instead}"))
    }
}

/// The lines that go and come, marked as `diff` does.
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

fn failed(operation: &'static str, path: &Path) -> impl Fn(std::io::Error) -> CommandError + use<> {
    let path = path.to_owned();
    move |error| {
        CommandError::Failed(format!(
            "could not {operation} `{}`: {error}; nothing else was changed",
            path.display()
        ))
    }
}

fn places() -> Result<Places, CommandError> {
    let none = || CommandError::Usage("this user has no home directory".to_owned());
    Places::find().ok_or_else(none)
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
