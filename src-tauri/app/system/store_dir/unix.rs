//! The rules for the modes and owners of a store directory. They are those of ssh for the files that open an account
//! (`StrictModes` of sshd_config(5)), and stricter for the directory itself.

use std::collections::BTreeSet;
use std::fs::{self, Metadata};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

use super::StoreDirError;
use super::private_group::is_private;

/// Directories of the store whose files are looked at too: what lies there steers programs. In the others only texts lie.
const LOOKED_INTO: [&str; 4] = [
    commonplace_engine::LOCKS_DIR,
    "opening",
    "sessions",
    "statistics",
];

/// Rights of others and of the group on a directory.
const OTHERS: u32 = 0o077;
const GROUP_WRITES: u32 = 0o020;
const ANYBODY_WRITES: u32 = 0o002;
/// In a directory with this bit only the owner of an entry can remove or replace it.
const STICKY: u32 = 0o1000;
const MODE: u32 = 0o7777;

pub(super) fn check(dir: &Path) -> Result<(), StoreDirError> {
    let user = rustix::process::geteuid().as_raw();
    check_way(dir, user)?;
    // What is no directory cannot be a store; opening it says so.
    if let Some(found) = look(dir)?.filter(Metadata::is_dir) {
        check_own(dir, &found, user)?;
        check_files(dir, dir, user)?;
        for name in LOOKED_INTO {
            check_files(dir, &dir.join(name), user)?;
        }
    }
    check_above(dir, user)
}

/// Checks that this user can go to the store, or make it: root may have made a directory above it.
fn check_way(dir: &Path, user: u32) -> Result<(), StoreDirError> {
    let Err(error) = fs::metadata(dir) else {
        return Ok(());
    };
    // The nearest one that can be looked at is where the way ends.
    let nearest = dir.ancestors().skip(1).find_map(|above| {
        let found = fs::metadata(above).ok()?;
        Some((above.to_owned(), found))
    });
    let Some((parent, found)) = nearest else {
        return Ok(());
    };
    let is_missing = error.kind() == ErrorKind::NotFound;
    let is_closed = match error.kind() {
        ErrorKind::NotFound => access(&parent, Access::WRITE_OK | Access::EXEC_OK).is_err(),
        ErrorKind::PermissionDenied => true,
        _ => false,
    };
    if !is_closed || found.uid() == user || user == 0 {
        return Ok(());
    }
    let place = parent.parent().and_then(|place| fs::metadata(place).ok());
    Err(StoreDirError::ClosedParent {
        dir: dir.to_owned(),
        owner: found.uid(),
        user,
        is_missing,
        is_own_place: place.is_some_and(|place| place.uid() == user),
        parent,
    })
}

/// Looks at a file, also through a link; None if it is not there.
fn look(path: &Path) -> Result<Option<Metadata>, StoreDirError> {
    match fs::metadata(path) {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(source) => Err(io(path, source)),
    }
}

fn io(path: &Path, source: std::io::Error) -> StoreDirError {
    StoreDirError::Io {
        path: path.to_owned(),
        source,
    }
}

fn check_own(dir: &Path, found: &Metadata, user: u32) -> Result<(), StoreDirError> {
    let dir = dir.to_owned();
    if found.uid() != user {
        let owner = found.uid();
        return Err(StoreDirError::Foreign { dir, owner, user });
    }
    let mode = found.mode() & 0o777;
    if mode & OTHERS != 0 {
        return Err(StoreDirError::Open { dir, mode });
    }
    Ok(())
}

/// Checks who owns what lies in a directory of the store, links themselves and not what they point to.
fn check_files(store: &Path, dir: &Path, user: u32) -> Result<(), StoreDirError> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(source) => return Err(io(dir, source)),
    };
    // One that is gone meanwhile was one of our own, on its way to another name.
    let mut owners = entries.filter_map(|entry| {
        let entry = entry.ok()?;
        Some((entry.path(), entry.metadata().ok()?.uid()))
    });
    match owners.find(|(_, owner)| *owner != user) {
        None => Ok(()),
        Some((path, owner)) => Err(StoreDirError::ForeignFile {
            dir: store.to_owned(),
            path,
            owner,
            user,
        }),
    }
}

/// Checks every directory above the store, both those of its name and those where it really is.
fn check_above(dir: &Path, user: u32) -> Result<(), StoreDirError> {
    // Who owns the root can do everything: root, or whoever stands for it in a user namespace.
    let top = look(Path::new("/"))?.map_or(0, |root| root.uid());
    for parent in above(dir) {
        let Some(found) = look(&parent)? else {
            continue;
        };
        let (owner, mode) = (found.uid(), found.mode() & MODE);
        if ![user, 0, top].contains(&owner) {
            let dir = dir.to_owned();
            return Err(StoreDirError::ForeignParent { dir, parent, owner });
        }
        if is_open(mode, || is_private(found.gid(), user)) {
            let dir = dir.to_owned();
            return Err(StoreDirError::OpenParent { dir, parent, mode });
        }
    }
    Ok(())
}

/// The directories above one, by its name and by where links lead.
fn above(dir: &Path) -> BTreeSet<PathBuf> {
    let nearest = dir
        .ancestors()
        .find_map(|above| fs::canonicalize(above).ok());
    let real = nearest.unwrap_or_default();
    // What is not there yet is made in the nearest one that is: that one counts.
    let is_there = fs::canonicalize(dir).is_ok();
    let really = real.ancestors().skip(usize::from(is_there));
    let named = dir.ancestors().skip(1);
    let all = named.chain(really);
    all.filter(|path| path.is_absolute())
        .map(Path::to_owned)
        .collect()
}

/// Tells whether others can replace what somebody has in a directory with this mode.
fn is_open(mode: u32, group_is_private: impl FnOnce() -> bool) -> bool {
    if mode & STICKY != 0 {
        return false;
    }
    mode & ANYBODY_WRITES != 0 || (mode & GROUP_WRITES != 0 && !group_is_private())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_directory_that_others_may_enter_is_refused_with_the_command_that_mends_it() {
        let dir = tempfile::tempdir().unwrap();
        for mode in [0o777, 0o755, 0o710, 0o701, 0o702, 0o770] {
            set_mode(dir.path(), mode);
            let said = check(dir.path()).unwrap_err().to_string();
            let mends = format!("`chmod 700 {}`", dir.path().display());
            assert!(said.contains(&mends), "{mode:o}: {said}");
        }
        set_mode(dir.path(), 0o700);
        assert!(check(dir.path()).is_ok());
    }

    #[test]
    fn a_directory_above_that_lets_others_replace_the_store_is_refused() {
        let top = tempfile::tempdir().unwrap();
        let parent = top.path().join("parent");
        let (store, missing) = (parent.join("store"), parent.join("not there/store"));
        fs::create_dir_all(&store).unwrap();
        set_mode(&store, 0o700);
        let link = top.path().join("link");
        std::os::unix::fs::symlink(&store, &link).unwrap();
        for (mode, is_good) in [
            (0o755, true),
            (0o757, false),
            (0o777, false),
            (0o1777, true),
        ] {
            set_mode(&parent, mode);
            for dir in [&store, &missing, &link] {
                let checked = check(dir);
                assert_eq!(checked.is_ok(), is_good, "{mode:o} {dir:?}: {checked:?}");
            }
        }
    }

    #[test]
    fn a_group_may_write_above_the_store_only_if_it_is_the_users_own() {
        assert!(is_open(0o775, || false));
        assert!(!is_open(0o775, || true));
        assert!(is_open(0o777, || true), "anybody may");
        assert!(!is_open(0o755, || unreachable!("nobody asks")));
    }
}
