//! The tables against the replayed log, and the derived tables against the true ones.

use std::collections::{BTreeMap, BTreeSet};

use super::{Fault, Rule};
use crate::history::oracle::{Mind, Oracle};
use crate::history::witness::{Kept, Witness};

pub(super) fn check(witness: &Witness, oracle: &Oracle) -> Vec<Fault> {
    let told = oracle.contradictions.iter().cloned();
    let mut faults: Vec<Fault> = told.map(|what| Fault::new(Rule::Replay, what)).collect();
    faults.extend(check_memories(witness, oracle));
    if witness.changes != oracle.changes {
        let differs: Vec<_> = witness
            .changes
            .symmetric_difference(&oracle.changes)
            .collect();
        faults.push(Fault::new(
            Rule::Replay,
            format!("the history of changes differs: {differs:?}"),
        ));
    }
    faults.extend(check_derived(witness));
    let damage = witness.damage.iter().cloned();
    faults.extend(damage.map(|what| Fault::new(Rule::Whole, what)));
    faults
}

fn check_memories(witness: &Witness, oracle: &Oracle) -> Vec<Fault> {
    let ids: BTreeSet<i64> = witness
        .memories
        .keys()
        .chain(oracle.memories.keys())
        .copied()
        .collect();
    let differs = |id: &i64| {
        let (kept, mind) = (witness.memories.get(id), oracle.memories.get(id));
        let agree = kept.zip(mind).is_some_and(|(kept, mind)| agree(kept, mind));
        (!agree).then(|| {
            Fault::new(
                Rule::Replay,
                format!("memory {id} is {kept:?}, and the log makes it {mind:?}"),
            )
        })
    };
    ids.iter().filter_map(differs).collect()
}

fn agree(kept: &Kept, mind: &Mind) -> bool {
    kept.hash == mind.hash
        && kept.text == mind.text
        && kept.tags == mind.tags
        && kept.is_deleted == mind.deleted_ms.is_some()
}

fn check_derived(witness: &Witness) -> Vec<Fault> {
    let living: BTreeSet<i64> = witness
        .memories
        .values()
        .filter(|kept| !kept.is_deleted)
        .map(|kept| kept.id)
        .collect();
    let tags: BTreeSet<(i64, String)> = witness
        .memories
        .values()
        .flat_map(|kept| kept.tags.iter().map(|tag| (kept.id, tag.clone())))
        .collect();
    let indexed: BTreeMap<i64, i64> = witness
        .memories
        .values()
        .filter_map(|kept| Some((kept.id, kept.chunks?)))
        .collect();
    let bits: BTreeMap<i64, i64> = indexed
        .iter()
        .filter(|(id, _)| living.contains(id))
        .map(|(id, chunks)| (*id, *chunks))
        .collect();
    let rules = [
        (
            "the index of words has other memories than those living",
            witness.word_ids == living,
        ),
        (
            "a living memory is not found by its words, or a deleted one is",
            witness.found_by_word == living,
        ),
        (
            "the table of tags differs from the tags",
            witness.tags == tags,
        ),
        (
            "the vectors are not those of the indexed memories",
            witness.vectors == indexed,
        ),
        (
            "the index of vectors is not that of the living",
            witness.vector_bits == bits,
        ),
    ];
    let broken = rules.into_iter().filter(|(_, holds)| !holds);
    broken
        .map(|(what, _)| Fault::new(Rule::Whole, what))
        .collect()
}
