// A browser, and pages of it that notice everything which must never happen.

import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { chromium } from "playwright-core";

import { Store } from "./host.mjs";
import { HANG_MS } from "./wait.mjs";

const PROGRAM = process.env.COMMONPLACE_BROWSER ?? "/usr/bin/chromium";
const AXE = createRequire(import.meta.url).resolve("axe-core/axe.min.js");

/** Where screenshots are kept. */
export const SCREENSHOTS = fileURLToPath(new URL("../../target/screenshots/", import.meta.url));

/** Every page by its name in the address. */
export const PAGES = ["overview", "memories", "locks", "clients", "health", "settings"];

let browser, store;

/** Starts the browser of a test file, without a window. */
export async function launch() {
  browser = await chromium.launch({ executablePath: PROGRAM, args: ["--no-sandbox", "--disable-gpu"] });
}

/** The same, and a store with a host on it. */
export async function begin() {
  [store] = await Promise.all([Store.make(), launch()]);
  return { store, host: await store.host() };
}

/** Ends the browser and everything on the store. */
export async function end() {
  await browser?.close();
  await store?.remove();
}

/** Opens an empty page in a profile of its own. What must not happen is gathered in `page.faults`. */
export async function blank({ width = 1440, height = 900, theme = "light" } = {}) {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme: theme, reducedMotion: "reduce" });
  context.setDefaultTimeout(HANG_MS);
  return watched(await context.newPage());
}

/** Opens the page of a host with a one-time code and waits until its figures are live. */
export async function visit(host, { on = "overview", ...looks } = {}) {
  const page = await blank(looks);
  await page.goto(`${await host.address()}&page=${on}`);
  await live(page);
  await shows(page, on);
  return page;
}

/** Another tab of the same browser profile. */
export async function anotherTab(page) {
  return watched(await page.context().newPage());
}

/** Waits until the figures are live. */
export async function live(page) {
  await page.locator('#live[data-state="live"]').waitFor();
}

/** Waits until a page of the dashboard is in view. */
export async function shows(page, name) {
  await page.locator(`body[data-page="${name}"] #page-${name}`).waitFor();
}

/** Goes to a page by its link. */
export async function go(page, name) {
  await page.locator(`nav a[href="#/${name}"]`).click();
  await shows(page, name);
}

/** Waits until an element shows a text, or one that matches. */
export function says(page, selector, text) {
  return page.locator(selector).filter({ hasText: text }).first().waitFor();
}

/** Fails if anything happened that must not: a script error, a dialog of the browser, a breach of the content policy. */
export async function assertCalm(page) {
  const breaches = await page.evaluate(() => window.breaches ?? []);
  assert.deepEqual([...page.faults, ...breaches], [], "the page must be calm");
}

/** Closes pages, each of which must have been calm. */
export async function leave(...pages) {
  await Promise.all(pages.map(assertCalm));
  await Promise.all(pages.map((page) => page.context().close()));
}

/** Does what a browser does when another tab comes before this one, or this one comes back. */
export function cover(page, isCovered) {
  return page.evaluate((is) => {
    Object.defineProperty(document, "hidden", { configurable: true, get: () => is });
    document.dispatchEvent(new Event("visibilitychange"));
  }, isCovered);
}

/** Fails if axe finds anything on the page as it is now. */
export async function assertAccessible(page, where = "") {
  if (!(await page.evaluate(() => "axe" in window))) {
    const { readFile } = await import("node:fs/promises");
    await page.evaluate(await readFile(AXE, "utf8"));
  }
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  const found = violations.flatMap(({ id, help, nodes }) => nodes.map((node) => `${id}: ${help}: ${node.html.slice(0, 200)}: ${node.any[0]?.message ?? ""}`));
  assert.deepEqual(found, [], where);
}

/** Keeps a screenshot of the whole page for people to look at. */
export async function keep(page, name) {
  await mkdir(SCREENSHOTS, { recursive: true });
  await page.screenshot({ path: join(SCREENSHOTS, `${name}.png`), fullPage: true });
}

/**
 * Counts what a visit takes on the wire from now on. What a page asks for again and again is counted once, or a slow
 * machine would make it heavier: of the API each answer, of the live events the first.
 */
export async function weigh(page) {
  const network = await page.context().newCDPSession(page);
  const weight = { files: 0, bytes: 0 };
  const paths = new Map();
  const counted = new Set();
  const add = (requestId, bytes) => {
    const path = paths.get(requestId) ?? "";
    const isAgain = counted.has(path) && /^\/(api\/|events$)/.test(path);
    if (isAgain || bytes === 0) return;
    counted.add(path);
    weight.files += 1;
    weight.bytes += bytes;
  };
  await network.send("Network.enable");
  network.on("Network.requestWillBeSent", ({ requestId, request }) => paths.set(requestId, new URL(request.url).pathname));
  network.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => add(requestId, encodedDataLength));
  network.on("Network.dataReceived", ({ requestId, encodedDataLength }) => paths.get(requestId) === "/events" && add(requestId, encodedDataLength));
  return weight;
}

/** Waits until every chart of the overview is drawn. */
export async function drawn(page) {
  await page.waitForFunction(() => {
    const charts = [...document.querySelectorAll("#page-overview img")];
    return charts.length === 7 && charts.every((chart) => !chart.hidden);
  });
}

async function watched(page) {
  page.faults = [];
  page.on("pageerror", (error) => page.faults.push(`script error: ${error.message}`));
  page.on("dialog", (dialog) => {
    page.faults.push(`dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  page.on("console", (message) => {
    // That the host refuses or is gone is for the page to tell, and the tests look there.
    const isExpected = message.type() !== "error" || message.text().startsWith("Failed to load resource");
    if (!isExpected) page.faults.push(`console: ${message.text()}`);
  });
  await page.addInitScript(() => {
    window.breaches = [];
    addEventListener("securitypolicyviolation", (event) => window.breaches.push(`policy: ${event.violatedDirective} ${event.blockedURI}`));
  });
  return page;
}
