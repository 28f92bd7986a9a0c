//! Missing, damaged and hostile model files: an error that names the file, never a panic.

use std::fs;

use commonplace_embed::{EmbedError, EmbedOptions, Embedder, LoadError, MODEL_FILES};
use tempfile::TempDir;

use crate::files::{linked_model, model_dir, replace};

const WEIGHTS: &str = "model.safetensors";
const VERIFY: EmbedOptions = EmbedOptions {
    threads: 1,
    query_cache_entries: 0,
    verify: true,
};
const QUICK: EmbedOptions = EmbedOptions {
    verify: false,
    ..VERIFY
};

fn weights() -> Vec<u8> {
    fs::read(model_dir().join(WEIGHTS)).unwrap()
}

/// The reason why the files in `dir` are called damaged, which must be `name`'s fault.
fn damage(dir: &TempDir, name: &str, options: EmbedOptions) -> String {
    match Embedder::load(dir.path(), options) {
        Err(LoadError::Damaged { path, reason }) => {
            assert!(
                path.ends_with(name),
                "blames `{}` instead of `{name}`: {reason}",
                path.display()
            );
            reason
        }
        Err(other) => panic!("expected a damaged `{name}`, got: {other}"),
        Ok(_) => panic!("a damaged `{name}` was loaded"),
    }
}

/// Changes the header of the weights without changing its length.
fn with_header(change: impl Fn(&str) -> String) -> TempDir {
    let mut bytes = weights();
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let before = str::from_utf8(&bytes[8..8 + length]).unwrap().to_owned();
    let after = change(&before);
    assert_eq!(after.len(), length, "the change keeps the length");
    assert_ne!(after, before, "the change is one");
    bytes[8..8 + length].copy_from_slice(after.as_bytes());
    let dir = linked_model();
    replace(&dir, WEIGHTS, &bytes);
    dir
}

#[test]
fn whole_files_pass_with_their_sums_compared() {
    Embedder::load(&model_dir(), VERIFY).unwrap();
}

#[test]
fn a_missing_file_is_named_with_what_to_do() {
    for file in MODEL_FILES {
        let dir = linked_model();
        fs::remove_file(dir.path().join(file.name)).unwrap();
        let error = Embedder::load(dir.path(), QUICK).unwrap_err();
        assert!(
            matches!(&error, LoadError::Missing { path } if path.ends_with(file.name)),
            "{error}"
        );
        // Who has installed a package has no sources.
        assert!(!error.to_string().contains("cargo"), "{error}");
        assert!(
            error
                .to_string()
                .contains("sentence-transformers/all-MiniLM-L6-v2 into its directory"),
            "{error}"
        );
        assert!(error.to_string().contains("by words only"), "{error}");
    }
}

#[test]
fn a_half_downloaded_file_is_damaged() {
    for name in [WEIGHTS, "tokenizer.json", "config.json"] {
        let whole = fs::read(model_dir().join(name)).unwrap();
        for bytes in [0, 5, whole.len() / 2, whole.len() - 2] {
            let dir = linked_model();
            replace(&dir, name, &whole[..bytes]);
            damage(&dir, name, QUICK);
        }
    }
    let dir = linked_model();
    replace(&dir, WEIGHTS, &weights()[..1000]);
    assert_eq!(
        damage(&dir, WEIGHTS, QUICK),
        "it has 1000 bytes instead of 90868376, perhaps half downloaded"
    );
}

#[test]
fn random_bytes_of_the_right_size_are_damaged() {
    for (name, content) in MODEL_FILES
        .iter()
        .filter_map(|file| Some((file.name, file.content?.0)))
    {
        let mut state = 7_u64;
        let block: Vec<u8> = std::iter::repeat_with(|| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        })
        .take(1 << 16)
        .collect();
        let mut noise = block.repeat(content as usize / block.len() + 1);
        noise.truncate(content as usize);
        for filled in [
            noise,
            vec![0; content as usize],
            vec![0xff; content as usize],
        ] {
            let dir = linked_model();
            replace(&dir, name, &filled);
            damage(&dir, name, QUICK);
        }
    }
}

#[test]
fn one_changed_byte_is_found_by_the_sum() {
    let mut bytes = weights();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    let dir = linked_model();
    replace(&dir, WEIGHTS, &bytes);
    assert!(damage(&dir, WEIGHTS, VERIFY).contains("SHA-256"));
}

#[test]
fn a_missing_tensor_is_named() {
    let dir = with_header(|header| {
        header.replace(
            "layer.3.intermediate.dense.bias",
            "layer.3.intermediate.dense.bits",
        )
    });
    assert_eq!(
        damage(&dir, WEIGHTS, QUICK),
        "it has no tensor `encoder.layer.3.intermediate.dense.bias`"
    );
}

