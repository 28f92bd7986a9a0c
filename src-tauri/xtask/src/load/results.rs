//! All that was measured in one run, as the sections of the table.

use super::crowd::Errors;
use super::figures::{Figure, Row, Section};
use super::round::{OurRound, RivalRound, Side};
use super::samples::Samples;
use super::scale::Scale;
use super::start::Start;

/// A round with so many clients.
#[derive(Debug, Default)]
pub(crate) struct Round {
    pub(crate) clients: usize,
    /// Appending 4 kB and syncing, right before.
    pub(crate) floor: Samples,
    pub(crate) ours: OurRound,
    pub(crate) rival: Option<RivalRound>,
}

/// Everything of one run.
#[derive(Debug, Default)]
pub(crate) struct Results {
    pub(crate) rounds: Vec<Round>,
    pub(crate) scale: Option<Scale>,
    pub(crate) start: Option<Start>,
}

impl Results {
    /// Acknowledged writes that our host does not have.
    pub(crate) fn lost(&self) -> usize {
        let rounds: usize = self
            .rounds
            .iter()
            .map(|round| round.ours.side.kept.lost())
            .sum();
        let scale = self.scale.as_ref().map_or(0, |scale| {
            let uncounted = usize::try_from(-scale.surplus).unwrap_or(0);
            scale.kept.lost().max(uncounted)
        });
        rounds + scale
    }

    /// The table.
    pub(crate) fn sections(&self) -> Vec<Section> {
        let rounds = self.rounds.iter().map(Round::section);
        let scale = self.scale.iter().map(Scale::section);
        let start = self.start.iter().map(Start::section);
        rounds.chain(scale).chain(start).collect()
    }

    /// What went wrong without being lost, in words.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let mut all = Vec::new();
        let mut add = |what: String, errors: &Errors| {
            let first = errors.first.as_deref().unwrap_or_default();
            if errors.count > 0 {
                all.push(format!(
                    "{what}: {} failed, the first with: {first}",
                    errors.count
                ));
            }
        };
        for round in &self.rounds {
            let mut side = |who: &str, side: &Side| {
                add(
                    format!("stores of {who}, {} clients", round.clients),
                    &side.stored.errors,
                );
                add(
                    format!("searches of {who}, {} clients", round.clients),
                    &side.searched.errors,
                );
            };
            side("ours", &round.ours.side);
            round
                .rival
                .iter()
                .for_each(|rival| side("the rival", &rival.side));
        }
        if let Some(scale) = &self.scale {
            add("filling the store".to_owned(), &scale.filled.errors);
            add("paced stores".to_owned(), &scale.errors);
            let searches = [
                &scale.search_1,
                &scale.search_1_keyword,
                &scale.search_1_semantic,
                &scale.search_8,
            ];
            searches.iter().for_each(|searched| {
                add("searches in the full store".to_owned(), &searched.errors)
            });
        }
        all
    }
}

impl Round {
    fn section(&self) -> Section {
        let plural = if self.clients == 1 { "" } else { "s" };
        let mut rows = self.side_rows();
        rows.extend(self.index_rows());
        rows.extend(self.cost_rows());
        Section {
            title: format!("{} client{plural}", self.clients),
            rows,
        }
    }

    fn side_rows(&self) -> Vec<Row> {
        let side = |figure: &dyn Fn(&Side) -> Figure| {
            let rival = self
                .rival
                .as_ref()
                .map_or(Figure::None, |rival| figure(&rival.side));
            (figure(&self.ours.side), rival)
        };
        let row = |name: &str, figure: &dyn Fn(&Side) -> Figure| {
            let (ours, rival) = side(figure);
            Row::both(name, ours, rival)
        };
        vec![
            row("stores", &|side| Figure::rate(side.stored.per_second())),
            row("store p50", &|side| side.stored.times.p50().into()),
            row("store p99", &|side| side.stored.times.p99().into()),
            row("search p50", &|side| side.searched.times.p50().into()),
            row("search p99", &|side| side.searched.times.p99().into()),
            row("found of acknowledged", &|side| {
                Figure::Part(side.kept.found, side.kept.acknowledged)
            }),
            row("look-ups without an answer", &|side| {
                Figure::Count(side.kept.unanswered as u64)
            }),
            row("lost", &|side| Figure::Count(side.kept.lost() as u64)),
            row("calls that failed", &|side| {
                Figure::Count((side.stored.errors.count + side.searched.errors.count) as u64)
            }),
        ]
    }

    /// The rival embeds before it answers: its vectors are as many as its stores.
    fn index_rows(&self) -> Vec<Row> {
        let Some(indexed) = self.ours.indexed else {
            return Vec::new();
        };
        let rival = self
            .rival
            .as_ref()
            .and_then(|rival| rival.side.stored.per_second());
        vec![
            Row::both(
                "vectors",
                Figure::rate(indexed.vectors_per_s),
                Figure::rate(rival),
            ),
            Row::ours(
                "found by meaning after the last store",
                indexed.behind.into(),
            ),
            Row::ours(
                "then found by meaning",
                Figure::Part(indexed.found, indexed.checked),
            ),
        ]
    }

