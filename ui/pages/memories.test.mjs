import assert from "node:assert/strict";
import { test } from "node:test";
import { fakePage } from "../lib/fake-page.mjs";

const fake = fakePage();
const asked = [];
Object.assign(globalThis, { matchMedia: () => ({ matches: false }), addEventListener() {}, sessionStorage: { getItem: () => "token" } });
Object.assign(document, { addEventListener() {} });
globalThis.fetch = (path, { method = "GET" }) => new Promise((resolve) => {
  const answer = async (body, status = 200) => {
    resolve({ ok: status === 200, status, json: async () => body });
    await settle();
  };
  asked.push({ what: `${method} ${path.split("?")[0]}`, answer });
});
const { page } = await import("./memories.js");
page.setUp();

/** Lets promises that are ready go on. */
const settle = async () => { for (let turn = 0; turn < 30; turn += 1) await Promise.resolve(); };
/** The request that was made first and is not answered yet; null if there is none. */
const next = (what) => { const at = asked.findIndex((one) => one.what === what); return at < 0 ? null : asked.splice(at, 1)[0]; };
const press = (id) => { fake.at(id).listeners.click({}); return settle(); };
const memory = (id) => ({ id, text: `memory ${id}`, tags: [], project: "", type: null, provenance: { client: "" }, created_ms: 0, deleted_ms: null });
const list = (...ids) => ({ memories: ids.map(memory), next: "on", total: ids.length });
const refused = { error: { message: "the write queue is full", code: "queue_full" } };
const ids = () => fake.at("mem-rows").children.map((row) => row.memoryId);

// The failure of a question that nobody waits for any more stood above the newer list, which then went on at a wrong place.
test("a late failure to read on says nothing about a newer list", async () => {
  page.show(new URLSearchParams());
  await settle();
  await next("GET /api/memories").answer(list(9, 8));
  await press("mem-more");
  const older = next("GET /api/memories");
  await press("mem-again");
  await next("GET /api/memories").answer({ ...list(7), next: null });
  await older.answer(refused, 503);
  assert.deepEqual([ids(), fake.at("mem-error").hidden, fake.at("mem-more").hidden], [[7], true, true]);
});

// The ids were forgotten before the host was asked: a second press said that there is nothing to undo.
test("an undo that the host refuses is said and can be tried again", async () => {
  await press("mem-again");
  await next("GET /api/memories").answer({ ...list(9, 8), next: null });
  fake.at("mem-rows").children[0].children[0].listeners.click({ shiftKey: false });
  await press("mem-delete-several");
  await next("POST /api/memories/delete").answer({ results: [{ id: 9, result: "done" }], problem: null });
  await press("mem-undo");
  await next("POST /api/memories/undo").answer(refused, 503);
  assert.deepEqual([fake.at("mem-error").textContent, next("GET /api/memories")], ["The write queue is full", null]);
  await press("mem-undo");
  await next("POST /api/memories/undo").answer({ results: [{ id: 9, result: "done" }], problem: null });
  await next("GET /api/memories").answer({ ...list(9, 8), next: null });
  assert.deepEqual([ids(), fake.at("mem-error").hidden], [[9, 8], true]);
});
