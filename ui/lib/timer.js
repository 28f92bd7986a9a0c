// @ts-check

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
