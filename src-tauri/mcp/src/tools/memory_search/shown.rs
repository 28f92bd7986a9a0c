//! The hits of a search as they are shown.

use commonplace_engine::Hit;
use commonplace_engine::clean::clean;

use crate::budget::{self, Detail};
use crate::tags;

/// Room that a hit takes besides its text: hash (digits are dear), time, tags, names of fields.
const OVERHEAD: usize = 240;

/// A hit, cleaned and cut to its share.
pub(super) struct Shown<'a> {
    pub(super) hit: &'a Hit,
    pub(super) text: String,
    pub(super) is_shortened: bool,
    pub(super) tags: tags::Shown,
}

/// Cleans the hits and shares the room among them; hits for which there is no room are left out.
pub(super) fn all(hits: &[Hit], detail: Detail) -> Vec<Shown<'_>> {
    let texts: Vec<String> = hits.iter().map(|hit| clean(&hit.memory.text)).collect();
    let costs: Vec<usize> = texts.iter().map(|text| budget::cost(text)).collect();
    let shares = budget::shares(&costs, OVERHEAD, detail.room(hits.len()));
    let cut = hits.iter().zip(texts).zip(shares);
    cut.map(|((hit, text), share)| Shown::new(hit, text, share))
        .collect()
}

impl<'a> Shown<'a> {
    fn new(hit: &'a Hit, text: String, share: usize) -> Self {
        let cut = budget::shorten(&text, share);
        let is_shortened = cut.is_some();
        let tags = tags::Shown::first(&hit.memory.tags);
        Self {
            hit,
            text: cut.unwrap_or(text),
            is_shortened,
            tags,
        }
    }
}
