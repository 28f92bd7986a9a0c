//! Looking at the locks from an instance that has them open: holder, waiters, instances, pause.

use std::path::PathBuf;

use super::Locks;
use crate::error::OpenError;
use crate::identity::InstanceId;
use crate::liveness::holder_state::{self, HolderState};
use crate::liveness::{instances, life, sweep};
use crate::records::instance::InstanceRecord;
use crate::records::pause::{self, PauseRecord};
use crate::records::waiter::{self, WaiterRecord};

impl Locks {
    /// Returns who has the write lock now.
    ///
    /// Does not wait. The answer may be old when it arrives. It costs a few system calls and looks at the lock itself: while
    /// the lock is held this disturbs nobody, while it is free a writer may find it taken for a microsecond and tries again
    /// at once. So ask when somebody wants to see it, not once per write.
    #[must_use]
    pub fn holder(&self) -> HolderState {
        let files = self.shared.line.in_force();
        let paths = &self.shared.instance.paths;
        holder_state::write_state(paths, &files.write_lock, Some(&files.slot))
    }

    /// Returns the file of the write lock that is in force: another one after a take-over.
    #[must_use]
    pub fn write_lock_path(&self) -> PathBuf {
        self.shared.line.in_force().write_lock.clone()
    }

    /// Lists who waits for the write lock, in the order in which they will be served.
    ///
    /// Removes records of dead instances. A call that gets the lock at once never appears here, and one that has just got it
    /// may still do so.
    #[must_use]
    pub fn waiters(&self) -> Vec<WaiterRecord> {
        let paths = &self.shared.instance.paths;
        sweep::sweep_waiters(paths);
        waiter::list(paths, |id| life::is_alive(paths, id)).unwrap_or_else(|error| {
            tracing::warn!(target: crate::LOG, %error, "cannot list the waiters");
            Vec::new()
        })
    }

    /// Lists the living instances, this one included, the oldest first.
    ///
    /// An instance that is just starting and has no readable record yet is left out. A directory that cannot be read gives an
    /// empty list and a line in the log.
    #[must_use]
    pub fn instances(&self) -> Vec<InstanceRecord> {
        instances::list(&self.shared.instance.paths).unwrap_or_else(|error| {
            tracing::warn!(target: crate::LOG, %error, "cannot list the instances");
            Vec::new()
        })
    }

    /// Tells whether `instance` still has the store open. "Yes" also if that cannot be found out, and for an instance that
    /// has just opened it and has no record yet.
    #[must_use]
    pub fn is_instance_alive(&self, instance: &InstanceId) -> bool {
        life::is_alive(&self.shared.instance.paths, instance)
    }

    /// Reads the pause of this store; None while writes go on. One look at one file: cheap enough for every batch.
    #[must_use]
    pub fn paused(&self) -> Option<PauseRecord> {
        pause::read(&self.shared.instance.paths)
    }

    /// Does the same as [`crate::pause_writes`], with the time of these locks' clock.
    ///
    /// # Errors
    /// As [`crate::pause_writes`].
    pub fn pause(&self, by: &str) -> Result<PauseRecord, OpenError> {
        let instance = &self.shared.instance;
        let pause = PauseRecord::new(by, instance.clock.now_ms());
        pause::pause_writes(instance.paths.dir(), pause)
    }

