//! Random sequences of writes, compared with a plain map after each commit.

use std::collections::{BTreeMap, BTreeSet};

use commonplace_store::{
    Backend, ByHash, Changes, ContentHash, Filter, IndexedMemory, Memory, MemoryDraft, MemoryId,
    Mention, NewMemory, Query, Refusal, SearchMode, Totals, Whose, WriteOp, WriteOutcome,
};
use serde_json::{Map, json};

use crate::audit;
use crate::filters::Spec;
use crate::support::{Chance, TestStore, at, bytes, cosine, strings};

const WORDS: [&str; 6] = ["amber", "bronze", "copper", "Dusk", "ember", "flint"];
const TAGS: [&str; 5] = ["red", "green", "blue", "black", "white"];
const PROJECTS: [&str; 3] = ["", "p", "q"];
const TYPES: [&str; 3] = ["note", "decision", "Decision"];

/// What the store should hold.
#[derive(Clone, Default)]
struct Model {
    memories: BTreeMap<MemoryId, Memory>,
    vectors: BTreeMap<MemoryId, Vec<Vec<f32>>>,
    last_id: i64,
}

/// One write, in the form that the model understands.
#[derive(Debug, Clone)]
enum Step {
    Store(MemoryDraft),
    Update {
        hash: ContentHash,
        whose: Whose,
        part: Part,
    },
    Delete(Spec),
    DeleteNamed(ByHash),
    Undelete(ByHash),
    Purge(ByHash),
    PutVectors(Vec<(MemoryId, ContentHash, Vec<Vec<f32>>)>),
}

#[derive(Debug, Clone)]
enum Part {
    Text(String),
    Tags(Vec<String>),
    Type(String),
    Metadata(Map<String, serde_json::Value>),
}

impl Step {
    fn op(&self) -> WriteOp {
        match self {
            Self::Store(draft) => WriteOp::Store(NewMemory::parse(draft.clone()).unwrap()),
            Self::Update { hash, whose, part } => {
                WriteOp::Update(hash.clone(), whose.clone(), part.changes())
            }
            Self::Delete(spec) => WriteOp::Delete(spec.filter()),
            Self::DeleteNamed(named) => {
                WriteOp::Delete(Filter::default().with_named(named.clone()))
            }
            Self::Undelete(named) => WriteOp::Undelete(named.clone()),
            Self::Purge(named) => WriteOp::Purge(named.clone()),
            Self::PutVectors(batch) => {
                let indexed = batch.iter().map(|(id, hash, vectors)| IndexedMemory {
                    id: *id,
                    content_hash: hash.clone(),
                    vectors: vectors.iter().map(|vector| bytes(vector)).collect(),
                    was_cut: false,
                });
                WriteOp::PutVectors(indexed.collect())
            }
        }
    }
}

impl Part {
    fn changes(&self) -> Changes {
        let changes = Changes::default();
        match self {
            Self::Text(text) => changes.with_text(text),
            Self::Tags(tags) => changes.with_tags(tags),
            Self::Type(memory_type) => changes.with_type(memory_type),
            Self::Metadata(metadata) => changes.with_metadata(metadata.clone()),
        }
        .unwrap()
    }

    fn field(&self) -> &'static str {
        match self {
            Self::Text(_) => "content",
            Self::Tags(_) => "tags",
            Self::Type(_) => "memory_type",
            Self::Metadata(_) => "metadata",
        }
    }
}

impl Model {
    fn living(&self) -> impl DoubleEndedIterator<Item = &Memory> {
        self.memories
            .values()
            .filter(|memory| memory.deleted_ms.is_none())
    }

    fn living_with(&self, project: &str, hash: &ContentHash) -> Option<&Memory> {
        self.living()
            .find(|memory| memory.project == project && memory.content_hash == *hash)
    }

    /// Living memories that pass, the newest first.
    fn passing(&self, spec: &Spec) -> Vec<Memory> {
        newest_first(self.living().filter(|memory| spec.passes(memory)))
    }

