// @ts-check
// The page: session first, then live figures for what is in view.

import { at, setText } from "./lib/dom.js";
import { keepFocus } from "./lib/focus.js";
import { upperFirst } from "./lib/format.js";
import { follow } from "./lib/live.js";
import * as session from "./lib/session.js";
import { setUpTheme } from "./lib/theme.js";
import { announce, setUpHero, showGone, showHero } from "./panels/hero.js";
import { locksChanged, stopLocks } from "./panels/stuck-lock.js";
import * as router from "./router.js";

let following = new AbortController();
let lastStatus = null;
let receivedAt = 0;
let isLive = false;

start();

async function start() {
  keepFocus();
  setUpTheme();
  document.addEventListener("click", ({ target }) => target instanceof HTMLElement && target.matches(".copy") && copy(target));
  setUpHero();
  at("token-form").addEventListener("submit", onTokenGiven);
  at("sign-out").addEventListener("click", onSignOut);
  addEventListener("hashchange", onAddress);
  document.addEventListener("visibilitychange", () => (document.hidden ? leave() : comeBack()));
  setInterval(growOlder, 1000);
  await enter();
}

/** Lets go of the host while nobody looks: a browser has six connections to it for all tabs, and those hidden would keep
 * them from the one in view. What the tab is called must not grow old. */
function leave() {
  following.abort();
  if (isLive) document.title = "Commonplace";
  isLive = false;
}

function comeBack() {
  if (!session.isSignedIn()) return;
  setLive("connecting", "Connecting");
  listen();
}

/** Follows the host from now on, unless nobody looks. */
function listen() {
  following.abort();
  following = new AbortController();
  if (document.hidden) return;
  const open = (signal) => session.request("/events", { signal });
  follow(open, { status: onStatus, gone: onGone, signedOut: onSignedOut }, following.signal);
}

/** Goes to another page, or begins with the code that a person has just opened. */
function onAddress() {
  const isWithinPage = location.hash !== "" && !location.hash.startsWith("#/") && !session.hasCode();
  if (isWithinPage) return;
  if (session.hasCode() || !session.isSignedIn()) enter();
  else router.go(true);
}

/** Begins with a code from the address or with the session there is; asks for a key if there is neither. */
async function enter() {
  let reason = null;
  try {
    await session.takeCode();
  } catch (error) {
    reason = session.why(error);
  }
  if (!session.isSignedIn()) return askForKey(reason);
  at("sign-in").hidden = true;
  at("page").hidden = false;
  at("nav").hidden = false;
  at("sign-out").hidden = false;
  listen();
  router.go(false);
}

function askForKey(reason) {
  following.abort();
  stop();
  lastStatus = null;
  isLive = false;
  setLive("out", "Not signed in");
  document.title = "Commonplace";
  at("page").hidden = true;
  at("nav").hidden = true;
  at("gone").hidden = true;
  at("sign-out").hidden = true;
  at("sign-in").hidden = false;
  if (reason !== null) setText(at("sign-in-reason"), reason);
}

/** @param {import('./lib/api.d.ts').Status} status */
function onStatus(status) {
  if (lastStatus?.state !== status.state) announce(status.diagnosis);
  lastStatus = status;
  receivedAt = performance.now();
  isLive = true;
  setLive("live", "Live");
  at("gone").hidden = true;
  at("page").classList.remove("stale");
  showHero(status);
  router.tell(status);
  locksChanged(status);
}

function stop() {
  stopLocks();
  router.stop();
}

/** Lets ages grow while the host has no news. */
function growOlder() {
  if (!isLive) return;
  const nowMs = lastStatus.now_ms + Math.round(performance.now() - receivedAt);
  const older = { ...lastStatus, now_ms: nowMs };
  showHero(older);
  router.growOlder(older);
}

function onGone(error) {
  session.lost();
  const seen = lastStatus === null ? null : new Date(lastStatus.now_ms).toLocaleTimeString();
  setLive("gone", "Disconnected");
  const isRefused = error instanceof session.Refused;
  const isStranger = error instanceof session.Stranger;
  setText(at("gone-title"), isRefused ? "The host refused to send live figures." : isStranger ? session.why(error) : "The host is unreachable.");
  const stale = seen === null ? "" : `The figures below are from ${seen}. `;
  setText(at("gone-detail"), `${isRefused ? `${upperFirst(error.message)}. ` : ""}${stale}This page reconnects automatically.`);
  at("gone").hidden = false;
  at("page").classList.toggle("stale", lastStatus !== null);
  isLive = false;
  stop();
  showGone();
}

function onSignedOut() {
  session.forget();
  askForKey("Your session has ended: the tokens were rotated, it was idle for 12 hours, or this port now serves another store.");
}

async function onSignOut() {
  askForKey("You are signed out.");
  await session.signOut().catch(() => {});
}

async function onTokenGiven(event) {
  event.preventDefault();
  const field = at("token");
  at("token-error").hidden = true;
  try {
    await session.signIn(field.value.trim());
    field.value = "";
    await enter();
    at("content").focus();
  } catch (error) {
    setText(at("token-error"), session.why(error));
    at("token-error").hidden = false;
    field.select();
  }
}

async function copy(button) {
  try {
    await navigator.clipboard.writeText(button.previousElementSibling.textContent);
    setText(button, "Copied");
    announce("Copied");
  } catch {
    // The browser may forbid it, or the page is not in front.
    setText(button, "Not copied");
    announce("Could not copy. Select the text and copy it manually.");
  }
  setTimeout(() => setText(button, "Copy"), 2000);
}

function setLive(state, words) {
  at("live").dataset.state = state;
  setText(at("live-text"), words);
}
