//! One app per store: a later start shows the window of the first.
//!
//! The operating system's lock on `app/app.lock` in the store directory is the truth; it goes with its process,
//! so nothing is ever left over. A later start asks through the file `app/show`, and the first one answers by
//! taking it away. Both work without a session bus and are as private as the store directory.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::system::platform::make_private_dir;

/// How long a later start waits for an answer: the first looks four times a second unless it is at work.
const ANSWER_WAIT_MAX: Duration = Duration::from_secs(5);
const ANSWER_POLL: Duration = Duration::from_millis(50);

/// Whether this is the first app on its store.
#[derive(Debug)]
pub(crate) enum Start {
    /// It is; keep the lock for as long as the app runs.
    First(AppLock),
    /// Another app has the store's window.
    Later(FirstApp),
}

/// Proof that this is the only app on its store; dropped or killed, the next start is the first.
#[derive(Debug)]
#[must_use]
pub(crate) struct AppLock {
    request: PathBuf,
    /// Holds the lock while it is open.
    _file: File,
}

/// The app that came first.
#[derive(Debug)]
pub(crate) struct FirstApp {
    request: PathBuf,
    process: Option<u32>,
}

/// Why it could not be found out whether an app is there already.
#[derive(Debug, thiserror::Error)]
#[error("could not take the lock of the app on `{path}`; is the store directory writable?")]
pub(crate) struct SingleError {
    path: PathBuf,
    #[source]
    source: io::Error,
}

/// Finds out whether this is the first app on the store; creates the folder `app` in it if it is missing.
///
/// Does not block and opens nothing else of the store. A store directory that does not exist is created for
/// its owner alone.
///
/// # Errors
/// [`SingleError`] if the folder cannot be written to. An app may go on then, unheard by later starts.
pub(crate) fn claim(data_dir: &Path) -> Result<Start, SingleError> {
    let folder = app_dir(data_dir);
    let path = folder.join("app.lock");
    let request = folder.join("show");
    let result = make_private_dir(&folder).and_then(|()| lock(&path));
    match result {
        Ok(Some(file)) => {
            sign(&folder.join("pid"));
            // A request that nobody heard, because that app has ended since.
            let _ = fs::remove_file(&request);
            Ok(Start::First(AppLock {
                request,
                _file: file,
            }))
        }
        Ok(None) => {
            let process = read_number(&folder.join("pid"));
            Ok(Start::Later(FirstApp { request, process }))
        }
        Err(source) => Err(SingleError { path, source }),
    }
}

/// Returns the folder of the app inside a store directory.
pub(super) fn app_dir(data_dir: &Path) -> PathBuf {
    data_dir.join("app")
}

impl AppLock {
    /// Tells whether a later start asked for the window since the last call, and answers it.
    pub(crate) fn take_request(&self) -> bool {
        fs::remove_file(&self.request).is_ok()
    }
}

impl FirstApp {
    /// Returns the process id of the first app, if it could be read; for messages only.
    pub(crate) fn process(&self) -> Option<u32> {
        self.process
    }

    /// Asks the first app for its window; false if it did not answer within 5 s.
    ///
    /// # Errors
    /// If the request cannot be written.
    pub(crate) fn show(&self) -> io::Result<bool> {
        self.show_within(ANSWER_WAIT_MAX)
    }

    fn show_within(&self, wait_max: Duration) -> io::Result<bool> {
        File::create(&self.request)?;
        let end = Instant::now() + wait_max;
        while self.request.exists() {
            if Instant::now() >= end {
                // So that it is not answered minutes later, when nobody waits for a window any more.
                let _ = fs::remove_file(&self.request);
                return Ok(false);
            }
            std::thread::sleep(ANSWER_POLL);
        }
        Ok(true)
    }
}

fn lock(path: &Path) -> io::Result<Option<File>> {
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Writes down who has the lock, beside it: on Windows a locked file cannot be read.
fn sign(path: &Path) {
    let written = File::create(path).and_then(|mut file| write!(file, "{}", std::process::id()));
    if let Err(error) = written {
        tracing::debug!(%error, "later starts will not know the process id of this app");
    }
}

fn read_number(path: &Path) -> Option<u32> {
    let mut text = String::new();
    File::open(path)
        .ok()?
        .take(32)
        .read_to_string(&mut text)
        .ok()?;
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(store: &Path) -> AppLock {
        match claim(store).unwrap() {
            Start::First(lock) => lock,
            Start::Later(first) => panic!("expected the first start, found {first:?}"),
        }
    }

    fn later(store: &Path) -> FirstApp {
        match claim(store).unwrap() {
            Start::Later(first) => first,
            Start::First(lock) => panic!("expected a later start, got {lock:?}"),
        }
    }

    #[test]
    fn a_second_start_finds_the_first_and_names_its_process() {
        let store = tempfile::tempdir().unwrap();
        let _lock = first(store.path());
        assert_eq!(later(store.path()).process(), Some(std::process::id()));
    }

    #[test]
    fn an_app_that_ended_leaves_nothing_in_the_way() {
        let store = tempfile::tempdir().unwrap();
        drop(first(store.path()));
        let _lock = first(store.path());
    }

    #[test]
    fn two_stores_have_two_apps() {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let _one = first(one.path());
        let _other = first(other.path());
    }

    #[test]
    fn a_request_is_heard_once_and_answered() {
        let store = tempfile::tempdir().unwrap();
        let lock = first(store.path());
        assert!(!lock.take_request(), "nobody asked yet");
        let app = later(store.path());
        let asking = std::thread::spawn(move || app.show_within(Duration::from_secs(60)).unwrap());
        while !lock.take_request() {
            std::thread::yield_now();
        }
        assert!(
            asking.join().unwrap(),
            "the later start learns that it was heard"
        );
        assert!(!lock.take_request(), "one request opens the window once");
    }

    #[test]
    fn an_app_that_does_not_answer_is_reported_and_not_disturbed_later() {
        let store = tempfile::tempdir().unwrap();
        let lock = first(store.path());
        assert!(!later(store.path()).show_within(Duration::ZERO).unwrap());
        assert!(!lock.take_request(), "the request was taken back");
    }

    #[test]
    fn a_request_to_an_app_that_has_ended_is_forgotten() {
        let store = tempfile::tempdir().unwrap();
        drop(first(store.path()));
        fs::write(app_dir(store.path()).join("show"), "").unwrap();
        assert!(!first(store.path()).take_request());
    }

    #[test]
    fn a_store_that_is_a_file_is_an_error_that_names_the_path() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("store");
        fs::write(&file, "").unwrap();
        let error = claim(&file).unwrap_err();
        assert!(error.to_string().contains("store/app/app.lock"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn a_new_store_directory_belongs_to_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt;

        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join("new");
        let _lock = first(&store);
        for created in [store.clone(), app_dir(&store)] {
            let mode = fs::metadata(&created).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o700, "{}", created.display());
        }
    }
}
