// @ts-check
// The address says which page is shown: `#/locks`, with what a page keeps of its own behind it, as in `#/memories?q=heron`.

/** Names of the pages, in the order of the navigation; the first is the home page. */
export const NAMES = ["overview", "memories", "locks", "clients", "health", "settings"];

/** The page an address means, and what it keeps there. An unknown address means the home page. @param {string} hash */
export function placeOf(hash) {
  const [path, query = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  return { name: NAMES.includes(path) ? path : NAMES[0], params: new URLSearchParams(query) };
}

/** The address of a page. @param {string} name */
export function addressOf(name, params = new URLSearchParams()) {
  const query = params.toString();
  return query === "" ? `#/${name}` : `#/${name}?${query}`;
}
