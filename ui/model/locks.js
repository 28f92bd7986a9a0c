// @ts-check
// What the table of the locks means: which lock is stuck, what may be done, when it must be read again. Pure functions.

/**
 * The button beside a lock; null if there is none: nothing to settle, this very host, or nobody known to terminate.
 * Leftovers have their own button, because not every leftover belongs to a lock.
 *
 * @param {import('../lib/api.d.ts').LockRow} lock
 * @param {string} hostInstance
 */
export function lockButton(lock, hostInstance) {
  const { act, holder } = lock;
  if (act !== "take_over" && act !== "terminate") return null;
  if (holder !== null && holder.instance === hostInstance) return null;
  if (act === "take_over") return { act, text: "Take over…", isDanger: false };
  if (holder === null) return null;
  return { act, text: `Terminate process ${holder.pid}…`, isDanger: true };
}

/** The lock that needs a person; undefined if there is none. @param {import('../lib/api.d.ts').LocksReport} report @param {string} hostInstance */
export function stuckLock(report, hostInstance) {
  return report.locks.find((lock) => lockButton(lock, hostInstance) !== null);
}

/**
 * Tells whether the table must be read again soon although nothing else happens: advice changes with the age of a hold.
 *
 * @param {import('../lib/api.d.ts').LocksReport} report
 */
export function isAging(report) {
  return report.waiters.length > 0 || report.locks.some((lock) => isHeldNow(lock) && !isOlder(lock, report));
}

/** The same table some time later, as far as only ages change. @param {import('../lib/api.d.ts').LocksReport} report @param {number} byMs */
export function older(report, byMs) {
  const locks = report.locks.map((lock) => ({ ...lock, age_ms: isHeldNow(lock) ? lock.age_ms + byMs : lock.age_ms }));
  return { ...report, now_ms: report.now_ms + byMs, locks };
}

/** Tells whether anybody holds a lock. @param {import('../lib/api.d.ts').LockRow} lock */
export function isHeldNow(lock) {
  return lock.state === "held" || lock.state === "held_by_unknown";
}

/** The part of the status that changes when the table may have: who holds, who waits, who lives. @param {import('../lib/api.d.ts').Status} status */
export function traceOf(status) {
  const { state, holder, waiters, epoch } = status.lock;
  const turn = (entry) => [entry.instance, entry.since_ms];
  return JSON.stringify([state, epoch, holder && turn(holder), waiters.map(turn), status.instances.map((one) => one.instance)]);
}

/** Tells whether a write lock was taken over: a newer one is in force. */
export function isOlder(lock, report) {
  return lock.name === "write" && report.locks.some((other) => other.name === "write" && other.generation > lock.generation);
}
