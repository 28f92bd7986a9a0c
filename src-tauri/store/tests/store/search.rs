//! What a search finds, in which order, and that nothing a person types is syntax.

use commonplace_store::{Backend, Filter, Query, SearchMode, TagMatch, WriteOp};

use crate::support::{Chance, TestStore, at, by_texts, in_project, memory, strings, tagged};

fn with_texts(texts: &[&str]) -> TestStore {
    let store = TestStore::new();
    store.write(|writer| {
        for (now_ms, text) in (1..).zip(texts) {
            let op = WriteOp::Store(memory(text));
            writer.apply(&op, &at(now_ms)).unwrap().unwrap();
        }
    });
    store
}

#[test]
fn words_are_found_in_any_form_that_people_use() {
    let store = with_texts(&[
        "The café was CLOSED on Sundays",
        "Locks are taken before writing",
        "größer als groß",
        "schema_version is in store.db",
    ]);
    let cases = [
        ("cafe", "The café was CLOSED on Sundays"),
        ("cafe\u{301}", "The café was CLOSED on Sundays"),
        ("closing", "The café was CLOSED on Sundays"),
        ("Sunday?", "The café was CLOSED on Sundays"),
        ("lock writes", "Locks are taken before writing"),
        ("GRÖSSER größer", "größer als groß"),
        ("schema version", "schema_version is in store.db"),
        ("store.db", "schema_version is in store.db"),
    ];
    for (question, text) in cases {
        let found = store.texts(question, SearchMode::Keyword);
        assert_eq!(
            found.first().map(String::as_str),
            Some(text),
            "{question:?}"
        );
    }
}

#[test]
fn a_letter_with_its_accent_apart_is_one_word() {
    let store = with_texts(&["une idée d'été", "t"]);
    assert_eq!(
        store.texts("e\u{301}te\u{301}", SearchMode::Keyword),
        ["une idée d'été"]
    );
}

#[test]
fn nothing_in_a_query_is_syntax() {
    let store = with_texts(&["alpha beta", "gamma"]);
    let questions = [
        "\"",
        "'",
        "\"\"\"",
        "alpha\"",
        "(alpha",
        "alpha)",
        "alpha AND",
        "NOT alpha",
        "alpha NEAR(beta",
        "text:alpha",
        "memory_words:alpha",
        "{text tags}: alpha",
        "^alpha",
        "alpha*",
        "*",
        "-alpha",
        "+",
        ":",
        "alpha +",
        "AND OR NOT",
        "%",
        "_",
        "\\",
        ";DROP TABLE memories;",
        "?1",
        "$x",
        "@",
        "alpha\0beta",
        "\u{202e}alpha",
        "rank",
        "🦀",
        "日本語",
        "\u{301}",
        "\u{301}\u{301}a",
        "  ",
    ];
    let vector = Chance::seeded(1).unit_vector();
    for question in questions {
        for mode in [
            SearchMode::Hybrid,
            SearchMode::Semantic,
            SearchMode::Keyword,
            SearchMode::Exact,
        ] {
            let Ok(query) = Query::parse(question, mode, Filter::default(), 10) else {
                continue;
            };
            for vector in [None, Some(vector.as_slice())] {
                let found = store.store.reader().unwrap().search(&query, vector);
                assert!(found.is_ok(), "{question:?} {mode:?}: {found:?}");
            }
        }
        if question.contains("alpha") {
            let found = store.texts(question, SearchMode::Keyword);
            assert_eq!(found[0], "alpha beta", "{question:?}");
        }
    }
    assert!(
        store
            .texts("NOT alpha", SearchMode::Keyword)
            .contains(&"alpha beta".to_owned())
    );
}

#[test]
fn a_very_long_query_is_answered() {
    let store = with_texts(&["alpha", "omega"]);
    let words: Vec<String> = (0..2_000).map(|n| format!("w{n}")).collect();
    let question = format!("alpha {}", words.join(" "));
    assert_eq!(store.texts(&question, SearchMode::Keyword), ["alpha"]);
    assert!(
        store
            .texts(&"\"".repeat(100_000), SearchMode::Keyword)
            .is_empty()
    );
    assert!(
        store
            .texts(&"%_\\".repeat(100_000), SearchMode::Exact)
            .is_empty()
    );
}

#[test]
fn stop_words_count_only_if_there_is_nothing_else() {
    let store = with_texts(&["to be or not to be", "what is the port", "port 7311"]);
    let port = store.texts("what is the port?", SearchMode::Keyword);
    assert_eq!(port.len(), 2, "only `port` is looked up: {port:?}");
    assert_eq!(
        store.texts("to be", SearchMode::Keyword),
        ["to be or not to be"]
    );
}

