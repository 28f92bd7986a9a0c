// @ts-check
// The page of the host's health: host, store, search by meaning, backups, log.

import { backupsChanged, setUpBackups, stopBackups } from "../panels/backups.js";
import { at, fillFacts, setBadge, setText, setWords, showResult } from "../lib/dom.js";
import { upperFirst } from "../lib/format.js";
import { reader } from "../lib/reader.js";
import { hostFacts, store } from "../model/health.js";
import { logChanged, setUpLog, stopLog } from "../panels/log.js";
import { requestJson, why } from "../lib/session.js";
import * as view from "../model/status.js";

/** What the host told of itself. @type {import('../lib/api.d.ts').Health | null} */
let about = null;

const health = reader(() => requestJson("/api/health"), { read: (told) => (about = told), failed() {} });

export const page = {
  setUp() {
    setUpBackups();
    setUpLog();
    at("check-now").addEventListener("click", onCheck);
  },
  status(status) {
    if (about?.instance !== status.host.instance) health.wanted();
    showHealth(status);
    logChanged();
  },
  older: showHealth,
  stop() {
    stopBackups();
    stopLog();
    health.stop();
    at("check-now").disabled = true;
  },
};

/** @param {import('../lib/api.d.ts').Status} status */
function showHealth(status) {
  fillFacts(at("host-facts"), hostFacts(status, about));
  fillFacts(at("index-facts"), view.indexFacts(status));
  const model = view.model(status);
  setBadge(at("model-badge"), model);
  setWords(at("model-words"), upperFirst(model.words));
  showStore(store(status));
  backupsChanged(status);
}

function showStore(shown) {
  setBadge(at("store-badge"), shown);
  fillFacts(at("store-facts"), shown.facts);
  at("check-now").disabled = shown.isChecking;
  setText(at("check-now"), shown.isChecking ? "Checking…" : "Check now");
}

/** Begins a check; its result comes with the status. */
async function onCheck() {
  at("check-now").disabled = true;
  at("check-problem").hidden = true;
  try {
    await requestJson("/api/integrity", "POST");
  } catch (error) {
    showResult(at("check-problem"), "error", why(error));
  }
}
