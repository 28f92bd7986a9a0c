//! A fair queue: in which order the requests of several clients are begun, and who gets in when it is nearly full. No
//! threads, no clock.
//!
//! The rule of order: requests are begun in the order they came, as long as no client has more than [`SHARE`] of them
//! waiting. What a client sends beyond that goes into the next round, its next [`SHARE`] into the round after, and so on;
//! a round is begun when the one before it is through, and a client that comes meanwhile joins the round under way. So a
//! request of a client within its share waits for at most [`SHARE`] requests of each other client, however many those
//! have sent; the requests of one client keep their order; and a client that is alone is served first in, first out.
//! Rounds cannot be put off for ever by many busy clients: the next one is opened after [`ROUND_REQUESTS_MAX`] requests.
//!
//! The rule of places: anybody may use up the limit. A quarter more is kept for clients that hold less than the limit
//! divided by the number of clients, so that nobody is refused because somebody else filled the queue.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::origin::Origin;

/// Requests of one client that wait in one round: an eighth of the largest commit.
pub(crate) const SHARE: usize = 32;
/// Requests begun in one round before the next is opened, although some of this one still wait: one commit.
const ROUND_REQUESTS_MAX: usize = 256;

/// The place of a request in the order of service; the smaller comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position {
    round: u64,
    /// Counts the requests that were accepted, from 1.
    pub(crate) number: u64,
}

/// What an accepted request holds until it is answered: its position, and a place counted for its client.
#[derive(Debug)]
pub(crate) struct Ticket {
    pub(crate) client: Arc<Origin>,
    pub(crate) position: Position,
}

/// Tells that a client may have no more places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NoRoom {
    /// Requests that hold a place.
    pub(crate) length: usize,
    /// Of these, the client's own.
    pub(crate) own: usize,
}

/// The request that is begun next.
#[derive(Debug)]
pub(crate) struct Next<T> {
    pub(crate) item: T,
    /// Whether a request that came later went first.
    pub(crate) is_throttled: bool,
}

/// Waiting requests in order, and what each client holds.
#[derive(Debug)]
pub(crate) struct FairQueue<T> {
    waiting: BTreeMap<Position, Waiting<T>>,
    clients: HashMap<Arc<Origin>, ClientShare>,
    /// Requests that hold a place: accepted and not yet answered.
    length: usize,
    /// Requests ever accepted.
    accepted: u64,
    /// The round under way, and how many requests were begun in it.
    round: u64,
    begun_in_round: usize,
    /// The largest number that was ever begun.
    last_number: u64,
}

#[derive(Debug)]
struct Waiting<T> {
    client: Arc<Origin>,
    item: T,
    /// Whether it was begun before and sent back.
    is_again: bool,
}

/// One client that holds places.
#[derive(Debug, Default)]
struct ClientShare {
    /// Accepted and not yet answered.
    places: usize,
    waiting: usize,
    /// The round of its last request, and how many of that round wait.
    round: u64,
    waiting_in_round: usize,
}

impl<T> Default for FairQueue<T> {
    fn default() -> Self {
        Self {
            waiting: BTreeMap::new(),
            clients: HashMap::new(),
            length: 0,
            accepted: 0,
            round: 0,
            begun_in_round: 0,
            last_number: 0,
        }
    }
}

impl<T> FairQueue<T> {
    /// Gives a request of `client` a place and its position, or says how many places the client holds already.
    ///
    /// The ticket must come back by [`FairQueue::done`].
    pub(crate) fn accept(&mut self, client: &Origin, limit: usize) -> Result<Ticket, NoRoom> {
        let known = self.clients.get_key_value(client);
        let own = known.map_or(0, |(_, share)| share.places);
        if !self.has_place(own, limit) {
            let length = self.length;
            return Err(NoRoom { length, own });
        }
        let client = known.map_or_else(|| Arc::new(client.clone()), |(key, _)| Arc::clone(key));
        self.length += 1;
        self.accepted += 1;
        let share = self.clients.entry(Arc::clone(&client)).or_default();
        share.places += 1;
        let position = Position {
            round: share.next_round(self.round),
            number: self.accepted,
        };
        Ok(Ticket { client, position })
    }

    fn has_place(&self, own: usize, limit: usize) -> bool {
        if self.length < limit {
            return true;
        }
        let clients = self.clients.len() + usize::from(own == 0);
        own < (limit / clients).max(1) && clients > 1 && self.length < limit + reserve(limit)
    }

