import assert from "node:assert/strict";
import { test } from "node:test";
import * as view from "./status.js";

const NOW = 1_800_000_000_000;
const NONE = { count: 0, average_ms: 0, p50_ms: 0, p95_ms: 0, p99_ms: 0, max_ms: 0, sum_ms: 0 };
const SOME = { ...NONE, count: 3, p50_ms: 1.5, p95_ms: 6, p99_ms: 9, max_ms: 20 };

function status(change = {}) {
  return {
    now_ms: NOW,
    state: "ok",
    diagnosis: "Nothing is waiting",
    host: { instance: "a", pid: 812, version: "0.1.0", role: "serve", host_name: "desk", started_ms: NOW - 7_500_000, data_dir: "/store" },
    lock: { state: "free", holder: null, waiters: [], epoch: 3 },
    queue: { length: 0, limit: 1000, oldest_ms: 0, in_commit: 0, line: [] },
    workers: { count: 4, busy: 1, is_auto: false },
    index: { backlog: 0, indexed: 5, model: "ready", reason: null, vectors_per_s: 0 },
    memories: { total: 5, deleted: 0 },
    files: { database_bytes: 4_600_000, wal_bytes: 0, sqlite_version: "3.54.0", schema_version: 1, integrity: { state: "ok" } },
    stats: { acquisitions: 0, contended_acquisitions: 0, last_acquisition_ms: null, queue_wait: SOME, lock_wait: NONE },
    clients: [],
    instances: [],
    ...change,
  };
}

const holder = { instance: "b", pid: 913, role: "import", version: "0.1.0", host_name: "desk", client: "ada's agent", kind: "store", requests: 3, since_ms: NOW - 4200 };

test("the first glance is the host's own sentence, and a state of a newer host never looks calm", () => {
  assert.deepEqual(view.hero(status()), { tone: "ok", state: "OK", sentence: "Nothing is waiting", host: "desk, up 2 h 5 min" });
  const tones = ["paused", "overheated", "constructor"].map((state) => [view.hero(status({ state })).tone, view.hero(status({ state })).state]);
  assert.deepEqual(tones, [["waiting", "Paused"], ["unknown", "overheated"], ["unknown", "constructor"]]);
});

test("the queue turns amber at half and red near its limit", () => {
  const tone = (length) => view.queue(status({ queue: { length, limit: 1000, oldest_ms: 9, in_commit: 1 } })).tone;
  assert.deepEqual([0, 499, 500, 900, 1000].map(tone), ["busy", "busy", "waiting", "error", "error"]);
  assert.equal(view.queue(status({ queue: { length: 3, limit: 0, oldest_ms: 0, in_commit: 0 } })).share, 0, "no division by zero");
});

test("who is next in the queue is told in order, with project, kind and age", () => {
  const flood = { client: "indexer", project: "shop", kind: "store", requests: 32, since_ms: NOW - 8300 };
  const calm = { client: "ada", project: null, kind: "delete", requests: 1, since_ms: NOW - 40 };
  const told = (queue) => view.inLine(status({ queue: { limit: 1000, oldest_ms: 9, ...queue } })).map(({ words, age }) => [words, age].join("|"));
  assert.deepEqual(told({ length: 0, in_commit: 0, line: [] }), []);
  assert.deepEqual(told({ length: 40, in_commit: 7, line: [flood, calm] }), ["indexer in shop, store and 31 more|8.3 s", "ada, delete|40 ms"]);
  assert.deepEqual(told({ length: 300, in_commit: 7, line: [flood, calm] })[2], "and 260 more|");
  assert.deepEqual(told({ length: 5, in_commit: 5, line: [] }), [], "a commit under way does not wait");
});

test("a time that was never measured is not shown as zero", () => {
  assert.deepEqual(view.times(NONE), { large: "–", words: "No data yet" });
  assert.deepEqual(view.times(SOME), { large: "1.5 ms", words: "p95 6.0 ms, max 20 ms" });
});

test("the holder is named with client, kind and age", () => {
  const lock = view.lock(status({ lock: { state: "held", holder, waiters: [], epoch: 3 } }));
  assert.equal(lock.badge, "Held");
  assert.equal(lock.tone, "waiting", "4 s is long for a hold");
  assert.deepEqual(lock.holder, {
    client: "ada's agent",
    kind: "store and 2 more",
    age: "4.2 s",
    who: "import, process 913 on desk, version 0.1.0",
  });
  assert.equal(lock.words, "");
});

test("a holder and a waiter in the middle of many parts say how far they are", () => {
  const large = { ...holder, kind: "delete", requests: 1, progress: { done: 12_000, of: 100_000 } };
  const shown = status({ lock: { state: "held", holder: large, waiters: [large], epoch: 3 } });
  assert.equal(view.lock(shown).holder.kind, "delete, 12,000 of 100,000 done");
  assert.equal(view.lockWaiters(shown)[0].words, "ada's agent, delete, 12,000 of 100,000 done");
});

test("a lock without a known holder is explained", () => {
  const words = (state) => view.lock(status({ lock: { state, holder: null, waiters: [], epoch: 3 } })).words;
  assert.match(words("held_by_unknown"), /no readable record/);
  assert.match(words("leftover"), /next writer clears/);
  assert.match(words("held"), /Reading the holder/);
});

// The figures are those of all hosts: one that had never written said that it took the lock last.
test("a free lock says when anybody took it last, and not that this host did", () => {
  const words = (last_acquisition_ms) => view.lock(status({ stats: { acquisitions: 1, contended_acquisitions: 0, last_acquisition_ms } })).words;
  assert.equal(words(NOW - 60_000), "Nobody holds it. Last taken 1 min ago.");
  assert.equal(words(null), "Nobody has taken it yet.");
});

test("a clock that went back gives no negative age", () => {
  assert.equal(view.party({ ...holder, since_ms: NOW + 5000 }, NOW).age, "0 ms");
});

test("the host's reason goes before our own words on the model", () => {
  const index = { backlog: 0, indexed: 0, model: "missing", reason: "not there: put it into its directory", vectors_per_s: 0 };
  assert.equal(view.model(status({ index })).words, "not there: put it into its directory");
  assert.equal(view.model(status({ index: { ...index, reason: null } })).badge, "Keyword only");
});

test("a client at work was seen now, and a process that nobody knows is said to be so", () => {
  const client = { client: "claude-code", version: null, pid: null, project: null, transport: "stdio", in_flight: 1, waiting: 3, requests: 2, errors: 1, last_seen_ms: NOW - 9000, queue_wait: NONE };
  const rows = view.clientRows(status({ clients: [client, { ...client, pid: 812, errors: 0 }] }));
  assert.deepEqual(rows[0].map((cell) => cell.text), ["claude-code", "unknown", "–", "Bridge", "1", "3", "2", "1", "–", "–", "now"]);
  assert.equal(rows[0][7].isBad, true);
  assert.deepEqual([rows[1][1].text, rows[1][7].isBad], ["812", false]);
});

test("the commands that connect a client name the store as the host says", () => {
  const commands = view.connectWays("commonplace --data-dir '/my store'").map(([, command]) => command);
  assert.deepEqual(commands, ["connect claude", "connect claude --http", "mcp"].map((rest) => `commonplace --data-dir '/my store' ${rest}`));
});
