//! `UserPromptSubmit`: notes that fit what the person asks, if some fit well; else silence.

use std::collections::BTreeSet;
use std::sync::mpsc::Sender;

use commonplace_api::memories::{Hit, MemoryRow, SearchResults};

use super::ask::ask;
use super::budget::Room;
use super::event::Event;
use super::frame::{Section, framed};
use super::input::Input;
use super::seen::Seen;
use super::{note, reply};
use crate::paths::DataDir;

/// Least cosine between a prompt and a note that fits it.
///
/// The search's score ranks hits within one search and is near 1 for the first of any, so it says nothing about how well
/// that one fits; the cosine does. Measured with the model in use: of 108 questions about 80 notes of a project, 97 had
/// their note above this. Of 128 questions about another project in the same field 12 had a note above it, and of 278
/// about anything else one.
const COSINE_MIN: f32 = 0.45;
/// Least number of telling words in common where meaning was not compared, and least part of the prompt's that it must be:
/// one half. By that alone, 88 of those 108 questions had their note and 10 of those 128 a wrong one.
const WORDS_MIN: usize = 2;
/// Most notes for one prompt.
const NOTES_MAX: usize = 3;
/// Room for the notes of one prompt.
const ROOM: Room = Room::tokens(400);
/// Characters of a note that are shown.
const NOTE_CHARS_MAX: usize = 300;
/// Characters of a prompt that are searched for, from its start and from its end: a question stands before or behind what
/// is pasted, and the time it takes to embed a text grows with its length.
const PROMPT_CHARS_MAX: (usize, usize) = (400, 200);
/// Letters of a word that are compared, so that `migration` and `migrations` are one.
const STEM_CHARS: usize = 6;

const OPENING: &str =
    "Notes from earlier sessions that may bear on this prompt, from the memory (commonplace).";

/// Sends the notes that fit a prompt.
pub(super) fn run(
    data_dir: &DataDir,
    input: &Input,
    project: &str,
    answers: &Sender<String>,
) -> Result<(), String> {
    let prompt = input.prompt.as_deref().unwrap_or_default();
    let question = question(prompt).ok_or("the prompt asks for nothing that could be found")?;
    let seen = Seen::read(data_dir, &input.session_id)?;
    let found = ask(data_dir, async |host| host.search(&question, project).await)?;
    let fitting = fitting(&question, found, &seen);
    let notes = fitting.iter().map(|row| note::quoted(row, NOTE_CHARS_MAX));
    let section = Section {
        heading: String::new(),
        notes: notes.collect(),
    };
    let shown = framed(OPENING, &[section], ROOM).ok_or("nothing fits well")?;
    let answer = reply::with_context(Event::UserPromptSubmit, &shown.text);
    let answer = answer.ok_or("the notes are too long")?;
    answers.send(answer).map_err(|error| error.to_string())?;
    let kept = &fitting[..shown.kept[0]];
    seen.note(kept.iter().map(|row| row.memory.content_hash.as_str()))
}

/// Returns what to search for; None if there is nothing in the prompt that could be found.
fn question(prompt: &str) -> Option<String> {
    let prompt = prompt.trim();
    // What the client itself carries out: commands, shell lines, notes to its own memory.
    if prompt.starts_with(['/', '!', '#']) {
        return None;
    }
    let (first, last) = PROMPT_CHARS_MAX;
    let count = prompt.chars().count();
    let question = if count <= first + last {
        prompt.to_owned()
    } else {
        let start: String = prompt.chars().take(first).collect();
        let end: String = prompt.chars().skip(count - last).collect();
        format!("{start}\n{end}")
    };
    (telling_words(&question).len() >= WORDS_MIN).then_some(question)
}

/// Chooses the hits that fit well and that this session has not seen, the best first.
fn fitting(question: &str, found: Vec<SearchResults>, seen: &Seen) -> Vec<MemoryRow> {
    let words = telling_words(question);
    let is_understood = is_understood(question);
    let hits = found.into_iter().flat_map(|results| results.hits);
    let mut fitting: Vec<Hit> = hits
        .filter(|hit| fits(hit, &words, is_understood))
        .filter(|hit| !seen.has(&hit.memory.memory.content_hash))
        .collect();
    let cosine = |hit: &Hit| hit.cosine.unwrap_or_default();
    fitting.sort_by(|one, other| cosine(other).total_cmp(&cosine(one)));
    let mut hashes = BTreeSet::new();
    // Two projects may have the same text.
    fitting.retain(|hit| hashes.insert(hit.memory.memory.content_hash.clone()));
    fitting.truncate(NOTES_MAX);
    fitting.into_iter().map(|hit| hit.memory).collect()
}

fn fits(hit: &Hit, words: &BTreeSet<String>, is_understood: bool) -> bool {
    match hit.cosine.filter(|_| is_understood) {
        Some(cosine) => cosine >= COSINE_MIN,
        None => {
            let common = words
                .intersection(&telling_words(&hit.memory.memory.text))
                .count();
            common >= WORDS_MIN && 2 * common >= words.len()
        }
    }
}

