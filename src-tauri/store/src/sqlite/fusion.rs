//! Fuses the hits by words and the hits by meaning into one order.

use std::collections::HashMap;

use crate::memory::MemoryId;

/// Numbers of the fusion: reciprocal rank, weighted.
///
/// A memory at place r of a list gets `weight / (k + r)` from it. A small k trusts the first places of each list; the
/// textbook's 60 flattens them and was worse than words alone in our measurement (`cargo xtask bench quality`).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fusion {
    /// Flattens the difference between places.
    pub k: f32,
    /// Weight of the list by words.
    pub words: f32,
    /// Weight of the list by meaning.
    pub meaning: f32,
}

impl Default for Fusion {
    fn default() -> Self {
        Self {
            k: 10.0,
            words: 1.0,
            meaning: 1.0,
        }
    }
}

/// A memory after fusion.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Fused {
    pub(super) id: MemoryId,
    pub(super) score: f32,
    pub(super) keyword_rank: Option<u32>,
    pub(super) semantic_rank: Option<u32>,
    pub(super) cosine: Option<f32>,
}

impl Fused {
    fn empty(id: MemoryId) -> Self {
        Self {
            id,
            score: 0.0,
            keyword_rank: None,
            semantic_rank: None,
            cosine: None,
        }
    }
}

/// Fuses two lists, each the best first. The score is 1 for a memory that leads all lists that were asked for.
pub(super) fn fuse(
    fusion: Fusion,
    words: Option<&[MemoryId]>,
    meaning: Option<&[(MemoryId, f32)]>,
) -> Vec<Fused> {
    let mut fused: HashMap<MemoryId, Fused> = HashMap::new();
    let mut best = 0.0;
    if let Some(words) = words {
        best += fusion.words / (fusion.k + 1.0);
        for (place, id) in (1u32..).zip(words) {
            let hit = fused.entry(*id).or_insert_with(|| Fused::empty(*id));
            hit.keyword_rank = Some(place);
            hit.score += fusion.words / (fusion.k + place as f32);
        }
    }
    if let Some(meaning) = meaning {
        best += fusion.meaning / (fusion.k + 1.0);
        for (place, (id, cosine)) in (1u32..).zip(meaning) {
            let hit = fused.entry(*id).or_insert_with(|| Fused::empty(*id));
            hit.semantic_rank = Some(place);
            hit.cosine = Some(*cosine);
            hit.score += fusion.meaning / (fusion.k + place as f32);
        }
    }
    let mut hits: Vec<Fused> = fused.into_values().collect();
    hits.iter_mut()
        .for_each(|hit| hit.score /= f32::max(best, f32::MIN_POSITIVE));
    hits.sort_by(|a, b| b.score.total_cmp(&a.score).then(b.id.cmp(&a.id)));
    hits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_memory_in_both_lists_beats_one_that_leads_only_one() {
        let words = [MemoryId(1), MemoryId(2)];
        let meaning = [(MemoryId(3), 0.9), (MemoryId(2), 0.8)];
        let fused = fuse(Fusion::default(), Some(&words), Some(&meaning));
        assert_eq!(
            fused.iter().map(|hit| hit.id.0).collect::<Vec<_>>(),
            [2, 3, 1],
            "ties go to the newer one"
        );
        assert_eq!(
            (fused[0].keyword_rank, fused[0].semantic_rank),
            (Some(2), Some(2))
        );
    }

    #[test]
    fn leading_every_list_scores_one() {
        let words = [MemoryId(1)];
        let fused = fuse(Fusion::default(), Some(&words), None);
        assert!(
            (fused[0].score - 1.0).abs() < 1e-6,
            "one list asked for, one list led"
        );
        let both = fuse(Fusion::default(), Some(&words), Some(&[(MemoryId(1), 0.5)]));
        assert!((both[0].score - 1.0).abs() < 1e-6);
    }
}
