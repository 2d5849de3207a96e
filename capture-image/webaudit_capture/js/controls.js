// The control that dismisses an overlay: what counts as one, what it says, whether pressing it could do harm, and the press.
(() => {
  const { attribute, boxOf, closest, elementAt, elements, flat, matches, parentOf, rendered, seen, squeeze, tagOf, within } = webaudit;
  const innerTextOf = Function.prototype.call.bind(Object.getOwnPropertyDescriptor(HTMLElement.prototype, "innerText").get);
  const PRESSABLE = 'button, [role="button"], input[type="button"], input[type="reset"], a, [onclick], [tabindex], label, summary';
  const CLOSES = /(^| )(close|closebtn|btnclose|dismiss|cross|times|xmark)( |$)/;
  // What "&" stands for: it is no letter, and so not there.
  const AND = / (and|und|et|y|e|en|i|och|og|ja|a|és|și|и|και|ve|та) /;
  const MOST_LOOKED_AT = 4000;
  const LONGEST_NAME = 80;
  const ICON = 72;
  const ASIDE = 40;
  const known = new Map();
  const ids = new WeakMap();

  const idOf = (element) => {
    if (!ids.has(element)) {
      const id = `o${known.size + 1}`;
      ids.set(element, id);
      known.set(id, element);
    }
    return ids.get(element);
  };

  // As the phrases of languages.toml are written.
  const plain = (text) =>
    squeeze(
      text
        .normalize("NFKC")
        .toLowerCase()
        .replace(/[\u0307\ufe0f]/g, "")
        .replace(/['’`´]/g, "")
        .replace(/[^\p{L}\p{M}\p{N}×✕✖✗╳⨯❌]+/gu, " "),
    );

  // Thai writes no spaces between words.
  const says = (list) => {
    const phrases = list.map((phrase) => phrase.replace("…", ""));
    const whole = new Set([...phrases, ...phrases.map((phrase) => phrase.replace(AND, " "))]);
    const begins = list.filter((phrase) => phrase.endsWith("…")).map((phrase) => phrase.replace("…", /[\u0e00-\u0e7f]/.test(phrase) ? "" : " "));
    // Nor do Chinese and Japanese: there a comma leaves one that the phrase does not have.
    return (name) => whole.has(name) || (/[\u3040-\u30ff\u4e00-\u9fff]/.test(name) && whole.has(name.replace(/ /g, ""))) || begins.some((start) => name.startsWith(start));
  };

  // The text that can be seen below an element, and of it what is no control's.
  const textOf = (element, longest = 4000, { spoken = false } = {}) => {
    const parts = [];
    let length = 0;
    const add = (node) => {
      for (const child of node.childNodes) {
        if (child.nodeType === Node.TEXT_NODE && child.data.trim()) {
          parts.push(child.data);
          length += child.data.length;
        }
      }
    };
    const walk = (node) => {
      if (length > longest || !(rendered(node) || getComputedStyle(node).display === "contents") || (spoken && node !== element && matches(node, PRESSABLE))) return;
      add(node);
      for (const child of layer(node)) walk(child);
    };
    const layer = (node) => {
      const inner = webaudit.shadowOf(node);
      if (inner) return inner.children;
      const slotted = tagOf(node) === "SLOT" ? node.assignedElements({ flatten: true }) : [];
      return slotted.length ? slotted : webaudit.all(node, ":scope > *");
    };
    walk(element);
    return squeeze(parts.join(" ")).slice(0, longest);
  };

  const drawn = (element) =>
    ["::before", "::after"].map((pseudo) => getComputedStyle(element, pseudo).content).filter((content) => /^".+"$/.test(content)).map((content) => content.slice(1, -1));

  const pictures = (control) => [control, ...flat(control)].filter((inner) => matches(inner, "img, svg, use, title, i, path"));

  const namesOf = (control) => {
    const inner = control instanceof HTMLElement ? innerTextOf(control) : "";
    const text = plain(inner || (control.childElementCount ? textOf(control, LONGEST_NAME) : ""));
    const names = [text, attribute(control, "aria-label"), tagOf(control) === "INPUT" ? control.value : null];
    if (text.length < 2) {
      names.push(attribute(control, "title"), attribute(control, "alt"));
      for (const picture of pictures(control)) names.push(attribute(picture, "alt"), attribute(picture, "aria-label"), tagOf(picture) === "TITLE" ? picture.textContent : null);
      for (const inner of [control, ...flat(control)].slice(0, 10)) names.push(...drawn(inner));
    }
    return names
      .filter(Boolean)
      .map(plain)
      .filter((name) => name && name.length <= LONGEST_NAME)
      .map((name) => squeeze(name.replace(/(^| )cookies?(?= |$)/g, "")) || name);
  };

  // Class names, ids and files of a picture that shows a cross.
  const showsCross = (control) =>
    [control, ...pictures(control)].some((inner) => {
      const written = ["class", "id", "data-testid", "data-dismiss", "href", "xlink:href"].map((name) => attribute(inner, name) ?? "");
      const file = (attribute(inner, "src") ?? "").split("/").pop();
      return [...written, file.startsWith("data:") ? "" : file].some((name) =>
        CLOSES.test(name.replace(/([a-z])([A-Z])/g, "$1 $2").toLowerCase().replace(/[^a-z]+/g, " ")),
      );
    });

  const small = (element) => {
    const box = boxOf(element);
    return box.width <= ICON && box.height <= ICON && box.width >= 8 && box.height >= 8;
  };

  // In an upper corner of the box it stands in.
  const inCorner = (control, overlay) => {
    const own = boxOf(control);
    for (let at = parentOf(control); at; at = parentOf(at)) {
      const box = boxOf(at);
      if (box.width > 3 * ICON && box.height > ICON) {
        const aside = Math.min(Math.abs(box.right - own.right), Math.abs(own.left - box.left));
        return own.top - box.top < ASIDE && aside < ASIDE;
      }
      if (at === overlay) break;
    }
    return false;
  };

  const pressable = (element) => matches(element, PRESSABLE) || getComputedStyle(element).cursor === "pointer";

  const staysHere = (link) => {
    const href = (attribute(link, "href") ?? attribute(link, "xlink:href") ?? "").trim();
    const target = attribute(link, "target");
    if (attribute(link, "download") !== null || (target && target !== "_self")) return false;
    if (href === "" || href.startsWith("#")) return true;
    if (/^javascript:/i.test(href)) return !/location|href|submit|open/i.test(href.slice(11));
    const url = URL.parse(href, document.baseURI);
    return url !== null && href.includes("#") && url.href.split("#")[0] === location.href.split("#")[0];
  };

  const submits = (control) => {
    const owner = closest(control, "button, input");
    if (!owner?.form || owner.type === "button" || owner.type === "reset") return false;
    return !["submit", "image"].includes(owner.type) ? false : (attribute(owner, "formmethod") ?? attribute(owner.form, "method") ?? "").toLowerCase() !== "dialog";
  };

  // Never submits a form, never navigates away.
  const harmless = (control) => {
    if (control.disabled || attribute(control, "aria-disabled") === "true") return false;
    const link = closest(control, "a");
    if (link && !staysHere(link)) return false;
    const label = closest(control, "label");
    return !submits(control) && !(label?.control && submits(label.control));
  };

  const centre = (element) => {
    const box = boxOf(element);
    return { x: box.left + box.width / 2, y: box.top + box.height / 2 };
  };

  const reachable = (control) => {
    const { x, y } = centre(control);
    if (x < 0 || y < 0 || x >= innerWidth || y >= innerHeight) return false;
    const hit = elementAt(x, y);
    return hit !== null && (within(hit, control) || (within(control, hit) && !pressable(hit)));
  };

  const PREFERENCE = {
    consent: ["reject", "accept", "save", "close", "later"],
    newsletter: ["later", "close", "reject"],
    gate: ["gate", "close", "accept", "later"],
    modal: ["close", "later", "reject", "accept"],
  };

  const rankOf = (control, overlay, kinds) => {
    const names = namesOf(control);
    const closes = kinds.findIndex(([list]) => list === "close");
    if (names.length === 0 && small(control)) {
      if (showsCross(control)) return { rank: closes, name: "close" };
      if (pressable(control) && inCorner(control, overlay)) return { rank: closes + 0.5, name: "close" };
      return null;
    }
    for (const [rank, [, said]] of kinds.entries()) {
      const name = names.find(said);
      // What is no control by its markup may still be one by its script.
      if (name) return { rank: rank + (pressable(control) ? 0 : 0.7), name };
    }
    return null;
  };

  // The best control of an overlay for its kind, or null. What lies further down in it is scrolled to.
  const controlOf = (overlay, kind, words) => {
    const kinds = PREFERENCE[kind].map((list) => [list, says(words[list])]);
    const found = [];
    let looked = 0;
    for (const control of flat(overlay)) {
      if ((looked += 1) > MOST_LOOKED_AT) break;
      if (!seen(control)) continue;
      const plausible = pressable(control) || control.childElementCount === 0 || small(control);
      const ranked = plausible && rankOf(control, overlay, kinds);
      if (ranked && harmless(control)) found.push({ control, ...ranked });
    }
    found.sort((one, other) => one.rank - other.rank);
    const best = found.find(({ control }) => reachable(control)) ?? found.find(({ control }) => scrolledTo(control, overlay));
    return best ? { ...best, says: kinds[Math.floor(best.rank)][0] } : null;
  };

  const scrolledTo = (control, overlay) => {
    if (!["fixed"].includes(getComputedStyle(overlay).position) && !matches(overlay, ":modal")) return false;
    control.scrollIntoView({ block: "nearest", behavior: "instant" });
    return reachable(control);
  };

  // For an overlay whose close control stands beside it.
  const closeBeside = (overlay, words) => {
    const closes = says(words.close);
    const box = boxOf(overlay);
    const near = (control) => {
      const { x, y } = centre(control);
      return x > box.left - 2 * ICON && x < box.right + 2 * ICON && y > box.top - 2 * ICON && y < box.bottom + 2 * ICON;
    };
    for (const control of elements(document)) {
      if (!small(control) || !pressable(control) || !near(control) || within(control, overlay) || !seen(control)) continue;
      const named = namesOf(control).some(closes) || (namesOf(control).length === 0 && showsCross(control));
      if (named && webaudit.floatingRoot(control) && harmless(control) && reachable(control)) return { control, name: "close", says: "close" };
    }
    return null;
  };

  // Where to click, once the control has stood still for `wait` ms, or moves no further than within itself; null when it
  // went, hid or is covered. From here to `disarm` no click of ours reaches anything else.
  webaudit.settledPoint = async (id, wait) => {
    const control = known.get(id);
    if (!control?.isConnected) return null;
    const before = centre(control);
    await new Promise((resolve) => setTimeout(resolve, wait));
    if (!control.isConnected || !seen(control) || !reachable(control) || !harmless(control)) return null;
    const after = centre(control);
    const box = boxOf(control);
    if (Math.abs(before.x - after.x) > box.width / 2 || Math.abs(before.y - after.y) > box.height / 2) return null;
    aimed = control;
    return after;
  };

  let aimed = null;
  let held = false;
  webaudit.disarm = () => {
    aimed = null;
  };
  webaudit.hold = (on) => {
    held = on;
  };

  // The page may put something else under the pointer at the last moment: then the click goes nowhere.
  const shield = (event) => {
    if (!event.isTrusted || aimed === null || event.composedPath().includes(aimed)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
  };
  for (const type of ["pointerdown", "mousedown", "pointerup", "mouseup", "touchstart", "touchend", "click"]) {
    window.addEventListener(type, shield, { capture: true, passive: false });
  }

  // While overlays are dismissed nothing is submitted and no link followed, whoever clicks: the vendor rules do, too.
  const pinned = (event) => {
    if (!held) return;
    const target = event.composedPath()[0];
    if (!(target instanceof Element)) return;
    const link = closest(target, "a[href]");
    if ((link && !staysHere(link)) || submits(target)) event.preventDefault();
  };
  window.addEventListener("click", pinned, { capture: true });
  window.addEventListener(
    "submit",
    (event) => {
      const method = attribute(event.submitter ?? event.target, event.submitter ? "formmethod" : "method") ?? attribute(event.target, "method");
      if (held && (method ?? "").toLowerCase() !== "dialog") {
        event.preventDefault();
        event.stopImmediatePropagation();
      }
    },
    { capture: true },
  );

  webaudit.middleOf = (id) => {
    const element = known.get(id);
    return element?.isConnected ? centre(element) : null;
  };

  webaudit.clickInFrame = (id) => {
    const control = known.get(id);
    if (control?.isConnected && harmless(control)) control.click();
  };

  Object.assign(webaudit, { centre, closeBeside, controlOf, idOf, inFocus: () => aimed, known, pressable, textOf });
})();
