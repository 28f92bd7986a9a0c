import assert from "node:assert/strict";
import { test } from "node:test";
import * as model from "./memory.js";

function memory(changes = {}) {
  return {
    id: 7, content_hash: "ab", text: "a fact", tags: ["a", "b"], type: "note", project: "/p", metadata: {}, created_ms: 1000, updated_ms: 1000,
    deleted_ms: null, provenance: { client: "claude-code" }, ...changes,
  };
}

test("invisible characters are written out", () => {
  assert.equal(model.visible("a\u202eb\u0000c\u200bd\te\nf\u{e0041}"), "a⟨U+202E⟩b⟨U+0000⟩c⟨U+200B⟩d\te\nf⟨U+E0041⟩");
  assert.equal(model.visible("é 日本 👍 <b>"), "é 日本 👍 <b>");
});

test("an edit sends only what differs", () => {
  const before = memory({ text: "one\r\ntwo" });
  const form = { ...model.formOf(before), text: "one\ntwo" };
  assert.equal(model.changesOf(before, form), null, "a text field turns line ends into its own");
  assert.deepEqual(model.changesOf(before, { ...form, tags: "B, a,, A " }), { tags: ["b", "a"] });
  assert.deepEqual(model.changesOf(before, { ...form, type: "", project: "/q" }), { type: "", project: "/q" });
  const changed = (metadata) => model.changesOf(before, { ...form, metadata });
  assert.equal(changed(" { } "), null);
  assert.deepEqual(changed('{"a": 1}'), { metadata: { a: 1 } });
  assert.deepEqual(model.changesOf(memory({ metadata: { a: 1 } }), { ...form, text: "a fact", metadata: "" }), { metadata: { a: null } });
  assert.deepEqual(changed('{"a": 1'), { metadata: null }, "a change, though not yet a good one");
  const long = memory({ metadata: JSON.parse('{"id": 12345678901234567890}') });
  assert.equal(model.changesOf(long, model.formOf(long)), null, "what nobody touches is not checked");
});

test("the history says what each change changed", () => {
  const before = { change: "update", at_ms: 5000, client: "c", text: "old", tags: ["a", "b"], type: "note", project: "/p", metadata: {} };
  const first = { ...before, text: "older", tags: [], at_ms: 4000 };
  const past = model.historyOf({ memory: memory(), history: [{ ...before, text: "a fact", metadata: { k: 1 } }, before, first] }, 65_000);
  assert.deepEqual(past, [
    { head: "Changed the metadata, 1 min ago, by c", text: 'a fact\n{\n "k": 1\n}' },
    { head: "Changed the text and the metadata, 1 min ago, by c", text: "old\n{}" },
    { head: "Changed the text and the tags, 1 min ago, by c", text: "older" },
  ]);
});

test("a score is told in words", () => {
  const words = (keyword_rank, semantic_rank, cosine, mode) => model.scoreWords({ score: 0.934, keyword_rank, semantic_rank, cosine }, mode);
  assert.equal(words(1, 22, 0.618, "hybrid"), "Score 0.93 of 1: keyword rank 1, semantic rank 22 (similarity 0.62).");
  assert.equal(words(null, 3, 0.5, "hybrid"), "Score 0.93 of 1: no keyword match, semantic rank 3 (similarity 0.50).");
  assert.match(words(11, null, null, "hybrid"), /keyword rank 11, no semantic rank/);
  assert.equal(words(2, null, null, "keyword"), "Score 0.93 of 1: keyword rank 2.");
  assert.match(words(null, null, null, "exact"), /your text exactly/);
  assert.equal(model.scoreWords(null, "hybrid"), "");
});
