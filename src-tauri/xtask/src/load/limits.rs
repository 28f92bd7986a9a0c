//! The limits of the design, beside what was measured. Nothing fails here: a benchmark is not a test.

use std::time::Duration;

use serde_json::{Value, json};

use super::figures::time_text;
use super::results::{Results, Round};
use super::samples::Samples;
use super::scale::Scale;

/// With this share of the cores in use, there is nothing left for more clients.
const USED_UP: f64 = 0.85;

/// One limit.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Limit {
    pub(crate) what: String,
    pub(crate) wanted: String,
    pub(crate) measured: String,
    /// None if it was not measured.
    pub(crate) is_met: Option<bool>,
}

impl Limit {
    /// A line for people.
    pub(crate) fn text(&self) -> String {
        let word = match self.is_met {
            Some(true) => "met",
            Some(false) => "NOT MET",
            None => "not measured",
        };
        format!(
            "  {word:<13} {}: wanted {}, measured {}\n",
            self.what, self.wanted, self.measured
        )
    }

    /// An object for programs.
    pub(crate) fn json(&self) -> Value {
        json!({ "what": self.what, "wanted": self.wanted, "measured": self.measured, "is_met": self.is_met })
    }
}

/// Compares everything that was measured with its limit, on a machine with so many cores.
pub(crate) fn limits(results: &Results, cores: usize) -> Vec<Limit> {
    let mut all: Vec<Limit> = results.rounds.iter().flat_map(of_round).collect();
    all.extend(rising(&results.rounds, cores));
    all.extend(results.scale.iter().flat_map(of_scale));
    all.extend(results.start.iter().map(|start| {
        below(
            "start of `serve` to the answer of tools/list, p50, model cold",
            start.ours.p50(),
            300,
        )
    }));
    all.push(none("acknowledged writes lost", results.lost() as u64));
    all
}

fn of_round(round: &Round) -> Vec<Limit> {
    let clients = match round.clients {
        1 => "1 client".to_owned(),
        count => format!("{count} clients"),
    };
    let side = &round.ours.side;
    let rival = round
        .rival
        .as_ref()
        .and_then(|rival| rival.side.stored.per_second());
    let mut all = Vec::new();
    if round.rival.is_some() {
        let stores = format!("stores/s of ours to the rival's, {clients}");
        all.push(ratio(&stores, side.stored.per_second(), rival, 20.0));
        let vectors = round.ours.indexed.and_then(|indexed| indexed.vectors_per_s);
        all.push(ratio(
            &format!("vectors/s of ours to the rival's stores/s, {clients}"),
            vectors,
            rival,
            1.0,
        ));
    }
    let store_ms = match round.clients {
        1 => Some(3),
        8 => Some(10),
        _ => None,
    };
    let store = |ms| {
        below(
            &format!("store p50, {clients}"),
            side.stored.times.p50(),
            ms,
        )
    };
    all.extend(store_ms.map(store));
    if round.clients == 4 {
        let ms = round.ours.waits.queue_average_ms + round.ours.waits.lock_average_ms;
        let wait = Duration::from_secs_f64(ms.max(0.0) / 1e3);
        all.push(below(
            "wait for queue and lock, average, 4 clients",
            Some(wait),
            2,
        ));
    }
    all.push(none(
        &format!("failed acquisitions, {clients}"),
        round.ours.waits.failed_acquisitions,
    ));
    all
}

/// More clients store more, until host and generator together use up the cores.
fn rising(rounds: &[Round], cores: usize) -> Option<Limit> {
    let mut all: Vec<(usize, f64, f64)> = rounds.iter().filter_map(speed).collect();
    all.sort_by_key(|(clients, ..)| *clients);
    let is_used_up = |used: f64| used >= USED_UP * cores as f64;
    let rises = |pair: &[(usize, f64, f64)]| pair[1].1 >= pair[0].1 || is_used_up(pair[1].2);
    let texts: Vec<String> = all
        .iter()
        .map(|(_, rate, used)| format!("{rate:.0} ({used:.1} cores)"))
        .collect();
    (all.len() > 1).then(|| Limit {
        what: "stores/s from fewer to more clients".to_owned(),
        wanted: "rising until the cores are used up".to_owned(),
        measured: texts.join(", "),
        is_met: Some(all.windows(2).all(rises)),
    })
}

/// Returns clients, stores in a second, and the cores used for them (0 where the system does not show it).
fn speed(round: &Round) -> Option<(usize, f64, f64)> {
    let stored = &round.ours.side.stored;
    let used = stored.program_cores.unwrap_or(0.0) + stored.generator_cores.unwrap_or(0.0);
    stored.per_second().map(|rate| (round.clients, rate, used))
}

