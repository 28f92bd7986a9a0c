// What the page of the memories says and asks. Pure functions.

import { ago, count, HIDDEN, plural } from "../lib/format.js";
import { metadataChange, metadataIn, metadataText } from "./metadata.js";

export const MODES = ["hybrid", "semantic", "keyword", "exact"];

/** Most memories that the host changes in one request. */
export const IDS_MAX = 500;

/** Memories that are asked for at once. */
const LIMIT = 100;

/** What a person looks at: an address of this page, read. */
export function stateOf(params) {
  const text = (name) => params.get(name) ?? "";
  const mode = text("mode");
  return {
    q: text("q"),
    mode: MODES.includes(mode) ? mode : MODES[0],
    // Null filters by nothing; empty means those without one.
    project: params.get("project"),
    type: params.get("type"),
    client: params.get("client"),
    tags: params.getAll("tag").filter((tag) => tag !== ""),
    isAll: text("tag_match") === "all",
    from: dayOf(text("from")),
    to: dayOf(text("to")),
    isBin: text("bin") === "1",
    open: /^(new|\d{1,15})$/.test(text("id")) ? text("id") : null,
  };
}

function dayOf(text) {
  return /^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(Date.parse(text)) ? text : "";
}

/** The parameters of the address for a state; what is as usual is left out. */
export function paramsOf(state) {
  const params = listParams(state);
  for (const name of ["from", "to"]) if (state[name] !== "") params.set(name, state[name]);
  if (state.isBin) params.set("bin", "1");
  if (state.open !== null) params.set("id", state.open);
  return params;
}

function listParams(state) {
  const params = new URLSearchParams();
  if (state.q !== "") params.set("q", state.q);
  if (state.mode !== MODES[0]) params.set("mode", state.mode);
  for (const name of ["project", "type", "client"]) if (state[name] !== null) params.set(name, state[name]);
  for (const tag of state.tags) params.append("tag", tag);
  if (state.isAll && state.tags.length > 1) params.set("tag_match", "all");
  return params;
}

/** True if the state asks for a search that ranks, and not for a list: no index has the words of what is deleted. */
export const isSearch = (state) => state.q.trim() !== "" && !state.isBin;

/** What to ask the host for: a search, or the part of the list after `cursor`. Days are those of this browser's clock. */
export function pathOf(state, cursor = null) {
  const params = listParams(state);
  if (state.from !== "") params.set("after", String(startOfDay(state.from, 0)));
  if (state.to !== "") params.set("before", String(startOfDay(state.to, 1)));
  params.set("limit", String(LIMIT));
  if (isSearch(state)) return `/api/memories/search?${params}`;
  params.delete("q");
  params.delete("mode");
  if (state.isBin) params.set("deleted", "true");
  if (state.q.trim() !== "") params.set("contains", state.q);
  if (cursor !== null) params.set("cursor", cursor);
  return `/api/memories?${params}`;
}

function startOfDay(day, daysLater) {
  const [year, month, date] = day.split("-").map(Number);
  return new Date(year, month - 1, date + daysLater).getTime();
}

/** True if anything restricts the list. */
export function isFiltered(state) {
  return pathOf({ ...state, isBin: false, q: "" }) !== pathOf(stateOf(new URLSearchParams()));
}

/** A text as it can be shown: what would be obeyed unseen is written out, such as ⟨U+202E⟩. New lines and tabs stay. */
export function visible(text) {
  return text.replace(HIDDEN, (c) => {
    if (c === "\n" || c === "\t") return c;
    return `⟨U+${c.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}⟩`;
  });
}

/** A name, or what stands for none. */
export const named = (name, none) => (name === "" || name === null ? none : visible(name));

/** One row of the list. */
export function rowOf({ memory, hit }, nowMs) {
  const time = memory.deleted_ms === null ? ago(nowMs - memory.created_ms) : `deleted ${ago(nowMs - memory.deleted_ms)}`;
  const parts = [time, memory.project, memory.type ?? "", memory.provenance.client].filter((part) => part !== "");
  return {
    text: visible(memory.text),
    sub: visible(parts.join(" · ")),
    tags: memory.tags.map(visible),
    score: hit === null ? "" : hit.score.toFixed(2),
    label: `Select: ${visible(memory.text).slice(0, 60)}`,
  };
}

