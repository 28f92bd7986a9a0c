//! Many instances that come, wait, give up and go: whoever waits long enough gets the lock.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use commonplace_lock::{AcquireError, Locks, Wait};
use commonplace_testing::purpose;
use fastrand::Rng;

use crate::child::{HUNG, identity};

const INSTANCES: u64 = 6;
const ROUNDS: u64 = 400;

#[test]
fn nobody_is_stuck_where_others_give_up_and_leave() {
    let folder = tempfile::tempdir().unwrap();
    let inside = AtomicUsize::new(0);
    thread::scope(|scope| {
        for seed in 0..INSTANCES {
            let (dir, inside) = (folder.path(), &inside);
            scope.spawn(move || come_and_go(dir, inside, Rng::with_seed(seed)));
        }
    });
}

fn come_and_go(dir: &std::path::Path, inside: &AtomicUsize, mut rng: Rng) {
    let mut locks = Locks::open(dir, identity("serve")).unwrap();
    for round in 0..ROUNDS {
        if rng.u8(..40) == 0 {
            drop(locks);
            locks = Locks::open(dir, identity("serve")).unwrap();
        }
        let looks = AtomicUsize::new(rng.usize(..3));
        let impatient = || {
            looks
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1))
                .is_ok()
        };
        let wait = match rng.u8(..4) {
            0 => Wait::up_to(Duration::from_micros(rng.u64(..3_000))),
            1 => Wait::up_to_while(HUNG, &impatient),
            _ => Wait::up_to(HUNG / 2),
        };
        let is_patient = wait.timeout == HUNG / 2;
        match locks.acquire_write(&purpose("stress"), wait) {
            Ok(lock) => {
                assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0, "two hold it");
                if rng.u8(..3) == 0 {
                    thread::sleep(Duration::from_micros(rng.u64(..2_000)));
                }
                inside.fetch_sub(1, Ordering::SeqCst);
                lock.release();
            }
            Err(AcquireError::TimedOut { .. } | AcquireError::GaveUp { .. }) if !is_patient => {}
            Err(error) => panic!("round {round}: {error}; {:?}", locks.waiters()),
        }
    }
}
