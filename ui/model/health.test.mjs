import assert from "node:assert/strict";
import { test } from "node:test";
import { hostFacts, logPath, logRows, logWords, store } from "./health.js";

const NOW = 1_800_000_000_000;

function status(files = {}) {
  return {
    now_ms: NOW,
    host: { version: "0.1.0", role: "serve", pid: 7, started_ms: NOW - 60_000, data_dir: "/store" },
    workers: { busy: 1, count: 4, is_auto: true },
    files: {
      database_bytes: 4096, wal_bytes: 0, sqlite_version: "3.54.0", vec_version: "0.1.9", schema_version: 2,
      disk: { free_bytes: 44e9, total_bytes: 250e9, low_below_bytes: 1e9, is_low: false },
      integrity: { state: "ok" }, integrity_checked_ms: NOW - 120_000, last_backup_ms: null, ...files,
    },
  };
}

const fact = (shown, name) => shown.facts.find(([known]) => known === name);

test("a store without damage says when that was found", () => {
  const shown = store(status());
  assert.deepEqual([shown.badge, shown.tone, shown.isChecking], ["OK", "ok", false]);
  assert.deepEqual(fact(shown, "Integrity check"), ["Integrity check", "no problems found, 2 min ago", false]);
  assert.deepEqual(fact(shown, "Free disk space"), ["Free disk space", "44.0 GB of 250 GB", false]);
  assert.equal(fact(shown, "Last backup")[1], "none yet");
});

test("damage, a check that could not be made and a full disk are marked", () => {
  const damaged = store(status({ integrity: { state: "damaged", detail: "row 7 missing" } }));
  assert.deepEqual(fact(damaged, "Integrity check"), ["Integrity check", "row 7 missing, 2 min ago", true]);
  assert.equal(damaged.tone, "error");
  const notMade = store(status({ integrity: { state: "not_made", detail: "busy" } }));
  assert.match(fact(notMade, "Integrity check")[1], /^could not run: busy/);
  const full = store(status({ disk: { free_bytes: 5e8, total_bytes: 250e9, low_below_bytes: 1e9, is_low: true } }));
  assert.deepEqual(fact(full, "Free disk space").slice(1), ["500 MB of 250 GB, less than 1.0 GB: free up space before writes fail", true]);
  assert.equal(fact(store(status({ disk: null })), "Free disk space")[1], "unknown");
});

test("a check in progress cannot be asked for again, and a state of a newer host is told as it is", () => {
  const shown = store(status({ integrity: { state: "checking" }, integrity_checked_ms: null }));
  assert.deepEqual([shown.isChecking, fact(shown, "Integrity check")[1]], [true, "in progress"]);
  assert.equal(store(status({ integrity: { state: "constructor" } })).badge, "constructor");
});

test("versions of all parts are told", () => {
  const facts = Object.fromEntries(hostFacts(status(), { mcp_revisions: ["2026-07-28", "2025-11-25"] }));
  assert.equal(facts.SQLite, "3.54.0, with sqlite-vec 0.1.9");
  assert.equal(facts.MCP, "2026-07-28, 2025-11-25");
  assert.equal(Object.fromEntries(hostFacts(status(), null)).MCP, "–");
});

test("lines of the log are asked for by what is set", () => {
  assert.equal(logPath({ level: "warn", contains: "", before: null }), "/api/logs?level=warn&limit=100");
  assert.equal(logPath({ level: "info", contains: "a&b", before: "2026-11-25.7" }), "/api/logs?level=info&limit=100&contains=a%26b&before=2026-11-25.7");
});

test("what an empty part of the log means is said", () => {
  const words = (before, contains) => logWords({ lines: [], before }, { contains, before: null });
  assert.match(words("2026-11-25.7", "x"), /may be older ones/);
  assert.match(words(null, "x"), /No lines contain this text/);
  assert.match(words(null, ""), /no lines at this level/);
});

test("a line of the log is told with its part of the program", () => {
  const [row] = logRows({ lines: [{ at: "2026-11-25T04:03:30.123456Z", level: "warn", source: "commonplace::cli::host", text: "slow" }] });
  assert.deepEqual([row.tone, row.source, row.text], ["waiting", "cli::host", "slow"]);
  assert.notEqual(row.at, "");
  assert.equal(logRows({ lines: [{ at: "once", level: "constructor", source: "", text: "" }] })[0].tone, "unknown");
});
