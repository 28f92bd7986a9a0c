// @ts-check
// One memory: shows all of it, and edits it in place.

import { confirm } from "../lib/confirm.js";
import { at, fillFacts, make, makeButton, matchChildren, setText, setTexts, showResult } from "../lib/dom.js";
import * as model from "../model/memory.js";
import { metadataIn } from "../model/metadata.js";
import { Refused, requestJson, why } from "../lib/session.js";

const FIELDS = { text: "mem-text", tags: "mem-form-tags", project: "mem-form-project", type: "mem-form-type", metadata: "mem-form-metadata" };

/** What the page does for this panel: go(open), changed(record, isNew), act(name, ids), filter(tag). */
let owner = null;
/** The id that is open, `new`, or null. */
let opened = null;
let record = null;
let isEditing = false;
/** What to say when the memory that was just stored is opened. */
let arrival = null;
/** Whether the memory is to be edited as soon as it is read. */
let isEditWanted = false;

/** Connects the buttons. */
export function setUpPanel(page) {
  owner = page;
  at("mem-edit").addEventListener("click", () => edit());
  at("mem-close").addEventListener("click", () => owner.go(null));
  at("mem-restore").addEventListener("click", () => owner.act("undo", [record.memory.id]));
  at("mem-delete").addEventListener("click", () => owner.act(record.memory.deleted_ms === null ? "delete" : "purge", [record.memory.id]));
  at("mem-cancel").addEventListener("click", cancel);
  at("mem-overwrite").addEventListener("click", overwrite);
  at("mem-form").addEventListener("submit", (event) => {
    event.preventDefault();
    save();
  });
  at("mem-form-metadata").addEventListener("input", () => explainMetadata(null));
  addEventListener("beforeunload", (event) => isDirty() && event.preventDefault());
}

/** True if another memory may be opened, or none: nothing is unsaved, or the person discards it. */
export async function mayLeave(id) {
  if (id === opened || !isDirty()) return true;
  if (!(await confirm(model.DISCARD))) {
    isEditWanted = false;
    return false;
  }
  isEditing = false;
  return true;
}

/** Opens a memory, a new one, or none. */
export async function open(id) {
  if (id === opened && (id === null || record !== null || id === "new")) return;
  opened = id;
  record = null;
  isEditing = id === "new";
  at("mem-detail").hidden = id === null;
  if (id === null) return;
  at("mem-result").hidden = true;
  if (arrival !== null) said(...arrival);
  arrival = null;
  if (isEditing) fillForm(model.EMPTY);
  showPanel();
  if (isEditing) return;
  try {
    const read = await requestJson(`/api/memories/${id}`);
    if (id !== opened) return;
    showRecord(read);
    if (isEditWanted) edit();
  } catch (error) {
    if (id !== opened) return;
    isEditWanted = false;
    showResult(at("mem-result"), "error", why(error));
  }
}

/** Tells why the open memory was found. */
export function explain(hit, mode) {
  const words = model.scoreWords(hit, mode);
  setText(at("mem-score"), words);
  at("mem-score").hidden = words === "";
}

/** Shows a memory with its history. @param {import('../lib/api.d.ts').MemoryRecord} read */
function showRecord(read) {
  const nowMs = Date.now();
  record = read;
  showPanel();
  setText(at("mem-full"), model.visible(record.memory.text));
  matchChildren(at("mem-tags"), record.memory.tags, makeTag, (item, tag) => {
    item.tag = tag;
    setText(item.children[0], model.visible(tag));
  });
  fillFacts(at("mem-facts"), model.factsOf(record, nowMs));
  const past = model.historyOf(record, nowMs);
  at("mem-past").hidden = past.length === 0;
  setText(at("mem-past-count"), String(past.length));
  const makeEarlier = () => make("li", "", make("span", "row-strong"), make("p", "sub"));
  matchChildren(at("mem-history"), past, makeEarlier, (item, entry) => setTexts(item.children, [entry.head, entry.text]));
}

/** Shows what a memory is now, if it is the open one and nobody edits it. @param {import('../lib/api.d.ts').MemoryRecord} read */
export function refresh(read) {
  if (String(read.memory.id) === opened && !isEditing) showRecord(read);
}

function makeTag() {
  const item = make("li", "", makeButton("", "", () => owner.filter(item.tag)));
  item.children[0].title = "Filter by this tag";
  return item;
}

