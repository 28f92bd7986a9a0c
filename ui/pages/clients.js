// The page of the clients, of the instances that have the store open, and of the commands that connect another client.

import { at, fillTable, setText } from "../lib/dom.js";
import { reader } from "../lib/reader.js";
import { requestJson } from "../lib/session.js";
import { clientRows, connectCommands, instanceRows } from "../model/status.js";

/** The host whose commands are shown. */
let instance = null;

const health = reader(() => requestJson("/api/health"), { read: showCommands, failed() {} });

export const page = {
  status(status) {
    if (instance !== status.host.instance) health.wanted();
    showClients(status);
  },
  older: showClients,
  stop: health.stop,
};

/** @param {import('../lib/api').Status} status */
function showClients(status) {
  fillTable(at("clients"), clientRows(status), at("clients-empty"));
  fillTable(at("instances"), instanceRows(status), at("instances-empty"));
}

/** @param {import('../lib/api').Health} told */
function showCommands(told) {
  instance = told.instance;
  for (const [id, command] of Object.entries(connectCommands(told.command))) setText(at(id), command);
}
