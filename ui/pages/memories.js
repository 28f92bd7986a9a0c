// The page of the memories: what is looked for stands in the address, the list follows it, and every act has a key.

import { confirm } from "../lib/confirm.js";
import { count } from "../lib/format.js";
import { at, fillFacts, make, makeButton, matchChildren, setText, setWords } from "../lib/dom.js";
import * as memories from "../model/memories.js";
import * as panel from "../panels/memory.js";
import { addressOf } from "../model/address.js";
import { Refused, requestJson, why } from "../lib/session.js";

/** How long a message stays that nothing hangs on, and one that offers to undo. The keys and the bin undo later too. */
const SAID_MS = 8000;
const OFFERED_MS = 30_000;

/** How long a person pauses before what he types is looked for. */
const TYPING_MS = 250;

/** Rows up to which the list reads on by itself; further ones are asked for, so that a page left alone stays small. */
const READ_ON_MAX = 3000;

let state = memories.stateOf(new URLSearchParams());
/** What was asked for when the list was read; null if it must be read again. */
let readPath = null;
/** Counts the questions, so that a late answer does not replace a newer one. */
let asked = 0;
let facets = null;
let rows = [];
let cursor = null;
let total = 0;
let wordsOnly = null;
const selected = new Set();
/** True while the host changes several memories. */
let isActing = false;
/** The row with the keyboard, and where a selection of several begins. */
let current = null;
let anchor = null;
/** Ids that can be brought back, the last delete last. */
const undoable = [];
let nowMs = Date.now();
/** Memories of the store, as the host tells them: now, and when the list was read. */
let counted = "";
let countedThen = "";
let typing = 0;
const narrow = globalThis.matchMedia?.("(max-width: 760px)");
/** How far the list was scrolled before a memory took its place. */
let listPlace = 0;
let saying = 0;
/** Sees that the end of the list is near. */
let atEnd = null;

export const page = {
  setUp,
  show,
  status,
  older(status) {
    nowMs = status.now_ms;
  },
  stop() {
    clearTimeout(typing);
  },
};

function setUp() {
  panel.setUpPanel({ go: (open) => go({ open }), changed: onChanged, act, filter: addFilter });
  at("mem-search").addEventListener("submit", (event) => {
    event.preventDefault();
    go({ q: at("mem-q").value });
  });
  at("mem-q").addEventListener("input", () => {
    clearTimeout(typing);
    typing = setTimeout(() => go({ q: at("mem-q").value, open: null }, true), TYPING_MS);
  });
  for (const button of at("mem-modes").children) button.addEventListener("click", () => go({ mode: button.value }));
  for (const name of ["project", "type", "client"]) {
    at(`mem-${name}`).addEventListener("change", (event) => go({ [name]: event.target.value === "*" ? null : event.target.value.slice(1) }));
  }
  for (const name of ["from", "to"]) at(`mem-${name}`).addEventListener("change", (event) => go({ [name]: event.target.value }));
  at("mem-tag").addEventListener("change", (event) => addFilter("tag", event.target.value));
  onClick({
    "mem-all-tags": () => go({ isAll: !state.isAll }),
    "mem-clear": () => go({ project: null, type: null, client: null, tags: [], from: "", to: "" }),
    "mem-bin": () => go({ isBin: !state.isBin, open: null }),
    "mem-keys": showKeys,
    "mem-new": () => go({ open: "new" }),
    "mem-again": read,
    "mem-more": readMore,
    "mem-all": selectAll,
    "mem-restore-several": () => act("undo", [...selected]),
    "mem-delete-several": () => act(state.isBin ? "purge" : "delete", [...selected]),
    "mem-undo": undo,
    "mem-toast-close": () => (at("mem-toast").hidden = true),
  });
  fillFacts(at("mem-key-facts"), memories.KEYS);
  document.addEventListener("keydown", onKey);
  atEnd = new IntersectionObserver((entries) => entries.at(-1).isIntersecting && readOn(), { rootMargin: "600px" });
  watchEnd();
}

