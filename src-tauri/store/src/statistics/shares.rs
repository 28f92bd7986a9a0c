//! Who waited how long when: queue waits by client and by kind of request, for the charts that compare them.
//!
//! Beside the sums over all time, which know no "when", and the history, which knows no "who". Coarser than the history,
//! since there is a row for each client and kind in a step.

use std::collections::BTreeMap;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension as _, named_params};

use super::figures::{OTHER, Scope, decoded};
use super::history::forget_steps;
use super::times::Times;
use super::trouble::Trouble;

/// Length of a step in seconds, and how many are kept: an hour, six hours, seven days, seven days, each and a little more.
const TIERS: [(i64, i64); 4] = [(10, 370), (60, 370), (600, 1_010), (3_600, 170)];
/// Fewest steps that a part of the past is put together from, if there are as many: so its edges are right to 2 %.
const STEPS_MIN: i64 = 48;
/// Most clients that are told apart in one step; all others are summed up as `other`. The same for kinds.
pub const WAIT_SHARES_MAX: usize = 32;

/// Queue waits of a part of the past, by client and by kind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WaitShares {
    /// By the name that clients told.
    pub by_client: BTreeMap<String, Times>,
    /// By kind of write, such as `store`.
    pub by_kind: BTreeMap<String, Times>,
}

/// Waits to be added: by scope and start of the step, then by name.
#[derive(Debug, Default)]
pub(super) struct Shares(BTreeMap<(Scope, i64), BTreeMap<String, Times>>);

impl Shares {
    /// Counts one wait.
    pub(super) fn record(&mut self, at_ms: i64, scope: Scope, name: &str, wait: Duration) {
        let start_s = step_start(at_ms.div_euclid(1000), TIERS[0].0);
        let names = self.0.entry((scope, start_s)).or_default();
        match names.get_mut(name) {
            Some(times) => times.record(wait),
            None => names.entry(name.to_owned()).or_default().record(wait),
        }
    }
}

fn step_start(at_s: i64, step_s: i64) -> i64 {
    at_s.div_euclid(step_s) * step_s
}

pub(super) const TABLES: &str = "
CREATE TABLE wait_shares (
    step_s INTEGER NOT NULL,
    at_s INTEGER NOT NULL,
    scope TEXT NOT NULL,
    name TEXT NOT NULL,
    queue_wait BLOB NOT NULL,
    PRIMARY KEY (step_s, at_s, scope, name)
) STRICT, WITHOUT ROWID;
";

/// Adds waits to the steps of every length.
pub(super) fn add(connection: &Connection, shares: &Shares) -> Result<(), Trouble> {
    for (step_s, _) in TIERS {
        let mut steps: BTreeMap<(Scope, i64, &str), Times> = BTreeMap::new();
        for ((scope, at_s), names) in &shares.0 {
            for (name, times) in names {
                let step = (*scope, step_start(*at_s, step_s), name.as_str());
                steps.entry(step).or_default().add(times);
            }
        }
        for ((scope, at_s, name), times) in steps {
            let place = Place {
                step_s,
                at_s,
                scope,
            };
            add_to_step(connection, place, name, times)?;
        }
    }
    Ok(())
}

/// One step of one scope.
#[derive(Clone, Copy)]
struct Place {
    step_s: i64,
    at_s: i64,
    scope: Scope,
}

fn add_to_step(
    connection: &Connection,
    place: Place,
    name: &str,
    mut times: Times,
) -> Result<(), Trouble> {
    let mut name = name;
    let mut known = known_in_step(connection, place, name)?;
    if known.is_none() && is_full(connection, place)? {
        name = OTHER;
        known = known_in_step(connection, place, name)?;
    }
    if let Some(bytes) = known {
        times.add(&decoded(Some(&bytes))?);
    }
    connection
        .prepare_cached(
            "REPLACE INTO wait_shares (step_s, at_s, scope, name, queue_wait)
             VALUES (:step_s, :at_s, :scope, :name, :queue_wait)",
        )?
        .execute(named_params! {
            ":step_s": place.step_s, ":at_s": place.at_s, ":scope": place.scope.as_str(), ":name": name,
            ":queue_wait": times.encode(),
        })?;
    Ok(())
}

fn known_in_step(
    connection: &Connection,
    place: Place,
    name: &str,
) -> Result<Option<Vec<u8>>, Trouble> {
    Ok(connection
        .prepare_cached(
            "SELECT queue_wait
             FROM wait_shares
             WHERE step_s = :step_s AND at_s = :at_s AND scope = :scope AND name = :name",
        )?
        .query_row(
            named_params! {
                ":step_s": place.step_s, ":at_s": place.at_s, ":scope": place.scope.as_str(), ":name": name,
            },
            |row| row.get(0),
        )
        .optional()?)
}

fn is_full(connection: &Connection, place: Place) -> Result<bool, Trouble> {
    let names: i64 = connection
        .prepare_cached(
            "SELECT count(*)
             FROM wait_shares
             WHERE step_s = :step_s AND at_s = :at_s AND scope = :scope",
        )?
        .query_row(
            named_params! { ":step_s": place.step_s, ":at_s": place.at_s, ":scope": place.scope.as_str() },
            |row| row.get(0),
        )?;
    Ok(names >= WAIT_SHARES_MAX as i64)
}

/// Forgets what is too much, see [`forget_steps`].
pub(super) fn forget(connection: &Connection, now_ms: i64, days: u32) -> Result<(), Trouble> {
    forget_steps(connection, "wait_shares", &TIERS, (now_ms, days))
}

/// Adds up the waits of all steps that begin before `to_ms` and end after `from_ms`.
pub(super) fn read(
    connection: &Connection,
    from_ms: i64,
    to_ms: i64,
    now_ms: i64,
) -> Result<WaitShares, Trouble> {
    let from_s = from_ms.div_euclid(1000);
    let age_s = now_ms.div_euclid(1000).saturating_sub(from_s);
    let length_s = to_ms.saturating_sub(from_ms).div_euclid(1000);
    let step_s = tier(age_s, length_s);
    let mut statement = connection.prepare_cached(
        "SELECT scope, name, queue_wait
         FROM wait_shares
         WHERE step_s = :step_s AND at_s > :before_s AND at_s < :to_s
         ORDER BY at_s, scope, name
         LIMIT 100000",
    )?;
    let mut rows = statement.query(named_params! {
        ":step_s": step_s, ":before_s": from_s.saturating_sub(step_s),
        ":to_s": to_ms.saturating_add(999).div_euclid(1000),
    })?;
    let mut shares = WaitShares::default();
    while let Some(row) = rows.next()? {
        let times = decoded(row.get_ref(2)?.as_blob().ok())?;
        let names = match row.get_ref(0)?.as_str().ok().and_then(Scope::parse) {
            Some(Scope::Client) => &mut shares.by_client,
            Some(Scope::Kind) => &mut shares.by_kind,
            Some(Scope::All) | None => continue,
        };
        let name: String = row.get(1)?;
        names.entry(name).or_default().add(&times);
    }
    Ok(shares)
}

/// Returns the step to read: coarse enough to reach back so far, and as coarse as the edges allow.
fn tier(age_s: i64, length_s: i64) -> i64 {
    let reaches = |(step_s, kept): &&(i64, i64)| age_s <= step_s * kept;
    let finest = TIERS.iter().find(reaches).unwrap_or(&TIERS[3]).0;
    let fits = |(step_s, _): &&(i64, i64)| step_s * STEPS_MIN <= length_s;
    let fitting = TIERS.iter().rev().find(fits);
    fitting.map_or(finest, |(step_s, _)| finest.max(*step_s))
}
