//! Journals: what an instance appends while it works, and how others read it.
//!
//! ```text
//! <instance>-<n>.journal = magic (8 bytes), then records
//! record                 = 0xC5, length (2 bytes), event, checksum (4 bytes)
//! ```
//!
//! One `write` call takes all events of a batch. Nothing is synced: what the system has taken survives the death of the
//! process, and statistics may be lost with the power. Only its instance appends to a journal, and never again once it
//! has begun the one with the next number. So a journal is permanently complete if there is a later one of its instance,
//! or if its instance is dead.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use commonplace_lock::{InstanceId, Place};

use super::event::Event;
use super::platform;

const MAGIC: [u8; 8] = *b"cmnpjrn1";
const ENDING: &str = ".journal";
/// First byte of every record, so that the next one can be found after damage.
const MARK: u8 = 0xc5;
/// Bytes of a record before the event, and after it.
const HEAD: usize = 3;
const CHECKSUM: usize = 4;
/// Longest event: three texts of 400 bytes and some numbers.
const EVENT_BYTES_MAX: usize = 2048;

/// A journal of this size is followed by a new one, so that it can be removed (1 MiB, about 15,000 events).
pub(super) const FULL_BYTES: u64 = 1024 * 1024;
/// Events that could not be written wait in memory up to this size; more are dropped (1 MiB).
const PENDING_BYTES_MAX: usize = 1024 * 1024;
/// A journal that nobody reads grows up to this size; then events are dropped (64 MiB).
const UNREAD_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Read at once (1 MiB), so that a long journal needs little memory.
const SEGMENT_BYTES: u64 = 1024 * 1024;

/// The journal that this instance appends to. Makes no file before the first event.
pub(super) struct Journal {
    dir: PathBuf,
    instance: InstanceId,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    file: Option<File>,
    /// Where it stands, to notice that somebody has removed it.
    place: Option<Place>,
    /// Number of the newest journal; 0 before the first.
    number: u64,
    /// Bytes in it.
    length: u64,
    /// Records not written yet.
    pending: Vec<u8>,
    /// Whether the last write failed: said once.
    is_failing: bool,
}