/** How many there are, for the line above the list. */
export function countWords(state, shown, total, wordsOnly) {
  if (isSearch(state)) {
    const words = shown === 0 ? "Nothing found" : `${plural(shown, "hit")}, the best first`;
    return wordsOnly === null ? words : `${words}. By words only: ${wordsOnly}`;
  }
  if (total === 0) return emptyWords(state);
  const what = plural(total, state.isBin ? "deleted memory" : "memory", state.isBin ? "deleted memories" : "memories");
  return shown < total ? `${what}, the first ${count(shown)} shown` : what;
}

function emptyWords(state) {
  if (state.q.trim() !== "") return "Nothing in the bin has all these words";
  if (isFiltered(state)) return "No memory passes these filters";
  if (state.isBin) return "The bin is empty: what is deleted can be brought back from here for at least 30 days";
  return "Nothing is remembered yet. Connect an agent, or write the first memory here";
}

/** Tells in words why a hit stands where it stands. */
export function scoreWords(hit, mode) {
  if (hit === null) return "";
  if (mode === "exact") return "It contains what you typed, letter by letter. The newest come first.";
  const parts = [];
  if (hit.keyword_rank !== null) parts.push(`${ordinal(hit.keyword_rank)} by words`);
  if (hit.semantic_rank !== null) parts.push(`${ordinal(hit.semantic_rank)} by meaning (similarity ${hit.cosine.toFixed(2)})`);
  const missing = hit.keyword_rank === null ? "Its words do not match. " : hit.semantic_rank === null && mode === "hybrid" ? "Its meaning is not among the nearest, or was not compared. " : "";
  const sum = parts.length > 1 ? "Both places together make" : "That makes";
  return `${parts.join(", ")}. ${missing}${sum} a score of ${hit.score.toFixed(2)}; who leads every list has 1.`;
}

function ordinal(number) {
  const tens = number % 100;
  const ending = tens > 10 && tens < 14 ? "th" : (["th", "st", "nd", "rd"][number % 10] ?? "th");
  return `${number}${ending}`;
}

/** What is known of a memory: [name, value]. */
export function factsOf({ memory, is_indexed }, nowMs) {
  const at = (ms) => `${new Date(ms).toLocaleString()} (${ago(nowMs - ms)})`;
  const { client, client_version, session, host_name } = memory.provenance;
  const facts = [
    ["Project", named(memory.project, "none")],
    ["Type", named(memory.type, "none")],
    ["Stored", at(memory.created_ms)],
  ];
  if (memory.is_damaged) facts.unshift(["Damaged", "it does not match its checksum, so do not rely on it; `commonplace repair` brings it back from a backup"]);
  if (memory.updated_ms !== memory.created_ms) facts.push(["Changed", at(memory.updated_ms)]);
  if (memory.deleted_ms !== null) facts.push(["Deleted", at(memory.deleted_ms)]);
  facts.push(["By", visible([client, client_version, host_name && `on ${host_name}`].filter(Boolean).join(" ")) || "unknown"]);
  if (session) facts.push(["Session", visible(session)]);
  if (Object.keys(memory.metadata).length > 0) facts.push(["Metadata", visible(JSON.stringify(memory.metadata, null, 1))]);
  facts.push(["Found by", is_indexed ? "words and meaning" : "words; its meaning is not indexed"]);
  facts.push(["Hash", memory.content_hash]);
  return facts;
}

/** What a memory was before each change: head and the text before, the latest change first. */
export function historyOf({ memory, history }, nowMs) {
  let after = memory;
  return history.map((before) => {
    const what = { update: `Changed ${changedParts(before, after)}`, delete: "Deleted", undelete: "Brought back" }[before.change] ?? before.change;
    after = before;
    return { head: visible(`${what}, ${ago(nowMs - before.at_ms)}, by ${before.client || "unknown"}`), text: before.change === "update" ? visible(textBefore(before, what)) : "" };
  });
}

/** The text, and the metadata where those were changed. */
function textBefore(before, what) {
  return what.endsWith("the metadata") ? `${before.text}\n${JSON.stringify(before.metadata, null, 1)}` : before.text;
}

