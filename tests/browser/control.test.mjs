// What a person changes on the page: pause, settings, backups. The effect is read from the API and the commands.

import assert from "node:assert/strict";
import { access, rename, rm, symlink } from "node:fs/promises";
import { dirname } from "node:path";
import { after, afterEach, before, test } from "node:test";

import { assertCalm, begin, end, go, says, visit } from "./page.mjs";
import { until } from "./wait.mjs";

let store, host, page;

before(async () => {
  ({ store, host } = await begin());
  page = await visit(host);
});

afterEach(() => assertCalm(page));

after(end);

const state = async () => (await host.status()).state;

async function setting(key) {
  const { settings } = await store.cli("settings");
  return settings.find((row) => row.key === key);
}

/** The form of one setting. */
function form(key) {
  const row = page.locator("form.setting").filter({ has: page.locator(`#setting-${key}`) });
  const button = (name) => row.getByRole("button", { name });
  return { input: page.locator(`#setting-${key}`), result: page.locator(`#setting-${key}-result`), save: button("Save"), cancel: button("Cancel"), reset: button(/^Reset to/) };
}

test("a pause by the button holds every write until the button ends it", async () => {
  await says(page, "#pause", "Pause writes");
  await page.locator("#pause").click();
  await says(page, "#pause", "Resume writes");
  await says(page, "#diagnosis", "Writes are paused since");
  await says(page, "#pause-words", "Paused for");
  assert.equal(await state(), "paused");
  const { code, stderr } = await store.run("store", "from a command");
  assert.equal(code, 3, stderr);

  await page.locator("#pause").click();
  await says(page, "#pause", "Pause writes");
  await page.locator("#pause-words").waitFor({ state: "hidden" });
  assert.equal(await state(), "ok");
  await host.client().store("after the pause");
});

test("a pause by the command shows by itself, with who did it", async () => {
  await store.cli("pause");
  await says(page, "#pause-words", "commonplace pause");
  await page.locator("#pause").click();
  await says(page, "#pause", "Pause writes");
  assert.equal(await state(), "ok");
});

test("a setting is changed by the keyboard, and is in force at once and kept", async () => {
  await go(page, "settings");
  const { input, save, result } = form("workers");
  await input.fill("7");
  await input.press("Enter");
  await result.filter({ hasText: "Saved. In effect now." }).waitFor();
  assert.ok(await save.isHidden(), "there is nothing left to save");
  await until("the host has 7 workers", async () => (await host.status()).workers.count === 7);
  assert.equal((await setting("workers")).value, 7);
});

test("a setting out of range is refused beside its field, and what was typed stays", async () => {
  const { input, save, cancel, result } = form("write_deadline_s");
  for (const typed of ["51", "0", "-1", "soon", "1e3", ""]) {
    await input.fill(typed);
    await save.click();
    await result.filter({ hasText: "between 1 and 50" }).waitFor();
    assert.equal(await input.inputValue(), typed);
    assert.equal(await input.getAttribute("aria-invalid"), "true");
    assert.equal(await page.evaluate(() => document.activeElement.id), "setting-write_deadline_s", "one types on at once");
    await cancel.click();
    assert.equal(await input.inputValue(), "30");
    assert.equal(await result.textContent(), "");
  }
  assert.equal((await setting("write_deadline_s")).value, 30);
});

test("every setting that can be changed here is changed and reset by its buttons", async () => {
  const { settings } = await store.cli("settings");
  const others = { log: "debug", model_dir: store.dir, redact_secrets: "false", history_days: "3" };
  for (const { key, is_fixed: isFixed, default: standard } of settings) {
    const { input, save, reset } = form(key);
    if (isFixed) {
      assert.ok(await input.isDisabled(), key);
      continue;
    }
    const value = others[key] ?? String(typeof standard === "number" ? standard + 1 : standard);
    const isChoice = await input.evaluate((node) => node.tagName === "SELECT");
    await (isChoice ? input.selectOption(value) : input.fill(value));
    await save.click();
    await save.waitFor({ state: "hidden" });
    const row = await setting(key);
    assert.equal(String(row.next ?? row.value), value, key);
    await reset.click();
    await reset.waitFor({ state: "hidden" });
    const after = await setting(key);
    assert.deepEqual([after.source, after.next ?? after.value], ["default", standard], key);
  }
});

test("a setting changed by the command shows by itself, and does not take away what is being typed", async () => {
  const { input, cancel } = form("queue_length");
  await input.fill("5");
  await store.cli("settings", "set", "queue_length", "77");
  await until("the change is in force", async () => (await host.status()).queue.limit === 77);
  await page.locator("form.setting").filter({ has: input }).filter({ hasText: "Set in settings.toml" }).waitFor();
  assert.equal(await input.inputValue(), "5");
  await cancel.click();
  assert.equal(await input.inputValue(), "77");
});

test("port and model tell where they come from, and that a change waits for the next start", async () => {
  const words = (key) => page.locator("form.setting").filter({ has: page.locator(`#setting-${key}`) }).textContent();
  const port = await setting("port");
  assert.deepEqual([port.source, port.is_fixed], ["--port", true], "the tests start the host with a flag");
  assert.match(await words("port"), /Fixed by --port, which overrides the settings file/);
  assert.match(await words("model_dir"), /Default\. Changes take effect when the host next starts\./);
});

test("start at login is switched by the keyboard, and the command agrees", async () => {
  const login = page.locator("#login");
  await until("the switch is ready", () => login.isEnabled());
  for (const wanted of [true, false, true]) {
    assert.equal(await login.isChecked(), !wanted);
    await login.press("Space");
    await says(page, "#login-words", wanted ? /^On/ : /^Off/);
    await says(page, "#login-result", "Saved.");
    const { start_at_login: isOn, place } = await store.cli("autostart", "status");
    assert.equal(isOn, wanted);
    assert.ok(place.startsWith(store.home), `the tests must not touch the real home: ${place}`);
    assert.equal(await page.locator("#login-place").textContent(), wanted ? place : "");
  }
  await store.cli("autostart", "off");
  await page.evaluate(() => dispatchEvent(new Event("focus")));
  await says(page, "#login-words", /^Off/);
  assert.ok(!(await login.isChecked()), "whoever comes back sees what was changed elsewhere");
});

test("a system that refuses to start it at login is told beside the switch, which goes back", async () => {
  const { place } = await store.cli("autostart", "status");
  const folder = dirname(place);
  await rename(folder, `${folder}.aside`);
  // A link to nowhere: no entry is found there, and none can be made, not even by root.
  await symlink("nowhere", folder);
  await page.locator("#login").press("Space");
  await says(page, "#login-result", `Could not change ${place}`);
  assert.equal(await page.locator("#login-result").getAttribute("data-tone"), "error");
  assert.ok(!(await page.locator("#login").isChecked()));
  assert.equal((await store.cli("autostart", "status")).start_at_login, false);
  await rm(folder);
  await rename(`${folder}.aside`, folder);
});

test("a backup by the button is made, told, and listed by the host", async () => {
  await go(page, "health");
  await says(page, "#backup-last", "No backups yet.");
  await page.locator("#backup-now").click();
  await page.locator('#backup-result[data-tone="ok"]').waitFor();
  await says(page, "#backup-last", "Last backup");
  const { kept, last_backup_ms: last } = await host.api("/api/backups");
  assert.ok(last !== null);
  assert.equal(kept.length ?? kept.count, 1, JSON.stringify(kept));
  await access(`${store.dir}/backups`);
});
