// @ts-check
// What is read from the charts of the host: values at a point, tables, and what held at a moment. Pure functions.

import { count, milliseconds, pick, upperFirst } from "../lib/format.js";

/** The small charts of the overview with their titles; `waits` is the large one. */
export const SMALL = {
  holds: "Write lock hold time",
  throughput: "Requests and commits",
  queue: "Queue length",
  histogram: "Distribution of waits",
  clients: "Queue wait by client",
  kinds: "Queue wait by kind",
};

const DAY_MS = 86_400_000;
const SHOWN_INCIDENTS = 50;

/** Writes a value with its unit; without data, a dash. */
export function valueText(value, unit) {
  if (value === null || value === undefined) return "–";
  if (unit === "ms") return milliseconds(value);
  return unit === "" ? count(value) : `${value < 10 ? Number(value.toFixed(2)) : count(value)}${unit}`;
}

/** Writes a moment by the reader's clock, with the day if the chart shows more than one. */
function momentText(ms, chart) {
  const length = chart.to_ms - chart.from_ms;
  /** @type {Intl.DateTimeFormatOptions} */
  const day = length > DAY_MS / 2 ? { weekday: "short", day: "numeric", month: "short" } : {};
  return new Date(ms).toLocaleString([], { ...day, hour: "2-digit", minute: "2-digit", second: length > 3_600_000 ? undefined : "2-digit" });
}

/** What a point is: a period, waits of about one length, or a name. */
export function pointText(point, chart) {
  if (point.at_ms !== undefined) return `${momentText(point.at_ms, chart)} – ${momentText(point.at_ms + point.length_ms, chart)}`;
  if (point.name !== undefined) return point.name;
  if (point.up_to_ms === null) return `Over ${edge(point.from_ms)}`;
  return `${edge(point.from_ms)} – ${edge(point.up_to_ms)}`;
}

function edge(ms) {
  return ms >= 1000 ? `${ms / 1000} s` : `${ms} ms`;
}

/** All series with the full name, one below the other. */
function seriesOf(chart) {
  return chart.panels.flatMap(({ title, series }, panel) => series.map((one) => ({ ...one, panel, title: title === "" ? one.name : `${title}, ${one.name.toLowerCase()}` })));
}

/** What the crosshair shows at a point: the point, and the name, value and colour of each series. */
export function readout(chart, index) {
  const lines = seriesOf(chart).map(({ title, role, unit, values }) => ({ name: title, value: valueText(values[index], unit), color: chart.colors[role] }));
  return { point: pointText(chart.points[index], chart), lines };
}

/** The same in one sentence. */
export function readoutWords({ point, lines }) {
  return `${point}: ${lines.map(({ name, value }) => `${name} ${value}`).join("; ")}`;
}

/** Index of the point nearest to a place; -1 if there is none. */
export function nearest(places, place) {
  let best = -1;
  places.forEach((other, index) => {
    if (best < 0 || Math.abs(other - place) < Math.abs(places[best] - place)) best = index;
  });
  return best;
}

/** Where a key moves the crosshair that stands at `index`; null if the key means nothing here. */
export function moved(key, index, length) {
  const steps = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1, PageUp: -10, PageDown: 10, Home: -length, End: length };
  const step = pick(steps, key);
  if (step === undefined || length === 0) return null;
  // The first key shows the newest point, or the first row.
  if (index < 0) return step === -length || key.endsWith("Down") ? 0 : length - 1;
  return Math.min(length - 1, Math.max(0, index + step));
}

/** The line of the crosshair and the dots on it, in CSS pixels of the drawing. */
export function crosshair(chart, index) {
  const [first] = chart.plots;
  const last = chart.plots.at(-1);
  const place = chart.places[index];
  if (chart.shape === "rows") return { left: first.left, top: place, width: first.width, height: 0, dots: [] };
  const line = { left: place, top: first.top, width: 0, height: last.top + last.height - first.top };
  if (chart.shape === "columns") return { ...line, dots: [] };
  const dots = seriesOf(chart).flatMap(({ role, panel, values }) => {
    const { top, height, end } = chart.plots[panel];
    const value = values[index];
    return value === null ? [] : [{ left: place, top: top + height * (1 - Math.min(1, value / end)), color: chart.colors[role] }];
  });
  return { ...line, dots };
}

/** The chart as a table: heads, and rows of cells with the newest time first. */
export function tableOf(chart) {
  const series = seriesOf(chart);
  const first = { lines: "Time", columns: "Wait", rows: "Name" }[chart.shape];
  const rows = chart.points.map((point, index) => [
    { text: pointText(point, chart), isHead: true },
    ...series.map(({ unit, values }) => ({ text: valueText(values[index], unit), isNumber: true, isZero: !values[index] })),
  ]);
  return { heads: [first, ...series.map(({ title }) => title)], rows: chart.shape === "lines" ? rows.reverse() : rows };
}

/** What a chart shows, for screen readers. */
export function chartWords(chart, rangeWords) {
  if (chart.empty !== null) return `${chart.empty.said}. ${chart.empty.hint}.`;
  const largest = seriesOf(chart).map(({ title, unit, values }) => {
    const known = values.filter((value) => value !== null);
    return `${title} up to ${valueText(known.length === 0 ? null : Math.max(...known), unit)}`;
  });
  return `${chart.title}, ${rangeWords}. ${largest.join("; ")}.`;
}

const WHAT = {
  slow_hold: "Slow hold",
  slow_wait: "Slow wait",
  failed_acquisition: "Lock not acquired",
  failed_write: "Failed write",
};

/** Slow holds, slow waits and failures of a range, or those in progress at a moment, the newest first. @param {import('../lib/api.d.ts').Incident[]} incidents */
export function incidentsOf(incidents, chart, moment) {
  const from = moment?.at_ms ?? chart.from_ms;
  const to = moment === null ? chart.to_ms : moment.at_ms + moment.length_ms;
  const touches = ({ at_ms, took_ms }) => at_ms >= from && at_ms - (moment === null ? 0 : took_ms) < to;
  return incidents.filter(touches).slice(0, SHOWN_INCIDENTS).map((incident) => ({
    key: `${incident.at_ms} ${incident.what} ${incident.instance} ${incident.took_ms}`,
    isFailure: incident.what.startsWith("failed"),
    when: momentText(incident.at_ms, chart),
    what: pick(WHAT, incident.what) ?? incident.what,
    who: `${incident.client}, ${incident.kind}`,
    took: milliseconds(incident.took_ms),
    facts: [
      ["Held by", holder(incident)],
      ["Outcome", incident.end.replaceAll("_", " ")],
      ["Instance", incident.instance.slice(0, 8)],
    ],
  }));
}

function holder({ what, client, kind, holder: words }) {
  if (what === "slow_hold") return `This request: ${client}, ${kind}`;
  return words === "" ? "No holder was seen" : upperFirst(words);
}

/** Says what the list of incidents shows, or why it is empty. */
export function incidentWords(shown, chart, rangeWords, moment) {
  if (moment !== null) {
    const when = pointText(moment, chart);
    return shown.length === 0 ? `Nothing was slow or failed at ${when}.` : `In progress at ${when}:`;
  }
  if (shown.length === 0) return `Nothing was slow or failed in ${rangeWords}.`;
  return shown.length === SHOWN_INCIDENTS ? `The last ${SHOWN_INCIDENTS} of ${rangeWords}:` : "";
}
