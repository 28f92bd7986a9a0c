// The keyboard alone: Tab comes to everything that can be used, what has the focus can be seen, dialogs give it back.

import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";

import { PAGES, assertCalm, begin, blank, drawn, end, go, leave, says, visit } from "./page.mjs";
import { until } from "./wait.mjs";

/** More stops than any page has; ends a walk that goes round in circles. */
const STOPS_MAX = 400;

let store, host, page;

before(async () => {
  const begun = await begin();
  store = begun.store;
  host = await store.host();
  const client = host.client({ name: "claude-code", version: "2.1", project: "website" });
  for (let n = 0; n < 5; n += 1) await client.store(`memory ${n}`, { tags: ["walk"] });
  await store.cli("settings", "set", "workers", "5");
  await until("there is something to draw", async () => (await host.api("/api/charts/waits.json?seconds=300")).empty === null);
  await begun.host.kill();
  page = await visit(host);
});

afterEach(async () => {
  await assertCalm(page);
  await page.setViewportSize({ width: 1440, height: 900 });
});

after(end);

/** What has the focus, in words that tell it from everything else. */
const focused = () =>
  page.evaluate(() => {
    const { tagName, id, className, textContent } = document.activeElement;
    return `${tagName.toLowerCase()}#${id}.${className} "${textContent.trim().slice(0, 30)}"`;
  });

/**
 * Runs in the page. Gives everything that can be used now a number, and returns those numbers with words. Of a list in
 * which the arrow keys move, only the row with the keyboard is in the order of Tab.
 */
function mark() {
  const usable = "a[href], button, input, select, textarea, summary, [tabindex='0'], [contenteditable]";
  const found = [...document.querySelectorAll(usable)].filter((node) => {
    const { width, height } = node.getBoundingClientRect();
    const isInOtherRow = node.tabIndex === -1 && node.closest("#mem-rows") !== null;
    return node.checkVisibility({ visibilityProperty: true }) && width > 0 && height > 0 && !node.disabled && !isInOtherRow;
  });
  return found.map((node, number) => {
    node.dataset.walk = number;
    return `${number}: ${node.tagName.toLowerCase()}#${node.id}.${node.className} "${(node.ariaLabel ?? node.textContent).trim().slice(0, 40)}"`;
  });
}

/** Runs in the page. Tells what has the focus, and what keeps a person from seeing that it has. */
function stop() {
  const node = document.activeElement;
  const { left, right, top, bottom } = node.getBoundingClientRect();
  const [x, y] = [(Math.max(0, left) + Math.min(innerWidth, right)) / 2, (Math.max(0, top) + Math.min(innerHeight, bottom)) / 2];
  const isInView = right > 0 && left < innerWidth && bottom > 0 && top < innerHeight;
  const above = document.elementFromPoint(x, y);
  const { outlineStyle, outlineWidth, outlineColor } = getComputedStyle(node);
  const problems = [
    isInView ? null : `it is out of view: ${[left, top, right, bottom]}`,
    isInView && above !== null && !node.contains(above) && !above.contains(node) ? `${above.tagName}#${above.id}.${above.className} covers it` : null,
    outlineStyle === "none" || parseFloat(outlineWidth) < 2 || outlineColor === "rgba(0, 0, 0, 0)" ? "it has no outline" : null,
  ];
  return { number: node.dataset.walk ?? null, isEnd: node === document.body || node.className === "skip", problems: problems.filter((problem) => problem !== null) };
}

/** Walks with Tab from the first stop to the last; fails if anything that can be used was left out, or not to be seen. */
async function walk(where) {
  // Nothing may come and go meanwhile.
  const marked = await page.evaluate(mark);
  await page.locator(".skip").focus();
  const reached = new Set([await page.evaluate(() => document.activeElement.dataset.walk)]);
  const unseen = [];
  for (let count = 0; ; count += 1) {
    assert.ok(count < STOPS_MAX, `${where}: the walk does not end; it is at ${await focused()}`);
    await page.keyboard.press("Tab");
    const { number, isEnd, problems } = await page.evaluate(stop);
    if (isEnd) break;
    if (number !== null) reached.add(number);
    if (problems.length > 0) unseen.push(`${await focused()}: ${problems.join("; ")}`);
  }
  assert.deepEqual(marked.filter((words, number) => !reached.has(String(number))), [], `${where}: Tab does not come there`);
  assert.deepEqual(unseen, [], `${where}: nobody can see that it has the focus`);
  assert.ok(marked.length > 4, `${where}: there is something to walk through`);
}

/** Opens everything on the page that is folded. */
const unfold = () => page.locator(".part:visible details:not([open]) > summary").evaluateAll((all) => all.forEach((summary) => summary.click()));

const READY = {
  overview: () => drawn(page),
  memories: () => page.locator("#mem-rows > li").nth(4).waitFor(),
  locks: () => page.getByRole("button", { name: "Clear leftovers" }).waitFor(),
  clients: () => says(page, "#clients", "claude-code"),
  health: () => page.locator("#log-lines > li").first().waitFor(),
  settings: () => page.locator("#setting-workers").waitFor(),
};

for (const name of PAGES) {
  test(`Tab comes to everything on the page ${name}, and shows where it is`, async () => {
    await go(page, name);
    await READY[name]();
    await walk(name);
    await unfold();
    for (const width of [1440, 360]) {
      await page.setViewportSize({ width, height: 700 });
      await walk(`${name}, unfolded, at ${width} px`);
    }
  });
}

