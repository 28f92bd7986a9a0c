// A host that dies and comes back, a host that is frozen, and several browsers that look at the same one.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { anotherTab, begin, cover, end, go, keep, leave, live, says, shows, visit } from "./page.mjs";

let store, host;

before(async () => {
  ({ store, host } = await begin());
});

after(end);

test("two browsers see each other's acts, and those of agents, by themselves", async () => {
  const [one, other] = await Promise.all([visit(host), visit(host)]);
  await one.locator("#pause").click();
  await says(other, "#pause", "Resume writes");
  await other.locator("#pause").click();
  await says(one, "#pause", "Pause writes");

  await host.client({ name: "an agent" }).store("seen by both");
  await Promise.all([one, other].map((page) => says(page, "#memories", /^1$/)));
  await leave(one, other);
});

test("a killed host is told, with the time of the figures; the page returns by itself when a new one is there", async () => {
  const page = await visit(host);
  await host.kill();
  await says(page, "#gone-title", "The host is unreachable.");
  await says(page, "#gone-detail", "This page reconnects automatically");
  await says(page, "#diagnosis", "The host is unreachable");
  assert.equal(await page.locator("#live").getAttribute("data-state"), "gone");
  assert.ok(await page.locator("#pause").isDisabled(), "nothing can be asked of a host that is gone");
  assert.match(await page.title(), /Host unreachable/);
  await keep(page, "host-gone");

  await page.locator('nav a[href="#/health"]').click();
  assert.ok(await page.locator("#gone").isVisible(), "the way to other pages is no error");

  host = await store.host({ port: host.port });
  await live(page);
  await page.locator("#gone").waitFor({ state: "hidden" });
  await shows(page, "health");
  assert.ok(await page.locator("#sign-in").isHidden(), "the session goes on with the new host");
  await go(page, "overview");
  await page.locator("#pause").click();
  await says(page, "#pause", "Resume writes");
  await page.locator("#pause").click();
  await says(page, "#pause", "Pause writes");
  await leave(page);
});

test("what is asked of a host that stands still is done when it goes on", async () => {
  const page = await visit(host);
  host.freeze();
  try {
    await page.locator("#pause").click();
    const age = await page.locator("#hero-host").textContent();
    await page.waitForFunction((old) => document.getElementById("hero-host").textContent !== old, age);
    assert.ok(await page.locator("#pause").isDisabled(), "one click, one wish, also when the page grows older");
  } finally {
    host.wake();
  }
  await says(page, "#pause", "Resume writes");
  await page.locator("#pause").click();
  await says(page, "#pause", "Pause writes");
  await leave(page);
});

test("when only the way to the host was broken, the page returns by itself, with its session", async () => {
  const page = await visit(host, { on: "clients" });
  await page.route("**/events", (route) => route.abort());
  await page.reload();
  await says(page, "#gone-title", "The host is unreachable.");
  await page.unroute("**/events");
  await live(page);
  await page.locator("#gone").waitFor({ state: "hidden" });
  await shows(page, "clients");
  await says(page, "#diagnosis", "Nothing is waiting.");
  await leave(page);
});

// A browser has six connections to a host for all its tabs: the seventh tab got none, and the others could ask nothing.
test("of eight tabs of one browser, the one in view is live, and a tab that comes back tells the news", async () => {
  const tabs = [await visit(host)];
  while (tabs.length < 8) {
    await cover(tabs.at(-1), true);
    const tab = await anotherTab(tabs[0]);
    await tab.goto(await host.address());
    await live(tab);
    tabs.push(tab);
  }
  await tabs[7].locator("#pause").click();
  await says(tabs[7], "#pause", "Resume writes");
  await cover(tabs[7], true);
  await cover(tabs[0], false);
  await says(tabs[0], "#diagnosis", "Writes are paused since");
  await tabs[0].locator("#pause").click();
  await says(tabs[0], "#pause", "Pause writes");
  await leave(...tabs);
});
