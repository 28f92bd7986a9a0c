// @ts-check
// From the status of the host to the words of the page. Pure functions: no document, no clock.

import { ago, count, duration, milliseconds, pick, plural } from "../lib/format.js";

/** A hold this long is worth a second look; commits take milliseconds. */
const LONG_HOLD_MS = 1000;
const STATES = {
  ok: ["ok", "OK"],
  busy: ["busy", "Writing"],
  waiting: ["waiting", "Waiting"],
  paused: ["waiting", "Paused"],
  error: ["error", "Error"],
};

/** The first glance: tone, sentence, and what stands below it. A state of a newer host is "unknown", never "ok". @param {import('../lib/api.d.ts').Status} status */
export function hero(status) {
  const { host } = status;
  const [tone, state] = pick(STATES, status.state) ?? ["unknown", status.state];
  return {
    tone,
    sentence: status.diagnosis,
    state,
    host: `${host.host_name}, up ${duration(status.now_ms - host.started_ms)}`,
  };
}

/** The queue against its limit. @param {import('../lib/api.d.ts').Status} status */
export function queue(status) {
  const { length, limit, oldest_ms: oldest, in_commit: inCommit } = status.queue;
  const share = limit > 0 ? Math.min(1, length / limit) : 0;
  return {
    length: count(length),
    limit: `of ${count(limit)}`,
    share,
    tone: share >= 0.9 ? "error" : share >= 0.5 ? "waiting" : "busy",
    words: length === 0 ? "Empty" : `oldest ${milliseconds(oldest)}, ${count(inCommit)} in commit`,
  };
}

/** A tile of times: the median large, the rest below. @param {import('../lib/api.d.ts').TimeSummary} summary */
export function times(summary) {
  if (summary.count === 0) return { large: "–", words: "No data yet" };
  return {
    large: milliseconds(summary.p50_ms),
    words: `p95 ${milliseconds(summary.p95_ms)}, max ${milliseconds(summary.max_ms)}`,
  };
}

/** What the store holds. @param {import('../lib/api.d.ts').Status} status */
export function memories(status) {
  const { total, deleted } = status.memories;
  const { backlog } = status.index;
  const parts = [];
  if (backlog > 0) parts.push(`${count(backlog)} to index`);
  if (deleted > 0) parts.push(`${count(deleted)} in the bin`);
  if (parts.length > 0) return { total: count(total), words: parts.join(", ") };
  const found = status.index.model === "ready" ? "Keyword and semantic search" : "Keyword search only";
  return { total: count(total), words: total === 0 ? "No memories yet" : found };
}

/** The write lock: badge, holder, and a sentence when there is no holder to show. @param {import('../lib/api.d.ts').Status} status */
export function lock(status) {
  const { state, holder } = status.lock;
  const shown = state === "held" && holder ? party(holder, status.now_ms) : null;
  const isLong = shown !== null && status.now_ms - holder.since_ms >= LONG_HOLD_MS;
  const words = {
    free: freeWords(status),
    held: shown ? "" : "It is held. Reading the holder's record…",
    held_by_unknown: "It is held, but the holder left no readable record. It is probably starting or stopping.",
    leftover: "The last holder died. The lock is free, and the next writer clears the record.",
  };
  const badges = {
    free: ["Free", "ok"],
    held: ["Held", isLong ? "waiting" : "busy"],
    held_by_unknown: ["Unknown holder", "waiting"],
    leftover: ["Leftover record", "waiting"],
  };
  const [badge, badgeTone] = pick(badges, state) ?? [state, "unknown"];
  return { badge, tone: badgeTone, holder: shown, words: pick(words, state) ?? "", foot: lockFoot(status.stats) };
}

function lockFoot(stats) {
  if (stats.acquisitions === 0) return "";
  const contended = stats.contended_acquisitions;
  return `Acquired ${plural(stats.acquisitions, "time")} by all hosts, ${contended === 0 ? "never" : plural(contended, "time")} contended.`;
}

