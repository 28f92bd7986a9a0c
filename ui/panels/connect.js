// @ts-check
// The card that connects clients: what is installed here, its state, and the buttons that change and check it.

import { confirm } from "../lib/confirm.js";
import { at, make, makeButton, matchChildren, setBadge, setText, setWords, showResult } from "../lib/dom.js";
import { reader } from "../lib/reader.js";
import { Refused, requestJson, why } from "../lib/session.js";
import * as model from "../model/connect.js";

const PATH = "/api/connections";
/** How old what is shown may grow: configurations are changed elsewhere, and clients call. */
const OLD_MS = 10_000;

/** @type {import('../lib/api.d.ts').Connection[] | null} */
let read = null;
let readAt = -OLD_MS;
let nowMs = Date.now();
/** How the last act on each client went. @type {Map<string, { tone: string, words: string, code: string }>} */
const results = new Map();
let isActing = false;

const connections = reader(() => requestJson(PATH), {
  read(told) {
    readAt = performance.now();
    read = told.clients;
    at("connect-problem").hidden = true;
    show();
  },
  failed: (error) => showResult(at("connect-problem"), "error", why(error)),
});

/** Shows the time that passes, and reads again now and then. @param {import('../lib/api.d.ts').Status} status */
export function connectChanged(status) {
  nowMs = status.now_ms;
  if (performance.now() - readAt > OLD_MS) connections.wanted();
  show();
}

/** Asks nothing more: the page, the session or the host is gone. */
export function stopConnect() {
  connections.stop();
  readAt = -OLD_MS;
}

function show() {
  if (read === null) return;
  const { here, others } = model.parts(read);
  fill(at("connect-here"), here);
  fill(at("connect-others"), others);
  at("connect-none").hidden = here.length > 0;
  at("connect-more").hidden = others.length === 0;
  setText(at("connect-count"), String(others.length));
}

function fill(list, clients) {
  matchChildren(list, clients.map((one) => model.row(one, nowMs)), makeRow, showRow);
}

function makeRow() {
  const head = make("div", "row-head", make("h3", "row-name"), make("span", "badge"), make("div", "acts"));
  const result = make("p", "result");
  result.setAttribute("role", "status");
  const copy = Object.assign(make("button", "copy", "Copy"), { type: "button" });
  return make("li", "", head, make("p", "connect-words"), make("p", "path"), result, make("div", "command", make("code", "lines"), copy));
}

/** @param {any} item @param {model.Row} row */
function showRow(item, row) {
  const [head, words, place, result, command] = item.children;
  const [name, badge, acts] = head.children;
  setText(name, row.title);
  setBadge(badge, row);
  setWords(words, row.words);
  setText(place, row.place);
  showOutcome(result, results.get(row.client));
  const code = results.get(row.client)?.code || row.code;
  command.hidden = code === "";
  setText(command.children[0], code);
  command.children[1].ariaLabel = `Copy what connects ${row.title}`;
  matchChildren(acts, row.acts, makeAct, (button, act) => showAct(button, act, row));
}

function showOutcome(node, outcome) {
  if (outcome === undefined) node.hidden = true;
  else showResult(node, outcome.tone, outcome.words);
}

function makeAct() {
  // Its row may show another client by the time of the click.
  const button = makeButton("plain", "", () => act(button.row, button.act));
  return button;
}

function showAct(button, act, row) {
  Object.assign(button, { row, act, disabled: isActing, ariaLabel: `${model.button(act)} ${row.title}` });
  setText(button, model.button(act));
}

/** @param {model.Row} row @param {model.Act} act */
async function act(row, act) {
  const question = model.question(row, act);
  if (isActing || (question !== null && !(await confirm(question)))) return;
  isActing = true;
  results.set(row.client, { tone: "busy", words: model.underWay(row, act), code: "" });
  show();
  try {
    const done = await requestJson(PATH, "POST", { client: row.client, act });
    read = read?.map((one) => (one.client === row.client ? done.connection : one)) ?? null;
    results.set(row.client, { tone: "ok", words: model.outcome(done, clock), code: "" });
  } catch (error) {
    results.set(row.client, { tone: "error", words: why(error), code: error instanceof Refused ? error.lines : "" });
  }
  isActing = false;
  connections.changed();
  connections.wanted();
  show();
}

function clock(ms) {
  return new Date(ms).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
}
