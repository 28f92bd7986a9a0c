// @ts-check
// Numbers, times and hidden characters as people read them. Pure functions.

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** Invisible characters, new lines and tabs included. */
export const HIDDEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u3164\uffa0]/gu;

/** Writes a count with thousands separators: 12,345. */
export function count(value) {
  return Math.round(value).toLocaleString("en-US");
}

/** Writes a measured time in milliseconds with about two digits that matter: 0.42 ms, 4.2 ms, 412 ms, 4.2 s. */
export function milliseconds(value) {
  if (value === 0) return "0 ms";
  if (value < 0.01) return "< 0.01 ms";
  if (value < 0.995) return `${value.toFixed(2)} ms`;
  if (value < 9.95) return `${value.toFixed(1)} ms`;
  if (value < 999.5) return `${Math.round(value)} ms`;
  if (value < 9_950) return `${(value / 1000).toFixed(1)} s`;
  return duration(value);
}

/** Writes a longer time: 12 s, 3 min, 2 h 5 min, 3 d 4 h. Below a second it says so. */
export function duration(value) {
  const ms = Math.max(0, value);
  if (ms < 1000) return "under 1 s";
  if (ms < MINUTE_MS) return `${Math.floor(ms / 1000)} s`;
  if (ms < HOUR_MS) return `${Math.floor(ms / MINUTE_MS)} min`;
  if (ms < DAY_MS) return two(ms, HOUR_MS, "h", MINUTE_MS, "min");
  return two(ms, DAY_MS, "d", HOUR_MS, "h");
}

/** Writes how long ago something was. */
export function ago(value) {
  return value < 2000 ? "just now" : `${duration(value)} ago`;
}

/** Writes a size: 512 B, 12.3 kB, 4.6 MB. */
export function bytes(value) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let size = value;
  let unit = 0;
  while (size >= 999.5 && unit < units.length - 1) {
    size /= 1000;
    unit += 1;
  }
  const digits = unit === 0 || size >= 99.95 ? 0 : 1;
  return `${size.toFixed(digits)} ${units[unit]}`;
}

/** Looks a word of the host up; undefined if we do not know it, whatever objects inherit. */
export function pick(table, key) {
  return Object.hasOwn(table, key) ? table[key] : undefined;
}

/** Writes a number with its noun: 1 request, 3 requests. */
export function plural(value, noun, nouns = `${noun}s`) {
  return `${count(value)} ${value === 1 ? noun : nouns}`;
}

/** Begins a sentence. */
export function upperFirst(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function two(ms, large, largeName, small, smallName) {
  const rest = Math.floor((ms % large) / small);
  const first = `${Math.floor(ms / large)} ${largeName}`;
  return rest === 0 ? first : `${first} ${rest} ${smallName}`;
}
