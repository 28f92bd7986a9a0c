import assert from "node:assert/strict";
import { test } from "node:test";
import * as memories from "./memories.js";
import { queryOf } from "./query.js";

const answer = (...ids) => ({ memories: ids.map((id) => ({ id })), next: null, total: ids.length });
const begun = (query = "") => ({ ...memories.begin(), query: queryOf(new URLSearchParams(query)) });
/** A list of 9, 8, 7, 6, as it was read. */
const read = (query) => memories.took(memories.asks(begun(query)), answer(9, 8, 7, 6));
const ids = ({ rows }) => rows.map(({ memory }) => memory.id);
const results = (result, ...ids) => ids.map((id) => ({ id, result }));

test("a list that is read has the keyboard on its first row, and nothing is selected", () => {
  const state = memories.took(memories.select(read(), 8, false), answer(5, 4));
  assert.deepEqual([ids(state), state.current, state.selected.size, state.problem], [[5, 4], 5, 0, ""]);
  assert.equal(memories.took(state, answer()).current, null);
});

test("a further part keeps what is selected and where the keyboard is, and the total of the first", () => {
  const first = { ...memories.select(read(), 8, false), cursor: "6" };
  const asked = memories.asksMore(first);
  assert.deepEqual([asked.cursor, asked.asked], [null, first.asked + 1], "nobody asks twice");
  const state = memories.took(asked, { memories: [{ id: 5 }], next: "5" }, asked.rows);
  assert.deepEqual([ids(state), state.total, state.cursor, state.current, [...state.selected]], [[9, 8, 7, 6, 5], 4, "5", 8, [8]]);
});

test("the keyboard moves within the list, and comes back to its row from elsewhere", () => {
  const moves = [[1, true], [5, true], [-9, true]].map(([by, isInList]) => memories.step(memories.step(read(), 1, true), by, isInList).current);
  assert.deepEqual(moves, [7, 6, 9]);
  assert.equal(memories.step(memories.step(read(), 1, true), 1, false).current, 8);
  assert.equal(memories.step(begun(), 1, true).current, null, "there is no row");
});

test("a range is selected in both directions, and taken out again", () => {
  const range = memories.select(memories.select(read(), 6, false), 8, true);
  assert.deepEqual([[...range.selected].sort(), range.anchor, range.current], [[6, 7, 8], 8, 8]);
  assert.deepEqual([...memories.select(range, 7, false).selected].sort(), [6, 8]);
  assert.deepEqual([...memories.select({ ...read(), anchor: 5 }, 8, true).selected], [8], "the other end is not shown any more");
  assert.deepEqual([memories.selectAll(read()).selected.size, memories.selectAll(memories.selectAll(read())).selected.size], [4, 0]);
});

test("an act means what is selected, else the row with the keyboard, else the memory that is open", () => {
  assert.deepEqual(memories.meant(memories.select(read("id=7"), 8, false), true), [8]);
  assert.deepEqual([memories.meant(read("id=7"), true), memories.meant(read("id=7"), false)], [[9], [7]]);
  assert.deepEqual([memories.meant(read("id=new"), false), memories.meant(begun(), false)], [[9], []]);
});

test("what was deleted leaves the list and can be undone, and the keyboard stays at its place", () => {
  const before = memories.select(memories.selectAll(read()), 8, false);
  const state = memories.acted({ ...before, isActing: true }, "delete", [...results("done", 9, 8), ...results("not_found", 7), ...results("not_tried", 6)]);
  assert.deepEqual([ids(state), state.total, state.current, [...state.selected]], [[6], 1, 6, [6]]);
  assert.deepEqual([state.undoable, state.isActing], [[[9, 8]], false]);
  assert.deepEqual(state.toast, { words: "2 memories deleted, 1 already gone, 1 not tried", canUndo: true });
  const restored = memories.acted(state, "undo", [...results("done", 9), ...results("text_taken", 8)]);
  assert.deepEqual(restored.toast, { words: "1 memory restored, 1 left in the bin because the same text has been stored again", canUndo: false });
});

// What the host had refused to undo was forgotten, although the message went on offering it.
test("what was undone cannot be undone again, and what was not tried still can", () => {
  const deleted = [results("done", 9, 8), results("done", 7)].reduce((state, each) => memories.acted(state, "delete", each), read());
  const undo = (results) => memories.acted(deleted, "undo", results);
  assert.deepEqual([undo([]).undoable, undo([]).toast], [deleted.undoable, deleted.toast], "the host refused");
  assert.deepEqual(undo(results("done", 7)).undoable, [[9, 8]]);
  assert.deepEqual(undo([...results("done", 9), ...results("not_tried", 8)]).undoable, [[8], [7]]);
  assert.deepEqual(undo(results("text_taken", 7)).undoable, [[9, 8]], "it does not stand in the way of earlier deletes");
  assert.deepEqual(memories.acted(deleted, "purge", results("done", 9, 8, 7)).undoable, []);
});

test("only what others did makes the list old", () => {
  const told = (state, total) => memories.toldStatus(state, { now_ms: 5, memories: { total, deleted: 0 } });
  const state = told(read(), 4);
  assert.equal(memories.isOld(state), false);
  const acted = memories.acted(state, "delete", results("done", 9));
  assert.deepEqual([memories.isOld(acted), memories.isOld(told(acted, 3)), memories.isOld(told(told(acted, 3), 4))], [false, false, true]);
  assert.equal(memories.isOld(memories.asks(told(state, 9))), false);
});

test("only rows that look different are shown again", () => {
  const state = read();
  const rows = (change) => memories.changedRows(state, change);
  assert.deepEqual(rows(memories.step(state, 2, true)), [0, 2], "where the keyboard was and is");
  assert.deepEqual(rows(memories.select(state, 9, false)), [0]);
  assert.deepEqual(rows({ ...state, query: { ...state.query, open: "6" } }), [3]);
  assert.deepEqual(rows(memories.changed(state, { id: 7 })), [2]);
  assert.deepEqual(rows(memories.took(state, answer(5), state.rows)), [4]);
});

test("the line above the list says how many there are, or why there is none", () => {
  const words = (query, shown, total, wordsOnly = null) => memories.countWords({ ...begun(query), rows: Array(shown), total, wordsOnly });
  assert.equal(words("", 100, 99_796), "99,796 memories, first 100 shown");
  assert.equal(words("", 1, 1), "1 memory");
  assert.equal(words("bin=1", 1, 1), "1 deleted memory");
  assert.equal(words("tag=x", 0, 0), "No memories match these filters");
  assert.match(words("", 0, 0), /write the first/);
  assert.match(words("bin=1", 0, 0), /bin is empty/);
  assert.equal(words("q=x", 3, 3, "no model"), "3 results, best first. Keyword only: no model");
  assert.equal(memories.countWords(memories.selectAll(read())), "4 selected");
});

test("many ids go in parts, and a permanent deletion is confirmed by typing its number", () => {
  assert.deepEqual(memories.inParts([1, 2, 3, 4, 5], 2), [[1, 2], [3, 4], [5]]);
  const { typed, isDanger } = memories.purgeQuestion(3);
  assert.deepEqual([typed, isDanger], ["3", true]);
});
