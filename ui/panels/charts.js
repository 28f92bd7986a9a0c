// @ts-check
// The charts of the overview: drawn by the host as large as their frames, again and again as long as anybody looks. A
// crosshair reads their values, by mouse and by arrow keys; a click or Enter tells what held the lock at that moment.

import * as charts from "../model/charts.js";
import { at, fillFacts, fillTable, make, makeButton, matchChildren, setText, setTexts, showResult } from "../lib/dom.js";
import { timer } from "../lib/reader.js";
import { request, requestJson, why } from "../lib/session.js";
import { shownTheme } from "../lib/theme.js";

/** The small charts are drawn at most this often. */
const SMALL_EVERY_MS = 6000;

const INCIDENT_PARTS = ["when", "what", "who", "took"];

const parts = new Map();
const next = timer();
let rangeButton = null;
let smallAt = -Infinity;
let isRunning = false;
let drawing = 0;
let incidents = [];
let marksSeen = "";
let moment = null;

/** Builds the charts and connects their buttons; draws again for another size or theme. */
export function setUp() {
  const waits = makeChart("waits", at("chart-waits"));
  at("waits-head").append(makeDownloads(waits));
  for (const name of Object.keys(charts.SMALL)) at("charts").append(makeCard(name));
  const buttons = [...document.querySelectorAll("[data-seconds]")];
  rangeButton = buttons[0];
  for (const button of buttons) {
    button.addEventListener("click", () => {
      for (const other of buttons) other.setAttribute("aria-pressed", String(other === button));
      rangeButton = button;
      showMoment(null);
      drawAll();
    });
  }
  at("moment-all").addEventListener("click", () => showMoment(null));
  let size = "";
  new ResizeObserver(() => {
    const now = [...parts.values()].map(({ frame }) => frame.clientWidth).join();
    if (now !== size && isRunning) next.start(200, drawAll);
    size = now;
  }).observe(at("page-overview"));
  addEventListener("themechange", drawAll);
}

/** Begins with the first status. */
export function statusChanged() {
  if (isRunning) return;
  isRunning = true;
  drawAll();
}

/** Asks nothing more. */
export function stop() {
  isRunning = false;
  drawing += 1;
  next.stop();
}

/** Draws all charts now. */
export function drawAll() {
  smallAt = -Infinity;
  return draw();
}

async function draw() {
  next.stop();
  // A page that nobody sees asks nothing; the first status after that begins again.
  if (document.hidden) return stop();
  if (!isRunning) return;
  drawing += 1;
  const mine = drawing;
  let nextMs = SMALL_EVERY_MS;
  try {
    const waits = await drawOne(parts.get("waits"), mine);
    nextMs = waits.fresh_ms;
    await readIncidents(waits, mine);
    if (performance.now() - smallAt >= SMALL_EVERY_MS - 500) {
      smallAt = performance.now();
      for (const name of Object.keys(charts.SMALL)) await drawOne(parts.get(name), mine);
    }
  } catch {
    // The banner says what is wrong; the old charts stay until then.
  }
  if (mine === drawing && isRunning) next.start(nextMs, draw);
}

/** Asks for a chart as large as its frame and shows it, unless another drawing has begun meanwhile. */
async function drawOne(part, mine) {
  if (mine !== drawing) return null;
  const chart = await requestJson(`/api/charts/${part.name}.json?${asked(part)}`);
  if (mine === drawing) await showChart(part, chart);
  return chart;
}

function asked({ frame }) {
  const width = Math.min(3840, Math.max(240, Math.round(frame.clientWidth)));
  const height = Math.min(1200, Math.max(120, Math.round(frame.clientHeight)));
  return new URLSearchParams({ seconds: rangeButton.dataset.seconds, width: `${width}`, height: `${height}`, theme: shownTheme() });
}

