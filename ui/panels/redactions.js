// @ts-check
// The panel of the redactions: what was replaced in memories because it looked like a secret. A person looks at it, puts it
// back, or says that it was one.

import { confirm } from "../lib/confirm.js";
import { at, fillFacts, make, makeButton, setText, showResult } from "../lib/dom.js";
import { reader } from "../lib/reader.js";
import { requestJson, why } from "../lib/session.js";
import * as model from "../model/redactions.js";

/** @type {model.Redaction[]} */
let rows = [];
/** What was replaced, of those that the person looks at, by number. @type {Map<number, string[][]>} */
const shown = new Map();
let nowMs = 0;
let trace = "";
/** True while the host does what a person has decided. */
let isActing = false;
/** What the page does with a memory into which something was put back. @type {(record: import('../lib/api.d.ts').MemoryRecord) => void} */
let onPutBack = () => {};

const list = reader(() => requestJson("/api/redactions"), {
  read: take,
  failed: (error) => say("error", why(error)),
});

/** Sets up the panel. @param {(record: import('../lib/api.d.ts').MemoryRecord) => void} putBack */
export function setUpRedactions(putBack) {
  onPutBack = putBack;
}

/** Shows the age of the redactions; reads them again if there is reason to. @param {import('../lib/api.d.ts').Status} status */
export function redactionsChanged(status) {
  nowMs = status.now_ms;
  const now = model.traceOf(status);
  if (now !== trace) {
    trace = now;
    if (now === "") take({ redactions: [] });
    else list.wanted();
  }
  showRows();
}

/** Lets the ages grow. @param {import('../lib/api.d.ts').Status} status */
export function redactionsOlder(status) {
  nowMs = status.now_ms;
  showRows();
}

/** Stops reading, and shows nothing any more: the page, the session or the host is gone. */
export function stopRedactions() {
  list.stop();
  trace = "";
  rows = [];
  at("redactions-result").hidden = true;
  showRows();
}

/** @param {import('../lib/api.d.ts').RedactionList} read */
function take(read) {
  rows = model.inOrder(read.redactions);
  showRows();
}

function showRows() {
  const items = at("redaction-rows");
  for (const number of shown.keys()) if (!rows.some((row) => row.number === number)) shown.delete(number);
  for (const item of [...items.children]) if (!rows.some((row) => row.number === item.number)) item.remove();
  rows.forEach((row, index) => {
    if (items.children[index]?.number !== row.number) items.insertBefore(makeRow(row), items.children[index] ?? null);
    showRow(items.children[index], row);
  });
  setText(at("redactions-title"), model.heading(rows.length));
  at("redactions").hidden = rows.length === 0 && at("redactions-result").hidden;
}

/** A row stays that of its redaction: what is pressed is never another one that came into its place. */
function makeRow(row) {
  const acts = make("span", "acts",
    makeButton("plain", "", () => look(row)),
    makeButton("plain", "Put back", () => putBack(row)),
    makeButton("plain", "It was a secret", () => forget(row)));
  const head = make("div", "row-head", make("span", "row-strong", ""), acts);
  const item = make("li", "redaction", head, make("p", "", ""), make("p", "sub", ""), make("dl", "facts"));
  item.number = row.number;
  return item;
}

function showRow(item, row) {
  const words = model.rowOf(row, nowMs);
  const [head, replaced, sub, facts] = item.children;
  const [show, putBack, forget] = head.children[1].children;
  const parts = shown.get(row.number);
  setText(head.children[0], words.name);
  setText(replaced, words.replaced);
  setText(sub, words.sub);
  setText(show, parts === undefined ? "Show" : "Hide");
  show.ariaExpanded = String(parts !== undefined);
  show.ariaLabel = `${show.textContent} ${words.labels.show}`;
  putBack.ariaLabel = words.labels.putBack;
  forget.ariaLabel = words.labels.forget;
  fillFacts(facts, parts ?? []);
  facts.hidden = parts === undefined;
}

async function look(row) {
  if (shown.delete(row.number)) return showRows();
  await act(async () => {
    const { parts } = await requestJson(`/api/redactions/${row.number}`);
    shown.set(row.number, model.partsOf(parts));
    at("redactions-result").hidden = true;
  });
}

async function putBack(row) {
  if (isActing || !(await confirm(model.question(row)))) return;
  await act(async () => {
    const record = await requestJson(`/api/redactions/${row.number}/put-back`, "POST");
    gone(row);
    say("ok", `Put back into memory ${record.memory.id}. All sessions read it from now on.`);
    onPutBack(record);
  });
}

async function forget(row) {
  await act(async () => {
    await requestJson(`/api/redactions/${row.number}`, "DELETE");
    gone(row);
    say("ok", "Forgotten. The memory stays as it was stored, without the secret.");
  });
}

/** Does one thing at a time, and says why it could not be done. @param {() => Promise<void>} work */
async function act(work) {
  if (isActing) return;
  isActing = true;
  try {
    await work();
  } catch (error) {
    say("error", why(error));
    // It may be gone already.
    list.wanted();
  }
  isActing = false;
  showRows();
}

/** A reading that is under way may still have it. */
function gone(row) {
  rows = rows.filter((other) => other.number !== row.number);
  list.changed();
  list.wanted();
}

/** @param {"ok" | "error"} tone @param {string} words */
function say(tone, words) {
  showResult(at("redactions-result"), tone, words);
  showRows();
}
