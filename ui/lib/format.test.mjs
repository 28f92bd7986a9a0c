import assert from "node:assert/strict";
import { test } from "node:test";
import { ago, bytes, count, duration, milliseconds, plural } from "./format.js";

test("times keep about two digits that matter", () => {
  const told = [0, 0.004, 0.42, 0.999, 4.24, 9.96, 412.4, 999.6, 4200, 12_345, 72_000].map(milliseconds);
  assert.deepEqual(told, ["0 ms", "< 0.01 ms", "0.42 ms", "1.0 ms", "4.2 ms", "10 ms", "412 ms", "1.0 s", "4.2 s", "12 s", "1 min"]);
});

test("long times are told in the two largest units", () => {
  const hour = 3_600_000;
  const told = [-5, 999, 59_999, 60_000, hour, 2 * hour + 300_000, 76 * hour].map(duration);
  assert.deepEqual(told, ["under 1 s", "under 1 s", "59 s", "1 min", "1 h", "2 h 5 min", "3 d 4 h"]);
});

test("what has just happened is told as such", () => {
  assert.equal(ago(1500), "just now");
  assert.equal(ago(65_000), "1 min ago");
});

test("sizes never show four digits before the unit", () => {
  const told = [0, 512, 999, 1000, 12_345, 999_500, 4_600_000, 123_456_789].map(bytes);
  assert.deepEqual(told, ["0 B", "512 B", "999 B", "1.0 kB", "12.3 kB", "1.0 MB", "4.6 MB", "123 MB"]);
});

test("counts have separators and nouns their number", () => {
  assert.equal(count(1234567), "1,234,567");
  assert.equal(plural(1, "memory", "memories"), "1 memory");
  assert.equal(plural(2000, "request"), "2,000 requests");
});
