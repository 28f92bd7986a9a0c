//! The settings file of one store: what it says, and changes that keep the rest of it as it is.

use std::collections::BTreeSet;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use commonplace_api::Refusal;
use commonplace_api::settings::{Setting, Settings, SettingsChange, SettingsReport, template};
use commonplace_engine::lock_holders;
use serde_json::Value;

use super::changes::edited;
use super::rows::{Fixed, Known, rows};
use super::set_aside::set_aside;
use super::{Reading, broken};
use crate::paths::DataDir;
use crate::system::files;
use crate::system::processes;

/// Longest wait for another program that changes the settings, which takes some milliseconds.
const LOCK_WAIT_MAX: Duration = Duration::from_secs(5);
/// How often it is looked whether that program is done.
const LOCK_LOOK_EVERY: Duration = Duration::from_millis(20);

/// The settings file of one store, and what it said last.
pub(crate) struct SettingsFile {
    path: PathBuf,
    /// Held while the file is changed, so that no instance undoes the change of another.
    lock_path: PathBuf,
    lock_wait: Duration,
    fixed: Vec<Fixed>,
    state: Mutex<State>,
}

struct State {
    /// The file's text as it was read or written last, whether it is good or not.
    text: String,
    in_file: BTreeSet<String>,
    in_force: Settings,
    kept: Settings,
    problem: Option<String>,
}

impl SettingsFile {
    /// Begins with settings that were read a moment ago and are in force.
    pub(crate) fn new(data_dir: &DataDir, in_force: &Settings, fixed: Vec<Fixed>) -> Self {
        let path = data_dir.settings();
        let problem = Reading::at(&path, in_force).problem(&path);
        let text = fs::read_to_string(&path).unwrap_or_default();
        let state = State {
            in_file: keys(&text),
            in_force: in_force.clone(),
            kept: in_force.clone(),
            problem,
            text,
        };
        Self {
            path,
            lock_path: data_dir.locks().join("settings.lock"),
            lock_wait: LOCK_WAIT_MAX,
            fixed,
            state: Mutex::new(state),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change of the state is one assignment after the other, none of which panics.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns every setting.
    pub(crate) fn status(&self) -> SettingsReport {
        let state = self.state();
        SettingsReport {
            path: self.path.display().to_string(),
            problem: state.problem.clone(),
            settings: rows(&Known {
                in_force: &state.in_force,
                kept: &state.kept,
                in_file: &state.in_file,
                fixed: &self.fixed,
            }),
        }
    }

    /// Writes changes into the file, all or none, and returns what it says then. Lines that are no TOML become comments:
    /// no key can be found beside them.
    pub(crate) fn change(&self, change: &SettingsChange) -> Result<Settings, Refusal> {
        let _lock = self.lock_file().map_err(|error| self.failed(&error))?;
        let mut state = self.state();
        let text = read(&self.path).map_err(|error| match error.kind() {
            io::ErrorKind::InvalidData => self.damaged(&error),
            _ => self.failed(&error),
        })?;
        let (clean, _) = broken::taken_out(&text).map_err(|reason| self.damaged(&reason))?;
        let in_file = keys(&clean);
        let change = self.checked(change, &in_file)?;
        let edited = edited(&clean, &change).map_err(|error| self.damaged(&error))?;
        let reading = Reading::of(&edited, &state.kept);
        files::replace(&self.path, edited.as_bytes()).map_err(|error| self.failed(&error))?;
        state.take(edited, &reading, &self.path);
        Ok(reading.settings)
    }

    /// Puts the commented defaults in the place of the file, and keeps what was there beside it, whatever it was. Returns
    /// where; None if there was no file.
    pub(crate) fn reset_all(&self) -> Result<Option<PathBuf>, Refusal> {
        let _lock = self.lock_file().map_err(|error| self.failed(&error))?;
        let mut state = self.state();
        let aside = set_aside(&self.path).map_err(|error| self.failed(&error))?;
        let text = template();
        files::replace(&self.path, text.as_bytes()).map_err(|error| self.failed(&error))?;
        let reading = Reading::of(&text, &Settings::default());
        state.take(text, &reading, &self.path);
        Ok(aside)
    }

    /// Checks changes, and returns them with each value in its plainest form.
    fn checked(
        &self,
        change: &SettingsChange,
        in_file: &BTreeSet<String>,
    ) -> Result<SettingsChange, Refusal> {
        let mut checked = SettingsChange::default();
        for (key, value) in &change.0 {
            let value = self.checked_value(key, value, in_file)?;
            checked.0.insert(key.clone(), value);
        }
        Ok(checked)
    }

    fn checked_value(
        &self,
        key: &str,
        value: &Value,
        in_file: &BTreeSet<String>,
    ) -> Result<Value, Refusal> {
        let setting = match Setting::find(key) {
            Ok(setting) => setting,
            // A key that is written wrong is taken out by that name.
            Err(_) if value.is_null() && in_file.contains(key) => return Ok(Value::Null),
            Err(error) => return Err(error.into()),
        };
        if let Some(fixed) = self.fixed.iter().find(|fixed| fixed.key == setting.key) {
            return Err(Refusal::Overridden {
                key: key.to_owned(),
                by: fixed.source.clone(),
            });
        }
        if value.is_null() {
            return Ok(Value::Null);
        }
        Ok(setting.fitting(value)?)
    }

    fn lock_file(&self) -> io::Result<File> {
        if let Some(dir) = self.lock_path.parent() {
            crate::system::platform::make_private_dir(dir)?;
        }
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&self.lock_path)?;
        let until = Instant::now() + self.lock_wait;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::WouldBlock) if Instant::now() < until => {
                    std::thread::sleep(LOCK_LOOK_EVERY)
                }
                Err(TryLockError::WouldBlock) => return Err(self.kept_locked(&file)),
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
    }

