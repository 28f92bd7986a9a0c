//! Charts of a made-up history: number by number, stroke by stroke, and what they say when there is nothing to see.

mod support;

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use commonplace_api::charts::{Chart, ChartMark, ChartName, ChartPoint, ChartUnit};
use commonplace_api::statistics::{
    Incident, IncidentKind, Sample, TimeSummary, WaitBin, WaitShare, WaitsReport,
};
use commonplace_api::status::Status;
use commonplace_http::{Gate, StatusSource};
use http::StatusCode;
use support::{MadeUp, NOW_MS, get, site, text};
use tokio::sync::watch;

/// A host whose past a test sets.
struct Made {
    host: Arc<MadeUp>,
    samples: Vec<Sample>,
    waits: WaitsReport,
    incidents: Vec<Incident>,
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

    fn incidents(&self, limit: usize) -> Vec<Incident> {
        self.incidents.iter().take(limit).cloned().collect()
    }

    fn changes(&self) -> watch::Receiver<u64> {
        self.host.changes()
    }
}

fn gate_of(source: Arc<Made>) -> Gate {
    Gate::new(site(source))
}

async fn chart(gate: &Gate, path: &str) -> Chart {
    let answer = gate.answer(get(&format!("/api/charts/{path}"))).await;
    assert_eq!(answer.status(), StatusCode::OK, "{path}");
    assert_eq!(answer.headers()["content-type"], "application/json");
    serde_json::from_str(&text(answer).await).unwrap()
}

