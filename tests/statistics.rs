//! Statistics through the real program: the same on every surface, and still there after a kill.

use commonplace_api::call;
use commonplace_api::charts::Chart;
use commonplace_api::statistics::{Incident, IncidentKind, Stats};
use serde_json::json;

use crate::support::{Host, run, run_json, run_well, stderr, store};

/// Reads one figure of the Prometheus text.
fn figure(metrics: &str, name: &str) -> f64 {
    let line = metrics
        .lines()
        .find_map(|line| line.strip_prefix(&format!("commonplace_{name} ")))
        .unwrap_or_else(|| panic!("no {name} in {metrics}"));
    line.parse().expect("a number")
}

#[test]
fn every_surface_shows_the_same_figures() {
    let dir = tempfile::tempdir().unwrap();
    let host = Host::start(dir.path());
    let other = Host::start(dir.path());
    for number in 0..4 {
        host.client().store(&format!("fact {number}")).unwrap();
        other.client().store(&format!("other {number}")).unwrap();
    }
    assert!(host.client().has_one("fact 3"));
    store(dir.path(), "by a command");
    let stats = host.status().stats;
    assert_eq!((stats.acknowledged, stats.searches), (9, 1));
    let shown = |stats: &Stats| json!(stats);
    let by_command: Stats = run_json(dir.path(), &["stats"]);
    assert_eq!(shown(&by_command), shown(&stats), "the command");
    assert_eq!(shown(&other.status().stats), shown(&stats), "another host");
    let (_, metrics) = host.get("/metrics");
    for (name, count) in [
        ("lock_acquisitions_total", stats.acquisitions),
        ("lock_acquisition_failures_total", stats.failed_acquisitions),
        ("commits_total", stats.commits),
        ("searches_total", stats.searches),
        ("writes_total{outcome=\"acknowledged\"}", stats.acknowledged),
    ] {
        assert_eq!(figure(&metrics, name), count as f64, "{name}");
    }
    for (metric, times) in [
        ("queue_wait", stats.queue_wait),
        ("lock_wait", stats.lock_wait),
        ("lock_hold", stats.hold),
        ("commit", stats.commit),
        ("write", stats.write_total),
    ] {
        for (part, wanted_ms) in [
            ("_seconds_sum", times.sum_ms),
            ("_max_seconds", times.max_ms),
            ("_seconds{quantile=\"0.99\"}", times.p99_ms),
        ] {
            let shown_ms = figure(&metrics, &format!("{metric}{part}")) * 1e3;
            assert!(
                (shown_ms - wanted_ms).abs() < 1e-6,
                "{metric}{part}: {shown_ms} and {wanted_ms}"
            );
        }
    }
    let answer = host
        .client()
        .call("get_concurrent_access_stats", json!({}))
        .unwrap();
    let printed = run_well(dir.path(), &["stats"]);
    let shown: Vec<&str> = answer.text.lines().take(7).collect();
    let printed: Vec<&str> = printed.lines().take(7).collect();
    assert_eq!(shown, printed, "the tool and the command say the same");
    assert!(
        shown.contains(&format!("Total lock acquisitions: {}", stats.acquisitions).as_str()),
        "{shown:?}"
    );
}

#[test]
fn statistics_outlive_a_killed_host_and_are_told_without_one() {
    let dir = tempfile::tempdir().unwrap();
    let mut sum = 0;
    for round in 0..4 {
        let mut host = Host::start(dir.path());
        for number in 0..=round {
            host.client().store(&format!("{round} {number}")).unwrap();
            sum += 1;
        }
        host.kill();
        let stats: Stats = run_json(dir.path(), &["stats"]);
        assert_eq!(stats.acknowledged, sum, "after kill {round}");
        assert_eq!(stats.write_total.count, sum);
    }
    let host = Host::start(dir.path());
    assert_eq!(host.status().stats.acknowledged, sum);
    let samples = host.ask(&call::history(600)).samples;
    let writes: u64 = samples.iter().map(|sample| u64::from(sample.writes)).sum();
    assert_eq!(writes, sum, "the charts go on where they were");
}

/// The charts of a page that was open said that there were no writes, seconds after three of them: they ended with the
/// last whole stride, and what they had said was kept for a whole one.
#[test]
fn charts_that_were_empty_show_a_write_as_soon_as_it_is_answered() {
    let dir = tempfile::tempdir().unwrap();
    let host = Host::start(dir.path());
    let charts = || {
        let names = ["waits", "holds", "throughput", "queue"];
        let others = ["histogram", "clients", "kinds"];
        let ranges = [300, 900, 3_600, 21_600, 86_400, 604_800];
        let paths = names.into_iter().chain(others).flat_map(move |name| {
            ranges.map(|seconds| format!("/api/charts/{name}.json?seconds={seconds}"))
        });
        paths.map(|path| {
            let (status, body) = host.get(&path);
            assert_eq!(status, 200, "{path}: {body}");
            let chart: Chart = serde_json::from_str(&body).unwrap();
            (path, chart.empty)
        })
    };
    for (path, empty) in charts() {
        assert!(empty.is_some(), "{path}: nothing was written yet");
    }
    for number in 0..3 {
        host.client().store(&format!("fact {number}")).unwrap();
    }
    for (path, empty) in charts() {
        assert_eq!(empty, None, "{path} after three writes");
    }
}

#[test]
fn a_store_that_never_was_has_no_statistics() {
    let dir = tempfile::tempdir().unwrap();
    let output = run(dir.path(), &["stats"]);
    assert_eq!(output.status.code(), Some(4), "{}", stderr(&output));
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn slow_holds_are_listed_as_soon_as_the_threshold_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let host = Host::start(dir.path());
    let none = run_well(dir.path(), &["stats", "--slow"]);
    assert_eq!(none, "Nothing was slow and nothing failed.\n");
    run_well(dir.path(), &["settings", "set", "slow_wait_ms", "1"]);
    let line = "the first to wait behind others is kept";
    // Requests at the same time wait for each other's commit.
    std::thread::scope(|scope| {
        for client in 0..8 {
            let host = &host;
            scope.spawn(move || {
                for number in 0..20 {
                    let text = format!("{line} {client} {number}");
                    host.client().store(&text).unwrap();
                }
            });
        }
    });
    let slow: Vec<Incident> = run_json(dir.path(), &["stats", "--slow", "--limit", "1"]);
    assert_eq!(slow[0].what, IncidentKind::SlowWait, "{slow:?}");
    let all = host.ask(&call::incidents(1)).incidents;
    assert_eq!(all, slow, "the route says the same");
    let printed = run_well(dir.path(), &["stats", "--slow"]);
    assert!(printed.contains("slow_wait"), "{printed}");
}
