//! What happened when: the past in steps from a second to an hour, for the charts.
//!
//! Every event is counted in all of them. The coarsest ones that are fine enough are read: a week takes 168 rows.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use rusqlite::{Connection, OptionalExtension as _, named_params};

use super::figures::decoded;
use super::times::Times;
use super::trouble::Trouble;

/// Length of a step in seconds, and how many make the time that is kept: an hour, a day, and seven days three times.
const TIERS: [(i64, i64); 5] = [
    (1, 3_600),
    (10, 8_640),
    (60, 10_080),
    (600, 1_008),
    (3_600, 168),
];

const DAY_S: i64 = 24 * 3_600;

/// How many days of the past can be kept. The most are the default.
pub const HISTORY_DAYS: RangeInclusive<u32> = 1..=7;
/// Longest part of the past that can be read, in milliseconds: seven days.
pub const HISTORY_MS_MAX: i64 = 7 * 24 * 3_600_000;
/// Most points that are read at once.
const POINTS_MAX: i64 = 5_000;

/// What happened in one stretch of time, over all instances.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Moment {
    /// Writes acknowledged.
    pub writes: u64,
    /// Searches and lists.
    pub searches: u64,
    /// Requests that were not carried out, but for those given up by their client.
    pub failures: u64,
    /// Times the write lock was taken.
    pub acquisitions: u64,
    /// Commits: turns with the lock that wrote something.
    pub commits: u64,
    /// Most requests in the queue of an instance.
    pub queue_length_max: u64,
    /// From asking to the start of the commit.
    pub queue_wait: Times,
    /// To get the write lock.
    pub lock_wait: Times,
    /// How long the write lock was held.
    pub hold: Times,
}

/// A [`Moment`] with its place in time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HistoryPoint {
    /// When it began, in milliseconds since 1970.
    pub at_ms: i64,
    /// How long it was, in milliseconds.
    pub length_ms: i64,
    /// What happened.
    pub moment: Moment,
}

impl Moment {
    /// Adds what happened in another stretch of time.
    pub fn add(&mut self, other: &Self) {
        self.writes += other.writes;
        self.searches += other.searches;
        self.failures += other.failures;
        self.acquisitions += other.acquisitions;
        self.commits += other.commits;
        self.queue_length_max = self.queue_length_max.max(other.queue_length_max);
        self.queue_wait.add(&other.queue_wait);
        self.lock_wait.add(&other.lock_wait);
        self.hold.add(&other.hold);
    }
}

pub(super) const TABLES: &str = "
CREATE TABLE history (
    step_s INTEGER NOT NULL,
    at_s INTEGER NOT NULL,
    writes INTEGER NOT NULL,
    searches INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    acquisitions INTEGER NOT NULL,
    commits INTEGER NOT NULL,
    queue_length_max INTEGER NOT NULL,
    queue_wait BLOB NOT NULL,
    lock_wait BLOB NOT NULL,
    hold BLOB NOT NULL,
    PRIMARY KEY (step_s, at_s)
) STRICT, WITHOUT ROWID;
";

/// Adds what happened in some seconds, by the second.
pub(super) fn add(connection: &Connection, seconds: &BTreeMap<i64, Moment>) -> Result<(), Trouble> {
    for (step_s, _) in TIERS {
        let mut steps: BTreeMap<i64, Moment> = BTreeMap::new();
        for (at_s, moment) in seconds {
            let start_s = at_s.div_euclid(step_s) * step_s;
            steps.entry(start_s).or_default().add(moment);
        }
        for (at_s, moment) in steps {
            add_step(connection, step_s, at_s, moment)?;
        }
    }
    Ok(())
}

fn add_step(
    connection: &Connection,
    step_s: i64,
    at_s: i64,
    mut moment: Moment,
) -> Result<(), Trouble> {
    let known = connection
        .prepare_cached(
            "SELECT at_s, writes, searches, failures, acquisitions, commits, queue_length_max, queue_wait, lock_wait,
                 hold
             FROM history
             WHERE step_s = :step_s AND at_s = :at_s",
        )?
        .query_row(named_params! { ":step_s": step_s, ":at_s": at_s }, |row| {
            Ok(read_step(row))
        })
        .optional()?;
    if let Some(known) = known {
        moment.add(&known?.1);
    }
    connection
        .prepare_cached(
            "REPLACE INTO history
                 (step_s, at_s, writes, searches, failures, acquisitions, commits, queue_length_max, queue_wait,
                  lock_wait, hold)
             VALUES
                 (:step_s, :at_s, :writes, :searches, :failures, :acquisitions, :commits, :queue_length_max,
                  :queue_wait, :lock_wait, :hold)",
        )?
        .execute(named_params! {
            ":step_s": step_s, ":at_s": at_s, ":writes": moment.writes.cast_signed(),
            ":searches": moment.searches.cast_signed(), ":failures": moment.failures.cast_signed(),
            ":acquisitions": moment.acquisitions.cast_signed(), ":commits": moment.commits.cast_signed(),
            ":queue_length_max": moment.queue_length_max.cast_signed(), ":queue_wait": moment.queue_wait.encode(),
            ":lock_wait": moment.lock_wait.encode(), ":hold": moment.hold.encode(),
        })?;
    Ok(())
}

