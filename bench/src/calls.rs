//! What came of calls: how long each took, and what failed.

use crate::client::Called;
use crate::samples::Samples;

/// What came of calls of one kind.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    /// One time for each call, also for those that failed.
    pub(crate) times: Samples,
    pub(crate) failed: usize,
    /// What the first of them was told.
    pub(crate) first_error: Option<String>,
}

impl Calls {
    /// Counts one more; returns whether it succeeded.
    pub(crate) fn add(&mut self, called: Called) -> bool {
        self.times.push(called.took);
        let Err(error) = called.text else {
            return true;
        };
        self.failed += 1;
        self.first_error.get_or_insert(error);
        false
    }

    /// Adds those of another client.
    pub(crate) fn join(&mut self, other: Self) {
        self.times.join(other.times);
        self.failed += other.failed;
        self.first_error = self.first_error.take().or(other.first_error);
    }

    /// The same for calls whose times are not of interest.
    pub(crate) fn join_failures(&mut self, mut other: Self) {
        other.times = Samples::default();
        self.join(other);
    }

    /// Says in words what failed, if anything did.
    pub(crate) fn complaint(&self, what: &str) -> Option<String> {
        let (failed, first) = (self.failed, self.first_error.as_ref()?);
        Some(format!("{what}: {failed} failed, the first with: {first}"))
    }
}
