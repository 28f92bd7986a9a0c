//! The indexer: a background thread that embeds texts and hands the vectors to the write queue.
//!
//! Its backlog is what the database says has no vectors, so nothing is forgotten by a crash. Of several hosts on one
//! store the oldest indexes; the others do so only when one of their own clients is about to search. It also notices when
//! the files of a model arrive that was missing.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use commonplace_api::Transport;
use commonplace_embed::{EmbedOptions, Embedder, ModelSlot, chunks};
use commonplace_lock::Locks;
use commonplace_store::{IndexedMemory, Provenance, Stamp, Unindexed, WriteOp};

use crate::context::Context;
use crate::mutex::lock;
use crate::origin::Origin;
use crate::read::activity::Activity;
use crate::write::queue::{NotAccepted, WriteQueue};

/// Memories whose vectors are committed together: some hundred milliseconds of work for one sync, so that the backlog is
/// seen to shrink and a crash costs little.
const COMMIT_MEMORIES: usize = 16;
/// Chunks that are embedded between two looks at whether a request is under way (about 50 ms of work).
const EMBED_CHUNKS: usize = 8;
/// How long the indexer steps aside for requests before it goes on.
const YIELD_MAX: Duration = Duration::from_millis(20);
/// How often it looks for memories that other instances stored.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// The backlog, and the signals between the indexer and those who wait for it.
#[derive(Default)]
pub(crate) struct Indexer {
    signals: Mutex<Signals>,
    /// Signalled when there is something to index, when it is urgent, and at the end.
    changed: Condvar,
    /// Signalled when the backlog has become empty.
    drained: tokio::sync::Notify,
    backlog: AtomicU64,
    speed: Mutex<Speed>,
}

#[derive(Default)]
struct Signals {
    has_news: bool,
    is_urgent: bool,
    is_closed: bool,
}

/// Vectors made lately.
#[derive(Default)]
struct Speed {
    vectors: u64,
    busy: Duration,
    since: Option<Instant>,
}

impl Indexer {
    /// Memories without vectors, as far as this instance knows.
    pub(crate) fn backlog(&self) -> u64 {
        self.backlog.load(Ordering::Relaxed)
    }

    /// Notes that `count` memories were stored or changed.
    pub(crate) fn add(&self, count: u64) {
        self.backlog.fetch_add(count, Ordering::Relaxed);
        self.signal(|signals| signals.has_news = true);
    }

    /// Asks for the backlog to be worked off now, whoever else indexes, and waits for that, but at most `patience`.
    pub(crate) async fn drain(&self, patience: Duration) {
        let drained = self.drained.notified();
        self.signal(|signals| signals.is_urgent = true);
        if self.backlog() > 0 {
            drop(tokio::time::timeout(patience, drained).await);
        }
    }

    /// Ends the thread after the commit it is waiting for.
    pub(crate) fn close(&self) {
        self.signal(|signals| signals.is_closed = true);
    }

    /// Returns vectors per second over the last minute of work; 0 before the first.
    pub(crate) fn vectors_per_s(&self) -> f64 {
        let speed = lock(&self.speed);
        if speed.busy.is_zero() {
            0.0
        } else {
            speed.vectors as f64 / speed.busy.as_secs_f64()
        }
    }

    fn signal(&self, change: impl FnOnce(&mut Signals)) {
        change(&mut lock(&self.signals));
        self.changed.notify_all();
    }

    fn is_closed(&self) -> bool {
        lock(&self.signals).is_closed
    }

    /// Waits for something to do. Returns None at the end, otherwise whether it is urgent.
    fn wait(&self) -> Option<bool> {
        let is_idle =
            |signals: &mut Signals| !signals.has_news && !signals.is_urgent && !signals.is_closed;
        let (mut signals, _) = self
            .changed
            .wait_timeout_while(lock(&self.signals), LOOK_AGAIN, is_idle)
            .unwrap_or_else(PoisonError::into_inner);
        let was = std::mem::take(&mut *signals);
        signals.is_closed = was.is_closed;
        (!was.is_closed).then_some(was.is_urgent)
    }

    fn set_backlog(&self, count: u64) {
        self.backlog.store(count, Ordering::Relaxed);
        if count == 0 {
            self.drained.notify_waiters();
        }
    }

    fn note_speed(&self, vectors: usize, took: Duration) {
        let mut speed = lock(&self.speed);
        if speed
            .since
            .is_none_or(|since| since.elapsed() > Duration::from_secs(60))
        {
            *speed = Speed {
                since: Some(Instant::now()),
                ..Speed::default()
            };
        }
        speed.vectors += vectors as u64;
        speed.busy += took;
    }
}

