// @ts-check
// The first page: is anything waiting, and why.

import * as charts from "../panels/charts.js";
import { at, fillFacts, fillTable, make, matchChildren, setBadge, setTexts, setTone } from "../lib/dom.js";
import * as view from "../model/status.js";

export const page = {
  setUp: charts.setUp,
  show: charts.drawAll,
  status(status) {
    showOverview(status);
    charts.statusChanged();
  },
  older: showOverview,
  stop: charts.stop,
};

/** @param {import('../lib/api.d.ts').Status} status */
function showOverview(status) {
  showTiles(status);
  showLock(status);
  fillTable(at("times"), view.TIME_HEADS, view.timeRows(status.stats));
  fillFacts(at("counts"), view.counts(status.stats));
}

function showTiles(status) {
  const queue = view.queue(status);
  setTexts(["queue-length", "queue-limit", "queue-sub"].map(at), [queue.length, queue.limit, queue.words]);
  at("queue-meter").value = queue.share;
  at("queue-fill").style.transform = `scaleX(${queue.share})`;
  setTone(at("queue-fill"), queue.tone);
  const { queue_wait, lock_wait, hold } = status.stats;
  for (const [id, summary] of Object.entries({ "queue-wait": queue_wait, "lock-wait": lock_wait, hold })) {
    const times = view.times(summary);
    setTexts([at(id), at(`${id}-sub`)], [times.large, times.words]);
  }
  const memories = view.memories(status);
  setTexts([at("memories"), at("memories-sub")], [memories.total, memories.words]);
}

function showLock(status) {
  const lock = view.lock(status);
  setBadge(at("lock-badge"), lock);
  at("holder").hidden = lock.holder === null;
  at("lock-words").hidden = lock.words === "";
  setTexts([at("lock-words"), at("lock-foot")], [lock.words, lock.foot]);
  if (lock.holder !== null) {
    const { client, kind, age, who } = lock.holder;
    setTexts(["holder-client", "holder-kind", "holder-age", "holder-who"].map(at), [client, kind, `for ${age}`, who]);
  }
  const waiters = view.lockWaiters(status);
  at("waiters-empty").hidden = waiters.length > 0;
  matchChildren(at("waiters"), waiters, makeWaiter, showWaiter);
  const inLine = view.inLine(status);
  at("in-line-part").hidden = inLine.length === 0;
  matchChildren(at("in-line"), inLine, makeWaiter, showWaiter);
}

const makeWaiter = () => make("li", "", make("span", "who"), make("span", "age"));

function showWaiter(item, waiter) {
  setTexts(item.children, [waiter.words, waiter.age]);
  item.children[0].title = waiter.who;
}
