//! The holder record on disk: one block of fixed size, written in one piece.
//!
//! It lies beside the lock, not in it, because on Windows a locked file cannot be read. It is overwritten in place: a block
//! that exists can be written even when the disk is full, and no file is created per acquisition. Only the holder of the lock
//! writes. Readers do not take the lock, so they may see a half-written block; the checksum tells them to read again.
//!
//! The block is a line of JSON, `{"check":"<16 digits>","record":{…}}`, padded with spaces.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::thread;

use super::holder::{HolderRecord, Reading, SlotRecord};
use crate::error::PathError;
use crate::fail_point;
use crate::file::platform;

/// Bytes written each time. Room for the longest usual host, client and version names.
const BLOCK_BYTES: usize = 2048;
/// Bytes read each time: a later version may have grown the block.
const READ_BYTES_MAX: usize = 2 * BLOCK_BYTES;
/// Reads before a block that never matches its checksum counts as unreadable. A write takes a microsecond, so a block that
/// was half written is whole at the next read or the one after.
const READS_MAX: usize = 8;
/// Lengths in characters that texts are cut to, tried in this order, until the record fits.
const TEXT_CHARS_MAX: [usize; 3] = [128, 48, 16];

const HEAD: &str = r#"{"check":""#;
const MIDDLE: &str = r#"","record":"#;
const TAIL: &str = "}";
const CHECK_DIGITS: usize = 16;

/// The file with the block, kept open.
#[derive(Debug)]
pub(crate) struct Slot {
    path: PathBuf,
    file: File,
}

impl Slot {
    pub(crate) fn open(path: &Path) -> Result<Self, PathError> {
        let file = platform::open_record_file(path)
            .map_err(PathError::of("open the holder record", path))?;
        Ok(Self {
            path: path.to_owned(),
            file,
        })
    }

    /// Opens the file for reading if it is there, without making it; None if not.
    pub(crate) fn open_existing(path: &Path) -> Option<Self> {
        Some(Self {
            path: path.to_owned(),
            file: File::open(path).ok()?,
        })
    }

    /// Reads the block. Disk errors read as [`Reading::Unreadable`], since a record only informs.
    pub(crate) fn read(&self) -> Reading {
        for _ in 0..READS_MAX {
            let mut block = [0_u8; READ_BYTES_MAX];
            match platform::read_at_start(&self.file, &mut block) {
                Ok(0) => return Reading::Empty,
                Ok(len) => {
                    if let Some(record) = decode(&block[..len]) {
                        return Reading::Record(Box::new(record));
                    }
                }
                Err(error) => {
                    tracing::warn!(
                        target: crate::LOG, path = %self.path.display(), %error,
                        "could not read the holder record"
                    );
                    return Reading::Unreadable;
                }
            }
            thread::yield_now();
        }
        Reading::Unreadable
    }

    /// Writes the block. Only for the holder of the lock.
    ///
    /// A failure is logged and goes no further: it hides who holds the lock, nothing else.
    pub(crate) fn write(&self, record: &SlotRecord) {
        let block = encode(record);
        fail_point::reached("record-write");
        let result = match platform::write_at_start(&self.file, &block) {
            Ok(len) if len == block.len() => return,
            Ok(_) => io::Error::from(io::ErrorKind::WriteZero),
            Err(error) => error,
        };
        tracing::warn!(
            target: crate::LOG, path = %self.path.display(), error = %result,
            "could not write the holder record; others cannot see who holds the lock"
        );
    }
}

/// Makes the block. Texts that are too long for it are cut.
pub(crate) fn encode(record: &SlotRecord) -> [u8; BLOCK_BYTES] {
    let mut line = with_checksum(&json(record));
    for limit in TEXT_CHARS_MAX {
        if line.len() < BLOCK_BYTES {
            break;
        }
        line = with_checksum(&json(&shortened(record, limit)));
    }
    let mut block = [b' '; BLOCK_BYTES];
    block[..line.len()].copy_from_slice(&line);
    block[BLOCK_BYTES - 1] = b'\n';
    block
}

fn json(record: &SlotRecord) -> Vec<u8> {
    serde_json::to_vec(record).expect("texts and numbers always have a JSON form")
}

/// Puts `body` and its checksum into the form of a block.
pub(crate) fn with_checksum(body: &[u8]) -> Vec<u8> {
    let head = format!("{HEAD}{:016x}{MIDDLE}", checksum(body));
    [head.as_bytes(), body, TAIL.as_bytes()].concat()
}

/// Reads a block; None if it is torn, damaged or of another form.
pub(crate) fn decode(block: &[u8]) -> Option<SlotRecord> {
    let line = std::str::from_utf8(block).ok()?.trim_end();
    let rest = line.strip_prefix(HEAD)?;
    let (check, rest) = rest.split_at_checked(CHECK_DIGITS)?;
    let body = rest.strip_prefix(MIDDLE)?.strip_suffix(TAIL)?;
    let expected = u64::from_str_radix(check, 16).ok()?;
    (checksum(body.as_bytes()) == expected).then(|| serde_json::from_str(body).ok())?
}

