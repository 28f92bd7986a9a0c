// @ts-check
// One memory in words, and the form in which it is edited. Pure functions.

import { ago, HIDDEN } from "../lib/format.js";
import { metadataChange, metadataIn, metadataText } from "./metadata.js";

/** What a form shows for a memory that is not there yet. */
export const EMPTY = { text: "", tags: [], type: null, project: "", metadata: {} };

/** Asks before edits are thrown away. */
export const DISCARD = { title: "Discard your changes?", words: ["Your edits have not been saved."], button: "Discard", typed: null, isDanger: true };

/** A text as it can be shown: invisible characters are written out, such as ⟨U+202E⟩. New lines and tabs stay. */
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

/** Why a hit ranks where it does. @param {import('../lib/api.d.ts').Hit | null} hit */
export function scoreWords(hit, mode) {
  if (hit === null) return "";
  if (mode === "exact") return "Contains your text exactly. Newest first.";
  const keyword = hit.keyword_rank === null ? "no keyword match" : `keyword rank ${hit.keyword_rank}`;
  const semantic = hit.semantic_rank === null ? "no semantic rank" : `semantic rank ${hit.semantic_rank} (similarity ${hit.cosine.toFixed(2)})`;
  const ranks = { keyword: [keyword], semantic: [semantic] }[mode] ?? [keyword, semantic];
  return `Score ${hit.score.toFixed(2)} of 1: ${ranks.join(", ")}.`;
}

/** What is known of a memory. @param {import('../lib/api.d.ts').MemoryRecord} record */
export function factsOf({ memory, is_indexed }, nowMs) {
  const at = (ms) => `${new Date(ms).toLocaleString()} (${ago(nowMs - ms)})`;
  const { client, client_version, session, host_name } = memory.provenance;
  const facts = [
    ["Project", named(memory.project, "none")],
    ["Type", named(memory.type, "none")],
    ["Created", at(memory.created_ms)],
  ];
  if (memory.is_damaged) facts.unshift(["Damaged", "It does not match its checksum, so do not rely on it. `commonplace repair` restores it from a backup."]);
  if (memory.updated_ms !== memory.created_ms) facts.push(["Updated", at(memory.updated_ms)]);
  if (memory.deleted_ms !== null) facts.push(["Deleted", at(memory.deleted_ms)]);
  facts.push(["Stored by", visible([client, client_version, host_name && `on ${host_name}`].filter(Boolean).join(" ")) || "unknown"]);
  if (session) facts.push(["Session", visible(session)]);
  if (Object.keys(memory.metadata).length > 0) facts.push(["Metadata", visible(JSON.stringify(memory.metadata, null, 1))]);
  facts.push(["Found by", is_indexed ? "keyword and meaning" : "keyword only, not indexed yet"]);
  facts.push(["Content hash", memory.content_hash]);
  return facts;
}

/** Each change of a memory and the text before it, the latest first. @param {import('../lib/api.d.ts').MemoryRecord} record */
export function historyOf({ memory, history }, nowMs) {
  /** @type {import('../lib/api.d.ts').Memory | import('../lib/api.d.ts').EarlierState} */
  let after = memory;
  return history.map((before) => {
    const what = { update: `Changed ${changedParts(before, after)}`, delete: "Deleted", undelete: "Restored" }[before.change] ?? before.change;
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

/** What a form changes in a memory: only the parts that differ, or null. Metadata that cannot be read is null. */
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