function showPanel() {
  const isDeleted = record !== null && record.memory.deleted_ms !== null;
  setText(at("mem-title"), opened === "new" ? "New memory" : `${isDeleted ? "Deleted memory" : "Memory"} ${opened}`);
  at("mem-view").hidden = isEditing || record === null;
  at("mem-form").hidden = !isEditing;
  at("mem-edit").hidden = isEditing || record === null || isDeleted;
  at("mem-restore").hidden = !isDeleted;
  at("mem-delete").hidden = isEditing || record === null;
  setText(at("mem-delete"), isDeleted ? "Delete permanently" : "Delete");
  at("mem-overwrite").hidden = true;
  if (isEditing && opened === "new") at("mem-text").focus();
}

/** Begins to edit a memory: now if it is open, else as soon as it is. */
export function edit(id = opened) {
  isEditWanted = id !== opened || record === null;
  if (isEditWanted || isEditing || record.memory.deleted_ms !== null) return;
  isEditing = true;
  at("mem-result").hidden = true;
  fillForm(record.memory);
  showPanel();
  at("mem-text").focus();
}

function fillForm(memory) {
  const form = model.formOf(memory);
  for (const [name, id] of Object.entries(FIELDS)) at(id).value = form[name];
  explainMetadata(null);
}

/** Says what is wrong with the metadata, and puts the keyboard where it is; null if nothing is. */
function explainMetadata(wrong) {
  const field = at("mem-form-metadata");
  field.ariaInvalid = String(wrong !== null);
  at("mem-metadata-problem").hidden = wrong === null;
  if (wrong === null) return;
  showResult(at("mem-metadata-problem"), "error", wrong.problem);
  field.focus();
  if (wrong.at !== null) field.setSelectionRange(wrong.at, wrong.at + 1);
}

const form = () => Object.fromEntries(Object.entries(FIELDS).map(([name, id]) => [name, at(id).value]));

function isDirty() {
  return isEditing && model.changesOf(record?.memory ?? model.EMPTY, form()) !== null;
}

async function cancel() {
  if (isDirty() && !(await confirm(model.DISCARD))) return;
  isEditing = false;
  if (opened === "new") return owner.go(null);
  at("mem-result").hidden = true;
  showPanel();
  at("mem-detail").focus();
}

async function save() {
  const changes = model.changesOf(record?.memory ?? model.EMPTY, form());
  if (changes === null) return cancel();
  if (changes.metadata === null) return explainMetadata(metadataIn(form().metadata, record?.memory.metadata));
  showResult(at("mem-result"), "busy", "Saving…");
  try {
    if (opened === "new") await saveNew();
    else await saveChanges(changes);
  } catch (error) {
    showResult(at("mem-result"), "error", why(error));
    at("mem-overwrite").hidden = !(error instanceof Refused && error.code === "changed");
  }
}

async function saveNew() {
  const { text, tags, type, project, metadata } = form();
  const draft = { text, tags: model.tagsIn(tags), type, project, metadata: metadataIn(metadata).value };
  const stored = await requestJson("/api/memories", "POST", draft);
  isEditing = false;
  opened = null;
  arrival = [stored.is_new ? "Stored." : "Already stored. This is the existing memory.", stored.replaced];
  owner.changed({ memory: { id: stored.id } }, true);
}

async function saveChanges(changes) {
  const id = opened;
  const changed = await requestJson(`/api/memories/${id}`, "PATCH", { updated_ms: record.memory.updated_ms, ...changes });
  if (id !== opened) return;
  isEditing = false;
  showRecord(changed);
  said("Saved.", changed.replaced);
  owner.changed(changed, false);
  at("mem-detail").focus();
}

function said(words, replaced) {
  const each = replaced.map(({ kind, place }) => `${kind} (${place})`);
  const secrets = each.length === 0 ? "" : ` Redacted before storing: ${each.join(", ")}.`;
  showResult(at("mem-result"), "ok", words + secrets);
}

/** Saves over what somebody else wrote meanwhile, which the history keeps. */
async function overwrite() {
  const mine = form();
  try {
    record = await requestJson(`/api/memories/${opened}`);
  } catch (error) {
    return showResult(at("mem-result"), "error", why(error));
  }
  for (const [name, id] of Object.entries(FIELDS)) at(id).value = mine[name];
  await save();
}

/** Keys while a field has the keyboard. */
export function onKeyInField(event) {
  const isInForm = at("mem-form").contains(event.target);
  if (isInForm && event.key === "Enter" && (event.ctrlKey || event.metaKey)) save();
  else if (isInForm && event.key === "Escape") cancel();
  else if (event.key === "Escape") event.target.blur();
  else return;
  event.preventDefault();
}
