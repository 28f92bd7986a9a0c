// Shows the status of the host.

import { at, fillFacts, fillTable, make, matchChildren, setBadge, setText, setTone, setWords } from "./dom.js";
import * as view from "./view.js";

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

function showHero(hero) {
  setTone(at("state-dot"), hero.tone);
  setWords(at("diagnosis"), hero.sentence);
  setText(at("hero-state"), `${hero.state} · `);
  setText(at("hero-host"), hero.host);
  const title = `${hero.sentence.replaceAll("`", "")} · Commonplace`;
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
