// Five tasks that need a memory, for `claude plugin eval`, which runs each with the plugin and without any.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Writes the tasks into the folder of a plugin. */
export function writeEvals(plugin, projects) {
  for (const [number, { question, word }] of projects.entries()) {
    const dir = join(plugin, "evals", `task-${number + 1}`);
    mkdirSync(join(dir, "graders"), { recursive: true });
    writeFileSync(join(dir, "prompt.md"), `---\nmax_turns: 3\n---\n\n${question}\n`);
    writeFileSync(join(dir, "graders", "word.md"), `---\ntype: regex\npattern: ${JSON.stringify(word)}\n---\n`);
  }
}
