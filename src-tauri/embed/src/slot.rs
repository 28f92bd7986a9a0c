//! The place where a model may be: empty, being loaded, ready, or known to be unusable.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use crate::embedder::{EmbedOptions, Embedder};
use crate::error::LoadError;
use crate::files::{self, Seen};
use crate::{DIM, MODEL_NAME};

/// What is known about the model, in words that may be shown to a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModelState {
    /// Nobody has asked for it yet.
    NotLoaded,
    /// It is being loaded in the background.
    Loading,
    /// It can be used.
    Ready {
        /// Name of the model.
        name: &'static str,
        /// Entries of its vectors.
        dim: usize,
    },
    /// A file is missing; the text says which one and what to do.
    Missing(String),
    /// It could not be loaded for another reason, which the text gives.
    Failed(String),
}

/// Holds one model for all threads and loads it in the background.
///
/// Dropping the slot waits for a load that is under way, less than a second.
#[derive(Debug)]
pub struct ModelSlot {
    shared: Arc<Shared>,
    /// The last thread that was started, kept to be joined.
    loader: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Debug)]
struct Shared {
    /// State and model change together.
    content: Mutex<Content>,
    changed: Condvar,
}

#[derive(Debug)]
struct Content {
    state: ModelState,
    embedder: Option<Arc<Embedder>>,
    /// The files as they were before the last load.
    seen: Seen,
    /// The files as they were at the last look of [`ModelSlot::load_if_changed`].
    latest: Seen,
}

impl ModelSlot {
    /// A slot without a model.
    #[must_use]
    pub fn empty() -> Self {
        let content = Content {
            state: ModelState::NotLoaded,
            embedder: None,
            seen: Seen::default(),
            latest: Seen::default(),
        };
        Self {
            shared: Arc::new(Shared {
                content: Mutex::new(content),
                changed: Condvar::new(),
            }),
            loader: Mutex::new(None),
        }
    }

    /// What is known about the model now. Never blocks for long.
    #[must_use]
    pub fn state(&self) -> ModelState {
        self.shared.lock().state.clone()
    }

    /// The model, if it is ready. Never waits for loading.
    #[must_use]
    pub fn get(&self) -> Option<Arc<Embedder>> {
        self.shared.lock().embedder.clone()
    }

    /// Starts loading the files in `dir` on a thread of its own, and returns at once.
    ///
    /// Does nothing while a load is under way or when the model is ready. After a failure it may
    /// be called again, for example when the files have arrived.
    pub fn load_in_background(&self, dir: impl Into<PathBuf>, options: EmbedOptions) {
        let dir = dir.into();
        let seen = files::seen(&dir);
        let mut loader = self.loader.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.shared.begin(seen) {
            return;
        }
        join(loader.take());
        let shared = Arc::clone(&self.shared);
        let started = Builder::new()
            .name("embed-load".into())
            .spawn(move || shared.load(&dir, options));
        match started {
            Ok(handle) => *loader = Some(handle),
            Err(error) => self.shared.finish(Err(ModelState::Failed(format!(
                "could not start a thread: {error}"
            )))),
        }
    }

    /// Loads again if the last load failed, somebody has changed the files in `dir` since, and they have been at rest for
    /// two calls running: files that are being copied are not tried again and again.
    ///
    /// May be called often: it asks for size and time of three files, and only while there is no model.
    pub fn load_if_changed(&self, dir: &Path, options: EmbedOptions) {
        if self.shared.is_failed() {
            let now = files::seen(dir);
            let mut content = self.shared.lock();
            let is_at_rest = std::mem::replace(&mut content.latest, now) == now;
            let is_changed = content.seen != now;
            drop(content);
            if is_changed && is_at_rest {
                self.load_in_background(dir, options);
            }
        }
    }

    /// Waits until a load that is under way has ended, at most `timeout`, and gives the model.
    ///
    /// Returns at once if nothing is being loaded. None: not ready; [`ModelSlot::state`] says why.
    #[must_use]
    pub fn wait_ready(&self, timeout: Duration) -> Option<Arc<Embedder>> {
        let is_loading = |content: &mut Content| content.state == ModelState::Loading;
        let waited =
            self.shared
                .changed
                .wait_timeout_while(self.shared.lock(), timeout, is_loading);
        let (content, _) = waited.unwrap_or_else(PoisonError::into_inner);
        content.embedder.clone()
    }
}

impl Drop for ModelSlot {
    fn drop(&mut self) {
        join(
            self.loader
                .get_mut()
                .unwrap_or_else(PoisonError::into_inner)
                .take(),
        );
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Content> {
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_failed(&self) -> bool {
        matches!(
            self.lock().state,
            ModelState::Missing(_) | ModelState::Failed(_)
        )
    }

    /// Claims the right to load; false if there is nothing to do.
    fn begin(&self, seen: Seen) -> bool {
        let mut content = self.lock();
        let is_needed = !matches!(
            content.state,
            ModelState::Loading | ModelState::Ready { .. }
        );
        if is_needed {
            content.state = ModelState::Loading;
            content.seen = seen;
        }
        is_needed
    }

    /// Loads on this thread. A panic in a library ends as a state as well: a slot that said
    /// "loading" for ever would be worse.
    fn load(&self, dir: &Path, options: EmbedOptions) {
        let loaded = catch_unwind(AssertUnwindSafe(|| Embedder::load(dir, options)));
        self.finish(match loaded {
            Ok(Ok(embedder)) => Ok(embedder),
            Ok(Err(error)) => Err(failed(&error)),
            Err(_) => Err(ModelState::Failed(
                "the model files made the program panic; fetch them again".into(),
            )),
        });
    }

    fn finish(&self, loaded: Result<Embedder, ModelState>) {
        let mut content = self.lock();
        match loaded {
            Ok(embedder) => {
                tracing::info!(model = MODEL_NAME, "the model is ready");
                content.state = ModelState::Ready {
                    name: MODEL_NAME,
                    dim: DIM,
                };
                content.embedder = Some(Arc::new(embedder));
            }
            Err(state) => {
                if let ModelState::Missing(reason) | ModelState::Failed(reason) = &state {
                    tracing::warn!(reason, "the model could not be loaded");
                }
                content.state = state;
            }
        }
        drop(content);
        self.changed.notify_all();
    }
}

fn failed(error: &LoadError) -> ModelState {
    match error {
        LoadError::Missing { .. } => ModelState::Missing(error.to_string()),
        LoadError::Damaged { .. } | LoadError::Unreadable { .. } | LoadError::Runtime { .. } => {
            let cause = std::error::Error::source(error)
                .map(|cause| format!(" ({cause})"))
                .unwrap_or_default();
            ModelState::Failed(format!("{error}{cause}"))
        }
    }
}

fn join(loader: Option<JoinHandle<()>>) {
    if let Some(handle) = loader
        && handle.join().is_err()
    {
        tracing::error!("the thread that loads the model panicked");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_load_is_under_way_at_a_time() {
        let slot = ModelSlot::empty();
        let begin = || slot.shared.begin(Seen::default());
        assert!(begin(), "the first call loads");
        assert!(!begin(), "the second does nothing meanwhile");
        slot.shared
            .finish(Err(ModelState::Failed("a reason".into())));
        assert!(begin(), "after a failure it may be tried again");
    }
}
