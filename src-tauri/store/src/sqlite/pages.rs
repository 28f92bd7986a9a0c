//! The pages of a database as they lie in its files, and the rows on them, read without SQLite.
//!
//! For a database of which SQLite reads no more than what a damaged page still leads to. The file format is that of
//! sqlite.org/fileformat2.html: pages of a b-tree in section 1.6, records in 2.1, the log in 4.
//!
//! Never of a live database: closing a file drops SQLite's locks on it (sqlite.org/howtocorrupt.html, 2.2).

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use super::raw_row::Raw;
use super::temporary::with_suffix;

/// The size of the pages of every store: SQLite's default, and a flipped bit in the file's head must not change it.
const PAGE: usize = 4096;
const PAGE_U64: u64 = PAGE as u64;

/// The head of a page that is a leaf of a table.
const LEAF_OF_TABLE: u8 = 0x0d;
const LEAF_HEAD: usize = 8;

/// Of the file, before the first page begins.
const FILE_HEAD: usize = 100;

/// A text has at most 64 KiB, and no row much more; what claims more is no row.
const ROW_BYTES_MAX: u64 = 1024 * 1024;
const COLUMNS_MAX: usize = 64;

/// Pages of 4 TiB: a frame that claims to be behind has a flipped bit in its number.
const PAGES_MAX: u32 = 1 << 30;

const LOG_HEAD: usize = 32;
const FRAME_HEAD: usize = 24;

/// A row as its page has it.
pub(super) struct Cell {
    pub(super) key: i64,
    /// Whether its page says that it is there. What only lies there may be what a row was before.
    pub(super) is_listed: bool,
    pub(super) values: Vec<Raw>,
}

/// Which frames of a log count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Frames {
    /// Those that SQLite reads: up to the first one that does not match its checksum.
    Whole,
    /// All of the round. Where a bit has flipped, what was committed behind it is still there; but what is left of a write
    /// that failed looks just so. Only for a log of which acknowledged writes are missing.
    All,
}

/// The pages as of the last commit in the log.
pub(super) struct Pages {
    database: File,
    count: u32,
    /// Pages that are not in use, as far as their list can be read (section 1.5).
    free: HashSet<u32>,
    log: Option<File>,
    /// Where in the log the newest content of a page begins.
    in_log: HashMap<u32, u64>,
}

