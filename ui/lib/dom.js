// @ts-check
// Puts words into the page. Text goes in by textContent only, and only where it has changed: selections and the place of
// a screen reader stay where they are.

/** Finds a part of the page by its id. @type {(id: string) => any} */
export const at = (id) => document.getElementById(id);

/** Invisible characters that change the direction of the text around them: one name could be shown and another one be meant. */
const TURNING = /[\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069]/gu;

/** Sets a text, without characters that change its direction, if it differs. */
export function setText(node, text) {
  const plain = text.replace(TURNING, "");
  if (node.textContent !== plain) node.textContent = plain;
}

/** Sets the texts of several nodes. */
export function setTexts(nodes, texts) {
  texts.forEach((text, index) => setText(nodes[index], text));
}

/** Sets a text in which what stands in backticks is code, if it differs. */
export function setWords(node, text) {
  const pieces = text.replace(TURNING, "").split("`");
  if (node.textContent === pieces.join("")) return;
  node.replaceChildren(...pieces.map((piece, index) => make(index % 2 === 1 ? "code" : "span", "", piece)));
}

/** Says in place how an act went. Tones: `busy`, `ok`, `error`. */
export function showResult(node, tone, words) {
  node.hidden = false;
  setTone(node, tone);
  setWords(node, words);
}

/**
 * Makes a table show these rows below the names of its columns; without rows, `empty` is shown instead.
 *
 * @typedef {{ text: string, extra?: string, isHead?: boolean, isNumber?: boolean, isLong?: boolean, isZero?: boolean, isBad?: boolean }} Cell
 * @param {any} table
 * @param {string[]} heads
 * @param {Cell[][]} rows
 * @param {any} empty
 */
export function fillTable(table, heads, rows, empty = null) {
  if (table.children.length === 0) table.append(make("thead", "", make("tr")), make("tbody"));
  const [head, body] = table.children;
  matchChildren(head.children[0], heads, () => Object.assign(make("th"), { scope: "col" }), setText);
  heads.forEach((_, index) => head.children[0].children[index].classList.toggle("number", rows[0]?.[index].isNumber === true));
  matchChildren(body, rows, () => make("tr"), showRow);
  if (empty) {
    empty.hidden = rows.length > 0;
    table.parentElement.hidden = rows.length === 0;
  }
}

function showRow(row, cells) {
  if (row.children.length === 0) row.append(...cells.map(makeCell));
  cells.forEach((cell, index) => showCell(row.children[index], cell));
}

function makeCell(cell) {
  const node = make(cell.isHead ? "th" : "td", "", make("span"), make("span", "extra"));
  if (cell.isHead) node.scope = "row";
  return node;
}

function showCell(node, cell) {
  setTexts(node.children, [cell.text, cell.extra ?? ""]);
  const classes = { number: cell.isNumber, long: cell.isLong, zero: cell.isZero, bad: cell.isBad };
  for (const [name, isOn] of Object.entries(classes)) node.classList.toggle(name, isOn === true);
}

/** Makes a list of facts show these. @param {any} list @param {any[][]} facts  each [name, value, isBad] */
export function fillFacts(list, facts) {
  const flat = facts.flatMap(([name, value, isBad]) => [{ tag: "dt", text: name }, { tag: "dd", text: value, isBad }]);
  matchChildren(list, flat, (fact) => make(fact.tag), (node, fact) => {
    setText(node, fact.text);
    node.classList.toggle("bad", fact.isBad === true);
  });
}

/** Gives a node one child for each entry: makes what is missing, drops what is too many, keeps the rest. */
export function matchChildren(parent, entries, makeChild, showChild) {
  while (parent.children.length > entries.length) parent.lastElementChild.remove();
  entries.forEach((entry, index) => {
    if (index === parent.children.length) parent.append(makeChild(entry));
    showChild(parent.children[index], entry);
  });
}

/**
 * Makes an element with a class, and with a text or with children.
 *
 * @param {string} tag
 * @param {string} className
 * @param {any} content  one text, or elements
 * @returns {any}
 */
export function make(tag, className = "", ...content) {
  const node = document.createElement(tag);
  if (className !== "") node.className = className;
  if (typeof content[0] === "string") setText(node, content[0]);
  else node.append(...content);
  return node;
}

/** Makes a button; `onPress` gets the click. */
export function makeButton(className, text, onPress) {
  const button = make("button", className, text);
  button.type = "button";
  button.addEventListener("click", onPress);
  return button;
}

/** Shows a badge: its word and its tone. */
export function setBadge(node, { badge, tone }) {
  setText(node, badge);
  setTone(node, tone);
}

/** Sets the tone that colours a node. */
export function setTone(node, tone) {
  if (node.dataset.tone !== tone) node.dataset.tone = tone;
}
