//! What a store must hold: the same steps, done on a healthy disk.

use std::collections::HashMap;
use std::path::Path;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};

use crate::audit;
use crate::image::{self, Image};
use crate::story::{self, Fate, Instance, Story};
use crate::vfs;

/// Everything that is true in a store, row by row. Who wrote it, and when the store was made, differ from run to run.
const TRUTH: &[&str] = &[
    "SELECT * FROM memories ORDER BY id",
    "SELECT * FROM memory_tags ORDER BY tag, memory_id",
    "SELECT id, memory_id, chunk, hex(vector) FROM memory_vectors ORDER BY id",
    "SELECT * FROM memory_history ORDER BY id",
    "SELECT seq, kind, op_id, request_hash, outcome, client, at_ms FROM commit_log ORDER BY seq",
];

/// The rows of a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Truth(Vec<String>);

impl Truth {
    /// Looks at the store in `directory` as it lies on the disk, and checks everything that holds in every store.
    pub(crate) fn found_in(directory: &Path) -> Self {
        let connection = open(directory);
        audit::check_database(&connection);
        Self(
            TRUTH
                .iter()
                .flat_map(|sql| rows(&connection, sql))
                .collect(),
        )
    }
}

/// Opens the database in `directory` through the file system that SQLite brings along.
fn open(directory: &Path) -> Connection {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE;
    let path = directory.join("commonplace.db");
    Connection::open_with_flags_and_vfs(path, flags, vfs::USUAL).unwrap()
}

fn rows(connection: &Connection, sql: &str) -> Vec<String> {
    let mut statement = connection.prepare(sql).unwrap();
    let columns = statement.column_count();
    let row = |row: &rusqlite::Row<'_>| {
        let texts: Vec<String> = (0..columns)
            .map(|n| text(row.get_ref(n).unwrap()))
            .collect();
        Ok(texts.join("|"))
    };
    statement
        .query_map([], row)
        .unwrap()
        .map(Result::unwrap)
        .collect()
}

fn text(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
        other => format!("{other:?}"),
    }
}

/// Knows what a store holds after some of the steps of a story.
pub(crate) struct Oracle<'a> {
    story: &'a Story,
    before: &'a Image,
    instance: &'a Instance,
    /// By the steps that were done.
    known: HashMap<Vec<usize>, Truth>,
}

impl<'a> Oracle<'a> {
    pub(crate) fn new(story: &'a Story, before: &'a Image, instance: &'a Instance) -> Self {
        Self {
            story,
            before,
            instance,
            known: HashMap::new(),
        }
    }

    pub(crate) fn story(&self) -> &'a Story {
        self.story
    }

    /// Returns what the store holds after these steps.
    pub(crate) fn after(&mut self, steps: &[usize]) -> &Truth {
        let Self {
            story,
            before,
            instance,
            ..
        } = *self;
        self.known.entry(steps.to_vec()).or_insert_with(|| {
            let directory = tempfile::tempdir().unwrap();
            image::write(before, directory.path());
            let store = instance.open(directory.path()).unwrap();
            for step in steps {
                story.tell(*step, &store, &instance.lock).unwrap();
            }
            drop(store);
            Truth::found_in(directory.path())
        })
    }

    /// Checks that `found` has every acknowledged step, none that was undone, and each one in doubt wholly or not at all.
    pub(crate) fn check(&mut self, found: &Truth, fates: &[Fate], what: &str) {
        let mut possible = vec![Vec::new()];
        for (step, fate) in fates.iter().enumerate() {
            let with = possible
                .iter()
                .map(|steps: &Vec<usize>| [steps, &[step][..]].concat());
            possible = match fate {
                Fate::Undone => continue,
                Fate::Acknowledged => with.collect(),
                Fate::InDoubt => with.chain(possible.clone()).collect(),
            };
        }
        if possible.iter().any(|steps| self.after(steps) == found) {
            return;
        }
        let expected = self.after(&possible[0]).clone();
        panic!(
            "{what}: {fates:?}\nfound    {found:#?}\nexpected {expected:#?}\nor one of {possible:?}"
        );
    }
}

/// The files of a store in which everything before the stories was done.
pub(crate) fn store_before(instance: &Instance) -> Image {
    let directory = tempfile::tempdir().unwrap();
    let store = instance.open(directory.path()).unwrap();
    story::earlier().tell_all(&store, &instance.lock);
    drop(store);
    image::read(directory.path())
}

/// Takes off what the migrations after the first one have added.
const TO_VERSION_ONE: &str = include_str!("../to_version_one.sql");

/// Returns the same store as the first version of the program would have left it.
pub(crate) fn of_version_one(newest: &Image) -> Image {
    let directory = tempfile::tempdir().unwrap();
    image::write(newest, directory.path());
    let connection = open(directory.path());
    connection.execute_batch(TO_VERSION_ONE).unwrap();
    drop(connection);
    image::read(directory.path())
}

/// Returns the schema version of the store in `directory`.
pub(crate) fn version(directory: &Path) -> i64 {
    let connection = open(directory);
    connection
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .unwrap()
}
