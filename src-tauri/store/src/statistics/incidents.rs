//! Slow holds, slow waits and failures, each with who was in the way; and the table that keeps the last of them.

use std::time::Duration;

use rusqlite::{Connection, named_params};

use super::times::nanoseconds;
use super::trouble::Trouble;

/// Most that are kept.
pub(super) const KEPT_MAX: i64 = 1000;

/// Something that took too long or failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incident {
    /// When it ended, in milliseconds since 1970.
    pub at_ms: i64,
    /// What it was.
    pub what: IncidentKind,
    /// How it ended: `committed`, `done`, `timed_out` and so on.
    pub end: String,
    /// Instance in which it happened.
    pub instance: String,
    /// Client whose request it was; of a batch, the first.
    pub client: String,
    /// Kind of that request.
    pub kind: String,
    /// How long it was held, or waited.
    pub took: Duration,
    /// Who held the write lock at that moment, in words; empty if not known.
    pub holder: String,
}

/// What kind of incident it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IncidentKind {
    /// The write lock was held for long.
    SlowHold,
    /// A write request waited for long.
    SlowWait,
    /// The write lock was not had.
    FailedAcquisition,
    /// A write request was not carried out.
    FailedWrite,
}

impl IncidentKind {
    const ALL: [Self; 4] = [
        Self::SlowHold,
        Self::SlowWait,
        Self::FailedAcquisition,
        Self::FailedWrite,
    ];

    /// Returns a stable word for programs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SlowHold => "slow_hold",
            Self::SlowWait => "slow_wait",
            Self::FailedAcquisition => "failed_acquisition",
            Self::FailedWrite => "failed_write",
        }
    }
}

pub(super) const TABLES: &str = "
CREATE TABLE incidents (
    number INTEGER PRIMARY KEY,
    at_ms INTEGER NOT NULL,
    what TEXT NOT NULL,
    end TEXT NOT NULL,
    instance TEXT NOT NULL,
    client TEXT NOT NULL,
    kind TEXT NOT NULL,
    took_ns INTEGER NOT NULL,
    holder TEXT NOT NULL
) STRICT;
";

/// Appends incidents and forgets the oldest beyond 1,000.
pub(super) fn add(connection: &Connection, incidents: &[Incident]) -> Result<(), Trouble> {
    if incidents.is_empty() {
        return Ok(());
    }
    // Of a flood only the last ones would be kept anyway.
    let first = incidents.len().saturating_sub(KEPT_MAX as usize);
    let mut insert = connection.prepare_cached(
        "INSERT INTO incidents (at_ms, what, end, instance, client, kind, took_ns, holder)
         VALUES (:at_ms, :what, :end, :instance, :client, :kind, :took_ns, :holder)",
    )?;
    for incident in &incidents[first..] {
        insert.execute(named_params! {
            ":at_ms": incident.at_ms, ":what": incident.what.as_str(), ":end": incident.end,
            ":instance": incident.instance, ":client": incident.client, ":kind": incident.kind,
            ":took_ns": nanoseconds(incident.took).cast_signed(), ":holder": incident.holder,
        })?;
    }
    connection
        .prepare_cached(
            "DELETE FROM incidents
             WHERE number <= (SELECT max(number) FROM incidents) - ?1",
        )?
        .execute([KEPT_MAX])?;
    Ok(())
}

/// Returns the last incidents, the newest first.
pub(super) fn last(connection: &Connection, limit: usize) -> Result<Vec<Incident>, Trouble> {
    let mut statement = connection.prepare_cached(
        "SELECT at_ms, what, end, instance, client, kind, took_ns, holder
         FROM incidents
         ORDER BY number DESC
         LIMIT ?1",
    )?;
    let mut rows = statement.query([i64::try_from(limit).unwrap_or(i64::MAX)])?;
    let mut incidents = Vec::new();
    while let Some(row) = rows.next()? {
        let word: String = row.get(1)?;
        let known = IncidentKind::ALL
            .into_iter()
            .find(|kind| kind.as_str() == word);
        let Some(what) = known else {
            continue;
        };
        incidents.push(Incident {
            at_ms: row.get(0)?,
            what,
            end: row.get(2)?,
            instance: row.get(3)?,
            client: row.get(4)?,
            kind: row.get(5)?,
            took: Duration::from_nanos(row.get::<_, i64>(6)?.cast_unsigned()),
            holder: row.get(7)?,
        });
    }
    Ok(incidents)
}
