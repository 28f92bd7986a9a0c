//! The hits of a search as they are shown.

use commonplace_engine::Hit;
use commonplace_engine::clean::clean;

use crate::budget;
use crate::tags;

/// Room that a hit takes besides its text and its names: hash (digits are dear), times, names of fields.
const OVERHEAD: usize = 240;

/// A hit, cleaned and cut to its share.
pub(super) struct Shown<'a> {
    pub(super) hit: &'a Hit,
    pub(super) text: String,
    pub(super) is_shortened: bool,
    pub(super) tags: tags::Shown,
}

/// Cleans the hits and shares the room among them; the last are left out if texts would become crumbs.
pub(super) fn all(hits: &[Hit], room: usize) -> Vec<Shown<'_>> {
    let mut shown: Vec<Shown<'_>> = hits.iter().map(Shown::whole).collect();
    let costs: Vec<usize> = shown.iter().map(|hit| budget::cost(&hit.text)).collect();
    let overheads: Vec<usize> = shown.iter().map(Shown::overhead).collect();
    let count = budget::fitting(&costs, &overheads, room);
    let taken: usize = overheads[..count].iter().sum();
    let left = room.saturating_sub(taken).max(budget::LEAST);
    shown.truncate(count);
    for (hit, share) in shown.iter_mut().zip(budget::fair(&costs[..count], left)) {
        hit.cut(share);
    }
    shown
}

impl<'a> Shown<'a> {
    fn whole(hit: &'a Hit) -> Self {
        Self {
            hit,
            text: clean(&hit.memory.text),
            is_shortened: false,
            tags: tags::Shown::first(&hit.memory.tags),
        }
    }

    fn overhead(&self) -> usize {
        let memory = &self.hit.memory;
        let names = [&memory.project, &memory.provenance.client].map(|name| budget::cost(name));
        let memory_type = memory.memory_type.as_deref().map_or(0, budget::cost);
        OVERHEAD + self.tags.cost() + names.iter().sum::<usize>() + memory_type
    }

    fn cut(&mut self, share: usize) {
        if let Some(cut) = budget::shorten(&self.text, share) {
            (self.text, self.is_shortened) = (cut, true);
        }
    }
}
