// The session of this tab. Its token lives in sessionStorage: gone with the tab, unseen by other ports.

import { upperFirst } from "./format.js";

const KEY = "commonplace.session";

/** Tells that the host knows no such token: sign in again. */
export class SignedOut extends Error {}

/** Tells why the host refused: in its own words, and as a `code` to act on. */
export class Refused extends Error {
  constructor({ message, code }) {
    super(message);
    this.code = code;
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
  const response = await send("/api/codes", { method: "POST" }, adminToken);
  const { url } = await checked(response);
  await redeem(new URLSearchParams(new URL(url).hash.slice(1)).get("code"));
}

/** Ends the session here and at the host. */
export async function signOut() {
  const token = sessionStorage.getItem(KEY);
  forget();
  if (token !== null) await send("/api/session", { method: "DELETE" }, token);
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
  return error instanceof Refused ? upperFirst(error.message) : "The host does not answer. Is it running?";
}

async function redeem(code) {
  const body = JSON.stringify({ code });
  const headers = { "Content-Type": "application/json" };
  const response = await fetch("/api/session", { method: "POST", headers, body, cache: "no-store" });
  const { token } = await checked(response);
  sessionStorage.setItem(KEY, token);
}

function send(path, options, token) {
  const headers = { ...options.headers, Authorization: `Bearer ${token}` };
  return fetch(path, { ...options, headers, cache: "no-store", credentials: "omit" });
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