/// Why indexing stopped for now.
#[derive(Debug, thiserror::Error)]
enum IndexError {
    #[error(transparent)]
    Read(#[from] commonplace_store::ReadError),
    #[error(transparent)]
    Embed(#[from] commonplace_embed::EmbedError),
    #[error("the host is shutting down")]
    Closing,
    #[error("the vectors were not kept: {0}")]
    NotKept(String),
}

/// What the thread works with.
pub(crate) struct IndexerThread<'a> {
    pub(crate) context: &'a Context,
    pub(crate) indexer: &'a Indexer,
    pub(crate) model: &'a ModelSlot,
    pub(crate) activity: &'a Activity,
    pub(crate) queue: &'a WriteQueue,
}

impl IndexerThread<'_> {
    /// Runs until [`Indexer::close`].
    pub(crate) fn run(&self) {
        commonplace_embed::lower_this_thread_priority();
        while let Some(is_urgent) = self.indexer.wait() {
            let model_dir = &self.context.config.model_dir;
            self.model
                .load_if_changed(model_dir, EmbedOptions::default());
            match self.work_off(is_urgent) {
                Ok(()) => {}
                Err(IndexError::Closing) => {
                    tracing::debug!("indexing goes on when the store is opened again")
                }
                Err(error) => tracing::warn!(%error, "indexing stopped; it goes on by itself"),
            }
        }
    }

    /// Embeds and commits until nothing is left.
    fn work_off(&self, is_urgent: bool) -> Result<(), IndexError> {
        loop {
            let batch = self.next_batch()?;
            let Some(embedder) = self.model.get() else {
                return Ok(());
            };
            if batch.is_empty()
                || self.indexer.is_closed()
                || !(is_urgent || is_oldest_host(&self.context.locks))
            {
                return Ok(());
            }
            let indexed = self.embed(&embedder, &batch)?;
            self.commit(indexed)?;
        }
    }

    /// Reads memories without vectors and sets the backlog to the truth.
    fn next_batch(&self) -> Result<Vec<Unindexed>, IndexError> {
        let mut reader = self.context.store.reader()?;
        let batch = reader.unindexed(COMMIT_MEMORIES)?;
        let backlog = if batch.len() < COMMIT_MEMORIES {
            batch.len() as u64
        } else {
            reader.totals()?.unindexed
        };
        self.indexer.set_backlog(backlog);
        Ok(batch)
    }

    fn embed(
        &self,
        embedder: &Embedder,
        batch: &[Unindexed],
    ) -> Result<Vec<IndexedMemory>, IndexError> {
        let mut indexed: Vec<IndexedMemory> = batch.iter().map(empty_index).collect();
        let mut pieces: Vec<(usize, &str)> = Vec::new();
        for (place, memory) in batch.iter().enumerate() {
            pieces.extend(
                chunks(&memory.text)
                    .into_iter()
                    .map(|range| (place, &memory.text[range])),
            );
        }
        // Texts of like length together: less padding in each batch. Chunks of one memory keep their order.
        let mut order: Vec<usize> = (0..pieces.len()).collect();
        order.sort_by_key(|at| pieces[*at].1.len());
        let mut vectors = vec![None; pieces.len()];
        for some in order.chunks(EMBED_CHUNKS) {
            if self.indexer.is_closed() {
                return Err(IndexError::Closing);
            }
            self.activity.wait_quiet(YIELD_MAX);
            let started = Instant::now();
            let texts: Vec<&str> = some.iter().map(|at| pieces[*at].1).collect();
            for (at, embedded) in some.iter().zip(embedder.embed_batch(&texts)?) {
                vectors[*at] = Some(embedded);
            }
            self.indexer.note_speed(some.len(), started.elapsed());
        }
        for ((place, _), embedded) in pieces.iter().zip(vectors.into_iter().flatten()) {
            indexed[*place].vectors.push(embedded.vector.to_le_bytes());
            indexed[*place].was_cut |= embedded.was_cut;
        }
        Ok(indexed)
    }

    /// Hands the vectors to the write queue and waits for their commit.
    fn commit(&self, indexed: Vec<IndexedMemory>) -> Result<(), IndexError> {
        let origin = Origin::new("indexer", Transport::Internal);
        let stamp = Stamp {
            now_ms: self.context.now_ms(),
            op_id: None,
            provenance: Provenance {
                client: origin.client.clone(),
                ..Provenance::default()
            },
        };
        let not_kept = |reason: &str| IndexError::NotKept(reason.to_owned());
        let (_, answer) = self
            .queue
            .push(&origin, WriteOp::PutVectors(indexed), stamp)
            .map_err(|refused| match refused {
                NotAccepted::Full { .. } => not_kept("the write queue is full"),
                NotAccepted::Closed => not_kept("the host is shutting down"),
            })?;
        match answer.blocking_recv() {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(IndexError::NotKept(error.to_string())),
            Err(_) => Err(not_kept("the writer stopped")),
        }
    }
}

/// Says whether this is the host that indexes: the oldest of those that serve.
fn is_oldest_host(locks: &Locks) -> bool {
    let own = &locks.identity().instance;
    let serving = locks
        .instances()
        .into_iter()
        .find(|other| other.url.is_some());
    serving.is_none_or(|oldest| oldest.identity.instance == *own)
}

fn empty_index(memory: &Unindexed) -> IndexedMemory {
    IndexedMemory {
        id: memory.id,
        content_hash: memory.content_hash.clone(),
        vectors: Vec::new(),
        was_cut: false,
    }
}
