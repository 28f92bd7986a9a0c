// The pages and the way between them. The address says which one is shown: `#/locks`, with what a page keeps of its own
// behind it, as in `#/locks?lock=write`. So links, reload, back and forward do what people expect.
//
// A page is a module that is loaded when somebody first goes there. It exports `page`:
//   setUp()           connects its buttons; called once
//   show(params)      it comes into view, or its parameters (URLSearchParams) have changed
//   status(status)    the host has told its status, or the page came into view; not called while nobody looks
//   older(status)     a second has passed and nothing was told; `status.now_ms` has moved on
//   stop()            it goes out of view, or the host or the session is gone: asks nothing more

import { at } from "./dom.js";

const LOADERS = {
  overview: () => import("./overview-page.js"),
  memories: () => import("./memories-page.js"),
  locks: () => import("./locks-panel.js"),
  clients: () => import("./clients-page.js"),
  health: () => import("./health-page.js"),
  settings: () => import("./settings-panel.js"),
};

/** Names of the pages, in the order of the navigation; the first is the home page. */
export const NAMES = Object.keys(LOADERS);

const loaded = new Map();
let shown = null;
let wanted = null;
let lastStatus = null;

/** Which page an address means, and what it keeps there. What nobody knows is the home page. */
export function placeOf(hash) {
  const [path, query = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  return { name: NAMES.includes(path) ? path : NAMES[0], params: new URLSearchParams(query) };
}

/** The address of a page. */
export function addressOf(name, params = new URLSearchParams()) {
  const query = params.toString();
  return query === "" ? `#/${name}` : `#/${name}?${query}`;
}

/** Shows the page that the address means. Moves the focus to it if a person went there. */
export async function go(isByPerson) {
  const { name, params } = placeOf(location.hash);
  wanted = name;
  // Asked before the wait: a status that comes meanwhile may show the page first.
  const isOther = document.body.dataset.page !== name;
  const page = await load(name);
  if (wanted !== name || page === null) return;
  if (shown !== null && shown !== page) shown.stop();
  shown = page;
  document.body.dataset.page = name;
  for (const other of NAMES) at(`page-${other}`).hidden = other !== name;
  for (const link of document.querySelectorAll("nav a")) {
    if (link.hash === `#/${name}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  page.show(params);
  if (lastStatus !== null && !document.hidden) page.status(lastStatus);
  if (isByPerson && isOther) {
    scrollTo(0, 0);
    at(`page-${name}`).focus({ preventScroll: true });
  }
}

async function load(name) {
  if (loaded.has(name)) return loaded.get(name);
  try {
    const { page } = await LOADERS[name]();
    if (!loaded.has(name)) page.setUp();
    loaded.set(name, page);
    return page;
  } catch {
    // The host is gone, and its banner says so; the page is loaded with the next status.
    return null;
  }
}

/** Passes a status on to the page in view. */
export async function tell(status) {
  lastStatus = status;
  if (document.hidden) return;
  // A page that somebody went to while the host was gone could not be loaded then.
  const isThere = shown !== null && document.body.dataset.page === wanted;
  if (!isThere) await go(false);
  else shown.status(status);
}

/** Lets what is in view grow older. */
export function growOlder(status) {
  shown?.older(status);
}

/** Stops the page in view; it begins again with the next status. */
export function stop() {
  shown?.stop();
  lastStatus = null;
}
