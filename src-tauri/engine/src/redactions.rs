//! What was taken out of memories because it looked like a secret: kept for a while, so that a person can put it back.
//!
//! It is in the memory of this process and nowhere else: nothing here is written, logged or shown by `Debug`. It goes when its
//! time is over, when newer ones need its room, when a person decides, and when the process ends.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex};

use commonplace_api::memories::Replaced;
use commonplace_api::redactions::{self as api, KEPT_MS, RedactedParts, RedactionStatus};
use commonplace_store::{
    Changes, Edit, IdAct, Memory, MemoryId, Substitution, WriteOutcome, start_of,
};

use crate::mutex::lock;
use crate::request::Acknowledged;

/// Most redactions that are kept.
const KEPT_MAX: usize = 200;
/// Most memory that they take together. One takes up to some 300 KiB, a common one less than one.
const BYTES_MAX: usize = 4 * 1024 * 1024;

/// What redaction takes out of one write that is not made yet. Its `Debug` shows nothing of it.
#[derive(Debug)]
pub struct TakenOut {
    replaced: Vec<Replaced>,
    /// First words of the text that is written, if one is.
    start: Option<String>,
    substitution: Substitution,
    /// About how much memory it takes.
    bytes: usize,
}

impl TakenOut {
    /// Compares what was meant with what is written; None if they differ in nothing that could be put back.
    #[must_use]
    pub fn new(replaced: Vec<Replaced>, meant: &Changes, written: &Changes) -> Option<Self> {
        let substitution = Substitution::between(meant, written)?;
        let places = replaced.iter().map(|one| one.kind.len() + one.place.len());
        Some(Self {
            bytes: substitution.bytes() + places.sum::<usize>(),
            replaced,
            start: written.text().map(start_of),
            substitution,
        })
    }

    /// Leaves out everything but the text.
    fn of_text(mut self) -> Option<Self> {
        self.replaced.retain(|replaced| replaced.place == "text");
        self.substitution = self.substitution.of_text()?;
        Some(self)
    }
}

/// A write in which something was replaced, with all that puts it back.
pub struct Redaction {
    number: i64,
    memory: MemoryId,
    /// First words of the memory as it was stored.
    start: String,
    client: String,
    at_ms: i64,
    taken: TakenOut,
}

impl Redaction {
    /// Returns its name at this host.
    #[must_use]
    pub fn number(&self) -> i64 {
        self.number
    }

    /// Returns the memory that it was taken out of.
    #[must_use]
    pub fn memory(&self) -> MemoryId {
        self.memory
    }

    /// Returns what may be shown in a list: nothing of what was taken out.
    #[must_use]
    pub fn described(&self) -> api::Redaction {
        api::Redaction {
            number: self.number,
            memory: self.memory.0,
            start: self.start.clone(),
            client: self.client.clone(),
            at_ms: self.at_ms,
            until_ms: self.until_ms(),
            replaced: self.taken.replaced.clone(),
        }
    }

    /// Returns the parts as they were meant, for the person who has to decide.
    #[must_use]
    pub fn shown(&self) -> RedactedParts {
        let substitution = &self.taken.substitution;
        let meant = substitution.meant();
        RedactedParts {
            text: meant.text().map(str::to_owned),
            tags: meant.tags().map(<[String]>::to_vec),
            memory_type: meant.memory_type().map(str::to_owned),
            project: meant.project().map(str::to_owned),
            metadata: substitution.meant_metadata(),
        }
    }

    /// Returns the change that puts it back into `memory` as it is now; None if a part that it concerns was changed since.
    #[must_use]
    pub fn edit(&self, memory: &Memory) -> Option<Edit> {
        let substitution = &self.taken.substitution;
        substitution.is_in(memory).then(|| Edit {
            id: memory.id,
            seen_ms: Some(memory.updated_ms),
            changes: substitution.meant().clone(),
        })
    }

