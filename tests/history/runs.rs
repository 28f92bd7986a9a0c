//! Short runs of everything at once; the long form is in [`super::soak`].

use std::time::Duration;

use super::clients::Faults;
use super::clock;
use super::disk::SmallDisk;
use super::drive::{Ends, Setup, run};
use super::record::End;
use super::trouble::{Kind, Troubles};

/// Repeated by every run of the tests; the long form takes another each time.
const SEED: u64 = 20_261_125;

#[test]
fn hosts_bridges_and_commands_at_once_keep_one_history() {
    let dir = tempfile::tempdir().unwrap();
    let setup = Setup {
        seed: SEED,
        hosts: 3,
        over_http: 2,
        over_bridge: 2,
        by_command: 0,
        faults: Faults::default(),
        troubles: Troubles::none(),
        ends: Ends::After(60),
        environment: Vec::new(),
    };
    let outcome = run(dir.path(), &setup, |_| {});
    outcome.must_be_good();
    assert!(
        !outcome.told.is_empty(),
        "the figures were compared as well"
    );
    let instances: std::collections::BTreeSet<_> = outcome
        .witness
        .log
        .iter()
        .map(|commit| &commit.instance)
        .collect();
    assert_eq!(instances.len(), 3, "every host has written");
}

#[test]
fn deaths_freezes_and_restarts_leave_a_history_without_fault() {
    let dir = tempfile::tempdir().unwrap();
    let setup = Setup {
        seed: SEED,
        hosts: 3,
        over_http: 2,
        over_bridge: 1,
        by_command: 1,
        faults: Faults { deaths: 4 },
        troubles: Troubles {
            kinds: vec![Kind::Kill, Kind::Kill, Kind::Freeze, Kind::Restart],
            calm_max: Duration::from_millis(250),
            freeze_max: Duration::from_millis(400),
            ..Troubles::none()
        },
        ends: Ends::At(Duration::from_secs(8)),
        environment: Vec::new(),
    };
    let outcome = run(dir.path(), &setup, |_| {});
    outcome.must_be_good();
    assert!(outcome.done.kills > 0, "{:?}", outcome.done.notes);
}

/// One run of a few seconds with one kind of disturbance.
fn disturbed(kinds: Vec<Kind>) -> Setup {
    Setup {
        seed: SEED,
        hosts: 2,
        over_http: 2,
        over_bridge: 0,
        by_command: 0,
        faults: Faults::default(),
        troubles: Troubles {
            kinds,
            calm_max: Duration::from_millis(300),
            ..Troubles::none()
        },
        ends: Ends::At(Duration::from_secs(4)),
        environment: Vec::new(),
    }
}

#[test]
fn paused_writes_wait_and_none_gets_through() {
    let dir = tempfile::tempdir().unwrap();
    let outcome = run(dir.path(), &disturbed(vec![Kind::Pause]), |_| {});
    outcome.must_be_good();
    assert!(!outcome.done.ordered.is_empty(), "{:?}", outcome.done.notes);
}

#[test]
fn backups_made_while_hosts_write_and_die_are_the_store_after_some_commit() {
    let dir = tempfile::tempdir().unwrap();
    let outcome = run(
        dir.path(),
        &disturbed(vec![Kind::Backup, Kind::Backup, Kind::Kill]),
        |_| {},
    );
    outcome.must_be_good();
    assert!(!outcome.done.backups.is_empty(), "{:?}", outcome.done.notes);
}

#[test]
#[allow(clippy::print_stderr, reason = "what is left out is said")]
fn a_full_disk_refuses_writes_and_keeps_what_was_acknowledged() {
    let disk = match SmallDisk::mount(24) {
        Ok(disk) => disk,
        Err(reason) => {
            return eprintln!("left out, because no small disk can be mounted: {reason}");
        }
    };
    let outcome = run(&disk.store(), &disturbed(vec![Kind::FillDisk]), |_| {});
    outcome.must_be_good();
    let is_refused = |end: &End| matches!(end, End::Failed { .. } | End::Unknown { .. });
    let refused = outcome
        .operations
        .iter()
        .filter(|operation| is_refused(&operation.end))
        .count();
    assert!(
        refused > 0,
        "the disk was to be full for some: {:?}",
        outcome.done.notes
    );
}

#[test]
#[allow(clippy::print_stderr, reason = "what is left out is said")]
fn hosts_whose_clocks_differ_by_a_year_keep_one_history() {
    if !clock::can_be_faked() {
        return eprintln!("left out, because libfaketime is not installed");
    }
    let dir = tempfile::tempdir().unwrap();
    let outcome = run(dir.path(), &disturbed(vec![Kind::OtherDay]), |_| {});
    outcome.must_be_good();
    let times = outcome.witness.log.iter().map(|commit| commit.at_ms);
    let days = (times.clone().max().unwrap() - times.min().unwrap()) / 86_400_000;
    assert!(
        days >= 1,
        "the clocks were to differ: {:?}",
        outcome.done.notes
    );
}