/** The figures are those of all hosts, so they do not tell who it was. */
function freeWords(status) {
  const last = status.stats.last_acquisition_ms;
  return last === null ? "Nobody has taken it yet." : `Nobody holds it. Last taken ${ago(status.now_ms - last)}.`;
}

/** The instances that wait for the lock, in order. @param {import('../lib/api.d.ts').Status} status */
export function lockWaiters(status) {
  return status.lock.waiters.map((entry) => {
    const { client, kind, age, who } = party(entry, status.now_ms);
    return { words: `${client}, ${kind}`, age, who };
  });
}

/** What is next in the write queue of the host, in order; the last entry counts the rest. @param {import('../lib/api.d.ts').Status} status */
export function inLine(status) {
  const { line, length, in_commit: inCommit } = status.queue;
  const entries = line.map((entry) => {
    const { client, kind, age } = askedFor(entry, status.now_ms);
    return { words: entry.project === null ? `${client}, ${kind}` : `${client} in ${entry.project}, ${kind}`, age, who: "" };
  });
  const rest = length - inCommit - line.reduce((sum, entry) => sum + entry.requests, 0);
  return rest > 0 && entries.length > 0 ? [...entries, { words: `and ${plural(rest, "more", "more")}`, age: "", who: "" }] : entries;
}

function askedFor(entry, nowMs) {
  const kind = entry.requests === 1 ? entry.kind : `${entry.kind} and ${plural(entry.requests - 1, "more", "more")}`;
  return {
    client: entry.client,
    kind: kind + howFar(entry),
    age: milliseconds(Math.max(0, nowMs - entry.since_ms)),
  };
}

/** How far an operation in many parts has come, to stand after its kind; nothing for one without parts. */
export function howFar({ progress }) {
  if (progress === undefined) return "";
  const { done, of } = progress;
  return of === null ? `, step ${count(done)}` : `, ${count(done)} of ${count(of)} done`;
}

/** A holder or waiter in words. @param {import('../lib/api.d.ts').LockParty} entry @param {number} nowMs */
export function party(entry, nowMs) {
  return {
    ...askedFor(entry, nowMs),
    who: `${entry.role}, process ${entry.pid} on ${entry.host_name}, version ${entry.version}`,
  };
}

/** Model and index: badge and sentence. @param {import('../lib/api.d.ts').Status} status */
export function model(status) {
  const { model: state, reason, backlog } = status.index;
  const badges = {
    ready: ["Ready", "ok"],
    loading: ["Loading", "busy"],
    missing: ["Keyword only", "waiting"],
    failed: ["Keyword only", "error"],
  };
  const words = {
    ready: backlog === 0 ? "Every memory is indexed." : "New memories are found by keyword immediately, and by meaning once they are indexed.",
    loading: "The model is loading. Until then, search is by keyword.",
    missing: "The model files are missing, so search is by keyword only.",
    failed: "The model cannot be used, so search is by keyword only.",
  };
  const [badge, badgeTone] = pick(badges, state) ?? [state, "unknown"];
  return { badge, tone: badgeTone, words: reason ?? pick(words, state) ?? "" };
}

/** Facts about the index. @param {import('../lib/api.d.ts').Status} status */
export function indexFacts(status) {
  const { backlog, indexed, vectors_per_s: speed } = status.index;
  return [
    ["Backlog", backlog === 0 ? "none" : plural(backlog, "memory", "memories")],
    ["Indexed", plural(indexed, "memory", "memories")],
    ["Speed", speed > 0 ? `${speed.toFixed(speed < 10 ? 1 : 0)} vectors/s` : "idle"],
  ];
}

