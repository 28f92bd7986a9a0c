// @ts-check
// The health of a host in words: its parts, its store, its log. Pure functions.

import { ago, bytes, count, duration, pick, plural } from "../lib/format.js";

/** Facts about the host. @param {import('../lib/api.d.ts').Status} status @param {import('../lib/api.d.ts').Health | null} about null while it is being read */
export function hostFacts(status, about) {
  const { host, workers } = status;
  const busy = `${count(workers.busy)} of ${count(workers.count)} busy`;
  return [
    ["Program", `${host.version}, ${host.role}, process ${host.pid}`],
    ["Uptime", duration(status.now_ms - host.started_ms)],
    ["Workers", workers.is_auto ? `${busy}, scales automatically` : busy],
    ["SQLite", `${status.files.sqlite_version}, with sqlite-vec ${status.files.vec_version}`],
    ["Schema", String(status.files.schema_version)],
    ["MCP", about === null ? "–" : about.mcp_revisions.join(", ")],
  ];
}

/** The store: badge, facts about its files, and whether a check is running. @param {import('../lib/api.d.ts').Status} status */
export function store(status) {
  const { files } = status;
  const detail = "detail" in files.integrity ? files.integrity.detail : null;
  const checks = {
    ok: ["OK", "ok", "no problems found"],
    checking: ["Checking", "busy", "in progress"],
    damaged: ["Damaged", "error", detail ?? "damage was found"],
    not_made: ["Not checked", "waiting", `could not run: ${detail ?? "the host gave no reason"}`],
  };
  const { state } = files.integrity;
  const [badge, tone, found] = pick(checks, state) ?? [state, "unknown", state];
  const checked = files.integrity_checked_ms;
  const when = checked === null || state === "checking" ? "" : `, ${ago(status.now_ms - checked)}`;
  return {
    badge,
    tone,
    isChecking: state === "checking",
    facts: [
      ["Folder", status.host.data_dir],
      ["Database", bytes(files.database_bytes)],
      ["Write-ahead log", bytes(files.wal_bytes)],
      ["Free disk space", disk(files.disk), files.disk?.is_low === true],
      ["Integrity check", `${found}${when}`, state === "damaged" || state === "not_made"],
      ["Last backup", files.last_backup_ms ? ago(status.now_ms - files.last_backup_ms) : "none yet"],
    ],
  };
}

function disk(room) {
  if (room === null) return "unknown";
  const free = `${bytes(room.free_bytes)} of ${bytes(room.total_bytes)}`;
  return room.is_low ? `${free}, less than ${bytes(room.low_below_bytes)}: free up space before writes fail` : free;
}

const LEVEL_TONES = { error: "error", warn: "waiting", info: "busy" };

/** Lines of the log: when, how severe, from where, what. @param {import('../lib/api.d.ts').LogPage} page */
export function logRows(page) {
  return page.lines.map((line) => ({
    at: clock(line.at),
    full: line.at,
    level: line.level,
    tone: pick(LEVEL_TONES, line.level) ?? "unknown",
    source: line.source.replace(/^commonplace(::|_)?/, ""),
    text: line.text,
  }));
}

/** A time of the log by the clock of this machine; unchanged if it is not a time. */
function clock(at) {
  const time = new Date(at);
  return Number.isNaN(time.getTime()) ? at : time.toLocaleString(undefined, { dateStyle: "short", timeStyle: "medium" });
}

/**
 * What is said about the lines that are shown.
 *
 * @typedef {{ level: string, contains: string, before: string | null }} LogQuery
 * @param {import('../lib/api.d.ts').LogPage} page
 * @param {LogQuery} asked
 */
export function logWords(page, asked) {
  if (page.lines.length > 0) return `${plural(page.lines.length, "line")}, ${asked.before === null ? "newest first, updated live" : "older, not updated"}.`;
  if (page.before !== null) return "No matches in this part of the log; there may be older ones.";
  return asked.contains === "" ? "The log has no lines at this level." : "No lines contain this text.";
}

/** The path of the lines that are asked for. @param {LogQuery} asked */
export function logPath(asked) {
  const query = new URLSearchParams({ level: asked.level, limit: "100" });
  if (asked.contains !== "") query.set("contains", asked.contains);
  if (asked.before !== null) query.set("before", asked.before);
  return `/api/logs?${query}`;
}
