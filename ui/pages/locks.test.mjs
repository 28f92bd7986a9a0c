import assert from "node:assert/strict";
import { test } from "node:test";
import { fakePage } from "../lib/fake-page.mjs";
import { showLocks } from "./locks.js";

test("a button stays the same one while the table is read again, and goes when the act is no longer offered", () => {
  const page = fakePage();
  const holder = { instance: "b", pid: 913, role: "serve", version: "1", host_name: "desk", client: "ada", kind: "store", requests: 1, since_ms: 1 };
  const lock = { name: "write", path: "/w", generation: 0, state: "held", holder, age_ms: 9000, process: "stopped", pids: [913], act: "take_over", words: "stuck" };
  const report = { now_ms: 10_000, locks: [lock], waiters: [], leftovers: [], audit: [] };
  const place = () => page.at("lock-rows").children[0].children.at(-1);
  showLocks(report, "this host");
  const button = place().children[0];
  showLocks({ ...report, now_ms: 12_000 }, "this host");
  assert.equal(place().children[0], button, "it keeps the focus");
  showLocks({ ...report, locks: [{ ...lock, act: null }] }, "this host");
  assert.equal(place().children.length, 0);
});