impl Pages {
    /// Opens the files of a database that nobody has open.
    pub(super) fn open(database: &Path, frames: Frames) -> io::Result<Self> {
        let file = File::open(database)?;
        let in_file = file.metadata()?.len().div_ceil(PAGE_U64);
        let log = match File::open(with_suffix(database, "-wal")) {
            Ok(log) => Some(log),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let in_log = log.as_ref().map(|log| committed_frames(log, frames));
        let in_log = in_log.transpose()?;
        let in_log = in_log.unwrap_or_default();
        let highest = in_log.keys().copied().max().unwrap_or(0);
        let mut pages = Self {
            database: file,
            count: highest.max(u32::try_from(in_file).unwrap_or(u32::MAX)),
            free: HashSet::new(),
            log,
            in_log,
        };
        pages.list_free()?;
        Ok(pages)
    }

    fn list_free(&mut self) -> io::Result<()> {
        let mut trunk = u32_at(&self.read(1)?, 32);
        while self.numbers().contains(&trunk) && self.free.insert(trunk) {
            let page = self.read(trunk)?;
            let leaves = page[8..].chunks_exact(4).take(u32_at(&page, 4) as usize);
            self.free.extend(leaves.map(|leaf| u32_at(leaf, 0)));
            trunk = u32_at(&page, 0);
        }
        Ok(())
    }

    /// Returns the numbers of all pages.
    pub(super) fn numbers(&self) -> std::ops::RangeInclusive<u32> {
        1..=self.count
    }

    /// Reads the rows of a page as if it were a leaf of a table, whatever its head says: a flipped bit there must not cost
    /// what is on it. What is no row is left out.
    pub(super) fn rows(&mut self, number: u32) -> io::Result<Vec<Cell>> {
        let page = self.read(number)?;
        let head = if number == 1 { FILE_HEAD } else { 0 };
        let is_leaf = page[head] == LEAF_OF_TABLE && !self.free.contains(&number);
        let listed = usize::from(u16_at(&page, head + 3));
        let first = head + LEAF_HEAD;
        let mut rows = Vec::new();
        for n in 0..(PAGE - first) / 2 {
            let place = usize::from(u16_at(&page, first + 2 * n));
            if n >= listed && place < first + 2 * n {
                break;
            }
            let is_listed = is_leaf && n < listed;
            rows.extend(self.cell(&page, place, is_listed)?);
        }
        Ok(rows)
    }

    fn cell(&mut self, page: &[u8], place: usize, is_listed: bool) -> io::Result<Option<Cell>> {
        let mut at = place;
        let (Some(len), Some(key)) = (varint(page, &mut at), varint(page, &mut at)) else {
            return Ok(None);
        };
        if len > ROW_BYTES_MAX {
            return Ok(None);
        }
        let record = self.payload(page, at, len as usize)?;
        let values = record.and_then(|record| values(&record));
        Ok(values.map(|values| Cell {
            key: key as i64,
            is_listed,
            values,
        }))
    }

    /// Reads the content of a cell, part of which may be on pages of its own (section 1.6, "payload").
    fn payload(&mut self, page: &[u8], at: usize, len: usize) -> io::Result<Option<Vec<u8>>> {
        let here = bytes_on_leaf(len);
        let Some(first) = page.get(at..at + here) else {
            return Ok(None);
        };
        // Most of what is no row shows here, before pages of its own are looked for.
        if kinds(first, len).is_none() {
            return Ok(None);
        }
        let mut payload = first.to_vec();
        if here == len {
            return Ok(Some(payload));
        }
        let Some(mut next) = number_at(page, at + here) else {
            return Ok(None);
        };
        // Each page brings some bytes, so even pages in a circle come to an end.
        while payload.len() < len {
            if !self.numbers().contains(&next) {
                return Ok(None);
            }
            let page = self.read(next)?;
            let left = (len - payload.len()).min(PAGE - 4);
            payload.extend_from_slice(&page[4..4 + left]);
            next = number_at(&page, 0).unwrap_or(0);
        }
        Ok(Some(payload))
    }

    fn read(&mut self, number: u32) -> io::Result<Vec<u8>> {
        match (self.in_log.get(&number), &self.log) {
            (Some(place), Some(log)) => read_at(log, *place),
            _ => read_at(&self.database, (u64::from(number) - 1) * PAGE_U64),
        }
    }
}

/// Reads a page; what the file does not have of it is zero.
fn read_at(mut file: &File, place: u64) -> io::Result<Vec<u8>> {
    let mut page = Vec::with_capacity(PAGE);
    file.seek(SeekFrom::Start(place))?;
    file.take(PAGE_U64).read_to_end(&mut page)?;
    page.resize(PAGE, 0);
    Ok(page)
}

/// Returns where the newest content of each page begins that a transaction of the log has committed (section 4.2).
fn committed_frames(mut log: &File, frames: Frames) -> io::Result<HashMap<u32, u64>> {
    let mut head = [0; LOG_HEAD];
    if log.read_exact(&mut head).is_err() {
        return Ok(HashMap::new());
    }
    // The lowest bit of the magic number says how the words of the checksum are ordered.
    let mut sum = LogSum::new(head[3] & 1 == 1);
    sum.add(&head[..24]);
    let is_head_whole = sum.is(&head[24..]);
    if frames == Frames::Whole && !is_head_whole {
        return Ok(HashMap::new());
    }
    let mut salts = is_head_whole.then_some(u64_at(&head, 16));
    let (mut committed, mut open) = (HashMap::new(), HashMap::new());
    let mut reader = io::BufReader::new(log);
    let mut frame = vec![0; FRAME_HEAD + PAGE];
    let mut place = LOG_HEAD as u64;
    while reader.read_exact(&mut frame).is_ok() {
        let found = u64_at(&frame, 8);
        // Behind the end are frames of an earlier round, with other salts; those of one may have a flipped bit.
        let differing = *salts.get_or_insert(found) ^ found;
        sum.add(&frame[..8]);
        sum.add(&frame[FRAME_HEAD..]);
        let is_one = match frames {
            Frames::Whole => differing == 0 && sum.is(&frame[16..24]),
            Frames::All => differing.count_ones() <= 1,
        };
        if !is_one {
            break;
        }
        open.insert(u32_at(&frame, 0), place + FRAME_HEAD as u64);
        if u32_at(&frame, 4) != 0 {
            committed.extend(open.drain().filter(|(page, _)| *page <= PAGES_MAX));
        }
        place += frame.len() as u64;
    }
    Ok(committed)
}

/// The checksum that goes through a log (section 4.2).
struct LogSum {
    is_big_endian: bool,
    sums: [u32; 2],
}

impl LogSum {
    fn new(is_big_endian: bool) -> Self {
        Self {
            is_big_endian,
            sums: [0; 2],
        }
    }

