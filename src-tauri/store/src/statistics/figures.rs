//! Counters and distributions, over all requests, by kind and by client; and the two tables that keep them.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension as _, named_params};

use super::times::Times;
use super::trouble::Trouble;

/// Most clients that are told apart; the one seen least lately joins [`OTHER`].
const CLIENTS_MAX: i64 = 64;
/// Name under which all other clients are summed up.
pub(super) const OTHER: &str = "other";

/// Makes an enum whose variants have the names they have in the database.
macro_rules! named {
    ($(#[$doc:meta])* $vis:vis $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        $vis enum $name {
            $($(#[$variant_doc])* $variant,)*
        }

        impl $name {
            pub(super) fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                }
            }

            pub(super) fn parse(text: &str) -> Option<Self> {
                match text {
                    $($text => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }
    };
}

named! {
    /// What is counted.
    pub Counter {
        /// Times the write lock was taken.
        Acquisitions = "acquisitions",
        /// Times it was not free at once.
        Contended = "contended",
        /// Times it was not had before the time was up.
        AcquisitionTimedOut = "acquisition_timed_out",
        /// Times everybody who waited for it gave up.
        AcquisitionGaveUp = "acquisition_gave_up",
        /// Times its file could not be used.
        AcquisitionIo = "acquisition_io",
        /// Times it was taken over by another instance.
        AcquisitionFenced = "acquisition_fenced",
        /// Commits.
        Commits = "commits",
        /// Batches tried again after a passing failure.
        Retries = "retries",
        /// Requests carried out.
        Done = "done",
        /// Requests not carried out, for whatever reason.
        NotDone = "not_done",
        /// Write requests carried out.
        Acknowledged = "acknowledged",
        /// Write requests refused for what they asked.
        Refused = "refused",
        /// Write requests that failed for another reason.
        Failed = "failed",
        /// Write requests that ran out of time.
        TimedOut = "timed_out",
        /// Write requests turned away because the queue was full.
        QueueFull = "queue_full",
        /// Write requests given up by their client.
        Cancelled = "cancelled",
        /// Write requests that yielded to others or were turned away, because their client had more than its share.
        Throttled = "throttled",
        /// Searches and lists.
        Searches = "searches",
        /// Records of dead holders that were cleared.
        LeftoversCleared = "leftovers_cleared",
    }
}

named! {
    /// Which time is measured.
    pub Measure {
        /// From asking to the start of the commit, for each write request.
        QueueWait = "queue_wait",
        /// To get the write lock: for each acquisition; by kind and client for each write request.
        LockWait = "lock_wait",
        /// How long the write lock was held, for each acquisition.
        Hold = "hold",
        /// The COMMIT itself, for each commit.
        Commit = "commit",
        /// From asking to the answer, for each write request that was carried out.
        WriteTotal = "write_total",
        /// From asking to the answer, for each search or list.
        SearchTotal = "search_total",
    }
}

named! {
    /// Whose figures they are.
    pub(super) Scope {
        /// Everybody's.
        All = "all",
        /// Those of one kind of request.
        Kind = "kind",
        /// Those of one client.
        Client = "client",
    }
}

/// Counters and distributions that belong together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Share {
    counters: BTreeMap<Counter, u64>,
    times: BTreeMap<Measure, Times>,
}

impl Share {
    /// Returns one counter.
    #[must_use]
    pub fn count(&self, counter: Counter) -> u64 {
        self.counters.get(&counter).copied().unwrap_or_default()
    }

    /// Returns one distribution; empty if nothing was measured.
    #[must_use]
    pub fn times(&self, measure: Measure) -> Times {
        self.times.get(&measure).cloned().unwrap_or_default()
    }

    pub(super) fn add(&mut self, counter: Counter, count: u64) {
        if count > 0 {
            *self.counters.entry(counter).or_default() += count;
        }
    }

    pub(super) fn record(&mut self, measure: Measure, time: std::time::Duration) {
        self.times.entry(measure).or_default().record(time);
    }
}

/// Figures over all instances that ever had the store open, or what is to be added to them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Figures {
    /// When the write lock was taken last, in milliseconds since 1970.
    pub last_acquisition_ms: Option<i64>,
    /// Everybody's.
    pub all: Share,
    /// By kind of request.
    pub by_kind: BTreeMap<String, Share>,
    /// By client; at most 64, and `other` for the rest.
    pub by_client: BTreeMap<String, Share>,
}

pub(super) const TABLES: &str = "
CREATE TABLE counters (
    scope TEXT NOT NULL,
    name TEXT NOT NULL,
    what TEXT NOT NULL,
    value INTEGER NOT NULL,
    PRIMARY KEY (scope, name, what)
) STRICT, WITHOUT ROWID;
CREATE TABLE times (
    scope TEXT NOT NULL,
    name TEXT NOT NULL,
    what TEXT NOT NULL,
    times BLOB NOT NULL,
    PRIMARY KEY (scope, name, what)
) STRICT, WITHOUT ROWID;
CREATE TABLE clients (
    name TEXT PRIMARY KEY,
    seen_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE last_acquisition (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    at_ms INTEGER NOT NULL
) STRICT;
";

impl Figures {
    /// Reads the sums.
    pub(super) fn load(connection: &Connection) -> Result<Self, Trouble> {
        let mut figures = Self {
            last_acquisition_ms: last_acquisition(connection)?,
            ..Self::default()
        };
        let mut statement =
            connection.prepare_cached("SELECT scope, name, what, value FROM counters")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let (scope, name, what): (String, String, String) =
                (row.get(0)?, row.get(1)?, row.get(2)?);
            if let (Some(scope), Some(counter)) = (Scope::parse(&scope), Counter::parse(&what)) {
                let value: i64 = row.get(3)?;
                figures
                    .share(scope, &name)
                    .add(counter, value.cast_unsigned());
            }
        }
        let mut statement =
            connection.prepare_cached("SELECT scope, name, what, times FROM times")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let (scope, name, what): (String, String, String) =
                (row.get(0)?, row.get(1)?, row.get(2)?);
            if let (Some(scope), Some(measure)) = (Scope::parse(&scope), Measure::parse(&what)) {
                let times = decoded(row.get_ref(3)?.as_blob().ok())?;
                figures.share(scope, &name).times.insert(measure, times);
            }
        }
        Ok(figures)
    }

    /// Adds these figures to the sums. `now_ms` decides which client was seen least lately.
    pub(super) fn add_to(&self, connection: &Connection, now_ms: i64) -> Result<(), Trouble> {
        for (scope, name, share) in self.shares() {
            share.add_to(connection, scope, name)?;
        }
        for client in self.by_client.keys().filter(|name| *name != OTHER) {
            connection
                .prepare_cached(
                    "INSERT INTO clients (name, seen_ms) VALUES (:name, :seen_ms)
                     ON CONFLICT (name) DO UPDATE SET seen_ms = excluded.seen_ms",
                )?
                .execute(named_params! { ":name": client, ":seen_ms": now_ms })?;
        }
        while let Some(client) = client_too_many(connection)? {
            join_other(connection, &client)?;
        }
        let Some(last_ms) = self.last_acquisition_ms else {
            return Ok(());
        };
        // A time ahead of the clock is not kept for ever.
        let known = last_acquisition(connection)?.filter(|known| *known <= now_ms);
        let last_ms = known.map_or(last_ms, |known| known.max(last_ms));
        connection
            .prepare_cached("REPLACE INTO last_acquisition (only_row, at_ms) VALUES (1, ?1)")?
            .execute([last_ms])?;
        Ok(())
    }

    pub(super) fn share(&mut self, scope: Scope, name: &str) -> &mut Share {
        let map = match scope {
            Scope::All => return &mut self.all,
            Scope::Kind => &mut self.by_kind,
            Scope::Client => &mut self.by_client,
        };
        if !map.contains_key(name) {
            map.insert(name.to_owned(), Share::default());
        }
        map.get_mut(name).expect("it was inserted just before")
    }

    fn shares(&self) -> impl Iterator<Item = (Scope, &str, &Share)> {
        let kinds = self.by_kind.iter();
        let clients = self.by_client.iter();
        std::iter::once((Scope::All, "", &self.all))
            .chain(kinds.map(|(name, share)| (Scope::Kind, name.as_str(), share)))
            .chain(clients.map(|(name, share)| (Scope::Client, name.as_str(), share)))
    }
}

