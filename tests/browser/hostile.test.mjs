// Hostile texts in every field, on every page: text is all they ever are.

import assert from "node:assert/strict";
import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { HOSTILE, LONG } from "./hostile.mjs";
import { Store } from "./host.mjs";
import { PAGES, assertCalm, go, keep, launch, says, visit } from "./page.mjs";
import { until } from "./wait.mjs";

let browser, store, host, page, bare;

before(async () => {
  [browser, store] = await Promise.all([launch(), Store.make()]);
  host = await store.host();
  page = await visit(browser, host);
  bare = await elements();
  await Promise.all(HOSTILE.map(plant));
  await host.client({ name: "long" }).store(LONG).catch(() => {});
});

after(async () => {
  await browser?.close();
  await store?.remove();
});

/** Puts one text into every field that a client can fill. What the host refuses is in no field. */
async function plant(text) {
  const client = host.client({ name: text, version: text, project: text });
  const more = { tags: [text, `${text} two`], memory_type: text, project: text, metadata: { [text]: text } };
  await client.store(`${text} stored`, more).catch(() => client.store(text)).catch(() => {});
  await client.call("memory_search", { query: text }).catch(() => {});
  await client.call("memory_delete", { content_hash: text }).catch(() => {});
}

/** Kinds of elements that the page itself never makes from what a host tells. */
function elements() {
  return page.evaluate(() => {
    const kinds = ["script", "iframe", "style", "base", "object", "embed", "link", "img", "svg", "a"];
    return Object.fromEntries(kinds.map((kind) => [kind, document.querySelectorAll(kind).length]));
  });
}

/** Fails if a text became more than text anywhere on the page in view. */
async function assertHarmless(name) {
  assert.equal(await page.evaluate(() => window.pwned), undefined, `a script ran on ${name}`);
  assert.deepEqual(await elements(), bare, `an element was made of a text on ${name}`);
  const handlers = await page.evaluate(() => [...document.querySelectorAll("*")].flatMap((node) => node.getAttributeNames().filter((attribute) => attribute.startsWith("on"))));
  assert.deepEqual(handlers, [], name);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.ok(wide <= 0, `${name} scrolls sideways by ${wide} px at ${page.viewportSize().width} px`);
  await assertCalm(page);
}

test("on every page, at every width, hostile texts of clients and memories are text", async () => {
  await go(page, "clients");
  await says(page, "#clients", "<img src=x onerror=");
  for (const name of PAGES) {
    await go(page, name);
    for (const width of [360, 1440]) {
      await page.setViewportSize({ width, height: 900 });
      await assertHarmless(name);
    }
    await keep(page, `hostile-${name}`);
  }
});

test("no text turns around what stands beside it", async () => {
  await go(page, "clients");
  const turning = await page.evaluate(() => (document.body.textContent.match(/[\u202A-\u202E\u2066-\u2069]/gu) ?? []).length);
  assert.equal(turning, 0);
});

test("hostile names wait for the lock and stand in the diagnosis as text", async () => {
  await go(page, "overview");
  await store.cli("pause");
  const calls = HOSTILE.map((text) => host.client({ name: text }).store(`${text} in the pause`).catch(() => {}));
  await says(page, "#queue-sub", "oldest");
  await assertHarmless("overview in a pause");
  await store.cli("resume");
  await Promise.all(calls);
});

test("records of locks, pauses and instances that somebody else wrote are text", async () => {
  const locks = join(store.dir, "locks");
  for (const [number, text] of HOSTILE.entries()) {
    const record = JSON.stringify({ instance: text, role: text, pid: 4_000_000 + number, host_name: text, version: text, client: text, kind: text, requests: 1, since_ms: 1, url: `javascript:${text}`, user: text, by: text });
    await writeFile(join(locks, "instances", `${String(number).padStart(32, "0")}.lock`), record);
    await writeFile(join(locks, "waiters", `${String(number).padStart(32, "0")}.json`), record);
  }
  await writeFile(join(locks, "audit.jsonl"), HOSTILE.map((text) => JSON.stringify({ act: text, stage: text, at_ms: 1, found: text, done: text, by: { user: text, role: text, pid: 1, host_name: text } })).join("\n"));
  assert.ok((await readdir(join(locks, "instances"))).length > HOSTILE.length);
  await until("the host has looked", async () => host.api("/api/locks"));
  for (const name of ["locks", "clients", "overview", "health"]) {
    await go(page, name);
    await assertHarmless(`${name} with foreign records`);
  }
  await go(page, "locks");
  await page.locator("#locks summary").click();
  await assertHarmless("the audit list");
  await keep(page, "hostile-records");
});

test("a refusal that repeats what was typed repeats it as text", async () => {
  await go(page, "settings");
  for (const text of HOSTILE) {
    await page.locator("#setting-write_deadline_s").fill(text);
    await page.keyboard.press("Enter");
    await page.locator('#setting-write_deadline_s-result[data-tone="error"]').waitFor();
    await page.locator("#setting-model_dir").fill(text);
    await page.keyboard.press("Enter");
    await page.locator("#setting-model_dir-result:not(:empty)").waitFor();
    await assertHarmless("settings");
  }
});

test("a hostile code or page in the address opens nothing", async () => {
  for (const text of HOSTILE) {
    await page.evaluate((hash) => { location.hash = hash; }, `#/${text}?lock=${text}`);
    await page.evaluate((hash) => { location.hash = hash; }, `#/locks?lock=${encodeURIComponent(text)}`);
    await assertHarmless("an address");
  }
});
