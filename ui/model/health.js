// The health of a host in words: its parts, its store, its log. Pure functions.

import { ago, bytes, count, duration, plural } from "../lib/format.js";
import { pick } from "./status.js";

/** Facts about the host; `about` is what it told of itself, or null while that is being read. */
export function hostFacts(status, about) {
  const { host, workers } = status;
  const busy = `${count(workers.busy)} of ${count(workers.count)} at work`;
  return [
    ["Program", `${host.version}, ${host.role}, process ${host.pid}`],
    ["Up for", duration(status.now_ms - host.started_ms)],
    ["Workers", workers.is_auto ? `${busy}, number follows the wait` : busy],
    ["SQLite", `${status.files.sqlite_version}, with sqlite-vec ${status.files.vec_version}`],
    ["Schema", String(status.files.schema_version)],
    ["MCP", about === null ? "–" : about.mcp_revisions.join(", ")],
  ];
}

/** The store: badge, facts about its files, and whether a check can be asked for. */
export function store(status) {
  const { files } = status;
  const checks = {
    ok: ["Whole", "ok", "nothing wrong"],
    checking: ["Being checked", "busy", "under way"],
    damaged: ["Damaged", "error", files.integrity.detail ?? "damage was found"],
    not_made: ["Not checked", "waiting", `could not be made: ${files.integrity.detail ?? "the host gives no reason"}`],
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
      ["Free on its disk", disk(files.disk), files.disk?.is_low === true],
      ["Last check", `${found}${when}`, state === "damaged" || state === "not_made"],
      ["Last backup", files.last_backup_ms ? ago(status.now_ms - files.last_backup_ms) : "none yet"],
    ],
  };
}

function disk(room) {
  if (room === null) return "not known";
  const free = `${bytes(room.free_bytes)} of ${bytes(room.total_bytes)}`;
  return room.is_low ? `${free}: less than ${bytes(room.low_below_bytes)}, make room before writes fail` : free;
}

const LEVEL_TONES = { error: "error", warn: "waiting", info: "busy" };

/** Lines of the log: when, how much they matter, from where, what. */
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

/** A time of the log as it is on this machine; as it stands if it is none. */
function clock(at) {
  const time = new Date(at);
  return Number.isNaN(time.getTime()) ? at : time.toLocaleString(undefined, { dateStyle: "short", timeStyle: "medium" });
}

/** What is said about the lines that are shown. */
export function logWords(page, asked) {
  const which = asked.before === null ? "The newest lines, renewed while this page is open." : "Older lines; they stand still.";
  if (page.lines.length > 0) return `${plural(page.lines.length, "line")}. ${which}`;
  if (page.before !== null) return "No such line in this part of the log; further back there may be some.";
  return asked.contains === "" ? "The log has no line that matters this much." : "No line has this text.";
}

/** The address of the lines that are asked for: { level, contains, before }. */
export function logPath(asked) {
  const query = new URLSearchParams({ level: asked.level, limit: "100" });
  if (asked.contains !== "") query.set("contains", asked.contains);
  if (asked.before !== null) query.set("before", asked.before);
  return `/api/logs?${query}`;
}