    /// Memories that the hashes mean among living or deleted ones, in no order.
    fn meant(&self, named: &ByHash, is_deleted: bool) -> Result<Vec<Memory>, Refusal> {
        let mut meant = Vec::new();
        let hashes = &named.hashes;
        for (n, hash) in hashes.iter().enumerate() {
            if hashes[..n].contains(hash) {
                continue;
            }
            let has_hash = |memory: &&Memory| memory.content_hash == *hash;
            let everywhere: Vec<&Memory> = self.memories.values().filter(has_hash).collect();
            let fits = |memory: &&Memory| memory.deleted_ms.is_some() == is_deleted;
            let found = newest_first(everywhere.iter().copied().filter(fits));
            let mut projects: Vec<&String> = found.iter().map(|memory| &memory.project).collect();
            projects.sort();
            projects.dedup();
            let is_own = |own: &String| everywhere.iter().any(|memory| memory.project == *own);
            let project = match &named.whose {
                Whose::Of(project) => project,
                Whose::FirstOf(own) if is_own(own) => own,
                _ if projects.len() == 1 => projects[0],
                _ if projects.is_empty() => continue,
                _ => return Err(ambiguous(hash, &found)),
            };
            meant.extend(
                found
                    .iter()
                    .filter(|memory| memory.project == *project)
                    .cloned(),
            );
        }
        Ok(meant)
    }

    /// Deleted memories that these hashes mean, the one deleted last first.
    fn deleted(&self, named: &ByHash) -> Result<Vec<Memory>, Refusal> {
        let mut deleted = self.meant(named, true)?;
        deleted.sort_by_key(|memory| std::cmp::Reverse((memory.deleted_ms, memory.id)));
        Ok(deleted)
    }

    fn apply(&mut self, step: &Step, now_ms: i64) -> Result<WriteOutcome, Refusal> {
        match step {
            Step::Store(draft) => Ok(self.store(draft, now_ms)),
            Step::Update { hash, whose, part } => {
                let named = ByHash {
                    hashes: vec![hash.clone()],
                    whose: whose.clone(),
                };
                self.update(&named, part, now_ms)
            }
            Step::Delete(spec) => Ok(self.delete(&self.passing(spec), now_ms)),
            Step::DeleteNamed(named) => {
                let gone = newest_first(self.meant(named, false)?.iter());
                Ok(self.delete(&gone, now_ms))
            }
            Step::Undelete(named) => self.undelete(named),
            Step::Purge(named) => {
                let gone = self.deleted(named)?;
                for memory in &gone {
                    self.memories.remove(&memory.id);
                    self.vectors.remove(&memory.id);
                }
                let count = gone.len() as u64;
                Ok(WriteOutcome::Purged { count, part: None })
            }
            Step::PutVectors(batch) => Ok(self.put_vectors(batch)),
        }
    }

    fn store(&mut self, draft: &MemoryDraft, now_ms: i64) -> WriteOutcome {
        let content_hash = ContentHash::of(&draft.text);
        if let Some(there) = self.living_with(&draft.project, &content_hash) {
            let (id, created_ms) = (there.id, there.created_ms);
            return WriteOutcome::AlreadyStored {
                id,
                content_hash,
                created_ms,
            };
        }
        self.last_id += 1;
        let id = MemoryId(self.last_id);
        let memory = Memory {
            id,
            content_hash: content_hash.clone(),
            text: draft.text.clone(),
            tags: draft.tags.clone(),
            memory_type: draft.memory_type.clone(),
            project: draft.project.clone(),
            metadata: draft.metadata.clone(),
            created_ms: now_ms,
            updated_ms: now_ms,
            deleted_ms: None,
            provenance: draft.provenance.clone(),
            is_damaged: false,
        };
        self.memories.insert(id, memory);
        WriteOutcome::Stored { id, content_hash }
    }

