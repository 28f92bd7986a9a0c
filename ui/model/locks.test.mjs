import assert from "node:assert/strict";
import { test } from "node:test";
import * as words from "./lock-words.js";
import * as locks from "./locks.js";

const NOW = 1_800_000_000_000;
const HOLDER = { instance: "b", pid: 913, role: "serve", version: "0.1.0", host_name: "desk", client: "ada's agent", kind: "store", requests: 1, since_ms: NOW - 9000 };

function lock(change = {}) {
  return {
    name: "write", path: "/store/locks/write.lock", generation: 0, state: "held", holder: HOLDER, age_ms: 9000,
    process: "stopped", pids: [913], is_in_transaction: false, act: "take_over", words: "its holder's process is stopped", ...change,
  };
}

function report(change = {}) {
  return { now_ms: NOW, locks: [lock()], waiters: [], instances: [], leftovers: [], audit: [], ...change };
}

const leftover = { what: "instance", instance: "c", pid: 77, role: "serve", since_ms: NOW - 60_000 };

test("a button is shown only for what the host offers, for somebody else, and for somebody known", () => {
  const act = (change, host = "a") => locks.lockButton(lock(change), host)?.act ?? null;
  assert.equal(act({}), "take_over");
  assert.equal(act({ act: "terminate" }), "terminate");
  assert.equal(act({ act: null }), null);
  assert.equal(act({ act: "set_on_fire" }), null, "an act of a newer host is not pressed blindly");
  assert.equal(act({ act: "clear_leftovers", state: "leftover" }), null, "leftovers have their own button");
  assert.equal(act({}, "b"), null, "this host does not settle itself");
  assert.equal(act({ act: "terminate", holder: null, state: "held_by_unknown" }), null, "nobody unknown is terminated");
  assert.equal(act({ holder: null, state: "held_by_unknown" }), "take_over");
});

test("leftovers can be cleared when there are any, and without a question", () => {
  assert.equal(words.leftoversButton(report()), null);
  assert.equal(words.leftoversButton(report({ leftovers: [leftover] })).act, "clear_leftovers");
  assert.equal(words.confirmation("clear_leftovers", null), null);
});

test("a take-over says what will happen, and to terminate a process its number is typed", () => {
  const takeOver = words.confirmation("take_over", lock());
  assert.match(takeOver.words.join(" "), /process 913 \(serve on desk\).*not terminated.*late write is rejected, and its client gets an error/);
  assert.equal(takeOver.typed, null);
  const end = words.confirmation("terminate", lock({ act: "terminate" }));
  assert.equal(end.typed, "913");
  assert.equal(end.isDanger, true);
  assert.match(words.confirmation("take_over", lock({ holder: null })).words[0], /the unknown holder/);
});

test("an act is asked for with the holder that was shown", () => {
  const { instance, since_ms } = HOLDER;
  assert.deepEqual(words.asked("take_over", lock()), { act: "take_over", holder: { instance, since_ms } });
  assert.deepEqual(words.asked("terminate", lock({ holder: null })), { act: "terminate" });
  assert.deepEqual(words.asked("clear_leftovers", null), { act: "clear_leftovers" });
});

test("a stuck lock is told with holder, age and evidence", () => {
  const row = words.lockRow(lock(), report(), "a");
  assert.deepEqual([row.name, row.badge, row.tone], ["Write lock", "Stuck", "error"]);
  assert.equal(row.purpose, "ada's agent, store for 9.0 s");
  assert.equal(row.holder, "serve, process 913 on desk, version 0.1.0");
  assert.equal(row.evidence, "Its process is stopped; no transaction is open; held by process 913 according to the system.");
  assert.equal(row.words, "Its holder's process is stopped");
});

test("a holder that is in the middle of many parts says how far it is", () => {
  const purpose = (progress) => words.lockRow(lock({ holder: { ...HOLDER, kind: "delete", progress } }), report(), "a").purpose;
  assert.equal(purpose({ done: 12_000, of: 100_000 }), "ada's agent, delete, 12,000 of 100,000 done for 9.0 s");
  assert.equal(purpose({ done: 3, of: null }), "ada's agent, delete, step 3 for 9.0 s");
});

