//! The texts that are stored and the words that are asked for: the same for every program, decided by a seed.

/// Few words, so that every query meets many memories: the hard case for search by words.
const WORDS: [&str; 33] = [
    "service", "deploy", "token", "cache", "index", "login", "branch", "merge", "schema", "queue",
    "worker", "timeout", "retry", "lock", "shard", "replica", "parser", "linter", "editor",
    "theme", "invoice", "ledger", "payroll", "orbit", "garden", "violin", "recipe", "harbor",
    "tunnel", "meadow", "copper", "lantern", "glacier",
];
const WORDS_IN_TEXT: usize = 40;
const WORDS_IN_QUERY: usize = 6;

/// One text, and the word in it by which it can be proved to be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Text {
    /// Occurs in this text and in no other.
    pub(crate) marker: String,
    /// The whole text; begins with the marker.
    pub(crate) body: String,
}

/// Makes `count` texts of one client; no two of a seed are alike if `series` and `client` differ.
pub(crate) fn texts(seed: u64, series: &str, client: usize, count: usize) -> Vec<Text> {
    endless(seed, series, client).take(count).collect()
}

/// Makes the same texts one by one, as many as are taken.
pub(crate) fn endless(seed: u64, series: &str, client: usize) -> impl Iterator<Item = Text> {
    let mut dice = Dice::new(seed, &format!("{series}/{client}"));
    (0..).map(move |number: usize| {
        // The last letter ends the number: `…x1q` is not the beginning of `…x12q`.
        let marker = format!("mk{seed}{series}{client}x{number}q");
        let words = dice.words(WORDS_IN_TEXT);
        let files = dice.below(9_999) + 1;
        Text {
            body: format!("{marker} {words} in {files} files."),
            marker,
        }
    })
}

/// Makes `count` queries of six words each; in practice none occurs twice, so none is answered from a cache.
pub(crate) fn queries(seed: u64, series: &str, client: usize, count: usize) -> Vec<String> {
    let mut dice = Dice::new(seed, &format!("query/{series}/{client}"));
    (0..count).map(|_| dice.words(WORDS_IN_QUERY)).collect()
}

/// SplitMix64: short, and good enough to choose words.
struct Dice(u64);

impl Dice {
    /// Begins the stream `name` of `seed`.
    fn new(seed: u64, name: &str) -> Self {
        // FNV-1a keeps the streams of different names apart.
        let mix = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        Self(name.bytes().fold(0xcbf2_9ce4_8422_2325 ^ seed, mix))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    fn words(&mut self, count: usize) -> String {
        let words: Vec<&str> = (0..count).map(|_| WORDS[self.below(WORDS.len())]).collect();
        words.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_seed_decides_every_text_and_query() {
        let text = |seed| texts(seed, "fill", 2, 5);
        assert_eq!(text(7), text(7));
        assert_ne!(text(7)[0].body, text(8)[0].body);
        let query = |client| queries(7, "fill", client, 5);
        assert_eq!(query(2), query(2));
        assert_ne!(query(2), query(3));
        // Fixed, so that two runs of two versions can be compared.
        let first = &texts(1, "a", 0, 1)[0].body;
        let is_same = first.starts_with("mk1a0x0q tunnel retry orbit theme");
        assert!(is_same, "the sequence changed: {first}");
    }

    #[test]
    fn a_marker_is_in_one_text_only() {
        let of_client = |client| texts(1, "a", client, 200);
        let all: Vec<Text> = (0..4).flat_map(of_client).collect();
        for Text { marker, .. } in &all {
            let holders = all.iter().filter(|other| other.body.contains(marker));
            assert_eq!(holders.count(), 1, "`{marker}` would prove another text");
        }
    }

    #[test]
    fn queries_do_not_repeat() {
        let all = queries(1, "a", 0, 2_000);
        let different: HashSet<&String> = all.iter().collect();
        assert_eq!(different.len(), all.len(), "a cache would answer");
    }
}
