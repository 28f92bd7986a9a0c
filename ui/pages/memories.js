// @ts-check
// The page of memories: what is looked for stands in the address, the list follows it, and every act has a key.
// Everything it knows is one state; `update` gives it the next one and shows what is different.

import { confirm } from "../lib/confirm.js";
import { at, fillFacts, make, makeButton, matchChildren, setText, setTexts, setWords } from "../lib/dom.js";
import { count } from "../lib/format.js";
import { timer } from "../lib/reader.js";
import { Refused, requestJson, why } from "../lib/session.js";
import { addressOf } from "../model/address.js";
import * as memories from "../model/memories.js";
import { named, rowOf, visible } from "../model/memory.js";
import { isFiltered, paramsOf, pathOf, queryOf } from "../model/query.js";
import * as panel from "../panels/memory.js";
import { redactionsChanged, redactionsOlder, setUpRedactions, stopRedactions } from "../panels/redactions.js";

/** How long a message stays that nothing hangs on, and one that offers to undo. The keys and the bin undo later too. */
const SAID_MS = 8000;
const OFFERED_MS = 30_000;

/** How long a person pauses before what he types is looked for. */
const TYPING_MS = 250;

const typing = timer();
const saying = timer();
const narrow = globalThis.matchMedia?.("(max-width: 760px)");
/** Sees that the end of the list is near. */
const atEnd = globalThis.IntersectionObserver && new IntersectionObserver((entries) => entries.at(-1).isIntersecting && readOn(), { rootMargin: "600px" });

let state = memories.begin();

export const page = {
  setUp,
  show,
  status(status) {
    update(memories.toldStatus(state, status));
    redactionsChanged(status);
  },
  older(status) {
    state = { ...state, nowMs: status.now_ms };
    redactionsOlder(status);
  },
  stop() {
    typing.stop();
    stopRedactions();
  },
};

function setUp() {
  panel.setUpPanel({ go: (open) => go({ open }), changed: onChanged, act, filter: addTag });
  setUpRedactions(onPutBack);
  const onChange = (name, act) => at(`mem-${name}`).addEventListener("change", (event) => act(event.target.value));
  at("mem-search").addEventListener("submit", (event) => {
    event.preventDefault();
    go({ q: at("mem-q").value });
  });
  at("mem-q").addEventListener("input", () => typing.start(TYPING_MS, () => go({ q: at("mem-q").value, open: null }, true)));
  for (const button of at("mem-modes").children) button.addEventListener("click", () => go({ mode: button.value }));
  for (const name of ["project", "type", "client"]) onChange(name, (value) => go({ [name]: value === "*" ? null : value.slice(1) }));
  for (const name of ["from", "to"]) onChange(name, (value) => go({ [name]: value }));
  onChange("tag", addTag);
  const acts = {
    "all-tags": () => go({ isAll: !state.query.isAll }),
    clear: () => go({ project: null, type: null, client: null, tags: [], from: "", to: "" }),
    bin: () => go({ isBin: !state.query.isBin, open: null }),
    keys: showKeys,
    new: () => go({ open: "new" }),
    again: read,
    more: readMore,
    all: () => update(memories.selectAll(state)),
    "restore-several": () => act("undo", [...state.selected]),
    "delete-several": () => act(state.query.isBin ? "purge" : "delete", [...state.selected]),
    undo,
    "toast-close": () => say(null),
  };
  for (const [id, act] of Object.entries(acts)) at(`mem-${id}`).addEventListener("click", act);
  fillFacts(at("mem-key-facts"), memories.KEYS);
  document.addEventListener("keydown", onKey);
  watchEnd();
}

/** Takes the next state, and shows what is different in it. */
function update(next) {
  const before = state;
  state = next;
  const isOther = (name) => state[name] !== before[name];
  if (isOther("query")) showQuery();
  if (isOther("query") || isOther("facets")) showFacets();
  showRows(before);
  showHead();
  setText(at("mem-error"), state.problem);
  at("mem-error").hidden = state.problem === "";
  if (isOther("toast")) showToast();
  panel.explain(memories.hitOf(state), state.query.mode);
}

