// @ts-check
// Metadata as a person writes it: a JSON object. Refused is what the browser cannot read, and what would lose something.

import { HIDDEN } from "../lib/format.js";

/** Most bytes of JSON that the host keeps. */
const BYTES_MAX = 16 * 1024;

/** What a person edits. Invisible characters are escaped; no metadata is an empty field. */
export function metadataText(metadata) {
  if (Object.keys(metadata).length === 0) return "";
  const escaped = (c) => (c === "\n" ? c : c.replace(/[^]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`));
  return JSON.stringify(metadata, null, 2).replace(HIDDEN, escaped);
}

/**
 * Reads what a person made of `before`: { value, problem, at }. With a problem `value` is null, and `at` is its place in
 * the text, or null where the browser names none.
 */
export function metadataIn(text, before = {}) {
  if (text.trim() === "") return { value: {}, problem: null, at: null };
  try {
    const value = JSON.parse(text);
    const problem = lossIn(value, text, before);
    return problem === null ? { value, problem, at: null } : { value: null, problem, at: null };
  } catch (error) {
    return unreadable(text, error.message);
  }
}

/** Says what would be lost, or null. */
function lossIn(value, text, before) {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return "Metadata must be a JSON object: start with `{`.";
  const change = Object.entries(metadataChange(before, value)).filter(([name]) => Object.hasOwn(value, name));
  const none = change.find(([, part]) => part === null);
  if (none) return `Metadata: null removes a name, so leave out \`${none[0]}\` altogether.`;
  const rounded = change.find(([, part]) => hasRounded(part));
  if (rounded) return `Metadata: a number in \`${rounded[0]}\` is too long to be stored exactly. Put it in double quotes.`;
  if (namesIn(value) < [...text.matchAll(STRING)].filter(([, colon]) => colon).length) return "Metadata: the same name appears twice, and only the last one would be kept.";
  const bytes = new TextEncoder().encode(JSON.stringify(value)).length;
  return bytes > BYTES_MAX ? `Metadata: ${bytes} bytes of JSON, but at most ${BYTES_MAX} are allowed.` : null;
}

/** A text in JSON, and the colon after it if it is a name. */
const STRING = /"(?:[^"\\]|\\.)*"\s*(:)?/g;

/** Whether the browser may have rounded a whole number in it. */
function hasRounded(value) {
  if (typeof value === "number") return Math.abs(value) > Number.MAX_SAFE_INTEGER;
  return value !== null && typeof value === "object" && Object.values(value).some(hasRounded);
}

/** How many names are in it, at any depth. */
function namesIn(value) {
  if (value === null || typeof value !== "object") return 0;
  const parts = Object.values(value);
  return parts.reduce((sum, part) => sum + namesIn(part), Array.isArray(value) ? 0 : parts.length);
}

/** Puts the browser's words with the line, where they name a place. */
function unreadable(text, message) {
  const [place, position] = / (?:in JSON )?at position (\d+).*/.exec(message) ?? [];
  if (place === undefined) return { value: null, problem: `Metadata is not valid JSON: ${message}`, at: null };
  const at = Number(position);
  const lines = text.slice(0, at).split("\n");
  return { value: null, problem: `Metadata, line ${lines.length}, column ${lines.at(-1).length + 1}: ${message.replace(place, "")}`, at };
}

/** What the host merges into `before` to make it `after`: names that are others, and null for those that go. */
export function metadataChange(before, after) {
  const gone = Object.keys(before).filter((name) => !Object.hasOwn(after, name));
  const isOther = ([name, value]) => !Object.hasOwn(before, name) || JSON.stringify(before[name]) !== JSON.stringify(value);
  return Object.fromEntries([...gone.map((name) => [name, null]), ...Object.entries(after).filter(isOther)]);
}
