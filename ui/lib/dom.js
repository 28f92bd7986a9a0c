// Puts words into the page. Text goes in by textContent only, and only where it has changed: selections and the place of
// a screen reader stay where they are.

/** Finds a part of the page by its id. */
export const at = (id) => document.getElementById(id);

/** What turns the direction of the text around it unseen: one name could be shown and another one be meant. */
const TURNING = /[\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069]/gu;

/** Sets a text, without what would turn its direction, if it is another one. */
export function setText(node, text) {
  const plain = text.replace(TURNING, "");
  if (node.textContent !== plain) node.textContent = plain;
}

/** Sets a text in which what stands in backticks is code, if it is another one. */
export function setWords(node, text) {
  const pieces = text.replace(TURNING, "").split("`");
  if (node.textContent === pieces.join("")) return;
  node.replaceChildren(...pieces.map((piece, index) => make(index % 2 === 1 ? "code" : "span", "", piece)));
}

/** Says in place how an act went: tone `busy`, `ok` or `error`. */
export function showResult(node, tone, words) {
  node.hidden = false;
  setTone(node, tone);
  setWords(node, words);
}

/** Makes a table show these rows. Cells: { text, extra, isHead, isNumber, isLong, isZero, isBad }. */
export function fillTable(table, rows, empty) {
  matchChildren(table.tBodies[0], rows, () => document.createElement("tr"), showRow);
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
  const node = document.createElement(cell.isHead ? "th" : "td");
  if (cell.isHead) node.scope = "row";
  node.append(make("span", ""), make("span", "extra"));
  return node;
}

function showCell(node, cell) {
  setText(node.children[0], cell.text);
  setText(node.children[1], cell.extra ?? "");
  node.classList.toggle("number", cell.isNumber === true);
  node.classList.toggle("long", cell.isLong === true);
  node.classList.toggle("zero", cell.isZero === true);
  node.classList.toggle("bad", cell.isBad === true);
}

/** Makes a list of facts show these: [name, value, isBad]. */
export function fillFacts(list, facts) {
  const flat = facts.flatMap(([name, value, isBad]) => [{ tag: "dt", text: name }, { tag: "dd", text: value, isBad }]);
  matchChildren(list, flat, (fact) => document.createElement(fact.tag), (node, fact) => {
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

/** Makes an element with a class and a text. */
export function make(tag, className, text = "") {
  const node = document.createElement(tag);
  if (className !== "") node.className = className;
  setText(node, text);
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