/// Says whether the model can tell texts in this script apart: of most scripts of South and East Asia it knows next to
/// nothing, and takes different sentences for the same.
fn is_understood(text: &str) -> bool {
    let letters = text.chars().filter(|c| c.is_alphabetic());
    let (known, unknown): (Vec<char>, Vec<char>) = letters.partition(|c| *c < '\u{900}');
    known.len() >= unknown.len()
}

/// Returns the words of a text that tell what it is about: long ones and numbers, without those that stand in every text.
fn telling_words(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_alphanumeric() && c != '_');
    let words = words.map(str::to_lowercase);
    let is_telling = |word: &String| {
        let is_long =
            word.chars().count() >= 4 || word.chars().any(|c| c.is_numeric() || c > '\u{900}');
        is_long && !COMMON.contains(&word.as_str())
    };
    let stem = |word: String| word.chars().take(STEM_CHARS).collect();
    words.filter(is_telling).map(stem).collect()
}

/// Words that say nothing about what a prompt is about.
const COMMON: &[&str] = &[
    "about", "after", "also", "because", "been", "before", "being", "could", "does", "done",
    "file", "from", "have", "here", "into", "just", "like", "made", "make", "more", "most", "must",
    "need", "only", "other", "over", "please", "should", "some", "such", "test", "tests", "than",
    "that", "their", "them", "then", "there", "these", "they", "this", "those", "under", "used",
    "using", "very", "want", "were", "what", "when", "where", "which", "while", "will", "with",
    "would", "your", "code", "continue", "thanks",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::hook::note::tests::row;
    use commonplace_api::memories::SearchMode;

    fn hit(id: i64, text: &str, cosine: Option<f32>) -> Hit {
        Hit {
            memory: row(id, text),
            score: 1.0,
            keyword_rank: Some(1),
            semantic_rank: None,
            cosine,
        }
    }

    fn ids(question: &str, hits: Vec<Hit>, seen: &Seen) -> Vec<i64> {
        let results = SearchResults {
            mode: SearchMode::Hybrid,
            hits,
            words_only: None,
            index_backlog: 0,
        };
        let fitting = fitting(question, vec![results], seen);
        fitting.iter().map(|row| row.memory.id).collect()
    }

    #[test]
    fn only_hits_that_fit_well_are_recalled_and_the_best_comes_first() {
        let hits = vec![
            hit(1, "a", Some(0.44)),
            hit(2, "b", Some(0.46)),
            hit(3, "c", Some(0.8)),
            hit(4, "d", Some(0.5)),
            hit(5, "e", Some(0.47)),
        ];
        assert_eq!(ids("which database", hits, &Seen::default()), [3, 4, 5]);
        let none = vec![hit(1, "a", Some(0.2))];
        assert_eq!(ids("which database", none, &Seen::default()), [0_i64; 0]);
    }

    #[test]
    fn where_meaning_was_not_compared_half_of_the_telling_words_must_be_there() {
        let question = "which database migrations run before a release";
        let hits = vec![
            hit(1, "A release runs each migration of the database.", None),
            hit(2, "The database is in Paris.", None),
        ];
        assert_eq!(ids(question, hits, &Seen::default()), [1]);
    }

    #[test]
    fn what_a_session_has_seen_is_not_recalled_again() {
        let hits = || vec![hit(1, "a", Some(0.9)), hit(2, "b", Some(0.8))];
        let seen = Seen::of([row(1, "a").memory.content_hash]);
        assert_eq!(ids("which database", hits(), &seen), [2]);
        assert_eq!(ids("which database", hits(), &Seen::default()), [1, 2]);
    }

    #[test]
    fn a_text_that_two_projects_have_is_recalled_once() {
        let hits = vec![hit(1, "a", Some(0.9)), hit(1, "a", Some(0.9))];
        assert_eq!(ids("which database", hits, &Seen::default()), [1]);
    }

    // The model takes every sentence in these scripts for the same one.
    #[test]
    fn scripts_that_the_model_does_not_know_are_compared_by_words_only() {
        let hits = || vec![hit(1, "今日は天気がいい", Some(1.0))];
        assert_eq!(
            ids("数据库 端口 是 什么", hits(), &Seen::default()),
            [0_i64; 0]
        );
        assert!(is_understood("Какой порт у базы?"));
    }

    #[test]
    fn prompts_that_ask_for_nothing_are_not_searched_for() {
        for prompt in [
            "",
            "  ",
            "yes",
            "continue",
            "go on",
            "/compact now please database",
            "!ls database port",
            "#x",
        ] {
            assert_eq!(question(prompt), None, "{prompt}");
        }
        assert_eq!(
            question(" which port? The database ").as_deref(),
            Some("which port? The database")
        );
    }

    #[test]
    fn of_a_long_prompt_start_and_end_are_searched_for() {
        let prompt = format!(
            "why does the server fail?\n{}\nlast words",
            "x ".repeat(9_000)
        );
        let question = question(&prompt).unwrap();
        assert!(question.starts_with("why does"), "{question}");
        assert!(question.ends_with("last words"), "{question}");
        assert!(question.chars().count() < 700);
    }
}
