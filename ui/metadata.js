// Metadata as a person writes it: a JSON object, checked here, so that an error can say in which line it is. The browser's
// own words for it differ from one to another, and some name no place.

import { HIDDEN } from "./format.js";

/** Most bytes of JSON that the host keeps. */
const BYTES_MAX = 16 * 1024;
/** Deepest nesting; the host reads hardly more. */
const DEPTH_MAX = 100;

/** What a person edits. What would be obeyed unseen is escaped; no metadata are an empty field. */
export function metadataText(metadata) {
  if (Object.keys(metadata).length === 0) return "";
  const escaped = (c) => (c === "\n" ? c : c.replace(/[^]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`));
  return JSON.stringify(metadata, null, 2).replace(HIDDEN, escaped);
}

/**
 * Reads what a person made of `before`: { value, problem, at }. With a problem `value` is null, and `at` is its place in
 * the text.
 */
export function metadataIn(text, before = {}) {
  const none = { value: {}, problem: null, at: null };
  if (text.trim() === "") return none;
  const checker = new Checker(text, before);
  const problem = checker.check();
  if (problem !== null) return { value: null, problem: `Metadata, ${placeOf(text, checker.at)}: ${problem}`, at: checker.at };
  const value = JSON.parse(text);
  const bytes = new TextEncoder().encode(JSON.stringify(value)).length;
  if (bytes <= BYTES_MAX) return { ...none, value };
  return { value: null, problem: `Metadata: they have ${bytes} bytes of JSON and at most ${BYTES_MAX} are allowed`, at: text.length };
}

/** What the host merges into `before` to make it `after`: names that are others, and null for those that go. */
export function metadataChange(before, after) {
  const gone = Object.keys(before).filter((name) => !Object.hasOwn(after, name));
  const isOther = ([name, value]) => !Object.hasOwn(before, name) || JSON.stringify(before[name]) !== JSON.stringify(value);
  return Object.fromEntries([...gone.map((name) => [name, null]), ...Object.entries(after).filter(isOther)]);
}

function placeOf(text, at) {
  const lines = text.slice(0, at).split("\n");
  return `line ${lines.length}, column ${lines.at(-1).length + 1}`;
}

/** Thrown where the text stops being JSON; the checker stands there. */
class Wrong extends Error {}

/** Goes through a text as JSON is defined, and stops where it is not. */
class Checker {
  at = 0;
  #text;
  #before;
  #depth = 0;
  /** Where a number stands that the browser has rounded. */
  #inexact = null;

  constructor(text, before) {
    this.#text = text;
    this.#before = before;
  }

  /** Returns what is wrong, or null. */
  check() {
    try {
      this.#space();
      if (this.#next() !== "{") return "metadata are an object: begin with `{`";
      this.#value();
      return this.#next() === "" ? null : "nothing may follow the last `}`";
    } catch (error) {
      if (error instanceof Wrong) return error.message;
      throw error;
    }
  }

  #next() {
    return this.#text[this.at] ?? "";
  }

  #space() {
    this.#match(/[ \t\r\n]*/y);
  }

  #match(pattern) {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.#text)?.[0] ?? "";
    this.at += found.length;
    return found;
  }

  /** Takes one of these characters, or says what is missing. */
  #take(characters, words) {
    const next = this.#next();
    if (next === "" || !characters.includes(next)) throw new Wrong(next === "" ? `the text ends where ${words} is missing` : `${words} is missing`);
    this.at += 1;
    this.#space();
    return next;
  }

  #value() {
    const next = this.#next();
    if (next === "{") this.#nested(() => this.#object());
    else if (next === "[") this.#nested(() => this.#list());
    else if (next === '"') this.#string();
    else if (/[-\d]/.test(next)) this.#number();
    else if (this.#match(/(?:true|false|null)(?!\w)/y) === "") throw new Wrong(noValue(next));
    this.#space();
  }

  #nested(read) {
    if (++this.#depth > DEPTH_MAX) throw new Wrong(`it is nested more than ${DEPTH_MAX} deep`);
    this.at += 1;
    this.#space();
    read();
    this.#depth -= 1;
  }

  #object() {
    const names = new Set();
    if (this.#next() === "}") return void this.#take("}", "");
    do {
      if (this.#next() === "}") throw new Wrong("a comma stands before `}`: take it out");
      if (this.#next() !== '"') throw new Wrong('a name in double quotes is missing, such as "source"');
      const start = this.at;
      const name = this.#string();
      if (names.has(name)) {
        this.at = start;
        throw new Wrong("this name is there twice, and only the last one would be kept");
      }
      names.add(name);
      this.#space();
      this.#take(":", "`:` after the name");
      if (this.#depth === 1 && this.#next() === "n") throw new Wrong("null is what takes a name out: leave out the name as well");
      const value = this.at;
      this.#value();
      if (this.#depth === 1 && this.#inexact !== null) this.#refuseInexact(name, this.#text.slice(value, this.at));
    } while (this.#take(",}", "`,` or `}`") === ",");
  }

  /** A rounded number may stay where nothing is changed: that is not sent. */
  #refuseInexact(name, text) {
    const isKept = Object.hasOwn(this.#before, name) && JSON.stringify(this.#before[name]) === JSON.stringify(JSON.parse(text));
    if (!isKept) {
      this.at = this.#inexact;
      throw new Wrong("this number is too long to be kept exactly: put it in double quotes");
    }
    this.#inexact = null;
  }

  #list() {
    if (this.#next() === "]") return void this.#take("]", "");
    do {
      if (this.#next() === "]") throw new Wrong("a comma stands before `]`: take it out");
      this.#value();
    } while (this.#take(",]", "`,` or `]`") === ",");
  }

  #string() {
    const start = this.at;
    this.at += 1;
    this.#match(/(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[\da-fA-F]{4}))*/y);
    const next = this.#next();
    if (next === "\\") throw new Wrong("`\\` begins nothing that is known: write `\\\\` for the sign itself");
    if (next === "\t") throw new Wrong("write a tab as `\\t`");
    if (next !== '"') {
      this.at = start;
      throw new Wrong("the text that begins here has no closing quote; a new line inside is written `\\n`");
    }
    this.at += 1;
    return JSON.parse(this.#text.slice(start, this.at));
  }

  #number() {
    const start = this.at;
    const number = this.#match(/[-+.\w]+/y);
    const isNumber = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?$/.test(number);
    const isExact = /^-?\d+$/.test(number) ? Number.isSafeInteger(Number(number)) : Number.isFinite(Number(number));
    if (!isNumber) {
      this.at = start;
      throw new Wrong("this is not a number: put a text in double quotes");
    }
    if (!isExact) this.#inexact ??= start;
  }
}

function noValue(next) {
  if (next === "") return "the text ends where a value is missing";
  if (next === "'") return 'texts stand in double quotes: "…"';
  return "this is no value: a text in double quotes, a number, true, false, null, a list or an object";
}
