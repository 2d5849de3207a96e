// When the layout last changed: elements added or removed that can be seen. Attributes, text, script and style do not count.
(() => {
  const { NEVER_SEEN, all, checkVisibility, seen, shadowOf, tagOf } = webaudit;
  let last = performance.now();
  const neverShown = new WeakSet();
  const watched = new WeakSet();

  const addedCounts = (node) => {
    if (node.nodeType !== Node.ELEMENT_NODE || NEVER_SEEN.has(tagOf(node))) return false;
    watchShadows(node);
    if (seen(node)) return true;
    // A box of no size of its own may still hold something that is seen (display: contents, floated children).
    for (const inner of all(node, "*")) if (seen(inner)) return true;
    neverShown.add(node);
    return false;
  };

  const removedCounts = (node, parent) =>
    node.nodeType === Node.ELEMENT_NODE &&
    !NEVER_SEEN.has(tagOf(node)) &&
    !node.hidden &&
    !neverShown.has(node) &&
    (!(parent instanceof Element) || !parent.isConnected || checkVisibility(parent));

  const observer = new MutationObserver((records) => {
    let changed = false;
    for (const record of records) {
      for (const node of record.addedNodes) changed = (node.isConnected && addedCounts(node)) || changed;
      for (const node of record.removedNodes) changed ||= removedCounts(node, record.target);
    }
    if (changed) last = performance.now();
  });

  const watch = (root) => {
    if (watched.has(root)) return;
    watched.add(root);
    observer.observe(root, { childList: true, subtree: true });
  };

  const watchShadows = (element) => {
    for (const host of [element, ...all(element, "*")]) if (shadowOf(host)) watch(shadowOf(host));
  };

  watch(document);
  const parsed = new Promise((resolve) => {
    document.addEventListener("DOMContentLoaded", resolve, { once: true });
    // A script that stops the page's loading takes that event away.
    document.addEventListener("readystatechange", () => document.readyState === "complete" && resolve());
  });
  parsed.then(() => webaudit.root() && watchShadows(webaudit.root()));

  // Resolved at DOMContentLoaded, also for who comes late.
  webaudit.parsed = () => (document.readyState === "complete" ? true : parsed.then(() => true));

  // Milliseconds since the layout changed; none while the document is still being parsed.
  webaudit.quietFor = () => (document.readyState === "loading" ? 0 : performance.now() - last);
})();
