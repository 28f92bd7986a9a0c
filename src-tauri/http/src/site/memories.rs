//! What the page asks of the memories.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use commonplace_api::memories::Replaced;
use commonplace_api::{Pause, Transport};
use commonplace_engine as engine;
use commonplace_engine::{
    Acknowledged, Browse, Engine, Facets, MemoryId, Origin, Page, Query, Record, RequestError,
    SearchAnswer, TakenOut, WriteOp, WriteOptions,
};
use serde_json::{Map, Value};

/// The future of an answer.
pub type Later<'a, T> = Pin<Box<dyn Future<Output = Result<T, RequestError>> + Send + 'a>>;

/// What this layer can ask of the memories of a host.
///
/// [`HostMemories`] asks an engine. Tests bring their own where no store is needed.
pub trait Memories: Send + Sync + 'static {
    /// Returns a part of the list.
    fn browse(&self, browse: Browse) -> Later<'_, Page>;

    /// Searches.
    fn search(&self, query: Query) -> Later<'_, SearchAnswer>;

    /// Counts what living memories, or deleted ones, can be filtered by, the `top` most frequent names of each kind.
    fn facets(&self, deleted: bool, top: usize) -> Later<'_, Facets>;

    /// Returns a memory, living or deleted, with its history.
    fn record(&self, id: MemoryId) -> Later<'_, Option<Record>>;

    /// Carries out one write; what was taken out of it is kept for a while when it is acknowledged.
    fn write(&self, op: WriteOp, taken: Option<TakenOut>) -> Later<'_, Acknowledged>;

    /// Returns what was taken out of memories and can still be put back, the latest first.
    fn redactions(&self) -> Vec<Arc<engine::Redaction>>;

    /// Returns one of them; None if it has gone.
    fn redaction(&self, number: i64) -> Option<Arc<engine::Redaction>>;

    /// Forgets a redaction; false if it had gone before.
    fn forget_redaction(&self, number: i64) -> bool;

    /// Returns the pause of writes, if there is one: then a page is told so instead of waiting for its end.
    fn paused(&self) -> Option<Pause>;

    /// Replaces secrets in a text, and returns the kinds that were found.
    fn redact(&self, text: &str) -> (String, Vec<String>);

    /// Does the same in the keys and values of metadata, and returns where each was.
    fn redact_metadata(&self, metadata: &mut Map<String, Value>) -> Vec<Replaced>;
}

/// How secrets are replaced on the way in. Which texts are secrets is known elsewhere.
#[derive(Clone, Copy)]
pub struct Redaction {
    /// Replaces secrets in a text, and returns the kinds that were found.
    pub text: fn(&str) -> (String, Vec<String>),
    /// Does the same in the keys and values of metadata, and returns where each was.
    pub metadata: fn(&mut Map<String, Value>) -> Vec<Replaced>,
}

/// The memories of an engine, as the dashboard asks for them.
#[derive(Clone)]
pub struct HostMemories {
    engine: Engine,
    redaction: Redaction,
    /// Whether secrets are replaced now; a person may change it while the host runs.
    redacts: Arc<AtomicBool>,
    origin: Origin,
}

impl HostMemories {
    /// Asks `engine`; while `redacts` is false texts are stored as they are.
    #[must_use]
    pub fn new(engine: Engine, redaction: Redaction, redacts: Arc<AtomicBool>) -> Self {
        Self {
            engine,
            redaction,
            redacts,
            origin: Origin::new("dashboard", Transport::Page),
        }
    }
}

impl fmt::Debug for HostMemories {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostMemories")
            .field("redacts", &self.redacts)
            .finish_non_exhaustive()
    }
}

impl Memories for HostMemories {
    fn browse(&self, browse: Browse) -> Later<'_, Page> {
        Box::pin(self.engine.browse(&self.origin, browse))
    }

    fn search(&self, query: Query) -> Later<'_, SearchAnswer> {
        Box::pin(self.engine.search(&self.origin, query))
    }

    fn facets(&self, deleted: bool, top: usize) -> Later<'_, Facets> {
        Box::pin(self.engine.facets(&self.origin, deleted, top))
    }

    fn record(&self, id: MemoryId) -> Later<'_, Option<Record>> {
        Box::pin(self.engine.record(&self.origin, id))
    }

    fn write(&self, op: WriteOp, taken: Option<TakenOut>) -> Later<'_, Acknowledged> {
        let options = WriteOptions::default();
        Box::pin(self.engine.write_redacted(&self.origin, op, options, taken))
    }

    fn redactions(&self) -> Vec<Arc<engine::Redaction>> {
        self.engine.redactions()
    }

    fn redaction(&self, number: i64) -> Option<Arc<engine::Redaction>> {
        self.engine.redaction(number)
    }

    fn forget_redaction(&self, number: i64) -> bool {
        self.engine.forget_redaction(number)
    }

    fn paused(&self) -> Option<Pause> {
        self.engine.paused()
    }

    fn redact(&self, text: &str) -> (String, Vec<String>) {
        if self.redacts.load(Ordering::Relaxed) {
            (self.redaction.text)(text)
        } else {
            (text.to_owned(), Vec::new())
        }
    }

    fn redact_metadata(&self, metadata: &mut Map<String, Value>) -> Vec<Replaced> {
        if self.redacts.load(Ordering::Relaxed) {
            (self.redaction.metadata)(metadata)
        } else {
            Vec::new()
        }
    }
}
