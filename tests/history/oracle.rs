//! Replays the commit log on a plain map: what the store must hold, and what could be read after each commit.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value;

use super::record::{Asked, Operation, Seen, marker};
use super::witness::Commit;

/// A memory of the oracle.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Mind {
    pub(crate) id: i64,
    pub(crate) hash: String,
    pub(crate) text: String,
    /// Sorted.
    pub(crate) tags: Vec<String>,
    pub(crate) deleted_ms: Option<i64>,
}

/// What a marker showed from `seq` on.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Version {
    pub(crate) seq: i64,
    pub(crate) seen: Vec<Seen>,
}

/// The state after the last commit, and the states before.
#[derive(Debug, Default)]
pub(crate) struct Oracle {
    pub(crate) memories: BTreeMap<i64, Mind>,
    /// By marker, in the order of commits.
    pub(crate) versions: HashMap<String, Vec<Version>>,
    /// Writes that replaced a state: `seq`, memory, change.
    pub(crate) changes: BTreeSet<(i64, i64, String)>,
    /// Texts that were purged, in the order of commits.
    pub(crate) purged: Vec<String>,
    /// Where the log tells another story than the operations.
    pub(crate) contradictions: Vec<String>,
    /// Hash by the text that was told to have it.
    hashes: HashMap<String, String>,
    living_by_text: HashMap<String, i64>,
    by_hash: HashMap<String, BTreeSet<i64>>,
    by_marker: HashMap<String, BTreeSet<i64>>,
}

impl Oracle {
    /// Carries out the operations in the order of the log. Rows that nobody asked for are left out here.
    pub(crate) fn replay(log: &[Commit], by_op_id: &HashMap<&str, &Operation>) -> Self {
        let mut oracle = Self::default();
        for commit in log {
            let operation = commit.op_id.as_deref().and_then(|id| by_op_id.get(id));
            let Some(operation) = operation else { continue };
            if operation.asked.kind() != commit.kind {
                oracle.contradict(commit, format!("asked was a {}", operation.asked.kind()));
                continue;
            }
            oracle.apply(commit, &operation.asked);
        }
        oracle
    }

    fn contradict(&mut self, commit: &Commit, why: String) {
        let op_id = commit.op_id.as_deref().unwrap_or("no op_id");
        self.contradictions.push(format!(
            "seq {} ({}, `{op_id}`) did {}: {why}",
            commit.seq, commit.kind, commit.outcome
        ));
    }

    fn apply(&mut self, commit: &Commit, asked: &Asked) {
        match asked {
            Asked::Store { text, tags } => self.store(commit, text, tags),
            Asked::Retag { hash, tags } => {
                self.update(commit, hash, |mind| mind.tags.clone_from(tags))
            }
            Asked::Rewrite { hash, text } => {
                self.update(commit, hash, |mind| mind.text.clone_from(text))
            }
            Asked::Delete { hash } => self.delete(commit, hash),
            Asked::Undelete { hash } => self.undelete(commit, hash),
            Asked::Purge { hash } => self.purge(commit, hash),
            Asked::Read { .. } => self.contradict(commit, "asked was a read".to_owned()),
        }
    }

    /// Keeps a new or changed memory.
    fn put(&mut self, mind: Mind) {
        if let Some(old) = self.memories.get(&mind.id) {
            if old.deleted_ms.is_none() {
                self.living_by_text.remove(&normal(&old.text));
            }
            self.by_hash
                .entry(old.hash.clone())
                .or_default()
                .remove(&mind.id);
            let ids = self
                .by_marker
                .entry(marker(&old.text).to_owned())
                .or_default();
            ids.remove(&mind.id);
        }
        if mind.deleted_ms.is_none() {
            self.living_by_text.insert(normal(&mind.text), mind.id);
        }
        self.by_hash
            .entry(mind.hash.clone())
            .or_default()
            .insert(mind.id);
        let ids = self
            .by_marker
            .entry(marker(&mind.text).to_owned())
            .or_default();
        ids.insert(mind.id);
        self.memories.insert(mind.id, mind);
    }

    fn living_with_text(&self, text: &str) -> Option<i64> {
        self.living_by_text.get(&normal(text)).copied()
    }

    fn with_hash(&self, hash: &str, is_deleted: bool) -> Vec<i64> {
        let ids = self.by_hash.get(hash).into_iter().flatten().copied();
        ids.filter(|id| self.memories[id].deleted_ms.is_some() == is_deleted)
            .collect()
    }

    /// Checks what the log did against what it must have done.
    fn must_have_done(&mut self, commit: &Commit, did: &str, facts: &[(&str, Value)]) {
        let outcome = &commit.outcome;
        let agrees =
            outcome["did"] == did && facts.iter().all(|(key, value)| outcome[*key] == *value);
        if !agrees {
            self.contradict(commit, format!("must have {did} with {facts:?}"));
        }
    }

