//! Every operation of the disk fails, one after the other, once and for ever.

use std::path::Path;

use commonplace_store::{BackupError, OpenError, SqliteStore, WriteError};

use crate::disk::{Disk, Fault, Kind, Mounted, Trouble};
use crate::image::{self, Image, Platter, Survival};
use crate::oracle::{self, Oracle, Truth};
use crate::story::{self, Failure, Fate, Instance, Step, Story};
use crate::support::Chance;
use crate::{rounds, vfs};

const EVERYTHING: &[Kind] = &[
    Kind::Read,
    Kind::Write,
    Kind::Sync,
    Kind::Truncate,
    Kind::Open,
    Kind::ShmMap,
    Kind::Lock,
];
/// What takes room on the disk.
const GROWING: &[Kind] = &[Kind::Write, Kind::ShmMap];

/// The ways to fail; each is tried at every operation.
const TROUBLES: [(&[Kind], Trouble); 3] = [
    (EVERYTHING, Trouble::IoError),
    (GROWING, Trouble::Full),
    (&[Kind::Write], Trouble::ShortWrite),
];

/// Operations between two that fail, in the sample.
const STRIDE: u64 = 5;

/// Lets each operation fail that `run` asks the disk for, until it ends without having met the failure.
pub(crate) fn fail_everywhere(mut run: impl FnMut(Fault) -> u64) {
    let stride = if rounds() > 1 { 1 } else { STRIDE };
    for (kinds, trouble) in TROUBLES {
        for is_lasting in [false, true] {
            let mut nth = 1;
            loop {
                let failed = run(Fault {
                    kinds,
                    trouble,
                    nth,
                    is_lasting,
                });
                if failed == 0 {
                    break;
                }
                nth += stride;
            }
            let may_be_idle = trouble != Trouble::IoError;
            assert!(nth > 1 || may_be_idle, "no operation was ever counted");
        }
    }
}

/// Tells one story on a failing disk and looks at what is left of it.
struct Trial<'a> {
    story: &'a Story,
    before: &'a Image,
    instance: &'a Instance,
}

impl Trial<'_> {
    /// Returns how many operations failed.
    fn run(&self, fault: Fault, oracle: &mut Oracle<'_>) -> u64 {
        let what = format!("{} with {fault:?}", self.story.name);
        let directory = tempfile::tempdir().unwrap();
        image::write(self.before, directory.path());
        let disk = Disk::under(directory.path());
        let store = self.instance.open(directory.path()).unwrap();
        disk.arm(fault);
        let fates = self.tell(&store, &disk, fault, &what);
        let if_killed = left_by(Survival::All, self.before, &disk);
        let if_power_fails = left_by(Survival::Nothing, self.before, &disk);
        drop(store);
        let failed = disk.repair();
        drop(disk);
        for (directory, ended) in [
            (&directory, "closed"),
            (&if_killed, "killed"),
            (&if_power_fails, "cut off"),
        ] {
            let found = look_at(directory.path(), self.instance);
            oracle.check(&found, &fates, &format!("{what}, {ended}"));
        }
        failed
    }

    /// Does all steps. One that failed is asked for again if the disk is well: the same store must do it then.
    fn tell(&self, store: &SqliteStore, disk: &Mounted, fault: Fault, what: &str) -> Vec<Fate> {
        let mut fates = Vec::new();
        for step in 0..self.story.steps.len() {
            let is_checkpoint = matches!(self.story.steps[step], Step::Checkpoint);
            let failed_before = disk.failed();
            let answer = self.story.tell(step, store, &self.instance.lock);

            let fate = match answer {
                Ok(_) => Fate::Acknowledged,
                Err(failure) => {
                    check_wording(&failure, fault, what);
                    assert!(
                        disk.failed() > failed_before,
                        "{what}: {failure:?} without a reason"
                    );
                    if fault.is_lasting {
                        failure.fate
                    } else {
                        let again = self.story.tell(step, store, &self.instance.lock);
                        again.unwrap_or_else(|failure| panic!("{what}, asked again: {failure:?}"));
                        Fate::Acknowledged
                    }
                }
            };
            // It changes nothing that a client sees.
            fates.push(if is_checkpoint { Fate::Undone } else { fate });
        }
        fates
    }
}

/// Checks that the error names what happened.
fn check_wording(failure: &Failure, fault: Fault, what: &str) {
    let Failure { error, .. } = failure;
    let is_named = match fault.trouble {
        Trouble::Full | Trouble::ShortWrite => matches!(
            error,
            // Shared memory that cannot grow is reported as an error of the disk.
            WriteError::DiskFull { .. } | WriteError::Disk { .. } | WriteError::InDoubt { .. }
        ),
        Trouble::IoError => matches!(
            error,
            WriteError::Disk { .. } | WriteError::ReadOnly { .. } | WriteError::InDoubt { .. }
        ),
    };
    assert!(is_named, "{what}: {error:?}");
    if fault.kinds == [Kind::Write] && fault.trouble != Trouble::IoError {
        assert!(
            matches!(error, WriteError::DiskFull { .. }),
            "{what}: {error:?}"
        );
    }
    let claims_undone = error.to_string().contains("undone");
    assert!(
        !(claims_undone && failure.fate == Fate::InDoubt),
        "{what}: promises what is not known: {error}"
    );
}

