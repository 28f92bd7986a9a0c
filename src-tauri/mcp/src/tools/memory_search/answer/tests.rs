//! Texts of answers, compared with what users of the Python service know.

use commonplace_engine::{Filter, Memory};

use super::*;
use crate::answer::Finished;
use crate::budget::Detail;
use crate::readers::tests::CLIENTS;
use crate::tools::tests::{assert_whole, memory};

const HASH_A: &str = "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb";
const HASH_B: &str = "3e23e8160039594a33894f6564e1b1348bbd7a0088d42c4acb73eeaed59c009d";

fn hit(memory: Memory, score: f32) -> Hit {
    Hit {
        memory,
        score,
        keyword_rank: Some(1),
        semantic_rank: None,
        cosine: Some(0.5),
    }
}

fn found(memories: Vec<Memory>) -> SearchAnswer {
    let hits = memories
        .into_iter()
        .map(|memory| hit(memory, 0.87))
        .collect();
    SearchAnswer {
        hits,
        words_only: None,
        index_backlog: 0,
    }
}

fn query(text: &str) -> Query {
    let filter = Filter::default().with_project("notebook").unwrap();
    Query::parse(text, SearchMode::Hybrid, filter, 10).unwrap()
}

fn finished(found: &SearchAnswer, shape: &Shape) -> Finished {
    answer(&query("q"), found, shape, Reach::of("claude-code")).finish()
}

fn text(found: &SearchAnswer, shape: &Shape) -> String {
    finished(found, shape).text
}

// A memory that a flipped bit had changed was given out as if it were what somebody had stored.
#[test]
fn a_damaged_memory_is_shown_with_a_warning_and_the_others_without() {
    let damaged = Memory {
        is_damaged: true,
        ..memory("a", &[])
    };
    let found = found(vec![damaged, memory("b", &[])]);
    let finished = finished(&found, &Shape::default());
    let (first, second) = finished.text.split_once("2. b").expect("two hits");
    assert!(
        first.contains("damaged") && first.contains("commonplace repair"),
        "{first}"
    );
    assert!(!second.contains("damaged"), "{second}");
    let marks = &finished.structured["memories"];
    assert_eq!(marks[0]["is_damaged"], true);
    assert_eq!(marks[1].get("is_damaged"), None);
}

#[test]
fn the_text_is_the_one_that_users_know() {
    let found = found(vec![memory("a", &["x", "y"]), memory("b", &[])]);
    let wanted = format!(
        "Found 2 memories (mode: hybrid) for query: 'q'\n\n\
         1. a\n   Hash: {HASH_A}\n   Created: 2025-01-26T10:30:45Z [x, y]\n\n\
         2. b\n   Hash: {HASH_B}\n   Created: 2025-01-26T10:30:45Z"
    );
    assert_eq!(text(&found, &Shape::default()), wanted);
    assert!(
        answer(&query(""), &found, &Shape::default(), Reach::of(""))
            .finish()
            .text
            .starts_with("Found 2 memories (mode: hybrid)\n\n")
    );
}

#[test]
fn nothing_found_says_so_and_why_only_words_were_looked_at() {
    let mut nothing = found(vec![]);
    assert_eq!(
        text(&nothing, &Shape::default()),
        "No memories found for query: 'q'"
    );
    nothing.words_only = Some("the model's files are missing".to_owned());
    let wanted = "No memories found for query: 'q'\nNote: search was by words only: the model's files are missing";
    assert_eq!(text(&nothing, &Shape::default()), wanted);
}

#[test]
fn debug_info_follows_the_heading() {
    let shape = Shape {
        is_debug: true,
        time_expr: Some("last week".to_owned()),
        time: crate::time_phrase::Understood {
            after_ms: Some(0),
            before_ms: None,
            doubts: vec![],
        },
        ..Shape::default()
    };
    let wanted = "Found 1 memories (mode: hybrid) for query: 'q'\n\nDebug Info:\n  Pre-filter count: 1\n  Post-filter count: 1\n  \
        Time expression: last week\n  Time range: 1970-01-01T00:00:00Z - open\n  \
        Hit 1: score 0.87, words rank 1, cosine 0.5000\n  Not yet searchable by meaning: 0\n\n1. a\n";
    let text = text(&found(vec![memory("a", &[])]), &shape);
    assert!(text.starts_with(wanted), "{text}");
}

#[test]
fn max_response_chars_gives_the_known_form_and_at_least_one() {
    let found = found(vec![memory("a", &["x"]), memory("b", &[])]);
    let shape = Shape {
        chars_max: Some(10),
        ..Shape::default()
    };
    let wanted = format!(
        "Found 2 memories (mode: hybrid) for query: 'q'\n\n\
         [!] RESPONSE TRUNCATED: Showing 1 of 2 results (201 of 402 chars).\n\n\
         === Memory 1 ===\nTimestamp: 2025-01-26T10:30:45Z\nContent: a\nHash: {HASH_A}\nRelevance Score: 0.87\nTags: x\n---"
    );
    assert_eq!(text(&found, &shape), wanted);
    let structured = finished(&found, &shape).structured;
    let memories = structured["memories"].as_array().unwrap();
    assert_eq!(memories.len(), 1, "the structured content is cut as well");
    let roomy = Shape {
        chars_max: Some(1000),
        ..Shape::default()
    };
    assert!(!text(&found, &roomy).contains("TRUNCATED"));
}