/** Goes to another query. The address changes, and the page follows it; while somebody types, no step back is kept. */
function go(changes, isTyping = false) {
  const next = paramsOf({ ...state.query, ...changes });
  const address = addressOf("memories", next);
  if (address === location.hash) return;
  if (!isTyping) location.hash = address;
  else if (!at("page-memories").hidden) {
    history.replaceState(null, "", address);
    show(next);
  }
}

function addTag(value) {
  at("mem-tag").value = "";
  const tag = value.trim().toLowerCase();
  if (tag !== "" && !state.query.tags.includes(tag)) go({ tags: [...state.query.tags, tag] });
}

async function show(params) {
  const query = queryOf(params);
  if (!(await panel.mayLeave(query.open))) {
    history.replaceState(null, "", addressOf("memories", paramsOf(state.query)));
    return;
  }
  const wasOpen = state.query.open !== null;
  update({ ...state, query });
  const list = pathOf(query) === state.readPath ? null : read();
  if (narrow.matches && wasOpen !== (query.open !== null)) keepPlace();
  await Promise.all([list, panel.open(query.open)]);
}

/** Where there is room for one of them only, the memory takes the place of the list, which comes back where it was. */
function keepPlace() {
  const isOpen = state.query.open !== null;
  if (isOpen) state = { ...state, listPlace: scrollY };
  at("mem-detail").hidden = !isOpen;
  scrollTo(0, isOpen ? 0 : state.listPlace);
}

/** Reads the list from its beginning, and what there is to filter by. */
async function read() {
  update(memories.asks(state));
  const { asked, readPath } = state;
  readFacets();
  try {
    const answer = await requestJson(readPath);
    if (asked === state.asked) update(memories.took(state, answer));
  } catch (error) {
    if (asked === state.asked) update(memories.notRead(state, why(error)));
  }
}

/** Reads the part of the list that comes next. */
async function readMore() {
  const { cursor } = state;
  if (cursor === null) return;
  update(memories.asksMore(state));
  const { asked } = state;
  try {
    const answer = await requestJson(pathOf(state.query, cursor));
    if (asked === state.asked) update(memories.took(state, answer, state.rows));
  } catch (error) {
    if (asked === state.asked) update({ ...state, cursor, problem: why(error) });
    return;
  }
  watchEnd();
}

const readOn = () => memories.readsOn(state) && readMore();

/** Looks at the end of the list again: who scrolls fast has reached the next end before anybody saw him leave the last. */
function watchEnd() {
  atEnd?.unobserve(at("mem-more"));
  atEnd?.observe(at("mem-more"));
}

async function readFacets() {
  const { isBin } = state.query;
  try {
    const facets = await requestJson(`/api/memories/facets?limit=200&deleted=${isBin}`);
    if (isBin === state.query.isBin) update({ ...state, facets });
  } catch {
    // The list says what is wrong.
  }
}

/** Offers what there is to filter by. */
function showFacets() {
  const { facets, query } = state;
  if (facets === null) return;
  const makeOption = () => make("option");
  for (const [name, facet, all, none] of [
    ["project", facets.projects, "All projects", "No project"],
    ["type", facets.types, "All types", "No type"],
    ["client", facets.clients, "All clients", "Unknown client"],
  ]) {
    const chosen = query[name];
    const isMissing = chosen !== null && !facet.top.some((entry) => entry.name === chosen);
    const options = [...(isMissing ? [{ name: chosen, count: null }] : []), ...facet.top].map((entry) => ({
      // The value of "without" is empty, that of "all" is a star: names begin after a colon.
      value: `:${entry.name}`,
      text: named(entry.name, none) + (entry.count === null ? "" : ` (${count(entry.count)})`),
    }));
    const more = facet.more === 0 ? [] : [{ value: "", text: `and ${facet.more} more`, isOff: true }];
    matchChildren(at(`mem-${name}`), [{ value: "*", text: all }, ...options, ...more], makeOption, (option, { value, text, isOff }) => {
      option.value = value;
      option.disabled = isOff === true;
      setText(option, text);
    });
    at(`mem-${name}`).value = chosen === null ? "*" : `:${chosen}`;
  }
  for (const [name, facet] of [["tag", facets.tags], ["project", facets.projects], ["type", facets.types]]) {
    matchChildren(at(`mem-${name}-names`), facet.top.filter((entry) => entry.name !== ""), makeOption, (option, entry) => (option.value = entry.name));
  }
}

