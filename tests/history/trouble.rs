//! Disturbs a run by a seeded plan: hosts are killed, killed at named points, frozen and restarted.

use std::io::Write;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use commonplace_api::backups::BackupMade;

use super::check::{Backup, Death, Pause};
use super::clock;
use super::hosts::WISH;
use super::stage::Stage;
use super::witness::Witness;
use crate::signals;
use crate::support::{run, try_json};
use commonplace_testing::Chance;

/// How often the hosts are looked after.
const LOOK_EVERY: Duration = Duration::from_millis(2);
/// Longest time that the disk stays full.
const FULL_MAX: Duration = Duration::from_millis(600);
/// A batch that is under way is finished, also when writes are paused; so long after the pause it is, also on a busy
/// machine.
const PAUSE_TAKES_EFFECT: Duration = Duration::from_millis(500);

/// A kind of disturbance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `kill -9`, and another host in its place.
    Kill,
    /// The same, and the next one in its place ends itself at one of the points; needs the feature `failpoints`.
    KillAtPoint,
    /// `kill -STOP`, and `kill -CONT` after a while.
    Freeze,
    /// Asked to stop, and another host in its place.
    Restart,
    /// Killed, and another host in its place whose clock shows another day; needs [`clock::fake`].
    OtherDay,
    /// Writes are paused and resumed, as a person does.
    Pause,
    /// A host stops with the write lock in its hands, and a person takes the lock over or ends the host, or it wakes before;
    /// needs the feature `failpoints`.
    StuckHolder,
    /// A person makes a backup.
    Backup,
    /// A person clears what dead instances left behind.
    ClearLeftovers,
    /// The disk is filled up and emptied; only on a small disk of its own.
    FillDisk,
}

/// What may happen, and how often.
#[derive(Debug, Clone)]
pub(crate) struct Troubles {
    /// One of these each time; one that stands here twice happens twice as often.
    pub(crate) kinds: Vec<Kind>,
    /// Time between two disturbances, at most.
    pub(crate) calm_max: Duration,
    /// Longest time that a host is frozen.
    pub(crate) freeze_max: Duration,
    /// Hosts in the first so many places are never killed, only frozen.
    pub(crate) spared: usize,
    /// Named points at which a host ends itself.
    pub(crate) points: Vec<Point>,
}

/// A named point, and how often a host passes it at most before it ends itself there.
pub(crate) type Point = (&'static str, usize);

impl Troubles {
    /// Disturbs nothing.
    pub(crate) fn none() -> Self {
        Self {
            kinds: Vec::new(),
            calm_max: Duration::from_millis(20),
            freeze_max: Duration::ZERO,
            spared: 0,
            points: Vec::new(),
        }
    }
}

/// Every point that a host passes while it serves.
pub(crate) const POINTS: [Point; 7] = [
    ("lock-taken", 30),
    ("epoch-taken", 30),
    ("before-commit", 30),
    ("committed", 30),
    ("record-write", 60),
    ("lock-given-back", 30),
    // Once after its start, and then only after a purge of its own.
    ("checkpoint", 1),
];

/// Points at which a host stops with the lock: outside its transaction, and inside.
const STUCK_AT: [Point; 3] = [
    ("lock-taken", 10),
    ("lock-taken", 10),
    ("before-commit", 10),
];
/// Longest wait until a host gets there.
const STUCK_WITHIN: Duration = Duration::from_secs(3);

/// What was done.
#[derive(Debug, Default)]
pub(crate) struct Done {
    pub(crate) kills: u64,
    pub(crate) freezes: u64,
    pub(crate) restarts: u64,
    pub(crate) full_disks: u64,
    pub(crate) take_overs: u64,
    pub(crate) deaths: Vec<Death>,
    /// Times in which nobody could be expected to write.
    pub(crate) pauses: Vec<Pause>,
    /// Of these, the ones that a person asked for.
    pub(crate) ordered: Vec<Pause>,
    /// What was backed up.
    pub(crate) backups: Vec<Backup>,
    /// One line for each disturbance.
    pub(crate) notes: Vec<String>,
}

/// Disturbs until the stage is over, then leaves every host running.
pub(crate) fn disturb(stage: &Stage, troubles: &Troubles, chance: Chance) -> Done {
    let mut disturber = Disturber {
        stage,
        troubles,
        chance,
        done: Done::default(),
    };
    while !stage.is_over() {
        let calm = disturber.chance.time(Duration::ZERO, troubles.calm_max);
        disturber.look_after(calm);
        if !stage.is_over() && !troubles.kinds.is_empty() {
            disturber.disturb();
        }
    }
    disturber.look_after(Duration::ZERO);
    disturber.done
}

struct Disturber<'a> {
    stage: &'a Stage,
    troubles: &'a Troubles,
    chance: Chance,
    done: Done,
}

