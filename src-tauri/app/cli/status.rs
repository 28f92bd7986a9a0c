//! `status` and `stats`: what the running host is doing.

use std::process::ExitCode;

use serde_json::Value;

use super::{CommandError, Context, output, small_runtime};
use crate::client::HostClient;

fn ask(context: &Context) -> Result<Value, CommandError> {
    context.log_quietly();
    let client = HostClient::find(&context.options.data_dir)?;
    Ok(small_runtime()?.block_on(client.get("/api/status"))?)
}

pub(crate) fn status(context: &Context) -> Result<ExitCode, CommandError> {
    let status = ask(context)?;
    output::result(context.json, &status, &status_text(&status));
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn stats(context: &Context) -> Result<ExitCode, CommandError> {
    let status = ask(context)?;
    output::result(context.json, &status["stats"], &stats_text(&status));
    Ok(ExitCode::SUCCESS)
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or("?")
}

fn number(value: &Value, key: &str) -> u64 {
    value[key].as_u64().unwrap_or(0)
}

fn ms(value: &Value, key: &str) -> f64 {
    value[key].as_f64().unwrap_or(0.0)
}

/// Lays the status out for a terminal.
fn status_text(status: &Value) -> String {
    let (host, queue, index) = (&status["host"], &status["queue"], &status["index"]);
    let mut lines = vec![
        format!("{}  {}", text(status, "state"), text(status, "diagnosis")),
        format!(
            "host      pid {} ({} {}) since {}, store {}",
            number(host, "pid"),
            text(host, "role"),
            text(host, "version"),
            output::local_time(host["started_ms"].as_i64().unwrap_or(0)),
            text(host, "data_dir")
        ),
        format!("lock      {}", lock_text(status)),
        format!(
            "queue     {} of {}, oldest {} ms",
            number(queue, "length"),
            number(queue, "limit"),
            number(queue, "oldest_ms")
        ),
        format!("waits     {}", waits_text(&status["stats"])),
        format!(
            "memories  {} ({} deleted), database {}, log {}",
            output::thousands(number(&status["memories"], "total")),
            output::thousands(number(&status["memories"], "deleted")),
            output::bytes(number(&status["files"], "database_bytes")),
            output::bytes(number(&status["files"], "wal_bytes"))
        ),
        format!("index     {}", index_text(index)),
    ];
    for client in status["clients"].as_array().into_iter().flatten() {
        let throttled = match number(client, "throttled") {
            0 => String::new(),
            count => format!(", {count} throttled"),
        };
        lines.push(format!(
            "client    {} {} ({}): {} requests, {} errors, {} under way{throttled}",
            output::one_line(text(client, "client"), 40),
            output::one_line(client["version"].as_str().unwrap_or(""), 20),
            text(client, "transport"),
            number(client, "requests"),
            number(client, "errors"),
            number(client, "in_flight")
        ));
    }
    lines.join("\n")
}

fn lock_text(status: &Value) -> String {
    let lock = &status["lock"];
    let waiters = lock["waiters"].as_array().map_or(0, Vec::len);
    let holder = &lock["holder"];
    if holder.is_null() {
        return format!("{}, {waiters} waiting", text(lock, "state"));
    }
    let age =
        (status["now_ms"].as_i64().unwrap_or(0) - holder["since_ms"].as_i64().unwrap_or(0)).max(0);
    format!(
        "{} by pid {} ({} on {}) for {age} ms: {} for {}; {waiters} waiting",
        text(lock, "state"),
        number(holder, "pid"),
        text(holder, "role"),
        text(holder, "host_name"),
        text(holder, "kind"),
        output::one_line(text(holder, "client"), 40)
    )
}

fn waits_text(stats: &Value) -> String {
    let one = |key: &str| {
        let times = &stats[key];
        format!(
            "{:.1} / {:.1} / {:.1}",
            ms(times, "p50_ms"),
            ms(times, "p95_ms"),
            ms(times, "max_ms")
        )
    };
    format!(
        "queue {} ms, lock {} ms, hold {} ms (p50 / p95 / max)",
        one("queue_wait"),
        one("lock_wait"),
        one("hold")
    )
}

fn index_text(index: &Value) -> String {
    let reason = index["reason"]
        .as_str()
        .map(|reason| format!(": {reason}"))
        .unwrap_or_default();
    format!(
        "{} of {} by meaning, model {}{reason}",
        output::thousands(number(index, "indexed")),
        output::thousands(number(index, "indexed") + number(index, "backlog")),
        text(index, "model")
    )
}

/// Lays the statistics out as the guide does, with what it did not have below.
fn stats_text(status: &Value) -> String {
    let stats = &status["stats"];
    let seconds = |key: &str, part: &str| ms(&stats[key], part) / 1e3;
    let mut lines = vec![
        "=== Concurrent Access Statistics ===".to_owned(),
        format!(
            "Total lock acquisitions: {}",
            output::thousands(number(stats, "acquisitions"))
        ),
        format!(
            "Failed acquisitions: {}",
            output::thousands(number(stats, "failed_acquisitions"))
        ),
        format!(
            "Average wait time: {:.3}s",
            seconds("lock_wait", "average_ms")
        ),
        format!("Maximum wait time: {:.3}s", seconds("lock_wait", "max_ms")),
        format!("Currently active locks: {}", number(stats, "active_locks")),
    ];
    if let Some(last) = stats["last_acquisition_ms"].as_i64() {
        lines.push(format!("Last acquisition: {}", local_iso(last)));
    }
    lines.push(String::new());
    for kind in stats["by_kind"].as_array().into_iter().flatten() {
        let total = &kind["total"];
        lines.push(format!(
            "{:<10} {:>9} done {:>6} failed   p50 {:>8.2} ms   p95 {:>8.2} ms   max {:>8.2} ms",
            text(kind, "kind"),
            output::thousands(number(kind, "done")),
            output::thousands(number(kind, "failed")),
            ms(total, "p50_ms"),
            ms(total, "p95_ms"),
            ms(total, "max_ms")
        ));
    }
    lines.join("\n")
}

fn local_iso(at_ms: i64) -> String {
    jiff::Timestamp::from_millisecond(at_ms).map_or_else(
        |_| "?".to_owned(),
        |time| {
            time.to_zoned(jiff::tz::TimeZone::system())
                .strftime("%Y-%m-%dT%H:%M:%S")
                .to_string()
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statistics_read_as_the_guide_shows_them() {
        let status = serde_json::json!({ "stats": {
            "acquisitions": 1523, "failed_acquisitions": 2, "active_locks": 0,
            "lock_wait": { "average_ms": 15.0, "max_ms": 234.0 }, "by_kind": [],
        }});
        let expected = "=== Concurrent Access Statistics ===\nTotal lock acquisitions: 1,523\nFailed acquisitions: 2\n\
             Average wait time: 0.015s\nMaximum wait time: 0.234s\nCurrently active locks: 0\n";
        assert_eq!(stats_text(&status), expected);
    }
}
