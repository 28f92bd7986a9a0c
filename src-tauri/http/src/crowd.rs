//! How many connections there are, and who makes room when there are too many.
//!
//! A program that opens connections and asks nothing must not keep others out. So a connection that comes when all places
//! are taken gets the place of one that never sent a request, or did nothing for long; one whose request is under way
//! never has to go.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use crate::door::OtherEnd;

/// A client sends its first request when it has connected. What is younger may still be about to.
const SILENT_MIN: Duration = Duration::from_millis(250);
/// Clients keep a connection for their next request. One that rested so long goes before somebody new is turned away.
const RESTING_MIN: Duration = Duration::from_secs(5);
/// One part of the places in so many is made free at once, so that a flood does not cost a look at all of them each time.
const FREED_PART: usize = 16;
/// Connections that were told to go and have not gone yet, at most one for so many places.
const LEAVING_PART: usize = 4;

/// What a connection does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Doing {
    /// It has not sent a request yet.
    Silent,
    /// A request of it is under way, or its answer is being sent.
    Busy,
    /// Its requests are answered.
    Resting,
}

/// What a connection does, and since when.
#[derive(Debug, Clone, Copy)]
struct Standing {
    doing: Doing,
    since: Instant,
}

impl Standing {
    /// Says how urgently it should go: the greatest first. None if it may stay.
    fn leaves(self, now: Instant) -> Option<(bool, Duration)> {
        let age = now.saturating_duration_since(self.since);
        match self.doing {
            Doing::Busy => None,
            Doing::Silent => (age >= SILENT_MIN).then_some((true, age)),
            Doing::Resting => (age >= RESTING_MIN).then_some((false, age)),
        }
    }
}

/// One connection.
#[derive(Debug)]
struct Seat {
    other_end: OtherEnd,
    /// Locked only to look at it or to change it.
    standing: Mutex<Standing>,
    /// Notified once, when it has to go.
    leave: Notify,
}

impl Seat {
    fn standing(&self) -> MutexGuard<'_, Standing> {
        // One value, set in one step: a panic leaves nothing half done.
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stand(&self, doing: Doing) {
        let since = Instant::now();
        *self.standing() = Standing { doing, since };
    }
}

/// All connections of a host; clones are the same crowd.
#[derive(Debug, Clone)]
pub(crate) struct Crowd {
    limit: usize,
    seats: Arc<Mutex<Seats>>,
    /// Connections that have lost their place and not ended yet.
    leaving: Arc<AtomicUsize>,
}

#[derive(Debug, Default)]
struct Seats {
    next: u64,
    taken: HashMap<u64, Arc<Seat>>,
}

/// The place of one connection; free again when it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    crowd: Crowd,
    number: u64,
    seat: Arc<Seat>,
}

/// What came of asking for a place.
#[derive(Debug)]
pub(crate) enum Seated {
    /// There was one.
    Yes(Place),
    /// These had to go for it, of as many as were silent or at rest in all.
    MadeRoom(Place, Vec<OtherEnd>),
    /// Everybody is busy, or has just come.
    No,
}

