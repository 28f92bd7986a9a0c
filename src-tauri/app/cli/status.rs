//! `status` and `stats`: what the running host is doing, and what all of them did.

use std::process::ExitCode;

use clap::Args;
use commonplace_api::Host as _;
use commonplace_api::statistics::{ClientStats, Incident, KindStats, Stats, TimeSummary};
use commonplace_api::status::{ClientStatus, InLineStatus, IndexStatus, Status};
use commonplace_engine::{recorded_incidents, recorded_stats};

use super::{CommandError, Context, output, words};
use crate::client::RemoteHost;

/// Show the concurrent access statistics.
#[derive(Debug, Args)]
pub(crate) struct StatsCommand {
    /// Show slow holds, slow waits and failures instead, each with who held the lock
    #[arg(long)]
    slow: bool,
    /// How many at most, the newest first: 1 to 1000
    #[arg(long, requires = "slow", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=1000))]
    limit: u16,
}

pub(crate) fn status(context: &Context) -> Result<ExitCode, CommandError> {
    context.log_quietly();
    let status = RemoteHost::find(&context.options.data_dir)?.status()?;
    output::result(context.json, &status, &status_text(&status));
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn stats(context: &Context, command: &StatsCommand) -> Result<ExitCode, CommandError> {
    context.log_quietly();
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
fn figures(context: &Context) -> Result<Stats, CommandError> {
    let data_dir = &context.options.data_dir;
    match RemoteHost::find(data_dir).and_then(|host| host.status()) {
        Ok(status) => Ok(status.stats),
        Err(error) if error.is_without_host() => {
            recorded_stats(data_dir.path(), now_ms()).ok_or_else(|| error.into())
        }
        Err(error) => Err(error.into()),
    }
}

fn incidents(context: &Context, limit: u16) -> Result<Vec<Incident>, CommandError> {
    let data_dir = &context.options.data_dir;
    match RemoteHost::find(data_dir).and_then(|host| host.incidents(limit.into())) {
        Ok(known) => Ok(known.incidents),
        Err(error) if error.is_without_host() => {
            Ok(recorded_incidents(data_dir.path(), now_ms(), limit.into()))
        }
        Err(error) => Err(error.into()),
    }
}

fn now_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

/// Lays the status out for a terminal.
fn status_text(status: &Status) -> String {
    let (host, queue) = (&status.host, &status.queue);
    let mut lines = vec![
        format!("{}  {}", status.state, status.diagnosis),
        format!(
            "host      pid {} ({} {}) since {}, store {}",
            host.pid,
            host.role,
            host.version,
            words::local_time(host.started_ms),
            host.data_dir
        ),
        format!("lock      {}", lock_text(status)),
        format!(
            "queue     {} of {}, oldest {} ms",
            queue.length, queue.limit, queue.oldest_ms
        ),
        format!("next      {}", line_text(status)),
        format!("waits     {}", waits_text(&status.stats)),
        format!(
            "memories  {} ({} deleted), database {}, write-ahead log {}",
            words::thousands(status.memories.total),
            words::thousands(status.memories.deleted),
            words::bytes(status.files.database_bytes),
            words::bytes(status.files.wal_bytes)
        ),
        format!("index     {}", index_text(&status.index)),
    ];
    lines.extend(status.clients.iter().map(connected_line));
    lines.join("\n")
}

fn connected_line(client: &ClientStatus) -> String {
    let throttled = match client.throttled {
        0 => String::new(),
        count => format!(", {count} throttled"),
    };
    format!(
        "client    {} {} ({}): {} requests, {} errors, {} under way{throttled}",
        words::one_line(&client.client, 40),
        words::one_line(client.version.as_deref().unwrap_or_default(), 20),
        client.transport,
        client.requests,
        client.errors,
        client.in_flight
    )
}

/// Says who is next in the write queue.
fn line_text(status: &Status) -> String {
    let one = |entry: &InLineStatus| {
        let more = match entry.requests {
            0 | 1 => String::new(),
            requests => format!(" and {} more", requests - 1),
        };
        let project = entry.project.as_ref();
        let project = project.map_or_else(String::new, |project| {
            format!(" ({})", words::one_line(project, 40))
        });
        format!(
            "{}{project} {}{more} for {} ms",
            words::one_line(&entry.client, 40),
            entry.kind,
            (status.now_ms - entry.since_ms).max(0)
        )
    };
    let entries: Vec<String> = status.queue.line.iter().map(one).collect();
    if entries.is_empty() {
        return "nobody".to_owned();
    }
    entries.join(", then ")
}

fn lock_text(status: &Status) -> String {
    let lock = &status.lock;
    let waiters = lock.waiters.len();
    let Some(holder) = &lock.holder else {
        return format!("{}, {waiters} waiting", lock.state);
    };
    format!(
        "{} by pid {} ({} on {}) for {} ms: {} for {}{}; {waiters} waiting",
        lock.state,
        holder.pid,
        holder.role,
        holder.host_name,
        (status.now_ms - holder.since_ms).max(0),
        holder.kind,
        words::one_line(&holder.client, 40),
        words::progress(holder.progress)
    )
}

fn waits_text(stats: &Stats) -> String {
    let one = |times: &TimeSummary| {
        format!(
            "{:.1} / {:.1} / {:.1}",
            times.p50_ms, times.p95_ms, times.max_ms
        )
    };
    format!(
        "queue {} ms, lock {} ms, hold {} ms (p50 / p95 / max)",
        one(&stats.queue_wait),
        one(&stats.lock_wait),
        one(&stats.hold)
    )
}

fn index_text(index: &IndexStatus) -> String {
    let reason = index.reason.as_ref();
    let reason = reason.map_or_else(String::new, |reason| format!(": {reason}"));
    format!(
        "{} of {} by meaning, model {}{reason}",
        words::thousands(index.indexed),
        words::thousands(index.indexed + index.backlog),
        index.model
    )
}

/// Lays the statistics out as the guide does, with what it did not have below.
fn stats_text(stats: &Stats) -> String {
    let mut lines = vec![
        "=== Concurrent Access Statistics ===".to_owned(),
        format!(
            "Total lock acquisitions: {}",
            words::thousands(stats.acquisitions)
        ),
        format!(
            "Failed acquisitions: {}",
            words::thousands(stats.failed_acquisitions)
        ),
        format!(
            "Average wait time: {:.3}s",
            stats.lock_wait.average_ms / 1e3
        ),
        format!("Maximum wait time: {:.3}s", stats.lock_wait.max_ms / 1e3),
        format!("Currently active locks: {}", stats.active_locks),
    ];
    if let Some(last) = stats.last_acquisition_ms {
        lines.push(format!("Last acquisition: {}", local_iso(last)));
    }
    lines.push(String::new());
    lines.extend(stats.by_kind.iter().map(kind_line));
    lines.extend(stats.by_client.iter().map(client_line));
    lines.join("\n")
}

fn kind_line(kind: &KindStats) -> String {
    format!(
        "{:<10} {:>9} done {:>6} failed   p50 {:>8.2} ms   p95 {:>8.2} ms   max {:>8.2} ms",
        kind.kind,
        words::thousands(kind.done),
        words::thousands(kind.failed),
        kind.total.p50_ms,
        kind.total.p95_ms,
        kind.total.max_ms
    )
}

/// Writes what one client waited for.
fn client_line(client: &ClientStats) -> String {
    let wait = |times: &TimeSummary| format!("{:.2} / {:.2} ms", times.p50_ms, times.max_ms);
    format!(
        "{:<24} {:>9} done {:>6} failed   queue wait {}   lock wait {}   hold {}   (p50 / max)",
        words::one_line(&client.client, 24),
        words::thousands(client.done),
        words::thousands(client.failed),
        wait(&client.queue_wait),
        wait(&client.lock_wait),
        wait(&client.hold)
    )
}

fn incidents_text(incidents: &[Incident]) -> String {
    if incidents.is_empty() {
        return "Nothing was slow and nothing failed.".to_owned();
    }
    let lines: Vec<_> = incidents.iter().map(incident_line).collect();
    lines.join("\n")
}

fn incident_line(incident: &Incident) -> String {
    let holder = words::one_line(&incident.holder, 200);
    let in_the_way = if holder.is_empty() {
        String::new()
    } else {
        format!("; {holder}")
    };
    format!(
        "{}  {:<18} {:>9.1} ms  {:<10} {} for {}{in_the_way}",
        local_iso(incident.at_ms),
        incident.what,
        incident.took_ms,
        incident.end,
        incident.kind,
        words::one_line(&incident.client, 40)
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
    use commonplace_api::locks::{LockParty, LockState, Progress};
    use commonplace_api::statistics::IncidentKind;

    use super::*;

    fn stored() -> Status {
        let text = include_str!("../../api/tests/stored/status-0.1.json");
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn statistics_read_as_the_guide_shows_them() {
        let stats = Stats {
            acquisitions: 1523,
            failed_acquisitions: 2,
            lock_wait: TimeSummary {
                average_ms: 15.0,
                max_ms: 234.0,
                ..TimeSummary::default()
            },
            ..Stats::default()
        };
        let expected = "=== Concurrent Access Statistics ===\nTotal lock acquisitions: 1,523\nFailed acquisitions: 2\n\
             Average wait time: 0.015s\nMaximum wait time: 0.234s\nCurrently active locks: 0\n";
        assert_eq!(stats_text(&stats), expected);
    }

    #[test]
    fn a_holder_in_the_middle_of_many_parts_says_how_far_it_is() {
        let mut status = stored();
        status.lock.state = LockState::Held;
        status.lock.waiters.clear();
        status.lock.holder = Some(LockParty {
            instance: String::new(),
            pid: 812,
            role: "serve".to_owned(),
            version: "0.1.0".to_owned(),
            host_name: "desk".to_owned(),
            client: "ada".to_owned(),
            kind: "delete".to_owned(),
            requests: 1,
            progress: Some(Progress {
                done: 12_000,
                of: Some(100_000),
            }),
            since_ms: status.now_ms - 30,
        });
        let held = "held by pid 812 (serve on desk) for 30 ms: delete for ada";
        let expected = format!("{held}, 12,000 of 100,000 done; 0 waiting");
        assert_eq!(lock_text(&status), expected);
    }

    #[test]
    fn an_incident_is_one_line_with_who_was_in_the_way() {
        let incident = Incident {
            at_ms: 0,
            what: IncidentKind::SlowWait,
            end: "done".to_owned(),
            instance: String::new(),
            client: "claude-code".to_owned(),
            kind: "store".to_owned(),
            took_ms: 1200.54,
            holder: "it is held by pid 812".to_owned(),
        };
        let line = incidents_text(&[incident]);
        let expected = "  slow_wait             1200.5 ms  done       store for claude-code; it is held by pid 812";
        assert!(line.ends_with(expected), "{line}");
        let nothing = "Nothing was slow and nothing failed.";
        assert_eq!(incidents_text(&[]), nothing);
    }
}
