//! Charts of a made-up history: number by number, stroke by stroke, and what they say when there is nothing to see.

mod support;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use commonplace_engine::{
    IncidentStatus, Sample, Status, TimeSummary, WaitBin, WaitShare, WaitsReport,
};
use commonplace_http::{Gate, StatusSource};
use http::StatusCode;
use serde_json::{Value, json};
use support::{MadeUp, NOW_MS, get, site, text};
use tokio::sync::watch;

/// A host whose past a test sets.
struct Made {
    host: Arc<MadeUp>,
    samples: Vec<Sample>,
    waits: WaitsReport,
    incidents: Vec<IncidentStatus>,
    /// How often the past was read, and the part that was asked for last.
    reads: AtomicUsize,
    asked: Mutex<(i64, i64, usize)>,
}

impl Made {
    fn with(samples: Vec<Sample>) -> Arc<Self> {
        Arc::new(Self {
            samples,
            ..Self::empty()
        })
    }

    fn empty() -> Self {
        Self {
            host: MadeUp::new(),
            samples: Vec::new(),
            waits: WaitsReport::default(),
            incidents: Vec::new(),
            reads: AtomicUsize::new(0),
            asked: Mutex::default(),
        }
    }
}

impl StatusSource for Made {
    fn status(&self) -> Status {
        self.host.status()
    }

    /// The last millisecond before `NOW_MS`, at which ranges up to now end then.
    fn now_ms(&self) -> i64 {
        self.host.status().now_ms - 1
    }

    fn history(&self, _: usize) -> Vec<Sample> {
        self.samples.clone()
    }

    fn history_between(&self, from_ms: i64, to_ms: i64, points: usize) -> Vec<Sample> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        *self.asked.lock().unwrap() = (from_ms, to_ms, points);
        self.samples.clone()
    }

    fn waits_between(&self, from_ms: i64, to_ms: i64, points: usize) -> WaitsReport {
        *self.asked.lock().unwrap() = (from_ms, to_ms, points);
        self.waits.clone()
    }

    fn incidents(&self, limit: usize) -> Vec<IncidentStatus> {
        self.incidents.iter().take(limit).cloned().collect()
    }

    fn changes(&self) -> watch::Receiver<u64> {
        self.host.changes()
    }
}

fn gate_of(source: Arc<Made>) -> Gate {
    let mut parts = site(MadeUp::new());
    parts.status = source;
    Gate::new(parts)
}

async fn chart(gate: &Gate, path: &str) -> Value {
    let answer = gate.answer(get(&format!("/api/charts/{path}"))).await;
    assert_eq!(answer.status(), StatusCode::OK, "{path}");
    assert_eq!(answer.headers()["content-type"], "application/json");
    support::json(answer).await
}

/// One sample in each step of five seconds up to now, every figure from its number.
fn sample(n: u32) -> Sample {
    let ms = n as f32;
    Sample {
        at_ms: NOW_MS - 300_000 + i64::from(n) * 5_000,
        length_ms: 5_000,
        writes: n,
        searches: 2 * n,
        failures: 0,
        acquisitions: n,
        commits: n.div_ceil(2),
        queue_wait_max_ms: ms * 3.0,
        queue_wait_average_ms: ms,
        queue_wait_p50_ms: ms * 1.25,
        queue_wait_p95_ms: ms * 2.0,
        lock_wait_max_ms: ms * 0.75,
        lock_wait_p50_ms: ms * 0.25,
        lock_wait_p95_ms: ms * 0.5,
        hold_max_ms: ms * 0.5,
        hold_p50_ms: ms * 0.125,
        hold_p95_ms: ms * 0.25,
        queue_length_max: n / 2,
    }
}