    /// Says who changes the settings and does not come to an end.
    fn kept_locked(&self, file: &File) -> io::Error {
        let who = processes::named_all(&lock_holders(file));
        io::Error::other(format!(
            "`{}` is locked by {who}, which should have finished by now: end it and try again",
            self.lock_path.display()
        ))
    }

    fn failed(&self, error: &io::Error) -> Refusal {
        Refusal::failed(format!(
            "could not change the settings `{}`: {error}; nothing was changed",
            self.path.display()
        ))
    }

    fn damaged(&self, reason: &dyn std::fmt::Display) -> Refusal {
        Refusal::failed(format!(
            "nothing of the settings `{}` can be read ({reason}), and nothing was changed: `commonplace settings reset \
             --all` sets the file aside and starts with the defaults",
            self.path.display()
        ))
    }

    /// Reads the file again, if it has changed, and takes it into use as far as it is good. Returns what is wrong with the
    /// rest; None if nothing has changed.
    pub(super) fn look(&self) -> Option<Option<String>> {
        // Read under the lock: a text from before a change would seem to be a newer one after it.
        let mut state = self.state();
        // What cannot be read is remembered by the reason, so that it is told once.
        let read = read(&self.path).map_err(|error| error.to_string());
        let text = read.clone().unwrap_or_else(|reason| format!("\0{reason}"));
        if text == state.text {
            return None;
        }
        let reading = match &read {
            Ok(text) => Reading::of(text, &state.kept),
            Err(reason) => Reading::nothing(reason, &state.kept),
        };
        state.take(text, &reading, &self.path);
        Some(state.problem.clone())
    }

    /// Has `apply` bring what is kept now into use. Under the lock, so that of two who come at once the last one brings the
    /// newest.
    pub(super) fn bring<E>(&self, apply: impl FnOnce(&Settings) -> Result<(), E>) -> Result<(), E> {
        let mut state = self.state();
        apply(&state.kept)?;
        state.in_force.limits = state.kept.limits;
        state.in_force.redact_secrets = state.kept.redact_secrets;
        Ok(())
    }

    /// Says what of the file is not in use.
    pub(super) fn problem(&self) -> Option<String> {
        self.state().problem.clone()
    }
}

impl State {
    fn take(&mut self, text: String, reading: &Reading, path: &Path) {
        self.in_file = keys(&text);
        self.text = text;
        self.kept = reading.settings.clone();
        self.problem = reading.problem(path);
    }
}

/// Reads the file; one that is not there has no keys.
fn read(path: &Path) -> io::Result<String> {
    Ok(files::read(path)?.unwrap_or_default())
}

