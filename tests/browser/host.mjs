// A store of its own, and real hosts on it.

import { execFile, spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

import { Client } from "./mcp.mjs";
import { HANG_MS } from "./wait.mjs";

const BUILT = fileURLToPath(new URL("../../target/debug/commonplace", import.meta.url));

/** The program under test: built without a window and with the named points. */
export const PROGRAM = process.env.COMMONPLACE_PROGRAM ?? BUILT;

/**
 * The directory of a store, a home of its own, and what was started on it; `remove` ends and deletes everything. What a
 * login starts is kept in the home, and must not be that of whoever runs the tests.
 */
export class Store {
  #hosts = [];

  static async make() {
    const store = new Store();
    store.dir = await mkdtemp(join(tmpdir(), "commonplace-browser-"));
    store.home = await mkdtemp(join(tmpdir(), "commonplace-home-"));
    return store;
  }

  /** Starts a host on any free port, or on the one given. `env` may name points at which it stops. */
  async host({ port = 0, env = {} } = {}) {
    const host = await Host.start(this.dir, port, this.#env(env));
    this.#hosts.push(host);
    return host;
  }

  /** Runs a command of the program; returns exit code, stdout and stderr. */
  run(...args) {
    return this.runWith({}, ...args);
  }

  /** The same with variables. */
  runWith(env, ...args) {
    return new Promise((resolve) => {
      execFile(PROGRAM, ["--data-dir", this.dir, ...args], { env: this.#env(env) }, (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : error.code, stdout, stderr });
      });
    });
  }

  /** Runs a command with `--json` and returns what it printed. */
  async cli(...args) {
    const { code, stdout, stderr } = await this.run(...args, "--json");
    if (code !== 0) throw new Error(`commonplace ${args.join(" ")} ended with ${code}: ${stderr}`);
    return JSON.parse(stdout);
  }

  async remove() {
    await Promise.all(this.#hosts.map((host) => host.kill()));
    await Promise.all([this.dir, this.home].map((dir) => rm(dir, { recursive: true, force: true })));
  }

  #env(env) {
    return clean({ HOME: this.home, XDG_CONFIG_HOME: join(this.home, "config"), XDG_DATA_HOME: join(this.home, "data"), ...env });
  }
}

/** A running host. */
class Host {
  #child;
  #ended;

  static async start(dir, port, env) {
    const host = new Host();
    const args = ["--data-dir", dir, "serve", "--port", String(port)];
    host.#child = spawn(PROGRAM, args, { env, stdio: ["ignore", "pipe", "pipe"] });
    host.#ended = new Promise((resolve, reject) => {
      host.#child.once("exit", resolve);
      host.#child.once("error", reject);
    });
    const said = [];
    host.#child.stderr.on("data", (piece) => said.push(piece));
    const ready = await firstLine(host.#child.stdout, host.#ended, said);
    const token = async (name) => (await readFile(join(dir, name), "utf8")).trim();
    const url = ready.url.replace(/\/$/, "");
    return Object.assign(host, { dir, url, port: Number(new URL(url).port), pid: ready.pid, agent: await token("agent.token"), admin: await token("admin.token") });
  }

  /** Sends a request with the admin token; returns the object of the answer, or throws if it is refused. */
  async api(path, method = "GET", sent = null) {
    const headers = { Authorization: `Bearer ${this.admin}`, "Content-Type": "application/json" };
    const response = await fetch(`${this.url}${path}`, { method, headers, body: sent === null ? undefined : JSON.stringify(sent), signal: AbortSignal.timeout(HANG_MS) });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return text === "" ? null : JSON.parse(text);
  }

  status() {
    return this.api("/api/status");
  }

  /** An address that opens the page once. */
  async address() {
    return (await this.api("/api/codes", "POST")).url;
  }

  client(who) {
    return new Client(this, who);
  }

  /** Kills the host as `kill -9` does, and waits until it is gone. */
  async kill() {
    this.#child.kill("SIGKILL");
    await this.#ended;
  }

  /** Stops the process where it is, as `kill -STOP` does. */
  freeze() {
    process.kill(this.pid, "SIGSTOP");
    // The signal is sent; on a busy machine a thread can go on for some time before it takes effect.
    const started = Date.now();
    while (!isStopped(this.pid)) {
      if (Date.now() - started > HANG_MS) throw new Error(`the host ${this.pid} is not stopped ${HANG_MS} ms after SIGSTOP`);
    }
  }

  /** Lets a stopped process go on. */
  wake() {
    process.kill(this.pid, "SIGCONT");
  }

  /** Resolves when the process has ended, by whomever. */
  ended() {
    return this.#ended;
  }
}

/** The environment without anything that could steer the program. */
function clean(env) {
  const steering = ["COMMONPLACE_DATA_DIR", "COMMONPLACE_MODEL_DIR", "COMMONPLACE_PORT", "RUST_LOG", "LOG_LEVEL"];
  const rest = Object.entries(process.env).filter(([name]) => !steering.includes(name));
  return { ...Object.fromEntries(rest), ...env };
}

async function firstLine(stream, ended, said) {
  const lines = createInterface({ input: stream });
  const line = await Promise.race([new Promise((resolve) => lines.once("line", resolve)), ended.then(() => null)]);
  if (line === null) throw new Error(`the host ended before it was ready: ${Buffer.concat(said)}`);
  return JSON.parse(line);
}

/** Says whether every thread of a process is stopped (proc_pid_stat(5)). */
function isStopped(pid) {
  const state = (task) => readFileSync(`/proc/${pid}/task/${task}/stat`, "utf8").replace(/^.*\) /s, "")[0];
  try {
    return readdirSync(`/proc/${pid}/task`).every((task) => state(task) === "T");
  } catch (error) {
    // A thread has ended meanwhile.
    if (error.code === "ENOENT" || error.code === "ESRCH") return false;
    throw error;
  }
}
