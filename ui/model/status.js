// From the status of the host to the words of the page. Pure functions: no document, no clock.

import { ago, count, duration, milliseconds, plural } from "../lib/format.js";

/** A hold this long is worth a second look; commits take milliseconds. */
const LONG_HOLD_MS = 1000;
const TONES = { ok: "ok", busy: "busy", waiting: "waiting", paused: "waiting", error: "error" };
const STATE_WORDS = { ok: "All calm", busy: "Writing", waiting: "Something waits", paused: "Paused", error: "Trouble" };

/** Tone of the whole host, for dots and badges. A state of a newer host is "unknown", never calm. */
export function tone(state) {
  return pick(TONES, state) ?? "unknown";
}

/** The first glance: tone, sentence, and what stands below it. */
export function hero(status) {
  const { host } = status;
  return {
    tone: tone(status.state),
    sentence: status.diagnosis,
    state: pick(STATE_WORDS, status.state) ?? status.state,
    host: `${host.host_name}, up ${duration(status.now_ms - host.started_ms)}`,
  };
}

/** The queue against its limit. */
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

/** A tile of times: the median large, the rest below. */
export function times(summary) {
  if (summary.count === 0) return { large: "–", words: "Nothing measured yet" };
  return {
    large: milliseconds(summary.p50_ms),
    words: `p95 ${milliseconds(summary.p95_ms)}, longest ${milliseconds(summary.max_ms)}`,
  };
}

/** What the store holds. */
export function memories(status) {
  const { total, deleted } = status.memories;
  const { backlog } = status.index;
  const parts = [];
  if (backlog > 0) parts.push(`${count(backlog)} to index`);
  if (deleted > 0) parts.push(`${count(deleted)} deleted, can be undone`);
  if (parts.length > 0) return { total: count(total), words: parts.join(", ") };
  const found = status.index.model === "ready" ? "Found by words and by meaning" : "Found by words";
  return { total: count(total), words: total === 0 ? "Nothing stored yet" : found };
}

/** The write lock: badge, holder, and a sentence when there is no holder to show. */
export function lock(status) {
  const { state, holder } = status.lock;
  const shown = state === "held" && holder ? party(holder, status.now_ms) : null;
  const isLong = shown !== null && status.now_ms - holder.since_ms >= LONG_HOLD_MS;
  const words = {
    free: freeWords(status),
    held: shown ? "" : "It is held; who holds it is being read.",
    held_by_unknown: "Somebody holds it, but left no readable record: most likely a program that is starting or ending.",
    leftover: "The last holder died. The lock itself is free, and the next writer clears its record.",
  };
  const badges = {
    free: ["Free", "ok"],
    held: ["Held", isLong ? "waiting" : "busy"],
    held_by_unknown: ["Held by unknown", "waiting"],
    leftover: ["Leftover record", "waiting"],
  };
  const [badge, badgeTone] = pick(badges, state) ?? [state, "unknown"];
  return { badge, tone: badgeTone, holder: shown, words: pick(words, state) ?? "", foot: lockFoot(status.stats) };
}

function lockFoot(stats) {
  if (stats.acquisitions === 0) return "";
  const contended = stats.contended_acquisitions;
  const busy = contended === 0 ? "it was free each time" : `${plural(contended, "time")} it was not free at once`;
  return `Taken ${plural(stats.acquisitions, "time")}; ${busy}.`;
}

function freeWords(status) {
  const last = status.stats.last_acquisition_ms;
  if (last === null) return "Nobody holds it, and this host has not needed it yet.";
  return `Nobody holds it. This host took it last ${ago(status.now_ms - last)}.`;
}

/** The instances that wait for the lock, in order. */
export function lockWaiters(status) {
  return status.lock.waiters.map((entry) => {
    const { client, kind, age, who } = party(entry, status.now_ms);
    return { words: `${client}, ${kind}`, age, who };
  });
}

/** What is next in the write queue of the host, in order; the last entry counts the rest. */
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

/** How far a work of many parts is, to stand behind its kind; nothing for a work without parts. */
export function howFar({ progress }) {
  if (progress === undefined) return "";
  const { done, of } = progress;
  return of === null ? `, step ${count(done)}` : `, ${count(done)} of ${count(of)} done`;
}

