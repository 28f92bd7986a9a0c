//! What each kind of argument reads, and what errors say.

use super::*;

fn read<K: Kind>(kind: K, name: &str, given: Value) -> Result<K::Read, String> {
    let read = kind.read(name, &given);
    read.map_err(|error| error.to_string())
}

#[test]
fn tags_are_read_in_every_spelling() {
    let table = [
        (json!(["a", "b"]), vec!["a", "b"]),
        (json!("a, b ,"), vec!["a", "b"]),
        (json!("[\"a\", \"b\"]"), vec!["a", "b"]),
        (json!("[draft], b"), vec!["[draft]", "b"]),
        (json!(["2024", 7]), vec!["2024", "7"]),
        (json!(["a,b"]), vec!["a,b"]),
        (json!("['a', 'b']"), vec!["a", "b"]),
        (json!("('a', 'b')"), vec!["a", "b"]),
        (json!("{'a', 'b'}"), vec!["a", "b"]),
        (json!("['a', None]"), vec!["a"]),
        (json!("[a, b]"), vec!["a", "b"]),
        (json!("[draft]"), vec!["[draft]"]),
        (json!("- a\n- b, c\n"), vec!["a", "b, c"]),
        (json!("* a\n* b"), vec!["a", "b"]),
        (json!("• a\n• b"), vec!["a", "b"]),
        (json!("1. a\n2) b"), vec!["a", "b"]),
        (json!("a\nb, c"), vec!["a", "b", "c"]),
        (json!("#a #b"), vec!["a", "b"]),
        (json!("#a, #b"), vec!["a", "b"]),
        (json!("c#, #b"), vec!["c#", "#b"]),
        (json!(["#a"]), vec!["#a"]),
        (json!("'a', \"b\""), vec!["a", "b"]),
        (json!("don't, won't"), vec!["don't", "won't"]),
        (json!("two words"), vec!["two words"]),
        (json!("-a, 1.5"), vec!["-a", "1.5"]),
        (json!(["a", null]), vec!["a"]),
        (json!(""), vec![]),
        (json!(null), vec![]),
    ];
    for (given, wanted) in table {
        let read = read(Words, "tags", given.clone()).unwrap();
        assert_eq!(read, wanted, "given {given}");
    }
    for wrong in [json!({"a": 1}), json!(true), json!([["a"]])] {
        assert!(read(Words, "tags", wrong.clone()).is_err(), "given {wrong}");
    }
}

#[test]
fn numbers_are_read_in_every_spelling() {
    let table = [
        (json!(5), Some(5)),
        (json!("5"), Some(5)),
        (json!(5.0), Some(5)),
        (json!(" 5.0 "), Some(5)),
        (json!(-1), Some(-1)),
        (json!(1_000_000_000), Some(1_000_000_000)),
        (json!(5.5), None),
        (json!("five"), None),
        (json!(1e300), Some(i64::MAX)),
        (json!("99999999999999999999"), Some(i64::MAX)),
        (json!("NaN"), None),
        (json!([5]), None),
    ];
    for (given, wanted) in table {
        let read = read(Integer::from(1), "limit", given.clone());
        assert_eq!(read.ok().flatten(), wanted, "given {given}");
    }
    assert_eq!(
        read(Integer::from(1), "limit", json!(null)),
        Ok(None),
        "null counts as not given"
    );
}

#[test]
fn names_are_read_in_every_spelling() {
    let table = [
        (json!(" note "), Some("note")),
        (json!(["note"]), Some("note")),
        (json!(7), Some("7")),
        (json!(true), Some("true")),
        (json!(""), None),
        (json!([""]), None),
    ];
    for (given, wanted) in table {
        let read = read(Text, "memory_type", given.clone()).unwrap();
        assert_eq!(read.as_deref(), wanted, "given {given}");
    }
    for wrong in [json!(["a", "b"]), json!([["a"]]), json!({"a": 1})] {
        assert!(
            read(Text, "memory_type", wrong.clone()).is_err(),
            "given {wrong}"
        );
    }
}

#[test]
fn yes_and_no_are_read_in_every_spelling() {
    for (given, wanted) in [
        (json!(true), true),
        (json!("True"), true),
        (json!("no"), false),
        (json!(0), false),
    ] {
        assert_eq!(
            read(Truth, "flag", given.clone()),
            Ok(wanted),
            "given {given}"
        );
    }
    assert!(read(Truth, "flag", json!("perhaps")).is_err());
}

#[test]
fn an_object_may_be_json_inside_a_string() {
    const OBJECT: Object = Object { members: &[] };
    let wanted = json!({"k": 1});
    let spellings = [
        json!({"k": 1}),
        json!("{\"k\": 1}"),
        json!("{'k': 1}"),
        json!([{"k": 1}]),
        json!("[{'k': 1}, {}]"),
    ];
    for given in spellings {
        let map = read(OBJECT, "metadata", given.clone()).unwrap();
        assert_eq!(map.map(Value::Object), Some(wanted.clone()), "{given}");
    }
    for wrong in [
        json!("k=1"),
        json!([{"k": 1}, {"k": 2}]),
        json!([1]),
        json!(7),
    ] {
        assert!(read(OBJECT, "metadata", wrong.clone()).is_err(), "{wrong}");
    }
}

