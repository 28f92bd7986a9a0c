//! Statistics through the real program: the same on every surface, and still there after a kill.

use serde_json::{Value, json};

use crate::support::{Host, run, run_json, stderr, stdout};

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
    run_json(dir.path(), &["store", "by a command"]);
    let stats = host.status()["stats"].clone();
    assert_eq!(stats["acknowledged"], 9);
    assert_eq!(stats["searches"], 1);
    assert_eq!(run_json(dir.path(), &["stats"]), stats, "the command");
    assert_eq!(other.status()["stats"], stats, "another host");
    let (_, metrics) = host.get("/metrics");
    for (name, key) in [
        ("lock_acquisitions_total", "acquisitions"),
        ("lock_acquisition_failures_total", "failed_acquisitions"),
        ("commits_total", "commits"),
        ("searches_total", "searches"),
        ("writes_total{outcome=\"acknowledged\"}", "acknowledged"),
    ] {
        assert_eq!(
            figure(&metrics, name),
            stats[key].as_f64().unwrap(),
            "{name}"
        );
    }
    for key in ["queue_wait", "lock_wait", "hold", "commit", "write_total"] {
        let times = &stats[key];
        let metric = key.replace("hold", "lock_hold").replace("_total", "");
        for (part, figures) in [
            ("_seconds_sum", "sum_ms"),
            ("_max_seconds", "max_ms"),
            ("_seconds{quantile=\"0.99\"}", "p99_ms"),
        ] {
            let shown_ms = figure(&metrics, &format!("{metric}{part}")) * 1e3;
            let wanted_ms = times[figures].as_f64().unwrap();
            assert!(
                (shown_ms - wanted_ms).abs() < 1e-6,
                "{key} {figures}: {shown_ms} and {wanted_ms}"
            );
        }
    }
    let answer = host
        .client()
        .call("get_concurrent_access_stats", json!({}))
        .unwrap();
    let printed = stdout(&run(dir.path(), &["stats"]));
    let shown: Vec<&str> = answer.text.lines().take(7).collect();
    let printed: Vec<&str> = printed.lines().take(7).collect();
    assert_eq!(shown, printed, "the tool and the command say the same");
    assert!(
        shown.contains(&format!("Total lock acquisitions: {}", stats["acquisitions"]).as_str()),
        "{shown:?}"
    );
}

#[test]
fn statistics_outlive_a_killed_host_and_are_told_without_one() {
    let dir = tempfile::tempdir().unwrap();
    let acknowledged = |stats: &Value| stats["acknowledged"].as_u64().unwrap();
    let mut sum = 0;
    for round in 0..4 {
        let mut host = Host::start(dir.path());
        for number in 0..=round {
            host.client().store(&format!("{round} {number}")).unwrap();
            sum += 1;
        }
        host.kill();
        let stats = run_json(dir.path(), &["stats"]);
        assert_eq!(acknowledged(&stats), sum, "after kill {round}");
        assert_eq!(stats["write_total"]["count"], sum);
    }
    let host = Host::start(dir.path());
    assert_eq!(acknowledged(&host.status()["stats"]), sum);
    let (_, history) = host.get("/api/history?seconds=600");
    let history: Value = serde_json::from_str(&history).unwrap();
    let writes = history["samples"].as_array().unwrap().iter();
    let writes: u64 = writes
        .map(|sample| sample["writes"].as_u64().unwrap())
        .sum();
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
            let chart: Value = serde_json::from_str(&body).unwrap();
            (path, chart["empty"]["said"].clone())
        })
    };
    for (path, said) in charts() {
        assert!(said.is_string(), "{path}: nothing was written yet");
    }
    for number in 0..3 {
        host.client().store(&format!("fact {number}")).unwrap();
    }
    for (path, said) in charts() {
        assert!(said.is_null(), "{path} after three writes: {said}");
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
    let none = stdout(&run(dir.path(), &["stats", "--slow"]));
    assert_eq!(none, "Nothing was slow and nothing failed.\n");
    run_json(dir.path(), &["settings", "set", "slow_wait_ms", "1"]);
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
    let slow = run_json(dir.path(), &["stats", "--slow", "--limit", "1"]);
    assert_eq!(slow[0]["what"], "slow_wait", "{slow}");
    let (_, all) = host.get("/api/slow?limit=1");
    let all: Value = serde_json::from_str(&all).unwrap();
    assert_eq!(all["incidents"], slow, "the route says the same");
    let printed = stdout(&run(dir.path(), &["stats", "--slow"]));
    assert!(printed.contains("slow_wait"), "{printed}");
}