/** A holder or waiter in words. */
export function party(entry, nowMs) {
  return {
    ...askedFor(entry, nowMs),
    who: `${entry.role}, process ${entry.pid} on ${entry.host_name}, version ${entry.version}`,
  };
}

/** Model and index: badge and sentence. */
export function model(status) {
  const { model: state, reason, backlog } = status.index;
  const badges = {
    ready: ["Ready", "ok"],
    loading: ["Loading", "busy"],
    missing: ["Words only", "waiting"],
    failed: ["Words only", "error"],
  };
  const words = {
    ready: backlog === 0 ? "Every memory is found by its words and by its meaning." : "New memories are found by their words at once, and by their meaning when the index has caught up.",
    loading: "The model is being read from disk. Until then search is by words.",
    missing: "The model's files are not there, so search is by words only.",
    failed: "The model cannot be used, so search is by words only.",
  };
  const [badge, badgeTone] = pick(badges, state) ?? [state, "unknown"];
  return { badge, tone: badgeTone, words: reason ?? pick(words, state) ?? "" };
}

/** Facts about the index. */
export function indexFacts(status) {
  const { backlog, indexed, vectors_per_s: speed } = status.index;
  return [
    ["To index", backlog === 0 ? "nothing" : plural(backlog, "memory", "memories")],
    ["Indexed", plural(indexed, "memory", "memories")],
    ["Speed", speed > 0 ? `${speed.toFixed(speed < 10 ? 1 : 0)} vectors/s` : "idle"],
  ];
}

/** Counters over all hosts of this store. What went wrong is marked when it is not zero. */
export function counts(stats) {
  const good = (name, value) => [name, count(value), false];
  const bad = (name, value) => [name, count(value), value > 0];
  return [
    good("Writes acknowledged", stats.acknowledged),
    good("Commits", stats.commits),
    good("Searches and lists", stats.searches),
    good("Times the lock was not free at once", stats.contended_acquisitions),
    bad("Lock not had in time", stats.failed_acquisitions),
    bad("Writes out of time", stats.timed_out),
    bad("Writes turned away, queue full", stats.queue_full),
    good("Writes refused for what they asked", stats.refused),
    good("Writes given up by their client", stats.cancelled),
    good("Second attempts", stats.retries),
  ];
}

/** Rows of the table of times. */
export function timeRows(stats) {
  const fixed = [
    ["Queue wait", stats.queue_wait],
    ["Lock wait", stats.lock_wait],
    ["Lock hold", stats.hold],
    ["Commit", stats.commit],
    ["Write, whole", stats.write_total],
    ["Search, whole", stats.search_total],
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

const TRANSPORTS = { http: "HTTP", stdio: "Bridge", cli: "Command", page: "This page", internal: "Host itself" };

/** Rows of the table of clients. */
export function clientRows(status) {
  const number = (value, isBad = false) => ({ text: count(value), isNumber: true, isZero: value === 0, isBad: isBad && value > 0 });
  return status.clients.map((client) => {
    const [, p50, p95] = timeCells(client.queue_wait);
    return [
      { text: client.client, extra: client.version ?? "", isHead: true, isLong: true },
      { text: client.pid === null ? "not known" : String(client.pid), isNumber: true, isZero: client.pid === null },
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

/** Commands that connect another client, by the place where each is shown. `own` is how commands for this store begin. */
export function connectCommands(own) {
  return {
    "connect-command": `${own} connect claude`,
    "connect-http": `${own} connect claude --http`,
    "connect-other": `${own} mcp`,
  };
}

/** Rows of the table of instances. */
export function instanceRows(status) {
  return status.instances.map((instance) => [
    { text: instance.role, extra: instance.instance === status.host.instance ? "this host" : "", isHead: true },
    { text: instance.host_name },
    { text: String(instance.pid), isNumber: true },
    { text: instance.version },
    { text: instance.url ?? "nowhere", isZero: instance.url === null },
    { text: duration(status.now_ms - instance.since_ms), isNumber: true },
  ]);
}

/** Looks a word of the host up; undefined if we do not know it, whatever objects inherit. */
export function pick(table, key) {
  return Object.hasOwn(table, key) ? table[key] : undefined;
}
