// The way between the pages: links, addresses, back, forward, reload, the keyboard.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { PAGES, assertCalm, begin, end, go, leave, live, says, shows, visit } from "./page.mjs";

let store, host, page;

before(async () => {
  ({ store, host } = await begin());
  page = await visit(host);
});

after(end);

const heldFocus = () => page.evaluate(() => document.activeElement?.id ?? "");
const current = () => page.locator("nav a[aria-current=page]").allTextContents();

test("each link of the navigation shows its page alone, marks it, and moves the focus there", async () => {
  const targets = await page.locator("nav a").evaluateAll((links) => links.map((link) => link.hash));
  assert.deepEqual(targets, PAGES.map((name) => `#/${name}`));
  for (const name of [...PAGES.slice(1), PAGES[0]]) {
    await go(page, name);
    assert.equal(new URL(page.url()).hash, `#/${name}`);
    assert.equal((await current()).join().toLowerCase(), name);
    const visible = await page.locator(".part:visible").evaluateAll((parts) => parts.map((part) => part.id));
    assert.deepEqual(visible, [`page-${name}`]);
    assert.equal(await heldFocus(), `page-${name}`, "a screen reader goes on where the new page begins");
  }
  await assertCalm(page);
});

test("a page that is slow to load gets the focus, also if the host told its status meanwhile", async () => {
  const slow = await visit(host);
  let letGo;
  const held = new Promise((resolve) => { letGo = resolve; });
  await slow.route("**/pages/memories.js", async (route) => {
    await held;
    await route.continue();
  });
  await slow.locator('nav a[href="#/memories"]').click();
  // With each status, the dashboard asks for the page that is not there yet.
  await host.api("/api/pause", "POST");
  await says(slow, "#diagnosis", "Writes are paused");
  await host.api("/api/resume", "POST");
  letGo();
  await shows(slow, "memories");
  assert.equal(await slow.evaluate(() => document.activeElement.id), "page-memories");
  await leave(slow);
});

test("back and forward go through the pages", async () => {
  await go(page, "overview");
  await go(page, "locks");
  await go(page, "settings");
  await page.goBack();
  await shows(page, "locks");
  await page.goBack();
  await shows(page, "overview");
  await page.goForward();
  await shows(page, "locks");
  await page.goForward();
  await shows(page, "settings");
});

test("an address that is typed shows its page, with what it keeps, also after a reload", async () => {
  for (const [hash, name] of [["#/clients", "clients"], ["#/locks?lock=write", "locks"]]) {
    await page.evaluate((to) => { location.hash = to; }, hash);
    await shows(page, name);
    await page.reload();
    await live(page);
    await shows(page, name);
    assert.equal(new URL(page.url()).hash, hash);
  }
});

test("the skip link is the first stop of the keyboard and leads past the navigation", async () => {
  await page.evaluate(() => { location.hash = "#/settings"; });
  await shows(page, "settings");
  await page.reload();
  await live(page);
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.className), "skip");
  const box = await page.locator(".skip").boundingBox();
  assert.ok(box.x >= 0 && box.y >= 0, "it can be seen while it has the focus");
  await page.keyboard.press("Enter");
  assert.equal(await heldFocus(), "content");
  await shows(page, "settings");
});