function showQuery() {
  const { query } = state;
  if (document.activeElement !== at("mem-q")) at("mem-q").value = query.q;
  at("mem-from").value = query.from;
  at("mem-to").value = query.to;
  for (const button of at("mem-modes").children) button.ariaPressed = String(button.value === query.mode);
  at("mem-modes").hidden = query.isBin;
  at("mem-q").placeholder = query.isBin ? "Search the bin ( / )" : "Search as your agents do ( / )";
  at("mem-bin").ariaPressed = String(query.isBin);
  setText(at("mem-heading"), query.isBin ? "Deleted memories" : "Memories");
  setText(at("mem-delete-several"), query.isBin ? "Delete permanently" : "Delete");
  at("mem-restore-several").hidden = !query.isBin;
  matchChildren(at("mem-tag-chips"), query.tags, makeChip, (item, tag) => {
    item.tag = tag;
    setText(item.children[0], `${visible(tag)} ×`);
    item.children[0].ariaLabel = `Remove the filter by tag ${visible(tag)}`;
  });
  at("mem-all-tags").hidden = query.tags.length < 2;
  at("mem-all-tags").ariaPressed = String(query.isAll);
  setText(at("mem-all-tags"), query.isAll ? "All of these tags" : "Any of these tags");
  at("mem-clear").hidden = !isFiltered(query);
  if (!narrow.matches || isFiltered(query)) at("mem-filters").open = true;
}

function makeChip() {
  const item = make("li", "", makeButton("", "", () => go({ tags: state.query.tags.filter((tag) => tag !== item.tag) })));
  return item;
}

/** Among thousands of rows, to write each for every key would be felt. */
function showRows(before) {
  const list = at("mem-rows");
  while (list.children.length > state.rows.length) list.lastElementChild.remove();
  for (const index of memories.changedRows(before, state)) {
    if (index === list.children.length) list.append(makeRow());
    showRow(list.children[index], state.rows[index]);
  }
}

/** What stands above and below the rows. */
function showHead() {
  at("mem-more").hidden = state.cursor === null;
  at("mem-again").hidden = !memories.isOld(state);
  setWords(at("mem-count"), memories.countWords(state));
  at("mem-several").hidden = state.selected.size === 0;
  at("mem-all").checked = memories.isAllSelected(state);
  at("mem-all").disabled = state.rows.length === 0;
}

function makeRow() {
  const box = make("input");
  box.type = "checkbox";
  box.addEventListener("click", (event) => update(memories.select(state, item.memoryId, event.shiftKey)));
  const open = makeButton("mem-open", "", () => go({ open: String(item.memoryId) }));
  open.append(make("span", "mem-start"), make("span", "sub"), make("span", "tags"));
  open.addEventListener("focus", () => update({ ...state, current: item.memoryId }));
  const item = make("li", "", box, open, make("span", "mem-score"));
  return item;
}

