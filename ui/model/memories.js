// @ts-check
// The page of memories as one state, and what changes it. Each function takes a state and returns the next. Pure functions.

import { count, plural } from "../lib/format.js";
import { isFiltered, isSearch, pathOf, queryOf } from "./query.js";

/** Most memories that the host changes in one request. */
const IDS_MAX = 500;

/** Rows up to which the list reads on by itself; further ones are asked for, so that a page left alone stays small. */
const READ_ON_MAX = 3000;

/**
 * What is known before anything is read.
 *
 * @typedef {ReturnType<typeof begin>} State
 */
export function begin() {
  return {
    query: queryOf(new URLSearchParams()),
    /** What there is to filter by. */
    facets: null,
    rows: [],
    /** Where the list goes on; null at its end, and while the next part is read. */
    cursor: null,
    total: 0,
    /** Why a search was by keyword only. */
    wordsOnly: null,
    problem: "",
    /** The path that the list was read from; null if it must be read again. */
    readPath: null,
    /** Counts the requests, so that a late answer does not replace a newer one. */
    asked: 0,
    /** Memories of the store, as the host told them last, and when the list was read. */
    counted: "",
    countedThen: "",
    nowMs: 0,
    selected: new Set(),
    /** The row with the keyboard, and where a selection of several begins. */
    current: null,
    anchor: null,
    /** Ids of each delete that can be undone, the last one last. */
    undoable: [],
    /** True while the host changes several memories. */
    isActing: false,
    /** What was just said, and whether it offers to undo. */
    toast: null,
    /** How far the list was scrolled before a memory took its place. */
    listPlace: 0,
  };
}

/** The host has sent its status. @param {State} state @param {import('../lib/api.d.ts').Status} status */
export function toldStatus(state, status) {
  const counted = `${status.memories.total} ${status.memories.deleted}`;
  return { ...state, nowMs: status.now_ms, counted, countedThen: state.countedThen === "" ? counted : state.countedThen };
}

/** True if the store has changed since the list was read. @param {State} state */
export const isOld = (state) => state.countedThen !== "" && state.counted !== state.countedThen;

/** The list is asked for from its beginning. @param {State} state */
export function asks(state) {
  return { ...state, asked: state.asked + 1, readPath: pathOf(state.query), countedThen: state.counted };
}

/** The next part of the list is asked for. @param {State} state */
export function asksMore(state) {
  return { ...state, asked: state.asked + 1, cursor: null };
}

/** True if the list reads its next part by itself when its end is near. @param {State} state */
export const readsOn = (state) => state.rows.length < READ_ON_MAX;

/** A part of the list has come; `before` has the rows that stand before it. @param {State} state @param {import('../lib/api.d.ts').SearchResults | import('../lib/api.d.ts').MemoryList} answer */
export function took(state, answer, before = []) {
  const next = { ...state, ...("hits" in answer ? found(answer) : listed(answer, before, state.total)), problem: "" };
  return withRow(before.length > 0 ? next : { ...next, selected: new Set(), current: null, anchor: null });
}

/** @param {import('../lib/api.d.ts').SearchResults} answer */
function found({ hits, words_only }) {
  return { rows: hits.map((hit) => ({ memory: hit.memory, hit })), total: hits.length, cursor: null, wordsOnly: words_only };
}

/** @param {import('../lib/api.d.ts').MemoryList} answer */
function listed({ memories, total, next }, before, counted) {
  return { rows: [...before, ...memories.map((memory) => ({ memory, hit: null }))], total: total ?? counted, cursor: next, wordsOnly: null };
}

/** The list could not be read, and must be read again. @param {State} state */
export function notRead(state, problem) {
  return { ...state, problem, readPath: null };
}

/** Gives the keyboard a row if it has none. @param {State} state */
function withRow(state) {
  return rowWith(state, state.current) ? state : { ...state, current: state.rows[0]?.memory.id ?? null };
}

