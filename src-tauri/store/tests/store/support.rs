//! What every module needs: a store on a temporary directory, writes in one line, repeatable chance.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use commonplace_lock::{Locks, Wait, WriteLock};
use commonplace_store::{
    Applied, Backend, Choice, Filter, Hit, IndexedMemory, ListQuery, Memory, MemoryDraft, MemoryId,
    NewMemory, OpId, OpenError, PART_MEMORIES_MAX, Part, PartDone, Query, Refusal, SearchMode,
    SqliteStore, Stamp, WriteError, WriteOp, WriteOutcome, Writer,
};
pub(crate) use commonplace_testing::Chance;
use commonplace_testing::{locks, purpose};
use tempfile::TempDir;

/// Only ends a hung test.
pub(crate) const HUNG: Duration = Duration::from_secs(60);

/// A store in a temporary directory, open as one instance.
pub(crate) struct TestStore {
    pub(crate) store: SqliteStore,
    pub(crate) locks: Locks,
    folder: Arc<TempDir>,
}

impl TestStore {
    pub(crate) fn new() -> Self {
        Self::open_in(Arc::new(tempfile::tempdir().unwrap()))
    }

    pub(crate) fn open_in(folder: Arc<TempDir>) -> Self {
        let locks = locks(&folder.path().join("locks"));
        let store = SqliteStore::open(&folder.path().join("store"), &locks, 0).unwrap();
        Self {
            store,
            locks,
            folder,
        }
    }

    /// Opens the same directory as another instance.
    pub(crate) fn other_instance(&self) -> Self {
        Self::open_in(Arc::clone(&self.folder))
    }

    /// Closes the store and opens it as a new instance.
    pub(crate) fn reopened(self) -> Self {
        Self::open_in(self.closed())
    }

    /// Closes the store and returns its folder.
    pub(crate) fn closed(self) -> Arc<TempDir> {
        Arc::clone(&self.folder)
    }

    pub(crate) fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.store.path().to_owned()
    }

    /// Opens the database as any other program would: without what our connections know.
    pub(crate) fn plain(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.store.path()).unwrap()
    }

    pub(crate) fn lock(&self) -> WriteLock {
        self.locks
            .acquire_write(&purpose("claude-1"), Wait::up_to(HUNG))
            .unwrap()
    }

    /// Does `work` in one transaction and commits it.
    pub(crate) fn write<T>(&self, work: impl FnOnce(&mut dyn Writer) -> T) -> T {
        let lock = self.lock();
        let mut writer = self.store.begin_write(&lock).unwrap();
        let answer = work(writer.as_mut());
        writer.commit().unwrap();
        answer
    }

    /// Asks for one write in a transaction of its own.
    pub(crate) fn apply(&self, op: &WriteOp, stamp: &Stamp) -> Result<Applied, Refusal> {
        self.write(|writer| writer.apply(op, stamp).unwrap())
    }

    /// Does one write at the time `now_ms`.
    pub(crate) fn done(&self, op: &WriteOp, now_ms: i64) -> WriteOutcome {
        self.apply(op, &at(now_ms)).unwrap().outcome
    }

    /// Does a write in as many parts as it takes, each in a transaction of its own; returns what each did.
    pub(crate) fn in_parts(&self, whole: &WriteOp, now_ms: i64) -> Vec<Applied> {
        let chosen = self.chosen(whole);
        self.parts_of(whole, chosen, now_ms)
    }

    /// Does the same with what was chosen before.
    pub(crate) fn parts_of(&self, whole: &WriteOp, chosen: Choice, now_ms: i64) -> Vec<Applied> {
        let Choice {
            ids: mut left,
            projects,
        } = chosen;
        let up_to = left.last().copied().unwrap_or(MemoryId(0));
        let mut parts: Vec<Applied> = Vec::new();
        loop {
            let before = parts.last().and_then(|last| last.outcome.part());
            let done = before.map_or(0, |before| before.done);
            let part = Part {
                whole: whole.clone(),
                ids: left[..left.len().min(PART_MEMORIES_MAX)].to_vec(),
                projects: projects.clone(),
                up_to,
                act: before.map(|before| before.act),
                done,
                of: done + left.len() as u64,
            };
            let applied = self.apply(&WriteOp::Part(Box::new(part)), &at(now_ms));
            parts.push(applied.unwrap());
            let now = parts.last().and_then(|last| last.outcome.part());
            let Some(now) = now.filter(|now| !now.is_last()) else {
                return parts;
            };
            left.drain(..(now.done - done) as usize);
        }
    }

    /// Returns what a write in parts goes through.
    pub(crate) fn chosen(&self, whole: &WriteOp) -> Choice {
        self.choose(whole, None).unwrap()
    }

    /// Does the same for a later try, and returns also a refusal.
    pub(crate) fn choose(
        &self,
        whole: &WriteOp,
        before: Option<&PartDone>,
    ) -> Result<Choice, Refusal> {
        let mut reader = self.store.reader().unwrap();
        reader.choose(whole, before).unwrap()
    }

    /// Tries to begin a transaction with the lock held.
    pub(crate) fn begin_error(&self) -> WriteError {
        let lock = self.lock();
        match self.store.begin_write(&lock) {
            Ok(_) => panic!("the transaction was begun"),
            Err(error) => error,
        }
    }

    /// Stores `text` and returns its id.
    pub(crate) fn stored(&self, text: &str) -> MemoryId {
        self.stored_at(memory(text), 1)
    }

    pub(crate) fn stored_at(&self, memory: NewMemory, now_ms: i64) -> MemoryId {
        match self.done(&WriteOp::Store(memory), now_ms) {
            WriteOutcome::Stored { id, .. } => id,
            other => panic!("{other:?}"),
        }
    }

    /// Keeps vectors for a memory.
    pub(crate) fn index(&self, memory: &Memory, vectors: &[Vec<f32>]) -> u64 {
        let indexed = indexed(memory, vectors);
        match self.done(&WriteOp::PutVectors(vec![indexed]), 1) {
            WriteOutcome::Indexed { count } => count,
            other => panic!("{other:?}"),
        }
    }

    /// Returns all living memories that pass, the newest first.
    pub(crate) fn list(&self, filter: Filter) -> Vec<Memory> {
        self.list_all(filter, false)
    }

    /// Returns all memories that were deleted and pass, the newest first.
    pub(crate) fn list_deleted(&self, filter: Filter) -> Vec<Memory> {
        self.list_all(filter, true)
    }

    fn list_all(&self, filter: Filter, deleted: bool) -> Vec<Memory> {
        let mut reader = self.store.reader().unwrap();
        let mut all = Vec::new();
        for page in 1.. {
            let query = ListQuery::parse(filter.clone(), page, 100, deleted).unwrap();
            let (memories, total) = reader.list(&query).unwrap();
            let is_last = memories.len() < 100;
            all.extend(memories);
            if is_last {
                assert_eq!(
                    all.len() as u64,
                    total,
                    "the pages together are what was counted"
                );
                break;
            }
        }
        all
    }

    pub(crate) fn get(&self, id: MemoryId) -> Memory {
        let living = self.list(Filter::default());
        living.into_iter().find(|memory| memory.id == id).unwrap()
    }

    pub(crate) fn search(
        &self,
        text: &str,
        mode: SearchMode,
        filter: Filter,
        vector: Option<&[f32]>,
    ) -> Vec<Hit> {
        let query = Query::parse(text, mode, filter, 100).unwrap();
        self.store.reader().unwrap().search(&query, vector).unwrap()
    }

    /// Returns the texts that `mode` finds, the best first.
    pub(crate) fn texts(&self, text: &str, mode: SearchMode) -> Vec<String> {
        let hits = self.search(text, mode, Filter::default(), None);
        hits.into_iter().map(|hit| hit.memory.text).collect()
    }

    /// Asks SQLite for one number, as any other program could.
    pub(crate) fn number(&self, sql: &str) -> i64 {
        self.plain()
            .query_row(sql, [], |row| row.get(0))
            .unwrap_or_else(|e| panic!("{sql}: {e}"))
    }
}

