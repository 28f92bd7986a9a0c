//! `GET /metrics`: figures for Prometheus. Names have base units, one line of help each, and few labels.

use std::fmt::{Display, Write as _};

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use commonplace_api::locks::LockState;
use commonplace_api::statistics::{KindStats, Stats, TimeSummary};
use commonplace_api::status::{IntegrityStatus, ModelStatus, Status};
use http::header::CONTENT_TYPE;

use crate::state::App;
use crate::state::refusals::Refusals;

pub(crate) async fn show(State(app): State<App>) -> Response {
    let text = render(&app.site.status.status(), &app.refusals);
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    ([(CONTENT_TYPE, kind)], text).into_response()
}

/// Writes all figures in the text format 0.0.4.
///
/// Labels take few values: kinds of requests, outcomes, reasons. Clients and projects never become labels.
fn render(status: &Status, refusals: &Refusals) -> String {
    let mut page = Page::default();
    host(&mut page, status);
    lock(&mut page, status);
    queue(&mut page, status);
    worker_waits(&mut page, status);
    writes(&mut page, &status.stats);
    times(&mut page, &status.stats);
    kinds(&mut page, &status.stats.by_kind);
    index(&mut page, status);
    store(&mut page, status);
    let help = "HTTP requests refused, by reason.";
    page.counters("http_refusals_total", help, "reason", refusals.all());
    page.text
}

fn host(page: &mut Page, status: &Status) {
    page.family(
        "build_info",
        "gauge",
        "Always 1; the label tells the version of the host.",
    );
    page.line("build_info", &[("version", &status.host.version)], 1);
    let started = status.host.started_ms as f64;
    page.gauge(
        "start_time_seconds",
        "When the host opened the store, in seconds since 1970.",
        seconds(started),
    );
    page.gauge(
        "instances",
        "Instances that have the store open, this host included.",
        status.instances.len(),
    );
    page.gauge(
        "clients",
        "Clients that this host remembers, at most 64.",
        status.clients.len(),
    );
}

fn lock(page: &mut Page, status: &Status) {
    let stats = &status.stats;
    let is_held = matches!(
        status.lock.state,
        LockState::Held | LockState::HeldByUnknown
    );
    page.gauge(
        "lock_held",
        "Whether any instance holds the write lock.",
        u8::from(is_held),
    );
    page.gauge(
        "lock_waiters",
        "Instances that wait for the write lock.",
        status.lock.waiters.len(),
    );
    page.gauge(
        "lock_epoch",
        "Fencing number of the last commit of this host.",
        status.lock.epoch,
    );
    page.counter(
        "lock_acquisitions_total",
        "Times the write lock was taken, by all instances that ever had the store open.",
        stats.acquisitions,
    );
    page.counter(
        "lock_acquisition_failures_total",
        "Failed attempts to take the write lock.",
        stats.failed_acquisitions,
    );
    let failures = stats.failed_by_reason;
    let reasons = [
        ("timed_out", failures.timed_out),
        ("gave_up", failures.gave_up),
        ("io", failures.io),
        ("fenced", failures.fenced),
    ];
    let help = "Failed attempts to take the write lock, by reason.";
    page.counters("lock_failures_total", help, "reason", reasons);
    page.counter(
        "lock_contended_acquisitions_total",
        "Times the write lock was not free at once.",
        stats.contended_acquisitions,
    );
    page.counter(
        "leftovers_cleared_total",
        "Records of dead instances that were cleared.",
        stats.leftovers_cleared,
    );
}

fn queue(page: &mut Page, status: &Status) {
    let queue = &status.queue;
    page.gauge(
        "queue_length",
        "Write requests accepted and not yet answered.",
        queue.length,
    );
    page.gauge(
        "queue_limit",
        "Write requests that the queue takes before it refuses.",
        queue.limit,
    );
    let oldest = seconds(queue.oldest_ms as f64);
    page.gauge(
        "queue_oldest_seconds",
        "How long the oldest write request has waited.",
        oldest,
    );
    page.gauge(
        "queue_in_commit",
        "Write requests in the commit under way.",
        queue.in_commit,
    );
    page.gauge("workers", "Workers.", status.workers.count);
    page.gauge(
        "workers_busy",
        "Workers that are at work.",
        status.workers.busy,
    );
}

