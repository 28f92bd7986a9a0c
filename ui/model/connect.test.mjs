import assert from "node:assert/strict";
import { test } from "node:test";
import * as connect from "./connect.js";

const NOW = 1_800_000_000_000;
const CODEX = {
  client: "codex", title: "Codex", is_installed: true, state: "none", place: "/home/ada/.codex/config.toml",
  message: "does not use this store", by_hand: "[mcp_servers.memory]", last_call_ms: null,
};
const shown = (more) => connect.row({ ...CODEX, ...more }, NOW);

test("each state is said in words and offers what can be done about it", () => {
  assert.deepEqual([shown({}).badge, shown({}).acts], ["Not connected", ["connect"]]);
  assert.deepEqual(shown({ state: "connected" }).acts, ["verify", "disconnect"]);
  assert.deepEqual([shown({ state: "other_store" }).tone, shown({ state: "other_store" }).acts], ["waiting", ["connect", "disconnect"]]);
  const newer = shown({ state: "enchanted" });
  assert.deepEqual([newer.badge, newer.tone, newer.acts], ["enchanted", "unknown", []], "a word of a newer host");
});

test("what is not changed here comes with the lines to add by hand, and nothing else does", () => {
  assert.equal(shown({ state: "foreign" }).code, CODEX.by_hand);
  assert.equal(shown({ state: "unreadable", message: "`/x` cannot be read" }).words, "`/x` cannot be read.");
  for (const state of ["none", "connected", "other_store"]) assert.equal(shown({ state }).code, "");
});

test("a connected client says when it last called, or that it has not yet", () => {
  const connected = { state: "connected", message: "uses this store through the entry `memory`" };
  assert.match(shown({ ...connected, last_call_ms: NOW - 180_000 }).words, /^Codex uses this store .* Last call 3 min ago\.$/);
  assert.match(shown(connected).words, /It has not called since this host started\.$/);
  assert.equal(shown({}).words, "Codex does not use this store.");
});

test("clients that are not on this machine stand apart, unless they are connected", () => {
  const cursor = { ...CODEX, client: "cursor", is_installed: false };
  const qwen = { ...CODEX, client: "qwen", is_installed: false, state: "connected" };
  const { here, others } = connect.parts([CODEX, cursor, qwen]);
  assert.deepEqual([here.map((one) => one.client), others.map((one) => one.client)], [["codex", "qwen"], ["cursor"]]);
  assert.equal(connect.row(cursor, NOW).badge, "Not found");
});

test("a change is asked for with the file that it changes, and a check is not", () => {
  const asked = connect.question(shown({}), "connect");
  assert.equal(asked.title, "Connect Codex?");
  assert.match(asked.words[0], /add the entry memory to \/home\/ada\/\.codex\/config\.toml/);
  assert.equal(asked.isDanger, false);
  assert.equal(connect.question(shown({ state: "connected" }), "disconnect").isDanger, true);
  assert.equal(connect.question(shown({ state: "connected" }), "verify"), null);
  const claude = shown({ client: "claude", title: "Claude Code" });
  assert.match(connect.question(claude, "disconnect").words.join(" "), /claude mcp remove .* plugin/);
});

test("how it went names the time of a check and the copy of a changed file", () => {
  const done = { connection: CODEX, message: "Codex uses this store as `memory`", backup: null, verified: null };
  assert.equal(connect.outcome(done, String), "Codex uses this store as `memory`.");
  assert.match(connect.outcome({ ...done, backup: "/x.before" }, String), /The file before: `\/x\.before`\.$/);
  const verified = { stored_and_found_ms: 41, at_ms: NOW };
  assert.equal(connect.outcome({ ...done, verified }, () => "14:02"), "Stored and found again through the entry of Codex at 14:02 (41 ms).");
});
