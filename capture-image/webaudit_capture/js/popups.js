// Overlays: what lies over the page, of what kind it is, and what only looks like one.
(() => {
  const { attribute, body, boxOf, centre, checkVisibility, closeBeside, closest, controlOf, cover, elementAt, flat, idOf, known, matches, parentOf, query, seen, tagOf, textOf, within } = webaudit;
  const DIALOGS = 'dialog[open], [role="dialog"], [role="alertdialog"], [aria-modal="true"]';
  const KEEP = new Set(["HTML", "BODY", "MAIN", "HEADER", "NAV", "FOOTER"]);
  const CHAT = /(^| )(chat\w*|livechat|messenger|intercom|zendesk|zopim|tawk\w*|crisp|drift|tidio|gorgias|olark|freshchat|whatsapp|helpdesk)( |$)/;
  const CART = /(^| )(cart|minicart|basket|bag|warenkorb|panier|carrito|carrello|winkelwagen|koszyk)( |$)/;
  const FURNITURE = /(^| )(menu|navigation|sidebar|filters?|facets?|search)( |$)/;
  // Cookies are for sale in some shops.
  const PRICE = /[€$£¥₹₺₽₩฿₫₪]\s?\d|\d\s?([€$£¥₹₺₽₩฿₫₪]|kr|zł|lei|kč)/i;
  const GRID = 9;
  const MOST_DIALOGS = 50;

  const onTop = (element) => matches(element, ":modal, :popover-open");
  const positionOf = (element) => getComputedStyle(element).position;
  const floats = (element) => ["fixed", "sticky"].includes(positionOf(element));
  const isDialog = (element) => matches(element, DIALOGS) && (onTop(element) || positionOf(element) !== "static");

  // The topmost positioned ancestor: what one would call the overlay, when something on top was hit.
  const floatingRoot = (element) => {
    let found = null;
    for (let at = element; at && !KEEP.has(tagOf(at)); at = parentOf(at)) if (onTop(at) || floats(at) || isDialog(at)) found = at;
    return found;
  };

  const points = function* () {
    for (let row = 0; row < GRID; row += 1) {
      for (let column = 0; column < GRID; column += 1) yield [((column + 0.5) * innerWidth) / GRID, ((row + 0.5) * innerHeight) / GRID];
    }
  };

  const holds = (box, x, y) => x >= box.left && x < box.right && y >= box.top && y < box.bottom;

  // Hit where it is not: what was hit lies in a shadow tree that cannot be looked into.
  const closedHit = (hit, x, y) => !holds(boxOf(hit), x, y) && flat(hit).next().done && hit.textContent.trim() === "";

  const closedHosts = () => {
    const hits = new Map();
    for (const [x, y] of points()) {
      const hit = elementAt(x, y);
      if (hit && !KEEP.has(tagOf(hit)) && !floatingRoot(hit) && closedHit(hit, x, y)) hits.set(hit, (hits.get(hit) ?? 0) + 1);
    }
    return [...hits].map(([host, count]) => ({ host, share: count / GRID ** 2 }));
  };

  const spokenOf = (element) =>
    [element, ...element.querySelectorAll("iframe")]
      .flatMap((one) => ["id", "class", "title", "aria-label", "name", "src"].map((name) => (attribute(one, name) ?? "").split("?")[0]))
      .join(" ")
      .replace(/([a-z])([A-Z])/g, "$1 $2")
      .toLowerCase()
      .replace(/[^a-z]+/g, " ");

  const barOfPage = (element) => {
    const box = boxOf(element);
    const links = element.querySelectorAll("a[href]").length;
    return closest(element, "header, nav, [role=banner], [role=navigation]") !== null
      || (box.top <= 1 && box.height < innerHeight * 0.3 && (links > 5 || element.querySelector("nav, header, [type=search]") !== null));
  };

  // Whether an element is the page itself, laid out in a box: little is left without it.
  const holdsPage = (element, minText) => {
    if (matches(element, DIALOGS)) return false;
    if (element.querySelector("main, [role=main]") !== null) return true;
    let outside = 0;
    const walk = (node) => {
      if (outside >= minText || node === element || !webaudit.rendered(node) || positionOf(node) === "fixed") return;
      if (!within(element, node)) {
        outside += textOf(node, minText).length;
        return;
      }
      for (const child of [...node.children, ...(webaudit.shadowOf(node)?.children ?? [])]) walk(child);
    };
    walk(body());
    return outside < minText && textOf(element, 8 * minText).length > outside + minText;
  };

  // Whether something of the page lies under it.
  const coversPage = (element) => {
    for (const [x, y] of points()) {
      const hit = elementAt(x, y);
      if (!hit || !within(hit, element)) continue;
      for (const under of document.elementsFromPoint(x, y)) {
        if (within(under, element) || within(element, under) || ["HTML", "BODY"].includes(tagOf(under)) || floatingRoot(under)) continue;
        return true;
      }
    }
    return false;
  };

  const emailed = (element) => element.querySelector('input[type="email"], input[name*="email" i], input[placeholder*="email" i], input[placeholder*="e-mail" i]') !== null;
  const speaker = (text) => {
    const lower = text.normalize("NFKC").toLowerCase();
    return (topics) => topics.some((topic) => lower.includes(topic));
  };

  const topicOf = (text, words, overlay) => {
    const speaksOf = speaker(text);
    if (speaksOf(words.gate_topic) && !emailed(overlay)) return "gate";
    if (speaksOf(words.consent_topic) && !emailed(overlay)) return "consent";
    if (emailed(overlay) || speaksOf(words.newsletter_topic)) return "newsletter";
    return "modal";
  };

  // Kind and control belong together: a word on privacy makes a banner only beside a control that accepts or rejects.
  const kindAndControl = (overlay, text, words) => {
    const kind = topicOf(text, words, overlay);
    if (kind === "modal" || kind === "newsletter") {
      const asConsent = speaker(text)(words.privacy_topic) && !emailed(overlay) ? controlOf(overlay, "consent", words) : null;
      if (asConsent && ["accept", "reject"].includes(asConsent.says)) return ["consent", asConsent];
    }
    return [kind, controlOf(overlay, kind, words)];
  };

  // More than a name or a link says: a sentence, which takes fewer letters in some scripts.
  const sentence = (element, topics) => {
    const text = textOf(element, 4000, { spoken: true });
    return speaker(text)(topics) && !PRICE.test(text) && text.length >= (/[\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7af]/.test(text) ? 12 : 40);
  };

  const candidates = (limits) => {
    const found = new Map();
    const add = (element, how) => {
      if (!element || KEEP.has(tagOf(element)) || found.has(element)) return;
      if (seen(element) && cover(element) >= limits.minCover && checkVisibility(element, { opacityProperty: true })) found.set(element, how);
    };
    for (const [x, y] of points()) {
      const hit = elementAt(x, y);
      const root = hit && floatingRoot(hit);
      if (root) add(root, isDialog(root) || onTop(root) || [...root.querySelectorAll(DIALOGS)].some(seen) ? "aria" : "geometry");
    }
    // A dialog that a grid point missed counts when it is what lies on top at its own centre.
    for (const dialog of query(document, DIALOGS).filter(isDialog).slice(0, MOST_DIALOGS)) {
      const { x, y } = centre(dialog);
      const hit = elementAt(x, y);
      if (hit && within(hit, dialog)) add(floatingRoot(dialog) ?? dialog, "aria");
    }
    return [...found];
  };

  const framed = (element) => tagOf(element) === "IFRAME" || element.querySelector("iframe") !== null;

  const isFurniture = (element, kind, best, share, limits) => {
    const named = spokenOf(element);
    const answered = kind === "consent" && best !== null && best.says !== "close";
    if (CART.test(named) && kind !== "gate" && !answered) return true;
    if (CHAT.test(named) && !answered) return true;
    if (kind === "modal" && FURNITURE.test(named)) return true;
    const box = boxOf(element);
    const atTop = box.top <= 1 && box.height < innerHeight * 0.15;
    const announces = (kind === "newsletter" && !emailed(element)) || (kind === "gate" && element.querySelector("select") !== null);
    if (atTop && announces && !isDialog(element)) return true;
    // What is for sale, or where to go, along the lower edge.
    const atFoot = box.bottom >= innerHeight - 1 && box.width > innerWidth * 0.9 && box.height < innerHeight * 0.35;
    if (atFoot && kind === "modal" && best === null && !isDialog(element) && !framed(element)) return true;
    // A sticky part of the page is one while it covers nothing.
    return positionOf(element) === "sticky" && share >= limits.modalCover && !coversPage(element);
  };

  const judged = (element, how, words, limits) => {
    if (holdsPage(element, limits.minText)) return null;
    const text = textOf(element);
    const share = cover(element);
    let [kind, best] = kindAndControl(element, text, words);
    // A banner may be put into the page's header, too.
    if (barOfPage(element) && !(kind === "consent" && ["accept", "reject"].includes(best?.says))) return null;
    if (isFurniture(element, kind, best, share, limits)) return null;
    const large = share >= limits.modalCover;
    const lies = large && coversPage(element);
    if (best === null && (how === "aria" || kind !== "modal" || lies)) best = closeBeside(element, words);
    const frame = framed(element);
    const certain =
      how === "aria"
      || lies
      || (kind !== "modal" && best !== null)
      || (["consent", "gate"].includes(kind) && (large || (kind === "consent" && sentence(element, words.consent_topic))))
      || (best !== null && ["close", "later"].includes(best.says) && speaker(text)(words.app_topic));
    // What a frame says is only known inside it: it is looked into, and may turn out to be a chat or a video.
    if (!certain && !frame) return null;
    return { id: idOf(element), kind, how, cover: share, text: text.slice(0, 160), frame, certain, ...described(best) };
  };

  const described = (best) => (best ? { control: idOf(best.control), name: best.name, says: best.says } : { control: null });

  // Overlays now on top, outermost ones, each with the control that would dismiss it or null.
  webaudit.overlays = (words, limits) => {
    if (!body()) return [];
    const list = [];
    for (const [element, how] of candidates(limits)) {
      if (list.some((other) => within(element, known.get(other.id)))) continue;
      const overlay = judged(element, how, words, limits);
      if (overlay) list.push(overlay);
    }
    for (const { host, share } of closedHosts()) {
      if (share >= limits.modalCover) list.push({ id: idOf(host), kind: "modal", how: "geometry", cover: share, text: "", frame: false, certain: true, control: null });
    }
    return list;
  };

  // In a frame that lies on top of its page, the whole document is the overlay.
  webaudit.frameOverlay = (words, parentArea, limits) => {
    if (!body() || (innerWidth * innerHeight) / parentArea < limits.minCover) return null;
    const text = textOf(body());
    const [kind, best] = kindAndControl(body(), text, words);
    if (kind === "modal" || (CHAT.test(spokenOf(body())) && best?.says === "close")) return null;
    if (!best && !(kind === "consent" ? sentence(body(), words.consent_topic) : emailed(body()))) return null;
    return { kind, text: text.slice(0, 160), ...described(best) };
  };

  webaudit.stillSeen = (id) => {
    const element = known.get(id);
    if (!element?.isConnected) return false;
    const closed = closedHosts().some(({ host }) => host === element);
    return closed || (seen(element) && cover(element) > 0 && checkVisibility(element, { opacityProperty: true }) && Number(getComputedStyle(element).opacity) > 0.01);
  };

  // On its way out: something of it is being moved or faded, and not for ever.
  webaudit.leaving = (id) => {
    const element = known.get(id);
    return Boolean(element?.isConnected) && element.getAnimations({ subtree: true }).some((one) => one.playState === "running" && one.effect?.getComputedTiming().endTime !== Infinity);
  };

  webaudit.wordsOf = (id) => (known.get(id)?.isConnected ? textOf(known.get(id)).slice(0, 160) : "");

  webaudit.place = () => ({ href: location.href, index: navigation.currentEntry?.index ?? 0 });

  // Undo what a click did to the address without leaving the document; where it had led, when that was more than a fragment.
  webaudit.returnTo = async (before) => {
    const there = location.href;
    if (there === before.href) return null;
    if (there.split("#")[0] === before.href.split("#")[0]) {
      history.replaceState(history.state, "", before.href);
      return null;
    }
    const steps = before.index - (navigation.currentEntry?.index ?? 0);
    if (steps < 0) {
      const back = new Promise((resolve) => window.addEventListener("popstate", resolve, { once: true }));
      history.go(steps);
      await back;
    } else {
      history.replaceState(history.state, "", before.href);
    }
    return there;
  };

  // Whether it is worth looking into frames: what they show over themselves counts where they are a large part of the page.
  webaudit.holdsLargeFrame = (limits) =>
    query(document, "iframe, frame, object").some((frame) => seen(frame) && (boxOf(frame).width * boxOf(frame).height) / (innerWidth * innerHeight) >= limits.modalCover);

  // Something a frame shows over itself, where the frame is a large part of its page.
  webaudit.overlaysInFrame = (words, parentArea, limits) =>
    (innerWidth * innerHeight) / parentArea < limits.modalCover ? [] : webaudit.overlays(words, limits).filter(({ certain }) => certain);

  Object.assign(webaudit, { KEEP, closedHosts, floatingRoot, holdsPage, onTop });
})();