function onClick(acts) {
  for (const [id, act] of Object.entries(acts)) at(id).addEventListener("click", act);
}

/** Goes to another state. The address changes, and the page follows it; while somebody types, no step back is kept. */
function go(changes, isTyping = false) {
  const next = { ...state, ...changes };
  const address = addressOf("memories", memories.paramsOf(next));
  if (address === location.hash) return;
  if (!isTyping) location.hash = address;
  else if (!at("page-memories").hidden) {
    history.replaceState(null, "", address);
    show(memories.paramsOf(next));
  }
}

function addFilter(name, value) {
  if (name !== "tag") return go({ [name]: value });
  at("mem-tag").value = "";
  const tag = value.trim().toLowerCase();
  if (tag !== "" && !state.tags.includes(tag)) go({ tags: [...state.tags, tag] });
}

async function show(params) {
  const next = memories.stateOf(params);
  if (!(await panel.mayLeave(next.open))) {
    history.replaceState(null, "", addressOf("memories", memories.paramsOf(state)));
    return;
  }
  const before = state.open;
  state = next;
  showFilters();
  const list = memories.pathOf(state) === readPath ? showSome([before, state.open].map(Number)) : read();
  if (narrow.matches && (before !== null) !== (state.open !== null)) keepPlace();
  await Promise.all([list, panel.open(state.open, () => rowOf(Number(state.open))?.hit ?? null, state.mode)]);
}

/** Where there is room for one of them only, the memory takes the place of the list, which comes back where it was. */
function keepPlace() {
  if (state.open !== null) listPlace = scrollY;
  at("mem-detail").hidden = state.open === null;
  scrollTo(0, state.open === null ? listPlace : 0);
}

function status(status) {
  nowMs = status.now_ms;
  counted = `${status.memories.total} ${status.memories.deleted}`;
  if (countedThen === "") countedThen = counted;
  at("mem-again").hidden = counted === countedThen;
}

/** Reads the list from its beginning, and what there is to filter by. */
async function read() {
  const number = ++asked;
  const path = memories.pathOf(state);
  readPath = path;
  countedThen = counted;
  at("mem-again").hidden = true;
  readFacets();
  try {
    const answer = await requestJson(path);
    if (number !== asked) return;
    selected.clear();
    current = anchor = null;
    take(answer, []);
    at("mem-error").hidden = true;
  } catch (error) {
    if (number !== asked) return;
    readPath = null;
    failed(error);
  }
  showList();
  panel.explain(rowOf(Number(state.open))?.hit ?? null, state.mode);
}

/** Reads the part of the list that comes next. */
async function readMore() {
  if (cursor === null) return;
  const number = ++asked;
  const from = cursor;
  cursor = null;
  try {
    const answer = await requestJson(memories.pathOf(state, from));
    if (number === asked) take(answer, rows);
  } catch (error) {
    cursor = from;
    return failed(error);
  }
  if (current === null) showList();
  else showAdded();
  watchEnd();
}

function readOn() {
  if (rows.length < READ_ON_MAX) readMore();
}

/** Looks at the end of the list anew: who scrolls fast has reached the next end before anybody saw him leave the last. */
function watchEnd() {
  atEnd?.unobserve(at("mem-more"));
  atEnd?.observe(at("mem-more"));
}

function take(answer, before) {
  const found = answer.hits?.map((hit) => ({ memory: hit.memory, hit })) ?? answer.memories.map((memory) => ({ memory, hit: null }));
  rows = [...before, ...found];
  cursor = answer.next ?? null;
  total = answer.total ?? (answer.hits ? rows.length : total);
  wordsOnly = answer.words_only ?? null;
}

function failed(error) {
  setText(at("mem-error"), why(error));
  at("mem-error").hidden = false;
}

