// What the in-page readers share. Evaluates to a function of the arguments; changes nothing in the page.
// Runs in an isolated world, so no built-in is the page's own. Named form fields and images still shadow properties
// of forms and of the document (`form.id`, `document.body`), hence the getters taken from the prototypes.
(args) => {
  const getter = (prototype, name) => {
    const { get } = Object.getOwnPropertyDescriptor(prototype, name);
    return (object) => get.call(object);
  };
  const attr = (el, name) => Element.prototype.getAttribute.call(el, name) ?? "";
  const parentElement = getter(Node.prototype, "parentElement");
  const rootElement = getter(Document.prototype, "documentElement")(document);
  const query = (root, selector) =>
    (root === document ? Document : root instanceof ShadowRoot ? ShadowRoot : Element).prototype.querySelectorAll.call(
      root,
      selector,
    );

  const collapse = (text) => text.replace(/\s+/g, " ").trim();
  const clip = (text) => collapse(text).slice(0, args.textChars);

  const roots = [document];
  for (let i = 0; i < roots.length; i++) {
    for (const el of query(roots[i], "*")) if (el.shadowRoot) roots.push(el.shadowRoot);
  }
  const all = (selector) => roots.flatMap((root) => [...query(root, selector)]);
  const parent = (el) => parentElement(el) ?? (el.getRootNode() instanceof ShadowRoot ? el.getRootNode().host : null);

  // Links inside SVG have another kind of href and never carry a shop's navigation.
  const anchors = (root) => (root ? [...query(root, "a[href]")] : all("a[href]")).filter((el) => el instanceof HTMLAnchorElement);

  // What did not fit: how much of a kind, and which lists were full before the page came to its end.
  const leftOut = {};
  const full = [];
  const leave = (kind, count) => {
    if (count > 0) leftOut[kind] = (leftOut[kind] ?? 0) + count;
  };
  // The first results that are something, as many as may be kept: what comes after is not even looked at.
  const firsts = (list, make, name) => {
    const kept = [];
    for (const each of list) {
      if (kept.length >= args.items) {
        if (name && !full.includes(name)) full.push(name);
        break;
      }
      const made = make(each);
      if (made) kept.push(made);
    }
    return kept;
  };
  // An address cut short leads elsewhere, so one that is too long is none.
  const long = new Set();
  const address = (url) => {
    if (url.length <= args.urlChars) return url;
    if (/^https?:/.test(url) && !long.has(url)) leave("long_urls", 1);
    long.add(url);
    return "";
  };

  const memo = (compute) => {
    const known = new Map();
    return (key) => {
      if (!known.has(key)) known.set(key, compute(key));
      return known.get(key);
    };
  };

  const style = memo((el) => getComputedStyle(el));
  const shown = memo((el) => el.checkVisibility({ visibilityProperty: true }));
  const box = (el) => {
    const rect = el.getBoundingClientRect();
    return {
      top: Math.round(rect.top + scrollY),
      left: Math.round(rect.left + scrollX),
      width: Math.round(rect.width),
      height: Math.round(rect.height),
    };
  };
  const aboveFold = (area) => area.top < innerHeight && area.top + area.height > 0 && area.width > 0;

  const names = (el) => `${attr(el, "id")} ${attr(el, "class")}`.toLowerCase();
  const label = (el) => clip(attr(el, "aria-label") || attr(el, "title") || attr(el, "alt"));
  // The text a shopper reads; CSS capitals are undone, because they are not the shop's own spelling.
  const text = (el) => {
    const written = collapse(el.textContent ?? "");
    const seen = collapse(el.innerText ?? written);
    return clip(seen !== written && seen.toLowerCase() === written.toLowerCase() ? written : seen);
  };
  // As a screen reader would call it.
  const spoken = (el) =>
    text(el) ||
    label(el) ||
    [...query(el, "img, svg, [aria-label]")].map((inner) => label(inner) || clip(query(inner, "title")[0]?.textContent ?? "")).find(Boolean) ||
    "";

  // Regions of a page. The first that holds an element or one of its ancestors, in this order, is the element's.
  const REGIONS = ["consent", "cart", "breadcrumb", "footer", "dialog", "nav", "header", "aside", "main"];
  const NAMED = {
    consent: /cookie|consent|gdpr|onetrust|didomi|usercentrics|cybot|klaro|iubenda|termly|osano/,
    cart: /(mini|side|drawer|ajax|slide)[-_]*(cart|basket|bag)|(cart|basket|bag)[-_]*(drawer|sidebar|flyout|dropdown|panel|preview|popup)/,
    breadcrumb: /breadcrumb|pagination|(^|[\s_-])pager($|[\s_-])/,
    footer: /(^|\s)((site|page|main|global|shop|store)[-_]*)?footer([-_]+(wrapper|container|inner|main|top|bottom|group|section|root)\S*)?(?=\s|$)/,
    header: /(^|\s)((site|main|global|shop|store)[-_]*header\S*|header|header[-_]+(wrapper|container|group)|masthead|topbar|top-bar)(?=\s|$)/,
    nav: /(^|\s)(navbar|main-?menu|mega-?menu|primary-?(menu|nav)|site-?nav(igation)?|mobile-?(menu|nav))\S*/,
  };
  const SECTIONING = new Set(["MAIN", "ARTICLE", "SECTION", "ASIDE", "LI", "FORM"]);
  const own = (el, insideSection) => {
    const tag = el.tagName;
    const role = attr(el, "role");
    const called = names(el);
    if (el === rootElement || tag === "BODY" || tag === "MAIN") return "";
    if (NAMED.consent.test(called)) return "consent";
    if (NAMED.cart.test(called)) return "cart";
    if (NAMED.breadcrumb.test(called) || /breadcrumb|pagination/i.test(attr(el, "aria-label"))) return "breadcrumb";
    if (role === "contentinfo" || (tag === "FOOTER" && !insideSection) || NAMED.footer.test(called)) return "footer";
    if (tag === "DIALOG" || /^(alert)?dialog$/.test(role) || attr(el, "aria-modal") === "true") return "dialog";
    if (tag === "NAV" || role === "navigation" || NAMED.nav.test(called)) return "nav";
    if (role === "banner" || (tag === "HEADER" && !insideSection) || NAMED.header.test(called)) return "header";
    if (tag === "ASIDE" || role === "complementary") return "aside";
    return "";
  };
  const place = memo((el) => {
    const above = parent(el);
    const outer = above ? place(above) : { inSection: false, held: new Set() };
    const mine = own(el, outer.inSection);
    return {
      inSection: outer.inSection || SECTIONING.has(el.tagName),
      held: mine && !outer.held.has(mine) ? new Set([...outer.held, mine]) : outer.held,
    };
  });
  const region = (el) => REGIONS.find((name) => place(el).held.has(name)) ?? "main";

  // A sign or code of a currency beside a digit. The list comes from outside; the reading of it is not done here.
  const letter = /^\p{L}/u;
  const signs = args.currencySigns
    .map((sign) => {
      const safe = sign.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");
      return `${letter.test(sign) ? "(?<!\\p{L})" : ""}${safe}${/\p{L}$/u.test(sign) ? "(?!\\p{L})" : ""}`;
    })
    .join("|");
  const money = new RegExp(`(?:${signs})[\\s\\u200e\\u200f]*[.]?\\p{Nd}|\\p{Nd}[.,\\-–—]*[\\s\\u200e\\u200f]*(?:${signs})|\\p{Nd}:[\\-–—](?!\\p{Nd})`, "u");

  // The blocks of JSON-LD in the page's order. Where they are more than may be read, those that tell of a product are
  // taken before the rest, of these the ones that name this page, and of alike ones the shortest.
  const jsonld = () => {
    const blocks = all("script[type]")
      .filter((el) => /^\s*application\/ld\+json/i.test(attr(el, "type")))
      .map((el) => el.textContent ?? "")
      .filter((block) => block.trim());
    const whole = blocks.reduce((sum, block) => sum + block.length, 0);
    if (blocks.length <= args.items && whole <= args.structuredChars) return blocks;
    const ours = [location.pathname, ...all("h1").map((el) => collapse(el.textContent ?? ""))]
      .filter((name) => name.length > 1 && name.length <= args.textChars)
      .flatMap((name) => [name, name.replaceAll("/", "\\/"), JSON.stringify(name).slice(1, -1)]);
    const rank = (block) => (/Product|"offers"/.test(block) ? (ours.some((name) => block.includes(name)) ? 0 : 1) : 2);
    const order = blocks
      .map((block, index) => ({ index, length: block.length, rank: rank(block) }))
      .sort((a, b) => a.rank - b.rank || a.length - b.length || a.index - b.index);
    const chosen = new Set();
    let room = args.structuredChars;
    for (const { index, length } of order) {
      if (length > room || chosen.size >= args.items) continue;
      room -= length;
      chosen.add(index);
    }
    leave("jsonld_blocks", blocks.length - chosen.size);
    return blocks.filter((_, index) => chosen.has(index));
  };

  const PICTURE_FILE = /\.(jpe?g|png|webp|gif|avif|svg)$/i;
  const PRODUCT_KEY = /^(product_?id|product|prod|pid|id|sku|item|itemid|p|art\w*)$/i;
  const here = new URL(location.href);
  // Whether a link leads to another page rather than to a variant, an anchor or the full-size picture.
  const leadsElsewhere = (link) => {
    const target = URL.parse(link.href);
    if (!target || !/^https?:$/.test(target.protocol) || PICTURE_FILE.test(target.pathname)) return false;
    if (target.host !== here.host || target.pathname !== here.pathname) return true;
    return [...target.searchParams].some(
      ([key, value]) => PRODUCT_KEY.test(key) && here.searchParams.has(key) && here.searchParams.get(key) !== value,
    );
  };

  return {
    all, anchors, firsts, roots, query, attr, parent, collapse, clip, style, shown, box, aboveFold, names, label, text, spoken, region, money, leadsElsewhere,
    memo, root: rootElement, jsonld, address, leave, leftOut, full,
  };
}
