// What the page costs: bytes on the first visit, time to the first useful paint, and what open tabs cost the host.
// Prints JSON. Not a test: times depend on the machine. `COMMONPLACE_PROGRAM` names the program, best a release build.

import { readFile } from "node:fs/promises";
import { availableParallelism, cpus, loadavg } from "node:os";

import { begin, blank, drawn, end, leave, live, visit, weigh } from "./page.mjs";
import { until } from "./wait.mjs";

const VISITS = 9;
const TABS = 8;
const WATCH_MS = 10_000;
/** Linux counts processor time in hundredths of a second. */
const TICKS_PER_S = 100;

const { host } = await begin();
try {
  await Promise.all(["a", "b", "c", "d"].map(async (name) => {
    const client = host.client({ name });
    for (let n = 0; n < 50; n += 1) await client.store(`memory ${n} of ${name}`);
  }));
  const result = {
    machine: `${cpus()[0].model}, ${availableParallelism()} cores, load ${loadavg()[0].toFixed(1)}`,
    version: (await host.status()).host.version,
    first_visit: await firstVisits(host),
    host: await tabs(host),
  };
  console.log(JSON.stringify(result, null, 2));
} finally {
  await end();
}

/** Medians over fresh profiles: nothing is in their caches. */
async function firstVisits(host) {
  const visits = [];
  for (let n = 0; n < VISITS; n += 1) visits.push(await firstVisit(host));
  const median = (name) => visits.map((visit) => visit[name]).sort((a, b) => a - b)[Math.floor(VISITS / 2)];
  return {
    visits: VISITS,
    files: median("files"),
    transferred_bytes: median("bytes"),
    first_paint_ms: Math.round(median("painted")),
    useful_paint_ms: Math.round(median("useful")),
    useful_paint_ms_slowest: Math.round(Math.max(...visits.map((visit) => visit.useful))),
  };
}

/** One visit. Useful is the page when the host's own diagnosis stands on it, in the frame after. */
async function firstVisit(host) {
  const page = await blank();
  const seen = await weigh(page);
  await page.addInitScript(() => {
    window.useful = new Promise((resolve) => {
      const look = () => {
        if (document.getElementById("live")?.dataset.state === "live") requestAnimationFrame(() => setTimeout(() => resolve(performance.now())));
        else requestAnimationFrame(look);
      };
      look();
    });
  });
  await page.goto(await host.address());
  await live(page);
  const times = await page.evaluate(async () => ({ useful: await window.useful, painted: performance.getEntriesByName("first-contentful-paint")[0].startTime }));
  await drawn(page);
  const { files, bytes } = seen;
  await leave(page);
  return { files, bytes, ...times };
}

/** Processor and memory of the host: alone, with tabs that look on, and with both tabs and writes. */
async function tabs(host) {
  const result = { no_tab: await watch(host) };
  // Each in a profile of its own: in one, only the tab in view is connected.
  const pages = await Promise.all(Array.from({ length: TABS }, () => visit(host)));
  result.tabs_8 = await watch(host);
  const writes = { on: true };
  const load = write(host, writes);
  result.tabs_8_and_writes = await watch(host);
  writes.on = false;
  result.tabs_8_and_writes.writes_per_s = Math.round(((await load) * 1000) / WATCH_MS);
  await Promise.all(pages.map((page) => page.context().close()));
  const alone = { on: true };
  const same = write(host, alone);
  result.writes_without_tabs = await watch(host);
  alone.on = false;
  result.writes_without_tabs.writes_per_s = Math.round(((await same) * 1000) / WATCH_MS);
  return result;
}

/** One client that writes as fast as it is answered. */
async function write(host, wish) {
  const client = host.client({ name: "writer" });
  let count = 0;
  while (wish.on) {
    await client.store(`${performance.now()} ${count}`);
    count += 1;
  }
  return count;
}

async function watch(host) {
  const before = await used(host);
  const started = performance.now();
  await until("the time is over", () => performance.now() - started >= WATCH_MS);
  const after = await used(host);
  const seconds = (performance.now() - started) / 1000;
  return { core_percent: Number((((after.ticks - before.ticks) / TICKS_PER_S / seconds) * 100).toFixed(2)), memory_mib: Math.round(after.bytes / 2 ** 20) };
}

async function used(host) {
  const stat = await readFile(`/proc/${host.pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const pages = (await readFile(`/proc/${host.pid}/statm`, "utf8")).split(" ");
  return { ticks: Number(fields[11]) + Number(fields[12]), bytes: Number(pages[1]) * 4096 };
}
