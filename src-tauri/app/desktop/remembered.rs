//! What the app remembers between starts, in `desktop.json`. Losing it does no harm.

use std::path::{Path, PathBuf};
use std::{fs, io};

use serde::{Deserialize, Serialize};

use super::single::app_dir;
use crate::system::files;

/// Facts about this person and this store.
#[derive(Debug)]
pub(super) struct Remembered {
    file: PathBuf,
    facts: Facts,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Facts {
    told_about_tray: bool,
}

impl Remembered {
    /// Reads what was remembered; a missing or damaged file counts as nothing.
    pub(super) fn load(data_dir: &Path) -> Self {
        let file = app_dir(data_dir).join("desktop.json");
        let facts = fs::read(&file)
            .ok()
            .and_then(|text| serde_json::from_slice(&text).ok());
        Self {
            file,
            facts: facts.unwrap_or_default(),
        }
    }

    /// Tells whether the person was told that closing the window leaves the program in the tray.
    pub(super) fn was_told_about_tray(&self) -> bool {
        self.facts.told_about_tray
    }

    /// Remembers that the person was told; counts for this run also if it cannot be written.
    pub(super) fn told_about_tray(&mut self) -> io::Result<()> {
        self.facts.told_about_tray = true;
        if let Some(folder) = self.file.parent() {
            fs::create_dir_all(folder)?;
        }
        files::replace(&self.file, &serde_json::to_vec(&self.facts)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_person_is_told_once() {
        let store = tempfile::tempdir().unwrap();
        let mut remembered = Remembered::load(store.path());
        assert!(!remembered.was_told_about_tray());
        remembered.told_about_tray().unwrap();
        assert!(Remembered::load(store.path()).was_told_about_tray());
    }

    #[test]
    fn a_damaged_file_counts_as_nothing_and_is_replaced() {
        let store = tempfile::tempdir().unwrap();
        let folder = app_dir(store.path());
        fs::create_dir_all(&folder).unwrap();
        for damaged in ["", "{\"told_about", "[]", "{\"told_about_tray\": 7}"] {
            fs::write(folder.join("desktop.json"), damaged).unwrap();
            let mut remembered = Remembered::load(store.path());
            assert!(!remembered.was_told_about_tray(), "{damaged}");
            remembered.told_about_tray().unwrap();
            assert!(
                Remembered::load(store.path()).was_told_about_tray(),
                "{damaged}"
            );
        }
    }

    #[test]
    fn a_fact_of_a_newer_version_does_no_harm() {
        let store = tempfile::tempdir().unwrap();
        let folder = app_dir(store.path());
        fs::create_dir_all(&folder).unwrap();
        fs::write(
            folder.join("desktop.json"),
            r#"{"told_about_tray": true, "other": 1}"#,
        )
        .unwrap();
        assert!(Remembered::load(store.path()).was_told_about_tray());
    }
}
