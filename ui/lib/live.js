// @ts-check
// Server-sent events by fetch, because EventSource cannot send a token.

import { SignedOut } from "./session.js";

/** The host sends something at least every 15 s; after this silence it is taken for gone. */
const SILENCE_MAX_MS = 40_000;

/** Pause before the n-th attempt to reach a host that is gone, counted from 0. */
export function pauseMs(attempt) {
  return Math.min(5000, 500 * 2 ** attempt);
}

/** Takes text as it arrives, in any pieces, and calls `onEvent(name, data)` for each complete event. */
export function eventParser(onEvent) {
  let rest = "";
  return (text) => {
    const blocks = (rest + text).replaceAll("\r\n", "\n").split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) dispatch(block, onEvent);
  };
}

function dispatch(block, onEvent) {
  let name = "message";
  const data = [];
  for (const line of block.split("\n")) {
    const at = line.indexOf(":");
    if (at <= 0) continue;
    const value = line.slice(at + 1).replace(/^ /, "");
    if (line.slice(0, at) === "event") name = value;
    if (line.slice(0, at) === "data") data.push(value);
  }
  if (data.length > 0) onEvent(name, data.join("\n"));
}

/** Follows the host until `signal` ends it, and comes back by itself when the host was gone. @param {AbortSignal} signal */
export async function follow(open, on, signal) {
  let attempt = 0;
  while (!signal.aborted) {
    try {
      await readOnce(open, (status) => {
        attempt = 0;
        on.status(status);
      }, signal);
      if (!signal.aborted) on.gone(null);
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof SignedOut) return on.signedOut(error);
      on.gone(error);
    }
    await pause(pauseMs(attempt), signal);
    attempt += 1;
  }
}

async function readOnce(open, onStatus, signal) {
  const watch = new AbortController();
  const end = () => watch.abort();
  signal.addEventListener("abort", end, { once: true });
  let timer = setTimeout(end, SILENCE_MAX_MS);
  try {
    const response = await open(watch.signal);
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    const parse = eventParser((name, data) => name === "status" && onStatus(JSON.parse(data)));
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      clearTimeout(timer);
      timer = setTimeout(end, SILENCE_MAX_MS);
      parse(value);
    }
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", end);
  }
}

function pause(ms, signal) {
  return /** @type {Promise<void>} */ (new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    }, { once: true });
  }));
}
