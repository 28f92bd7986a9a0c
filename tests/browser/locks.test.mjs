// A holder that is really stuck, and a person who settles it on the page. What the page did is read from `commonplace locks`.

import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, test } from "node:test";

import { Store } from "./host.mjs";
import { assertAccessible, assertCalm, end, keep, launch, says, shows, visit } from "./page.mjs";
import { until } from "./wait.mjs";

let store, stopped, other, page;

before(launch);

beforeEach(async () => {
  store = await Store.make();
});

afterEach(async () => {
  await page?.context().close();
  await store.remove();
});

after(end);

const table = () => store.cli("locks");

/** Two hosts: the first stops at `point` with its third write, and a client of the second waits behind it. */
async function stuckAt(point) {
  stopped = await store.host({ env: { COMMONPLACE_FAIL_POINT: `${point}:3=freeze` } });
  other = await store.host();
  const client = stopped.client({ name: "claude-code", project: "website" });
  await client.store("first");
  await client.store("second");
  const frozen = settled(client.store("frozen"));
  await until("the holder stands still", async () => (await table()).locks[0].process === "stopped");
  const waiting = settled(other.client({ name: "claude-desktop", project: "api" }).store("waiting"));
  await until("the other host waits", async () => (await table()).waiters[0]?.pid === other.pid);
  return { frozen, waiting };
}

/** How a call ended, later, without an error that nobody takes. */
function settled(call) {
  return call.then((text) => ({ text, error: null }), (error) => ({ text: null, error: error.message }));
}

async function isThere(text) {
  const { memories } = await store.cli("list");
  return memories.some((memory) => memory.text === text);
}

test("a stopped holder is seen at the first glance and taken over, and its late write is refused", async () => {
  const { frozen, waiting } = await stuckAt("turn-begun");
  page = await visit(other);
  await says(page, "#diagnosis", "has been stopped for");
  await says(page, "#lock-badge", "Held");
  await says(page, "#holder-client", "claude-code");
  await says(page, "#waiters", "claude-desktop");
  await says(page, "#in-line", "claude-desktop in api, store");
  await assertAccessible(page);
  await keep(page, "stuck-overview");

  await page.locator("#see-lock").click();
  await shows(page, "locks");
  await says(page, "#locks-summary", "Write lock: the holder appears to be stuck.");
  await says(page, "#lock-rows", "Its process is stopped; no transaction is open");
  await says(page, "#lock-line", "claude-desktop");
  await assertAccessible(page);
  await keep(page, "stuck-before");

  const takeOver = page.getByRole("button", { name: "Take over…" });
  await takeOver.click();
  await says(page, "#confirm-words", "If it wakes up, its late write is rejected");
  await assertAccessible(page);
  await keep(page, "stuck-question");
  await page.keyboard.press("Escape");
  await page.locator("#confirm").waitFor({ state: "hidden" });
  assert.equal((await table()).locks[0].generation, 0, "Escape changes nothing");
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "Take over…", "the focus goes back to where it came from");

  await takeOver.click();
  await page.locator("#confirm-go").click();
  await page.locator('#settle-result[data-tone="ok"]').waitFor();
  await says(page, "#settle-result", "moved to generation 1");
  assert.equal((await waiting).error, null, "who waited goes on");
  const { locks, audit } = await table();
  assert.equal(locks.find((lock) => lock.generation === 1)?.name, "write");
  assert.deepEqual([audit[0].act, audit[0].stage], ["take_over", "done"]);
  await page.locator("#see-lock").waitFor({ state: "hidden" });
  await page.locator("#locks summary").click();
  await says(page, "#audit", "Take over");
  await says(page, "#audit .badge", "Done");
  await keep(page, "stuck-after");

  stopped.wake();
  assert.match((await frozen).error, /fenced off/);
  assert.ok(!(await isThere("frozen")) && (await isThere("waiting")));
  await says(page, "#diagnosis", "Nothing is waiting.");
  await assertCalm(page);
});

test("a holder that stands in a transaction is terminated only after its number was typed", async () => {
  const { waiting } = await stuckAt("epoch-taken");
  page = await visit(other, { on: "locks", theme: "dark" });
  await says(page, "#lock-rows", "a write transaction is open");
  const end = page.getByRole("button", { name: `Terminate process ${stopped.pid}…` });
  await end.click();
  await says(page, "#confirm-title", `Terminate process ${stopped.pid}?`);
  assert.equal(await page.evaluate(() => document.activeElement.id), "confirm-typed");
  const go = page.locator("#confirm-go");
  for (const typed of ["", "1", `${stopped.pid}1`, "yes"]) {
    await page.locator("#confirm-typed").fill(typed);
    assert.ok(await go.isDisabled(), typed);
    await page.keyboard.press("Enter");
  }
  assert.ok(await page.locator("#confirm").isVisible(), "Enter does not go round the button");
  await assertAccessible(page);
  await keep(page, "stuck-end-question");
  await page.locator("#confirm-typed").fill(String(stopped.pid));
  await page.keyboard.press("Enter");
  await page.locator('#settle-result[data-tone="ok"]').waitFor();
  await stopped.ended();
  assert.equal((await waiting).error, null, "who waited goes on");
  const { locks, audit } = await table();
  assert.equal(locks[0].generation, 0, "the lock did not have to move");
  assert.deepEqual([audit[0].act, audit[0].stage], ["terminate", "done"]);
  assert.ok(await isThere("second"));
  await assertCalm(page);
});

test("a holder that wakes up while a person thinks is left alone", async () => {
  const { frozen, waiting } = await stuckAt("lock-taken");
  page = await visit(other, { on: "locks" });
  await page.getByRole("button", { name: "Take over…" }).click();
  await says(page, "#confirm-title", "Take over the write lock?");
  stopped.wake();
  assert.deepEqual([(await frozen).error, (await waiting).error], [null, null]);
  await page.locator("#confirm-go").click();
  await page.locator('#settle-result[data-tone="error"]').waitFor();
  assert.equal((await table()).locks[0].generation, 0);
  await assertCalm(page);
});

test("what a killed host left is shown with its number and cleared by the button", async () => {
  const dead = await store.host();
  await dead.client().store("before");
  other = await store.host();
  page = await visit(other, { on: "locks" });
  await says(page, "#leftovers-empty", "Nothing.");
  await dead.kill();
  await says(page, "#leftovers", `process ${dead.pid}`);
  await says(page, "#locks-summary", "record of dead instances");
  assert.equal((await table()).leftovers[0].pid, dead.pid);
  await page.getByRole("button", { name: "Clear leftovers" }).click();
  await page.locator('#settle-result[data-tone="ok"]').waitFor();
  await page.locator("#leftovers-empty").waitFor();
  const { leftovers, audit } = await table();
  assert.deepEqual(leftovers, []);
  assert.deepEqual([audit[0].act, audit[0].stage], ["clear_leftovers", "done"]);
  await says(page, "#audit-count", "1");
  await assertCalm(page);
});
