// What a person does about secrets that were replaced: sees that there are some, looks, puts back, forgets.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { assertAccessible, assertCalm, begin, end, keep, leave, says, visit } from "./page.mjs";
import { until } from "./wait.mjs";

/** A secret by its shape, put together so that no program that looks for secrets finds one here. */
const SECRET = ["glpat", "-x7Kq2Lm9Rt4Vw8Zb3Nd6"].join("");

let host;

before(async () => {
  ({ host } = await begin());
});

after(end);

const row = (page, text) => page.locator("#redaction-rows > li").filter({ hasText: text });
const press = (page, text, name) => row(page, text).getByText(name, { exact: true }).click();
const count = (page, wanted) => until(`${wanted} rows`, async () => (await page.locator("#redaction-rows > li").count()) === wanted);

async function store() {
  const client = host.client({ name: "claude-code", version: "2.1.330", project: "lake" });
  await client.store("The heron nests at the lake");
  await client.store(`The build of the lake sets ${SECRET}<b> in CI`, { tags: ["ci"], metadata: { token: SECRET, deep: [{ [SECRET]: 1 }] } });
  await client.store(`The ferry takes ${SECRET} as its ticket`);
}

test("what was replaced is shown, put back or forgotten by keyboard and screen reader, in light and dark", async () => {
  const page = await visit(host, { on: "memories" });
  assert.equal(await page.locator("#redactions").isVisible(), false, "nothing was replaced");
  await store();
  await count(page, 2);
  await says(page, "#redactions-title", "Secrets were replaced in 2 memories");
  assert.ok(!(await page.content()).includes(SECRET), "before somebody wants to see it");
  for (const theme of ["dark", "light"]) {
    await page.emulateMedia({ colorScheme: theme });
    for (const width of [360, 1440]) {
      await page.setViewportSize({ width, height: 900 });
      if (!(await page.content()).includes(SECRET)) await press(page, "build", "Show");
      await says(page, "#redaction-rows dd", `sets ${SECRET}<b> in CI`);
      await assertAccessible(page, `redactions in ${theme} at ${width}`);
      const tooWide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.equal(tooWide, 0, `at ${width}`);
      await keep(page, `redactions-${theme}-${width}`);
    }
  }
  await page.locator("#mem-again").click();
  await press(page, "build", "Put back");
  await page.locator("#confirm-cancel").click();
  await row(page, "build").getByText("Put back", { exact: true }).focus();
  await page.keyboard.press("Enter");
  await says(page, "#confirm-words", "Every session and program");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await says(page, "#redactions-result[role=status]", "Put back into memory 2");
  await count(page, 1);
  await says(page, ".mem-open", `sets ${SECRET}<b> in CI`);
  const { memory } = await host.api("/api/memories/2");
  assert.deepEqual(memory.metadata, { token: SECRET, deep: [{ [SECRET]: 1 }] });
  await press(page, "ferry", "It was a secret");
  await says(page, "#redactions-result", "Forgotten");
  await count(page, 0);
  await assertAccessible(page, "when nothing is left");
  assert.deepEqual(await host.api("/api/redactions"), { redactions: [] });
  await page.locator('nav a[href="#/locks"]').click();
  await page.locator('nav a[href="#/memories"]').click();
  assert.equal(await page.locator("#redactions").isVisible(), false);
  await leave(page);
});

test("a memory that was changed meanwhile is left as it is, and the page says so", async () => {
  const page = await visit(host, { on: "memories" });
  const { id } = await host.api("/api/memories", "POST", { text: `The bridge opens with ${SECRET}` });
  const { memory } = await host.api(`/api/memories/${id}`);
  await host.api(`/api/memories/${id}`, "PATCH", { updated_ms: memory.updated_ms, text: "The bridge is closed" });
  await press(page, "bridge", "Put back");
  await page.locator("#confirm-go").click();
  await says(page, '#redactions-result[data-tone="error"]', `Memory ${id} was changed since`);
  await count(page, 1);
  await assertCalm(page);
  await leave(page);
});