impl Share {
    fn add_to(&self, connection: &Connection, scope: Scope, name: &str) -> Result<(), Trouble> {
        let mut add = connection.prepare_cached(
            "INSERT INTO counters (scope, name, what, value) VALUES (:scope, :name, :what, :value)
             ON CONFLICT (scope, name, what) DO UPDATE SET value = value + excluded.value",
        )?;
        for (counter, value) in &self.counters {
            add.execute(named_params! {
                ":scope": scope.as_str(), ":name": name, ":what": counter.as_str(), ":value": value.cast_signed(),
            })?;
        }
        for (measure, times) in &self.times {
            add_times(connection, scope, name, measure.as_str(), times)?;
        }
        Ok(())
    }
}

fn add_times(
    connection: &Connection,
    scope: Scope,
    name: &str,
    what: &str,
    times: &Times,
) -> Result<(), Trouble> {
    let known: Option<Vec<u8>> = connection
        .prepare_cached(
            "SELECT times FROM times WHERE scope = :scope AND name = :name AND what = :what",
        )?
        .query_row(
            named_params! { ":scope": scope.as_str(), ":name": name, ":what": what },
            |row| row.get(0),
        )
        .optional()?;
    let mut sum = match known {
        Some(bytes) => decoded(Some(&bytes))?,
        None => Times::default(),
    };
    sum.add(times);
    connection
        .prepare_cached(
            "REPLACE INTO times (scope, name, what, times) VALUES (:scope, :name, :what, :times)",
        )?
        .execute(named_params! {
            ":scope": scope.as_str(), ":name": name, ":what": what, ":times": sum.encode(),
        })?;
    Ok(())
}

