// What a person does with memories on the page: find, read, change, delete, restore. The effect is read from the API.

import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, test } from "node:test";

import { HOSTILE } from "./hostile.mjs";
import { assertAccessible, assertCalm, begin, end, keep, live, says, visit } from "./page.mjs";
import { until } from "./wait.mjs";

let store, host, page;
let ids = [];

before(async () => {
  ({ store, host } = await begin());
  page = await visit(host, { on: "memories" });
});

beforeEach(async () => {
  const old = await host.api("/api/memories?limit=200");
  if (old.memories.length > 0) await host.api("/api/memories/delete", "POST", { ids: old.memories.map((memory) => memory.id) });
  ids = [];
  for (const name of ["one", "two", "three", "four"]) ids.push(await stored(`the heron ${name}`));
  await open("");
  await rows(4);
});

afterEach(() => assertCalm(page));

after(end);

async function stored(text, more = {}) {
  const { id } = await host.api("/api/memories", "POST", { text, tags: ["bird"], project: "lake", type: "note", ...more });
  return id;
}

/** What the command line tells of a memory that this test has stored. */
async function told(number) {
  const { content_hash: hash } = (await memory(ids[number])).memory;
  const { memories } = await store.cli("list");
  const { type, metadata } = memories.find((one) => one.content_hash === hash);
  return { hash, type, metadata };
}

const memory = (id) => host.api(`/api/memories/${id}`);
const press = (key) => page.keyboard.press(key);
const rows = (count) => until(`${count} rows`, async () => (await page.locator("#mem-rows > li").count()) === count);
const focused = () => page.evaluate(() => document.activeElement.id || document.activeElement.className);

/** Goes to an address of the page as a reload does, so that every test begins alike. */
async function open(query) {
  await page.evaluate((hash) => { location.hash = hash; }, `#/memories${query}`);
  await page.reload();
  await live(page);
}

test("what is looked for stands in the address: reload, back and forward keep it", async () => {
  await press("/");
  assert.equal(await focused(), "mem-q");
  await page.keyboard.type("three");
  await rows(1);
  assert.match(page.url(), /q=three/);
  await page.locator("#mem-modes [value=exact]").click();
  await page.locator("#mem-modes [value=exact][aria-pressed=true]").waitFor();
  await page.goBack();
  await page.locator("#mem-modes [value=hybrid][aria-pressed=true]").waitFor();
  await page.goForward();
  await page.reload();
  await rows(1);
  assert.equal(await page.locator("#mem-q").inputValue(), "three");
  await page.locator(".mem-open").click();
  await says(page, "#mem-score", "your text exactly");
});

test("a hit tells why it was found", async () => {
  await open("?q=heron&mode=keyword");
  await rows(4);
  await page.locator(".mem-open").first().click();
  await says(page, "#mem-score", "keyword rank 1");
});

test("filters come from what there is, and a tag of a memory is one click away", async () => {
  await stored("elsewhere", { tags: ["bird", "sea"], project: "", type: null });
  await open("");
  await rows(5);
  await page.locator('#mem-project option[value=":lake"]').waitFor({ state: "attached" });
  await page.locator("#mem-project").selectOption(":lake");
  await rows(4);
  await page.locator("#mem-project").selectOption(":");
  await rows(1);
  await page.locator("#mem-clear").click();
  await rows(5);
  await page.locator(".mem-open").first().click();
  await page.locator("#mem-tags button", { hasText: "sea" }).click();
  await rows(1);
  assert.match(page.url(), /tag=sea/);
  await page.locator("#mem-tag-chips button").click();
  await rows(5);
});

test("the keyboard alone finds, opens, edits and saves", async () => {
  await press("j");
  await press("j");
  await press("Enter");
  await says(page, "#mem-full", "the heron three");
  await press("e");
  assert.equal(await focused(), "mem-text");
  await press("End");
  await page.keyboard.type(" flew away");
  await page.locator("#mem-form-tags").fill("Bird, gone");
  await press("Control+Enter");
  await says(page, "#mem-result", "Saved");
  const { memory: now, history } = await memory(ids[2]);
  assert.deepEqual([now.text, now.tags, now.type], ["the heron three flew away", ["bird", "gone"], "note"]);
  assert.equal(history[0].text, "the heron three");
  await says(page, "#mem-rows", "flew away");
  await press("Escape");
  await page.locator("#mem-detail").waitFor({ state: "hidden" });
  await press("?");
  await page.locator("#mem-help").waitFor();
  await assertAccessible(page);
  await press("Escape");
});

test("a row is edited without opening it first, also while another memory is open", async () => {
  await press("j");
  for (const text of ["the heron four", "the heron three"]) {
    await press("e");
    await page.locator("#mem-text:focus").waitFor();
    assert.equal(await page.locator("#mem-text").inputValue(), text);
    await press("Escape");
    await says(page, "#mem-full", text);
    await page.locator("#mem-rows > li").filter({ hasText: text }).locator(".mem-open").focus();
    await press("j");
  }
});

