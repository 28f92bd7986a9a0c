// Hostile texts in every field, on every page: text is all they ever are.

import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { HOSTILE, LONG } from "./hostile.mjs";
import { PAGES, assertCalm, begin, end, go, keep, live, says, visit } from "./page.mjs";
import { until } from "./wait.mjs";

let store, host, page, bare;

before(async () => {
  ({ store, host } = await begin());
  page = await visit(host);
  bare = await elements();
  await Promise.all(HOSTILE.map(plant));
  await host.client({ name: "long" }).store(LONG).catch(() => {});
});

after(end);

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
    return Object.fromEntries(kinds.map((kind) => [kind, [...document.querySelectorAll(kind)].filter((node) => node.closest("[data-chart], .chart, .chart-card") === null).length]));
  });
}

/** Fails if a text became more than text anywhere on the page in view. */
async function assertHarmless(name) {
  assert.equal(await page.evaluate(() => window.pwned), undefined, `a script ran on ${name}`);
  assert.deepEqual(await elements(), bare, `an element was made of a text on ${name}`);
  const handlers = await page.evaluate(() => [...document.querySelectorAll("*")].flatMap((node) => node.getAttributeNames().filter((attribute) => attribute.startsWith("on"))));
  assert.deepEqual(handlers, [], name);
  const turning = await page.evaluate(() => (document.body.textContent.match(/[\u202A-\u202E\u2066-\u2069]/gu) ?? []).length);
  assert.equal(turning, 0, `a text turns around what stands beside it on ${name}`);
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

test("hostile names wait for the lock and stand in the diagnosis as text", async () => {
  await go(page, "overview");
  await store.cli("pause");
  const calls = HOSTILE.map((text) => host.client({ name: text }).store(`${text} in the pause`).catch(() => {}));
  await says(page, "#queue-sub", "oldest");
  await assertHarmless("overview in a pause");
  await store.cli("resume");
  await Promise.all(calls);
});

test("hostile names in charts, in the list of incidents and in the log are text", async () => {
  const incident = (text, number) => ({ at_ms: Date.now() - number, what: text, end: text, instance: text, client: text, kind: text, took_ms: 3, holder: text });
  const line = (text) => ({ at: text, level: text, source: text, text });
  await page.route("**/api/slow?*", (route) => route.fulfill({ json: { incidents: HOSTILE.map(incident) } }));
  await page.route("**/api/logs?*", (route) => route.fulfill({ json: { folder: HOSTILE[0], lines: HOSTILE.map(line), before: HOSTILE[1] } }));
  await go(page, "overview");
  await page.reload();
  await page.locator("#incidents li").nth(HOSTILE.length - 1).waitFor();
  await page.locator(".chart-clients + details summary").click();
  await page.locator(".chart-clients + details tbody tr").first().waitFor();
  await page.locator(".chart-clients .reader").hover({ position: { x: 90, y: 50 } });
  await page.locator(".chart-clients .tip").waitFor();
  await assertHarmless("charts");
  await go(page, "health");
  await page.locator("#log-lines li").nth(HOSTILE.length - 1).waitFor();
  await assertHarmless("the log");
  await page.unrouteAll();
});

/** A text with something hostile in each of its fields, made from a record that a real program wrote. */
function spoiled(record, number) {
  const text = (offset) => HOSTILE[(number + offset) % HOSTILE.length];
  return { ...record, role: text(0), host_name: text(1), version: text(2), program: text(3), url: `javascript:${text(4)}`, mcp_url: text(5), user: text(6) };
}

test("records of living and dead instances that somebody else wrote are text", async () => {
  const second = await store.host();
  const folder = join(store.dir, "locks", "instances");
  const path = join(folder, `${(await second.status()).host.instance}.json`);
  const record = JSON.parse(await readFile(path, "utf8"));
  for (const number of HOSTILE.keys()) {
    const instance = String(number).padStart(32, "0");
    await writeFile(join(folder, `${instance}.json`), JSON.stringify({ ...spoiled(record, number), instance, pid: 4_000_000 + number }));
    await writeFile(join(folder, `${instance}.lock`), "");
  }
  await go(page, "clients");
  for (const number of [0, 4, 8, 12]) {
    const wanted = spoiled(record, number);
    await writeFile(path, JSON.stringify(wanted));
    await until("the host has read the record", async () => (await host.status()).instances.some(({ url }) => url === wanted.url));
    await page.waitForFunction((role) => document.querySelector("#instances").textContent.includes(role), HOSTILE[number]);
    await assertHarmless("clients with foreign records");
  }
  await go(page, "locks");
  await page.locator("#leftovers li").nth(HOSTILE.length - 1).waitFor();
  await assertHarmless("locks with foreign records");
  await keep(page, "hostile-records");
  await second.kill();
});

test("an audit log and a pause that somebody else wrote are text", async () => {
  await host.api("/api/locks/settle", "POST", { act: "clear_leftovers" });
  const audit = join(store.dir, "locks", "audit.jsonl");
  const [entry] = (await readFile(audit, "utf8")).trim().split("\n").map(JSON.parse);
  const entries = HOSTILE.map((text) => ({ ...entry, stage: "done", found: text, done: text, by: { ...entry.by, user: text, role: text, host_name: text } }));
  await writeFile(audit, entries.map((each) => `${JSON.stringify(each)}\n`).join(""));
  await store.cli("pause");
  const pause = join(store.dir, "locks", "pause.json");
  const record = JSON.parse(await readFile(pause, "utf8"));
  await writeFile(pause, JSON.stringify({ ...record, by: HOSTILE.slice(0, 12).join(" ") }));
  await page.reload();
  await live(page);
  await page.locator("#locks summary").click();
  await page.locator("#audit li").nth(HOSTILE.length - 1).waitFor();
  await says(page, "#pause-words", "<img src=x onerror=");
  await assertHarmless("the audit log");
  await keep(page, "hostile-audit");
  await store.cli("resume");
});

test("a hostile client that holds the lock and stands still is settled like any other", async () => {
  const stopped = await store.host({ env: { COMMONPLACE_FAIL_POINT: "turn-begun:1=freeze" } });
  const held = stopped.client({ name: HOSTILE[0], version: HOSTILE[1] }).store("held").catch(() => {});
  await until("it stands still", async () => (await host.api("/api/locks")).locks[0].process === "stopped");
  const waiting = host.client({ name: HOSTILE[2] }).store("waits");
  for (const name of ["overview", "locks"]) {
    await go(page, name);
    await page.locator(`#page-${name}`).filter({ hasText: HOSTILE[0] }).filter({ hasText: HOSTILE[2] }).waitFor();
    await assertHarmless(name);
  }
  await page.getByRole("button", { name: "Take over…" }).click();
  await assertHarmless("the question");
  await page.locator("#confirm-go").click();
  await page.locator('#settle-result[data-tone="ok"]').waitFor();
  await assertHarmless("the result");
  await waiting;
  await stopped.kill();
  await held;
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
