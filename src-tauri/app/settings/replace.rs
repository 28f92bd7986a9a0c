//! The settings file as a whole: read, set aside, replaced by a new text.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Reads the file; one that is not there has no keys.
pub(super) fn read(path: &Path) -> io::Result<String> {
    match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        read => read,
    }
}

/// Copies the file to a name beside it that nothing has. Returns the name; None if there is no file.
pub(super) fn set_aside(path: &Path) -> io::Result<Option<PathBuf>> {
    let bytes = match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        bytes => bytes?,
    };
    for number in 1.. {
        let aside = path.with_extension(format!("toml.aside-{number}"));
        match File::options().write(true).create_new(true).open(&aside) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
            Ok(mut file) => {
                fs::set_permissions(&aside, fs::metadata(path)?.permissions())?;
                file.write_all(&bytes)?;
                file.sync_all()?;
                return Ok(Some(aside));
            }
        }
    }
    unreachable!("there is always another number")
}

/// Puts a new text in the place of the file: readers and a crash see the old one or the new one.
pub(super) fn write(path: &Path, text: &str) -> io::Result<()> {
    // A link stays a link to the file it names.
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let new = path.with_extension("toml.new");
    let mut file = File::create(&new)?;
    if let Ok(old) = fs::metadata(&path) {
        fs::set_permissions(&new, old.permissions())?;
    }
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    drop(file);
    fs::rename(&new, &path)
}
