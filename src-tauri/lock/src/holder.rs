//! Who has the write lock: what the record says, and whether it is true.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::PathError;
use crate::identity::{Generation, Identity, Purpose};
use crate::life;
use crate::lock_file;
use crate::locks::Locks;
use crate::paths::Paths;
use crate::slot::{Reading, Slot, SlotRecord, State};

/// Looks before a lock that changes hands all the time is taken as its record says.
const LOOKS_MAX: usize = 8;

/// Describes who has a lock and what for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HolderRecord {
    /// The instance that has it. Long texts are cut.
    pub identity: Identity,
    /// What it does with it.
    pub purpose: Purpose,
    /// The lock file it is on.
    pub generation: Generation,
    /// The fencing number of this turn; None until the holder has noted it.
    pub epoch: Option<u64>,
    /// When it was taken, in unix milliseconds by the holder's clock.
    pub since_ms: i64,
}

/// Says what is known about the write lock at this moment.
///
/// The operating system decides between held and free, the record only gives the name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HolderState {
    /// Nobody has it.
    Free,
    /// This instance has it and is alive.
    Held(HolderRecord),
    /// Someone has it, and no readable record of a living instance says who.
    HeldByUnknown,
    /// Nobody has it, but this instance has not taken its record back: it died while it held
    /// the lock, or its disk refused the write. The next acquisition clears the record.
    Leftover(HolderRecord),
}

impl Locks {
    /// Tells who has the write lock now.
    ///
    /// Does not wait. The answer may be old when it arrives. It costs a few system calls and
    /// looks at the lock itself: while the lock is held this disturbs nobody, while it is free
    /// a writer may find it taken for a microsecond and tries again at once. So ask when
    /// someone wants to see it, not once per write.
    #[must_use]
    pub fn holder(&self) -> HolderState {
        let side = self.shared.side();
        write_state(&self.shared.paths, &side.write_lock, Some(&side.slot))
    }

    /// Tells who has the store for itself now. As [`Locks::holder`]; while instances share the store it reads as free.
    #[must_use]
    pub fn store_holder(&self) -> HolderState {
        let paths = &self.shared.paths;
        let slot = &self.shared.store_slot;
        state_of(paths, &paths.store_lock(), Some(slot), lock_file::is_held)
    }
}

/// Puts together what a write lock and its record say: nobody shares it on purpose.
pub(crate) fn write_state(paths: &Paths, lock: &Path, slot: Option<&Slot>) -> HolderState {
    state_of(paths, lock, slot, lock_file::is_barred)
}

/// Puts together what a lock and its record say.
///
/// `slot` is None if there is no record; `is_held` looks at the lock itself.
pub(crate) fn state_of(
    paths: &Paths,
    lock: &Path,
    slot: Option<&Slot>,
    is_held: impl Fn(&Path) -> Result<bool, PathError>,
) -> HolderState {
    let read = || slot.map_or(Reading::Empty, Slot::read);
    let is_alive = |holder: &HolderRecord| life::is_alive(paths, &holder.identity.instance);
    let mut latest = read();
    for _ in 0..LOOKS_MAX {
        let Ok(is_held) = is_held(lock) else {
            break;
        };
        let before = std::mem::replace(&mut latest, read());
        if let Some(state) = judge(&before, is_held, &latest, is_alive) {
            return state;
        }
        std::thread::yield_now();
    }
    match held(&latest) {
        Some(holder) if is_alive(holder) => HolderState::Held(holder.clone()),
        _ => HolderState::HeldByUnknown,
    }
}

/// Puts together what the record said before a look at the lock, what the look found, and what
/// the record said after it. None: look again.
///
/// A holder writes its record after taking the lock and takes it back before giving the lock
/// back. So a record that did not change around the look belongs to what the look found; one
/// that did may belong to another turn. A lock that is held without a living holder's record
/// may be one whose holder is just about to write.
fn judge(
    before: &Reading,
    is_held: bool,
    after: &Reading,
    is_alive: impl Fn(&HolderRecord) -> bool,
) -> Option<HolderState> {
    if !is_same_turn(before, after) {
        return None;
    }
    match (held(after), is_held) {
        (Some(holder), true) if is_alive(holder) => Some(HolderState::Held(holder.clone())),
        (_, true) => None,
        (Some(holder), false) => Some(HolderState::Leftover(holder.clone())),
        (None, false) => Some(HolderState::Free),
    }
}

/// Returns the holder if the record says that the lock is held.
pub(crate) fn held(reading: &Reading) -> Option<&HolderRecord> {
    match reading {
        Reading::Record(record) if record.state == State::Held => Some(&record.holder),
        Reading::Record(_) | Reading::Empty | Reading::Unreadable => None,
    }
}