    fn store(&mut self, commit: &Commit, text: &str, tags: &[String]) {
        let hash = commit.outcome["content_hash"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        let id = commit.outcome["id"].as_i64().unwrap_or_default();
        self.note_hash(commit, text, &hash);
        if let Some(there) = self.living_with_text(text) {
            return self.must_have_done(commit, "already_stored", &[("id", there.into())]);
        }
        self.must_have_done(commit, "stored", &[]);
        if self.memories.contains_key(&id) {
            return self.contradict(commit, format!("the id {id} was given before"));
        }
        let mut tags = tags.to_vec();
        tags.sort();
        let mind = Mind {
            id,
            hash,
            text: text.to_owned(),
            tags,
            deleted_ms: None,
        };
        self.put(mind);
        self.show(commit, &[marker(text).to_owned()]);
    }

    fn update(&mut self, commit: &Commit, hash: &str, change: impl FnOnce(&mut Mind)) {
        let Some(&id) = self.with_hash(hash, false).last() else {
            return self.contradict(commit, format!("no living memory had the hash {hash}"));
        };
        let mut mind = self.memories[&id].clone();
        let before = marker(&mind.text).to_owned();
        change(&mut mind);
        mind.tags.sort();
        let taken = self
            .living_with_text(&mind.text)
            .filter(|other| *other != id);
        if let Some(other) = taken {
            return self.contradict(commit, format!("memory {other} had that text"));
        }
        let told = commit.outcome["content_hash"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        self.note_hash(commit, &mind.text, &told);
        mind.hash = told;
        self.must_have_done(commit, "updated", &[("id", id.into())]);
        let after = marker(&mind.text).to_owned();
        self.put(mind);
        self.changes.insert((commit.seq, id, "update".to_owned()));
        self.show(commit, &[before, after]);
    }

    fn delete(&mut self, commit: &Commit, hash: &str) {
        let gone = self.with_hash(hash, false);
        self.must_have_done(commit, "deleted", &[("count", gone.len().into())]);
        for id in gone {
            self.set_deleted(commit, id, Some(commit.at_ms), "delete");
        }
    }

    fn undelete(&mut self, commit: &Commit, hash: &str) {
        let mut gone = self.with_hash(hash, true);
        // The one deleted last comes back; of several with one text only one can live.
        gone.sort_by_key(|id| std::cmp::Reverse((self.memories[id].deleted_ms, *id)));
        let mut count = 0;
        for id in gone {
            if self.living_with_text(&self.memories[&id].text).is_none() {
                self.set_deleted(commit, id, None, "undelete");
                count += 1;
            }
        }
        self.must_have_done(commit, "undeleted", &[("count", count.into())]);
    }

    /// Forgets deleted memories with all that they were before.
    fn purge(&mut self, commit: &Commit, hash: &str) {
        let gone = self.with_hash(hash, true);
        self.must_have_done(commit, "purged", &[("count", gone.len().into())]);
        for id in gone {
            let mind = self.memories.remove(&id).expect("it was found just before");
            self.by_hash.entry(mind.hash).or_default().remove(&id);
            let ids = self.by_marker.entry(marker(&mind.text).to_owned());
            ids.or_default().remove(&id);
            self.changes.retain(|(_, changed, _)| *changed != id);
            self.purged.push(mind.text);
        }
    }

    fn set_deleted(&mut self, commit: &Commit, id: i64, deleted_ms: Option<i64>, change: &str) {
        let mut mind = self.memories[&id].clone();
        mind.deleted_ms = deleted_ms;
        let marker = marker(&mind.text).to_owned();
        self.put(mind);
        self.changes.insert((commit.seq, id, change.to_owned()));
        self.show(commit, &[marker]);
    }

    /// One text has one hash, and no other text has it.
    fn note_hash(&mut self, commit: &Commit, text: &str, hash: &str) {
        let known = self.hashes.insert(normal(text), hash.to_owned());
        if known.is_some_and(|known| known != hash) {
            self.contradict(commit, "that text had another hash before".to_owned());
        }
    }

    /// Adds what the markers show from now on.
    fn show(&mut self, commit: &Commit, markers: &[String]) {
        for name in markers {
            let ids = self.by_marker.get(name).into_iter().flatten();
            let mut seen: Vec<Seen> = ids
                .map(|id| &self.memories[id])
                .filter(|mind| mind.deleted_ms.is_none())
                .map(|mind| Seen {
                    text: mind.text.clone(),
                    tags: mind.tags.clone(),
                })
                .collect();
            seen.sort();
            let version = Version {
                seq: commit.seq,
                seen,
            };
            self.versions.entry(name.clone()).or_default().push(version);
        }
    }
}

/// The text as the hash of a memory sees it.
fn normal(text: &str) -> String {
    text.trim().to_lowercase()
}
