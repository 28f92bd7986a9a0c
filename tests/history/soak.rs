//! The long form: round after round with everything that can be done to it, each on a fresh store.
//!
//! `cargo xtask soak` sets the variables; without them one short round is run, so that the code stays good.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::chance::Chance;
use super::check::Rule;
use super::clients::Faults;
use super::drive::{Ends, Outcome, Setup, run};
use super::growth::Growth;
use super::record::End;
use super::stage::Stage;
use super::trouble::{Kind, POINTS, Troubles};
use crate::support::run_json;

/// Longest time without progress after a death.
const STANDSTILL_MAX: Duration = Duration::from_secs(2);
/// Length of a round: short enough that a store stays small and its check quick.
const ROUND: Duration = Duration::from_secs(45);
/// Length of the only round without the variables.
const SHORT_ROUND: Duration = Duration::from_secs(6);
/// How often the long form tells how it goes.
const TELL_EVERY: Duration = Duration::from_secs(30);

/// What `cargo xtask soak` asks for.
struct Wanted {
    time: Duration,
    /// Ends earlier after so many.
    kills: Option<u64>,
    seed: u64,
    /// Where stores are made, and kept after a fault.
    dir: Option<PathBuf>,
    is_long: bool,
}

impl Wanted {
    fn read() -> Self {
        let variable = |name: &str| std::env::var(format!("COMMONPLACE_SOAK_{name}")).ok();
        let number = |name: &str| {
            variable(name).map(|text| {
                text.parse::<u64>()
                    .unwrap_or_else(|_| panic!("COMMONPLACE_SOAK_{name} is `{text}`, not a number"))
            })
        };
        let minutes = number("MINUTES");
        Self {
            time: minutes.map_or(SHORT_ROUND, |minutes| Duration::from_secs(60 * minutes)),
            kills: number("KILLS"),
            seed: number("SEED").unwrap_or(1),
            dir: variable("DIR").map(PathBuf::from),
            is_long: minutes.is_some(),
        }
    }
}

/// The sum of all rounds.
#[derive(Default)]
struct Sum {
    rounds: u64,
    kills: u64,
    freezes: u64,
    restarts: u64,
    requests: usize,
    acknowledged: usize,
    unknown: usize,
    lost: usize,
    twice: usize,
    integrity_failures: usize,
    other_faults: usize,
    standstill: Duration,
    growth: Growth,
}

impl Sum {
    fn add(&mut self, outcome: &Outcome, growth: &Growth) {
        self.rounds += 1;
        self.kills += outcome.done.kills;
        self.freezes += outcome.done.freezes;
        self.restarts += outcome.done.restarts;
        self.requests += outcome.operations.len();
        let ends = |fits: fn(&End) -> bool| {
            outcome
                .operations
                .iter()
                .filter(|operation| fits(&operation.end))
                .count()
        };
        self.acknowledged += ends(|end| matches!(end, End::Ok { .. }));
        self.unknown += ends(|end| matches!(end, End::Unknown { .. }));
        for fault in outcome.faults() {
            match fault.rule {
                Rule::NotLost => self.lost += 1,
                Rule::NotTwice => self.twice += 1,
                Rule::Whole => self.integrity_failures += 1,
                _ => self.other_faults += 1,
            }
        }
        self.standstill = self.standstill.max(outcome.longest_standstill());
        self.growth.join(growth);
    }

    fn is_good(&self) -> bool {
        self.lost + self.twice + self.integrity_failures + self.other_faults == 0
            && self.standstill <= STANDSTILL_MAX
            && self.growth.is_bounded()
    }

    fn line(&self) -> String {
        format!(
            "{} rounds: kills {}, freezes {}, restarts {}, requests {}, acknowledged {}, unknown {}, lost {}, twice {}, \
             integrity failures {}, other faults {}, longest time without progress after a death {:.0?}; {}",
            self.rounds,
            self.kills,
            self.freezes,
            self.restarts,
            self.requests,
            self.acknowledged,
            self.unknown,
            self.lost,
            self.twice,
            self.integrity_failures,
            self.other_faults,
            self.standstill,
            self.growth
        )
    }
}

