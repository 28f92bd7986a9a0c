//! Filters are applied before the best hits are cut: compared with plain oracles on random stores.

use std::collections::BTreeSet;

use commonplace_store::{
    Backend, ContentHash, Filter, IndexedMemory, Memory, MemoryDraft, NewMemory, Query, SearchMode,
    TagMatch, WriteOp, WriteOutcome,
};

use crate::audit;
use crate::support::{Chance, TestStore, at, bytes, cosine, in_project, strings};

const WORDS: [&str; 12] = [
    "amber", "bronze", "copper", "dusk", "ember", "flint", "granite", "harbor", "indigo", "jade",
    "krill", "lumen",
];
const TAGS: [&str; 5] = ["red", "green", "blue", "black", "white"];
const TYPES: [&str; 3] = ["note", "decision", "Decision"];
const PROJECTS: [&str; 3] = ["", "p", "q"];

/// A filter in plain form, and what it means.
#[derive(Debug, Clone, Default)]
pub(crate) struct Spec {
    pub(crate) tags: Vec<String>,
    pub(crate) all_tags: bool,
    pub(crate) memory_type: Option<String>,
    pub(crate) project: Option<String>,
    pub(crate) after_ms: Option<i64>,
    pub(crate) before_ms: Option<i64>,
    pub(crate) hashes: Option<Vec<ContentHash>>,
}

impl Spec {
    pub(crate) fn filter(&self) -> Filter {
        let tag_match = if self.all_tags {
            TagMatch::All
        } else {
            TagMatch::Any
        };
        let mut filter = Filter::default()
            .with_tags(&self.tags, tag_match)
            .unwrap()
            .with_created(self.after_ms, self.before_ms);
        if let Some(memory_type) = &self.memory_type {
            filter = filter.with_type(memory_type).unwrap();
        }
        if let Some(project) = &self.project {
            filter = filter.with_project(project).unwrap();
        }
        if let Some(hashes) = &self.hashes {
            filter = filter.with_hashes(hashes.clone());
        }
        filter
    }

    pub(crate) fn passes(&self, memory: &Memory) -> bool {
        let has = |tag: &String| memory.tags.contains(tag);
        let tags = match self.all_tags {
            _ if self.tags.is_empty() => true,
            true => self.tags.iter().all(has),
            false => self.tags.iter().any(has),
        };
        tags && (self.memory_type.is_none() || self.memory_type == memory.memory_type)
            && self
                .project
                .as_ref()
                .is_none_or(|project| *project == memory.project)
            && self.after_ms.is_none_or(|after| memory.created_ms >= after)
            && self
                .before_ms
                .is_none_or(|before| memory.created_ms < before)
            && self
                .hashes
                .as_ref()
                .is_none_or(|hashes| hashes.contains(&memory.content_hash))
    }

    /// Makes a filter of some random parts; times are within `0..end_ms`.
    pub(crate) fn random(chance: &mut Chance, end_ms: usize, known: &[ContentHash]) -> Self {
        let mut spec = Self::default();
        if chance.percent(40) {
            let mut tags: Vec<&str> = (0..=chance.below(2)).map(|_| *chance.pick(&TAGS)).collect();
            tags.dedup();
            spec.tags = strings(&tags);
            spec.all_tags = chance.percent(50);
        }
        spec.memory_type = chance
            .percent(25)
            .then(|| (*chance.pick(&TYPES)).to_owned());
        spec.project = chance
            .percent(30)
            .then(|| (*chance.pick(&PROJECTS)).to_owned());
        spec.after_ms = chance.percent(30).then(|| chance.below(end_ms) as i64);
        spec.before_ms = chance.percent(30).then(|| chance.below(end_ms) as i64);
        if chance.percent(15) && !known.is_empty() {
            let count = chance.below(known.len());
            spec.hashes = Some((0..count).map(|_| chance.pick(known).clone()).collect());
        }
        spec
    }
}

/// A memory and its vectors, as the oracle knows them.
struct Known {
    memory: Memory,
    vectors: Vec<Vec<f32>>,
}

fn random_draft(chance: &mut Chance, n: usize) -> MemoryDraft {
    let words: Vec<&str> = (0..=chance.below(4))
        .map(|_| *chance.pick(&WORDS))
        .collect();
    let tags: Vec<&str> = (0..chance.below(3)).map(|_| *chance.pick(&TAGS)).collect();
    MemoryDraft {
        text: format!("{} n{n}", words.join(" ")),
        tags: strings(&tags),
        memory_type: chance
            .percent(60)
            .then(|| (*chance.pick(&TYPES)).to_owned()),
        project: (*chance.pick(&PROJECTS)).to_owned(),
        ..MemoryDraft::default()
    }
}