/** The row of a memory; undefined if it is not shown. @param {State} state */
const rowWith = (state, id) => state.rows.find((row) => row.memory.id === id);

/** How a search found the memory that is open; null if none did. @param {State} state */
export const hitOf = (state) => rowWith(state, Number(state.query.open))?.hit ?? null;

/** Selects a row or takes it out again; with `isRange` all rows from the last one to here. @param {State} state */
export function select(state, id, isRange) {
  const isOn = !state.selected.has(id);
  const selected = new Set(state.selected);
  for (const each of isRange ? between(idsOf(state), state.anchor, id) : [id]) {
    if (isOn) selected.add(each);
    else selected.delete(each);
  }
  return { ...state, selected, anchor: id, current: id };
}

/** Selects all rows, or none if all were. @param {State} state */
export function selectAll(state) {
  return { ...state, selected: new Set(isAllSelected(state) ? [] : idsOf(state)) };
}

/** @param {State} state */
export const isAllSelected = (state) => state.rows.length > 0 && state.rows.every((row) => state.selected.has(row.memory.id));

const idsOf = (state) => state.rows.map((row) => row.memory.id);

/** The ids from one row to another, in any direction. */
function between(ids, from, to) {
  const [a, b] = [ids.indexOf(from), ids.indexOf(to)];
  return a < 0 || b < 0 ? [to] : ids.slice(Math.min(a, b), Math.max(a, b) + 1);
}

/** Moves the keyboard `by` rows. If it was not in the list it comes to its row there. @param {State} state */
export function step(state, by, isInList) {
  if (state.rows.length === 0) return state;
  const place = placeOf(state);
  const next = isInList ? Math.min(state.rows.length - 1, Math.max(0, place + by)) : Math.max(0, place);
  return { ...state, current: state.rows[next].memory.id };
}

/** The number of the row with the keyboard; -1 if there is none. @param {State} state */
export const placeOf = (state) => state.rows.findIndex((row) => row.memory.id === state.current);

/** The memories that an act means: those selected, or the one with the keyboard, or the one that is open. @param {State} state */
export function meant(state, isInList) {
  if (state.selected.size > 0) return [...state.selected];
  const one = openedOr(state, isInList);
  return one === null || one === "new" ? [] : [Number(one)];
}

/** The memory with the keyboard, or the one that is open, as in the address. @param {State} state */
export function openedOr(state, isInList) {
  const { open } = state.query;
  return (isInList || open === null || open === "new") && state.current !== null ? String(state.current) : open;
}

/**
 * An act on several memories has ended: what it was tried on leaves the list, and the keyboard stays at its place.
 *
 * @param {State} state
 * @param {string} act  `delete`, `undo` or `purge`
 * @param {{ id: number, result: string }[]} results
 */
export function acted(state, act, results) {
  const tried = new Set(results.filter(({ result }) => result !== "not_tried").map(({ id }) => id));
  const done = results.filter(({ result }) => result === "done").map(({ id }) => id);
  const canUndo = act === "delete" && done.length > 0;
  const rows = state.rows.filter((row) => !tried.has(row.memory.id));
  const place = Math.min(Math.max(0, placeOf(state)), rows.length - 1);
  return {
    ...state,
    rows,
    total: state.total - (state.rows.length - rows.length),
    selected: new Set([...state.selected].filter((id) => !tried.has(id))),
    current: rows[place]?.memory.id ?? null,
    undoable: (act === "delete" ? [...state.undoable, done] : without(state.undoable, tried)).filter((ids) => ids.length > 0),
    toast: results.length > 0 ? { words: resultWords(act, results), canUndo } : state.toast,
    // The next status counts what was done here: that is no news.
    countedThen: "",
    isActing: false,
  };
}

/** What is left to undo when some memories have left the bin, or cannot be restored. */
const without = (undoable, tried) => undoable.map((ids) => ids.filter((id) => !tried.has(id)));

