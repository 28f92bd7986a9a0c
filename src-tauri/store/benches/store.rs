//! Measures a store of 10,000 memories: commits, and each kind of search.
//!
//! `cargo bench -p commonplace-store`. Prints milliseconds. Texts are made of 5,000 words, of which few are common and
//! most are rare, as in English; the sixty most common are real stop words. Vectors have no order at all, which is the
//! hardest case. Ends with code 1 if hybrid search misses its goal.
#![allow(clippy::print_stdout, reason = "printing is what a benchmark is for")]

use std::process::ExitCode;
use std::time::{Duration, Instant};

use commonplace_lock::{Locks, Wait};
use commonplace_store::{
    Backend, Filter, IndexedMemory, ListQuery, MemoryDraft, NewMemory, Query, SearchMode,
    SqliteStore, Stamp, TagMatch, WriteOp, WriteOutcome,
};
use commonplace_testing::{Chance, locks, purpose};

const MEMORIES: usize = 10_000;
const VOCABULARY: usize = 5_000;
const WORDS_PER_TEXT: usize = 40;
const WORDS_PER_QUESTION: usize = 8;
const ROUNDS: usize = 300;

/// Half of what a whole search may take, the model included.
const HYBRID_GOAL: Duration = Duration::from_millis(4);

const STOP_WORDS: [&str; 60] = [
    "the", "of", "and", "to", "a", "in", "is", "it", "for", "that", "on", "with", "as", "was",
    "be", "by", "at", "are", "this", "have", "from", "or", "had", "an", "we", "you", "they",
    "which", "do", "their", "has", "would", "there", "what", "will", "should", "can", "so", "when",
    "were", "who", "been", "could", "how", "its", "our", "my", "me", "about", "but", "did", "does",
    "where", "why", "your", "i", "in", "is", "it", "of",
];

