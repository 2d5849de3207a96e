// The text of the rendered page, a line per block, and its serialised DOM. Open shadow roots are part of both.
(() => {
  const { NEVER_SEEN, attribute, checkVisibility, shadowOf, squeeze, tagOf } = webaudit;
  const nodesOf = Function.prototype.call.bind(Object.getOwnPropertyDescriptor(Node.prototype, "childNodes").get);
  const SILENT = new Set([...NEVER_SEEN, "IFRAME", "OBJECT", "EMBED", "CANVAS", "VIDEO", "AUDIO", "MAP", "DATALIST", "TEXTAREA", "INPUT", "PROGRESS", "METER"]);

  const cased = (text, transform) => {
    if (transform === "uppercase") return text.toUpperCase();
    if (transform === "lowercase") return text.toLowerCase();
    if (transform === "capitalize") return text.replace(/(^|[\s\p{P}])(\p{L})/gu, (_, before, letter) => before + letter.toUpperCase());
    return text;
  };

  const flows = (display) => display.startsWith("inline") || display === "contents" || display.startsWith("ruby");

  webaudit.visibleText = () => {
    const parts = [];
    const block = () => parts.push("\n");

    const childrenOf = (element) => {
      const shadow = shadowOf(element);
      if (shadow) return nodesOf(shadow);
      if (tagOf(element) === "SLOT") {
        const assigned = element.assignedNodes({ flatten: true });
        if (assigned.length) return assigned;
      }
      // Bare text in closed details has no element of its own that could be asked.
      if (tagOf(element) === "DETAILS" && attribute(element, "open") === null) return webaudit.all(element, ":scope > summary:first-of-type");
      if (tagOf(element) === "SELECT") return element.selectedOptions;
      return nodesOf(element);
    };

    const walk = (element) => {
      const tag = tagOf(element);
      if (SILENT.has(tag) || attribute(element, "aria-hidden") === "true") return;
      const option = tag === "OPTION";
      if (!option && !checkVisibility(element) && getComputedStyle(element).display !== "contents") return;
      if (tag === "BR") return block();
      const style = getComputedStyle(element);
      const inline = !option && flows(style.display);
      const cell = style.display === "table-cell" || style.display === "inline-block";
      if (!inline && !cell) block();
      if (cell) parts.push(" ");
      for (const child of childrenOf(element)) {
        if (child.nodeType === Node.TEXT_NODE) {
          if (style.visibility === "visible") parts.push(cased(child.data.replace(/\s+/g, " "), style.textTransform));
        } else if (child.nodeType === Node.ELEMENT_NODE) {
          walk(child);
        }
      }
      if (cell) parts.push(" ");
      if (!inline && !cell) block();
    };

    if (webaudit.body()) walk(webaudit.body());
    const lines = parts.join("").split("\n").map(squeeze).filter(Boolean);
    return lines.length ? `${lines.join("\n")}\n` : "";
  };

  webaudit.html = () => {
    const root = webaudit.root();
    if (!root) return "";
    const shadowRoots = [];
    for (const element of webaudit.elements(document)) if (shadowOf(element)) shadowRoots.push(shadowOf(element));
    const doctype = document.doctype ? `${new XMLSerializer().serializeToString(document.doctype)}\n` : "";
    if (shadowRoots.length === 0) return doctype + root.outerHTML;
    const shell = root.cloneNode(false).outerHTML;
    const end = shell.lastIndexOf("</");
    return doctype + shell.slice(0, end) + root.getHTML({ shadowRoots }) + shell.slice(end);
  };

  // What was loaded: 0 as status where the browser does not know it.
  webaudit.document = () => ({
    contentType: webaudit.root() ? document.contentType : "an empty document",
    status: performance.getEntriesByType("navigation")[0]?.responseStatus ?? 0,
  });
})();