#[test]
fn prose_is_kept_as_given_and_what_is_no_text_as_its_json() {
    let table = [
        (json!("none"), Some("none")),
        (json!(" "), Some(" ")),
        (json!({"b": [1, null]}), Some(r#"{"b":[1,null]}"#)),
        (json!(["x", "y"]), Some(r#"["x","y"]"#)),
        (json!(0), Some("0")),
        (json!(true), Some("true")),
        (json!(null), None),
    ];
    const PROSE: Argument<Prose> = Argument::unlisted("content", Prose);
    for (given, wanted) in table {
        let read = PROSE.read_as("content", &given).unwrap();
        assert_eq!(read.as_deref(), wanted, "given {given}");
    }
    for nothing in [json!([]), json!({})] {
        assert_eq!(PROSE.read_as("content", &nothing), Ok(None));
    }
}

#[test]
fn errors_name_the_argument_what_was_given_and_what_is_wanted() {
    let mode = Choice {
        words: &[("hybrid", 1), ("exact", 2)],
        old_words: &[],
    };
    const NUMBER: Integer = Integer::from(1);
    let long = json!("x".repeat(1000));
    let messages = [
        read(NUMBER, "limit", json!("many")).unwrap_err(),
        read(Text, "a", json!({"b": 1})).unwrap_err(),
        read(mode, "mode", json!("fuzzy")).unwrap_err(),
        read(Words, "tags", json!({})).unwrap_err(),
        read(NUMBER, "limit", long).unwrap_err(),
        read(Text, "b", json!([1, 2])).unwrap_err(),
        read(NUMBER.to(9).refused_outside("days"), "age", json!(0)).unwrap_err(),
    ];
    let wanted = [
        "argument `limit` must be a whole number; got `\"many\"`".to_owned(),
        "argument `a` must be a string; got an object".to_owned(),
        "argument `mode` must be one of `hybrid`, `exact`; got `\"fuzzy\"`".to_owned(),
        "argument `tags` must be a list of strings or comma-separated text; got an object"
            .to_owned(),
        format!(
            "argument `limit` must be a whole number; got `\"{}…`",
            "x".repeat(59)
        ),
        "argument `b` must be a string; got a list of 2".to_owned(),
        "argument `age` must be 1 to 9 days; got `0`".to_owned(),
    ];
    assert_eq!(messages, wanted);
}

const TABLE: Table = &[
    &[
        &Argument::new("content", Prose, ""),
        &Argument::new("tags", Words, "").formerly(&["tag", "labels"]),
        &Argument::unlisted("conversation_id", Text),
        &Argument::unlisted("limit", Integer::from(1).to(100).or(10)).formerly(&["n_results"]),
        &Argument::unlisted("chars", Integer::from(0)),
        &Argument::unlisted("project", BlankText),
        &Partition,
    ],
    &[
        &Ignored::unless_off("entity", "filter by `tags`"),
        &Ignored::unless_on("preserve", "it is always kept"),
        &Ignored::silently("fallback"),
    ],
];

#[test]
fn an_unknown_argument_is_refused_with_the_nearest_known_one() {
    let given = Map::from_iter([("contnet".to_owned(), json!("x"))]);
    let error = Arguments::new("memory_store", given, TABLE).err().unwrap();
    assert_eq!(
        error.to_string(),
        "`memory_store` has no argument `contnet` (did you mean `content`?); it takes `content`, `tags`"
    );
}

#[test]
fn old_spellings_become_new_ones_and_what_has_no_effect_is_said_if_it_asks_for_something() {
    let table = r#"
        {"tag": "a"} => {"tags": "a"}
        {"tags": "a", "labels": "b"} => {"tags": "a"}
        {"tags": null, "labels": "b"} => {"tags": "b"}
        {"store": "work"} => {"project": "work"}
        {"store": "a", "project": "b"} => {"project": "b"}
        {"store": "default"} => {}
        {"store": "all"} => {}
        {"store": "null"} => {}
        {"tags": "None"} => {}
        {"tags": [], "labels": "undefined", "tag": "b"} => {"tags": "b"}
        {"project": ""} => {"project": ""}
        {"project": "null"} => {}
        {"content": "null"} => {"content": "null"}
        {"limit": 0} => {}
        {"limit": "0", "n_results": 5} => {"limit": 5}
        {"limit": 100} => {"limit": 100}
        {"limit": 500} => {"limit": 100} `limit` was cut to 100, the largest there is; `500` was given
        {"n_results": "1e9"} => {"limit": 100} `limit` was cut to 100, the largest there is; `"1e9"` was given
        {"limit": -1} => {"limit": -1}
        {"chars": 0} => {"chars": 0}
        {"conversation_id": "c"} => {"conversation_id": "c"}
        {"content": "x", "entity": "Bob"} => {"content": "x"} `entity` had no effect: filter by `tags`
        {"entity": 0.3} => {} `entity` had no effect: filter by `tags`
        {"entity": 0, "fallback": true} => {}
        {"entity": ""} => {}
        {"entity": false} => {}
        {"entity": "null"} => {}
        {"preserve": true} => {}
        {"preserve": "true"} => {}
        {"preserve": false} => {} `preserve` had no effect: it is always kept
    "#;
    for line in table.trim().lines() {
        let (given, wanted) = line.split_once(" => ").unwrap();
        let (wanted, said) = wanted.split_at(wanted.find('}').unwrap() + 1);
        let mut rest = serde_json::from_str(given).unwrap();
        assert_eq!(translate(TABLE, &mut rest).concat(), said.trim(), "{given}");
        let wanted: Map<String, Value> = serde_json::from_str(wanted).unwrap();
        assert_eq!(rest, wanted, "{given}");
    }
}
