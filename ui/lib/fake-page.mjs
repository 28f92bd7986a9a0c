// As much of a document as the page's rendering needs, for tests.

class FakeNode {
  constructor(tag) {
    Object.assign(this, { tagName: tag, children: [], dataset: {}, attributes: {}, listeners: {}, className: "", hidden: false, value: "", text: "" });
    this.classList = { toggle() {} };
  }

  get textContent() {
    return this.text + this.children.map((child) => child.textContent).join("");
  }

  set textContent(text) {
    this.children = [];
    this.text = String(text);
  }

  get lastElementChild() {
    return this.children.at(-1);
  }

  append(...nodes) {
    for (const node of nodes) node.parent = this;
    this.children.push(...nodes);
  }

  insertBefore(node, next) {
    node.parent = this;
    this.children.splice(next === null ? this.children.length : this.children.indexOf(next), 0, node);
  }

  replaceChildren(...nodes) {
    this.textContent = "";
    this.append(...nodes);
  }

  remove() {
    this.parent.children.splice(this.parent.children.indexOf(this), 1);
  }

  setAttribute(name, value) {
    this.attributes[name] = value;
  }

  removeAttribute(name) {
    delete this.attributes[name];
  }

  addEventListener(name, listener) {
    this.listeners[name] = listener;
  }

  contains(node) {
    return node === this || this.children.some((child) => child.contains(node));
  }

  focus() {
    globalThis.document.activeElement = this;
  }
}

/** Makes an empty page in which every id that is asked for exists. */
export function fakePage() {
  const byId = new Map();
  const at = (id) => byId.get(id) ?? byId.set(id, new FakeNode("div")).get(id);
  globalThis.document = { hidden: false, body: new FakeNode("body"), createElement: (tag) => new FakeNode(tag), getElementById: at };
  return { at };
}
