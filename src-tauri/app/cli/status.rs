//! `status` and `stats`: what the running host is doing, and what all of them did.

use std::process::ExitCode;

use clap::Args;
use commonplace_engine::{recorded_incidents, recorded_stats};
use serde_json::{Value, json};

use super::{CommandError, Context, output, small_runtime};
use crate::client::HostClient;

/// Show the concurrent access statistics.
#[derive(Debug, Args)]
pub(crate) struct StatsCommand {
    /// Show slow holds, slow waits and failures instead, each with who was in the way
    #[arg(long)]
    slow: bool,
    /// Most of them, the newest first: 1 to 1000
    #[arg(long, requires = "slow", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=1000))]
    limit: u16,
}

fn ask(context: &Context, path: &str) -> Result<Value, CommandError> {
    context.log_quietly();
    let client = HostClient::find(&context.options.data_dir)?;
    Ok(small_runtime()?.block_on(client.get(path))?)
}

pub(crate) fn status(context: &Context) -> Result<ExitCode, CommandError> {
    let status = ask(context, "/api/status")?;
    output::result(context.json, &status, &status_text(&status));
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn stats(context: &Context, command: &StatsCommand) -> Result<ExitCode, CommandError> {
    if command.slow {
        let incidents = incidents(context, command.limit)?;
        output::result(context.json, &incidents, &incidents_text(&incidents));
    } else {
        let stats = figures(context)?;
        output::result(context.json, &stats, &stats_text(&stats));
    }
    Ok(ExitCode::SUCCESS)
}

/// Returns the statistics as the host tells them, or as they are recorded if none is running.
fn figures(context: &Context) -> Result<Value, CommandError> {
    match ask(context, "/api/status") {
        Ok(mut status) => Ok(status["stats"].take()),
        Err(CommandError::Client(error)) if error.is_without_host() => {
            let stats = recorded_stats(context.options.data_dir.path(), now_ms());
            stats.map(|stats| json!(stats)).ok_or(error.into())
        }
        Err(error) => Err(error),
    }
}

fn incidents(context: &Context, limit: u16) -> Result<Value, CommandError> {
    match ask(context, &format!("/api/slow?limit={limit}")) {
        Ok(mut slow) => Ok(slow["incidents"].take()),
        Err(CommandError::Client(error)) if error.is_without_host() => {
            let dir = context.options.data_dir.path();
            Ok(json!(recorded_incidents(dir, now_ms(), limit.into())))
        }
        Err(error) => Err(error),
    }
}

fn now_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
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
        format!("next      {}", line_text(status)),
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

/// Says who is next in the write queue.
fn line_text(status: &Value) -> String {
    let now_ms = status["now_ms"].as_i64().unwrap_or(0);
    let one = |entry: &Value| {
        let more = match number(entry, "requests") {
            0 | 1 => String::new(),
            requests => format!(" and {} more", requests - 1),
        };
        let project = entry["project"].as_str();
        let project = project.map_or_else(String::new, |project| {
            format!(" ({})", output::one_line(project, 40))
        });
        format!(
            "{}{project} {}{more} for {} ms",
            output::one_line(text(entry, "client"), 40),
            text(entry, "kind"),
            (now_ms - entry["since_ms"].as_i64().unwrap_or(now_ms)).max(0)
        )
    };
    let line = status["queue"]["line"].as_array();
    let entries: Vec<String> = line.into_iter().flatten().map(one).collect();
    if entries.is_empty() {
        return "nobody".to_owned();
    }
    entries.join(", then ")
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
        "{} by pid {} ({} on {}) for {age} ms: {} for {}{}; {waiters} waiting",
        text(lock, "state"),
        number(holder, "pid"),
        text(holder, "role"),
        text(holder, "host_name"),
        text(holder, "kind"),
        output::one_line(text(holder, "client"), 40),
        progress_text(&holder["progress"])
    )
}

