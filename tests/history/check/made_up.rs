//! Made-up histories: a healthy one passes, and each rule finds the fault that it is for.

use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::history::record::{Answered, Asked, End, Seen};
use crate::history::witness::{Commit, Kept};

/// A history in the making, and the store it leaves.
#[derive(Default)]
struct Story {
    operations: Vec<Operation>,
    witness: Witness,
}

impl Story {
    /// Two clients on two hosts: a store each, a change of tags, and a read by the other client.
    fn healthy() -> Self {
        let mut story = Self::default();
        story.write(
            "a1",
            (10, 20),
            store("mkaz first"),
            ("A", 1),
            json!({"did": "stored", "id": 1, "content_hash": "ha"}),
        );
        story.write(
            "b1",
            (15, 30),
            store("mkbz other"),
            ("B", 2),
            json!({"did": "stored", "id": 2, "content_hash": "hb"}),
        );
        let retag = Asked::Retag {
            hash: "ha".into(),
            tags: vec!["t".into()],
        };
        story.write(
            "a2",
            (40, 50),
            retag,
            ("A", 3),
            json!({"did": "updated", "id": 1, "content_hash": "ha"}),
        );
        story.read("b2", (60, 70), "mkaz", &[("mkaz first", &["t"])]);
        story.keep(1, "ha", "mkaz first", &["t"]);
        story.keep(2, "hb", "mkbz other", &[]);
        story.witness.changes.insert((3, 1, "update".into()));
        story.witness.epoch = 3;
        story
    }

    /// An acknowledged write, with its row in the log.
    fn write(
        &mut self,
        op_id: &str,
        (t0, t1): (u64, u64),
        asked: Asked,
        (instance, epoch): (&str, i64),
        outcome: Value,
    ) {
        let hash = outcome["content_hash"].as_str().map(str::to_owned);
        self.witness.log.push(Commit {
            seq: self.witness.log.len() as i64 + 1,
            epoch,
            generation: 0,
            instance: instance.to_owned(),
            kind: asked.kind().to_owned(),
            op_id: Some(op_id.to_owned()),
            outcome,
            at_ms: t1 as i64,
        });
        let answer = Answered::Written { hash };
        self.operate(op_id, t0, asked, End::Ok { at: t1, answer });
    }

    fn read(&mut self, op_id: &str, (t0, t1): (u64, u64), marker: &str, found: &[(&str, &[&str])]) {
        let seen = |(text, tags): &(&str, &[&str])| Seen {
            text: (*text).to_owned(),
            tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
        };
        let answer = Answered::Found(found.iter().map(seen).collect());
        let asked = Asked::Read {
            marker: marker.to_owned(),
        };
        self.operate(op_id, t0, asked, End::Ok { at: t1, answer });
    }

    fn operate(&mut self, op_id: &str, t0: u64, asked: Asked, end: End) {
        self.operations.push(Operation {
            client: op_id[..1].to_owned(),
            op_id: op_id.to_owned(),
            asked,
            t0,
            queued: None,
            unanswered: u64::from(matches!(end, End::Unknown { .. })),
            end,
        });
    }

    fn keep(&mut self, id: i64, hash: &str, text: &str, tags: &[&str]) {
        let kept = Kept {
            id,
            hash: hash.to_owned(),
            text: text.to_owned(),
            tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
            is_deleted: false,
            chunks: None,
        };
        self.witness
            .tags
            .extend(kept.tags.iter().map(|tag| (id, tag.clone())));
        self.witness.memories.insert(id, kept);
        self.witness.word_ids.insert(id);
        self.witness.found_by_word.insert(id);
    }

    fn operation(&mut self, op_id: &str) -> &mut Operation {
        self.operations
            .iter_mut()
            .find(|operation| operation.op_id == op_id)
            .unwrap()
    }

    /// The rules that are broken, each once.
    fn broken(&self) -> Vec<Rule> {
        let faults = check(&self.operations, &self.witness);
        let mut rules: Vec<Rule> = faults.into_iter().map(|fault| fault.rule).collect();
        rules.sort();
        rules.dedup();
        rules
    }
}

fn store(text: &str) -> Asked {
    Asked::Store {
        text: text.to_owned(),
        tags: Vec::new(),
    }
}

fn failed(code: &str) -> End {
    End::Failed {
        at: 99,
        code: code.to_owned(),
    }
}

