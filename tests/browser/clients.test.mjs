// Who is connected, and how to connect another one.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { assertCalm, begin, end, go, says, visit } from "./page.mjs";

let store, host, page;

before(async () => {
  ({ store, host } = await begin());
  page = await visit(host, { on: "clients" });
});

after(end);

const rowOf = (name) => page.locator("#clients tbody tr").filter({ hasText: name });
const cells = (row) => row.locator("th, td").allTextContents();

test("nobody yet: the page says how somebody appears", async () => {
  await says(page, "#clients-empty", "it appears here with its first request");
});

test("a client appears by itself with its name, version, project and requests, and so do its errors", async () => {
  const client = host.client({ name: "claude-code", version: "2.1.330", project: "website" });
  await client.store("one");
  await client.call("memory_search", { query: "one" });
  await rowOf("claude-code").waitFor();
  await page.waitForFunction(() => document.querySelector("#clients tbody tr").children[6].textContent === "2");
  const [name, process_, project, way, underWay, waiting, requests, errors] = await cells(rowOf("claude-code"));
  const own = process.platform === "linux" ? String(process.pid) : "unknown";
  assert.deepEqual([name, process_, project, way], ["claude-code2.1.330", own, "website", "HTTP"]);
  assert.deepEqual([underWay, waiting, requests, errors], ["0", "0", "2", "0"]);
  const { clients } = await host.status();
  assert.equal(clients.length, 1);
  assert.equal(clients[0].requests, 2);
  await assert.rejects(client.call("memory_update", { content_hash: "0".repeat(64), updates: { tags: ["x"] } }));
  await page.waitForFunction((count) => document.querySelector("#clients tbody tr").children[6].textContent === count, "3");
  assert.equal((await cells(rowOf("claude-code")))[7], String((await host.status()).clients[0].errors));
  await assertCalm(page);
});

test("an instance that starts and ends is listed while it lives, with its process", async () => {
  const second = await store.host();
  const row = page.locator("#instances tbody tr").filter({ hasText: String(second.pid) });
  // Its record comes first, and where it listens a moment later.
  await row.filter({ hasText: `:${second.port}/` }).waitFor();
  const own = page.locator("#instances tbody tr").filter({ hasText: "this host" });
  assert.ok((await cells(own)).includes(String(host.pid)));
  await second.kill();
  await row.waitFor({ state: "detached" });
  await assertCalm(page);
});

test("every button that copies fills the clipboard with what stands beside it, and says so", async () => {
  await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  const buttons = page.locator(".copy:visible");
  assert.ok((await buttons.count()) > 0);
  for (const button of await buttons.all()) {
    await button.click();
    await says(page, "#announcer", "Copied");
    await page.waitForFunction((node) => node.textContent === "Copied", await button.elementHandle());
    const command = await button.evaluate((node) => node.previousElementSibling.textContent);
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), command);
  }
});

test("where the clipboard is refused, the page says so and nothing breaks", async () => {
  await page.evaluate(() => {
    navigator.clipboard.writeText = () => Promise.reject(new DOMException("not allowed", "NotAllowedError"));
  });
  await page.locator(".copy:visible").first().click();
  await says(page, "#announcer", "Could not copy");
  await go(page, "overview");
  await assertCalm(page);
});