impl Journal {
    pub(super) fn new(dir: &Path, instance: &InstanceId) -> Self {
        Self {
            dir: dir.to_owned(),
            instance: instance.clone(),
            inner: Mutex::default(),
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // A panic while it is held can leave a record half put: its checksum tells.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Appends events with one write. What cannot be written is kept and tried again with the next ones.
    pub(super) fn append(&self, events: &[Event]) {
        let mut inner = self.inner();
        for event in events {
            if inner.pending.len() < PENDING_BYTES_MAX && inner.length < UNREAD_BYTES_MAX {
                put_record(&mut inner.pending, event);
            }
        }
        let result = self.write_pending(&mut inner);
        self.say(&mut inner, result);
    }

    /// Tries again to write what could not be written.
    pub(super) fn flush(&self) {
        let mut inner = self.inner();
        if !inner.pending.is_empty() {
            let result = self.write_pending(&mut inner);
            self.say(&mut inner, result);
        }
    }

    fn write_pending(&self, inner: &mut Inner) -> io::Result<()> {
        if inner.pending.is_empty() {
            return Ok(());
        }
        self.leave_displaced(inner);
        if inner.file.is_none() {
            inner.file = Some(self.begin_next(inner)?);
        }
        let file = inner.file.as_mut().expect("it was opened just before");
        match write_all(file, &inner.pending) {
            Ok(()) => {
                inner.length += inner.pending.len() as u64;
                inner.pending.clear();
                Ok(())
            }
            Err((written, error)) => {
                // What is whole in the file counts. The rest goes to a new journal, which also ends this one.
                let whole = whole_records(&inner.pending[..written]);
                inner.pending.drain(..whole);
                inner.file = None;
                Err(error)
            }
        }
    }

    /// Leaves a journal that is no longer under its name: nobody would find what is appended to it.
    fn leave_displaced(&self, inner: &mut Inner) {
        let place = inner.place.as_ref().filter(|_| inner.file.is_some());
        if let Some(Err(found)) = place.map(Place::look) {
            tracing::warn!(
                dir = %self.dir.display(),
                "the journal of statistics {found}; a new one is begun, and figures that were not added up yet are lost"
            );
            inner.file = None;
        }
    }

    /// Makes the journal with the next number.
    fn begin_next(&self, inner: &mut Inner) -> io::Result<File> {
        platform::make_private_dir(&self.dir)?;
        inner.number += 1;
        let path = self.dir.join(name_of(&self.instance, inner.number));
        let mut file = OpenOptions::new()
            .append(true)
            .create_new(true)
            .open(&path)?;
        if let Err(error) = file.write_all(&MAGIC) {
            // An empty one for each try would fill the directory.
            drop(std::fs::remove_file(&path));
            return Err(error);
        }
        inner.length = MAGIC.len() as u64;
        inner.place = Place::note(&path).ok();
        Ok(file)
    }

    /// Ends a journal that is full, or that somebody has removed: the next event begins a new one.
    pub(super) fn turn_page(&self) {
        let mut inner = self.inner();
        self.leave_displaced(&mut inner);
        if inner.file.is_none() {
            return;
        }
        // Windows has no numbers of files to compare.
        let path = self.dir.join(name_of(&self.instance, inner.number));
        if inner.length < FULL_BYTES && path.exists() {
            return;
        }
        match self.begin_next(&mut inner) {
            Ok(file) => inner.file = Some(file),
            Err(error) => self.say(&mut inner, Err(error)),
        }
    }

    fn say(&self, inner: &mut Inner, result: io::Result<()>) {
        match result {
            Ok(()) => inner.is_failing = false,
            Err(error) if !std::mem::replace(&mut inner.is_failing, true) => tracing::warn!(
                %error, dir = %self.dir.display(),
                "could not append to the journal of statistics; writes go on, their figures wait in memory"
            ),
            Err(_) => {}
        }
    }
}

/// Writes everything, or says how many bytes were taken before it failed.
fn write_all(file: &mut File, bytes: &[u8]) -> Result<(), (usize, io::Error)> {
    let mut written = 0;
    while written < bytes.len() {
        match file.write(&bytes[written..]) {
            Ok(0) => return Err((written, io::ErrorKind::WriteZero.into())),
            Ok(count) => written += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err((written, error)),
        }
    }
    Ok(())
}

fn put_record(bytes: &mut Vec<u8>, event: &Event) {
    let start = bytes.len();
    bytes.extend([MARK, 0, 0]);
    event.encode(bytes);
    let length = u16::try_from(bytes.len() - start - HEAD).expect("texts in an event are cut");
    bytes[start + 1..start + HEAD].copy_from_slice(&length.to_le_bytes());
    let sum = checksum(&bytes[start + 1..]);
    bytes.extend(sum.to_le_bytes());
}

/// FNV-1a. It has to notice a torn record, not an attack.
fn checksum(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |sum, byte| {
        (sum ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
    })
}

/// What lies at the start of some bytes.
enum Found<'a> {
    /// A record of `length` bytes with this event in it.
    Record { event: &'a [u8], length: usize },
    /// Possibly the first part of one.
    Part,
    /// None.
    Damage,
}

fn look(bytes: &[u8]) -> Found<'_> {
    if bytes.first() != Some(&MARK) {
        return Found::Damage;
    }
    let Some(size) = bytes.get(1..HEAD) else {
        return Found::Part;
    };
    let size = usize::from(u16::from_le_bytes([size[0], size[1]]));
    if size > EVENT_BYTES_MAX {
        return Found::Damage;
    }
    let length = HEAD + size + CHECKSUM;
    let Some(record) = bytes.get(..length) else {
        return Found::Part;
    };
    let (summed, sum) = record[1..].split_at(length - 1 - CHECKSUM);
    if checksum(summed).to_le_bytes() != sum {
        return Found::Damage;
    }
    let event = &summed[HEAD - 1..];
    Found::Record { event, length }
}

/// Returns how many bytes at the start are whole records.
fn whole_records(bytes: &[u8]) -> usize {
    let mut at = 0;
    while let Found::Record { length, .. } = look(&bytes[at..]) {
        at += length;
    }
    at
}

/// Name of one journal, in the order of its instance.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct JournalName {
    pub(super) instance: InstanceId,
    pub(super) number: u64,
}

