// @ts-check
// The keyboard keeps its place. A browser drops the focus of what is hidden, disabled or removed, often by its own act, and
// whoever has no mouse would start again at the top of the page.

/** Where the focus may go: a part of the page that has a name. */
const PLACES = "section, .part, main";

/** Watches the whole page from now on. */
export function keepFocus() {
  /** What has the focus, or had it until the browser dropped it; what is around that; and whether it will come back. */
  let last = null;
  let around = [];
  let isPaused = false;
  let timer = null;

  function look() {
    timer = null;
    if (last === null || !(isLost() || document.activeElement === last)) return;
    if (!isThere(last)) give(home(around));
    else if (isPaused && !last.disabled) give(last);
  }

  addEventListener("focusin", ({ target }) => {
    last = target;
    around = ancestors(target);
    isPaused = false;
  });
  // Whoever lets go of it himself wants it nowhere, unless he is in another window. What is being removed is gone when the
  // script that removes it is done.
  addEventListener("focusout", ({ target }) => queueMicrotask(() => {
    if (target === last && isLost() && isThere(last) && !last.disabled && document.hasFocus()) last = null;
  }));
  // A dialog that closes gives the focus back first, and in several steps.
  new MutationObserver(() => {
    isPaused ||= last?.disabled === true;
    timer ??= setTimeout(look);
  }).observe(document.body, { subtree: true, childList: true, attributeFilter: ["hidden", "disabled", "open"] });
}

const isLost = () => document.activeElement === document.body;

function ancestors(node) {
  return node.parentElement === null ? [] : [node.parentElement, ...ancestors(node.parentElement)];
}

function isThere(node) {
  return node.isConnected && node.closest("[hidden], dialog:not([open])") === null;
}

/** The nearest part of the page that is still there, or what it names as the place of the keyboard. */
function home(around) {
  const place = around.find((node) => node.matches(PLACES) && isThere(node)) ?? document.querySelector(".part:not([hidden])") ?? document.querySelector("main");
  const inside = place.dataset.home === undefined ? null : place.querySelector(place.dataset.home);
  if (inside === null && !place.hasAttribute("tabindex")) place.tabIndex = -1;
  return inside ?? place;
}

function give(node) {
  if (document.activeElement !== node) node.focus();
}
