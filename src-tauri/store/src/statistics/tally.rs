//! From events to what is added to the sums, the history and the list of incidents.

use std::collections::BTreeMap;

use super::event::{Acquired, Event, NotAcquired, Read, RequestEnd, TurnEnd, WhyNot, Written};
use super::figures::{Counter, Figures, Measure, Scope, Share};
use super::history::Moment;
use super::incidents::{Incident, IncidentKind};
use super::shares::Shares;

/// What the events of one fold add up to.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) figures: Figures,
    /// By the second since 1970.
    pub(super) seconds: BTreeMap<i64, Moment>,
    /// Queue waits by client and by kind, in their finest steps.
    pub(super) shares: Shares,
    pub(super) incidents: Vec<Incident>,
    /// No event can be later than this.
    now_ms: i64,
}

impl Tally {
    pub(super) fn new(now_ms: i64) -> Self {
        Self {
            now_ms,
            ..Self::default()
        }
    }

    pub(super) fn add(&mut self, event: &Event, instance: &str) {
        // An event from the future was recorded before the clock was set back: it has happened all the same.
        let at_ms = event.at_ms().clamp(0, self.now_ms.max(0));
        match event {
            Event::Acquired(turn) => self.acquired(at_ms, turn, instance),
            Event::NotAcquired(failed) => self.not_acquired(at_ms, failed, instance),
            Event::Written(request) => self.written(at_ms, request, instance),
            Event::Read(request) => self.read(at_ms, request),
            Event::LeftoversCleared { count, .. } => {
                self.figures.all.add(Counter::LeftoversCleared, *count);
            }
        }
    }

    fn second(&mut self, at_ms: i64) -> &mut Moment {
        self.seconds.entry(at_ms.div_euclid(1000)).or_default()
    }

    /// Does the same to everybody's figures, those of the kind and those of the client.
    fn each(&mut self, kind: &str, client: &str, change: impl Fn(&mut Share)) {
        change(&mut self.figures.all);
        change(self.figures.share(Scope::Kind, kind));
        change(self.figures.share(Scope::Client, client));
    }

    fn acquired(&mut self, at_ms: i64, turn: &Acquired, instance: &str) {
        let last_ms = self.figures.last_acquisition_ms.max(Some(at_ms));
        self.figures.last_acquisition_ms = last_ms;
        self.each(&turn.kind, &turn.client, |share| {
            share.add(Counter::Acquisitions, 1);
            share.add(Counter::Contended, u64::from(turn.is_contended));
            share.add(Counter::Retries, u64::from(turn.end == TurnEnd::Retried));
            share.record(Measure::Hold, turn.hold);
            if turn.end == TurnEnd::Committed {
                share.add(Counter::Commits, 1);
            }
        });
        let all = &mut self.figures.all;
        all.record(Measure::LockWait, turn.lock_wait);
        if turn.end == TurnEnd::Committed {
            all.record(Measure::Commit, turn.commit);
        }
        let second = self.second(at_ms);
        second.acquisitions += 1;
        second.commits += u64::from(turn.end == TurnEnd::Committed);
        second.lock_wait.record(turn.lock_wait);
        second.hold.record(turn.hold);
        if turn.is_slow {
            let end = match turn.end {
                TurnEnd::Committed => "committed",
                TurnEnd::Retried => "retried",
                TurnEnd::Undone => "undone",
                TurnEnd::Empty => "empty",
            };
            self.incidents.push(Incident {
                at_ms,
                what: IncidentKind::SlowHold,
                end: end.to_owned(),
                instance: instance.to_owned(),
                client: turn.client.clone(),
                kind: turn.kind.clone(),
                took: turn.hold,
                holder: String::new(),
            });
        }
    }

