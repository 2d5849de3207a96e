// Every link of the page with the card it stands in: what surrounds it, not what it means.
// Evaluates to a function of the shared helpers and the arguments.
(dom, args) => {
  const { all, anchors, query, attr, parent, clip, collapse, text, spoken, region, names } = dom;

  const LEVELS = 7;
  const CARD_TEXT = 500;
  const CART_LINKS = ["add-to-cart", "addtocart", "cart/add", "cart.php"].map((part) => `a[href*='${part}' i]`);
  const BUTTON = ["button", "[role=button]", "input[type=submit]", "a[class*='add-to-cart']", "a[class*='add_to_cart']", ...CART_LINKS].join();
  const PICTURE = "img, picture, svg, video, [style*='background-image']";

  const groups = new Map();
  const group = (el) => {
    if (!groups.has(el)) groups.set(el, groups.size);
    return groups.get(el);
  };
  const firstAim = dom.memo((el) => (el instanceof HTMLAnchorElement ? el : anchors(el)[0])?.href.split("#")[0] ?? "");
  const contents = dom.memo((el) => collapse(el.textContent ?? ""));
  // Likes: children of one parent with the same tag that lead to different pages.
  const likes = dom.memo((above) => {
    const aims = new Map();
    for (const child of above.children) {
      const aim = firstAim(child);
      if (aim) aims.set(child.tagName, (aims.get(child.tagName) ?? new Set()).add(aim));
    }
    return aims;
  });
  const standsAmongLikes = (el) => {
    const above = parent(el);
    return above !== null && (likes(above).get(el.tagName)?.size ?? 0) >= 2;
  };
  const buttons = (el) =>
    [...query(el, BUTTON)]
      .map((inner) => `${spoken(inner) || attr(inner, "value")} ${attr(inner, "name")} ${names(inner)}`.slice(0, args.textChars));

  const editorial = (el) =>
    query(el, "time, [datetime], [class*='date'], [class*='author'], [rel='author']").length > 0 ||
    [el, parent(el), parent(parent(el) ?? el)].some((node) => node && /(^|[\s_-])(blog|news|magazine?)([\s_-]|$)/.test(names(node)));

  const card = (link) => {
    let pictured = null;
    let closest = null;
    let node = link;
    for (let level = 0; level < LEVELS && node && node !== dom.root && !/^(BODY|MAIN)$/.test(node.tagName); level++) {
      const content = contents(node);
      if (content.length > CARD_TEXT) break;
      const picture = query(node, PICTURE).length > 0 || node.matches(PICTURE);
      const telling = dom.money.test(content) || buttons(node).length > 0;
      if (standsAmongLikes(node)) {
        if (telling) return { el: node, among: true };
        if (picture) pictured ??= { el: node, among: true };
      } else if (telling && picture) closest ??= { el: node, among: false };
      node = parent(node);
    }
    return pictured ?? closest;
  };

  const seen = dom.memo((el) => {
    const around = card(el);
    return around && {
      text: text(around.el) || contents(around.el).slice(0, args.textChars),
      buttons: buttons(around.el),
      picture: query(around.el, PICTURE).length > 0,
      dated: editorial(around.el),
      group: around.among ? group(parent(around.el)) : null,
    };
  });

  return {
    links: anchors()
      .filter((el) => /^https?:/.test(el.href))
      .slice(0, args.links)
      .map((el) => ({
        href: el.href,
        text: text(el) || clip(el.textContent ?? "") || spoken(el),
        region: region(el),
        language: attr(el, "hreflang"),
        card: seen(el),
      })),
    jsonld: dom.jsonld(),
    microdata: all("[itemscope][itemtype*='Product']").map((el) => ({
      "@type": "Product",
      url: [...query(el, "[itemprop~=url]")].map((inner) => inner.href || attr(inner, "content")).filter(Boolean).slice(0, 1),
    })),
  };
}
