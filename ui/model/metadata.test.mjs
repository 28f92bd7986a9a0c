import assert from "node:assert/strict";
import { test } from "node:test";
import { metadataChange, metadataIn, metadataText } from "./metadata.js";

test("what the browser does not read is refused with its place, where it names one", () => {
  const read = metadataIn('{\n  "a": 1,\n}');
  assert.deepEqual([read.value, read.at], [null, 12]);
  assert.match(read.problem, /^Metadata, line 3, column 1: [^(]+$/);
  for (const text of ["{", "{source: 1}", "{'a': 1}", '{"a": yes}', '{"a": "one\ntwo"}', '{"a": 1} x', `{"a": ${"[".repeat(100_000)}${"]".repeat(100_000)}}`]) {
    assert.equal(metadataIn(text).value, null, text.slice(0, 20));
    assert.match(metadataIn(text).problem, /^Metadata/);
  }
});

test("what would lose something is refused, and says what to do", () => {
  const cases = [
    ["[1]", "must be a JSON object"],
    ['"x"', "must be a JSON object"],
    ["null", "must be a JSON object"],
    ['{"a": 1, "\\u0061": 2}', "the same name appears twice"],
    ['{"b": [{"a": 1, "a": 2}]}', "the same name appears twice"],
    ['{"a": 12345678901234567890}', "`a` is too long to be stored exactly"],
    ['{"a": [{"b": -12345678901234567890}]}', "`a` is too long to be stored exactly"],
    ['{"a": 1e999}', "`a` is too long to be stored exactly"],
    ['{"a": null}', "leave out `a` altogether"],
  ];
  for (const [text, words] of cases) {
    const { value, problem } = metadataIn(text);
    assert.equal(value, null, text);
    assert.ok(problem.includes(words), `${text}: ${problem}`);
  }
  const strings = { "a:": '":"', '\\"': ["x", ":", '\\":'], n: { a: 1, b: { a: 1 } } };
  assert.deepEqual(metadataIn(JSON.stringify(strings)).value, strings, "no name is there twice");
  assert.match(metadataIn(`{"a": "${"é".repeat(8200)}"}`).problem, /16408 bytes of JSON, but at most 16384/);
});

test("metadata survive being edited, and nothing in them is unseen", () => {
  const metadata = { b: "one\ntwo\u202e\u{e0041}", a: [1, { c: null }] };
  const text = metadataText(metadata);
  assert.ok(text.includes("\\u202e\\udb40\\udc41"), text);
  assert.deepEqual(metadataIn(text).value, metadata);
  assert.equal(metadataText({}), "");
  assert.deepEqual(metadataIn(" \n").value, {});
});

test("a number that the browser has rounded stays as it is where nothing is changed", () => {
  const before = JSON.parse('{"id": 12345678901234567890, "in": {"id": 12345678901234567890, "n": 1}, "n": 1}');
  const edited = (from, to) => {
    const read = metadataIn(metadataText(before).replace(from, to), before);
    return read.value && metadataChange(before, read.value);
  };
  assert.deepEqual(edited('"n": 1\n}', '"n": 2\n}'), { n: 2 });
  assert.equal(edited('"n": 1\n  }', '"n": 2\n  }'), null, "the rounded one would be sent with what stands beside it");
  assert.equal(edited('"id"', '"other"'), null);
});

test("a change names what is another, and takes out what is gone", () => {
  const before = JSON.parse('{"same": {"a": [1]}, "other": 1, "gone": 2, "none": null}');
  const after = JSON.parse('{"none": null, "same": {"a": [1]}, "other": "1", "__proto__": [3]}');
  const change = metadataChange(before, after);
  assert.deepEqual(JSON.stringify(change), '{"gone":null,"other":"1","__proto__":[3]}');
  assert.deepEqual(metadataChange(before, before), {});
});