/// FNV-1a, 64 bits: finds torn blocks; no defence against forgery.
fn checksum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |sum, byte| {
        (sum ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// Cuts every text of the record to `chars_max` characters.
fn shortened(record: &SlotRecord, chars_max: usize) -> SlotRecord {
    let cut = |text: &mut String| {
        if let Some((at, _)) = text.char_indices().nth(chars_max) {
            text.truncate(at);
        }
    };
    let mut record = record.clone();
    let HolderRecord {
        identity, purpose, ..
    } = &mut record.holder;
    for text in [
        &mut identity.boot_id,
        &mut identity.pid_namespace,
        &mut identity.user,
    ] {
        text.as_mut().map(cut);
    }
    for text in [
        &mut identity.host_name,
        &mut identity.program,
        &mut identity.version,
        &mut identity.role,
        &mut purpose.client,
        &mut purpose.kind,
    ] {
        cut(text);
    }
    record
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::testing;

    fn record(client: &str) -> SlotRecord {
        let mut record = testing::slot_record();
        record.holder.purpose.client = client.into();
        record
    }

    fn slot() -> (tempfile::TempDir, Slot) {
        let folder = tempfile::tempdir().unwrap();
        let slot = Slot::open(&folder.path().join("write.holder.json")).unwrap();
        (folder, slot)
    }

    #[test]
    fn a_written_block_reads_back_and_is_plain_json() {
        let (_folder, slot) = slot();
        assert_eq!(slot.read(), Reading::Empty);
        slot.write(&record("a longer name"));
        let short = record("short");
        slot.write(&short);
        assert_eq!(slot.read(), Reading::Record(Box::new(short)));
        let text = fs::read_to_string(&slot.path).unwrap();
        assert_eq!(text.len(), BLOCK_BYTES, "every block has the same size");
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(json["record"]["state"], "held");
        assert_eq!(json["record"]["holder"]["purpose"]["client"], "short");
    }

    #[test]
    fn unknown_fields_of_a_newer_program_are_skipped() {
        let body = String::from_utf8(json(&record("a"))).unwrap();
        let body = body.replacen('{', r#"{"colour":"blue","nested":{"a":[1]},"#, 1);
        let mut line = with_checksum(body.as_bytes());
        line.extend(b"  \n");
        assert_eq!(decode(&line).unwrap().acquisition, 3);
    }

    #[test]
    fn damaged_blocks_are_unreadable_and_never_panic() {
        let (_folder, slot) = slot();
        let good = with_checksum(&json(&record("a")));
        let other = with_checksum(&json(&record("b")));
        let body = String::from_utf8(json(&record("a"))).unwrap();
        let unknown_state = body.replace("\"held\"", "\"lent\"");
        let mut cases: Vec<Vec<u8>> = vec![
            [&good[..200], &other[200..]].concat(),
            with_checksum(unknown_state.as_bytes()),
            b" ".to_vec(),
            vec![0; BLOCK_BYTES],
            vec![0xff; READ_BYTES_MAX * 2],
            b"{}".to_vec(),
            b"\xc3\xa9".to_vec(),
            format!("{HEAD}0123456789abcde\u{e9}").into_bytes(),
        ];
        cases.extend((1..good.len()).map(|len| good[..len].to_vec()));
        for case in cases {
            fs::write(&slot.path, &case).unwrap();
            let text = String::from_utf8_lossy(&case);
            assert_eq!(slot.read(), Reading::Unreadable, "{text}");
        }
    }

    #[test]
    fn texts_that_are_too_long_are_cut_until_they_fit() {
        for client in [
            "x".repeat(100_000),
            "\u{1}".repeat(5_000),
            "\u{1f600}".repeat(5_000),
        ] {
            let mut long = record(&client);
            long.holder.identity.host_name = client.clone();
            long.holder.identity.role = client.clone();
            long.holder.identity.boot_id = Some(client.clone());
            let found = decode(&encode(&long))
                .expect("a cut record is still whole")
                .holder;
            assert!(client.starts_with(&found.purpose.client));
            assert!(found.purpose.client.chars().count() >= 16);
            assert_eq!(found.identity.instance, long.holder.identity.instance);
        }
    }

    #[test]
    fn readers_see_whole_records_while_the_holder_writes() {
        let (_folder, slot) = slot();
        let other = Slot::open(&slot.path).unwrap();
        let (a, b) = (record("a"), record(&"b".repeat(500)));
        slot.write(&a);
        let write_many = || {
            for _ in 0..5_000 {
                slot.write(&b);
                slot.write(&a);
            }
        };
        thread::scope(|scope| {
            let writing = scope.spawn(write_many);
            while !writing.is_finished() {
                if let Reading::Record(found) = other.read() {
                    assert!(*found == a || *found == b, "a mixture: {found:?}");
                }
            }
        });
    }
}