impl Crowd {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            limit,
            seats: Arc::default(),
            leaving: Arc::default(),
        }
    }

    /// Gives a connection a place, and takes those of others away if all are taken.
    pub(crate) fn seat(&self, other_end: OtherEnd) -> Seated {
        let mut seats = self.seats();
        let gone = if seats.taken.len() < self.limit {
            Vec::new()
        } else {
            self.make_room(&mut seats, Instant::now())
        };
        if seats.taken.len() >= self.limit {
            return Seated::No;
        }
        let place = self.take(&mut seats, other_end);
        if gone.is_empty() {
            Seated::Yes(place)
        } else {
            Seated::MadeRoom(place, gone)
        }
    }

    fn take(&self, seats: &mut Seats, other_end: OtherEnd) -> Place {
        let seat = Arc::new(Seat {
            other_end,
            standing: Mutex::new(Standing {
                doing: Doing::Silent,
                since: Instant::now(),
            }),
            leave: Notify::new(),
        });
        let number = seats.next;
        seats.next += 1;
        seats.taken.insert(number, Arc::clone(&seat));
        Place {
            crowd: self.clone(),
            number,
            seat,
        }
    }

    /// Tells those who are least in need of their places to go; returns them.
    fn make_room(&self, seats: &mut Seats, now: Instant) -> Vec<OtherEnd> {
        if self.leaving.load(Ordering::Relaxed) >= self.limit.div_ceil(LEAVING_PART) {
            return Vec::new();
        }
        let mut in_the_way: Vec<_> = seats
            .taken
            .iter()
            .filter_map(|(number, seat)| Some((seat.standing().leaves(now)?, *number)))
            .collect();
        in_the_way.sort_unstable_by(|one, other| other.cmp(one));
        in_the_way.truncate(self.limit.div_ceil(FREED_PART));
        let gone = in_the_way
            .into_iter()
            .filter_map(|(_, number)| seats.taken.remove(&number));
        gone.map(|seat| {
            self.leaving.fetch_add(1, Ordering::Relaxed);
            seat.leave.notify_one();
            seat.other_end
        })
        .collect()
    }

    fn seats(&self) -> MutexGuard<'_, Seats> {
        // A panic elsewhere leaves at worst one place taken.
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Waits until the connection has to go.
    pub(crate) async fn is_to_leave(&self) {
        self.seat.leave.notified().await;
    }

    /// Tells whether it never sent a request.
    pub(crate) fn is_silent(&self) -> bool {
        self.seat.standing().doing == Doing::Silent
    }

    /// Tells whether a request of it is under way.
    pub(crate) fn is_busy(&self) -> bool {
        self.seat.standing().doing == Doing::Busy
    }

    /// What marks the connection as busy when its requests come.
    pub(crate) fn bell(&self) -> Bell {
        Bell(Arc::clone(&self.seat))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.crowd.seats().taken.remove(&self.number).is_none() {
            self.crowd.leaving.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// Tells the crowd that a connection has a request.
#[derive(Debug, Clone)]
pub(crate) struct Bell(Arc<Seat>);

impl Bell {
    /// Marks the connection as busy until the result is dropped.
    pub(crate) fn ring(&self) -> Busy {
        self.0.stand(Doing::Busy);
        Busy(Arc::clone(&self.0))
    }
}

/// A request under way. Dropped when its answer was sent.
#[derive(Debug)]
#[must_use]
pub(crate) struct Busy(Arc<Seat>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.stand(Doing::Resting);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const END: OtherEnd = OtherEnd::Process(None);

    fn seated(crowd: &Crowd, pid: u32) -> Place {
        match crowd.seat(OtherEnd::Process(Some(pid))) {
            Seated::Yes(place) => place,
            other => panic!("{other:?}"),
        }
    }

    fn since(place: &Place, doing: Doing, age: Duration) {
        let since = Instant::now().checked_sub(age).unwrap();
        *place.seat.standing() = Standing { doing, since };
    }

    #[test]
    fn who_never_asked_goes_first_and_then_who_rested_longest() {
        let crowd = Crowd::new(3);
        let mut places = [1, 2, 3].map(|pid| Some(seated(&crowd, pid)));
        let rested = [
            (Doing::Resting, 2 * RESTING_MIN),
            (Doing::Resting, 3 * RESTING_MIN),
            (Doing::Silent, SILENT_MIN),
        ];
        for (place, (doing, age)) in places.iter().flatten().zip(rested) {
            since(place, doing, age);
        }
        let mut newcomers = Vec::new();
        for pid in [3, 2, 1] {
            let Seated::MadeRoom(newcomer, gone) = crowd.seat(END) else {
                panic!("{pid} may go")
            };
            assert_eq!(gone, [OtherEnd::Process(Some(pid))]);
            newcomers.push(newcomer);
            places[pid as usize - 1] = None;
        }
        assert!(matches!(crowd.seat(END), Seated::No), "all are new");
    }

    #[test]
    fn nobody_goes_who_is_busy_or_has_just_come() {
        let crowd = Crowd::new(3);
        let places = [1, 2, 3].map(|pid| seated(&crowd, pid));
        since(&places[0], Doing::Busy, 100 * RESTING_MIN);
        since(&places[1], Doing::Resting, RESTING_MIN / 2);
        assert!(matches!(crowd.seat(END), Seated::No));
        drop(places);
        assert!(matches!(crowd.seat(END), Seated::Yes(_)));
    }

    #[test]
    fn those_who_were_told_to_go_and_stay_do_not_become_more_and_more() {
        let crowd = Crowd::new(4);
        let places = [1, 2, 3, 4].map(|pid| seated(&crowd, pid));
        for place in &places {
            since(place, Doing::Silent, SILENT_MIN);
        }
        let Seated::MadeRoom(new, _) = crowd.seat(END) else {
            panic!("one may go")
        };
        assert!(matches!(crowd.seat(END), Seated::No), "one is on its way");
        drop(places);
        drop(new);
        assert_eq!(crowd.leaving.load(Ordering::Relaxed), 0);
        assert!(crowd.seats().taken.is_empty());
    }

    #[test]
    fn a_connection_is_busy_while_its_answer_is_on_its_way() {
        let crowd = Crowd::new(1);
        let place = seated(&crowd, 1);
        assert!(place.is_silent());
        let busy = place.bell().ring();
        assert!(place.is_busy());
        drop(busy);
        assert!(!place.is_busy() && !place.is_silent());
    }
}