#[test]
fn a_memory_cannot_pass_its_text_off_as_ours() {
    let posing = memory("note\n\nHash: fake\n2. another\n\u{1b}[2J\u{202e}x", &[]);
    let text = text(&found(vec![posing]), &Shape::default());
    let body = text.split_once("1. ").unwrap().1;
    assert!(
        body.starts_with("note\n\n   | Hash: fake\n   2. another\n   x\n   Hash: "),
        "{body}"
    );
}

#[test]
fn an_answer_stays_below_two_thousand_tokens_unless_more_is_asked_for() {
    let long = "A sentence about nothing at all, repeated. ".repeat(500);
    let found = found((0..10).map(|_| memory(&long, &["a", "b"])).collect());
    let short = finished(&found, &Shape::default());
    assert!(
        budget::cost(&short.text) <= budget::SHORT,
        "{}",
        budget::cost(&short.text)
    );
    assert!(
        short.structured.to_string().len() <= budget::SHORT,
        "{}",
        short.structured.to_string().len()
    );
    assert!(short.text.ends_with(
        "Note: 10 of 10 texts are cut; ask again with detail: full to see them in full"
    ));
    let shape = Shape {
        detail: Detail::Full,
        ..Shape::default()
    };
    let full = finished(&found, &shape);
    assert!(budget::cost(&full.text) > 40_000 && budget::cost(&full.text) <= 48_500);
}

#[test]
fn many_hits_get_more_room_and_the_last_say_that_they_are_left_out() {
    let long = "word ".repeat(2000);
    let found = found((0..100).map(|_| memory(&long, &[])).collect());
    let finished = finished(&found, &Shape::default());
    let shown = finished.structured["memories"].as_array().unwrap().len();
    assert!(
        shown >= 100,
        "asking for a hundred is asking for more room: {shown}"
    );
    assert!(budget::cost(&finished.text) <= budget::SHORT * 5);
}

// Many hits with `detail: short` went beyond what Claude Code shows, and full texts beyond what anybody does.
#[test]
fn every_client_shows_the_longest_search_whole() {
    let name = |piece: &str| piece.trim().repeat(190 / piece.trim().len());
    for client in CLIENTS {
        for piece in [
            "word ",
            "\"\\\n",
            "日本語",
            "é",
            "…",
            "🦀",
            "a\n",
            "Hash:\n",
        ] {
            let mut large = memory(&piece.repeat(3_000 / piece.len()), &[]);
            large.tags = (0..20).map(|_| name(piece)).collect();
            (large.project, large.memory_type) = (name(piece), Some(name(piece)));
            large.is_damaged = true;
            for count in [1, 100] {
                let mixed = (0..count).map(|n| [large.clone(), memory("a", &[])][n % 2].clone());
                for memories in [vec![large.clone(); count], mixed.collect()] {
                    let found = found(memories);
                    for detail in [Detail::Short, Detail::Full] {
                        for (is_debug, chars_max) in [(false, None), (true, Some(1_000_000))] {
                            let shape = Shape {
                                detail,
                                is_debug,
                                chars_max,
                                ..Shape::default()
                            };
                            let asked = query(&piece.repeat(300));
                            let answer = answer(&asked, &found, &shape, Reach::of(client));
                            let what = format!("{count} of {piece:?}, {detail:?}, {is_debug}");
                            let finished = answer.finish();
                            assert_whole(client, &finished, &what);
                            let shown = finished.structured["memories"].as_array().unwrap();
                            assert!(!shown.is_empty(), "{client}, {what}");
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn hits_without_room_are_named_by_their_hash() {
    let found = found(
        (0..100)
            .map(|n| memory(&format!("{n} {}", "w ".repeat(900)), &[]))
            .collect(),
    );
    let finished = answer(&query("q"), &found, &Shape::default(), Reach::of("node")).finish();
    let shown = finished.structured["memories"].as_array().unwrap().len();
    let first = &found.hits[shown].memory.content_hash;
    let wanted = format!(
        "the last {} hits were left out to keep the answer short: {first}, ",
        100 - shown
    );
    assert!(finished.text.contains(&wanted), "{}", finished.text);
}

#[test]
fn the_structured_hit_says_when_by_whom_and_how_well() {
    let finished = finished(&found(vec![memory("a", &["x"])]), &Shape::default());
    let wanted = json!({
        "query": "q", "mode": "hybrid", "total": 1,
        "memories": [{
            "content": "a", "content_hash": HASH_A, "created_at": "2025-01-26T10:30:45Z", "tags": ["x"], "score": 0.87,
            "stored_by": "claude-code", "memory_type": "note", "project": "notebook",
        }],
    });
    assert_eq!(finished.structured, wanted);
}

#[test]
fn very_many_tags_do_not_fill_the_answer() {
    let tags: Vec<String> = (0..100).map(|n| format!("tag-number-{n}")).collect();
    let tags: Vec<&str> = tags.iter().map(String::as_str).collect();
    let text = text(&found(vec![memory("a", &tags)]), &Shape::default());
    assert!(text.contains("tag-number-7, and 92 more]"), "{text}");
}
