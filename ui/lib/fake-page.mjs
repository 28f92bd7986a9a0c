// As much of a document as the page's rendering needs, for tests: texts stay texts, and every way to parse markup fails.

class FakeNode {
  constructor(tag) {
    this.tagName = tag;
    this.children = [];
    this.dataset = {};
    this.attributes = {};
    this.listeners = {};
    this.classList = { toggle() {} };
    this.className = "";
    this.style = {};
    this.hidden = false;
    this.value = "";
    this.text = "";
  }

  get textContent() {
    return this.text + this.children.map((child) => child.textContent).join("");
  }

  set textContent(text) {
    this.children = [];
    this.text = String(text);
  }

  set innerHTML(markup) {
    throw new Error(`markup was parsed: ${markup}`);
  }

  get tBodies() {
    return this.children.filter(({ tagName }) => tagName === "tbody");
  }

  get lastElementChild() {
    return this.children.at(-1);
  }

  append(...nodes) {
    for (const node of nodes) {
      if (!(node instanceof FakeNode)) throw new Error("only elements are appended");
      node.parent = this;
      this.children.push(node);
    }
  }

  replaceChildren(...nodes) {
    this.text = "";
    this.children = [];
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

/** Makes an empty page in which every id that is asked for exists, and returns it. */
export function fakePage() {
  const byId = new Map();
  globalThis.document = {
    hidden: false,
    body: new FakeNode("body"),
    createElement: (tag) => new FakeNode(tag),
    getElementById: (id) => byId.get(id) ?? byId.set(id, new FakeNode("div")).get(id),
  };
  return { at: (id) => globalThis.document.getElementById(id), nodes: () => [...byId.values()].flatMap(withChildren) };
}

function withChildren(node) {
  return [node, ...node.children.flatMap(withChildren)];
}
