// Proves with the real Claude Code that the plugin's recall reaches the model, and that nothing of it does or is left when it is
// switched off or removed. Run by hand, outside CI: it installs Claude Code from npm.
//
//     cargo build --release
//     node tests/plugin/prove.mjs [--program target/release/commonplace] [--model-dir DIR]
//
// Without the files of the model notes are found by their words. Exit code 0 if everything is as it must be.

import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";

import { addedBy, ClaudeCode, hooksThatRan, install } from "./claude.mjs";
import { writeEvals } from "./evals.mjs";
import { OFF_TOPIC, PROJECTS } from "./facts.mjs";
import { startModel } from "./model.mjs";
import { Store } from "./store.mjs";

const options = { program: { type: "string", default: "target/release/commonplace" }, "model-dir": { type: "string" } };
const { values: given } = parseArgs({ options });

let failures = 0;
function check(what, is, wanted) {
  const isGood = JSON.stringify(is) === JSON.stringify(wanted);
  failures += isGood ? 0 : 1;
  console.log(`${isGood ? "ok  " : "FAIL"} ${what}: ${JSON.stringify(is)}${isGood ? "" : `, wanted ${JSON.stringify(wanted)}`}`);
}

install();
const dir = mkdtempSync(join(tmpdir(), "plugin-proof-"));
const model = await startModel();
const claude = new ClaudeCode(join(dir, "home"), model.url);
const store = new Store(resolve(given.program), join(dir, "store"), claude.env);

try {
  await store.serve(given["model-dir"] && resolve(given["model-dir"]));
  await aPluginThatClaudeCodeAccepts();
  await eightSessions();
  await whatASessionMarks();
  await switchedOff();
  await tasksWithAndWithout();
  await removed();
} finally {
  store.stop();
  model.stop();
  rmSync(dir, { recursive: true, force: true });
}
console.log(failures ? `${failures} checks failed` : "everything is as it must be");
process.exit(failures ? 1 : 0);

/** A folder for each project, which remembers one thing. */
function places() {
  return PROJECTS.map((project) => ({ ...project, path: join(dir, "projects", project.name) }));
}

async function aPluginThatClaudeCodeAccepts() {
  const written = join(dir, "plugin");
  store.run("plugin", written);
  const validated = await claude.run("plugin", "validate", "--strict", "--profile", "directory", written);
  check("claude plugin validate --strict --profile directory", validated.code, 0);
  store.run("connect", "claude", "--plugin", "--yes");
  const details = (await claude.run("plugin", "details", "commonplace")).text;
  const tokens = Number(details.match(/Always-on:\s*~(\d+) tok/)?.[1] ?? Infinity);
  console.log(`     always-on cost: about ${tokens} tokens`);
  check("it is below 150 tokens", tokens < 150, true);
  const servers = (await claude.run("mcp", "list")).text;
  check("claude mcp list connects to its server", /plugin:commonplace:memory.*Connected/.test(servers), true);
}

async function eightSessions() {
  for (const place of places()) {
    mkdirSync(place.path, { recursive: true });
    store.run("store", place.memory, "--type", "note", "--project", place.path);
  }
  await store.indexed();
  check("recalls in the transcripts and in what the model received, of 8", await counted("question"), [8, 8]);
  const again = await counted("off topic");
  check("recalls for a prompt about nothing of it", again, [0, 0]);
}

/** Runs a session in each project, and counts where the memory is: in transcripts, in what the model received. */
async function counted(what) {
  let [inTranscripts, inRequests] = [0, 0];
  for (const place of places()) {
    const before = model.requests.length;
    const transcript = await claude.session(place.path, what === "question" ? place.question : OFF_TOPIC);
    const recalled = addedBy("UserPromptSubmit", transcript).filter((text) => text.includes(place.memory));
    inTranscripts += recalled.length;
    inRequests += model.requests.slice(before).some((body) => body.includes(place.word)) ? 1 : 0;
  }
  return [inTranscripts, inRequests];
}

async function whatASessionMarks() {
  const [place] = places();
  await claude.session(place.path, "SAY[Done.|Decision: the shop keeps prices in cents, as integers]");
  const listed = JSON.parse(store.run("list", "--json", "--type", "decision")).memories;
  check("what a session decided is kept", listed.map((memory) => memory.text), ["the shop keeps prices in cents, as integers"]);
  const transcript = await claude.session(place.path, OFF_TOPIC);
  const brief = addedBy("SessionStart", transcript).join("\n");
  check("the next session begins with it", brief.includes("prices in cents"), true);
  store.run("delete", listed[0].content_hash);
}

async function switchedOff() {
  await claude.run("plugin", "disable", "commonplace@skills-dir");
  const before = filesBelow(join(store.dir, "hooks"));
  check("recalls while it is switched off", await counted("question"), [0, 0]);
  const transcript = await claude.session(places()[0].path, places()[0].question);
  check("hooks that ran while it is switched off", hooksThatRan(transcript), 0);
  check("nothing was noted in the store", filesBelow(join(store.dir, "hooks")), before);
  await claude.run("plugin", "enable", "commonplace@skills-dir");
  const place = places()[0];
  const on = addedBy("UserPromptSubmit", await claude.session(place.path, place.question));
  check("recalls after it is switched on again", on.length, 1);
}

async function tasksWithAndWithout() {
  const plugin = join(dir, "evaluated");
  store.run("plugin", plugin);
  const tasks = PROJECTS.slice(0, 5);
  // An evaluation runs in folders of its own, so these notes belong to no project.
  for (const task of tasks) store.run("store", task.memory, "--type", "note");
  await store.indexed();
  writeEvals(plugin, tasks);
  const ended = await claude.run("plugin", "eval", plugin, "--trust-plugin", "--runs", "1", "--no-publish", "--mocks", "off");
  check("claude plugin eval", ended.code, 0);
  const delta = Number(ended.text.match(/mean Δ ([+-][\d.]+)/)?.[1] ?? NaN);
  console.log(`     mean difference to no plugin, five tasks: ${delta}`);
  check("it is positive", delta > 0, true);
}

async function removed() {
  store.run("connect", "claude", "--remove");
  const place = places()[0];
  const transcript = await claude.session(place.path, place.question);
  check("recalls after it was removed", addedBy("UserPromptSubmit", transcript).length, 0);
  const left = filesBelow(claude.home).filter((path) => !isHistory(path));
  const named = left.filter((path) => path.includes("commonplace") || textOf(path).includes("commonplace"));
  check("files that name it after it was removed", named, []);
}

/** What Claude Code keeps of its own past: conversations, logs, copies of its settings. */
function isHistory(path) {
  return /^\.claude\/(projects|telemetry|backups|sessions|todos|shell-snapshots|file-history)\/|^\.cache\//.test(path) || path.includes("before-commonplace");
}

/** A file of Claude Code without the count of how often it used each plugin, its own among them. */
function textOf(path) {
  const text = readFileSync(join(claude.home, path), "utf8");
  return path === ".claude.json" ? JSON.stringify({ ...JSON.parse(text), pluginUsage: undefined }) : text;
}

function filesBelow(root) {
  if (!existsSync(root)) return [];
  const names = readdirSync(root, { recursive: true });
  return names.filter((name) => statSync(join(root, name)).isFile()).sort();
}
