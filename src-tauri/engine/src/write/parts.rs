//! Writes that concern many memories: done in parts, each a request of its own with its own hold of the write lock.
//!
//! What such a write goes through is chosen by a reader before its first part. Between the parts the lock goes back, so
//! everybody else waits for one part and not for the whole. A write that ends before its end says how far it came, and
//! the same write asked again goes on: what was done is not chosen again, and with the same `op_id` the parts that were
//! acknowledged are counted and not repeated.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use commonplace_store::{
    Applied, MENTIONS_MAX, MemoryId, OpId, PART_MEMORIES_MAX, Part, PartDone, Refusal, WriteOp,
    WriteOutcome,
};

use crate::engine::Engine;
use crate::origin::Origin;
use crate::request::{
    Acknowledged, PartsProgress, RequestError, Unfinished, WhyUnfinished, WriteOptions,
};

/// Most hashes that an answer about many memories carries.
const HASHES_MAX: usize = 100;

/// When to stop beginning parts.
struct Until<'a> {
    /// For all parts together; None for as long as it takes.
    deadline: Option<Instant>,
    /// Called after each part; false ends the write there.
    report: &'a mut (dyn FnMut(PartsProgress) -> bool + Send),
}

/// Says whether a write may be too much for one transaction, and whether it is tried in one at first.
fn start_of(op: &WriteOp) -> Option<Start> {
    match op {
        WriteOp::Delete(filter) if filter.names_hashes() => Some(Start::Whole),
        WriteOp::Undelete(_) | WriteOp::Purge(_) | WriteOp::ByIds(..) => Some(Start::Whole),
        WriteOp::Delete(_) | WriteOp::UndoDelete(_) => Some(Start::InParts),
        WriteOp::Store(_)
        | WriteOp::Update(..)
        | WriteOp::Edit(_)
        | WriteOp::Part(_)
        | WriteOp::PutVectors(_) => None,
    }
}

/// How a write that may concern many memories begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Start {
    /// It mostly concerns few: one transaction, unless the store says that they are too many.
    Whole,
    InParts,
}

impl Engine {
    /// Carries out one write; answers when it is committed and synced.
    ///
    /// One that concerns many memories is done in parts, which go on until the deadline: then the answer says what is left
    /// ([`Acknowledged::unfinished`]). Dropping the future takes the request back, unless its commit has begun: then it is
    /// finished all the same. Of a write in parts, no further part is begun.
    ///
    /// # Errors
    /// See [`RequestError`]; after any error but `Unknown` nothing was written.
    pub async fn write(
        &self,
        origin: &Origin,
        op: WriteOp,
        options: WriteOptions,
    ) -> Result<Acknowledged, RequestError> {
        let until = Until {
            deadline: Some(Instant::now() + self.write_deadline(&options)),
            report: &mut |_| true,
        };
        self.write_until(origin, op, options, until).await
    }

    /// Carries out a write that may concern many memories, for as long as that takes. `report` is called after each
    /// part with how far it is; its `false` ends the write there. Each part has the deadline of `options`.
    ///
    /// # Errors
    /// As [`Engine::write`], if nothing was written. Otherwise the answer says what is left and why.
    pub async fn write_in_parts(
        &self,
        origin: &Origin,
        op: WriteOp,
        options: WriteOptions,
        report: &mut (dyn FnMut(PartsProgress) -> bool + Send),
    ) -> Result<Acknowledged, RequestError> {
        let until = Until {
            deadline: None,
            report,
        };
        self.write_until(origin, op, options, until).await
    }

    /// Does the same until `until`.
    async fn write_until(
        &self,
        origin: &Origin,
        op: WriteOp,
        options: WriteOptions,
        until: Until<'_>,
    ) -> Result<Acknowledged, RequestError> {
        let Some(first) = start_of(&op) else {
            return self.write_one(origin, op, options).await;
        };
        let mut before = None;
        if first == Start::Whole {
            match self.write_one(origin, op.clone(), options.clone()).await {
                Err(RequestError::Refused(Refusal::TooMany)) => {}
                // The answer to an op_id whose write was begun in parts.
                Ok(begun) if begun.applied.outcome.part().is_some() => before = Some(begun),
                other => return other,
            }
        }
        let write = PartsWrite {
            engine: self,
            origin,
            whole: op,
            options,
            left: Vec::new(),
            has_chosen: false,
            projects: BTreeMap::new(),
            parts: 0,
            total: None,
        };
        write.run(before, until).await
    }
}

