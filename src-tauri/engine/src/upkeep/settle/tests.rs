//! What is settled is what was looked at.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use commonplace_lock::{Identity, Locks, Wait};
use commonplace_testing::{locks as instance, purpose};

use super::*;
use crate::report::locks_report::HOLD_BUDGET_MS;
use commonplace_api::ProcessState;

/// Processes that are all stopped; writes down that one was ended.
#[derive(Debug, Default)]
struct Stopped {
    has_ended: AtomicBool,
}

impl Processes for Stopped {
    fn look(&self, _identity: &Identity) -> ProcessState {
        ProcessState::Stopped
    }

    fn end(&self, _identity: &Identity, _by_force: bool) -> Result<(), String> {
        self.has_ended.store(true, Ordering::Relaxed);
        Ok(())
    }
}

/// Two instances, of which the first has the write lock, and one that settles.
struct Scene {
    _folder: tempfile::TempDir,
    dir: std::path::PathBuf,
    first: Locks,
    second: Locks,
    clerk: Locks,
    store: commonplace_store::SqliteStore,
}

fn by() -> AuditParty {
    AuditParty {
        user: "person".to_owned(),
        pid: 1,
        role: "tray".to_owned(),
        host_name: "desk".to_owned(),
    }
}

fn taken(locks: &Locks) -> commonplace_lock::WriteLock {
    locks
        .acquire_write(&purpose("ada"), Wait::up_to(Duration::from_secs(60)))
        .unwrap()
}

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join(LOCKS_DIR);
        let [first, second, clerk] = [(); 3].map(|()| instance(&dir));
        let store = commonplace_store::SqliteStore::open(folder.path(), &clerk, 0).unwrap();
        Self {
            _folder: folder,
            dir,
            first,
            second,
            clerk,
            store,
        }
    }

    /// Settles with the holder in mind that is seen now; the lock goes to the second instance when the act asks for
    /// the time for the `moves_at`-th time, which is after its own first look.
    fn settled(
        &self,
        processes: &Stopped,
        moves_at: u32,
        act: impl FnOnce(&Settling<'_>) -> Result<Settled, SettleError>,
    ) -> Result<Settled, SettleError> {
        let held = std::cell::RefCell::new(Some(taken(&self.first)));
        let seen = look(&self.dir).unwrap().write.unwrap();
        let shown = holder_party(&seen).unwrap();
        let asked = std::cell::Cell::new(0);
        act(&Settling {
            dir: &self.dir,
            processes,
            by: &by(),
            meant: Some(&MeantHolder {
                instance: shown.instance,
                since_ms: shown.since_ms,
            }),
            now_ms: &|| {
                asked.set(asked.get() + 1);
                if asked.get() == moves_at {
                    held.replace(None);
                    held.replace(Some(taken(&self.second)));
                }
                shown.since_ms + HOLD_BUDGET_MS + 1
            },
        })
    }
}

fn must_have_moved(settled: Result<Settled, SettleError>) {
    let Err(SettleError::Refused { reason, .. }) = settled else {
        panic!("{settled:?}")
    };
    assert!(reason.contains("the lock has changed hands"), "{reason}");
}

// The lock could move between the look that was compared with the holder that was chosen and the beginning of the
// watch: whoever had it then was taken over, unseen by anybody.
#[test]
fn a_lock_that_moves_after_the_look_is_not_taken_over() {
    let scene = Scene::new();
    must_have_moved(scene.settled(&Stopped::default(), 1, |settling| {
        settling.take_over(&scene.clerk, &scene.store)
    }));
}

#[test]
fn who_gives_the_lock_back_after_the_look_is_not_ended() {
    let scene = Scene::new();
    for moves_at in 1..=3 {
        let processes = Stopped::default();
        must_have_moved(scene.settled(&processes, moves_at, |settling| {
            settling.terminate(Some(true))
        }));
        assert!(!processes.has_ended.load(Ordering::Relaxed));
    }
}

// Without an open store, the choice of the holder was forgotten on the way, and whoever held the lock was ended.
#[test]
fn without_the_store_only_the_holder_that_was_chosen_is_ended() {
    let scene = Scene::new();
    let _held = taken(&scene.first);
    let meant = MeantHolder {
        instance: commonplace_lock::InstanceId::random().to_string(),
        since_ms: 1,
    };
    let processes = Stopped::default();
    let refused = terminate(&scene.dir, &processes, &by(), Some(&meant), &|| 2).unwrap_err();
    assert!(
        refused.to_string().contains("not the holder you chose"),
        "{refused}"
    );
    assert!(!processes.has_ended.load(Ordering::Relaxed));
}
