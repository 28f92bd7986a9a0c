//! Makes a history: hosts, clients of all kinds, disturbances, and what the store holds afterwards.

use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use commonplace_api::call;
use commonplace_api::status::Status;

use super::check::{self, Fault, Passage, Told};
use super::clients::{Asking, ByCommand, Faults, OverBridge, OverHttp, operate};
use super::hosts::Hosts;
use super::record::{Asked, Operation};
use super::stage::{Known, Stage};
use super::trouble::{self, Done, Troubles};
use super::witness::Witness;
use super::workload::{self, Workload};
use crate::signals;
use crate::support::{HANG, status};
use commonplace_testing::Chance;

/// What takes part in a run.
#[derive(Debug, Clone)]
pub(crate) struct Setup {
    pub(crate) seed: u64,
    pub(crate) hosts: usize,
    /// Clients over HTTP for each host.
    pub(crate) over_http: usize,
    pub(crate) over_bridge: usize,
    pub(crate) by_command: usize,
    pub(crate) faults: Faults,
    pub(crate) troubles: Troubles,
    pub(crate) ends: Ends,
    /// Variables for every process of the program.
    pub(crate) environment: Vec<(String, String)>,
}

/// When a run ends.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Ends {
    /// Each client has done so many operations.
    After(usize),
    /// After this time.
    At(Duration),
}

/// What a run left.
pub(crate) struct Outcome {
    pub(crate) seed: u64,
    pub(crate) operations: Vec<Operation>,
    pub(crate) witness: Witness,
    pub(crate) done: Done,
    /// The figures as each running host tells them: over all hosts and commands, also those that are dead.
    pub(crate) told: Vec<Told>,
    pub(crate) trace: Vec<Passage>,
}

/// Runs on the store `dir` until the end that `setup` names. `watch` is called now and then meanwhile.
pub(crate) fn run(dir: &Path, setup: &Setup, mut watch: impl FnMut(&Stage)) -> Outcome {
    // Bridges start hosts of their own when they find none: on any free port.
    std::fs::write(dir.join("settings.toml"), "port = 0\n").expect("the settings can be written");
    let chance = Chance::new(setup.seed);
    // Elsewhere than the store, whose disk may be full.
    let beside = tempfile::tempdir().expect("a directory can be made");
    let trace = beside.path().join("trace.txt");
    let mut setup = setup.clone();
    if cfg!(feature = "failpoints") {
        let path = trace.to_str().expect("the path is text").to_owned();
        setup
            .environment
            .push(("COMMONPLACE_TRACE".to_owned(), path));
    }
    let hosts = Hosts::start(dir, setup.hosts, &setup.environment);
    let stage = Stage::new(dir.to_owned(), hosts);
    let mut operations = make_common(&stage, chance.branch(1));
    let (more, done) = play(&stage, &setup, &chance, &mut watch);
    operations.extend(more);
    let told = told(&stage);
    let mut last = chance.branch(2);
    stage.hosts.end(|| last.percent(50));
    end_strays(dir);
    Outcome {
        seed: setup.seed,
        operations,
        witness: Witness::read(dir).expect("the database can be read"),
        done,
        told,
        trace: check::parse_trace(&std::fs::read_to_string(&trace).unwrap_or_default()),
    }
}

/// Stores the memories that everybody changes.
fn make_common(stage: &Stage, mut chance: Chance) -> Vec<Operation> {
    let mut client = OverHttp::new(0);
    let mut store = |number| {
        let text = workload::common_text(number);
        let asked = Asked::Store {
            text,
            tags: Vec::new(),
        };
        let named = ("setup", format!("setup-{number}"), asked);
        let operation = operate(&mut client, stage, named, &mut chance, Faults::default());
        let marker = format!("mks{number}z");
        stage.published().push(marker.clone());
        if let Some(hash) = written_hash(&operation) {
            stage.common().push(Known {
                marker,
                hash,
                is_living: true,
            });
        }
        operation
    };
    (0..workload::COMMON).map(&mut store).collect()
}

fn written_hash(operation: &Operation) -> Option<String> {
    use super::record::{Answered, End};
    match &operation.end {
        End::Ok {
            answer: Answered::Written { hash },
            ..
        } => hash.clone(),
        _ => None,
    }
}

/// Lets all clients and the disturber go until the end.
fn play(
    stage: &Stage,
    setup: &Setup,
    chance: &Chance,
    watch: &mut dyn FnMut(&Stage),
) -> (Vec<Operation>, Done) {
    std::thread::scope(|scope| {
        let disturber = scope.spawn(|| trouble::disturb(stage, &setup.troubles, chance.branch(3)));
        let clients: Vec<_> = clients(setup, stage)
            .into_iter()
            .enumerate()
            .map(|(number, (name, asking))| {
                let chance = chance.branch(100 + number as u64);
                scope.spawn(move || be_client(stage, setup, &name, asking, chance))
            })
            .collect();
        match setup.ends {
            Ends::At(time) => {
                let until = Instant::now() + time;
                while Instant::now() < until && !disturber.is_finished() {
                    watch(stage);
                    std::thread::sleep(Duration::from_millis(20));
                }
                stage.is_over.store(true, Ordering::Relaxed);
            }
            Ends::After(_) => {}
        }
        let ended: Vec<_> = clients.into_iter().map(|client| client.join()).collect();
        // Also after a client has failed: the disturber would go on for ever.
        stage.is_over.store(true, Ordering::Relaxed);
        let operations = ended
            .into_iter()
            .flat_map(|operations| operations.expect("no client fails"))
            .collect();
        (
            operations,
            disturber.join().expect("the disturber does not fail"),
        )
    })
}

