import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { PAUSE_MIN_MS, reader } from "./reader.js";

/** Lets promises that are ready go on. */
const settle = async () => { for (let turn = 0; turn < 5; turn += 1) await Promise.resolve(); };

function counted(answer = () => Promise.resolve("table")) {
  const seen = { readings: 0, read: [], failed: [] };
  const table = reader(() => { seen.readings += 1; return answer(); }, {
    read: (value) => seen.read.push(value),
    failed: (error) => seen.failed.push(error.message),
  });
  return { table, seen };
}

test("many wishes are one reading, and the next one waits for the pause", async () => {
  mock.timers.enable({ apis: ["setTimeout", "Date"] });
  const { table, seen } = counted();
  for (let wish = 0; wish < 9; wish += 1) table.wanted();
  mock.timers.tick(0);
  await settle();
  assert.deepEqual([seen.readings, seen.read], [1, ["table"]]);
  table.wanted();
  mock.timers.tick(PAUSE_MIN_MS - 1);
  assert.equal(seen.readings, 1);
  mock.timers.tick(1);
  assert.equal(seen.readings, 2);
  await settle();
  mock.timers.tick(10 * PAUSE_MIN_MS);
  assert.equal(seen.readings, 2, "nobody asks by itself");
  mock.timers.reset();
});

test("a failed reading is told and the next wish is heard", async () => {
  mock.timers.enable({ apis: ["setTimeout", "Date"] });
  const { table, seen } = counted(() => Promise.reject(new Error("gone")));
  table.wanted();
  mock.timers.tick(0);
  await settle();
  assert.deepEqual(seen.failed, ["gone"]);
  table.wanted();
  table.stop();
  mock.timers.tick(PAUSE_MIN_MS);
  assert.equal(seen.readings, 1, "stop forgets the wish");
  mock.timers.reset();
});

test("what was being read when it was changed is dropped and read again", async () => {
  mock.timers.enable({ apis: ["setTimeout", "Date"] });
  const answers = ["before", "after"];
  let release;
  const { table, seen } = counted(() => new Promise((resolve) => { release = () => resolve(answers.shift()); }));
  table.wanted();
  mock.timers.tick(0);
  table.changed();
  release();
  await settle();
  assert.deepEqual(seen.read, [], "it may be from before the change");
  mock.timers.tick(PAUSE_MIN_MS);
  release();
  await settle();
  assert.deepEqual([seen.readings, seen.read], [2, ["after"]]);
  mock.timers.reset();
});