async function readFacets() {
  const { isBin } = state;
  try {
    const read = await requestJson(`/api/memories/facets?limit=200&deleted=${isBin}`);
    if (isBin === state.isBin) showFacets(read);
  } catch {
    // The list says what is wrong.
  }
}

/** Offers what there is to filter by. */
export function showFacets(read) {
  facets = read;
  for (const [name, facet, all, none] of [
    ["project", facets.projects, "All projects", "Without a project"],
    ["type", facets.types, "All types", "Without a type"],
    ["client", facets.clients, "All clients", "Unknown client"],
  ]) {
    const chosen = state[name];
    const known = facet.top.some((entry) => entry.name === chosen);
    const extra = chosen === null || known ? [] : [{ name: chosen, count: null }];
    const options = [...extra, ...facet.top].map((entry) => ({
      // The value of "without" is empty, that of "all" is a star: names begin after a colon.
      value: `:${entry.name}`,
      text: memories.named(entry.name, none) + (entry.count === null ? "" : ` (${entry.count.toLocaleString("en-US")})`),
    }));
    const more = facet.more === 0 ? [] : [{ value: "", text: `and ${facet.more} more`, isOff: true }];
    matchChildren(at(`mem-${name}`), [{ value: "*", text: all }, ...options, ...more], () => make("option", ""), (option, entry) => {
      option.value = entry.value;
      option.disabled = entry.isOff === true;
      setText(option, entry.text);
    });
    at(`mem-${name}`).value = chosen === null ? "*" : `:${chosen}`;
  }
  for (const [id, facet] of [["mem-tag-names", facets.tags], ["mem-project-names", facets.projects], ["mem-type-names", facets.types]]) {
    matchChildren(at(id), facet.top.filter((entry) => entry.name !== ""), () => make("option", ""), (option, entry) => (option.value = entry.name));
  }
}

function showFilters() {
  if (document.activeElement !== at("mem-q")) at("mem-q").value = state.q;
  at("mem-from").value = state.from;
  at("mem-to").value = state.to;
  for (const button of at("mem-modes").children) button.setAttribute("aria-pressed", String(button.value === state.mode));
  at("mem-modes").hidden = state.isBin;
  at("mem-q").placeholder = state.isBin ? "Words in what was deleted ( / )" : "Search as the agents do ( / )";
  at("mem-bin").setAttribute("aria-pressed", String(state.isBin));
  setText(at("mem-heading"), state.isBin ? "Deleted memories" : "Memories");
  setText(at("mem-delete-several"), state.isBin ? "Remove for good" : "Delete");
  at("mem-restore-several").hidden = !state.isBin;
  matchChildren(at("mem-tag-chips"), state.tags, makeChip, (item, tag) => {
    item.tag = tag;
    setText(item.children[0], `${memories.visible(tag)} ×`);
    item.children[0].ariaLabel = `Do not filter by the tag ${memories.visible(tag)}`;
  });
  at("mem-all-tags").hidden = state.tags.length < 2;
  at("mem-all-tags").setAttribute("aria-pressed", String(state.isAll));
  setText(at("mem-all-tags"), state.isAll ? "All of them" : "Any of them");
  at("mem-clear").hidden = !memories.isFiltered(state);
  if (!narrow.matches || memories.isFiltered(state)) at("mem-filters").open = true;
  if (facets !== null) showFacets(facets);
}

function makeChip() {
  const item = make("li", "");
  item.append(makeButton("", "", () => go({ tags: state.tags.filter((tag) => tag !== item.tag) })));
  return item;
}

/** Shows the rows that were read. */
export function showList(shown = rows) {
  rows = shown;
  if (!rows.some((row) => row.memory.id === current)) current = rows[0]?.memory.id ?? null;
  matchChildren(at("mem-rows"), rows, makeRow, showRow);
  showHead();
}

/** Shows the rows of these memories as they are now. Among thousands, to look at each for every key would be felt. */
function showSome(ids) {
  const items = at("mem-rows").children;
  const meant = new Set(ids);
  rows.forEach((row, index) => meant.has(row.memory.id) && showRow(items[index], row));
  showHead();
}

