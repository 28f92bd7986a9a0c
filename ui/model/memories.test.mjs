import assert from "node:assert/strict";
import { test } from "node:test";
import * as memories from "./memories.js";

const state = (query) => memories.stateOf(new URLSearchParams(query));
const usual = state("");

function memory(changes = {}) {
  return {
    id: 7, content_hash: "ab", text: "a fact", tags: ["a", "b"], type: "note", project: "/p", metadata: {}, created_ms: 1000, updated_ms: 1000,
    deleted_ms: null, provenance: { client: "claude-code" }, ...changes,
  };
}

test("an address and what it shows are the same thing", () => {
  const query = "q=a+%26+b&mode=exact&project=&type=note&client=c&tag=x&tag=y&tag_match=all&from=2026-01-02&to=2026-03-04&bin=1&id=12";
  const read = state(query);
  assert.equal(memories.paramsOf(read).toString(), query);
  assert.equal(read.project, "", "without a project, which is not the same as any project");
  assert.equal(memories.paramsOf(usual).toString(), "");
});

test("what makes no sense in an address is left out", () => {
  const read = state("mode=fuzzy&from=yesterday&to=2026-13-45&id=..%2Fx&tag=&bin=yes&tag_match=all");
  assert.deepEqual(read, usual.isAll ? usual : { ...usual, isAll: true });
  assert.equal(memories.paramsOf(read).toString(), "");
});

test("a search asks the host with the same filters as a list", () => {
  const read = state("q=x&mode=keyword&tag=a&project=p");
  assert.equal(memories.pathOf(read), "/api/memories/search?q=x&mode=keyword&project=p&tag=a&limit=100");
  assert.equal(memories.pathOf({ ...read, q: " " }, "5.6"), "/api/memories?project=p&tag=a&limit=100&cursor=5.6");
  assert.equal(memories.pathOf({ ...read, isBin: true }, "5.6"), "/api/memories?project=p&tag=a&limit=100&deleted=true&contains=x&cursor=5.6", "the bin is looked through");
});

test("days are whole days of this clock", () => {
  const params = new URLSearchParams(memories.pathOf(state("from=2026-03-01&to=2026-03-01")).split("?")[1]);
  assert.equal(Number(params.get("after")), new Date(2026, 2, 1).getTime());
  assert.equal(Number(params.get("before")), new Date(2026, 2, 2).getTime());
});

test("what would be obeyed unseen is written out", () => {
  assert.equal(memories.visible("a\u202eb\u0000c\u200bd\te\nf\u{e0041}"), "a⟨U+202E⟩b⟨U+0000⟩c⟨U+200B⟩d\te\nf⟨U+E0041⟩");
  assert.equal(memories.visible("é 日本 👍 <b>"), "é 日本 👍 <b>");
});

test("a score is told in words", () => {
  const hit = (keyword_rank, semantic_rank, cosine) => ({ score: 0.934, keyword_rank, semantic_rank, cosine });
  assert.equal(memories.scoreWords(hit(1, 22, 0.618), "hybrid"), "1st by words, 22nd by meaning (similarity 0.62). Both places together make a score of 0.93; who leads every list has 1.");
  assert.match(memories.scoreWords(hit(null, 3, 0.5), "hybrid"), /^3rd by meaning .* Its words do not match/);
  assert.match(memories.scoreWords(hit(11, null, null), "hybrid"), /^11th by words\. Its meaning is not among the nearest/);
  assert.match(memories.scoreWords(hit(2, null, null), "keyword"), /^2nd by words\. That makes/);
  assert.match(memories.scoreWords(hit(null, null, null), "exact"), /letter by letter/);
  assert.equal(memories.scoreWords(null, "hybrid"), "");
});

test("the line above the list says how many there are, or why there is none", () => {
  assert.equal(memories.countWords(usual, 100, 99_796, null), "99,796 memories, the first 100 shown");
  assert.equal(memories.countWords(usual, 1, 1, null), "1 memory");
  assert.equal(memories.countWords(state("tag=x"), 0, 0, null), "No memory passes these filters");
  assert.match(memories.countWords(usual, 0, 0, null), /write the first/);
  assert.match(memories.countWords(state("bin=1"), 0, 0, null), /bin is empty/);
  assert.equal(memories.countWords(state("q=x"), 3, 3, "no model"), "3 hits, the best first. By words only: no model");
});

test("an edit sends only what is another", () => {
  const before = memory({ text: "one\r\ntwo" });
  const form = { ...memories.formOf(before), text: "one\ntwo" };
  assert.equal(memories.changesOf(before, form), null, "a text field turns line ends into its own");
  assert.deepEqual(memories.changesOf(before, { ...form, tags: "B, a,, A " }), { tags: ["b", "a"] });
  assert.deepEqual(memories.changesOf(before, { ...form, type: "", project: "/q" }), { type: "", project: "/q" });
  const changed = (metadata) => memories.changesOf(before, { ...form, metadata });
  assert.equal(changed(" { } "), null);
  assert.deepEqual(changed('{"a": 1}'), { metadata: { a: 1 } });
  assert.deepEqual(memories.changesOf(memory({ metadata: { a: 1 } }), { ...form, text: "a fact", metadata: "" }), { metadata: { a: null } });
  assert.deepEqual(changed('{"a": 1'), { metadata: null }, "a change, though not yet a good one");
  const long = memory({ metadata: JSON.parse('{"id": 12345678901234567890}') });
  assert.equal(memories.changesOf(long, memories.formOf(long)), null, "what nobody touches is not checked");
});

test("the result of several is told with what was missed", () => {
  const results = ["done", "done", "text_taken", "not_found"].map((result, id) => ({ id, result }));
  assert.equal(memories.resultWords("undo", results), "2 memories brought back, 1 left in the bin, because its text is stored again, 1 gone already");
});

test("the history says what each change changed", () => {
  const before = { change: "update", at_ms: 5000, client: "c", text: "old", tags: ["a", "b"], type: "note", project: "/p", metadata: {} };
  const first = { ...before, text: "older", tags: [], at_ms: 4000 };
  const past = memories.historyOf({ memory: memory(), history: [{ ...before, text: "a fact", metadata: { k: 1 } }, before, first] }, 65_000);
  assert.deepEqual(past, [
    { head: "Changed the metadata, 1 min ago, by c", text: 'a fact\n{\n "k": 1\n}' },
    { head: "Changed the text and the metadata, 1 min ago, by c", text: "old\n{}" },
    { head: "Changed the text and the tags, 1 min ago, by c", text: "older" },
  ]);
});

test("many ids go in parts, and a range runs both ways", () => {
  assert.deepEqual(memories.inParts([1, 2, 3, 4, 5], 2), [[1, 2], [3, 4], [5]]);
  assert.deepEqual(memories.between([9, 8, 7, 6], 6, 8), [8, 7, 6]);
  assert.deepEqual(memories.between([9, 8], 5, 8), [8], "the other end is not shown any more");
});

test("a purge is typed in numbers", () => {
  const question = memories.purgeQuestion(3);
  assert.equal(question.typed, "3");
  assert.ok(question.isDanger);
});