    fn update(
        &mut self,
        named: &ByHash,
        part: &Part,
        now_ms: i64,
    ) -> Result<WriteOutcome, Refusal> {
        let meant = self.meant(named, false)?;
        let Some(old) = meant.first() else {
            let hash = named.hashes[0].clone();
            return Err(Refusal::NotFound { hash });
        };
        let mut new = old.clone();
        new.updated_ms = now_ms.max(old.updated_ms + 1);
        match part {
            Part::Text(text) => {
                new.content_hash = ContentHash::of(text);
                new.text.clone_from(text);
                let taken = self.living_with(&old.project, &new.content_hash);
                if taken.is_some_and(|other| other.id != old.id) {
                    return Err(Refusal::TextTaken {
                        hash: new.content_hash,
                    });
                }
            }
            Part::Tags(tags) => new.tags.clone_from(tags),
            Part::Type(memory_type) => new.memory_type = Some(memory_type.clone()),
            Part::Metadata(metadata) => {
                new.metadata.extend(metadata.clone());
                new.metadata.retain(|_, value| !value.is_null());
            }
        }
        if new.text != old.text {
            self.vectors.remove(&old.id);
        }
        let outcome = WriteOutcome::Updated {
            id: new.id,
            content_hash: new.content_hash.clone(),
            fields: strings(&[part.field()]),
        };
        self.memories.insert(new.id, new);
        Ok(outcome)
    }

    fn delete(&mut self, gone: &[Memory], now_ms: i64) -> WriteOutcome {
        for memory in gone {
            self.memories.get_mut(&memory.id).unwrap().deleted_ms = Some(now_ms);
        }
        let hashes = gone
            .iter()
            .take(100)
            .map(|memory| memory.content_hash.clone());
        WriteOutcome::Deleted {
            count: gone.len() as u64,
            hashes: hashes.collect(),
            part: None,
        }
    }

    fn undelete(&mut self, named: &ByHash) -> Result<WriteOutcome, Refusal> {
        let mut count = 0;
        for memory in self.deleted(named)? {
            if self
                .living_with(&memory.project, &memory.content_hash)
                .is_none()
            {
                self.memories.get_mut(&memory.id).unwrap().deleted_ms = None;
                count += 1;
            }
        }
        Ok(WriteOutcome::Undeleted { count, part: None })
    }

    fn put_vectors(&mut self, batch: &[(MemoryId, ContentHash, Vec<Vec<f32>>)]) -> WriteOutcome {
        let mut count = 0;
        for (id, hash, vectors) in batch {
            let memory = self.living().find(|memory| memory.id == *id);
            if memory.is_some_and(|memory| memory.content_hash == *hash) {
                self.vectors.insert(*id, vectors.clone());
                count += 1;
            }
        }
        WriteOutcome::Indexed { count }
    }
}

fn newest_first<'a>(memories: impl Iterator<Item = &'a Memory>) -> Vec<Memory> {
    let mut memories: Vec<Memory> = memories.cloned().collect();
    memories.sort_by_key(|memory| std::cmp::Reverse((memory.created_ms, memory.id)));
    memories
}

/// `found` is the newest first; the first of each project is a candidate.
fn ambiguous(hash: &ContentHash, found: &[Memory]) -> Refusal {
    let mut candidates: Vec<Mention> = Vec::new();
    for memory in found {
        if candidates
            .iter()
            .all(|other| other.project != memory.project)
        {
            candidates.push(Mention::of(memory));
        }
    }
    let hash = hash.clone();
    Refusal::Ambiguous { hash, candidates }
}

fn random_whose(chance: &mut Chance) -> Whose {
    let project = (*chance.pick(&PROJECTS)).to_owned();
    match chance.below(3) {
        0 => Whose::TheOnly,
        1 => Whose::FirstOf(project),
        _ => Whose::Of(project),
    }
}

fn random_text(chance: &mut Chance) -> String {
    let count = 1 + chance.below(3);
    let words: Vec<&str> = (0..count).map(|_| *chance.pick(&WORDS)).collect();
    let text = words.join(" ");
    if chance.percent(10) {
        text.to_uppercase()
    } else {
        text
    }
}

fn random_tags(chance: &mut Chance) -> Vec<String> {
    let mut tags: Vec<&str> = (0..chance.below(3)).map(|_| *chance.pick(&TAGS)).collect();
    tags.dedup();
    strings(&tags)
}

