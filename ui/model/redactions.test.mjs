import assert from "node:assert/strict";
import { test } from "node:test";
import { heading, inOrder, partsOf, question, rowOf, traceOf } from "./redactions.js";

const HOUR_MS = 3_600_000;
const REDACTION = {
  number: 5, memory: 12, start: "use [redacted: github token]", client: "claude-code", at_ms: 0, until_ms: 8 * HOUR_MS,
  replaced: [{ kind: "github token", place: "text" }, { kind: "password", place: "metadata.db.url" }],
};

test("a row says what was replaced where, who stored it when, and for how long it can be put back", () => {
  const row = rowOf(REDACTION, HOUR_MS);
  assert.equal(row.name, "use [redacted: github token]");
  assert.equal(row.replaced, "github token (text), password (metadata.db.url)");
  assert.equal(row.sub, "1 h ago, by claude-code. Can be put back for another 7 h");
  assert.equal(rowOf({ ...REDACTION, start: "", client: "" }, 0).name, "Memory 12");
});

test("names that clients chose cannot turn the line around", () => {
  const hostile = rowOf({ ...REDACTION, start: "a\u202eb", client: "c\u202ed", replaced: [{ kind: "k", place: "metadata.\u202e" }] }, 0);
  assert.doesNotMatch(JSON.stringify(hostile), /\u202e/);
});

test("only the parts in which something was replaced are shown, with what cannot be seen written out", () => {
  const parts = partsOf({ text: "a\u200bb", tags: ["x", "y"], type: "", metadata: { k: "v" } });
  assert.deepEqual(parts, [["Text", "a⟨U+200B⟩b"], ["Tags", "x, y"], ["Type", ""], ["Metadata", '{\n "k": "v"\n}']]);
  assert.deepEqual(partsOf({ project: null }), []);
});

test("the one that goes first stands on top, so that new ones move nothing", () => {
  const order = inOrder([{ ...REDACTION, number: 9 }, { ...REDACTION, number: 5 }]);
  assert.deepEqual(order.map(({ number }) => number), [5, 9]);
});

test("the list is read again when the host says so, and not while there is nothing", () => {
  const status = (instance, redactions) => ({ host: { instance }, redactions });
  assert.equal(traceOf(status("a", { count: 0, revision: 4 })), "");
  assert.equal(traceOf(status("a", undefined)), "", "a host of an earlier version");
  const traces = [status("a", { count: 1, revision: 1 }), status("a", { count: 1, revision: 3 }), status("b", { count: 1, revision: 1 })].map(traceOf);
  assert.equal(new Set(traces).size, 3);
});

test("what putting back means is said before", () => {
  assert.equal(heading(1), "Secrets were replaced in 1 memory");
  assert.equal(heading(2), "Secrets were replaced in 2 memories");
  assert.match(question(REDACTION).words.join(" "), /github token.*Every session and program.*written to the disk/);
});
