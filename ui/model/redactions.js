// @ts-check
// Redactions in words: what was replaced because it looked like a secret, and what a person can do about it. Pure functions.

import { ago, duration, plural } from "../lib/format.js";
import { named, visible } from "./memory.js";

/**
 * @typedef {import('../lib/api.d.ts').Redaction} Redaction
 * @typedef {import('../lib/api.d.ts').RedactedParts} RedactedParts
 */

/** What tells whether the list must be read again; empty while there is nothing to read. @param {import('../lib/api.d.ts').Status} status */
export function traceOf(status) {
  // A host of an earlier version says nothing of them.
  const { count = 0, revision = 0 } = status.redactions ?? {};
  return count === 0 ? "" : `${status.host.instance} ${revision}`;
}

/** The redactions in the order of the page: the one that goes first on top, so that a new one moves none away from a pointer. @param {Redaction[]} redactions */
export const inOrder = (redactions) => [...redactions].sort((a, b) => a.number - b.number);

/** How many there are. @param {number} count */
export function heading(count) {
  return count === 0 ? "No replaced secrets are left" : `Secrets were replaced in ${plural(count, "memory", "memories")}`;
}

/** One row of the list. @param {Redaction} redaction @param {number} nowMs */
export function rowOf(redaction, nowMs) {
  const { replaced, client, at_ms: atMs, until_ms: untilMs } = redaction;
  const name = nameOf(redaction);
  return {
    name,
    replaced: visible(replaced.map(({ kind, place }) => `${kind} (${place})`).join(", ")),
    sub: visible(`${ago(nowMs - atMs)}, by ${named(client, "unknown")}. Can be put back for another ${duration(untilMs - nowMs)}`),
    labels: { show: `what was replaced in: ${name}`, putBack: `Put back into: ${name}`, forget: `It was a secret: ${name}` },
  };
}

/** @param {Redaction} redaction */
const nameOf = ({ start, memory }) => named(start, `Memory ${memory}`);

/** The parts as they were meant, each with its name. @param {RedactedParts} parts */
export function partsOf({ text, tags, type, project, metadata }) {
  /** @type {[string, string | null | undefined][]} */
  const parts = [
    ["Text", text],
    ["Tags", tags?.join(", ")],
    ["Type", type],
    ["Project", project],
    ["Metadata", metadata && JSON.stringify(metadata, null, 1)],
  ];
  return parts.flatMap(([name, value]) => (value === null || value === undefined ? [] : [[name, visible(value)]]));
}

/** Asks before something is put back. @param {Redaction} redaction */
export function question(redaction) {
  return {
    title: "Put back what was replaced?",
    words: [
      nameOf(redaction),
      "Every session and program that uses this store will be able to read it. It is written to the disk, and from there to backups, and the history keeps it if the memory is changed later.",
    ],
    button: "Put back",
    typed: null,
    isDanger: false,
  };
}
