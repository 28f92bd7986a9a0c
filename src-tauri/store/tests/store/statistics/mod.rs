//! Statistics: exact with many instances, after deaths, and whatever happens to their file.

mod files;
mod past;
mod sums;

use std::path::{Path, PathBuf};
use std::time::Duration;

use commonplace_lock::InstanceId;
use commonplace_store::statistics::{
    Acquired, Event, Figures, HistoryPoint, RequestEnd, Span, Statistics, TurnEnd, Written,
};

const NOW_MS: i64 = 1_800_000_000_000;

const DAY_MS: i64 = 24 * 3_600_000;

/// An instance with its statistics.
struct Instance {
    id: InstanceId,
    statistics: Statistics,
}

fn instance(store: &Path) -> Instance {
    let id = InstanceId::random();
    let statistics = Statistics::new(store, &id);
    Instance { id, statistics }
}

impl Instance {
    fn figures(&self) -> Figures {
        self.statistics.figures(NOW_MS, &|_| true)
    }

    /// The sums as an instance sees them that is the only one alive.
    fn figures_alone(&self) -> Figures {
        self.statistics.figures(NOW_MS, &|id| *id == self.id)
    }

    fn history(&self, from_ms: i64, to_ms: i64, points_max: usize) -> Vec<HistoryPoint> {
        let span = Span {
            from_ms,
            to_ms,
            points_max,
        };
        self.statistics.history(span, NOW_MS)
    }
}

fn database(store: &Path) -> PathBuf {
    store.join("statistics/statistics.db")
}

fn journals(store: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(store.join("statistics")).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .filter(|path| path.extension().is_some_and(|ending| ending == "journal"))
        .collect()
}

fn us(time: u64) -> Duration {
    Duration::from_micros(time)
}

fn turn(at_ms: i64, hold: Duration) -> Event {
    Event::Acquired(Acquired {
        at_ms,
        lock_wait: hold / 10,
        hold,
        commit: hold / 2,
        end: TurnEnd::Committed,
        is_contended: false,
        is_slow: false,
        client: "claude-code".to_owned(),
        kind: "store".to_owned(),
        requests: 1,
        epoch: 1,
    })
}

fn write(at_ms: i64, client: &str, end: RequestEnd, wait: Duration) -> Event {
    Event::Written(Written {
        at_ms,
        client: client.to_owned(),
        kind: "store".to_owned(),
        end,
        is_internal: false,
        is_throttled: end == RequestEnd::QueueFull,
        queue_wait: Some(wait),
        lock_wait: Some(wait / 2),
        total: wait * 2,
        queue_length: 3,
        is_slow: false,
        holder: String::new(),
    })
}