/// Reads a distribution of a table.
pub(super) fn decoded(bytes: Option<&[u8]>) -> Result<Times, Trouble> {
    bytes
        .and_then(Times::decode)
        .ok_or_else(|| Trouble::Damaged("a distribution of times cannot be read".to_owned()))
}

fn last_acquisition(connection: &Connection) -> Result<Option<i64>, Trouble> {
    Ok(connection
        .prepare_cached("SELECT at_ms FROM last_acquisition")?
        .query_row([], |row| row.get(0))
        .optional()?)
}

/// Returns the client seen least lately if there are too many.
fn client_too_many(connection: &Connection) -> Result<Option<String>, Trouble> {
    Ok(connection
        .prepare_cached(
            "SELECT name
             FROM clients
             WHERE (SELECT count(*) FROM clients) > :most
             ORDER BY seen_ms, name
             LIMIT 1",
        )?
        .query_row(named_params! { ":most": CLIENTS_MAX }, |row| row.get(0))
        .optional()?)
}

/// Adds a client's figures to those of all others, and forgets its name.
fn join_other(connection: &Connection, client: &str) -> Result<(), Trouble> {
    connection
        .prepare_cached(
            "INSERT INTO counters (scope, name, what, value)
             SELECT scope, 'other', what, value FROM counters WHERE scope = 'client' AND name = ?1
             ON CONFLICT (scope, name, what) DO UPDATE SET value = value + excluded.value",
        )?
        .execute([client])?;
    let mut statement = connection
        .prepare_cached("SELECT what, times FROM times WHERE scope = 'client' AND name = ?1")?;
    let rows = statement.query_map([client], |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, Vec<u8>>(1)?))
    })?;
    for (what, bytes) in rows.collect::<Result<Vec<_>, _>>()? {
        add_times(
            connection,
            Scope::Client,
            OTHER,
            &what,
            &decoded(Some(&bytes))?,
        )?;
    }
    for table in ["counters", "times"] {
        let sql = format!("DELETE FROM {table} WHERE scope = 'client' AND name = ?1");
        connection.prepare_cached(&sql)?.execute([client])?;
    }
    connection
        .prepare_cached("DELETE FROM clients WHERE name = ?1")?
        .execute([client])?;
    Ok(())
}
