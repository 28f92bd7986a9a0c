//! The limit on open connections, and which are closed to make room when it is reached.
//!
//! A program that opens connections and asks for nothing must not keep others out. So a connection that comes when all
//! slots are taken gets the slot of one that never sent a request, or was idle for long; one whose request is under way
//! is never closed.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::door::OtherEnd;

/// A client sends its first request when it has connected. A younger connection may still be about to.
const SILENT_MIN: Duration = Duration::from_millis(250);
/// Clients keep a connection for their next request. One that was idle for so long is closed before a new one is refused.
const IDLE_MIN: Duration = Duration::from_secs(5);
/// One slot in so many is freed at once, so that a flood does not cost a look at all of them each time.
const FREED_PART: usize = 16;
/// At most one connection for so many slots may be told to close and not be closed yet.
const CLOSING_PART: usize = 4;

/// What a connection is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Activity {
    /// It has not sent a request yet.
    Silent,
    /// A request of it is under way, or its answer is being sent.
    Busy,
    /// Its requests are answered.
    Idle,
}

/// What a connection is doing, and since when.
#[derive(Debug, Clone, Copy)]
struct State {
    activity: Activity,
    since: Instant,
}

impl State {
    /// Says how early it is closed, the greatest first. None if it stays.
    fn priority(self, now: Instant) -> Option<(bool, Duration)> {
        let age = now.saturating_duration_since(self.since);
        match self.activity {
            Activity::Busy => None,
            Activity::Silent => (age >= SILENT_MIN).then_some((true, age)),
            Activity::Idle => (age >= IDLE_MIN).then_some((false, age)),
        }
    }
}

/// One connection.
#[derive(Debug)]
struct Connection {
    other_end: OtherEnd,
    /// Locked only to look at it or to change it.
    state: Mutex<State>,
    /// Notified once, when it has to close.
    close: Notify,
}

impl Connection {
    fn state(&self) -> MutexGuard<'_, State> {
        // One value, set in one step: a panic leaves nothing half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, activity: Activity) {
        let since = Instant::now();
        *self.state() = State { activity, since };
    }
}

/// The connections of a host; all clones are the same ones.
#[derive(Debug, Clone)]
pub(crate) struct Connections {
    limit: usize,
    slots: Arc<Mutex<Slots>>,
    /// Connections that have lost their slot and are not closed yet.
    closing: Arc<AtomicUsize>,
}

#[derive(Debug, Default)]
struct Slots {
    next: u64,
    taken: HashMap<u64, Arc<Connection>>,
}

/// The slot of one connection; free again when it is dropped.
#[derive(Debug)]
pub(crate) struct Slot {
    connections: Connections,
    number: u64,
    connection: Arc<Connection>,
}

/// What came of asking for a slot.
#[derive(Debug)]
pub(crate) enum Admitted {
    /// There was one.
    Free(Slot),
    /// These are closed for it.
    MadeRoom(Slot, Vec<OtherEnd>),
    /// All others are busy, or have just come.
    Full,
}

