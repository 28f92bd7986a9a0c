// Puts words into the page. Text goes in by textContent only, and only where it has changed: selections and the place of
// a screen reader stay where they are.

import * as view from "./view.js";

const at = (id) => document.getElementById(id);

/** Shows a whole status. */
export function showStatus(status) {
  showHero(view.hero(status));
  showTiles(status);
  showLock(status);
  fillTable(at("clients"), view.clientRows(status), at("clients-empty"));
  fillTable(at("times"), view.timeRows(status.stats));
  fillTable(at("instances"), view.instanceRows(status), at("instances-empty"));
  fillFacts(at("counts"), view.counts(status.stats));
  fillFacts(at("index-facts"), view.indexFacts(status));
  fillFacts(at("host-facts"), view.hostFacts(status));
  const model = view.model(status);
  setBadge(at("model-badge"), model);
  setText(at("model-words"), model.words);
}

/** Takes back the first glance while the host is gone: old good news is no news. */
export function showGone() {
  setTone(at("state-dot"), "unknown");
  setText(at("diagnosis"), "The host is gone");
  setText(at("hero-state"), "Figures are old · ");
  document.title = "Host is gone · Commonplace";
}

/** Says something to screen readers. */
export function announce(words) {
  setText(at("announcer"), words);
}

/** Shows a chart; the old one stays until the new one is ready, so that nothing flickers. */
export async function showChart(svg, words) {
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`;
  await image.decode();
  const chart = at("chart");
  chart.src = image.src;
  chart.alt = words;
  chart.hidden = false;
}

/** Sets a text if it is another one. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function showHero(hero) {
  setTone(at("state-dot"), hero.tone);
  setText(at("diagnosis"), hero.sentence);
  setText(at("hero-state"), `${hero.state} · `);
  setText(at("hero-host"), hero.host);
  const title = `${hero.sentence} · Commonplace`;
  if (document.title !== title) document.title = title;
}

function showTiles(status) {
  const queue = view.queue(status);
  setText(at("queue-length"), queue.length);
  setText(at("queue-limit"), queue.limit);
  setText(at("queue-sub"), queue.words);
  at("queue-meter").value = queue.share;
  at("queue-fill").style.transform = `scaleX(${queue.share})`;
  setTone(at("queue-fill"), queue.tone);
  for (const [id, summary] of [["queue-wait", status.stats.queue_wait], ["lock-wait", status.stats.lock_wait], ["hold", status.stats.hold]]) {
    const times = view.times(summary);
    setText(at(id), times.large);
    setText(at(`${id}-sub`), times.words);
  }
  const memories = view.memories(status);
  setText(at("memories"), memories.total);
  setText(at("memories-sub"), memories.words);
}

function showLock(status) {
  const lock = view.lock(status);
  setBadge(at("lock-badge"), lock);
  at("holder").hidden = lock.holder === null;
  at("lock-words").hidden = lock.words === "";
  setText(at("lock-words"), lock.words);
  setText(at("lock-foot"), lock.foot);
  if (lock.holder) {
    setText(at("holder-client"), lock.holder.client);
    setText(at("holder-kind"), lock.holder.kind);
    setText(at("holder-age"), `for ${lock.holder.age}`);
    setText(at("holder-who"), lock.holder.who);
  }
  const waiters = status.lock.waiters.map((entry) => view.party(entry, status.now_ms));
  at("waiters-empty").hidden = waiters.length > 0;
  matchChildren(at("waiters"), waiters, makeWaiter, showWaiter);
}

function makeWaiter() {
  const item = document.createElement("li");
  item.append(make("span", "who"), make("span", "age"));
  return item;
}

function showWaiter(item, waiter) {
  setText(item.children[0], `${waiter.client}, ${waiter.kind}`);
  item.children[0].title = waiter.who;
  setText(item.children[1], waiter.age);
}

/** Makes a table show these rows. Cells: { text, extra, isHead, isNumber, isLong, isZero, isBad }. */
function fillTable(table, rows, empty) {
  matchChildren(table.tBodies[0], rows, () => document.createElement("tr"), showRow);
  if (empty) {
    empty.hidden = rows.length > 0;
    table.parentElement.hidden = rows.length === 0;
  }
}

function showRow(row, cells) {
  if (row.children.length === 0) row.append(...cells.map(makeCell));
  cells.forEach((cell, index) => showCell(row.children[index], cell));
}

function makeCell(cell) {
  const node = document.createElement(cell.isHead ? "th" : "td");
  if (cell.isHead) node.scope = "row";
  node.append(make("span", ""), make("span", "extra"));
  return node;
}

function showCell(node, cell) {
  setText(node.children[0], cell.text);
  setText(node.children[1], cell.extra ?? "");
  node.classList.toggle("number", cell.isNumber === true);
  node.classList.toggle("long", cell.isLong === true);
  node.classList.toggle("zero", cell.isZero === true);
  node.classList.toggle("bad", cell.isBad === true);
}

/** Makes a list of facts show these: [name, value, isBad]. */
function fillFacts(list, facts) {
  const flat = facts.flatMap(([name, value, isBad]) => [{ tag: "dt", text: name }, { tag: "dd", text: value, isBad }]);
  matchChildren(list, flat, (fact) => document.createElement(fact.tag), (node, fact) => {
    setText(node, fact.text);
    node.classList.toggle("bad", fact.isBad === true);
  });
}

/** Gives a node one child for each entry: makes what is missing, drops what is too many, keeps the rest. */
function matchChildren(parent, entries, makeChild, showChild) {
  while (parent.children.length > entries.length) parent.lastElementChild.remove();
  entries.forEach((entry, index) => {
    if (index === parent.children.length) parent.append(makeChild(entry));
    showChild(parent.children[index], entry);
  });
}

function make(tag, className) {
  const node = document.createElement(tag);
  if (className !== "") node.className = className;
  return node;
}

function setBadge(node, { badge, tone }) {
  setText(node, badge);
  setTone(node, tone);
}

function setTone(node, tone) {
  if (node.dataset.tone !== tone) node.dataset.tone = tone;
}
