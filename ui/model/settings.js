// @ts-check
// From the settings of the host to fields a person can read and change. Pure functions. The host alone judges values.

/** A setting as a field: what it is called, how it is entered, what stands beside it. @param {import('../lib/api.d.ts').SettingStatus} setting */
export function field(setting) {
  const choices = choicesOf(setting);
  return {
    key: setting.key,
    // Older hosts send no titles.
    title: setting.title || setting.key,
    about: setting.about,
    choices,
    isBoolean: setting.domain.kind === "boolean",
    isNumber: setting.domain.kind === "integer" || setting.domain.kind === "integer_or_auto",
    unit: setting.unit ?? "",
    text: text(setting.next ?? setting.value),
    range: range(setting),
    source: source(setting),
    effect: setting.is_live ? "Changes take effect immediately." : "Changes take effect when the host next starts.",
    next: setting.next === null || setting.is_live ? "" : `Until then: ${shown(setting, setting.value)}.`,
    isFixed: setting.is_fixed,
    reset: setting.source === "settings.toml" && !setting.is_fixed ? `Reset to ${shown(setting, setting.default)}` : null,
  };
}

/** The values to choose from, or null where one types. @param {import('../lib/api.d.ts').SettingStatus} setting */
function choicesOf({ domain }) {
  switch (domain.kind) {
    case "boolean": return ["true", "false"];
    case "choice": return domain.choices;
    default: return null;
  }
}

/** What may be typed; empty where one chooses. @param {import('../lib/api.d.ts').SettingStatus} setting */
function range({ domain, unit }) {
  switch (domain.kind) {
    case "integer": return `${domain.min} to ${domain.max}${unit === null ? "" : ` ${unit}`}`;
    case "integer_or_auto": return `${domain.min} to ${domain.max}${unit === null ? "" : ` ${unit}`}, or auto`;
    case "directory": return "A directory";
    default: return "";
  }
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
  if (field.isBoolean) return trimmed === "true";
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
  return `${status.host.instance} ${status.settings_revision}`;
}
