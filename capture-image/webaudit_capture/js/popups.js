// Overlays: finding them, naming the one control that dismisses each, clicking inside frames, and the last resort of hiding.
(() => {
  const { all, attribute, body, boxOf, cover, elementAt, elements, matches, parentOf, query, root, seen, shadowOf, squeeze, tagOf, within } = webaudit;
  const DIALOGS = 'dialog[open], [role="dialog"], [role="alertdialog"], [aria-modal="true"]';
  const CONTROLS = 'button, [role="button"], input[type="button"], a, [aria-label], [title], [class*="close" i], [class*="dismiss" i]';
  const KEEP = new Set(["HTML", "BODY", "MAIN", "HEADER", "NAV", "FOOTER"]);
  const known = new Map();
  const ids = new WeakMap();
  const GRID = 9;

  const idOf = (element) => {
    if (!ids.has(element)) {
      const id = `o${known.size + 1}`;
      ids.set(element, id);
      known.set(id, element);
    }
    return ids.get(element);
  };

  const plain = (text) => squeeze(text.toLowerCase().replace(/['’`]/g, "").replace(/[.,!?:;"“”„()\[\]|&+/→›»–—-]/g, " "));
  const onTop = (element) => matches(element, ":modal, :popover-open");
  const floats = (element) => ["fixed", "sticky"].includes(getComputedStyle(element).position);

  const textOf = (element) => {
    const parts = [element.innerText ?? ""];
    for (const inner of elements(element)) if (inner.shadowRoot) for (const child of inner.shadowRoot.children) parts.push(child.innerText ?? "");
    if (element.shadowRoot) for (const child of element.shadowRoot.children) parts.push(child.innerText ?? "");
    return squeeze(parts.join(" ")).slice(0, 4000);
  };

  const inside = (overlay) => {
    const found = [...elements(overlay)];
    return overlay.shadowRoot ? [...found, ...elements(overlay.shadowRoot)] : found;
  };

  const names = (control) => {
    const image = control.querySelector("img[alt], svg[aria-label]");
    return [
      control.innerText,
      attribute(control, "aria-label"),
      tagOf(control) === "INPUT" ? control.value : null,
      attribute(control, "title"),
      image?.getAttribute("alt") ?? image?.getAttribute("aria-label"),
      control.querySelector("svg title")?.textContent,
    ]
      .filter(Boolean)
      .map(plain)
      .filter((name) => name && name.length <= 60);
  };

  // Never submits a form, never navigates away.
  const harmless = (control) => {
    if (control.disabled || attribute(control, "aria-disabled") === "true") return false;
    const link = control.closest("a[href]");
    if (link) {
      const href = link.getAttribute("href").trim();
      if (!(href === "" || href.startsWith("#") || /^javascript:\s*(void|;|$)/i.test(href))) return false;
    }
    const owner = control.closest("button, input");
    return !(owner?.form && owner.type !== "button" && owner.type !== "reset" && owner.form.method !== "dialog");
  };

  const centre = (element) => {
    const box = boxOf(element);
    return { x: box.left + box.width / 2, y: box.top + box.height / 2 };
  };

  const reachable = (control) => {
    const { x, y } = centre(control);
    if (x < 0 || y < 0 || x >= innerWidth || y >= innerHeight) return false;
    const hit = elementAt(x, y);
    return hit !== null && (within(hit, control) || within(control, hit));
  };

  // The topmost positioned ancestor: what one would call the overlay, when something on top was hit.
  const floatingRoot = (element) => {
    let root = null;
    for (let at = element; at && !KEEP.has(tagOf(at)); at = parentOf(at)) {
      if (matches(at, DIALOGS) || onTop(at) || floats(at)) root = at;
    }
    return root;
  };

  const barOfPage = (element) => {
    const box = boxOf(element);
    const links = element.querySelectorAll("a[href]").length;
    return element.closest("header, nav, [role=banner], [role=navigation]") !== null
      || (box.top <= 1 && box.height < innerHeight * 0.3 && (links > 5 || element.querySelector("nav, header, [type=search]") !== null));
  };

  const topicOf = (text, words, overlay) => {
    const lower = text.toLowerCase();
    const speaksOf = (topics) => topics.some((topic) => lower.includes(topic));
    if (speaksOf(words.gateTopic)) return "gate";
    if (speaksOf(words.consentTopic) && !overlay.querySelector('input[type="email"]')) return "consent";
    if (overlay.querySelector('input[type="email"]') || speaksOf(words.newsletterTopic)) return "newsletter";
    return speaksOf(words.consentTopic) ? "consent" : "modal";
  };

  const PREFERENCE = {
    consent: ["reject", "accept", "close", "later"],
    newsletter: ["later", "close", "reject"],
    gate: ["gate", "close", "accept", "later"],
    modal: ["close", "later", "reject", "accept"],
  };

  const controlOf = (overlay, kind, words) => {
    let best = null;
    for (const control of inside(overlay)) {
      if (!matches(control, CONTROLS) || !seen(control) || !harmless(control)) continue;
      const said = names(control);
      if (said.length === 0 && /(^|[-_\s])(close|dismiss)/i.test(attribute(control, "class") ?? "")) said.push("close");
      for (const name of said) {
        const rank = PREFERENCE[kind].findIndex((list) => words[list].includes(name));
        if (rank >= 0 && (best === null || rank < best.rank) && reachable(control)) {
          best = { control, rank, name, says: PREFERENCE[kind][rank] };
        }
      }
    }
    return best;
  };

  const candidates = (limits) => {
    const found = new Map();
    const add = (element, how) => {
      if (element && !KEEP.has(tagOf(element)) && !found.has(element) && seen(element) && cover(element) >= limits.minCover) found.set(element, how);
    };
    for (let row = 0; row < GRID; row += 1) {
      for (let column = 0; column < GRID; column += 1) {
        const hit = elementAt(((column + 0.5) * innerWidth) / GRID, (((row + 0.5) * innerHeight) / GRID));
        const root = hit && floatingRoot(hit);
        if (root) add(root, matches(root, DIALOGS) || root.querySelector(DIALOGS) ? "aria" : "geometry");
      }
    }
    // A dialog that a grid point missed counts when it is what lies on top at its own centre.
    for (const dialog of query(document, DIALOGS)) {
      const { x, y } = centre(dialog);
      const hit = elementAt(x, y);
      if (hit && within(hit, dialog)) add(floatingRoot(dialog) ?? dialog, "aria");
    }
    return [...found];
  };

  // Overlays now on top, outermost ones, each with the control that would dismiss it or null.
  webaudit.overlays = (words, limits) => {
    const list = [];
    for (const [element, how] of candidates(limits)) {
      if (list.some((other) => within(element, known.get(other.id))) || barOfPage(element)) continue;
      const text = textOf(element);
      const kind = topicOf(text, words, element);
      const share = cover(element);
      const best = controlOf(element, kind, words);
      const frame = tagOf(element) === "IFRAME" || element.querySelector("iframe") !== null;
      // Something that floats is an overlay when it speaks of what overlays speak of, or covers much and can be closed.
      const certain = how === "aria" || (kind !== "modal" && (best !== null || share >= limits.modalCover)) || (share >= limits.modalCover && (best !== null || frame));
      // What a frame says is only known inside it: it is looked into, and may turn out to be a chat or a video.
      if (!certain && !frame) continue;
      list.push({ id: idOf(element), kind, how, cover: share, text: text.slice(0, 160), frame, certain, ...described(best) });
    }
    return list;
  };

  const described = (best) => (best ? { control: idOf(best.control), name: best.name, says: best.says } : { control: null });

  // In a frame that lies on top of its page, the whole document is the overlay.
  webaudit.frameOverlay = (words, parentArea, limits) => {
    if (!body() || (innerWidth * innerHeight) / parentArea < limits.minCover) return null;
    const text = textOf(body());
    const kind = topicOf(text, words, body());
    if (kind === "modal") return null;
    const best = controlOf(body(), kind, words);
    return best ? { kind, text: text.slice(0, 160), ...described(best) } : null;
  };

  // Where to click, once the control has stood still for `wait` ms; null when it moved, hid or is covered.
  webaudit.settledPoint = async (id, wait) => {
    const control = known.get(id);
    if (!control?.isConnected) return null;
    const before = centre(control);
    await new Promise((resolve) => setTimeout(resolve, wait));
    const after = centre(control);
    const still = Math.abs(before.x - after.x) < 1 && Math.abs(before.y - after.y) < 1;
    return still && control.isConnected && seen(control) && reachable(control) && harmless(control) ? after : null;
  };

  webaudit.clickInFrame = (id) => known.get(id)?.click();

  webaudit.stillSeen = (id) => {
    const element = known.get(id);
    return Boolean(element?.isConnected && seen(element) && cover(element) > 0 && Number(getComputedStyle(element).opacity) > 0.01);
  };

  const scrollLocked = () =>
    [root(), body()].filter(Boolean).some((element) => {
      const style = getComputedStyle(element);
      return ["hidden", "clip"].includes(style.overflowY) || (element === body() && style.position === "fixed");
    });
  webaudit.scrollLocked = scrollLocked;

  // An absolute element is laid over the page only when the box it is placed in spans the page: a hero's caption is not.
  const overPage = (element, style) => {
    if (style.position === "fixed" || onTop(element)) return true;
    const box = element.offsetParent;
    return !box || KEEP.has(tagOf(box)) || box.offsetHeight >= webaudit.pageSize().height * 0.9;
  };

  const holdsPage = (element) => element.querySelector("main, [role=main]") !== null;

  const blocking = (limits) => {
    const locked = scrollLocked();
    const middle = elementAt(innerWidth / 2, innerHeight / 2);
    const found = [];
    for (const element of elements(document)) {
      if (KEEP.has(tagOf(element)) || found.some((other) => within(element, other))) continue;
      const style = getComputedStyle(element);
      if (style.position !== "fixed" && style.position !== "absolute") continue;
      if (!(onTop(element) || Number(style.zIndex) >= limits.minZ) || !seen(element) || cover(element) <= limits.minCover) continue;
      if (!overPage(element, style) || holdsPage(element)) continue;
      if (locked || (middle && within(middle, element))) found.push(element);
    }
    return found;
  };

  webaudit.blocked = (limits) => blocking(limits).length > 0;

  // Hide what blocks the page and let it scroll again. Nothing is removed.
  webaudit.hideBlocking = (limits) => {
    const found = blocking(limits);
    for (const element of found) {
      element.style.setProperty("visibility", "hidden", "important");
      for (const inner of inside(element)) {
        if (inner.style && getComputedStyle(inner).visibility === "visible") inner.style.setProperty("visibility", "hidden", "important");
      }
    }
    let unlocked = 0;
    if (found.length > 0 && scrollLocked()) {
      for (const element of [root(), body()].filter(Boolean)) {
        const style = getComputedStyle(element);
        if (["hidden", "clip"].includes(style.overflowY)) {
          element.style.setProperty("overflow", "auto", "important");
          unlocked += 1;
        }
        if (element === body() && style.position === "fixed") {
          element.style.setProperty("position", "static", "important");
          unlocked += 1;
        }
      }
    }
    return { hidden: found.length, unlocked };
  };
})();