    /// Lets a request wait at its position: in front of those that came after it, also if it was begun before.
    pub(crate) fn wait(&mut self, ticket: &Ticket, item: T) {
        let is_again = ticket.position.number <= self.last_number;
        let share = self.clients.entry(Arc::clone(&ticket.client)).or_default();
        share.waiting += 1;
        share.waiting_in_round += usize::from(share.round == ticket.position.round);
        let client = Arc::clone(&ticket.client);
        let waiting = Waiting {
            client,
            item,
            is_again,
        };
        self.waiting.insert(ticket.position, waiting);
    }

    /// Takes the request at the front; it keeps its place.
    pub(crate) fn next(&mut self) -> Option<Next<T>> {
        let (position, waiting) = self.waiting.pop_first()?;
        self.stop_waiting(&waiting.client, position);
        self.count_in_round(position);
        let is_throttled = position.number < self.last_number && !waiting.is_again;
        self.last_number = self.last_number.max(position.number);
        Some(Next {
            item: waiting.item,
            is_throttled,
        })
    }

    /// Takes a request out that waits no more; None if it did not wait.
    pub(crate) fn give_up(&mut self, ticket: &Ticket) -> Option<T> {
        let waiting = self.waiting.remove(&ticket.position)?;
        self.stop_waiting(&waiting.client, ticket.position);
        Some(waiting.item)
    }

    /// Frees the place of a request that was answered or given up.
    pub(crate) fn done(&mut self, ticket: &Ticket) {
        self.length -= 1;
        let Some(share) = self.clients.get_mut(&ticket.client) else {
            return;
        };
        share.places -= 1;
        if share.places == 0 {
            self.clients.remove(&ticket.client);
        }
    }

    fn stop_waiting(&mut self, client: &Arc<Origin>, position: Position) {
        if let Some(share) = self.clients.get_mut(client) {
            share.waiting -= 1;
            share.waiting_in_round -= usize::from(share.round == position.round);
        }
    }

    fn count_in_round(&mut self, begun: Position) {
        let is_next = begun.round > self.round;
        let later_wait = self
            .waiting
            .last_key_value()
            .is_some_and(|(position, _)| position.round > self.round);
        if is_next || (later_wait && self.begun_in_round >= ROUND_REQUESTS_MAX) {
            self.round = begun.round.max(self.round + 1);
            self.begun_in_round = 0;
        }
        self.begun_in_round += 1;
    }

    /// Requests that hold a place.
    pub(crate) fn length(&self) -> usize {
        self.length
    }

    /// Requests that wait.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// The request that is begun next.
    pub(crate) fn front(&self) -> Option<&T> {
        self.waiting
            .first_key_value()
            .map(|(_, waiting)| &waiting.item)
    }

    /// The waiting request that came first; over-share requests make it another than the front.
    pub(crate) fn oldest(&self) -> Option<&T> {
        self.waiting
            .iter()
            .min_by_key(|(position, _)| position.number)
            .map(|(_, waiting)| &waiting.item)
    }

    /// The requests that wait, in the order of service.
    pub(crate) fn in_order(&self) -> impl Iterator<Item = &T> {
        self.waiting.values().map(|waiting| &waiting.item)
    }

    /// How many requests are before this one. Looks at all of them.
    pub(crate) fn ahead_of(&self, position: Position) -> usize {
        self.waiting.range(..position).count()
    }

    /// How many requests of this client wait.
    pub(crate) fn waiting_of(&self, client: &Origin) -> usize {
        self.clients.get(client).map_or(0, |share| share.waiting)
    }

    /// Clients that hold a place.
    pub(crate) fn clients(&self) -> usize {
        self.clients.len()
    }

    /// The client with the most requests waiting, if that is more than its share.
    pub(crate) fn over_share(&self) -> Option<(Arc<Origin>, usize)> {
        let (client, share) = self.clients.iter().max_by_key(|(_, share)| share.waiting)?;
        (share.waiting > SHARE).then(|| (Arc::clone(client), share.waiting))
    }
}

/// Places beyond the limit, kept for clients that hold less than their part.
fn reserve(limit: usize) -> usize {
    (limit / 4).max(1)
}

impl ClientShare {
    /// Says in which round the next request of this client waits: this one, or a later one if its share is used up.
    fn next_round(&mut self, now: u64) -> u64 {
        if self.round < now {
            self.round = now;
            self.waiting_in_round = 0;
        } else if self.waiting_in_round >= SHARE {
            self.round += 1;
            self.waiting_in_round = 0;
        }
        self.round
    }
}

