//! The look for damage: pages, schema, rows against their checksums, what is derived against what it was made from.
//!
//! Nothing here holds a read transaction for longer than one statement, so that a check of a store in use does not keep
//! SQLite from cutting its log.

use rusqlite::{Connection, OptionalExtension, Row};

use super::sums::{self, Summed};
use super::{contents, derived, lenient, schema};
use crate::maintenance::{CheckStep, Damage, DamagedMemory, DamagedRows};
use crate::memory::MemoryId;

/// What SQLite is asked to name at most.
const NAMED_BY_SQLITE_MAX: u32 = 10;

/// Damaged memories that are told one by one.
const MEMORIES_TOLD_MAX: usize = 100;

/// Rows that one statement compares.
const ROWS_AT_ONCE: i64 = 1_000;

/// Characters of a damaged text that are told.
const START_LEN: usize = 40;

/// Looks for damage of what is true. `report` is told where it stands. Errors of SQLite that are damage are part of the
/// answer.
pub(super) fn look_at_truth(
    connection: &Connection,
    report: &mut dyn FnMut(CheckStep),
) -> rusqlite::Result<Damage> {
    let mut damage = Damage::default();
    report(CheckStep::Pages);
    look_at(&mut damage, |damage| pages(connection, damage))?;
    look_at(&mut damage, |damage| objects(connection, damage))?;
    let (version, _) = schema::versions(connection)?;
    if version >= schema::SUMS_SINCE {
        rows(connection, &mut damage, report)?;
    }
    Ok(damage)
}

/// Looks for damage of anything, what is derived included.
pub(super) fn look(
    connection: &Connection,
    report: &mut dyn FnMut(CheckStep),
) -> rusqlite::Result<Damage> {
    let mut damage = look_at_truth(connection, report)?;
    report(CheckStep::Indexes);
    look_at(&mut damage, |damage| {
        damage.derived.extend(tags(connection)?);
        let derived = derived::look(connection)?;
        damage.derived.extend(derived.wrong_words());
        Ok(())
    })?;
    Ok(damage)
}

/// Looks at one thing; if it cannot be read because it is damaged, that is what was found.
fn look_at(
    damage: &mut Damage,
    at: impl FnOnce(&mut Damage) -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    match at(damage) {
        Err(error) if !contents::is_failure_of_disk(&error) => {
            damage.structure.push(error.to_string());
            Ok(())
        }
        answer => answer,
    }
}

fn pages(connection: &Connection, damage: &mut Damage) -> rusqlite::Result<()> {
    let sql = format!("PRAGMA integrity_check({NAMED_BY_SQLITE_MAX})");
    let mut statement = connection.prepare(&sql)?;
    let mut said = statement.query([])?;
    while let Some(row) = said.next()? {
        let said = lenient::text(row, 0)?;
        // Only the index of words is named in this way (fts5_main.c, fts5IntegrityMethod).
        match said.as_str() {
            "ok" => {}
            words if words.contains("FTS5 table") => damage.derived.push(said),
            _ => damage.structure.push(said),
        }
    }
    if connection.prepare("PRAGMA foreign_key_check")?.exists([])? {
        damage
            .structure
            .push("a reference leads nowhere".to_owned());
    }
    Ok(())
}

/// Compares the schema with the one that a new store has: nothing else would miss a trigger.
fn objects(connection: &Connection, damage: &mut Damage) -> rusqlite::Result<()> {
    let (version, application) = schema::versions(connection)?;
    let wrong_head = schema::wrong_head(connection)?;
    if wrong_head.is_none() && version == 0 && application == schema::APPLICATION_ID {
        let said = "its schema has version 0, which no store has";
        damage.structure.push(said.to_owned());
    }
    damage.structure.extend(wrong_head);
    if version != schema::VERSION {
        return Ok(());
    }
    let (found, wanted) = (schema::objects(connection)?, schema::wanted()?);
    let differing = wanted.iter().filter(|object| !found.contains(object));
    let surplus = found.iter().filter(|object| !wanted.contains(object));
    if let Some(object) = differing.chain(surplus).next() {
        let name = &object.name;
        damage.structure.push(format!(
            "the schema is not that of a store: `{name}` is missing, different or not ours"
        ));
    }
    Ok(())
}

fn rows(
    connection: &Connection,
    damage: &mut Damage,
    report: &mut dyn FnMut(CheckStep),
) -> rusqlite::Result<()> {
    let rows_expected = sums::ALL.iter().map(|table| count(connection, table)).sum();
    let mut rows = 0;
    for table in sums::ALL {
        let mut found = DamagedRows {
            table: table.name,
            count: 0,
        };
        look_at(damage, |damage| {
            let mut after = i64::MIN;
            while let Some(last) = compare(connection, table, after, &mut |row, is_whole| {
                rows += 1;
                if !is_whole {
                    found.count += 1;
                    note_memory(damage, table, row)?;
                }
                Ok(())
            })? {
                // On a damaged page keys need not ascend, and the walk must end all the same.
                if last <= after {
                    break;
                }
                after = last;
                report(CheckStep::Rows {
                    rows,
                    rows_expected,
                });
            }
            for id in vanished(connection, table)? {
                found.count += 1;
                note_gone(damage, table, id);
            }
            Ok(())
        })?;
        if found.count > 0 && table.name == sums::MEMORIES.name {
            damage.memory_count = found.count;
        } else if found.count > 0 {
            damage.rows.push(found);
        }
    }
    Ok(())
}