/** A memory was changed elsewhere on the page. @param {State} state @param {import('../lib/api.d.ts').Memory} memory */
export function changed(state, memory) {
  return { ...state, rows: state.rows.map((row) => (row.memory.id === memory.id ? { ...row, memory } : row)) };
}

/** The numbers of the rows that look different in `after`. @param {State} before @param {State} after */
export function changedRows(before, after) {
  const differs = ({ memory: { id } }) =>
    before.selected.has(id) !== after.selected.has(id) ||
    (before.current === id) !== (after.current === id) ||
    (before.query.open === String(id)) !== (after.query.open === String(id));
  return after.rows.flatMap((row, index) => (row !== before.rows[index] || differs(row) ? [index] : []));
}

/** What stands above the list: how many there are, or why there is none. @param {State} state */
export function countWords({ query, selected, rows, total, wordsOnly }) {
  if (selected.size > 0) return `${count(selected.size)} selected`;
  if (isSearch(query)) {
    const words = rows.length === 0 ? "Nothing found" : `${plural(rows.length, "result")}, best first`;
    return wordsOnly === null ? words : `${words}. Keyword only: ${wordsOnly}`;
  }
  if (total === 0) return emptyWords(query);
  const what = query.isBin ? plural(total, "deleted memory", "deleted memories") : plural(total, "memory", "memories");
  return rows.length < total ? `${what}, first ${count(rows.length)} shown` : what;
}

function emptyWords(query) {
  if (query.q.trim() !== "") return "Nothing in the bin matches all these words";
  if (isFiltered(query)) return "No memories match these filters";
  if (query.isBin) return "The bin is empty. Deleted memories can be restored from here for at least 30 days";
  return "No memories yet. Connect an agent, or write the first memory here";
}

/** Parts of a list that fit into one request. */
export function inParts(ids, size = IDS_MAX) {
  return Array.from({ length: Math.ceil(ids.length / size) }, (_, n) => ids.slice(n * size, (n + 1) * size));
}

const DONE = { delete: "deleted", undo: "restored", purge: "permanently deleted" };
const MISSED = {
  not_tried: "not tried",
  not_found: "already gone",
  already_deleted: "already deleted",
  not_deleted: "not deleted",
  text_taken: "left in the bin because the same text has been stored again",
};

/** How an act on several memories went, in words. */
function resultWords(act, results) {
  const counts = new Map();
  for (const { result } of results) counts.set(result, (counts.get(result) ?? 0) + 1);
  const done = counts.get("done") ?? 0;
  counts.delete("done");
  const missed = [...counts].map(([why, number]) => `${count(number)} ${MISSED[why] ?? why}`);
  return [`${plural(done, "memory", "memories")} ${DONE[act]}`, ...missed].join(", ");
}

/** Asks before memories are deleted permanently; one types how many. */
export function purgeQuestion(number) {
  return {
    title: `Permanently delete ${plural(number, "memory", "memories")}?`,
    words: ["Text, index, vectors and history are removed and overwritten. This cannot be undone.", "Backups made earlier still contain what was deleted."],
    button: "Delete permanently",
    typed: String(number),
    isDanger: true,
  };
}

/** The keyboard shortcuts: [key, words]. */
export const KEYS = [
  ["/", "search"],
  ["j  ↓", "next memory"],
  ["k  ↑", "previous memory"],
  ["Enter", "open"],
  ["Escape", "close, cancel"],
  ["e", "edit"],
  ["Ctrl Enter", "save"],
  ["n", "new memory"],
  ["x", "select"],
  ["Shift x", "select a range"],
  ["a", "select all shown, or none"],
  ["#  Delete", "delete; in the bin, delete permanently"],
  ["r", "restore (in the bin)"],
  ["u  Ctrl Z", "undo the last delete"],
  ["g", "refresh the list"],
  ["?", "show these shortcuts"],
];
