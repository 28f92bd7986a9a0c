//! A host that is going, and answers little.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use commonplace_api::Pause;
use commonplace_engine::{
    Acknowledged, Applied, Browse, CommitSeq, Epoch, Facets, MemoryId, Page, Query, Record,
    Redaction, RequestError, SearchAnswer, TakenOut, WriteOp, WriteOutcome,
};
use commonplace_http::{Later, Memories};
use serde_json::{Map, Value};

/// A host that is going: it answers no question about memories, and carries out only some more writes.
#[derive(Default)]
pub(crate) struct NoMemories {
    pub(crate) writes_left: AtomicU8,
}

fn going<T: Send + 'static>() -> Later<'static, T> {
    Box::pin(std::future::ready(Err(RequestError::ShuttingDown)))
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

impl Memories for NoMemories {
    fn browse(&self, _: Browse) -> Later<'_, Page> {
        going()
    }

    fn search(&self, _: Query) -> Later<'_, SearchAnswer> {
        going()
    }

    fn facets(&self, _: bool, _: usize) -> Later<'_, Facets> {
        going()
    }

    fn record(&self, _: MemoryId) -> Later<'_, Option<Record>> {
        going()
    }

    fn write(&self, op: WriteOp, _: Option<TakenOut>) -> Later<'_, Acknowledged> {
        let WriteOp::ByIds(act, ids) = op else {
            return going();
        };
        let is_left = |left: u8| left.checked_sub(1);
        let order = Ordering::Relaxed;
        if self
            .writes_left
            .fetch_update(order, order, is_left)
            .is_err()
        {
            return going();
        }
        let outcome = WriteOutcome::ByIds {
            act,
            done: ids.as_slice().into(),
            missed: [].into(),
            part: None,
        };
        Box::pin(std::future::ready(Ok(acknowledged(outcome))))
    }

    fn redactions(&self) -> Vec<Arc<Redaction>> {
        Vec::new()
    }

    fn redaction(&self, _: i64) -> Option<Arc<Redaction>> {
        None
    }

    fn forget_redaction(&self, _: i64) -> bool {
        false
    }

    fn paused(&self) -> Option<Pause> {
        None
    }

    fn redact(&self, text: &str) -> (String, Vec<String>) {
        (text.to_owned(), Vec::new())
    }

    fn redact_metadata(
        &self,
        _: &mut Map<String, Value>,
    ) -> Vec<commonplace_api::memories::Replaced> {
        Vec::new()
    }
}
