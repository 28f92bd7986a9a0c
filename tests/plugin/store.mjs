// The program under test on a store of its own, with a running host.

import { execFileSync, spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { createInterface } from "node:readline";

export class Store {
  constructor(program, dir, env) {
    this.program = program;
    this.dir = dir;
    this.env = env;
    mkdirSync(dir, { mode: 0o700 });
  }

  /** Runs a command to its end and returns what it printed. */
  run(...words) {
    return execFileSync(this.program, ["--data-dir", this.dir, ...words], { env: this.env, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  }

  /** Starts a host and waits until it is ready. */
  async serve(modelDir) {
    this.hasModel = Boolean(modelDir);
    const model = modelDir ? ["--model-dir", modelDir] : [];
    const words = ["--data-dir", this.dir, "serve", "--port", "0", ...model];
    this.host = spawn(this.program, words, { env: this.env, stdio: ["ignore", "pipe", "ignore"] });
    for await (const line of createInterface({ input: this.host.stdout })) {
      if (JSON.parse(line).ready) return;
    }
    throw new Error("the host did not start");
  }

  /** Waits until all memories can be found by their meaning, if there is a model. */
  async indexed() {
    while (this.hasModel) {
      const status = JSON.parse(this.run("status", "--json"));
      if (!status.index?.backlog) return;
      await new Promise((later) => setTimeout(later, 100));
    }
  }

  stop() {
    this.host?.kill();
  }
}