fn worker_waits(page: &mut Page, status: &Status) {
    page.gauge(
        "workers_waiting",
        "Searches that wait for a worker.",
        status.workers.waiting,
    );
    let name = "worker_wait_seconds";
    page.family(name, "summary", "How long searches waited for a worker.");
    page.summary(name, &[], &status.workers.wait);
}

fn writes(page: &mut Page, stats: &Stats) {
    let outcomes = [
        ("acknowledged", stats.acknowledged),
        ("refused", stats.refused),
        ("failed", stats.failed),
        ("queue_full", stats.queue_full),
        ("timed_out", stats.timed_out),
        ("cancelled", stats.cancelled),
    ];
    let help = "Write requests by outcome.";
    page.counters("writes_total", help, "outcome", outcomes);
    page.counter(
        "throttled_total",
        "Write requests that yielded or were turned away because their client had more than its share.",
        stats.throttled,
    );
    page.counter(
        "searches_total",
        "Searches and lists answered.",
        stats.searches,
    );
    page.counter("commits_total", "Commits.", stats.commits);
    page.counter(
        "retries_total",
        "Attempts made again after a passing failure.",
        stats.retries,
    );
}

fn times(page: &mut Page, stats: &Stats) {
    let all = [
        (
            "queue_wait_seconds",
            "From asking to the start of the commit, per write.",
            stats.queue_wait,
        ),
        (
            "lock_wait_seconds",
            "To get the write lock, per acquisition.",
            stats.lock_wait,
        ),
        (
            "lock_hold_seconds",
            "How long the write lock was held, per acquisition.",
            stats.hold,
        ),
        (
            "commit_seconds",
            "The commit itself, per commit.",
            stats.commit,
        ),
        (
            "write_seconds",
            "From asking to the answer, per write.",
            stats.write_total,
        ),
        (
            "search_seconds",
            "From asking to the answer, per search.",
            stats.search_total,
        ),
    ];
    for (name, help, summary) in all {
        page.family(name, "summary", help);
        page.summary(name, &[], &summary);
        let longest = name.replace("_seconds", "_max_seconds");
        page.gauge(&longest, "The longest of these.", seconds(summary.max_ms));
    }
}

fn kinds(page: &mut Page, kinds: &[KindStats]) {
    if kinds.is_empty() {
        return;
    }
    page.family("requests_total", "counter", "Requests by kind and outcome.");
    for kind in kinds {
        for (outcome, count) in [("done", kind.done), ("failed", kind.failed)] {
            let labels = [("kind", kind.kind.as_str()), ("outcome", outcome)];
            page.line("requests_total", &labels, count);
        }
    }
    page.family(
        "request_seconds",
        "summary",
        "From asking to the answer, by kind of request.",
    );
    for kind in kinds {
        page.summary("request_seconds", &[("kind", &kind.kind)], &kind.total);
    }
}

fn index(page: &mut Page, status: &Status) {
    let index = &status.index;
    page.gauge(
        "index_backlog",
        "Memories whose meaning is not searchable yet.",
        index.backlog,
    );
    page.gauge("index_vectors", "Memories with vectors.", index.indexed);
    page.gauge(
        "index_vectors_per_second",
        "Vectors made per second over the last minute of work.",
        index.vectors_per_s,
    );
    page.family(
        "model_state",
        "gauge",
        "1 for the state that the model is in.",
    );
    let states = [
        ("loading", ModelStatus::Loading),
        ("ready", ModelStatus::Ready),
        ("missing", ModelStatus::Missing),
        ("failed", ModelStatus::Failed),
    ];
    for (name, state) in states {
        let is_state = u8::from(index.model == state);
        page.line("model_state", &[("state", name)], is_state);
    }
}

