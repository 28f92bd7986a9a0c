//! Searches, lists and counts: on workers, with readers from the pool. They never wait for writers.

use std::sync::Arc;
use std::time::{Duration, Instant};

use commonplace_store::statistics::{Event, Read};
use commonplace_store::{
    Browse, Choice, CommitSeq, ContentHash, Facets, Filter, ListQuery, Memory, MemoryId, Mention,
    Page, PartDone, Passing, Query, ReadError, Reader, Record, WriteOp,
};
use tokio::sync::oneshot;

use crate::engine::Engine;
use crate::origin::Origin;
use crate::read::model::query_vector;
use crate::request::{ListAnswer, RequestError, SearchAnswer};

/// A backlog of this many memories is worked off before a search is answered, so that a client finds by meaning what it
/// has just stored.
const FRESH_BACKLOG_MAX: u64 = 8;
/// Longest time a search waits for that.
const FRESH_WAIT_MAX: Duration = Duration::from_millis(250);

impl Engine {
    /// Searches. Never waits for writers; may wait up to 250 ms for a small index backlog.
    pub async fn search(
        &self,
        origin: &Origin,
        query: Query,
    ) -> Result<SearchAnswer, RequestError> {
        let shared = Arc::clone(&self.shared);
        if query.needs_vector()
            && (1..=FRESH_BACKLOG_MAX).contains(&shared.indexer.backlog())
            && shared.model.get().is_some()
            && shared.context.paused().is_none()
        {
            shared.indexer.drain(FRESH_WAIT_MAX).await;
        }
        self.read(origin, "search", move |reader| {
            let (vector, words_only) = query_vector(&shared.model, &query);
            let hits = reader.search(&query, vector.as_deref())?;
            Ok(SearchAnswer {
                hits,
                words_only,
                index_backlog: shared.indexer.backlog(),
            })
        })
        .await
    }

    /// Lists one page of memories, newest first.
    pub async fn list(
        &self,
        origin: &Origin,
        query: ListQuery,
    ) -> Result<ListAnswer, RequestError> {
        self.read(origin, "list", move |reader| {
            let (memories, total) = reader.list(&query)?;
            Ok(ListAnswer {
                memories,
                page: query.page(),
                page_size: query.page_size(),
                total,
            })
        })
        .await
    }

    /// Returns a part of the list, the newest first. However long the list is, the parts after the first cost the same.
    pub async fn browse(&self, origin: &Origin, browse: Browse) -> Result<Page, RequestError> {
        self.read(origin, "list", move |reader| reader.browse(&browse))
            .await
    }

    /// Counts living memories, or deleted ones, by project, tag, type and client; looks at all of them: some tens of
    /// milliseconds in a store of 100,000.
    pub async fn facets(
        &self,
        origin: &Origin,
        deleted: bool,
        top: usize,
    ) -> Result<Facets, RequestError> {
        self.read(origin, "count", move |reader| reader.facets(deleted, top))
            .await
    }

    /// Returns a memory, living or deleted, with what it was before; None if there is none.
    pub async fn record(
        &self,
        origin: &Origin,
        id: MemoryId,
    ) -> Result<Option<Record>, RequestError> {
        self.read(origin, "get", move |reader| reader.record(id))
            .await
    }

    /// Returns living memories with this hash; more than one if several projects hold the same text.
    pub async fn get(
        &self,
        origin: &Origin,
        hash: ContentHash,
    ) -> Result<Vec<Memory>, RequestError> {
        self.read(origin, "get", move |reader| reader.by_hash(&hash))
            .await
    }

    /// Returns up to 10 memories that a hash may have meant although it hit none. Belongs to the answer of a request that
    /// is counted already, and so is not one itself.
    pub async fn candidates(&self, given: ContentHash) -> Result<Vec<Mention>, RequestError> {
        self.ask(move |reader| reader.candidates(&given)).await
    }

    /// Counts living memories that pass, and tells which come first: what a delete would take.
    ///
    /// # Errors
    /// [`RequestError::Refused`] if the delete would be.
    pub async fn count(&self, origin: &Origin, filter: Filter) -> Result<Passing, RequestError> {
        let passing = self.read(origin, "count", move |reader| reader.count(&filter));
        Ok(passing.await??)
    }

    /// Counts the memories that a delete has deleted and that are still deleted. Belongs to the answer of an undo that is
    /// counted already, and so is not a request itself.
    ///
    /// # Errors
    /// [`RequestError::Refused`] if `act` is not the number of a delete.
    pub async fn still_deleted(&self, act: CommitSeq) -> Result<u64, RequestError> {
        let undo = WriteOp::UndoDelete(act);
        let chosen = self.ask(move |reader| reader.choose(&undo, None));
        Ok(chosen.await??.ids.len() as u64)
    }

    /// Chooses what a write in parts goes through.
    ///
    /// # Errors
    /// [`RequestError::Refused`] if it is not clear which memories are meant.
    pub(crate) async fn choose(
        &self,
        origin: &Origin,
        whole: WriteOp,
        before: Option<PartDone>,
    ) -> Result<Choice, RequestError> {
        let chosen = self.read(origin, "choose", move |reader| {
            reader.choose(&whole, before.as_ref())
        });
        Ok(chosen.await??)
    }

    /// Runs `question` on a worker with a reader from the pool.
    async fn read<T: Send + 'static>(
        &self,
        origin: &Origin,
        kind: &'static str,
        question: impl FnOnce(&mut dyn Reader) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T, RequestError> {
        let (clients, context) = (&self.shared.clients, &self.shared.context);
        clients.asked(origin, context.now_ms());
        let asked = Instant::now();
        let result = self.ask(question).await;
        context.metrics.record(&[Event::Read(Read {
            at_ms: context.now_ms(),
            client: origin.client.clone(),
            kind: kind.to_owned(),
            is_done: result.is_ok(),
            total: asked.elapsed(),
        })]);
        clients.answered(origin, result.is_err(), None);
        result
    }

    /// The same without counting it as a request of a client.
    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&mut dyn Reader) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T, RequestError> {
        let _active = self.shared.activity.begin();
        let (sender, receiver) = oneshot::channel();
        let shared = Arc::clone(&self.shared);
        let job = move || {
            if sender.is_closed() {
                return;
            }
            let reader = shared.context.store.reader();
            let answer = reader.and_then(|mut reader| question(reader.as_mut()));
            // The client may have gone meanwhile.
            drop(sender.send(answer));
        };
        match self.shared.workers.submit(Box::new(job)) {
            Err(_) if self.shared.context.is_closing() => Err(RequestError::ShuttingDown),
            Err(length) => Err(RequestError::QueueFull {
                length,
                own: 0,
                limit: length,
                retry_after: Duration::from_secs(1),
            }),
            Ok(()) => receiver
                .await
                .map_or(Err(RequestError::ShuttingDown), |answer| {
                    answer.map_err(read_error)
                }),
        }
    }
}

fn read_error(error: ReadError) -> RequestError {
    RequestError::Store {
        message: error.to_string(),
        is_passing: !matches!(error, ReadError::Damaged { .. }),
    }
}
