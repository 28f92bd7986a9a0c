//! Where things are: the store directory and what lies in it.

use std::path::{Path, PathBuf};

use directories::BaseDirs;

/// The store directory of one run of the program.
#[derive(Debug, Clone)]
pub(crate) struct DataDir(PathBuf);

impl DataDir {
    /// Takes the directory given on the command line, else that of the environment, else the usual one.
    pub(crate) fn asked(given: Option<PathBuf>) -> Option<Self> {
        Self::find(given.or_else(named_by_environment))
    }

    /// Takes a directory that is named, else the usual one, in the platform's data directory.
    ///
    /// Returns None if none is named and this user has no home directory.
    pub(crate) fn find(named: Option<PathBuf>) -> Option<Self> {
        Self::found(named, home())
    }

    fn found(named: Option<PathBuf>, home: Option<PathBuf>) -> Option<Self> {
        let dir = match named {
            Some(named) => in_home(&named, home).unwrap_or(named),
            None => BaseDirs::new()?.data_dir().join("commonplace"),
        };
        Some(Self(std::path::absolute(&dir).unwrap_or(dir)))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn locks(&self) -> PathBuf {
        self.0.join(commonplace_engine::LOCKS_DIR)
    }

    pub(crate) fn logs(&self) -> PathBuf {
        self.0.join("logs")
    }

    /// Files of the sessions of open pages, one for each port.
    pub(crate) fn sessions(&self) -> PathBuf {
        self.0.join("sessions")
    }

    /// Pages that lead a browser to the dashboard.
    pub(crate) fn opening(&self) -> PathBuf {
        self.0.join("opening")
    }

    /// What the sessions of clients with hooks were shown, a file for each.
    pub(crate) fn hook_sessions(&self) -> PathBuf {
        self.0.join("hooks").join("sessions")
    }

    /// When a session was in each project last.
    pub(crate) fn hook_projects(&self) -> PathBuf {
        self.0.join("hooks").join("projects")
    }

    pub(crate) fn settings(&self) -> PathBuf {
        self.0.join("settings.toml")
    }

    /// Where the model is, unless it is said otherwise.
    pub(crate) fn model(&self) -> PathBuf {
        self.0.join("models").join(commonplace_engine::MODEL_NAME)
    }
}

/// Returns the store directory that the environment names; an empty name counts as none.
fn named_by_environment() -> Option<PathBuf> {
    let named = std::env::var_os("COMMONPLACE_DATA_DIR").map(PathBuf::from);
    named.filter(|dir| !dir.as_os_str().is_empty())
}

/// Returns what `~/x` means; None for any other path. No shell puts the home directory in its place in the configuration of
/// a client, or after `--data-dir=`.
fn in_home(path: &Path, home: Option<PathBuf>) -> Option<PathBuf> {
    let rest = path.strip_prefix("~").ok()?;
    Some(home?.join(rest))
}

/// Returns this user's home directory.
pub(crate) fn home() -> Option<PathBuf> {
    Some(BaseDirs::new()?.home_dir().to_owned())
}

/// Finds the file that starts this program.
///
/// Ask before anything can take time: on Linux the answer names a file that is gone once an update has replaced it. An
/// AppImage runs from a mount that goes when it ends, so its own file counts.
///
/// # Errors
/// If the system does not say.
pub(crate) fn own_program() -> std::io::Result<PathBuf> {
    let program = std::env::current_exe()?;
    let variable = |name| std::env::var_os(name).map(PathBuf::from);
    Ok(image_of(&program, variable("APPIMAGE"), variable("APPDIR")).unwrap_or(program))
}

/// Returns the AppImage that `program` is in; what starts us may be in another one, whose variables we have then.
fn image_of(program: &Path, image: Option<PathBuf>, mount: Option<PathBuf>) -> Option<PathBuf> {
    let mount = mount.filter(|mount| !mount.as_os_str().is_empty())?;
    image.filter(|_| program.starts_with(mount))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tilde_at_the_beginning_of_a_store_directory_is_the_home_directory() {
        let found = |named: &str| {
            let found = DataDir::found(Some(named.into()), Some("/home/person".into()));
            found.unwrap().path().to_owned()
        };
        let home = std::path::absolute("/home/person").unwrap();
        assert_eq!(found("~/notes"), home.join("notes"));
        assert_eq!(found("~"), home.join(""));
        for plain in ["/srv/~/notes", "./~/notes", "~notes"] {
            assert_eq!(found(plain), std::path::absolute(plain).unwrap(), "{plain}");
        }
    }

    #[test]
    fn only_a_program_inside_an_image_is_started_by_it() {
        let image_of = |program: &str, mount: &str| {
            let image = Some(PathBuf::from("/home/person/Commonplace.AppImage"));
            image_of(Path::new(program), image, Some(PathBuf::from(mount)))
        };
        assert!(image_of("/tmp/.mount_a/usr/bin/commonplace", "/tmp/.mount_a").is_some());
        assert_eq!(image_of("/usr/bin/commonplace", "/tmp/.mount_b"), None);
        assert_eq!(image_of("/usr/bin/commonplace", ""), None);
    }
}
