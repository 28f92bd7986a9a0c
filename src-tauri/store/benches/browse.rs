//! Measures what the page of the memories asks of a store of 100,000: parts of lists, counts to filter by, searches by
//! words, several memories deleted, restored and removed, and a bin with as many.
//!
//! `cargo bench -p commonplace-store --bench browse`. Prints milliseconds. Projects, tags, types and clients are as skewed
//! as in life: the first name of each has a fifth of all. Ends with code 1 if something would make a person wait.
#![allow(clippy::print_stdout, reason = "printing is what a benchmark is for")]

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use commonplace_lock::{Locks, Wait};
use commonplace_store::{
    Backend, Browse, Cursor, Filter, IDS_MAX, IdAct, Ids, MemoryDraft, MemoryId, NewMemory, Page,
    Query, SearchMode, SqliteStore, Stamp, TagMatch, WHOLE_MEMORIES_MAX, WriteOp,
};
use commonplace_testing::{Chance, locks, purpose};

const MEMORIES: usize = 100_000;
const ROUNDS: usize = 40;
const PAGE: i64 = 100;

/// Longest median of anything that is read while a person looks at the page.
const READ_GOAL: Duration = Duration::from_millis(100);
/// The same for a look through the texts of a bin of that size, which no index has.
const BIN_GOAL: Duration = Duration::from_millis(150);
/// The same for what reads every memory, asked for once when the page opens.
const COUNT_GOAL: Duration = Duration::from_millis(250);