/// Counts the rows of a table for the report; one that cannot be counted counts as empty.
fn count(connection: &Connection, table: &Summed) -> u64 {
    let sql = format!("SELECT count(*) FROM {}", table.name);
    let count: rusqlite::Result<i64> = connection.query_row(&sql, [], |row| row.get(0));
    count.map_or(0, |count| count as u64)
}

/// Compares some rows after the key `after`, and returns the greatest key; None if there were none.
fn compare(
    connection: &Connection,
    table: &Summed,
    after: i64,
    each: &mut dyn FnMut(&Row<'_>, bool) -> rusqlite::Result<()>,
) -> rusqlite::Result<Option<i64>> {
    let (name, key, columns) = (table.name, table.key(), table.columns_of("t"));
    let sql = format!(
        "SELECT {columns}, s.sum
         FROM {name} t
         LEFT JOIN {name}_sums s ON s.id = t.{key}
         WHERE t.{key} > ?1
         ORDER BY t.{key}
         LIMIT {ROWS_AT_ONCE}"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query([after])?;
    let mut last = None;
    while let Some(row) = rows.next()? {
        each(row, table.is_whole(row, 0)?)?;
        last = last.max(Some(row.get(0)?));
    }
    Ok(last)
}

/// Returns keys whose checksum is there and whose row is not. Where a row has its checksum itself, the keys have no gaps
/// instead: the last one of each gap.
fn vanished(connection: &Connection, table: &Summed) -> rusqlite::Result<Vec<i64>> {
    let (name, key) = (table.name, table.key());
    let sql = if table.is_in_row {
        format!(
            "SELECT n.{key} - 1 FROM {name} n
             WHERE n.{key} > 1 AND NOT EXISTS (SELECT 1 FROM {name} t WHERE t.{key} = n.{key} - 1)"
        )
    } else {
        format!(
            "SELECT s.id FROM {name}_sums s WHERE NOT EXISTS (SELECT 1 FROM {name} t WHERE t.{key} = s.id)"
        )
    };
    connection
        .prepare(&sql)?
        .query_map([], |row| row.get(0))?
        .collect()
}

fn note_memory(damage: &mut Damage, table: &Summed, row: &Row<'_>) -> rusqlite::Result<()> {
    if table.name != sums::MEMORIES.name || damage.memories.len() >= MEMORIES_TOLD_MAX {
        return Ok(());
    }
    let text = lenient::text(row, 2)?;
    damage.memories.push(DamagedMemory {
        id: MemoryId(row.get(0)?),
        created_ms: lenient::time(row, 7)?,
        start: Some(start_of(&text)),
    });
    Ok(())
}

fn note_gone(damage: &mut Damage, table: &Summed, id: i64) {
    if table.name == sums::MEMORIES.name && damage.memories.len() < MEMORIES_TOLD_MAX {
        damage.memories.push(DamagedMemory {
            id: MemoryId(id),
            created_ms: None,
            start: None,
        });
    }
}

/// Returns the beginning of a text without what could steer a terminal or turn the direction of what follows.
pub(super) fn start_of(text: &str) -> String {
    let is_steering = |c: &char| {
        c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let shown = text.chars().filter(|c| !is_steering(c) && *c != '`');
    shown.take(START_LEN).collect()
}

/// Compares the table of tags with the tags of the memories.
fn tags(connection: &Connection) -> rusqlite::Result<Option<String>> {
    let is_there = |sql: &str| {
        connection
            .query_row(sql, [], |_| Ok(()))
            .optional()
            .map(|found| found.is_some())
    };
    let is_wrong = is_there(TAGS_MISSING)? || is_there(TAGS_SURPLUS)?;
    Ok(is_wrong
        .then(|| "tags that memories are filtered by are not those of the memories".to_owned()))
}

/// Tags that a memory has and the table has not. Memories whose tags cannot be read are told by their checksum.
const TAGS_MISSING: &str = "
SELECT 1
FROM memories m, json_each(CASE WHEN json_valid(m.tags) THEN m.tags ELSE '[]' END) j
WHERE NOT EXISTS (SELECT 1 FROM memory_tags t WHERE t.tag = j.value AND t.memory_id = m.id)
LIMIT 1";

/// Tags that the table has and their memory has not.
const TAGS_SURPLUS: &str = "
SELECT 1
FROM memory_tags t
WHERE NOT EXISTS (SELECT 1
                  FROM memories m, json_each(CASE WHEN json_valid(m.tags) THEN m.tags ELSE '[]' END) j
                  WHERE m.id = t.memory_id AND j.value = t.tag)
LIMIT 1";

/// Looks through every page, index and row of a database, and compares rows with their checksums. Reads all of it.
pub(super) fn refuse_damage(connection: &Connection) -> rusqlite::Result<Result<(), Damage>> {
    let damage = look_at_truth(connection, &mut |_| ())?;
    Ok(if damage.is_empty() {
        Ok(())
    } else {
        Err(damage)
    })
}
