//! The ways in which files of a model come to their place, or do not.

mod archives;

use std::time::Duration;

use super::test_server::{Answer, TestServer};
use super::*;

const WEIGHTS: &[u8] = b"these are the weights";
const WEIGHTS_SHA256: &str = "1f37de1efe65eafa62eecff07876ee832138e32600cb5e50a041b51648f402e3";
const CONFIG: &str = r#"{"model_type": "bert", "hidden_act": "gelu", "hidden_size": 384, "intermediate_size": 1536,
    "num_attention_heads": 12, "num_hidden_layers": 6, "vocab_size": 30522, "max_position_embeddings": 512,
    "type_vocab_size": 2, "layer_norm_eps": 1e-12}"#;

const SMALL: [ModelFile; 2] = [
    ModelFile {
        name: "config.json",
        content: None,
    },
    ModelFile {
        name: "model.safetensors",
        content: Some((WEIGHTS.len() as u64, WEIGHTS_SHA256)),
    },
];

/// A hub that serves one content under every name.
fn hub(server: &TestServer) -> Source {
    Source::Hub {
        endpoint: Endpoint::parse(&server.url("")).unwrap(),
        limits: Limits {
            connect: Duration::from_secs(5),
            stall: Duration::from_secs(30),
            attempts_max: 3,
        },
    }
}

/// A directory with these two files.
fn dir_of(config: &str, weights: &[u8]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("config.json"), config).unwrap();
    fs::write(dir.path().join("model.safetensors"), weights).unwrap();
    dir
}

/// A directory that lacks the weights.
fn without_weights() -> tempfile::TempDir {
    let dir = dir_of(CONFIG, b"");
    fs::remove_file(dir.path().join("model.safetensors")).unwrap();
    dir
}

/// The names of files that are there after a `get`, which leaves its lock.
fn with_lock<'a>(names: &[&'a str]) -> Vec<&'a str> {
    let mut names = [names, &[get_lock::NAME]].concat();
    names.sort_unstable();
    names
}

/// Gets the files, and returns their names or the error, with the notes.
fn get_small(dir: &Path, source: &Source) -> (Result<Vec<&'static str>, GetError>, Vec<String>) {
    let mut notes = Vec::new();
    let got = get_files(&SMALL, dir, source, &mut |step| {
        if let Step::Note(note) = step {
            notes.push(note);
        }
    });
    (got, notes)
}

fn names_in(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).unwrap();
    let name = |entry: io::Result<fs::DirEntry>| entry.unwrap().file_name();
    let mut names: Vec<_> = entries
        .map(|entry| name(entry).to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

fn weights_in(dir: &Path) -> Vec<u8> {
    fs::read(dir.join("model.safetensors")).unwrap()
}

#[test]
fn files_come_from_a_directory_and_leave_it_as_it_is() {
    let (from, parent) = (dir_of(CONFIG, WEIGHTS), tempfile::tempdir().unwrap());
    let dir = parent.path().join("store/models/a");
    let (got, _) = get_small(&dir, &Source::Dir(from.path().to_owned()));
    assert_eq!(got.unwrap(), ["config.json", "model.safetensors"]);
    assert_eq!(
        names_in(&dir),
        with_lock(&["config.json", "model.safetensors"])
    );
    assert_eq!(weights_in(&dir), WEIGHTS);
    assert_eq!(names_in(from.path()).len(), 2);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(parent.path().join("store")).unwrap();
        let mode = mode.permissions().mode() & 0o777;
        assert_eq!(mode, 0o700, "a store that is made is this user's alone");
    }
}

#[test]
fn files_that_are_right_ask_no_source() {
    let dir = dir_of(CONFIG, WEIGHTS);
    let (got, notes) = get_small(dir.path(), &Source::Dir("/does/not/exist".into()));
    assert_eq!(got.unwrap(), [""; 0]);
    assert_eq!(notes, [""; 0]);
}

