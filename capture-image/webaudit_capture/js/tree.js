// The composed tree (open shadow roots included) and what can be seen of it. Runs in our own world, so nothing a page does
// to its prototypes matters. Names in the page still shadow properties of forms and of the document (`form.tagName`,
// `document.body`), hence the getters. First of the files that make up `webaudit`.
(() => {
  const getter = (type, name) => Function.prototype.call.bind(Object.getOwnPropertyDescriptor(type.prototype, name).get);
  const method = (type, name) => Function.prototype.call.bind(type.prototype[name]);
  const upperTag = getter(Element, "tagName");
  const rootOf = getter(Document, "documentElement");
  const bodyOf = getter(Document, "body");
  const titleOf = getter(Document, "title");
  const shadowOf = getter(Element, "shadowRoot");
  const attribute = method(Element, "getAttribute");
  const matches = method(Element, "matches");
  const checkVisibility = method(Element, "checkVisibility");
  const boxOf = method(Element, "getBoundingClientRect");
  const parentElementOf = getter(Node, "parentElement");
  const slotOf = getter(Element, "assignedSlot");
  const treeRootOf = method(Node, "getRootNode");
  const find = method(Element, "querySelectorAll");
  const findInDocument = method(Document, "querySelectorAll");
  const findInFragment = method(DocumentFragment, "querySelectorAll");
  const tagOf = (element) => upperTag(element).toUpperCase();

  const NEVER_SEEN = new Set(["SCRIPT", "STYLE", "LINK", "META", "TEMPLATE", "NOSCRIPT", "TITLE", "HEAD", "BASE", "SOURCE", "TRACK", "PARAM"]);

  const rendered = (element) => !NEVER_SEEN.has(tagOf(element)) && checkVisibility(element, { visibilityProperty: true });

  const seen = (element) => {
    if (!rendered(element)) return false;
    const box = boxOf(element);
    return box.width > 0 && box.height > 0;
  };

  const parentOf = (node) => {
    const parent = slotOf(node) ?? parentElementOf(node);
    if (parent) return parent;
    const root = treeRootOf(node);
    return root instanceof ShadowRoot ? root.host : null;
  };

  const within = (node, ancestor) => {
    for (let at = node; at; at = parentOf(at)) if (at === ancestor) return true;
    return false;
  };

  const all = (root, selector) => {
    if (root instanceof Document) return findInDocument(root, selector);
    return root instanceof DocumentFragment ? findInFragment(root, selector) : find(root, selector);
  };

  function* elements(root) {
    for (const element of all(root, "*")) {
      yield element;
      const shadow = shadowOf(element);
      if (shadow) yield* elements(shadow);
    }
  }

  const query = (root, selector) => [...elements(root)].filter((element) => matches(element, selector));

  const elementAt = (x, y) => {
    let element = document.elementFromPoint(x, y);
    for (let shadow = element && shadowOf(element); shadow; shadow = shadowOf(element)) {
      const inner = shadow.elementFromPoint(x, y);
      if (!inner || inner === element) break;
      element = inner;
    }
    return element;
  };

  // All that lies at a point, the topmost first, open shadow trees included.
  const stackAt = (x, y) => {
    const stack = new Set();
    const visit = (tree) => {
      for (const element of tree.elementsFromPoint(x, y)) {
        if (stack.has(element)) continue;
        stack.add(element);
        if (shadowOf(element)) visit(shadowOf(element));
      }
    };
    visit(document);
    return [...stack];
  };

  // Share of the viewport that lies under the element, 0 to 1.
  const cover = (element) => {
    const box = boxOf(element);
    const width = Math.min(box.right, innerWidth) - Math.max(box.left, 0);
    const height = Math.min(box.bottom, innerHeight) - Math.max(box.top, 0);
    return width > 0 && height > 0 ? (width * height) / (innerWidth * innerHeight) : 0;
  };

  const childrenOf = getter(Element, "children");
  const assignedTo = method(HTMLSlotElement, "assignedElements");

  // Descendants as they are laid out: shadow trees and what is slotted into them.
  function* flat(element) {
    const shadow = shadowOf(element);
    const slotted = !shadow && tagOf(element) === "SLOT" ? assignedTo(element, { flatten: true }) : [];
    for (const child of shadow ? shadow.children : slotted.length ? slotted : childrenOf(element)) {
      yield child;
      yield* flat(child);
    }
  }

  const closest = (node, selector) => {
    for (let at = node; at; at = parentOf(at)) if (matches(at, selector)) return at;
    return null;
  };

  const squeeze = (text) => text.replace(/\s+/g, " ").trim();
  const root = () => rootOf(document);
  const body = () => bodyOf(document);
  const title = () => titleOf(document);

  globalThis.webaudit = {
    NEVER_SEEN, all, attribute, body, boxOf, checkVisibility, closest, cover, elementAt, elements, flat, matches, parentOf, query, rendered,
    root, seen, shadowOf, squeeze, stackAt, tagOf, title, within,
  };
})();