    fn until_ms(&self) -> i64 {
        self.at_ms.saturating_add(KEPT_MS)
    }

    /// The same was taken out of the same memory, by a write that was repeated.
    fn is_same(&self, other: &Self) -> bool {
        self.memory == other.memory && self.taken.substitution == other.taken.substitution
    }
}

impl fmt::Debug for Redaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redaction")
            .field("number", &self.number)
            .field("memory", &self.memory)
            .finish_non_exhaustive()
    }
}

/// The redactions of this host that can still be taken back. The time is that of whoever calls.
#[derive(Debug, Default)]
pub(crate) struct Redactions(Mutex<List>);

#[derive(Debug, Default)]
struct List {
    /// The oldest first.
    kept: VecDeque<Arc<Redaction>>,
    last_number: i64,
    revision: u64,
}

impl Redactions {
    /// Keeps what was taken out of a write of `client` that has been acknowledged. A write that was repeated is kept once.
    pub(crate) fn keep(&self, now_ms: i64, client: &str, done: &Acknowledged, taken: TakenOut) {
        let mut list = lock(&self.0);
        let (memory, taken) = match &done.applied.outcome {
            WriteOutcome::Stored { id, .. } | WriteOutcome::Updated { id, .. } => (*id, taken),
            // Nothing else of such a write was kept.
            WriteOutcome::AlreadyStored { id, .. } => match taken.of_text() {
                Some(taken) if !list.has_text(*id, &taken) => (*id, taken),
                Some(_) | None => return,
            },
            WriteOutcome::Deleted { .. }
            | WriteOutcome::Undeleted { .. }
            | WriteOutcome::Purged { .. }
            | WriteOutcome::ByIds { .. }
            | WriteOutcome::Indexed { .. } => return,
        };
        let before = done.applied.mentions.first();
        let start = taken.start.as_ref();
        let start = start.or(before.map(|mention| &mention.start));
        let redaction = Redaction {
            number: list.next_number(now_ms),
            memory,
            start: start.cloned().unwrap_or_default(),
            client: client.to_owned(),
            at_ms: now_ms,
            taken,
        };
        list.add(redaction);
        list.expire(now_ms);
    }

    /// Returns all, the latest first.
    pub(crate) fn list(&self, now_ms: i64) -> Vec<Arc<Redaction>> {
        let mut list = lock(&self.0);
        list.expire(now_ms);
        list.kept.iter().rev().cloned().collect()
    }

    /// Returns one; None if it has gone.
    pub(crate) fn get(&self, number: i64, now_ms: i64) -> Option<Arc<Redaction>> {
        let mut list = lock(&self.0);
        list.expire(now_ms);
        let found = list.kept.iter().find(|kept| kept.number == number);
        found.cloned()
    }

    /// Forgets one; false if it had gone before.
    pub(crate) fn forget(&self, number: i64) -> bool {
        lock(&self.0).retain(|kept| kept.number != number)
    }

    /// Forgets what was taken out of memories that a write has deleted permanently.
    pub(crate) fn forget_purged(&self, outcome: &WriteOutcome) {
        if let WriteOutcome::ByIds {
            act: IdAct::Purge,
            done,
            ..
        } = outcome
        {
            lock(&self.0).retain(|kept| !done.contains(&kept.memory));
        }
    }

    /// Drops what is too old.
    pub(crate) fn expire(&self, now_ms: i64) {
        lock(&self.0).expire(now_ms);
    }

    /// Counts them for the status.
    pub(crate) fn status(&self, now_ms: i64) -> RedactionStatus {
        let mut list = lock(&self.0);
        list.expire(now_ms);
        RedactionStatus {
            count: list.kept.len(),
            revision: list.revision,
        }
    }
}

impl List {
    /// Numbers go on from the time of day: the next host on this port, which pages of this one go on with, has others.
    fn next_number(&mut self, now_ms: i64) -> i64 {
        self.last_number = now_ms.max(self.last_number + 1);
        self.last_number
    }