/** Shows the rows that were read after those that are shown. */
function showAdded() {
  const list = at("mem-rows");
  for (const row of rows.slice(list.children.length)) {
    list.append(makeRow());
    showRow(list.lastElementChild, row);
  }
  showHead();
}

/** What stands above and below the rows. */
function showHead() {
  at("mem-more").hidden = cursor === null;
  setWords(at("mem-count"), selected.size > 0 ? `${count(selected.size)} selected` : memories.countWords(state, rows.length, total, wordsOnly));
  at("mem-several").hidden = selected.size === 0;
  at("mem-all").checked = rows.length > 0 && rows.every((row) => selected.has(row.memory.id));
  at("mem-all").disabled = rows.length === 0;
}

function makeRow() {
  const item = make("li", "");
  const box = make("input", "");
  box.type = "checkbox";
  box.addEventListener("click", (event) => select(item.memoryId, event.shiftKey));
  const open = makeButton("mem-open", "", () => go({ open: String(item.memoryId) }));
  open.append(make("span", "mem-start"), make("span", "sub"), make("span", "tags"));
  open.addEventListener("focus", () => (current = item.memoryId));
  item.append(box, open, make("span", "mem-score"));
  return item;
}

function showRow(item, row) {
  const words = memories.rowOf(row, nowMs);
  const [box, open, score] = item.children;
  item.memoryId = row.memory.id;
  box.checked = selected.has(row.memory.id);
  box.ariaLabel = words.label;
  box.tabIndex = open.tabIndex = row.memory.id === current ? 0 : -1;
  setText(open.children[0], words.text);
  setText(open.children[1], words.sub);
  matchChildren(open.children[2], words.tags, () => make("span", "mem-tag"), setText);
  setText(score, words.score);
  if (String(row.memory.id) === state.open) open.setAttribute("aria-current", "true");
  else open.removeAttribute("aria-current");
}

const rowOf = (id) => rows.find((row) => row.memory.id === id);
const idsShown = () => rows.map((row) => row.memory.id);

function select(id, isRange) {
  const isOn = !selected.has(id);
  const meant = isRange ? memories.between(idsShown(), anchor, id) : [id];
  for (const each of meant) {
    if (isOn) selected.add(each);
    else selected.delete(each);
  }
  const before = current;
  anchor = current = id;
  showSome([before, ...meant]);
}

function selectAll() {
  const ids = idsShown();
  const isAll = ids.every((id) => selected.has(id));
  selected.clear();
  if (!isAll) ids.forEach((id) => selected.add(id));
  showList();
}

/** Moves the keyboard to the row that is `by` further, and takes the open memory along. */
function step(by) {
  const place = rows.findIndex((row) => row.memory.id === current);
  const isThere = at("mem-rows").contains(document.activeElement);
  const next = isThere ? Math.max(0, Math.min(rows.length - 1, place + by)) : Math.max(0, place);
  if (rows.length === 0) return;
  const before = current;
  current = rows[next].memory.id;
  showSome([before, current]);
  at("mem-rows").children[next].children[1].focus();
  if (next > rows.length - 10) readOn();
}

/** Does something with several memories: `delete`, `undo` or `purge`. Asks before what cannot be undone. */
async function act(name, ids) {
  if (ids.length === 0 || isActing || (name === "purge" && !(await confirm(memories.purgeQuestion(ids.length))))) return;
  const results = [];
  isActing = true;
  try {
    for (const part of memories.inParts(ids)) {
      if (results.length > 0) toast(`${count(results.length)} of ${count(ids.length)} done`, false);
      const answer = await requestJson(`/api/memories/${name}`, "POST", { ids: part });
      results.push(...answer.results);
      if (answer.problem !== null) throw new Refused({ message: answer.problem, code: null });
    }
    at("mem-error").hidden = true;
  } catch (error) {
    failed(error);
  } finally {
    isActing = false;
  }
  const done = results.filter((one) => one.result === "done").map((one) => one.id);
  if (name === "delete" && done.length > 0) undoable.push(done);
  if (results.length > 0) toast(memories.resultWords(name, results), name === "delete" && done.length > 0);
  const kept = results.filter((one) => one.result === "not_tried").length;
  leave(results.slice(0, results.length - kept).map((one) => one.id));
  if (results.some((one) => String(one.id) === state.open)) go({ open: null });
}

