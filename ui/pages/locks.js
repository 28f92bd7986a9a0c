// @ts-check
// The page of locks: shows the table, and carries out what a person asks for.

import { confirm } from "../lib/confirm.js";
import { at, make, makeButton, matchChildren, setBadge, setText, setTexts, setWords, showResult } from "../lib/dom.js";
import { requestJson, why } from "../lib/session.js";
import * as locks from "../model/lock-words.js";
import { lockTable, onLocksRead, readLocks } from "../panels/stuck-lock.js";

let isSettling = false;

export const page = {
  setUp: () => onLocksRead(showNow),
  show() {
    showNow();
    readLocks();
  },
  older: showNow,
};

function showNow() {
  const table = lockTable();
  if (table !== null) showLocks(table.report, table.host);
}

/** Shows a table of the locks. @param {import('../lib/api.d.ts').LocksReport} shown @param {string} host */
export function showLocks(shown, host) {
  setText(at("locks-summary"), locks.summary(shown, host));
  matchChildren(at("lock-rows"), shown.locks, makeLock, (item, lock) => showLock(item, lock, locks.lockRow(lock, shown, host)));
  matchChildren(at("lock-line"), shown.waiters.map((waiter) => locks.waiterRow(waiter, shown)), makeWaiter, showWaiter);
  at("lock-line-empty").hidden = shown.waiters.length > 0;
  const makeLeftover = () => make("li", "", make("p", "row-strong"), make("p", "sub"));
  matchChildren(at("leftovers"), shown.leftovers.map((leftover) => locks.leftoverRow(leftover, shown)), makeLeftover, (item, { what, words }) => setTexts(item.children, [what, words]));
  at("leftovers-empty").hidden = shown.leftovers.length > 0;
  showButton(at("leftovers-act"), locks.leftoversButton(shown), null);
  const entries = locks.auditRows(shown);
  setText(at("audit-count"), String(entries.length));
  at("audit-empty").hidden = entries.length > 0;
  matchChildren(at("audit"), entries, makeEntry, showEntry);
}

function makeLock() {
  const texts = ["row-strong", "sub", "sub", "", "path"].map((name) => make("p", name));
  return make("li", "lock-row", make("div", "row-head", make("h3", "row-name"), make("span", "badge")), ...texts, make("div", "row-act"));
}

function showLock(item, lock, row) {
  const [head, purpose, holder, evidence, words, path, act] = item.children;
  setTexts([head.children[0], purpose, holder, evidence, path], [row.name, row.purpose, row.holder, row.evidence, row.path]);
  setBadge(head.children[1], row);
  setWords(words, row.words);
  for (const node of [purpose, holder, evidence, words]) node.hidden = node.textContent === "";
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
  return make("li", "", make("span", "place"), make("span", "who", make("span"), make("span", "sub line")), make("span", "age"));
}

function showWaiter(item, row) {
  const [place, who, age] = item.children;
  setTexts([place, ...who.children, age], [row.place, row.who, row.detail, row.age]);
}

function makeEntry() {
  const head = make("div", "row-head", make("span", "row-strong"), make("span", "badge"), make("span", "sub"));
  return make("li", "", head, make("p"), make("p", "sub"));
}

function showEntry(item, row) {
  const [head, words, who] = item.children;
  setTexts([head.children[0], head.children[2], who], [row.act, row.when, row.who]);
  setBadge(head.children[1], row);
  setWords(words, row.words);
}

/** Asks, acts, and says in place what was found and done. */
async function settle({ act, lock }) {
  const question = locks.confirmation(act, lock);
  if (question !== null && !(await confirm(question))) return;
  busy(true);
  showResult(at("settle-result"), "busy", question === null ? "Clearing…" : "Working… The holder is checked first, which takes a few seconds.");
  try {
    const settled = await requestJson("/api/locks/settle", "POST", locks.asked(act, lock));
    showResult(at("settle-result"), "ok", `Found: ${settled.found}. Done: ${settled.done}.`);
  } catch (error) {
    showResult(at("settle-result"), "error", why(error));
  }
  busy(false);
  readLocks();
}

function busy(isBusy) {
  isSettling = isBusy;
  showNow();
}