/// A busy five minutes with a flood in its middle and a pause without any write.
fn story() -> Vec<Sample> {
    let busy = |n: u32| {
        let is_flood = (30..36).contains(&n);
        let scale = if is_flood {
            14.0
        } else {
            1.0 + (n * 7 % 5) as f32 / 4.0
        };
        Sample {
            writes: if is_flood { 400 } else { 20 + n % 7 },
            searches: 30 + n % 11,
            commits: 18 + n % 5,
            acquisitions: 18 + n % 5,
            queue_wait_max_ms: 9.0 * scale,
            queue_wait_p95_ms: 5.0 * scale,
            queue_wait_p50_ms: 2.0 * scale,
            lock_wait_max_ms: 3.0 * scale,
            lock_wait_p95_ms: 1.0 * scale,
            lock_wait_p50_ms: 0.2 * scale,
            hold_max_ms: 6.0 + scale,
            hold_p95_ms: 3.0 + scale / 2.0,
            hold_p50_ms: 1.5,
            queue_length_max: if is_flood { 420 } else { 3 + n % 4 },
            ..sample(n)
        }
    };
    let quiet = |n| Sample {
        at_ms: sample(n).at_ms,
        length_ms: 5_000,
        ..Sample::default()
    };
    (0..60)
        .map(|n| {
            if (44..50).contains(&n) {
                quiet(n)
            } else {
                busy(n)
            }
        })
        .collect()
}

fn incidents() -> Vec<IncidentStatus> {
    let at = |what: &str, ago_ms| IncidentStatus {
        at_ms: NOW_MS - ago_ms,
        what: what.to_owned(),
        ..support::incident(0)
    };
    vec![
        at("slow_hold", 20_000),
        at("failed_write", 122_000),
        at("slow_wait", 121_500),
        at("slow_wait", 121_000),
        at("slow_hold", 400_000),
    ]
}

const HOSTILE: &str = "</text><script>alert(1)</script>\"'&\u{202e}\u{0}";

fn share(name: &str, scale: f64) -> WaitShare {
    WaitShare {
        name: name.to_owned(),
        queue_wait: support::times((1_000.0 / scale) as u64, scale),
    }
}

fn waits() -> WaitsReport {
    let edges = [0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0];
    let bins = edges
        .windows(2)
        .zip([12, 300, 2_400, 5_000, 3_100, 800, 60, 1]);
    WaitsReport {
        bins: bins
            .map(|(edge, queue)| WaitBin {
                from_ms: edge[0],
                up_to_ms: Some(edge[1]),
                queue,
                lock: queue / 3,
            })
            .collect(),
        by_client: vec![
            share("claude-code", 1.0),
            share("a client with a very long name indeed", 40.0),
            share(HOSTILE, 0.25),
        ],
        by_kind: vec![share("store", 1.0), share("delete", 0.5)],
    }
}

fn told() -> Arc<Made> {
    Arc::new(Made {
        samples: story(),
        waits: waits(),
        incidents: incidents(),
        ..Made::empty()
    })
}

fn values(chart: &Value, panel: usize, series: usize) -> Vec<Value> {
    let series = &chart["panels"][panel]["series"][series];
    series["values"].as_array().unwrap().clone()
}

/// What a series must be: a value for each sample.
fn expected(value: impl Fn(f64) -> f64) -> Vec<Value> {
    (1..60).map(|n| json!(value(f64::from(n)))).collect()
}

#[tokio::test]
async fn every_series_is_the_history_number_by_number() {
    let gate = gate_of(Made::with((1..60).map(sample).collect()));
    let waits = chart(&gate, "waits.json").await;
    let factors = [[3.0, 2.0, 1.25], [0.75, 0.5, 0.25]];
    for (panel, factors) in factors.iter().enumerate() {
        for (series, factor) in factors.iter().enumerate() {
            assert_eq!(
                values(&waits, panel, series),
                expected(|n| n * factor),
                "{panel} {series}"
            );
        }
    }
    assert_eq!(waits["panels"][0]["title"], "Queue wait");
    assert_eq!(waits["panels"][1]["title"], "Lock wait");
    assert_eq!(waits["panels"][1]["series"][2]["name"], "p50");
    assert_eq!(waits["panels"][1]["series"][2]["unit"], "ms");

    let holds = chart(&gate, "holds.json").await;
    for (series, factor) in [0.5, 0.25, 0.125].iter().enumerate() {
        assert_eq!(values(&holds, 0, series), expected(|n| n * factor));
    }
    let throughput = chart(&gate, "throughput.json").await;
    let per_second = |count: f64| (count / 5.0 * 1000.0).round() / 1000.0;
    assert_eq!(values(&throughput, 0, 0), expected(|n| per_second(2.0 * n)));
    assert_eq!(values(&throughput, 0, 1), expected(per_second));
    assert_eq!(
        values(&throughput, 0, 2),
        expected(|n| per_second((n / 2.0).ceil()))
    );
    let queue = chart(&gate, "queue.json").await;
    assert_eq!(values(&queue, 0, 0), expected(|n| (n / 2.0).floor()));
    assert_eq!(queue["panels"][0]["limit"], 1000.0);
    assert_eq!(
        queue["points"][0],
        json!({ "at_ms": NOW_MS - 295_000, "length_ms": 5_000 })
    );
}

