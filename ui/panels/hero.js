// @ts-check
// What stands on every page: the first glance, the way to a stuck lock, pause and resume.

import { at, setText, setTone, setWords } from "../lib/dom.js";
import { requestJson, why } from "../lib/session.js";
import { pause } from "../model/upkeep.js";
import * as view from "../model/status.js";

let lastStatus = null;
let isAsking = false;

/** Connects the buttons. */
export function setUpHero() {
  at("pause").addEventListener("click", onPause);
}

/** Shows the first glance. @param {import('../lib/api.d.ts').Status} status */
export function showHero(status) {
  lastStatus = status;
  const hero = view.hero(status);
  setTone(at("state-dot"), hero.tone);
  setWords(at("diagnosis"), hero.sentence);
  setText(at("hero-state"), `${hero.state} · `);
  setText(at("hero-host"), hero.host);
  const title = `${hero.sentence.replaceAll("`", "")} · Commonplace`;
  if (document.title !== title) document.title = title;
  showPause(pause(status));
}

/** Takes back the first glance while the host is unreachable: old good news is no news. */
export function showGone() {
  lastStatus = null;
  setTone(at("state-dot"), "unknown");
  setText(at("diagnosis"), "The host is unreachable");
  setText(at("hero-state"), "Figures are out of date · ");
  at("pause").disabled = true;
  document.title = "Host unreachable · Commonplace";
}

/** Says something to screen readers. */
export const announce = (words) => setText(at("announcer"), words);

function showPause(shown) {
  at("pause-words").hidden = !shown.isPaused;
  setText(at("pause-words"), shown.words);
  setText(at("pause"), shown.button);
  at("pause").className = shown.isPaused ? "primary" : "plain";
  at("pause").disabled = isAsking;
}

async function onPause() {
  isAsking = true;
  at("pause").disabled = true;
  at("pause-error").hidden = true;
  try {
    await requestJson(pause(lastStatus).path, "POST");
  } catch (error) {
    setText(at("pause-error"), why(error));
    at("pause-error").hidden = false;
  }
  isAsking = false;
  if (lastStatus !== null) showPause(pause(lastStatus));
}
