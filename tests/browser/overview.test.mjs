// The first screen: is anything waiting, and why; and whether its figures are those of every other surface.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";

import { bytes, count, milliseconds } from "../../ui/lib/format.js";
import { assertCalm, begin, blank, cover, drawn, end, go, leave, live, says, visit, weigh } from "./page.mjs";
import { until } from "./wait.mjs";

let store, host, page;

before(async () => {
  ({ store, host } = await begin());
  page = await visit(host);
});

after(end);

const textOf = (selector) => page.locator(selector).textContent();

/** The facts of a list as an object. */
const facts = (selector) =>
  page.locator(selector).evaluate((list) => Object.fromEntries([...list.querySelectorAll("dt")].map((name) => [name.textContent, name.nextElementSibling.textContent])));

test("an empty store is calm, and says that nothing was measured", async () => {
  await says(page, "#diagnosis", "Nothing is waiting.");
  assert.equal(await textOf("#memories-sub"), "No memories yet");
  assert.equal(await textOf("#queue-wait"), "–");
  assert.equal(await textOf("#queue-wait-sub"), "No data yet");
  assert.equal(await page.locator("#state-dot").getAttribute("data-tone"), "ok");
});

test("the figures are those of the API and of the command", async () => {
  const client = host.client({ name: "claude-code", version: "2.1", project: "website" });
  for (let n = 0; n < 20; n += 1) await client.store(`memory ${n}`);
  await client.call("memory_search", { query: "memory" });
  await says(page, "#memories", /^20$/);
  const stats = await store.cli("stats");
  const status = await host.status();
  assert.equal(status.diagnosis, await textOf("#diagnosis"));
  assert.deepEqual([status.stats.acknowledged, stats.acknowledged], [20, 20]);
  const shown = await until("the page has what the command has", async () => {
    const now = await facts("#counts");
    return now["Searches and lists"] === count(stats.searches) ? now : null;
  });
  assert.equal(shown["Writes acknowledged"], count(stats.acknowledged));
  assert.equal(shown.Commits, count(stats.commits));
  const rows = await page.locator("#times tbody tr").evaluateAll((all) => all.map((row) => [...row.children].map((cell) => cell.textContent)));
  const times = { "Queue wait": "queue_wait", "Lock wait": "lock_wait", "Lock hold": "hold", Commit: "commit", "Write, total": "write_total", "Search, total": "search_total" };
  for (const [name, ...cells] of rows) {
    const { count: n, p50_ms: p50, p95_ms: p95, p99_ms: p99, max_ms: max } = stats[times[name]];
    assert.deepEqual(cells, [count(n), ...[p50, p95, p99, max].map(milliseconds)], name);
  }
  assert.equal(await textOf("#queue-wait"), milliseconds(stats.queue_wait.p50_ms));
  await assertCalm(page);
});

test("the health page says what the host says of its files", async () => {
  await go(page, "health");
  const { files, host: about } = await host.status();
  const shown = { ...(await facts("#host-facts")), ...(await facts("#store-facts")) };
  assert.equal(shown.Folder, about.data_dir);
  assert.ok(shown.Program.includes(`process ${host.pid}`), shown.Program);
  assert.ok(shown.Database.startsWith(bytes(files.database_bytes)), shown.Database);
  assert.ok(shown.SQLite.startsWith(files.sqlite_version), shown.SQLite);
  await go(page, "overview");
});

test("writes that wait are seen while they wait: the queue, its oldest, and who is in it", async () => {
  await store.cli("pause");
  const calls = Array.from({ length: 5 }, (_, n) => host.client({ name: `agent ${n}` }).store(`waits ${n}`));
  await says(page, "#queue-length", /^5$/);
  await says(page, "#queue-sub", "oldest");
  assert.ok(Number(await page.locator("#queue-meter").evaluate((meter) => meter.value)) > 0, "for screen readers too");
  await store.cli("resume");
  await Promise.all(calls);
  await says(page, "#queue-length", /^0$/);
  await says(page, "#memories", /^25$/);
  await assertCalm(page);
});

const NAMES = ["waits", "holds", "throughput", "queue", "histogram", "clients", "kinds"];
const picture = (name) => page.locator(`.chart-${name} img`);
const reader = (name) => page.locator(`.chart-${name} .reader`);