#[test]
fn exact_takes_every_character_as_it_is() {
    let texts = [
        "100% sure",
        "100 percent",
        "a_b",
        "axb",
        "back\\slash",
        "Back\\Slash",
        "\\%_",
        "'quoted'",
    ];
    let store = with_texts(&texts);
    let found = |question| {
        let mut found = store.texts(question, SearchMode::Exact);
        found.reverse();
        found
    };
    assert_eq!(found("100%"), ["100% sure"]);
    assert_eq!(found("%"), ["100% sure", "\\%_"]);
    assert_eq!(found("a_b"), ["a_b"]);
    assert_eq!(found("_"), ["a_b", "\\%_"]);
    assert_eq!(
        found("BACK\\s"),
        ["back\\slash"],
        "the same text in two cases is one memory"
    );
    assert_eq!(found("\\%_"), ["\\%_"]);
    assert_eq!(found("'quoted'"), ["'quoted'"]);
    assert_eq!(
        found("e"),
        ["100% sure", "100 percent", "'quoted'"],
        "the newest came first"
    );
}

#[test]
fn an_empty_text_with_a_filter_lists_the_newest() {
    let store = TestStore::new();
    for (text, now_ms) in [("a", 10), ("b", 30), ("c", 20), ("d", 30)] {
        store.stored_at(in_project(text, "p"), now_ms);
    }
    store.stored_at(memory("elsewhere"), 40);
    let vector = Chance::seeded(2).unit_vector();
    for text in ["", "  ", "\0", " \0 "] {
        for mode in [
            SearchMode::Hybrid,
            SearchMode::Semantic,
            SearchMode::Keyword,
            SearchMode::Exact,
        ] {
            let filter = Filter::default().with_project("p").unwrap();
            let query = Query::parse(text, mode, filter, 3).unwrap();
            assert!(!query.needs_vector(), "{text:?} {mode:?}");
            let hits = store
                .store
                .reader()
                .unwrap()
                .search(&query, Some(&vector))
                .unwrap();
            let texts: Vec<&str> = hits.iter().map(|hit| hit.memory.text.as_str()).collect();
            assert_eq!(texts, ["d", "b", "c"], "{text:?} {mode:?}");
            assert!(
                hits.iter()
                    .all(|hit| hit.score == 1.0 && hit.cosine.is_none())
            );
        }
    }
}

#[test]
fn tags_that_name_nothing_restrict_nothing() {
    for tag_match in [TagMatch::Any, TagMatch::All] {
        let filter = Filter::default()
            .with_tags(&strings(&[" ", ""]), tag_match)
            .unwrap();
        assert!(
            filter.is_open(),
            "{tag_match:?}: who asks `is_open` before a delete must learn the truth"
        );
    }
}

/// Where tags end with white space after control characters were dropped, they were another tag when given again.
#[test]
fn a_tag_can_be_given_back_as_it_was_stored() {
    let store = TestStore::new();
    for (n, tag) in ["\u{1} a", "b \u{7f}", "\u{2},\u{3}", "ÀÉ", "İ"]
        .into_iter()
        .enumerate()
    {
        store.stored_at(tagged(&format!("m{n}"), &[tag]), 1);
        let stored = store.list(by_texts(&[&format!("m{n}")])).remove(0).tags;
        let filter = Filter::default().with_tags(&stored, TagMatch::All).unwrap();
        assert_eq!(store.list(filter).len(), 1, "{tag:?} became {stored:?}");
    }
}