    fn not_acquired(&mut self, at_ms: i64, failed: &NotAcquired, instance: &str) {
        let (counter, end) = match failed.why {
            WhyNot::TimedOut => (Counter::AcquisitionTimedOut, "timed_out"),
            WhyNot::GaveUp => (Counter::AcquisitionGaveUp, "gave_up"),
            WhyNot::Io => (Counter::AcquisitionIo, "io"),
            WhyNot::Fenced => (Counter::AcquisitionFenced, "fenced"),
        };
        self.each(&failed.kind, &failed.client, |share| {
            share.add(counter, 1);
            share.add(Counter::Retries, u64::from(failed.is_retried));
        });
        // Who gave up says so with its own request.
        if failed.why != WhyNot::GaveUp {
            self.incidents.push(Incident {
                at_ms,
                what: IncidentKind::FailedAcquisition,
                end: end.to_owned(),
                instance: instance.to_owned(),
                client: failed.client.clone(),
                kind: failed.kind.clone(),
                took: failed.waited,
                holder: failed.holder.clone(),
            });
        }
    }

    fn written(&mut self, at_ms: i64, request: &Written, instance: &str) {
        let (counter, end) = match request.end {
            RequestEnd::Done => (Counter::Acknowledged, "done"),
            RequestEnd::Refused => (Counter::Refused, "refused"),
            RequestEnd::Failed => (Counter::Failed, "failed"),
            RequestEnd::TimedOut => (Counter::TimedOut, "timed_out"),
            RequestEnd::QueueFull => (Counter::QueueFull, "queue_full"),
            RequestEnd::Cancelled => (Counter::Cancelled, "cancelled"),
        };
        let is_done = request.end == RequestEnd::Done;
        let change = |share: &mut Share| {
            share.add(counter, 1);
            share.add(Counter::Throttled, u64::from(request.is_throttled));
            let outcome = if is_done {
                Counter::Done
            } else {
                Counter::NotDone
            };
            share.add(outcome, 1);
            if is_done {
                share.record(Measure::WriteTotal, request.total);
            }
            if let Some(wait) = request.queue_wait {
                share.record(Measure::QueueWait, wait);
            }
        };
        let with_lock_wait = |share: &mut Share| {
            change(share);
            if let Some(wait) = request.lock_wait {
                share.record(Measure::LockWait, wait);
            }
        };
        with_lock_wait(self.figures.share(Scope::Kind, &request.kind));
        if !request.is_internal {
            with_lock_wait(self.figures.share(Scope::Client, &request.client));
            change(&mut self.figures.all);
            self.written_at(at_ms, request);
        }
        if request.is_slow {
            let what = if matches!(request.end, RequestEnd::Done | RequestEnd::Refused) {
                IncidentKind::SlowWait
            } else {
                IncidentKind::FailedWrite
            };
            self.incidents.push(Incident {
                at_ms,
                what,
                end: end.to_owned(),
                instance: instance.to_owned(),
                client: request.client.clone(),
                kind: request.kind.clone(),
                took: request.queue_wait.unwrap_or(request.total),
                holder: request.holder.clone(),
            });
        }
    }

    fn written_at(&mut self, at_ms: i64, request: &Written) {
        let is_failure = !matches!(request.end, RequestEnd::Done | RequestEnd::Cancelled);
        let second = self.second(at_ms);
        second.writes += u64::from(request.end == RequestEnd::Done);
        second.failures += u64::from(is_failure);
        second.queue_length_max = second.queue_length_max.max(request.queue_length);
        if let Some(wait) = request.queue_wait {
            second.queue_wait.record(wait);
            self.shares
                .record(at_ms, Scope::Client, &request.client, wait);
            self.shares.record(at_ms, Scope::Kind, &request.kind, wait);
        }
    }

    fn read(&mut self, at_ms: i64, request: &Read) {
        let outcome = if request.is_done {
            Counter::Done
        } else {
            Counter::NotDone
        };
        self.each(&request.kind, &request.client, |share| {
            share.add(Counter::Searches, 1);
            share.add(outcome, 1);
            share.record(Measure::SearchTotal, request.total);
        });
        let second = self.second(at_ms);
        second.searches += 1;
        second.failures += u64::from(!request.is_done);
    }
}
