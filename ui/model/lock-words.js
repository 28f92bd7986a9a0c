// @ts-check
// The table of the locks in words. Pure functions.

import { duration, milliseconds, pick, plural, upperFirst } from "../lib/format.js";
import { isHeldNow, isOlder, lockButton, stuckLock } from "./locks.js";
import { howFar, party } from "./status.js";

const NAMES = { write: "Write lock", store: "Store lock", gate: "Store gate", take_over: "Write lock takeover" };
const PROCESS_WORDS = {
  running: "is running",
  stopped: "is stopped",
  gone: "has exited",
  reused: "has exited, and another process now has its ID",
  other_container: "runs in another container",
  other_machine: "belongs to another machine or to an earlier boot of this one",
  unknown: "is unknown to the system",
};
const ACT_WORDS = {
  clear_leftovers: "Clear leftovers",
  take_over: "Take over",
  terminate: "Terminate the holder",
  restore: "Restore a backup",
  compact: "Compact",
  rebuild: "Rebuild",
  repair: "Repair",
  accept_loss: "Accept missing writes",
};
const STAGES = { begun: ["Started", "waiting"], done: ["Done", "ok"], refused: ["Refused", "error"] };

/**
 * One lock: name, badge, holder, evidence, and its button.
 *
 * @param {import('../lib/api.d.ts').LockRow} lock
 * @param {import('../lib/api.d.ts').LocksReport} report
 * @param {string} hostInstance
 */
export function lockRow(lock, report, hostInstance) {
  const { holder, process } = lock;
  const isHeld = isHeldNow(lock);
  return {
    name: rowName(lock, report),
    ...badge(lock, isOlder(lock, report)),
    holder: holder === null ? "" : party(holder, report.now_ms).who,
    purpose: holder === null || !isHeld ? "" : purpose(holder, lock.age_ms),
    evidence: evidence(lock, process, isHeld),
    words: lock.state === "free" ? "" : upperFirst(lock.words),
    path: lock.path,
    button: lockButton(lock, hostInstance),
  };
}

function rowName(lock, report) {
  if (isOlder(lock, report)) return `Earlier write lock, generation ${lock.generation}`;
  return lock.generation > 0 ? `${lockName(lock)}, generation ${lock.generation}` : lockName(lock);
}

function lockName(lock) {
  return pick(NAMES, lock.name) ?? lock.name;
}

function badge(lock, isOld) {
  if (isOld) return { badge: "Taken over", tone: "unknown" };
  const needsPerson = lock.act !== null && lock.act !== "clear_leftovers";
  const badges = {
    free: ["Free", "ok"],
    held: needsPerson ? ["Stuck", "error"] : ["Held", "busy"],
    held_by_unknown: ["Unknown holder", needsPerson ? "error" : "waiting"],
    leftover: ["Leftover record", "waiting"],
  };
  const [word, tone] = pick(badges, lock.state) ?? [lock.state, "unknown"];
  return { badge: word, tone };
}

function purpose(holder, ageMs) {
  const client = holder.client === "" ? "Unnamed client" : holder.client;
  const age = holder.since_ms > 0 ? ` for ${milliseconds(Math.max(0, ageMs))}` : "";
  return `${client}, ${holder.kind}${howFar(holder)}${age}`;
}

function evidence(lock, process, isHeld) {
  if (!isHeld) return "";
  const facts = [`its process ${processWords(process)}`];
  if (lock.is_in_transaction === true) facts.push("a write transaction is open");
  if (lock.is_in_transaction === false) facts.push("no transaction is open");
  if (lock.pids.length > 0) facts.push(`held by ${lock.pids.length === 1 ? "process" : "processes"} ${lock.pids.join(", ")} according to the system`);
  return `${upperFirst(facts.join("; "))}.`;
}

/** What the system says of a process, for the middle of a sentence. */
function processWords(process) {
  return pick(PROCESS_WORDS, process) ?? process;
}

/** The button beside the leftovers; null if there are none. @param {import('../lib/api.d.ts').LocksReport} report */
export function leftoversButton(report) {
  return report.leftovers.length === 0 ? null : { act: "clear_leftovers", text: "Clear leftovers", isDanger: false };
}

/**
 * What a person is asked before an act; null for one that is always safe.
 *
 * @param {string} act
 * @param {import('../lib/api.d.ts').LockRow | null} lock
 * @returns {import('../lib/confirm.js').Question | null}
 */
