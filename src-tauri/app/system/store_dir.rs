//! Whether the store directory is this user's alone.
//!
//! Who may enter it could hold our lock files locked, put files or links in the places of those that we make later, or read
//! what programs leave beside the store. So a directory that is not ours alone is refused, with the command that corrects it,
//! before anything in it is opened. The files in it may then be trusted as far as the user is.
//!
//! On Windows the rights of a file are a list of its own, which only unsafe code reads. The usual place of the store, in
//! the user's profile, lets in the user, the system and administrators; who chooses another place has to see to it.

use std::io;
use std::path::{Path, PathBuf};

use super::identity::name_of_user;

#[cfg(unix)]
mod private_group;
#[cfg(unix)]
mod unix;

/// Tells why a store directory is not used.
#[derive(Debug, thiserror::Error)]
#[cfg_attr(
    not(unix),
    expect(dead_code, reason = "nothing is looked at on this system")
)]
pub(crate) enum StoreDirError {
    #[error(
        "the store directory `{dir}` is open to other users (mode {mode:03o}): they could hold its locks or replace its files; \
         make it yours alone with `chmod 700 {}` (on a file system without rights, mount it with umask=077)", quoted(.dir)
    )]
    Open { dir: PathBuf, mode: u32 },
    #[error(
        "the store directory `{dir}` belongs to {}, and this is {}: {}",
        owner_of(*.owner), owner_of(*.user), whose_turn(dir, *.owner, *.user)
    )]
    Foreign { dir: PathBuf, owner: u32, user: u32 },
    #[error(
        "`{path}` in the store belongs to {}, perhaps since a command was run with sudo: give the store back to its user \
         with `sudo chown -R {user} {}`, and run commonplace without sudo", owner_of(*.owner), quoted(.dir)
    )]
    ForeignFile {
        dir: PathBuf,
        path: PathBuf,
        owner: u32,
        user: u32,
    },
    #[error(
        "`{parent}`, above the store directory `{dir}`, can be changed by other users (mode {mode:03o}): they could put another \
         directory in the place of the store; close it with `chmod go-w {}`, or choose another place with --data-dir", quoted(.parent)
    )]
    OpenParent {
        dir: PathBuf,
        parent: PathBuf,
        mode: u32,
    },
    #[error(
        "`{parent}`, above the store directory `{dir}`, belongs to {}, who could put another directory in the place of the \
         store: choose another place with --data-dir", owner_of(*.owner)
    )]
    ForeignParent {
        dir: PathBuf,
        parent: PathBuf,
        owner: u32,
    },
    #[error(
        "the store directory `{dir}` cannot be {}: `{parent}`, above it, belongs to {}, and this is {}; {}",
        if *.is_missing { "made" } else { "reached" }, owner_of(*.owner), owner_of(*.user), opens(parent, *.user, *.is_own_place)
    )]
    ClosedParent {
        dir: PathBuf,
        parent: PathBuf,
        owner: u32,
        user: u32,
        /// Whether nothing is in the way but that the directory is not there yet.
        is_missing: bool,
        /// Whether what is closed lies in a directory of this user.
        is_own_place: bool,
    },
    #[error(
        "could not look at `{path}`: {source}; check that this user may read it and everything above it"
    )]
    Io { path: PathBuf, source: io::Error },
}

/// Checks that nobody else can enter, replace or fill a store directory. One that is not there yet is good if nobody else
/// can make it. Looks at it, at what is above it, and at the files in it: some tens of them, some microseconds each.
///
/// # Errors
/// The first thing that is not so.
pub(crate) fn check(dir: &Path) -> Result<(), StoreDirError> {
    #[cfg(unix)]
    return unix::check(dir);
    #[cfg(not(unix))]
    {
        let _ = dir;
        Ok(())
    }
}

/// Writes a path so that a shell takes it as one word.
pub(crate) fn quoted(path: &Path) -> String {
    let path = path.display().to_string();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./@,:".contains(c);
    if path.chars().all(is_plain) {
        path
    } else {
        format!("'{}'", path.replace('\'', "'\\''"))
    }
}

/// What lets the owner of a directory use it. Nobody gives his store to root because he has typed sudo.
fn whose_turn(dir: &Path, owner: u32, user: u32) -> String {
    if user == 0 {
        return format!(
            "run commonplace as its owner, without sudo or with `sudo -u '#{owner}' commonplace`"
        );
    }
    format!(
        "run commonplace as its owner, or give it to this user with `sudo chown -R {user} {}`",
        quoted(dir)
    )
}

/// What lets this user through a directory that is another one's. Only what lies in his own can have become that by sudo.
fn opens(parent: &Path, user: u32, is_own_place: bool) -> String {
    if is_own_place {
        return format!(
            "perhaps since a command was run with sudo: give it back to its user with `sudo chown -R {user} {}`, and run \
             commonplace without sudo",
            quoted(parent)
        );
    }
    "run commonplace as its owner, or choose another place with --data-dir".to_owned()
}

fn owner_of(user: u32) -> String {
    if user == 0 {
        return "root".to_owned();
    }
    match name_of_user(&user.to_string()) {
        Some(name) => format!("user {user} (`{name}`)"),
        None => format!("user {user}"),
    }
}
