//! Hosts that end themselves at named points, and hosts that leave out a step on purpose: only with the feature
//! `failpoints`.

use std::path::Path;
use std::time::Duration;

use commonplace_api::backups::BackupKind;
use tempfile::TempDir;

use super::check::Rule;
use super::clients::Faults;
use super::drive::{Ends, Outcome, Setup, run};
use super::hosts::WISH;
use super::record::{Asked, End, Operation};
use super::trouble::{Kind, POINTS, Point, Troubles};
use crate::support::{
    Host, Listed, backups, command, eventually, list, run_json, run_well, search, store,
};

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

/// On a busy machine a run can end before what it is about has happened: then another one follows.
const RUNS_MAX: u64 = 8;

#[test]
fn a_death_at_each_point_loses_nothing_and_doubles_nothing() {
    let died_there =
        |note: &String| note.contains("at its point") || note.contains("while starting");
    for (point, hits) in POINTS {
        let has_died = (SEED..SEED + RUNS_MAX).any(|seed| {
            let dir = tempfile::tempdir().unwrap();
            let setup = Setup {
                seed,
                ..setup(vec![(point, hits.min(4))])
            };
            let outcome = run(dir.path(), &setup, |_| {});
            outcome.must_be_good();
            outcome.done.notes.iter().any(died_there)
        });
        assert!(has_died, "nobody died at `{point}` in {RUNS_MAX} runs");
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

#[test]
fn a_death_in_the_migration_of_an_old_store_leaves_one_backup_and_the_store() {
    let dir = tempfile::tempdir().expect("there is room");
    store(dir.path(), "from before");
    let old = rusqlite::Connection::open(dir.path().join("commonplace.db")).expect("it is there");
    let added = r"SELECT group_concat(format('DROP %s %s;', type, name), ' ')
                  FROM sqlite_schema
                  WHERE name LIKE '%\_sum\_%' ESCAPE '\' OR name LIKE '%\_sums' ESCAPE '\'";
    let drop_added: String = old.query_row(added, [], |row| row.get(0)).unwrap();
    old.execute_batch(&format!(
        "{drop_added}
         ALTER TABLE commit_log DROP COLUMN sum;
         ALTER TABLE memory_history DROP COLUMN project;
         PRAGMA user_version = 2"
    ))
    .expect("it becomes a store of version 2");
    drop(old);
    let backups = || backups(dir.path());
    for _ in 0..3 {
        let mut dying = command(dir.path(), &["serve", "--port", "0"]);
        let said = Host::try_start(dying.env(WISH, "migration=kill"), dir.path());
        assert!(said.is_err(), "it was to end in the migration");
        let kept = backups();
        assert_eq!(kept.len(), 1, "{kept:?}");
        assert_eq!(kept[0].kind, BackupKind::BeforeMigration);
    }
    let newest = || list(dir.path()).memories.remove(0).text;
    assert_eq!(newest(), "from before");
    assert_eq!(backups().len(), 1, "the migration went through");
    store(dir.path(), "from after");
    let backup = backups().remove(0).path;
    let path = backup.to_str().expect("the path is text");
    run_well(dir.path(), &["restore", path, "--yes"]);
    assert_eq!(newest(), "from before", "the backup is as it was");
}

/// Says whether a file of the database holds one of these texts.
fn holds_any(dir: &Path, texts: &[String]) -> bool {
    let files = std::fs::read_dir(dir).expect("the store is a directory");
    files
        .map(|file| file.expect("the store can be listed").path())
        .filter(|path| path.to_string_lossy().contains("commonplace.db"))
        .any(|path| {
            // The log may go away meanwhile.
            let bytes = std::fs::read(path).unwrap_or_default();
            let holds = |text: &String| {
                bytes
                    .windows(text.len())
                    .any(|part| part == text.as_bytes())
            };
            texts.iter().any(holds)
        })
}

/// A store with a host, and a memory that a command has purged and died before it could empty the log: its text is still
/// there. A host empties the log once within its first seconds; where that came in between, the next try follows.
fn half_purged() -> (TempDir, Host, [String; 1]) {
    let tries = (0..RUNS_MAX).map(|_| {
        let dir = tempfile::tempdir().unwrap();
        let (host, texts) = purge_and_die(dir.path());
        (dir, host, texts)
    });
    let mut left = tries.filter(|(dir, _, texts)| holds_any(dir.path(), texts));
    left.next().expect("the log was to be left as it was")
}

fn purge_and_die(dir: &Path) -> (Host, [String; 1]) {
    let host = Host::start(dir);
    let secret = "a secret that was told by mistake";
    store(dir, "what stays");
    store(dir, "what is purged afterwards");
    let hash = store(dir, secret);
    run_well(dir, &["delete", &hash]);
    let mut purge = command(dir, &["purge", &hash, "--yes"]);
    let ended = purge
        .env(WISH, "checkpoint=kill")
        .output()
        .expect("the command starts");
    assert!(!ended.status.success(), "it was to die at its point");
    let deleted: Listed = run_json(dir, &["list", "--deleted"]);
    assert_eq!(deleted.total, 0, "its purge was committed");
    (host, [secret.to_owned()])
}

fn stays_and_is_whole(dir: &Path) {
    let living = search(dir, &["what stays", "--mode", "exact"]);
    assert_eq!(living[0].text, "what stays");
    run_well(dir, &["doctor"]);
}

#[test]
fn what_was_purged_by_one_that_died_before_the_log_was_empty_is_taken_out_by_the_next_host() {
    let (dir, mut host, texts) = half_purged();
    host.kill();
    assert!(
        holds_any(dir.path(), &texts),
        "a killed host empties nothing"
    );
    let _next = Host::start(dir.path());
    eventually("the purged text goes", || !holds_any(dir.path(), &texts));
    stays_and_is_whole(dir.path());
}

#[test]
fn what_was_purged_by_one_that_died_before_the_log_was_empty_is_taken_out_by_the_next_purge() {
    let (dir, _host, texts) = half_purged();
    let other = search(
        dir.path(),
        &["what is purged afterwards", "--mode", "exact"],
    );
    let hash = other[0].content_hash.as_str();
    run_well(dir.path(), &["delete", hash]);
    let purged = run_well(dir.path(), &["purge", hash, "--yes"]);
    assert!(
        purged.starts_with("removed 1 memory permanently"),
        "{purged}"
    );
    eventually("the purged text goes", || !holds_any(dir.path(), &texts));
    stays_and_is_whole(dir.path());
}

#[test]
fn purges_that_die_before_the_log_is_empty_lose_nothing_and_leave_no_text() {
    let dir = tempfile::tempdir().unwrap();
    let mut dying = setup(Vec::new());
    (dying.hosts, dying.by_command) = (1, 3);
    dying.troubles = Troubles::none();
    dying.faults = Faults { deaths: 40 };
    dying.ends = Ends::After(60);
    let outcome = run(dir.path(), &dying, |_| {});
    outcome.must_be_good();
    let purged = outcome.purged();
    let died = |operation: &&Operation| {
        matches!(operation.asked, Asked::Purge { .. })
            && matches!(operation.end, End::Unknown { .. })
            && outcome.is_committed(operation)
    };
    let deaths = outcome.operations.iter().filter(died).count();
    assert!(
        deaths > 0 && deaths < purged.len(),
        "{deaths} of {purged:?}"
    );
    let _next = Host::start(dir.path());
    eventually("the purged texts go", || !holds_any(dir.path(), &purged));
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
fn stuck(seed: u64, wishes: &str) -> Outcome {
    let dir = tempfile::tempdir().unwrap();
    let mut setup = setup(Vec::new());
    setup.seed = seed;
    setup.faults = Faults::default();
    setup.troubles.kinds = vec![Kind::StuckHolder];
    setup.ends = Ends::At(Duration::from_secs(7));
    setup.environment = vec![(WISH.to_owned(), wishes.to_owned())];
    run(dir.path(), &setup, |_| {})
}

#[test]
fn a_holder_that_was_taken_over_changes_nothing_when_it_wakes() {
    let was_taken_over = (SEED..SEED + RUNS_MAX).any(|seed| {
        let outcome = stuck(seed, "");
        outcome.must_be_good();
        outcome.done.take_overs > 0
    });
    assert!(was_taken_over, "nobody was taken over in {RUNS_MAX} runs");
}

#[test]
fn the_checker_finds_a_missing_fence() {
    let is_found = (SEED..SEED + RUNS_MAX).any(|seed| {
        let rules = broken_rules(&stuck(seed, "fence=skip"));
        rules.contains(&Rule::OneWriterEach) && rules.contains(&Rule::OneHolder)
    });
    assert!(is_found, "late writes were not found in {RUNS_MAX} runs");
}