fn random_part(chance: &mut Chance) -> Part {
    match chance.below(4) {
        0 => Part::Text(random_text(chance)),
        1 => Part::Tags(random_tags(chance)),
        2 => Part::Type((*chance.pick(&TYPES)).to_owned()),
        _ => {
            let value = if chance.percent(40) {
                json!(null)
            } else {
                json!(chance.below(9))
            };
            let key = *chance.pick(&["a", "b"]);
            Part::Metadata(Map::from_iter([(key.to_owned(), value)]))
        }
    }
}

fn random_step(chance: &mut Chance, model: &Model, now_ms: i64) -> Step {
    let mut known: Vec<ContentHash> = model
        .memories
        .values()
        .map(|memory| memory.content_hash.clone())
        .collect();
    known.push(ContentHash::of("never stored"));
    let some_hashes = |chance: &mut Chance| -> Vec<ContentHash> {
        (0..=chance.below(3))
            .map(|_| chance.pick(&known).clone())
            .collect()
    };
    let some_named = |chance: &mut Chance| ByHash {
        hashes: some_hashes(chance),
        whose: random_whose(chance),
    };
    match chance.below(100) {
        0..45 => Step::Store(MemoryDraft {
            text: random_text(chance),
            tags: random_tags(chance),
            memory_type: chance
                .percent(50)
                .then(|| (*chance.pick(&TYPES)).to_owned()),
            project: (*chance.pick(&PROJECTS)).to_owned(),
            ..MemoryDraft::default()
        }),
        45..60 => Step::Update {
            hash: chance.pick(&known).clone(),
            whose: random_whose(chance),
            part: random_part(chance),
        },
        60..64 => Step::DeleteNamed(some_named(chance)),
        64..68 => {
            let mut spec = Spec::random(chance, now_ms as usize, &known);
            // Otherwise the store would be empty most of the time.
            if spec.filter().is_open() || model.passing(&spec).len() > 8 {
                spec.hashes = Some(some_hashes(chance));
            }
            Step::Delete(spec)
        }
        68..76 => Step::Undelete(some_named(chance)),
        76..80 => Step::Purge(some_named(chance)),
        _ => Step::PutVectors(random_vectors(chance, model, &known)),
    }
}

fn random_vectors(
    chance: &mut Chance,
    model: &Model,
    known: &[ContentHash],
) -> Vec<(MemoryId, ContentHash, Vec<Vec<f32>>)> {
    let mut batch = Vec::new();
    for memory in model.memories.values() {
        if chance.percent(85) {
            continue;
        }
        let is_stale = chance.below(10) == 0;
        let hash = if is_stale {
            known.last()
        } else {
            Some(&memory.content_hash)
        };
        let vectors = (0..chance.below(3)).map(|_| chance.unit_vector()).collect();
        batch.push((memory.id, hash.unwrap().clone(), vectors));
    }
    batch
}

/// One transaction; kept or dropped, the store must be as the model says.
fn run_transaction(store: &TestStore, model: &mut Model, chance: &mut Chance, now_ms: i64) {
    let before = model.clone();
    let lock = store.lock();
    let mut writer = store.store.begin_write(&lock).unwrap();
    for _ in 0..=chance.below(6) {
        let step = random_step(chance, model, now_ms);
        let expected = model.apply(&step, now_ms);
        let applied = writer.apply(&step.op(), &at(now_ms)).unwrap();
        assert_eq!(applied.map(|applied| applied.outcome), expected, "{step:?}");
    }
    if chance.percent(20) {
        drop(writer);
        *model = before;
    } else {
        writer.commit().unwrap();
    }
}

