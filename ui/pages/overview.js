// The first page: is anything waiting, and why.

import * as charts from "../panels/charts.js";
import { at, fillFacts, fillTable, make, matchChildren, setBadge, setText, setTone } from "../lib/dom.js";
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

function showOverview(status) {
  showTiles(status);
  showLock(status);
  fillTable(at("times"), view.timeRows(status.stats));
  fillFacts(at("counts"), view.counts(status.stats));
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
  const waiters = view.lockWaiters(status);
  at("waiters-empty").hidden = waiters.length > 0;
  matchChildren(at("waiters"), waiters, makeWaiter, showWaiter);
  const inLine = view.inLine(status);
  at("in-line-part").hidden = inLine.length === 0;
  matchChildren(at("in-line"), inLine, makeWaiter, showWaiter);
}

function makeWaiter() {
  const item = document.createElement("li");
  item.append(make("span", "who"), make("span", "age"));
  return item;
}

function showWaiter(item, waiter) {
  setText(item.children[0], waiter.words);
  item.children[0].title = waiter.who;
  setText(item.children[1], waiter.age);
}
