//! The long form: round after round with everything that can be done to it, each on a fresh store.
//!
//! `cargo xtask soak` sets the variables; without them one short round is run, so that the code stays good.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::check::Rule;
use super::clients::Faults;
use super::clock;
use super::disk::SmallDisk;
use super::drive::{Ends, Outcome, Setup, run};
use super::growth::Growth;
use super::record::End;
use super::stage::Stage;
use super::trouble::{Kind, POINTS, Troubles};
use crate::support::run as run_command;
use commonplace_testing::Chance;
use tempfile::TempDir;

/// Longest time without progress after a death.
const STANDSTILL_MAX: Duration = Duration::from_secs(2);
/// Length of a round: short enough that a store stays small and its check quick.
const ROUND: Duration = Duration::from_secs(45);
/// Length of the only round without the variables.
const SHORT_ROUND: Duration = Duration::from_secs(6);
/// Size of the disk of rounds that fill it.
const DISK_MIB: u64 = 256;
/// Longest time between two kills where nothing else is done.
const KILL_EVERY_MAX: Duration = Duration::from_millis(20);
/// How often the long form tells how it goes.
const TELL_EVERY: Duration = Duration::from_secs(30);

/// What `cargo xtask soak` asks for.
struct Wanted {
    time: Duration,
    /// Nothing but kills, as fast as hosts can be started, until there were so many.
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
    full_disks: u64,
    pauses: usize,
    take_overs: u64,
    backups: usize,
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
        self.full_disks += outcome.done.full_disks;
        self.backups += outcome.done.backups.len();
        self.take_overs += outcome.done.take_overs;
        self.pauses += outcome.done.ordered.len();
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
            "{} rounds: kills {}, freezes {}, take-overs {}, restarts {}, pauses {}, full disks {}, backups {}, requests {}, acknowledged {}, unknown {}, lost {}, twice {}, \
             integrity failures {}, other faults {}, longest time without progress after a death {:.0?}; {}",
            self.rounds,
            self.kills,
            self.freezes,
            self.take_overs,
            self.restarts,
            self.pauses,
            self.full_disks,
            self.backups,
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

fn setup(seed: u64, time: Duration, has_own_disk: bool) -> Setup {
    let mut kinds = [Kind::Kill, Kind::Freeze, Kind::Restart].repeat(3);
    kinds.extend([Kind::Pause, Kind::ClearLeftovers, Kind::Backup]);
    if cfg!(feature = "failpoints") {
        kinds.extend([Kind::KillAtPoint; 8]);
        kinds.push(Kind::StuckHolder);
    }
    if clock::can_be_faked() {
        kinds.extend([Kind::OtherDay; 3]);
    }
    if has_own_disk {
        kinds.extend([Kind::FillDisk; 3]);
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

/// Hosts do nothing but die: wherever they are, or at a named point.
fn setup_of_kills(seed: u64, time: Duration) -> Setup {
    let mut kinds = vec![Kind::Kill];
    if cfg!(feature = "failpoints") {
        kinds.push(Kind::KillAtPoint);
    }
    let all = setup(seed, time, false);
    Setup {
        over_bridge: 0,
        by_command: 0,
        troubles: Troubles {
            kinds,
            calm_max: KILL_EVERY_MAX,
            ..all.troubles
        },
        ..all
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
    tell_what_is_left_out();
    while sum.rounds == 0
        || (began.elapsed() < wanted.time && wanted.kills.is_none_or(|kills| sum.kills < kills))
    {
        let seed = wanted.seed + sum.rounds;
        let time = if wanted.is_long {
            ROUND.min(wanted.time.saturating_sub(began.elapsed()))
        } else {
            wanted.time
        };
        let place = Place::make(&wanted, sum.rounds);
        let dir = place.store();
        let setup = match wanted.kills {
            Some(_) => setup_of_kills(seed, time),
            None => setup(seed, time, matches!(place, Place::Disk(_))),
        };
        let mut growth = Growth::default();
        let outcome = run(&dir, &setup, |stage| {
            growth.look(stage);
            if told.elapsed() >= TELL_EVERY {
                told = Instant::now();
                tell(began, seed, stage, &sum);
            }
        });
        sum.add(&outcome, &growth);
        let is_whole = run_command(&dir, &["doctor"]).status.success();
        sum.integrity_failures += usize::from(!is_whole);
        if !sum.is_good() {
            let kept = keep(place, &outcome);
            eprintln!("{}", sum.line());
            let dir = kept.display();
            eprintln!("seed {seed}: not good; the store and the histories are in `{dir}`");
            outcome.must_be_good();
            panic!(
                "seed {seed}: the store is damaged, or nobody got on for too long, or a host grew"
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

/// Where the store of a round is.
enum Place {
    Directory(TempDir),
    Disk(SmallDisk),
}

impl Place {
    /// Every fifth round has a disk of its own, where this user may mount one.
    fn make(wanted: &Wanted, round: u64) -> Self {
        let disk = (round % 5 == 4).then(|| SmallDisk::mount(DISK_MIB).ok());
        if let Some(disk) = disk.flatten() {
            return Self::Disk(disk);
        }
        let made = match &wanted.dir {
            Some(dir) => tempfile::Builder::new().prefix("soak-").tempdir_in(dir),
            None => tempfile::tempdir(),
        };
        Self::Directory(made.expect("a directory for the store can be made"))
    }

    fn store(&self) -> PathBuf {
        match self {
            Self::Directory(dir) => dir.path().to_owned(),
            Self::Disk(disk) => disk.store(),
        }
    }

    /// Leaves everything where it is.
    fn keep(self) -> PathBuf {
        let store = self.store();
        match self {
            Self::Directory(dir) => drop(dir.keep()),
            Self::Disk(disk) => std::mem::forget(disk),
        }
        store
    }
}

/// What cannot be done on this machine is said once.
#[allow(clippy::print_stderr, reason = "what is left out is said")]
fn tell_what_is_left_out() {
    if let Err(reason) = SmallDisk::mount(1) {
        eprintln!("no rounds with a full disk: {reason}");
    }
    if !clock::can_be_faked() {
        eprintln!("no clocks that jump: libfaketime is not installed");
    }
}

/// Keeps the store, and writes what the clients wrote down beside it.
fn keep(place: Place, outcome: &Outcome) -> PathBuf {
    let dir = place.keep();
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
    std::fs::write(dir.join("faults.txt"), format!("{:#?}", outcome.faults()))
        .expect("the faults can be written");
    let passages = outcome.trace.iter();
    let trace: String = passages
        .map(|passage| format!("{} {}\n", passage.pid, passage.point))
        .collect();
    std::fs::write(dir.join("trace.txt"), trace).expect("the trace can be written");
    std::fs::write(dir.join("disturbances.txt"), outcome.done.notes.join("\n"))
        .expect("the disturbances can be written");
}
