import assert from "node:assert/strict";
import { test } from "node:test";
import { field, loginWords, parse, savedWords, traceOf } from "./settings.js";

const TIMEOUT = {
  key: "write_deadline_s", title: "Write deadline", value: 30, default: 30, domain: { kind: "integer", min: 1, max: 50 }, unit: "s",
  about: "How long a write waits for its commit if the client names no time.",
  source: "default", is_fixed: false, is_live: true, next: null,
};
const WORKERS = { ...TIMEOUT, key: "workers", value: "auto", default: 4, domain: { kind: "integer_or_auto", min: 1, max: 32 }, unit: "threads", about: "Threads.", source: "settings.toml" };
const LOG = { ...TIMEOUT, key: "log", value: "info", default: "info", domain: { kind: "choice", choices: ["error", "warn", "info", "debug", "trace"] }, unit: null, about: "What is logged.", is_live: false };
const REDACT = { ...TIMEOUT, key: "redact_secrets", value: true, default: true, domain: { kind: "boolean" }, unit: null, about: "Replace secrets.", is_live: false };

test("a number is told with range and unit once", () => {
  const shown = field(TIMEOUT);
  assert.equal(shown.title, "Write deadline");
  assert.equal(shown.range, "1 to 50 s");
  assert.equal(shown.text, "30");
  assert.equal(shown.effect, "Changes take effect immediately.");
  assert.equal(shown.reset, null, "the default needs no reset");
});

test("what was changed says where it comes from and can be reset", () => {
  const shown = field(WORKERS);
  assert.equal(shown.text, "auto");
  assert.equal(shown.range, "1 to 32 threads, or auto");
  assert.equal(shown.source, "Set in settings.toml; default 4 threads.");
  assert.equal(shown.reset, "Reset to 4 threads");
});

test("what a flag fixes cannot be changed or reset here", () => {
  const shown = field({ ...TIMEOUT, source: "--wait", is_fixed: true });
  assert.equal(shown.isFixed, true);
  assert.equal(shown.reset, null);
  assert.match(shown.source, /^Fixed by --wait, which overrides/);
});

test("a value that waits for the next start stands in the field, and the one in effect beside it", () => {
  const shown = field({ ...LOG, source: "settings.toml", next: "debug" });
  assert.equal(shown.text, "debug");
  assert.equal(shown.next, "Until then: info.");
  assert.match(shown.effect, /next starts/);
  assert.match(savedWords({ ...LOG, next: "debug" }), /next starts/);
  assert.match(savedWords(TIMEOUT), /In effect now/);
});

test("a live value that the host is about to apply does not seem to wait for a start", () => {
  const shown = field({ ...WORKERS, value: 4, next: "auto" });
  assert.deepEqual([shown.text, shown.next], ["auto", ""]);
  assert.match(savedWords({ ...WORKERS, next: "auto" }), /In effect now/);
});

test("words and truth values are chosen, numbers are typed", () => {
  assert.deepEqual(field(LOG).choices, ["error", "warn", "info", "debug", "trace"]);
  assert.deepEqual(field(REDACT).choices, ["true", "false"]);
  assert.equal(field(REDACT).text, "true");
  assert.equal(field(TIMEOUT).choices, null);
  assert.equal(field({ ...LOG, domain: { kind: "directory" } }).choices, null);
});

test("a typed value is sent as what it is, and judged by the host", () => {
  assert.equal(parse(field(TIMEOUT), " 45 "), 45);
  assert.equal(parse(field(TIMEOUT), "soon"), "soon");
  assert.equal(parse(field(TIMEOUT), "99"), 99, "the range is the host's");
  assert.equal(parse(field(WORKERS), "auto"), "auto");
  assert.equal(parse(field(REDACT), "false"), false);
  assert.equal(parse(field({ ...LOG, domain: { kind: "directory" } }), "12"), "12", "a directory may be called 12");
});

test("a setting of a newer host is shown as it says, and one of a kind that is not known here is typed", () => {
  const shown = field({ ...TIMEOUT, key: "constructor", title: "Newer", domain: { kind: "colour" } });
  assert.deepEqual([shown.title, shown.choices, shown.isNumber, shown.range], ["Newer", null, false, ""]);
});

test("a setting of an older host, which sends no titles, is called by its key", () => {
  for (const title of ["", undefined]) assert.equal(field({ ...TIMEOUT, title }).title, TIMEOUT.key);
});

test("a change of any setting, and a host that started again, are seen in the status", () => {
  const status = (instance, settings_revision) => ({ host: { instance }, settings_revision });
  assert.equal(traceOf(status("a", 1)), traceOf(status("a", 1)));
  assert.notEqual(traceOf(status("a", 1)), traceOf(status("a", 2)));
  assert.notEqual(traceOf(status("a", 1)), traceOf(status("b", 1)));
});

test("the switch for the start at login says what is so and what starts Commonplace otherwise", () => {
  assert.match(loginWords({ start_at_login: true }), /^On\./);
  assert.match(loginWords({ start_at_login: false }), /^Off\. .* starts when you start it/);
});
