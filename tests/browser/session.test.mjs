// Who may look, and how: one-time codes, the admin token, the end of a session.

import assert from "node:assert/strict";
import { mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";

import { anotherTab, begin, blank, end, leave, live, says, visit } from "./page.mjs";

let store, host;

before(async () => {
  ({ store, host } = await begin());
});

after(end);

test("the code that `commonplace open` prints opens the page, leaves the address, and works once", async () => {
  const address = (await store.cli("open", "--print")).url;
  const page = await blank();
  await page.goto(address);
  await live(page);
  assert.ok(address.includes("#code="), address);
  assert.ok(!page.url().includes("code"), `the code stays in the address: ${page.url()}`);
  assert.equal(await page.evaluate(() => history.length), 2, "no entry with the code is left to go back to");

  const second = await blank();
  await second.goto(address);
  await says(second, "#sign-in-reason", "code");
  assert.ok(await second.locator("#page").isHidden());
  assert.ok(!second.url().includes("code"), second.url());
  await leave(page, second);
});

test("the page that `commonplace open` gives to the browser leads to the dashboard, and only its owner can read it", async () => {
  const bin = await mkdtemp(join(tmpdir(), "commonplace-bin-"));
  // Stands in for what starts a browser; the page is there before it runs.
  for (const name of ["xdg-open", "open"]) await writeFile(join(bin, name), "#!/bin/sh\n", { mode: 0o755 });
  const { code, stdout } = await store.runWith({ PATH: `${bin}:/usr/bin:/bin` }, "open");
  assert.equal(code, 0, stdout);
  assert.ok(!stdout.includes("code="), stdout);
  const [name, ...others] = await readdir(join(store.dir, "opening"));
  assert.deepEqual(others, []);
  const file = join(store.dir, "opening", name);
  assert.equal((await stat(file)).mode & 0o777, 0o600);
  const page = await blank();
  await page.goto(pathToFileURL(file).href);
  await live(page);
  assert.ok(page.url().startsWith(host.url), page.url());
  assert.ok(!page.url().includes("code"), page.url());
  await leave(page);
  await rm(bin, { recursive: true });
});

test("a piped `open --print` prints no address, which could end up among arguments", async () => {
  const { code, stdout, stderr } = await store.run("open", "--print");
  assert.equal(code, 2, stderr);
  assert.equal(stdout, "");
});

test("the admin token opens the page, a wrong one says why, and neither is kept", async () => {
  const page = await blank();
  await page.goto(host.url);
  await page.locator("#token").fill("wrong");
  await page.locator("#token-form button").click();
  await says(page, "#token-error", "token");
  assert.ok(await page.locator("#page").isHidden(), "a wrong token opens nothing");

  await page.locator("#token").fill(` ${host.admin} `);
  await page.keyboard.press("Enter");
  await live(page);
  assert.ok(await page.locator("#sign-in").isHidden());
  const kept = await page.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage }) + document.cookie + location.href);
  assert.ok(!kept.includes(host.admin), "the admin token must not stay in the browser");
  assert.equal(await page.locator("#token").inputValue(), "");
  await leave(page);
});

test("the agents' token does not open the page", async () => {
  const page = await blank();
  await page.goto(host.url);
  await page.locator("#token").fill(host.agent);
  await page.keyboard.press("Enter");
  await says(page, "#token-error", "agent");
  assert.ok(await page.locator("#page").isHidden());
  await leave(page);
});

test("no cookies, and nothing that outlives the tab but the theme", async () => {
  const page = await visit(host);
  assert.equal(await page.locator("#theme").textContent(), "Theme: system");
  for (const theme of ["light", "dark", "system"]) {
    await page.locator("#theme").click();
    await says(page, "#theme", theme);
  }
  assert.deepEqual(await page.context().cookies(), []);
  assert.deepEqual(await page.evaluate(() => Object.keys(localStorage)), ["commonplace.theme"]);
  await leave(page);
});

test("each tab has a session of its own, and signing out ends only that one, also at the host", async () => {
  const page = await visit(host);
  const tab = await anotherTab(page);
  await tab.goto(host.url);
  await tab.locator("#sign-in").waitFor();
  await tab.goto(await host.address());
  await live(tab);

  const token = await page.evaluate(() => sessionStorage.getItem("commonplace.session"));
  await page.locator("#sign-out").click();
  await says(page, "#sign-in-reason", "You are signed out.");
  assert.ok(await page.locator("#page").isHidden());
  assert.ok(await page.locator("#nav").isHidden());
  const answer = await fetch(`${host.url}/api/status`, { headers: { Authorization: `Bearer ${token}` } });
  assert.equal(answer.status, 401, "the host has forgotten the session");
  await page.reload();
  await page.locator("#sign-in").waitFor();

  await tab.reload();
  await live(tab);
  await leave(page, tab);
});

test("new tokens end every session, and the page says so by itself", async () => {
  const page = await visit(host);
  const rotated = await store.run("token", "--rotate");
  assert.equal(rotated.code, 0, rotated.stderr);
  await says(page, "#sign-in-reason", "Your session has ended");
  assert.ok(await page.locator("#page").isHidden());
  assert.equal(await page.evaluate(() => sessionStorage.length), 0);
  await leave(page);
});