test("a lock that was taken over does not look as if it were in force", () => {
  const old = lock({ act: null });
  const shown = report({ locks: [lock({ generation: 1, state: "free", holder: null, act: null }), old] });
  assert.equal(words.lockRow(old, shown, "a").name, "Earlier write lock, generation 0");
  assert.equal(words.lockRow(old, shown, "a").badge, "Taken over");
  assert.equal(locks.isAging(shown), false, "nobody reads the table again for it");
  assert.equal(locks.isAging(report()), true);
});

test("a holder without a name and an age is not shown as one of 1970", () => {
  const unknown = lock({ state: "held_by_unknown", holder: { ...HOLDER, client: "", kind: "unknown work", since_ms: 0 }, age_ms: 0 });
  assert.equal(words.lockRow(unknown, report(), "a").purpose, "Unnamed client, unknown work");
});

test("the line keeps its order and marks a process that does not run", () => {
  const waiter = { ...HOLDER, place: 1, age_ms: 9000, process: "running" };
  assert.deepEqual(words.waiterRow(waiter, report()), { place: "1.", who: "ada's agent, store", detail: "serve, process 913 on desk, version 0.1.0", age: "9.0 s" });
  assert.match(words.waiterRow({ ...waiter, process: "stopped" }, report()).detail, /its process is stopped$/);
});

test("a leftover is told with its evidence, also without a readable record", () => {
  const row = words.leftoverRow(leftover, report());
  assert.equal(row.what, "Record of an instance");
  assert.match(row.words, /^Left by serve, process 77, written 1 min ago\. That process has exited/);
  const unread = words.leftoverRow({ ...leftover, what: "holder of the write lock", pid: null, role: null, since_ms: null }, report());
  assert.equal(unread.what, "Record of the holder of the write lock");
  assert.match(unread.words, /^Left by an unknown process\./);
});

test("the sentence above the table names what is worst", () => {
  const told = (change) => words.summary(report(change), "a");
  const free = [lock({ state: "free", holder: null, act: null })];
  assert.match(told({ leftovers: [leftover] }), /appears to be stuck/);
  assert.match(told({ locks: free, leftovers: [leftover] }), /^1 record of dead/);
  assert.match(told({ locks: free, waiters: [HOLDER] }), /1 instance waiting/);
  assert.match(told({ locks: free }), /Nothing is stuck/);
});

test("ages grow between two readings, but not that of a free lock", () => {
  const later = locks.older(report({ locks: [lock(), lock({ state: "free", age_ms: 0 })] }), 1000);
  assert.deepEqual([later.now_ms, later.locks[0].age_ms, later.locks[1].age_ms], [NOW + 1000, 10_000, 0]);
});

test("only who holds, waits and lives is a reason to read the table again", () => {
  const status = (change) => ({ now_ms: NOW, lock: { state: "held", epoch: 3, holder: HOLDER, waiters: [], ...change }, instances: [{ instance: "b" }] });
  const trace = (change) => locks.traceOf(status(change));
  assert.equal(trace({}), locks.traceOf({ ...status({}), now_ms: NOW + 5000, stats: {} }));
  for (const change of [{ state: "free", holder: null }, { epoch: 4 }, { waiters: [HOLDER] }, { holder: { ...HOLDER, since_ms: NOW } }]) {
    assert.notEqual(trace(change), trace({}), JSON.stringify(change));
  }
  assert.notEqual(locks.traceOf({ ...status({}), instances: [] }), trace({}));
});

test("an act in the audit log is shown once, by its end, and one that was cut short stays", () => {
  const by = { user: "ada", pid: 5, role: "dashboard", host_name: "desk" };
  const entry = (stage, at_ms, act = "take_over") => ({ at_ms, act, stage, by, found: "held by pid 913", done: stage === "begun" ? "" : "moved" });
  const audit = [entry("done", NOW - 3000), entry("begun", NOW - 5000), entry("begun", NOW - 90_000, "terminate")];
  const rows = words.auditRows(report({ audit }));
  assert.deepEqual(rows.map((row) => [row.act, row.badge]), [["Take over", "Done"], ["Terminate the holder", "Started"]]);
  assert.equal(rows[0].words, "held by pid 913; moved");
  assert.equal(rows[0].who, "by ada, dashboard, process 5 on desk");
});
