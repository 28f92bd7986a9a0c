//! Hosts that end themselves at named points, and hosts that leave out a step on purpose: only with the feature
//! `failpoints`.

use std::time::Duration;

use super::check::Rule;
use super::clients::Faults;
use super::drive::{Ends, Outcome, Setup, run};
use super::hosts::WISH;
use super::record::End;
use super::trouble::{Kind, POINTS, Point, Troubles};
use crate::support::{Host, command};

const SEED: u64 = 9;

fn setup(points: Vec<Point>) -> Setup {
    Setup {
        seed: SEED,
        hosts: 3,
        over_http: 2,
        over_bridge: 0,
        by_command: 0,
        faults: Faults { deaths: 2 },
        troubles: Troubles {
            kinds: vec![Kind::KillAtPoint],
            calm_max: Duration::from_millis(150),
            freeze_max: Duration::ZERO,
            spared: 1,
            points,
        },
        ends: Ends::At(Duration::from_millis(1_500)),
        environment: Vec::new(),
    }
}

#[test]
fn a_death_at_each_point_loses_nothing_and_doubles_nothing() {
    for (point, hits) in POINTS {
        let dir = tempfile::tempdir().unwrap();
        let outcome = run(dir.path(), &setup(vec![(point, hits.min(8))]), |_| {});
        outcome.must_be_good();
        let notes = &outcome.done.notes;
        let died_there =
            |note: &String| note.contains("at its point") || note.contains("while starting");
        assert!(
            notes.iter().any(died_there),
            "nobody died at `{point}`: {notes:#?}"
        );
    }
}

#[test]
fn a_death_in_the_migration_leaves_a_store_that_opens() {
    let dir = tempfile::tempdir().unwrap();
    for _ in 0..3 {
        let mut dying = command(dir.path(), &["serve", "--port", "0"]);
        let said = Host::try_start(dying.env(WISH, "migration=kill"), dir.path());
        assert!(said.is_err(), "it was to end in the migration");
    }
    let mut calm = setup(Vec::new());
    calm.troubles = Troubles::none();
    calm.ends = Ends::After(10);
    run(dir.path(), &calm, |_| {}).must_be_good();
}

/// Runs without disturbances while every process has `wishes`.
fn sabotaged(wishes: &str) -> Outcome {
    let dir = tempfile::tempdir().unwrap();
    let mut setup = setup(Vec::new());
    setup.troubles = Troubles::none();
    setup.faults = Faults::default();
    setup.ends = Ends::After(60);
    setup.environment = vec![(WISH.to_owned(), wishes.to_owned())];
    run(dir.path(), &setup, |_| {})
}

fn broken_rules(outcome: &Outcome) -> Vec<Rule> {
    outcome
        .faults()
        .into_iter()
        .map(|fault| fault.rule)
        .collect()
}

#[test]
fn the_checker_finds_a_missing_savepoint() {
    // From its thirtieth write on, a host refuses requests that have done their work already.
    let late = "refused-late:30=skip";
    let healthy = sabotaged(late);
    healthy.must_be_good();
    let refused = healthy
        .operations
        .iter()
        .any(|operation| matches!(&operation.end, End::Failed { .. }));
    assert!(refused, "the late refusals were to be seen");
    let rules = broken_rules(&sabotaged(&format!("savepoint=skip,{late}")));
    assert!(rules.contains(&Rule::FailedLeavesNothing), "{rules:?}");
}

#[test]
fn the_checker_finds_a_missing_lock() {
    let rules = broken_rules(&sabotaged("lock=skip"));
    assert!(rules.contains(&Rule::OneHolder), "{rules:?}");
}

/// Runs while holders get stuck and are taken over, with `wishes` for every host.
fn taken_over(wishes: &str) -> Outcome {
    let dir = tempfile::tempdir().unwrap();
    let mut setup = setup(Vec::new());
    setup.faults = Faults::default();
    setup.troubles.kinds = vec![Kind::StuckHolder];
    setup.ends = Ends::At(Duration::from_secs(7));
    setup.environment = vec![(WISH.to_owned(), wishes.to_owned())];
    let outcome = run(dir.path(), &setup, |_| {});
    assert!(outcome.done.take_overs > 0, "{:#?}", outcome.done.notes);
    outcome
}

#[test]
fn a_holder_that_was_taken_over_changes_nothing_when_it_wakes() {
    taken_over("").must_be_good();
}

#[test]
fn the_checker_finds_a_missing_fence() {
    let rules = broken_rules(&taken_over("fence=skip"));
    assert!(rules.contains(&Rule::OneWriterEach), "{rules:?}");
    assert!(rules.contains(&Rule::OneHolder), "{rules:?}");
}
