// The page: session first, then live figures, chart, theme.

import { at, setText } from "./dom.js";
import { upperFirst } from "./format.js";
import { follow } from "./live.js";
import { growLocksOlder, locksChanged, setUpLocks, stopLocks } from "./locks-panel.js";
import { announce, showChart, showGone, showStatus } from "./render.js";
import * as session from "./session.js";
import { settingsChanged, stopSettings } from "./settings-panel.js";
import { setUpUpkeep, showUpkeep, stopUpkeep } from "./upkeep-panel.js";
import { chartWords } from "./view.js";

const THEMES = ["system", "light", "dark"];
/** How often the chart is drawn anew, by the length of its time axis in seconds. */
const CHART_EVERY_MS = { 300: 2000, 900: 5000, 3600: 10_000 };
const RANGE_WORDS = { 300: "5 minutes", 900: "15 minutes", 3600: "hour" };

let following = new AbortController();
let lastStatus = null;
let receivedAt = 0;
let isLive = false;
let chartSeconds = 300;
let chartTimer = 0;

start();

async function start() {
  setUpTheme();
  setUpCopyButtons();
  setUpRanges();
  setUpUpkeep();
  setUpLocks();
  at("token-form").addEventListener("submit", onTokenGiven);
  at("sign-out").addEventListener("click", onSignOut);
  addEventListener("hashchange", enter);
  document.addEventListener("visibilitychange", () => document.hidden || comeBack());
  new ResizeObserver(() => scheduleChart(200)).observe(at("chart-frame"));
  setInterval(growOlder, 1000);
  await enter();
}

/** Shows what has happened while nobody looked. */
function comeBack() {
  drawChart();
  if (isLive) locksChanged(lastStatus);
}

/** Begins with a code from the address or with the session there is; asks for a key if there is neither. */
async function enter() {
  let reason = null;
  try {
    await session.takeCode();
  } catch (error) {
    reason = session.why(error);
  }
  if (!session.isSignedIn()) return askForKey(reason);
  at("sign-in").hidden = true;
  at("page").hidden = false;
  at("sign-out").hidden = false;
  following.abort();
  following = new AbortController();
  const open = (signal) => session.request("/events", { signal });
  follow(open, { status: onStatus, gone: onGone, signedOut: onSignedOut }, following.signal);
  drawChart();
}

function askForKey(reason) {
  following.abort();
  stopPanels();
  clearTimeout(chartTimer);
  lastStatus = null;
  isLive = false;
  setLive("out", "Not signed in");
  document.title = "Commonplace";
  at("page").hidden = true;
  at("gone").hidden = true;
  at("sign-out").hidden = true;
  at("sign-in").hidden = false;
  if (reason !== null) setText(at("sign-in-reason"), reason);
}

function onStatus(status) {
  if (lastStatus?.state !== status.state) announce(status.diagnosis);
  lastStatus = status;
  receivedAt = performance.now();
  isLive = true;
  setLive("live", "Live");
  at("gone").hidden = true;
  at("page").classList.remove("stale");
  showStatus(status);
  showUpkeep(status);
  if (document.hidden) return;
  locksChanged(status);
  settingsChanged(status);
}

function stopPanels() {
  stopLocks();
  stopSettings();
  stopUpkeep();
}

/** Lets ages grow while the host has nothing new to tell. */
function growOlder() {
  if (!isLive || document.hidden) return;
  const nowMs = lastStatus.now_ms + Math.round(performance.now() - receivedAt);
  const older = { ...lastStatus, now_ms: nowMs };
  showStatus(older);
  showUpkeep(older);
  growLocksOlder();
}

function onGone(error) {
  const seen = lastStatus === null ? null : new Date(lastStatus.now_ms).toLocaleTimeString();
  setLive("gone", "Host is gone");
  const isRefused = error instanceof session.Refused;
  setText(at("gone-title"), isRefused ? "The host refused the live figures." : "The host is gone.");
  const stale = seen === null ? "" : `The figures below are from ${seen}. `;
  setText(at("gone-detail"), `${isRefused ? `${upperFirst(error.message)}. ` : ""}${stale}This page returns by itself when the host does.`);
  at("gone").hidden = false;
  at("page").classList.toggle("stale", lastStatus !== null);
  isLive = false;
  stopPanels();
  showGone();
}

function onSignedOut() {
  session.forget();
  askForKey("Your session has ended: the host was started anew, its tokens were rotated, or it was idle for 12 hours.");
}

async function onSignOut() {
  askForKey("You are signed out.");
  await session.signOut().catch(() => {});
}

async function onTokenGiven(event) {
  event.preventDefault();
  const field = at("token");
  at("token-error").hidden = true;
  try {
    await session.signIn(field.value.trim());
    field.value = "";
    await enter();
    at("content").focus();
  } catch (error) {
    setText(at("token-error"), session.why(error));
    at("token-error").hidden = false;
    field.select();
  }
}

/** Asks for a chart as large as its frame and shows it; asks again after a while, as long as anybody looks. */
async function drawChart() {
  clearTimeout(chartTimer);
  if (document.hidden || !session.isSignedIn() || at("page").hidden) return;
  const frame = at("chart-frame");
  const width = Math.min(3840, Math.max(240, Math.round(frame.clientWidth)));
  const height = Math.max(120, Math.round(frame.clientHeight));
  const asked = new URLSearchParams({ seconds: chartSeconds, width, height, theme: shownTheme() });
  try {
    const response = await session.request(`/api/charts/waits.svg?${asked}`);
    const words = lastStatus === null ? "Waits of writes" : chartWords(lastStatus, RANGE_WORDS[chartSeconds]);
    await showChart(await response.text(), words);
  } catch {
    // The banner says what is wrong; the old chart stays until then.
  }
  scheduleChart(CHART_EVERY_MS[chartSeconds]);
}

function scheduleChart(ms) {
  clearTimeout(chartTimer);
  chartTimer = setTimeout(drawChart, ms);
}

function setUpRanges() {
  const buttons = [...document.querySelectorAll("[data-seconds]")];
  for (const button of buttons) {
    button.addEventListener("click", () => {
      for (const other of buttons) other.setAttribute("aria-pressed", String(other === button));
      chartSeconds = Number(button.dataset.seconds);
      drawChart();
    });
  }
}

function setUpCopyButtons() {
  for (const button of document.querySelectorAll("[data-copies]")) {
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(at(button.dataset.copies).textContent);
      setText(button, "Copied");
      announce("Copied");
      setTimeout(() => setText(button, "Copy"), 2000);
    });
  }
}

function setUpTheme() {
  const stored = localStorage.getItem("commonplace.theme");
  showTheme(THEMES.includes(stored) ? stored : "system");
  at("theme").addEventListener("click", () => {
    const now = document.documentElement.dataset.theme ?? "system";
    const next = THEMES[(THEMES.indexOf(now) + 1) % THEMES.length];
    localStorage.setItem("commonplace.theme", next);
    showTheme(next);
    drawChart();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawChart);
}

function showTheme(theme) {
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  setText(at("theme"), `Theme: ${theme}`);
}

function shownTheme() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
}

function setLive(state, words) {
  at("live").dataset.state = state;
  setText(at("live-text"), words);
}
