//! The locks between real processes.
//!
//! The test program starts itself again as a child; see `child.rs` for how the two talk.

mod apart;
mod child;
mod stress;

use std::fs;
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use child::{Child, HUNG, identity};
use commonplace_lock::{AcquireError, HolderState, Locks, Wait, live_instances};
use commonplace_testing::purpose;
use tempfile::TempDir;

const NO_WAIT: Wait<'static> = Wait::up_to(Duration::ZERO);

/// Opens the locks of a new directory.
fn opened(role: &str) -> (TempDir, Locks) {
    let folder = tempfile::tempdir().unwrap();
    let locks = Locks::open(folder.path(), identity(role)).unwrap();
    (folder, locks)
}

/// Returns when `is_true`; looks again at every change in the lock directory.
fn wait_until(locks: &Locks, is_true: impl Fn() -> bool) {
    let (sender, changes) = mpsc::channel();
    let _watch = locks
        .watch(move || sender.send(()).unwrap_or_default())
        .unwrap();
    while !is_true() {
        changes
            .recv_timeout(HUNG)
            .expect("what the test waits for never came");
    }
}

/// Starts a child that waits, and returns when it stands in line.
fn start_waiting(locks: &Locks, dir: &Path) -> Child {
    let before = locks.waiters().len();
    let mut child = Child::start(dir);
    child.tell("lock 60000");
    wait_until(locks, || locks.waiters().len() > before);
    child
}

