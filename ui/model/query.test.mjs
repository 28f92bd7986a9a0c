import assert from "node:assert/strict";
import { test } from "node:test";
import { paramsOf, pathOf, queryOf } from "./query.js";

const query = (text) => queryOf(new URLSearchParams(text));
const usual = query("");

test("an address and its query are the same thing", () => {
  const address = "q=a+%26+b&mode=exact&project=&type=note&client=c&tag=x&tag=y&tag_match=all&from=2026-01-02&to=2026-03-04&bin=1&id=12";
  const read = query(address);
  assert.equal(paramsOf(read).toString(), address);
  assert.equal(read.project, "", "without a project, which is not the same as any project");
  assert.equal(paramsOf(usual).toString(), "");
});

test("what makes no sense in an address is left out", () => {
  const read = query("mode=fuzzy&from=yesterday&to=2026-13-45&id=..%2Fx&tag=&bin=yes&tag_match=all");
  assert.deepEqual(read, { ...usual, isAll: true });
  assert.equal(paramsOf(read).toString(), "");
});

test("a search asks the host with the same filters as a list", () => {
  const read = query("q=x&mode=keyword&tag=a&project=p");
  assert.equal(pathOf(read), "/api/memories/search?q=x&mode=keyword&project=p&tag=a&limit=100");
  assert.equal(pathOf({ ...read, q: " " }, "5.6"), "/api/memories?project=p&tag=a&limit=100&cursor=5.6");
  assert.equal(pathOf({ ...read, isBin: true }, "5.6"), "/api/memories?project=p&tag=a&limit=100&deleted=true&contains=x&cursor=5.6", "the bin is looked through");
});

test("days are whole days of this clock", () => {
  const params = new URLSearchParams(pathOf(query("from=2026-03-01&to=2026-03-01")).split("?")[1]);
  assert.equal(Number(params.get("after")), new Date(2026, 2, 1).getTime());
  assert.equal(Number(params.get("before")), new Date(2026, 2, 2).getTime());
});