/// Fills a store; `vector` makes the vector of a chunk.
fn corpus(
    chance: &mut Chance,
    count: usize,
    mut vector: impl FnMut(&mut Chance) -> Vec<f32>,
) -> (TestStore, Vec<Known>) {
    let store = TestStore::new();
    let known = store.write(|writer| {
        let mut ids = Vec::new();
        for n in 0..count {
            let op = WriteOp::Store(NewMemory::parse(random_draft(chance, n)).unwrap());
            let outcome = writer.apply(&op, &at(n as i64)).unwrap().unwrap().outcome;
            let WriteOutcome::Stored { id, content_hash } = outcome else {
                panic!("{outcome:?}")
            };
            let vectors: Vec<_> = (0..chance.below(3)).map(|_| vector(chance)).collect();
            ids.push((id, content_hash, vectors));
        }
        let batch = ids.iter().map(|(id, hash, vectors)| IndexedMemory {
            id: *id,
            content_hash: hash.clone(),
            vectors: vectors.iter().map(|vector| bytes(vector)).collect(),
            was_cut: false,
        });
        let op = WriteOp::PutVectors(batch.collect());
        writer.apply(&op, &at(0)).unwrap().unwrap();
        ids
    });
    let mut memories = store.list(Filter::default());
    memories.sort_by_key(|memory| memory.id);
    let known = memories
        .into_iter()
        .zip(known)
        .map(|(memory, (_, _, vectors))| Known { memory, vectors });
    let known = known.collect();
    (store, known)
}

/// Ids of what passes and has vectors, the nearest first.
fn nearest(known: &[Known], spec: &Spec, question: &[f32]) -> Vec<i64> {
    let mut best: Vec<(f32, i64)> = known
        .iter()
        .filter(|known| spec.passes(&known.memory) && !known.vectors.is_empty())
        .map(|known| {
            let cosines = known.vectors.iter().map(|vector| cosine(question, vector));
            (cosines.fold(-2.0, f32::max), known.memory.id.0)
        })
        .collect();
    best.sort_by(|a, b| b.0.total_cmp(&a.0).then(b.1.cmp(&a.1)));
    best.into_iter().map(|(_, id)| id).collect()
}

fn found(store: &TestStore, query: &Query, vector: Option<&[f32]>) -> Vec<i64> {
    let hits = store.store.reader().unwrap().search(query, vector).unwrap();
    hits.into_iter().map(|hit| hit.memory.id.0).collect()
}

#[test]
fn meaning_with_a_filter_is_exact_where_few_pass() {
    for seed in 0..3 {
        let mut chance = Chance::seeded(seed);
        let (store, known) = corpus(&mut chance, 400, Chance::unit_vector);
        let hashes: Vec<_> = known
            .iter()
            .map(|known| known.memory.content_hash.clone())
            .collect();
        for _ in 0..40 {
            let spec = Spec::random(&mut chance, 400, &hashes);
            if spec.filter().is_open() {
                continue;
            }
            let question = chance.unit_vector();
            let limit = *chance.pick(&[1, 7, 100]);
            let query = Query::parse("x", SearchMode::Semantic, spec.filter(), limit).unwrap();
            let mut expected = nearest(&known, &spec, &question);
            expected.truncate(limit as usize);
            assert_eq!(found(&store, &query, Some(&question)), expected, "{spec:?}");
        }
    }
}

#[test]
fn meaning_is_exact_up_to_two_thousand_memories_that_pass() {
    let mut chance = Chance::seeded(5);
    let (store, known) = corpus(&mut chance, 2_001, Chance::unit_vector);
    let spec = Spec {
        after_ms: Some(1),
        ..Spec::default()
    };
    for _ in 0..20 {
        let question = chance.unit_vector();
        let query = Query::parse("x", SearchMode::Semantic, spec.filter(), 10).unwrap();
        let expected = &nearest(&known, &spec, &question)[..10];
        assert_eq!(found(&store, &query, Some(&question)), expected);
    }
}

#[test]
fn words_with_a_filter_find_exactly_what_has_them() {
    for seed in 10..13 {
        let mut chance = Chance::seeded(seed);
        let (store, known) = corpus(&mut chance, 400, Chance::unit_vector);
        for _ in 0..60 {
            let spec = Spec::random(&mut chance, 400, &[]);
            let count = 1 + chance.below(2);
            let words: Vec<&str> = (0..count).map(|_| *chance.pick(&WORDS)).collect();
            let limit = *chance.pick(&[1, 7, 100]);
            let query = Query::parse(&words.join(" "), SearchMode::Keyword, spec.filter(), limit);
            let has_word = |known: &&Known| {
                let mut text = known.memory.text.split(' ');
                spec.passes(&known.memory) && text.any(|word| words.contains(&word))
            };
            let with_words = known.iter().filter(has_word);
            let expected: BTreeSet<i64> = with_words.map(|known| known.memory.id.0).collect();
            let found: BTreeSet<i64> = found(&store, &query.unwrap(), None).into_iter().collect();
            let why = format!("{words:?} {spec:?} limit {limit}");
            assert_eq!(found.len(), expected.len().min(limit as usize), "{why}");
            assert!(found.is_subset(&expected), "{why}");
        }
    }
}