fn compare(store: &TestStore, model: &Model, chance: &mut Chance, now_ms: i64) {
    let everything = Spec::default();
    assert_eq!(store.list(Filter::default()), model.passing(&everything));
    let deleted = model
        .memories
        .values()
        .filter(|memory| memory.deleted_ms.is_some());
    let mut deleted: Vec<Memory> = deleted.cloned().collect();
    deleted.sort_by_key(|memory| std::cmp::Reverse((memory.deleted_ms, memory.id)));
    assert_eq!(store.list_deleted(Filter::default()), deleted);
    let mut reader = store.store.reader().unwrap();
    let mut unindexed: Vec<i64> = Vec::new();
    for memory in model.living() {
        let with_hash = newest_first(
            model
                .living()
                .filter(|other| other.content_hash == memory.content_hash),
        );
        assert_eq!(reader.by_hash(&memory.content_hash).unwrap(), with_hash);
        if !model.vectors.contains_key(&memory.id) {
            unindexed.insert(0, memory.id.0);
        }
    }
    let waiting: Vec<i64> = reader
        .unindexed(1_000)
        .unwrap()
        .iter()
        .map(|m| m.id.0)
        .collect();
    assert_eq!(waiting, unindexed);
    let living = model.living().count() as u64;
    let expected = Totals {
        living,
        deleted: model.memories.len() as u64 - living,
        unindexed: unindexed.len() as u64,
    };
    assert_eq!(reader.totals().unwrap(), expected);
    drop(reader);
    for _ in 0..3 {
        let known: Vec<_> = model
            .living()
            .map(|memory| memory.content_hash.clone())
            .collect();
        let spec = Spec::random(chance, now_ms as usize, &known);
        compare_searches(store, model, chance, &spec);
    }
}

fn compare_searches(store: &TestStore, model: &Model, chance: &mut Chance, spec: &Spec) {
    let passing = model.passing(spec);
    assert_eq!(store.list(spec.filter()), passing, "{spec:?}");
    let counted = store.store.reader().unwrap().count(&spec.filter()).unwrap();
    let counted = counted.unwrap();
    assert_eq!(counted.count, passing.len() as u64, "{spec:?}");
    assert!(
        passing
            .iter()
            .take(100)
            .map(|memory| &memory.content_hash)
            .eq(&counted.hashes)
    );

    let word = *chance.pick(&WORDS);
    let ids = |query: &Query, vector: Option<&[f32]>| -> Vec<i64> {
        let hits = store.store.reader().unwrap().search(query, vector).unwrap();
        hits.iter().map(|hit| hit.memory.id.0).collect()
    };
    let query = |mode| Query::parse(word, mode, spec.filter(), 100).unwrap();
    let has_word = |memory: &&Memory| memory.text.to_lowercase().contains(&word.to_lowercase());
    let with_word: Vec<i64> = passing
        .iter()
        .filter(has_word)
        .map(|memory| memory.id.0)
        .collect();
    assert_eq!(
        ids(&query(SearchMode::Exact), None),
        with_word,
        "{word} {spec:?}"
    );
    let by_words: BTreeSet<i64> = ids(&query(SearchMode::Keyword), None).into_iter().collect();
    assert_eq!(by_words, with_word.into_iter().collect(), "{word} {spec:?}");

    let question = chance.unit_vector();
    let mut nearest: Vec<(f32, i64)> = Vec::new();
    for memory in &passing {
        let vectors = model.vectors.get(&memory.id).map_or(&[][..], Vec::as_slice);
        let best = vectors
            .iter()
            .map(|vector| cosine(&question, vector))
            .reduce(f32::max);
        nearest.extend(best.map(|cosine| (cosine, memory.id.0)));
    }
    nearest.sort_by(|a, b| b.0.total_cmp(&a.0));
    let nearest: Vec<i64> = nearest.into_iter().map(|(_, id)| id).collect();
    assert_eq!(
        ids(&query(SearchMode::Semantic), Some(&question)),
        nearest,
        "{spec:?}"
    );
}

#[test]
fn the_store_agrees_with_a_plain_map() {
    for seed in 100..108 {
        let mut chance = Chance::seeded(seed);
        let (mut store, mut model) = (TestStore::new(), Model::default());
        for round in 1..=40 {
            // Time stands still now and then, so that ties happen.
            let now_ms = 1 + i64::from(round) / 2;
            run_transaction(&store, &mut model, &mut chance, now_ms);
            compare(&store, &model, &mut chance, now_ms);
            audit::check(&store);
            if chance.percent(5) {
                store = store.reopened();
            }
        }
        assert!(model.memories.len() > 10, "the sequence did something");
    }
}
