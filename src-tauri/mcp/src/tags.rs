//! Tags in an answer: of very many, the first are shown.

use commonplace_engine::clean::clean_line;

use crate::budget;

/// Room for the tags of one memory in a short answer.
const ROOM: usize = 120;

/// The tags of a memory that are shown, cleaned.
pub(crate) struct Shown {
    pub(crate) shown: Vec<String>,
    /// How many are not.
    pub(crate) left_out: usize,
}

impl Shown {
    /// Shows all.
    pub(crate) fn all(tags: &[String]) -> Self {
        Self {
            shown: tags.iter().map(|tag| clean_line(tag)).collect(),
            left_out: 0,
        }
    }

    /// Shows the first that fit into the room of a short answer, at least one.
    pub(crate) fn first(tags: &[String]) -> Self {
        let mut shown = Self::all(tags);
        shown.shorten();
        shown
    }

    /// Leaves out those that do not fit into the room of a short answer.
    pub(crate) fn shorten(&mut self) {
        let mut left = ROOM;
        let fitting = self.shown.iter().take_while(|tag| {
            let cost = cost(tag);
            let fits = cost <= left;
            left = left.saturating_sub(cost);
            fits
        });
        let count = fitting.count().max(1).min(self.shown.len());
        self.left_out += self.shown.len() - count;
        self.shown.truncate(count);
    }

    /// Leaves out all of them.
    pub(crate) fn leave_all_out(&mut self) {
        self.left_out += self.shown.len();
        self.shown.clear();
    }

    /// Writes them with commas, and how many are left out.
    pub(crate) fn text(&self) -> String {
        let more = (self.left_out > 0).then(|| format!("and {} more", self.left_out));
        let all: Vec<&str> = self.shown.iter().chain(&more).map(String::as_str).collect();
        all.join(", ")
    }

    /// Room that they take.
    pub(crate) fn cost(&self) -> usize {
        self.shown.iter().map(|tag| cost(tag)).sum()
    }
}

/// A tag with quotes and comma.
fn cost(tag: &str) -> usize {
    budget::cost(tag) + 3
}
