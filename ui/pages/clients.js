// @ts-check
// The page of the clients: how they are connected, who has called, and which instances have the store open.

import { at, fillTable, make, matchChildren, setTexts } from "../lib/dom.js";
import { reader } from "../lib/reader.js";
import { requestJson } from "../lib/session.js";
import { connectChanged, stopConnect } from "../panels/connect.js";
import { CLIENT_HEADS, INSTANCE_HEADS, clientRows, connectWays, instanceRows } from "../model/status.js";

/** The host whose commands are shown. */
let instance = null;

const health = reader(() => requestJson("/api/health"), { read: showCommands, failed() {} });

export const page = {
  status(status) {
    if (instance !== status.host.instance) health.wanted();
    showClients(status);
  },
  older: showClients,
  stop() {
    health.stop();
    stopConnect();
  },
};

/** @param {import('../lib/api.d.ts').Status} status */
function showClients(status) {
  connectChanged(status);
  fillTable(at("clients"), CLIENT_HEADS, clientRows(status), at("clients-empty"));
  fillTable(at("instances"), INSTANCE_HEADS, instanceRows(status), at("instances-empty"));
}

/** @param {import('../lib/api.d.ts').Health} told */
function showCommands(told) {
  instance = told.instance;
  matchChildren(at("ways-in"), connectWays(told.command), makeWay, (item, [words, command]) => {
    const [code, button] = item.children[1].children;
    setTexts([item.children[0], code], [words, command]);
    button.ariaLabel = `Copy the command: ${words}`;
  });
}

function makeWay() {
  return make("li", "", make("p", "row-strong"), make("div", "command", make("code"), Object.assign(make("button", "copy", "Copy"), { type: "button" })));
}
