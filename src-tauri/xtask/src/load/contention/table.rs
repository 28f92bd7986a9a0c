//! The table of a run.

use std::time::Duration;

use super::instances::{CLIENTS_EACH, INSTANCES};
use super::{Contention, ContentionArgs, JSONL_PROCESSES, Wait};
use crate::load::crowd::{Errors, Kept};
use crate::load::figures::{Figure, Row, Section};
use crate::load::process;
use crate::load::results::Round;
use crate::load::round::Side;

/// What one must know to compare the programs.
pub(super) fn notes(args: &ContentionArgs) -> Vec<String> {
    let mut notes = vec![
        "Queue wait: from asking to the start of the commit; lock wait, the part of it before the write lock was had, is \
         counted once for each acquisition, also the indexer's."
            .to_owned(),
        "Beside the rivals ours is one host with as many clients. Each commit of ours is synced to the disk before the answer."
            .to_owned(),
    ];
    if args.words_only {
        notes.push("Ours works without the model here and makes no vectors.".to_owned());
    }
    if args.rival_jsonl.is_some() {
        notes.push(
            "The rival with a file of JSON lines makes no vectors, and finds by parts of words; nothing is said about \
             when its file is on the disk."
                .to_owned(),
        );
    }
    notes
}

impl Contention {
    pub(super) fn sections(&self) -> Vec<Section> {
        let rounds = self.one_host.rounds.iter().map(of_round);
        let mut all = vec![self.of_layers()];
        all.extend(rounds);
        all.extend([self.of_instances(), self.of_burst()]);
        all.extend(self.of_jsonl());
        all
    }

    /// What went wrong without being lost, in words.
    pub(super) fn complaints(&self) -> Vec<String> {
        let mut all = self.one_host.complaints();
        let mut add = |what: &str, errors: &Errors| {
            if let Some(first) = &errors.first {
                all.push(format!(
                    "{what}: {} failed, the first with: {first}",
                    errors.count
                ));
            }
        };
        add("stores to 8 instances", &self.instances.stored.errors);
        add("the burst", &self.burst.errors);
        self.jsonl.iter().for_each(|round| {
            add(
                "stores of the rival with JSON lines",
                &round.side.stored.errors,
            )
        });
        all
    }

    /// The round of one host with so many clients.
    pub(super) fn round(&self, clients: usize) -> Option<&Round> {
        self.one_host
            .rounds
            .iter()
            .find(|round| round.clients == clients)
    }

    fn of_layers(&self) -> Section {
        let layers = &self.layers;
        let time = |name: &str, time| Row::ours(name, Figure::Time(time));
        Section {
            title: format!("the lock; {} cores", process::cores()),
            rows: vec![
                time("hand-over between processes, p50", layers.hand_over_p50),
                time("hand-over between processes, p99", layers.hand_over_p99),
                time("lock with its records, alone, p50", layers.lock_p50),
                time("recording statistics, p50", layers.recording_p50),
            ],
        }
    }

    fn of_instances(&self) -> Section {
        let Self { instances, .. } = self;
        let (stored, waits) = (&instances.stored, &instances.waits);
        let (fewest, most) = instances.fewest_and_most();
        let ratio = |max: Option<Duration>, average: Option<Duration>| {
            let ratio = max
                .zip(average)
                .and_then(|(max, average)| times(max, average));
            ratio.map_or(Figure::None, Figure::Times)
        };
        let mut rows = vec![
            Row::ours("stores", Figure::rate(stored.per_second())),
            Row::ours("store p50, clients' clocks", stored.times.p50().into()),
            Row::ours("store p99, clients' clocks", stored.times.p99().into()),
            Row::ours(
                "store average, clients' clocks",
                stored.times.average().into(),
            ),
            Row::ours("longest store, clients' clocks", stored.times.max().into()),
            Row::ours(
                "longest store to the average",
                ratio(stored.times.max(), stored.times.average()),
            ),
            Row::ours(
                "stores of one client, fewest of most",
                Figure::Part(fewest, most),
            ),
        ];
        rows.extend(of_wait("queue wait", &waits.queue));
        rows.extend(of_wait("lock wait", &waits.lock));
        rows.extend([
            Row::ours(
                "failed acquisitions",
                Figure::Count(waits.failed_acquisitions),
            ),
            Row::ours(
                "requests that a host counted for all",
                Figure::Part(waits.queue.count as usize, stored.acknowledged.len()),
            ),
            found(&instances.kept),
            Row::ours("lost", Figure::Count(instances.kept.lost() as u64)),
            Row::ours("cores used, all hosts", Figure::cores(stored.program_cores)),
            Row::ours(
                "cores used by this generator",
                Figure::cores(stored.generator_cores),
            ),
        ]);
        Section {
            title: format!("{INSTANCES} instances, {CLIENTS_EACH} clients each"),
            rows,
        }
    }

