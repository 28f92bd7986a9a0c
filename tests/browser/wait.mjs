// Waiting for a state, never for a time. Times only end what hangs.

/** Ends a wait that hangs; no test waits for it otherwise. */
export const HANG_MS = 30_000;

/** Asks again and again until `ask` returns something true, and returns that; fails the test if it never does. */
export async function until(what, ask) {
  const started = Date.now();
  let last = null;
  while (Date.now() - started < HANG_MS) {
    try {
      const answer = await ask();
      if (answer) return answer;
      last = answer;
    } catch (error) {
      last = error.message;
    }
    // Room for the host and the browser on a small machine.
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`never happened: ${what} (last seen: ${JSON.stringify(last)})`);
}
