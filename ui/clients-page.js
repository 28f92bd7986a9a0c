// The page of the clients, and of the instances that have the store open.

import { at, fillTable } from "./dom.js";
import { clientRows, instanceRows } from "./view.js";

export const page = {
  setUp() {},
  show() {},
  status: showClients,
  older: showClients,
  stop() {},
};

function showClients(status) {
  fillTable(at("clients"), clientRows(status), at("clients-empty"));
  fillTable(at("instances"), instanceRows(status), at("instances-empty"));
}
