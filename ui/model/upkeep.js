// @ts-check
// Pause and backups in words. Pure functions.

import { ago, bytes, duration, pick, plural } from "../lib/format.js";

const STEPS = { copying: "Copying", checking: "Checking the copy", finishing: "Finishing" };

/** Whether writes are paused, and the button that changes it. @param {import('../lib/api.d.ts').Status} status */
export function pause(status) {
  const { pause: now } = status;
  if (now === null || now === undefined) return { isPaused: false, words: "", button: "Pause writes", path: "/api/pause" };
  const since = duration(status.now_ms - now.since_ms);
  return {
    isPaused: true,
    words: `Paused for ${since} by ${now.by}. New writes wait until their deadline; searches continue.`,
    button: "Resume writes",
    path: "/api/resume",
  };
}

/**
 * The backups: when, how many, and how far the one under way is. `share` is null while nothing can be measured.
 *
 * @param {import('../lib/api.d.ts').Backups} state
 * @param {number} nowMs
 */
export function backups(state, nowMs) {
  const { running } = state;
  const made = state.last_backup_ms === null ? "No backups yet." : `Last backup ${ago(nowMs - state.last_backup_ms)}.`;
  return {
    last: made,
    kept: kept(state.kept),
    folder: state.folder,
    isRunning: running !== null,
    step: running === null ? "" : step(running, nowMs),
    share: running === null ? null : share(running),
  };
}

function kept(files) {
  if (files.length === 0) return "none";
  const size = files.reduce((sum, file) => sum + file.bytes, 0);
  return `${plural(files.length, "backup")}, ${bytes(size)}`;
}

function step(running, nowMs) {
  const name = pick(STEPS, running.step) ?? running.step;
  const size = running.bytes === undefined ? "" : `, ${bytes(running.bytes)}`;
  const of = running.bytes_expected > 0 ? ` of ${bytes(running.bytes_expected)}` : "";
  return `${name}${size}${of}; started ${ago(nowMs - running.started_ms)}`;
}

function share(running) {
  if (running.step === "copying") return running.bytes_expected > 0 ? Math.min(1, running.bytes / running.bytes_expected) : 0;
  return 1;
}

/** How the backup with this number ended; null while it is under way. @param {import('../lib/api.d.ts').Backups} state @param {number} number */
export function outcome(state, number) {
  const ended = state.finished.find((one) => one.number === number);
  if (ended === undefined) return null;
  if (ended.made === null) return { isGood: false, words: `Backup failed: ${ended.error ?? "the host gave no reason"}` };
  const { made } = ended;
  const removed = made.removed.length === 0 ? "" : ` ${plural(made.removed.length, "older backup was", "older backups were")} removed.`;
  return { isGood: true, words: `Created ${made.path}: ${plural(made.contents.memories, "memory", "memories")}, ${bytes(made.bytes)}.${removed}` };
}
