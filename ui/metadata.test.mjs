import assert from "node:assert/strict";
import { test } from "node:test";
import { metadataChange, metadataIn, metadataText } from "./metadata.js";

test("what the browser takes for JSON is taken here, and only that", () => {
  const texts = [
    '{"a": 1}', ' {\r\n\t"a" : [ ] , "b" : { } } ', '{"a": [1, -2.5e+3, 0, true, false, null, {"b": null}, "x", [{}]]}', '{"\\u0061\\n\\"\\/": "é👍\\ud83d\\ude00"}', '{"__proto__": {"a": 1}}',
    "{", "{}}", '{"a"}', '{"a":}', '{"a": 1,}', "{,}", '{"a": [1,]}', '{"a": [1 2]}', "{'a': 1}", "{a: 1}", '{"a": 01}', '{"a": .5}', '{"a": 1.}', '{"a": +1}', '{"a": 1x}', '{"a": truely}',
    '{"a": NaN}', '{"a": "x}', '{"a": "\\x"}', '{"a": "\\u12"}', '{"a": "one\ntwo"}', '{"a": "\t"}', '{"a": 1} // why', '{"a": 1}{', '{"a" 1}', '{"a": "x" "b": 1}', "{\u00a0}",
  ];
  for (const text of texts) {
    const theirs = () => JSON.parse(text);
    const { value, problem } = metadataIn(text);
    if (problem === null) assert.deepEqual(value, theirs(), text);
    else assert.throws(theirs, SyntaxError, `${text}: ${problem}`);
  }
});

test("an error names the place and what to do there", () => {
  const cases = [
    ["[1]", 0, "line 1, column 1: metadata are an object"],
    ['"x"', 0, "metadata are an object"],
    ['{\n  "a": 1,\n}', 12, "line 3, column 1: a comma stands before `}`"],
    ['{\n  "a": 1\n  "b": 2\n}', 13, "line 3, column 3: `,` or `}` is missing"],
    ["{source: 1}", 1, "a name in double quotes is missing"],
    ["{\"a\": 'x'}", 6, "texts stand in double quotes"],
    ['{"a": yes}', 6, "this is no value"],
    ['{"a": 2026-01-02}', 6, "this is not a number"],
    ['{"a": "one\ntwo"}', 6, "has no closing quote"],
    ['{"a": 1', 7, "the text ends where `,` or `}` is missing"],
    ['{"a": 1} x', 9, "nothing may follow"],
    // Not wrong as JSON, but something would be lost.
    ['{"a": 1, "\\u0061": 2}', 9, "this name is there twice"],
    ['{"a": 12345678901234567890}', 6, "too long to be kept exactly"],
    ['{"a": 1e999}', 6, "too long to be kept exactly"],
    ['{"a": null}', 6, "leave out the name"],
    [`{"a": ${"[".repeat(200)}`, 105, "nested more than 100 deep"],
  ];
  for (const [text, at, words] of cases) {
    const read = metadataIn(text);
    assert.equal(read.value, null, text);
    assert.ok(read.problem.includes(words), `${text}: ${read.problem}`);
    assert.equal(read.at, at, `${text}: ${read.problem}`);
  }
  assert.match(metadataIn(`{"a": "${"é".repeat(8200)}"}`).problem, /16408 bytes of JSON and at most 16384/);
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
