//! Starting at login: one small file, or one value in the registry, as each system wants it.
//!
//! Own code instead of Tauri's plugin: it is about as long as the plugin's glue would be, the command line and the page
//! need it without a window, and an entry whose program has moved is put right at the next start.

#[cfg(any(test, target_os = "macos"))]
mod launch_agent;
mod lent;
#[cfg(any(test, windows))]
mod run_key;
#[cfg(any(test, all(unix, not(target_os = "macos"))))]
#[cfg_attr(
    any(windows, target_os = "macos"),
    expect(dead_code, reason = "only what it writes and reads is tested there")
)]
mod xdg;

use std::io;
use std::path::{Path, PathBuf};

#[cfg(target_os = "macos")]
use launch_agent as system;
#[cfg(windows)]
use run_key as system;
#[cfg(all(unix, not(target_os = "macos")))]
use xdg as system;

#[cfg(unix)]
use file as kept;
#[cfg(windows)]
use run_key as kept;

pub(crate) use self::lent::LoginEntry;
use crate::paths::{DataDir, own_program};

/// What a login starts: the tray without its window, or the host where this build has no tray.
const COMMAND: &[&str] = if cfg!(feature = "desktop") {
    &["app", "--hidden"]
} else {
    &["serve"]
};

/// The entry that starts this program on one store when its person logs in.
///
/// Each store has an entry of its own. The system's own settings may switch an entry off as well; that is seen where
/// the entry itself says so, as on Linux.
#[derive(Debug, Clone)]
pub(crate) struct Autostart {
    /// The folder of such entries; unused where they are values in the registry.
    folder: PathBuf,
    /// The entry's name, without what the system appends.
    name: String,
    /// The program and its arguments.
    command: Vec<String>,
}

impl Autostart {
    /// Returns the entry of a store; None if this user has no home directory or the program does not know its own path.
    pub(crate) fn of(data_dir: &DataDir) -> Option<Self> {
        let folder = system::folder()?;
        let is_usual = DataDir::find(None).is_some_and(|usual| usual.path() == data_dir.path());
        let other = (!is_usual).then(|| data_dir.path());
        Some(Self::new(folder, &own_program().ok()?, other))
    }

    /// `other_store` is the store directory, unless it is the usual one.
    fn new(folder: PathBuf, program: &Path, other_store: Option<&Path>) -> Self {
        let mut command = vec![program.display().to_string()];
        let mut name = "commonplace".to_owned();
        if let Some(store) = other_store {
            let store = store.display().to_string();
            name = format!("{name}{}", named_after(&store));
            command.extend(["--data-dir".to_owned(), store]);
        }
        command.extend(COMMAND.iter().map(|word| (*word).to_owned()));
        Self {
            folder,
            name,
            command,
        }
    }

    /// Says whether a login starts this program.
    ///
    /// # Errors
    /// If the entry cannot be read.
    pub(crate) fn is_on(&self) -> io::Result<bool> {
        let entry = kept::read(&self.folder, &self.name)?;
        Ok(entry.is_some_and(|entry| system::is_enabled(&entry)))
    }

    /// Lets a login start this program, or not. Takes effect at the next login.
    ///
    /// # Errors
    /// If the entry cannot be written or removed; it is as before then.
    pub(crate) fn set(&self, is_on: bool) -> io::Result<()> {
        if is_on {
            let entry = system::entry(&self.name, &self.command);
            kept::write(&self.folder, &self.name, &entry)
        } else {
            kept::remove(&self.folder, &self.name)
        }
    }

    /// Puts the entry of a store right if its program has moved.
    ///
    /// A program that is still where the entry says keeps it: a build that is only tried out does not take it away
    /// from the one that is installed.
    pub(crate) fn follow_program(data_dir: &DataDir) {
        let Some(entry) = Self::of(data_dir) else {
            return;
        };
        match entry.put_right() {
            Ok(true) => {
                tracing::info!("the program has moved; the start at login names its new place");
            }
            Ok(false) => {}
            Err(error) => {
                tracing::warn!(%error, place = entry.place(), "could not update the start at login");
            }
        }
    }