type NamedClient = (String, Box<dyn Asking + Send>);

fn clients(setup: &Setup, stage: &Stage) -> Vec<NamedClient> {
    let mut clients: Vec<NamedClient> = Vec::new();
    for host in 0..setup.hosts {
        for number in 0..setup.over_http {
            clients.push((format!("h{host}c{number}"), Box::new(OverHttp::new(host))));
        }
    }
    for number in 0..setup.over_bridge {
        let bridge = OverBridge::new(&stage.dir, &setup.environment);
        clients.push((format!("b{number}"), Box::new(bridge)));
    }
    for number in 0..setup.by_command {
        let commands = ByCommand::new(&stage.dir, &setup.environment);
        clients.push((format!("p{number}"), Box::new(commands)));
    }
    clients
}

fn be_client(
    stage: &Stage,
    setup: &Setup,
    name: &str,
    mut asking: Box<dyn Asking + Send>,
    mut chance: Chance,
) -> Vec<Operation> {
    let mut workload = Workload::new(name, chance.branch(1), name.starts_with('p'));
    let mut operations = Vec::new();
    let enough = match setup.ends {
        Ends::After(count) => count,
        Ends::At(_) => usize::MAX,
    };
    while operations.len() < enough && !stage.is_over() {
        let (op_id, asked) = workload.next(stage);
        stage.asked.fetch_add(1, Ordering::Relaxed);
        let operation = operate(
            &mut *asking,
            stage,
            (name, op_id, asked),
            &mut chance,
            setup.faults,
        );
        if !operation.asked.is_read() && operation.acknowledged().is_some() {
            stage.acknowledged.fetch_add(1, Ordering::Relaxed);
        }
        workload.learn(stage, &operation.asked, &operation.end);
        operations.push(operation);
    }
    operations
}

/// Asks each host for the figures, again until all tell the same: what a host could not write for a while it adds
/// within a second.
fn told(stage: &Stage) -> Vec<Told> {
    let until = Instant::now() + Duration::from_secs(5);
    loop {
        let told = told_now(stage);
        if told.windows(2).all(|pair| pair[0] == pair[1]) || Instant::now() > until {
            return told;
        }
    }
}

/// Asks each host that runs. One may still end itself at its point meanwhile; then the others are asked again.
fn told_now(stage: &Stage) -> Vec<Told> {
    let until = Instant::now() + HANG;
    loop {
        let mut told = Vec::new();
        let mut silent = None;
        stage
            .hosts
            .each(|host| match host.try_ask(&call::status()) {
                Ok(status) => told.push(figures(&status)),
                Err(said) => silent = Some(said),
            });
        let Some(answer) = silent else {
            return told;
        };
        assert!(Instant::now() < until, "a living host answered {answer}");
        stage.hosts.take_ended();
    }
}

fn figures(status: &Status) -> Told {
    let stats = &status.stats;
    Told {
        acknowledged: stats.acknowledged,
        refused: stats.refused,
        queue_full: stats.queue_full,
        timed_out: stats.timed_out,
        searches: stats.searches,
    }
}

/// Ends the hosts that bridges have started: they outlive their bridge on purpose.
fn end_strays(dir: &Path) {
    let until = Instant::now() + HANG;
    while let Some(status) = status(dir) {
        let pid = status.host.pid;
        assert!(Instant::now() < until, "process {pid} cannot be ended");
        signals::end(pid);
    }
}

impl Outcome {
    /// Everything that is wrong with it.
    pub(crate) fn faults(&self) -> Vec<Fault> {
        let mut faults = check::check(&self.operations, &self.witness);
        faults.extend(check::check_turns(&self.trace));
        faults.extend(check::check_pauses(&self.operations, &self.done.ordered));
        for backup in &self.done.backups {
            faults.extend(check::check_backup(&self.operations, &self.witness, backup));
        }
        for told in &self.told {
            faults.extend(check::check_statistics(&self.operations, told));
        }
        faults
    }

    /// The texts that were purged.
    #[cfg(feature = "failpoints")]
    pub(crate) fn purged(&self) -> Vec<String> {
        check::purged(&self.operations, &self.witness)
    }

    /// Says whether an operation is in the log.
    #[cfg(feature = "failpoints")]
    pub(crate) fn is_committed(&self, operation: &Operation) -> bool {
        let mut log = self.witness.log.iter();
        log.any(|commit| commit.op_id.as_ref() == Some(&operation.op_id))
    }

    /// Longest time in which nobody got on after a death.
    pub(crate) fn longest_standstill(&self) -> Duration {
        check::longest_standstill(&self.operations, &self.done.deaths, &self.done.pauses)
    }

    /// Fails with everything that a person needs to look into it.
    pub(crate) fn must_be_good(&self) {
        let faults = self.faults();
        let shown: Vec<String> = faults
            .iter()
            .take(20)
            .map(|fault| format!("{:?}: {}", fault.rule, fault.what))
            .collect();
        assert!(
            faults.is_empty(),
            "{} faults; seed {}\n{}\n\nwhat was done:\n{}",
            faults.len(),
            self.seed,
            shown.join("\n"),
            self.done.notes.join("\n")
        );
    }
}
