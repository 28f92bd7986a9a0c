//! Keeps changed settings in their file, and brings them into a running host.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use commonplace_engine::{
    BackupError, BackupRunning, BackupTo, BackupsStatus, Engine, IntegrityCheckError, LocksReport,
    MeantHolder, PauseStatus, SettleAct, SettleError, Settled,
};
use commonplace_http::{Control, ControlError, LogPage, LogQuery, SettingsStatus};
use serde_json::Value;

use super::rows::{Fixed, Known, rows, spec};
use super::{Settings, SettingsError, edit, nearest};
use crate::logs;
use crate::paths::DataDir;
use crate::processes::audit_party;
use crate::tokens::TokenTexts;

/// Changes of settings: each key with its new value, or with None for the default.
pub(crate) type Changes = [(String, Option<Value>)];

/// The settings file of one store, and what it said last.
pub(crate) struct SettingsFile {
    path: PathBuf,
    /// Held while the file is changed, so that no instance undoes the change of another.
    lock_path: PathBuf,
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
        let text = fs::read_to_string(&path).unwrap_or_default();
        let state = State {
            in_file: keys(&text),
            in_force: in_force.clone(),
            kept: in_force.clone(),
            problem: None,
            text,
        };
        Self {
            path,
            lock_path: data_dir.locks().join("settings.lock"),
            fixed,
            state: Mutex::new(state),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change of the state is one assignment after the other, none of which panics.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns every setting.
    pub(crate) fn status(&self) -> SettingsStatus {
        let state = self.state();
        SettingsStatus {
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

    /// Writes changes into the file, all or none, and returns what it says then.
    pub(crate) fn change(&self, changes: &Changes) -> Result<Settings, ControlError> {
        changes.iter().try_for_each(|change| self.check(change))?;
        let mut state = self.state();
        let _lock = self.lock_file().map_err(|error| self.failed(&error))?;
        let text = read(&self.path).map_err(|error| self.failed(&error))?;
        let damaged = |error: &dyn std::fmt::Display| {
            ControlError::Failed(format!(
                "{error}; correct the file first: nothing was changed"
            ))
        };
        let edited = edited(&text, changes).map_err(|error| damaged(&error))?;
        let kept = Settings::parse(&self.path, &edited).map_err(|error| damaged(&error))?;
        write(&self.path, &edited).map_err(|error| self.failed(&error))?;
        state.take(edited, kept.clone());
        Ok(kept)
    }

    fn check(&self, (key, value): &(String, Option<Value>)) -> Result<(), ControlError> {
        let Some(spec) = spec(key) else {
            return Err(ControlError::BadSetting(format!(
                "there is no setting `{key}`: did you mean `{}`?",
                nearest(key)
            )));
        };
        if let Some(fixed) = self.fixed.iter().find(|fixed| fixed.key == spec.key) {
            return Err(ControlError::Overridden(format!(
                "`{key}` is set by {}, which wins over the settings file: start the host without it first",
                fixed.source
            )));
        }
        let Some(value) = value else {
            return Ok(());
        };
        let is_good = toml_value(value)
            .and_then(|value| edit::set("", key, &value).ok())
            .is_some_and(|text| Settings::parse(&self.path, &text).is_ok());
        if is_good {
            return Ok(());
        }
        Err(ControlError::BadSetting(format!(
            "`{key}` cannot be {value}: it must be {}; nothing was changed",
            spec.range
        )))
    }

    fn lock_file(&self) -> io::Result<File> {
        if let Some(dir) = self.lock_path.parent() {
            crate::platform::make_private_dir(dir)?;
        }
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&self.lock_path)?;
        file.lock()?;
        Ok(file)
    }

    fn failed(&self, error: &io::Error) -> ControlError {
        ControlError::Failed(format!(
            "could not change the settings `{}`: {error}; nothing was changed",
            self.path.display()
        ))
    }

    /// Reads the file again. Returns what it says if that is new, and good or not; None if nothing has changed.
    fn look(&self) -> Option<Result<Settings, SettingsError>> {
        // Read under the lock: a text from before a change would seem to be a newer one after it.
        let mut state = self.state();
        let text = read(&self.path).ok()?;
        if text == state.text {
            return None;
        }
        let parsed = Settings::parse(&self.path, &text);
        match &parsed {
            Ok(kept) => state.take(text, kept.clone()),
            Err(error) => {
                state.text = text;
                state.problem = Some(error.to_string());
            }
        }
        Some(parsed)
    }
}

impl State {
    fn take(&mut self, text: String, kept: Settings) {
        self.in_file = keys(&text);
        self.text = text;
        self.kept = kept;
        self.problem = None;
    }
}

/// The settings of a running host: changes take effect in its engine at once.
pub(crate) struct LiveSettings {
    file: SettingsFile,
    engine: Engine,
    /// Whether the tools take secrets out.
    redacts: Arc<AtomicBool>,
    data_dir: DataDir,
}

impl LiveSettings {
    pub(crate) fn new(
        file: SettingsFile,
        engine: Engine,
        redacts: Arc<AtomicBool>,
        data_dir: DataDir,
    ) -> Self {
        Self {
            file,
            engine,
            redacts,
            data_dir,
        }
    }

    /// Takes a file into use that somebody else has changed. One that is not good is told, and the old values stay.
    pub(crate) fn look(&self) {
        let taken = match self.file.look() {
            None => return,
            Some(Ok(_)) => self.apply(),
            Some(Err(error)) => Err(ControlError::Failed(error.to_string())),
        };
        match taken {
            Ok(()) => {
                tracing::info!("the settings file has changed and is in use");
                self.engine.note_settings_problem(None);
            }
            Err(error) => {
                tracing::warn!(%error, "the settings file has changed and is not in use; the old values stay");
                self.engine.note_settings_problem(Some(error.to_string()));
            }
        }
    }

    /// Brings what is kept now into the engine. Under the lock, so that of two who come at once the last one brings the
    /// newest.
    fn apply(&self) -> Result<(), ControlError> {
        let mut state = self.file.state();
        let (limits, redacts) = (state.kept.limits, state.kept.redact_secrets);
        self.engine
            .set_limits(limits)
            .map_err(|error| ControlError::Failed(error.to_string()))?;
        self.redacts.store(redacts, Ordering::Relaxed);
        state.in_force.limits = limits;
        state.in_force.redact_secrets = redacts;
        Ok(())
    }
}

impl Control for LiveSettings {
    fn pause(&self, by: &str) -> Result<PauseStatus, ControlError> {
        let paused = self.engine.pause(by);
        paused.map_err(|error| ControlError::Failed(error.to_string()))
    }

    fn resume(&self) -> Result<Option<PauseStatus>, ControlError> {
        let resumed = self.engine.resume();
        resumed.map_err(|error| ControlError::Failed(error.to_string()))
    }

    fn locks(&self) -> Result<LocksReport, ControlError> {
        let report = self.engine.locks();
        report.map_err(|error| ControlError::Failed(error.to_string()))
    }

    fn settle(&self, act: SettleAct, meant: Option<&MeantHolder>) -> Result<Settled, ControlError> {
        let by = audit_party("dashboard");
        let settled = self.engine.settle(act, &by, meant);
        settled.map_err(|error| match error {
            SettleError::Refused { .. } => ControlError::NotSafe(error.to_string()),
            SettleError::Failed(_) => ControlError::Failed(error.to_string()),
        })
    }

    fn start_integrity_check(&self) -> Result<(), ControlError> {
        let started = self.engine.start_integrity_check();
        started.map_err(|error| match error {
            IntegrityCheckError::UnderWay => ControlError::Busy(error.to_string()),
            IntegrityCheckError::Closing | IntegrityCheckError::Thread(_) => {
                ControlError::Failed(error.to_string())
            }
        })
    }

    fn logs(&self, query: &LogQuery) -> Result<LogPage, ControlError> {
        let dir = self.data_dir.logs();
        let tokens = TokenTexts::read(self.data_dir.path()).ok();
        logs::read(&dir, query, tokens.as_ref()).map_err(|error| {
            ControlError::Failed(format!(
                "could not read the log in `{}`: {error}",
                dir.display()
            ))
        })
    }

    fn settings(&self) -> SettingsStatus {
        self.file.status()
    }

    fn change_settings(&self, changes: &Changes) -> Result<SettingsStatus, ControlError> {
        self.file.change(changes)?;
        self.apply()?;
        self.engine.note_settings_problem(None);
        tracing::info!(?changes, "settings were changed");
        Ok(self.file.status())
    }

    fn backups(&self) -> BackupsStatus {
        self.engine.backups()
    }

    fn start_backup(&self, to: Option<BackupTo>) -> Result<BackupRunning, ControlError> {
        self.engine.start_backup(to).map_err(|error| match error {
            BackupError::UnderWay => ControlError::Busy(error.to_string()),
            _ => ControlError::Failed(error.to_string()),
        })
    }
}

/// Reads the file; one that is not there has no keys.
fn read(path: &Path) -> io::Result<String> {
    match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        read => read,
    }
}

/// Puts a new text in the place of the file: readers and a crash see the old one or the new one.
fn write(path: &Path, text: &str) -> io::Result<()> {
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

fn keys(text: &str) -> BTreeSet<String> {
    let table: toml::Table = text.parse().unwrap_or_default();
    table.keys().cloned().collect()
}

fn edited(text: &str, changes: &Changes) -> Result<String, toml::de::Error> {
    let mut text = text.to_owned();
    for (key, value) in changes {
        text = match value.as_ref().and_then(toml_value) {
            Some(value) => edit::set(&text, key, &value)?,
            None => edit::reset(&text, key)?,
        };
    }
    Ok(text)
}

/// Returns the value in the file's words; None for what no setting can be.
fn toml_value(value: &Value) -> Option<toml::Value> {
    match value {
        Value::Bool(value) => Some(toml::Value::Boolean(*value)),
        Value::Number(number) => whole(number).map(toml::Value::Integer),
        Value::String(text) => Some(toml::Value::String(text.clone())),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Returns a whole number; to JSON, `3.0` is one as well.
fn whole(number: &serde_json::Number) -> Option<i64> {
    let from_float = || {
        let float = number.as_f64()?;
        // Beyond this, a float does not tell whole numbers apart.
        let is_whole = float.fract() == 0.0 && float.abs() < 9e15;
        is_whole.then_some(float as i64)
    };
    number.as_i64().or_else(from_float)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn file(dir: &tempfile::TempDir, text: &str) -> SettingsFile {
        let data_dir = DataDir::find(Some(dir.path().to_owned())).unwrap();
        fs::write(data_dir.settings(), text).unwrap();
        let settings = Settings::read(&data_dir.settings()).unwrap();
        SettingsFile::new(&data_dir, &settings, Vec::new())
    }

    fn change(file: &SettingsFile, key: &str, value: Value) -> Result<Settings, ControlError> {
        file.change(&[(key.to_owned(), Some(value).filter(|value| !value.is_null()))])
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
                .change(&[
                    ("port".to_owned(), Some(json!(2))),
                    (key.to_owned(), Some(value)),
                ])
                .unwrap_err();
            assert!(matches!(error, ControlError::BadSetting(_)), "{error}");
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

    #[test]
    fn a_damaged_file_is_named_and_not_written() {
        let dir = tempfile::tempdir().unwrap();
        let file = file(&dir, "");
        fs::write(dir.path().join("settings.toml"), "prot = 1\n").unwrap();
        let error = change(&file, "workers", json!(2)).unwrap_err().to_string();
        assert!(
            error.contains("did you mean `port`?; correct the file first"),
            "{error}"
        );
        let text = fs::read_to_string(dir.path().join("settings.toml")).unwrap();
        assert_eq!(text, "prot = 1\n");
    }

    #[test]
    fn a_file_changed_by_hand_is_seen_once_and_a_bad_one_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let file = file(&dir, "");
        let path = dir.path().join("settings.toml");
        assert!(file.look().is_none());
        fs::write(&path, "workers = 33\n").unwrap();
        assert!(file.look().expect("it has changed").is_err());
        assert!(file.look().is_none(), "told once");
        assert!(file.status().problem.unwrap().contains("between 1 and 32"));
        fs::write(&path, "workers = 3\n").unwrap();
        assert!(file.look().expect("it has changed").is_ok());
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
