// Claude Code with a home directory of its own, a stand-in for the model, and what it wrote down.

import { execFile, execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const bin = join(here, "node_modules", ".bin");

/** Installs the version that the lock file names, if it is not there. */
export function install() {
  if (!existsSync(bin)) execFileSync("npm", ["ci"], { cwd: here, stdio: "inherit" });
}

export class ClaudeCode {
  constructor(home, modelUrl) {
    mkdirSync(home, { recursive: true });
    this.home = home;
    this.env = {
      PATH: `${bin}:${process.env.PATH}`,
      HOME: home,
      LANG: "C.UTF-8",
      ANTHROPIC_BASE_URL: modelUrl,
      ANTHROPIC_API_KEY: "none",
      CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
      DISABLE_AUTOUPDATER: "1",
      IS_SANDBOX: "1",
    };
  }

  /** Runs a command of Claude Code, and returns exit code and text. It may ask the model, which runs in this process. */
  run(...words) {
    return this.start(words, this.home);
  }

  /** One session in a project, with one prompt. Returns its transcript, a list of its lines. */
  async session(project, prompt) {
    const before = new Set(this.transcripts());
    const done = await this.start(["-p", prompt], project);
    if (done.code) throw new Error(`a session failed: ${done.text}`);
    const [transcript] = this.transcripts().filter((path) => !before.has(path));
    const lines = readFileSync(transcript, "utf8").trim().split("\n");
    return lines.map((line) => JSON.parse(line));
  }

  start(words, cwd) {
    return new Promise((ended) => {
      const options = { env: this.env, cwd, timeout: 120_000 };
      const child = execFile("claude", words, options, (error, out, err) =>
        ended({ code: error ? (error.code ?? 1) : 0, text: `${out}${err}` }),
      );
      child.stdin.end();
    });
  }

  transcripts() {
    const projects = join(this.home, ".claude", "projects");
    if (!existsSync(projects)) return [];
    const names = readdirSync(projects, { recursive: true });
    return names.filter((name) => name.endsWith(".jsonl")).map((name) => join(projects, name));
  }
}

/** What hooks of an event added to a conversation, by its transcript. */
export function addedBy(event, transcript) {
  const added = transcript.map((line) => line.attachment).filter((attachment) => attachment?.type === "hook_additional_context");
  return added.filter((attachment) => attachment.hookEvent === event).flatMap((attachment) => attachment.content);
}

/** The hooks that ran, by the transcript. */
export function hooksThatRan(transcript) {
  return transcript.filter((line) => /^hook_/.test(line.attachment?.type ?? "")).length;
}