#[tokio::test]
async fn waits_by_length_client_and_kind_are_those_of_the_report() {
    let gate = gate_of(told());
    let histogram = chart(&gate, "histogram.json?seconds=86400").await;
    assert_eq!(
        histogram["points"][2],
        json!({ "from_ms": 0.5, "up_to_ms": 1.0 })
    );
    let counts: Vec<f64> = waits().bins.iter().map(|bin| bin.queue as f64).collect();
    assert_eq!(json!(values(&histogram, 0, 0)), json!(counts));
    let clients = chart(&gate, "clients.json").await;
    assert_eq!(
        clients["points"][1]["name"],
        "a client with a very long name indeed"
    );
    let ms = |pick: fn(&TimeSummary) -> f64| {
        let told = waits();
        json!(
            told.by_client
                .iter()
                .map(|s| pick(&s.queue_wait))
                .collect::<Vec<_>>()
        )
    };
    assert_eq!(json!(values(&clients, 0, 0)), ms(|times| times.max_ms));
    assert_eq!(json!(values(&clients, 0, 1)), ms(|times| times.p95_ms));
    assert_eq!(json!(values(&clients, 0, 2)), ms(|times| times.p50_ms));
    assert_eq!(
        json!(values(&clients, 0, 3)),
        ms(|times| times.count as f64)
    );
    assert_eq!(clients["panels"][0]["series"][3]["unit"], "");
    let kinds = chart(&gate, "kinds.json").await;
    assert_eq!(
        kinds["points"],
        json!([{ "name": "store" }, { "name": "delete" }])
    );
}

#[tokio::test]
async fn the_places_of_points_and_the_drawing_are_the_same() {
    let gate = gate_of(told());
    for name in ["waits", "holds", "throughput", "queue"] {
        let chart = chart(&gate, &format!("{name}.json?width=700&height=300")).await;
        let svg = chart["svg"].as_str().unwrap();
        for (n, panel) in chart["panels"].as_array().unwrap().iter().enumerate() {
            let plot = &chart["plots"][n];
            let number = |field: &str| plot[field].as_f64().unwrap();
            for series in panel["series"].as_array().unwrap() {
                let value = series["values"][7].as_f64().unwrap();
                let y = number("top") + number("height") * (1.0 - value / number("end"));
                let x = chart["places"][7].as_f64().unwrap();
                let is_drawn = (-1..=1).any(|dx| {
                    (-1..=1).any(|dy| {
                        let point = format!(
                            "{},{} ",
                            (x * 4.0).round() as i32 + dx,
                            (y * 4.0).round() as i32 + dy
                        );
                        svg.contains(&point)
                    })
                });
                assert!(
                    is_drawn,
                    "{name}: no point at {x}, {y} for {}",
                    series["name"]
                );
            }
        }
    }
}

#[tokio::test]
async fn the_charts_of_a_made_up_history_are_the_stored_ones() {
    let gate = gate_of(told());
    let stored = [
        (
            "waits",
            "waits.svg?width=640",
            include_str!("expected/charts/waits.svg"),
        ),
        (
            "waits-dark",
            "waits.svg?width=360&theme=dark",
            include_str!("expected/charts/waits-dark.svg"),
        ),
        (
            "holds",
            "holds.svg?width=640",
            include_str!("expected/charts/holds.svg"),
        ),
        (
            "throughput",
            "throughput.svg?width=640",
            include_str!("expected/charts/throughput.svg"),
        ),
        (
            "queue",
            "queue.svg?width=640",
            include_str!("expected/charts/queue.svg"),
        ),
        (
            "histogram",
            "histogram.svg?width=640",
            include_str!("expected/charts/histogram.svg"),
        ),
        (
            "clients",
            "clients.svg?width=640",
            include_str!("expected/charts/clients.svg"),
        ),
        (
            "kinds-dark",
            "kinds.svg?width=640&theme=dark",
            include_str!("expected/charts/kinds-dark.svg"),
        ),
    ];
    let drawn = std::env::temp_dir().join("commonplace-charts");
    let mut changed = Vec::new();
    for (file, path, stored) in stored {
        let answer = gate.answer(get(&format!("/api/charts/{path}"))).await;
        assert_eq!(answer.headers()["content-type"], "image/svg+xml");
        let svg = text(answer).await;
        if svg != stored {
            std::fs::create_dir_all(&drawn).unwrap();
            std::fs::write(drawn.join(format!("{file}.svg")), svg).unwrap();
            changed.push(drawn.join(file));
        }
    }
    assert!(
        changed.is_empty(),
        "charts changed; look at them and store them in tests/expected/charts if they are right: {changed:?}"
    );
}

