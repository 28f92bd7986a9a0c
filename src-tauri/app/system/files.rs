//! Whole files: read, replaced, removed when they are old.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::random::random_hex;

/// Reads a file; None if there is none.
pub(crate) fn read(path: &Path) -> io::Result<Option<String>> {
    match fs::read_to_string(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        read => read.map(Some),
    }
}

/// Puts a new file in the place of the one that may be there, and keeps its permissions; the first is for this user alone.
/// Readers and a crash see one of the two.
pub(crate) fn replace(path: &Path, text: &[u8]) -> io::Result<()> {
    // A link stays a link to the file it names.
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let old = fs::metadata(&path).ok();
    let keep_permissions = |file: &File, _: &Path| match &old {
        Some(old) => file.set_permissions(old.permissions()),
        None => Ok(()),
    };
    let temporary = write_temporary(&path, text, keep_permissions, |_, error| error)?;
    move_over(&temporary, &path)
}

/// Writes a new file under a random name beside `path`, for this user alone, and returns where it is. Does not follow links.
///
/// `prepare` is called with it before anything is in it, and `failed` words an error about it. Nothing is left after one.
pub(super) fn write_temporary<E>(
    path: &Path,
    text: &[u8],
    prepare: impl FnOnce(&File, &Path) -> Result<(), E>,
    failed: impl Fn(&Path, io::Error) -> E,
) -> Result<PathBuf, E> {
    let temporary = path.with_added_extension(format!("{}.new", &random_hex()[..16]));
    let failed = |error| failed(&temporary, error);
    let mut file = create_private(&temporary).map_err(failed)?;
    let written = prepare(&file, &temporary).and_then(|()| {
        let written = file.write_all(text).and_then(|()| file.sync_all());
        written.map_err(failed)
    });
    drop(file);
    if let Err(error) = written {
        // On a full disk, what was written of it is in the way.
        let _ = fs::remove_file(&temporary);
        return Err(error);
    }
    Ok(temporary)
}

/// Moves a temporary file over the one that may be at `path`, or removes it if that fails.
pub(super) fn move_over(temporary: &Path, path: &Path) -> io::Result<()> {
    fs::rename(temporary, path).inspect_err(|_| {
        // What it was for did not come about; the error tells of that.
        let _ = fs::remove_file(temporary);
    })
}

/// Copies a file beside itself, with its permissions, and returns where the copy is. Its name ends with `end`, and with a
/// number if there is one already.
pub(crate) fn keep_beside(path: &Path, end: &str) -> io::Result<PathBuf> {
    let (bytes, permissions) = (fs::read(path)?, fs::metadata(path)?.permissions());
    let (copy, mut file) = create_beside(path, end)?;
    let written = file.write_all(&bytes).and_then(|()| file.sync_all());
    if let Err(error) = written.and_then(|()| file.set_permissions(permissions)) {
        drop(file);
        // Half a copy is none.
        let _ = fs::remove_file(&copy);
        return Err(error);
    }
    Ok(copy)
}

fn create_beside(path: &Path, end: &str) -> io::Result<(PathBuf, File)> {
    let mut copy = path.with_added_extension(end);
    let mut number = 2;
    loop {
        match create_private(&copy) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                copy = path.with_added_extension(format!("{end}-{number}"));
                number += 1;
            }
            created => return created.map(|file| (copy, file)),
        }
    }
}

fn create_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Removes what is older than `life` from a directory; a time in the future is that of a clock that was set back.
///
/// # Errors
/// If the directory cannot be read.
pub(crate) fn remove_older(dir: &Path, life: Duration, now: SystemTime) -> io::Result<()> {
    for entry in fs::read_dir(dir)?.flatten() {
        let changed = entry.metadata().and_then(|metadata| metadata.modified());
        let is_old = changed.is_ok_and(|at| now.duration_since(at).is_ok_and(|age| age > life));
        // Another host may have been first.
        if is_old
            && let Err(error) = fs::remove_file(entry.path())
            && error.kind() != ErrorKind::NotFound
        {
            tracing::warn!(path = %entry.path().display(), %error, "could not remove an old file");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(dir: &Path) -> Vec<String> {
        let entries = fs::read_dir(dir).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    // The temporary file had a name that anybody could guess: what was there was overwritten, a link was followed.
    #[cfg(unix)]
    #[test]
    fn a_link_under_a_guessable_name_is_not_written_through() {
        let dir = tempfile::tempdir().unwrap();
        let (target, other) = (dir.path().join("a.toml"), dir.path().join("other"));
        fs::write(&other, "keep").unwrap();
        std::os::unix::fs::symlink(&other, dir.path().join("a.toml.new")).unwrap();
        replace(&target, b"new").unwrap();
        assert_eq!(fs::read_to_string(&other).unwrap(), "keep");
        assert_eq!(fs::read_to_string(&target).unwrap(), "new");
    }

    // Two changes in one second had one name, and the first copy was overwritten by the second.
    #[test]
    fn a_copy_beside_a_file_overwrites_no_earlier_one() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a.toml");
        for (text, name) in [
            ("1", "a.toml.old"),
            ("2", "a.toml.old-2"),
            ("3", "a.toml.old-3"),
        ] {
            fs::write(&file, text).unwrap();
            let copy = keep_beside(&file, "old").unwrap();
            assert_eq!(copy, dir.path().join(name));
            assert_eq!(fs::read_to_string(&copy).unwrap(), text);
            let permissions = |path: &Path| fs::metadata(path).unwrap().permissions();
            assert_eq!(permissions(&copy), permissions(&file));
        }
        assert_eq!(names(dir.path()).len(), 4);
    }

    #[test]
    fn nothing_is_left_beside_a_file_that_could_not_be_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("a.toml");
        replace(&target, b"old").unwrap();
        replace(&target, b"new").unwrap();
        assert_eq!(names(dir.path()), ["a.toml"]);
        let taken = dir.path().join("taken");
        fs::create_dir(&taken).unwrap();
        fs::write(taken.join("inside"), "").unwrap();
        replace(&taken, b"new").unwrap_err();
        assert_eq!(names(dir.path()), ["a.toml", "taken"]);
    }

    #[test]
    fn nothing_is_left_of_a_temporary_file_that_was_not_wanted() {
        let dir = tempfile::tempdir().unwrap();
        let refuse = |_: &File, _: &Path| Err(io::Error::other("refused"));
        let written = write_temporary(&dir.path().join("a"), b"x", refuse, |_, error| error);
        assert_eq!(written.unwrap_err().to_string(), "refused");
        assert!(names(dir.path()).is_empty());
    }

    #[cfg(unix)]
    #[test]
    fn a_file_keeps_its_mode_and_a_first_one_is_for_this_user_alone() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("a.toml");
        let mode = || fs::metadata(&target).unwrap().permissions().mode() & 0o777;
        replace(&target, b"first").unwrap();
        assert_eq!(mode(), 0o600);
        for kept in [0o644, 0o666, 0o600] {
            fs::set_permissions(&target, fs::Permissions::from_mode(kept)).unwrap();
            replace(&target, b"next").unwrap();
            assert_eq!(mode(), kept, "{kept:o}");
        }
    }
}