fn main() -> ExitCode {
    let folder = tempfile::tempdir().unwrap();
    let mut living = Bench::new(&folder.path().join("living"));
    living.fill();
    living.lists();
    living.counts();
    living.searches();
    living.acts();
    let mut deleted = Bench::new(&folder.path().join("deleted"));
    deleted.fill_bin();
    deleted.bin();
    if living.is_fast && deleted.is_fast {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

struct Bench {
    store: SqliteStore,
    locks: Locks,
    chance: Chance,
    is_fast: bool,
}

impl Bench {
    fn new(dir: &Path) -> Self {
        let locks = locks(&dir.join("locks"));
        let store = SqliteStore::open(dir, &locks, 0).unwrap();
        Self {
            store,
            locks,
            chance: Chance::new(1),
            is_fast: true,
        }
    }

    fn fill(&mut self) {
        let started = Instant::now();
        for first in (0..MEMORIES).step_by(IDS_MAX) {
            self.fill_part(first);
        }
        let bin: Vec<MemoryId> = (1..=IDS_MAX as i64).map(|n| MemoryId(n * 200)).collect();
        self.act(IdAct::Delete, bin);
        println!(
            "{MEMORIES} memories in {:.0} s, {} MB, {IDS_MAX} of them deleted",
            started.elapsed().as_secs_f64(),
            self.store.facts().database_bytes / 1_000_000
        );
        println!("{:<44} {:>8} {:>8}", "ms", "p50", "max");
    }

    fn fill_part(&mut self, first: usize) {
        let memories: Vec<NewMemory> = (first..first + IDS_MAX).map(|n| self.memory(n)).collect();
        self.write(|writer| {
            for (n, memory) in (first..).zip(memories) {
                let op = WriteOp::Store(memory);
                writer.apply(&op, &at(n)).unwrap().unwrap();
            }
        });
    }

    /// Deletes what was just stored again and again: that is quicker than to delete everything at the end.
    fn fill_bin(&mut self) {
        let started = Instant::now();
        for first in (0..MEMORIES).step_by(IDS_MAX) {
            self.fill_part(first);
            let part = first + 1..=first + IDS_MAX;
            let part = part.map(|n| MemoryId(n as i64)).collect();
            self.act_at(IdAct::Delete, part, first);
        }
        println!(
            "{MEMORIES} deleted memories in {:.0} s",
            started.elapsed().as_secs_f64()
        );
    }

    fn memory(&mut self, n: usize) -> NewMemory {
        let words = [8, 15, 30, 60, 120][self.chance.below(5)];
        let text: Vec<String> = (0..words)
            .map(|_| format!("word{}", skewed(&mut self.chance, 5_000)))
            .collect();
        let tags = self.chance.below(4);
        let mut draft = MemoryDraft {
            text: format!("{} number{n}", text.join(" ")),
            tags: (0..tags)
                .map(|_| format!("tag{}", skewed(&mut self.chance, 300)))
                .collect(),
            memory_type: [None, Some("note"), Some("decision")][self.chance.below(3)]
                .map(str::to_owned),
            project: format!("project{}", skewed(&mut self.chance, 60)),
            ..MemoryDraft::default()
        };
        draft.provenance.client = format!("client{}", skewed(&mut self.chance, 6));
        NewMemory::parse(draft).unwrap()
    }

    fn lists(&mut self) {
        let open = Filter::default;
        let tag = |tags: &[&str], tag_match| {
            let tags: Vec<String> = tags.iter().map(|tag| (*tag).to_owned()).collect();
            open().with_tags(&tags, tag_match).unwrap()
        };
        let deep = Some(
            format!("{}.{}", MEMORIES / 50, MEMORIES / 50)
                .parse()
                .unwrap(),
        );
        let cases = [
            ("first part of all, with its count", open(), None),
            ("part far down", open(), deep),
            (
                "the largest project",
                open().with_project("project0").unwrap(),
                None,
            ),
            (
                "a small project",
                open().with_project("project40").unwrap(),
                None,
            ),
            ("the most frequent tag", tag(&["tag0"], TagMatch::Any), None),
            ("a rare tag", tag(&["tag250"], TagMatch::Any), None),
            (
                "all of two tags",
                tag(&["tag0", "tag1"], TagMatch::All),
                None,
            ),
            ("a type", open().with_type("note").unwrap(), None),
            (
                "a type that none has",
                open().with_type("none").unwrap(),
                None,
            ),
            (
                "a client, part far down",
                open().with_client("client2").unwrap(),
                deep,
            ),
        ];
        for (name, filter, after) in cases {
            self.read(name, READ_GOAL, |store| {
                page(store, filter.clone(), false, after);
            });
        }
        self.read("the bin", READ_GOAL, |store| {
            page(store, open(), true, None);
        });
    }

    fn counts(&mut self) {
        self.read("what there is to filter by", COUNT_GOAL, |store| {
            store.reader().unwrap().facets(false, 200).unwrap();
        });
        self.read("one memory with its history", READ_GOAL, |store| {
            store.reader().unwrap().record(MemoryId(50_001)).unwrap();
        });
    }

    fn searches(&mut self) {
        for (name, mode, question) in [
            ("search, words: a rare one", SearchMode::Keyword, "word4321"),
            (
                "search, words: three",
                SearchMode::Keyword,
                "word12 word345 word77",
            ),
            (
                "search, words: the most frequent",
                SearchMode::Keyword,
                "word0",
            ),
            (
                "search, exact: something far down",
                SearchMode::Exact,
                "number17 ",
            ),
        ] {
            let query = Query::parse(question, mode, Filter::default(), 100).unwrap();
            self.read(name, COUNT_GOAL, |store| {
                store.reader().unwrap().search(&query, None).unwrap();
            });
        }
    }

    /// As many as one request may name. An engine does this in parts of some milliseconds.
    fn acts(&mut self) {
        let ids: Vec<MemoryId> = (1..=IDS_MAX as i64)
            .map(|n| MemoryId(n * 150 + 1))
            .collect();
        for (name, act) in [
            ("500 in one transaction: delete", IdAct::Delete),
            ("500 in one transaction: bring back", IdAct::Undelete),
            ("500 in one transaction: delete again", IdAct::Delete),
            ("500 in one transaction: remove permanently", IdAct::Purge),
        ] {
            let started = Instant::now();
            self.act(act, ids.clone());
            println!("{name:<44} {:>8.1}", ms(started.elapsed()));
        }
    }

    /// The bin, when everything is in it.
    fn bin(&mut self) {
        let open = Filter::default;
        let deep = Some("50000.50000".parse().unwrap());
        for (name, filter, after) in [
            ("bin: first part of all, with its count", open(), None),
            ("bin: part far down", open(), deep),
            (
                "bin: a project",
                open().with_project("project0").unwrap(),
                None,
            ),
            (
                "bin: a client",
                open().with_client("client2").unwrap(),
                None,
            ),
            (
                "bin: a time",
                open().with_created(Some(1_000), Some(50_000)),
                None,
            ),
            ("bin: a frequent word", open().with_contained("word0"), None),
            (
                "bin: three words",
                open().with_contained("word12 word345 number77"),
                None,
            ),
            (
                "bin: one far down",
                open().with_contained("number17 "),
                None,
            ),
            ("bin: nothing", open().with_contained("nothing"), None),
            (
                "bin: nothing, part far down",
                open().with_contained("nothing"),
                deep,
            ),
        ] {
            self.read(name, BIN_GOAL, |store| {
                page(store, filter.clone(), true, after);
            });
        }
        self.read("bin: what there is to filter by", COUNT_GOAL, |store| {
            store.reader().unwrap().facets(true, 200).unwrap();
        });
        self.read(
            "what there is to filter by, beside that bin",
            COUNT_GOAL,
            |store| {
                store.reader().unwrap().facets(false, 200).unwrap();
            },
        );
    }

    fn act(&self, act: IdAct, ids: Vec<MemoryId>) {
        self.act_at(act, ids, MEMORIES);
    }

    fn act_at(&self, act: IdAct, ids: Vec<MemoryId>, now: usize) {
        self.write(|writer| {
            for few in ids.chunks(WHOLE_MEMORIES_MAX) {
                let op = WriteOp::ByIds(act, Ids::parse(few.to_vec()).unwrap());
                writer.apply(&op, &at(now)).unwrap().unwrap();
            }
        });
    }

    fn write(&self, work: impl FnOnce(&mut dyn commonplace_store::Writer)) {
        let wait = Wait::up_to(Duration::from_secs(10));
        let lock = self.locks.acquire_write(&purpose("bench"), wait).unwrap();
        let mut writer = self.store.begin_write(&lock).unwrap();
        work(writer.as_mut());
        writer.commit().unwrap();
    }

    /// Asks `question` again and again; prints the median and the longest time.
    fn read(&mut self, name: &str, goal: Duration, question: impl Fn(&SqliteStore)) {
        let mut times: Vec<Duration> = (0..ROUNDS)
            .map(|_| {
                let started = Instant::now();
                question(&self.store);
                started.elapsed()
            })
            .collect();
        times.sort();
        let median = times[ROUNDS / 2];
        let is_fast = median <= goal;
        self.is_fast &= is_fast;
        let missed = if is_fast { "" } else { "  too slow" };
        println!(
            "{name:<44} {:>8.1} {:>8.1}{missed}",
            ms(median),
            ms(times[ROUNDS - 1])
        );
    }
}

fn page(store: &SqliteStore, filter: Filter, deleted: bool, after: Option<Cursor>) -> Page {
    let browse = Browse::parse(filter, deleted, after, PAGE).unwrap();
    store.reader().unwrap().browse(&browse).unwrap()
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

fn at(n: usize) -> Stamp {
    Stamp {
        now_ms: n as i64,
        ..Stamp::default()
    }
}

/// Returns a number below `end`; 0 about every fifth time for a hundred, and larger ones ever more rarely.
fn skewed(chance: &mut Chance, end: usize) -> usize {
    ((end as f64 + 1.0).powf(chance.part()) - 1.0) as usize
}