fn setup(seed: u64, time: Duration) -> Setup {
    let mut kinds = vec![Kind::Kill, Kind::Kill, Kind::Freeze, Kind::Restart];
    if cfg!(feature = "failpoints") {
        kinds.extend([Kind::KillAtPoint; 4]);
    }
    Setup {
        seed,
        hosts: 4,
        over_http: 2,
        over_bridge: 2,
        by_command: 1,
        faults: Faults { deaths: 3 },
        troubles: Troubles {
            kinds,
            calm_max: Duration::from_millis(300),
            freeze_max: freeze_max(seed, time),
            spared: 1,
            points: POINTS.to_vec(),
        },
        ends: Ends::At(time),
        environment: Vec::new(),
    }
}

/// Mostly short freezes, so that there is time for kills; in one round of eight up to 20 s.
fn freeze_max(seed: u64, time: Duration) -> Duration {
    let is_long = time == ROUND && Chance::new(seed).below(8) == 0;
    if is_long {
        Duration::from_secs(20)
    } else {
        Duration::from_millis(700)
    }
}

#[test]
#[allow(clippy::print_stderr, reason = "the long form tells how it goes")]
fn a_soak_finds_no_fault() {
    let wanted = Wanted::read();
    let began = Instant::now();
    let mut sum = Sum::default();
    let mut told = Instant::now();
    while sum.rounds == 0
        || (began.elapsed() < wanted.time && wanted.kills.is_none_or(|kills| sum.kills < kills))
    {
        let seed = wanted.seed + sum.rounds;
        let time = if wanted.is_long {
            ROUND.min(wanted.time.saturating_sub(began.elapsed()))
        } else {
            wanted.time
        };
        let dir = scratch(&wanted);
        let mut growth = Growth::default();
        let outcome = run(dir.path(), &setup(seed, time), |stage| {
            growth.look(stage);
            if told.elapsed() >= TELL_EVERY {
                told = Instant::now();
                tell(began, seed, stage, &sum);
            }
        });
        sum.add(&outcome, &growth);
        let is_whole = run_json(dir.path(), &["doctor"])["ok"] == true;
        sum.integrity_failures += usize::from(!is_whole);
        if !sum.is_good() {
            let kept = keep(dir, &outcome);
            eprintln!("{}", sum.line());
            outcome.must_be_good();
            panic!(
                "seed {seed}: not good; the store and the histories are in `{}`",
                kept.display()
            );
        }
    }
    eprintln!("soak with seed {}: {}", wanted.seed, sum.line());
}

#[allow(clippy::print_stderr, reason = "the long form tells how it goes")]
fn tell(began: Instant, seed: u64, stage: &Stage, sum: &Sum) {
    use std::sync::atomic::Ordering;
    eprintln!(
        "{:5} s  round {} (seed {seed}): {} asked, {} writes acknowledged; before it {} kills, {} acknowledged",
        began.elapsed().as_secs(),
        sum.rounds + 1,
        stage.asked.load(Ordering::Relaxed),
        stage.acknowledged.load(Ordering::Relaxed),
        sum.kills,
        sum.acknowledged
    );
}

fn scratch(wanted: &Wanted) -> tempfile::TempDir {
    let made = match &wanted.dir {
        Some(dir) => tempfile::Builder::new().prefix("soak-").tempdir_in(dir),
        None => tempfile::tempdir(),
    };
    made.expect("a directory for the store can be made")
}

/// Keeps the store, and writes what the clients wrote down beside it.
fn keep(dir: tempfile::TempDir, outcome: &Outcome) -> PathBuf {
    let dir = dir.keep();
    write_histories(&dir, outcome);
    dir
}

fn write_histories(dir: &Path, outcome: &Outcome) {
    let lines: String = outcome
        .operations
        .iter()
        .map(|operation| {
            serde_json::to_string(operation).expect("an operation is plain data") + "\n"
        })
        .collect();
    std::fs::write(dir.join("histories.jsonl"), lines).expect("the histories can be written");
    std::fs::write(dir.join("disturbances.txt"), outcome.done.notes.join("\n"))
        .expect("the disturbances can be written");
}