fn main() -> ExitCode {
    let folder = tempfile::tempdir().unwrap();
    let locks = locks(&folder.path().join("locks"));
    let store = SqliteStore::open(&folder.path().join("store"), &locks, 0).unwrap();
    let mut bench = Bench {
        store,
        locks,
        chance: Chance::new(1),
        vocabulary: vocabulary(),
        stored: 0,
        vectors: Vec::new(),
    };
    bench.fill();
    bench.commits();
    bench.recall();
    let is_fast = bench.searches();
    bench.lists();
    if is_fast {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

struct Bench {
    store: SqliteStore,
    locks: Locks,
    chance: Chance,
    vocabulary: Vec<String>,
    stored: usize,
    /// Every vector that was stored, for the recall.
    vectors: Vec<Vec<f32>>,
}

impl Bench {
    /// Stores and indexes everything, 500 at a time.
    fn fill(&mut self) {
        let started = Instant::now();
        while self.stored < MEMORIES {
            let texts = self.texts(500);
            self.store_all(&texts);
        }
        let facts = self.store.facts();
        println!(
            "{MEMORIES} memories stored and indexed in {:.1} s, {} MB, SQLite {}",
            started.elapsed().as_secs_f64(),
            facts.database_bytes / 1_000_000,
            facts.sqlite_version
        );
        println!("{:<44} {:>8} {:>8}", "ms", "p50", "p99");
    }

    fn texts(&mut self, count: usize) -> Vec<NewMemory> {
        let new = |n: usize, text: String| {
            let draft = MemoryDraft {
                text: format!("{text} number{n}"),
                tags: vec![format!("tag{}", n % 20)],
                project: format!("project{}", n % 10),
                ..MemoryDraft::default()
            };
            NewMemory::parse(draft).unwrap()
        };
        (0..count)
            .map(|n| new(self.stored + n, self.words(WORDS_PER_TEXT)))
            .collect()
    }

    fn words(&mut self, count: usize) -> String {
        let words: Vec<&str> = (0..count)
            .map(|_| self.vocabulary[rank(&mut self.chance)].as_str())
            .collect();
        words.join(" ")
    }

    fn store_all(&mut self, memories: &[NewMemory]) {
        let lock = self.lock();
        let mut writer = self.store.begin_write(&lock).unwrap();
        let mut indexed = Vec::new();
        for memory in memories {
            let op = WriteOp::Store(memory.clone());
            let applied = writer.apply(&op, &at(self.stored)).unwrap().unwrap();
            let WriteOutcome::Stored { id, content_hash } = applied.outcome else {
                panic!("{:?}", applied.outcome)
            };
            self.stored += 1;
            let vector = self.chance.unit_vector();
            indexed.push(IndexedMemory {
                id,
                content_hash,
                vectors: vec![bytes(&vector)],
                was_cut: false,
            });
            self.vectors.push(vector);
        }
        let op = WriteOp::PutVectors(indexed);
        writer.apply(&op, &Stamp::default()).unwrap().unwrap();
        writer.commit().unwrap();
    }

    fn lock(&self) -> commonplace_lock::WriteLock {
        let wait = Wait::up_to(Duration::from_secs(10));
        self.locks.acquire_write(&purpose("bench"), wait).unwrap()
    }

    fn commits(&mut self) {
        for (name, batch, rounds) in [
            ("commit of 1 store, with its sync", 1, ROUNDS),
            ("commit of 64 stores, with its sync", 64, 30),
        ] {
            let mut batches: Vec<Vec<NewMemory>> = Vec::new();
            for _ in 0..rounds {
                batches.push(self.texts(batch));
                self.stored += batch;
            }
            let lock = self.lock();
            measure(name, batches, |memories| {
                let mut writer = self.store.begin_write(&lock).unwrap();
                for memory in memories {
                    let op = WriteOp::Store(memory);
                    writer.apply(&op, &at(0)).unwrap().unwrap();
                }
                writer.commit().unwrap();
            });
        }
    }

    /// Prints how many of the ten nearest memories a search by meaning finds.
    fn recall(&mut self) {
        const QUESTIONS: usize = 50;
        let query = Query::parse("x", SearchMode::Semantic, Filter::default(), 10).unwrap();
        let mut found = 0;
        for _ in 0..QUESTIONS {
            let question = self.chance.unit_vector();
            let mut cosines: Vec<(f32, i64)> = (1..)
                .zip(&self.vectors)
                .map(|(id, vector)| (vector.iter().zip(&question).map(|(a, b)| a * b).sum(), id))
                .collect();
            cosines.sort_by(|a, b| b.0.total_cmp(&a.0));
            let mut reader = self.store.reader().unwrap();
            let hits = reader.search(&query, Some(&question)).unwrap();
            let is_nearest = |id| cosines[..10].iter().any(|(_, nearest)| *nearest == id);
            found += hits
                .iter()
                .filter(|hit| is_nearest(hit.memory.id.0))
                .count();
        }
        println!(
            "{:<44} {:>8.2}",
            "recall of the 10 nearest by meaning",
            found as f64 / (10 * QUESTIONS) as f64
        );
    }

    fn searches(&mut self) -> bool {
        let tags = |tags: &[String]| Filter::default().with_tags(tags, TagMatch::Any).unwrap();
        let half: Vec<String> = (0..10).map(|n| format!("tag{n}")).collect();
        let everything = Filter::default();
        let recent = Filter::default().with_created(Some(MEMORIES as i64 / 5), None);
        let project = Filter::default().with_project("project3").unwrap();
        let cases = [
            ("keyword", SearchMode::Keyword, &everything),
            ("semantic", SearchMode::Semantic, &everything),
            ("hybrid", SearchMode::Hybrid, &everything),
            (
                "hybrid, one project (1 of 10 passes)",
                SearchMode::Hybrid,
                &project,
            ),
            (
                "hybrid, ten tags (1 of 2 passes)",
                SearchMode::Hybrid,
                &tags(&half),
            ),
            (
                "hybrid, after a time (4 of 5 pass)",
                SearchMode::Hybrid,
                &recent,
            ),
            ("exact", SearchMode::Exact, &everything),
        ];
        let mut is_fast = true;
        for (name, mode, filter) in cases {
            let p50 = self.search(name, mode, filter, WORDS_PER_QUESTION);
            is_fast &= name != "hybrid" || p50 <= HYBRID_GOAL;
        }
        self.search(
            "hybrid, a long question (60 words)",
            SearchMode::Hybrid,
            &everything,
            60,
        );
        is_fast
    }

    fn search(&mut self, name: &str, mode: SearchMode, filter: &Filter, words: usize) -> Duration {
        let questions: Vec<(Query, Vec<f32>)> = (0..ROUNDS)
            .map(|_| {
                let text = self.words(words);
                let query = Query::parse(&text, mode, filter.clone(), 10).unwrap();
                (query, self.chance.unit_vector())
            })
            .collect();
        measure(name, questions, |(query, vector)| {
            let mut reader = self.store.reader().unwrap();
            reader.search(&query, Some(&vector)).unwrap();
        })
    }

    fn lists(&mut self) {
        for (name, page) in [("list, first page of 20", 1), ("list, page 400", 400)] {
            measure(name, vec![(); ROUNDS], |()| {
                let query = ListQuery::parse(Filter::default(), page, 20, false).unwrap();
                self.store.reader().unwrap().list(&query).unwrap();
            });
        }
    }
}

/// Runs `work` on each input, prints the median and the 99th percentile, and returns the median.
fn measure<T>(name: &str, inputs: Vec<T>, mut work: impl FnMut(T)) -> Duration {
    let mut times: Vec<Duration> = inputs
        .into_iter()
        .map(|input| {
            let started = Instant::now();
            work(input);
            started.elapsed()
        })
        .collect();
    times.sort();
    let at = |percent: usize| times[(times.len() - 1) * percent / 100];
    let ms = |time: Duration| time.as_secs_f64() * 1_000.0;
    println!("{name:<44} {:>8.2} {:>8.2}", ms(at(50)), ms(at(99)));
    at(50)
}

fn at(n: usize) -> Stamp {
    Stamp {
        now_ms: n as i64,
        ..Stamp::default()
    }
}

/// Stop words first, then words made of syllables, so that the stemmer leaves them alone.
fn vocabulary() -> Vec<String> {
    const STARTS: [&str; 20] = [
        "ba", "co", "du", "fa", "go", "hu", "ka", "lo", "mu", "na", "po", "ru", "sa", "to", "vu",
        "wa", "xo", "yu", "za", "qo",
    ];
    let made = (0..).map(|n| {
        format!(
            "{}{}{}k",
            STARTS[n % 20],
            STARTS[n / 20 % 20],
            STARTS[n / 400 % 20]
        )
    });
    let words = STOP_WORDS.iter().map(|word| (*word).to_owned());
    words.chain(made).take(VOCABULARY).collect()
}

fn bytes(vector: &[f32]) -> Vec<u8> {
    vector.iter().flat_map(|n| n.to_le_bytes()).collect()
}

/// Returns the place of a word: the n-th is about n times as rare as the first (Zipf).
fn rank(chance: &mut Chance) -> usize {
    let place = (VOCABULARY as f64).powf(chance.part()) as usize;
    place.clamp(1, VOCABULARY) - 1
}