#[test]
fn a_file_that_is_there_but_wrong_is_replaced_and_no_other_is_fetched() {
    let dir = dir_of(CONFIG, b"these are THE weights");
    let server = TestServer::start(WEIGHTS, vec![Answer::Whole]);
    let (got, notes) = get_small(dir.path(), &hub(&server));
    assert_eq!(got.unwrap(), ["model.safetensors"]);
    assert_eq!(weights_in(dir.path()), WEIGHTS);
    assert_eq!(server.ranges(), [None]);
    assert!(
        notes[0].contains("wrong") && notes[0].contains(WEIGHTS_SHA256),
        "{notes:?}"
    );
}

#[test]
fn a_download_with_the_wrong_sum_never_gets_the_files_name_and_says_both_sums() {
    let dir = without_weights();
    let server = TestServer::start(b"these are THE weights", vec![Answer::Whole]);
    let (got, _) = get_small(dir.path(), &hub(&server));
    let error = got.unwrap_err().to_string();
    let found = "SHA-256 sum is ";
    for part in [
        "`model.safetensors`",
        &server.url(""),
        found,
        WEIGHTS_SHA256,
    ] {
        assert!(error.contains(part), "no {part}: {error}");
    }
    assert_eq!(
        names_in(dir.path()),
        with_lock(&["config.json"]),
        "a wrong file was kept"
    );
}

#[test]
fn a_part_of_another_file_is_thrown_away_and_fetched_anew() {
    let dir = without_weights();
    fs::write(dir.path().join("model.safetensors.part"), b"those").unwrap();
    let server = TestServer::start(WEIGHTS, vec![Answer::Whole, Answer::Whole]);
    let (got, _) = get_small(dir.path(), &hub(&server));
    assert_eq!(got.unwrap(), ["model.safetensors"]);
    assert_eq!(weights_in(dir.path()), WEIGHTS);
    assert_eq!(server.ranges(), [Some("bytes=5-".to_owned()), None]);
}

#[test]
fn a_part_is_kept_until_its_file_is_in_place() {
    let dir = without_weights();
    let part = dir.path().join("model.safetensors.part");
    fs::write(&part, &WEIGHTS[..5]).unwrap();
    // As long as the right one, and from the start: only its sum says that it is wrong.
    let server = TestServer::start(b"these are THE weights", vec![Answer::WholeWithoutLength]);
    let (got, _) = get_small(dir.path(), &hub(&server));
    assert!(matches!(got, Err(GetError::Wrong { .. })), "{got:?}");
    assert_eq!(fs::read(&part).unwrap(), &WEIGHTS[..5]);
    let from = dir_of(CONFIG, WEIGHTS);
    let (got, _) = get_small(dir.path(), &Source::Dir(from.path().to_owned()));
    assert_eq!(got.unwrap(), ["model.safetensors"]);
    assert_eq!(
        names_in(dir.path()),
        with_lock(&["config.json", "model.safetensors"]),
        "the part is of no more use"
    );
}

#[test]
fn of_two_at_once_one_is_refused_and_the_other_brings_intact_files() {
    let from = dir_of(CONFIG, WEIGHTS);
    let copied = || Source::Dir(from.path().to_owned());
    for (is_first_copied, is_second_copied) in
        [(true, true), (true, false), (false, true), (false, false)]
    {
        let dir = without_weights();
        let servers = [Answer::Whole; 2].map(|answer| TestServer::start(WEIGHTS, vec![answer]));
        let source = |is_copied, server| if is_copied { copied() } else { hub(server) };
        let (first, second) = (
            source(is_first_copied, &servers[0]),
            source(is_second_copied, &servers[1]),
        );
        let mut refused = Vec::new();
        let got = get_files(&SMALL, dir.path(), &first, &mut |step| {
            if let Step::Bytes { .. } = step {
                refused.push(get_small(dir.path(), &second).0.unwrap_err());
            }
        });
        assert_eq!(got.unwrap(), ["model.safetensors"]);
        assert_eq!(weights_in(dir.path()), WEIGHTS);
        assert!(!refused.is_empty(), "nothing was told while the file came");
        for error in refused {
            let said = error.to_string();
            assert!(matches!(error, GetError::Busy { .. }), "{said}");
            assert!(said.contains(&*dir.path().to_string_lossy()), "{said}");
            #[cfg(target_os = "linux")]
            assert!(
                said.contains(&format!("pid {}", std::process::id())),
                "{said}"
            );
        }
        assert_eq!(servers[1].ranges().len(), 0, "the second one asked");
    }
}