function changedParts(before, after) {
  const parts = [];
  if (before.text !== after.text) parts.push("the text");
  if (before.tags.join() !== after.tags.join()) parts.push("the tags");
  if (before.type !== after.type) parts.push("the type");
  if (before.project !== null && before.project !== after.project) parts.push("the project");
  if (JSON.stringify(before.metadata) !== JSON.stringify(after.metadata)) parts.push("the metadata");
  return parts.join(" and ") || "nothing";
}

/** The tags in a line of them, separated by commas. */
export function tagsIn(line) {
  return [...new Set(line.split(",").map((tag) => tag.trim().toLowerCase()).filter((tag) => tag !== ""))];
}

/** What a form changes in a memory: only the parts that are others. Null if none is. Metadata that cannot be read are null. */
export function changesOf(memory, form) {
  const changes = {};
  // A text field has one kind of line ends.
  if (form.text.trim() !== memory.text.replace(/\r\n?/g, "\n")) changes.text = form.text;
  if (tagsIn(form.tags).join() !== memory.tags.join()) changes.tags = tagsIn(form.tags);
  if (form.type.trim() !== (memory.type ?? "")) changes.type = form.type;
  if (form.project.trim() !== memory.project) changes.project = form.project;
  if (form.metadata.trim() !== metadataText(memory.metadata)) {
    const { value } = metadataIn(form.metadata, memory.metadata);
    const change = value && metadataChange(memory.metadata, value);
    if (change === null || Object.keys(change).length > 0) changes.metadata = change;
  }
  return Object.keys(changes).length === 0 ? null : changes;
}

/** What stands in the form for a memory. */
export function formOf(memory) {
  return { text: memory.text, tags: memory.tags.join(", "), type: memory.type ?? "", project: memory.project, metadata: metadataText(memory.metadata) };
}

/** Parts of a list that fit into one request. */
export function inParts(ids, size = IDS_MAX) {
  return Array.from({ length: Math.ceil(ids.length / size) }, (_, n) => ids.slice(n * size, (n + 1) * size));
}

const DONE = { delete: "deleted", undo: "brought back", purge: "removed for good" };
const MISSED = {
  not_tried: "not tried", not_found: "gone already", already_deleted: "deleted already", not_deleted: "not deleted", text_taken: "left in the bin, because its text is stored again",
};

/** How an act on several memories went, in words. */
export function resultWords(act, results) {
  const counts = new Map();
  for (const { result } of results) counts.set(result, (counts.get(result) ?? 0) + 1);
  const done = counts.get("done") ?? 0;
  counts.delete("done");
  const missed = [...counts].map(([why, number]) => `${count(number)} ${MISSED[why] ?? why}`);
  return [`${plural(done, "memory", "memories")} ${DONE[act]}`, ...missed].join(", ");
}

/** Asks before a purge; one types how many. */
export function purgeQuestion(number) {
  const what = plural(number, "memory", "memories");
  return {
    title: `Remove ${what} for good?`,
    words: ["Text, index, vectors and history are removed and overwritten. Nobody can bring this back.", "Backups that were made before still have it."],
    button: `Remove ${what}`,
    typed: String(number),
    isDanger: true,
  };
}

/** Asks before typed changes are thrown away. */
export const DISCARD = { title: "Throw your changes away?", words: ["What you typed is not saved."], button: "Throw away", typed: null, isDanger: true };

/** What the keys do: [key, words]. */
export const KEYS = [
  ["/", "search"], ["j  ↓", "next memory"], ["k  ↑", "previous memory"], ["Enter", "open"], ["Escape", "close, cancel"],
  ["e", "edit"], ["Ctrl Enter", "save"], ["n", "new memory"], ["x", "select"], ["Shift x", "select from the last one to here"],
  ["a", "select all shown, or none"], ["#  Delete", "delete; in the bin, remove for good"], ["r", "in the bin, bring back"],
  ["u  Ctrl Z", "undo the last delete"], ["g", "read the list again"], ["?", "these keys"],
];

/** The ids from one row to another, in any direction. */
export function between(ids, from, to) {
  const [a, b] = [ids.indexOf(from), ids.indexOf(to)];
  return a < 0 || b < 0 ? [to] : ids.slice(Math.min(a, b), Math.max(a, b) + 1);
}
