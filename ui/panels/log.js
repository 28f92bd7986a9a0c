// @ts-check
// The panel of the log: the newest lines, renewed while somebody looks; or older ones, which stand still.

import { at, make, matchChildren, setBadge, setText, setTexts, showResult } from "../lib/dom.js";
import { reader, timer } from "../lib/reader.js";
import { logPath, logRows, logWords } from "../model/health.js";
import { requestJson, why } from "../lib/session.js";

/** Characters of a filter are waited for this long. */
const TYPING_MS = 300;

const typing = timer();
const asked = { level: "info", contains: "", before: null };
let shown = null;

const log = reader(() => read({ ...asked }), {
  read: ({ page, what }) => showLog(page, what),
  failed: (error) => showResult(at("log-problem"), "error", why(error)),
});

async function read(what) {
  return { page: await requestJson(logPath(what)), what };
}

/** Connects the filter and the buttons. */
export function setUpLog() {
  at("log-level").addEventListener("change", ask);
  at("log-contains").addEventListener("input", () => typing.start(TYPING_MS, ask));
  at("log-filter").addEventListener("submit", (event) => {
    event.preventDefault();
    ask();
  });
  at("log-older").addEventListener("click", () => go(shown.before));
  at("log-newest").addEventListener("click", () => go(null));
}

/** Reads the newest lines again; older ones stay. */
export function logChanged() {
  if (asked.before === null || shown === null) log.wanted();
}

/** Stops reading: out of view, or the host is gone. */
export function stopLog() {
  typing.stop();
  log.stop();
}

function ask() {
  asked.level = at("log-level").value;
  asked.contains = at("log-contains").value.trim();
  go(null);
}

function go(before) {
  asked.before = before;
  log.wanted();
}

/** Shows lines of the log, which were asked for by `what`. @param {import('../lib/api.d.ts').LogPage} page */
function showLog(page, what) {
  shown = page;
  at("log-problem").hidden = true;
  setText(at("log-folder"), page.folder);
  setText(at("log-words"), logWords(page, what));
  at("log-older").hidden = page.before === null;
  at("log-newest").hidden = what.before === null;
  const makeLine = () => make("li", "log-line", make("time", "log-at"), make("span", "badge"), make("span", "log-text"), make("span", "path"));
  matchChildren(at("log-lines"), logRows(page), makeLine, showLine);
}

function showLine(line, row) {
  const [time, level, text, source] = line.children;
  setTexts([time, text, source], [row.at, row.text, row.source]);
  time.title = row.full;
  setBadge(level, { badge: row.level, tone: row.tone });
}
