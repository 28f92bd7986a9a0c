import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";
import { fakePage } from "../lib/fake-page.mjs";
import { PAUSE_MIN_MS } from "../lib/reader.js";

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
Object.assign(fake.at("confirm"), { showModal() {}, close() {} });
const { redactionsChanged, setUpRedactions, stopRedactions } = await import("./redactions.js");

const given = [];
setUpRedactions((record) => given.push(record));
mock.timers.enable({ apis: ["setTimeout", "Date"] });

/** Lets promises that are ready go on. */
const settle = async () => { for (let turn = 0; turn < 30; turn += 1) await Promise.resolve(); };
const next = (what) => { const at = asked.findIndex((one) => one.what === what); return at < 0 ? null : asked.splice(at, 1)[0]; };
const redaction = (number) => ({ number, memory: number * 10, start: `memory ${number}`, client: "c", at_ms: 0, until_ms: 9, replaced: [] });
const told = (count, revision) => redactionsChanged({ now_ms: 0, host: { instance: "a" }, redactions: { count, revision } });
const items = () => fake.at("redaction-rows").children;
const numbers = () => items().map((item) => item.number);
const button = (row, place) => items()[row].children[0].children[1].children[place];
const press = (node) => { node.listeners.click({}); return settle(); };
const agree = () => { fake.at("confirm-form").listeners.submit({ preventDefault() {} }); return settle(); };
const result = () => (fake.at("redactions-result").hidden ? "" : fake.at("redactions-result").textContent);
const REFUSED = { error: { message: "memory 10 was changed since", code: "changed_since" } };

async function reads(...redactions) {
  mock.timers.tick(PAUSE_MIN_MS);
  await next("GET /api/redactions").answer({ redactions });
}

beforeEach(async () => {
  stopRedactions();
  asked.length = given.length = 0;
  told(2, 1);
  await reads(redaction(2), redaction(1));
});

test("the panel is there only while something can be put back", async () => {
  assert.deepEqual([numbers(), fake.at("redactions").hidden], [[1, 2], false]);
  told(0, 2);
  assert.deepEqual([numbers(), fake.at("redactions").hidden, asked.length], [[], true, 0]);
});

test("a row that comes or goes leaves the others with their own redaction", async () => {
  const second = items()[1];
  told(2, 2);
  await reads(redaction(3), redaction(2));
  assert.deepEqual([numbers(), items()[0] === second], [[2, 3], true]);
});

test("what was replaced is asked for when a person wants to see it, and gone when he leaves", async () => {
  await press(button(0, 0));
  await next("GET /api/redactions/1").answer({ ...redaction(1), parts: { text: "<b>hunter2</b>" } });
  assert.match(items()[0].textContent, /<b>hunter2<\/b>/);
  assert.deepEqual([button(0, 0).textContent, button(0, 0).ariaExpanded], ["Hide", "true"]);
  stopRedactions();
  assert.doesNotMatch(fake.at("redaction-rows").textContent, /hunter2/);
  told(2, 1);
  await reads(redaction(2), redaction(1));
  assert.doesNotMatch(fake.at("redaction-rows").textContent, /hunter2/);
});

test("something is put back after a question, which is said, and the page has the memory", async () => {
  await press(button(0, 1));
  assert.equal(asked.length, 0, "not before he agrees");
  await agree();
  await next("POST /api/redactions/1/put-back").answer({ memory: { id: 10 } });
  assert.match(result(), /^Put back into memory 10/);
  assert.deepEqual([numbers(), given], [[2], [{ memory: { id: 10 } }]]);
});

test("what the host refuses to put back is said and stays", async () => {
  await press(button(0, 1));
  await agree();
  await next("POST /api/redactions/1/put-back").answer(REFUSED, 409);
  assert.deepEqual([result(), numbers(), given], ["Memory 10 was changed since", [1, 2], []]);
});

test("a secret is forgotten at once, and the last one leaves the answer", async () => {
  for (const number of [1, 2]) {
    await press(button(0, 2));
    await next(`DELETE /api/redactions/${number}`).answer({ redactions: [] });
  }
  assert.match(result(), /^Forgotten/);
  assert.deepEqual([numbers(), fake.at("redactions").hidden], [[], false]);
});
