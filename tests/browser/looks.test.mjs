// How every page looks: at each width nothing is cut, in light and dark nothing is unreadable. Keeps the screenshots.

import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { PAGES, assertAccessible, begin, blank, end, go, keep, leave, live, visit } from "./page.mjs";
import { until } from "./wait.mjs";

const WIDTHS = [360, 768, 1080, 1440, 1920, 2560];

let store, host;

before(async () => {
  ({ store, host } = await begin());
  await fill();
});

after(end);

/** Clients in different states: connected, and with a configuration that is not changed here. */
async function connectClients() {
  await Promise.all([".codex", ".cursor"].map((dir) => mkdir(join(store.home, dir))));
  await store.run("connect", "codex");
  await writeFile(join(store.home, ".cursor", "mcp.json"), "{\n  // mine\n}\n");
}

/** What four agents leave behind on an afternoon. */
async function fill() {
  await connectClients();
  const names = [["claude-code", "2.1.330", "commonplace"], ["claude-code", "2.1.330", "website"], ["claude-desktop", "1.4.2", null], ["reviewer", "0.3", "firmware"]];
  const clients = names.map(([name, version, project]) => host.client({ name, version, project }));
  const texts = ["We write commit titles as `layer: what changes`", "The staging database is restored every night at two", "Maria prefers short answers", "Error 1205 was solved by a smaller transaction"];
  await Promise.all(clients.map(async (client, number) => {
    for (let round = 0; round < 12; round += 1) {
      await client.store(`${texts[(number + round) % 4]} (${round}, ${number})`, { tags: ["decision", `round-${round % 3}`], memory_type: round % 2 === 0 ? "decision" : "learning" });
    }
    await client.call("memory_search", { query: "commit titles" });
  }));
  await host.api("/api/backups", "POST");
  await until("the backup is made", async () => (await host.api("/api/backups")).last_backup_ms !== null);
}

/** Everything that is cut, or that makes the page scroll sideways. */
function misfits() {
  const root = document.documentElement;
  const found = root.scrollWidth > root.clientWidth ? [`the page is ${root.scrollWidth} wide in ${root.clientWidth}`] : [];
  const scrolls = (node) => ["auto", "scroll"].includes(getComputedStyle(node).overflowX);
  const isInScroller = (node) => node !== null && node !== document.body && (scrolls(node) || isInScroller(node.parentElement));
  for (const node of document.querySelectorAll("body *")) {
    if (!node.checkVisibility() || node.closest(".unseen, .skip, svg") !== null) continue;
    const { left, right, width } = node.getBoundingClientRect();
    if (width > 0 && (left < -0.5 || right > root.clientWidth + 0.5) && !isInScroller(node)) {
      found.push(`${node.tagName} ${node.id}.${node.className} from ${left} to ${right}`);
    }
    const isCut = node.scrollWidth > node.clientWidth + 1 && node.clientWidth > 0 && getComputedStyle(node).overflowX === "hidden";
    if (isCut) found.push(`${node.tagName} ${node.id}.${node.className} is cut: ${node.textContent.slice(0, 60)}`);
  }
  return found;
}

for (const theme of ["light", "dark"]) {
  test(`every page in ${theme} passes axe, and fits from 360 to 2560 px`, async () => {
    const page = await visit(host, { theme });
    for (const name of PAGES) {
      await go(page, name);
      await page.locator(".part:visible").evaluate((part) => Promise.all(part.getAnimations({ subtree: true }).map((animation) => animation.finished)));
      await assertAccessible(page, `${name} in ${theme}`);
      for (const width of WIDTHS) {
        await page.setViewportSize({ width, height: 900 });
        assert.deepEqual(await page.evaluate(misfits), [], `${name} at ${width} px`);
        await keep(page, `${name}-${theme}-${width}`);
      }
      await page.setViewportSize({ width: 1440, height: 900 });
    }
    await leave(page);
  });

  test(`the sign-in in ${theme} passes axe and fits`, async () => {
    const page = await blank({ theme });
    await page.goto(host.url);
    await page.locator("#sign-in").waitFor();
    await assertAccessible(page);
    for (const width of WIDTHS) {
      await page.setViewportSize({ width, height: 900 });
      assert.deepEqual(await page.evaluate(misfits), [], `at ${width} px`);
    }
    await keep(page, `sign-in-${theme}`);
    await leave(page);
  });
}

test("the theme that a person chooses wins over that of the system", async () => {
  const page = await visit(host, { theme: "light" });
  const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await background();
  await page.locator("#theme").click();
  await page.locator("#theme").click();
  assert.equal(await page.locator("#theme").textContent(), "Theme: dark");
  const dark = await background();
  assert.notEqual(dark, light);
  await assertAccessible(page);
  await page.reload();
  await live(page);
  assert.equal(await background(), dark, "it is kept");
  await leave(page);
});

test("a page at twice the text size still fits", async () => {
  const page = await visit(host, { width: 1280 });
  for (const name of PAGES) {
    await go(page, name);
    await page.evaluate(() => { document.documentElement.style.fontSize = "200%"; });
    assert.deepEqual(await page.evaluate(misfits), [], name);
    await page.evaluate(() => { document.documentElement.style.fontSize = ""; });
  }
  await leave(page);
});
