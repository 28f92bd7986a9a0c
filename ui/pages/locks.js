// The panel of the locks: shows the table, and settles what a person asks for.

import { confirm } from "../lib/confirm.js";
import { at, make, makeButton, matchChildren, setBadge, setText, setWords, showResult } from "../lib/dom.js";
import { reader } from "../lib/reader.js";
import * as locks from "../model/locks.js";
import { requestJson, why } from "../lib/session.js";

/** How soon the table is read again while a lock is held or waited for: the advice changes with the age of a hold. */
const AGING_MS = 3000;

/** How old the table may grow while the host tells other news: leftovers and the audit list are not in the stream. */
const OLD_MS = 15_000;

let report = null;
let trace = null;
let readAt = 0;
let hostInstance = "";
let agingTimer = 0;
let isSettling = false;

const table = reader(() => requestJson("/api/locks"), {
  read: onReport,
  failed: (error) => setText(at("locks-summary"), why(error)),
});

/** The page of the locks. The table is read on every page, because the first glance offers the way to a stuck lock. */
export const page = {
  setUp() {},
  show: table.wanted,
  status() {},
  older: growLocksOlder,
  stop() {},
};

/** Asks for the table of the locks anew if the status tells of a reason. */
export function locksChanged(status) {
  hostInstance = status.host.instance;
  const now = locks.traceOf(status);
  if (now !== trace || performance.now() - readAt > OLD_MS) table.wanted();
  trace = now;
}

/** Stops reading: the session or the host is gone. */
export function stopLocks() {
  clearTimeout(agingTimer);
  table.stop();
  trace = null;
}

/** Lets the ages grow. */
export function growLocksOlder() {
  if (report !== null) showLocks(locks.older(report, Math.round(performance.now() - readAt)), hostInstance);
}

function onReport(read) {
  report = read;
  readAt = performance.now();
  showLocks(report, hostInstance);
  clearTimeout(agingTimer);
  if (locks.isAging(report) && !document.hidden) agingTimer = setTimeout(table.wanted, AGING_MS);
}

/** Shows a table of the locks. */
export function showLocks(shown, host) {
  setText(at("locks-summary"), locks.summary(shown, host));
  at("see-lock").hidden = locks.stuckLock(shown, host) === undefined;
  matchChildren(at("lock-rows"), shown.locks, makeLock, (item, lock) => showLock(item, lock, locks.lockRow(lock, shown, host)));
  matchChildren(at("lock-line"), shown.waiters.map((waiter) => locks.waiterRow(waiter, shown)), makeWaiter, showWaiter);
  at("lock-line-empty").hidden = shown.waiters.length > 0;
  matchChildren(at("leftovers"), shown.leftovers.map((leftover) => locks.leftoverRow(leftover, shown)), makeLeftover, showLeftover);
  at("leftovers-empty").hidden = shown.leftovers.length > 0;
  showButton(at("leftovers-act"), locks.leftoversButton(shown), null);
  const entries = locks.auditRows(shown);
  setText(at("audit-count"), entries.length === 0 ? "empty" : String(entries.length));
  at("audit-empty").hidden = entries.length > 0;
  matchChildren(at("audit"), entries, makeEntry, showEntry);
}

function makeLock() {
  const item = make("li", "lock-row");
  const head = make("div", "row-head");
  head.append(make("h3", "row-name"), make("span", "badge"));
  const texts = ["row-strong", "sub", "sub", "row-words", "path"].map((name) => make("p", name));
  item.append(head, ...texts, make("div", "row-act"));
  return item;
}

function showLock(item, lock, row) {
  const [head, purpose, holder, evidence, words, path, act] = item.children;
  setText(head.children[0], row.name);
  setBadge(head.children[1], row);
  for (const [node, text] of [[purpose, row.purpose], [holder, row.holder], [evidence, row.evidence]]) {
    setText(node, text);
    node.hidden = text === "";
  }
  setWords(words, row.words);
  words.hidden = row.words === "";
  setText(path, row.path);
  showButton(act, row.button, lock);
}

/** Shows a button in its place, or nothing. The same button stays, so that it keeps the focus. */
function showButton(place, button, lock) {
  place.hidden = button === null;
  if (button === null) return place.replaceChildren();
  const shown = place.children[0] ?? makeButton("", "", () => settle(place.offered));
  if (place.children.length === 0) place.append(shown);
  place.offered = { act: button.act, lock };
  shown.className = button.isDanger ? "danger" : "plain";
  shown.disabled = isSettling;
  setText(shown, button.text);
}

function makeWaiter() {
  const item = make("li", "");
  item.append(make("span", "place"), make("span", "who"), make("span", "age"));
  item.children[1].append(make("span", ""), make("span", "sub line"));
  return item;
}

function showWaiter(item, row) {
  const [place, who, age] = item.children;
  setText(place, row.place);
  setText(who.children[0], row.who);
  setText(who.children[1], row.detail);
  setText(age, row.age);
}

function makeLeftover() {
  const item = make("li", "");
  item.append(make("p", "row-strong"), make("p", "sub"));
  return item;
}

function showLeftover(item, row) {
  setText(item.children[0], row.what);
  setText(item.children[1], row.words);
}

function makeEntry() {
  const item = make("li", "");
  const head = make("div", "row-head");
  head.append(make("span", "row-strong"), make("span", "badge"), make("span", "sub"));
  item.append(head, make("p", "row-words"), make("p", "sub"));
  return item;
}

function showEntry(item, row) {
  const [head, words, who] = item.children;
  setText(head.children[0], row.act);
  setBadge(head.children[1], row);
  setText(head.children[2], row.when);
  setWords(words, row.words);
  setText(who, row.who);
}

/** Asks, acts, and says in place what was found and done. */
async function settle({ act, lock }) {
  const question = locks.confirmation(act, lock);
  if (question !== null && !(await confirm(question))) return;
  busy(true);
  showResult(at("settle-result"), "busy", question === null ? "Clearing…" : "At work: the holder is looked at first, which takes some seconds.");
  try {
    const settled = await requestJson("/api/locks/settle", "POST", locks.asked(act, lock));
    showResult(at("settle-result"), "ok", `Found: ${settled.found}. Done: ${settled.done}.`);
  } catch (error) {
    showResult(at("settle-result"), "error", why(error));
  }
  busy(false);
  table.wanted();
}

function busy(isBusy) {
  isSettling = isBusy;
  growLocksOlder();
}
