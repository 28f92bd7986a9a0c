//! The hosts of a run: several on one store, each in a place of its own where it can be killed, frozen and started again.

use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use crate::client::Client;
use crate::signals;
use crate::support::{HANG, Host, command};

/// How long to look elsewhere before a place is looked at again.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// The variable that wishes something to happen at a named point.
pub(crate) const WISH: &str = "COMMONPLACE_FAIL_POINT";

/// Several hosts on one store.
pub(crate) struct Hosts {
    dir: PathBuf,
    /// Variables that every host gets.
    environment: Vec<(String, String)>,
    /// Who runs in each place; locked for moments only.
    places: Mutex<Vec<Option<Host>>>,
    changed: Condvar,
}

/// A host as a client finds it.
pub(crate) struct Target {
    pub(crate) pid: u32,
    pub(crate) client: Client,
}

impl Hosts {
    /// Starts `count` hosts.
    pub(crate) fn start(dir: &Path, count: usize, environment: &[(String, String)]) -> Self {
        let hosts = Self {
            dir: dir.to_owned(),
            environment: environment.to_vec(),
            places: Mutex::new((0..count).map(|_| None).collect()),
            changed: Condvar::new(),
        };
        (0..count).for_each(|place| hosts.begin(place, &[]).expect("the host starts"));
        hosts
    }

    fn places(&self) -> MutexGuard<'_, Vec<Option<Host>>> {
        self.places.lock().expect("nobody panics with it")
    }

    /// Starts a host in an empty place; Err is what it said if it did not get ready. Wishes for named points add up.
    pub(crate) fn begin(&self, place: usize, more: &[(String, String)]) -> Result<(), String> {
        let mut command = command(&self.dir, &["serve", "--port", "0"]);
        command.envs(self.environment.iter().cloned());
        for (name, value) in more {
            let all = self
                .environment
                .iter()
                .find(|(known, _)| known == name && name == WISH);
            let value = all.map_or_else(|| value.clone(), |(_, all)| format!("{all},{value}"));
            command.env(name, value);
        }
        let host = Host::try_start(&mut command, &self.dir)?;
        self.places()[place] = Some(host);
        self.changed.notify_all();
        Ok(())
    }

    /// Takes the host out of its place, so that no new client finds it.
    pub(crate) fn take(&self, place: usize) -> Option<Host> {
        self.places()[place].take()
    }

    /// Takes out the hosts that have ended by themselves, and returns their places.
    pub(crate) fn take_ended(&self) -> Vec<usize> {
        let mut places = self.places();
        let all = places.iter_mut().enumerate();
        let ended = all.filter_map(|(place, host)| {
            let has_ended = host.as_mut().is_some_and(Host::has_ended);
            has_ended.then(|| {
                *host = None;
                place
            })
        });
        ended.collect()
    }

    /// Returns the process in a place.
    pub(crate) fn pid(&self, place: usize) -> Option<u32> {
        self.places()[place].as_ref().map(|host| host.pid)
    }

    /// Returns how many places there are.
    pub(crate) fn places_count(&self) -> usize {
        self.places().len()
    }

    /// Returns how many run.
    pub(crate) fn running(&self) -> usize {
        self.places().iter().flatten().count()
    }

    /// Calls `with` for each running host.
    pub(crate) fn each(&self, with: impl FnMut(&Host)) {
        self.places().iter().flatten().for_each(with);
    }

    /// Returns the host at `home`, or another if that one is away or was tried in vain; waits while there is none.
    pub(crate) fn target(&self, home: usize, tried_in_vain: Option<u32>) -> Target {
        let until = Instant::now() + HANG;
        let mut places = self.places();
        loop {
            let count = places.len();
            let in_turn = (0..count).map(|step| (home + step) % count);
            let found = in_turn
                .filter_map(|place| places[place].as_ref())
                .find(|host| Some(host.pid) != tried_in_vain);
            if let Some(host) = found {
                return Target {
                    pid: host.pid,
                    client: host.client(),
                };
            }
            assert!(Instant::now() < until, "no host has run for {HANG:?}");
            let waited = self.changed.wait_timeout(places, LOOK_AGAIN);
            places = waited.expect("nobody panics with it").0;
            // It may have been started again, or be the only one.
            if places.iter().flatten().count() == 1 {
                let host = places.iter().flatten().next().expect("there is one");
                return Target {
                    pid: host.pid,
                    client: host.client(),
                };
            }
        }
    }

    /// Stops all hosts, in an orderly way those for which `is_orderly` says so.
    pub(crate) fn end(&self, mut is_orderly: impl FnMut() -> bool) {
        let hosts: Vec<Host> = self.places().iter_mut().filter_map(Option::take).collect();
        for mut host in hosts {
            signals::thaw(host.pid);
            if is_orderly() {
                signals::stop(&mut host);
            } else {
                host.kill();
            }
        }
    }
}