function showRow(item, row) {
  const { id } = row.memory;
  const words = rowOf(row, state.nowMs);
  const [box, open, score] = item.children;
  item.memoryId = id;
  box.checked = state.selected.has(id);
  box.ariaLabel = words.label;
  box.tabIndex = open.tabIndex = id === state.current ? 0 : -1;
  setTexts(open.children, [words.text, words.sub]);
  matchChildren(open.children[2], words.tags, () => make("span", "mem-tag"), setText);
  setText(score, words.score);
  open.ariaCurrent = String(id) === state.query.open ? "true" : null;
}

const isInList = () => at("mem-rows").contains(document.activeElement);
const selectCurrent = (isRange) => state.current !== null && update(memories.select(state, state.current, isRange));
const meant = () => memories.meant(state, isInList());

/** Moves the keyboard to the row that is `by` further. */
function step(by) {
  update(memories.step(state, by, isInList()));
  const place = memories.placeOf(state);
  at("mem-rows").children[place]?.children[1].focus();
  if (place > state.rows.length - 10) readOn();
}

/** Does something with several memories: `delete`, `undo` or `purge`. Asks before what cannot be undone. True if nothing failed. */
async function act(name, ids) {
  if (ids.length === 0 || state.isActing || (name === "purge" && !(await confirm(memories.purgeQuestion(ids.length))))) return false;
  const results = [];
  let problem = "";
  update({ ...state, isActing: true });
  try {
    for (const part of memories.inParts(ids)) {
      if (results.length > 0) say(`${count(results.length)} of ${count(ids.length)} done`);
      const answer = await requestJson(`/api/memories/${name}`, "POST", { ids: part });
      results.push(...answer.results);
      if (answer.problem !== null) throw new Refused({ message: answer.problem, code: null });
    }
  } catch (error) {
    problem = why(error);
  }
  update({ ...memories.acted(state, name, results), problem });
  if (state.rows.length < 20) readMore();
  // The button or row that had the keyboard may be gone.
  if (document.activeElement === document.body && state.current !== null) step(0);
  if (results.some(({ id }) => String(id) === state.query.open)) go({ open: null });
  return problem === "";
}

async function undo() {
  const ids = state.undoable.at(-1);
  if (state.isActing) return;
  if (ids === undefined) return say("Nothing to undo. Earlier deletes are in the bin");
  // A list that is read would hide what the host said.
  if (await act("undo", ids)) read();
}

function say(words) {
  update({ ...state, toast: words === null ? null : { words, canUndo: false } });
}

function showToast() {
  const { toast } = state;
  at("mem-toast").hidden = toast === null;
  saying.stop();
  if (toast === null) return;
  setText(at("mem-toast-words"), toast.words);
  at("mem-undo").hidden = !toast.canUndo;
  saying.start(toast.canUndo ? OFFERED_MS : SAID_MS, () => say(null));
}

function onChanged(record, isNew) {
  if (!isNew) return update(memories.changed(state, record.memory));
  go({ open: String(record.memory.id) });
  return read();
}

/** What was replaced stands in a memory again. */
function onPutBack(record) {
  update(memories.changed(state, record.memory));
  panel.refresh(record);
}

const showKeys = () => at("mem-help").showModal();

const KEYS = {
  "/": () => at("mem-q").select(),
  j: () => step(1),
  ArrowDown: () => step(1),
  k: () => step(-1),
  ArrowUp: () => step(-1),
  Escape: () => (state.toast === null ? go({ open: null }) : say(null)),
  e: editMeant,
  n: () => go({ open: "new" }),
  x: () => selectCurrent(false),
  X: () => selectCurrent(true),
  a: () => update(memories.selectAll(state)),
  "#": () => act(state.query.isBin ? "purge" : "delete", meant()),
  Delete: () => act(state.query.isBin ? "purge" : "delete", meant()),
  r: () => state.query.isBin && act("undo", meant()),
  u: undo,
  g: read,
  "?": showKeys,
};

/** Edits the memory with the keyboard, or the one that is open. */
function editMeant() {
  const id = memories.openedOr(state, isInList());
  if (id === null) return;
  go({ open: id });
  panel.edit(id);
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
