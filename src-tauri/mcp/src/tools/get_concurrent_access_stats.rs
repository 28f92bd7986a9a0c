//! `get_concurrent_access_stats`: the figures of the write lock, in the words of the guide.

use commonplace_api::statistics::Stats;
use commonplace_api::status::Status;
use commonplace_engine::Engine;
use jiff::{Timestamp, Zoned};
use serde_json::{Value, json};

use super::memory_health;
use super::tool::{Context, Effect, Tool};
use crate::answer::{Answer, thousands};
use crate::arguments::{ArgumentError, Arguments, Table};

pub(super) struct GetConcurrentAccessStats;

impl Tool for GetConcurrentAccessStats {
    const NAME: &'static str = "get_concurrent_access_stats";
    const TITLE: &'static str = "Show lock statistics";
    const DESCRIPTION: &'static str = "Use this when several sessions use the memory at once and something seems to wait, or \
        when the user asks how well the sharing works: it shows how often the write lock was taken, how long requests waited for \
        it, and whether any failed.";
    const EFFECT: Effect = Effect::Reads;
    const ARGUMENTS: Table = memory_health::NO_ARGUMENTS;

    type Request = ();

    fn check(_: &Arguments, _: &Context) -> Result<(), ArgumentError> {
        Ok(())
    }

    async fn run(engine: &Engine, (): (), context: &Context) -> Answer {
        answer(&engine.status(), &context.now)
    }
}

/// Shapes the answer; times are those of the time zone of `now`.
fn answer(status: &Status, now: &Zoned) -> Answer {
    Answer::text(text(status, now), structured(status, now))
}

/// Writes the text of the guide, line by line. Before the first acquisition the figures are zero.
fn text(status: &Status, now: &Zoned) -> String {
    let stats = &status.stats;
    let mut lines = vec![
        "=== Concurrent Access Statistics ===".to_owned(),
        format!("Total lock acquisitions: {}", thousands(stats.acquisitions)),
        format!(
            "Failed acquisitions: {}",
            thousands(stats.failed_acquisitions)
        ),
        format!(
            "Average wait time: {:.3}s",
            stats.lock_wait.average_ms / 1000.0
        ),
        format!("Maximum wait time: {:.3}s", stats.lock_wait.max_ms / 1000.0),
        format!("Currently active locks: {}", thousands(stats.active_locks)),
    ];
    lines.extend(last_acquisition(stats, now).map(|at| format!("Last acquisition: {at}")));
    lines.extend([
        String::new(),
        "=== Database Health ===".to_owned(),
        format!("Total memories: {}", thousands(status.memories.total)),
        format!("Status: {}", memory_health::validation(status).0),
    ]);
    lines.join("\n")
}

/// Local time to the second, without a zone, as the guide shows it.
fn last_acquisition(stats: &Stats, now: &Zoned) -> Option<String> {
    let at = Timestamp::from_millisecond(stats.last_acquisition_ms?).ok()?;
    Some(
        at.to_zoned(now.time_zone().clone())
            .strftime("%Y-%m-%dT%H:%M:%S")
            .to_string(),
    )
}

fn structured(status: &Status, now: &Zoned) -> Value {
    let stats = &status.stats;
    let seconds = |ms: f64| (ms * 1000.0).round() / 1_000_000.0;
    json!({
        "total_lock_acquisitions": stats.acquisitions,
        "failed_acquisitions": stats.failed_acquisitions,
        "average_wait_time_s": seconds(stats.lock_wait.average_ms),
        "maximum_wait_time_s": seconds(stats.lock_wait.max_ms),
        "currently_active_locks": stats.active_locks,
        "last_acquisition": last_acquisition(stats, now),
        "database_health": {
            "total_memories": status.memories.total,
            "status": memory_health::validation(status).0,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::tests::{context, status};
    use commonplace_api::statistics::TimeSummary;

    fn busy() -> Status {
        let mut status = status();
        status.stats.acquisitions = 1523;
        status.stats.failed_acquisitions = 2;
        status.stats.lock_wait = TimeSummary {
            average_ms: 15.2,
            max_ms: 234.0,
            ..TimeSummary::default()
        };
        status.stats.last_acquisition_ms = Some(1_737_887_445_999);
        status
    }

    #[test]
    fn the_text_is_that_of_the_guide() {
        let wanted = "=== Concurrent Access Statistics ===\n\
            Total lock acquisitions: 1,523\n\
            Failed acquisitions: 2\n\
            Average wait time: 0.015s\n\
            Maximum wait time: 0.234s\n\
            Currently active locks: 0\n\
            Last acquisition: 2025-01-26T10:30:45\n\
            \n\
            === Database Health ===\n\
            Total memories: 42\n\
            Status: healthy";
        assert_eq!(answer(&busy(), &context().now).finish().text, wanted);
    }

    #[test]
    fn before_the_first_acquisition_the_figures_are_zero() {
        let finished = answer(&status(), &context().now).finish();
        let wanted = "=== Concurrent Access Statistics ===\n\
            Total lock acquisitions: 0\n\
            Failed acquisitions: 0\n\
            Average wait time: 0.000s\n\
            Maximum wait time: 0.000s\n\
            Currently active locks: 0\n\
            \n\
            === Database Health ===\n";
        assert!(finished.text.starts_with(wanted), "{}", finished.text);
        assert_eq!(finished.structured["last_acquisition"], Value::Null);
    }

    #[test]
    fn programs_get_the_same_figures() {
        let structured = answer(&busy(), &context().now).finish().structured;
        let wanted = json!({
            "total_lock_acquisitions": 1523, "failed_acquisitions": 2, "average_wait_time_s": 0.0152,
            "maximum_wait_time_s": 0.234, "currently_active_locks": 0, "last_acquisition": "2025-01-26T10:30:45",
            "database_health": { "total_memories": 42, "status": "healthy" },
        });
        assert_eq!(structured, wanted);
    }
}
