import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { fakePage } from "../lib/fake-page.mjs";
import { PAUSE_MIN_MS } from "../lib/reader.js";

const fake = fakePage();
const asked = [];
globalThis.sessionStorage = { getItem: () => "token" };
globalThis.fetch = (path, { method = "GET" }) => new Promise((resolve) => {
  const answer = async (body) => {
    resolve({ ok: true, status: 200, json: async () => body });
    await settle();
  };
  asked.push({ what: `${method} ${path}`, answer });
});
const { backupsChanged, setUpBackups, stopBackups } = await import("./backups.js");

/** Lets promises that are ready go on. */
const settle = async () => { for (let turn = 0; turn < 20; turn += 1) await Promise.resolve(); };
const next = (what) => asked.splice(asked.findIndex((one) => one.what === what), 1)[0];
const status = (instance) => ({ now_ms: 0, host: { instance }, files: { last_backup_ms: null } });
const IDLE = { folder: "/b", last_backup_ms: null, running: null, finished: [], kept: [] };
const made = { path: "/b/1.db", bytes: 1000, made_ms: 0, contents: { memories: 3 }, removed: [] };
const finished = [{ number: 1, ended_ms: 0, made, error: null }];

// "Started." stood there for ever, and the first backup of the next host, which has the same number, was taken for this one.
test("a backup that was begun is told by its own host, or is said to be unknown when another one answers", async () => {
  mock.timers.enable({ apis: ["setTimeout", "Date"] });
  const read = async (answer) => {
    mock.timers.tick(PAUSE_MIN_MS);
    await next("GET /api/backups").answer(answer);
  };
  const begin = async () => {
    fake.at("backup-now").listeners.click();
    await next("POST /api/backups").answer({ number: 1 });
  };
  const said = () => fake.at("backup-result").textContent;
  setUpBackups();
  backupsChanged(status("a"));
  await read(IDLE);
  await begin();
  assert.equal(said(), "Started.");
  await read({ ...IDLE, finished });
  assert.match(said(), /^Created/);
  await begin();
  stopBackups();
  backupsChanged(status("b"));
  await read({ ...IDLE, finished });
  assert.match(said(), /^The host restarted before it reported/);
  assert.equal(fake.at("backup-now").disabled, false);
  mock.timers.reset();
});
