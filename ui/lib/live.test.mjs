import assert from "node:assert/strict";
import { test } from "node:test";
import { eventParser, follow, pauseMs } from "./live.js";
import { SignedOut } from "./session.js";

function parsed(pieces) {
  const events = [];
  const parse = eventParser((name, data) => events.push([name, data]));
  for (const piece of pieces) parse(piece);
  return events;
}

test("events are found however the text is cut", () => {
  const text = ": still here\n\nevent: status\ndata: {\"a\":1}\n\ndata: x\ndata: y\n\nevent: status\ndata: cut";
  const expected = [["status", "{\"a\":1}"], ["message", "x\ny"]];
  assert.deepEqual(parsed([text]), expected);
  assert.deepEqual(parsed([...text]), expected, "one character at a time");
});

test("pauses grow and stay short enough to return by themselves", () => {
  assert.deepEqual([0, 1, 2, 3, 9].map(pauseMs), [500, 1000, 2000, 4000, 5000]);
});

function streamOf(text) {
  return { body: new Blob([text]).stream() };
}

test("a host that goes and comes back is followed on", { timeout: 10_000 }, async () => {
  const seen = [];
  const end = new AbortController();
  const answers = [
    () => streamOf("event: status\ndata: {\"n\":1}\n\n"),
    () => Promise.reject(new TypeError("refused")),
    () => streamOf("event: status\ndata: {\"n\":2}\n\n"),
  ];
  await follow(async () => answers.shift()(), {
    status: ({ n }) => {
      seen.push(n);
      if (n === 2) end.abort();
    },
    gone: () => seen.push("gone"),
    signedOut: assert.fail,
  }, end.signal);
  assert.deepEqual(seen, [1, "gone", "gone", 2]);
});

test("an ended session is not tried again", async () => {
  const seen = [];
  await follow(() => Promise.reject(new SignedOut("old")), {
    status: assert.fail,
    gone: assert.fail,
    signedOut: (error) => seen.push(error.message),
  }, new AbortController().signal);
  assert.deepEqual(seen, ["old"]);
});
