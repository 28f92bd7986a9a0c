//! Reports that something about the locks has changed.

use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};

use crate::error::OpenError;
use crate::locks::Locks;

/// Keeps a watch going; dropping it ends it.
///
/// A call of `on_change` that has begun when it is dropped is not waited for.
#[must_use = "dropping it ends the watch at once"]
#[derive(Debug)]
pub struct LockWatch {
    _watcher: RecommendedWatcher,
}

impl Locks {
    /// Calls `on_change` when holder, waiters or instances may have changed.
    ///
    /// It does not say what: ask [`Locks::holder`], [`Locks::waiters`], [`Locks::instances`]. The holder record changes at
    /// least twice per acquisition, so there may be thousands of calls a second: let `on_change` set a flag or wake a thread,
    /// and throttle there. It runs on a thread of the watch and must not block. The death of a process changes no file and is
    /// not reported; look from time to time too.
    ///
    /// # Errors
    /// [`OpenError::Watch`] if the operating system does not watch the directory, for example
    /// because its limit of watches is reached.
    pub fn watch(&self, on_change: impl Fn() + Send + 'static) -> Result<LockWatch, OpenError> {
        let dir = self.shared.instance.paths.dir();
        let failed = |source| OpenError::Watch {
            path: dir.to_owned(),
            source,
        };
        let mut watcher = notify::recommended_watcher(move |event| {
            if is_change(&event) {
                on_change();
            }
        })
        .map_err(failed)?;
        watcher
            .watch(dir, RecursiveMode::Recursive)
            .map_err(failed)?;
        Ok(LockWatch { _watcher: watcher })
    }
}

/// Tells whether an event may mean a change. Opening and closing files is none: looking at the locks does that, and looking
/// must not lead to looking again. A failure of the watch counts, because events may have been lost.
fn is_change(event: &notify::Result<Event>) -> bool {
    !matches!(
        event,
        Ok(Event {
            kind: EventKind::Access(_),
            ..
        })
    )
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{self, Receiver};

    use notify::event::{AccessKind, CreateKind, DataChange, ModifyKind, RemoveKind};

    use super::*;
    use crate::locks::testing::{HUNG, opened, take};

    fn watch(locks: &Locks) -> (LockWatch, Receiver<()>) {
        let (sender, changes) = mpsc::channel();
        let watch = locks
            .watch(move || sender.send(()).unwrap_or_default())
            .unwrap();
        (watch, changes)
    }

    #[test]
    fn everything_but_opening_and_closing_counts_as_a_change() {
        let cases = [
            (EventKind::Access(AccessKind::Any), false),
            (EventKind::Create(CreateKind::File), true),
            (EventKind::Modify(ModifyKind::Data(DataChange::Any)), true),
            (EventKind::Remove(RemoveKind::File), true),
            (EventKind::Other, true),
        ];
        for (kind, expected) in cases {
            assert_eq!(is_change(&Ok(Event::new(kind))), expected, "{kind:?}");
        }
        assert!(is_change(&Err(notify::Error::generic("events were lost"))));
    }

    #[test]
    fn an_acquisition_is_reported() {
        let (_folder, [locks]) = opened();
        let (_watch, changes) = watch(&locks);
        drop(take(&locks));
        changes
            .recv_timeout(HUNG.timeout)
            .expect("an acquisition changes the holder record");
    }

    // Elsewhere one change may be reported several times, so they cannot be counted.
    #[cfg(target_os = "linux")]
    #[test]
    fn looking_is_not_reported() {
        let (folder, [locks]) = opened();
        let (watch, changes) = watch(&locks);
        for _ in 0..10 {
            let _ = (locks.holder(), locks.instances(), locks.waiters());
        }
        std::fs::create_dir(folder.path().join("end")).unwrap();
        changes
            .recv_timeout(HUNG.timeout)
            .expect("the new directory is a change");
        drop(watch);
        assert_eq!(
            changes.iter().count(),
            0,
            "only the new directory is a change"
        );
    }
}
