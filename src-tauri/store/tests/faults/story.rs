//! What is asked of a store, one transaction after the other, and how each of them ended.

use std::path::Path;

use commonplace_lock::{Locks, Wait, WriteLock};
use commonplace_store::{
    Applied, Backend, Changes, IndexedMemory, MemoryId, OpId, OpenError, Refusal, SqliteStore,
    Stamp, Whose, WriteError, WriteOp,
};

use crate::support::{self, Chance, HUNG, by_texts, bytes, hash, memory, tagged};

/// What is asked for in one go.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// One transaction with these requests.
    Transaction(Vec<WriteOp>),
    /// The log is moved into the database.
    Checkpoint,
}

/// A sequence of steps.
pub(crate) struct Story {
    pub(crate) name: &'static str,
    pub(crate) steps: Vec<Step>,
}

/// How one step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Acknowledged,
    /// Refused with "undone".
    Undone,
    /// Refused with "it is not known".
    InDoubt,
}

/// Why a step failed.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) error: WriteError,
    pub(crate) fate: Fate,
}

/// What every store holds before its story: four living memories, two of them with vectors, and two deleted ones.
pub(crate) fn earlier() -> Story {
    let mut steps: Vec<WriteOp> = ["one", "two", "three", "four", "five", "six"]
        .iter()
        .map(|text| WriteOp::Store(tagged(text, &["old", text])))
        .collect();
    steps.push(vectors_of(&[(1, "one"), (5, "five")]));
    steps.push(WriteOp::Delete(by_texts(&["five", "six"])));
    Story {
        name: "earlier",
        steps: steps
            .into_iter()
            .map(|op| Step::Transaction(vec![op]))
            .collect(),
    }
}

/// One story for each kind of write; each one is long enough to show what the store does after a failure.
pub(crate) fn all() -> Vec<Story> {
    let story = |name, steps| Story { name, steps };
    let alone = |op| Step::Transaction(vec![op]);
    let new = |text: &str| alone(WriteOp::Store(memory(text)));
    let change = |changes| WriteOp::Update(hash("one"), Whose::TheOnly, changes);
    let text = Changes::default().with_text("eleven").unwrap();
    let taken = Changes::default().with_text("two").unwrap();
    let tags = Changes::default()
        .with_tags(&support::strings(&["new"]))
        .unwrap();
    let long = "a text that fills more than one page of the database ".repeat(200);
    vec![
        story(
            "store",
            vec![
                new("seven"),
                // A group commit: one is refused, one is there already.
                Step::Transaction(vec![
                    WriteOp::Store(tagged(&long, &["new", "long"])),
                    change(taken),
                    WriteOp::Store(memory("two")),
                    WriteOp::Store(memory("eight")),
                ]),
            ],
        ),
        story(
            "update",
            vec![alone(change(tags)), alone(change(text)), new("seven")],
        ),
        story(
            "delete",
            vec![
                alone(WriteOp::Delete(by_texts(&["one", "three"]))),
                new("one"),
            ],
        ),
        story(
            "undo",
            vec![
                alone(WriteOp::Undelete(vec![hash("five"), hash("six")].into())),
                new("seven"),
            ],
        ),
        story(
            "purge",
            vec![
                alone(WriteOp::Purge(vec![hash("five"), hash("six")].into())),
                Step::Checkpoint,
                new("five"),
            ],
        ),
        story(
            "index",
            vec![
                alone(vectors_of(&[(1, "one"), (2, "two"), (3, "none")])),
                new("seven"),
            ],
        ),
        story(
            "checkpoint",
            vec![
                new("seven"),
                Step::Checkpoint,
                new("eight"),
                Step::Checkpoint,
            ],
        ),
    ]
}

/// The steps of all stories that do not get into each other's way, for a longer run.
pub(crate) fn long() -> Story {
    let steps = all().into_iter().flat_map(|story| story.steps).collect();
    Story { name: "all", steps }
}

fn vectors_of(memories: &[(i64, &str)]) -> WriteOp {
    let mut chance = Chance::seeded(7);
    let indexed = |(id, text): &(i64, &str)| IndexedMemory {
        id: MemoryId(*id),
        content_hash: hash(text),
        vectors: vec![bytes(&chance.unit_vector()), bytes(&chance.unit_vector())],
        was_cut: false,
    };
    WriteOp::PutVectors(memories.iter().map(indexed).collect())
}

impl Story {
    /// Returns the stamp of one request; the `op_id` is the same whenever it is asked for.
    fn stamp(&self, step: usize, request: usize) -> Stamp {
        Stamp {
            now_ms: 1_000 + step as i64,
            op_id: OpId::parse(&format!("{}-{step}-{request}", self.name)),
            ..Stamp::default()
        }
    }

    /// Does one step.
    pub(crate) fn tell(
        &self,
        step: usize,
        store: &SqliteStore,
        lock: &WriteLock,
    ) -> Result<Vec<Result<Applied, Refusal>>, Failure> {
        let undone = |error| Failure {
            error,
            fate: Fate::Undone,
        };
        let Step::Transaction(ops) = &self.steps[step] else {
            return store.checkpoint(lock).map(|_| Vec::new()).map_err(undone);
        };
        let mut writer = store.begin_write(lock).map_err(undone)?;
        let mut answers = Vec::new();
        for (request, op) in ops.iter().enumerate() {
            answers.push(
                writer
                    .apply(op, &self.stamp(step, request))
                    .map_err(undone)?,
            );
        }
        match writer.commit() {
            Ok(()) => Ok(answers),
            Err(error) => {
                let is_in_doubt = matches!(error, WriteError::InDoubt { .. });
                let fate = if is_in_doubt {
                    Fate::InDoubt
                } else {
                    Fate::Undone
                };
                Err(Failure { error, fate })
            }
        }
    }

    /// Does all steps on a healthy disk.
    pub(crate) fn tell_all(&self, store: &SqliteStore, lock: &WriteLock) {
        for step in 0..self.steps.len() {
            self.tell(step, store, lock)
                .unwrap_or_else(|failure| panic!("step {step}: {failure:?}"));
        }
    }
}

/// The locks of one instance, kept for many stores: what is tried here is the database alone.
pub(crate) struct Instance {
    pub(crate) locks: Locks,
    pub(crate) lock: WriteLock,
    _folder: tempfile::TempDir,
}

impl Instance {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let locks = commonplace_testing::locks(folder.path());
        let lock = locks
            .acquire_write(&commonplace_testing::purpose("claude-1"), Wait::up_to(HUNG))
            .unwrap();
        Self {
            locks,
            lock,
            _folder: folder,
        }
    }

    pub(crate) fn open(&self, directory: &Path) -> Result<SqliteStore, OpenError> {
        SqliteStore::open(directory, &self.locks, 0)
    }
}
