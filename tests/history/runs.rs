//! Short runs of everything at once; the long form is in [`super::soak`].

use std::time::Duration;

use super::clients::Faults;
use super::drive::{Ends, Setup, run};
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
    assert!(outcome.told.is_some(), "the figures were compared as well");
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