#[test]
fn a_healthy_history_has_no_fault() {
    let story = Story::healthy();
    assert_eq!(check(&story.operations, &story.witness), []);
}

#[test]
fn an_acknowledged_write_that_is_not_in_the_log_is_lost() {
    let mut story = Story::healthy();
    story.operate(
        "a3",
        80,
        store("mkcz lost"),
        End::Ok {
            at: 90,
            answer: Answered::Written { hash: None },
        },
    );
    assert_eq!(story.broken(), [Rule::NotLost]);
}

#[test]
fn an_unknown_write_may_be_there_or_not() {
    let mut story = Story::healthy();
    story.operation("b1").end = End::Unknown {
        why: "killed".into(),
    };
    story.operate(
        "a3",
        80,
        store("mkcz gone"),
        End::Unknown {
            why: "killed".into(),
        },
    );
    assert_eq!(story.broken(), []);
}

#[test]
fn a_write_that_is_there_twice_is_found() {
    let mut story = Story::healthy();
    let mut row = story.witness.log[1].clone();
    row.seq = 4;
    row.epoch = 4;
    row.outcome = json!({"did": "already_stored", "id": 2, "content_hash": "hb"});
    story.witness.log.push(row);
    story.witness.epoch = 4;
    assert_eq!(story.broken(), [Rule::NotTwice]);
}

#[test]
fn a_memory_that_is_there_twice_is_found_also_without_a_row_in_the_log() {
    let mut story = Story::healthy();
    story.keep(3, "hb", "mkbz other", &[]);
    assert_eq!(story.broken(), [Rule::Replay]);
}

#[test]
fn a_failed_write_that_is_in_the_log_is_found() {
    let mut story = Story::healthy();
    story.operation("b1").end = failed("queue_full");
    assert_eq!(story.broken(), [Rule::FailedLeavesNothing]);
}

#[test]
fn a_write_that_nobody_asked_for_is_found_and_the_indexers_are_expected() {
    let mut story = Story::healthy();
    let mut row = story.witness.log[2].clone();
    (row.seq, row.op_id, row.kind) = (4, None, "index".into());
    story.witness.log.push(row);
    assert_eq!(story.broken(), []);
    story.witness.log[3].kind = "store".into();
    assert_eq!(story.broken(), [Rule::SomebodyAsked]);
}

#[test]
fn an_order_against_time_is_found() {
    let mut story = Story::healthy();
    // `b1` is answered before `a1` is asked, and stands behind it in the log.
    story.operation("b1").t0 = 1;
    let End::Ok { at, .. } = &mut story.operation("b1").end else {
        panic!("b1 is acknowledged")
    };
    *at = 5;
    assert_eq!(story.broken(), [Rule::RealTimeOrder]);
}

#[test]
fn who_waited_first_and_is_served_later_is_found() {
    let mut story = Story::healthy();
    // Seen waiting before `a1` was asked, and behind it in the log.
    story.operation("b1").t0 = 5;
    story.operation("b1").queued = Some(8);
    assert_eq!(story.broken(), [Rule::FirstCome]);
}

#[test]
fn a_gap_in_the_numbers_is_found() {
    let mut story = Story::healthy();
    story.witness.log[2].seq = 4;
    story.witness.changes = [(4, 1, "update".to_owned())].into();
    assert_eq!(story.broken(), [Rule::NoGap]);
}

#[test]
fn an_epoch_of_two_instances_is_found() {
    let mut story = Story::healthy();
    story.witness.log[1].epoch = 1;
    assert_eq!(story.broken(), [Rule::OneWriterEach]);
}

#[test]
fn an_epoch_that_falls_is_found() {
    let mut story = Story::healthy();
    story.witness.log[2].epoch = 1;
    assert_eq!(story.broken(), [Rule::OneWriterEach]);
    let mut story = Story::healthy();
    story.witness.epoch = 2;
    assert_eq!(
        story.broken(),
        [Rule::OneWriterEach],
        "the store forgot its last epoch"
    );
}

#[test]
fn a_commit_under_a_lock_that_was_taken_over_is_found() {
    let mut story = Story::healthy();
    story.witness.log[1].generation = 1;
    assert_eq!(
        story.broken(),
        [Rule::OneWriterEach],
        "the generation falls back to 0"
    );
}

