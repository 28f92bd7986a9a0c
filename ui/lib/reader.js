// @ts-check
// Reads a part of the host's state again when there is reason to: one request at a time, and not more often than an eye reads.

/** Shortest pause between two readings. */
export const PAUSE_MIN_MS = 1000;

/**
 * Makes a reader. `wanted()` asks for a reading, now or when the pause is over; many wishes are one reading. `changed()`
 * tells that somebody has just changed what is read: a reading under way may have begun before that, so it is dropped and
 * done again. `stop()` forgets the wish.
 *
 * @template T
 * @param {() => Promise<T>} read
 * @param {{ read(value: T): void, failed(error: any): void }} on
 */
export function reader(read, on) {
  let timer = null;
  let isReading = false;
  let isWanted = false;
  let isOld = false;
  let readyAt = 0;

  async function go() {
    timer = null;
    isReading = true;
    isWanted = false;
    isOld = false;
    try {
      const value = await read();
      if (isOld) isWanted = true;
      else on.read(value);
    } catch (error) {
      on.failed(error);
    }
    isReading = false;
    readyAt = Date.now() + PAUSE_MIN_MS;
    if (isWanted) wanted();
  }

  function wanted() {
    isWanted = true;
    if (isReading || timer !== null) return;
    timer = setTimeout(go, Math.max(0, readyAt - Date.now()));
  }

  function changed() {
    isOld = true;
  }

  function stop() {
    clearTimeout(timer);
    timer = null;
    isWanted = false;
  }

  return { wanted, changed, stop };
}

/** Makes a timer: `start` waits and then acts, and forgets what it waited for before. */
export function timer() {
  let id;
  return {
    start(ms, act) {
      clearTimeout(id);
      id = setTimeout(act, ms);
    },
    stop() {
      clearTimeout(id);
    },
  };
}