async fn csv(gate: &Gate, name: &str) -> String {
    text(gate.answer(get(&format!("/api/charts/{name}.csv"))).await).await
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

fn incidents() -> Vec<Incident> {
    let at = |what: IncidentKind, ago_ms| Incident {
        at_ms: NOW_MS - ago_ms,
        what,
        ..support::incident(0)
    };
    vec![
        at(IncidentKind::SlowHold, 20_000),
        at(IncidentKind::FailedWrite, 122_000),
        at(IncidentKind::SlowWait, 121_500),
        at(IncidentKind::SlowWait, 121_000),
        at(IncidentKind::SlowHold, 400_000),
    ]
}

const HOSTILE: &str = "</text><script>alert(1)</script>\"'&\u{202e}\u{0}";

fn share(name: &str, scale: f64) -> WaitShare {
    WaitShare {
        name: name.to_owned(),
        queue_wait: TimeSummary {
            count: (1_000.0 / scale) as u64,
            p50_ms: 1.5 * scale,
            p95_ms: 6.0 * scale,
            max_ms: 20.0 * scale,
            ..TimeSummary::default()
        },
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

fn values(chart: &Chart, panel: usize, series: usize) -> &[Option<f64>] {
    &chart.panels[panel].series[series].values
}

/// What a series must be: a value for each sample.
fn expected(value: impl Fn(f64) -> f64) -> Vec<Option<f64>> {
    (1..60).map(|n| Some(value(f64::from(n)))).collect()
}

fn named(name: &str) -> ChartPoint {
    let name = name.to_owned();
    ChartPoint::Name { name }
}

#[tokio::test]
async fn every_series_is_the_history_number_by_number() {
    let gate = gate_of(Made::with((1..60).map(sample).collect()));
    let waits = chart(&gate, "waits.json").await;
    let factors = [[3.0, 2.0, 1.25], [0.75, 0.5, 0.25]];
    for (panel, factors) in factors.iter().enumerate() {
        for (series, factor) in factors.iter().enumerate() {
            let expected = expected(|n| n * factor);
            assert_eq!(values(&waits, panel, series), expected, "{panel} {series}");
        }
    }
    assert_eq!(waits.panels[0].title, "Queue wait");
    assert_eq!(waits.panels[1].title, "Lock wait");
    assert_eq!(waits.panels[1].series[2].name, "p50");
    assert_eq!(waits.panels[1].series[2].unit, ChartUnit::Milliseconds);

    let holds = chart(&gate, "holds.json").await;
    for (series, factor) in [0.5, 0.25, 0.125].iter().enumerate() {
        assert_eq!(values(&holds, 0, series), expected(|n| n * factor));
    }
    let throughput = chart(&gate, "throughput.json").await;
    let per_second = |count: f64| (count / 5.0 * 1000.0).round() / 1000.0;
    assert_eq!(values(&throughput, 0, 0), expected(|n| per_second(2.0 * n)));
    assert_eq!(values(&throughput, 0, 1), expected(per_second));
    let commits = expected(|n| per_second((n / 2.0).ceil()));
    assert_eq!(values(&throughput, 0, 2), commits);
    let queue = chart(&gate, "queue.json").await;
    assert_eq!(values(&queue, 0, 0), expected(|n| (n / 2.0).floor()));
    assert_eq!(queue.panels[0].limit, Some(1000.0));
    let first = ChartPoint::Time {
        at_ms: NOW_MS - 295_000,
        length_ms: 5_000,
    };
    assert_eq!(queue.points[0], first);
}

#[tokio::test]
async fn waits_by_length_client_and_kind_are_those_of_the_report() {
    let gate = gate_of(told());
    let histogram = chart(&gate, "histogram.json?seconds=86400").await;
    let bin = ChartPoint::Bin {
        from_ms: 0.5,
        up_to_ms: Some(1.0),
    };
    assert_eq!(histogram.points[2], bin);
    let bins = waits().bins;
    let counts: Vec<_> = bins.iter().map(|bin| Some(bin.queue as f64)).collect();
    assert_eq!(values(&histogram, 0, 0), counts);
    let clients = chart(&gate, "clients.json").await;
    let long = named("a client with a very long name indeed");
    assert_eq!(clients.points[1], long);
    let figures: [fn(&TimeSummary) -> f64; 4] = [
        |times| times.max_ms,
        |times| times.p95_ms,
        |times| times.p50_ms,
        |times| times.count as f64,
    ];
    let shares = waits().by_client;
    for (series, figure) in figures.iter().enumerate() {
        let expected: Vec<_> = shares.iter().map(|s| Some(figure(&s.queue_wait))).collect();
        assert_eq!(values(&clients, 0, series), expected, "{series}");
    }
    assert_eq!(clients.panels[0].series[3].unit, ChartUnit::Count);
    let kinds = chart(&gate, "kinds.json").await;
    assert_eq!(kinds.points, [named("store"), named("delete")]);
}

#[tokio::test]
async fn the_places_of_points_and_the_drawing_are_the_same() {
    let gate = gate_of(told());
    for name in ["waits", "holds", "throughput", "queue"] {
        let chart = chart(&gate, &format!("{name}.json?width=700&height=300")).await;
        for (panel, plot) in chart.panels.iter().zip(&chart.plots) {
            for series in &panel.series {
                let value = series.values[7].unwrap();
                let y = plot.top + plot.height * (1.0 - value / plot.end);
                let x = chart.places[7];
                let drawn = |dx, dy| {
                    let (x, y) = ((x * 4.0).round() as i32, (y * 4.0).round() as i32);
                    chart.svg.contains(&format!("{},{} ", x + dx, y + dy))
                };
                let is_drawn = (-1..=1).any(|dx| (-1..=1).any(|dy| drawn(dx, dy)));
                let what = &series.name;
                assert!(is_drawn, "{name}: no point at {x}, {y} for {what}");
            }
        }
        assert_eq!(chart.plots.len(), chart.panels.len());
    }
}

#[tokio::test]
async fn the_charts_of_a_made_up_history_are_the_stored_ones() {
    let gate = gate_of(told());
    let stored = [
        ("waits", "waits.svg?width=640"),
        ("waits-dark", "waits.svg?width=360&theme=dark"),
        ("holds", "holds.svg?width=640"),
        ("throughput", "throughput.svg?width=640"),
        ("queue", "queue.svg?width=640"),
        ("histogram", "histogram.svg?width=640"),
        ("clients", "clients.svg?width=640"),
        ("kinds-dark", "kinds.svg?width=640&theme=dark"),
    ];
    let expected = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/expected/charts");
    let drawn = std::env::temp_dir().join("commonplace-charts");
    let mut changed = Vec::new();
    for (file, path) in stored {
        let answer = gate.answer(get(&format!("/api/charts/{path}"))).await;
        assert_eq!(answer.headers()["content-type"], "image/svg+xml");
        let svg = text(answer).await;
        let file = format!("{file}.svg");
        let stored = std::fs::read_to_string(expected.join(&file)).unwrap();
        if svg != stored {
            std::fs::create_dir_all(&drawn).unwrap();
            std::fs::write(drawn.join(&file), svg).unwrap();
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
        for name in ChartName::ALL.map(ChartName::as_str) {
            let chart = chart(&gate, &format!("{name}.json?seconds=300")).await;
            let said = chart.empty.expect("it says why").said;
            assert!(said.ends_with("in the last 5 minutes"), "{said}");
            let svg = chart.svg;
            assert!(svg.contains(&said) && !svg.contains("polyline"), "{svg}");
            assert_eq!(chart.plots, [], "there is nothing to point at");
        }
    }
}

#[tokio::test]
async fn that_there_is_nothing_is_said_anew_to_each_who_asks() {
    let made = Made::with(Vec::new());
    let gate = gate_of(Arc::clone(&made));
    for reads in 1..=2 {
        let week = chart(&gate, "waits.json?seconds=604800").await;
        assert_eq!(week.empty.unwrap().said, "No writes in the last 7 days");
        assert_eq!(week.fresh_ms, Some(2_000), "the first write is looked for");
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
    assert_eq!(throughput.points.len(), 1, "{:?}", throughput.points);
}

#[tokio::test]
async fn one_point_is_a_dot_and_not_nothing() {
    let gate = gate_of(Made::with(vec![sample(59)]));
    let waits = chart(&gate, "waits.json").await;
    assert_eq!((waits.empty, waits.places.len()), (None, 1));
    let svg = waits.svg;
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
    let places = clients.places.len();
    assert!((5..9).contains(&places), "{places}");
    let rest = format!("and {} more", 30 - places);
    assert!(clients.svg.contains(&rest), "{rest}");
    assert_eq!(clients.points.len(), 30, "the table has all");
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
    let csv = csv(&gate, "clients").await;
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
    let table = text(answer).await;
    let lines: Vec<_> = table.split("\r\n").collect();
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
    let bins = csv(&gate, "histogram").await;
    assert!(bins.starts_with("Over (ms),Up to (ms),Queue waits,Lock waits\r\n0.1,0.2,12,4\r\n"));
}

#[tokio::test]
async fn failures_and_slow_holds_are_marked_where_they_happened() {
    let gate = gate_of(told());
    let waits = chart(&gate, "waits.json").await;
    let mark = |ago_ms, is_failure, count| ChartMark {
        at_ms: NOW_MS - ago_ms,
        is_failure,
        count,
    };
    let expected = [
        mark(122_000, true, 1),
        mark(121_500, false, 2),
        mark(20_000, false, 1),
    ];
    assert_eq!(waits.marks, expected, "one of each kind in a step");
    let holds = chart(&gate, "holds.json").await;
    assert_eq!(holds.marks, [mark(20_000, false, 1)]);
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
    assert_eq!(past.fresh_ms, None, "it will not change");
    assert_eq!(past.empty.unwrap().said, "No writes in this period");
}