/// How far a work of many parts is.
fn progress_text(progress: &Value) -> String {
    let Some(done) = progress["done"].as_u64() else {
        return String::new();
    };
    let how_far = output::how_far(done, progress["of"].as_u64());
    format!(", {how_far} done")
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
fn stats_text(stats: &Value) -> String {
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
    for client in stats["by_client"].as_array().into_iter().flatten() {
        lines.push(client_line(client));
    }
    lines.join("\n")
}

/// Writes what one client waited for.
fn client_line(client: &Value) -> String {
    let wait = |key: &str| {
        let times = &client[key];
        format!("{:.2} / {:.2} ms", ms(times, "p50_ms"), ms(times, "max_ms"))
    };
    format!(
        "{:<24} {:>9} done {:>6} failed   queue wait {}   lock wait {}   hold {}   (p50 / max)",
        output::one_line(text(client, "client"), 24),
        output::thousands(number(client, "done")),
        output::thousands(number(client, "failed")),
        wait("queue_wait"),
        wait("lock_wait"),
        wait("hold")
    )
}

fn incidents_text(incidents: &Value) -> String {
    let lines: Vec<_> = incidents
        .as_array()
        .into_iter()
        .flatten()
        .map(incident_line)
        .collect();
    if lines.is_empty() {
        return "Nothing was slow and nothing failed.".to_owned();
    }
    lines.join("\n")
}

fn incident_line(incident: &Value) -> String {
    let holder = output::one_line(text(incident, "holder"), 200);
    let in_the_way = if holder.is_empty() {
        String::new()
    } else {
        format!("; {holder}")
    };
    format!(
        "{}  {:<18} {:>9.1} ms  {:<10} {} for {}{in_the_way}",
        local_iso(incident["at_ms"].as_i64().unwrap_or(0)),
        text(incident, "what"),
        ms(incident, "took_ms"),
        text(incident, "end"),
        text(incident, "kind"),
        output::one_line(text(incident, "client"), 40)
    )
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
        let stats = json!({
            "acquisitions": 1523, "failed_acquisitions": 2, "active_locks": 0,
            "lock_wait": { "average_ms": 15.0, "max_ms": 234.0 }, "by_kind": [],
        });
        let expected = "=== Concurrent Access Statistics ===\nTotal lock acquisitions: 1,523\nFailed acquisitions: 2\n\
             Average wait time: 0.015s\nMaximum wait time: 0.234s\nCurrently active locks: 0\n";
        assert_eq!(stats_text(&stats), expected);
    }

    #[test]
    fn a_holder_in_the_middle_of_many_parts_says_how_far_it_is() {
        let mut status = json!({
            "now_ms": 1_030,
            "lock": {
                "state": "held", "waiters": [],
                "holder": {
                    "pid": 812, "role": "serve", "host_name": "desk", "kind": "delete", "client": "ada", "since_ms": 1_000,
                    "progress": { "done": 12_000, "of": 100_000 },
                },
            },
        });
        let held = "held by pid 812 (serve on desk) for 30 ms: delete for ada";
        assert_eq!(
            lock_text(&status),
            format!("{held}, 12,000 of 100,000 done; 0 waiting")
        );
        status["lock"]["holder"]["progress"].take();
        assert_eq!(lock_text(&status), format!("{held}; 0 waiting"));
    }

    #[test]
    fn an_incident_is_one_line_with_who_was_in_the_way() {
        let incident = json!([{
            "at_ms": 0, "what": "slow_wait", "end": "done", "client": "claude-code", "kind": "store", "took_ms": 1200.54,
            "holder": "it is held by pid 812",
        }]);
        let line = incidents_text(&incident);
        let expected = "  slow_wait             1200.5 ms  done       store for claude-code; it is held by pid 812";
        assert!(line.ends_with(expected), "{line}");
        assert_eq!(
            incidents_text(&json!([])),
            "Nothing was slow and nothing failed."
        );
    }
}
