//! What is read from files that another program may have written, for tests that feed it noise.
//!
//! Each function takes any bytes and panics if a promise is broken. The fuzz targets in `src-tauri/fuzz` call them, and the
//! tests below drive them with seeded chance. Not part of the interface: compiled for tests and with feature `fuzzing`.

use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::audit::AuditEntry;
use crate::holder::HolderRecord;
use crate::instances::InstanceRecord;
use crate::paths::{self, Paths};
use crate::pause::PauseRecord;
use crate::record;
use crate::slot;
use crate::waiters::WaiterRecord;

/// Reads a holder's block, once as it is and once with a check sum that fits.
///
/// Promised: what is read can be written again, and reads back as the same, unless a text is too long for the block.
pub fn holder_block(bytes: &[u8]) {
    for block in [bytes, &slot::with_check_sum(bytes)] {
        if let Some(read) = slot::decode(block) {
            let again = slot::decode(&slot::encode(&read)).expect("a written block can be read");
            let third = slot::decode(&slot::encode(&again));
            assert_eq!(third.as_ref(), Some(&again), "cut once, it fits");
            assert_eq!(
                (again.turn, again.state, again.holder.generation),
                (read.turn, read.state, read.holder.generation)
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
    if let Ok(read) = record::parse::<T>(bytes) {
        let written = serde_json::to_vec(&read).expect("a record has a JSON form");
        assert_eq!(record::parse::<T>(&written).ok(), Some(read));
    }
}

/// Reads file names of the lock directory.
///
/// Promised: a name that names an instance stays inside its directory, and a ticket sorts as its number does.
pub fn file_names(bytes: &[u8]) {
    let Ok(name) = std::str::from_utf8(bytes) else {
        return;
    };
    if let Some(generation) = paths::generation_of(name) {
        let written = Paths::new(Path::new("/locks")).map(|paths| paths.write_lock(generation));
        let again = written
            .ok()
            .and_then(|path| path.file_name()?.to_str().map(str::to_owned));
        assert_eq!(
            again.as_deref().and_then(paths::generation_of),
            Some(generation)
        );
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
    let paths = Paths::new(Path::new("/locks")).expect("an absolute path stays as it is");
    for path in [paths.life_lock(&id), paths.instance_record(&id)] {
        assert_eq!(path.parent(), Some(paths.instances().as_path()));
    }
    let record = paths.waiters().join(name);
    assert_eq!(record.parent(), Some(paths.waiters().as_path()));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{AuditAct, AuditParty, AuditStage};
    use crate::identity::{Generation, InstanceId};
    use crate::slot::{SlotRecord, State};
    use crate::testing;

    /// Noisy inputs for each kind; each takes some microseconds.
    const ROUNDS: usize = 20_000;

    /// Repeatable chance (SplitMix64).
    struct Chance(u64);

    impl Chance {
        fn next(&mut self) -> u64 {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = self.0;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            z ^ (z >> 31)
        }

        fn below(&mut self, end: usize) -> usize {
            (self.next() % end.max(1) as u64) as usize
        }

        /// Changes `bytes` at a few places: other bytes, parts that are missing, doubled or long.
        fn noisy(&mut self, bytes: &[u8]) -> Vec<u8> {
            let mut noisy = bytes.to_vec();
            for _ in 0..=self.below(4) {
                let (at, to) = (self.below(noisy.len()), self.below(noisy.len()));
                let (from, to) = (at.min(to), at.max(to));
                let telling = b"\"\\{}[]:,0-9.eE\0\x7f\xc3\xff/ \n";
                match self.below(6) {
                    0 if !noisy.is_empty() => noisy[at] = self.next() as u8,
                    1 if !noisy.is_empty() => noisy[at] = telling[self.below(telling.len())],
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
    }

    fn drive(seed: u64, examples: &[Vec<u8>], read: fn(&[u8])) {
        let mut chance = Chance(seed);
        for example in examples {
            read(example);
        }
        for _ in 0..ROUNDS {
            let example = &examples[chance.below(examples.len())];
            read(&chance.noisy(example));
        }
    }

    fn holder() -> HolderRecord {
        HolderRecord {
            identity: testing::identity(),
            purpose: testing::purpose(),
            generation: Generation(3),
            epoch: Some(7),
            since_ms: 1_760_000_000_123,
        }
    }

    fn json(record: &impl Serialize) -> Vec<u8> {
        serde_json::to_vec(record).unwrap()
    }

    #[test]
    fn no_noise_in_a_holder_block_is_fatal() {
        let record = SlotRecord {
            state: State::Held,
            turn: 3,
            holder: holder(),
        };
        let examples = [slot::encode(&record).to_vec(), json(&record)];
        assert!(slot::decode(&examples[0]).is_some());
        assert!(slot::decode(&slot::with_check_sum(&examples[1])).is_some());
        drive(1, &examples, holder_block);
    }

    #[test]
    fn no_noise_in_a_record_is_fatal() {
        let instance = InstanceRecord {
            identity: testing::identity(),
            since_ms: 1,
            url: Some("http://127.0.0.1:7311/".into()),
            mcp_url: None,
            file: None,
            socket: None,
            network: None,
        };
        let waiter = WaiterRecord {
            identity: testing::identity(),
            purpose: testing::purpose(),
            since_ms: -1,
            ticket: Some("00000000000000000001".into()),
            alive: true,
        };
        let entry = AuditEntry {
            at_ms: 1,
            act: AuditAct::TakeOver,
            stage: AuditStage::Done,
            by: AuditParty {
                user: "ann".into(),
                pid: 7,
                role: "cli unlock".into(),
                host_name: "desk".into(),
            },
            found: "held by pid 812".into(),
            done: "generation 1".into(),
        };
        let examples = [
            json(&instance),
            json(&waiter),
            json(&holder()),
            json(&entry),
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
            format!("{id}-3.new"),
            "write.7.lock".to_owned(),
            paths::ticket_name(5, &id, 2),
        ];
        drive(3, &names.map(String::into_bytes), file_names);
    }
}