#[cfg(test)]
mod tests {
    use commonplace_api::Transport;
    use commonplace_testing::Chance;

    use super::*;

    fn client(name: &str) -> Origin {
        Origin::new(name, Transport::Http)
    }

    /// Accepts a request and lets it wait; its item is its number.
    fn ask(queue: &mut FairQueue<u64>, name: &str) -> Ticket {
        let ticket = queue.accept(&client(name), usize::MAX / 8).unwrap();
        queue.wait(&ticket, ticket.position.number);
        ticket
    }

    fn drain(queue: &mut FairQueue<u64>) -> Vec<u64> {
        std::iter::from_fn(|| queue.next().map(|next| next.item)).collect()
    }

    #[test]
    fn a_client_alone_is_served_in_order_however_much_it_sends() {
        let mut queue = FairQueue::default();
        (0..1000).for_each(|_| drop(ask(&mut queue, "a")));
        assert_eq!(drain(&mut queue), (1..=1000).collect::<Vec<_>>());
    }

    #[test]
    fn clients_within_their_share_are_served_in_the_order_they_came() {
        let mut queue = FairQueue::default();
        for name in ["a", "b", "a", "c", "b", "a", "c", "c"].repeat(10) {
            ask(&mut queue, name);
        }
        assert_eq!(drain(&mut queue), (1..=80).collect::<Vec<_>>());
    }

    #[test]
    fn a_request_waits_for_one_share_of_a_client_that_floods() {
        let mut queue = FairQueue::default();
        (0..900).for_each(|_| drop(ask(&mut queue, "flood")));
        let calm = ask(&mut queue, "calm");
        assert_eq!(queue.ahead_of(calm.position), SHARE);
        let order = drain(&mut queue);
        assert_eq!(order[SHARE], calm.position.number);
        let flood: Vec<u64> = order.into_iter().filter(|number| *number <= 900).collect();
        assert_eq!(flood, (1..=900).collect::<Vec<_>>(), "its own order stays");
    }

    #[test]
    fn only_a_request_that_let_others_past_counts_as_throttled() {
        let mut queue = FairQueue::default();
        let flood: Vec<Ticket> = (0..40).map(|_| ask(&mut queue, "flood")).collect();
        for begun in [queue.next().unwrap().item, queue.next().unwrap().item] {
            queue.wait(&flood[begun as usize - 1], begun);
        }
        ask(&mut queue, "calm");
        let throttled: Vec<u64> = std::iter::from_fn(|| queue.next())
            .filter(|next| next.is_throttled)
            .map(|next| next.item)
            .collect();
        assert_eq!(
            throttled,
            (33..=40).collect::<Vec<_>>(),
            "those over the share, and not those that were sent back"
        );
    }

    #[test]
    fn a_client_over_its_share_is_never_put_off_for_ever() {
        let mut queue = FairQueue::default();
        let last = (0..100).map(|_| ask(&mut queue, "flood")).last().unwrap();
        let names: Vec<String> = (0..10).map(|number| format!("calm {number}")).collect();
        let mut tickets = HashMap::new();
        for name in &names {
            let ticket = ask(&mut queue, name);
            tickets.insert(ticket.position.number, ticket);
        }
        // Whoever is served asks again at once, so that somebody within his share always waits.
        for begun in 1.. {
            let item = queue.next().expect("somebody always waits").item;
            if item == last.position.number {
                break;
            }
            assert!(begun < 2_000, "the flooding client starves");
            if let Some(ticket) = tickets.remove(&item) {
                let again = ask(&mut queue, &ticket.client.client);
                queue.done(&ticket);
                tickets.insert(again.position.number, again);
            }
        }
    }

    #[test]
    fn a_client_that_fills_the_queue_is_refused_while_others_get_in() {
        let mut queue: FairQueue<()> = FairQueue::default();
        let mut accept = |name: &str| queue.accept(&client(name), 8).map(|_| ());
        (0..8).for_each(|_| accept("flood").expect("alone it may use all places"));
        let refused = Err(NoRoom { length: 8, own: 8 });
        assert_eq!(accept("flood"), refused);
        accept("calm").expect("the kept places are for those who hold few");
        assert_eq!(accept("flood"), Err(NoRoom { length: 9, own: 8 }));
        accept("calm").expect("two of eight are less than half");
        let full = Err(NoRoom { length: 10, own: 2 });
        assert_eq!(accept("calm"), full, "the kept places end too");
    }