#[tokio::test]
async fn a_quiet_host_says_so_instead_of_drawing_a_flat_line() {
    let quiet: Vec<_> = story()
        .iter()
        .map(|busy| Sample {
            at_ms: busy.at_ms,
            length_ms: busy.length_ms,
            ..Sample::default()
        })
        .collect();
    for samples in [quiet, Vec::new()] {
        let gate = gate_of(Made::with(samples));
        for name in [
            "waits",
            "holds",
            "throughput",
            "queue",
            "histogram",
            "clients",
            "kinds",
        ] {
            let chart = chart(&gate, &format!("{name}.json?seconds=300")).await;
            let said = chart["empty"]["said"].as_str().expect("it says why");
            assert!(said.ends_with("in the last 5 minutes"), "{said}");
            let svg = chart["svg"].as_str().unwrap();
            assert!(svg.contains(said) && !svg.contains("polyline"), "{svg}");
            assert_eq!(chart["plots"], json!([]), "there is nothing to point at");
        }
    }
}

#[tokio::test]
async fn that_there_is_nothing_is_said_anew_to_each_who_asks() {
    let made = Made::with(Vec::new());
    let gate = gate_of(Arc::clone(&made));
    for reads in 1..=2 {
        let week = chart(&gate, "waits.json?seconds=604800").await;
        assert_eq!(week["empty"]["said"], "No writes in the last 7 days");
        assert_eq!(week["fresh_ms"], 2_000, "the first write is looked for");
        assert_eq!(made.reads.load(Ordering::Relaxed), reads);
    }
}

#[tokio::test]
async fn a_step_that_has_not_begun_is_not_shown() {
    let begun = Sample {
        at_ms: NOW_MS - 1,
        ..sample(1)
    };
    let next = Sample {
        at_ms: NOW_MS + 1_000,
        ..Sample::default()
    };
    let made = Made::with(vec![begun, next]);
    made.host.set(|status| status.now_ms += 500);
    let throughput = chart(&gate_of(made), "throughput.json").await;
    let points = throughput["points"].as_array().unwrap();
    assert_eq!(points.len(), 1, "{points:?}");
}

#[tokio::test]
async fn one_point_is_a_dot_and_not_nothing() {
    let gate = gate_of(Made::with(vec![sample(59)]));
    let waits = chart(&gate, "waits.json").await;
    assert!(waits["empty"].is_null());
    assert_eq!(waits["places"].as_array().unwrap().len(), 1);
    let svg = waits["svg"].as_str().unwrap();
    assert_eq!(svg.matches("<circle").count(), 6, "{svg}");
}

#[tokio::test]
async fn rows_that_find_no_room_are_counted() {
    let waits = WaitsReport {
        by_client: (0..30)
            .map(|n| share(&format!("client {n}"), 1.0))
            .collect(),
        ..WaitsReport::default()
    };
    let gate = gate_of(Arc::new(Made {
        waits,
        ..Made::empty()
    }));
    let clients = chart(&gate, "clients.json?height=200").await;
    let places = clients["places"].as_array().unwrap().len();
    assert!((5..9).contains(&places), "{places}");
    let rest = format!("and {} more", 30 - places);
    assert!(clients["svg"].as_str().unwrap().contains(&rest), "{rest}");
    assert_eq!(
        clients["points"].as_array().unwrap().len(),
        30,
        "the table has all"
    );
}