impl Disturber<'_> {
    fn note(&mut self, what: &str, place: usize) {
        let at = self.stage.now();
        self.done
            .notes
            .push(format!("{:10.3} ms  {what} host {place}", at as f64 / 1e3));
    }

    /// Starts hosts again that have ended by themselves, for as long as `time`.
    fn look_after(&mut self, time: Duration) {
        let until = Instant::now() + time;
        loop {
            for place in self.stage.hosts.take_ended() {
                self.count_death("ended at its point", place);
                self.begin(place, &[]);
            }
            if Instant::now() >= until || self.stage.is_over() {
                return;
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }

    fn count_death(&mut self, what: &str, place: usize) {
        self.note(what, place);
        self.done.kills += 1;
        self.done.deaths.push(Death {
            at: self.stage.now(),
        });
    }

    fn disturb(&mut self) {
        let kinds = &self.troubles.kinds;
        let kind = *self.chance.one(kinds).expect("there is a kind");
        let count = self.stage.hosts.places_count();
        let first = if kind == Kind::Freeze {
            0
        } else {
            self.troubles.spared
        };
        if first >= count {
            return;
        }
        let place = first + self.chance.below(count - first);
        match kind {
            Kind::Kill => self.kill(place, &[]),
            Kind::OtherDay => {
                let clock = clock::fake(&mut self.chance);
                self.kill(place, &clock);
            }
            Kind::Pause => self.pause(),
            Kind::FillDisk => self.fill_disk(),
            Kind::StuckHolder => self.stick(place),
            Kind::Backup => self.back_up(),
            Kind::ClearLeftovers => {
                run(&self.stage.dir, &["unlock"]);
                self.note("leftovers cleared, not only of", place);
            }
            Kind::KillAtPoint => {
                let (point, hits) = *self
                    .chance
                    .one(&self.troubles.points)
                    .expect("there is a point");
                let wish = format!("{point}:{}=kill", 1 + self.chance.below(hits));
                self.kill(place, &[(WISH.to_owned(), wish)]);
            }
            Kind::Freeze => self.freeze(place),
            Kind::Restart => self.restart(place),
        }
    }

    fn kill(&mut self, place: usize, next: &[(String, String)]) {
        let Some(mut host) = self.stage.hosts.take(place) else {
            return;
        };
        host.kill();
        self.count_death("killed", place);
        self.begin(place, next);
    }

    fn restart(&mut self, place: usize) {
        let Some(mut host) = self.stage.hosts.take(place) else {
            return;
        };
        signals::stop(&mut host);
        self.done.restarts += 1;
        self.note("restarted", place);
        self.begin(place, &[]);
    }

    fn freeze(&mut self, place: usize) {
        let Some(pid) = self.stage.hosts.pid(place) else {
            return;
        };
        let time = self
            .chance
            .time(Duration::from_millis(20), self.troubles.freeze_max);
        let from = self.stage.now();
        if !signals::freeze(pid) {
            return;
        }
        std::thread::sleep(time);
        signals::thaw(pid);
        self.done.pauses.push(Pause {
            from,
            to: self.stage.now(),
        });
        self.done.freezes += 1;
        self.note(&format!("froze for {} ms", time.as_millis()), place);
    }

    /// Pauses the writes of all hosts for longer than a batch takes, and resumes them.
    fn pause(&mut self) {
        let from = self.stage.now();
        run(&self.stage.dir, &["pause"]);
        let paused = self.stage.now();
        let longest = PAUSE_TAKES_EFFECT + Duration::from_millis(500);
        std::thread::sleep(self.chance.time(PAUSE_TAKES_EFFECT, longest));
        let to = self.stage.now();
        run(&self.stage.dir, &["resume"]);
        let effective = paused + PAUSE_TAKES_EFFECT.as_micros() as u64;
        self.done.ordered.push(Pause {
            from: effective,
            to,
        });
        self.done.pauses.push(Pause {
            from,
            to: self.stage.now(),
        });
        self.note("paused all, not only", 0);
    }

    /// Lets a host stop where it holds the lock, outside or inside its transaction.
    fn stick(&mut self, place: usize) {
        let (point, hits) = *self.chance.one(&STUCK_AT).expect("there is a point");
        let wish = format!("{point}:{}=freeze", 1 + self.chance.below(hits));
        self.kill(place, &[(WISH.to_owned(), wish)]);
        let from = self.stage.now();
        let until = Instant::now() + STUCK_WITHIN;
        let stuck = loop {
            let pid = self.stage.hosts.pid(place);
            if let Some(pid) = pid.filter(|pid| signals::is_stopped(*pid)) {
                break pid;
            }
            if Instant::now() > until || self.stage.is_over() {
                return;
            }
            std::thread::sleep(LOOK_EVERY);
        };
        if self.settle(point, place) {
            self.wait_for_writes();
        }
        signals::thaw(stuck);
        self.done.pauses.push(Pause {
            from,
            to: self.stage.now(),
        });
        self.done.freezes += 1;
    }

    /// Lets others write before the one wakes that was taken over: that is when it could do harm.
    fn wait_for_writes(&self) {
        let acknowledged = || self.stage.acknowledged.load(Ordering::Relaxed);
        let (before, until) = (acknowledged(), Instant::now() + STUCK_WITHIN);
        while acknowledged() < before + 5 && Instant::now() < until && !self.stage.is_over() {
            std::thread::sleep(LOOK_EVERY);
        }
    }

    /// What a person does about a stuck holder; true if the lock was taken over. Whether it may be done is for the program
    /// to say.
    fn settle(&mut self, point: &str, place: usize) -> bool {
        let act = match self.chance.below(8) {
            0 => {
                self.note(&format!("stuck at {point}, woke by itself:"), place);
                return false;
            }
            1 => "--terminate",
            2 if point != "lock-taken" => "--terminate",
            _ => "--take-over",
        };
        let is_done = run(&self.stage.dir, &["unlock", act, "--yes"])
            .status
            .success();
        let is_taken_over = is_done && act == "--take-over";
        self.done.take_overs += u64::from(is_taken_over);
        let how = if is_done { "done" } else { "refused" };
        self.note(&format!("stuck at {point}, {act} {how}:"), place);
        is_taken_over
    }

    /// Makes a backup and reads it at once; later ones take the place of the oldest.
    fn back_up(&mut self) {
        let asked = self.stage.now();
        let Ok(made) = try_json::<BackupMade>(&self.stage.dir, &["backup"]) else {
            // The host that was asked may have died meanwhile.
            return self.note("no backup, not only of", 0);
        };
        let witness = Witness::read_file(&made.path).expect("a backup can be read");
        self.done.backups.push(Backup { asked, witness });
        self.note("backed up, not only", 0);
    }

    fn fill_disk(&mut self) {
        let from = self.stage.now();
        let filler = self.stage.dir.join("filler");
        let mut file = std::fs::File::create(&filler).expect("the filler can be made");
        // Ends when nothing more fits.
        while file.write_all(&[0; 1 << 16]).is_ok() {}
        while file.write_all(&[0; 1 << 9]).is_ok() {}
        std::thread::sleep(self.chance.time(Duration::ZERO, FULL_MAX));
        drop(file);
        std::fs::remove_file(&filler).expect("the filler can be removed");
        self.done.pauses.push(Pause {
            from,
            to: self.stage.now(),
        });
        self.done.full_disks += 1;
        self.note("filled the disk of", 0);
    }

    /// Starts a host; one that ends itself while it starts is a death, and followed by an ordinary one.
    fn begin(&mut self, place: usize, more: &[(String, String)]) {
        let from = self.stage.now();
        let was_empty = self.stage.hosts.running() == 0;
        let wish: Vec<String> = more
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        match self.stage.hosts.begin(place, more) {
            Ok(()) if more.is_empty() => {}
            Ok(()) => self.note(&format!("{} set for", wish.join(" ")), place),
            Err(said) => {
                assert!(
                    !more.is_empty(),
                    "a host could not be started in place {place}: {said}"
                );
                self.count_death(&format!("{} while starting", wish.join(" ")), place);
                self.begin(place, &[]);
            }
        }
        if was_empty {
            self.done.pauses.push(Pause {
                from,
                to: self.stage.now(),
            });
        }
    }
}