test("who saves over another change is told first, and both stay in the history", async () => {
  await page.locator(".mem-open").first().click();
  await says(page, "#mem-full", "the heron four");
  await press("e");
  await page.locator("#mem-text").fill("mine");
  await page.locator("#mem-form-metadata").fill('{"by": "me"}');
  const { updated_ms } = (await memory(ids[3])).memory;
  await host.api(`/api/memories/${ids[3]}`, "PATCH", { updated_ms, text: "theirs", metadata: { by: "them" } });
  await press("Control+Enter");
  await says(page, "#mem-result", "was changed since you read it");
  const kept = (await memory(ids[3])).memory;
  assert.deepEqual([kept.text, kept.metadata], ["theirs", { by: "them" }], "nothing is lost unasked");
  await assertAccessible(page);
  await page.locator("#mem-overwrite").click();
  await says(page, "#mem-result", "Saved");
  const { memory: now, history } = await memory(ids[3]);
  assert.deepEqual([now.text, history[0].text, history[1].text], ["mine", "theirs", "the heron four"]);
  assert.deepEqual(now.metadata, { by: "me" });
});

test("type and metadata are edited as JSON, and an error stands where it is", async () => {
  const { hash, metadata } = await told(3);
  assert.deepEqual(metadata, {});
  await page.locator(".mem-open").first().click();
  await says(page, "#mem-full", "the heron four");
  await press("e");
  await page.locator("#mem-form-type").fill("sighting");
  const field = page.locator("#mem-form-metadata");
  await field.fill('{\n  "place": "reeds",\n}');
  await press("Control+Enter");
  await says(page, "#mem-metadata-problem", "line 3, column 1:");
  assert.deepEqual([await focused(), await field.evaluate((node) => node.selectionStart)], ["mem-form-metadata", 22]);
  await assertAccessible(page);
  assert.deepEqual((await told(3)).metadata, {}, "nothing was sent");
  await field.fill('{"place": "reeds", "seen": [1, 2.5, null]}');
  await page.locator("#mem-metadata-problem").waitFor({ state: "hidden" });
  await press("Control+Enter");
  await says(page, "#mem-result", "Saved");
  await says(page, "#mem-facts", "reeds");
  assert.deepEqual(await told(3), { hash, type: "sighting", metadata: { place: "reeds", seen: [1, 2.5, null] } });
  await press("e");
  await field.fill("");
  await press("Control+Enter");
  await says(page, "#mem-result", "Saved");
  assert.deepEqual((await told(3)).metadata, {});
  await says(page, "#mem-past-count", "2");
});

test("unsaved text is not thrown away unasked", async () => {
  await page.locator(".mem-open").nth(1).click();
  await says(page, "#mem-full", "the heron three");
  await press("e");
  await page.locator("#mem-text").fill("half a thought");
  for (const leave of [() => press("Escape"), () => page.goBack(), () => page.locator(".mem-open").first().click()]) {
    await leave();
    await page.locator("#confirm").waitFor();
    await page.locator("#confirm-cancel").click();
    assert.equal(await page.locator("#mem-text").inputValue(), "half a thought");
    await page.waitForURL((url) => url.hash.endsWith(`id=${ids[2]}`));
  }
  await page.locator("#mem-cancel").click();
  await page.locator("#confirm-go").click();
  await says(page, "#mem-full", "the heron three");
});

test("several are deleted at once, and one key undoes it", async () => {
  await page.locator("#mem-rows input").first().click();
  await page.locator("#mem-rows input").nth(2).click({ modifiers: ["Shift"] });
  await says(page, "#mem-count", "3 selected");
  await page.locator("#mem-delete-several").click();
  await says(page, "#mem-toast-words", "3 memories deleted");
  await rows(1);
  assert.equal((await host.api("/api/memories")).total, 1);
  await keep(page, "memories-undo");
  await press("u");
  await says(page, "#mem-toast-words", "3 memories restored");
  await rows(4);
  await press("j");
  await press("#");
  await says(page, "#mem-toast-words", "1 memory deleted");
  assert.equal(await focused(), "mem-open", "the keyboard stays in the list");
  await press("Control+z");
  await rows(4);
});

test("a long list reads on by itself only so far, and on when it is asked to", async () => {
  const { memory: made } = await memory(ids[0]);
  await page.route("**/api/memories?*", (route) => {
    const after = Number(new URL(route.request().url()).searchParams.get("cursor") ?? 100_000);
    const memories = Array.from({ length: 100 }, (_, n) => ({ ...made, id: after - n - 1 }));
    return route.fulfill({ json: { memories, next: String(after - 100), total: after === 100_000 ? 99_500 : null } });
  });
  await open("");
  await rows(100);
  for (let shown = 100; shown < 3000; shown = await page.locator("#mem-rows > li").count()) {
    await page.evaluate(() => scrollTo(0, document.documentElement.scrollHeight));
  }
  await says(page, "#mem-count", "99,500 memories, first 3,000 shown");
  await page.locator("#mem-rows .mem-open").last().focus();
  await press("j");
  await page.locator("#mem-more").click();
  await rows(3100);
  await press("a");
  await says(page, "#mem-count", "3,100 selected");
  await page.unroute("**/api/memories?*");
});