/// A write in parts that is under way.
struct PartsWrite<'a> {
    engine: &'a Engine,
    origin: &'a Origin,
    whole: WriteOp,
    options: WriteOptions,
    /// What it has chosen and not been through, in order.
    left: Vec<MemoryId>,
    /// Whether `left` is what is left: not while it has to be chosen again.
    has_chosen: bool,
    /// Of a write that names hashes: the project in which each was meant.
    projects: BTreeMap<MemoryId, String>,
    /// Parts that were acknowledged.
    parts: u64,
    /// What they did together.
    total: Option<Acknowledged>,
}

impl PartsWrite<'_> {
    async fn run(
        mut self,
        before: Option<Acknowledged>,
        until: Until<'_>,
    ) -> Result<Acknowledged, RequestError> {
        let is_begun = before.is_some();
        if let Some(before) = before {
            self.add(before);
        }
        if (!is_begun || !self.is_done())
            && let Err(error) = self.choose().await
        {
            return self.fail(error);
        }
        while !self.is_done() {
            let asked = match self.time_left(&until) {
                Some(deadline) => self.next(deadline).await,
                None => return Ok(self.end(WhyUnfinished::TimeIsUp)),
            };
            let acknowledged = match asked {
                Ok(acknowledged) => acknowledged,
                Err(error) => return self.fail(error),
            };
            let (is_repeat, came_from) = (acknowledged.applied.is_repeat, self.progress().done);
            self.add(acknowledged);
            if is_repeat && !self.is_done() {
                // What an earlier try of this write has done is behind.
                if let Err(error) = self.choose().await {
                    return self.fail(error);
                }
                continue;
            }
            let taken = usize::try_from(self.progress().done - came_from).unwrap_or(0);
            self.left.drain(..taken.min(self.left.len()));
            let now = self.progress();
            // Of a write that was done in one part the answer says it all.
            if self.last().is_some() && !(until.report)(now) && !self.is_done() {
                return Ok(self.end(WhyUnfinished::Ended));
            }
        }
        Ok(self
            .total
            .take()
            .expect("a write in parts is done after a part only"))
    }

    fn is_done(&self) -> bool {
        let done =
            |total: &Acknowledged| total.applied.outcome.part().is_none_or(PartDone::is_last);
        self.total.as_ref().is_some_and(done)
    }

    fn last(&self) -> Option<&PartDone> {
        self.total.as_ref()?.applied.outcome.part()
    }

    fn progress(&self) -> PartsProgress {
        let done = self.last().map_or(0, |last| last.done);
        let of = match self.last() {
            Some(last) if !self.has_chosen => last.of,
            _ => done + self.left.len() as u64,
        };
        PartsProgress { done, of }
    }

    /// Chooses what is to be gone through, with a reader and without the lock.
    async fn choose(&mut self) -> Result<(), RequestError> {
        self.has_chosen = false;
        let (whole, last) = (self.whole.clone(), self.last().copied());
        let chosen = self.engine.choose(self.origin, whole, last).await?;
        (self.left, self.projects) = (chosen.ids, chosen.projects);
        self.has_chosen = true;
        Ok(())
    }

    /// Returns how long the next part may take; None if the time is up.
    fn time_left(&self, until: &Until<'_>) -> Option<Option<Duration>> {
        let Some(deadline) = until.deadline else {
            return Some(self.options.deadline);
        };
        let left = deadline.saturating_duration_since(Instant::now());
        (!left.is_zero() || self.total.is_none()).then_some(Some(left))
    }

    /// Asks for the next part.
    async fn next(&self, deadline: Option<Duration>) -> Result<Acknowledged, RequestError> {
        let last = self.last();
        let progress = self.progress();
        let next = self.left.len().min(PART_MEMORIES_MAX);
        let newest = self.left.last().copied().unwrap_or(MemoryId(0));
        let ids = self.left[..next].to_vec();
        let project = |id: &MemoryId| Some((*id, self.projects.get(id)?.clone()));
        let part = Part {
            whole: self.whole.clone(),
            projects: ids.iter().filter_map(project).collect(),
            ids,
            up_to: last.map_or(newest, |last| last.up_to),
            act: last.map(|last| last.act),
            done: progress.done,
            of: progress.of,
        };
        let op_id = self.options.op_id.as_ref();
        let options = WriteOptions {
            op_id: op_id.map(|op_id| OpId::of_part(op_id, self.parts)),
            deadline,
        };
        let op = WriteOp::Part(Box::new(part));
        self.engine.write_one(self.origin, op, options).await
    }

    /// Adds what a part did to what the parts before it did.
    fn add(&mut self, part: Acknowledged) {
        self.parts += 1;
        self.total = Some(match self.total.take() {
            None => part,
            Some(before) => Acknowledged {
                applied: together(before.applied, part.applied),
                queue_wait: before.queue_wait.max(part.queue_wait),
                lock_wait: before.lock_wait.max(part.lock_wait),
                ..part
            },
        });
    }

    /// Ends with an error, which goes beside what was done, if anything was.
    fn fail(self, error: RequestError) -> Result<Acknowledged, RequestError> {
        if self.total.is_none() {
            return Err(error);
        }
        Ok(self.end(WhyUnfinished::Failed(error)))
    }

    /// Ends before everything is done.
    fn end(mut self, why: WhyUnfinished) -> Acknowledged {
        let progress = self.progress();
        tracing::info!(kind = self.whole.kind(), done = progress.done, of = progress.of, %why, "a write in parts ended early");
        let mut total = self
            .total
            .take()
            .expect("a write ends early after a part only");
        total.unfinished = Some(Box::new(Unfinished { progress, why }));
        total
    }
}

