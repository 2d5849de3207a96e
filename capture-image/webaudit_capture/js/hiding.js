// The last resort: hiding what blocks the page, and letting it scroll again. Nothing is removed.
(() => {
  const { KEEP, body, closedHosts, cover, elements, flat, holdsPage, onTop, root, seen, stackAt, tagOf, within } = webaudit;
  const MOST_ROUNDS = 5;

  const locks = (style) => ["hidden", "clip"].includes(style.overflowY);
  const scrollLocked = () =>
    [root(), body()].filter(Boolean).some((element) => {
      const style = getComputedStyle(element);
      return locks(style) || (element === body() && style.position === "fixed");
    });
  webaudit.scrollLocked = scrollLocked;

  // An absolute element is laid over the page only when the box it is placed in spans the page: a hero's caption is not.
  const overPage = (element, style) => {
    if (style.position === "fixed" || onTop(element)) return true;
    const box = element.offsetParent;
    return !box || KEEP.has(tagOf(box)) || box.offsetHeight >= webaudit.pageSize().height * 0.9;
  };

  const blocking = (limits) => {
    const locked = scrollLocked();
    const middle = stackAt(innerWidth / 2, innerHeight / 2);
    const found = [];
    const blocks = (element) => {
      if (KEEP.has(tagOf(element)) || !seen(element) || !webaudit.checkVisibility(element, { opacityProperty: true })) return false;
      const style = getComputedStyle(element);
      if (style.position !== "fixed" && style.position !== "absolute") return false;
      if (!(onTop(element) || Number(style.zIndex) >= limits.minZ) || cover(element) <= limits.minCover || !overPage(element, style)) return false;
      return (locked && style.pointerEvents !== "none") || middle.some((hit) => within(hit, element));
    };
    for (const element of elements(document)) {
      if (blocks(element) && !found.some((other) => within(element, other)) && !holdsPage(element, limits.minText)) found.push(element);
    }
    const shut = closedHosts().filter(({ host, share }) => share > limits.minCover && middle[0] === host);
    return [...found, ...shut.map(({ host }) => host)];
  };

  webaudit.blocked = (limits) => blocking(limits).length > 0;

  // The same in a frame, where that blocks the page: the frame fills as much of it as an overlay must.
  webaudit.frameBlocked = (limits, parentArea) => (innerWidth * innerHeight) / parentArea > limits.minCover && webaudit.blocked(limits);

  const set = (element, name, value) => element.style.setProperty(name, value, "important");

  const unlock = () => {
    let unlocked = 0;
    for (const element of [root(), body()].filter(Boolean)) {
      const style = getComputedStyle(element);
      const clipped = locks(style);
      const fixed = element === body() && style.position === "fixed";
      if (clipped) set(element, "overflow", "visible");
      if (fixed) {
        set(element, "position", "static");
        set(element, "width", "auto");
      }
      if (style.touchAction === "none") set(element, "touch-action", "auto");
      unlocked += clipped || fixed ? 1 : 0;
    }
    return unlocked;
  };

  webaudit.hideBlocking = (limits) => {
    const locked = scrollLocked();
    let hidden = 0;
    for (let round = 0; round < MOST_ROUNDS; round += 1) {
      const found = blocking(limits);
      if (found.length === 0) break;
      hidden += found.length;
      for (const element of found) {
        set(element, "visibility", "hidden");
        for (const inner of flat(element)) if (inner.style && getComputedStyle(inner).visibility === "visible") set(inner, "visibility", "hidden");
      }
    }
    return { hidden, unlocked: hidden > 0 && locked ? unlock() : 0 };
  };
})();
