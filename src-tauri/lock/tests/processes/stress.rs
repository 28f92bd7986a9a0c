//! Many instances that come, wait, give up and go: whoever waits long enough gets the lock.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use commonplace_lock::{AcquireError, Locks, Wait};

use crate::child::{HUNG, identity, purpose};

const INSTANCES: u64 = 6;
const ROUNDS: u64 = 400;

/// A repeatable stream of numbers (splitmix64).
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (x ^ (x >> 31)) % end
    }
}

#[test]
fn nobody_is_stuck_where_others_give_up_and_leave() {
    let folder = tempfile::tempdir().unwrap();
    let inside = AtomicUsize::new(0);
    thread::scope(|scope| {
        for seed in 0..INSTANCES {
            let (dir, inside) = (folder.path(), &inside);
            scope.spawn(move || come_and_go(dir, inside, Chance(seed)));
        }
    });
}

fn come_and_go(dir: &std::path::Path, inside: &AtomicUsize, mut chance: Chance) {
    let mut locks = Locks::open(dir, identity("serve")).unwrap();
    for round in 0..ROUNDS {
        if chance.below(40) == 0 {
            drop(locks);
            locks = Locks::open(dir, identity("serve")).unwrap();
        }
        let looks = AtomicUsize::new(chance.below(3) as usize);
        let impatient = || {
            looks
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1))
                .is_ok()
        };
        let wait = match chance.below(4) {
            0 => Wait::up_to(Duration::from_micros(chance.below(3_000))),
            1 => Wait::up_to_while(HUNG, &impatient),
            _ => Wait::up_to(HUNG / 2),
        };
        let is_patient = wait.timeout == HUNG / 2;
        match locks.acquire_write(&purpose("stress"), wait) {
            Ok(lock) => {
                assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0, "two hold it");
                if chance.below(3) == 0 {
                    thread::sleep(Duration::from_micros(chance.below(2_000)));
                }
                inside.fetch_sub(1, Ordering::SeqCst);
                lock.release();
            }
            Err(AcquireError::TimedOut { .. } | AcquireError::GaveUp { .. }) if !is_patient => {}
            Err(error) => panic!("round {round}: {error}; {:?}", locks.waiters()),
        }
    }
}