#[test]
fn a_change_that_went_lost_under_another_is_found() {
    let mut story = Story::healthy();
    story.witness.memories.get_mut(&1).unwrap().tags.clear();
    story.witness.tags.clear();
    assert_eq!(story.broken(), [Rule::Replay]);
    let mut story = Story::healthy();
    story.witness.changes.clear();
    assert_eq!(
        story.broken(),
        [Rule::Replay],
        "the history of the memory misses a change"
    );
}

#[test]
fn a_purged_memory_that_is_still_there_is_found() {
    let mut story = Story::healthy();
    let delete = Asked::Delete { hash: "ha".into() };
    let did = json!({"did": "deleted", "count": 1});
    story.write("a3", (80, 90), delete, ("A", 3), did);
    let purge = Asked::Purge { hash: "ha".into() };
    let did = json!({"did": "purged", "count": 1});
    story.write("a4", (91, 95), purge, ("A", 3), did);
    let with_memory = story.witness.clone();
    story.witness.memories.remove(&1);
    for ids in [
        &mut story.witness.word_ids,
        &mut story.witness.found_by_word,
    ] {
        ids.remove(&1);
    }
    story.witness.tags.clear();
    assert_eq!(story.broken(), [Rule::Replay], "its history is still there");
    story.witness.changes.clear();
    assert_eq!(story.broken(), []);
    story.witness = with_memory;
    assert!(story.broken().contains(&Rule::Replay));
}

#[test]
fn an_outcome_that_cannot_have_been_is_found() {
    let mut story = Story::healthy();
    story.witness.log[2].outcome = json!({"did": "updated", "id": 2, "content_hash": "ha"});
    assert_eq!(story.broken(), [Rule::Replay]);
}

#[test]
fn an_answer_that_tells_another_story_than_the_log_is_found() {
    let mut story = Story::healthy();
    let answer = Answered::Written {
        hash: Some("hx".into()),
    };
    story.operation("b1").end = End::Ok { at: 30, answer };
    assert_eq!(story.broken(), [Rule::Replay]);
}

#[test]
fn derived_tables_that_differ_are_found() {
    let spoil: [fn(&mut Witness); 6] = [
        |witness| witness.word_ids.retain(|id| *id != 2),
        |witness| witness.found_by_word.retain(|id| *id != 2),
        |witness| witness.tags.extend([(2, "t".to_owned())]),
        |witness| witness.vectors.extend([(1, 1)]),
        |witness| witness.vector_bits.extend([(1, 1)]),
        |witness| {
            let said = "memories: wrong # of entries in index";
            witness.damage.push(said.to_owned());
        },
    ];
    for (number, spoil) in spoil.into_iter().enumerate() {
        let mut story = Story::healthy();
        spoil(&mut story.witness);
        assert_eq!(story.broken(), [Rule::Whole], "case {number}");
    }
}

#[test]
fn a_read_that_misses_what_was_acknowledged_is_found() {
    let mut story = Story::healthy();
    story.read("b3", (61, 70), "mkaz", &[("mkaz first", &[])]);
    assert_eq!(
        story.broken(),
        [Rule::FreshReads],
        "the tags were acknowledged at 50"
    );
    let mut story = Story::healthy();
    story.read("b3", (61, 70), "mkbz", &[]);
    assert_eq!(
        story.broken(),
        [Rule::FreshReads],
        "the memory was acknowledged at 30"
    );
}

#[test]
fn a_read_at_the_same_time_as_a_write_may_see_it_or_not() {
    let mut story = Story::healthy();
    story.read("b3", (45, 48), "mkaz", &[("mkaz first", &[])]);
    story.read("b4", (45, 48), "mkaz", &[("mkaz first", &["t"])]);
    story.read("b5", (5, 9), "mkaz", &[]);
    assert_eq!(story.broken(), []);
    story.read("b6", (35, 39), "mkaz", &[("mkaz first", &["t"])]);
    assert_eq!(
        story.broken(),
        [Rule::FreshReads],
        "nobody had asked for the tag yet"
    );
}