pub(crate) fn is_same_turn(a: &Reading, b: &Reading) -> bool {
    let key = |record: &SlotRecord| {
        (
            record.state,
            record.turn,
            record.holder.identity.instance.clone(),
        )
    };
    match (a, b) {
        (Reading::Record(a), Reading::Record(b)) => key(a) == key(b),
        _ => a == b,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::Duration;

    use super::*;
    use crate::lock_file::{LockFile, Mode};
    use crate::testing;
    use crate::wait::Wait;

    #[test]
    fn record_and_lock_are_believed_only_if_they_belong_together() {
        let record = |state, turn, instance: &Identity| {
            let holder = HolderRecord {
                identity: instance.clone(),
                purpose: testing::purpose(),
                generation: Generation(0),
                epoch: None,
                since_ms: 1,
            };
            Reading::Record(Box::new(SlotRecord {
                state,
                turn,
                holder,
            }))
        };
        let (alive, dead) = (testing::identity(), testing::identity());
        let judge = |before: &Reading, is_held, after: &Reading| {
            let state = judge(before, is_held, after, |holder| holder.identity == alive)?;
            Some(match state {
                HolderState::Free => "free",
                HolderState::Held(_) => "held",
                HolderState::HeldByUnknown => "unknown",
                HolderState::Leftover(_) => "leftover",
            })
        };
        let ours = record(State::Held, 1, &alive);
        let ours_again = record(State::Held, 2, &alive);
        let given_back = record(State::Free, 1, &alive);
        let dead = record(State::Held, 1, &dead);
        let (empty, damaged) = (Reading::Empty, Reading::Unreadable);
        let cases = [
            (&ours, true, &ours, Some("held")),
            (&dead, false, &dead, Some("leftover")),
            (&dead, true, &dead, None),
            (&given_back, false, &given_back, Some("free")),
            (&given_back, true, &given_back, None),
            (&empty, false, &empty, Some("free")),
            (&damaged, false, &damaged, Some("free")),
            (&damaged, true, &damaged, None),
            (&given_back, false, &ours, None),
            (&ours, false, &given_back, None),
            (&ours, false, &ours_again, None),
            (&ours, true, &ours_again, None),
        ];
        for (before, is_held, after, expected) in cases {
            let found = judge(before, is_held, after);
            assert_eq!(found, expected, "{before:?}, held: {is_held}, {after:?}");
        }
    }

    /// A lock on the write lock's file that leaves no record.
    fn lock_without_record(locks: &Locks) -> LockFile {
        let path = locks.shared.paths.write_lock(Generation(0));
        let mut lock = LockFile::open(&path).unwrap();
        assert!(lock.try_take(Mode::Exclusive).unwrap());
        lock
    }

    /// Leaves the record of a holder that is dead, and the lock free.
    fn leave_record(locks: &Locks) -> HolderRecord {
        let holder = HolderRecord {
            identity: testing::identity(),
            purpose: testing::purpose(),
            generation: Generation(0),
            epoch: Some(4),
            since_ms: 1,
        };
        let record = SlotRecord {
            state: State::Held,
            turn: 1,
            holder: holder.clone(),
        };
        locks.shared.side().slot.write(&record);
        holder
    }

    #[test]
    fn the_holder_is_named_while_it_holds_and_not_after() {
        let folder = tempfile::tempdir().unwrap();
        let (ours, theirs) = (testing::open(folder.path()), testing::open(folder.path()));
        assert_eq!(theirs.holder(), HolderState::Free);
        let lock = ours
            .acquire_write(&testing::purpose(), Wait::up_to(Duration::ZERO))
            .unwrap();
        lock.note_epoch(17);
        for locks in [&ours, &theirs] {
            let HolderState::Held(holder) = locks.holder() else {
                panic!("not seen as held: {:?}", locks.holder());
            };
            assert_eq!(&holder.identity, ours.identity());
            assert_eq!(holder.purpose, testing::purpose());
            assert_eq!(holder.epoch, Some(17));
        }
        drop(lock);
        assert_eq!(theirs.holder(), HolderState::Free);
    }

    #[test]
    fn the_record_of_a_dead_holder_reads_as_leftover_until_the_next_acquisition() {
        let folder = tempfile::tempdir().unwrap();
        let locks = testing::open(folder.path());
        let dead = leave_record(&locks);
        assert_eq!(locks.holder(), HolderState::Leftover(dead));
        assert_eq!(locks.leftovers_cleared(), 0, "looking clears nothing");
        for _ in 0..2 {
            let lock = locks
                .acquire_write(&testing::purpose(), Wait::up_to(Duration::ZERO))
                .unwrap();
            assert!(matches!(locks.holder(), HolderState::Held(_)));
            drop(lock);
        }
        assert_eq!(locks.leftovers_cleared(), 1);
        assert_eq!(locks.holder(), HolderState::Free);
    }

    #[test]
    fn a_holder_without_a_readable_record_is_unknown() {
        let folder = tempfile::tempdir().unwrap();
        let locks = testing::open(folder.path());
        let lock = lock_without_record(&locks);
        assert_eq!(locks.holder(), HolderState::HeldByUnknown, "no record yet");
        leave_record(&locks);
        assert_eq!(
            locks.holder(),
            HolderState::HeldByUnknown,
            "the record is of a dead one"
        );
        fs::write(locks.shared.paths.write_holder(Generation(0)), "garbage").unwrap();
        assert_eq!(
            locks.holder(),
            HolderState::HeldByUnknown,
            "the record is damaged"
        );
        lock.release().unwrap();
        assert_eq!(
            locks.holder(),
            HolderState::Free,
            "damage alone holds nothing"
        );
    }

    #[test]
    fn looking_never_fails_an_acquisition_and_never_calls_a_living_holder_dead() {
        let folder = tempfile::tempdir().unwrap();
        let (writer, viewer) = (testing::open(folder.path()), testing::open(folder.path()));
        let write_many = || {
            let wait = Wait::up_to(Duration::from_secs(30));
            for _ in 0..2_000 {
                drop(writer.acquire_write(&testing::purpose(), wait).unwrap());
            }
        };
        std::thread::scope(|scope| {
            let writing = scope.spawn(write_many);
            while !writing.is_finished() {
                let state = viewer.holder();
                assert!(!matches!(state, HolderState::Leftover(_)), "{state:?}");
            }
        });
        assert_eq!(writer.leftovers_cleared(), 0);
    }
}
