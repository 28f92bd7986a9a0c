//! The machine stops at any moment; of what was not synced, any part survives.

use std::path::Path;

use crate::disk::{Disk, Event};
use crate::image::{self, Image, Platter, Survival};
use crate::oracle::{self, Oracle, Truth};
use crate::story::{self, Fate, Instance, Story};
use crate::support::Chance;
use crate::{rounds, vfs};

/// Crashes that are tried by default, in each test.
const SAMPLE: usize = 400;

/// What was done to the files, and how far it was when each step was acknowledged.
struct Recording {
    events: Vec<Event>,
    acknowledged: Vec<usize>,
}

/// Opens a store, tells the story, and closes it.
fn record(story: &Story, before: &Image, instance: &Instance) -> Recording {
    let directory = tempfile::tempdir().unwrap();
    image::write(before, directory.path());
    let disk = Disk::under(directory.path());
    let store = instance.open(directory.path()).unwrap();
    let mut acknowledged = Vec::new();
    for step in 0..story.steps.len() {
        story.tell(step, &store, &instance.lock).unwrap();
        acknowledged.push(disk.events_len());
    }
    drop(store);
    Recording {
        events: disk.events(),
        acknowledged,
    }
}

impl Recording {
    /// Returns what is known of each step if the machine stops after `events`: the one that was under way is in doubt.
    fn fates(&self, events: usize) -> Vec<Fate> {
        let done = self.acknowledged.iter().filter(|at| **at <= events).count();
        let mut fates = vec![Fate::Acknowledged; done];
        if done < self.acknowledged.len() {
            fates.push(Fate::InDoubt);
        }
        fates
    }

    /// Returns the moments to look at: each acknowledgement, and moments chosen by chance.
    fn moments(&self, chance: &mut Chance) -> Vec<usize> {
        let count = SAMPLE * rounds() as usize;
        let by_chance =
            (self.acknowledged.len()..count).map(|_| chance.below(self.events.len() + 1));
        let mut moments: Vec<usize> = self.acknowledged.iter().copied().chain(by_chance).collect();
        moments.sort_unstable();
        moments
    }
}

fn random_survival(chance: &mut Chance) -> Survival {
    match chance.below(8) {
        0 | 1 => Survival::Nothing,
        2 => Survival::All,
        _ => Survival::Some(*chance.pick(&[10, 50, 50, 90, 98])),
    }
}

/// Crashes at many moments of one story and looks at what is found each time.
fn crash_everywhere(story: &Story, before: &Image, instance: &Instance, seed: u64) {
    let recording = record(story, before, instance);
    let mut oracle = Oracle::new(story, before, instance);
    let mut chance = Chance::seeded(seed);
    let mut platter = Platter::of(before);
    let mut events = recording.events.iter();
    let mut happened = 0;
    for moment in recording.moments(&mut chance) {
        for event in events.by_ref().take(moment - happened) {
            platter.advance(event);
        }
        happened = moment;
        let survival = random_survival(&mut chance);
        let image = platter.after_crash(survival, &mut chance);
        let what = format!(
            "{} of {} events, {survival:?}",
            moment,
            recording.events.len()
        );
        let directory = tempfile::tempdir().unwrap();
        image::write(&image, directory.path());
        let found = look_at(directory.path(), instance, &what);
        oracle.check(&found, &recording.fates(moment), &what);
    }
}

/// Opens the store as after a restart, closes it, and looks at what it holds.
fn look_at(directory: &Path, instance: &Instance, what: &str) -> Truth {
    let store = instance
        .open(directory)
        .unwrap_or_else(|error| panic!("{what}: {error}"));
    drop(store);
    Truth::found_in(directory)
}

#[test]
fn no_crash_loses_or_doubles_what_was_acknowledged() {
    vfs::install();
    let instance = Instance::new();
    let before = oracle::store_before(&instance);
    crash_everywhere(&story::long(), &before, &instance, 1);
}

#[test]
fn no_crash_while_a_store_is_made_is_in_the_way_of_the_next_start() {
    vfs::install();
    crash_everywhere(&story::earlier(), &Image::new(), &Instance::new(), 2);
}

#[test]
fn no_crash_while_a_store_is_migrated_changes_what_it_holds() {
    vfs::install();
    let instance = Instance::new();
    let before = oracle::of_version_one(&oracle::store_before(&instance));
    let mut story = story::long();
    story.steps.truncate(1);
    crash_everywhere(&story, &before, &instance, 3);
}
