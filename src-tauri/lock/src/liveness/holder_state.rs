//! Who has a lock: what its record says, and whether that is true.

use std::path::Path;

use super::life;
use crate::error::PathError;
use crate::file::lock_file;
use crate::file::paths::Paths;
use crate::records::holder::{HolderRecord, Reading};
use crate::records::slot::Slot;

/// Looks before a lock that changes hands all the time is taken as its record says.
const LOOKS_MAX: usize = 8;

/// Says what is known about a lock at this moment.
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
    /// Nobody has it, but the record of this instance says otherwise: it died while it held the lock, or its disk refused the
    /// write. The next acquisition clears the record.
    Leftover(HolderRecord),
}

/// Combines what a lock that is never shared on purpose, such as the write lock, and its record say.
pub(crate) fn write_state(paths: &Paths, lock: &Path, slot: Option<&Slot>) -> HolderState {
    state_of(paths, lock, slot, lock_file::is_barred)
}

/// Combines what a lock and its record say.
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
    match latest.holder() {
        Some(holder) if is_alive(holder) => HolderState::Held(holder.clone()),
        _ => HolderState::HeldByUnknown,
    }
}

/// Combines what the record said before a look at the lock, what the look found, and what the record said after it. None:
/// look again.
///
/// A holder writes its record after taking the lock and clears it before releasing the lock. So a record that did not change
/// around the look belongs to what the look found; one that did may belong to another acquisition. A lock that is held
/// without a living holder's record may be one whose holder is just about to write.
fn judge(
    before: &Reading,
    is_held: bool,
    after: &Reading,
    is_alive: impl Fn(&HolderRecord) -> bool,
) -> Option<HolderState> {
    if !before.is_same_acquisition(after) {
        return None;
    }
    match (after.holder(), is_held) {
        (Some(holder), true) if is_alive(holder) => Some(HolderState::Held(holder.clone())),
        (_, true) => None,
        (Some(holder), false) => Some(HolderState::Leftover(holder.clone())),
        (None, false) => Some(HolderState::Free),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::Identity;
    use crate::records::holder::State;
    use crate::testing;

    #[test]
    fn record_and_lock_are_believed_only_if_they_belong_together() {
        let record = |state, acquisition, identity: &Identity| {
            let mut record = testing::slot_record();
            (record.state, record.acquisition) = (state, acquisition);
            record.holder.identity = identity.clone();
            Reading::Record(Box::new(record))
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
        let released = record(State::Free, 1, &alive);
        let dead = record(State::Held, 1, &dead);
        let (empty, damaged) = (Reading::Empty, Reading::Unreadable);
        let cases = [
            (&ours, true, &ours, Some("held")),
            (&dead, false, &dead, Some("leftover")),
            (&dead, true, &dead, None),
            (&released, false, &released, Some("free")),
            (&released, true, &released, None),
            (&empty, false, &empty, Some("free")),
            (&damaged, false, &damaged, Some("free")),
            (&damaged, true, &damaged, None),
            (&released, false, &ours, None),
            (&ours, false, &released, None),
            (&ours, false, &ours_again, None),
            (&ours, true, &ours_again, None),
        ];
        for (before, is_held, after, expected) in cases {
            let found = judge(before, is_held, after);
            assert_eq!(found, expected, "{before:?}, held: {is_held}, {after:?}");
        }
    }
}
