//! Which project a client works in. The bridge, the host and the hooks all ask here, so that one folder is one project.
//!
//! A project is the main worktree of a git repository, so that all worktrees of a repository share their memories; outside
//! a repository it is the folder itself. Its name is the path: links resolved, no slash at the end, the letter of a drive in
//! upper case, letters composed (NFC). No program is started to find it: a few small files of the repository are read.

mod repository;
#[cfg(test)]
mod tests;

use std::path::{Component, Path, PathBuf};

use sha2::{Digest, Sha256};
use unicode_normalization::UnicodeNormalization;

/// Longest name of a project, in bytes; the store takes no longer one.
const NAME_BYTES_MAX: usize = 200;
/// Digits of its hash that stand before the end of a longer name: two such names do not meet by chance.
const HASH_DIGITS: usize = 12;

/// A project, and which worktree of it is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// The name that memories keep: at most 200 bytes.
    pub name: String,
    /// The linked worktree (git-worktree(1)) that the client works in; None in the main one and outside a repository.
    pub worktree: Option<String>,
}

/// Finds the project that `said` means: a path, also one that begins with `~`, an address (`file://`), or a plain name.
/// None if it says nothing: blank, a variable that nobody replaced, or a relative path.
///
/// Reads the file system, if it is a path; that may block where a file server does not answer.
#[must_use]
pub fn project(said: &str, home: Option<&Path>) -> Option<Project> {
    let said = said.trim();
    if said.is_empty() || is_unreplaced(said) {
        return None;
    }
    let said = match said.strip_prefix("file://") {
        Some(address) => path_of_address(address),
        None => said.to_owned(),
    };
    let path = match (said.strip_prefix('~'), home) {
        (Some(rest), Some(home)) if rest.is_empty() || rest.starts_with(['/', '\\']) => {
            home.join(rest.trim_start_matches(['/', '\\']))
        }
        _ => PathBuf::from(&said),
    };
    if !path.is_absolute() {
        return foreign(&said);
    }
    of_folder(&path, home)
}

/// Says whether `said` is written as a path, an address or a variable, and not as the name that somebody gave a project.
#[must_use]
pub fn is_path(said: &str) -> bool {
    let said = said.trim();
    let first = said.split(['/', '\\']).next().unwrap_or_default();
    let is_drive = matches!(first.as_bytes(), [drive, b':'] if drive.is_ascii_alphabetic());
    let starts = matches!(first, "" | "." | ".." | "~" | "file:") && !said.is_empty();
    starts || is_drive || is_unreplaced(said)
}

/// Finds the project of a folder: None for the root of the file system and a home directory, where programs are started that
/// work in no project. Reads the file system, as [`project`] does.
#[must_use]
pub fn of_folder(folder: &Path, home: Option<&Path>) -> Option<Project> {
    let folder = resolved(folder);
    let home = home.map(resolved);
    if !folder.is_absolute() || folder.parent().is_none() || home.as_ref() == Some(&folder) {
        return None;
    }
    let Some(found) = repository::around(&folder, home.as_deref()) else {
        return Some(Project {
            name: name_of(&folder),
            worktree: None,
        });
    };
    let main = resolved(&found.main);
    let is_linked = main != found.worktree;
    Some(Project {
        name: name_of(&main),
        worktree: is_linked.then(|| name_of(&found.worktree)),
    })
}

/// A name of no path of this system: a path of another one, or a word that somebody chose.
fn foreign(said: &str) -> Option<Project> {
    let first = said.split(['/', '\\']).next();
    if matches!(first, Some("." | "..")) {
        return None;
    }
    let text = said.trim_end_matches(['/', '\\']);
    let name = match text.as_bytes() {
        [] => return None,
        [drive, b':', ..] if drive.is_ascii_alphabetic() => with_drive(text),
        _ => text.to_owned(),
    };
    Some(Project {
        name: shortened(composed(&name)),
        worktree: None,
    })
}

/// Says whether it is the name of a variable that whoever started us should have replaced.
fn is_unreplaced(said: &str) -> bool {
    let is_name = |name: &str| {
        let is_word = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        is_word && !name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit())
    };
    let dollar = said.strip_prefix('$').is_some_and(is_name);
    let percent = said
        .strip_prefix('%')
        .and_then(|rest| rest.strip_suffix('%'))
        .is_some_and(is_name);
    said.contains("${") || dollar || percent
}

/// Reads the path of `file://HOST/PATH`, without the scheme (RFC 8089).
fn path_of_address(address: &str) -> String {
    let path = address.find('/').map_or("", |at| &address[at..]);
    let path = crate::percent::decoded(path.as_bytes());
    match path.as_bytes() {
        [b'/', drive, b':', ..] if drive.is_ascii_alphabetic() => path[1..].to_owned(),
        _ => path,
    }
}

/// Returns the path with its links resolved, or, if there is nothing there, with `.` and `..` taken out.
fn resolved(path: &Path) -> PathBuf {
    if let Ok(found) = std::fs::canonicalize(path) {
        return found;
    }
    let mut kept = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                kept.pop();
            }
            part => kept.push(part),
        }
    }
    kept
}

fn name_of(path: &Path) -> String {
    let text = path.to_string_lossy();
    // Windows writes resolved paths in a form of its own (Maximum Path Length Limitation, Win32 documentation).
    let text = match (text.strip_prefix(r"\\?\UNC\"), text.strip_prefix(r"\\?\")) {
        (Some(share), _) => format!(r"\\{share}"),
        (None, Some(plain)) => with_drive(plain),
        (None, None) => with_drive(&text),
    };
    shortened(composed(&text))
}

/// Writes a path of Windows with the letter of its drive in upper case and its own slashes; any other as it is.
fn with_drive(path: &str) -> String {
    match path.as_bytes() {
        [drive, b':', ..] if drive.is_ascii_alphabetic() => {
            let drive = char::from(drive.to_ascii_uppercase());
            format!("{drive}{}", path[1..].replace('/', "\\"))
        }
        _ => path.to_owned(),
    }
}

/// macOS gives names in parts (NFD) that people type as one letter.
fn composed(name: &str) -> String {
    name.nfc().collect()
}

/// Keeps the end of a name that is too long, behind some digits of the hash of the whole.
fn shortened(name: String) -> String {
    if name.len() <= NAME_BYTES_MAX {
        return name;
    }
    let hash = hex::encode(Sha256::digest(name.as_bytes()));
    let start = format!("{}…", &hash[..HASH_DIGITS]);
    let from = name.len() - (NAME_BYTES_MAX - start.len());
    let from = (from..name.len()).find(|at| name.is_char_boundary(*at));
    format!("{start}{}", &name[from.unwrap_or(name.len())..])
}
