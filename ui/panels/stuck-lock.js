// @ts-check
// The table of the locks. It is read on every page, because the first glance offers the way to a stuck lock; the page of
// locks shows all of it.

import { at, setText } from "../lib/dom.js";
import { reader, timer } from "../lib/reader.js";
import { requestJson, why } from "../lib/session.js";
import { isAging, older, stuckLock, traceOf } from "../model/locks.js";

/** How soon the table is read again while a lock is held or waited for: the advice changes with the age of a hold. */
const AGING_MS = 3000;

/** How old the table may grow while the host sends other news: leftovers and the audit log are not in the stream. */
const OLD_MS = 15_000;

const aging = timer();
const table = reader(() => requestJson("/api/locks"), { read: onReport, failed: (error) => setText(at("locks-summary"), why(error)) });

/** @type {import('../lib/api.d.ts').LocksReport | null} */
let report = null;
let readAt = 0;
let trace = null;
let hostInstance = "";
let onRead = () => {};

/** Asks for a reading of the table. */
export const readLocks = table.wanted;

/** The table with its ages as of now, and the host it came from; null before it was read. */
export function lockTable() {
  return report === null ? null : { report: older(report, Math.round(performance.now() - readAt)), host: hostInstance };
}

/** Has `listener` called after each reading. */
export function onLocksRead(listener) {
  onRead = listener;
}

/** Reads the table again if the status gives a reason. @param {import('../lib/api.d.ts').Status} status */
export function locksChanged(status) {
  hostInstance = status.host.instance;
  const now = traceOf(status);
  if (now !== trace || performance.now() - readAt > OLD_MS) table.wanted();
  trace = now;
}

/** Stops reading: the session or the host is gone. */
export function stopLocks() {
  aging.stop();
  table.stop();
  trace = null;
}

function onReport(read) {
  report = read;
  readAt = performance.now();
  at("see-lock").hidden = stuckLock(read, hostInstance) === undefined;
  onRead();
  aging.stop();
  if (isAging(read) && !document.hidden) aging.start(AGING_MS, table.wanted);
}
