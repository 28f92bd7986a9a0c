//! Readers of files that another program may have written, for tests that feed them arbitrary bytes.
//!
//! Each function takes any bytes and panics if a promise is broken. The fuzz targets in `src-tauri/fuzz` call them, and the
//! tests below drive them with a seeded generator. Not part of the interface: compiled for tests and with feature `fuzzing`.

use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::file::paths::{self, Paths};
use crate::records::audit::AuditEntry;
use crate::records::holder::HolderRecord;
use crate::records::instance::InstanceRecord;
use crate::records::pause::PauseRecord;
use crate::records::slot;
use crate::records::waiter::WaiterRecord;

/// Reads a holder's block, once as it is and once with a checksum that matches.
///
/// Promised: what is read can be written again, and reads back as the same, unless a text is too long for the block.
pub fn holder_block(bytes: &[u8]) {
    for block in [bytes, &slot::with_checksum(bytes)] {
        if let Some(read) = slot::decode(block) {
            let again = slot::decode(&slot::encode(&read)).expect("a written block can be read");
            let third = slot::decode(&slot::encode(&again));
            assert_eq!(third.as_ref(), Some(&again), "cut once, it fits");
            assert_eq!(
                (again.acquisition, again.state, again.holder.generation),
                (read.acquisition, read.state, read.holder.generation)
            );
        }
    }
}

/// Reads records of every kind. Promised: what is read can be written again without loss.
pub fn records(bytes: &[u8]) {
    same_again::<InstanceRecord>(bytes);
    same_again::<WaiterRecord>(bytes);
    same_again::<HolderRecord>(bytes);
    same_again::<PauseRecord>(bytes);
    same_again::<AuditEntry>(bytes);
}

fn same_again<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(bytes: &[u8]) {
    if let Ok(read) = serde_json::from_slice::<T>(bytes) {
        let written = serde_json::to_vec(&read).expect("a record has a JSON form");
        assert_eq!(serde_json::from_slice::<T>(&written).ok(), Some(read));
    }
}

/// Reads file names of the lock directory.
///
/// Promised: a name that names an instance stays inside its directory, and a ticket sorts as its number does.
pub fn file_names(bytes: &[u8]) {
    let Ok(name) = std::str::from_utf8(bytes) else {
        return;
    };
    let paths = Paths::new(Path::new("/locks")).expect("an absolute path stays as it is");
    if let Some(generation) = paths::generation_of(name) {
        let written = paths.write_lock(generation);
        let again = written.file_name().and_then(|name| name.to_str());
        assert_eq!(again.and_then(paths::generation_of), Some(generation));
    }
    let ticket = paths::ticket_of(name);
    if let Some((number, id)) = &ticket {
        assert!(name.starts_with(&format!("{number:020}-{id}-")), "{name}");
    }
    let of_instance = [paths::LIFE_LOCK, paths::LIFE_LOCK_NEW, paths::RECORD]
        .iter()
        .find_map(|ending| paths::instance_of(name, ending));
    let of_waiter =
        || paths::instance_of_waiter(name).or_else(|| paths::instance_of_new_ticket(name));
    let of_ticket = || ticket.map(|(_, id)| id);
    let Some(id) = of_instance.or_else(of_waiter).or_else(of_ticket) else {
        return;
    };
    for path in [paths.life_lock(&id), paths.instance_record(&id)] {
        assert_eq!(path.parent(), Some(paths.instances().as_path()));
    }
    let record = paths.waiters().join(name);
    assert_eq!(record.parent(), Some(paths.waiters().as_path()));
}

#[cfg(test)]
mod tests {
    use fastrand::Rng;

    use super::*;
    use crate::identity::InstanceId;
    use crate::testing;

    /// Noisy inputs for each kind; each takes some microseconds.
    const ROUNDS: usize = 20_000;

    /// Changes `bytes` at a few places: other bytes, parts that are missing, doubled or long.
    fn noisy(rng: &mut Rng, bytes: &[u8]) -> Vec<u8> {
        let mut noisy = bytes.to_vec();
        for _ in 0..=rng.usize(..4) {
            let (at, to) = (rng.usize(..=noisy.len()), rng.usize(..=noisy.len()));
            let (from, to) = (at.min(to), at.max(to));
            let telling = b"\"\\{}[]:,0-9.eE\0\x7f\xc3\xff/ \n";
            match rng.u8(..6) {
                0 if at < noisy.len() => noisy[at] = rng.u8(..),
                1 if at < noisy.len() => noisy[at] = telling[rng.usize(..telling.len())],
                2 => drop(noisy.drain(from..to)),
                3 => noisy
                    .splice(from..from, noisy[from..to].to_vec())
                    .for_each(drop),
                4 => noisy.splice(at..at, vec![b'['; 200]).for_each(drop),
                _ => noisy.splice(at..at, b"9".repeat(30)).for_each(drop),
            }
        }
        noisy
    }

    fn drive(seed: u64, examples: &[Vec<u8>], read: fn(&[u8])) {
        let mut rng = Rng::with_seed(seed);
        for example in examples {
            read(example);
        }
        for _ in 0..ROUNDS {
            let example = &examples[rng.usize(..examples.len())];
            read(&noisy(&mut rng, example));
        }
    }

    fn json(record: &impl Serialize) -> Vec<u8> {
        serde_json::to_vec(record).unwrap()
    }

    #[test]
    fn no_noise_in_a_holder_block_is_fatal() {
        let record = testing::slot_record();
        let examples = [slot::encode(&record).to_vec(), json(&record)];
        assert!(slot::decode(&examples[0]).is_some());
        assert!(slot::decode(&slot::with_checksum(&examples[1])).is_some());
        drive(1, &examples, holder_block);
    }

    #[test]
    fn no_noise_in_a_record_is_fatal() {
        let mut instance = InstanceRecord::new(testing::identity(), 1);
        instance.url = Some("http://127.0.0.1:7311/".into());
        let waiter = WaiterRecord {
            ticket: Some("00000000000000000001".into()),
            ..testing::waiter_record()
        };
        let examples = [
            json(&instance),
            json(&waiter),
            json(&testing::slot_record().holder),
            json(&testing::audit_entry()),
        ];
        drive(2, &examples, records);
    }

    #[test]
    fn no_file_name_leads_out_of_its_directory() {
        let id = InstanceId::random();
        let names = [
            format!("{id}.lock"),
            format!("{id}-12.json"),
            format!("../{id}.json"),
            paths::new_ticket_name(&id, 3),
            "write.7.lock".to_owned(),
            paths::ticket_name(5, &id, 2),
        ];
        drive(3, &names.map(String::into_bytes), file_names);
    }
}