/// Reads one row: its start in seconds, and what happened.
fn read_step(row: &rusqlite::Row<'_>) -> Result<(i64, Moment), Trouble> {
    let number =
        |column| -> Result<u64, Trouble> { Ok(row.get::<_, i64>(column)?.cast_unsigned()) };
    let times = |column| -> Result<Times, Trouble> { decoded(row.get_ref(column)?.as_blob().ok()) };
    let moment = Moment {
        writes: number(1)?,
        searches: number(2)?,
        failures: number(3)?,
        acquisitions: number(4)?,
        commits: number(5)?,
        queue_length_max: number(6)?,
        queue_wait: times(7)?,
        lock_wait: times(8)?,
        hold: times(9)?,
    };
    Ok((row.get(0)?, moment))
}

/// Forgets what is too much, see [`forget_steps`].
pub(super) fn forget(connection: &Connection, now_ms: i64, days: u32) -> Result<(), Trouble> {
    forget_steps(connection, "history", &TIERS, (now_ms, days))
}

/// Forgets of each tier of `table` what is older than `days`, and what is more than the tier has.
///
/// The steps nearest to now are kept, not the newest: a clock that was ahead for a while leaves steps in the future, and
/// one that is wrong for a moment must not cost the true past.
pub(super) fn forget_steps(
    connection: &Connection,
    table: &str,
    tiers: &[(i64, i64)],
    (now_ms, days): (i64, u32),
) -> Result<(), Trouble> {
    let sql = format!(
        "DELETE FROM {table}
         WHERE step_s = :step_s AND at_s IN (
             SELECT DISTINCT at_s
             FROM {table}
             WHERE step_s = :step_s
             ORDER BY abs(at_s - :now_s), at_s
             LIMIT -1 OFFSET :kept
         )"
    );
    let mut delete = connection.prepare_cached(&sql)?;
    for (step_s, most) in tiers {
        // One more, since the oldest step and the newest are only partly in the time that is kept.
        let kept = (*most).min(i64::from(days) * DAY_S / step_s) + 1;
        delete.execute(
            named_params! { ":step_s": step_s, ":now_s": now_ms.div_euclid(1000), ":kept": kept },
        )?;
    }
    Ok(())
}

/// Part of the past that is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Its start, in milliseconds since 1970.
    pub from_ms: i64,
    /// Its end, which is not part of it.
    pub to_ms: i64,
    /// Most points wanted, 1 to 5,000.
    pub points_max: usize,
}

/// Returns the points of `span`, the oldest first and without gaps. Points begin at multiples of their length since
/// 1970; the first may begin before `from_ms`, the last end after `to_ms`.
pub(super) fn read(
    connection: &Connection,
    span: Span,
    now_ms: i64,
) -> Result<Vec<HistoryPoint>, Trouble> {
    let points_max = (span.points_max as i64).clamp(1, POINTS_MAX);
    // There is nothing before 1970, and numbers far below would leave what an i64 holds.
    let to_ms = span.to_ms.min(now_ms.saturating_add(HISTORY_MS_MAX)).max(0);
    let from_ms = span
        .from_ms
        .clamp(to_ms.saturating_sub(HISTORY_MS_MAX), to_ms);
    let (from_s, to_s) = (
        from_ms.div_euclid(1000),
        to_ms.saturating_add(999).div_euclid(1000),
    );
    let age_s = now_ms.div_euclid(1000) - from_s;
    let wanted_s = (((to_s - from_s) + points_max - 1) / points_max).max(1);
    let tier_s = tier(age_s, wanted_s);
    let length_s = (wanted_s + tier_s - 1) / tier_s * tier_s;
    let first_s = from_s.div_euclid(length_s) * length_s;
    let mut points: Vec<HistoryPoint> = (0..)
        .map(|n| first_s + n * length_s)
        .take_while(|at_s| *at_s < to_s)
        .map(|at_s| HistoryPoint {
            at_ms: at_s * 1000,
            length_ms: length_s * 1000,
            moment: Moment::default(),
        })
        .collect();
    let mut statement = connection.prepare_cached(
        "SELECT at_s, writes, searches, failures, acquisitions, commits, queue_length_max, queue_wait, lock_wait, hold
         FROM history
         WHERE step_s = :step_s AND at_s >= :first_s AND at_s < :to_s
         ORDER BY at_s
         LIMIT 20000",
    )?;
    let mut rows =
        statement.query(named_params! { ":step_s": tier_s, ":first_s": first_s, ":to_s": to_s })?;
    while let Some(row) = rows.next()? {
        let (at_s, moment) = read_step(row)?;
        let place = usize::try_from((at_s - first_s) / length_s).unwrap_or(usize::MAX);
        if let Some(point) = points.get_mut(place) {
            point.moment.add(&moment);
        }
    }
    Ok(points)
}

/// Returns the step to read: the coarsest from which points of about `wanted_s` can be put together, and coarse enough to
/// reach back so far.
fn tier(age_s: i64, wanted_s: i64) -> i64 {
    let reaches = |(step_s, kept): &&(i64, i64)| age_s <= step_s * kept;
    let finest = TIERS.iter().find(reaches).unwrap_or(&TIERS[4]).0;
    let fits = |(step_s, _): &&(i64, i64)| wanted_s % step_s == 0 || step_s * 4 <= wanted_s;
    let fitting = TIERS.iter().rev().find(fits);
    fitting.map_or(finest, |(step_s, _)| finest.max(*step_s))
}
