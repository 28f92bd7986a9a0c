// The page of the host's health: host and files, search by meaning, backups.

import { backupsChanged, setUpBackups, stopBackups } from "./backups-panel.js";
import { at, fillFacts, setBadge, setText } from "./dom.js";
import * as view from "./view.js";

export const page = {
  setUp: setUpBackups,
  show() {},
  status: showHealth,
  older: showHealth,
  stop: stopBackups,
};

function showHealth(status) {
  fillFacts(at("host-facts"), view.hostFacts(status));
  fillFacts(at("index-facts"), view.indexFacts(status));
  const model = view.model(status);
  setBadge(at("model-badge"), model);
  setText(at("model-words"), model.words);
  backupsChanged(status);
}
