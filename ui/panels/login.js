// @ts-check
// The switch for the start at login. The system keeps it and not the settings file: the tray, a command or the system's own
// settings change it too.

import { at, setText, showResult } from "../lib/dom.js";
import { reader } from "../lib/reader.js";
import { requestJson, why } from "../lib/session.js";
import { loginWords } from "../model/settings.js";

const PATH = "/api/autostart";

let isInView = false;
/** One change after the other, in the order of the clicks. */
let sending = Promise.resolve();

const login = reader(() => requestJson(PATH), { read: showLogin, failed: showProblem });

/** Connects the switch. */
export function setUpLogin() {
  at("login").addEventListener("change", () => {
    const isOn = at("login").checked;
    sending = sending.then(() => send(isOn));
  });
  // It may have been changed elsewhere while somebody was there.
  addEventListener("focus", () => isInView && login.wanted());
}

/** Reads it, and again whenever somebody comes back to this window. */
export function showLoginAnew() {
  isInView = true;
  login.wanted();
}

/** Asks nothing more: the page, the session or the host is gone. */
export function stopLogin() {
  isInView = false;
  login.stop();
}

/** Shows it. @param {import('../lib/api.d.ts').LoginStatus} read */
function showLogin(read) {
  at("login").disabled = false;
  at("login").checked = read.start_at_login;
  setText(at("login-words"), loginWords(read));
  setText(at("login-place"), read.start_at_login ? read.place : "");
}

function showProblem(error) {
  at("login").disabled = true;
  setText(at("login-words"), why(error));
  setText(at("login-place"), "");
}

/** Sends what is wanted; if the system refuses, the switch goes back to where it was. */
async function send(isOn) {
  try {
    const now = await requestJson(PATH, "PUT", { start_at_login: isOn });
    login.changed();
    showLogin(now);
    showResult(at("login-result"), "ok", "Saved.");
  } catch (error) {
    at("login").checked = !isOn;
    showResult(at("login-result"), "error", why(error));
    login.wanted();
  }
}