    fn add(&mut self, bytes: &[u8]) {
        let [mut first, mut second] = self.sums;
        for pair in bytes.chunks_exact(8) {
            first = first
                .wrapping_add(self.word(&pair[..4]))
                .wrapping_add(second);
            second = second
                .wrapping_add(self.word(&pair[4..]))
                .wrapping_add(first);
        }
        self.sums = [first, second];
    }

    fn word(&self, bytes: &[u8]) -> u32 {
        let word = u32_at(bytes, 0);
        if self.is_big_endian {
            word
        } else {
            word.swap_bytes()
        }
    }

    fn is(&self, stored: &[u8]) -> bool {
        self.sums == [u32_at(stored, 0), u32_at(stored, 4)]
    }
}

/// How much of a content of `len` bytes lies on its leaf (section 1.6).
fn bytes_on_leaf(len: usize) -> usize {
    let max = PAGE - 35;
    if len <= max {
        return len;
    }
    let min = (PAGE - 12) * 32 / 255 - 23;
    let here = min + (len - min) % (PAGE - 4);
    if here <= max { here } else { min }
}

/// Reads a record (section 2.1); None if it is none.
fn values(record: &[u8]) -> Option<Vec<Raw>> {
    let (head, kinds) = kinds(record, record.len())?;
    let mut body = head;
    let values = kinds.into_iter().map(|(kind, len)| {
        let bytes = record.get(body..body + len)?;
        body += len;
        Some(value(kind, bytes))
    });
    values.collect()
}

/// Reads the head of a record of `len` bytes, which begins like `start`: how long it is, and each value's kind and length.
/// None if they do not add up.
fn kinds(start: &[u8], len: usize) -> Option<(usize, Vec<(u64, usize)>)> {
    let mut at = 0;
    let head = usize::try_from(varint(start, &mut at)?).ok()?;
    let mut body = head;
    let mut kinds = Vec::new();
    while at < head {
        let kind = varint(start, &mut at)?;
        let bytes = match kind {
            0 | 8 | 9 => 0,
            1..=4 => kind,
            5 => 6,
            6 | 7 => 8,
            10 | 11 => return None,
            _ => (kind - 12) / 2,
        };
        let bytes = usize::try_from(bytes).ok()?;
        body = body.checked_add(bytes)?;
        kinds.push((kind, bytes));
        if kinds.len() > COLUMNS_MAX {
            return None;
        }
    }
    (at == head && body == len).then_some((head, kinds))
}

fn value(kind: u64, bytes: &[u8]) -> Raw {
    match kind {
        0 => Raw::Null,
        7 => Raw::Real(f64::from_bits(signed(bytes) as u64)),
        8 | 9 => Raw::Integer(kind as i64 - 8),
        1..=6 => Raw::Integer(signed(bytes)),
        _ if kind.is_multiple_of(2) => Raw::Blob(bytes.to_owned()),
        _ => Raw::Text(bytes.to_owned()),
    }
}

/// Reads a big-endian number of up to eight bytes with its sign.
fn signed(bytes: &[u8]) -> i64 {
    let is_negative = bytes.first().is_some_and(|first| first & 0x80 != 0);
    let start = if is_negative { -1 } else { 0 };
    bytes
        .iter()
        .fold(start, |number, byte| number << 8 | i64::from(*byte))
}

/// Reads a number of one to nine bytes (section 1.6) and moves on behind it.
fn varint(bytes: &[u8], at: &mut usize) -> Option<u64> {
    let mut number = 0;
    for n in 0..9 {
        let byte = u64::from(*bytes.get(*at)?);
        *at += 1;
        if n == 8 {
            return Some(number << 8 | byte);
        }
        number = number << 7 | (byte & 0x7f);
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

fn number_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4).map(|bytes| u32_at(bytes, 0))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let bytes = bytes[at..at + 4].try_into();
    u32::from_be_bytes(bytes.expect("these are four bytes"))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(u32_at(bytes, at)) << 32 | u64::from(u32_at(bytes, at + 4))
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}