test("the bin restores, and deletes permanently only after the number was typed", async () => {
  await host.api("/api/memories/delete", "POST", { ids });
  await open("?bin=1");
  await says(page, "#mem-rows", "the heron four");
  await page.locator("#mem-rows input").first().click();
  await page.locator("#mem-rows input").nth(1).click();
  await press("#");
  await page.locator("#confirm").waitFor();
  assert.ok(await page.locator("#confirm-go").isDisabled());
  await page.keyboard.type("2");
  await press("Enter");
  await says(page, "#mem-toast-words", "2 memories permanently deleted");
  const gone = await Promise.all(ids.map((id) => memory(id).then(() => "there", () => "gone")));
  assert.equal(gone.filter((state) => state === "gone").length, 2);
  await press("j");
  await press("r");
  await says(page, "#mem-toast-words", "1 memory restored");
  assert.equal((await host.api("/api/memories")).total, 1);
});

test("the bin is searched and filtered, and several are restored at once", async () => {
  const egrets = [];
  for (const [text, project] of [["one egret too", "sea"], ["two egrets", "lake"], ["three egrets", "lake"]]) egrets.push(await stored(text, { project }));
  await host.api("/api/memories/delete", "POST", { ids: egrets });
  await stored("an egret that lives", { project: "air" });
  await open("?bin=1");
  // The keys work once the list is there.
  await says(page, "#mem-rows", "three egrets");
  await press("/");
  await page.keyboard.type("EGRET t");
  await says(page, "#mem-count", "3 deleted memories");
  await page.locator('#mem-project option[value=":sea"]').waitFor({ state: "attached" });
  assert.equal(await page.locator('#mem-project option[value=":air"]').count(), 0, "only what is in the bin is offered");
  await keep(page, "memories-bin");
  await assertAccessible(page);
  await page.locator("#mem-project").selectOption(":lake");
  await says(page, "#mem-count", "2 deleted memories");
  assert.deepEqual(await page.locator(".mem-start").allTextContents(), ["three egrets", "two egrets"]);
  await page.reload();
  await live(page);
  await says(page, "#mem-count", "2 deleted memories");
  assert.equal(await page.locator("#mem-q").inputValue(), "EGRET t", "it stands in the address");
  await page.locator("#mem-all").click();
  await page.locator("#mem-restore-several").click();
  await says(page, "#mem-toast-words", "2 memories restored");
  await says(page, "#mem-count", "Nothing in the bin matches all these words");
  const living = (await store.cli("list")).memories.map((one) => one.text).filter((text) => text.includes("egret"));
  assert.deepEqual(living.sort(), ["an egret that lives", "three egrets", "two egrets"]);
});

test("a new memory is written here, and one that is there already is shown instead", async () => {
  for (const [said, total] of [["Stored", 5], ["Already stored", 5]]) {
    await press("n");
    await page.locator("#mem-text:focus").waitFor();
    await page.keyboard.type("a new heron");
    await press("Control+Enter");
    await says(page, "#mem-result", said);
    await says(page, "#mem-full", "a new heron");
    assert.equal((await host.api("/api/memories")).total, total);
  }
});

test("what agents store meanwhile is told and not pushed under the hands", async () => {
  await host.client().store("from an agent");
  await page.locator("#mem-again").click();
  await rows(5);
  await page.locator("#mem-again").waitFor({ state: "hidden" });
});

test("a pause is told at once, and nothing is lost", async () => {
  await store.cli("pause");
  await page.locator("#mem-rows input").first().click();
  await page.locator("#mem-delete-several").click();
  await says(page, "#mem-error", "paused");
  await rows(4);
  await store.cli("resume");
});

test("hostile texts are text in the list, in the memory, in its history and in the filters", async () => {
  for (const text of HOSTILE) await stored(`${text} heron`, { tags: [text], project: text, type: text, metadata: { [text]: text } }).catch(() => {});
  await open("");
  await until("they are listed", async () => (await page.locator("#mem-rows > li").count()) > 12);
  const count = await page.locator(".mem-open").count();
  for (let number = 0; number < count; number += 1) {
    await page.locator(".mem-open").nth(number).click();
    await page.locator("#mem-facts dd").first().waitFor();
    assert.equal(await page.evaluate(() => window.pwned), undefined);
  }
  const turning = await page.evaluate(() => (document.body.innerText.match(/[\u202A-\u202E\u2066-\u2069\u200F]/gu) ?? []).length);
  assert.equal(turning, 0, "no text turns around what stands beside it");
  await assertAccessible(page);
});
