import assert from "node:assert/strict";
import { test } from "node:test";
import * as upkeep from "./upkeep.js";

const NOW = 1_800_000_000_000;
const IDLE = { folder: "/store/backups", last_backup_ms: null, running: null, finished: [], kept: [] };

test("a pause names who asked and since when, and the button ends it", () => {
  const paused = upkeep.pause({ now_ms: NOW, pause: { since_ms: NOW - 180_000, by: "ada" } });
  assert.match(paused.words, /^Paused for 3 min by ada\./);
  assert.deepEqual([paused.isPaused, paused.button, paused.path], [true, "Resume writes", "/api/resume"]);
  const going = upkeep.pause({ now_ms: NOW, pause: null });
  assert.deepEqual([going.isPaused, going.button, going.path], [false, "Pause writes", "/api/pause"]);
});

test("a backup under way shows how far it is", () => {
  const running = { number: 2, started_ms: NOW - 3000, step: "copying", bytes: 250_000, bytes_expected: 1_000_000 };
  const shown = upkeep.backups({ ...IDLE, running }, NOW);
  assert.equal(shown.isRunning, true);
  assert.equal(shown.share, 0.25);
  assert.equal(shown.step, "Copying, 250 kB of 1.0 MB; started 3 s ago");
  const finishing = upkeep.backups({ ...IDLE, running: { number: 2, started_ms: NOW, step: "finishing" } }, NOW);
  assert.deepEqual([finishing.share, finishing.step], [1, "Finishing; started just now"]);
  const unmeasured = { ...running, bytes: 0, bytes_expected: 0 };
  assert.equal(upkeep.backups({ ...IDLE, running: unmeasured }, NOW).share, 0, "no division by zero");
});

test("the last backup and what is kept are told, also when there is none", () => {
  assert.deepEqual([upkeep.backups(IDLE, NOW).last, upkeep.backups(IDLE, NOW).kept], ["No backups yet.", "none"]);
  const kept = [{ bytes: 600_000 }, { bytes: 400_000 }];
  const shown = upkeep.backups({ ...IDLE, last_backup_ms: NOW - 7_200_000, kept }, NOW);
  assert.deepEqual([shown.last, shown.kept], ["Last backup 2 h ago.", "2 backups, 1.0 MB"]);
});

test("a backup that was started here is told by its own end, good or bad", () => {
  const made = { path: "/b.db", bytes: 1000, made_ms: NOW, contents: { memories: 3 }, removed: ["/a.db"] };
  const finished = [{ number: 2, ended_ms: NOW, made: null, error: "the disk is full" }, { number: 1, ended_ms: NOW, made, error: null }];
  assert.equal(upkeep.outcome({ ...IDLE, finished }, 3), null);
  assert.deepEqual(upkeep.outcome({ ...IDLE, finished }, 2), { isGood: false, words: "Backup failed: the disk is full" });
  assert.equal(upkeep.outcome({ ...IDLE, finished }, 1).words, "Created /b.db: 3 memories, 1.0 kB. 1 older backup was removed.");
});