    fn add(&mut self, redaction: Redaction) {
        self.retain(|kept| !kept.is_same(&redaction));
        self.kept.push_back(Arc::new(redaction));
        self.revision += 1;
        while self.kept.len() > KEPT_MAX || self.bytes() > BYTES_MAX {
            self.kept.pop_front();
        }
    }

    fn bytes(&self) -> usize {
        self.kept.iter().map(|kept| kept.taken.bytes).sum()
    }

    /// Says whether what `taken` has of the text of this memory is kept already.
    fn has_text(&self, memory: MemoryId, taken: &TakenOut) -> bool {
        let has_text = |kept: &Arc<Redaction>| {
            kept.memory == memory && kept.taken.substitution.has_text_of(&taken.substitution)
        };
        self.kept.iter().any(has_text)
    }

    fn expire(&mut self, now_ms: i64) {
        self.retain(|kept| kept.until_ms() > now_ms);
    }

    /// Drops the others; says whether there were any.
    fn retain(&mut self, is_kept: impl Fn(&Redaction) -> bool) -> bool {
        let before = self.kept.len();
        self.kept.retain(|kept| is_kept(kept));
        let has_dropped = self.kept.len() < before;
        self.revision += u64::from(has_dropped);
        has_dropped
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use commonplace_store::{Applied, CommitSeq, ContentHash, Epoch};

    use super::*;

    fn text(text: &str) -> Changes {
        Changes::default().with_text(text).unwrap()
    }

    fn taken(meant: &str, written: &str) -> TakenOut {
        let replaced = vec![Replaced {
            kind: "password".to_owned(),
            place: "text".to_owned(),
        }];
        TakenOut::new(replaced, &text(meant), &text(written)).expect("they differ")
    }

    fn stored(id: i64) -> WriteOutcome {
        WriteOutcome::Stored {
            id: MemoryId(id),
            content_hash: ContentHash::of("x"),
        }
    }

    fn already_stored(id: i64) -> WriteOutcome {
        WriteOutcome::AlreadyStored {
            id: MemoryId(id),
            content_hash: ContentHash::of("x"),
            created_ms: 0,
        }
    }

    fn acknowledged(outcome: WriteOutcome) -> Acknowledged {
        Acknowledged {
            applied: Applied {
                seq: CommitSeq(1),
                outcome,
                is_repeat: false,
                mentions: Vec::new(),
            },
            epoch: Epoch(1),
            queue_wait: Duration::ZERO,
            lock_wait: Duration::ZERO,
            index_backlog: 0,
            unfinished: None,
        }
    }

    fn keep(redactions: &Redactions, now_ms: i64, outcome: WriteOutcome, meant: &str) {
        let taken = taken(meant, "use [redacted: password]");
        redactions.keep(now_ms, "claude-code", &acknowledged(outcome), taken);
    }

    fn memories(redactions: &Redactions, now_ms: i64) -> Vec<i64> {
        let list = redactions.list(now_ms);
        list.iter().map(|kept| kept.memory.0).collect()
    }

    #[test]
    fn a_redaction_says_what_was_replaced_where_and_shows_it_only_when_asked() {
        let redactions = Redactions::default();
        keep(&redactions, 1_000, stored(7), "use hunter2");
        let kept = redactions.list(1_000).remove(0);
        let described = kept.described();
        assert_eq!(
            (
                described.number,
                described.memory,
                described.at_ms,
                described.until_ms
            ),
            (1_000, 7, 1_000, 1_000 + KEPT_MS)
        );
        assert_eq!(described.start, "use [redacted: password]");
        assert_eq!(described.client, "claude-code");
        let shown = format!("{described:?} {kept:?} {redactions:?}");
        assert!(!shown.contains("hunter2"), "{shown}");
        assert_eq!(kept.shown().text.as_deref(), Some("use hunter2"));
    }

    #[test]
    fn after_eight_hours_it_is_gone() {
        let redactions = Redactions::default();
        keep(&redactions, 0, stored(1), "a");
        keep(&redactions, 10, stored(2), "a");
        assert_eq!(memories(&redactions, KEPT_MS - 1), [2, 1]);
        let before = redactions.status(KEPT_MS - 1);
        let after = redactions.status(KEPT_MS);
        assert_eq!((before.count, after.count), (2, 1));
        assert_ne!(before.revision, after.revision, "a page notices");
        assert_eq!(memories(&redactions, KEPT_MS + 10), [0; 0]);
    }

    #[test]
    fn the_oldest_make_room_by_number_and_by_size() {
        let redactions = Redactions::default();
        for id in 0..250 {
            keep(&redactions, id, stored(id), "a");
        }
        let kept = memories(&redactions, 250);
        assert_eq!((kept.len(), kept[0], kept[199]), (200, 249, 50));

        let redactions = Redactions::default();
        for id in 0..100 {
            keep(&redactions, id, stored(id), &"x".repeat(60 * 1024));
        }
        let kept = memories(&redactions, 250);
        let bytes = kept.len() * 60 * 1024;
        assert!(
            bytes <= BYTES_MAX && bytes > BYTES_MAX - 128 * 1024,
            "{bytes}"
        );
        assert_eq!(kept[0], 99, "the latest is there");
    }

    #[test]
    fn a_write_that_is_repeated_is_kept_once() {
        type Writes<'a> = &'a [(WriteOutcome, &'a str)];
        let table: [(&str, Writes<'_>, &[i64]); 5] = [
            ("by its op_id", &[(stored(1), "a"), (stored(1), "a")], &[1]),
            (
                "the same text",
                &[(stored(1), "a"), (already_stored(1), "a")],
                &[1],
            ),
            (
                "another secret",
                &[(stored(1), "a"), (already_stored(1), "b")],
                &[1, 1],
            ),
            ("nobody has it", &[(already_stored(1), "a")], &[1]),
            (
                "another memory",
                &[(stored(1), "a"), (stored(2), "a")],
                &[2, 1],
            ),
        ];
        for (case, writes, wanted) in table {
            let redactions = Redactions::default();
            for (at, (outcome, meant)) in writes.iter().enumerate() {
                keep(&redactions, at as i64, outcome.clone(), meant);
            }
            assert_eq!(memories(&redactions, 10), wanted, "{case}");
        }
    }

    #[test]
    fn what_a_person_decided_and_what_was_deleted_permanently_is_forgotten() {
        let redactions = Redactions::default();
        for id in 1..=3 {
            keep(&redactions, 5, stored(id), "a");
        }
        let number = redactions.list(5)[0].number;
        assert!(redactions.forget(number));
        assert!(!redactions.forget(number), "it is gone already");
        assert!(redactions.get(number, 5).is_none());
        let by_ids = |act, id| WriteOutcome::ByIds {
            act,
            done: [MemoryId(id)].into(),
            missed: [].into(),
            part: None,
        };
        redactions.forget_purged(&by_ids(IdAct::Delete, 1));
        assert_eq!(memories(&redactions, 5), [2, 1]);
        redactions.forget_purged(&by_ids(IdAct::Purge, 1));
        assert_eq!(memories(&redactions, 5), [2]);
    }

    #[test]
    fn no_number_is_used_twice_not_even_by_the_next_host_on_the_port() {
        let redactions = Redactions::default();
        keep(&redactions, 100, stored(1), "a");
        keep(&redactions, 100, stored(2), "a");
        keep(&redactions, 50, stored(3), "a");
        let list = redactions.list(100);
        let numbers: Vec<i64> = list.iter().map(|kept| kept.number).collect();
        assert_eq!(numbers, [102, 101, 100]);
    }
}
