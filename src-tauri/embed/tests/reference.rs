//! Vectors against those of data/reference.py: another program in another language.

use std::path::Path;

use commonplace_embed::{DIM, Embedded, Vector};
use serde::Deserialize;

use crate::files::embedder;

#[derive(Deserialize)]
struct Case {
    name: String,
    text: String,
    tokens: usize,
    was_cut: bool,
    vector: Vec<f32>,
}

fn cases() -> Vec<Case> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/reference.json");
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn assert_same(case: &Case, found: &Embedded, how: &str) {
    let name = &case.name;
    assert_eq!(
        (found.tokens, found.was_cut),
        (case.tokens, case.was_cut),
        "{name}, {how}: tokens and cut"
    );
    let expected = Vector::from_unit(case.vector.clone()).unwrap();
    let cosine = found.vector.dot(&expected);
    assert!(
        cosine > 0.99999,
        "{name}, {how}: cosine with the reference is {cosine}"
    );
    for (index, (found, expected)) in found
        .vector
        .as_slice()
        .iter()
        .zip(expected.as_slice())
        .enumerate()
    {
        assert!(
            (found - expected).abs() < 1e-5,
            "{name}, {how}: entry {index} is {found} instead of {expected}"
        );
    }
}

#[test]
fn vectors_equal_those_of_another_implementation() {
    for case in cases() {
        assert_same(&case, &embedder().embed(&case.text).unwrap(), "alone");
    }
}

#[test]
fn vectors_in_a_batch_equal_those_of_another_implementation() {
    let cases = cases();
    let texts: Vec<&str> = cases.iter().map(|case| case.text.as_str()).collect();
    let found = embedder().embed_batch(&texts).unwrap();
    assert_eq!(found.len(), cases.len());
    for (case, found) in cases.iter().zip(&found) {
        assert_same(case, found, "in a batch");
    }
}

#[test]
fn cosines_are_those_of_the_published_model() {
    let cosine = |a: &str, b: &str| {
        embedder()
            .embed(a)
            .unwrap()
            .vector
            .dot(&embedder().embed(b).unwrap().vector)
    };
    let eating = "A man is eating food.";
    for (other, expected) in [
        ("A man is eating pasta.", 0.7035),
        ("The girl is carrying a baby.", -0.1050),
    ] {
        let found = cosine(eating, other);
        assert!(
            (found - expected).abs() < 0.001,
            "`{eating}` and `{other}`: {found} instead of {expected}"
        );
    }
}

#[test]
fn every_vector_has_the_length_one() {
    for case in cases() {
        let vector = embedder().embed(&case.text).unwrap().vector;
        assert_eq!(vector.as_slice().len(), DIM);
        assert!(
            (vector.dot(&vector) - 1.0).abs() < 1e-5,
            "{}: {}",
            case.name,
            vector.dot(&vector)
        );
    }
}