#[test]
fn figures_that_differ_are_found() {
    let mut story = Story::healthy();
    story.operate("a4", 80, store("mkdz"), failed("queue_full"));
    let told = Told {
        acknowledged: 3,
        queue_full: 1,
        searches: 1,
        ..Told::default()
    };
    assert_eq!(check_statistics(&story.operations, &told), []);
    let wrong = Told {
        acknowledged: 2,
        ..told
    };
    assert_eq!(check_statistics(&story.operations, &wrong).len(), 1);
    let doubled = Told {
        queue_full: 2,
        ..told
    };
    assert_eq!(check_statistics(&story.operations, &doubled).len(), 1);
    story.operate(
        "a5",
        85,
        store("mkez"),
        End::Unknown {
            why: "hung up".into(),
        },
    );
    let done = Told {
        acknowledged: 4,
        ..told
    };
    assert_eq!(
        check_statistics(&story.operations, &done),
        [],
        "it may have been done"
    );
    // The host died after the commit, and the next one answered from the log.
    story.operation("a4").unanswered = 1;
    let asked_again = Told {
        acknowledged: 5,
        ..told
    };
    assert_eq!(check_statistics(&story.operations, &asked_again), []);
    let more = Told {
        acknowledged: 6,
        ..told
    };
    assert_eq!(check_statistics(&story.operations, &more).len(), 1);
}

#[test]
fn two_holders_at_once_are_found_in_the_trace() {
    let healthy = "1 lock-taken\n1 committed\n1 lock-given-back\n2 lock-taken\n2 committed\n2 lock-given-back\n";
    assert_eq!(check_turns(&parse_trace(healthy)), []);
    let killed = "1 lock-taken\n2 lock-taken\n2 committed\n2 lock-given-back\n1 comm";
    assert_eq!(
        check_turns(&parse_trace(killed)),
        [],
        "the dead pass no more points"
    );
    let moved = "1 lock-taken\n2 lock-taken\n1 committed\n2 lock-given-back\n1 lock-given-back\n";
    assert_eq!(
        check_turns(&parse_trace(moved)),
        [],
        "2 had a lock that had moved, and was refused"
    );
    let both = "1 lock-taken\n2 lock-taken\n2 committed\n1 committed\n";
    let faults = check_turns(&parse_trace(both));
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert_eq!(faults[0].rule, Rule::OneHolder);
}

#[test]
fn the_longest_standstill_is_from_a_death_to_the_next_acknowledgement() {
    let story = Story::healthy();
    let longest = |deaths: &[u64], pauses: &[Pause]| {
        let deaths: Vec<Death> = deaths.iter().map(|at| Death { at: *at }).collect();
        longest_standstill(&story.operations, &deaths, pauses)
    };
    assert_eq!(longest(&[12, 31], &[]), Duration::from_micros(19));
    assert_eq!(
        longest(&[55], &[]),
        Duration::ZERO,
        "nobody wrote any more: the reads do not count"
    );
    let frozen = Pause { from: 35, to: 38 };
    assert_eq!(longest(&[12, 31], &[frozen]), Duration::from_micros(8));
}

#[test]
fn a_write_that_gets_through_a_pause_is_found() {
    let story = Story::healthy();
    let held = |from, to| check_pauses(&story.operations, &[Pause { from, to }]);
    assert_eq!(
        held(5, 18),
        [],
        "`a1` and `b1` were answered after the pause, or asked before it"
    );
    assert_eq!(held(55, 80), [], "reads are not paused");
    let faults = held(9, 25);
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert_eq!(faults[0].rule, Rule::PausesHold);
}

#[test]
fn a_backup_that_misses_or_invents_something_is_found() {
    let story = Story::healthy();
    let faults = |asked, spoil: fn(&mut Witness)| {
        let mut witness = story.witness.clone();
        spoil(&mut witness);
        check_backup(
            &story.operations,
            &story.witness,
            &Backup { asked, witness },
        )
    };
    assert_eq!(faults(80, |_| {}), []);
    let cut: fn(&mut Witness) = |witness| {
        // As it was before the tag.
        witness.log.truncate(2);
        witness.changes.clear();
        witness.tags.clear();
        witness.memories.get_mut(&1).unwrap().tags.clear();
    };
    assert_eq!(faults(45, cut), [], "the tag was acknowledged at 50");
    assert_eq!(faults(80, cut).len(), 1, "the tag had been acknowledged");
    let lost: fn(&mut Witness) = |witness| drop(witness.memories.remove(&2));
    assert!(!faults(80, lost).is_empty(), "a memory is missing");
    let other: fn(&mut Witness) = |witness| witness.log[1].instance.push('x');
    assert_eq!(
        faults(80, other).len(),
        1,
        "it is the backup of another store"
    );
}
