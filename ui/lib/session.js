// @ts-check
// The session of this tab. Its token lives in sessionStorage: gone with the tab, unseen by other ports.
//
// When a host dies, whoever takes its port first is asked next by this page. So after a lost connection the token is sent to
// nobody who has not proved first that he knows the session. A page that is reloaded trusts whoever it comes from.

import { upperFirst } from "./format.js";

const KEY = "commonplace.session";

/** Whether this page came from the host, or the host has proved itself since a connection was lost. */
let isKnown = true;
/** The proof that is asked for now, so that requests at once ask for one. */
let proving = null;

/** Tells that the host knows no such token: sign in again. */
export class SignedOut extends Error {}

/** Tells that whoever answers is not the host: nothing was sent. */
export class Stranger extends Error {}

/** Tells why the host refused: in its own words, as a `code` to act on, and with what a person can do by hand. */
export class Refused extends Error {
  constructor({ message, code, lines = "" }) {
    super(message);
    this.code = code;
    this.lines = lines;
  }
}

/** True if this tab has a token. It may have ended since. */
export function isSignedIn() {
  return sessionStorage.getItem(KEY) !== null;
}

/** True if the address brings a one-time code. */
export function hasCode() {
  return codeIn(location.hash).code !== null;
}

/** The one-time code in an address, and the page to show: `#code=…` or `#code=…&page=locks`. */
export function codeIn(hash) {
  const given = new URLSearchParams(hash.slice(1));
  return { code: given.get("code"), page: given.get("page") };
}

/** Exchanges the one-time code in the address, if there is one, and takes it out of the address. */
export async function takeCode() {
  const { code, page } = codeIn(location.hash);
  if (code === null) return;
  history.replaceState(null, "", page === null ? location.pathname : `#/${encodeURIComponent(page)}`);
  await redeem(code);
}

/** Begins a session with the admin token. Only the session's own token is kept. */
export async function signIn(adminToken) {
  const response = await sendTo("/api/codes", { method: "POST" }, adminToken);
  const { url } = await checked(response);
  await redeem(new URLSearchParams(new URL(url).hash.slice(1)).get("code"));
}

/** Ends the session here and at the host. */
export async function signOut() {
  const token = sessionStorage.getItem(KEY);
  forget();
  if (token !== null) await send("/api/session", { method: "DELETE" }, token);
}

/** Notes that a connection was lost: another program may listen there now. */
export function lost() {
  isKnown = false;
}

/** Forgets the token of this tab. */
export function forget() {
  sessionStorage.removeItem(KEY);
}

/** Sends a request with the token of this tab; throws SignedOut or Refused unless it went well. */
export async function request(path, options = {}) {
  const response = await send(path, options, sessionStorage.getItem(KEY) ?? "");
  if (response.status === 401) throw new SignedOut((await reason(response)).message);
  if (!response.ok) throw new Refused(await reason(response));
  return response;
}

/** Sends an object, or nothing, and returns the object of the answer; throws as `request` does. */
export async function requestJson(path, method = "GET", sent = null) {
  const headers = sent === null ? {} : { "Content-Type": "application/json" };
  const response = await request(path, { method, headers, body: sent === null ? undefined : JSON.stringify(sent) });
  return response.json();
}

/** Why a request failed, as a sentence. */
export function why(error) {
  if (error instanceof SignedOut) return "Your session has ended: sign in again.";
  if (error instanceof Stranger) return "Another program is answering on the port of the host. Nothing was sent to it. Check with `commonplace doctor`.";
  return error instanceof Refused ? upperFirst(error.message) : "The host is not responding. Is it running?";
}

async function redeem(code) {
  const body = JSON.stringify({ code });
  const headers = { "Content-Type": "application/json" };
  const response = await fetch("/api/session", { method: "POST", headers, body, cache: "no-store" });
  const { token } = await checked(response);
  sessionStorage.setItem(KEY, token);
  isKnown = true;
}

/** Sends a request with the session's token, to the host that proves that it knows it. */
async function send(path, options, token) {
  if (!isKnown && token !== "") {
    proving ??= prove(token).finally(() => { proving = null; });
    await proving;
  }
  return sendTo(path, options, token);
}

async function sendTo(path, options, token) {
  const headers = { ...options.headers, Authorization: `Bearer ${token}` };
  try {
    return await fetch(path, { ...options, headers, cache: "no-store", credentials: "omit" });
  } catch (error) {
    if (error.name !== "AbortError") lost();
    throw error;
  }
}

/**
 * Has whoever listens prove that he knows the SHA-256 of the token, as the host does, by hashing it with a number that nobody
 * has seen before. He learns nothing: neither the token nor its hash is sent.
 */
async function prove(token) {
  // Browsers lend this to pages from this machine; one that does not has no way to ask.
  if (globalThis.crypto?.subtle === undefined) return;
  const known = await sha256(new TextEncoder().encode(token));
  const nonce = crypto.getRandomValues(new Uint8Array(32));
  const body = JSON.stringify({ session: hex(await sha256(known)), nonce: hex(nonce) });
  const headers = { "Content-Type": "application/json" };
  const response = await fetch("/api/session/proof", { method: "POST", headers, body, cache: "no-store", credentials: "omit" });
  if (response.status === 401) throw new SignedOut((await reason(response)).message);
  const { proof } = await checked(response);
  if (proof !== hex(await sha256(new Uint8Array([...known, ...nonce])))) throw new Stranger("a wrong proof");
  isKnown = true;
}

async function sha256(bytes) {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
}

function hex(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function checked(response) {
  if (!response.ok) throw new Refused(await reason(response));
  return response.json();
}

async function reason(response) {
  try {
    return (await response.json()).error;
  } catch {
    return { message: `the host answered with ${response.status}`, code: null };
  }
}