fn of_scale(scale: &Scale) -> Vec<Limit> {
    let memories = scale.memories;
    let first = scale.search_1.times.p50();
    let ratio = |busy: &Samples, idle: &Samples| {
        Some(busy.p50()?.as_secs_f64() / idle.p50()?.as_secs_f64())
    };
    let slower = ratio(&scale.busy, &scale.idle);
    let memory = scale.memory.map(|memory| memory.resident);
    vec![
        below(
            &format!("search p50, {memories} memories, 1 client, first step"),
            first,
            15,
        ),
        below(
            &format!("search p50, {memories} memories, 1 client"),
            first,
            8,
        ),
        below(
            &format!("search p50, {memories} memories, 8 clients"),
            scale.search_8.times.p50(),
            40,
        ),
        Limit {
            what: "store p50 while the indexer is busy to idle".to_owned(),
            wanted: "at most 2 x".to_owned(),
            measured: slower.map_or("-".to_owned(), |ratio| format!("{ratio:.1} x")),
            is_met: slower.map(|ratio| ratio <= 2.0),
        },
        Limit {
            what: format!("memory of the host, 8 clients, {memories} memories"),
            wanted: "below 250 MB".to_owned(),
            measured: memory.map_or("-".to_owned(), |bytes| {
                format!("{:.0} MB", bytes as f64 / 1e6)
            }),
            is_met: memory.map(|bytes| bytes < 250_000_000),
        },
    ]
}

/// A time that must be below so many milliseconds.
pub(crate) fn below(what: &str, measured: Option<Duration>, limit_ms: u64) -> Limit {
    let limit = Duration::from_millis(limit_ms);
    Limit {
        what: what.to_owned(),
        wanted: format!("below {limit_ms} ms"),
        measured: measured.map_or("-".to_owned(), time_text),
        is_met: measured.map(|time| time < limit),
    }
}

/// What must never happen.
pub(crate) fn none(what: &str, count: u64) -> Limit {
    Limit {
        what: what.to_owned(),
        wanted: "0".to_owned(),
        measured: count.to_string(),
        is_met: Some(count == 0),
    }
}

fn ratio(what: &str, ours: Option<f64>, rival: Option<f64>, limit: f64) -> Limit {
    let ratio = ours.zip(rival).map(|(ours, rival)| ours / rival);
    Limit {
        what: what.to_owned(),
        wanted: format!("more than {limit} x"),
        measured: ratio.map_or("-".to_owned(), |ratio| format!("{ratio:.1} x")),
        is_met: ratio.map(|ratio| ratio > limit),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_met_missed_or_not_measured() {
        let met = |ms: Option<u64>| below("x", ms.map(Duration::from_millis), 3).is_met;
        assert_eq!(met(Some(2)), Some(true));
        assert_eq!(met(Some(3)), Some(false), "below means less than");
        assert_eq!(met(None), None);
        assert_eq!(ratio("x", Some(500.0), Some(20.0), 20.0).is_met, Some(true));
        assert_eq!(
            ratio("x", Some(400.0), Some(20.0), 20.0).is_met,
            Some(false),
            "more than means more"
        );
        assert_eq!(ratio("x", None, Some(20.0), 20.0).is_met, None);
    }

    #[test]
    fn a_missed_limit_stands_out() {
        let line = below("store p50", Some(Duration::from_millis(4)), 3).text();
        assert_eq!(
            line,
            "  NOT MET       store p50: wanted below 3 ms, measured 4.00 ms\n"
        );
    }

    #[test]
    fn a_run_without_figures_has_lost_nothing() {
        let all = limits(&Results::default(), 2);
        assert_eq!(
            all.iter().map(|limit| limit.is_met).collect::<Vec<_>>(),
            [Some(true)]
        );
    }

    fn round(clients: usize, rate: usize, used: f64) -> Round {
        let mut round = Round {
            clients,
            ..Round::default()
        };
        let stored = &mut round.ours.side.stored;
        stored.acknowledged = vec![String::new(); rate];
        stored.span = Duration::from_secs(1);
        stored.program_cores = Some(used);
        round
    }

    #[test]
    fn more_clients_must_store_more_while_cores_are_free() {
        let is_met = |rounds: &[Round]| rising(rounds, 2).and_then(|limit| limit.is_met);
        assert_eq!(
            is_met(&[round(1, 300, 0.5), round(4, 400, 0.9)]),
            Some(true)
        );
        assert_eq!(
            is_met(&[round(4, 400, 0.9), round(1, 300, 0.5)]),
            Some(true),
            "in any order"
        );
        assert_eq!(
            is_met(&[round(1, 300, 0.5), round(4, 200, 0.9)]),
            Some(false)
        );
        assert_eq!(
            is_met(&[round(1, 300, 0.5), round(4, 200, 1.9)]),
            Some(true),
            "used up"
        );
        assert_eq!(
            is_met(&[round(1, 300, 0.5)]),
            None,
            "one round shows no rise"
        );
    }
}
