// @ts-check
// The clients that can be connected, in words. Pure functions.

import { ago, pick } from "../lib/format.js";

/** Badge and tone of each state, and the acts that it offers. */
const STATES = {
  none: ["Not connected", "unknown", ["connect"]],
  connected: ["Connected", "ok", ["verify", "disconnect"]],
  switched_off: ["Switched off", "waiting", ["connect", "disconnect"]],
  other_store: ["Other store", "waiting", ["connect", "disconnect"]],
  other_program: ["Moved", "waiting", ["connect", "disconnect"]],
  foreign: ["Another server", "waiting", []],
  unreadable: ["Not readable", "error", []],
};

const BUTTONS = { connect: "Connect", verify: "Check", disconnect: "Disconnect" };

/** States in which a person connects a client by hand, because it is not done here. */
const BY_HAND = ["foreign", "unreadable"];

/**
 * A client as a row. `code` is what to do by hand, empty where it is done here.
 *
 * @typedef {import('../lib/api.d.ts').Connection} Connection
 * @typedef {"connect" | "verify" | "disconnect"} Act
 * @typedef {{ client: string, title: string, badge: string, tone: string, words: string, place: string, code: string, acts: Act[] }} Row
 * @param {Connection} connection
 * @param {number} nowMs
 * @returns {Row}
 */
export function row(connection, nowMs) {
  const { client, title, state, place } = connection;
  const [badge, tone, acts] = pick(STATES, state) ?? [state, "unknown", []];
  return {
    client,
    title,
    badge: connection.is_installed || state !== "none" ? badge : "Not found",
    tone,
    words: `${sentence(connection)} ${lastCall(connection, nowMs)}`.trim(),
    place,
    code: BY_HAND.includes(state) ? connection.by_hand : "",
    acts,
  };
}

/** What is said of a client begins with its name, but for a file that cannot be read. */
function sentence({ title, state, message }) {
  return state === "unreadable" ? `${message}.` : `${title} ${message}.`;
}

function lastCall({ state, last_call_ms: at }, nowMs) {
  if (at !== null) return `Last call ${ago(nowMs - at)}.`;
  return state === "connected" ? "It has not called since this host started." : "";
}

/** The clients that were found on this machine or use the entry, and the others. @param {Connection[]} connections */
export function parts(connections) {
  const isHere = (one) => one.is_installed || one.state !== "none";
  return { here: connections.filter(isHere), others: connections.filter((one) => !isHere(one)) };
}

/** The button of an act. @param {Act} act */
export function button(act) {
  return BUTTONS[act];
}

/**
 * What a person is asked before a configuration is changed; null for a check, which changes none.
 *
 * @param {Row} row
 * @param {Act} act
 * @returns {import('../lib/confirm.js').Question | null}
 */
export function question(row, act) {
  if (act === "verify") return null;
  const isAdding = act === "connect";
  const isClaude = row.client === "claude";
  const what = isAdding ? "add the entry `memory` to" : "take the entry `memory` out of";
  const how = isClaude
    ? [`${isAdding ? "`claude mcp add`" : "`claude mcp remove`"} will ${what} ${row.place}.`, ...(isAdding ? [] : ["The plugin goes as well if it is installed."])]
    : [`Commonplace will ${what} ${row.place}. Everything else in it stays, and the file before is kept beside it.`];
  return {
    title: isAdding ? `Connect ${row.title}?` : `Disconnect ${row.title}?`,
    words: [...how.map((text) => text.replaceAll("`", "")), `${row.title} notices with its next start.`],
    button: BUTTONS[act],
    typed: null,
    isDanger: !isAdding,
  };
}

/** What is said while an act is under way. @param {Row} row @param {Act} act */
export function underWay(row, act) {
  const words = {
    connect: `Connecting ${row.title}…`,
    verify: `Storing a text through the entry of ${row.title} and searching for it…`,
    disconnect: `Disconnecting ${row.title}…`,
  };
  return words[act];
}

/** How an act went. @param {import('../lib/api.d.ts').ConnectionDone} done @param {(ms: number) => string} clock */
export function outcome({ connection, message, backup, verified }, clock) {
  if (verified !== null) {
    const { at_ms: at, stored_and_found_ms: took } = verified;
    return `Stored and found again through the entry of ${connection.title} at ${clock(at)} (${took} ms).`;
  }
  const kept = backup === null ? "" : ` The file before: \`${backup}\`.`;
  return `${message}.${kept}`;
}
