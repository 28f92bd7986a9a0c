import assert from "node:assert/strict";
import { test } from "node:test";
import { chartWords, crosshair, incidentWords, incidentsOf, moved, nearest, pointText, readout, readoutWords, tableOf, valueText } from "./charts.js";

const NOW = 1_800_000_000_000;

/** Three steps of five seconds in two panels, as the host sends them. */
function waits() {
  const series = (name, role, values) => ({ name, role, unit: "ms", values });
  return {
    title: "Write wait times",
    shape: "lines",
    from_ms: NOW - 15_000,
    to_ms: NOW,
    points: [0, 1, 2].map((n) => ({ at_ms: NOW - 15_000 + n * 5000, length_ms: 5000 })),
    panels: [
      { title: "Queue wait", limit: null, series: [series("Max", "queue_longest", [40, null, 8]), series("p50", "queue_half", [4, null, 2])] },
      { title: "Lock wait", limit: null, series: [series("Max", "lock_longest", [1, null, 0.5])] },
    ],
    colors: { queue_longest: "#111111", queue_half: "#222222", lock_longest: "#333333" },
    places: [60, 110, 160],
    plots: [{ left: 50, top: 20, width: 120, height: 100, end: 50 }, { left: 50, top: 150, width: 120, height: 40, end: 2 }],
    marks: [],
    empty: null,
  };
}

function clients() {
  const values = [[20, 900], [6, 100], [1.5, 60], [1000, 3]];
  const names = ["Max", "p95", "p50", "Writes"];
  return {
    ...waits(),
    shape: "rows",
    points: [{ name: "claude-code" }, { name: "<b>bold</b>" }],
    panels: [{ title: "", limit: null, series: names.map((name, n) => ({ name, role: "queue_half", unit: n === 3 ? "" : "ms", values: values[n] })) }],
    places: [40, 70],
    plots: [{ left: 100, top: 20, width: 200, height: 60, end: 0 }],
  };
}

test("values have their units, and a dash where nothing was measured", () => {
  const told = [[4.25, "ms"], [null, "ms"], [0.4, "/s"], [1234.4, "/s"], [12_000, ""]].map(([value, unit]) => valueText(value, unit));
  assert.deepEqual(told, ["4.3 ms", "–", "0.4/s", "1,234/s", "12,000"]);
});

test("the crosshair reads all series of all panels at one point", () => {
  const { lines } = readout(waits(), 0);
  assert.deepEqual(lines, [
    { name: "Queue wait, max", value: "40 ms", color: "#111111" },
    { name: "Queue wait, p50", value: "4.0 ms", color: "#222222" },
    { name: "Lock wait, max", value: "1.0 ms", color: "#333333" },
  ]);
  assert.match(readoutWords(readout(waits(), 1)), /: Queue wait, max –; Queue wait, p50 –; Lock wait, max –$/);
});

test("the crosshair stands where the host has drawn the point, through all panels", () => {
  const { dots, ...line } = crosshair(waits(), 2);
  assert.deepEqual(line, { left: 160, top: 20, width: 0, height: 170 });
  assert.deepEqual(dots.map(({ top }) => top), [20 + 100 * (1 - 8 / 50), 20 + 100 * (1 - 2 / 50), 150 + 40 * (1 - 0.5 / 2)]);
  assert.deepEqual(crosshair(waits(), 1).dots, [], "nothing was measured");
  assert.deepEqual(crosshair(clients(), 1), { left: 100, top: 70, width: 200, height: 0, dots: [] });
});

test("the nearest point is found, and none in an empty chart", () => {
  assert.deepEqual([0, 84, 86, 500].map((x) => nearest([60, 110, 160], x)), [0, 0, 1, 2]);
  assert.equal(nearest([], 5), -1);
});

test("keys move within the points, and the first one begins at the newest", () => {
  assert.equal(moved("ArrowLeft", -1, 3), 2);
  assert.equal(moved("Home", -1, 3), 0);
  assert.equal(moved("ArrowDown", -1, 3), 0, "rows are read from the top");
  assert.equal(moved("ArrowLeft", 0, 3), 0);
  assert.equal(moved("ArrowRight", 1, 3), 2);
  assert.equal(moved("PageUp", 50, 60), 40);
  assert.equal(moved("End", 0, 60), 59);
  assert.deepEqual([moved("a", 0, 3), moved("constructor", 0, 3), moved("Home", 0, 0)], [null, null, null]);
});

test("a table has a row for each point, the newest first, and names its columns in full", () => {
  const { heads, rows } = tableOf(waits());
  assert.deepEqual(heads, ["Time", "Queue wait, max", "Queue wait, p50", "Lock wait, max"]);
  assert.deepEqual(rows.map((row) => row.slice(1).map(({ text }) => text)), [["8.0 ms", "2.0 ms", "0.50 ms"], ["–", "–", "–"], ["40 ms", "4.0 ms", "1.0 ms"]]);
  assert.deepEqual(tableOf(clients()).rows[1].map(({ text }) => text), ["<b>bold</b>", "900 ms", "100 ms", "60 ms", "3"]);
});

test("bins are told by their edges", () => {
  const told = [{ from_ms: 0, up_to_ms: 0.1 }, { from_ms: 500, up_to_ms: 1000 }, { from_ms: 100_000, up_to_ms: null }].map((bin) => pointText(bin, waits()));
  assert.deepEqual(told, ["0 ms – 0.1 ms", "500 ms – 1 s", "Over 100 s"]);
});

test("a chart is told in words, also when it is empty", () => {
  assert.match(chartWords(waits(), "the last 5 minutes"), /^Write wait times, the last 5 minutes\. Queue wait, max up to 40 ms; /);
  const empty = { ...waits(), empty: { said: "No writes in the last hour", hint: "Waits appear here" } };
  assert.equal(chartWords(empty, ""), "No writes in the last hour. Waits appear here.");
});

const incident = (agoMs, tookMs, what, holder = "it is held by pid 913") => ({
  at_ms: NOW - agoMs, took_ms: tookMs, what, end: "timed_out", instance: "00112233445566778899", client: "ada", kind: "store", holder,
});

test("a moment tells what was under way then, and who held the lock", () => {
  const all = [incident(1000, 500, "slow_wait"), incident(2000, 9000, "failed_write"), incident(9000, 4000, "slow_hold", ""), incident(99_000, 1, "slow_wait", "")];
  const chart = waits();
  assert.equal(incidentsOf(all, chart, null).length, 3, "one is before the range");
  const then = incidentsOf(all, chart, chart.points[1]);
  assert.deepEqual(then.map(({ what }) => what), ["Failed write", "Slow hold"]);
  assert.deepEqual(then[0].facts[0], ["Held by", "It is held by pid 913"]);
  assert.deepEqual(then[1].facts[0], ["Held by", "This request: ada, store"]);
  assert.deepEqual(then.map(({ isFailure }) => isFailure), [true, false]);
  assert.match(incidentWords([], chart, "", chart.points[0]), /^Nothing was slow or failed at /);
  assert.equal(incidentWords([], chart, "the last hour", null), "Nothing was slow or failed in the last hour.");
});
