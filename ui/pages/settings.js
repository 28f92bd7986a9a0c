// @ts-check
// The page of the settings: a form for each, saved one by one, refused beside the field.

import { at, make, makeButton, matchChildren, setText, setTexts, setWords, showResult } from "../lib/dom.js";
import { reader } from "../lib/reader.js";
import { setUpLogin, showLoginAnew, stopLogin } from "../panels/login.js";
import { requestJson, why } from "../lib/session.js";
import { field, parse, savedWords, traceOf } from "../model/settings.js";

let trace = null;
/** The change that was sent last. The next one waits for its answer: of two under way the older could be answered last. @type {Promise<any>} */
let sending = Promise.resolve();

const settings = reader(() => requestJson("/api/settings"), { read: showSettings, failed: (error) => showProblem(why(error)) });

/** The page of the settings. They are read again if the status tells that somebody has changed them. */
export const page = {
  setUp: setUpLogin,
  status(status) {
    if (trace === null) showLoginAnew();
    const now = traceOf(status);
    if (now !== trace) settings.wanted();
    trace = now;
  },
  stop() {
    settings.stop();
    stopLogin();
    trace = null;
  },
};

/** Shows every setting. What a person is typing stays. @param {import('../lib/api.d.ts').SettingsReport} read */
export function showSettings(read) {
  setText(at("settings-path"), read.path);
  showProblem(read.problem);
  matchChildren(at("settings"), read.settings, makeRow, (row, setting) => showRow(row, field(setting)));
}

function showProblem(problem) {
  at("settings-problem").hidden = problem === null;
  setText(at("settings-problem"), problem ?? "");
}

/** Makes the form of one setting. */
function makeRow(setting) {
  const shown = field(setting);
  const id = `setting-${shown.key}`;
  const input = shown.choices === null ? makeInput(shown) : makeSelect(shown.choices);
  const parts = {
    title: make("label", "setting-title"),
    key: make("code", "setting-key"),
    about: make("p", "sub"),
    input,
    unit: make("span", "unit"),
    save: make("button", "primary", "Save"),
    cancel: makeButton("plain", "Cancel", () => cancel(row)),
    reset: makeButton("plain", "", () => send(row, null)),
    notes: make("p", "sub"),
    result: make("p", "setting-result"),
  };
  const { title, key, about, unit, save, reset, notes, result } = parts;
  const row = make(
    "form",
    "setting",
    make("div", "", make("p", "setting-heading", title, key), about),
    make("div", "", make("div", "setting-entry", input, unit, save, parts.cancel, reset), notes, result),
  );
  row.noValidate = true;
  row.parts = parts;
  title.htmlFor = input.id = id;
  notes.id = `${id}-notes`;
  result.id = `${id}-result`;
  result.setAttribute("role", "status");
  input.setAttribute("aria-describedby", `${notes.id} ${result.id}`);
  input.addEventListener("input", () => {
    forgetResult(row);
    showEdited(row);
  });
  row.addEventListener("submit", (event) => {
    event.preventDefault();
    if (isEdited(row)) send(row, parse(row.shown, input.value));
  });
  return row;
}

function makeInput({ isNumber }) {
  return Object.assign(make("input"), { type: "text", autocomplete: "off", spellcheck: false, inputMode: isNumber ? "numeric" : "text" });
}

function makeSelect(choices) {
  const words = { true: "yes", false: "no" };
  return make("select", "", ...choices.map((value) => Object.assign(make("option", "", words[value] ?? value), { value })));
}

function showRow(row, shown) {
  const { title, key, about, input, unit, reset, notes } = row.parts;
  const range = shown.range === "" ? "" : `${shown.range}.`;
  const effect = shown.isFixed ? "" : shown.effect;
  const keepsTyped = row.shown !== undefined && isEdited(row);
  row.shown = shown;
  setTexts([title, key, unit, reset], [shown.title, shown.key, shown.unit, shown.reset ?? ""]);
  setWords(about, shown.about);
  setText(notes, [range, shown.source, effect, shown.next].filter((text) => text !== "").join(" "));
  input.disabled = shown.isFixed;
  if (!keepsTyped && input.value !== shown.text) input.value = shown.text;
  showEdited(row);
}

function isEdited(row) {
  return row.parts.input.value.trim() !== row.shown.text;
}

function showEdited(row) {
  const { save, cancel, reset } = row.parts;
  const edited = isEdited(row);
  save.hidden = cancel.hidden = !edited;
  reset.hidden = edited || row.shown.reset === null;
}

function cancel(row) {
  row.parts.input.value = row.shown.text;
  forgetResult(row);
  showEdited(row);
  row.parts.input.focus();
}

/** What was said of one change would seem to be said of the next. */
function forgetResult(row) {
  row.parts.input.removeAttribute("aria-invalid");
  setText(row.parts.result, "");
}

/** Sends a new value, or null for the default, and says beside the field how it went. */
async function send(row, value) {
  const { input, result } = row.parts;
  const { key } = row.shown;
  const typed = input.value;
  try {
    const changed = await change({ [key]: value });
    if (input.value === typed) input.value = row.shown.text;
    input.removeAttribute("aria-invalid");
    showSettings(changed);
    showResult(result, "ok", savedWords(changed.settings.find((setting) => setting.key === key)));
  } catch (error) {
    input.setAttribute("aria-invalid", "true");
    showResult(result, "error", why(error));
  }
  // The button that had the focus may be gone. Whoever has gone on elsewhere meanwhile stays there.
  if (document.activeElement === document.body || row.contains(document.activeElement)) input.focus();
}

/** Changes settings as soon as the change before is answered, and returns all of them. */
async function change(asked) {
  sending = sending.catch(() => {}).then(() => requestJson("/api/settings", "PATCH", asked));
  const changed = await sending;
  settings.changed();
  return changed;
}
