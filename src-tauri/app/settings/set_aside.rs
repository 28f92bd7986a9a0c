//! The settings file, kept under another name.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

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