/// The process that has the write lock.
fn holder_pid(locks: &Locks) -> u32 {
    match locks.holder() {
        HolderState::Held(holder) => holder.identity.pid,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_second_process_waits_and_gets_the_lock() {
    let (folder, locks) = opened("serve");
    let lock = locks.acquire_write(&purpose("ours"), NO_WAIT).unwrap();
    let mut child = start_waiting(&locks, folder.path());
    let waiters = locks.waiters();
    assert_eq!(waiters.len(), 1);
    assert_eq!(waiters[0].identity.pid, child.pid());
    assert_eq!(waiters[0].purpose, purpose("child"));
    assert!(waiters[0].alive);

    lock.release();
    child.expect("locked");
    assert_eq!(holder_pid(&locks), child.pid());
    child.ask("release", "released");
    assert_eq!(locks.waiters(), []);
    assert_eq!(locks.holder(), HolderState::Free);
}

#[test]
fn a_second_process_that_waits_in_vain_names_the_holder() {
    let (folder, locks) = opened("serve");
    let _lock = locks.acquire_write(&purpose("ours"), NO_WAIT).unwrap();
    let mut child = Child::start(folder.path());
    child.tell("lock 20");
    let refusal = child.read();
    let path = folder.path().join("write.lock");
    let (path, pid) = (path.display(), std::process::id());
    let start = format!("refused could not take the write lock on `{path}` within ");
    let holder = format!(": held by pid {pid} (commonplace 0.1.0 serve, on host desk) for ");
    let end = ", working for `ours` (store); `commonplace locks` shows whether it is stuck and what may be done";
    assert!(refusal.starts_with(&start), "{refusal}");
    assert!(refusal.contains(&holder), "{refusal}");
    assert!(refusal.ends_with(end), "{refusal}");
    child.ask("share", "shared");
}

#[test]
fn killing_the_holder_frees_the_lock_and_leaves_a_record_that_is_recognised() {
    let (folder, locks) = opened("serve");
    let mut child = Child::start(folder.path());
    child.ask("lock 0", "locked");
    child.ask("epoch 41", "noted");
    let pid = child.pid();
    child.kill();

    let HolderState::Leftover(dead) = locks.holder() else {
        panic!("{:?}", locks.holder())
    };
    assert_eq!((dead.identity.pid, dead.epoch), (pid, Some(41)));
    let lock = locks
        .acquire_write(&purpose("ours"), NO_WAIT)
        .expect("the dead hold nothing");
    assert_eq!(locks.leftovers_cleared(), 1);
    lock.release();
    assert_eq!(locks.holder(), HolderState::Free);
}

#[test]
fn killing_a_waiter_leaves_nothing_that_stays() {
    let (folder, locks) = opened("serve");
    let lock = locks.acquire_write(&purpose("ours"), NO_WAIT).unwrap();
    let child = start_waiting(&locks, folder.path());
    child.kill();
    assert_eq!(locks.waiters(), []);
    assert_eq!(
        fs::read_dir(folder.path().join("waiters")).unwrap().count(),
        0
    );
    lock.release();
}

#[test]
fn dead_instances_are_not_listed_and_the_next_opening_removes_their_files() {
    let (folder, locks) = opened("serve");
    let child = Child::start(folder.path());
    let pids = |locks: &Locks| -> Vec<u32> {
        locks
            .instances()
            .iter()
            .map(|instance| instance.identity.pid)
            .collect()
    };
    assert_eq!(pids(&locks), [std::process::id(), child.pid()]);
    child.kill();
    assert_eq!(pids(&locks), [std::process::id()]);
    assert_eq!(live_instances(folder.path()).unwrap().len(), 1);

    let files = || {
        fs::read_dir(folder.path().join("instances"))
            .unwrap()
            .count()
    };
    assert_eq!(files(), 4, "looking removes nothing");
    let _other = Locks::open(folder.path(), identity("cli status")).unwrap();
    assert_eq!(files(), 4, "two living instances with two files each");
}

#[test]
fn the_store_is_shared_between_processes_or_taken_by_one() {
    let (folder, locks) = opened("cli restore");
    let mut child = Child::start(folder.path());
    child.ask("share", "shared");
    drop(
        locks
            .share_store(NO_WAIT)
            .expect("shares do not exclude each other"),
    );
    let error = locks.take_store("restore", NO_WAIT).unwrap_err();
    let AcquireError::StoreInUse { instances, .. } = &error else {
        panic!("{error:?}")
    };
    assert_eq!(instances.len(), 1);
    assert_eq!(instances[0].identity.pid, child.pid());

    child.kill();
    let alone = locks
        .take_store("restore", NO_WAIT)
        .expect("the dead share nothing");
    let mut child = Child::start(folder.path());
    child.tell("share");
    let refusal = child.read();
    let holder = format!(
        "held by pid {} (commonplace 0.1.0 cli restore",
        std::process::id()
    );
    assert!(refusal.contains(&holder), "{refusal}");
    drop(alone);
    child.ask("share", "shared");
}

#[test]
fn a_replaced_lock_file_does_not_let_two_processes_in() {
    let (folder, locks) = opened("serve");
    let first = locks.acquire_write(&purpose("ours"), NO_WAIT).unwrap();
    let mut child = start_waiting(&locks, folder.path());
    if !replace(&folder.path().join("write.lock")) {
        return; // Windows refuses, which is as good.
    }
    // The child waits on the old file, which is held. When it gets that, it must end at the file that is there now.
    drop(first);
    child.expect("locked");
    let error = locks.acquire_write(&purpose("ours"), NO_WAIT).unwrap_err();
    assert!(matches!(error, AcquireError::TimedOut { .. }), "{error:?}");
}

fn replace(path: &Path) -> bool {
    let other = path.with_extension("other");
    fs::write(&other, "").unwrap();
    fs::rename(&other, path).is_ok()
}

#[test]
fn processes_are_served_in_the_order_in_which_they_came() {
    let (folder, locks) = opened("serve");
    let lock = locks.acquire_write(&purpose("ours"), NO_WAIT).unwrap();
    let mut line: Vec<_> = (0..5)
        .map(|_| start_waiting(&locks, folder.path()))
        .collect();
    let pids: Vec<_> = line.iter().map(Child::pid).collect();
    let waiting: Vec<_> = locks
        .waiters()
        .iter()
        .map(|waiter| waiter.identity.pid)
        .collect();
    assert_eq!(waiting, pids, "the list shows the order of the line");
    // A death in the middle of the line, or at its head, holds nobody up.
    line.remove(3).kill();
    line.remove(0).kill();
    lock.release();
    for mut child in line {
        child.expect("locked");
        assert_eq!(holder_pid(&locks), child.pid(), "somebody else came first");
        child.ask("release", "released");
    }
    assert_eq!(locks.holder(), HolderState::Free);
    assert_eq!(fs::read_dir(folder.path().join("line")).unwrap().count(), 0);
}

#[test]
fn who_finds_a_line_does_not_jump_it() {
    let (folder, locks) = opened("serve");
    let lock = locks.acquire_write(&purpose("ours"), NO_WAIT).unwrap();
    let mut child = start_waiting(&locks, folder.path());
    lock.release();
    let again = locks.acquire_write(&purpose("ours"), NO_WAIT);
    assert!(again.is_err(), "the child came first");
    child.expect("locked");
}

#[test]
fn the_death_of_the_holder_wakes_the_next_in_line() {
    let (folder, locks) = opened("serve");
    let mut holder = Child::start(folder.path());
    holder.ask("lock 0", "locked");
    let mut next = start_waiting(&locks, folder.path());
    holder.kill();
    next.expect("locked");
    next.ask("release", "released");
}

/// A program that is stopped in line must not stop the others: the lock is free, and nobody would take it.
#[cfg(target_os = "linux")]
#[test]
fn who_is_stopped_in_line_is_passed_over_and_served_later() {
    let (folder, locks) = opened("serve");
    let lock = locks.acquire_write(&purpose("ours"), NO_WAIT).unwrap();
    let mut stopped = start_waiting(&locks, folder.path());
    let mut next = start_waiting(&locks, folder.path());
    stopped.freeze();
    lock.release();
    next.expect("locked");
    next.ask("release", "released");
    // Once it is known, nobody waits for it again.
    let lock = locks
        .acquire_write(&purpose("ours"), Wait::up_to(HUNG))
        .unwrap();
    lock.release();
    stopped.thaw();
    stopped.expect("locked");
    stopped.ask("release", "released");
    assert_eq!(locks.holder(), HolderState::Free);
}

#[test]
fn four_processes_count_without_losing_one() {
    const ROUNDS: usize = 200;
    let folder = tempfile::tempdir().unwrap();
    let counter = folder.path().join("counter");
    fs::write(&counter, "0").unwrap();
    let mut children: Vec<_> = (0..4)
        .map(|_| Child::start(&folder.path().join("locks")))
        .collect();
    for child in &mut children {
        child.tell(&format!("count {ROUNDS} {}", counter.display()));
    }
    for child in &mut children {
        child.expect("counted");
    }
    assert_eq!(
        fs::read_to_string(&counter).unwrap(),
        (4 * ROUNDS).to_string()
    );
    let locks = Locks::open(&folder.path().join("locks"), identity("cli status")).unwrap();
    assert_eq!(locks.holder(), HolderState::Free);
    assert_eq!(locks.waiters(), []);
}