fn keys(text: &str) -> BTreeSet<String> {
    let (clean, _) = broken::taken_out(text).unwrap_or_default();
    let table: toml::Table = clean.parse().unwrap_or_default();
    table.keys().cloned().collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn file(dir: &tempfile::TempDir, text: &str) -> SettingsFile {
        let data_dir = DataDir::find(Some(dir.path().to_owned())).unwrap();
        fs::write(data_dir.settings(), text).unwrap();
        let read = Reading::at(&data_dir.settings(), &Settings::default());
        SettingsFile::new(&data_dir, &read.settings, Vec::new())
    }

    fn change(file: &SettingsFile, key: &str, value: Value) -> Result<Settings, Refusal> {
        file.change(&SettingsChange(
            [(key.to_owned(), value)].into_iter().collect(),
        ))
    }

    // A change without a bound would hang whoever asks for it, and in a host also whoever looks at the settings.
    #[test]
    fn who_keeps_the_settings_locked_is_named_and_nothing_is_changed() {
        let dir = tempfile::tempdir().unwrap();
        let mut file = file(&dir, "port = 1\n");
        file.lock_wait = Duration::ZERO;
        let other = file.lock_file().unwrap();
        let pid = format!("pid {}", std::process::id());
        for refused in [
            change(&file, "port", json!(2)).map(drop),
            file.reset_all().map(drop),
        ] {
            let said = refused.unwrap_err().to_string();
            assert!(said.contains("settings.lock` is locked by"), "{said}");
            assert!(!cfg!(target_os = "linux") || said.contains(&pid), "{said}");
            assert!(said.contains("try again; nothing was changed"), "{said}");
        }
        let text = fs::read_to_string(dir.path().join("settings.toml")).unwrap();
        assert_eq!(text, "port = 1\n");
        drop(other);
        change(&file, "port", json!(2)).unwrap();
    }

    #[test]
    fn a_change_keeps_comments_and_other_keys() {
        let dir = tempfile::tempdir().unwrap();
        let file = file(&dir, "# mine\nport = 1 # one\n# workers = 4\n");
        change(&file, "workers", json!("auto")).unwrap();
        let text = fs::read_to_string(dir.path().join("settings.toml")).unwrap();
        assert_eq!(
            text,
            "# mine\nport = 1 # one\n# workers = 4\nworkers = \"auto\"\n"
        );
        change(&file, "workers", json!(null)).unwrap();
        let text = fs::read_to_string(dir.path().join("settings.toml")).unwrap();
        assert_eq!(text, "# mine\nport = 1 # one\n# workers = 4\n");
        let left: Vec<_> = fs::read_dir(dir.path()).unwrap().collect();
        assert_eq!(left.len(), 2, "the file and the lock directory: {left:?}");
    }

    #[test]
    fn what_is_refused_changes_nothing_and_says_the_range() {
        let dir = tempfile::tempdir().unwrap();
        let file = file(&dir, "port = 1\n");
        let table = [
            (
                "workers",
                json!(0),
                "`workers` cannot be 0: it must be between 1 and 32, or \"auto\"",
            ),
            ("workers", json!("many"), "it must be between 1 and 32"),
            (
                "queue_length",
                json!(100_001),
                "it must be between 1 and 100000",
            ),
            ("write_deadline_s", json!(51), "it must be between 1 and 50"),
            ("write_deadline_s", json!(-1), "it must be between 1 and 50"),
            (
                "write_deadline_s",
                json!(1.5),
                "it must be between 1 and 50",
            ),
            ("backups_kept", json!(0), "it must be between 1 and 1000"),
            ("history_days", json!(8), "it must be between 1 and 7"),
            ("port", json!(65_536), "it must be between 0 and 65535"),
            (
                "log",
                json!("loud"),
                "it must be error, warn, info, debug or trace",
            ),
            (
                "log",
                json!(""),
                "it must be error, warn, info, debug or trace",
            ),
            ("redact_secrets", json!("yes"), "it must be true or false"),
            (
                "wrokers",
                json!(1),
                "there is no setting `wrokers`: did you mean `workers`?",
            ),
        ];
        for (key, value, said) in table {
            let error = file
                .change(&SettingsChange(
                    [("log".to_owned(), json!("warn")), (key.to_owned(), value)]
                        .into_iter()
                        .collect(),
                ))
                .unwrap_err();
            assert!(matches!(error, Refusal::BadSetting { .. }), "{error}");
            assert!(error.to_string().contains(said), "{error}");
        }
        let text = fs::read_to_string(dir.path().join("settings.toml")).unwrap();
        assert_eq!(text, "port = 1\n", "all or none");
    }

    #[test]
    fn a_whole_number_is_one_also_with_a_point() {
        let dir = tempfile::tempdir().unwrap();
        let file = file(&dir, "");
        change(&file, "workers", json!(3.0)).unwrap();
        let text = fs::read_to_string(dir.path().join("settings.toml")).unwrap();
        assert_eq!(text, "workers = 3\n");
    }

    // A typo anywhere in the file refused every change, also the one that would have corrected it.
    #[test]
    fn a_file_with_a_typo_is_mended_by_set_and_reset() {
        let dir = tempfile::tempdir().unwrap();
        let file = file(
            &dir,
            "# mine\nprot = 1 # one\nworkers = = 8\nlog = \"loud\"\n",
        );
        let text = || fs::read_to_string(dir.path().join("settings.toml")).unwrap();
        change(&file, "workers", json!(8)).unwrap();
        assert_eq!(
            text(),
            "# mine\nprot = 1 # one\n# not TOML: workers = = 8\nlog = \"loud\"\nworkers = 8\n"
        );
        assert!(
            file.status()
                .problem
                .unwrap()
                .contains("did you mean `port`?")
        );
        change(&file, "prot", json!(null)).unwrap();
        change(&file, "log", json!("warn")).unwrap();
        assert_eq!(
            text(),
            "# mine\n# not TOML: workers = = 8\nlog = \"warn\"\nworkers = 8\n"
        );
        assert_eq!(file.status().problem, None);
        let error = change(&file, "prot", json!(null)).unwrap_err().to_string();
        assert!(error.contains("there is no setting `prot`"), "{error}");
    }

    #[test]
    fn what_is_no_settings_file_is_set_aside_and_kept() {
        let dir = tempfile::tempdir().unwrap();
        let file = file(&dir, "");
        let path = dir.path().join("settings.toml");
        let noise = b"\xff\xfe\0no text";
        for number in [1, 2] {
            fs::write(&path, noise).unwrap();
            assert!(change(&file, "workers", json!(2)).is_err());
            let aside = file.reset_all().unwrap().expect("there was a file");
            assert_eq!(aside, path.with_extension(format!("toml.aside-{number}")));
            assert_eq!(fs::read(aside).unwrap(), noise);
            assert_eq!(fs::read_to_string(&path).unwrap(), template());
        }
        change(&file, "workers", json!(2)).unwrap();
    }

    #[test]
    fn a_file_changed_by_hand_is_seen_once_and_used_as_far_as_it_is_good() {
        let dir = tempfile::tempdir().unwrap();
        let file = file(&dir, "workers = 7\n");
        let path = dir.path().join("settings.toml");
        assert!(file.look().is_none());
        fs::write(&path, "workers = 33\nqueue_length = 9\n").unwrap();
        let problem = file
            .look()
            .expect("it has changed")
            .expect("it is not good");
        assert!(problem.contains("line 1: workers = 33"), "{problem}");
        assert!(file.look().is_none(), "told once");
        assert_eq!(file.status().problem, Some(problem));
        let kept = file.state().kept.limits;
        assert_eq!(
            kept.workers,
            commonplace_api::settings::WorkerCount::Fixed(7),
            "the last good one"
        );
        assert_eq!(kept.queue_len_max, 9);
        fs::write(&path, "workers = 3\n").unwrap();
        assert_eq!(file.look(), Some(None));
        assert_eq!(file.status().problem, None);
    }

    /// Somebody who looked had read the old text before the change and took it for a newer one after it.
    #[test]
    fn looking_while_a_change_is_made_does_not_bring_the_old_value_back() {
        let dir = tempfile::tempdir().unwrap();
        let file = file(&dir, "");
        let is_over = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !is_over.load(std::sync::atomic::Ordering::Relaxed) {
                    let _ = file.look();
                }
            });
            let all_kept = (1..=100).all(|seconds| {
                change(&file, "write_deadline_s", json!(seconds % 50 + 1)).unwrap();
                let text = fs::read_to_string(&file.path).unwrap();
                file.state().text == text
            });
            is_over.store(true, std::sync::atomic::Ordering::Relaxed);
            assert!(all_kept, "the state is what was written last");
        });
    }
}