#[cfg(unix)]
#[test]
fn a_directory_only_for_reading_is_well_if_its_files_are_right() {
    let dir = dir_of(CONFIG, WEIGHTS);
    // A directory in the lock's place keeps root out too.
    fs::create_dir(dir.path().join(get_lock::NAME)).unwrap();
    let nowhere = Source::Dir("/does/not/exist".into());
    assert_eq!(get_small(dir.path(), &nowhere).0.unwrap(), [""; 0]);
    fs::remove_file(dir.path().join("config.json")).unwrap();
    let error = get_small(dir.path(), &nowhere).0.unwrap_err().to_string();
    assert!(error.contains(get_lock::NAME), "{error}");
}

#[test]
fn what_is_wrong_in_a_directory_is_named_before_anything_is_written() {
    let not_a_file = without_weights();
    fs::create_dir(not_a_file.path().join("model.safetensors")).unwrap();
    let long = format!("{CONFIG}{}", " ".repeat(CONFIG_BYTES_MAX as usize));
    for (from, name, said) in [
        (
            dir_of(CONFIG, b"these are THE weights"),
            "model.safetensors",
            "its SHA-256 sum is ",
        ),
        (
            dir_of(CONFIG, b"these"),
            "model.safetensors",
            "it has 5 bytes instead of 21",
        ),
        (
            dir_of(CONFIG, b"these are the weights and more"),
            "model.safetensors",
            "it has 30 bytes instead of 21",
        ),
        (
            dir_of(r#"{"hidden_size": 768}"#, WEIGHTS),
            "config.json",
            "",
        ),
        (
            dir_of(&long, WEIGHTS),
            "config.json",
            "instead of at most 65536",
        ),
        (without_weights(), "model.safetensors", "it is missing"),
        (not_a_file, "model.safetensors", "it is not a file"),
    ] {
        let dir = dir_of("old", b"old");
        let (got, _) = get_small(dir.path(), &Source::Dir(from.path().to_owned()));
        let error = got.unwrap_err();
        let text = error.to_string();
        assert!(matches!(error, GetError::Source { .. }), "{text}");
        let path = from.path().join(name).display().to_string();
        assert!(text.contains(&path) && text.contains(said), "{text}");
        let names = with_lock(&["config.json", "model.safetensors"]);
        assert_eq!(names_in(dir.path()), names, "after {text}");
        let config = fs::read(dir.path().join("config.json")).unwrap();
        assert_eq!(config, b"old", "after {text}");
    }
}

#[cfg(unix)]
#[test]
fn a_pipe_is_not_waited_for() {
    let from = without_weights();
    let pipe = from.path().join("model.safetensors");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    for (from, said) in [
        (from.path().to_owned(), "it is not a file"),
        (pipe, "neither a directory nor"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let (sender, ended) = std::sync::mpsc::channel();
        // In a thread of its own: one that waits for the pipe must not hang the test.
        std::thread::spawn(move || {
            let (got, _) = get_small(dir.path(), &Source::at(from));
            sender.send(got.unwrap_err().to_string())
        });
        let error = ended
            .recv_timeout(Duration::from_secs(30))
            .expect("the pipe is not waited for");
        assert!(error.contains(said), "{error}");
    }
}

#[test]
fn a_directory_that_cannot_be_made_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    let (got, _) = get_small(&file.join("model"), &Source::Dir(dir.path().to_owned()));
    let error = got.unwrap_err().to_string();
    assert!(error.contains(&*file.to_string_lossy()), "{error}");
}

#[test]
fn a_full_disk_is_told_with_what_is_needed() {
    let full = FileError::at(Path::new("/x"))(io::ErrorKind::StorageFull.into());
    let said = full.to_string();
    assert!(
        said.contains("`/x`") && said.contains("needs at most 91.4 MB"),
        "{said}"
    );
}