/// What does not pass is nearer, and more than the candidates: cutting first would leave nothing.
#[test]
fn a_crowd_that_does_not_pass_hides_nothing() {
    let mut chance = Chance::seeded(25);
    let question = chance.unit_vector();
    let store = TestStore::new();
    store.write(|writer| {
        for n in 0..3_100 {
            let is_crowd = n % 31 < 10;
            let project = if is_crowd { "crowd" } else { "p" };
            let cosine = if is_crowd { 0.9 } else { 0.1 };
            let text = if is_crowd {
                "amber amber"
            } else {
                "amber and other words"
            };
            let new = in_project(&format!("{text} n{n}"), project);
            let op = WriteOp::Store(new);
            let outcome = writer.apply(&op, &at(1)).unwrap().unwrap().outcome;
            let WriteOutcome::Stored { id, content_hash } = outcome else {
                panic!("{outcome:?}")
            };
            let op = WriteOp::PutVectors(vec![IndexedMemory {
                id,
                content_hash,
                vectors: vec![bytes(&chance.near(&question, cosine))],
                was_cut: false,
            }]);
            writer.apply(&op, &at(1)).unwrap().unwrap();
        }
    });
    for (mode, text) in [
        (SearchMode::Semantic, "x"),
        (SearchMode::Keyword, "amber"),
        (SearchMode::Hybrid, "amber"),
    ] {
        let filter = Filter::default().with_project("p").unwrap();
        let query = Query::parse(text, mode, filter, 10).unwrap();
        let hits = store
            .store
            .reader()
            .unwrap()
            .search(&query, Some(&question))
            .unwrap();
        assert_eq!(hits.len(), 10, "{mode:?}");
        assert!(hits.iter().all(|hit| hit.memory.project == "p"), "{mode:?}");
    }
}

#[test]
fn hybrid_and_exact_with_a_filter_find_only_what_passes() {
    let mut chance = Chance::seeded(20);
    let (store, known) = corpus(&mut chance, 400, Chance::unit_vector);
    for _ in 0..60 {
        let spec = Spec::random(&mut chance, 400, &[]);
        let (word, question) = (*chance.pick(&WORDS), chance.unit_vector());
        let passing: Vec<&Known> = known
            .iter()
            .filter(|known| spec.passes(&known.memory))
            .collect();
        let hybrid = Query::parse(word, SearchMode::Hybrid, spec.filter(), 100).unwrap();
        let may_be_found =
            |known: &&&Known| known.memory.text.contains(word) || !known.vectors.is_empty();
        let expected: BTreeSet<i64> = passing
            .iter()
            .filter(may_be_found)
            .map(|known| known.memory.id.0)
            .collect();
        let hits: BTreeSet<i64> = found(&store, &hybrid, Some(&question))
            .into_iter()
            .collect();
        assert!(hits.is_subset(&expected), "{word} {spec:?}");
        assert!(hits.len() >= expected.len().min(60), "{word} {spec:?}");
        let exact = Query::parse(word, SearchMode::Exact, spec.filter(), 100).unwrap();
        let mut expected: Vec<i64> = passing
            .iter()
            .filter(|known| known.memory.text.contains(word))
            .map(|known| known.memory.id.0)
            .collect();
        expected.reverse();
        expected.truncate(100);
        assert_eq!(found(&store, &exact, None), expected, "{word} {spec:?}");
    }
}

/// Recall of the first ten against the oracle, over some questions near stored vectors.
fn recall(chance: &mut Chance, store: &TestStore, known: &[Known], spec: &Spec) -> f64 {
    const QUESTIONS: usize = 20;
    let mut same = 0;
    for _ in 0..QUESTIONS {
        let about = loop {
            let known = chance.pick(known);
            if let Some(vector) = known.vectors.first() {
                break vector;
            }
        };
        let question = chance.near(about, 0.7);
        let query = Query::parse("x", SearchMode::Semantic, spec.filter(), 10).unwrap();
        let hits = store
            .store
            .reader()
            .unwrap()
            .search(&query, Some(&question))
            .unwrap();
        assert!(hits.iter().all(|hit| spec.passes(&hit.memory)), "{spec:?}");
        assert_eq!(hits.len(), 10, "{spec:?}");
        let best = &nearest(known, spec, &question)[..10];
        same += hits
            .iter()
            .filter(|hit| best.contains(&hit.memory.id.0))
            .count();
    }
    same as f64 / (10 * QUESTIONS) as f64
}

/// Texts come in topics, so vectors come in heaps; those without any order are the hardest case there is.
#[test]
fn meaning_finds_nearly_all_of_the_nearest_where_many_pass() {
    let mut chance = Chance::seeded(30);
    let topics: Vec<Vec<f32>> = (0..60).map(|_| chance.unit_vector()).collect();
    let (store, known) = corpus(&mut chance, 3_000, |chance| {
        let topic = chance.pick(&topics).clone();
        chance.near(&topic, 0.6)
    });
    let specs = [
        Spec::default(),
        Spec {
            after_ms: Some(500),
            ..Spec::default()
        },
        Spec {
            tags: strings(&TAGS[..4]),
            after_ms: Some(10),
            ..Spec::default()
        },
        Spec {
            after_ms: Some(2_600),
            ..Spec::default()
        },
    ];
    for spec in specs {
        let recall = recall(&mut chance, &store, &known, &spec);
        assert!(recall >= 0.9, "recall is {recall} with {spec:?}");
    }
    audit::check(&store);
}