/** Shows a chart; the old one stays until the new one is ready, so that nothing flickers. */
async function showChart(part, chart) {
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(chart.svg)}`;
  await image.decode();
  part.image.src = image.src;
  part.image.hidden = false;
  part.chart = chart;
  part.image.alt = charts.chartWords(chart, rangeWords());
  showCrosshair(part, part.isLast ? chart.places.length - 1 : part.index);
  if (part.details.open) showTable(part);
}

function rangeWords() {
  return rangeButton.dataset.words;
}

function makeCard(name) {
  const title = make("h2", "", charts.SMALL[name]);
  title.id = `title-${name}`;
  const head = make("div", "card-head", title);
  const card = make("section", "card chart-card", head);
  card.setAttribute("aria-labelledby", title.id);
  head.append(makeDownloads(makeChart(name, card)));
  return card;
}

function makeChart(name, parent) {
  const [reader, cross, dots, tip] = ["reader", "cross", "dots", "tip"].map((part) => make("div", part));
  const image = make("img");
  for (const hidden of [image, cross, dots, tip]) hidden.hidden = true;
  const frame = make("div", `chart chart-${name}`, image, cross, dots, tip, reader);
  const table = make("table");
  const scroll = make("div", "scroll chart-table", table);
  const details = make("details", "", make("summary", "", "Show as table"), scroll);
  scroll.tabIndex = 0;
  scroll.setAttribute("role", "region");
  scroll.setAttribute("aria-label", `Table of ${name}`);
  const problem = make("p", "result");
  problem.hidden = true;
  problem.setAttribute("role", "alert");
  parent.append(problem, frame, details);
  const part = { name, problem, frame, reader, image, cross, dots, tip, details, table, chart: null, index: -1, isLast: false };
  parts.set(name, part);
  setUpReading(part);
  details.addEventListener("toggle", () => details.open && part.chart !== null && showTable(part));
  return part;
}

/** What lies over a chart is a slider along its points: arrow keys move the crosshair, screen readers say where it is. */
function setUpReading(part) {
  const { reader } = part;
  reader.setAttribute("role", "slider");
  reader.setAttribute("aria-valuemin", "0");
  reader.addEventListener("pointermove", (event) => part.chart !== null && point(part, event));
  reader.addEventListener("pointerleave", () => showCrosshair(part, -1));
  reader.addEventListener("blur", () => showCrosshair(part, -1));
  reader.addEventListener("click", () => choose(part));
  reader.addEventListener("keydown", (event) => {
    if (part.chart === null) return;
    if (event.key === "Enter") return choose(part);
    if (event.key === "Escape") return showCrosshair(part, -1);
    const index = charts.moved(event.key, part.index, part.chart.places.length);
    if (index === null) return;
    event.preventDefault();
    showCrosshair(part, index);
  });
  showCrosshair(part, -1);
}

function point(part, event) {
  const box = part.frame.getBoundingClientRect();
  const isRows = part.chart.shape === "rows";
  showCrosshair(part, charts.nearest(part.chart.places, isRows ? event.clientY - box.top : event.clientX - box.left));
}

/** Shows the values at a point; index -1 shows none. */
function showCrosshair(part, index) {
  const { chart, frame, reader, cross, dots, tip } = part;
  const points = chart?.places.length ?? 0;
  const isShown = index >= 0 && index < points;
  part.index = isShown ? index : -1;
  // Who reads the newest point goes on to read the newest.
  part.isLast = isShown && chart.shape === "lines" && index === points - 1;
  for (const node of [cross, dots, tip]) node.hidden = !isShown;
  const told = isShown ? charts.readout(chart, index) : null;
  reader.tabIndex = points === 0 ? -1 : 0;
  reader.setAttribute("aria-label", `${chart?.title ?? part.name}: use the arrow keys to read values`);
  reader.setAttribute("aria-valuemax", String(Math.max(0, points - 1)));
  reader.setAttribute("aria-valuenow", String(Math.max(0, part.index)));
  reader.setAttribute("aria-valuetext", isShown ? charts.readoutWords(told) : chart?.empty?.said ?? "No point selected");
  if (!isShown) return;
  const { dots: places, ...line } = charts.crosshair(chart, index);
  place(cross, line);
  matchChildren(dots, places, () => make("i"), (dot, { color, ...where }) => {
    place(dot, where);
    dot.style.background = color;
  });
  showTip(tip, told);
  // Beside the line, on the side with more room.
  const x = line.left + line.width / 2;
  const isLeft = x < frame.clientWidth / 2;
  tip.style.left = isLeft ? `${x + 12}px` : "auto";
  tip.style.right = isLeft ? "auto" : `${frame.clientWidth - x + 12}px`;
  tip.style.top = `${line.height === 0 ? line.top + 12 : 8}px`;
}

function showTip(tip, { point: name, lines }) {
  const makeLine = () => make("p", "", make("i"), make("span"), make("b"));
  matchChildren(tip, [{ name }, ...lines], makeLine, (row, line) => {
    row.children[0].style.background = line.color ?? "transparent";
    setTexts([row.children[1], row.children[2]], [line.name, line.value ?? ""]);
  });
}

function place(node, where) {
  for (const [side, px] of Object.entries(where)) node.style[side] = `${px}px`;
}

/** Shows a chart as a table. */
function showTable({ chart, table }) {
  const { heads, rows } = charts.tableOf(chart);
  fillTable(table, heads, rows);
}

function makeDownloads(part) {
  const buttons = ["SVG", "CSV"].map((form) => {
    const button = makeButton("quiet", form, () => download(part, form.toLowerCase()));
    button.setAttribute("aria-label", `Download ${part.name} as ${form}`);
    return button;
  });
  return make("div", "chart-acts", ...buttons);
}

async function download(part, form) {
  part.problem.hidden = true;
  try {
    const response = await request(`/api/charts/${part.name}.${form}?${asked(part)}`);
    save(await response.blob(), `commonplace-${part.name}.${form}`);
  } catch (error) {
    showResult(part.problem, "error", why(error));
  }
}

/** Has the browser save a file. */
function save(content, name) {
  const link = make("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** Reads the list of incidents if the chart has other marks than before. */
async function readIncidents(waits, mine) {
  const marks = JSON.stringify([waits.marks, waits.to_ms - waits.from_ms]);
  if (marks !== marksSeen) {
    ({ incidents } = await requestJson("/api/slow?limit=1000"));
    marksSeen = marks;
  }
  if (mine === drawing) showIncidents(incidents, waits, moment);
}

/** Tells what held at the point under the crosshair. */
function choose({ chart, index }) {
  if (index < 0 || chart.points[index].at_ms === undefined) return;
  showMoment(chart.points[index]);
  at("incidents-title").scrollIntoView({ block: "nearest" });
}

function showMoment(point) {
  moment = point;
  const { chart } = parts.get("waits");
  if (chart !== null) showIncidents(incidents, chart, moment);
}

/** Shows the incidents of the range of a chart, or of a moment in it. @param {import('../lib/api.d.ts').Incident[]} all */
function showIncidents(all, chart, chosen) {
  const shown = charts.incidentsOf(all, chart, chosen);
  at("moment-all").hidden = chosen === null;
  setText(at("incidents-words"), charts.incidentWords(shown, chart, rangeButton === null ? "" : rangeWords(), chosen));
  matchChildren(at("incidents"), shown, makeIncident, showIncident);
  const [first] = at("incidents").children;
  if (chosen !== null && first) first.children[0].open = true;
}

function makeIncident() {
  const head = make("summary", "", ...INCIDENT_PARTS.map((name) => make("span", name)));
  return make("li", "", make("details", "", head, make("dl", "facts")));
}

function showIncident(item, incident) {
  const [details] = item.children;
  if (item.dataset.key !== incident.key) details.open = false;
  item.dataset.key = incident.key;
  const [head, facts] = details.children;
  setTexts(head.children, INCIDENT_PARTS.map((name) => incident[name]));
  head.children[1].classList.toggle("bad", incident.isFailure);
  fillFacts(facts, incident.facts);
}
