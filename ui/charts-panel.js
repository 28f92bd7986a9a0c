// The charts of the overview: asked of the host as large as their frame, and anew as long as anybody looks.

import { at } from "./dom.js";
import { request } from "./session.js";
import { shownTheme } from "./theme.js";
import { chartWords } from "./view.js";

/** How often the chart is drawn anew, by the length of its time axis in seconds. */
const EVERY_MS = { 300: 2000, 900: 5000, 3600: 10_000 };
const RANGE_WORDS = { 300: "5 minutes", 900: "15 minutes", 3600: "hour" };

let seconds = 300;
let timer = 0;
let lastStatus = null;

/** Connects the buttons of the range; draws anew for another size or theme. */
export function setUp() {
  setUpRanges();
  new ResizeObserver(() => schedule(200)).observe(at("chart-frame"));
  addEventListener("themechange", draw);
}

/** Begins to draw with the first status. */
export function statusChanged(status) {
  const isFirst = lastStatus === null;
  lastStatus = status;
  if (isFirst) draw();
}

/** Draws no more. */
export function stop() {
  clearTimeout(timer);
  lastStatus = null;
}

/** Asks for a chart as large as its frame and shows it; asks again after a while, as long as anybody looks. */
export async function draw() {
  clearTimeout(timer);
  if (document.hidden || lastStatus === null) return;
  const frame = at("chart-frame");
  const width = Math.min(3840, Math.max(240, Math.round(frame.clientWidth)));
  const height = Math.max(120, Math.round(frame.clientHeight));
  const asked = new URLSearchParams({ seconds, width, height, theme: shownTheme() });
  try {
    const response = await request(`/api/charts/waits.svg?${asked}`);
    const svg = await response.text();
    if (lastStatus !== null) await showChart(svg, chartWords(lastStatus, RANGE_WORDS[seconds]));
  } catch {
    // The banner says what is wrong; the old chart stays until then.
  }
  if (lastStatus !== null) schedule(EVERY_MS[seconds]);
}

function schedule(ms) {
  clearTimeout(timer);
  timer = setTimeout(draw, ms);
}

function setUpRanges() {
  const buttons = [...document.querySelectorAll("[data-seconds]")];
  for (const button of buttons) {
    button.addEventListener("click", () => {
      for (const other of buttons) other.setAttribute("aria-pressed", String(other === button));
      seconds = Number(button.dataset.seconds);
      draw();
    });
  }
}

/** Shows a chart; the old one stays until the new one is ready, so that nothing flickers. */
async function showChart(svg, words) {
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`;
  await image.decode();
  const chart = at("chart");
  chart.src = image.src;
  chart.alt = words;
  chart.hidden = false;
}
