// @ts-check
// What a person looks for on the page of memories: its address, read, and what to ask the host for.

const MODES = ["hybrid", "semantic", "keyword", "exact"];

/** Memories that are asked for at once. */
const LIMIT = 100;

/**
 * Reads the address of the page.
 *
 * @typedef {ReturnType<typeof queryOf>} Query
 * @param {URLSearchParams} params
 */
export function queryOf(params) {
  const text = (name) => params.get(name) ?? "";
  const mode = text("mode");
  return {
    q: text("q"),
    mode: MODES.includes(mode) ? mode : MODES[0],
    // Null filters by nothing; empty means those without one.
    project: params.get("project"),
    type: params.get("type"),
    client: params.get("client"),
    tags: params.getAll("tag").filter((tag) => tag !== ""),
    isAll: text("tag_match") === "all",
    from: dayOf(text("from")),
    to: dayOf(text("to")),
    isBin: text("bin") === "1",
    open: /^(new|\d{1,15})$/.test(text("id")) ? text("id") : null,
  };
}

function dayOf(text) {
  return /^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(Date.parse(text)) ? text : "";
}

/** The parameters of the address for a query; defaults are left out. */
export function paramsOf(query) {
  const params = listParams(query);
  for (const name of ["from", "to"]) if (query[name] !== "") params.set(name, query[name]);
  if (query.isBin) params.set("bin", "1");
  if (query.open !== null) params.set("id", query.open);
  return params;
}

function listParams(query) {
  const params = new URLSearchParams();
  if (query.q !== "") params.set("q", query.q);
  if (query.mode !== MODES[0]) params.set("mode", query.mode);
  for (const name of ["project", "type", "client"]) if (query[name] !== null) params.set(name, query[name]);
  for (const tag of query.tags) params.append("tag", tag);
  if (query.isAll && query.tags.length > 1) params.set("tag_match", "all");
  return params;
}

/** True if the query asks for a ranking search, and not for a list: no index has the words of what is deleted. */
export const isSearch = (query) => query.q.trim() !== "" && !query.isBin;

/** What to ask the host for: a search, or the part of the list after `cursor`. Days are those of this browser's clock. */
export function pathOf(query, cursor = null) {
  const params = listParams(query);
  if (query.from !== "") params.set("after", String(startOfDay(query.from, 0)));
  if (query.to !== "") params.set("before", String(startOfDay(query.to, 1)));
  params.set("limit", String(LIMIT));
  if (isSearch(query)) return `/api/memories/search?${params}`;
  params.delete("q");
  params.delete("mode");
  if (query.isBin) params.set("deleted", "true");
  if (query.q.trim() !== "") params.set("contains", query.q);
  if (cursor !== null) params.set("cursor", cursor);
  return `/api/memories?${params}`;
}

function startOfDay(day, daysLater) {
  const [year, month, date] = day.split("-").map(Number);
  return new Date(year, month - 1, date + daysLater).getTime();
}

/** True if any filter restricts the list. */
export function isFiltered(query) {
  return pathOf({ ...query, isBin: false, q: "" }) !== pathOf(queryOf(new URLSearchParams()));
}