impl Connections {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            limit,
            slots: Arc::default(),
            closing: Arc::default(),
        }
    }

    /// Gives a connection a slot, and takes those of others away if all are taken.
    pub(crate) fn admit(&self, other_end: OtherEnd) -> Admitted {
        let mut slots = self.slots();
        let gone = if slots.taken.len() < self.limit {
            Vec::new()
        } else {
            self.make_room(&mut slots, Instant::now())
        };
        if slots.taken.len() >= self.limit {
            return Admitted::Full;
        }
        let slot = self.take(&mut slots, other_end);
        if gone.is_empty() {
            Admitted::Free(slot)
        } else {
            Admitted::MadeRoom(slot, gone)
        }
    }

    fn take(&self, slots: &mut Slots, other_end: OtherEnd) -> Slot {
        let connection = Arc::new(Connection {
            other_end,
            state: Mutex::new(State {
                activity: Activity::Silent,
                since: Instant::now(),
            }),
            close: Notify::new(),
        });
        let number = slots.next;
        slots.next += 1;
        slots.taken.insert(number, Arc::clone(&connection));
        Slot {
            connections: self.clone(),
            number,
            connection,
        }
    }

    /// Tells those to close that need their slots least; returns them.
    fn make_room(&self, slots: &mut Slots, now: Instant) -> Vec<OtherEnd> {
        if self.closing.load(Ordering::Relaxed) >= self.limit.div_ceil(CLOSING_PART) {
            return Vec::new();
        }
        let mut closable: Vec<_> = slots
            .taken
            .iter()
            .filter_map(|(number, connection)| Some((connection.state().priority(now)?, *number)))
            .collect();
        closable.sort_unstable_by(|one, other| other.cmp(one));
        closable.truncate(self.limit.div_ceil(FREED_PART));
        let gone = closable
            .into_iter()
            .filter_map(|(_, number)| slots.taken.remove(&number));
        gone.map(|connection| {
            self.closing.fetch_add(1, Ordering::Relaxed);
            connection.close.notify_one();
            connection.other_end
        })
        .collect()
    }

    fn slots(&self) -> MutexGuard<'_, Slots> {
        // A panic elsewhere leaves at worst one slot taken.
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    /// Waits until the connection has to close.
    pub(crate) async fn is_to_close(&self) {
        self.connection.close.notified().await;
    }

    /// Tells whether it never sent a request.
    pub(crate) fn is_silent(&self) -> bool {
        self.connection.state().activity == Activity::Silent
    }

    /// Tells whether a request of it is under way.
    pub(crate) fn is_busy(&self) -> bool {
        self.connection.state().activity == Activity::Busy
    }

    /// Returns what marks the connection as busy while it has requests.
    pub(crate) fn tracker(&self) -> Tracker {
        Tracker(Arc::clone(&self.connection))
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if self
            .connections
            .slots()
            .taken
            .remove(&self.number)
            .is_none()
        {
            self.connections.closing.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// Tracks the requests of a connection.
#[derive(Debug, Clone)]
pub(crate) struct Tracker(Arc<Connection>);

impl Tracker {
    /// Marks the connection as busy until the result is dropped.
    pub(crate) fn begin(&self) -> Busy {
        self.0.set(Activity::Busy);
        Busy(Arc::clone(&self.0))
    }
}

/// A request under way. Dropped when its answer was sent.
#[derive(Debug)]
#[must_use]
pub(crate) struct Busy(Arc<Connection>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.set(Activity::Idle);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const END: OtherEnd = OtherEnd::Process(None);

    fn admitted(connections: &Connections, pid: u32) -> Slot {
        match connections.admit(OtherEnd::Process(Some(pid))) {
            Admitted::Free(slot) => slot,
            other => panic!("{other:?}"),
        }
    }

    fn since(slot: &Slot, activity: Activity, age: Duration) {
        let since = Instant::now().checked_sub(age).unwrap();
        *slot.connection.state() = State { activity, since };
    }

    #[test]
    fn a_silent_connection_is_closed_first_and_then_the_one_that_was_idle_for_longest() {
        let connections = Connections::new(3);
        let mut slots = [1, 2, 3].map(|pid| Some(admitted(&connections, pid)));
        let idle = [
            (Activity::Idle, 2 * IDLE_MIN),
            (Activity::Idle, 3 * IDLE_MIN),
            (Activity::Silent, SILENT_MIN),
        ];
        for (slot, (activity, age)) in slots.iter().flatten().zip(idle) {
            since(slot, activity, age);
        }
        let mut newcomers = Vec::new();
        for pid in [3, 2, 1] {
            let Admitted::MadeRoom(newcomer, gone) = connections.admit(END) else {
                panic!("{pid} may go")
            };
            assert_eq!(gone, [OtherEnd::Process(Some(pid))]);
            newcomers.push(newcomer);
            slots[pid as usize - 1] = None;
        }
        assert!(
            matches!(connections.admit(END), Admitted::Full),
            "all are new"
        );
    }

    #[test]
    fn no_connection_is_closed_that_is_busy_or_has_just_come() {
        let connections = Connections::new(3);
        let slots = [1, 2, 3].map(|pid| admitted(&connections, pid));
        since(&slots[0], Activity::Busy, 100 * IDLE_MIN);
        since(&slots[1], Activity::Idle, IDLE_MIN / 2);
        assert!(matches!(connections.admit(END), Admitted::Full));
        drop(slots);
        assert!(matches!(connections.admit(END), Admitted::Free(_)));
    }

    #[test]
    fn connections_that_were_told_to_close_and_stay_open_do_not_add_up() {
        let connections = Connections::new(4);
        let slots = [1, 2, 3, 4].map(|pid| admitted(&connections, pid));
        for slot in &slots {
            since(slot, Activity::Silent, SILENT_MIN);
        }
        let Admitted::MadeRoom(new, _) = connections.admit(END) else {
            panic!("one may go")
        };
        assert!(
            matches!(connections.admit(END), Admitted::Full),
            "one is on its way"
        );
        drop(slots);
        drop(new);
        assert_eq!(connections.closing.load(Ordering::Relaxed), 0);
        assert!(connections.slots().taken.is_empty());
    }

    #[test]
    fn a_connection_is_busy_while_its_answer_is_on_its_way() {
        let connections = Connections::new(1);
        let slot = admitted(&connections, 1);
        assert!(slot.is_silent());
        let busy = slot.tracker().begin();
        assert!(slot.is_busy());
        drop(busy);
        assert!(!slot.is_busy() && !slot.is_silent());
    }
}
