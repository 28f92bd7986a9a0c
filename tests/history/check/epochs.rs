//! Who wrote under which number.

use std::collections::HashMap;

use super::{Fault, Rule};
use crate::history::witness::{Commit, Witness};

pub(super) fn check(witness: &Witness) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut owners: HashMap<i64, &str> = HashMap::new();
    let mut before: Option<&Commit> = None;
    for commit in &witness.log {
        let expected = before.map_or(1, |before| before.seq + 1);
        if commit.seq != expected {
            faults.push(Fault::new(
                Rule::NoGap,
                format!("seq {} follows seq {}", commit.seq, expected - 1),
            ));
        }
        let owner = owners.entry(commit.epoch).or_insert(&commit.instance);
        if *owner != commit.instance {
            let what = format!(
                "epoch {} has commits of {owner} and, at seq {}, of {}",
                commit.epoch, commit.seq, commit.instance
            );
            faults.push(Fault::new(Rule::OneWriterEach, what));
        }
        faults.extend(before.and_then(|before| fall(before, commit)));
        before = Some(commit);
    }
    // As they never fall, each epoch is one run of commits.
    let last = before.map_or(0, |last| last.epoch);
    if witness.epoch < last {
        let what = format!(
            "the store is at epoch {}, its last commit at {last}",
            witness.epoch
        );
        faults.push(Fault::new(Rule::OneWriterEach, what));
    }
    faults
}

fn fall(before: &Commit, commit: &Commit) -> Option<Fault> {
    let told = |what: &str, from: i64, to: i64| {
        let what = format!("the {what} falls from {from} to {to} at seq {}", commit.seq);
        Some(Fault::new(Rule::OneWriterEach, what))
    };
    if commit.epoch < before.epoch {
        return told("epoch", before.epoch, commit.epoch);
    }
    if commit.generation < before.generation {
        return told("lock generation", before.generation, commit.generation);
    }
    None
}
