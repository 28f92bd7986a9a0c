import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { Stranger, codeIn, lost, request } from "./session.js";

const TOKEN = "a".repeat(64);
const sha256 = (...parts) => {
  const hash = createHash("sha256");
  parts.forEach((part) => hash.update(part));
  return hash.digest();
};
const answer = (status, value) => ({ ok: status < 300, status, json: async () => value });

/** Whoever listens: notes what it is sent, and proves itself with `prove(nonce)`. */
function listener(prove) {
  const heard = [];
  globalThis.sessionStorage = { getItem: () => TOKEN };
  globalThis.fetch = async (path, options) => {
    heard.push({ path, text: JSON.stringify(options) });
    if (path !== "/api/session/proof") return answer(200, {});
    const { session, nonce } = JSON.parse(options.body);
    assert.equal(session, sha256(sha256(TOKEN)).toString("hex"));
    return prove(Buffer.from(nonce, "hex"));
  };
  return heard;
}

const host = (nonce) => answer(200, { proof: sha256(sha256(TOKEN), nonce).toString("hex") });

// When a host died, an open tab sent its token to whoever took the port.
test("after a lost connection nobody gets the token who does not know the session", async () => {
  let old = null;
  const forgers = [
    () => answer(200, { proof: "0".repeat(64) }),
    () => answer(200, { proof: old }),
    () => answer(200, {}),
  ];
  for (const forger of forgers) {
    const real = listener((nonce) => {
      old = sha256(sha256(TOKEN), nonce).toString("hex");
      return host(nonce);
    });
    lost();
    await request("/api/status");
    assert.equal(real.at(-1).path, "/api/status");
    const heard = listener(forger);
    lost();
    await assert.rejects(request("/api/status"), Stranger);
    assert.deepEqual(heard.map(({ path }) => path), ["/api/session/proof"]);
    assert.ok(!heard[0].text.includes(TOKEN) && !heard[0].text.includes(sha256(TOKEN).toString("hex")));
  }
});

test("the next host proves itself once, for all requests that wait", async () => {
  const heard = listener(host);
  lost();
  await Promise.all([request("/a"), request("/b")]);
  await request("/c");
  assert.deepEqual(heard.map(({ path }) => path), ["/api/session/proof", "/a", "/b", "/c"]);
});

test("a request that fails is a lost connection, and one that is given up is none", async () => {
  const heard = listener(host);
  lost();
  await request("/a");
  const fetchReal = globalThis.fetch;
  const failing = (name) => async () => { throw Object.assign(new Error("x"), { name }); };
  globalThis.fetch = failing("AbortError");
  await assert.rejects(request("/b"));
  globalThis.fetch = fetchReal;
  await request("/c");
  globalThis.fetch = failing("TypeError");
  await assert.rejects(request("/d"));
  globalThis.fetch = fetchReal;
  await request("/e");
  assert.deepEqual(heard.map(({ path }) => path), ["/api/session/proof", "/a", "/c", "/api/session/proof", "/e"]);
});

test("a one-time code may lead to a page", () => {
  assert.deepEqual(codeIn("#code=abc&page=locks"), { code: "abc", page: "locks" });
  assert.deepEqual(codeIn("#code=abc"), { code: "abc", page: null });
  assert.deepEqual(codeIn("#/locks?code=abc"), { code: null, page: null });
});
