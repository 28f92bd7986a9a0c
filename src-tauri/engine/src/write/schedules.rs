//! The write queue under many orders of its threads, each of them decided by a scheduler.
//!
//! Each scenario runs under a random scheduler, and under one that changes priorities at a few moments (PCT), which
//! finds orders that are rare. A schedule in which every thread sleeps fails. COMMONPLACE_SCHEDULES=N tries N of each
//! instead of a thousand.

use std::sync::Arc;

use commonplace_api::Transport;
use commonplace_lock::InstanceId;
use commonplace_store::{Filter, Stamp, WriteOp};
use shuttle::thread;
use tokio::sync::oneshot;

use crate::origin::Origin;
use crate::request::RequestError;
use crate::write::queue::{Answer, NotAccepted, Slot, WriteQueue};
use crate::write::sync::{Condvar, Mutex};

/// Schedules for each scenario and scheduler; a few seconds in all.
const SCHEDULES: usize = 1_000;
/// Moments at which PCT changes priorities.
const PCT_DEPTH: usize = 3;
/// Requests that the writer takes into one commit.
const BATCH_MAX: usize = 2;

fn under_many_schedules(scenario: fn(&InstanceId)) {
    let asked = std::env::var("COMMONPLACE_SCHEDULES").ok();
    let schedules = asked.map_or(SCHEDULES, |n| n.parse().expect("a number of schedules"));
    let (instance, other) = (InstanceId::random(), InstanceId::random());
    shuttle::check_random(move || scenario(&instance), schedules);
    shuttle::check_pct(move || scenario(&other), schedules, PCT_DEPTH);
}

/// A queue, and everything that has happened to its requests.
struct Scene {
    queue: WriteQueue,
    /// Requests in the order in which they were answered.
    answered: Mutex<Vec<String>>,
    /// Signalled when a request was answered.
    changed: Condvar,
}

/// How a request ended for its client.
#[derive(Debug, PartialEq, Eq)]
enum End {
    GivenUp,
    /// Its answer comes, or has come.
    Begun,
}

/// An accepted request.
struct Accepted {
    id: String,
    end: End,
    answer: oneshot::Receiver<Answer>,
}

impl Scene {
    fn new(instance: &InstanceId, limit: usize) -> Arc<Self> {
        Arc::new(Self {
            queue: WriteQueue::new(instance.clone(), limit),
            answered: Mutex::new(Vec::new()),
            changed: Condvar::new(),
        })
    }

    fn push(&self, client: &str) -> Result<(Arc<Slot>, oneshot::Receiver<Answer>), NotAccepted> {
        let client = Origin::new(client, Transport::Http);
        let op = WriteOp::Delete(Filter::default());
        self.queue.push(&client, op, Stamp::default())
    }

    /// Asks for a write and waits for its answer.
    fn ask(&self, client: &str) -> Option<Accepted> {
        let (slot, answer) = self.push(client).ok()?;
        let id = slot.id.to_string();
        self.wait_for(&id);
        let end = End::Begun;
        Some(Accepted { id, end, answer })
    }

    /// Asks for a write and gives it up, if its commit has not begun.
    fn ask_and_give_up(&self, client: &str) -> Option<Accepted> {
        let (slot, answer) = self.push(client).ok()?;
        thread::yield_now();
        let is_given_up = self.queue.give_up(&slot);
        if is_given_up {
            assert!(!self.queue.give_up(&slot), "only once");
        }
        let end = if is_given_up {
            End::GivenUp
        } else {
            End::Begun
        };
        let id = slot.id.to_string();
        if end == End::Begun {
            self.wait_for(&id);
        }
        Some(Accepted { id, end, answer })
    }

    /// Sleeps until the request is answered, as its client does.
    fn wait_for(&self, id: &str) {
        let mut answered = self.answered.lock().unwrap();
        while !answered.iter().any(|other| other == id) {
            answered = self.changed.wait(answered).unwrap();
        }
    }

    /// Does what the writer thread does; the first `failures` transactions fail and are tried again.
    fn write_all(&self, mut failures: usize) {
        while self.queue.wait() {
            let batch: Vec<_> = std::iter::from_fn(|| self.queue.begin_next())
                .take(BATCH_MAX)
                .collect();
            thread::yield_now();
            if failures > 0 && !batch.is_empty() {
                failures -= 1;
                self.queue.put_back(batch);
                continue;
            }
            for slot in batch {
                self.queue.answer(&slot, Err(RequestError::ShuttingDown));
                self.answered.lock().unwrap().push(slot.id.to_string());
                self.changed.notify_all();
            }
        }
    }

