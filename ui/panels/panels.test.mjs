import assert from "node:assert/strict";
import { test } from "node:test";
import { showCrosshair, showIncidents, showTable } from "./charts.js";
import { fakePage } from "../lib/fake-page.mjs";
import { showLocks } from "../pages/locks.js";
import { showLogin } from "./login.js";
import { showFacets, showList } from "../pages/memories.js";
import { showRecord } from "./memory.js";
import { showSettings } from "../pages/settings.js";

const PLANTED = "<img src=x onerror=alert(1)>`<script>`\"'";
const SEEN = PLANTED.replaceAll("`", "");
/** Everything the panels build; nothing that loads or runs. */
const TAGS = ["div", "li", "h3", "p", "span", "code", "button", "form", "label", "input", "select", "option", "dt", "dd"];

const party = { instance: PLANTED, pid: 913, role: PLANTED, version: PLANTED, host_name: PLANTED, client: PLANTED, kind: PLANTED, requests: 1, since_ms: 1 };

function hostileReport() {
  const lock = {
    name: PLANTED, path: PLANTED, generation: 0, state: "held", holder: party, age_ms: 9000, process: PLANTED,
    pids: [913], is_in_transaction: false, act: "take_over", words: PLANTED,
  };
  const by = { user: PLANTED, pid: 5, role: PLANTED, host_name: PLANTED };
  return {
    now_ms: 10_000,
    locks: [lock, { ...lock, state: PLANTED }],
    waiters: [{ ...party, place: 1, age_ms: 9000, process: PLANTED }],
    leftovers: [{ what: PLANTED, instance: PLANTED, pid: 7, role: PLANTED, since_ms: 1 }],
    audit: [{ at_ms: 1, act: PLANTED, stage: PLANTED, by, found: PLANTED, done: PLANTED }],
  };
}

function assertOnlyText(page, ids) {
  for (const id of ids) {
    const text = page.at(id).textContent;
    assert.ok(text.includes(PLANTED) || text.includes(SEEN), `${id} shows the text as it is: ${text}`);
  }
  for (const node of page.nodes()) {
    assert.ok(TAGS.includes(node.tagName), `<${node.tagName}> was made`);
    assert.deepEqual(Object.keys(node.attributes).filter((name) => !["role", "aria-describedby"].includes(name)), []);
  }
}

test("a hostile text in any field of the table of locks stays text", () => {
  const page = fakePage();
  showLocks(hostileReport(), "this host");
  assertOnlyText(page, ["locks-summary", "lock-rows", "lock-line", "leftovers", "audit"]);
});

test("a hostile text in any field of a memory stays text", () => {
  const page = fakePage();
  const memory = {
    id: 7, content_hash: PLANTED, text: PLANTED, tags: [PLANTED], type: PLANTED, project: PLANTED, metadata: { [PLANTED]: PLANTED },
    created_ms: 1, updated_ms: 2, deleted_ms: 3, provenance: { client: PLANTED, client_version: PLANTED, session: PLANTED, host_name: PLANTED },
  };
  const hit = { score: 1, keyword_rank: 1, semantic_rank: null, cosine: null };
  const before = { change: "update", at_ms: 1, client: PLANTED, text: PLANTED, tags: [], type: null, project: null, metadata: {} };
  const facet = { top: [{ name: PLANTED, count: 1 }], more: 1 };
  showList([{ memory, hit }]);
  showFacets({ projects: facet, tags: facet, types: facet, clients: facet });
  showRecord({ memory, is_indexed: false, history: [before, { ...before, change: PLANTED }] });
  assertOnlyText(page, ["mem-rows", "mem-project", "mem-type", "mem-client", "mem-full", "mem-tags", "mem-facts", "mem-history"]);
});

test("a hostile text in the settings stays text", () => {
  const page = fakePage();
  const setting = { key: PLANTED, value: PLANTED, default: PLANTED, range: PLANTED, unit: PLANTED, about: PLANTED, source: PLANTED, is_fixed: true, is_live: true, next: PLANTED };
  showSettings({ path: PLANTED, problem: PLANTED, settings: [setting] });
  showLogin({ start_at_login: true, place: PLANTED });
  assertOnlyText(page, ["settings-path", "settings-problem", "settings", "login-place"]);
});

test("a button stays the same one while the table is read again, and goes when the act is no longer offered", () => {
  const page = fakePage();
  const report = hostileReport();
  const place = () => page.at("lock-rows").children[0].children.at(-1);
  showLocks(report, "this host");
  const button = place().children[0];
  showLocks({ ...report, now_ms: 12_000 }, "this host");
  assert.equal(place().children[0], button, "it keeps the focus");
  showLocks({ ...report, locks: [{ ...report.locks[0], act: null }] }, "this host");
  assert.equal(place().children.length, 0);
});

test("what a person is typing into a setting is not overwritten by a reading", () => {
  const page = fakePage();
  const setting = { key: "queue_length", value: 1000, default: 1000, range: "between 1 and 100000", unit: "writes", about: "Most.", source: "default", is_fixed: false, is_live: true, next: null };
  const shown = (value) => showSettings({ path: "/s", problem: null, settings: [{ ...setting, value }] });
  shown(1000);
  const { input, save } = page.at("settings").children[0].parts;
  assert.equal(save.hidden, true);
  input.value = "20";
  shown(500);
  assert.deepEqual([input.value, save.hidden], ["20", false]);
  input.value = "500";
  shown(700);
  assert.equal(input.value, "700", "a field that nobody has changed follows the host");
});

test("a hostile name of a client stays text under the crosshair, in the table of a chart and in the list of incidents", () => {
  const page = fakePage();
  const series = { name: "Longest", role: "queue_half", unit: "ms", values: [5] };
  const chart = {
    title: "Queue wait by client", shape: "rows", from_ms: 0, to_ms: 9000, points: [{ name: PLANTED }], panels: [{ title: "", series: [series] }],
    colors: { queue_half: "#123456" }, places: [40], plots: [{ left: 9, top: 9, width: 9, height: 9, end: 0 }], marks: [], empty: null,
  };
  const part = Object.fromEntries(["frame", "reader", "cross", "dots", "tip", "table"].map((name) => [name, page.at(name)]));
  part.table.append(document.createElement("thead"), document.createElement("tbody"));
  showCrosshair({ ...part, chart }, 0);
  showTable({ ...part, chart });
  const incident = { at_ms: 5000, what: PLANTED, end: PLANTED, instance: PLANTED, client: PLANTED, kind: PLANTED, took_ms: 3, holder: PLANTED };
  showIncidents([incident], chart, null);
  for (const id of ["tip", "table", "incidents"]) assert.ok(page.at(id).textContent.includes(PLANTED), id);
  assert.ok(part.reader.attributes["aria-valuetext"].includes(PLANTED));
  const tags = new Set(page.nodes().map(({ tagName }) => tagName));
  const known = ["div", "i", "p", "span", "b", "thead", "tbody", "tr", "th", "td", "li", "details", "summary", "dl", "dt", "dd"];
  assert.deepEqual([...tags].filter((tag) => !known.includes(tag)), []);
});