    /// What a random run knows about the requests that wait, in the order they came.
    #[derive(Default)]
    struct Model {
        waiting: Vec<Ticket>,
        begun: Vec<Ticket>,
    }

    impl Model {
        fn waiting_of(&self, name: &str) -> usize {
            let own = |ticket: &&Ticket| ticket.client.client == name;
            self.waiting.iter().filter(own).count()
        }

        fn places(&self) -> usize {
            self.waiting.len() + self.begun.len()
        }

        fn take(&mut self, number: u64) -> Ticket {
            let place = self
                .waiting
                .iter()
                .position(|ticket| ticket.position.number == number)
                .expect("only what waits is begun, and once");
            self.waiting.remove(place)
        }
    }

    const LIMIT: usize = 400;

    fn random_step(chance: &mut Chance, queue: &mut FairQueue<u64>, model: &mut Model) {
        match chance.below(10) {
            0..=4 => {
                // The first of five names asks as often as the others together.
                let name = ["a", "a", "a", "a", "b", "c", "d", "e"][chance.below(8)];
                match queue.accept(&client(name), LIMIT) {
                    Ok(ticket) => {
                        queue.wait(&ticket, ticket.position.number);
                        model.waiting.push(ticket);
                    }
                    Err(none) => {
                        assert!(model.places() >= LIMIT, "refused with room left");
                        assert_eq!(none.length, model.places());
                    }
                }
            }
            5..=7 => begin(queue, model),
            8 if !model.begun.is_empty() => {
                let ticket = model.begun.remove(chance.below(model.begun.len()));
                queue.done(&ticket);
            }
            8 => {}
            _ if !model.begun.is_empty() && chance.below(4) == 0 => {
                for ticket in model.begun.drain(..) {
                    queue.wait(&ticket, ticket.position.number);
                    model.waiting.push(ticket);
                }
                model.waiting.sort_by_key(|ticket| ticket.position.number);
            }
            _ if !model.waiting.is_empty() => {
                let ticket = model.waiting.remove(chance.below(model.waiting.len()));
                assert_eq!(queue.give_up(&ticket), Some(ticket.position.number));
                assert_eq!(queue.give_up(&ticket), None, "only once");
                queue.done(&ticket);
            }
            _ => {}
        }
    }

    fn begin(queue: &mut FairQueue<u64>, model: &mut Model) {
        let Some(next) = queue.next() else {
            assert!(model.waiting.is_empty(), "a waiting request was lost");
            return;
        };
        let ticket = model.take(next.item);
        let own_before = |other: &&Ticket| {
            other.client == ticket.client && other.position.number < ticket.position.number
        };
        assert_eq!(
            model.waiting.iter().find(own_before).map(|t| t.position),
            None,
            "the requests of one client keep their order"
        );
        model.begun.push(ticket);
    }

    #[test]
    fn whatever_happens_nothing_is_lost_and_each_client_keeps_its_order() {
        for seed in 1..=20 {
            let mut chance = Chance::seeded(seed);
            let (mut queue, mut model) = (FairQueue::default(), Model::default());
            for _ in 0..3_000 {
                random_step(&mut chance, &mut queue, &mut model);
                assert_eq!(queue.length(), model.places());
                assert_eq!(queue.waiting(), model.waiting.len());
                for name in ["a", "b", "c", "d", "e"] {
                    assert_eq!(queue.waiting_of(&client(name)), model.waiting_of(name));
                }
                assert!(queue.length() <= LIMIT + reserve(LIMIT));
            }
            while queue.waiting() > 0 {
                begin(&mut queue, &mut model);
            }
            model.begun.iter().for_each(|ticket| queue.done(ticket));
            assert_eq!((queue.length(), queue.clients()), (0, 0), "all places free");
        }
    }

    #[test]
    fn beside_a_flood_the_others_keep_their_order() {
        for seed in 1..=20 {
            let mut chance = Chance::seeded(seed);
            let mut queue = FairQueue::default();
            let mut calm = Vec::new();
            for _ in 0..500 {
                (0..chance.below(4)).for_each(|_| drop(ask(&mut queue, "flood")));
                let name = ["b", "c", "d"][chance.below(3)];
                if queue.waiting_of(&client(name)) < SHARE {
                    calm.push(ask(&mut queue, name).position.number);
                }
                if chance.below(3) == 0 {
                    let next = queue.next().expect("somebody waits").item;
                    if calm.contains(&next) {
                        assert_eq!(calm.remove(0), next, "first come, first served");
                    }
                }
            }
        }
    }
}