impl Drop for PartsWrite<'_> {
    fn drop(&mut self) {
        // Given up by its client: what was done stays, and the log says how much that was.
        if let Some(total) = &self.total {
            let (seq, progress) = (total.seq(), self.progress());
            tracing::info!(
                kind = self.whole.kind(),
                seq = seq.0,
                done = progress.done,
                of = progress.of,
                "a write in parts was given up by its client"
            );
        }
    }
}

/// Adds a part to the parts before it; the first memories that were hit are named, over all parts.
fn together(before: Applied, part: Applied) -> Applied {
    let mentions = before.mentions.into_iter().chain(part.mentions);
    Applied {
        outcome: sum(before.outcome, part.outcome),
        mentions: mentions.take(MENTIONS_MAX).collect(),
        ..part
    }
}

/// Adds up what two parts of the same write did; how far it has come is what the later one says.
fn sum(before: WriteOutcome, part: WriteOutcome) -> WriteOutcome {
    use WriteOutcome::{ByIds, Deleted, Purged, Undeleted};
    match (before, part) {
        (
            Deleted {
                count: a,
                mut hashes,
                ..
            },
            Deleted {
                count: b,
                hashes: more,
                part,
            },
        ) => {
            hashes.extend(more);
            hashes.truncate(HASHES_MAX);
            Deleted {
                count: a + b,
                hashes,
                part,
            }
        }
        (Undeleted { count: a, .. }, Undeleted { count: b, part }) => {
            Undeleted { count: a + b, part }
        }
        (Purged { count: a, .. }, Purged { count: b, part }) => Purged { count: a + b, part },
        (
            ByIds {
                done: a, missed: c, ..
            },
            ByIds {
                act,
                done: b,
                missed: d,
                part,
            },
        ) => ByIds {
            act,
            done: a.iter().chain(&b).copied().collect(),
            missed: c.iter().chain(&d).copied().collect(),
            part,
        },
        (_, part) => part,
    }
}
