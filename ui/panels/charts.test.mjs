import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { fakePage } from "../lib/fake-page.mjs";

const fake = fakePage();
const range = Object.assign(document.createElement("button"), { dataset: { seconds: "600", words: "10 minutes" } });
Object.assign(document, { querySelectorAll: () => [range], documentElement: { dataset: { theme: "light" } } });
Object.assign(globalThis, { addEventListener() {}, ResizeObserver: class { observe() {} }, sessionStorage: { getItem: () => "token" } });
let answer = null;
globalThis.fetch = async () => answer;
const { setUp } = await import("./charts.js");

/** Lets promises that are ready go on. */
const settle = async () => { for (let turn = 0; turn < 30; turn += 1) await Promise.resolve(); };

// A press on the button did nothing that anybody could see.
test("a download that fails is said at its chart, and the next one that goes well takes that back", async () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  setUp();
  const csv = fake.at("waits-head").children[0].children[1];
  const problem = fake.at("chart-waits").children.find((node) => node.attributes.role === "alert");
  const press = () => { csv.listeners.click(); return settle(); };
  assert.equal(problem.hidden, true);
  answer = { ok: false, status: 503, json: async () => ({ error: { message: "the host is shutting down", code: "shutting_down" } }) };
  await press();
  assert.deepEqual([problem.hidden, problem.textContent], [false, "The host is shutting down"]);
  URL.createObjectURL = () => "blob:";
  URL.revokeObjectURL = () => {};
  const links = [];
  const createElement = document.createElement;
  document.createElement = (tag) => Object.assign(createElement(tag), tag === "a" ? { click() { links.push(this.download); } } : {});
  answer = { ok: true, status: 200, blob: async () => null };
  await press();
  assert.deepEqual([problem.hidden, links], [true, ["commonplace-waits.csv"]]);
  mock.timers.reset();
});
