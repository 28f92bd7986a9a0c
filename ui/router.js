// @ts-check
// The way between the pages: links, reload, back and forward do what people expect.
//
// A page is a module that is loaded when somebody first goes there. It exports `page`, each part of which may be missing:
//   setUp()           connects its buttons; called once
//   show(params)      it comes into view, or its parameters (URLSearchParams) have changed
//   status(status)    the host has sent its status, or the page came into view; not called while nobody looks
//   older(status)     a second has passed without news; `status.now_ms` has moved on
//   stop()            it goes out of view, or the host or the session is gone: it makes no more requests

import { at } from "./lib/dom.js";
import { NAMES, placeOf } from "./model/address.js";

const loaded = new Map();
let shown = null;
let wanted = null;
let lastStatus = null;

/** Shows the page that the address means. Moves the focus to it if a person went there. */
export async function go(isByPerson) {
  const { name, params } = placeOf(location.hash);
  wanted = name;
  // Asked before the wait: a status that comes meanwhile may show the page first.
  const isOther = document.body.dataset.page !== name;
  const page = await load(name);
  if (wanted !== name || page === null) return;
  if (shown !== page) shown?.stop?.();
  shown = page;
  document.body.dataset.page = name;
  for (const other of NAMES) at(`page-${other}`).hidden = other !== name;
  for (const link of /** @type {NodeListOf<HTMLAnchorElement>} */ (document.querySelectorAll("nav a"))) {
    if (link.hash === `#/${name}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  page.show?.(params);
  if (lastStatus !== null && !document.hidden) page.status?.(lastStatus);
  if (isByPerson && isOther) {
    scrollTo(0, 0);
    at(`page-${name}`).focus({ preventScroll: true });
  }
}

async function load(name) {
  if (loaded.has(name)) return loaded.get(name);
  try {
    const { page } = await import(`./pages/${name}.js`);
    if (!loaded.has(name)) page.setUp?.();
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
  else shown.status?.(status);
}

/** Passes the growing age of the last status on to the page in view. */
export function growOlder(status) {
  shown?.older?.(status);
}

/** Stops the page in view; it begins again with the next status. */
export function stop() {
  shown?.stop?.();
  lastStatus = null;
}
