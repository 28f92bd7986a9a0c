//! Removing what dead instances have left.

use std::fs::File;
use std::path::Path;

use super::{life, locks_apart};
use crate::file::json::remove;
use crate::file::lock_file::{self, Mode};
use crate::file::paths::{self, Paths};

/// Removes the files of instances that are proved dead; returns how many there were.
///
/// What cannot be removed stays for the next sweep. Failures are only logged, since they must not prevent an opening.
pub(crate) fn sweep(paths: &Paths) -> usize {
    let dir = paths.instances();
    let names = paths::file_names(&dir).unwrap_or_default();
    let swept = names
        .iter()
        .filter(|name| sweep_one(paths, &dir.join(name), name))
        .count();
    sweep_waiters(paths);
    if swept > 0 {
        tracing::info!(target: crate::LOG, swept, "removed the records of dead instances");
    }
    swept
}

/// Removes the files of one instance if `path` is its life lock and free.
fn sweep_one(paths: &Paths, path: &Path, name: &str) -> bool {
    let ended = paths::instance_of(name, paths::LIFE_LOCK);
    let unborn = paths::instance_of(name, paths::LIFE_LOCK_NEW);
    let Some(id) = ended.or(unborn) else {
        return false;
    };
    if path == paths.life_lock(&id)
        && !life::is_alive(paths, &id)
        && locks_apart::is_apart(paths, &id)
    {
        tracing::warn!(
            target: crate::LOG, instance = %id,
            "an instance is alive although its life lock is free: it sees this directory through another file system"
        );
        return false;
    }
    let Ok(file) = File::open(path) else {
        return false;
    };
    if !lock_file::try_lock(&file, Mode::Exclusive).unwrap_or(false) {
        return false;
    }
    if path == paths.life_lock_new(&id) {
        remove(path);
    } else {
        life::remove_files(paths, &id);
    }
    drop(file);
    true
}

/// Removes waiter records whose instance is dead.
pub(crate) fn sweep_waiters(paths: &Paths) {
    let dir = paths.waiters();
    for name in paths::file_names(&dir).unwrap_or_default() {
        if paths::instance_of_waiter(&name).is_some_and(|id| !life::is_alive(paths, &id)) {
            remove(&dir.join(name));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::thread;

    use super::super::life::{LifeLock, is_alive};
    use super::*;
    use crate::file::platform;
    use crate::identity::{Identity, InstanceId};
    use crate::records::instance::InstanceRecord;
    use crate::testing;

    fn paths() -> (tempfile::TempDir, Paths) {
        let folder = tempfile::tempdir().unwrap();
        let paths = Paths::new(folder.path()).unwrap();
        platform::create_dir(&paths.instances()).unwrap();
        platform::create_dir(&paths.waiters()).unwrap();
        (folder, paths)
    }

    /// Leaves the files that a killed instance leaves.
    fn leave_dead(paths: &Paths) -> InstanceId {
        let id = InstanceId::random();
        for path in [
            paths.life_lock(&id),
            paths.instance_record(&id),
            paths::temporary(&paths.instance_record(&id)),
            paths.socket(&id),
            paths.waiter_record(&id, 1),
            paths::temporary(&paths.waiter_record(&id, 2)),
        ] {
            fs::write(path, "{}").unwrap();
        }
        id
    }

    fn file_count(paths: &Paths) -> usize {
        [paths.instances(), paths.waiters()]
            .map(|dir| paths::file_names(&dir).unwrap().len())
            .iter()
            .sum()
    }

    #[test]
    fn an_instance_is_alive_until_its_life_lock_is_dropped() {
        let (_folder, paths) = paths();
        let id = InstanceId::random();
        assert!(!is_alive(&paths, &id));
        let life = LifeLock::take(&paths, &id, false).unwrap();
        assert!(is_alive(&paths, &id));
        drop(life);
        assert!(!is_alive(&paths, &id));
        assert_eq!(
            file_count(&paths),
            0,
            "an orderly exit leaves nothing behind"
        );
    }

    #[test]
    fn sweeping_removes_the_dead_and_leaves_the_living_and_foreign_files() {
        let (_folder, paths) = paths();
        let alive = InstanceId::random();
        let _life = LifeLock::take(&paths, &alive, true).unwrap();
        fs::write(paths.waiter_record(&alive, 1), "{}").unwrap();
        fs::write(paths.instances().join("notes.lock"), "").unwrap();
        fs::write(paths.life_lock_new(&InstanceId::random()), "").unwrap();
        leave_dead(&paths);
        leave_dead(&paths);
        assert_eq!(sweep(&paths), 3, "two dead and one that never came to life");
        assert!(is_alive(&paths, &alive));
        assert_eq!(
            file_count(&paths),
            3,
            "life lock and waiter of the living, and the note"
        );
    }

    #[test]
    fn a_socket_that_lies_elsewhere_is_swept_with_its_record_and_other_files_are_not() {
        let (_folder, paths) = paths();
        let elsewhere = tempfile::tempdir().unwrap();
        let dead = leave_dead(&paths);
        let socket = elsewhere.path().join(paths::socket_name(&dead));
        let foreign = elsewhere.path().join("notes.sock");
        let said = |socket: &Path| {
            let identity = Identity {
                instance: dead.clone(),
                ..testing::identity()
            };
            let mut record = InstanceRecord::new(identity, 1);
            record.socket = Some(socket.display().to_string());
            record.write(&paths).unwrap();
            fs::write(socket, "").unwrap();
        };
        said(&foreign);
        sweep(&paths);
        assert!(foreign.exists(), "a record cannot name just any file");
        fs::write(paths.life_lock(&dead), "").unwrap();
        said(&socket);
        sweep(&paths);
        assert!(!socket.exists());
        assert_eq!(file_count(&paths), 0);
    }

    #[test]
    fn an_instance_being_born_is_not_swept() {
        let (_folder, paths) = paths();
        let id = InstanceId::random();
        let new = platform::open_record_file(&paths.life_lock_new(&id)).unwrap();
        assert!(lock_file::try_lock(&new, Mode::Exclusive).unwrap());
        assert_eq!(sweep(&paths), 0);
        assert!(paths.life_lock_new(&id).exists());
    }

    #[test]
    fn instances_open_while_others_sweep() {
        let (_folder, paths) = paths();
        let open_many = || {
            for _ in 0..300 {
                let id = InstanceId::random();
                let life = LifeLock::take(&paths, &id, false).unwrap();
                assert!(is_alive(&paths, &id), "a living instance was swept");
                drop(life);
            }
        };
        thread::scope(|scope| {
            let opener = scope.spawn(open_many);
            while !opener.is_finished() {
                sweep(&paths);
            }
        });
    }
}