impl JournalName {
    fn parse(file_name: &str) -> Option<Self> {
        let (id, number) = file_name.strip_suffix(ENDING)?.split_once('-')?;
        Some(Self {
            instance: InstanceId::parse(id).ok()?,
            number: number.parse().ok()?,
        })
    }

    pub(super) fn file_name(&self) -> String {
        name_of(&self.instance, self.number)
    }
}

fn name_of(instance: &InstanceId, number: u64) -> String {
    format!("{instance}-{number}{ENDING}")
}

/// Lists the journals in `dir`; those of one instance stand together, the oldest first.
pub(super) fn list(dir: &Path) -> io::Result<Vec<JournalName>> {
    let entries = match std::fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let name = entry?.file_name();
        names.extend(name.to_str().and_then(JournalName::parse));
    }
    names.sort();
    Ok(names)
}

/// What was read from a journal.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Segment {
    pub(super) events: Vec<Event>,
    /// Everything before this place has been read.
    pub(super) read_up_to: u64,
    /// Whether it ends here for now.
    pub(super) is_at_end: bool,
}

/// Reads up to 1 MiB of the journal `path` from `offset`. None: it is gone, or another program's.
///
/// `is_complete` says that nobody will append: then a torn record at the end is passed over, and not waited for.
pub(super) fn read(path: &Path, offset: u64, is_complete: bool) -> io::Result<Option<Segment>> {
    let mut file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    let length = file.metadata()?.len();
    let mut start = offset.min(length);
    if offset == 0 {
        let mut magic = Vec::new();
        (&file).take(MAGIC.len() as u64).read_to_end(&mut magic)?;
        if !MAGIC.starts_with(&magic) {
            return Ok(None);
        }
        if magic.len() < MAGIC.len() {
            return Ok(Some(Segment {
                is_at_end: true,
                ..Segment::default()
            }));
        }
        start = MAGIC.len() as u64;
    }
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    file.take(SEGMENT_BYTES).read_to_end(&mut bytes)?;
    let is_at_end = (bytes.len() as u64) < SEGMENT_BYTES;
    let (events, used) = parse(&bytes, is_at_end && is_complete);
    Ok(Some(Segment {
        events,
        read_up_to: start + used as u64,
        is_at_end,
    }))
}

/// Returns the events, and how many bytes they and the damage between them take.
fn parse(bytes: &[u8], is_complete: bool) -> (Vec<Event>, usize) {
    let (mut events, mut at, mut damaged) = (Vec::new(), 0, 0u64);
    while at < bytes.len() {
        match look(&bytes[at..]) {
            Found::Record { event, length } => {
                events.extend(Event::decode(event));
                at += length;
            }
            Found::Part if !is_complete => break,
            Found::Part | Found::Damage => {
                damaged += 1;
                at += 1;
            }
        }
    }
    if damaged > 0 {
        tracing::info!(
            bytes = damaged,
            "passed over a torn or damaged part of a journal of statistics"
        );
    }
    (events, at)
}

#[cfg(test)]
mod tests {
    use super::super::event::tests::one_of_each;
    use super::*;

    fn written(events: &[Event]) -> (tempfile::TempDir, PathBuf, Vec<u8>) {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::new(folder.path(), &InstanceId::random());
        journal.append(events);
        let name = list(folder.path()).unwrap().pop().unwrap();
        let path = folder.path().join(name.file_name());
        let bytes = std::fs::read(&path).unwrap();
        (folder, path, bytes)
    }

