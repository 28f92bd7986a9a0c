// Who is connected, and how to connect another one.

import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
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

/** Reads the card again, as somebody who comes back to the page. */
async function readCard() {
  await go(page, "overview");
  await go(page, "clients");
}

const clientRow = (title) => page.locator(".connect-rows > li").filter({ has: page.locator("h3", { hasText: title }) });
const press = (title, name) => clientRow(title).locator(".acts button", { hasText: new RegExp(`^${name}$`) }).click();

test("a client is connected, checked and disconnected, and says each time how it went", async () => {
  const file = join(store.home, ".codex", "config.toml");
  await mkdir(join(store.home, ".codex"));
  await readCard();
  const codex = clientRow("Codex");
  await codex.locator(".badge", { hasText: "Not connected" }).waitFor();
  await press("Codex", "Connect");
  assert.match(await page.locator("#confirm-words").textContent(), /add the entry memory to .*config\.toml/);
  await page.locator("#confirm-go").click();
  await codex.locator(".badge", { hasText: /^Connected$/ }).waitFor();
  assert.match(await readFile(file, "utf8"), /--data-dir/);
  await press("Codex", "Check");
  await codex.locator(".result", { hasText: "Stored and found again through the entry of Codex at" }).waitFor();
  const { clients } = await host.status();
  assert.ok(clients.some((one) => one.client === "commonplace-check"), "it went through the entry");
  assert.equal((await host.api("/api/memories?deleted=true")).total, 0, "the text is gone for good");
  await press("Codex", "Disconnect");
  await page.locator("#confirm-go").click();
  await codex.locator(".badge", { hasText: "Not connected" }).waitFor();
  await assertCalm(page);
});

test("a configuration that is not changed here comes with the lines to add by hand", async () => {
  await mkdir(join(store.home, ".cursor"));
  await writeFile(join(store.home, ".cursor", "mcp.json"), "{\n  // mine\n}\n");
  await readCard();
  const cursor = clientRow("Cursor");
  await cursor.locator(".badge", { hasText: "Not readable" }).waitFor();
  assert.match(await cursor.locator("code.lines").textContent(), /"mcpServers"/);
  assert.equal(await cursor.locator(".acts button").count(), 0);
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