    /// Rewrites the entry if its program is gone; true if it did.
    fn put_right(&self) -> io::Result<bool> {
        let Some(entry) = kept::read(&self.folder, &self.name)? else {
            return Ok(false);
        };
        let is_there = system::program(&entry).is_some_and(|program| program.is_file());
        if is_there || !system::is_enabled(&entry) {
            return Ok(false);
        }
        self.set(true)?;
        Ok(true)
    }

    /// Returns the entry's place, for messages.
    pub(crate) fn place(&self) -> String {
        kept::place(&self.folder, &self.name)
    }
}

/// Makes a part of a file name from a path: what is no letter or digit becomes a hyphen, and the end counts.
fn named_after(path: &str) -> String {
    const CHARS_MAX: usize = 100;
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    let name: Vec<char> = path.chars().map(plain).collect();
    let end = &name[name.len().saturating_sub(CHARS_MAX)..];
    let end: String = end.iter().collect();
    format!("-{}", end.trim_start_matches('-'))
}

/// Entries that are files.
#[cfg(unix)]
mod file {
    use std::io;
    use std::path::{Path, PathBuf};

    use super::system::file_name;
    use crate::system::files;

    pub(super) fn read(folder: &Path, name: &str) -> io::Result<Option<String>> {
        files::read(&path(folder, name))
    }

    pub(super) fn write(folder: &Path, name: &str, entry: &str) -> io::Result<()> {
        std::fs::create_dir_all(folder)?;
        files::replace(&path(folder, name), entry.as_bytes())
    }

    pub(super) fn remove(folder: &Path, name: &str) -> io::Result<()> {
        match std::fs::remove_file(path(folder, name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    pub(super) fn place(folder: &Path, name: &str) -> String {
        path(folder, name).display().to_string()
    }

    fn path(folder: &Path, name: &str) -> PathBuf {
        folder.join(file_name(name))
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    struct Scene {
        home: tempfile::TempDir,
    }

    impl Scene {
        fn new() -> Self {
            let home = tempfile::tempdir().unwrap();
            std::fs::write(home.path().join("program"), "").unwrap();
            Self { home }
        }

        fn entry(&self, program: &str, store: Option<&str>) -> Autostart {
            let program = self.home.path().join(program);
            let folder = self.home.path().join("autostart");
            Autostart::new(folder, &program, store.map(Path::new))
        }
    }

    #[test]
    fn it_is_off_until_somebody_wants_it_and_off_again_after() {
        let scene = Scene::new();
        let entry = scene.entry("program", None);
        assert!(!entry.is_on().unwrap());
        entry.set(false).unwrap();
        entry.set(true).unwrap();
        assert!(entry.is_on().unwrap());
        entry.set(false).unwrap();
        assert!(!entry.is_on().unwrap());
    }

    #[test]
    fn each_store_has_an_entry_of_its_own() {
        let scene = Scene::new();
        let usual = scene.entry("program", None);
        let other = scene.entry("program", Some("/srv/a store"));
        other.set(true).unwrap();
        assert!(!usual.is_on().unwrap());
        assert!(other.place().contains("commonplace-srv-a-store"));
        assert!(other.command.join(" ").contains("--data-dir /srv/a store"));
    }

    #[test]
    fn an_entry_follows_a_program_that_moved_and_no_other() {
        let scene = Scene::new();
        let old = scene.entry("program", None);
        assert!(!old.put_right().unwrap(), "what is off stays off");
        old.set(true).unwrap();
        std::fs::write(scene.home.path().join("moved"), "").unwrap();
        let moved = scene.entry("moved", None);
        assert!(!moved.put_right().unwrap(), "the first is still there");
        std::fs::remove_file(scene.home.path().join("program")).unwrap();
        assert!(moved.put_right().unwrap());
        let text = kept::read(&moved.folder, &moved.name).unwrap().unwrap();
        assert_eq!(
            system::program(&text),
            Some(scene.home.path().join("moved"))
        );
    }

    #[test]
    fn a_long_path_makes_a_name_that_a_file_may_have() {
        let name = named_after(&format!("/{}/store", "ü".repeat(300)));
        assert!(name.len() <= 101 && name.ends_with("-store"), "{name}");
    }
}