    fn of_burst(&self) -> Section {
        let burst = &self.burst;
        Section {
            title: format!("{} writes while another holds the lock", burst.requests),
            rows: vec![
                Row::ours("the lock was held for", Figure::Time(burst.held)),
                Row::ours(
                    "in the queue right before its release",
                    Figure::Part(burst.waiting, burst.requests),
                ),
                Row::ours("release to the last answer", Figure::Time(burst.drained_in)),
                Row::ours(
                    "refused or failed",
                    Figure::Count(burst.errors.count as u64),
                ),
                found(&burst.kept),
                Row::ours("lost", Figure::Count(burst.kept.lost() as u64)),
            ],
        }
    }

    fn of_jsonl(&self) -> Option<Section> {
        let rival = &self.jsonl.as_ref()?.side;
        let ours = self.round(JSONL_PROCESSES).map(|round| &round.ours.side);
        Some(Section {
            title: format!("{JSONL_PROCESSES} processes on one file of JSON lines"),
            rows: beside(ours, Some(rival)),
        })
    }
}

fn of_round(round: &Round) -> Section {
    let waits = round.ours.waits;
    let millis = |ms: f64| Figure::Time(Duration::from_secs_f64(ms.max(0.0) / 1e3));
    let rival = round.rival.as_ref().map(|rival| &rival.side);
    let mut rows = beside(Some(&round.ours.side), rival);
    rows.extend([
        Row::ours("queue wait, average", millis(waits.queue_average_ms)),
        Row::ours("lock wait, average", millis(waits.lock_average_ms)),
        Row::ours("floor: sync of 4 kB, p50", round.floor.p50().into()),
    ]);
    let processes = if round.clients == 1 {
        "process"
    } else {
        "processes"
    };
    Section {
        title: format!("1 host; the rival with {} {processes}", round.clients),
        rows,
    }
}

fn beside(ours: Option<&Side>, rival: Option<&Side>) -> Vec<Row> {
    let row = |name: &str, figure: &dyn Fn(&Side) -> Figure| {
        let of = |side: Option<&Side>| side.map_or(Figure::None, figure);
        Row::both(name, of(ours), of(rival))
    };
    vec![
        row("stores", &|side| Figure::rate(side.stored.per_second())),
        row("store p50", &|side| side.stored.times.p50().into()),
        row("store p99", &|side| side.stored.times.p99().into()),
        row("calls that failed", &|side| {
            Figure::Count(side.stored.errors.count as u64)
        }),
        row("found of acknowledged", &|side| {
            Figure::Part(side.kept.found, side.kept.acknowledged)
        }),
        row("look-ups without an answer", &|side| {
            Figure::Count(side.kept.unanswered as u64)
        }),
        row("lost", &|side| Figure::Count(side.kept.lost() as u64)),
    ]
}

fn found(kept: &Kept) -> Row {
    Row::ours(
        "found of acknowledged",
        Figure::Part(kept.found, kept.acknowledged),
    )
}

fn of_wait(name: &str, wait: &Wait) -> Vec<Row> {
    let row = |what: &str, time| Row::ours(&format!("{name}, {what}"), Figure::Time(time));
    let mut rows = vec![
        row("average", wait.average),
        row("p50", wait.p50),
        row("p99", wait.p99),
        row("longest", wait.max),
    ];
    rows.extend(times(wait.max, wait.average).map(|times| {
        Row::ours(
            &format!("{name}, longest to the average"),
            Figure::Times(times),
        )
    }));
    rows
}

/// How many times `time` is as long as `other`; None if that is nothing.
pub(super) fn times(time: Duration, other: Duration) -> Option<f64> {
    (!other.is_zero()).then(|| time.as_secs_f64() / other.as_secs_f64())
}