/** Takes memories out of the list that do not belong there any more. */
function leave(ids) {
  const gone = new Set(ids);
  const place = rows.findIndex((row) => row.memory.id === current);
  const before = rows.length;
  rows = rows.filter((row) => !gone.has(row.memory.id));
  total -= before - rows.length;
  ids.forEach((id) => selected.delete(id));
  // The next status counts what was done here: that is no news.
  countedThen = "";
  current = rows[Math.min(Math.max(0, place), rows.length - 1)]?.memory.id ?? null;
  showList();
  if (rows.length < 20) readMore();
  // The button or row that had the keyboard may be gone.
  if (document.activeElement === document.body && current !== null) step(0);
}

async function undo() {
  const ids = undoable.pop();
  if (ids === undefined) return toast("There is nothing to undo: older deletes are in the bin", false);
  await act("undo", ids);
  read();
}

function toast(words, canUndo) {
  setText(at("mem-toast-words"), words);
  at("mem-undo").hidden = !canUndo;
  at("mem-toast").hidden = false;
  clearTimeout(saying);
  saying = setTimeout(() => (at("mem-toast").hidden = true), canUndo ? OFFERED_MS : SAID_MS);
}

function onChanged(record, isNew) {
  if (isNew) {
    go({ open: String(record.memory.id) });
    return read();
  }
  const row = rowOf(record.memory.id);
  if (row) row.memory = record.memory;
  showList();
}

function showKeys() {
  at("mem-help").showModal();
}

const KEYS = {
  "/": () => at("mem-q").select(),
  j: () => step(1),
  ArrowDown: () => step(1),
  k: () => step(-1),
  ArrowUp: () => step(-1),
  Escape: () => (at("mem-toast").hidden ? go({ open: null }) : (at("mem-toast").hidden = true)),
  e: editMeant,
  n: () => go({ open: "new" }),
  x: () => current !== null && select(current, false),
  X: () => current !== null && select(current, true),
  a: selectAll,
  "#": () => act(state.isBin ? "purge" : "delete", meant()),
  Delete: () => act(state.isBin ? "purge" : "delete", meant()),
  r: () => state.isBin && act("undo", meant()),
  u: undo,
  g: read,
  "?": showKeys,
};

/** Edits the memory with the keyboard, or the one that is open. */
function editMeant() {
  const isInList = at("mem-rows").contains(document.activeElement);
  const id = (isInList || state.open === null) && current !== null ? String(current) : state.open;
  if (id === null) return;
  go({ open: id });
  panel.edit(id);
}

/** The memories that an act means: those that are selected, or the one with the keyboard. */
function meant() {
  if (selected.size > 0) return [...selected];
  const isInList = at("mem-rows").contains(document.activeElement);
  if (!isInList && state.open !== null && state.open !== "new") return [Number(state.open)];
  return current === null ? [] : [current];
}

function onKey(event) {
  if (at("page-memories").hidden || at("page").hidden || document.querySelector("dialog[open]") !== null) return;
  const isTyping = event.target.matches?.("textarea, select, input:not([type=checkbox])");
  if (isTyping) return panel.onKeyInField(event);
  const isUndo = (event.ctrlKey || event.metaKey) && event.key === "z";
  if (!isUndo && (event.ctrlKey || event.metaKey || event.altKey)) return;
  const press = isUndo ? undo : Object.hasOwn(KEYS, event.key) ? KEYS[event.key] : null;
  if (press === null) return;
  event.preventDefault();
  press();
}