/// The files of a store, copied into a directory of their own: closed, or as a killed program leaves them.
pub(crate) struct Copied(TempDir);

impl Copied {
    /// Copies what is in `folder` now, without closing anything. Nothing of the locks comes along.
    pub(crate) fn of(folder: &Path) -> Self {
        let copied = Self(tempfile::tempdir().unwrap());
        copy(&folder.join("store"), &copied.dir());
        copied
    }

    /// Copies this copy.
    pub(crate) fn again(&self) -> Self {
        Self::of(self.0.path())
    }

    pub(crate) fn dir(&self) -> PathBuf {
        self.0.path().join("store")
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.dir().join(name)
    }

    pub(crate) fn locks(&self) -> Locks {
        locks(&self.0.path().join("locks"))
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if entry.path().is_file() {
            fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        } else {
            copy(&entry.path(), &to.join(entry.file_name()));
        }
    }
}

/// Opens `dir` as a store with locks beside it, and expects to be refused.
pub(crate) fn open_error(dir: &std::path::Path) -> OpenError {
    let folder = tempfile::tempdir().unwrap();
    match SqliteStore::open(dir, &locks(folder.path()), 0) {
        Ok(_) => panic!("`{}` was opened", dir.display()),
        Err(error) => error,
    }
}

pub(crate) fn at(now_ms: i64) -> Stamp {
    Stamp {
        now_ms,
        ..Stamp::default()
    }
}

pub(crate) fn with_op_id(op_id: &str) -> Stamp {
    Stamp {
        op_id: OpId::parse(op_id),
        ..at(1)
    }
}

pub(crate) fn draft(text: &str) -> MemoryDraft {
    MemoryDraft {
        text: text.to_owned(),
        ..MemoryDraft::default()
    }
}

pub(crate) fn memory(text: &str) -> NewMemory {
    NewMemory::parse(draft(text)).unwrap()
}

pub(crate) fn tagged(text: &str, tags: &[&str]) -> NewMemory {
    NewMemory::parse(MemoryDraft {
        tags: strings(tags),
        ..draft(text)
    })
    .unwrap()
}

pub(crate) fn in_project(text: &str, project: &str) -> NewMemory {
    NewMemory::parse(MemoryDraft {
        project: project.to_owned(),
        ..draft(text)
    })
    .unwrap()
}

pub(crate) fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

pub(crate) fn hash(text: &str) -> commonplace_store::ContentHash {
    commonplace_store::ContentHash::of(text)
}

/// Selects memories by their texts.
pub(crate) fn by_texts(texts: &[&str]) -> Filter {
    Filter::default().with_hashes(texts.iter().map(|text| hash(text)).collect())
}

pub(crate) fn indexed(memory: &Memory, vectors: &[Vec<f32>]) -> IndexedMemory {
    IndexedMemory {
        id: memory.id,
        content_hash: memory.content_hash.clone(),
        vectors: vectors.iter().map(|vector| bytes(vector)).collect(),
        was_cut: false,
    }
}

/// The form in which vectors are kept.
pub(crate) fn bytes(vector: &[f32]) -> Vec<u8> {
    vector.iter().flat_map(|n| n.to_le_bytes()).collect()
}

pub(crate) fn cosine(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
