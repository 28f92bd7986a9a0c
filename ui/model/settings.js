// From the settings of the host to fields a person can read and change. Pure functions. The host alone judges values.

import { pick, upperFirst } from "../lib/format.js";

const TITLES = {
  port: "Port",
  log: "Log level",
  model_dir: "Model folder",
  write_deadline_s: "Write deadline",
  slow_hold_ms: "Slow hold",
  slow_wait_ms: "Slow wait",
  queue_length: "Queue length",
  workers: "Workers",
  redact_secrets: "Redact secrets",
  backups_kept: "Backups kept",
  history_days: "History kept",
};

/** A setting as a field: what it is called, how it is entered, what stands beside it. @param {import('../lib/api.d.ts').SettingStatus} setting */
export function field(setting) {
  const choices = choicesOf(setting);
  return {
    key: setting.key,
    title: pick(TITLES, setting.key) ?? setting.key,
    about: about(setting),
    choices,
    isNumber: choices === null && typeof setting.default === "number",
    unit: setting.unit ?? "",
    text: text(setting.next ?? setting.value),
    range: choices === null ? range(setting) : "",
    source: source(setting),
    effect: setting.is_live ? "Changes take effect immediately." : "Changes take effect when the host next starts.",
    next: setting.next === null || setting.is_live ? "" : `Until then: ${shown(setting, setting.value)}.`,
    isFixed: setting.is_fixed,
    reset: setting.source === "settings.toml" && !setting.is_fixed ? `Reset to ${shown(setting, setting.default)}` : null,
  };
}

/** The values to choose from, or null where one types. */
function choicesOf(setting) {
  if (typeof setting.default === "boolean") return ["true", "false"];
  if (!/^\w+(, \w+)+ or \w+$/.test(setting.range)) return null;
  return setting.range.split(/, | or /);
}

/** The words of the host; a range at their end is dropped where the field says it. */
function about(setting) {
  return setting.range.startsWith("between") ? setting.about.replace(/: \d+ to \d+( \w+)?\.$/, ".") : setting.about;
}

function range(setting) {
  const unit = setting.unit === null ? "" : ` ${setting.unit}`;
  const words = setting.range.replaceAll('"', "").replace(/^between (\d+) and (\d+)/, (_, least, most) => `${least} to ${most}${unit}`);
  return upperFirst(words);
}

function source(setting) {
  if (setting.is_fixed) return `Fixed by ${setting.source}, which overrides the settings file. Start the host without it to change this here.`;
  return setting.source === "default" ? "Default." : `Set in ${setting.source}; default ${shown(setting, setting.default)}.`;
}

/** A value with its unit, for a sentence. */
function shown(setting, value) {
  const words = text(value);
  if (words === "") return "empty";
  return typeof value === "number" && setting.unit !== null ? `${words} ${setting.unit}` : words;
}

function text(value) {
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** What a typed text means; whether it is allowed is for the host to say. */
export function parse(field, typed) {
  const trimmed = typed.trim();
  if (field.choices?.[0] === "true") return trimmed === "true";
  return field.isNumber && /^-?\d{1,15}$/.test(trimmed) ? Number(trimmed) : trimmed;
}

/** What is said after a change. The host may need a moment to apply one that is live. @param {import('../lib/api.d.ts').SettingStatus} setting */
export function savedWords(setting) {
  return setting.next === null || setting.is_live ? "Saved. In effect now." : "Saved. Takes effect when the host next starts.";
}

/** What stands beside the switch for starting at login. @param {import('../lib/api.d.ts').LoginStatus} login */
export function loginWords(login) {
  return login.start_at_login
    ? "On. Registered in:"
    : "Off. Commonplace starts when you start it, or when a client launches it.";
}

/** The part of the status that changes when settings were changed elsewhere. @param {import('../lib/api.d.ts').Status} status */
export function traceOf(status) {
  return JSON.stringify([status.host.instance, status.settings_problem, status.queue.limit, status.workers.is_auto, status.workers.is_auto || status.workers.count]);
}