    /// Checks that each request ended once, and that nothing is left.
    fn check(&self, accepted: Vec<Accepted>) {
        let answered = self.answered.lock().unwrap();
        for mut request in accepted {
            let answers = answered.iter().filter(|id| **id == request.id).count();
            let has_answer = request.answer.try_recv().is_ok();
            match request.end {
                End::GivenUp => assert_eq!((answers, has_answer), (0, false), "{}", request.id),
                End::Begun => assert_eq!((answers, has_answer), (1, true), "{}", request.id),
            }
        }
        assert_eq!(self.queue.len(), 0, "every place was given back");
        assert!(!self.queue.is_waiting() && self.queue.begin_next().is_none());
    }

    /// Where this request stands among the answered ones.
    fn place(&self, request: &Accepted) -> Option<usize> {
        self.answered
            .lock()
            .unwrap()
            .iter()
            .position(|id| *id == request.id)
    }
}

/// Runs `work` of the scene on a thread.
fn start<T: Send + 'static>(
    scene: &Arc<Scene>,
    work: impl FnOnce(&Scene) -> T + Send + 'static,
) -> thread::JoinHandle<T> {
    let scene = Arc::clone(scene);
    thread::spawn(move || work(&scene))
}

/// Clients ask, one gives up, a transaction fails and is tried again; then the queue is closed.
fn clients_come_and_go(instance: &InstanceId) {
    let scene = Scene::new(instance, 10);
    let writer = start(&scene, |scene| scene.write_all(1));
    let clients = [
        start(&scene, |scene| vec![scene.ask("a"), scene.ask("a")]),
        start(&scene, |scene| {
            vec![scene.ask_and_give_up("b"), scene.ask("b")]
        }),
        start(&scene, |scene| vec![scene.ask_and_give_up("c")]),
    ];
    let ended = clients.map(|client| client.join().unwrap());
    scene.queue.close();
    writer.join().unwrap();
    let mut accepted = Vec::new();
    for requests in ended {
        let requests: Vec<_> = requests
            .into_iter()
            .map(|r| r.expect("there is room"))
            .collect();
        let places: Vec<_> = requests.iter().filter_map(|r| scene.place(r)).collect();
        assert!(places.is_sorted(), "one client's requests keep their order");
        accepted.extend(requests);
    }
    scene.check(accepted);
}

/// The queue is closed while clients ask: each is refused or answered.
fn the_queue_is_closed_meanwhile(instance: &InstanceId) {
    let scene = Scene::new(instance, 10);
    let writer = start(&scene, |scene| scene.write_all(1));
    let clients = ["a", "b"].map(|name| {
        start(&scene, move |scene| {
            [scene.ask(name), scene.ask_and_give_up(name)]
        })
    });
    let closing = start(&scene, |scene| scene.queue.close());
    let ended = clients.map(|client| client.join().unwrap());
    closing.join().unwrap();
    writer.join().unwrap();
    assert_eq!(scene.push("late").err(), Some(NotAccepted::Closed));
    scene.check(ended.into_iter().flatten().flatten().collect());
}

/// The limit falls and rises while clients ask: what was accepted stays, what is refused leaves no trace.
fn the_limit_changes_meanwhile(instance: &InstanceId) {
    let scene = Scene::new(instance, 4);
    let writer = start(&scene, |scene| scene.write_all(1));
    let clients = ["a", "b", "c"].map(|name| {
        start(&scene, move |scene| {
            [scene.ask(name), scene.ask_and_give_up(name)]
        })
    });
    let setting = start(&scene, |scene| {
        scene.queue.set_limit(1);
        // A quarter more is kept for those who hold little.
        assert!(
            scene.queue.len() <= 5,
            "never more than the highest limit gives"
        );
        scene.queue.set_limit(4);
    });
    let ended = clients.map(|client| client.join().unwrap());
    setting.join().unwrap();
    scene.queue.close();
    writer.join().unwrap();
    scene.check(ended.into_iter().flatten().flatten().collect());
}

#[test]
fn each_request_ends_once_and_in_order_whatever_the_order_of_threads() {
    under_many_schedules(clients_come_and_go);
}

#[test]
fn a_queue_that_closes_answers_what_it_accepted_whatever_the_order_of_threads() {
    under_many_schedules(the_queue_is_closed_meanwhile);
}

#[test]
fn a_changed_limit_loses_no_request_whatever_the_order_of_threads() {
    under_many_schedules(the_limit_changes_meanwhile);
}