    #[test]
    fn a_journal_cut_anywhere_gives_the_whole_records_before_the_cut() {
        let events = one_of_each();
        let (_folder, path, bytes) = written(&events);
        let mut ends = vec![MAGIC.len()];
        for event in &events {
            let mut record = Vec::new();
            put_record(&mut record, event);
            ends.push(ends[ends.len() - 1] + record.len());
        }
        assert_eq!(ends.last(), Some(&bytes.len()));
        for cut in 0..=bytes.len() {
            std::fs::write(&path, &bytes[..cut]).unwrap();
            let whole = ends[1..].iter().filter(|end| **end <= cut).count();
            let dead = read(&path, 0, true).unwrap().unwrap();
            assert_eq!(dead.events, events[..whole], "cut at {cut}");
            assert!(dead.is_at_end);
            // While its instance lives, the rest of the record may still come.
            let living = read(&path, 0, false).unwrap().unwrap();
            assert_eq!(living.events, events[..whole], "cut at {cut}");
            std::fs::write(&path, &bytes).unwrap();
            let rest = read(&path, living.read_up_to, false).unwrap().unwrap();
            assert_eq!(rest.events, events[whole..], "continued after {cut}");
        }
    }

    #[test]
    fn damage_costs_the_record_it_is_in_and_no_other() {
        let events = one_of_each();
        let (_folder, path, bytes) = written(&events);
        for place in MAGIC.len()..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[place] ^= 0x55;
            std::fs::write(&path, &damaged).unwrap();
            let found = read(&path, 0, true).unwrap().unwrap().events;
            assert_eq!(found.len(), events.len() - 1, "damaged at {place}");
            assert!(found.iter().all(|event| events.contains(event)));
        }
    }

    #[test]
    fn a_file_of_another_program_is_not_read() {
        let (_folder, path, _) = written(&one_of_each());
        std::fs::write(&path, "my diary, not yours").unwrap();
        assert_eq!(read(&path, 0, true).unwrap(), None);
    }

    #[test]
    fn a_full_journal_is_followed_by_another_and_loses_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::new(folder.path(), &InstanceId::random());
        let events = one_of_each();
        let mut count = 0;
        while list(folder.path()).unwrap().len() < 3 {
            journal.append(&events);
            journal.turn_page();
            count += events.len();
        }
        let mut found = 0;
        for name in list(folder.path()).unwrap() {
            let path = folder.path().join(name.file_name());
            let mut segment = Segment::default();
            while !segment.is_at_end {
                segment = read(&path, segment.read_up_to, true).unwrap().unwrap();
                found += segment.events.len();
            }
        }
        assert_eq!(found, count);
    }

    #[test]
    fn events_wait_in_memory_while_the_directory_cannot_be_written() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("statistics");
        std::fs::write(&dir, "a file is in the way").unwrap();
        let journal = Journal::new(&dir, &InstanceId::random());
        let events = one_of_each();
        journal.append(&events);
        std::fs::remove_file(&dir).unwrap();
        journal.append(&events);
        let name = list(&dir).unwrap().pop().unwrap();
        let segment = read(&dir.join(name.file_name()), 0, false)
            .unwrap()
            .unwrap();
        assert_eq!(segment.events.len(), 2 * events.len());
    }

    #[test]
    fn a_journal_that_was_removed_is_begun_anew() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::new(folder.path(), &InstanceId::random());
        journal.append(&one_of_each());
        let first = list(folder.path()).unwrap().pop().unwrap();
        std::fs::remove_file(folder.path().join(first.file_name())).unwrap();
        journal.turn_page();
        journal.append(&one_of_each());
        let second = list(folder.path()).unwrap().pop().unwrap();
        assert_eq!(second.number, 2);
    }
}