#[test]
fn each_mode_looks_where_it_says() {
    let store = with_texts(&["alpha", "beta", "gamma"]);
    let mut chance = Chance::seeded(3);
    let vectors: Vec<_> = (0..3).map(|_| chance.unit_vector()).collect();
    for memory in store.list(Filter::default()) {
        let place = ["alpha", "beta", "gamma"]
            .iter()
            .position(|text| memory.text == *text);
        store.index(&memory, &[vectors[place.unwrap()].clone()]);
    }
    let search =
        |mode, vector: Option<&[f32]>| store.search("alpha", mode, Filter::default(), vector);
    let ranks = |mode, vector| {
        let hits = search(mode, vector);
        let rank = |hit: &commonplace_store::Hit| {
            (hit.memory.text.clone(), hit.keyword_rank, hit.semantic_rank)
        };
        hits.iter().map(rank).collect::<Vec<_>>()
    };
    let beta = Some(vectors[1].as_slice());
    assert_eq!(
        ranks(SearchMode::Keyword, beta),
        [("alpha".into(), Some(1), None)]
    );
    assert_eq!(
        ranks(SearchMode::Exact, beta),
        [("alpha".into(), None, None)]
    );
    let semantic = search(SearchMode::Semantic, beta);
    assert_eq!(semantic.len(), 3);
    assert_eq!(
        (semantic[0].memory.text.as_str(), semantic[0].keyword_rank),
        ("beta", None)
    );
    assert!(
        (semantic[0].cosine.unwrap() - 1.0).abs() < 1e-5 && (semantic[0].score - 1.0).abs() < 1e-6
    );
    let hybrid = ranks(SearchMode::Hybrid, beta);
    assert_eq!(hybrid[0].0, "alpha", "in both lists: {hybrid:?}");
    assert_eq!(hybrid[1], ("beta".into(), None, Some(1)));
    assert_eq!(
        ranks(SearchMode::Hybrid, None),
        [("alpha".into(), Some(1), None)]
    );
    assert_eq!(
        ranks(SearchMode::Semantic, None),
        [("alpha".into(), Some(1), None)],
        "without a vector, words are better than nothing"
    );
}

#[test]
fn the_best_chunk_counts_and_a_memory_is_one_hit() {
    let store = with_texts(&["long", "short"]);
    let mut chance = Chance::seeded(4);
    let question = chance.unit_vector();
    let chunks = [
        chance.unit_vector(),
        chance.near(&question, 0.9),
        chance.near(&question, 0.5),
    ];
    store.index(&store.list(by_texts(&["long"]))[0], &chunks);
    store.index(
        &store.list(by_texts(&["short"]))[0],
        &[chance.near(&question, 0.7)],
    );
    for filter in [
        Filter::default(),
        Filter::default().with_created(Some(0), None),
    ] {
        let hits = store.search("x", SearchMode::Semantic, filter, Some(&question));
        let texts: Vec<&str> = hits.iter().map(|hit| hit.memory.text.as_str()).collect();
        assert_eq!(texts, ["long", "short"]);
        assert!(
            (hits[0].cosine.unwrap() - 0.9).abs() < 0.03,
            "{:?}",
            hits[0].cosine
        );
    }
}

#[test]
fn ties_go_to_the_newer_memory() {
    let store = with_texts(&["same word one", "same word two", "same word six"]);
    let vector = Chance::seeded(5).unit_vector();
    for memory in store.list(Filter::default()) {
        store.index(&memory, std::slice::from_ref(&vector));
    }
    for mode in [
        SearchMode::Keyword,
        SearchMode::Semantic,
        SearchMode::Hybrid,
    ] {
        let hits = store.search("same", mode, Filter::default(), Some(&vector));
        let ids: Vec<i64> = hits.iter().map(|hit| hit.memory.id.0).collect();
        assert_eq!(ids, [3, 2, 1], "{mode:?}");
    }
}

/// A model that fails in a strange way gives NaN; such a vector must not lead every search.
#[test]
fn a_vector_that_is_no_number_never_leads() {
    let store = with_texts(&["broken", "whole"]);
    let question = Chance::seeded(6).unit_vector();
    store.index(
        &store.list(by_texts(&["broken"]))[0],
        &[vec![f32::NAN; 384]],
    );
    store.index(
        &store.list(by_texts(&["whole"]))[0],
        std::slice::from_ref(&question),
    );
    for filter in [
        Filter::default(),
        Filter::default().with_created(Some(0), None),
    ] {
        let hits = store.search("x", SearchMode::Semantic, filter, Some(&question));
        let texts: Vec<&str> = hits.iter().map(|hit| hit.memory.text.as_str()).collect();
        assert_eq!(texts, ["whole"]);
    }
}

#[test]
fn the_limit_is_kept() {
    let texts: Vec<String> = (0..150).map(|n| format!("same word {n}")).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let store = with_texts(&texts);
    for limit in [1, 10, 100] {
        for mode in [SearchMode::Hybrid, SearchMode::Keyword, SearchMode::Exact] {
            let query = Query::parse("same", mode, Filter::default(), limit).unwrap();
            let hits = store.store.reader().unwrap().search(&query, None).unwrap();
            assert_eq!(hits.len() as i64, limit, "{mode:?}");
            assert!(hits.windows(2).all(|pair| pair[0].score >= pair[1].score));
        }
    }
}