    /// Does the same as [`crate::resume_writes`].
    ///
    /// # Errors
    /// As [`crate::resume_writes`].
    pub fn resume(&self) -> Result<Option<PauseRecord>, OpenError> {
        pause::resume_writes(self.shared.instance.paths.dir())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::file::lock_file::{LockFile, Mode};
    use crate::file::paths::Paths;
    use crate::identity::Generation;
    use crate::locks::testing::{held_by, open, opened, take, take_when_free};
    use crate::records::holder::{HolderRecord, SlotRecord};
    use crate::testing::{self, SetClock};
    use crate::{is_proved_alive, live_instances, paused_writes, resume_writes};

    /// Leaves the record of a holder that is dead, and the lock free.
    fn leave_record(locks: &Locks) -> HolderRecord {
        let record: SlotRecord = testing::slot_record();
        locks.shared.line.in_force().slot.write(&record);
        record.holder
    }

    #[test]
    fn the_holder_is_named_while_it_holds_and_not_after() {
        let (_folder, [ours, theirs]) = opened();
        assert_eq!(theirs.holder(), HolderState::Free);
        let lock = take(&ours);
        lock.note_epoch(17);
        for locks in [&ours, &theirs] {
            let holder = held_by(locks);
            assert_eq!(&holder.identity, ours.identity());
            assert_eq!(holder.purpose, testing::purpose());
            assert_eq!(holder.epoch, Some(17));
        }
        drop(lock);
        assert_eq!(theirs.holder(), HolderState::Free);
    }

    #[test]
    fn the_record_of_a_dead_holder_reads_as_leftover_until_the_next_acquisition() {
        let (_folder, [locks]) = opened();
        let dead = leave_record(&locks);
        assert_eq!(locks.holder(), HolderState::Leftover(dead));
        assert_eq!(locks.leftovers_cleared(), 0, "looking clears nothing");
        for _ in 0..2 {
            let lock = take(&locks);
            assert!(matches!(locks.holder(), HolderState::Held(_)));
            drop(lock);
        }
        assert_eq!(locks.leftovers_cleared(), 1);
        assert_eq!(locks.holder(), HolderState::Free);
    }

    #[test]
    fn a_holder_without_a_readable_record_is_unknown() {
        let (folder, [locks]) = opened();
        let paths = Paths::new(folder.path()).unwrap();
        let mut lock = LockFile::open(&paths.write_lock(Generation(0))).unwrap();
        assert!(lock.try_take(Mode::Exclusive).unwrap());
        let unknown = HolderState::HeldByUnknown;
        assert_eq!(locks.holder(), unknown, "no record yet");
        leave_record(&locks);
        assert_eq!(locks.holder(), unknown, "the record is of a dead one");
        fs::write(paths.write_holder(Generation(0)), "garbage").unwrap();
        assert_eq!(locks.holder(), unknown, "the record is damaged");
        lock.release().unwrap();
        assert_eq!(locks.holder(), HolderState::Free, "damage holds nothing");
    }

    #[test]
    fn looking_never_fails_an_acquisition_and_never_calls_a_living_holder_dead() {
        let (_folder, [writer, viewer]) = opened();
        let write_many = || {
            for _ in 0..2_000 {
                drop(take_when_free(&writer));
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

    #[test]
    fn waits_are_listed_the_longest_first_and_only_while_they_last() {
        let (folder, [locks]) = opened();
        let announce = |n, since_ms| {
            let record = WaiterRecord {
                identity: locks.identity().clone(),
                since_ms,
                ..testing::waiter_record()
            };
            waiter::AnnouncedWait::announce(&locks.shared.instance.paths, n, &record)
        };
        let announced = (announce(1, 5_000), announce(2, 4_000));
        let waiters = locks.waiters();
        let times: Vec<_> = waiters.iter().map(|waiter| waiter.since_ms).collect();
        assert_eq!(times, [4_000, 5_000]);
        assert!(waiters.iter().all(|waiter| waiter.alive));
        drop(announced);
        assert_eq!(locks.waiters(), []);
        let left = fs::read_dir(folder.path().join("waiters")).unwrap();
        assert_eq!(left.count(), 0);
    }

    #[test]
    fn the_records_of_a_dead_waiter_are_removed_and_those_of_the_living_and_foreign_ones_kept() {
        let (folder, [locks]) = opened();
        let waiters = folder.path().join("waiters");
        let (dead, alive) = (InstanceId::random(), &locks.identity().instance);
        let gone = [format!("{dead}-1.json"), format!("{dead}-2.json.tmp")];
        let kept = [format!("{alive}-1.json"), "notes.json".to_owned()];
        for damaged in ["", "{", "{\"since_ms\":1}"] {
            for name in gone.iter().chain(&kept) {
                fs::write(waiters.join(name), damaged).unwrap();
            }
            assert_eq!(locks.waiters(), []);
            assert!(gone.iter().all(|name| !waiters.join(name).exists()));
            assert!(kept.iter().all(|name| waiters.join(name).exists()));
        }
    }

    #[test]
    fn living_instances_are_listed_in_the_order_of_their_opening() {
        let folder = tempfile::tempdir().unwrap();
        let at = |ms| {
            Locks::open_with_clock(folder.path(), testing::identity(), SetClock::at(ms)).unwrap()
        };
        let (late, early) = (at(2_000), at(1_000));
        late.announce(testing::served()).unwrap();
        let found = early.instances();
        let times: Vec<_> = found.iter().map(|instance| instance.since_ms).collect();
        assert_eq!(times, [1_000, 2_000]);
        assert_eq!(found[0].url, None);
        let served = testing::served();
        assert_eq!(found[1].mcp_url, Some(served.mcp_url));
        assert_eq!(found[1].socket, served.socket);
        assert_eq!(found[1].network, served.network);
        assert_eq!(&found[1].identity, late.identity());
        assert_eq!(live_instances(folder.path()).unwrap(), found);
        let late_id = late.identity().instance.clone();
        assert!(early.is_instance_alive(&late_id));
        assert!(is_proved_alive(folder.path(), &late_id));
        drop(late);
        assert!(!is_proved_alive(folder.path(), &late_id));
        assert_eq!(early.instances().len(), 1, "who has left is not listed");
        assert!(!early.is_instance_alive(&late_id));
    }

    #[test]
    fn records_of_the_dead_of_newer_programs_and_damaged_ones_are_not_trusted() {
        let (folder, [locks]) = opened();
        let paths = Paths::new(folder.path()).unwrap();
        let dead = testing::identity().instance;
        let json = format!(
            r#"{{"instance":"{dead}","pid":1,"host_name":"a","program":"commonplace","version":"9",
            "role":"serve","since_ms":1,"shoe_size":44}}"#,
        );
        let record = paths.instance_record(&dead);
        fs::write(&record, &json).unwrap();
        fs::write(paths.life_lock(&dead), "").unwrap();
        let count = || locks.instances().len();
        assert_eq!(count(), 1, "no life lock is held, so it is dead");

        let life_lock = fs::File::open(paths.life_lock(&dead)).unwrap();
        fs4::FileExt::lock(&life_lock).unwrap();
        let found = locks.instances();
        assert_eq!(found.len(), 2, "understood as far as it goes");
        assert_eq!(found[0].identity.version, "9");
        assert_eq!(found[0].socket, None, "an older program does not say it");

        let foreign = json.replace(dead.as_str(), InstanceId::random().as_str());
        for damaged in [
            "",
            "{",
            "[]",
            "\u{0}",
            &json[..40],
            &json.replace("\"pid\":1", "\"pid\":-1"),
            &foreign,
        ] {
            fs::write(&record, damaged).unwrap();
            assert_eq!(count(), 1, "`{damaged}` is no record of this instance");
        }
    }

    #[test]
    fn a_pause_holds_for_every_instance_until_somebody_resumes() {
        let (folder, [one, other]) = opened();
        assert_eq!(one.paused(), None);
        let pause = one.pause("ada").unwrap();
        assert_eq!(other.paused(), Some(pause.clone()));
        let again = other.pause("bob").unwrap();
        assert_eq!(again, pause, "the first to pause is named, not the last");
        drop((one, other));
        let paused = paused_writes(folder.path());
        assert_eq!(paused, Some(pause.clone()), "it survives who asked for it");
        assert_eq!(resume_writes(folder.path()).unwrap(), Some(pause));
        assert_eq!(resume_writes(folder.path()).unwrap(), None);
        let locks = open(folder.path());
        assert_eq!(locks.paused(), None);
        locks.pause("ada").unwrap();
        assert!(locks.resume().unwrap().is_some());
        assert_eq!(locks.paused(), None);
    }
}