test("the charts are drawn as large as their frames, anew for each range, and told in words", async () => {
  for (const range of ["15 min", "1 h", "6 h", "24 h", "7 d", "5 min"]) {
    const asked = NAMES.map((name) => page.waitForResponse((answer) => answer.url().includes(`/${name}.json`)));
    await page.getByRole("button", { name: range, exact: true }).click();
    for (const answer of await Promise.all(asked)) assert.equal(answer.status(), 200, answer.url());
    assert.equal(await page.locator('[data-seconds][aria-pressed="true"]').textContent(), range);
  }
  for (const width of [768, 1440]) {
    await page.setViewportSize({ width, height: 900 });
    for (const name of NAMES) {
      await page.waitForFunction((selector) => {
        const image = document.querySelector(selector);
        return Math.abs(image.naturalWidth - image.parentElement.clientWidth) <= 1;
      }, `.chart-${name} img`);
    }
  }
  assert.match(await picture("waits").getAttribute("alt"), /^Write wait times, the last 5 minutes. Queue wait, max up to /);
  await assertCalm(page);
});

test("keys and the mouse read the same values as the table", async () => {
  await reader("queue").focus();
  await page.keyboard.press("End");
  const spoken = await reader("queue").getAttribute("aria-valuetext");
  assert.match(spoken, /: Max \d+$/);
  await page.keyboard.press("ArrowLeft");
  assert.notEqual(await reader("queue").getAttribute("aria-valuetext"), spoken);
  await page.locator(".chart-clients + details summary").click();
  const table = page.locator(".chart-clients + details tbody tr");
  await table.filter({ hasText: "agent 0" }).waitFor();
  const box = await reader("clients").boundingBox();
  const told = page.locator(".chart-clients .tip b");
  await until("what the mouse reads is a row of the table", async () => {
    await reader("clients").hover({ position: { x: box.width / 2, y: 40 } });
    const pointed = (await told.allTextContents()).filter((text) => text !== "");
    const rows = await table.evaluateAll((all) => all.map((row) => [...row.children].map((cell) => cell.textContent)));
    return rows.some((cells) => JSON.stringify(cells.slice(1)) === JSON.stringify(pointed));
  });
  await assertCalm(page);
});

test("a moment tells what was slow then, and what held", async () => {
  await store.cli("settings", "set", "slow_wait_ms", "1");
  await store.cli("pause");
  const call = host.client({ name: "patient" }).store("waits for long");
  await says(page, "#queue-length", /^1$/);
  await store.cli("resume");
  await call;
  await page.locator("#incidents summary", { hasText: "patient" }).waitFor();
  await reader("waits").focus();
  await until("the moment of the wait is found", async () => {
    await page.keyboard.press("ArrowLeft");
    await page.keyboard.press("Enter");
    return (await page.locator("#incidents .who").allTextContents()).includes("patient, store");
  });
  await says(page, "#incidents-words", /^In progress at /);
  await says(page, "#incidents details[open] dt", "Held by");
  await page.getByRole("button", { name: "Show the whole range" }).click();
  assert.equal(await page.locator("#moment-all").isVisible(), false);
  await assertCalm(page);
});

test("the first visit takes less than 100 kB, figures and drawn charts included", async () => {
  assert.equal((await host.api("/api/charts/waits.json?seconds=300")).empty, null, "there is something to draw");
  const visitor = await blank();
  const weight = await weigh(visitor);
  await visitor.goto(await host.address());
  await live(visitor);
  await drawn(visitor);
  assert.ok(weight.files > 20, "everything is counted");
  assert.ok(weight.bytes < 100_000, `it took ${weight.bytes} bytes`);
  await leave(visitor);
});

test("a tab that nobody sees asks for no charts, and draws them when somebody looks again", async () => {
  const isChart = (request) => request.url().includes("/waits.json");
  const asked = [];
  page.on("request", (request) => isChart(request) && asked.push(request));
  await page.waitForRequest(isChart);
  await cover(page, true);
  const before = asked.length;
  // Another theme draws at once. Requests come in their order: what follows shows that none came before it.
  await page.evaluate(() => {
    dispatchEvent(new Event("themechange"));
    return fetch("/icon.svg");
  });
  assert.equal(asked.length, before, "nothing is asked for");
  const again = page.waitForRequest(isChart);
  await cover(page, false);
  await again;
  await assertCalm(page);
});

test("a chart is downloaded as a picture and as a table", async () => {
  for (const [form, start] of [["SVG", "<svg "], ["CSV", "From (UTC),Seconds,"]]) {
    const asked = page.waitForEvent("download");
    await page.getByRole("button", { name: `Download waits as ${form}` }).click();
    const download = await asked;
    assert.equal(download.suggestedFilename(), `commonplace-waits.${form.toLowerCase()}`);
    assert.ok((await readFile(await download.path(), "utf8")).startsWith(start));
  }
  await assertCalm(page);
});