    fn cost_rows(&self) -> Vec<Row> {
        let waits = self.ours.waits;
        let millis = |ms: f64| Figure::Time(std::time::Duration::from_secs_f64(ms.max(0.0) / 1e3));
        let of_rival = |figure: &dyn Fn(&RivalRound) -> Figure| {
            self.rival.as_ref().map_or(Figure::None, figure)
        };
        let side = &self.ours.side;
        vec![
            Row::ours("queue wait, average", millis(waits.queue_average_ms)),
            Row::ours("lock wait, average", millis(waits.lock_average_ms)),
            Row::ours(
                "failed acquisitions",
                Figure::Count(waits.failed_acquisitions),
            ),
            Row::both(
                "cores used while storing",
                Figure::cores(side.stored.program_cores),
                of_rival(&|rival| Figure::cores(rival.side.stored.program_cores)),
            ),
            Row::both(
                "cores used by this generator",
                Figure::cores(side.stored.generator_cores),
                of_rival(&|rival| Figure::cores(rival.side.stored.generator_cores)),
            ),
            Row::both(
                "start to tools/list, all at once, p50",
                Figure::None,
                of_rival(&|rival| rival.start.p50().into()),
            ),
            Row::both(
                "memory of all processes",
                Figure::None,
                of_rival(&|rival| Figure::bytes(rival.memory_bytes)),
            ),
            Row::ours("floor: sync of 4 kB, p50", self.floor.p50().into()),
        ]
    }
}

impl Scale {
    fn section(&self) -> Section {
        let all = self.filled.acknowledged.len();
        let rate = self
            .indexed_after
            .and_then(|time| super::samples::per_second(all, time));
        let rows = vec![
            Row::ours("stores, 8 clients", Figure::rate(self.filled.per_second())),
            Row::ours("store p50, 8 clients", self.filled.times.p50().into()),
            Row::ours("store p99, 8 clients", self.filled.times.p99().into()),
            Row::ours("acknowledged", Figure::Count(all as u64)),
            Row::ours(
                "found of some of them",
                Figure::Part(self.kept.found, self.kept.acknowledged),
            ),
            Row::ours("all found by meaning after", self.indexed_after.into()),
            Row::ours("vectors", Figure::rate(rate)),
            Row::ours("search p50, 1 client", self.search_1.times.p50().into()),
            Row::ours("search p99, 1 client", self.search_1.times.p99().into()),
            Row::ours(
                "search p50, 1 client, words only",
                self.search_1_keyword.times.p50().into(),
            ),
            Row::ours(
                "search p50, 1 client, meaning only",
                self.search_1_semantic.times.p50().into(),
            ),
            Row::ours("search p50, 8 clients", self.search_8.times.p50().into()),
            Row::ours("search p99, 8 clients", self.search_8.times.p99().into()),
            Row::ours("store p50, 1 client, indexer idle", self.idle.p50().into()),
            Row::ours("store p99, 1 client, indexer idle", self.idle.p99().into()),
            Row::ours("store p50, 1 client, indexer busy", self.busy.p50().into()),
            Row::ours("store p99, 1 client, indexer busy", self.busy.p99().into()),
            Row::ours(
                "memory, 8 clients connected",
                Figure::bytes(self.memory.map(|memory| memory.resident)),
            ),
            Row::ours(
                "memory, highest",
                Figure::bytes(self.memory.map(|memory| memory.peak)),
            ),
        ];
        Section {
            title: format!("{} memories", self.memories),
            rows,
        }
    }
}

impl Start {
    fn section(&self) -> Section {
        let rival =
            |figure: &dyn Fn(&Samples) -> Figure| self.rival.as_ref().map_or(Figure::None, figure);
        let rows = vec![
            Row::both(
                "start to tools/list, p50",
                self.ours.p50().into(),
                rival(&|all| all.p50().into()),
            ),
            Row::both(
                "start to tools/list, longest",
                self.ours.max().into(),
                rival(&|all| all.max().into()),
            ),
        ];
        Section {
            title: format!("start, {} memories, one process", self.memories),
            rows,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::crowd::Kept;

    fn lost(count: usize) -> Kept {
        Kept {
            acknowledged: 10,
            found: 10 - count,
            unanswered: 0,
        }
    }

    #[test]
    fn what_is_missing_in_any_part_is_lost() {
        let mut results = Results {
            rounds: vec![Round::default(), Round::default()],
            ..Results::default()
        };
        assert_eq!(results.lost(), 0);
        results.rounds[1].ours.side.kept = lost(2);
        assert_eq!(results.lost(), 2);
        // Of the large store some are looked up and all are counted: the larger number is the truth.
        results.scale = Some(Scale {
            kept: lost(1),
            surplus: -4,
            ..Scale::default()
        });
        assert_eq!(results.lost(), 6);
        results.scale = Some(Scale {
            kept: lost(1),
            surplus: 8,
            ..Scale::default()
        });
        assert_eq!(
            results.lost(),
            3,
            "more memories than acknowledged hide nothing"
        );
    }

    #[test]
    fn what_the_rival_loses_is_shown_but_not_ours() {
        let mut rival = RivalRound::default();
        rival.side.kept = lost(3);
        let round = Round {
            clients: 4,
            rival: Some(rival),
            ..Round::default()
        };
        let results = Results {
            rounds: vec![round],
            ..Results::default()
        };
        assert_eq!(results.lost(), 0);
        let section = &results.sections()[0];
        let row = section
            .rows
            .iter()
            .find(|row| row.name == "lost")
            .expect("the row is there");
        assert_eq!(
            (&row.ours, &row.rival),
            (&Figure::Count(0), &Figure::Count(3))
        );
    }

    #[test]
    fn calls_that_failed_are_told_with_their_reason() {
        let mut round = Round {
            clients: 8,
            ..Round::default()
        };
        round.ours.side.stored.errors = Errors {
            count: 3,
            first: Some("queue_full".to_owned()),
        };
        let results = Results {
            rounds: vec![round],
            ..Results::default()
        };
        assert_eq!(
            results.complaints(),
            ["stores of ours, 8 clients: 3 failed, the first with: queue_full"]
        );
    }
}
