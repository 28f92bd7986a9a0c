//! The vectors of the last queries: people and programs ask the same thing again.

use std::collections::HashMap;

use crate::vector::Embedded;

/// Longer texts are not kept, so that the cache stays below 1 MB with its default size.
const TEXT_BYTES_MAX: usize = 2048;

/// A map that forgets the entry that was not used for the longest time.
#[derive(Debug, Default)]
pub(crate) struct QueryCache {
    entries_max: usize,
    /// Grows by one with each use; the smallest in an entry is the oldest.
    uses: u64,
    entries: HashMap<Box<str>, (u64, Embedded)>,
}

impl QueryCache {
    /// A cache for `entries_max` texts; 0 keeps nothing.
    pub(crate) fn new(entries_max: usize) -> Self {
        Self {
            entries_max,
            ..Self::default()
        }
    }

    pub(crate) fn get(&mut self, text: &str) -> Option<Embedded> {
        self.uses += 1;
        let (used, embedded) = self.entries.get_mut(text)?;
        *used = self.uses;
        Some(embedded.clone())
    }

    pub(crate) fn put(&mut self, text: &str, embedded: &Embedded) {
        if self.entries_max == 0 || text.len() > TEXT_BYTES_MAX {
            return;
        }
        if self.entries.len() >= self.entries_max && !self.entries.contains_key(text) {
            self.forget_oldest();
        }
        self.uses += 1;
        self.entries
            .insert(text.into(), (self.uses, embedded.clone()));
    }

    /// Looks at all entries: a few hundred, and only after a forward pass of milliseconds.
    fn forget_oldest(&mut self) {
        let oldest = self
            .entries
            .iter()
            .min_by_key(|(_, (used, _))| *used)
            .map(|(text, _)| text.clone());
        if let Some(text) = oldest {
            self.entries.remove(&text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DIM, Vector};

    fn embedded(axis: usize) -> Embedded {
        let mut entries = vec![0.0; DIM];
        entries[axis] = 1.0;
        Embedded {
            vector: Vector::from_unit(entries).unwrap(),
            tokens: 3,
            was_cut: false,
        }
    }

    #[test]
    fn the_entry_unused_for_longest_is_forgotten() {
        let mut cache = QueryCache::new(2);
        cache.put("a", &embedded(0));
        cache.put("b", &embedded(1));
        assert_eq!(cache.get("a"), Some(embedded(0)), "now b is the oldest");
        cache.put("c", &embedded(2));
        assert_eq!(cache.get("b"), None);
        assert_eq!(
            (cache.get("a"), cache.get("c")),
            (Some(embedded(0)), Some(embedded(2)))
        );
    }

    #[test]
    fn the_same_text_again_pushes_nothing_out() {
        let mut cache = QueryCache::new(2);
        for text in ["a", "b", "b", "b"] {
            cache.put(text, &embedded(0));
        }
        assert!(cache.get("a").is_some());
    }

    #[test]
    fn size_zero_and_long_texts_keep_nothing() {
        let mut none = QueryCache::new(0);
        none.put("a", &embedded(0));
        assert_eq!(none.get("a"), None);
        let (mut cache, long) = (QueryCache::new(2), "x".repeat(TEXT_BYTES_MAX + 1));
        cache.put(&long, &embedded(0));
        assert_eq!(cache.get(&long), None);
    }
}
