import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { fakePage } from "../lib/fake-page.mjs";
import { PAUSE_MIN_MS } from "../lib/reader.js";
import { page, showSettings } from "./settings.js";

const SETTING = {
  key: "slow_wait_ms", title: "Slow wait", value: 1000, default: 1000, domain: { kind: "integer", min: 1, max: 60000 }, unit: "ms", about: "Slow.",
  source: "default", is_fixed: false, is_live: true, next: null,
};
const STATUS = { host: { instance: "a" }, settings_revision: 0 };

const told = (value) => ({ path: "/s", problem: null, settings: [{ ...SETTING, value, source: value === 1000 ? "default" : "settings.toml" }] });
/** Lets promises that are ready go on. */
const settle = async () => { for (let turn = 0; turn < 20; turn += 1) await Promise.resolve(); };

/** A page with one setting, and a host whose answers a test gives one by one. */
function scene() {
  const fake = fakePage();
  const asked = [];
  globalThis.sessionStorage = { getItem: () => "token" };
  globalThis.fetch = (path, { method = "GET" }) => new Promise((resolve) => {
    const answer = async (body, status = 200) => {
      resolve({ ok: status === 200, status, json: async () => body });
      await settle();
    };
    asked.push({ what: `${method} ${path}`, answer });
  });
  showSettings(told(1000));
  const row = fake.at("settings").children[0];
  const type = (text) => { row.parts.input.value = text; row.parts.input.listeners.input(); };
  const next = (what) => { const at = asked.findIndex((one) => one.what === what); return at < 0 ? null : asked.splice(at, 1)[0]; };
  return { row, ...row.parts, type, next, save: () => { row.listeners.submit({ preventDefault() {} }); return settle(); } };
}

test("what a person is typing is not overwritten by a reading", () => {
  const { row, input, type } = scene();
  type("20");
  showSettings(told(500));
  assert.deepEqual([input.value, row.parts.save.hidden], ["20", false]);
  type("500");
  showSettings(told(700));
  assert.equal(input.value, "700", "a field that nobody has changed follows the host");
});

test("a reading that began before a change does not bring the old value back", async () => {
  mock.timers.enable({ apis: ["setTimeout", "Date"] });
  const { input, reset, type, save, next } = scene();
  page.status(STATUS);
  mock.timers.tick(0);
  const reading = next("GET /api/settings");
  type("1234");
  await save();
  await next("PATCH /api/settings").answer(told(1234));
  await reading.answer(told(1000));
  assert.deepEqual([input.value, reset.hidden], ["1234", false], "the old value was read before the change");
  mock.timers.tick(PAUSE_MIN_MS);
  await next("GET /api/settings").answer(told(1235));
  assert.equal(input.value, "1235", "it is read again");
  page.stop();
  mock.timers.reset();
});

// The word of the change before stood there while the next one was sent, for people and for a test that waited for it.
test("what was said of one change is gone as soon as the next one is typed", async () => {
  const { result, type, save, next } = scene();
  type("1234");
  await save();
  await next("PATCH /api/settings").answer(told(1234));
  assert.match(result.textContent, /^Saved/);
  type("12345");
  assert.equal(result.textContent, "");
});

test("what is typed while a change is under way stays, and so does the focus of whoever went on", async () => {
  const { row, input, type, save, next } = scene();
  input.focus();
  type("1234");
  await save();
  type("12345");
  document.activeElement = document.body;
  await next("PATCH /api/settings").answer(told(1234));
  assert.deepEqual([input.value, row.shown.text], ["12345", "1234"]);
  assert.equal(document.activeElement, input, "the focus is not lost");
  await save();
  const elsewhere = document.createElement("input");
  elsewhere.focus();
  await next("PATCH /api/settings").answer(told(12345));
  assert.equal(document.activeElement, elsewhere);
});

// Of two changes under way the older could be answered last, and restored what the newer had changed.
test("a change goes out after the answer to the one before, also after a refusal", async () => {
  const { type, save, next } = scene();
  type("1234");
  await save();
  type("0");
  await save();
  const first = next("PATCH /api/settings");
  assert.equal(next("PATCH /api/settings"), null, "one at a time");
  await first.answer(told(1234));
  type("2000");
  await save();
  await next("PATCH /api/settings").answer({ error: { message: "it must be between 1 and 60000", code: "bad_setting" } }, 422);
  await next("PATCH /api/settings").answer(told(2000));
});