/** Counters over all hosts of this store. What went wrong is marked when it is not zero. @param {import('../lib/api.d.ts').Stats} stats */
export function counts(stats) {
  const good = (name, value) => [name, count(value), false];
  const bad = (name, value) => [name, count(value), value > 0];
  return [
    good("Writes acknowledged", stats.acknowledged),
    good("Commits", stats.commits),
    good("Searches and lists", stats.searches),
    good("Contended lock acquisitions", stats.contended_acquisitions),
    bad("Failed lock acquisitions", stats.failed_acquisitions),
    bad("Writes timed out", stats.timed_out),
    bad("Writes rejected, queue full", stats.queue_full),
    good("Writes rejected as invalid", stats.refused),
    good("Writes cancelled by the client", stats.cancelled),
    good("Retries", stats.retries),
  ];
}

export const TIME_HEADS = ["Operation", "Count", "p50", "p95", "p99", "Max"];

/** Rows of the table of times. @param {import('../lib/api.d.ts').Stats} stats */
export function timeRows(stats) {
  /** @type {[string, import('../lib/api.d.ts').TimeSummary][]} */
  const fixed = [
    ["Queue wait", stats.queue_wait],
    ["Lock wait", stats.lock_wait],
    ["Lock hold", stats.hold],
    ["Commit", stats.commit],
    ["Write, total", stats.write_total],
    ["Search, total", stats.search_total],
  ];
  return fixed.map(([name, summary]) => [{ text: name, isHead: true }, ...timeCells(summary)]);
}

function timeCells(summary) {
  const cell = (ms) => ({ text: summary.count === 0 ? "–" : milliseconds(ms), isNumber: true, isZero: summary.count === 0 });
  return [
    { text: count(summary.count), isNumber: true, isZero: summary.count === 0 },
    cell(summary.p50_ms),
    cell(summary.p95_ms),
    cell(summary.p99_ms),
    cell(summary.max_ms),
  ];
}

const TRANSPORTS = { http: "HTTP", stdio: "Bridge", cli: "Command", page: "Dashboard", internal: "Host" };

export const CLIENT_HEADS = ["Client", "Process", "Project", "Transport", "In progress", "Waiting", "Requests", "Errors", "Wait p50", "Wait p95", "Last seen"];

/** Rows of the table of clients. @param {import('../lib/api.d.ts').Status} status */
export function clientRows(status) {
  const number = (value, isBad = false) => ({ text: count(value), isNumber: true, isZero: value === 0, isBad: isBad && value > 0 });
  return status.clients.map((client) => {
    const [, p50, p95] = timeCells(client.queue_wait);
    return [
      { text: client.client, extra: client.version ?? "", isHead: true, isLong: true },
      { text: client.pid === null ? "unknown" : String(client.pid), isNumber: true, isZero: client.pid === null },
      { text: client.project ?? "–", isLong: true, isZero: client.project === null },
      { text: pick(TRANSPORTS, client.transport) ?? client.transport },
      number(client.in_flight),
      number(client.waiting),
      number(client.requests),
      number(client.errors, true),
      p50,
      p95,
      { text: client.in_flight > 0 ? "now" : ago(status.now_ms - client.last_seen_ms), isNumber: true },
    ];
  });
}

/** Ways to connect another client: words and command. `own` is how commands for this store begin. @param {string} own */
export function connectWays(own) {
  return [
    ["Claude Code, recording project and session with each memory", `${own} connect claude`],
    ["Claude Code over HTTP", `${own} connect claude --http`],
    ["Any other client that launches a stdio MCP server: use this as its command", `${own} mcp`],
  ];
}

export const INSTANCE_HEADS = ["Role", "Machine", "Process", "Version", "Listening on", "Open for"];

/** Rows of the table of instances. @param {import('../lib/api.d.ts').Status} status */
export function instanceRows(status) {
  return status.instances.map((instance) => [
    { text: instance.role, extra: instance.instance === status.host.instance ? "this host" : "", isHead: true },
    { text: instance.host_name },
    { text: String(instance.pid), isNumber: true },
    { text: instance.version },
    { text: instance.url ?? "–", isZero: instance.url === null },
    { text: duration(status.now_ms - instance.since_ms), isNumber: true },
  ]);
}