export function confirmation(act, lock) {
  if (act !== "take_over" && act !== "terminate") return null;
  const who = lock.holder === null ? "the unknown holder" : `process ${lock.holder.pid} (${lock.holder.role} on ${lock.holder.host_name})`;
  if (act === "take_over") {
    return {
      title: "Take over the write lock?",
      words: [
        `The lock is taken from ${who}. The holder is watched for 2 to 5 seconds first: if it makes progress, nothing changes.`,
        "Then the lock moves to a new file and writing continues. The old holder is not terminated. If it wakes up, its late write is rejected, and its client gets an error: nothing was written.",
      ],
      button: "Take over",
      typed: null,
      isDanger: false,
    };
  }
  return {
    title: `Terminate process ${lock.holder.pid}?`,
    words: [
      `${upperFirst(who)} is asked to exit, and is killed after 3 seconds. All its clients are disconnected.`,
      "A write in progress is either finished and acknowledged, or rolled back by the database. No acknowledged write is lost.",
      "The host first checks again that this is the right process and that it is stuck; otherwise it does nothing.",
    ],
    button: `Terminate process ${lock.holder.pid}`,
    typed: String(lock.holder.pid),
    isDanger: true,
  };
}

/** The request to the host: the act, and the holder that was shown. If another one holds the lock by then, it does nothing. */
export function asked(act, lock) {
  const { instance, since_ms } = lock?.holder ?? {};
  return instance === undefined ? { act } : { act, holder: { instance, since_ms } };
}

/** One waiter. @param {import('../lib/api.d.ts').WaiterRow} waiter @param {import('../lib/api.d.ts').LocksReport} report */
export function waiterRow(waiter, report) {
  const shown = party(waiter, report.now_ms);
  const isOdd = waiter.process !== "running";
  return {
    place: `${waiter.place}.`,
    who: `${shown.client}, ${shown.kind}`,
    detail: isOdd ? `${shown.who}; its process ${processWords(waiter.process)}` : shown.who,
    age: shown.age,
  };
}

/** One record of a dead instance, with the evidence. @param {import('../lib/api.d.ts').Leftover} leftover @param {import('../lib/api.d.ts').LocksReport} report */
export function leftoverRow(leftover, report) {
  const process = leftover.pid === null ? "an unknown process" : `process ${leftover.pid}`;
  const role = leftover.role === null ? "" : `${leftover.role}, `;
  const age = leftover.since_ms === null ? "" : `, written ${duration(report.now_ms - leftover.since_ms)} ago`;
  return {
    what: `Record of ${withArticle(leftover.what)}`,
    words: `Left by ${role}${process}${age}. That process has exited, and the system has released its lock.`,
  };
}

function withArticle(what) {
  if (what === "instance") return "an instance";
  return what.startsWith("waiter") ? `a ${what}` : `the ${what}`;
}

/** One sentence above the table. @param {import('../lib/api.d.ts').LocksReport} report @param {string} hostInstance */
export function summary(report, hostInstance) {
  const stuck = stuckLock(report, hostInstance);
  if (stuck !== undefined) return `${lockName(stuck)}: the holder appears to be stuck.`;
  if (report.leftovers.length > 0) return `${plural(report.leftovers.length, "record")} of dead instances. They block nobody; the next write or start clears them.`;
  const waiting = report.waiters.length;
  return waiting > 0 ? `${plural(waiting, "instance")} waiting for the write lock; nothing is stuck.` : "Nothing is stuck or left over.";
}

/** The audit log, the newest first: an act that has ended is shown once, by its end. @param {import('../lib/api.d.ts').LocksReport} report */
export function auditRows(report) {
  const ended = [];
  const shown = report.audit.filter((entry) => {
    const key = JSON.stringify([entry.act, entry.by.pid, entry.by.host_name]);
    if (entry.stage !== "begun") return ended.push(key);
    const at = ended.indexOf(key);
    if (at >= 0) ended.splice(at, 1);
    return at < 0;
  });
  return shown.map((entry) => auditRow(entry, report.now_ms));
}

function auditRow(entry, nowMs) {
  const [word, tone] = pick(STAGES, entry.stage) ?? [entry.stage, "unknown"];
  const user = entry.by.user === "" ? "an unknown user" : entry.by.user;
  return {
    act: pick(ACT_WORDS, entry.act) ?? entry.act,
    badge: word,
    tone,
    when: `${duration(nowMs - entry.at_ms)} ago`,
    who: `by ${user}, ${entry.by.role}, process ${entry.by.pid} on ${entry.by.host_name}`,
    words: [entry.found, entry.done].filter((text) => text !== "").join("; "),
  };
}