#[tokio::test]
async fn a_hostile_name_stays_text_in_every_form() {
    let gate = gate_of(told());
    let svg = text(gate.answer(get("/api/charts/clients.svg?height=400")).await).await;
    assert!(
        !svg.contains("<script") && !svg.contains("</text><"),
        "{svg}"
    );
    assert!(svg.contains("&lt;/text&gt;"), "it is shown: {svg}");
    let csv = text(gate.answer(get("/api/charts/clients.csv")).await).await;
    let cell = "\"</text><script>alert(1)</script>\"\"'&\",5,";
    assert!(csv.contains(cell), "one cell in quotes: {csv}");
    for told in [svg, csv] {
        assert!(!told.contains('\u{202e}') && !told.contains('\u{0}'));
    }
}

#[tokio::test]
async fn a_table_has_a_line_for_each_point_and_names_its_units() {
    let gate = gate_of(told());
    let answer = gate.answer(get("/api/charts/waits.csv")).await;
    assert_eq!(answer.headers()["content-type"], "text/csv; charset=utf-8");
    assert_eq!(
        answer.headers()["content-disposition"],
        "attachment; filename=\"commonplace-waits.csv\""
    );
    let csv = text(answer).await;
    let lines: Vec<_> = csv.split("\r\n").collect();
    assert_eq!(
        lines[0],
        "From (UTC),Seconds,\"Queue wait, max (ms)\",\"Queue wait, p95 (ms)\",\"Queue wait, p50 (ms)\",\
         \"Lock wait, max (ms)\",\"Lock wait, p95 (ms)\",\"Lock wait, p50 (ms)\""
    );
    assert_eq!(lines[1], "2027-01-15T07:55:00Z,5,9,5,2,3,1,0.2");
    assert_eq!(
        lines[45], "2027-01-15T07:58:40Z,5,,,,,,",
        "nothing was measured"
    );
    assert_eq!(
        lines.len(),
        62,
        "a head, 60 samples, and the end of the last line"
    );
    let bins = text(gate.answer(get("/api/charts/histogram.csv")).await).await;
    assert!(bins.starts_with("Over (ms),Up to (ms),Queue waits,Lock waits\r\n0.1,0.2,12,4\r\n"));
}

#[tokio::test]
async fn failures_and_slow_holds_are_marked_where_they_happened() {
    let gate = gate_of(told());
    let waits = chart(&gate, "waits.json").await;
    let mark = |ago_ms: i64, is_failure: bool, count: u64| json!({ "at_ms": NOW_MS - ago_ms, "is_failure": is_failure, "count": count });
    let expected = [
        mark(122_000, true, 1),
        mark(121_500, false, 2),
        mark(20_000, false, 1),
    ];
    assert_eq!(
        waits["marks"],
        json!(expected),
        "one of each kind in a step"
    );
    let holds = chart(&gate, "holds.json").await;
    assert_eq!(holds["marks"], json!([mark(20_000, false, 1)]));
}

#[tokio::test]
async fn pages_that_ask_for_the_same_chart_at_the_same_time_cost_one_reading() {
    let made = told();
    let gate = gate_of(Arc::clone(&made));
    for _ in 0..8 {
        chart(&gate, "waits.json?seconds=900").await;
    }
    assert_eq!(made.reads.load(Ordering::Relaxed), 1);
    assert_eq!(*made.asked.lock().unwrap(), (NOW_MS - 900_000, NOW_MS, 90));
    chart(&gate, "waits.json?seconds=900&theme=dark").await;
    made.host.set(|status| status.now_ms += 5_000);
    chart(&gate, "waits.json?seconds=900").await;
    assert_eq!(
        made.reads.load(Ordering::Relaxed),
        3,
        "another theme, a later moment"
    );
}

#[tokio::test]
async fn any_part_of_the_past_can_be_asked_for() {
    let made = told();
    let gate = gate_of(Arc::clone(&made));
    let (from, to) = (NOW_MS - 3_600_000, NOW_MS - 1_800_000);
    let past = chart(&gate, &format!("queue.json?from={from}&to={to}")).await;
    assert_eq!(*made.asked.lock().unwrap(), (from, to, 120));
    assert!(past["fresh_ms"].is_null(), "it will not change");
    assert_eq!(past["empty"]["said"], "No writes in this period");
}
