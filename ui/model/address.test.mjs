import assert from "node:assert/strict";
import { test } from "node:test";
import { NAMES, addressOf, placeOf } from "./address.js";

test("an address means a page and what the page keeps there", () => {
  const place = placeOf("#/locks?lock=write&q=a%26b");
  assert.equal(place.name, "locks");
  assert.deepEqual([...place.params], [["lock", "write"], ["q", "a&b"]]);
});

test("what nobody knows is the home page", () => {
  for (const hash of ["", "#", "#/", "#/nowhere", "#/constructor", "#/__proto__", "#/Locks", "#code=abc"]) {
    assert.equal(placeOf(hash).name, NAMES[0], hash);
  }
});

test("an address and its place are the same thing", () => {
  const params = new URLSearchParams({ q: "50 % of <b> & more", mode: "exact" });
  const place = placeOf(addressOf("locks", params));
  assert.deepEqual([place.name, place.params.toString()], ["locks", params.toString()]);
  assert.equal(addressOf("health"), "#/health");
});