test("Tab comes to everything of a memory that is read, and of one that is edited", async () => {
  await go(page, "memories");
  await page.locator(".mem-open").first().click();
  await says(page, "#mem-full", "memory");
  await walk("a memory");
  await page.locator("#mem-edit").click();
  await page.locator("#mem-text:focus").waitFor();
  await walk("a memory that is edited");
  await page.locator("#mem-cancel").click();
  await page.locator("#mem-close").click();
});

test("the arrow keys come to every memory of the list, and Tab to the box beside it", async () => {
  await go(page, "memories");
  await READY.memories();
  await page.locator('.mem-open[tabindex="0"]').focus();
  const seen = new Set();
  for (let row = 0; row < 5; row += 1) {
    seen.add(await focused());
    await page.keyboard.press("Shift+Tab");
    assert.equal(await page.evaluate(() => document.activeElement.type), "checkbox");
    await page.keyboard.press("Tab");
    await page.keyboard.press("ArrowDown");
  }
  assert.equal(seen.size, 5);
});

/** Opens a dialog with Enter on a button, and leaves it with Escape; the focus must go in, stay in, and come back. */
async function inAndOut(button, dialog) {
  await button.focus();
  const before = await focused();
  await page.keyboard.press("Enter");
  await page.locator(`${dialog}[open]`).waitFor();
  const isInside = () => page.evaluate((selector) => document.querySelector(selector).contains(document.activeElement), dialog);
  assert.ok(await isInside(), `the focus goes into ${dialog}`);
  for (let press = 0; press < 6; press += 1) {
    await page.keyboard.press("Tab");
    assert.ok((await isInside()) || (await page.evaluate(() => document.activeElement === document.body)), `the page behind ${dialog} is out of reach, but ${await focused()} has the focus`);
  }
  await page.keyboard.press("Escape");
  await page.locator(dialog).waitFor({ state: "hidden" });
  assert.equal(await focused(), before, `${dialog} gives the focus back`);
}

test("every dialog takes the focus, keeps it, and gives it back", async () => {
  await go(page, "memories");
  await READY.memories();
  await inAndOut(page.locator("#mem-keys"), "#mem-help");

  await host.client().store("to be purged");
  await until("it is in the list", async () => {
    if (await page.locator("#mem-again").isVisible()) await page.locator("#mem-again").click();
    return page.locator(".mem-open", { hasText: "to be purged" }).isVisible();
  });
  await page.locator(".mem-open", { hasText: "to be purged" }).click();
  await says(page, "#mem-full", "to be purged");
  await page.locator("#mem-delete").click();
  await page.locator("#mem-bin").click();
  await page.locator(".mem-open", { hasText: "to be purged" }).click();
  await says(page, "#mem-delete", "Delete permanently");
  await inAndOut(page.locator("#mem-delete"), "#confirm");
});

/** Presses a button by the keyboard and waits for what tells that its act is over; returns what has the focus then. */
async function pressed(button, isOver) {
  await button.focus();
  await page.keyboard.press("Enter");
  await isOver();
  return focused();
}

test("a button that cannot be pressed while it acts has the focus again afterwards", async () => {
  const pause = page.locator("#pause");
  for (const words of ["Resume writes", "Pause writes"]) {
    await pressed(pause, () => says(page, "#pause", words));
    await page.locator("#pause:focus").waitFor();
  }
  await go(page, "health");
  await pressed(page.locator("#backup-now"), () => page.locator('#backup-result[data-tone="ok"]').waitFor());
  await page.locator("#backup-now:focus").waitFor();
});

test("where the button or row that had the focus is gone after its act, the keyboard goes on nearby", async () => {
  await go(page, "locks");
  await READY.locks();
  await pressed(page.getByRole("button", { name: "Clear leftovers" }), () => page.locator('#settle-result[data-tone="ok"]').waitFor());
  await page.locator("#locks:focus").waitFor();

  await go(page, "memories");
  await READY.memories();
  const row = page.locator('.mem-open[tabindex="0"]');
  const isRow = () => page.locator(".mem-open:focus").waitFor();
  await row.focus();
  await page.keyboard.press("Enter");
  await says(page, "#mem-full", "memory");
  await pressed(page.locator("#mem-close"), isRow);
  await page.keyboard.press("Enter");
  await says(page, "#mem-full", "memory");
  await pressed(page.locator("#mem-delete"), isRow);
  await pressed(page.locator("#mem-undo"), isRow);
  await page.locator("#mem-tag").fill("walk");
  await page.keyboard.press("Enter");
  await pressed(page.locator("#mem-tag-chips button"), () => page.locator(".mem-head:focus").waitFor());
});

test("who lets go of the focus by a click is not given it back", async () => {
  const isFree = () => page.evaluate(() => document.activeElement === document.body);
  const place = page.locator(".part:visible");
  await place.evaluate((part) => part.append(Object.assign(document.createElement("button"), { id: "passing", type: "button", textContent: "Passing" })));
  await page.locator("#passing").focus();
  await page.locator(".brand").click();
  assert.ok(await isFree());
  await page.locator("#passing").evaluate((button) => button.remove());
  // The page looks in a turn of its own, which is over then.
  await page.evaluate(() => new Promise((resolve) => setTimeout(() => setTimeout(resolve))));
  assert.ok(await isFree());
});

test("Tab comes to everything of the sign-in", async () => {
  const signedIn = page;
  page = await blank();
  await page.goto(host.url);
  await page.locator("#sign-in").waitFor();
  await walk("sign-in");
  await leave(page);
  page = signedIn;
});