#[test]
fn a_tensor_of_another_shape_is_named() {
    let dir = with_header(|header| header.replace("[30522,384]", "[384,30522]"));
    let reason = damage(&dir, WEIGHTS, QUICK);
    assert!(
        reason.contains("`embeddings.word_embeddings.weight` is F32 [384, 30522]"),
        "{reason}"
    );
}

#[test]
fn a_tensor_of_another_type_is_named() {
    let dir = with_header(|header| header.replacen("\"F32\"", "\"I32\"", 200));
    let reason = damage(&dir, WEIGHTS, QUICK);
    assert!(
        reason.contains("is I32 [512, 384] instead of F32"),
        "{reason}"
    );
}

#[test]
fn a_header_that_does_not_describe_the_file_is_refused() {
    let shapes = with_header(|header| header.replacen("[384]", "[385]", 1));
    assert!(damage(&shapes, WEIGHTS, QUICK).contains("header"));
    let offsets =
        with_header(|header| header.replacen("data_offsets\":[4096,", "data_offsets\":[4097,", 1));
    assert!(damage(&offsets, WEIGHTS, QUICK).contains("header"));
    let mut huge = weights();
    huge[..8].copy_from_slice(&u64::MAX.to_le_bytes());
    let dir = linked_model();
    replace(&dir, WEIGHTS, &huge);
    assert!(damage(&dir, WEIGHTS, QUICK).contains("header claims"));
}

#[test]
fn weights_that_are_not_numbers_give_an_error_instead_of_a_vector() {
    let mut bytes = weights();
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    bytes[8 + length..].fill(0xff);
    let dir = linked_model();
    replace(&dir, WEIGHTS, &bytes);
    let embedder = Embedder::load(dir.path(), QUICK).unwrap();
    embedder.embed("text").unwrap_err();
    embedder.embed_batch(&["text"]).unwrap_err();
}

#[test]
fn a_tokenizer_with_unknown_tokens_gives_an_error_instead_of_a_vector() {
    let whole = fs::read_to_string(model_dir().join("tokenizer.json")).unwrap();
    let parsed: serde_json::Value = serde_json::from_str(&whole).unwrap();
    let entry = format!("\"labyrinth\":{}", parsed["model"]["vocab"]["labyrinth"]);
    let changed = whole.replacen(&entry, "\"labyrinth\":99999", 1);
    assert_eq!(changed.len(), whole.len(), "the change keeps the length");
    assert_ne!(changed, whole, "the change is one");
    let dir = linked_model();
    replace(&dir, "tokenizer.json", changed.as_bytes());
    let embedder = Embedder::load(dir.path(), QUICK).unwrap();
    embedder.embed("a maze").unwrap();
    let error = embedder.embed("a labyrinth").unwrap_err();
    assert!(matches!(&error, EmbedError::Runtime { .. }), "{error}");
    assert!(damage(&dir, "tokenizer.json", VERIFY).contains("SHA-256"));
}

#[test]
fn json_of_the_right_size_that_is_no_tokenizer_is_damaged() {
    let size = fs::metadata(model_dir().join("tokenizer.json"))
        .unwrap()
        .len() as usize;
    for text in [
        "{}",
        "[]",
        "{\"model\":{\"type\":\"WordPiece\",\"vocab\":{}}}",
        "null",
    ] {
        let dir = linked_model();
        replace(
            &dir,
            "tokenizer.json",
            (text.to_owned() + &" ".repeat(size - text.len())).as_bytes(),
        );
        damage(&dir, "tokenizer.json", QUICK);
    }
}

#[test]
fn the_configuration_of_another_model_is_refused() {
    let config = fs::read_to_string(model_dir().join("config.json")).unwrap();
    let dir = linked_model();
    replace(
        &dir,
        "config.json",
        config
            .replace("\"hidden_size\": 384", "\"hidden_size\": 768")
            .as_bytes(),
    );
    assert!(damage(&dir, "config.json", QUICK).contains("`hidden_size`"));
    replace(
        &dir,
        "config.json",
        config.replace("\"bert\"", "\"gpt2\"").as_bytes(),
    );
    assert!(damage(&dir, "config.json", QUICK).contains("`model_type`"));
    replace(&dir, "config.json", &vec![b' '; 3 << 20]);
    assert!(damage(&dir, "config.json", QUICK).contains("far too many"));
}

#[test]
fn a_directory_in_the_place_of_a_file_is_refused() {
    let dir = linked_model();
    let path = dir.path().join(WEIGHTS);
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    Embedder::load(dir.path(), QUICK).unwrap_err();
}