/// Returns a directory with what is left if the program or the machine ends now.
fn left_by(survival: Survival, before: &Image, disk: &Disk) -> tempfile::TempDir {
    let mut platter = Platter::of(before);
    for event in disk.events() {
        platter.advance(&event);
    }
    let directory = tempfile::tempdir().unwrap();
    let image = platter.after_crash(survival, &mut Chance::seeded(0));
    image::write(&image, directory.path());
    directory
}

/// Opens the store as the program would after a failure, closes it, and looks at what it holds.
fn look_at(directory: &Path, instance: &Instance) -> Truth {
    drop(instance.open(directory).unwrap());
    Truth::found_in(directory)
}

fn every_failure_of(name: &str) {
    vfs::install();
    let instance = Instance::new();
    let before = oracle::store_before(&instance);
    let stories = story::all();
    let story = stories.iter().find(|story| story.name == name).unwrap();
    let mut oracle = Oracle::new(story, &before, &instance);
    let trial = Trial {
        story,
        before: &before,
        instance: &instance,
    };
    fail_everywhere(|fault| trial.run(fault, &mut oracle));
}

#[test]
fn no_failure_while_storing_loses_or_doubles_anything() {
    every_failure_of("store");
}

#[test]
fn no_failure_while_updating_loses_or_doubles_anything() {
    every_failure_of("update");
}

#[test]
fn no_failure_while_deleting_loses_or_doubles_anything() {
    every_failure_of("delete");
}

#[test]
fn no_failure_while_undoing_loses_or_doubles_anything() {
    every_failure_of("undo");
}

#[test]
fn no_failure_while_purging_loses_or_doubles_anything() {
    every_failure_of("purge");
}

#[test]
fn no_failure_while_indexing_loses_or_doubles_anything() {
    every_failure_of("index");
}

#[test]
fn no_failure_while_moving_the_log_loses_or_doubles_anything() {
    every_failure_of("checkpoint");
}

/// Opens the store on a failing disk, writes if that went well, and opens it again on a healthy one.
fn open_and_store(
    before: &Image,
    instance: &Instance,
    fault: Fault,
    oracle: &mut Oracle<'_>,
) -> u64 {
    let what = format!("opening with {fault:?}");
    let directory = tempfile::tempdir().unwrap();
    image::write(before, directory.path());
    let disk = Disk::under(directory.path());
    disk.arm(fault);
    let opened = instance.open(directory.path());
    if let Err(error) = &opened {
        check_open_wording(error, fault, &what);
    }
    let if_killed = left_by(Survival::All, before, &disk);
    drop(opened);
    let failed = disk.repair();
    drop(disk);
    for left in [if_killed.path(), directory.path()] {
        oracle.check(&look_at(left, instance), &[], &what);
        let store = instance.open(left).unwrap();
        oracle.story().tell_all(&store, &instance.lock);
        drop(store);
        let fates = vec![Fate::Acknowledged; oracle.story().steps.len()];
        oracle.check(&Truth::found_in(left), &fates, &what);
    }
    failed
}

fn check_open_wording(error: &OpenError, fault: Fault, what: &str) {
    use std::io::ErrorKind;
    let source = match error {
        OpenError::Io { source, .. } => source,
        OpenError::NotBackedUp { source, .. } => {
            let is_damage = matches!(**source, BackupError::StoreDamaged { .. });
            assert!(!is_damage, "{what}: a failing disk is no damage: {error}");
            return;
        }
        _ => panic!("{what}: {error:?}"),
    };
    if fault.kinds == [Kind::Write] && fault.trouble != Trouble::IoError {
        assert_eq!(source.kind(), ErrorKind::StorageFull, "{what}: {error}");
    }
}

fn every_failure_while_opening(before: &Image, instance: &Instance) {
    let story = Story {
        name: "opened",
        steps: vec![story::all().remove(0).steps.remove(0)],
    };
    let mut oracle = Oracle::new(&story, before, instance);
    fail_everywhere(|fault| open_and_store(before, instance, fault, &mut oracle));
}

#[test]
fn no_failure_while_making_a_store_is_in_the_way_of_the_next_try() {
    vfs::install();
    every_failure_while_opening(&Image::new(), &Instance::new());
}

#[test]
fn no_failure_while_opening_a_store_changes_what_it_holds() {
    vfs::install();
    let instance = Instance::new();
    every_failure_while_opening(&oracle::store_before(&instance), &instance);
}

#[test]
fn no_failure_while_migrating_a_store_changes_what_it_holds() {
    vfs::install();
    let instance = Instance::new();
    let before = oracle::of_version_one(&oracle::store_before(&instance));
    every_failure_while_opening(&before, &instance);
}

#[test]
fn no_failure_while_recovering_a_store_changes_what_it_holds() {
    vfs::install();
    let instance = Instance::new();
    let directory = tempfile::tempdir().unwrap();
    let disk = Disk::under(directory.path());
    let store = instance.open(directory.path()).unwrap();
    story::earlier().tell_all(&store, &instance.lock);
    let killed = left_by(Survival::All, &Image::new(), &disk);
    let before = image::read(killed.path());
    assert!(
        before["commonplace.db-wal"].len() > 100_000,
        "there is something to recover"
    );
    every_failure_while_opening(&before, &instance);
}
