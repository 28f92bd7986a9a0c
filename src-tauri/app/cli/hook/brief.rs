//! `SessionStart`: a few notes that tell a session where the project stands.

use std::collections::BTreeSet;
use std::sync::mpsc::Sender;

use commonplace_api::memories::MemoryRow;

use super::ask::{Standing, ask};
use super::budget::Room;
use super::event::Event;
use super::frame::{Section, framed};
use super::input::Input;
use super::seen::Seen;
use super::{note, reply, visits};
use crate::paths::DataDir;
use crate::words::local_time;

/// Most notes in each part.
const NOTES_MAX: usize = 5;
/// Room for the notes of all parts.
const ROOM: Room = Room::tokens(800);
/// Characters of a note that are shown.
const NOTE_CHARS_MAX: usize = 220;

const OPENING: &str = "Where this project stands, from the memory (commonplace).";

/// Sends the notes with which a session begins.
pub(super) fn run(
    data_dir: &DataDir,
    input: &Input,
    project: &str,
    answers: &Sender<String>,
) -> Result<(), String> {
    let last_visit = visits::last(data_dir, project)?;
    let seen = Seen::read(data_dir, &input.session_id)?;
    let standing = ask(data_dir, async |host| {
        host.standing(project, last_visit).await
    });
    // Noted although nothing may be said: the session is a visit.
    visits::note(data_dir, project, jiff::Timestamp::now().as_millisecond())?;
    let mut standing = standing?;
    if input.source.keeps_conversation() {
        // It still holds what was said of them.
        (standing.decisions, standing.open) = Default::default();
    }
    let parts = parts(standing, last_visit);
    let sections: Vec<Section> = parts.iter().map(Part::section).collect();
    let shown =
        framed(OPENING, &sections, ROOM).ok_or("there is nothing to tell of this project")?;
    let answer = reply::with_context(Event::SessionStart, &shown.text);
    let answer = answer.ok_or("the notes are too long")?;
    answers.send(answer).map_err(|error| error.to_string())?;
    let kept = parts.iter().zip(&shown.kept);
    let kept = kept.flat_map(|(part, kept)| &part.rows[..*kept]);
    seen.note(kept.map(|row| row.memory.content_hash.as_str()))
}

/// Memories of one kind.
struct Part {
    heading: String,
    rows: Vec<MemoryRow>,
}

impl Part {
    fn section(&self) -> Section {
        let notes = self
            .rows
            .iter()
            .map(|row| note::quoted(row, NOTE_CHARS_MAX));
        Section {
            heading: self.heading.clone(),
            notes: notes.collect(),
        }
    }
}

/// Chooses the notes of each part, the newest first; each stands in one part only.
fn parts(standing: Standing, last_visit: Option<i64>) -> Vec<Part> {
    let mut taken = BTreeSet::new();
    let mut newest = |mut rows: Vec<MemoryRow>| {
        rows.sort_by_key(|row| std::cmp::Reverse(row.memory.updated_ms));
        rows.retain(|row| taken.insert(row.memory.content_hash.clone()));
        rows.truncate(NOTES_MAX);
        rows
    };
    let mut parts = vec![
        Part {
            heading: "Decisions in force".to_owned(),
            rows: newest(standing.decisions),
        },
        Part {
            heading: "Open ends".to_owned(),
            rows: newest(standing.open),
        },
    ];
    if let Some(last_visit) = last_visit {
        let mut changed = standing.changed;
        changed.retain(|row| row.memory.updated_ms > last_visit);
        parts.push(Part {
            heading: format!(
                "Stored or changed since the last session here ({})",
                local_time(last_visit)
            ),
            rows: newest(changed),
        });
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::hook::note::tests::row;

    fn at(id: i64, updated_ms: i64) -> MemoryRow {
        let mut row = row(id, &format!("note {id}"));
        row.memory.updated_ms = updated_ms;
        row
    }

    fn told(standing: Standing, last_visit: Option<i64>) -> Vec<(String, Vec<i64>)> {
        let ids = |part: Part| {
            (
                part.heading,
                part.rows.iter().map(|row| row.memory.id).collect(),
            )
        };
        parts(standing, last_visit).into_iter().map(ids).collect()
    }

    #[test]
    fn each_part_has_its_newest_notes_and_each_note_stands_once() {
        let standing = Standing {
            decisions: (1..=9).map(|id| at(id, id)).collect(),
            open: vec![at(20, 5), at(9, 9)],
            changed: vec![at(30, 70), at(20, 5), at(31, 40)],
        };
        let told = told(standing, Some(50));
        assert_eq!(
            told[0],
            ("Decisions in force".to_owned(), vec![9, 8, 7, 6, 5])
        );
        assert_eq!(told[1], ("Open ends".to_owned(), vec![20]));
        assert_eq!(told[2].1, [30], "31 is older than the last session");
        assert!(
            told[2]
                .0
                .starts_with("Stored or changed since the last session here (1970-01-01")
        );
    }

    #[test]
    fn a_first_session_is_not_told_what_changed() {
        let standing = Standing {
            changed: vec![at(1, 1)],
            ..Standing::default()
        };
        assert_eq!(told(standing, None).len(), 2);
    }
}