fn store(page: &mut Page, status: &Status) {
    page.gauge("memories", "Living memories.", status.memories.total);
    page.gauge(
        "memories_deleted",
        "Deleted memories that can be restored.",
        status.memories.deleted,
    );
    page.gauge(
        "database_bytes",
        "Size of the database file.",
        status.files.database_bytes,
    );
    page.gauge(
        "wal_bytes",
        "Size of the write-ahead log.",
        status.files.wal_bytes,
    );
    let is_damaged = matches!(status.files.integrity, IntegrityStatus::Damaged(_));
    page.gauge(
        "store_damaged",
        "Whether the last check found damage.",
        u8::from(is_damaged),
    );
    if let Some(checked_ms) = status.files.integrity_checked_ms {
        page.gauge(
            "store_checked_timestamp_seconds",
            "When the last check of the store ended, in seconds since 1970.",
            seconds(checked_ms as f64),
        );
    }
    if let Some(made_ms) = status.files.last_backup_ms {
        page.gauge(
            "backup_timestamp_seconds",
            "When the last backup was made, in seconds since 1970.",
            seconds(made_ms as f64),
        );
    }
    if let Some(disk) = status.files.disk {
        page.gauge(
            "disk_free_bytes",
            "What can still be filled on the disk of the store.",
            disk.free_bytes,
        );
        page.gauge(
            "disk_bytes",
            "Size of the disk of the store.",
            disk.total_bytes,
        );
    }
    page.gauge(
        "paused",
        "Whether the writes of the store are paused.",
        u8::from(status.pause.is_some()),
    );
}

/// The text as it grows. All names get the prefix `commonplace_`.
#[derive(Default)]
struct Page {
    text: String,
}

impl Page {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        self.write(format_args!(
            "# HELP commonplace_{name} {help}\n# TYPE commonplace_{name} {kind}\n"
        ));
    }

    fn gauge(&mut self, name: &str, help: &str, value: impl Display) {
        self.family(name, "gauge", help);
        self.line(name, &[], value);
    }

    fn counter(&mut self, name: &str, help: &str, value: u64) {
        self.family(name, "counter", help);
        self.line(name, &[], value);
    }

    /// A family of counters that one label tells apart.
    fn counters<'a>(
        &mut self,
        name: &str,
        help: &str,
        label: &str,
        counts: impl IntoIterator<Item = (&'a str, u64)>,
    ) {
        self.family(name, "counter", help);
        for (value, count) in counts {
            self.line(name, &[(label, value)], count);
        }
    }

    fn line(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        let labels: Vec<_> = labels
            .iter()
            .map(|(key, value)| format!("{key}=\"{}\"", escaped(value)))
            .collect();
        let labels = if labels.is_empty() {
            String::new()
        } else {
            format!("{{{}}}", labels.join(","))
        };
        self.write(format_args!("commonplace_{name}{labels} {value}\n"));
    }

    fn summary(&mut self, name: &str, labels: &[(&str, &str)], summary: &TimeSummary) {
        let quantiles = [
            ("0.5", summary.p50_ms),
            ("0.95", summary.p95_ms),
            ("0.99", summary.p99_ms),
        ];
        for (quantile, value_ms) in quantiles {
            let mut labels = labels.to_vec();
            labels.push(("quantile", quantile));
            self.line(name, &labels, seconds(value_ms));
        }
        self.line(&format!("{name}_sum"), labels, seconds(summary.sum_ms));
        self.line(&format!("{name}_count"), labels, summary.count);
    }

    fn write(&mut self, text: std::fmt::Arguments<'_>) {
        self.text
            .write_fmt(text)
            .expect("writing to a String cannot fail");
    }
}

/// Milliseconds as seconds, to the nanosecond.
fn seconds(ms: f64) -> f64 {
    (ms * 1e6).round() / 1e9
}

fn escaped(label: &str) -> String {
    label
        .replace('\\', r"\\")
        .replace('"', "\\\"")
        .replace('\n', r"\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_cannot_break_out_of_its_line() {
        let mut page = Page::default();
        page.line("x", &[("kind", "a\"} 1\nb\\")], 1);
        assert_eq!(page.text, "commonplace_x{kind=\"a\\\"} 1\\nb\\\\\"} 1\n");
    }
}
