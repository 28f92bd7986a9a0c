// @ts-check
// The panel of the backups.

import { at, fillFacts, setText, showResult } from "../lib/dom.js";
import { reader } from "../lib/reader.js";
import { requestJson, why } from "../lib/session.js";
import * as upkeep from "../model/upkeep.js";

/** @type {import('../lib/api.d.ts').Backups | null} */
let state = null;
let lastStatus = null;
/** The backup that this page began and whose end it has not told yet. Another host numbers its backups anew. @type {{ number: number, host: string | undefined } | null} */
let begun = null;

const backups = reader(() => requestJson("/api/backups"), {
  read: onBackups,
  failed: (error) => setText(at("backup-last"), why(error)),
});

/** Connects the button. */
export function setUpBackups() {
  at("backup-now").addEventListener("click", onBackupNow);
}

/** Shows the status; asks for the backups if there is a new one. @param {import('../lib/api.d.ts').Status} status */
export function backupsChanged(status) {
  const isNews = state === null || lastStatus?.files.last_backup_ms !== status.files.last_backup_ms;
  lastStatus = status;
  if (begun !== null && begun.host !== hostNow()) {
    begun = null;
    showResult(at("backup-result"), "error", "The host restarted before it reported how this backup ended. See the last backup above.");
  }
  if (isNews) backups.wanted();
  if (state !== null) showBackups();
}

/** Stops reading: the session or the host is gone. */
export function stopBackups() {
  backups.stop();
  state = lastStatus = null;
  at("backup-now").disabled = true;
}

async function onBackupNow() {
  at("backup-now").disabled = true;
  const host = hostNow();
  try {
    const { number } = await requestJson("/api/backups", "POST");
    begun = { number, host };
    showResult(at("backup-result"), "busy", "Started.");
  } catch (error) {
    showResult(at("backup-result"), "error", why(error));
  }
  backups.wanted();
}

/** Reads on while a backup is under way: its steps are not in the stream. */
function onBackups(read) {
  state = read;
  showBackups();
  const ended = begun === null || begun.host !== hostNow() ? null : upkeep.outcome(state, begun.number);
  if (ended !== null) {
    begun = null;
    showResult(at("backup-result"), ended.isGood ? "ok" : "error", ended.words);
  }
  if (state.running !== null) backups.wanted();
}

/** The instance that the page speaks to; none while it is unknown. */
const hostNow = () => lastStatus?.host.instance;

function showBackups() {
  const nowMs = lastStatus?.now_ms ?? Date.now();
  const shown = upkeep.backups(state, nowMs);
  setText(at("backup-last"), shown.last);
  fillFacts(at("backup-facts"), [["Kept", shown.kept, false], ["Folder", shown.folder, false]]);
  at("backup-now").disabled = shown.isRunning;
  setText(at("backup-now"), shown.isRunning ? "Backing up…" : "Back up now");
  at("backup-progress").hidden = !shown.isRunning;
  at("backup-meter").value = shown.share ?? 0;
  setText(at("backup-step"), shown.step);
}
