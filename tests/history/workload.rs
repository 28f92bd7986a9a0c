//! What a client asks: mostly its own memories, some that everybody changes, and reads of anybody's.

use super::record::{Answered, Asked, End, marker};
use super::stage::{Known, Stage};
use commonplace_testing::Chance;

/// Memories that every client changes.
pub(crate) const COMMON: usize = 6;

/// Returns the first text of a common memory.
pub(crate) fn common_text(number: usize) -> String {
    format!("mks{number}z common to all, in its first form")
}

/// What one client knows and does.
pub(crate) struct Workload {
    client: String,
    chance: Chance,
    own: Vec<Known>,
    count: usize,
    /// The command line knows no updates, and nobody else purges under a name of the purge's own.
    is_command: bool,
}

impl Workload {
    pub(crate) fn new(client: &str, chance: Chance, is_command: bool) -> Self {
        Self {
            client: client.to_owned(),
            chance,
            own: Vec::new(),
            count: 0,
            is_command,
        }
    }

    /// Returns the next operation and its name.
    pub(crate) fn next(&mut self, stage: &Stage) -> (String, Asked) {
        self.count += 1;
        (
            format!("{}-{}", self.client, self.count),
            self.choose(stage),
        )
    }

    fn choose(&mut self, stage: &Stage) -> Asked {
        let known = match self.chance.below(100) {
            0..18 => return self.read(stage),
            18..30 => (self.chance.one(&stage.common()).cloned(), true),
            30..62 => (self.one_of_own(), false),
            _ => (None, false),
        };
        match known {
            (Some(known), is_common) => self.change(&known, is_common),
            (None, _) => self.store(),
        }
    }

    fn one_of_own(&mut self) -> Option<Known> {
        // Commands are slow, so they come back to what they deleted rather than forget it among all others.
        let deleted = self.own.iter().find(|known| !known.is_living);
        match deleted.filter(|_| self.is_command) {
            Some(deleted) => Some(deleted.clone()),
            None => self.chance.one(&self.own).cloned(),
        }
    }

    fn store(&mut self) -> Asked {
        let text = format!("mk{}x{}z written by its client", self.client, self.count);
        Asked::Store {
            text,
            tags: self.tags(),
        }
    }

    fn tags(&mut self) -> Vec<String> {
        // One word that tells each change from the other, and some that many have.
        let mut tags = vec![format!("t{}x{}", self.client, self.count)];
        tags.extend(self.chance.percent(50).then(|| "red".to_owned()));
        tags.sort();
        tags
    }

    fn read(&mut self, stage: &Stage) -> Asked {
        let own = self.own.last().map(|known| known.marker.clone());
        let others = stage.published();
        let marker = match (own, self.chance.one(&others)) {
            (Some(own), _) if self.chance.percent(50) => own,
            (_, Some(other)) => other.clone(),
            (own, None) => own.unwrap_or_else(|| "mknonez".to_owned()),
        };
        Asked::Read { marker }
    }

    fn change(&mut self, known: &Known, is_common: bool) -> Asked {
        let hash = known.hash.clone();
        let choice = self.chance.below(100);
        if !known.is_living && !is_common && self.is_command && choice < 50 {
            return Asked::Purge { hash };
        }
        if !known.is_living || (is_common && choice < 15) {
            return Asked::Undelete { hash };
        }
        match choice {
            _ if self.is_command && choice < 50 => self.store(),
            _ if self.is_command => Asked::Delete { hash },
            0..50 => Asked::Retag {
                hash,
                tags: self.tags(),
            },
            50..80 => {
                let text = format!(
                    "{} changed by {} at {}",
                    known.marker, self.client, self.count
                );
                Asked::Rewrite { hash, text }
            }
            _ => Asked::Delete { hash },
        }
    }

    /// Keeps in mind what an operation did.
    pub(crate) fn learn(&mut self, stage: &Stage, asked: &Asked, end: &End) {
        learn_one(&mut self.own, asked, end);
        learn_one(&mut stage.common(), asked, end);
        let (Asked::Store { text, .. }, End::Ok { answer, .. }) = (asked, end) else {
            return;
        };
        let Answered::Written { hash: Some(hash) } = answer else {
            return;
        };
        let marker = marker(text).to_owned();
        stage.published().push(marker.clone());
        self.own.push(Known {
            marker,
            hash: hash.clone(),
            is_living: true,
        });
    }
}

/// What is not known for sure is forgotten, unless everybody uses it.
fn learn_one(known: &mut Vec<Known>, asked: &Asked, end: &End) {
    let (hash, is_living) = match asked {
        Asked::Store { .. } | Asked::Read { .. } => return,
        Asked::Retag { hash, .. } | Asked::Rewrite { hash, .. } | Asked::Undelete { hash } => {
            (hash, true)
        }
        Asked::Delete { hash } | Asked::Purge { hash } => (hash, false),
    };
    let Some(place) = known.iter().position(|known| known.hash == *hash) else {
        return;
    };
    match end {
        End::Ok { .. } if matches!(asked, Asked::Purge { .. }) => drop(known.remove(place)),
        End::Ok {
            answer: Answered::Written { hash },
            ..
        } => {
            known[place].is_living = is_living;
            if let Some(hash) = hash {
                known[place].hash.clone_from(hash);
            }
        }
        End::Ok { .. } => {}
        End::Failed { .. } | End::Unknown { .. } if known[place].marker.starts_with("mks") => {}
        End::Failed { .. } | End::Unknown { .. } => drop(known.remove(place)),
    }
}
